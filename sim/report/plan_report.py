"""What `sim plan` reports, as plain data: every table, file and format is made from this."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sim.planning.capacity_calendar import CapacityMonth, LeadTime
from sim.planning.choice import Foreseen
from sim.planning.front import pareto
from sim.planning.headroom import Headroom
from sim.planning.levels import ServiceLevel
from sim.planning.plan import Plan
from sim.planning.search import Judged
from sim.report.cautions import Caution, soon_outgrown
from sim.report.plan_labels import Alike, alike, label, labels
from sim.report.run_report import PriceUse
from sim.units import show_share

_YEAR = 12
"""Months, as many as `sim run` forecasts by default."""
RANKED = 8
"""Candidates in the table; plan.json has all that were replayed."""


@dataclass(frozen=True)
class ChosenStack:
    """The chosen stack as data, and as a file that runs as it is."""

    data: Mapping[str, Any]
    yaml: str
    prices: tuple[PriceUse, ...] = ()
    """What it pays."""


@dataclass(frozen=True)
class MedianGrowth:
    """Growth of demand a month, as a share, at the median of an outlook."""

    outlook: str
    per_month: float


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
    growth: MedianGrowth | None = None
    """Of a plan without months: what the outlook's median says of the months that it does not look at."""
    empty: tuple[str, ...] = ()
    """Where the space leaves nothing to choose from."""

    @property
    def outgrown_in_months(self) -> float | None:
        """Months in which the median growth uses up the room of a plan without months; None where that is more than a year."""
        if self.growth is None or self.room is None or self.room.fails is None:
            return None
        return outgrown_in_months(self.room.fails, self.growth.per_month)

    @property
    def cautions(self) -> tuple[Caution, ...]:
        """What a reader must know before using the plan."""
        months = self.outgrown_in_months
        if months is None or self.growth is None or self.room is None or self.room.fails is None:
            return ()
        return (soon_outgrown(self.room.fails, self.growth.per_month, months, self.growth.outlook),)

    @property
    def levels(self) -> tuple[ServiceLevel, ...]:
        """What had to hold."""
        return self.plan.question.study.levels

    @property
    def months(self) -> int:
        """How many were forecast; 0: the replay alone."""
        return self.plan.question.study.months

    def words(self, judged: Judged) -> str:
        """A candidate in few words: only what differs between candidates, and as many as replay alike under one name."""
        return self._names.get(judged.candidate.number) or label(Alike(judged), self.lists)

    def foreseen(self, judged: Judged) -> Foreseen | None:
        """The months of a candidate as the search saw them."""
        return next((each for each in self.plan.foreseen if each.candidate.number == judged.candidate.number), None)

    def usd(self, judged: Judged) -> float:
        """What it costs a month. With months, in the futures that the search has not used: that of the chosen stack as it is there.

        Of others by the futures of the search, which are the same for all; without a forecast by the replay, moved as those of the same
        GPUs that were forecast; and all by what the chosen stack costs in the one kind of futures over the other.
        """
        chosen = self.plan.chosen
        if chosen is not None and judged.candidate.number == chosen.judged.candidate.number:
            return chosen.usd_per_month
        return self._searched_usd(judged) * self._fresh_over_searched

    @cached_property
    def _fresh_over_searched(self) -> float:
        chosen = self.plan.chosen
        seen = None if chosen is None else self.foreseen(chosen.judged)
        return 1.0 if chosen is None or seen is None or not seen.usd_per_month else chosen.usd_per_month / seen.usd_per_month

    def _searched_usd(self, judged: Judged) -> float:
        row = self._row_of.get(judged.candidate.number)
        first = judged if row is None else row.first
        seen = self.foreseen(judged) or self.foreseen(first)
        if seen is not None:
            return seen.usd_per_month
        gpu = dict(judged.candidate.values).get("gpu")
        every = [each for each in self.plan.foreseen if each.judged.usd_per_month > 0]
        like = [each for each in every if dict(each.candidate.values).get("gpu") == gpu] or list(every)
        moved = sum(each.usd_per_month / each.judged.usd_per_month for each in like) / len(like) if like else 1.0
        return judged.usd_per_month * moved

    def futures_met(self, judged: Judged) -> float | None:
        """Share of futures that meet the levels in the worst month: of the chosen stack those that the search has not used."""
        chosen = self.plan.chosen
        if chosen is not None and chosen.confidence.kind == "futures" and judged.candidate.number == chosen.judged.candidate.number:
            return chosen.confidence.share
        seen = self.foreseen(judged)
        return None if seen is None else seen.p_met

    def holds(self, judged: Judged) -> bool:
        """Whether it meets the levels as far as it was looked at."""
        seen = self.foreseen(judged)
        gone = [each.judged for each in self.plan.refuted] + [each.judged for each in self.plan.inferred]
        refuted = any(each.candidate.number == judged.candidate.number for each in gone)
        return judged.met and not refuted and (seen is None or seen.p_met >= self.plan.question.confidence)

    @cached_property
    def rows(self) -> tuple[Alike, ...]:
        """All that were replayed, those that replay alike as one row: the ones that meet the levels, then the others."""
        own = frozenset(each.candidate.number for each in self.plan.foreseen)
        chosen = self.plan.chosen
        first = -1 if chosen is None else chosen.judged.candidate.number
        order = sorted(
            self.plan.judged,
            key=lambda each: (each.candidate.number != first, each.candidate.number not in own, each.usd_per_month, each.candidate.number),
        )
        good = [each for each in order if self.holds(each)]
        return (*alike(good, own), *alike([each for each in order if not self.holds(each)], own))

    @cached_property
    def _row_of(self) -> Mapping[int, Alike]:
        return {each.candidate.number: row for row in self.rows for each in row.every}

    @cached_property
    def _names(self) -> Mapping[int, str]:
        return labels(self.rows, self.lists)

    @property
    def ranked(self) -> tuple[Alike, ...]:
        """The candidates that meet the levels, the chosen one first, then by cost."""
        chosen = self.plan.chosen
        own = -1 if chosen is None else chosen.judged.candidate.number
        return tuple(
            sorted(
                (row for row in self.rows if self.holds(row.first)), key=lambda row: (row.first.candidate.number != own, *self._order(row))
            )
        )

    def _order(self, row: Alike) -> tuple[float, float, int]:
        return self.usd(row.first), row.first.excess, row.first.candidate.number

    @property
    def runner_up(self) -> Alike | None:
        """The next that meets the levels and is not the same in all but its name."""
        return self.ranked[1] if self.plan.chosen is not None and len(self.ranked) > 1 else None

    def dearer_usd(self, judged: Judged) -> float:
        """What a candidate costs more in a month than the one that was chosen."""
        assert self.plan.chosen is not None
        return self.usd(judged) - self.plan.chosen.usd_per_month

    @property
    def cheaper(self) -> tuple[Alike, ...]:
        """Cheaper ones that fail, those that come closest first."""
        chosen = self.plan.chosen
        limit = float("inf") if chosen is None else chosen.usd_per_month

        def far(row: Alike) -> tuple[float, float, int]:
            seen = self.foreseen(row.first)
            return (row.first.excess if seen is None else -seen.p_met, self.usd(row.first), row.first.candidate.number)

        return tuple(sorted((row for row in self.rows if not self.holds(row.first) and self.usd(row.first) < limit), key=far))

    @property
    def frontier(self) -> tuple[Alike, ...]:
        """Of all that were replayed those that none beats in cost and in room to the levels, the cheapest first."""
        every = sorted(self.rows, key=self._order)
        return tuple(every[i] for i in pareto([(self.usd(row.first), row.first.excess) for row in every]))

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
        refuted = next((each for each in self.plan.refuted if each.judged.candidate.number == judged.candidate.number), None)
        if worst is None and refuted is not None and refuted.confidence.kind == "futures":
            number = worst_month(refuted.row.metrics, self.months)
            share = refuted.row.metrics.get(f"p_met_{number}") or 0.0
            return f"{self.month_names[number - 1]} meets them in {show_share(share)} of futures that the search has not used"
        if worst is None:
            return "fails on luck that the search has not used" if not self.holds(judged) else ""
        return f"{worst[1]}: {worst[1].shown(worst[2])}, {beyond(worst[0])}"

    def _held(self, judged: Judged) -> list[tuple[ServiceLevel, tuple[str, float, float | None, bool]]]:
        return list(zip(self.levels, judged.held.slo, strict=False))


def outgrown_in_months(fails: float, per_month: float) -> float | None:
    """Months until growth a month brings the demand, over that of today, at which levels fail; None for more than a year, or never."""
    if per_month <= 0:
        return None
    months = math.log(max(fails, 1.0)) / math.log1p(per_month)
    return months if months <= _YEAR else None


def beyond(excess: float) -> str:
    """How far beyond a limit, in words."""
    return f"{100 * excess:.0f} % beyond" if excess < 2 else f"{1 + excess:.1f} times the limit"


def worst_month(metrics: Mapping[str, float | None], months: int) -> int:
    """The month, from 1, that the fewest futures meet; of several the last."""
    numbers = range(1, months + 1)
    return min(numbers, key=lambda m: (metrics.get(f"p_met_{m}") or 0.0, -m))
