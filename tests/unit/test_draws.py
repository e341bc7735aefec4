"""Draws of futures: what follows from a stack and an outlook exactly, which streams move what, and who shares luck with whom."""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.catalog.price_book import PriceBook
from sim.catalog.price_file import ApiRates, PriceFile
from sim.catalog.yaml_document import parse_documents
from sim.futures.calendar import Calendar
from sim.futures.draws import GROUPS, Draws
from sim.futures.hazard import KINDS, Hazard
from sim.futures.incident_calendar import Raw, merge_overlaps
from sim.futures.price_schedule import scheduled_rates
from sim.futures.retirement import successor_of
from sim.stack.read import stack_of
from sim.stack.resolve import resolve
from sim.stack.resolved import ResolvedApi
from tests.made.draws import BOOK, CATALOG, ONE_API, ONE_POOL, POOL, drawn, resolved

HYBRID = (
    "deployments:\n"
    f"  own: {{{POOL}, replicas: {{min: 1, max: 3}}, autoscaler: {{law: hpa}}}}\n"
    "  fast: {kind: api, model: groq-llama-3.3-70b}\n"
    "  good: {kind: api, model: gpt-6.1-sol}\n"
    "routing: [{to: [own, fast, good]}]\n"
    "retraining: [{deployment: own, drift: {accuracy_loss_per_month: 2%, threshold: 4%}, examples: 20000, tokens_per_example: 500, "
    "where: {kind: own, replicas: 1}}]\n"
)
NIGHT = 22 * 3600.0


def api(stack: str = ONE_API, deployment: int = 0) -> ResolvedApi:
    found = resolved(stack).deployments[deployment]
    assert isinstance(found, ResolvedApi)
    return found


def kinds_of(draws: Draws) -> list[tuple[str, str]]:
    return [(hazard.kind, hazard.name) for hazard in draws.hazards]


def arrays(draws: Draws) -> Iterator[tuple[str, np.ndarray]]:
    """Every array of draws by name."""
    for name in ("level", "sample", "prompt", "step", "token_price", "gpu_price", "limits_from", "limits_factor", "retired_from"):
        yield name, getattr(draws, name)
    for part in ("incidents", "retraining"):
        for field in dataclasses.fields(getattr(draws, part)):
            yield f"{part}.{field.name}", getattr(getattr(draws, part), field.name)
    for name, values in draws.money.items():
        yield f"money.{name}", values


# --- the outlook without chance ---


@pytest.mark.parametrize("stack", [HYBRID, ONE_POOL, ONE_API])
def test_certain_is_exactly_one_and_nothing_happens(stack: str) -> None:
    found = drawn("extends: certain", stack, months=36, futures=20, sample_sigma=0.3)
    for name in ("level", "sample", "prompt", "step", "token_price", "gpu_price", "limits_factor"):
        assert (getattr(found, name) == 1.0).all(), name
    assert len(found.incidents) == len([1 for kind, _ in kinds_of(found) if kind == "retraining" for _ in found.incidents.future])
    assert (found.limits_from == len(found.calendar.weekday)).all()
    assert (found.retired_from == len(found.calendar.weekday)).all()
    assert all((found.money[name] == 1.0).all() for name in ("people", "migration", "labels", "response_hours"))
    assert (found.money["hidden_share"] == resolved(stack).costs.hidden_share.p50).all()


def test_without_chance_retraining_keeps_its_time() -> None:
    found = drawn("extends: certain", HYBRID, months=12, futures=3)
    # Two months of 730 hours each; every future alike.
    assert found.retraining.day.tolist() == [int(k * 2 * 730 / 24) for k in range(1, 6)] * 3
    assert found.retraining.future.tolist() == [0] * 5 + [1] * 5 + [2] * 5
    assert (found.retraining.attempts == 1).all() and not found.retraining.rolled_back.any()


def test_scheduled_things_remain_without_chance() -> None:
    found = drawn("extends: certain", "deployments: {out: {kind: api, model: gpt-4o-mini}}", months=3, futures=4)
    # Retired on 2027-01-14, and the horizon begins on 2026-12-01.
    assert (found.retired_from == 31 + 13).all()
    assert found.successors == ("gpt-6-luna",)


