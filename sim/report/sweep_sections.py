"""The parts of a sweep: its table, and what could not be made."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sim.planning.points import Row
from sim.report.amounts import chance, column_usd
from sim.report.section import WIDTH, Section, shortened
from sim.report.sweep_report import SweepReport, shown
from sim.units import show_ms, show_seconds, show_share

MOST_ROWS = 64
"""Of a table; of a larger sweep those on a front are shown."""
_NAMES = (40, 16, 12, 8)
"""Characters of the name of an axis, one try after the other; as many as its values have it may have in any case."""
_MOST_REASONS = 12
_MOST_PLACES = 4


def sweep_sections(report: SweepReport) -> list[Section]:
    """The table, then the points that cannot be made, by reason."""
    return [_table(report), _refused(report)]


def _table(report: SweepReport) -> Section:
    made = [i for i, row in enumerate(report.rows) if row.refused is None]
    places, notes = made, [_legend(report)]
    if len(made) > MOST_ROWS:
        on = sorted({i for front in (*report.fronts.values(), *report.fronts_of_all.values()) for i in front.rows})
        places = on[:MOST_ROWS] or made[:MOST_ROWS]
        notes.append(f"{len(places)} of {len(made):,} points, {'those on a front' if on else 'the first ones'}; sweep.csv has them all.")
    columns = _columns(report)
    body = [[*_axes(report, i), *(cell(i, report.rows[i]) for _, cell in columns)] for i in places]
    count = len(report.axes)
    figures = [name for name, _ in columns]
    for most in _NAMES:  # long names of axes give way before long values do
        header = [*(_cut(name, [row[k] for row in body], most) for k, name in enumerate(report.short_names)), *figures]
        if _fits([header, *body]):
            break
    else:
        header = [" / ".join(report.short_names), *figures]
        body = [[" / ".join(row[:count]), *row[count:]] for row in body]
    return Section(header[0], body, header[1:], notes)


def _axes(report: SweepReport, position: int) -> list[str]:
    return [shown(value) for _, value in report.rows[position].point.values]


def _cut(name: str, values: Sequence[str], most: int) -> str:
    return shortened(name, max(most, *map(len, values)))


def _columns(report: SweepReport) -> list[tuple[str, Callable[[int, Row], str]]]:
    costs = [value for row in report.rows if (value := row.metrics[report.cost.name]) is not None]
    largest = max(costs, default=0.0)

    def usd(name: str) -> Callable[[int, Row], str]:
        return lambda _, row: "-" if (value := row.metrics[name]) is None else column_usd(value, largest)

    latency: list[tuple[str, Callable[[int, Row], str]]] = [
        ("TTFT p99", lambda _, row: show_seconds(row.metrics["ttft_p99_s"])),
        ("TPOT p95", lambda _, row: show_ms(row.metrics["tpot_p95_s"])),
    ]
    load: tuple[str, Callable[[int, Row], str]] = ("load", lambda _, row: _load(row))
    marks: tuple[str, Callable[[int, Row], str]] = ("front", lambda i, _: report.marks(i))
    if report.study.months:
        held: Callable[[int, Row], str] = lambda _, row: chance(p) if (p := row.metrics["p_met_all_months"]) is not None else "-"  # noqa: E731
        return [("TCO mean", usd("tco_usd_mean")), ("p95", usd("tco_usd_p95")), *latency, load, marks, ("SLO", held)]
    completed: tuple[str, Callable[[int, Row], str]] = ("completed", lambda _, row: show_share(row.metrics["completed_share"]))
    return [
        ("USD/month", usd("usd_per_month")), *latency, completed, load, marks,
        ("SLO", lambda _, row: "met" if row.slo_met else "no"),
    ]  # fmt: skip


def _load(row: Row) -> str:
    """Of the fullest pool, or, where there is none, of the API nearest to its rate limit."""
    pool, api = row.metrics["load"], row.metrics["api_load"]
    value = api if pool is None and row.metrics["busy_share"] is None else pool
    return "-" if value is None else f"{value:.2f}"


def _legend(report: SweepReport) -> str:
    among = "that meet the service levels" if any(report.meets) else "that were made, as none meets the service levels"
    cost = f"the mean TCO of {report.study.months} months" if report.study.months else "the invoice of a month"
    months = (
        " SLO: the share of futures in which every month meets every level; latencies are those of the replay."
        if report.study.months
        else ""
    )
    return f"T: on the front of {cost} against TTFT p99, among points {among}; G: against goodput; *: the knee of that front.{months}"


def _fits(table: Sequence[Sequence[str]]) -> bool:
    """Whether columns side by side are at most as wide as a terminal."""
    widths = [max(len(row[k]) for row in table) for k in range(len(table[0]))]
    return sum(widths) + len(widths) - 1 <= WIDTH


def _refused(report: SweepReport) -> Section:
    by_reason: dict[str, list[int]] = {}
    for i, row in enumerate(report.rows):
        if row.refused is not None:
            by_reason.setdefault(row.refused, []).append(i)
    notes = []
    for reason, positions in list(by_reason.items())[:_MOST_REASONS]:
        more = len(positions) - _MOST_PLACES
        where = "; ".join(report.place(i) for i in positions[:_MOST_PLACES]) + (f" and {more:,} more" if more > 0 else "")
        notes.append(f"{where}: {reason}")
    if len(by_reason) > _MOST_REASONS:
        notes.append(f"and {len(by_reason) - _MOST_REASONS:,} more reasons: sweep.csv has them all")
    return Section("cannot be made", (), notes=notes)
