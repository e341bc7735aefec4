"""The parts of a comparison in the order of a reader: what each stack costs and serves, pairs, months, what all of it rests on.

Two to eight stacks in 80 columns: up to three pairs are told in full, of more each stack is held against the cheapest one.
"""

from __future__ import annotations

from sim.futures.forecast import Band
from sim.planning.comparison import Kind, StackSummary
from sim.planning.crossover import MonthOf
from sim.report.amounts import about, chance
from sim.report.bars import bars
from sim.report.comparison_answer import difference
from sim.report.comparison_basis import basis_sections
from sim.report.comparison_report import ComparisonReport, Facing, month_name, months_to_production
from sim.report.gate_report import gates_section
from sim.report.section import Section
from sim.units import show_count, show_share
from sim.wide import shortened

_PAIRS_IN_FULL = 3
_COLUMNS = 12
"""Months shown in one line; of a longer horizon every second, third ... month."""
_MOST_BARS = 30
_NAME = 24
_MWH = 9_999.5


def comparison_sections(report: ComparisonReport) -> list[Section]:
    """All parts; what a comparison has nothing for is empty."""
    pairs = report.found.pairs
    if len(pairs) <= _PAIRS_IN_FULL:
        between = [_pair(report, _oriented(report, pair.a, pair.b)) for pair in pairs]
    else:
        between = [_against(report), _matrix(report)]
    return [
        gates_section(report.gates, named=True),
        _cost(report),
        _service(report),
        *between,
        _course(report),
        _by_month(report),
        *basis_sections(report),
    ]


def _cost(report: ComparisonReport) -> Section:
    least = dict(zip(report.names, report.p_cheapest("tco"), strict=True))
    rows = []
    for each in report.cheapest_first:
        invoice, tco = each.invoice_usd, each.tco_usd
        rows.append((each.name, *_edges(invoice), *_edges(tco), chance(least[each.name])))
    notes = [
        f"USD over {report.span}; cheapest first, by the mean TCO. Invoice: what suppliers charge. TCO: with people and all else. "
        "Least: the share of futures in which its TCO is the lowest; stacks that tie share the future."
    ]
    return Section("Cost", rows, ("invoice p5", "p50", "p95", "TCO p5", "p50", "p95", "least"), notes)


def _edges(band: Band) -> tuple[str, str, str]:
    return about(band.p5), about(band.p50), about(band.p95)


def _service(report: ComparisonReport) -> Section:
    months = len(report.found.months)
    rows = []
    for each in report.cheapest_first:
        ready = months_to_production(each)
        guess = "*" if report.ready_assumed[report.names.index(each.name)] else ""
        rows.append(
            (
                each.name, f"{report.months_met(each)} of {months}", show_share(each.good_share.p50) if each.good_share else "-",
                *(about(band.mean) if band else "-" for band in (each.invoice_usd_per_million_tokens, each.tco_usd_per_million_tokens)),
                "-" if ready is None else f"{ready:.3g} mo{guess}", _energy(each),
            )
        )  # fmt: skip
    notes = [
        "SLO met: months that meet every service level in at least 95 % of futures. Good: requests within both latency levels, in the "
        "median future. USD per million tokens: everything paid over prompt and output tokens served, idle and reserved hours included."
    ]
    if any(report.ready_assumed):
        notes.append("* assumed.")
    if any(each.energy_kwh is None for each in report.found.stacks):
        notes.append("Energy is that of own or rented GPUs; what an API's machines take is not known.")
    if len(set(report.levels)) == 1:
        notes.append(f"Service levels: {report.levels[0]}.")
    else:
        notes.append("Service levels differ, so their columns cannot be held against each other:")
        notes += [f"{name}: {levels}." for name, levels in zip(report.names, report.levels, strict=True)]
    return Section("Service", rows, ("SLO met", "good", "inv./M tok", "TCO/M tok", "ready in", "energy"), notes)


