"""The parts of a decision in the order of a reader: what to take, gates, costs, matrices, what would change it, what it rests on."""

from __future__ import annotations

from sim.decision.decide import Decision
from sim.decision.facts import StrategyFacts
from sim.report.amounts import about, chance
from sim.report.comparison_answer import difference
from sim.report.decision_advice import advice_sections
from sim.report.decision_gates import gates_sections
from sim.report.decision_matrix import performance_sections, weighted_sections
from sim.report.decision_report import DecisionReport
from sim.report.decision_routing import lock_in_sections, routing_sections
from sim.report.decision_words import relaxed
from sim.report.section import Section, brief_list
from sim.units import show_count, show_share

_PERCENT = 100.0


def decision_sections(report: DecisionReport) -> list[Section]:
    """All parts; what a decision has nothing for is empty."""
    decision = report.decision
    return [
        _recommended(report),
        *gates_sections(decision.tree),
        _costs(report),
        *performance_sections(decision),
        *weighted_sections(decision.weighted),
        _quality(decision),
        _changes(decision),
        _relax(decision),
        *_paths(report),
        *routing_sections(report.routes),
        *lock_in_sections(decision.lock_in),
        *_signals(report),
        *advice_sections(decision.advice, decision.checklist, decision.clouds, taken=_taken(decision)),
        _rests_on(report),
    ]


def _taken(decision: Decision) -> str | None:
    return None if decision.recommendation is None else decision.recommendation.strategy


def _recommended(report: DecisionReport) -> Section:
    found = report.decision.recommendation
    if found is None:
        return Section("", ())
    rows = [
        ("Take", f"{found.strategy} ({report.decision.of(found.strategy).strategy.kind.replace('_', ' ')})"),
        ("Best", f"in {chance(found.probability)} (+-{found.se * _PERCENT:.1f} %) of {report.futures:,} futures, of {len(found.passing)}"),
        ("Cheapest", f"in {chance(found.p_cheapest[found.strategy])} of futures, of the same"),
    ]
    if found.runner_up is not None and found.saves_usd is not None and found.runner_up_probability is not None:
        saves = found.saves_usd
        costs = f"{difference(saves.p50)} in the median future (p5 {difference(saves.p5)}, p95 {difference(saves.p95)})"
        rows.append(("Runner-up", f"{found.runner_up}, the best in {chance(found.runner_up_probability)}; it costs {costs}"))
        rows.append(("Payback", _payback(report)))
    return Section("", rows, facts=True)


def _payback(report: DecisionReport) -> str:
    found = report.decision.recommendation
    assert found is not None
    if found.payback is None:
        return f"from the start: {found.strategy} is not dearer to start than {found.runner_up}"
    if found.payback.p50 is None:
        return f"within the months in {chance(found.payback.share)} of futures only"
    return f"by the end of {report.months[found.payback.p50 - 1]}, in {chance(found.payback.share)} of futures"


def _costs(report: DecisionReport) -> Section:
    rows = []
    for each in report.in_order:
        met = "-" if each.slo_met_share is None else show_share(each.slo_met_share)
        guess = "*" if each.months_to_production_assumed else ""
        rows.append(
            (
                each.name, about(each.invoice_usd.p50), about(each.tco_usd.p5), about(each.tco_usd.p50), about(each.tco_usd.p95),
                _per_1000(each), met, f"{each.months_to_production:.2g} mo{guess}", _state(report.decision, each),
            )
        )  # fmt: skip
    notes = [
        f"USD over {report.span}; those that pass first, the likeliest best at the top. Invoice: what suppliers charge (p50); TCO: with "
        "people and all else. /1,000: the invoice for 1,000 requests. SLO: months and futures that meet the stack's own levels."
    ]
    if any(each.months_to_production_assumed for each in report.in_order):
        notes.append("* assumed.")
    if any(not each.strategy.served for each in report.in_order):
        notes.append("Costed, not served: training alone is in the cost, which is the least that it takes.")
    header = ("invoice", "TCO p5", "p50", "p95", "/1,000", "SLO", "ready", "")
    return Section("Strategies", rows, header, notes)


def _per_1000(each: StrategyFacts) -> str:
    return "-" if each.usd_per_1000_requests is None or not each.strategy.served else about(each.usd_per_1000_requests.p50)


def _state(decision: Decision, each: StrategyFacts) -> str:
    found = decision.recommendation
    if found is not None and each.name == found.strategy:
        return "take"
    if found is not None and each.name in found.passing:
        return "passes"
    return "fails" if each.name in decision.tree.left else "out"


