"""Paths from one strategy to another: costs by hand, month by month; the two ends of which each is one of the strategies; no look ahead."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pytest

from sim.catalog.catalog import Catalog
from sim.decision.facts import Quality, Quantiles, StrategyFacts
from sim.decision.needs import Needs
from sim.decision.progression import best_month, path, starts
from sim.decision.progression_defaults import progression_defaults
from sim.decision.progression_facts import path_facts
from sim.decision.progression_move import Move, move_of, too_low
from sim.decision.progression_time import NEVER, Pace, timeline
from sim.decision.strategies import Progression
from sim.decision.triggers import triggers
from sim.futures.forecast import Forecast
from sim.results.traffic import read_trace
from sim.stack import facts_of
from tests.made.forecast import forecast
from tests.made.strategies import strategy
from tests.made.watched import facts

CATALOG = Catalog.bundled()
MONTHS = 6
WORKLOAD = str(Path(__file__).parents[2] / "workloads" / "steady.parquet")
AT_ONCE = Move(Pace(0.0, 0.0, 0.0, 0.0), 0.0, 0.0, 0.0, 0.0, ())
CENT = 0.005


def then(month: int | None = None, trigger: str | None = None, **changed: Any) -> Progression:
    said: dict[str, Any] = {"not_before": 1, "ramp_months": 0.0, "parallel_months": 0.0, "rollback_share": 0.0, "migration_usd": 0.0}
    return Progression(cast(Any, None), month, trigger, **{**said, **changed})


def old(tokens: npt.ArrayLike = 100.0, *, futures: int = 1, **more: npt.ArrayLike) -> StrategyFacts:
    lines: dict[Any, Any] = {("api", "api_input", "invoice"): tokens}
    lines |= {("shared", item, "tco"): usd for item, usd in more.items()}
    return facts(forecast(lines, stack="buy", futures=futures, months=MONTHS), vendors=("openai",))


def new(gpus: npt.ArrayLike = 60.0, *, futures: int = 1, build: float = 0.0, **more: npt.ArrayLike) -> StrategyFacts:
    lines: dict[Any, Any] = {("own", "gpu_used", "invoice"): gpus}
    lines |= {("shared", item, "tco"): usd for item, usd in more.items()}
    found = forecast(lines, stack="host", futures=futures, months=MONTHS)
    return facts(found, gpus=True, kind="self_hosted", months_to_production=build)


def first(usd: float) -> npt.NDArray[np.float64]:
    return np.array([usd] + [0.0] * (MONTHS - 1))


def whole(a: Forecast, *, hidden: npt.ArrayLike = 0.0) -> Forecast:
    """With a hidden line of a share [F, 1] of all others."""
    rest = a.total("tco")
    line = replace(a.lines[0], deployment="shared", item="hidden", kind="tco")
    return replace(a, lines=(*a.lines, line), usd=np.concatenate([a.usd, (np.asarray(hidden) * rest)[:, :, None]], axis=2))


def pair(futures: int = 40) -> tuple[StrategyFacts, StrategyFacts]:
    """Two stacks with spread, one-off costs, people, and hidden shares that differ between futures."""
    random = np.random.default_rng(5)
    a = strategy("buy", per_request=0.004, people=1600.0, once=5000.0, months=MONTHS, futures=futures)
    b = strategy("host", per_request=0.0005, fixed=4000.0, people=9000.0, once=50_000.0, months=MONTHS, futures=futures)
    shares = random.uniform(0.0, 0.3, (2, futures, 1))
    return (
        facts(whole(a, hidden=shares[0]), vendors=("openai",)),
        facts(whole(b, hidden=shares[1]), gpus=True, kind="self_hosted", months_to_production=2.0),
    )


def test_a_path_that_never_goes_over_costs_what_the_first_strategy_does_to_the_cent() -> None:
    a, b = pair()
    move = replace(AT_ONCE, pace=Pace(2.0, 1.0, 2.0, 1.0), rollback_share=1.0, migration_usd=9e5, rework_usd=9e5)
    found = path(then(trigger="price_rise"), a, b, move, signal=None)
    assert np.abs(found.tco_usd_by_month - a.tco_usd_by_month).max() < CENT
    assert np.abs(found.invoice_usd_by_month - a.invoice_usd_by_month).max() < CENT
    assert (found.p_cheaper, found.se, found.switches.share, found.move_usd.mean) == (0.5, 0.0, 0.0, 0.0)


def test_a_path_that_goes_over_at_once_without_ramp_and_migration_costs_what_the_second_does_to_the_cent() -> None:
    a, b = pair()
    for build in (0.0, 2.0):
        found = path(then(1), a, b, replace(AT_ONCE, pace=Pace(build, 0.0, 0.0, 0.0)))
        assert np.abs(found.tco_usd_by_month - b.tco_usd_by_month).max() < CENT
        assert np.abs(found.invoice_usd_by_month - b.invoice_usd_by_month).max() < CENT
        assert found.switches.p50 == 1


def test_the_months_of_a_path_by_hand() -> None:
    # Over from month 4 (t = 3), built in two months, half a month of ramp, one and a half months of both; migration 1,000.
    a = old(100.0, people_devops=10.0)
    b = new(60.0, people_ml=20.0, development=first(400.0), compliance_one_off=first(40.0), tooling=5.0)
    found = path(then(4), a, b, replace(AT_ONCE, pace=Pace(2.0, 0.5, 1.5, 0.0), migration_usd=1000.0))
    building = 400 / 2 + 40 / 2 + 1000 / 2 + 20  # two months: parts of what is paid once, and people
    fourth = 0.25 * 100 + 10 + 60 + 20 + 5  # the ramp leaves a quarter of the month's traffic with the old one
    fifth = 10 * 0.5 + 85  # which stands for another half a month, without traffic
    assert found.tco_usd_by_month[0] == pytest.approx([110, 110 + building, 110 + building, fourth, fifth, 85])
    assert found.invoice_usd_by_month[0] == pytest.approx([100, 100, 100, 25 + 60, 60, 60])
    assert found.moved_share[0] == pytest.approx([0, 0, 0, 0.75, 1, 1])
    assert found.move_usd.mean == pytest.approx(2 * building)
    assert found.ramp_beyond_usd.mean == pytest.approx(60 * 0.25)  # half a month in which half of it serves, in the mean
    assert found.saves_usd.mean == pytest.approx(6 * 110 - found.tco_usd_by_month.sum())
    assert found.month.tolist() == [3]


def test_building_that_would_begin_before_the_first_month_is_paid_in_what_there_is() -> None:
    b = new(60.0, people_ml=20.0, development=first(400.0))
    found = path(then(2), old(100.0), b, replace(AT_ONCE, pace=Pace(3.0, 0.0, 0.0, 0.0), migration_usd=90.0))
    assert found.tco_usd_by_month[0] == pytest.approx([100 + 400 + 90 + 20, 80, 80, 80, 80, 80])


def test_a_move_that_is_taken_back_pays_for_both_and_for_a_second_try() -> None:
    # From t = 1: a ramp of one month, judged at t = 2; back for one month; second try at t = 3, judged at t = 4.
    pace = Pace(0.0, 1.0, 1.0, 1.0)
    move = replace(AT_ONCE, pace=pace, rework_usd=500.0)
    time = timeline(np.ones(3), np.array([[True, False], [True, True], [False, True]]), pace, MONTHS)
    assert time.moved.tolist() == [[0, 0.5, 0, 0.5, 1, 1], [0, 0.5, 0, 0.5, 0, 0], [0, 0.5, 1, 1, 1, 1]]
    assert time.old_up.tolist() == [[1, 1, 1, 1, 0, 0], [1] * 6, [1, 1, 0, 0, 0, 0]]
    assert time.new_up.tolist() == [[0, 1, 1, 1, 1, 1], [0, 1, 1, 1, 0, 0], [0, 1, 1, 1, 1, 1]]
    assert time.rework_share.tolist() == [[0, 0, 1, 0, 0, 0], [0, 0, 1, 0, 0, 0], [0] * 6]
    assert time.second_try.tolist() == [True, True, False]
    assert time.given_up.tolist() == [False, True, False]
    found = path(then(2), old(100.0, people_devops=10.0), new(60.0), replace(move, rollback_share=1.0))
    assert found.tco_usd_by_month[0] == pytest.approx([110, 50 + 10 + 60, 110 + 60 + 500, 50 + 10 + 60, 110, 110])
    assert (found.p_second_try, found.p_given_up) == (1.0, 1.0)


def test_whatever_the_pace_shares_are_shares_and_work_is_paid_once() -> None:
    random = np.random.default_rng(11)
    for _ in range(50):
        pace = Pace(*random.choice([0.0, 0.3, 1.0, 2.7], 4))
        start = np.where(random.random(40) < 0.2, NEVER, random.integers(0, 20, 40) / random.choice([1, 4]))
        time = timeline(start, random.random((40, 2)) < 0.4, pace, 60)  # all of it lies within the horizon
        goes = start < NEVER
        for part in (time.moved, time.old_up, time.new_up, time.building, time.old_beyond, time.new_beyond):
            assert part.min() >= 0.0
            assert part.max() <= 1.0 + 1e-9
        assert np.all(time.moved <= time.new_up + 1e-9)
        assert np.all(1 - time.moved <= time.old_up + 1e-9)  # traffic is always where something stands
        assert time.build_share.sum(axis=1) == pytest.approx(goes.astype(float))
        assert time.rework_share.sum(axis=1) == pytest.approx(time.second_try.astype(float))
        assert time.building.sum(axis=1) == pytest.approx(np.where(goes, np.minimum(start, pace.build), 0.0))
        assert time.moved[:, -1] == pytest.approx((goes & ~time.given_up).astype(float))


def test_as_many_moves_are_taken_back_as_are_said_to_be_and_the_same_for_every_path() -> None:
    futures = 4000
    a, b = old(futures=futures), new(futures=futures)
    move = replace(AT_ONCE, rollback_share=0.3)
    found = path(then(2), a, b, move)
    assert abs(found.p_second_try - 0.3) < 4 * math.sqrt(0.3 * 0.7 / futures)
    assert abs(found.p_given_up - 0.09) < 4 * math.sqrt(0.09 * 0.91 / futures)
    later = path(then(3), a, b, move)
    assert np.array_equal(found.timeline.given_up, later.timeline.given_up)
    assert path(then(2), a, b, move, rollback=False).p_second_try == 0


def test_gpus_that_are_committed_to_are_paid_to_the_end_of_their_term() -> None:
    from tests.made.draws import resolved

    pools = resolved("deployments: {own: {kind: gpu, llm: llama-3.1-8b, gpu: h100-sxm, purchase: reserved_1y}}").deployments
    a = new(60.0)
    assert a.resolved is not None
    a = replace(a, resolved=cast(Any, type(a.resolved)(costs=a.resolved.costs, deployments=pools)))
    b = old(10.0)
    found = path(then(3), a, b, AT_ONCE)
    assert found.tco_usd_by_month[0] == pytest.approx([60, 60, 70, 70, 70, 70])
    assert path(then(1), a, b, AT_ONCE).tco_usd_by_month[0] == pytest.approx([10] * 6)


def test_a_signal_is_known_at_the_end_of_its_month_and_acted_on_once_people_are_there_and_all_is_built() -> None:
    bill = np.array([[100, 400, 400, 400, 400, 400], [100.0] * 6, [400] * 6])
    a, b = old(bill, futures=3), new(futures=3, build=1.0)
    needs = Needs.model_validate({"triggers": {"bill_above_self_hosting": {"threshold": 2, "months": 2}}})
    signal = triggers(a, (b,), needs, CATALOG).named("bill_above_self_hosting")
    assert signal is not None
    move = replace(AT_ONCE, pace=Pace(1.0, 0.0, 0.0, 0.0))
    assert signal.first_month.tolist() == [2, MONTHS, 1]
    plan = then(trigger="bill_above_self_hosting")
    assert starts(plan, (3, MONTHS), move, signal).tolist() == [4, NEVER, 3]
    assert starts(plan, (3, MONTHS), replace(move, hiring_months=0.5), signal).tolist() == [5, NEVER, 4]
    late = then(trigger="bill_above_self_hosting", not_before=4)
    assert starts(late, (3, MONTHS), move, signal).tolist() == [5, NEVER, 5]
    found = path(plan, a, b, move, signal=signal)
    assert found.month.tolist() == [4, MONTHS, 3]
    assert (found.switches.p5, found.switches.p50, found.switches.p95) == (4, 5, None)


def test_what_lies_ahead_moves_neither_the_month_nor_any_cost_before_it() -> None:
    random = np.random.default_rng(9)
    futures = 80
    bill, gpus = random.uniform(50, 250, (2, futures, MONTHS))
    needs = Needs.model_validate({"triggers": {"bill_above_self_hosting": {"threshold": 1, "months": 2}}})
    move = replace(AT_ONCE, pace=Pace(1.0, 0.5, 1.0, 1.0), migration_usd=100.0, rollback_share=0.2)

    def found(known: int) -> npt.NDArray[np.float64]:
        later = np.arange(MONTHS) > known
        a, b = old(np.where(later, 1e6, bill), futures=futures), new(np.where(later, 0.0, gpus), futures=futures, build=1.0)
        signal = triggers(a, (b,), needs, CATALOG).named("bill_above_self_hosting")
        return path(then(trigger="bill_above_self_hosting"), a, b, move, signal=signal).tco_usd_by_month

    everything = found(MONTHS)
    assert len(np.unique(everything.round(6), axis=0)) > 10
    for known in range(MONTHS):
        assert np.allclose(found(known)[:, : known + 1], everything[:, : known + 1], rtol=0, atol=1e-9)


def test_the_best_month_is_when_the_bill_has_grown_above_the_machines() -> None:
    # 45, 65, ..., 145 against 100: from month 4 on it is dearer, by 75 in all; moving costs 20.
    a, b = old(np.arange(45.0, 165.0, 20.0), futures=3), new(100.0, futures=3)
    found = best_month(then(1), a, b, replace(AT_ONCE, migration_usd=20.0))
    bill = np.arange(45, 165, 20)
    by_hand = [bill[: k - 1].sum() + 100 * (MONTHS - k + 1) + 20 for k in range(1, MONTHS + 1)]
    assert [each.tco_usd.mean for each in found.costs] == pytest.approx([bill.sum(), *by_hand])
    assert found.month == 4 == 1 + int(np.argmin(by_hand))
    assert best_month(then(1), a, b, replace(AT_ONCE, migration_usd=76.0)).month is None


def test_a_path_pays_back_in_the_month_after_which_it_has_cost_less() -> None:
    found = path(then(2), old(100.0), new(60.0), replace(AT_ONCE, migration_usd=90.0))
    # Months 2, 3 and 4 save 40 each: 120 of 90.
    assert (found.payback.share, found.payback.p50) == (1.0, 4)
    assert found.p_cheaper == 1.0
    assert found.saves_usd.mean == pytest.approx(5 * 40 - 90)


def test_a_move_is_as_stated_else_as_assumed() -> None:
    says = progression_defaults(CATALOG)
    weeks = says.migration_weeks
    a, b = old(), new(build=2.5)
    assumed = move_of(
        then(2, ramp_months=None, parallel_months=None, rollback_share=None, migration_usd=None), a, b, Needs(), CATALOG
    )  # fmt: skip
    every = weeks.infrastructure + weeks.prompts + weeks.evaluation + weeks.traffic
    assert assumed.migration_usd == pytest.approx(every * 40 * 150)
    assert assumed.rework_usd == pytest.approx((weeks.prompts + weeks.evaluation) * 40 * 150)
    assert assumed.pace == Pace(2.5, says.ramp_months, says.parallel_months, says.retry_months)
    assert assumed.rollback_share == says.rollback_share
    assert len(assumed.assumed) == 5
    stated = move_of(then(2, migration_usd=100.0, ramp_months=3.0, rollback_share=0.4), a, b, Needs(), CATALOG)
    assert (stated.migration_usd, stated.rework_usd, stated.pace.ramp, stated.rollback_share) == (100.0, 50.0, 3.0, 0.4)
    assert stated.hiring_months == 0.0
    few = Needs.model_validate({"team": {"ml_engineers": 0, "hiring_months": 4}})
    assert b.resolved is not None
    b.resolved.costs.ml_engineers = 1.0  # type: ignore[misc]
    assert move_of(then(2), a, b, few, CATALOG).hiring_months == 4.0


def test_who_states_what_building_costs_pays_for_infrastructure_once() -> None:
    weeks = progression_defaults(CATALOG).migration_weeks
    b = new()
    assert b.resolved is not None
    b.resolved.costs.development_usd = 1e5  # type: ignore[misc]
    found = move_of(then(2, migration_usd=None), old(), b, Needs(), CATALOG)
    assert found.migration_usd == pytest.approx((weeks.prompts + weeks.evaluation + weeks.traffic) * 40 * 150)


def test_quality_that_was_measured_says_how_likely_a_move_is_taken_back() -> None:
    def quality(score: float, n: int | None) -> Quality:
        return Quality(score, None, None, n, "")

    def variance(score: float, n: int) -> float:
        share = (score * n + 2) / (n + 4)
        return share * (1 - share) / (n + 4)

    before, after = quality(0.90, 500), quality(0.86, 400)
    z = (0.90 - 0.02 - 0.86) / math.sqrt(variance(0.90, 500) + variance(0.86, 400))
    worse = 0.5 * (1 + math.erf(z / math.sqrt(2)))
    assert too_low(before, after, None, 0.02) == pytest.approx(worse)
    assert too_low(before, quality(0.86, None), 0.9, 0.02) is None
    assert too_low(None, after, 0.86, 0.02) == pytest.approx(0.5)
    assert too_low(None, after, None, 0.02) is None
    a, b = replace(old(), quality=before), replace(new(), quality=after)
    other = progression_defaults(CATALOG).rollback_share
    assert move_of(then(2, rollback_share=None), a, b, Needs(), CATALOG).rollback_share == pytest.approx(1 - (1 - other) * (1 - worse))


def test_a_path_as_facts_has_its_own_money_and_the_worse_of_both_in_what_was_measured() -> None:
    a = replace(
        old(), ttft_s=Quantiles(0.5, 1.0, None), good_share=0.99, share_by_model={"large": 1.0}, quality=Quality(0.9, 0.8, 1.0, 50, "")
    )
    b = replace(
        new(), ttft_s=Quantiles(0.2, 1.5, 3.0), good_share=0.97, share_by_model={"open": 1.0}, quality=Quality(0.8, 0.7, 0.9, 50, "")
    )
    found = path(then(4), a, b, AT_ONCE)
    made = path_facts(a.strategy, found, a, b)
    assert made.tco_usd.mean == pytest.approx(3 * 100 + 3 * 60)
    assert made.usd_per_1000_requests is not None
    assert made.usd_per_1000_requests.mean == pytest.approx(480 / 6)
    assert made.ttft_s == Quantiles(0.5, 1.5, None)
    assert (made.good_share, made.quality) == (0.97, b.quality)
    assert made.share_by_model == {"large": 0.5, "open": 0.5}
    assert made.forecast is None
    assert path_facts(a.strategy, found, a, replace(b, quality=None)).quality is None


def test_while_traffic_goes_over_vendors_charge_their_share_and_standing_pools_everything() -> None:
    """What the bill of a path rests on, replayed: half of the requests cost half at an API, and as much as all on a fixed pool."""
    from sim.planning.plain_replay import plain_replay
    from sim.trace.growth import grow
    from tests.made.draws import ONE_API, ONE_POOL, resolved

    trace = grow(read_trace(WORKLOAD), 0.1, "thin")
    half = grow(trace, 0.5, "thin")
    tokens = [sum(each.prompt_tokens + each.output_tokens for each in facts_of(part).classes) for part in (trace, half)]
    rented, own = ([plain_replay(resolved(text), part, seed=0).bill.total_usd for part in (trace, half)] for text in (ONE_API, ONE_POOL))
    assert rented[1] / rented[0] == pytest.approx(tokens[1] / tokens[0], rel=0.02)
    assert own[1] == pytest.approx(own[0], rel=1e-3)


def test_an_api_behind_a_pool_may_cost_nothing_while_half_of_the_traffic_is_there() -> None:
    lines: dict[Any, Any] = {("own", "gpu_used", "invoice"): 60.0, ("api", "api_input", "invoice"): 8.0}
    b = facts(forecast(lines, stack="both", months=MONTHS), gpus=True, kind="hybrid", vendors=("openai",))
    found = path(then(3), old(100.0), b, replace(AT_ONCE, pace=Pace(0.0, 1.0, 1.0, 0.0)))
    assert found.tco_usd_by_month[0] == pytest.approx([100, 100, 50 + 60 + 4, 68, 68, 68])
    assert found.ramp_beyond_usd.mean == pytest.approx(60 / 2 + 8 / 2)
