"""How far it is proved that nothing cheaper holds: what was not tried, and whether it could have won."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from sim.planning.choice import APART, Choice, Chosen, Inferred, dearer_alike
from sim.planning.search import Judged

Reason = Literal["dearer", "apart", "same", "no_better", "most"]
_CENT = 0.005


@dataclass(frozen=True)
class Unforecast:
    """A candidate that holds in replays and whose months were not forecast, and why."""

    judged: Judged
    reason: Reason
    """`dearer`: it costs more on the same GPUs, which the same prices move; `apart`: it costs more by so much that months hardly turn it
    round; `same`: it replays as one that was forecast; `no_better`: it is within no level by more than one whose months fail; `most`: as
    many were forecast as are."""
    than: Judged | None
    could_win: bool
    """Whether it might hold and cost less: False where that is sure to be not so."""


def unforecast(judged: Sequence[Judged], choice: Choice, chosen: Chosen | None) -> tuple[Unforecast, ...]:
    """Of candidates that hold in replays those that were not forecast, in the order in which they were replayed."""
    seen = {each.candidate.number for each in choice.foreseen}
    inferred = {each.judged.candidate.number: each for each in choice.inferred}
    twins = {each.judged.candidate.number: each for each in choice.twins}
    found = []
    for each in judged:
        if each.met and each.candidate.number not in seen:
            number = each.candidate.number
            found.append(_unforecast(each, inferred.get(number), twins.get(number), None if chosen is None else chosen.judged))
    return tuple(found)


def _unforecast(judged: Judged, inferred: Inferred | None, twin: Inferred | None, best: Judged | None) -> Unforecast:
    if inferred is not None:
        return Unforecast(judged, "no_better", inferred.than, could_win=True)
    if twin is not None:
        return Unforecast(judged, "same", twin.than, could_win=True)
    if best is not None and dearer_alike(judged, best):
        sure = judged.usd_per_month > best.usd_per_month + _CENT and all(map(_stands, (judged, best)))
        return Unforecast(judged, "dearer", best, could_win=not sure)
    if best is not None and judged.usd_per_month > best.usd_per_month * (1 + APART):
        return Unforecast(judged, "apart", best, could_win=True)
    return Unforecast(judged, "most", best, could_win=True)


def _stands(judged: Judged) -> bool:
    """Whether it has so many replicas always: what it pays for GPUs is then so many times their price, whatever comes."""
    return str(dict(judged.candidate.values).get("replicas", "")).isdigit()
