"""The first sentences of a plan."""

from __future__ import annotations

from sim.report.plan_report import PlanReport, beyond
from sim.report.section import brief
from sim.units import show_share, show_usd


def plan_answer(report: PlanReport) -> str:
    """What to run, what it costs, how sure that is, and what the next one costs; or what comes closest."""
    plan = report.plan
    levels = "; ".join(brief(str(level)) for level in report.levels)
    spare = f" with {report.spare} gone" if report.spare else ""
    if plan.chosen is None:
        return _none(report, levels, spare)
    chosen = plan.chosen
    cost = show_usd(chosen.usd_per_month)
    parts = [f"{report.words(chosen.judged)}: {cost} a month, the cheapest of {plan.candidates:,} candidates that meets {levels}{spare}."]
    sure = chosen.confidence
    if sure.kind == "futures":
        parts.append(
            f"In {show_share(sure.share)} of {sure.of:,} futures that the search has not used ({show_share(sure.low)} to "
            f"{show_share(sure.high)}) its worst month of {report.months} meets them."
        )
    elif sure.kind == "replays":
        parts.append(f"Of {sure.of} replays with luck that the search has not used, {sure.met} meet them.")
    else:
        parts.append("This holds for the trace as it is, where nothing is left to chance; --months says how it holds ahead.")
    next_best = report.runner_up
    if next_best is not None:
        more = report.dearer_usd(next_best)
        dearer = f"costs {show_usd(more)} more" if more >= 0.005 else "costs the same and has less room"
        parts.append(f"The next, {report.words(next_best)}, {dearer}.")
    if report.room is not None and report.room.fails is not None:
        parts.append(f"At {report.room.fails:.3g} times the demand of the trace {brief(report.room.level or 'a level')} fails.")
    return " ".join(parts)


def _none(report: PlanReport, levels: str, spare: str) -> str:
    plan = report.plan
    text = f"None of the {plan.candidates:,} candidates meets {levels}{spare}."
    nearest = plan.nearest
    if nearest is None:
        return f"{text} Bounds leave out all of them."
    why = report.why_not(nearest)
    cost = show_usd(report.usd(nearest))
    return f"{text} The nearest, {report.words(nearest)} at {cost} a month: {why or beyond(nearest.excess)}."