def test_a_model_that_is_gone_already_is_gone_from_the_first_day() -> None:
    found = drawn("extends: certain", "deployments: {out: {kind: api, model: gpt-4o-mini}}", start=datetime.date(2027, 6, 1), futures=2)
    assert (found.retired_from == 0).all()


# --- streams ---


CHANGES = {
    "demand": {"level", "prompt"},
    "sample": {"level", "sample"},
    "profile": {"step"},
    "api_prices": {"token_price"},
    "gpu_prices": {"gpu_price"},
    "incidents": {"incidents", "limits_from"},
    "retraining": {"incidents", "retraining", "money.labels"},
    "retirement": {"retired_from", "token_price", "money.migration"},
    "people": {"money.people", "money.hidden_share", "money.response_hours"},
}


@pytest.mark.parametrize("group", GROUPS)
def test_a_group_is_drawn_anew_alone(group: str) -> None:
    before = drawn("extends: base", HYBRID, sample_sigma=0.1, futures=50)
    after = drawn("extends: base", HYBRID, sample_sigma=0.1, futures=50, replication={group: 1})
    changed = {
        name.split(".")[0] if not name.startswith("money") else name
        for (name, one), (_, other) in zip(arrays(before), arrays(after), strict=True)
        if not np.array_equal(one, other)
    }
    assert changed == CHANGES[group]
    assert before.hazards == after.hazards


@pytest.mark.parametrize(("group", "kinds"), [("incidents", set(KINDS) - {"retraining"}), ("retraining", {"retraining"})])
def test_incidents_of_training_belong_to_the_stream_of_training(group: str, kinds: set[str]) -> None:
    before, after = (drawn("extends: base", HYBRID, futures=50, replication={group: k}) for k in (0, 1))
    for position, (kind, _) in enumerate(kinds_of(before)):
        starts = [draws.incidents.start_s[draws.incidents.hazard == position] for draws in (before, after)]
        assert np.array_equal(*starts) == (kind not in kinds)


def test_draws_depend_on_the_seed_alone() -> None:
    one, again, other = (drawn("extends: base", HYBRID, futures=20, seed=seed) for seed in (5, 5, 6))
    assert all(np.array_equal(a, b) for (_, a), (_, b) in zip(arrays(one), arrays(again), strict=True))
    assert not np.array_equal(one.level, other.level)


def test_other_stacks_share_the_luck_of_what_they_have_in_common() -> None:
    small = "deployments: {only: {kind: api, model: gpt-6.1-sol}, own: {" + POOL + "}}\nrouting: [{to: [only, own]}]"
    one, other = drawn("extends: base", HYBRID), drawn("extends: base", small)
    good, only, own_one, own_other = 2, 0, 0, 1
    assert np.array_equal(one.level, other.level)
    assert np.array_equal(one.retired_from[:, good], other.retired_from[:, only])
    assert np.array_equal(one.token_price[:, :, good], other.token_price[:, :, only])
    assert np.array_equal(one.gpu_price[:, :, own_one], other.gpu_price[:, :, own_other])
    assert np.array_equal(one.step[:, own_one], other.step[:, own_other])
    for kind in ("api_outage", "degradation"):
        starts = []
        for draws in (one, other):
            position = kinds_of(draws).index((kind, "openai"))
            mine = draws.incidents.hazard == position
            starts.append((draws.incidents.future[mine], draws.incidents.start_s[mine], draws.incidents.duration_s[mine]))
        assert all(np.array_equal(a, b) for a, b in zip(*starts, strict=True))


def test_models_of_a_vendor_fail_together() -> None:
    two = "deployments: {a: {kind: api, model: gpt-6.1-sol}, b: {kind: api, model: gpt-6-luna}}\nrouting: [{to: [a, b]}]"
    found = drawn("extends: base", two)
    assert found.hazards == (Hazard("api_outage", "openai", (0, 1)), Hazard("degradation", "openai", (0, 1)))
    assert np.array_equal(found.limits_from[:, 0], found.limits_from[:, 1])
    assert not np.array_equal(found.retired_from[:, 0], found.retired_from[:, 1])


# --- incidents ---


