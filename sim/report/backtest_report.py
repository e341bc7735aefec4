"""What `sim backtest` reports: what was predicted against what was paid, as text, Markdown and JSON. Money is USD."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

from sim.errors import visible
from sim.futures.forecast import Band, Forecast
from sim.planning.backtest import Backtest, Row
from sim.planning.invoices.paid import Paid
from sim.report.amounts import about, chance, column_usd
from sim.report.run_report import TraceSummary
from sim.report.section import Section, as_markdown, as_text, brief_list, escaped, wrapped
from sim.units import show_count, show_share

SCHEMA_VERSION = 1
_ROWS_SHOWN = 36
_LISTED = 12
EXPECTED_SHARE = 0.9
"""Of rows that know nothing of each other, so many lie inside bands from p5 to p95 that are right."""


@dataclass(frozen=True)
class LineSum:
    """One line of the bill over the months in which it was paid."""

    line: str
    months: int
    inside: int
    """Months in which what was paid lies within the band."""
    predicted_usd: float
    """Sum of the means."""
    paid_usd: float


@dataclass(frozen=True)
class BacktestReport:
    """A forecast held against a bill."""

    trace: TraceSummary
    stack: str
    date: str
    """The day of the prices."""
    bill: str
    """The name of its file."""
    found: Backtest
    forecast: Forecast
    bill_notes: tuple[str, ...] = ()
    """What of the bill is compared, and what its lines were taken for."""

    @cached_property
    def lines(self) -> tuple[LineSum, ...]:
        """Each line over its months, what was paid most for first."""
        sums = []
        for line in dict.fromkeys(row.line for row in self.found.rows):
            rows = [row for row in self.found.rows if row.line == line]
            sums.append(
                LineSum(
                    line, len(rows), sum(row.inside for row in rows), math.fsum(row.predicted.mean for row in rows),
                    math.fsum(row.paid_usd for row in rows),
                )
            )  # fmt: skip
        return tuple(sorted(sums, key=lambda each: -abs(each.paid_usd)))

    @cached_property
    def not_predicted(self) -> tuple[tuple[str, float, tuple[str, ...]], ...]:
        """Lines of the bill without a line of the forecast: name, USD over all months, months; the largest first."""
        sums: dict[str, list[Paid]] = {}
        for paid in self.found.not_predicted:
            sums.setdefault("/".join(part for part in (paid.deployment, paid.line) if part), []).append(paid)
        rows = [(name, math.fsum(each.usd for each in of), tuple(each.month for each in of)) for name, of in sums.items()]
        return tuple(sorted(rows, key=lambda row: -abs(row[1])))


def backtest_text(report: BacktestReport) -> str:
    """For a terminal of 80 columns, ending with a line break."""
    return "\n".join(wrapped(visible(backtest_answer(report)))) + "\n\n" + as_text(backtest_sections(report)) + "\n"


def backtest_markdown(report: BacktestReport) -> str:
    """As a Markdown page, ending with a line break."""
    title = f"# {escaped(report.stack)} on {escaped(report.trace.name)} against {escaped(report.bill)}"
    return "\n\n".join([title, f"**{escaped(backtest_answer(report))}**", as_markdown(backtest_sections(report))]) + "\n"


def backtest_answer(report: BacktestReport) -> str:
    """Two to four sentences."""
    found = report.found
    if found.total is None:
        return f"No month of {report.bill} is among those of the forecast: nothing can be said."
    total = found.total
    start = f"{about(total.paid_usd)} was paid in {total.month} where {about(total.predicted.mean)} was predicted for {report.stack}"
    sentences = [f"{start} (p5 {about(total.predicted.p5)}, p95 {about(total.predicted.p95)}): {_verdict(total)}."]
    if found.rows:
        inside = sum(row.inside for row in found.rows)
        share = chance(inside / len(found.rows))
        sentences.append(
            f"Of {_count(len(found.rows), 'amount')} paid, by line and month, {inside} {'is' if inside == 1 else 'are'} inside the band "
            f"from p5 to p95 ({share}; about {chance(EXPECTED_SHARE)} would be for bands that are right)."
        )
    missing = math.fsum(usd for _, usd, _ in report.not_predicted)
    if report.not_predicted:
        sentences.append(
            f"{about(missing)} of the bill is for {_count(len(report.not_predicted), 'line')} that the forecast does not have."
        )
    return " ".join(sentences)


def _verdict(row: Row) -> str:
    if row.inside:
        where = "inside the band"
    else:
        where = "above the band" if row.paid_usd > row.predicted.p95 else "below the band"
    if row.relative_error is None:
        return where
    off = row.relative_error
    if not round(off, 4):
        return f"{where}, as predicted"
    return f"{where}, and the prediction is {show_share(abs(off))} too {'high' if off > 0 else 'low'}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def backtest_sections(report: BacktestReport) -> list[Section]:
    """Months, lines, lines by month, what only one side has, what it rests on."""
    return [_months(report), _lines(report), _rows(report), _not_predicted(report), _not_billed(report), _rests_on(report)]


_HEADER = ("p5", "p50", "p95", "paid", "off", "")


def _cells(row: Row, largest: float) -> tuple[str, ...]:
    band = row.predicted
    return (*(column_usd(usd, largest) for usd in (band.p5, band.p50, band.p95, row.paid_usd)), _off(row.relative_error), _where(row))


def _off(relative: float | None) -> str:
    return "-" if relative is None else f"{relative * 100:+.1f} %" if abs(relative) < 9.995 else f"x {1 + relative:.3g}"


def _where(row: Row) -> str:
    return "inside" if row.inside else "above" if row.paid_usd > row.predicted.p95 else "below"


def _largest(rows: Sequence[Row]) -> float:
    return max((max(abs(row.predicted.p95), abs(row.paid_usd)) for row in rows), default=0.0)


def _months(report: BacktestReport) -> Section:
    found = report.found
    rows = [*found.total_by_month, *([found.total] if found.total and len(found.total_by_month) > 1 else [])]
    matched = [found.matched_total] if found.matched_total and report.not_predicted else []
    largest = _largest([*rows, *matched])
    cells = [(row.month if len(row.month) == 7 else "Total", *_cells(row, largest)) for row in rows]
    cells += [("  matched lines", *_cells(row, largest)) for row in matched]
    notes = [
        "The whole invoice, predicted (p5, p50, p95) and paid; off: predicted mean over paid, less 1; where what was paid lies. "
        "People and all else that suppliers do not charge are not in it."
    ]
    return Section("Invoice", cells, _HEADER, notes)


def _lines(report: BacktestReport) -> Section:
    lines = report.lines
    largest = max((max(abs(each.predicted_usd), abs(each.paid_usd)) for each in lines), default=0.0)
    rows = [
        (
            each.line, column_usd(each.predicted_usd, largest), column_usd(each.paid_usd, largest),
            _off(each.predicted_usd / each.paid_usd - 1 if each.paid_usd else None), f"{each.inside} of {each.months}",
        )
        for each in lines
    ]  # fmt: skip
    return Section("Line", rows, ("predicted mean", "paid", "off", "months inside"))


def _rows(report: BacktestReport) -> Section:
    rows = report.found.rows
    shown = rows if len(rows) <= _ROWS_SHOWN else [row for row in rows if not row.inside]
    notes = []
    if len(shown) < len(rows):
        notes.append(f"The other {len(rows) - len(shown)} are inside their bands; --format json has them all.")
    if len(shown) > _ROWS_SHOWN:
        shown = sorted(shown, key=lambda row: -abs(row.paid_usd - row.predicted.mean))[:_ROWS_SHOWN]
        notes = [f"The {_ROWS_SHOWN} that are furthest off, of {len(rows)}; --format json has them all."]
    largest = _largest(shown)
    return Section("Line by month", [(f"{row.month} {row.line}", *_cells(row, largest)) for row in shown], _HEADER, notes if shown else ())


def _not_predicted(report: BacktestReport) -> Section:
    rows = [(name, about(usd), _spread(months)) for name, usd, months in report.not_predicted[:_LISTED]]
    more = len(report.not_predicted) - len(rows)
    if more:
        rows.append((f"{more} more", about(math.fsum(usd for _, usd, _ in report.not_predicted[_LISTED:])), ""))
    invoice = [line for line in report.forecast.lines if line.kind == "invoice"]
    items, places = (list(dict.fromkeys(names)) for names in ([line.item for line in invoice], [line.deployment for line in invoice]))
    notes = [
        f"Lines of the forecast: {', '.join(items)}, each also as DEPLOYMENT/LINE; a deployment as a whole: {', '.join(places)}. "
        "--line 'NAME=LINE' says which of them a line of the bill stands for."
    ]
    return Section("Not predicted", rows, ("paid", "months"), notes if rows else ())


def _spread(months: Sequence[str]) -> str:
    ordered = sorted(set(months))
    return ordered[0] if len(ordered) == 1 else f"{len(ordered)}: {ordered[0]} to {ordered[-1]}"


def _not_billed(report: BacktestReport) -> Section:
    rows = [(name, about(usd)) for name, usd in report.found.not_billed if abs(usd) >= 0.005]
    notes = ["Lines of the forecast that are in no month of the bill."] if rows else []
    return Section("Not billed", rows, ("predicted",), notes)


def _rests_on(report: BacktestReport) -> Section:
    found = report.forecast
    rows = [
        ("Futures", f"{found.futures} of the outlook {found.outlook} (seed {found.seed})"),
        (
            "Traffic",
            f"{report.trace.name}, {show_count(report.trace.requests)} requests, taken to be that of {found.months[0]}; then it grows",
        ),
        ("Prices", f"of {report.date}"),
        *(("Bill" if k == 0 else "", note) for k, note in enumerate(report.bill_notes)),
        *(("Assumed" if k == 0 else "", brief_list(text)) for k, text in enumerate(found.assumed)),
    ]
    return Section("Futures", rows, facts=True)


def backtest_json(report: BacktestReport) -> str:
    """As text, ending with a line break; numbers with all their digits."""
    return json.dumps(backtest_summary(report), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def backtest_summary(report: BacktestReport) -> dict[str, Any]:
    """Everything that a backtest says; USD, shares of one; what does not exist is null."""
    found, forecast = report.found, report.forecast
    return {
        "schema_version": SCHEMA_VERSION,
        "answer": backtest_answer(report),
        "trace": {"name": report.trace.name, "sha256": report.trace.sha256, "requests": report.trace.requests},
        "stack": report.stack,
        "bill": report.bill,
        "bill_notes": list(report.bill_notes),
        "seed": forecast.seed,
        "outlook": forecast.outlook,
        "futures": forecast.futures,
        "start": forecast.months[0],
        "months": list(forecast.months),
        "price_date": report.date,
        "total": _row(found.total),
        "matched_total": _row(found.matched_total),
        "coverage_share": found.coverage_share,
        "total_by_month": [_row(row) for row in found.total_by_month],
        "lines": [asdict(each) for each in report.lines],
        "rows": [_row(row) for row in found.rows],
        "not_predicted": [asdict(each) | {"deployment": each.deployment or None} for each in found.not_predicted],
        "not_billed": [{"line": name, "predicted_usd": usd} for name, usd in found.not_billed],
        "notes": list(forecast.notes),
        "assumed": list(forecast.assumed),
    }


def _row(row: Row | None) -> dict[str, Any] | None:
    if row is None:
        return None
    return {
        "month": row.month, "line": row.line, "predicted": _band(row.predicted), "paid_usd": row.paid_usd, "inside": row.inside,
        "relative_error": row.relative_error,
    }  # fmt: skip


def _band(band: Band) -> dict[str, Any]:
    return {key: None if math.isnan(value) else value for key, value in asdict(band).items()}
