"""Rows of a catalogue as a table of at most 80 columns: heads in several lines, and below a row what finds no room beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sim.errors import visible
from sim.report.section import WIDTH
from sim.wide import columns, left, right, shortened, wrap

_GAP = 2
_NAME = 40


def listing(rows: Sequence[Mapping[str, Any]]) -> str:
    """The table of rows that have the same keys, the first key being the name; `none` without rows. No line break at its end."""
    if not rows:
        return "none"
    keys = list(rows[0])
    cells = {key: [shortened(visible(value_text(row[key])), _NAME) for row in rows] for key in keys}
    widths = {key: max(*map(columns, cells[key]), *map(len, key.split("_"))) for key in keys}
    gap = 1 if _width(keys, widths, 1) <= WIDTH < _width(keys, widths, _GAP) else _GAP
    beside = next(count for count in range(len(keys), 0, -1) if count == 1 or _width(keys[:count], widths, gap) <= WIDTH)
    shown, below = keys[:beside], keys[beside:]
    numeric = {key: all(isinstance(row[key], int | float | None) for row in rows) for key in shown}
    heads = {key: _head(key, widths[key]) for key in shown}
    tall = max(map(len, heads.values()))

    def line(parts: Mapping[str, str]) -> str:
        return (" " * gap).join((right if numeric[key] else left)(parts[key], widths[key]) for key in shown).rstrip()

    lines = [line({key: (*[""] * (tall - len(heads[key])), *heads[key])[at] for key in shown}) for at in range(tall)]
    for number, row in enumerate(rows):
        lines.append(line({key: cells[key][number] for key in shown}))
        more = [f"{key} {visible(value_text(row[key]))}" for key in below if row[key] is not None]
        lines += wrap("; ".join(more), WIDTH, "    ", "    ")
    return "\n".join(lines)


def value_text(value: Any) -> str:
    """A value of the catalogue in a cell: `-` for none, all digits of a number."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:,.15g}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _width(keys: Sequence[str], widths: Mapping[str, int], gap: int) -> int:
    return sum(widths[key] for key in keys) + gap * (len(keys) - 1)


def _head(key: str, width: int) -> list[str]:
    """The words of a key in lines of a width that each of them fits."""
    first, *others = key.split("_")
    lines = [first]
    for word in others:
        if len(lines[-1]) + 1 + len(word) <= width:
            lines[-1] += f"_{word}"
        else:
            lines.append(word)
    return lines
