"""The answer of a forecast in plain words: what the months cost, how sure that is, the budget, and whether the service levels hold."""

from __future__ import annotations

from sim.futures.forecast import Band
from sim.report.amounts import about, chance
from sim.report.answer import answer, level_sentence
from sim.report.forecast_report import ForecastReport
from sim.report.run_report import RunReport

_OTHER_ORDER = 2.0
"""Times as dear or as cheap as the API alone, from which the answer says what that would be."""
_MOST = 0.5
"""Above so large a share of futures a month is missed rather than at risk."""


def answer_of(report: RunReport) -> str:
    """What a run says first: of its months where it has any, else of the replay."""
    return answer(report) if report.ahead is None else forecast_answer(report, report.ahead)


def forecast_answer(report: RunReport, ahead: ForecastReport) -> str:
    """Two to four sentences."""
    sentences = [_cost(report, ahead), _alone(report, ahead), _budget(ahead), _levels(report, ahead)]
    return " ".join(each for each in sentences if each)


def _cost(report: RunReport, ahead: ForecastReport) -> str:
    invoice, tco = ahead.total["invoice"], ahead.total["tco"]
    start = f"{report.stack} serves {report.trace.name} for {about(invoice.mean)} over {ahead.span}{_edges(invoice)}"
    if not any(line.name.kind == "tco" for line in ahead.lines):
        return f"{start}."
    return f"{start}, or {about(tco.mean)} with people and all else that suppliers do not charge{_edges(tco)}."


def _alone(report: RunReport, ahead: ForecastReport) -> str:
    """The API alone where it is another order of cost."""
    alone = report.api_only_month_usd
    if alone is None or alone <= 0:
        return ""
    ratio = ahead.total["invoice"].mean / len(ahead.found.months) / alone
    if 1 / _OTHER_ORDER < ratio < _OTHER_ORDER:
        return ""
    return f"The tokens of the trace alone, at {report.api_only.model}, would be {about(alone)} a month at today's prices."


def _edges(band: Band) -> str:
    if about(band.p5) == about(band.p95):
        return ""
    return f" (p5 {about(band.p5)}, p95 {about(band.p95)})"


def _budget(ahead: ForecastReport) -> str:
    if ahead.budgets is None:
        return ""
    budget = ahead.budgets["invoice"]
    start = f"The budget of {about(budget.budget_usd)} is exceeded in {chance(budget.p_exceed)} of futures"
    return f"{start}." if budget.excess_if_exceeded_usd is None else f"{start}, then by {about(budget.excess_if_exceeded_usd)} on average."


def _levels(report: RunReport, ahead: ForecastReport) -> str:
    months, risk, missed = ahead.found.months, ahead.months_at_risk, [each.p_miss for each in ahead.missed_by_month]
    today = "" if report.measures.slo_met else f" {level_sentence(report).replace('It misses', 'The trace itself misses')}"
    if not any(missed):
        return f"Its service levels are met in every month of every future.{today}"
    if not risk:
        return f"Its service levels are met in every month, each in at least {chance(1 - max(missed))} of futures.{today}"
    worst = max(risk, key=lambda m: missed[m])
    often = [m for m in risk if missed[m] > _MOST]
    which = "in every month" if len(risk) == len(months) > 1 else f"in {len(risk)} of {len(months)} months, first in {months[risk[0]]}"
    if len(months) == 1:
        which = f"in {months[0]}"
    how = f"missed in {chance(missed[worst])} of futures" + (f" in {months[worst]}" if len(months) > 1 else "")
    return f"Its service levels are {'missed' if len(often) == len(risk) else 'at risk'} {which}: {how}.{today}"
