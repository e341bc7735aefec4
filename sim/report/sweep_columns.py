"""The columns of the table of a sweep: figures that every row has alike are said once, others stand in it as a terminal has room."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sim.measure.slo import Level
from sim.planning.points import Row
from sim.report.amounts import chance, column_usd, loaded
from sim.report.answer import level_name, show_level
from sim.report.section import brief
from sim.report.sweep_report import SweepReport
from sim.units import show_count, show_ms, show_seconds, show_share

CHOICES = (((), 2), (("TTFT p95",), 2), (("TTFT p95",), 1), (("TTFT p95", "goodput"), 1))
"""Which columns a table does without and the blanks between the others, the first that fits a terminal being taken."""
_MAY_BE_SAID = ("TTFT p95", "TPOT p95", "completed", "goodput", "peak", "API load")
"""Columns that say nothing where all rows have the same; cost, fronts and what these are made of always stand."""
_FEW_PER_S, _SOME_PER_S, _MANY_PER_S = 1e-3, 10.0, 1e4


@dataclass(frozen=True)
class Columns:
    """What a table shows of a row by its position, by name; and what it says once, as every row has it: `completed 100 %`."""

    cells: Mapping[str, Callable[[int], str]]
    alike: tuple[str, ...]


def columns_of(report: SweepReport) -> Columns:
    """Those of all rows that were made; of a single row everything is shown."""
    made = [i for i, row in enumerate(report.rows) if row.refused is None]
    cells, alike = dict(_all(report)), []
    if len(made) > 1:
        for name in [each for each in cells if each in _MAY_BE_SAID]:
            texts = {cells[name](i) for i in made}
            if len(texts) == 1:
                text, called = texts.pop(), "peak load" if name == "peak" else name
                alike.append(f"no {called}" if text == "-" else f"{called} {text}")
                del cells[name]
    return Columns(cells, tuple(alike))


def levels_in_words(report: SweepReport) -> str:
    """What is wanted: `TTFT p95 at most 3 s, TPOT p95 at most 50 ms, completed at least 99.5 %`; ranges where rows differ."""
    limits: dict[str, list[float]] = {}
    for row in report.rows:
        for name, limit, *_ in row.slo:
            limits.setdefault(name, []).append(limit)
    said = []
    for name, values in limits.items():
        shown = [brief(show_level(level, level.limit)) for level in (Level(name, each, None, False) for each in (min(values), max(values)))]
        wanted = shown[0] if shown[0] == shown[1] else f"{shown[0]} to {shown[1]} (by row)"
        said.append(f"{level_name(Level(name, values[0], None, False))} {'at least' if name == 'completed' else 'at most'} {wanted}")
    return ", ".join(said)


def _all(report: SweepReport) -> list[tuple[str, Callable[[int], str]]]:
    """In their order."""
    costs = [value for row in report.rows if (value := row.metrics[report.cost.name]) is not None]
    largest = max(costs, default=0.0)

    def cell(name: str, words: Callable[[float | None], str]) -> Callable[[int], str]:
        return lambda i: words(report.rows[i].metrics[name])

    def usd(value: float | None) -> str:
        return "-" if value is None else column_usd(value, largest)

    months = report.study.months
    pools = any(row.metrics["busy_share"] is not None or row.metrics["load_peak"] is not None for row in report.rows)
    cost = [("TCO mean", cell("tco_usd_mean", usd)), ("p95", cell("tco_usd_p95", usd))]
    return [
        *(cost if months else [("USD/month", cell("usd_per_month", usd))]),
        ("TTFT p95", cell("ttft_p95_s", show_seconds)),
        ("TTFT p99", cell("ttft_p99_s", show_seconds)),
        ("TPOT p95", cell("tpot_p95_s", show_ms)),
        *([] if months else [("completed", cell("completed_share", show_share))]),
        ("goodput", cell("goodput_per_s", _rate)),
        ("peak", cell("load_peak", loaded)) if pools else ("API load", cell("api_load", loaded)),
        ("front", report.marks),
        ("SLO", cell("p_met_all_months", _held) if months else lambda i: _met(report.rows[i])),
    ]


def _met(row: Row) -> str:
    return "met" if row.slo_met else "no"


def _held(share: float | None) -> str:
    return "-" if share is None else chance(share)


def _rate(per_s: float | None) -> str:
    """Three decimals below ten: of rows that meet the levels, rates differ little."""
    if per_s is None:
        return "-"
    if per_s >= _MANY_PER_S:
        return f"{show_count(per_s)}/s"
    return f"{per_s:.4g}/s" if per_s >= _SOME_PER_S or 0.0 < per_s < _FEW_PER_S else f"{per_s:.3f}/s"
