"""A report read back by its tags: what a browser would make of it, without one."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = frozenset(("meta", "br", "hr", "img", "input", "link", "path", "col"))
"""Elements that hold nothing; a path of SVG ends itself."""
_IMPLIED = {"th": ("th", "td"), "td": ("th", "td"), "tr": ("th", "td", "tr"), "tbody": ("th", "td", "tr", "thead")}
"""End tags that HTML lets be left out: what a start tag closes."""


@dataclass
class Found:
    """What a page holds: ids, attributes that fetch or link, problems of nesting, tables by the id of their figure."""

    ids: list[str] = field(default_factory=list)
    links: list[tuple[str, str, str]] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    handlers: list[str] = field(default_factory=list)
    tables: dict[str, list[list[str]]] = field(default_factory=dict)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found = Found()
        self.open: list[str] = []
        self.figure = ""
        self.rows: list[list[str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.found.tags.append(tag)
        if "id" in given:
            self.found.ids.append(given["id"] or "")
        self.found.handlers += [name for name in given if name.startswith("on")]
        self.found.links += [
            (tag, name, given[name] or "") for name in ("href", "src", "action", "data", "srcset", "poster") if name in given
        ]
        while self.open and self.open[-1] in _IMPLIED.get(tag, ()):
            self.open.pop()
        if tag not in VOID:
            self.open.append(tag)
        if tag == "figure":
            self.figure = given.get("id") or ""
        if tag == "table":
            self.rows = []
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th") and self.rows:
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        if tag in VOID:
            return
        while self.open and self.open[-1] != tag and self.open[-1] in ("td", "th", "tr"):
            self.open.pop()
        if not self.open or self.open[-1] != tag:
            self.found.problems.append(f"</{tag}> in {self.open[-3:]}")
            return
        self.open.pop()
        if tag == "table" and self.figure:
            self.found.tables.setdefault(self.figure, self.rows)
        if tag == "figure":
            self.figure = ""

    def handle_data(self, data: str) -> None:
        if self.open and "table" in self.open and self.rows and self.rows[-1]:
            self.rows[-1][-1] += data


def read(page: str) -> Found:
    """What a page holds; what was never closed is a problem, too."""
    reader = _Reader()
    reader.feed(page)
    reader.close()
    reader.found.problems += [f"<{tag}> is never closed" for tag in reader.open]
    return reader.found
