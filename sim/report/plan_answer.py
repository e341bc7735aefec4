"""The first sentences of a plan."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from sim.planning.candidates import pools_of
from sim.planning.search import Dropped, Judged
from sim.report.amounts import money
from sim.report.plan_report import PlanReport, beyond
from sim.report.section import brief
from sim.units import show_share, show_usd

_CENT = 0.005
_THOUSAND = 999.995


def plan_answer(report: PlanReport) -> str:
    """What to run, what it costs, how sure that is, and what the next one costs; or what comes closest."""
    plan = report.plan
    levels = "; ".join(brief(str(level)) for level in report.levels)
    spare = f" with {report.spare} gone" if report.spare else ""
    if plan.chosen is None:
        return _none(report, levels, spare)
    chosen = plan.chosen
    cost = show_usd(chosen.usd_per_month)
    parts = [f"{report.words(chosen.judged)}: {cost} a month, {_best(plan.candidates)} meets {levels}{spare}."]
    sure = chosen.confidence
    whole = ", with all replicas and the failures that those draw" if report.spare else ""
    if sure.kind == "futures":
        parts.append(
            f"In {show_share(sure.share)} of {sure.of:,} futures that the search has not used ({show_share(sure.low)} to "
            f"{show_share(sure.high)}) its worst month of {report.months} meets them{whole}."
        )
    elif sure.kind == "replays":
        parts.append(f"Of {sure.of} replays with luck that the search has not used, {sure.met} meet them.")
    else:
        ahead = "" if report.cautions else "; --months says how it holds ahead"
        parts.append(f"This holds for the trace as it is, where nothing is left to chance{ahead}.")
    if (months := report.outgrown_in_months) is not None and report.growth is not None:
        parts.append(
            f"At the outlook's median growth, {show_share(report.growth.per_month)} a month, it is outgrown in {months:.0f} "
            f"month{'' if round(months) == 1 else 's'}: --months plans for that."
        )
    next_best = report.runner_up
    if next_best is not None:
        parts.append(f"The next, {report.words(next_best.first)}, {why_lost(report, next_best.first)}.")
    if report.room is not None and report.room.fails is not None:
        parts.append(f"At {report.room.fails:.3g} times the demand of the trace {brief(report.room.level or 'a level')} fails.")
    return " ".join(parts)


def _best(candidates: int) -> str:
    return "the only candidate, which" if candidates == 1 else f"the cheapest of {candidates:,} candidates that"


def why_lost(report: PlanReport, judged: Judged) -> str:
    """What keeps a candidate that meets the levels from being the chosen one, in words."""
    assert report.plan.chosen is not None
    more, own = report.dearer_usd(judged), report.plan.chosen.usd_per_month
    if more < _CENT:
        return (
            "costs the same and has less room to the levels"
            if more > -_CENT
            else "costs less in replays, where its months were not forecast"
        )
    return f"costs {more_usd(more, own)} a month more"


def more_usd(more: float, of: float) -> str:
    """A difference as coarse as the amount that it is a difference from: whole dollars of thousands, else cents."""
    if of < _THOUSAND:
        return money(more)
    return f"${more:,.0f}" if more >= 1 else "less than $1"


def _none(report: PlanReport, levels: str, spare: str) -> str:
    plan = report.plan
    if report.empty:
        return f"The space {report.space} is empty: {'; '.join(report.empty)}. So no stack can be chosen, and no level was tried."
    if all(each.by == "refused" for each in plan.dropped) and not plan.judged and not plan.unseen:
        (why, times), *_ = Counter(each.why for each in plan.dropped).most_common(1)
        return f"The space {report.space} is empty: none of its {_count(plan.candidates)} can be made. Of {times:,}: {why}."
    text = f"None of the {_count(plan.candidates)} meets {levels}{spare}."
    nearest = plan.nearest
    if nearest is None:
        can = [each for each in plan.dropped if each.by != "refused"]
        if all(each.by == "spare" for each in can):
            most = max(sum(count for _, count in pools_of(each.candidate.settings)) for each in can)
            return f"{text} None has a replica left then: the most that any has is {most}."
        return f"{text} {_many(can)}"
    why = report.why_not(nearest)
    cost = show_usd(report.usd(nearest))
    return f"{text} The nearest, {report.words(nearest)} at {cost} a month: {why or beyond(nearest.excess)}."


def _many(dropped: Sequence[Dropped]) -> str:
    (why, times), *_ = Counter(each.why for each in dropped).most_common(1)
    return f"None could be replayed: of {times:,}, {why}."


def _count(candidates: int) -> str:
    return f"{candidates:,} candidate{'' if candidates == 1 else 's'}"
