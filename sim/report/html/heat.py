"""A heat map as a table of coloured cells, each with its figure."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sim.report.html.chart import FloatArray
from sim.report.html.text import Unit, safe, show


def heat_map(title: str, rows: Sequence[str], columns: Sequence[str], values: FloatArray, unit: Unit, *, note: str = "") -> str:
    """`values` are [rows, columns], NaN where nothing is known; the darkest is the largest. Nothing where nothing is known."""
    known = values[np.isfinite(values)]
    if not known.size:
        return ""
    most = float(known.max()) or 1.0
    head = "".join(f"<th scope=col>{safe(column)}" for column in columns)
    lines = []
    for name, line in zip(rows, values, strict=True):
        cells = "".join(_cell(float(value), unit, most) for value in line)
        lines.append(f"<tr><th scope=row>{safe(name)}{cells}")
    further = f"<p class=note>{safe(note)}</p>" if note else ""
    return (
        f"<figure class=heat><figcaption><h3>{safe(title)}</h3></figcaption><div class=scroll tabindex=0>"
        f"<table><thead><tr><th>{head}</thead><tbody>{''.join(lines)}</tbody></table></div>{further}</figure>"
    )


def _cell(value: float, unit: Unit, most: float) -> str:
    if not np.isfinite(value):
        return "<td>"
    strength = round(min(max(value / most, 0.0), 1.0) * 10)
    return f"<td class=h{strength}>{safe(show(value, unit).replace(' %', ''))}"