def _quality(decision: Decision) -> Section:
    rows = [
        ("Quality", "scores of the user's own evaluation" if decision.file.needs.quality else "not known: no scores are given (quality)")
    ]
    for each in decision.facts:
        if each.quality is not None:
            low, high = each.quality.low, each.quality.high
            edges = "how sure that is is not known" if low is None or high is None else f"95 %: {low:.3f} to {high:.3f}"
            rows.append((f"  {each.name}", f"{each.quality.score:.3f} ({edges})"))
    unknown = [each.name for each in decision.facts if each.quality is None]
    if decision.file.needs.quality and unknown:
        rows.append(("  not known", ", ".join(unknown)))
    for pair in decision.quality:
        if pair.low is None or pair.high is None:
            said = pair.how
        else:
            better = {"a": f"{pair.a} is better", "b": f"{pair.b} is better"}.get(pair.better, "no difference is shown")
            said = f"95 %: {pair.low:+.3f} to {pair.high:+.3f}; {better}; {pair.how}"
        rows.append((f"  against {pair.b}", f"{pair.a} {pair.difference:+.3f} ({said})"))
    if decision.ninety is not None:
        rows.append(("  90 % rule", decision.ninety.says))
    return Section("Quality", rows, facts=True)


def _changes(decision: Decision) -> Section:
    return Section("", [("Would change" if k == 0 else "", each.says) for k, each in enumerate(decision.would_change)], facts=True)


def _relax(decision: Decision) -> Section:
    rows = [(each.strategy, relaxed(each)) for each in decision.relax]
    if decision.recommendation is not None or not rows:
        return Section("", ())
    return Section(
        "", [("To let in", "all of it together, what takes least first"), *((f"  {name}", text) for name, text in rows)], facts=True
    )


def _paths(report: DecisionReport) -> list[Section]:
    months = report.months
    found = []
    for each in report.decision.paths:
        path, when = each.path, each.path.switches
        moved = "in no future" if not when.share else f"in {chance(when.share)} of futures"
        if when.p50 is not None:
            moved += f", from {months[when.p50 - 1]} on in half of them"
        payback = "-" if path.payback.p50 is None else months[path.payback.p50 - 1]
        best = "never" if each.best.month is None else months[each.best.month - 1]
        rows = [
            ("Path", f"{path.strategy}: {each.begins.strategy.kind.replace('_', ' ')}, then {path.then}"),
            ("  goes over", f"{moved}; taken back and tried again in {chance(path.p_second_try)}, given up in {chance(path.p_given_up)}"),
            ("  move", f"{about(path.move_usd.p50)} (p5 {about(path.move_usd.p5)}, p95 {about(path.move_usd.p95)})"),
            ("  saves", f"{about(path.saves_usd.p50)} against staying, in the median; cheaper in {chance(path.p_cheaper)} of futures"),
            ("  payback", payback),
            ("  best month", f"{best}, by the mean TCO, were it planned today"),
        ]
        rows += [("  assumed", text) for text in path.move.assumed]
        found.append(Section("Path", rows, facts=True))
    return found


def _signals(report: DecisionReport) -> list[Section]:
    found = report.decision.triggers
    if found is None:
        return []
    rows = []
    months = report.months
    for each in sorted(found.fired, key=lambda one: -one.p_fires):
        edges = tuple("-" if edge is None else months[edge - 1] for edge in (each.p5, each.p50, each.p95))
        rows.append((each.name, chance(each.p_fires), *edges))
    notes = [f"Share of futures in which each fires for {found.strategy}, and in which month (of those futures)."]
    notes += [f"{each.name}: {each.what}. Then {each.do}." for each in found.fired if each.p_fires > 0]
    if found.not_watched:
        notes.append("Not watched: " + "; ".join(f"{each.name} ({each.why})" for each in found.not_watched) + ".")
    review = Section("", [("Review", f"{found.review.date.isoformat()}: {found.review.why}")], facts=True)
    return [Section("Signals", rows, ("fires", "p5", "p50", "p95"), notes), review]


def _rests_on(report: DecisionReport) -> Section:
    trace = report.trace
    rows = [
        ("Needs", report.decision.file.name),
        ("Traffic", f"{trace.name}, {show_count(trace.requests)} requests; the first month has its level, then it grows"),
        ("Futures", f"{report.futures:,} of the outlook {report.outlook}, the same ones for every strategy (seed {report.seed})"),
        ("Prices", f"of {report.date}"),
    ]
    rows += [("Noted", note) for note in report.notes]
    rows += [("Assumed" if k == 0 else "", text) for k, text in enumerate(_assumed(report))]
    return Section("", rows, facts=True)


def _assumed(report: DecisionReport) -> list[str]:
    count = len({name for names in report.assumed.values() for name in names})
    found = []
    for text, names in report.assumed.items():
        of = "" if len(names) == count else f" ({', '.join(names)})"
        found.append(f"{brief_list(text)}{of}")
    return found
