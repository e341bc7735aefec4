"""Markdown of generated pages: texts of the program as cells of a table and as paragraphs, and what headings are called in links."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

_CODE = re.compile(r"(`[^`]*`)")
_SPECIAL = re.compile(r"([*_\[\]<>])")


def plain(text: str) -> str:
    """A text in which nothing but what stands in backticks is Markdown."""
    parts = _CODE.split(text)
    return "".join(part if at % 2 else _SPECIAL.sub(_escaped, part) for at, part in enumerate(parts))


def _escaped(found: re.Match[str]) -> str:
    text, at = found.string, found.start()
    inside = text[max(at - 1, 0) : at].isalnum() and text[at + 1 : at + 2].isalnum()
    return found[0] if found[0] == "_" and inside else f"\\{found[0]}"


def cell(text: str) -> str:
    """The same in one line of a table."""
    return " ".join(text.split()).replace("|", "\\|")


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table, its cells as they come."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(("|" + "|".join(row) + "|") if row[0] == "---" else "| " + " | ".join(map(cell, row)) + " |" for row in lines)


def code(text: str) -> str:
    """A value in backticks."""
    return f"`{text}`"


def anchor(heading: str) -> str:
    """What a link names behind #, as GitHub and the site make it of a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
