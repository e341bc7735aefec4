"""Text into HTML: everything that comes from a file, a stack or a trace goes through here, once."""

from __future__ import annotations

import html
import math
import re
from collections.abc import Mapping, Sequence
from typing import Literal

from sim.errors import visible
from sim.report.amounts import about, money
from sim.units import show_count, show_seconds, show_share

Unit = Literal["usd", "usd_exact", "s", "share", "count", "number", "text"]

_LEAST_USD = 0.0001
"""Below this money is but a trace of arithmetic."""
_KEPT = 14
"""Characters of a cell that are not broken into lines."""
_AMOUNT = re.compile(r"(\d) (?=(?:%|k|M|B|ms|s|min|h|days)(?!\w))")
_ABBREVIATED = re.compile(r"\b(gpu|api|ttft|tpot)\b")
_CODE = re.compile(r"`([^`]+)`")
_WORD = re.compile(r"\S{121,}")
_KEPT_OF_WORD, _END_OF_WORD = 80, 20
_LONGEST = 4000
"""Characters of one text: a name of a megabyte is a mistake or worse."""


def safe(text: str, *, whole: bool = False) -> str:
    """Text that is only text: nothing in it can become a tag, an attribute or a control character.

    Words that no line has room for are shortened in their middle, and so is a text that is too long, unless it must stay `whole`.
    """
    if not whole:
        text = _WORD.sub(_shortened, text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…")
    return html.escape(visible(text), quote=True)


def _shortened(word: re.Match[str]) -> str:
    return f"{word[0][:_KEPT_OF_WORD]}…{word[0][-_END_OF_WORD:]}"


def show(value: float | None, unit: Unit) -> str:
    """A number as a reader wants it: `$81.2 k`, `45 ms`, `99.5 %`; `-` where there is none."""
    if value is None or math.isnan(value):
        return "-"
    if math.isinf(value):
        return "never" if value > 0 else "-"
    if unit == "usd":
        return about(value) if value == 0 or abs(value) >= _LEAST_USD else f"<${_LEAST_USD}"
    if unit == "usd_exact":
        return money(value)
    if unit == "s":
        return show_seconds(value)
    if unit == "share":
        return show_share(value)
    return show_count(value) if unit == "count" else f"{value:.4g}"


def signed(value: float | None, unit: Unit) -> str:
    """A difference with its sign: `+$1.2 k`, `-45 ms`; `=` for none."""
    if value is None or math.isnan(value):
        return "-"
    return "=" if value == 0 else f"{'+' if value > 0 else '-'}{show(abs(value), unit)}"


def edges(band: Mapping[str, float | None], unit: Unit = "usd") -> str:
    """`p5 $61.7 k to p95 $111 k`."""
    return f"p5 {show(band['p5'], unit)} to p95 {show(band['p95'], unit)}"


def prose(text: str) -> str:
    """Text for sentences: a number stays on the line of its unit, and what stands between backticks is code."""
    return _CODE.sub(r"<code>\1</code>", _AMOUNT.sub(r"\1&nbsp;", safe(text)))


def spoken(name: str) -> str:
    """A name of our own in words: `gpu_prices` as `GPU prices`."""
    return _ABBREVIATED.sub(lambda found: found[0].upper(), name.replace("_", " "))


def code(text: str) -> str:
    """Lines to be copied, every one whole."""
    return f"<pre>{chr(10).join(safe(line, whole=True) for line in text.splitlines())}</pre>"


def paragraph(text: str, kind: str = "") -> str:
    """A paragraph of plain text."""
    return f'<p class="{safe(kind)}">{prose(text)}</p>' if kind else f"<p>{prose(text)}</p>"


def listed(texts: Sequence[str], kind: str = "notes") -> str:
    """Texts as a list; nothing for none."""
    return f'<ul class="{safe(kind)}">' + "".join(f"<li>{prose(text)}</li>" for text in texts) + "</ul>" if texts else ""


def table(header: Sequence[str], rows: Sequence[Sequence[str]], *, caption: str = "", numbers_from: int = 1) -> str:
    """A table whose first column names its rows and whose columns from `numbers_from` on are set as numbers; wide ones scroll inside.

    One without numbers becomes a list of rows where the page is narrow, each cell with the name of its column.
    """
    words = numbers_from > len(header)
    head = "".join(f"<th scope=col{_number(k, numbers_from)}>{safe(name)}</th>" for k, name in enumerate(header))
    lines = []
    for row in rows:
        cells = [f'<th scope=row class="{"sub" if row[0].startswith("  ") else ""}">{safe(row[0].strip())}</th>']
        cells += [
            f"<td{_number(k, numbers_from) or _short(cell)}{_column(header[k]) if words and cell else ''}>{safe(cell)}</td>"
            for k, cell in enumerate(row[1:], 1)
        ]
        lines.append(f"<tr>{''.join(cells)}</tr>")
    title = f"<caption>{safe(caption)}</caption>" if caption else ""
    whole = f"{title}<thead><tr>{head}</tr></thead><tbody>{''.join(lines)}</tbody>"
    return f"<div class=scroll tabindex=0><table{' class=words' if words else ''}>{whole}</table></div>"


def _column(name: str) -> str:
    return f' data-column="{safe(name)}"' if name else ""


def _number(column: int, numbers_from: int) -> str:
    return " class=num" if column >= numbers_from else ""


def _short(cell: str) -> str:
    """A date or a word stays on one line."""
    return " class=keep" if len(cell) <= _KEPT else ""
