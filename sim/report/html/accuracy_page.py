"""The report of `sim accuracy`: what was measured against what is predicted, point by point, and how far off that is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sim.report.accuracy_report import accuracy_answer, accuracy_configurations, accuracy_sections, load_words, metric_words, percent
from sim.report.html.page import Part, Tile, page, tiles
from sim.report.html.scatter_parts import scatter, section_table
from sim.report.html.text import Unit, paragraph

if TYPE_CHECKING:
    from sim.calibration.errors import Quantity
    from sim.calibration.table import PredictedRow
    from sim.report.accuracy_report import AccuracyReport


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
        Part("Errors", "".join(map(section_table, accuracy_sections(report)))),
        *(
            Part(f"Configuration {number}", paragraph(title) + "".join(map(section_table, found)))
            for number, (title, found) in enumerate(accuracy_configurations(report), 1)
        ),
    ]
    first = paragraph(accuracy_answer(report), "answer") + tiles(made)
    foot = ["Measured by whoever made the table; predicted by simulating every run of it.", f"sim {version}, seed {report.seed}."]
    return page(f"Accuracy on {report.name}", "Every measured run simulated, nothing fitted here.", first, parts, foot)


def _scatter(rows: Sequence[PredictedRow], quantity: Quantity, color: int) -> str:
    known = [row for row in rows if quantity in row.errors]
    unit: Unit = "number" if quantity[0] == "throughput_tok_s" else "s"
    name = metric_words(quantity)
    return scatter(
        f"scatter-{'-'.join(quantity).replace('_', '-').replace('.', '-')}",
        name,
        unit,
        [row.measured[quantity] for row in known],
        [(f"{name} predicted", [row.predicted[quantity] for row in known], color % 7)],
        [
            ("off", [percent(row.errors[quantity], signed=True) for row in known]),
            ("load", [load_words(row) for row in known]),
            ("of", [_server(row) for row in known]),
        ],
    )


def _server(row: PredictedRow) -> str:
    profile = row.profile
    return f"{profile.llm} {profile.precision} on {profile.tensor_parallel} x {profile.gpu}, {row.group('engine')}, {profile.label}"
