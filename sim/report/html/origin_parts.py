"""Where each number of a stack comes from, by how well it is known: what the comments of its file say of every number, put together."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from sim.errors import InputError
from sim.report.html.text import safe, table

STACK_FILE = "stack.resolved.yaml"
LABELS: Mapping[str, str] = MappingProxyType(
    {
        "measured": "measured by somebody on that model, machine or API",
        "calibrated": "fitted to measurements of the same configuration, your own by sim calibrate among them",
        "estimated": "computed from physics or from measurements of others",
        "vendor": "stated by who sells it: price lists, limits, data sheets",
        "assumed": "nobody was found who says so",
        "given": "written in the stack or given to the command",
        "default": "a default of sim, or of the system that is imitated",
    }
)
"""Labels in the order in which they are told, and what each means."""
_ORIGIN = re.compile(rf"# (?P<key>.+?) = (?P<value>.*?) +\[(?P<label>{'|'.join(LABELS)}): (?P<source>.*)\]")
_MOST_BYTES = 4 * 2**20
_MOST_ROWS = 120
_MOST_NUMBERS = 60


@dataclass(frozen=True)
class Origin:
    """One number of a stack as its file has it."""

    key: str
    value: str
    label: str
    source: str


def origins(file: Path) -> tuple[Origin, ...]:
    """The numbers of a stack as its file has them; none where it is not there, InputError where it cannot be read."""
    if not file.is_file():
        return ()
    if file.stat().st_size > _MOST_BYTES:
        raise InputError(f"{file}: larger than {_MOST_BYTES // 2**20} MiB; no run writes that")
    lines = file.read_text("utf-8", errors="replace").splitlines()
    return tuple(Origin(**found.groupdict()) for line in lines if (found := _ORIGIN.fullmatch(line)))


def origin_tables(found: Sequence[Origin], name: str = "") -> str:
    """How many numbers have each label, and under each its sources with their numbers; `name` is the stack, where there are several."""
    if not found:
        return ""
    of = f" of {name}" if name else ""
    parts = [f"<h3>{safe(f'Where each number{of} comes from')}</h3>"]
    for label, words in LABELS.items():
        own = [each for each in found if each.label == label]
        if own:
            parts.append(
                f"<details><summary><span class=tag>{label}</span> {len(own)} {'number' if len(own) == 1 else 'numbers'}: {words}</summary>"
                f"{_by_source(own)}</details>"
            )
    return "".join(parts)


def _by_source(found: Sequence[Origin]) -> str:
    by_source: dict[str, list[str]] = {}
    for each in found:
        by_source.setdefault(each.source, []).append(f"{each.key} = {each.value}")
    rows = [[source, "; ".join(numbers[:_MOST_NUMBERS]) + _more(len(numbers) - _MOST_NUMBERS)] for source, numbers in by_source.items()]
    left = _more(len(rows) - _MOST_ROWS).removeprefix("; ")
    return table(["Source", "numbers"], rows[:_MOST_ROWS] + ([[left, ""]] if left else []), numbers_from=9)


def _more(count: int) -> str:
    return f"; and {count} more in {STACK_FILE}" if count > 0 else ""
