"""The parts of a comparison in the order of a reader: what each stack costs and serves, pairs, months, what all of it rests on.

Two to eight stacks in 80 columns: up to three pairs are told in full, of more each stack is held against the cheapest one.
"""

from __future__ import annotations

from collections.abc import Sequence

from sim.futures.forecast import Accuracy, Band
from sim.planning.comparison import Kind, StackSummary
from sim.planning.crossover import MonthOf
from sim.report.amounts import about, chance
from sim.report.comparison_answer import difference
from sim.report.comparison_report import ComparisonReport, Facing, month_name, months_to_production
from sim.report.gate_report import gates_section
from sim.report.section import KEYS, Section, brief_list
from sim.units import show_count, show_share
from sim.wide import shortened

_PAIRS_IN_FULL = 3
_COLUMNS = 12
"""Months shown in one line; of a longer horizon every second, third ... month."""
_LINES_NAMED = 4
_SMALL = 0.01
"""Assumed lines below this share of a stack's TCO are counted, not named."""
_MWH = 9_999.5


def comparison_sections(report: ComparisonReport) -> list[Section]:
    """All parts; what a comparison has nothing for is empty."""
    pairs = report.found.pairs
    if len(pairs) <= _PAIRS_IN_FULL:
        between = [_pair(report, _oriented(report, pair.a, pair.b)) for pair in pairs]
    else:
        between = [_against(report), _matrix(report)]
    return [gates_section(report.gates, named=True), _cost(report), _service(report), *between, _by_month(report), *_rests_on(report)]


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


def _rests_on(report: ComparisonReport) -> list[Section]:
    found, first = report.found, report.forecasts[0]
    needed = max(each.futures_needed for each in report.forecasts)
    enough = "would do" if found.futures >= needed else "are needed"
    rows = [
        (
            "Futures",
            f"{found.futures} of the outlook {first.outlook}, the same ones for every stack (seed {first.seed}); {needed} {enough} for a "
            "standard error of 2 % at the p95 of every TCO",
        ),
        ("Traffic", f"{report.trace.name}, {show_count(report.trace.requests)} requests; the first month has its level, then it grows"),
        ("Prices", f"of {report.date}"),
    ]
    checked = [_accuracy(name, each.accuracy) for name, each in zip(report.names, report.forecasts, strict=True)]
    if any(checked):
        rows.append(("Accuracy", f"cost of days against days replayed exactly: {'; '.join(each for each in checked if each)}"))
    notes = [f"{text}{_of(report, names)}" for text, names in report.notes().items()]
    return [Section("Futures", rows, facts=True), _listed("Noted", notes), _listed("Assumed", _assumed(report))]


def _accuracy(name: str, found: Accuracy) -> str:
    if found.usd_bias is None or found.usd_rms is None:
        return ""
    return f"{name} off by {found.usd_bias * 100:+.2f} % on average, {found.usd_rms * 100:.2f} % rms"


def _assumed(report: ComparisonReport) -> list[str]:
    texts = [f"{text}{_of(report, names)}" for text, names in _shared(report).items()]
    for each in report.cheapest_first:
        lines = report.assumed_lines(each.name)
        large = [line for line in lines if line[2] >= _SMALL * each.tco_usd.mean][:_LINES_NAMED]
        parts = [f"{name} {about(usd)} ({words})" for name, words, usd in large]
        rest = len(lines) - len(large)
        if rest:
            left = sum(usd for _, _, usd in lines) - sum(usd for _, _, usd in large)
            parts.append(f"{rest} {'line' if rest == 1 else 'lines'} more, {about(left)}")
        if parts:
            texts.append(f"{each.name}: {'; '.join(parts)}")
    return texts


def _shared(report: ComparisonReport) -> dict[str, list[str]]:
    """What the outlook assumes, lists of keys cut: those of the same group are told once, with all stacks that they are assumed of."""
    found: dict[str, list[str]] = {}
    groups: dict[str, set[str]] = {}
    for text, names in report.assumptions().items():
        group, colon, items = text.partition(": ")
        if colon and KEYS.fullmatch(items):
            groups.setdefault(group, set()).update(items.split(", "))
            shown = group
        else:
            shown = text
        found.setdefault(shown, []).extend(names)
    return {
        brief_list(f"{text}: {', '.join(sorted(groups[text]))}") if text in groups else text: list(dict.fromkeys(names))
        for text, names in found.items()
    }


def _of(report: ComparisonReport, names: Sequence[str]) -> str:
    """Of which stacks something is said, unless of all."""
    others = [name for name in report.names if name not in names]
    if not others:
        return ""
    return f" (all but {', '.join(others)})" if len(others) < len(names) - 1 else f" ({', '.join(names)})"


def _listed(name: str, texts: Sequence[str]) -> Section:
    return Section(name, [(name if k == 0 else "", text) for k, text in enumerate(texts)], facts=True)