@pytest.mark.parametrize("name", ["base", "stress"])
def test_incidents_are_in_order_and_those_of_one_hazard_do_not_overlap(name: str) -> None:
    found = drawn(f"extends: {name}", HYBRID, months=12, futures=200)
    all_of_them = found.incidents
    order = np.lexsort((all_of_them.start_s, all_of_them.future))
    assert np.array_equal(order, np.arange(len(order)))
    assert (all_of_them.start_s >= 0).all()
    assert (all_of_them.start_s + all_of_them.duration_s <= found.calendar.length_s * (1 + 1e-12)).all()
    assert (all_of_them.count >= 1).all() and ((all_of_them.error_rate >= 0) & (all_of_them.error_rate <= 1)).all()
    assert {kind for kind, _ in kinds_of(found)} == {"api_outage", "degradation", "gpu_failure", "no_capacity", "retraining"}
    for position, hazard in enumerate(found.hazards):
        mine = np.flatnonzero(all_of_them.hazard == position)
        assert len(mine) > 0
        future, start, end = all_of_them.future[mine], all_of_them.start_s[mine], (all_of_them.start_s + all_of_them.duration_s)[mine]
        same = future[1:] == future[:-1]
        assert (start[1:][same] > end[:-1][same] - 1e-6).all()
        degraded = hazard.kind == "degradation"
        assert degraded or ((all_of_them.factor[mine] == 1).all() and (all_of_them.error_rate[mine] == 0).all())
        # Any hour of the day; training alone keeps to the night.
        hours = np.bincount((start % 86_400 // 3600).astype(int), minlength=24)
        assert (hours[22] == len(mine)) if hazard.kind == "retraining" else np.count_nonzero(hours) > 12


def raw(rows: list[tuple[int, float, float, float, float, int]]) -> Raw:
    future, start, duration, factor, error, count = (np.array(column) for column in zip(*rows, strict=True))
    return Raw(Hazard("gpu_failure", "own", (0,)), future, start, duration, factor, error, count)


def test_overlapping_incidents_are_one() -> None:
    merged = merge_overlaps(
        raw(
            [
                (0, 0.0, 100.0, 2.0, 0.1, 1),
                (0, 50.0, 100.0, 4.0, 0.3, 1),  # overlaps the first
                (0, 60.0, 10.0, 3.0, 0.2, 4),  # within the second
                (0, 200.0, 50.0, 1.5, 0.0, 2),
                (1, 220.0, 1e6, 9.0, 1.0, 3),  # another future, cut at the end
            ]
        ),
        1000.0,
    )
    assert merged.future.tolist() == [0, 0, 1]
    assert merged.start_s.tolist() == [0.0, 200.0, 220.0]
    assert merged.duration_s.tolist() == [150.0, 50.0, 780.0]
    assert merged.factor == pytest.approx([(200 + 400 + 30) / 210, 1.5, 9.0])
    assert merged.error_rate == pytest.approx([(10 + 30 + 2) / 210, 0.0, 1.0])
    # 100 + 100 + 40 replica-seconds in 150 s, rounded.
    assert merged.count.tolist() == [2, 2, 3]


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.integers(0, 100), st.integers(0, 40), st.integers(1, 5)),
        min_size=1,
        max_size=40,
    )
)
def test_merged_incidents_cover_the_same_moments(rows: list[tuple[int, int, int, int]]) -> None:
    rows = sorted(rows)
    merged = merge_overlaps(raw([(f, float(s), float(d), float(c), 0.0, c) for f, s, d, c in rows]), 120.0)
    assert sorted(zip(merged.future.tolist(), merged.start_s.tolist(), strict=True)) == list(
        zip(merged.future.tolist(), merged.start_s.tolist(), strict=True)
    )
    for future in range(4):
        before = {t for f, s, d, _ in rows if f == future for t in range(2 * s, 2 * min(s + d, 120) + 1)}
        here = merged.future == future
        parts = list(zip(merged.start_s[here], merged.start_s[here] + merged.duration_s[here], strict=True))
        after = {t for start, end in parts for t in range(round(2 * start), round(2 * end) + 1)}
        assert after == before
        assert all(end < start for (_, end), (start, _) in pairwise(parts))


