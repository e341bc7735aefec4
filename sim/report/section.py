"""A part of a report as rows of text, which a terminal and a Markdown page show each in its way."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from sim.errors import visible
from sim.wide import columns, left, right, shortened, wrap

WIDTH = 80
_GAP = 2
_LEAST_NAME = 12
_MOST_FACT = 44
"""Columns of the name of a fact: what it is called must leave room for what it is."""
_LIST = 140
"""Characters of a list that are shown."""
KEYS = re.compile(r"[\w.-]+(, [\w.-]+)*")
"""Keys of an outlook, as what is assumed of a group of causes lists them."""


@dataclass(frozen=True)
class Section:
    """A table with a title above its first column, or, without a header, facts by name; notes follow it.

    A row whose first cell begins with two spaces belongs to the row above it, and so does a fact without a name.
    """

    title: str
    rows: Sequence[Sequence[str]]
    header: Sequence[str] = ()
    notes: Sequence[str] = ()
    facts: bool = False


def as_text(sections: Sequence[Section]) -> str:
    """Sections for a terminal, at most 80 columns wide."""
    return "\n\n".join("\n".join(_text(section)) for section in sections if section.rows or section.notes)


def as_markdown(sections: Sequence[Section]) -> str:
    """Sections as tables of a Markdown page."""
    return "\n\n".join("\n".join(_markdown(section)) for section in sections if section.rows or section.notes)


def wrapped(text: str, indent: str = "") -> list[str]:
    """A paragraph of at most 80 columns; what follows the first line is indented alike."""
    return wrap(text, WIDTH, indent, indent)


def brief(text: str) -> str:
    """A given quantity without zeros that say nothing: `50 ms` for `50.0 ms`."""
    return re.sub(r"(\d)\.0+(?= )|(\.\d*?[1-9])0+(?= )", r"\1\2", text)


def brief_list(text: str) -> str:
    """A list of keys behind a colon, cut where it is long: `prices: drift, jumps and 7 more`; other texts stay whole."""
    if not KEYS.fullmatch(text.partition(": ")[2]):
        return text
    items = text.split(", ")
    kept = 1
    while kept < len(items) and len(", ".join(items[: kept + 1])) <= _LIST:
        kept += 1
    return ", ".join(items[:kept]) + (f" and {len(items) - kept} more" if kept < len(items) else "")


def _text(section: Section) -> list[str]:
    if section.facts:
        names = [shortened(visible(row[0]), _MOST_FACT) for row in section.rows]
        width = max(map(columns, names), default=0) + _GAP
        found = []
        for name, (_, text) in zip(names, section.rows, strict=True):
            first, *more = wrap(visible(text), WIDTH - width) or [""]
            found += [f"{left(name, width)}{first}", *(" " * width + part for part in more)]
    else:
        found = _table(section)
    return [*found, *(line for note in section.notes for line in wrapped(visible(note), "  "))]


def _table(section: Section) -> list[str]:
    table = [[section.title, *section.header], *([visible(cell) for cell in row] for row in section.rows)]
    widths = [max(columns(row[k]) for row in table) for k in range(len(table[0]))]
    for gap in (_GAP, 1):  # closer together before names are cut
        room = WIDTH - sum(widths[1:]) - gap * (len(widths) - 1)
        if widths[0] <= room:
            break
    widths[0] = min(widths[0], max(room, _LEAST_NAME))
    while sum(widths) + gap * (len(widths) - 1) > WIDTH and max(widths[1:]) > 1:  # a figure is never that wide, a name of one's own is
        widths[1 + widths[1:].index(max(widths[1:]))] -= 1
    found = []
    for row in table:
        first, *others = (shortened(cell, width) for cell, width in zip(row, widths, strict=True))
        cells = [left(first, widths[0]), *(right(cell, width) for cell, width in zip(others, widths[1:], strict=True))]
        found.append((" " * gap).join(cells).rstrip())
    return found


def _markdown(section: Section) -> list[str]:
    found = [f"## {section.title}", ""] if section.title else []
    if section.facts:
        found += [f"- **{escaped(name.strip())}**: {escaped(text)}" if name else f"- {escaped(text)}" for name, text in section.rows]
    elif section.rows:
        found.append("| " + " | ".join(escaped(cell) for cell in ("", *section.header)) + " |")
        found.append("|---" + "|---:" * len(section.header) + "|")
        for row in section.rows:
            first = f"&nbsp;&nbsp;{escaped(row[0].strip())}" if row[0].startswith("  ") else escaped(row[0])
            found.append("| " + " | ".join([first, *(escaped(cell) for cell in row[1:])]) + " |")
    if section.notes:
        found += ["", *(escaped(note) + "  " for note in section.notes[:-1]), escaped(section.notes[-1])]
    return found


def escaped(text: str) -> str:
    """Text that cannot be taken for Markdown or HTML."""
    return re.sub(r"([\\`*_\[\]|#<>&])", lambda found: f"&#{ord(found[1])};" if found[1] in "<>&|" else f"\\{found[1]}", visible(text))
