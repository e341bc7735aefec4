"""Horizontal bars as a table: a name, a bar from its least to its most, and the figure in words. Read aloud, it is the table it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sim.report.html.text import Unit, prose, safe, show

_NARROWEST = 0.1
"""Percent of the width below which nothing is drawn."""


@dataclass(frozen=True)
class Bar:
    """One row: `value` is where the bar ends, `low` and `high` an interval around it."""

    name: str
    value: float
    color: int = 0
    low: float | None = None
    high: float | None = None
    note: str = ""


def bars(title: str, rows: Sequence[Bar], unit: Unit, *, header: tuple[str, str] = ("", ""), note: str = "") -> str:
    """Bars from nought, the longest the whole width; an interval is a thin line over its bar. Nothing for no rows."""
    if not rows:
        return ""
    most = max(abs(edge or 0.0) for row in rows for edge in (row.value, row.low, row.high)) or 1.0
    lines = "".join(_row(row, unit, most) for row in rows)
    further = f"<p class=note>{prose(note)}</p>" if note else ""
    return (
        f"<figure class=bars><figcaption><h3>{safe(title)}</h3></figcaption><div class=scroll tabindex=0><table>"
        f"<thead><tr><th scope=col>{safe(header[0])}</th><th scope=col class=num>{safe(header[1])}</th><th></th></tr></thead>"
        f"<tbody>{lines}</tbody></table></div>{further}</figure>"
    )


def _row(row: Bar, unit: Unit, most: float) -> str:
    interval = ""
    figure = show(row.value, unit)
    if row.low is not None and row.high is not None:
        figure += f" ({show(row.low, unit)} to {show(row.high, unit)})"
        # What is below nought is drawn by its size: the figure has the sign.
        near, far = (max(edge, 0.0) / most * 100 for edge in sorted((row.low, row.high) if row.value >= 0 else (-row.low, -row.high)))
        interval = "" if far - near < _NARROWEST else f'<i class=interval style="left:{near:.1f}%;width:{far - near:.1f}%"></i>'
    note = f"<small>{prose(row.note)}</small>" if row.note else ""
    width = abs(row.value) / most * 100
    bar = f'<b class="c{row.color}" style="width:{width:.1f}%"></b>' if width >= _NARROWEST else ""
    drawn = f"<td class=bar aria-hidden=true><div>{bar}{interval}</div></td>"
    return f"<tr><th scope=row>{safe(row.name)}{note}</th><td class=num>{safe(figure)}</td>{drawn}</tr>"
