"""What `sim plan` reports, as plain data: every table, file and format is made from this."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sim.planning.capacity_calendar import CapacityMonth, LeadTime
from sim.planning.choice import Foreseen
from sim.planning.front import pareto
from sim.planning.headroom import Headroom
from sim.planning.levels import ServiceLevel
from sim.planning.plan import Plan
from sim.planning.search import Judged
from sim.units import show_share

RANKED = 8
"""Candidates in the table; plan.json has all that were replayed."""
_SHORT = ("gpu", "tensor_parallel", "replicas", "max_num_seqs", "max_num_batched_tokens")


@dataclass(frozen=True)
class ChosenStack:
    """The chosen stack as data, and as a file that runs as it is."""

    data: Mapping[str, Any]
    yaml: str


@dataclass(frozen=True)
class PlanReport:
    """A plan with what was made of it: calendar, room to grow, the stack."""

    plan: Plan
    trace_name: str
    requests: int
    duration_s: float
    date: str
    """Of the prices."""
    month_names: tuple[str, ...]
    space: str
    lists: tuple[str, ...]
    """The lists in which candidates differ."""
    spare: str
    """What may be gone, in words; nothing where nothing may."""
    calendar: tuple[CapacityMonth, ...]
    lead: LeadTime | None
    room: Headroom | None
    stack: ChosenStack | None
    notes: tuple[str, ...]

    @property
    def levels(self) -> tuple[ServiceLevel, ...]:
        """What had to hold."""
        return self.plan.question.study.levels

    @property
    def months(self) -> int:
        """How many were forecast; 0: the replay alone."""
        return self.plan.question.study.months

    def words(self, judged: Judged) -> str:
        """A candidate in few words: only what differs between candidates."""
        values = dict(judged.candidate.values)
        return ", ".join(_short(name, values[name]) for name in (self.lists or tuple(values)) if name in values) or "the stack as it is"

    def foreseen(self, judged: Judged) -> Foreseen | None:
        """The months of a candidate as the search saw them."""
        return next((each for each in self.plan.foreseen if each.candidate.number == judged.candidate.number), None)

    def usd(self, judged: Judged) -> float:
        """What it costs a month: by its forecast; without one by its replay, moved as those of the same GPUs that were forecast."""
        seen = self.foreseen(judged)
        if seen is not None:
            return seen.usd_per_month
        gpu = dict(judged.candidate.values).get("gpu")
        every = [each for each in self.plan.foreseen if each.judged.usd_per_month > 0]
        like = [each for each in every if dict(each.candidate.values).get("gpu") == gpu] or list(every)
        moved = sum(each.usd_per_month / each.judged.usd_per_month for each in like) / len(like) if like else 1.0
        return judged.usd_per_month * moved

    def holds(self, judged: Judged) -> bool:
        """Whether it meets the levels as far as it was looked at."""
        seen = self.foreseen(judged)
        gone = [each.judged for each in self.plan.refuted] + [each.judged for each in self.plan.inferred]
        refuted = any(each.candidate.number == judged.candidate.number for each in gone)
        return judged.met and not refuted and (seen is None or seen.p_met >= self.plan.question.confidence)

    @property
    def ranked(self) -> tuple[Judged, ...]:
        """The candidates that meet the levels, the chosen one first, then by cost."""
        chosen = self.plan.chosen
        own = -1 if chosen is None else chosen.judged.candidate.number
        good = [each for each in self.plan.judged if self.holds(each)]
        return tuple(sorted(good, key=lambda each: (each.candidate.number != own, self.usd(each), each.excess, each.candidate.number)))

    @property
    def runner_up(self) -> Judged | None:
        """The next that meets the levels and does not come out the same in everything."""
        if self.plan.chosen is None or len(self.ranked) < 2:
            return None
        own, *others = self.ranked
        same = [each.held.slo == own.held.slo and each.usd_per_month == own.usd_per_month for each in others]
        return others[same.index(False)] if False in same else others[0]

    def dearer_usd(self, judged: Judged) -> float:
        """What a candidate costs more in a month than the one that was chosen, both by the futures of the search."""
        assert self.plan.chosen is not None
        return self.usd(judged) - self.usd(self.plan.chosen.judged)

    @property
    def cheaper(self) -> tuple[Judged, ...]:
        """Cheaper ones that fail, those that come closest first."""
        chosen = self.plan.chosen
        limit = float("inf") if chosen is None else chosen.usd_per_month
        failing = [each for each in self.plan.judged if not self.holds(each) and self.usd(each) < limit]

        def far(each: Judged) -> tuple[float, float, int]:
            seen = self.foreseen(each)
            return (each.excess if seen is None else -seen.p_met, self.usd(each), each.candidate.number)

        return tuple(sorted(failing, key=far))

    @property
    def frontier(self) -> tuple[Judged, ...]:
        """Of all that were replayed those that none beats in cost and in room to the levels, the cheapest first."""
        every = self.plan.judged
        return tuple(every[i] for i in pareto([(each.usd_per_month, each.excess) for each in every]))

    def why_not(self, judged: Judged) -> str:
        """Why a candidate fails, in words; nothing where it does not."""
        seen = self.foreseen(judged)
        if judged.met and seen is not None and seen.p_met < self.plan.question.confidence:
            number = worst_month(seen.row.metrics, self.months)
            share = seen.row.metrics.get(f"p_met_{number}") or 0.0
            return f"{self.month_names[number - 1]} meets them in {show_share(share)} of futures"
        worst = max(
            ((level.excess(measured), level, measured) for level, (_, _, measured, met) in self._held(judged) if not met),
            key=lambda each: each[0],
            default=None,
        )
        inferred = next((each for each in self.plan.inferred if each.judged.candidate.number == judged.candidate.number), None)
        if inferred is not None:
            return f"no better in any level than {self.words(inferred.than)}, whose months fail"
        if worst is None:
            return "fails on futures that the search has not used" if not self.holds(judged) else ""
        return f"{worst[1]}: {worst[1].shown(worst[2])}, {beyond(worst[0])}"

    def _held(self, judged: Judged) -> list[tuple[ServiceLevel, tuple[str, float, float | None, bool]]]:
        return list(zip(self.levels, judged.held.slo, strict=False))


def beyond(excess: float) -> str:
    """How far beyond a limit, in words."""
    return f"{100 * excess:.0f} % beyond" if excess < 2 else f"{1 + excess:.1f} times the limit"


def worst_month(metrics: Mapping[str, float | None], months: int) -> int:
    """The month, from 1, that the fewest futures meet; of several the last."""
    numbers = range(1, months + 1)
    return min(numbers, key=lambda m: (metrics.get(f"p_met_{m}") or 0.0, -m))


def _short(name: str, value: object) -> str:
    """One choice in few words: `TP2`, `x3`, `seqs 40`; of a key of the stack its last part."""
    if name == "gpu":
        return str(value)
    if name == "tensor_parallel":
        return f"TP{value}"
    if name == "replicas":
        return f"x{value}" if str(value).isdigit() else str(value)
    if name in ("reserved", "api_share") and isinstance(value, float):
        return f"{name.replace('_', ' ')} {100 * value:.3g} %"
    return f"{'seqs' if name == 'max_num_seqs' else name.rpartition('.')[2].replace('_', ' ')} {value}"
