"""The page around a report: head, answer, parts in order, foot. One file, nothing fetched, no script but our own."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files

from sim.report.html.text import prose, safe

LARGEST_BYTES = 300_000
"""What a report is kept below."""


@dataclass(frozen=True)
class Part:
    """A part of the page: its title, which the contents name, and its HTML, already safe."""

    title: str
    body: str

    @property
    def key(self) -> str:
        """Where links lead."""
        return f"part-{re.sub(r'[^a-z0-9]+', '-', self.title.lower()).strip('-')}"


@dataclass(frozen=True)
class Tile:
    """One figure of the first page: what it is, the figure, and what is to be known of it."""

    name: str
    figure: str
    more: str = ""
    mood: str = ""
    """`good`, `bad` or neither."""


def tiles(found: Sequence[Tile]) -> str:
    """Figures side by side."""
    return "<ul class=tiles>" + "".join(
        f'<li><span>{safe(tile.name)}</span><b class="{safe(tile.mood)}">{safe(tile.figure)}</b><span>{prose(tile.more)}</span></li>'
        for tile in found
    ) + "</ul>"  # fmt: skip


def page(title: str, subtitle: str, first: str, parts: Sequence[Part], foot: Sequence[str]) -> str:
    """The whole file. `first` is what is printed on a page of its own; parts without a body are left out."""
    script, style = _asset("script.js"), _asset("style.css")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    shown = [part for part in parts if part.body]
    contents = "".join(f'<a href="#{part.key}">{safe(part.title)}</a>' for part in shown)
    body = "".join(f'<section id="{part.key}"><h2>{safe(part.title)}</h2>{part.body}</section>' for part in shown)
    policy = f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    return (
        f'<!doctype html><html lang=en><head><meta charset=utf-8><meta http-equiv="Content-Security-Policy" content="{policy}">'
        f'<meta name=viewport content="width=device-width,initial-scale=1"><title>{safe(title)}</title><style>{style}</style></head><body>'
        f"<header><h1>{safe(title)}</h1><button type=button class=theme aria-pressed=false hidden>Light or dark</button>"
        f"<p class=sub-title>{prose(subtitle)}</p></header>"
        f"<main><div class=first>{first}</div><nav aria-label=Contents>{contents}</nav>{body}</main>"
        f"<footer>{''.join(f'<p>{safe(line)}</p>' for line in foot)}</footer><script>{script}</script></body></html>\n"
    )


def _asset(name: str) -> str:
    """Our own style or script, without what only its readers need."""
    text = files("sim.report.html").joinpath(name).read_text("utf-8")
    return "\n".join(line.strip() for line in text.splitlines() if not line.strip().startswith("//"))
