"""The answer of a decision in plain words: what to take, how sure that is, what comes second, and what would change it."""

from __future__ import annotations

from sim.decision.gate_case import listed
from sim.decision.recommendation import Recommendation
from sim.report.amounts import about, chance
from sim.report.comparison_answer import difference
from sim.report.decision_report import DecisionReport
from sim.report.decision_words import relaxed, requirement_words

CLEAR = 0.6
"""What is best in fewer futures is hardly better than the next."""
_NAMED = 2


def decision_answer(report: DecisionReport) -> str:
    """Two to six sentences."""
    found = report.decision.recommendation
    if found is None:
        return _nothing(report)
    sentences = [_take(report, found), _cost(report, found), _second(found), _payback(report, found), _open(found), _review(report)]
    return " ".join(each for each in sentences if each)


def _take(report: DecisionReport, found: Recommendation) -> str:
    count, of = len(found.passing), len(report.decision.facts)
    if count == 1:
        return f"Take {found.strategy} for {report.trace.name}: it is the only one of {of} strategies that passes."
    which = f"of the {count} that pass" if count < of else f"of all {of}"
    hardly = "" if found.probability >= CLEAR else " That is hardly a difference."
    return f"Take {found.strategy} for {report.trace.name}: in {chance(found.probability)} of futures it is the best {which}.{hardly}"


def _cost(report: DecisionReport, found: Recommendation) -> str:
    facts = report.decision.of(found.strategy)
    band = facts.tco_usd
    invoice = f", {about(facts.invoice_usd.p50)} of it in invoices" if abs(facts.invoice_usd.p50 - band.p50) >= 1 else ""
    return f"It costs {about(band.p50)} in the median future (p5 {about(band.p5)}, p95 {about(band.p95)}) over {report.span}{invoice}."


def _second(found: Recommendation) -> str:
    if found.runner_up is None or found.saves_usd is None or found.runner_up_probability is None:
        return ""
    costs = difference(found.saves_usd.p50)
    costs = "costs the same" if costs == "the same" else f"costs {costs}"
    return f"Next comes {found.runner_up}, the best in {chance(found.runner_up_probability)}; it {costs} in the median future."


def _payback(report: DecisionReport, found: Recommendation) -> str:
    if found.payback is None:
        return ""
    if found.payback.p50 is None:
        return f"It is dearer to start, and makes up for that within the months in {chance(found.payback.share)} of futures only."
    return f"It is dearer to start, and has paid for itself against that by the end of {report.months[found.payback.p50 - 1]}."


def _open(found: Recommendation) -> str:
    if not found.unknown:
        return ""
    return f"Nobody knows whether it meets {listed([requirement_words(key) for key in found.unknown])}: measure that first."


def _review(report: DecisionReport) -> str:
    found = report.decision.triggers
    return "" if found is None else f"Look at it again on {found.review.date.isoformat()} ({found.review.why})."


def _nothing(report: DecisionReport) -> str:
    count = len(report.decision.facts)
    nearest = [f"for {each.strategy}, {relaxed(each)}" for each in report.decision.relax[:_NAMED]]
    return f"None of {count} strategies passes for {report.trace.name}. What to relax, the least first: {'; or '.join(nearest)}."