@pytest.mark.parametrize(
    ("keys", "kinds"),
    [
        ("", {"gpu_failure", "no_capacity"}),
        ("provider: aws, purchase: spot", {"gpu_failure", "no_capacity", "spot_preemption"}),
        ("provider: aws, purchase: capacity_block", {"gpu_failure"}),
        ("purchase: reserved_1y", {"gpu_failure"}),
        ("on_premises: {}", {"gpu_failure"}),
    ],
)
def test_what_happens_to_a_pool_follows_from_how_it_is_bought(keys: str, kinds: set[str]) -> None:
    found = drawn("extends: base", f"deployments: {{own: {{{POOL}, {keys}}}}}" if keys else ONE_POOL)
    assert {kind for kind, _ in kinds_of(found)} == kinds


def test_repair_takes_longer_where_machines_are_owned() -> None:
    says = "gpu_failures: {per_1000_node_days: {default: 100}, rented_repair_h: 0.5, owned_repair_h: 24}"
    for keys, hours in (("replicas: 1", 0.5), ("on_premises: {}", 24.0)):
        durations = drawn(says, f"deployments: {{own: {{{POOL}, {keys}}}}}").incidents.duration_s
        assert np.median(durations) == pytest.approx(hours * 3600)


def test_a_machine_takes_its_replicas_along() -> None:
    """Eight GPUs sold together hold four replicas of two: a failure of the machine takes four, of a GPU one, and spot always four."""
    stack = f"deployments: {{own: {{{POOL}, tensor_parallel: 2, replicas: 12, provider: aws, purchase: spot}}}}"
    says = "{gpu_failures: {per_1000_node_days: {default: 5}, whole_node_share: 50%, rented_repair_h: 0.001}, spot: {interrupted_per_30_days: {default: 10%}}}"
    found = drawn(says, stack)
    position = {kind: k for k, (kind, _) in enumerate(kinds_of(found))}
    assert set(found.incidents.count[found.incidents.hazard == position["gpu_failure"]]) == {1, 4}
    taken_back = found.incidents.hazard == position["spot_preemption"]
    assert set(found.incidents.count[taken_back]) == {4}
    # AWS gives two minutes, whatever the outlook says of others.
    assert set(np.round(found.incidents.duration_s[taken_back], 6)) == {120.0}


def test_failures_follow_the_replicas_that_run() -> None:
    says = "gpu_failures: {per_1000_node_days: {default: 10}, rented_repair_h: 0.001}"
    few, half, many = (
        len(drawn(says, HYBRID.split("retraining")[0], futures=400, running=running).incidents)
        for running in ({"own": 1.0}, {}, {"own": 3.0})
    )
    assert 0 < few < half < many


def test_a_vendor_without_incidents_has_no_hazard() -> None:
    found = drawn("extends: base\napi_incidents: {vendors: {groq: {per_30_days: 0}}}", HYBRID)
    assert "groq" not in {hazard.name for hazard in found.hazards}


def test_the_wildest_numbers_that_are_read_still_give_numbers() -> None:
    """Warnings are errors here: nothing overflows."""
    wild = """
demand: {growth_per_month: {p5: -90%, p50: 50%, p95: 100%}, prompt_growth_per_month: 100%, day_to_day_sigma: 3}
profile: {error_factor: 10}
api_incidents: {default: {per_30_days: {p5: 0.001, p50: 100, p95: 1000}, gap_shape: 0.2, duration_h: {p5: 0.001, p50: 1, p95: 1000000000}, outage_share: 1}}
api_prices: {own_models: {changes_per_year: 1000, rise_share: 1, rise_ln: {median: 10, sigma: 10}, largest_rise_ln: 10}}
gpu_prices: {drift_per_month: 1000%, monthly_sigma: 3, jumps_per_year: 365, rise_share: 1, rise_ln: 10, largest_rise_ln: 10}
retirement: {lifetime_days: {median: 1, sigma: 10}}
bill: {people: {p5: 0.000001, p50: 0.3, p95: 1000000000000}, hidden_spread: 10}
"""
    found = drawn(wild, HYBRID.split("retraining")[0], months=36, futures=30, sample_sigma=10.0)
    for name, values in arrays(found):
        assert np.isfinite(values).all(), name


