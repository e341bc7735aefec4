"""The parts of a forecast's report in the order of a reader: money, what moves it, service, what happens, how sure all that is."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from sim.futures.bands import FEWEST_FUTURES
from sim.futures.forecast import Band, Driver
from sim.report.amounts import about, chance, column_usd, error, line_name, loaded
from sim.report.bars import bars
from sim.report.forecast_report import AT_RISK, ForecastReport, Period, Total
from sim.report.run_report import RunReport
from sim.report.section import Section, brief, brief_list
from sim.units import show_count, show_ms, show_seconds, show_share, show_usd

REPLAY_PARTS = ("Service level", "Deployments", "Pools", "Basis")
"""What of the replay is shown beside a forecast; the rest is printed without months, and all of it is in summary.json."""
_MONTHS_SHOWN = 24
_YEAR = 12
_MOST_BARS = 40
_KINDS: tuple[tuple[str, Total], ...] = (("invoice", "invoice"), ("TCO", "tco"))
_MOST_ROWS = 8
"""Rows of months under the service levels, and lines of the bill that belong to one total."""
_MOST = 0.5
_SAID = 0.05
"""Of a spread, from which it is said what varies in a group."""
_SMALL = 0.005
"""Lines below this share of the TCO are summed up where there are many."""
_TINY = 0.0001
"""And below this one everywhere."""


def forecast_sections(report: RunReport, ahead: ForecastReport, replayed: Sequence[Section]) -> list[Section]:
    """All parts, those of the replay that are shown beside months in their places; what a forecast has nothing for is empty."""
    parts = {section.title: section for section in replayed}
    run = parts["Run"]
    said = Section("Replay", [("Replay", "the trace as it is, once; --months 0 prints all of it"), *run.rows], facts=True)
    return [
        *(_months(ahead), _course(ahead), _lines(report, ahead), _spread(ahead), _budget(ahead)),
        *(_service_levels(ahead), _capacity(ahead), _incidents(ahead)),
        *(_listed("Noted", ahead.found.notes), _method(ahead), _listed("Assumed", _assumptions(ahead))),
        *(said, *(parts[title] for title in REPLAY_PARTS)),
    ]


def _listed(name: str, texts: Sequence[str]) -> Section:
    return Section(name, [(name if k == 0 else "", text) for k, text in enumerate(texts)], facts=True)


def _assumptions(ahead: ForecastReport) -> list[str]:
    """What lines of the bill and the outlook assume, long lists of keys cut: summary.json has them whole."""
    lines = {line.name.assumed: line_name(line.name) for line in ahead.lines if line.name.assumed}
    return [f"{name}: {text}" for text, name in lines.items()] + [brief_list(text) for text in ahead.found.assumed]


def _months(ahead: ForecastReport) -> Section:
    months = ahead.found.months
    each = 1 if len(months) <= _MONTHS_SHOWN else 3 if len(months) <= 3 * _MONTHS_SHOWN else _YEAR
    periods, largest = ahead.periods(each), ahead.total["tco"].p95
    rows = [
        (_period(ahead, period), *_month_cells(invoice, tco, largest), chance(ahead.missed(*period).p_miss))
        for period, invoice, tco in zip(periods, ahead.over("invoice", periods), ahead.over("tco", periods), strict=True)
    ]
    whole = (0, len(months))
    invoice, tco, missed = ahead.total["invoice"], ahead.total["tco"], ahead.missed(*whole)
    rows.append(("Total", *_month_cells(invoice, tco, largest), chance(missed.p_miss)))
    errors = (
        (invoice.se, invoice.mean), (invoice.se_p5, invoice.p5), (invoice.se_p50, invoice.p50), (invoice.se_p95, invoice.p95),
        (tco.se_p50, tco.p50),
    )  # fmt: skip
    rows.append(("  std. error", *(error(se, of) for se, of in errors), f"+-{missed.se * 100:.1f} %"))
    notes = [
        "Invoice: what suppliers charge. TCO: with people and all else. SLO missed: in which share of futures any level is. "
        "Means add up over lines and months; percentiles do not, for a bad month is no bad year."
    ]
    return Section("Month", rows, ("invoice mean", "p5", "p50", "p95", "TCO p50", "SLO missed"), notes)


def _period(ahead: ForecastReport, period: Period) -> str:
    months, (first, after) = ahead.found.months, period
    if after - first == 1:
        return months[first]
    return f"{months[first]} to {months[after - 1][5:]}" if len(months) <= 3 * _MONTHS_SHOWN else f"year {first // _YEAR + 1}"


def _month_cells(invoice: Band, tco: Band, largest: float) -> tuple[str, ...]:
    return tuple(column_usd(value, largest) for value in (invoice.mean, invoice.p5, invoice.p50, invoice.p95, tco.p50))


def _course(ahead: ForecastReport) -> Section:
    """The months as bars, so that growth and jumps are seen at once."""
    months = ahead.found.months
    if len(months) < 2:
        return Section("By month", ())
    periods = ahead.periods(-(-len(months) // _MOST_BARS))
    rows = [("By month", f"{months[0]} to {months[-1]}; p50, bars from nothing to the highest")]
    for name, kind in _KINDS:
        usd = [band.p50 / (after - first) for band, (first, after) in zip(ahead.over(kind, periods), periods, strict=True)]
        low, high = (column_usd(value, max(usd)) for value in (min(usd), max(usd)))
        rows.append((f"  {name}", f"{bars(usd, max(usd))} {low} to {high}"))
    missed = [ahead.missed(*period).p_miss for period in periods]
    rows.append(("  SLO missed", f"{bars(missed, 1.0)} {chance(min(missed))} to {chance(max(missed))} of futures"))
    return Section("By month", rows, facts=True)


def _lines(report: RunReport, ahead: ForecastReport) -> Section:
    tco = ahead.total["tco"]
    rows: list[tuple[str, ...]] = []

    def of(kind: str) -> list[tuple[str, ...]]:
        lines = [line for line in ahead.lines if line.name.kind == kind]
        least = (_SMALL if len(lines) > _MOST_ROWS else _TINY) * abs(tco.mean)
        small = [line for line in lines if abs(line.total.mean) < least]
        small = small if len(small) > 1 else []
        found = [_line(line_name(line.name), line.total, tco) for line in lines if line not in small]
        if small:
            found.append((f"{len(small)} smaller lines", *_mean_only(sum(line.total.mean for line in small), tco)))
        return found

    rows += of("invoice")
    rows.append(_line("Invoice", ahead.total["invoice"], tco))
    beside = of("tco")
    if beside:
        rows += [*beside, _line("TCO", tco, tco)]
    rows += [(f"apart: {row[0]}", *row[1:]) for row in of("apart")]
    notes = []
    alone = report.api_only_month_usd
    if alone is not None and alone > 0:
        notes.append(
            f"API only, traffic of the trace: {show_usd(alone)} a month at {report.api_only.model}, every token paid, "
            "rate limits not applied, neither growth nor price changes in it."
        )
    return Section(f"Bill of {ahead.length}", rows, ("mean", "share", "p5", "p50", "p95"), notes)


def _line(name: str, band: Band, tco: Band) -> tuple[str, ...]:
    return (name, *_mean_only(band.mean, tco)[:2], *(column_usd(value, tco.p95) for value in (band.p5, band.p50, band.p95)))


def _mean_only(mean: float, tco: Band) -> tuple[str, ...]:
    share = chance(mean / tco.mean) if tco.mean > 0 and mean >= 0 else "-"
    return (column_usd(mean, tco.p95), share, "", "", "")


def _spread(ahead: ForecastReport) -> Section:
    found = ahead.found
    both = list(zip(found.drivers, found.tco_drivers, strict=True))
    rows = []
    for invoice, tco in sorted(both, key=lambda each: -max(each[0].share, each[1].share)):
        if max(invoice.high, tco.high) >= _SMALL:
            rows.append((invoice.group.replace("_", " "), *(_share(each) for each in (invoice, tco))))
    if not rows:
        return Section("Spread", ())
    left = (f"{100 * each:.0f} %".replace("-0 %", "0 %") if each is not None else "-" for each in (found.remainder, found.tco_remainder))
    rows.append(("remainder", *left))
    notes = ["What each group explains alone of the variance of all months together, with a 90 % interval; the remainder is groups acting "
             "together, and the error of the shares."]  # fmt: skip
    for invoice, tco in both:
        what = brief_list(invoice.what.removeprefix(f"{invoice.group}: "))
        if what and max(invoice.share, tco.share) >= _SAID:
            notes.append(f"{invoice.group.replace('_', ' ')}: {what}")
    return Section("Spread of", rows, ("the invoice", "the TCO"), notes)


def _share(driver: Driver) -> str:
    return f"{chance(driver.share)} ({chance(driver.low)} to {chance(driver.high)})"


def _budget(ahead: ForecastReport) -> Section:
    worst = ahead.shortfall
    invoices, all_in = (f"{about(each.usd)} {error(each.se, each.usd)}".strip() for each in (worst["invoice"], worst["tco"]))
    rows = [("Worst 5 %", f"of futures cost {invoices} on average in invoices, {all_in} as TCO (expected shortfall)")]
    if ahead.budgets is None:
        return Section("Budget", rows, facts=True)
    invoice, tco = ahead.budgets["invoice"], ahead.budgets["tco"]
    said = f"{show_usd(invoice.budget_usd)} for {ahead.length}: invoices exceed it in {chance(invoice.p_exceed)} of futures"
    said += f" (+-{invoice.se * 100:.1f} %)"
    if invoice.excess_if_exceeded_usd is not None:
        said += f", then by {about(invoice.excess_if_exceeded_usd)} on average"
    spent = [m for m, share in enumerate(ahead.spent_by_month) if share > _MOST]
    if spent:
        said += f"; in most futures it is spent in {ahead.found.months[spent[0]]}"
    rows.insert(0, ("Budget", f"{said}. The TCO exceeds it in {chance(tco.p_exceed)}."))
    return Section("Budget", rows, facts=True)


def _service_levels(ahead: ForecastReport) -> Section:
    found, slo, risk = ahead.found, ahead.slo, ahead.months_at_risk
    ends = {0, len(found.months) - 1}
    shown = sorted(ends | set(risk[: _MOST_ROWS - len(ends)]))
    rows = []
    for m in shown:
        good, ttft, tpot = slo["good_share"][m], slo["ttft_p95_s"][m], slo["tpot_p95_s"][m]
        latencies = (show_seconds(ttft.p50), show_seconds(ttft.p95), show_ms(tpot.p50), show_ms(tpot.p95))
        rows.append((found.months[m], chance(ahead.missed_by_month[m].p_miss), show_share(good.p50), show_share(good.p5), *latencies))
    notes = ["good: requests within both latency levels. Bad: at p5 or p95 of futures; otherwise in the median one."]
    if risk:
        notes.append(f"Months at risk (missed in more than {chance(AT_RISK)} of futures): {_ranges(found.months, risk)}.")
    if not found.tail_resolved:
        notes.append("Less than 24 hours were replayed: p99 of latencies is not resolved.")
    return Section("Service ahead", rows, ("missed", "good", "bad", "TTFT p95", "bad", "TPOT p95", "bad"), notes)


def _ranges(months: Sequence[str], chosen: Sequence[int]) -> str:
    """Months in a row as `2027-06 to 2027-10`; after a few of such stretches only how many months more there are."""
    stretches: list[list[int]] = []
    for m in chosen:
        if stretches and m == stretches[-1][-1] + 1:
            stretches[-1].append(m)
        else:
            stretches.append([m])
    names = [f"{months[each[0]]} to {months[each[-1]]}" if len(each) > 1 else months[each[0]] for each in stretches]
    more = sum(len(each) for each in stretches[_MOST_ROWS:])
    return ", ".join(names[:_MOST_ROWS]) + (f" and {more} more" if more else "")


def _capacity(ahead: ForecastReport) -> Section:
    found = ahead.found
    gpus, busy, tokens = ahead.capacity("gpus"), ahead.capacity("load"), ahead.capacity("output_tokens")
    rows = []
    last = len(found.months) - 1
    for d, name in enumerate(found.deployments):
        if np.isnan(gpus[0][:, d]).all() and np.isnan(busy[0][:, d]).all():
            continue
        for m in sorted({0, last}):
            cells = [f"{value[m, d]:.3g}" if not math.isnan(value[m, d]) else "-" for value in gpus]
            cells += [loaded(float(value[m, d])) for value in busy]
            out = [show_count(value[m, d]) for value in tokens]
            rows.append((f"{name} {found.months[m]}", *cells, *out))
    return Section("Capacity", rows, ("GPUs p50", "p95", "load p50", "p95", "tokens out p50", "p95"))


def _incidents(ahead: ForecastReport) -> Section:
    rows = []
    for each in ahead.found.hazards:
        if each.per_month > 0:
            counts = (each.failed_requests, each.late_requests, each.saved_requests)
            rows.append(
                (
                    f"{each.kind.replace('_', ' ')} {each.name}", f"{each.per_month:.2g}", show_seconds(each.hours_per_month * 3600),
                    *(show_count(round(value)) for value in counts), column_usd(round(each.usd, 2), each.usd),
                )
            )  # fmt: skip
    notes = [
        "A month, in the mean: how often and how long; requests more that fail, are late, or that a fallback completes; what is paid more."
    ]
    return Section("Incidents", rows, ("a month", "lasting", "failed", "late", "fallback", "cost"), notes if rows else ())


def _method(ahead: ForecastReport) -> Section:
    found, accuracy = ahead.found, ahead.found.accuracy
    futures = f"{found.futures} of the outlook {found.outlook}; "
    enough = found.futures >= found.futures_needed
    needed = max(found.futures_needed, FEWEST_FUTURES)
    futures += f"{needed} {'would do' if enough else 'are needed'} for a standard error of 2 % at the p95 of the TCO"
    cells = f"{found.cells} replays; {found.mode}"
    if found.window_se > 0:
        cells += f"; the choice of windows adds {brief(show_share(found.window_se))} of the cost to its standard error"
    rows = [("Futures", futures), ("Cells", cells)]
    if accuracy.days:
        checks = []
        if accuracy.usd_bias is not None and accuracy.usd_rms is not None:
            checks.append(f"cost of a day off by {accuracy.usd_bias * 100:+.2f} % on average, {accuracy.usd_rms * 100:.2f} % rms")
        if accuracy.slo_bias is not None and accuracy.slo_rms is not None:
            checks.append(f"share within the levels by {accuracy.slo_bias * 100:+.2f} points, {accuracy.slo_rms * 100:.2f} rms")
        rows.append(("Accuracy", f"against {accuracy.days} days replayed exactly: {'; '.join(checks)}"))
    return Section("Forecast", rows, facts=True)