def _energy(stack: StackSummary) -> str:
    if stack.energy_kwh is None:
        return "-"
    kwh = stack.energy_kwh.mean
    return f"{show_count(kwh / 1e3)} MWh" if kwh >= _MWH else f"{show_count(round(kwh))} kWh"


def _oriented(report: ComparisonReport, one: str, other: str) -> tuple[str, str]:
    """The cheaper one first."""
    order = [each.name for each in report.cheapest_first]
    return (one, other) if order.index(one) < order.index(other) else (other, one)


def _pair(report: ComparisonReport, names: tuple[str, str]) -> Section:
    tco, invoice = report.facing(*names), report.facing(*names, "invoice")
    rows = [("Pair", f"{tco.own} against {tco.other}")]
    if tco.costs.tie and invoice.costs.tie:
        rows.append(("  cost", "the same to the cent in every future: a tie"))
        return Section("Pair", rows, facts=True)
    kinds = [tco, invoice] if report.beyond_invoice else [tco]
    words = ["TCO: ", "invoice: "] if report.beyond_invoice else [""]
    rows.append(("  cheaper", "; ".join(f"{word}{_odds(each)}" for word, each in zip(words, kinds, strict=True))))
    rows.append(("  difference", "; ".join(f"{word}{_band(each.difference_usd)}" for word, each in zip(words, kinds, strict=True))))
    if len(report.found.months) > 1:
        rows.append(("  run rate", f"{words[0]}{_run_rate(report, tco)}"))
        rows.append(("  payback", f"{words[0]}{_payback(report, tco)}"))
    rows.append(("  break-even", f"{words[0]}{_break_even(tco)}"))
    return Section("Pair", rows, facts=True)


def _odds(facing: Facing) -> str:
    return "a tie" if facing.costs.tie else f"in {chance(facing.p_cheaper)} (+-{facing.costs.se * 100:.1f} %) of futures"


def _band(band: Band) -> str:
    return f"{difference(band.p50)} in the median future (p5 {difference(band.p5)}, p95 {difference(band.p95)})"


def _run_rate(report: ComparisonReport, facing: Facing) -> str:
    costs = facing.costs
    if costs.dearer_to_start is None or costs.run_rate_crossover_month is None:
        return "the same in every month"
    later, found = costs.dearer_to_start, costs.run_rate_crossover_month
    start = f"{later} costs more at first"
    if found.p50 is None:
        ever = f"in {chance(found.share)} of futures only" if found.share else "in no future"
        return f"{start}, and comes to cost less a month, to the last, {ever}"
    return f"{start}, and less a month from {_months(report, found)} on to the last, in {chance(found.share)} of futures"


def _payback(report: ComparisonReport, facing: Facing) -> str:
    later, found = facing.costs.dearer_to_start, facing.costs.payback_month
    if later is None or found is None:
        return "-"
    if found.p50 is None:
        ever = f"in {chance(found.share)} of futures only" if found.share else "in no future"
        return f"{later} makes up for that within {report.length} {ever}"
    return f"{later} has made up for that by the end of {_months(report, found)}, in {chance(found.share)} of futures"


def _months(report: ComparisonReport, found: MonthOf) -> str:
    """`2027-05 (p5 2027-01, p95 none)`."""
    months = report.found.months
    edges = [("none" if number is None else month_name(months, number)) for number in (found.p5, found.p95)]
    return f"{month_name(months, found.p50)} (p5 {edges[0]}, p95 {edges[1]})"


def _break_even(facing: Facing) -> str:
    found = facing.break_even
    if found.requests_per_month is None or found.low is None or found.high is None:
        return f"none: {found.why}"
    level = show_count(round(found.requests_per_month))
    around = f"{show_count(round(found.low))} to {show_count(round(found.high))}"
    said = f"{level} requests a month (90 %: {around}), about {show_count(found.tokens_per_month)} tokens"
    said += f"; above, {found.cheaper_above} is cheaper"
    return f"{said}. Outside of all traffic seen: a guess by straight lines" if found.extrapolated else said