# --- demand ---


def test_weekdays_are_the_outlooks_for_a_short_trace_alone() -> None:
    says = "demand: {weekly_shape: [1.14, 1.14, 1.14, 1.14, 1.14, 0.65, 0.65]}"
    found = drawn(says, months=1, futures=1)
    assert found.calendar.firsts[0].weekday() == 1
    assert found.level[0, :7] == pytest.approx([1.14, 1.14, 1.14, 1.14, 0.65, 0.65, 1.14])
    assert (drawn(says, months=1, futures=1, trace_days=7.0).level == 1.0).all()
    # A trace of a Sunday stands for Sundays, one of Friday and Saturday for the mean of both.
    assert drawn(says, months=1, futures=1, weekday_of_trace=6).level[0, :5] == pytest.approx(np.array([1.14] * 4 + [0.65]) / 0.65)
    two = drawn(says, months=1, futures=1, weekday_of_trace=4, trace_days=2.0).level[0, :5]
    assert two == pytest.approx(np.array([1.14] * 4 + [0.65]) / ((1.14 + 0.65) / 2))


def test_a_long_trace_says_itself_how_days_differ() -> None:
    says = "demand: {day_to_day_sigma: 0.1}"
    assert (drawn(says, day_sigma=0.0).level == 1.0).all()
    assert (drawn("demand: {day_to_day_sigma: 0}", day_sigma=0.3).level == 1.0).all()  # in an outlook without chance
    spread = [np.log(drawn(says, futures=20, day_sigma=sigma).level).std() for sigma in (None, 0.1, 0.3)]
    assert spread[0] == spread[1] and spread[2] == pytest.approx(3 * spread[1], rel=1e-9)


def test_the_first_month_is_the_trace() -> None:
    found = drawn("demand: {growth_per_month: {p5: 0%, p50: 3%, p95: 8%}, prompt_growth_per_month: 2%}", months=3, futures=50)
    assert (found.level[:, :31] == 1.0).all()
    assert np.array_equal(found.level[:, 31], found.level[:, 61]) and not np.array_equal(found.level[:, 61], found.level[:, 62])
    assert found.prompt == pytest.approx(np.tile([1.0, 1.02, 1.02**2], (50, 1)))


def test_two_pools_on_one_profile_are_wrong_together() -> None:
    stack = f"deployments: {{a: {{{POOL}}}, b: {{{POOL}, purchase: reserved_1y}}, c: {{{POOL}, tensor_parallel: 2}}}}\nrouting: [{{to: [a, b, c]}}]"
    step = drawn("profile: {error_factor: 1}", stack, futures=400).step
    assert np.array_equal(step[:, 0], step[:, 1]) and not np.array_equal(step[:, 0], step[:, 2])
    pool: Any = resolved(stack).deployments[0]
    assert np.log(step[:, 0]).std() == pytest.approx(pool.error, rel=4 / np.sqrt(2 * 400))


# --- prices ---


