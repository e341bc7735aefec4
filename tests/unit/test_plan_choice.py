"""Which candidates a plan takes for failed once fresh futures have spoken: the one that was refuted, and its other names."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from sim.planning.choice import MOST_FORECASTS, Choice, Chosen, Foreseen
from sim.planning.confidence import Confidence
from sim.planning.points import Point, Row
from sim.planning.proof import unforecast


def judged(number: int, usd: float, ttft_s: float, gpu: str = "h100-sxm", **values: object) -> Any:
    """A candidate as the race judged it: its replay is told by the time to first token."""
    row = Row(Point(number, (), ()), {"usd_per_month": usd}, (("ttft_p95", 3.0, ttft_s, True),))
    candidate = SimpleNamespace(number=number, values=(("gpu", gpu), *values.items()))
    return SimpleNamespace(candidate=candidate, usd_per_month=usd, held=row, row=row, excesses=(ttft_s / 3.0 - 1.0,), met=True)


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


def test_a_stack_with_another_place_to_go_is_forecast_even_if_it_replays_as_one_that_fails() -> None:
    """An outage, or a preemption, shows in months alone."""
    alone, helped = judged(0, 100.0, 1.0, fallback="none"), judged(1, 100.0, 1.0, fallback="stack")
    choice = Told([alone, helped], {0: 0.5, 1: 1.0}, {1: 1.0})
    chosen = choice.chosen()
    assert chosen is not None and chosen.judged is helped
    spot, firm = judged(0, 100.0, 1.0, purchase="spot"), judged(1, 101.0, 1.0, purchase="on_demand")
    choice = Told([spot, firm], {0: 0.5, 1: 1.0}, {1: 1.0})
    chosen = choice.chosen()
    assert chosen is not None and chosen.judged is firm and choice.inferred == []


def test_what_was_not_forecast_says_why_and_whether_it_could_have_won() -> None:
    race = [
        judged(0, 100.0, 2.0, replicas="2"), judged(1, 100.0, 2.0, replicas="2", max_num_seqs=8), judged(2, 101.0, 2.5, replicas="3"),
        judged(3, 105.0, 1.0, replicas="4"), judged(4, 110.0, 1.1, replicas="5"), judged(5, 111.0, 1.1, replicas="2-6 hpa 8"),
        judged(6, 200.0, 0.5, "l40s", replicas="9"),
    ]  # fmt: skip
    choice = Told(race, {0: 0.5, 3: 1.0}, {3: 1.0})
    chosen = choice.chosen()
    assert chosen is not None and chosen.judged is race[3]
    found = unforecast(race, choice, chosen)
    assert [(each.judged.candidate.number, each.reason, each.could_win) for each in found] == [
        (1, "no_better", True), (2, "no_better", True), (4, "dearer", False), (5, "dearer", True), (6, "apart", True)
    ]  # fmt: skip
    assert [None if each.than is None else each.than.candidate.number for each in found] == [0, 0, 3, 3, 3]


def test_as_many_as_are_forecast_leave_some_that_could_have_won() -> None:
    race = [judged(n, 100.0 + n, 2.0 - n / 20, f"gpu-{n}") for n in range(MOST_FORECASTS + 2)]
    choice = Told(race, dict.fromkeys(range(MOST_FORECASTS), 0.5), {})
    assert choice.chosen() is None
    assert [(each.judged.candidate.number, each.reason, each.could_win) for each in unforecast(race, choice, None)] == [
        (n, "most", True) for n in range(MOST_FORECASTS, MOST_FORECASTS + 2)
    ]
    assert any("the most that are" in note for note in choice.notes)
