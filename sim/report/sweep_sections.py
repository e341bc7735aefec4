"""The parts of a sweep: its table, and what could not be made."""

from __future__ import annotations

from collections.abc import Sequence

from sim.report.section import WIDTH, Section
from sim.report.sweep_columns import CHOICES, Columns, columns_of, levels_in_words
from sim.report.sweep_report import SweepReport, shown
from sim.wide import shortened

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
    found = columns_of(report)
    places, notes = made, _legend(report, found)
    if len(made) > MOST_ROWS:
        on = sorted({i for front in (*report.fronts.values(), *report.fronts_of_all.values()) for i in front.rows})
        places = on[:MOST_ROWS] or made[:MOST_ROWS]
        notes.append(f"{len(places)} of {len(made):,} points, {'those on a front' if on else 'the first ones'}; sweep.csv has them all.")
    axes = [[shown(value) for _, value in report.rows[i].point.values] for i in places]
    count = len(report.axes)
    for without, gap in CHOICES:
        cells = {name: cell for name, cell in found.cells.items() if name not in without}
        body = [[*values, *(cell(i) for cell in cells.values())] for values, i in zip(axes, places, strict=True)]
        if _fits([[*report.short_names, *cells], *body], gap):
            break
    figures = list(cells)
    for most in _NAMES:  # long names of axes give way before long values do
        header = [*(_cut(name, [row[k] for row in body], most) for k, name in enumerate(report.short_names)), *figures]
        if _fits([header, *body], 1):
            break
    else:
        header = [" / ".join(report.short_names), *figures]
        body = [[" / ".join(row[:count]), *row[count:]] for row in body]
    return Section(header[0], body, header[1:], notes)


def _cut(name: str, values: Sequence[str], most: int) -> str:
    return shortened(name, max(most, *map(len, values)))


def _legend(report: SweepReport, columns: Columns) -> list[str]:
    """What the levels are, what the columns mean, and what every row has alike."""
    months, levels, notes = report.study.months, levels_in_words(report), []
    if levels and months:
        notes.append(f"SLO: the share of futures in which every month meets {levels}; latencies and load are those of the replay.")
    elif levels:
        notes.append(f"met: {levels}.")
    among = "that meet the service levels" if any(report.meets) else "that were made, as none meets the service levels"
    cost = f"the mean TCO of {months} months" if months else "the invoice of a month"
    notes.append(f"T: on the front of {cost} against TTFT p99, among points {among}; G: against goodput; *: the knee of that front.")
    if "peak" in columns.cells:
        notes.append("peak: load of the fullest pool in the busiest five minutes, over the most that fits the service levels.")
    if "API load" in columns.cells:
        notes.append("API load: of the API nearest to its rate limit, on average.")
    if columns.alike:
        notes.append(f"In every row: {', '.join(columns.alike)}.")
    if report.study.closed_loop is not None:
        notes.append(f"Sent by {report.study.closed_loop}; a month is as if this work, which ends, went on all month.")
    return notes


def _fits(table: Sequence[Sequence[str]], gap: int) -> bool:
    """Whether columns side by side, so many blanks between them, are at most as wide as a terminal."""
    widths = [max(len(row[k]) for row in table) for k in range(len(table[0]))]
    return sum(widths) + gap * (len(widths) - 1) <= WIDTH


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