def _against(report: ComparisonReport) -> Section:
    best = report.cheapest_first[0].name
    months = report.found.months
    rows = []
    for each in report.cheapest_first[1:]:
        tco, invoice = report.facing(best, each.name), report.facing(best, each.name, "invoice")
        if tco.costs.tie:
            rows.append((each.name, "tie", "tie" if invoice.costs.tie else chance(invoice.p_cheaper), "$0", *["-"] * 3))
            continue
        payback = tco.costs.payback_month
        paid = "start" if tco.costs.dearer_to_start != best else month_name(months, payback.p50 if payback else None)
        level = tco.break_even.requests_per_month
        rows.append(
            (
                each.name, chance(tco.p_cheaper), chance(invoice.p_cheaper), about(-tco.difference_usd.p50),
                month_name(months, tco.below_from.p50), paid, "-" if level is None else show_count(round(level)),
            )
        )  # fmt: skip
    notes = [
        f"{best} against each: in which share of futures it is cheaper, by TCO and by invoice; what it saves (TCO, median future); the "
        "month from which it costs less a month, to the last; the month after which all it has cost is less (start: it is not dearer at "
        "first); requests a month at which both cost the same."
    ]
    return Section(f"{shortened(best, 20)} against", rows, ("cheaper", "invoice", "saves", "less from", "paid back", "break-even"), notes)


def _matrix(report: ComparisonReport) -> Section:
    order = [each.name for each in report.cheapest_first]
    keys = [f"({k + 1})" for k in range(len(order))]
    rows = []
    for k, own in enumerate(order):
        cells = ["" if own == other else _short(report.facing(own, other).p_cheaper) for other in order]
        rows.append((f"{keys[k]} {own}", *cells))
    return Section(
        "Row cheaper", rows, keys, ["Percent of futures in which the stack of the row is cheaper than that of the column, by TCO."]
    )


def _short(p: float) -> str:
    return chance(p).removesuffix(" %")


def _course(report: ComparisonReport) -> Section:
    """The months of every stack as bars on one scale."""
    months = report.found.months
    if len(months) < 2:
        return Section("", ())
    most = max(band.p50 for each in report.found.stacks for band in each.tco_usd_by_month)
    rows = [("TCO by month", f"{months[0]} to {months[-1]}; p50, bars from nothing to {about(most)}")]
    for each in report.cheapest_first:
        usd = [band.p50 for band in each.tco_usd_by_month]
        step = -(-len(usd) // _MOST_BARS)
        parts = [usd[first : first + step] for first in range(0, len(usd), step)]
        shown = bars([sum(part) / len(part) for part in parts], most)
        rows.append((f"  {shortened(each.name, _NAME)}", f"{shown} {about(min(usd))} to {about(max(usd))}"))
    return Section("TCO by month", rows, facts=True)


def _by_month(report: ComparisonReport) -> Section:
    months = report.found.months
    if len(months) == 1:
        return Section("", ())
    step = -(-len(months) // _COLUMNS)
    shown = list(range(step - 1, len(months), step))
    best = report.cheapest_first[0].name
    rows: list[tuple[str, ...]] = []
    kinds: tuple[Kind, ...] = ("tco", "invoice") if report.beyond_invoice else ("tco",)
    for each in report.cheapest_first[1:]:
        for kind in kinds:
            facing = report.facing(best, each.name, kind)
            if not report.facing(best, each.name).costs.tie:
                by_month = facing.p_cheaper_by_month
                rows.append((f"than {each.name}" if kind == "tco" else "  on invoices", *(_short(by_month[m]) for m in shown)))
    if not rows:
        return Section("", ())
    by = "by TCO and by invoice" if report.beyond_invoice else "by invoice"
    notes = [
        f"Percent of futures in which that month of {best} is cheaper than the other's, {by}; month 1 is {months[0]}, month "
        f"{len(months)} is {months[-1]}."
    ]
    return Section(f"{shortened(best, 16)} cheaper", rows, [str(m + 1) for m in shown], notes)
