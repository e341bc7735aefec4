"""From draws to facts and lines: what is counted in which month, sets of futures joined and mixed, and what the library says of them."""

from __future__ import annotations

from dataclasses import fields, replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from sim.futures.bill import usage_lines
from sim.futures.combine import Source, month_amounts
from sim.futures.draws import GROUPS, Draws, Retraining
from sim.futures.effects import hazard_effects
from sim.futures.evaluate import (
    Evaluator,
    LibraryPart,
    incidents_by_month,
    joined,
    migrations_by_month,
    mixed,
    retraining_by_month,
)
from sim.futures.hazard import Hazard
from sim.futures.library import build_library
from sim.futures.usage import ALL, UsageLayout
from sim.stack.resolved import ResolvedStack
from tests.made.draws import BOOK, CATALOG, drawn, resolved
from tests.made.incidents import FIRST, HAZARDS, HOUR, LOST, EvenStack, incidents
from tests.made.incidents import draws as even_draws

POOL = "kind: gpu, llm: llama-3.1-8b, gpu: h100-sxm, usd_per_gpu_hour: 2, gpus_per_node: 1"
ENTRY = "every: 90d, examples: 1k, tokens_per_example: 100"
HYBRID = (
    f"deployments: {{own: {{{POOL}}}, a: {{kind: api, model: gpt-4o}}, b: {{kind: api, model: gpt-4o-mini}}}}\n"
    "routing: [{to: [own, a, b]}]\n"
    f"retraining: [{{deployment: own, {ENTRY}, where: {{kind: rented, gpu: h200-sxm, gpus: 2}}, failure_share: 0.3}}]\n"
    "people: {ml_engineers: 0.5}\n"
)

AT_MARKET = HYBRID.replace(", usd_per_gpu_hour: 2", "").replace("gpt-4o}", "gpt-6.1-sol}")
"""The same with nothing agreed or announced."""


def stack_of(*models: str) -> ResolvedStack:
    names = [f"api{k}" for k in range(len(models))]
    text = ", ".join(f"{name}: {{kind: api, model: {model}}}" for name, model in zip(names, models, strict=True))
    return resolved(f"deployments: {{{text}}}\nrouting: [{{to: [{', '.join(names)}]}}]")


def retired(*days: list[int]) -> Draws:
    """Two months of 30 and 31 days in which models are retired: a list of days by deployment for each future."""
    made = even_draws(incidents(), futures=len(days), months=2, hazards=(), deployments=len(days[0]))
    return replace(made, retired_from=np.array(days))


# --- what is counted in a month ---


def test_a_model_that_two_deployments_use_is_migrated_once() -> None:
    draws = retired([10, 10, 99], [40, 40, 40], [99, 99, 0])
    found = migrations_by_month(draws, stack_of("gpt-4o", "gpt-4o", "gpt-5-mini"))
    assert found.tolist() == [[1.0, 0.0], [0.0, 2.0], [1.0, 0.0]]


def test_models_that_end_on_one_day_are_migrated_each() -> None:
    draws = replace(retired([10, 10, 61], [61, 61, 61]), successors=(None, None, None))
    assert migrations_by_month(draws, stack_of("gpt-4o", "gpt-4o-mini", "gpt-5-mini")).tolist() == [[2.0, 0.0], [0.0, 0.0]]


def test_incidents_count_in_the_month_they_begin_and_training_is_none() -> None:
    hazards = (*HAZARDS, Hazard("retraining", "own", (2,)))
    given = incidents((0, FIRST, -5.0, 9.0), (0, FIRST, 10.0, 1.0), (0, LOST, 719.5, 3.0), (1, LOST, 720.0, 1.0), (1, 4, 3.0, 8.0))
    draws = even_draws(given, futures=2, months=2, hazards=hazards)
    # The first was there already; the last but one begins in the first hour of the second month of 30 + 31 days.
    assert incidents_by_month(draws.incidents, draws).tolist() == [[2.0, 0.0], [0.0, 1.0]]


def test_incidents_of_no_hazard_are_none() -> None:
    draws = even_draws(incidents(), hazards=())
    assert incidents_by_month(draws.incidents, draws).tolist() == [[0.0]]


