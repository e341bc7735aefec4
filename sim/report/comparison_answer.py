"""The answer of a comparison in plain words: which stack is cheaper, how likely, from when, on invoices too, and at which service."""

from __future__ import annotations

from sim.futures.forecast import Band
from sim.planning.comparison import StackSummary
from sim.planning.crossover import MonthOf
from sim.report.amounts import about, chance
from sim.report.comparison_report import ComparisonReport, Facing, month_name
from sim.report.forecast_report import AT_RISK

CLEAR = 0.6
"""A stack that is cheaper in fewer futures is hardly the cheaper one."""
_WORTH_SAYING = 0.1
_MOST = 0.5


def comparison_answer(report: ComparisonReport) -> str:
    """Two to six sentences."""
    best, second = report.cheapest_first[:2]
    facing = report.facing(best.name, second.name)
    if facing.costs.tie:
        sentences = [_tie(report, best)]
    else:
        sentences = [_cost(report, best), _likely(report, facing), _when(report, facing)]
    sentences += [_by_invoice(report, best), _levels(report, best)]
    return " ".join(each for each in sentences if each)


def difference(usd: float) -> str:
    """`$12 k less`, `$12 k more` or `the same`."""
    if abs(usd) < 0.005:
        return "the same"
    return f"{about(abs(usd))} {'less' if usd < 0 else 'more'}"


def _edges(band: Band) -> str:
    return "" if band.p5 == band.p95 else f" (p5 {about(band.p5)}, p95 {about(band.p95)})"


def _tie(report: ComparisonReport, best: StackSummary) -> str:
    alike = [each.name for each in report.cheapest_first if each is best or report.facing(best.name, each.name).costs.tie]
    names = ", ".join(alike[:-1]) + f" and {alike[-1]}"
    cost = f"{about(best.tco_usd.mean)}{_edges(best.tco_usd)} over {report.span}"
    which = "a tie" if len(alike) == len(report.names) else f"a tie, and the cheapest of {len(report.names)} stacks"
    return f"{names} cost the same to the cent in every future, {cost}: {which}."


def _cost(report: ComparisonReport, best: StackSummary) -> str:
    count = len(report.names)
    rank = "the cheaper" if count == 2 else f"the cheapest of {count}"
    start = f"{best.name} is {rank} for {report.trace.name} over {report.span}: {about(best.tco_usd.mean)}"
    if not report.beyond_invoice:
        return f"{start} on average{_edges(best.tco_usd)}, all of it in invoices."
    invoices = f"{about(best.invoice_usd.mean)} of it in invoices"
    return f"{start} on average with people and all else{_edges(best.tco_usd)}, {invoices}."


def _likely(report: ComparisonReport, facing: Facing) -> str:
    p, median = facing.p_cheaper, facing.difference_usd.p50
    if p < 0.5:
        sentence = (
            f"It is so in the mean alone: in {chance(1 - p)} of futures {facing.other} is cheaper, {difference(-median)} in the median one."
        )
    else:
        hardly = p < CLEAR or p - 2 * facing.costs.se < 0.5
        said = f"cheaper than {facing.other} in {chance(p)} of futures, {difference(median)} in the median one"
        sentence = f"That is hardly a difference: it is {said}." if hardly else f"It is {said}."
    if len(report.names) > 2:
        least = dict(zip(report.names, report.p_cheapest("tco"), strict=True))[facing.own]
        sentence += f" In {chance(least)} of futures it is the cheapest of all."
    return sentence


def _when(report: ComparisonReport, facing: Facing) -> str:
    """From when it costs less than the next; and whether the other comes to cost less in the end."""
    months = report.found.months
    if len(months) == 1:
        return ""
    own, other = facing.below_from, facing.other_below_from
    against = f" than {facing.other}"
    if facing.costs.dearer_to_start == facing.own:
        sentence = f"It costs more at first{against}"
        if own.p50 is not None:
            sentence += f", less a month from {month_name(months, own.p50)} on"
        payback = facing.costs.payback_month
        if payback is not None and payback.p50 is not None:
            sentence += f", and has made up for it by the end of {month_name(months, payback.p50)}"
        sentence += " (in the median future)."
    elif own.p50 == 1:
        sentence = f"It costs less{against} from the first month to the last."
    else:
        fewer = sum(p > _MOST for p in facing.p_cheaper_by_month)
        sentence = f"Month by month it costs less{against} in {fewer} of {len(months)}."
    if _turns(other):
        how = f"In {chance(other.share)} of futures {facing.other} comes to cost less a month, to the last"
        sentence += f" {how}: a longer horizon may turn this."
    return sentence


def _turns(other: MonthOf) -> bool:
    return other.share >= _WORTH_SAYING


def _by_invoice(report: ComparisonReport, best: StackSummary) -> str:
    least = report.cheapest_by_invoice
    if least is best or not report.beyond_invoice:
        return ""
    facing = report.facing(least.name, best.name, "invoice")
    if facing.costs.tie:
        return ""
    against = f"than {best.name} in {chance(facing.p_cheaper)} of futures"
    met, months = report.months_met(least), len(report.found.months)
    late = "" if met == months or not report.meets_levels(best) else f", but it meets its service levels in {met} of {months} months only"
    return f"On invoices alone {least.name} is the cheapest: {about(least.invoice_usd.mean)}, cheaper {against}{late}."


def _levels(report: ComparisonReport, best: StackSummary) -> str:
    months, met = report.found.months, best.p_met_by_month
    worst = min(range(len(months)), key=lambda m: met[m])
    if report.meets_levels(best):
        each = "" if met[worst] == 1 else f", each in at least {chance(met[worst])} of futures"
        return f"{best.name} meets its service levels in every month{each}."
    risk = [p for p in met if p < 1.0 - AT_RISK]
    how = "misses its service levels" if all(p < _MOST for p in risk) else "has its service levels at risk"
    start = (
        f"But {best.name} {how} in {len(risk)} of {len(months)} months (missed in {chance(1 - met[worst])} of futures in {months[worst]})"
    )
    able = next((each for each in report.cheapest_first if report.meets_levels(each)), None)
    if able is None:
        return f"{start}, and no other holds its own in every month."
    return f"{start}; the cheapest that holds its own in every month is {able.name}, {about(able.tco_usd.mean)}."
