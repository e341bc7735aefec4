"""The report of `sim accuracy`: what was measured against what is predicted, point by point, and how far off that is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from sim.report.accuracy_report import accuracy_answer, accuracy_configurations, accuracy_sections, load_words, metric_words, percent
from sim.report.html.chart import Chart, Panel, Series
from sim.report.html.figure import figure
from sim.report.html.page import Part, Tile, page, tiles
from sim.report.html.text import Unit, paragraph, show, table

if TYPE_CHECKING:
    from sim.calibration.errors import Quantity
    from sim.calibration.table import PredictedRow
    from sim.report.accuracy_report import AccuracyReport
    from sim.report.section import Section

_MOST_POINTS = 1000


def accuracy_page(report: AccuracyReport, *, version: str) -> str:
    """The whole page, from the report itself: `sim accuracy` has no folder."""
    metrics = report.metrics
    made = [
        Tile(
            f"{metric_words(each)}, median error",
            percent(found.median_abs_error),
            f"bias {percent(found.bias, signed=True)}, {found.n} runs",
        )
        for each, found in metrics.items()
    ]
    parts = [
        Part("Predicted against measured", "".join(_scatter(report.table.rows, each, k) for k, each in enumerate(metrics))),
        Part("Errors", "".join(map(section_html, accuracy_sections(report)))),
        *(
            Part(f"Configuration {number}", paragraph(title) + "".join(map(section_html, found)))
            for number, (title, found) in enumerate(accuracy_configurations(report), 1)
        ),
    ]
    first = paragraph(accuracy_answer(report), "answer") + tiles(made)
    foot = ["Measured by whoever made the table; predicted by simulating every run of it.", f"sim {version}, seed {report.seed}."]
    return page(f"Accuracy on {report.name}", "Every measured run simulated, nothing fitted here.", first, parts, foot)


def section_html(section: Section) -> str:
    """A part of a terminal's report as a table of the page; nothing for an empty one."""
    if not section.rows:
        return ""
    notes = "".join(paragraph(note, "note") for note in section.notes)
    if section.facts:
        return table(["", ""], [list(row) for row in section.rows], numbers_from=9) + notes
    return table([section.title, *section.header], [list(row) for row in section.rows]) + notes


def _scatter(rows: Sequence[PredictedRow], quantity: Quantity, color: int) -> str:
    """Each run where it was measured (across) and predicted (up), and the line on which both are the same."""
    known = [row for row in rows if quantity in row.errors and row.measured[quantity] > 0 and row.predicted[quantity] > 0][:_MOST_POINTS]
    if not known:
        return ""
    order = sorted(known, key=lambda row: (row.measured[quantity], row.predicted[quantity]))
    measured = np.array([row.measured[quantity] for row in order])
    predicted = np.array([row.predicted[quantity] for row in order])
    unit: Unit = "number" if quantity[0] == "throughput_tok_s" else "s"
    name = metric_words(quantity)
    panel = Panel(
        f"{name}, predicted",
        unit,
        (
            Series("predicted as measured", measured, 7, "joined", described=False),
            Series(f"{name} predicted", predicted, color % 7, "dots"),
        ),
        log=True,
        height_px=300,
    )
    return figure(
        Chart(
            key=f"scatter-{'-'.join(quantity).replace('_', '-').replace('.', '-')}",
            title=f"{name}: predicted (up) against measured (across)",
            x=measured,
            x_texts=tuple(show(float(value), unit) for value in measured),
            x_name=f"{name}, measured",
            panels=(panel,),
            x_unit=unit,
            x_log=True,
            columns=(
                ("off", tuple(percent(row.errors[quantity], signed=True) for row in order)),
                ("load", tuple(load_words(row) for row in order)),
                ("of", tuple(_server(row) for row in order)),
            ),
            note=f"Each dot is one measured run; on the line, prediction and measurement are the same. {len(order):,} runs.",
        )
    )


def _server(row: PredictedRow) -> str:
    profile = row.profile
    return f"{profile.llm} {profile.precision} on {profile.tensor_parallel} x {profile.gpu}, {row.group('engine')}, {profile.label}"
