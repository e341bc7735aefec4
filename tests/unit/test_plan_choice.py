"""Which candidates a plan takes for failed once fresh futures have spoken: the one that was refuted, and its other names."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from sim.planning.choice import Choice, Chosen, Foreseen
from sim.planning.confidence import Confidence
from sim.planning.points import Point, Row


def judged(number: int, usd: float, ttft_s: float, gpu: str = "h100-sxm") -> Any:
    """A candidate as the race judged it: its replay is told by the time to first token."""
    row = Row(Point(number, (), ()), {"usd_per_month": usd}, (("ttft_p95", 3.0, ttft_s, True),))
    candidate = SimpleNamespace(number=number, values=(("gpu", gpu),))
    return SimpleNamespace(candidate=candidate, usd_per_month=usd, held=row, row=row, excesses=(ttft_s / 3.0 - 1.0,))


class Told(Choice):
    """Months of each candidate are given: those of the search, and those of fresh futures."""

    def __init__(self, race: list[Any], searched: dict[int, float], fresh: dict[int, float]) -> None:
        question = SimpleNamespace(study=SimpleNamespace(months=3, seed=0), confidence=0.9)
        super().__init__(question, SimpleNamespace(), race)  # type: ignore[arg-type]
        self.searched, self.fresh = searched, fresh

    def _foresee(self, one: Any) -> Foreseen:
        return Foreseen(one, one.row, self.searched[one.candidate.number], one.usd_per_month)

    def _confirm(self, found: Any, number: int) -> Chosen:
        met = round(100 * self.fresh[found.candidate.number])
        return Chosen(found.judged, found.judged.row, found.usd_per_month, Confidence(met, 100, number, "futures"))


def test_another_name_of_a_refuted_stack_is_refuted_too() -> None:
    race = [judged(0, 100.0, 1.0), judged(1, 100.0, 1.0), judged(2, 105.0, 0.5, "l40s"), judged(3, 200.0, 0.5)]
    choice = Told(race, {0: 0.9, 2: 1.0}, {0: 0.85, 2: 1.0})
    chosen = choice.chosen()
    assert chosen is not None and chosen.judged is race[2]
    assert [each.judged for each in choice.refuted] == [race[0]]
    assert [(each.judged, each.than) for each in choice.inferred] == [(race[1], race[0])]


def test_another_name_of_a_stack_whose_months_fail_fails_too() -> None:
    race = [judged(0, 100.0, 1.0), judged(1, 100.0, 1.0), judged(2, 150.0, 0.5)]
    choice = Told(race, {0: 0.5, 2: 1.0}, {2: 1.0})
    chosen = choice.chosen()
    assert chosen is not None and chosen.judged is race[2]
    assert [(each.judged, each.than) for each in choice.inferred] == [(race[1], race[0])]


def test_what_costs_more_on_the_same_gpus_is_looked_at_once_the_cheaper_one_is_refuted() -> None:
    race = [judged(0, 100.0, 1.0), judged(1, 130.0, 0.7), judged(2, 120.0, 0.8), judged(3, 500.0, 0.5, "l40s")]
    chosen = Told(race, {0: 0.9, 1: 1.0, 2: 1.0, 3: 1.0}, {0: 0.85, 1: 1.0, 2: 1.0, 3: 1.0}).chosen()
    assert chosen is not None and chosen.judged is race[2]