def test_runs_attempts_and_roll_backs_by_entry_and_month() -> None:
    runs = Retraining(
        future=np.array([0, 0, 0, 1]), deployment=np.array([2, 2, 1, 2]), day=np.array([3, 29, 30, 60]), attempts=np.array([1, 3, 2, 1]),
        rolled_back=np.array([False, True, False, True]),
    )  # fmt: skip
    draws = replace(even_draws(incidents(), futures=2, months=2), retraining=runs)
    count, attempts, back = retraining_by_month(draws.retraining, draws, [1, 2])
    assert count[0].tolist() == [[0.0, 1.0], [0.0, 0.0]] and attempts[0].tolist() == [[0.0, 2.0], [0.0, 0.0]]
    assert count[1].tolist() == [[2.0, 0.0], [0.0, 1.0]] and attempts[1].tolist() == [[4.0, 0.0], [0.0, 1.0]]
    assert back[0].tolist() == [[0.0, 0.0], [0.0, 0.0]] and back[1].tolist() == [[1.0, 0.0], [0.0, 1.0]]


# --- sets of futures ---


BY_GROUP = {
    "demand": {"level", "prompt"},
    "sample": {"level", "sample"},
    "profile": {"step"},
    "api_prices": {"token_price"},
    "gpu_prices": {"gpu_price", "training_price"},
    "incidents": {"incidents", "limits_from"},
    "retraining": {"retraining", "money.labels"},
    "retirement": {"retired_from", "money.migration"},
    "people": {"money.people", "money.hidden_share", "money.response_hours"},
}
"""Fields of Draws that belong to a group. (Nights of training are incidents of their futures, and stay with the library.)"""


def equal(one: Any, other: Any) -> bool:
    if hasattr(one, "__dataclass_fields__"):
        return all(equal(getattr(one, each.name), getattr(other, each.name)) for each in fields(one))
    if hasattr(one, "items"):
        return one.keys() == other.keys() and all(equal(one[key], other[key]) for key in one)
    return np.array_equal(one, other) if isinstance(one, np.ndarray) else bool(one == other)


def differing(one: Draws, other: Draws) -> set[str]:
    found = {each.name for each in fields(Draws) if each.name != "money" and not equal(getattr(one, each.name), getattr(other, each.name))}
    return found | {f"money.{name}" for name in one.money if not np.array_equal(one.money[name], other.money[name])}


@pytest.fixture(scope="module")
def sets() -> tuple[Draws, Draws]:
    """Two sets of as many futures in which every group is drawn apart."""
    one, other = (
        drawn("extends: stress", AT_MARKET, months=24, futures=40, sample_sigma=0.1, replication=dict.fromkeys(GROUPS, k)) for k in range(2)
    )
    assert differing(one, other) == set().union(*BY_GROUP.values())
    return one, other


@pytest.mark.parametrize("group", GROUPS)
def test_a_group_is_mixed_in_and_nothing_else(group: str, sets: tuple[Draws, Draws]) -> None:
    one, other = sets
    found, incidents_of_other = mixed(one, other, group)
    assert differing(found, one) == BY_GROUP[group]
    assert incidents_of_other == (group == "incidents")
    for name in BY_GROUP[group] - {"level"}:
        if name.startswith("money."):
            assert np.array_equal(found.money[name[6:]], other.money[name[6:]])
        else:
            assert equal(getattr(found, name), getattr(other, name)), name


def test_demand_and_sample_are_the_two_parts_of_a_level(sets: tuple[Draws, Draws]) -> None:
    one, other = sets
    demand, sample = mixed(one, other, "demand")[0], mixed(one, other, "sample")[0]
    assert demand.level / one.sample[:, None] == pytest.approx(other.level / other.sample[:, None])
    assert sample.level / other.sample[:, None] == pytest.approx(one.level / one.sample[:, None])
    assert mixed(demand, other, "sample")[0].level == pytest.approx(other.level)


def test_every_group_mixed_in_one_after_the_other_is_the_other_set(sets: tuple[Draws, Draws]) -> None:
    one, other = sets
    for group in GROUPS:
        one, _ = mixed(one, other, group)
    assert one.level == pytest.approx(other.level)
    assert differing(one, other) <= {"level"}


