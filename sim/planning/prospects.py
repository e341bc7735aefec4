"""What becomes of a chosen stack as demand grows: where it breaks, and how many GPUs each month needs."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sim.planning.assess import PlanStudy
from sim.planning.bounds import gpus_paid
from sim.planning.candidates import Candidate
from sim.planning.capacity_calendar import CapacityMonth, LeadTime, months_of
from sim.planning.choice import Chosen, Question
from sim.planning.headroom import Headroom, headroom
from sim.planning.points import Row
from sim.planning.search import Evaluations
from sim.stack.resolved import ResolvedPool, ResolvedStack

_MOST_FACTOR = 16.0
_MOST_ROWS = 4_000_000
"""Of a grown trace: more is not tried."""
_LEAST_FACTOR = 2.0
_MOST_MORE = 2
"""So many times the replicas that were chosen are tried for a month."""


def room_of(question: Question, chosen: Chosen, evaluations: Evaluations) -> Headroom | None:
    """How much the demand may grow until a level fails."""
    study = replace(question.study, months=0, look=None)
    settings = _held(chosen.judged.candidate)
    most = min(_MOST_FACTOR, max(_LEAST_FACTOR, _MOST_ROWS / max(study.trace_rows, 1)))

    def replayed(factor: float) -> Row:
        return _row(study, settings, factor, evaluations, "looking for where it breaks")

    return headroom(replayed, study.levels, begin=min(question.factor_held, most), most=most)


def calendar_of(
    question: Question, chosen: Chosen, resolved: ResolvedStack, names: Sequence[str], lead: LeadTime, evaluations: Evaluations
) -> tuple[CapacityMonth, ...]:
    """The capacity calendar of a stack that was forecast."""
    needs = _Needs(question, chosen.judged.candidate, resolved, evaluations)
    return months_of(names, chosen.row.metrics, needed=needs.gpus, lead=lead)


@dataclass(frozen=True)
class _Try:
    factor: float
    replicas: int
    held: bool


class _Needs:
    """The fewest GPUs that hold the levels at a demand, for a stack whose only pool has a fixed number of replicas.

    More demand never needs fewer replicas, and what holds with some holds with more: taken for granted here, so that few are replayed.
    """

    def __init__(self, question: Question, candidate: Candidate, resolved: ResolvedStack, evaluations: Evaluations) -> None:
        self._study = replace(question.study, months=0, look=None)
        self._evaluations = evaluations
        self._tried: list[_Try] = []
        pools = [each for each in resolved.deployments if isinstance(each, ResolvedPool)]
        fixed = len(pools) == 1 and pools[0].spec.replicas.min == pools[0].spec.replicas.max > 0
        self._pool = pools[0] if fixed else None
        self._settings = candidate.settings
        self._spare = _replicas(candidate.settings, self._pool) - _replicas(_held(candidate), self._pool) if self._pool is not None else 0

    def gpus(self, factor: float) -> int | None:
        """The GPUs, whole machines; None where a law moves them, or none up to twice as many do."""
        if self._pool is None or not math.isfinite(factor):
            return None
        own = self._pool.spec.replicas.max
        low, high = self._spare, own * _MOST_MORE
        if not self._holds(factor, own):
            low = own
            if not self._holds(factor, high):
                return None
        else:
            high = own
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if self._holds(factor, middle) else (middle, high)
        return gpus_paid(self._pool, high)

    def _holds(self, factor: float, replicas: int) -> bool:
        for each in self._tried:
            if each.held and each.factor >= factor and each.replicas <= replicas:
                return True
            if not each.held and each.factor <= factor and each.replicas >= replicas:
                return False
        assert self._pool is not None
        settings = _with_replicas(self._settings, self._pool.name, replicas - self._spare)
        row = _row(self._study, settings, factor, self._evaluations, "counting the GPUs of each month")
        held = row.refused is None and all(met for *_, met in row.slo)
        self._tried.append(_Try(factor, replicas, held))
        return held


def _row(study: PlanStudy, settings: tuple[str, ...], factor: float, evaluations: Evaluations, what: str) -> Row:
    return evaluations.rows(replace(study, factor=factor), [settings], what, 0.0)[0]


def _held(candidate: Candidate) -> tuple[str, ...]:
    return candidate.settings if candidate.short_settings is None else candidate.short_settings


def _deployments(settings: tuple[str, ...]) -> Mapping[str, Any] | None:
    """What the settings of a candidate say of deployments; None where they say nothing."""
    text = next((each for each in settings if each.startswith("deployments=")), None)
    found: Mapping[str, Any] | None = None if text is None else json.loads(text.partition("=")[2])
    return found


def _replicas(settings: tuple[str, ...], pool: ResolvedPool | None) -> int:
    found = _deployments(settings)
    if found is None or pool is None:
        return 0
    replicas = found[pool.name].get("replicas", 1)
    return int(replicas["max"]) if isinstance(replicas, dict) else int(replicas)


def _with_replicas(settings: tuple[str, ...], pool: str, replicas: int) -> tuple[str, ...]:
    found = _deployments(settings)
    if found is None:
        return (*settings, f"deployments.{pool}.replicas={replicas}")
    changed = {**found, pool: {**found[pool], "replicas": replicas}}
    text = json.dumps(changed, ensure_ascii=False)
    return tuple(f"deployments={text}" if each.startswith("deployments=") else each for each in settings)
