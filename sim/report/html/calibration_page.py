"""The report of `sim calibrate`: the user's own benchmark against what was predicted of it before and after."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.report.calibration_report import (
    calibration_answer,
    calibration_rest,
    calibration_sections,
    configuration_words,
    measured_words,
    metric_errors,
    metric_words,
    percent,
)
from sim.report.html.page import Part, Tile, page, tiles
from sim.report.html.scatter_parts import scatter, section_table
from sim.report.html.text import Unit, paragraph

if TYPE_CHECKING:
    from sim.calibration.calibrate import Calibration
    from sim.report.calibration_report import CalibrationReport, Metric

_ESTIMATE, _CALIBRATED = 7, 0


def calibration_page(report: CalibrationReport, *, version: str) -> str:
    """The whole page, from the report itself: `sim calibrate` has no folder."""
    found = report.of.found
    parts = [
        Part(
            f"Configuration {number}: {configuration_words(each)}",
            _scatters(each, number) + "".join(map(section_table, calibration_sections(each))),
        )
        for number, each in enumerate(found, 1)
    ]
    parts.append(Part("What it rests on", section_table(calibration_rest(report))))
    answers = "".join(paragraph(calibration_answer(each), "answer") for each in found)
    foot = ["Measured by whoever made the benchmark; predicted by simulating it.", f"sim {version}, seed {report.seed}."]
    title = f"Calibration from {', '.join(report.names)}"
    subtitle = f"{len(found)} {'configuration' if len(found) == 1 else 'configurations'} fitted to measurements."
    return page(title, subtitle, answers + tiles([tile for each in found for tile in _tiles(each)]), parts, foot)


def _tiles(found: Calibration) -> list[Tile]:
    made = []
    for each in metric_errors(found):
        if each.fitted and each.estimated and each.calibrated:
            before = f"{percent(each.estimated.median_abs_error)} by the estimate"
            made.append(Tile(f"{metric_words(each.metric)}, median error", percent(each.calibrated.median_abs_error), before))
    return made


def _scatters(found: Calibration, number: int) -> str:
    return "".join(_scatter(found, each.metric, number) for each in metric_errors(found))


def _scatter(found: Calibration, metric: Metric, number: int) -> str:
    readings = [each for each in found.readings if (each.observation.metric, each.observation.statistic) == metric]
    unit: Unit = "number" if metric[0] == "throughput_tok_s" else "s"
    key = "-".join(("scatter", str(number), *metric)).replace("_", "-").replace(".", "-")
    return scatter(
        key,
        metric_words(metric),
        unit,
        [each.observation.value for each in readings],
        [
            ("estimate", [each.estimated for each in readings], _ESTIMATE),
            ("calibrated", [each.calibrated for each in readings], _CALIBRATED),
        ],
        [("of", [measured_words(each) for each in readings])],
    )