def test_a_reserved_price_changes_with_the_term() -> None:
    says = "gpu_prices: {drift_per_month: 1%, monthly_sigma: 0.1}"
    stack = (
        f"deployments: {{a: {{{POOL}}}, b: {{{POOL}, purchase: reserved_1y}}, c: {{{POOL}, purchase: reserved_1y, "
        f"commitment: {{term_months: 6, upfront_share: 0.5}}}}, d: {{{POOL}, on_premises: {{}}}}, e: {{{POOL}, usd_per_gpu_hour: 2}}, "
        f"f: {{{POOL}, purchase: reserved_1y, commitment: {{term_months: 6, upfront_share: 0}}}}}}\n"
        "routing: [{to: [a, b, c, d, e, f]}]"
    )
    found = drawn(says, stack, months=24, futures=5)
    month = found.calendar.month_of_day
    market, year, half, owned, given, nothing_ahead = (found.gpu_price[:, :, k] for k in range(6))
    for m in range(24):
        there = np.flatnonzero(month == m)
        for path, term in ((market, 1), (year, 12), (half, 6)):
            begun = np.flatnonzero(month == m // term * term)[0]
            assert np.array_equal(path[:, there], np.repeat(market[:, [begun]], len(there), axis=1))
    assert len(np.unique(market[0])) == 24
    assert (owned == 1.0).all() and (given == 1.0).all()
    assert np.array_equal(nothing_ahead, half)  # a term is one, whatever is paid ahead


def test_rented_training_follows_the_market_of_its_own_gpu() -> None:
    says = "gpu_prices: {drift_per_month: 1%, monthly_sigma: 0.1}"
    entry = "every: 90d, examples: 1k, tokens_per_example: 100, where: {kind: rented"
    stack = (
        f"deployments: {{a: {{{POOL}, on_premises: {{}}}}, b: {{{POOL}}}, c: {{{POOL}}}, d: {{{POOL}}}}}\nrouting: [{{to: [a, b, c, d]}}]\n"
        f"retraining: [{{deployment: a, {entry}, gpu: h100-sxm}}}}, {{deployment: b, {entry}, gpu: h200-sxm}}}}, "
        f"{{deployment: c, {entry}, gpu: h200-sxm, usd_per_gpu_hour: 2}}}}, {{deployment: d, every: 90d, examples: 1k, "
        "tokens_per_example: 100, where: own}]"
    )
    found = drawn(says, stack, futures=5)
    assert set(found.training_price) == {0, 1}  # one's own price stands, and own hours are paid already
    assert (found.gpu_price[:, :, 0] == 1.0).all()  # of the GPUs that are bought
    assert np.array_equal(found.training_price[0], found.gpu_price[:, :, 1])  # rented ones of the same type
    assert not np.array_equal(found.training_price[1], found.training_price[0])
    for group, same in (("gpu_prices", False), ("demand", True)):
        anew = drawn(says, stack, futures=5, replication={group: 1})
        assert all(np.array_equal(anew.training_price[k], found.training_price[k]) == same for k in (0, 1))


def test_a_term_beyond_the_horizon_is_a_fixed_price() -> None:
    says = "gpu_prices: {drift_per_month: 1%, monthly_sigma: 0.1, jumps_per_year: 5, rise_share: 1, rise_ln: 0.3}"
    found = drawn(says, f"deployments: {{own: {{{POOL}, purchase: reserved_1y}}}}", months=12)
    assert (found.gpu_price == 1.0).all()


def test_after_a_retirement_the_successors_price_holds() -> None:
    says = "extends: base\nretirement: {lifetime_days: 400}"
    old = drawn(says, "deployments: {out: {kind: api, model: gpt-4o-mini}}", futures=300)
    new = drawn(says, "deployments: {out: {kind: api, model: gpt-6-luna}}", futures=300)
    gone = 31 + 13
    assert np.array_equal(old.token_price[:, gone:, 0], new.token_price[:, gone:, 0])
    assert not np.array_equal(old.token_price[:, :gone, 0], new.token_price[:, :gone, 0])
    rates = "prices: {input_usd_per_mtok: 1, output_usd_per_mtok: 5}"
    agreed = drawn(says, f"deployments: {{out: {{kind: api, model: gpt-4o-mini, {rates}}}}}", futures=300)
    assert (agreed.token_price[:, :gone, 0] == 1.0).all()
    assert np.array_equal(agreed.token_price[:, gone:, 0], new.token_price[:, gone:, 0])  # what was agreed was about the old model


def test_negotiated_rates_stand_and_a_discount_follows_the_list() -> None:
    says = "api_prices: {own_models: {changes_per_year: 5, rise_share: 1, rise_ln: 0.3}}"
    fixed = "prices: {input_usd_per_mtok: 1, output_usd_per_mtok: 5}"
    prices = {
        keys: drawn(says, f"deployments: {{out: {{kind: api, model: gpt-6.1-sol, {keys}}}}}").token_price
        for keys in ("tier: auto", fixed, "prices: {discount: 10%}")
    }
    assert (prices[fixed] == 1.0).all()
    assert np.array_equal(prices["tier: auto"], prices["prices: {discount: 10%}"]) and prices["tier: auto"].max() > 1.3


def test_open_models_have_steps_of_their_own() -> None:
    says = "api_prices: {open_models: {changes_per_year: 5, rise_share: 1, rise_ln: 0.3}, hosts: [groq]}"
    by_model = {
        model: drawn(says, f"deployments: {{out: {{kind: api, model: {model}}}}}").token_price.max()
        for model in ("groq-llama-3.3-70b", "groq-gpt-oss-120b", "gpt-6.1-sol")
    }
    assert by_model["groq-llama-3.3-70b"] > 1 and by_model["groq-gpt-oss-120b"] > 1 and by_model["gpt-6.1-sol"] == 1


def test_no_step_is_larger_than_the_largest() -> None:
    says = "api_prices: {own_models: {changes_per_year: 0.5, rise_share: 1, rise_ln: {median: 1, sigma: 2}, largest_rise_ln: 1.32}}"
    logs = np.log(drawn(says, ONE_API, futures=2000).token_price[:, :, 0])
    assert np.diff(logs, axis=1).max() <= 2 * 1.32  # two on one day
    assert np.isclose(np.diff(logs, axis=1), 1.32).any()


# --- announced prices ---


GEMINI = "deployments: {out: {kind: api, model: gemini-3.8-flash}}"
NEW_YEAR = 31  # days from 2026-12-01


def test_announced_prices_come_on_their_dates() -> None:
    rates = scheduled_rates(api(GEMINI), BOOK, Calendar(datetime.date(2026, 12, 1), 3))
    assert [day for day, _ in rates] == [0, NEW_YEAR]
    before, after = (prices.standard.at(1000) for _, prices in rates)
    assert after.input_usd_per_mtok == pytest.approx(2 * before.input_usd_per_mtok)
    assert after.output_usd_per_mtok == pytest.approx(2 * before.output_usd_per_mtok)


def test_a_horizon_that_begins_later_begins_with_the_price_of_its_day() -> None:
    first, *more = scheduled_rates(api(GEMINI), BOOK, Calendar(datetime.date(2027, 2, 1), 12))
    assert first[1].standard.at(0).input_usd_per_mtok == pytest.approx(1.5) and more == []


@pytest.mark.parametrize("day", [datetime.date(2026, 10, 30), datetime.date(2026, 10, 25)])
def test_a_month_that_has_begun_already_has_the_prices_of_the_day(day: datetime.date) -> None:
    """mistral-large-4 changes on 20 and 29 October, and has batch prices from 14 October on: the first month begins before."""
    book = PriceBook(day)
    found = resolve(stack_of(parse_documents("deployments: {out: {kind: api, model: mistral-large-4}}", "s.yaml")[0], "s"), CATALOG, book)
    each = found.deployments[0]
    assert isinstance(each, ResolvedApi)
    rates = scheduled_rates(each, book, Calendar(datetime.date(2026, 10, 1), 3))
    assert rates[0][1] == book.tokens(each.model)
    assert rates[0][1].batch is not None
    assert rates[-1][1].standard == PriceBook(datetime.date(2026, 12, 1)).tokens(each.model).standard


def test_a_change_after_the_horizon_is_left_out() -> None:
    assert len(scheduled_rates(api(GEMINI), BOOK, Calendar(datetime.date(2026, 12, 1), 1))) == 1


@pytest.mark.parametrize("where", ["stack", "file", "both"])
def test_a_discount_follows_an_announced_change(where: str) -> None:
    off = {"stack": 0.8, "file": 0.9, "both": 0.72}[where]
    stack = GEMINI if where == "file" else "deployments: {out: {kind: api, model: gemini-3.8-flash, prices: {discount: 20%}}}"
    book = BOOK if where == "stack" else PriceBook(CATALOG.date, PriceFile(api={"gemini-3.8-flash": ApiRates(discount=0.1)}))
    found = resolve(stack_of(parse_documents(stack, "s.yaml")[0], "s"), CATALOG, book).deployments[0]
    assert isinstance(found, ResolvedApi)
    rates = scheduled_rates(found, book, Calendar(datetime.date(2026, 12, 1), 3))
    assert [prices.standard.at(0).input_usd_per_mtok for _, prices in rates] == pytest.approx([0.75 * off, 1.5 * off])


def test_negotiated_rates_have_no_announced_change() -> None:
    stack = "deployments: {out: {kind: api, model: gemini-3.8-flash, prices: {input_usd_per_mtok: 1, output_usd_per_mtok: 5}}}"
    rates = scheduled_rates(api(stack), BOOK, Calendar(datetime.date(2026, 12, 1), 12))
    assert [(day, prices.standard.at(0).input_usd_per_mtok) for day, prices in rates] == [(0, 1.0)]


# --- retirement, limits, retraining ---


def test_successors() -> None:
    assert successor_of(CATALOG.api("gpt-4o"), CATALOG) == "gpt-6.1-sol"
    for name in CATALOG.names("api"):
        heir = successor_of(CATALOG.api(name), CATALOG)
        if heir is not None:
            found, own = CATALOG.api(heir), CATALOG.api(name)
            assert found.vendor == own.vendor and heir != name
            assert own.successor == heir or found.size == own.size
            assert found.retirement_date is None or (own.retirement_date is not None and found.retirement_date > own.retirement_date)


def test_nothing_retires_within_its_notice() -> None:
    says = "retirement: {lifetime_days: {median: 100, sigma: 0.3}, notice_days: {openai: 60, default: 10}}"
    gone = drawn(says, HYBRID, futures=2000).retired_from
    assert gone[:, 2].min() >= 60 and 10 <= gone[:, 1].min() < 60
    # gpt-6.1-sol was released 63 days before: what is left of a life of 100 days is little more than the notice.
    assert gone[:, 2].max() < gone[:, 1].max()
    assert (gone[:, 0] == 365).all()


def test_limits_are_tightened_once_by_a_vendor() -> None:
    found = drawn("limits: {tightened_per_year: 2, factor: 0.5}", HYBRID, futures=2000)
    assert found.limits_factor.tolist() == [1.0, 0.5, 0.5]
    assert (found.limits_from[:, 0] == 365).all()
    assert np.mean(found.limits_from[:, 1] < 365) == pytest.approx(1 - np.exp(-2), abs=4 * np.sqrt(0.1353 * 0.8647 / 2000))


def test_training_at_night_takes_whole_nights_one_after_the_other() -> None:
    stack = HYBRID.replace("examples: 20000", "examples: 4000000")
    entry = resolved(stack).costs.retraining[0]
    assert entry.nights >= 2
    found = drawn("extends: certain", stack, months=6, futures=1)
    position = [kind for kind, _ in kinds_of(found)].index("retraining")
    mine = found.incidents.hazard == position
    start, duration = found.incidents.start_s[mine], found.incidents.duration_s[mine]
    first = found.retraining.day[0]
    assert start[: entry.nights] == pytest.approx((first + np.arange(entry.nights)) * 86_400 + NIGHT)
    assert duration[: entry.nights - 1] == pytest.approx(np.full(entry.nights - 1, entry.night_s))
    assert duration[: entry.nights].sum() == pytest.approx(entry.duration_s)
    assert (found.incidents.count[mine] == 1).all()


def test_an_attempt_that_fails_takes_its_nights_again() -> None:
    stack = HYBRID.replace("tokens_per_example: 500", "tokens_per_example: 500, failure_share: 0.6")
    found = drawn("retraining: {may_fail: true}", stack, futures=50)
    assert resolved(stack).costs.retraining[0].nights == 1
    assert found.retraining.attempts.max() > 1
    within = found.retraining.day + found.retraining.attempts <= 365
    assert within.all()
    assert len(found.incidents) == found.retraining.attempts.sum()


def test_what_varies_and_what_is_assumed_is_said() -> None:
    found = drawn("extends: base", ONE_API)
    assert set(found.labels) == set(found.varies) == set(GROUPS)
    assert "demand.growth_per_month" in found.labels["demand"]
    assert "growth 3 % (p5 0 %, p95 8 %) a month" in found.varies["demand"]
    assert found.labels["gpu_prices"] == found.labels["profile"] == found.labels["sample"] == found.labels["retraining"] == ""
    assert "gpu_failures" not in found.labels["incidents"] and "limits.factor" in found.labels["incidents"]
    assert "spot." not in drawn("extends: base", ONE_POOL).labels["incidents"]
