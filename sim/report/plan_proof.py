"""How far a plan proves that nothing cheaper holds, in words."""

from __future__ import annotations

from collections import Counter

from sim.planning.choice import APART
from sim.report.plan_report import PlanReport


def proof(report: PlanReport) -> str:
    """What was not tried and why, and whether it could have won."""
    plan = report.plan
    counts = Counter(each.by for each in plan.dropped)
    looks = (
        f"{counts['look']:,} were dropped after their busiest hours alone, where they miss far more than they may in all: a rule, no proof"
        if counts["look"]
        else ""
    )
    if not report.months:
        sure = "Nothing cheaper holds: each other candidate was replayed whole, fails by a bound, cannot be made, or costs more at least."
        return f"Whatever is cheaper was tried. {looks}." if looks else sure if plan.chosen is not None else _none(looks)
    parts = [f"{len(plan.foreseen):,} forecast, which is no proof for the others"]
    failed = sum(1 for each in plan.judged if not each.met)
    if failed:
        parts.append(
            f"{failed:,} fail a replay at {plan.question.factor_held:.3g} times the demand of the trace, "
            "which is taken to fail in too many futures"
        )
    if looks:
        parts.append(looks)
    parts += _unforecast(report)
    return "; ".join(parts) + "."


def _none(looks: str) -> str:
    return "None holds: each was replayed whole, fails by a bound, or cannot be made." if not looks else f"{looks[0].upper()}{looks[1:]}."


def _unforecast(report: PlanReport) -> list[str]:
    """Why candidates that hold in replays were not forecast, and what that leaves open."""
    some = report.plan.unforecast
    counts = Counter[tuple[str, bool]]((each.reason, each.could_win) for each in some)
    words = {
        ("dearer", False): "cost more on the same GPUs, bought alike, and cannot be cheaper",
        ("dearer", True): "cost more in replays on the same GPUs, and could be cheaper only if they scale otherwise in months",
        ("apart", True): f"cost over {100 * APART:.0f} % more in replays, and could be cheaper only if prices move apart by so much",
        ("same", True): "replay to the last bit as one that was forecast, and could differ where demand grows beyond that",
        (
            "no_better",
            True,
        ): "are within no level by more than one whose months fail, and could hold only by a difference that replays do not show",
        ("most", True): "were not forecast as enough had been, and could hold and cost less",
    }
    found = [f"{counts[key]:,} {text}" for key, text in words.items() if counts[key]]
    unseen = report.plan.unseen
    return [*found, f"{unseen:,} cost more at least than what was found, at the prices of today"] if unseen else found
