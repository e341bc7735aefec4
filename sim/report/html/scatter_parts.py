"""What was measured (across) against what is predicted (up), with the line on which both are the same; sections of a terminal as tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from sim.report.html.chart import Chart, FloatArray, Panel, Series
from sim.report.html.figure import figure
from sim.report.html.text import Unit, paragraph, show, table

if TYPE_CHECKING:
    from sim.report.section import Section

_MOST_POINTS = 1000


def scatter(
    key: str,
    name: str,
    unit: Unit,
    measured: Sequence[float],
    predicted: Sequence[tuple[str, Sequence[float], int]],
    columns: Sequence[tuple[str, Sequence[str]]],
) -> str:
    """Dots on two logarithmic axes; `predicted` are names, values and colours of one prediction or several of the same measurements.

    What is not above nought cannot be drawn and is left out; nothing where nothing is left.
    """
    known = [k for k, value in enumerate(measured) if np.isfinite(value) and value > 0][:_MOST_POINTS]
    order = sorted(known, key=lambda k: (measured[k], k))
    if not order:
        return ""
    xs = np.array([measured[k] for k in order])

    def chosen(values: Sequence[float]) -> FloatArray:
        return np.array([values[k] if np.isfinite(values[k]) and values[k] > 0 else np.nan for k in order])

    series = [Series(text, chosen(values), color, "dots") for text, values, color in predicted]
    return figure(
        Chart(
            key=key,
            title=f"{name}: predicted (up) against measured (across)",
            x=xs,
            x_texts=tuple(show(float(value), unit) for value in xs),
            x_name=f"{name}, measured",
            panels=(Panel(name, unit, (Series("as measured", xs, 7, "joined", described=False), *series), log=True, height_px=300),),
            x_unit=unit,
            x_log=True,
            columns=tuple((head, tuple(texts[k] for k in order)) for head, texts in columns),
            note=f"Each dot is one measurement; on the line it was predicted as it was measured. {len(order):,} in all.",
        )
    )


def section_table(section: Section) -> str:
    """A part of a terminal's report as a table of the page; nothing for an empty one."""
    if not section.rows:
        return ""
    notes = "".join(paragraph(note, "note") for note in section.notes)
    if section.facts:
        return table(["", ""], [list(row) for row in section.rows], numbers_from=9) + notes
    return table([section.title, *section.header], [list(row) for row in section.rows]) + notes
