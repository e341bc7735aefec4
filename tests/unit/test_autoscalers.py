"""The autoscaling laws: their rules against the documented examples of Kubernetes, the rest against what their documentation says.

Of tests/golden/hpa/examples.csv three rows are left out because a stack has no `selectPolicy: Min`, and two because they show the older limit
max(2 x replicas, 4) of an HPA without `behavior`; the other examples of such an HPA hold for the rules here, too, and are checked.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sim.engine.autoscalers import LAWS, decide, hpa, knative, settings_of
from sim.engine.state import build_state
from sim.engine.system import Autoscaler, Pool, Replica, Rule, StepTime, System, Target

GOLDEN = Path(__file__).parents[1] / "golden" / "hpa" / "examples.csv"
ROWS = list(csv.DictReader(GOLDEN.read_text().splitlines()))
OLDER_LIMIT = ("legacy-double", "whole-walkthrough-first-step")
NOW = 10_000.0
ONE_SECOND = Replica(StepTime(1.0, (1.0,), (0.0,)), blocks=100, max_num_seqs=1)
HPA = {
    "tolerance": 0.1, "up_pods": 4, "up_percent": 100, "up_period": 15, "up_stabilization": 0,
    "down_pods": 0, "down_percent": 100, "down_period": 15, "down_stabilization": 300,
}  # fmt: skip
KEDA = HPA | {"cooldown": 300, "activation": 0}
KNATIVE = {"panic_window": 0.1, "utilization": 0.7, "panic_threshold": 2, "up_rate": 1000, "down_rate": 2, "grace": 30}
TRACKING = {"out_datapoints": 3, "in_datapoints": 15, "out_cooldown": 300, "in_cooldown": 300}
DEFAULTS: dict[str, dict[str, float]] = {"hpa": HPA, "keda": KEDA, "knative": KNATIVE, "target_tracking": TRACKING}


def scaler(law: str, settings: dict[str, float] | None = None, **fields: Any) -> Autoscaler:
    named = DEFAULTS.get(law, {}) | (settings or {})
    return Autoscaler(law, settings=tuple(named.items()), **({"max_replicas": 1000} | fields))


def state_of(autoscaler: Autoscaler, replicas: int, clock_offset_s: float = 0.0) -> Any:
    pool = Pool("own", ONE_SECOND, max(replicas, 1), replicas, autoscaler=autoscaler)
    system = System((pool,), (Rule((Target(0),)),), clock_offset_s=clock_offset_s)
    state = build_state(
        system, classes=1, clients=0, seed=0, window_s=0.0, least_end_s=0.0, log=False, timeline_s=0.0, prefix_tokens=512, segments=1
    )
    state.dep[0].max_rep = autoscaler.max_replicas
    return state


class Desk:
    """A pool whose replicas are there as soon as they are wanted, unless told otherwise, and its law."""

    def __init__(self, autoscaler: Autoscaler, replicas: int, clock_offset_s: float = 0.0) -> None:
        self.state = state_of(autoscaler, replicas, clock_offset_s)
        self.pool = self.state.dep[0]

    def at(self, t: float, metric: float = 0.0, short: float | None = None, ready: int | None = None) -> int:
        pool = self.pool
        pool.n_ready = pool.wanted if ready is None else ready
        wanted = decide(self.state, 0, float(t), int(pool.wanted), float(metric), float(metric if short is None else short))
        pool.wanted = max(int(pool.min_rep), min(int(pool.max_rep), wanted))
        return int(pool.wanted)


# Kubernetes: the documented examples.


def entries(text: str) -> list[tuple[float, int]]:
    """(age, number) of "4@120 5@60"."""
    return [(float(age), int(number)) for number, _, age in (part.partition("@") for part in text.split())]


def policies(text: str) -> list[tuple[float, float, float]]:
    """(pods, percent, period) of "Pods 4 15; Percent 100 15"."""
    found = []
    for part in text.split(";"):
        kind, value, period = part.split()
        found.append((float(value), 0.0, float(period)) if kind == "Pods" else (0.0, float(value), float(period)))
    return found


def remember(state: Any, decisions: list[tuple[float, int, int]]) -> None:
    """(age, wish, change) of earlier decisions."""
    for x, (age, wish, change) in enumerate(sorted(decisions, key=lambda each: -each[0])):
        state.memory[0, hpa.RING0 + 3 * x : hpa.RING0 + 3 * x + 3] = (NOW - age, wish, change)
    state.memory[0, hpa.DECISIONS] = len(decisions)


def behaviour(row: dict[str, str]) -> dict[str, float]:
    """Settings for a row whose policies of a direction have one period; the defaults where it says nothing."""
    settings: dict[str, float] = {"tolerance": float(row["tolerance_up"] or 0.1)}
    for way in ("up", "down"):
        if row[f"{way}_policies"] and row[f"{way}_select"] != "Disabled":
            found = policies(row[f"{way}_policies"])
            settings |= {
                f"{way}_pods": max(each[0] for each in found),
                f"{way}_percent": max(each[1] for each in found),
                f"{way}_period": max(each[2] for each in found),
            }
        elif row[f"{way}_select"] == "Disabled":
            settings |= {f"{way}_pods": 0.0, f"{way}_percent": 0.0}
        if row[f"{way}_window_s"]:
            settings[f"{way}_stabilization"] = float(row[f"{way}_window_s"])
    return settings


def metric(row: dict[str, str]) -> int:
    value, target, current = float(row["metric"]), float(row["target"]), int(row["current"])
    down, up = float(row["tolerance_down"]), float(row["tolerance_up"])
    if row["metric_kind"] == "total":
        return hpa.wish_by_total(value, target, current, down, up)
    return hpa.wish_by_mean(value, target, current, current, down, up)


def stabilize(row: dict[str, str]) -> int:
    # An HPA without `behavior` takes the highest wish whatever there is: as one that comes down from far above.
    state = state_of(scaler("hpa", behaviour(row), sync_s=1.0), int(row["current"] or 1000))
    remember(state, [(age, wish, 0) for age, wish in entries(row["recommendations"])])
    return hpa.stabilised(state, 0, NOW, int(row["desired"]))


def rate(row: dict[str, str]) -> int:
    current, desired = int(row["current"]), int(row["desired"])
    least, most = int(row["min"]), int(row["max"])
    state = state_of(scaler("hpa", behaviour(row), sync_s=1.0, min_replicas=least, max_replicas=most), current)
    changes = [(age, 0, n) for age, n in entries(row["up_events"])] + [(age, 0, -n) for age, n in entries(row["down_events"])]
    remember(state, changes)
    way = "up" if desired > current else "down"
    periods = {each[2] for each in policies(row[f"{way}_policies"])} if row[f"{way}_policies"] else {15.0}
    if len(periods) == 1:
        return hpa.limited(state, 0, NOW, desired)
    # Each policy over a period of its own, which a stack does not have: the rule of one policy, for each.
    rule, choose, furthest = (hpa.most_after, max, min) if way == "up" else (hpa.least_after, min, max)
    limits = []
    for pods, percent, period in policies(row[f"{way}_policies"]):
        added, removed = (hpa.changed(state, 0, NOW, period, sign) for sign in (1, -1))
        limits.append(rule(current, added, removed, pods, percent))
    return min(max(furthest(desired, choose(limits)), least), most)


def whole(row: dict[str, str]) -> int:
    kind = "busy" if row["metric_kind"] == "average" else "waiting"
    bounds = {"min_replicas": int(row["min"]), "max_replicas": int(row["max"])}
    desk = Desk(scaler("hpa", behaviour(row), metric=kind, target=float(row["target"]), **bounds), int(row["current"]))
    return desk.at(NOW, float(row["metric"]))


RULES: dict[str, Callable[[dict[str, str]], int]] = {"metric": metric, "stabilize": stabilize, "rate": rate, "all": whole}
EXPRESSIBLE = [row for row in ROWS if "Min" not in (row["up_select"], row["down_select"]) and row["name"] not in OLDER_LIMIT]


def test_few_examples_are_left_out() -> None:
    assert len(ROWS) - len(EXPRESSIBLE) == 5
    assert len(EXPRESSIBLE) > 100


@pytest.mark.parametrize("row", EXPRESSIBLE, ids=lambda row: row["name"])
def test_a_documented_example_of_kubernetes(row: dict[str, str]) -> None:
    assert RULES[row["step"]](row) == int(row["expected"])


def test_the_hpa_goes_up_at_once_and_down_by_the_highest_wish_of_five_minutes() -> None:
    desk = Desk(scaler("hpa", target=5.0, max_replicas=20), 1)
    assert desk.at(15, 20) == 4
    assert desk.at(30, 60) == 8  # 12 wanted; at most double or four more in a period
    assert desk.at(45, 60) == 12
    assert desk.at(60, 57) == 12  # 57 / 60 is within a tenth of 1
    quiet = {t: desk.at(t, 5) for t in range(75, 420, 15)}
    # The wish for 12 of t = 60 is younger than 300 s until 345; then 1 is left of all wishes.
    assert quiet == {t: 12 if t < 360 else 1 for t in range(75, 420, 15)}


def test_a_share_is_that_of_ready_replicas_and_those_that_start_count_as_idle() -> None:
    desk = Desk(scaler("hpa", metric="kv", target=0.5, max_replicas=20), 2)
    assert desk.at(15, 0.9) == 4  # 2 x 1.8 = 3.6
    assert desk.at(30, 0.9, ready=2) == 4  # over all four 0.45: no more
    assert desk.at(45, 1.0, ready=2) == 4
    assert desk.at(60, 0.9, ready=3) == 6  # 0.675 over all four: 4 x 1.35 = 5.4
    assert desk.at(75, 0.9, ready=0) == 6  # nobody to measure


def test_the_hpa_is_off_at_none_and_never_goes_below_one() -> None:
    assert Desk(scaler("hpa", min_replicas=0), 0).at(15, 100) == 0
    assert Desk(scaler("hpa", {"down_stabilization": 0}, min_replicas=0), 3).at(15, 0) == 1


def test_the_memory_of_an_hpa_holds_its_longest_window() -> None:
    desk = Desk(scaler("hpa", {"down_stabilization": 3600}, target=1.0, sync_s=1.0), 4)
    assert desk.at(1, 8) == 8
    assert [desk.at(t, 1) for t in range(2, 3603)] == [8] * 3599 + [1, 1]


# KEDA.


def test_keda_goes_to_none_after_its_cooldown_without_activity() -> None:
    desk = Desk(scaler("keda", {"activation": 2}, target=5.0, min_replicas=0), 1)
    assert desk.at(15, 3) == 1
    assert [desk.at(t, 2) for t in (30, 300, 315)] == [1, 1, 1]  # 2 is not above 2; the cooldown is over after 315
    assert desk.at(330, 2) == 0
    assert desk.at(345, 2) == 0
    assert desk.at(360, 3) == 1


def test_keda_keeps_its_minimum_and_scales_by_the_hpa_above_one() -> None:
    desk = Desk(scaler("keda", target=5.0, min_replicas=1), 1)
    assert desk.at(15, 20) == 4
    assert desk.at(400, 0) == 1
    assert desk.at(5000, 0) == 1


def test_the_hpa_under_keda_never_takes_the_last_replica() -> None:
    desk = Desk(scaler("keda", {"down_stabilization": 0, "cooldown": 300}, min_replicas=0), 3)
    assert desk.at(15, 0) == 1
    assert desk.at(300, 0) == 1
    assert desk.at(315, 0) == 0


def test_what_a_request_woke_is_active_even_if_no_sample_saw_it() -> None:
    desk = Desk(scaler("keda", {"cooldown": 60}, min_replicas=0), 1)
    assert [desk.at(t, 0) for t in (15, 30, 45, 60, 75)] == [1, 1, 1, 1, 0]
    assert desk.at(990, 0) == 0
    desk.pool.wanted = 1  # the first request came to an empty pool
    assert [desk.at(t, 0) for t in (1005, 1020, 1065, 1080)] == [1, 1, 1, 0]
    desk.pool.wanted, desk.pool.gateway_n = 1, 1  # it has to wait longer than the cooldown
    assert [desk.at(t, 0, ready=0) for t in (2000, 2100, 2200)] == [1, 1, 1]


# Knative.


def test_knative_divides_by_the_share_of_the_target() -> None:
    desk = Desk(scaler("knative", metric="concurrency", target=100.0, average_s=60.0), 4)
    assert desk.at(2, 350) == 5  # 350 / 70
    assert desk.at(4, 351) == 6
    assert settings_of(scaler("knative", average_s=60.0))[0] == 6.0


def test_knative_panics_at_twice_the_ready_replicas_and_then_gives_nothing_back_for_a_stable_window() -> None:
    desk = Desk(scaler("knative", metric="concurrency", target=100.0, average_s=60.0), 2)
    assert desk.at(2, 140, short=210) == 2  # the panic window wants 3: not twice 2
    assert desk.at(4, 140, short=211) == 4
    assert desk.at(6, 140, short=290) == 5
    # 4 s was the last time the short window wanted twice what was ready; a stable window after that it ends.
    assert [desk.at(t, 70, short=70) for t in range(8, 66, 2)] == [5] * 29
    assert desk.at(66, 70, short=70) == 2  # 1 wanted; at least half of 5 stays, rounded down
    assert desk.at(68, 70, short=70) == 1


def test_knative_counts_rates_from_ready_replicas() -> None:
    assert knative.within_rates(9, 2, 1.5, 2.0) == 3
    assert knative.within_rates(0, 5, 1.5, 2.0) == 2
    assert knative.within_rates(0, 1, 1000.0, 2.0) == 0
    desk = Desk(scaler("knative", metric="concurrency", target=100.0, average_s=60.0), 4)
    assert desk.at(2, 210, short=210, ready=1) == 3  # thrice the one that is ready: panic; those that start are not counted
    assert desk.state.memory[0, knative.IN_PANIC] == 1
    assert desk.state.memory[0, knative.PANIC_MOST] == 3


@pytest.mark.parametrize("initial", [1, 2])
def test_knative_goes_to_none_when_idle_for_a_stable_window_and_the_grace(initial: int) -> None:
    desk = Desk(scaler("knative", metric="concurrency", min_replicas=0, average_s=60.0), initial)
    counts = {t: desk.at(t, 0) for t in range(2, 100, 2)}
    assert counts == {t: 1 if t < 2 + 60 + 30 else 0 for t in counts}


def test_knative_keeps_what_is_being_activated() -> None:
    desk = Desk(scaler("knative", metric="rps", min_replicas=0, average_s=60.0), 0)
    assert desk.at(2, 0) == 0
    desk.pool.wanted, desk.pool.gateway_n = 1, 1
    # No request a second is seen any more while the first one waits for a cold start of ten minutes.
    assert [desk.at(t, 0, ready=0) for t in (4, 100, 400, 600)] == [1, 1, 1, 1]
    desk.pool.gateway_n = 0
    assert [desk.at(t, 0) for t in (602, 660, 662, 690, 692)] == [1, 1, 1, 1, 0]


# Target tracking.


def test_target_tracking_needs_its_datapoints_and_its_cooldown() -> None:
    desk = Desk(scaler("target_tracking", target=10.0, sync_s=60.0), 2)
    assert [desk.at(t, 30) for t in (60, 120, 180)] == [2, 2, 3]  # 15 each, thrice in a row
    assert [desk.at(t, 60) for t in (240, 300, 360, 420, 480)] == [3, 3, 3, 3, 6]
    # From 540 on below 9 each: fifteen in a row at 1380, long after the cooldown.
    low = {t: desk.at(t, 12) for t in range(540, 1500, 60)}
    assert low == {t: 6 if t < 1380 else 2 for t in range(540, 1500, 60)}


def test_target_tracking_starts_to_count_anew_between_its_alarms() -> None:
    desk = Desk(scaler("target_tracking", target=10.0, sync_s=60.0), 2)
    assert [desk.at(60 * x, total) for x, total in enumerate((30, 30, 20, 30, 30), 1)] == [2] * 5
    assert desk.at(360, 30) == 3
    quiet = Desk(scaler("target_tracking", target=10.0, sync_s=60.0), 2)
    assert [quiet.at(60 * x, 18) for x in range(1, 40)] == [2] * 39  # 9 each is 90 %, not below


def test_target_tracking_scales_in_only_after_the_cooldown_of_any_change() -> None:
    settings = {"out_datapoints": 1, "in_datapoints": 2, "out_cooldown": 0, "in_cooldown": 300}
    desk = Desk(scaler("target_tracking", settings, metric="busy", target=0.5, sync_s=60.0), 2)
    assert desk.at(60, 1.0) == 4
    assert desk.at(120, 1.0, ready=3) == 6  # three are ready and twice as busy as they should be
    assert [desk.at(t, 0.25) for t in (180, 240, 300, 360, 420)] == [6, 6, 6, 6, 3]
    assert desk.at(480, 0.9, ready=0) == 3


# Given counts.


def test_a_schedule_repeats_every_day_by_the_clock() -> None:
    hour = 3600.0
    day = scaler("schedule", schedule=((8 * hour, 4), (20 * hour, 1)))
    desk = Desk(day, 2, clock_offset_s=7 * hour)
    times = {0.0: 1, 1.0: 4, 12.999: 4, 13.0: 1, 24.0: 1, 25.0: 4, 24.0 * 365 + 1: 4}
    assert {t: desk.at(t * hour) for t in times} == times


def test_a_plan_holds_from_each_of_its_times_on() -> None:
    desk = Desk(scaler("plan", schedule=((100.0, 2), (200.0, 5)), min_replicas=0), 3)
    assert [desk.at(t) for t in (60, 99, 100, 180, 200, 10**7)] == [3, 3, 2, 2, 5, 5]


# Settings.


def test_laws_are_listed_with_fixed_first() -> None:
    assert LAWS == ("fixed", "schedule", "plan", "hpa", "keda", "knative", "target_tracking")
    assert Desk(Autoscaler(max_replicas=9), 3).at(15, math.inf) == 3


def test_a_setting_nobody_knows_or_gave_is_an_error() -> None:
    with pytest.raises(ValueError, match="autoscaler hpa: tolerence is unknown, tolerance is missing; it has: tolerance, up_pods"):
        settings_of(Autoscaler("hpa", settings=tuple({("tolerence" if k == "tolerance" else k): v for k, v in HPA.items()}.items())))
    with pytest.raises(ValueError, match="autoscaler fixed: grace is unknown; it has: none"):
        settings_of(Autoscaler(settings=(("grace", 1.0),)))