def test_no_such_group(sets: tuple[Draws, Draws]) -> None:
    with pytest.raises(ValueError, match="no group 'weather'"):
        mixed(*sets, "weather")


def test_joined_sets_keep_both_halves() -> None:
    one = drawn("extends: stress", HYBRID, months=12, futures=7)
    other = drawn("extends: stress", HYBRID, months=12, futures=5, replication=dict.fromkeys(GROUPS, 1))
    both = joined(one, other)
    assert both.futures == 12
    for name in ("level", "sample", "prompt", "step", "token_price", "gpu_price", "limits_from", "retired_from"):
        assert np.array_equal(getattr(both, name)[:7], getattr(one, name)) and np.array_equal(getattr(both, name)[7:], getattr(other, name))
    for key in ("money", "training_price"):
        for name, values in getattr(both, key).items():
            assert np.array_equal(values[:7], getattr(one, key)[name]) and np.array_equal(values[7:], getattr(other, key)[name])
    assert len(one.incidents) and len(other.incidents)
    for name in ("incidents", "retraining"):
        whole = getattr(both, name)
        own = whole.future < 7
        for column in fields(whole):
            values, shift = getattr(whole, column.name), 7 * (column.name == "future")
            assert np.array_equal(values[own], getattr(getattr(one, name), column.name))
            assert np.array_equal(values[~own] - shift if shift else values[~own], getattr(getattr(other, name), column.name))
        assert (np.diff(whole.future) >= 0).all()
    assert (both.hazards, both.successors, both.calendar) == (one.hazards, one.successors, one.calendar)


# --- the library's part ---


def test_the_library_speaks_of_its_own_futures_at_whatever_demand() -> None:
    given = incidents((0, FIRST, 10.0, 2.0), (1, FIRST, 30.0, 4.0), (1, FIRST, 100.0, 2.0), (2, FIRST, 800.0, 3.0))
    draws = even_draws(given, futures=3, months=2)
    even = EvenStack()
    library = build_library(even, draws)
    column = even.layout.at("first", "input_tokens")
    whole = library.month_sums()[:, :, column]
    assert (whole < 0).sum() == 3
    for futures in (slice(0, 1), slice(1, 3)):
        part = LibraryPart(library, futures, draws.level[futures])
        assert month_amounts([part], draws.calendar, column) == pytest.approx(whole[futures])
        twice = LibraryPart(library, futures, 2 * draws.level[futures])
        assert month_amounts([twice], draws.calendar, column) == pytest.approx(2 * whole[futures])
    # What is priced takes the factor of the day an incident begins on: that of day 1 and of day 4, not of the other days.
    factor = np.where(np.arange(61) == 1, 3.0, 7.0)[None, :].repeat(3, axis=0)
    part = LibraryPart(library, slice(1, 2), draws.level[1:2])
    per_hour = -100 * 2.0 * HOUR
    assert month_amounts([part], draws.calendar, column, factor[1:2])[0].tolist() == pytest.approx([per_hour * (3 * 4.0 + 7 * 2.0), 0.0])
    assert part.histogram is library.histogram and part.amounts is library.amounts


def test_effects_of_hazards_are_priced_at_the_first_day() -> None:
    given = incidents((0, FIRST, 10.0, 2.0), (0, LOST, 30.0, 5.0))
    text = f"deployments: {{first: {{kind: api, model: gpt-4o}}, second: {{kind: api, model: gpt-4o}}, own: {{{POOL}}}}}\n"
    even = EvenStack()
    library = build_library(even, even_draws(given))
    found = {each.kind: each for each in hazard_effects(library, resolved(text + "routing: [{to: [first, second, own]}]"))}
    assert set(found) == {"api_outage", "gpu_failure"}  # degradations never came
    outage, failure = found["api_outage"], found["gpu_failure"]
    assert (outage.name, outage.per_month, outage.hours_per_month) == ("first", 1.0, pytest.approx(2.0))
    assert outage.saved_requests == pytest.approx(2.0 * 2 * HOUR) and outage.failed_requests == pytest.approx(0.0, abs=1e-6)
    assert failure.usd == pytest.approx(-2 * 2.0)  # two GPU-hours less at 2 USD


# --- facts and lines ---


LAYOUT = UsageLayout.of(("own",), (("a", 1), ("b", 1)))
DAY = {
    (ALL, "requests"): 1000.0, (ALL, "rejected"): 10.0, (ALL, "timed_out"): 5.0, (ALL, "failed"): 3.0, (ALL, "unfinished"): 2.0,
    ("own", "paid_gpu_hours"): 24.0, ("own", "present_gpu_hours"): 24.0, ("own", "busy_gpu_hours"): 6.0,
    ("a", "priced_input_0"): 4e6, ("a", "priced_output_0"): 1e6,
}  # fmt: skip


def evaluator() -> Evaluator:
    """A stack whose days are all alike, without replays."""
    cells: Any = SimpleNamespace(layout=LAYOUT, tier_starts=lambda _: (0,))
    return Evaluator(resolved(HYBRID), CATALOG, BOOK, cells, None, None)


def even_source(draws: Draws) -> Source:
    row = np.zeros((1, len(LAYOUT)))
    for column, amount in DAY.items():
        row[0, LAYOUT.at(*column)] = amount
    return Source(
        draws.calendar, row, np.zeros((1, 3, 1)), np.zeros((1, 1, 6)), np.zeros((*draws.level.shape, 1), np.int64), draws.level[:, :, None]
    )


def test_facts_are_those_of_the_months() -> None:
    draws = drawn("extends: stress", HYBRID, months=6, futures=4)
    found, source = evaluator(), even_source(draws)
    lines = usage_lines((source,), draws, LAYOUT, found.prices(draws, {}))
    facts = found.facts(draws, (source,), lines)
    assert facts.requests == pytest.approx(facts.failed_requests * 50)
    assert facts.invoice_usd == pytest.approx(np.sum([usd for _, usd in lines], axis=0))
    month = draws.calendar.month_of_day
    expected = [[draws.training_price[0][f, month == m].mean() for m in range(6)] for f in range(4)]
    assert facts.training_price[0] == pytest.approx(np.array(expected))
    # Its own GPU's market, not that of the pool, whose price is agreed.
    assert (draws.gpu_price[:, :, 0] == 1.0).all() and len(np.unique(facts.training_price[0])) > 12
    assert facts.retraining_runs[0].sum() == len(draws.retraining.future) and facts.retraining_attempts[0].sum() > 0


def test_rented_training_is_paid_at_the_price_of_its_month() -> None:
    draws = drawn("extends: stress", HYBRID, months=6, futures=4)
    found, source = evaluator(), even_source(draws)
    lines = {name.item: usd for name, usd in found.lines(draws, (source,), {})}
    facts = found.facts(draws, (source,), [])
    (entry,) = found.resolved.costs.retraining
    expected = facts.retraining_attempts[0] * entry.gpu_hours * entry.usd_per_gpu_hour * facts.training_price[0]
    assert lines["retraining_gpu"] == pytest.approx(expected) and expected.any()


def test_lines_hold_all_that_is_charged_and_none_is_negative() -> None:
    draws = drawn("extends: stress", HYBRID, months=6, futures=4)
    lines = evaluator().lines(draws, (even_source(draws),), {0: "street price"})
    items = [(name.deployment, name.item) for name, _ in lines]
    assert len(set(items)) == len(items)
    assert {("own", "gpu_used"), ("own", "gpu_idle"), ("a", "api_input"), ("own", "retraining_gpu"), ("shared", "people_ml")} <= set(items)
    assert all(usd.shape == (4, 6) and (usd >= 0).all() for _, usd in lines)
    assert {name.assumed for name, _ in lines if name.item.startswith("gpu_")} == {"street price"}
    hours = np.add.reduceat(24.0 * draws.level, np.flatnonzero(np.diff(draws.calendar.month_of_day, prepend=-1)), axis=1)
    paid = sum(usd for name, usd in lines if name.item.startswith("gpu_"))
    assert paid == pytest.approx(2.0 * hours)
