"""Lack of capacity and training jobs, on cases small enough to work out by hand from docs/engine.md section 7."""

from __future__ import annotations

from math import inf, isnan
from typing import Any

import pytest

from sim.cost.gpu import machine_lives
from sim.engine.result import TIMELINE_FIELDS, Result
from sim.engine.system import Autoscaler, Client, Event, Pool, Replica, Rule, Stage, StepTime, System, Target
from sim.measure.use import use
from tests.oracles.table import Row, Table
from tests.property.equality import assert_equal, by_engine, by_oracle
from tests.property.systems import Case

ONE_SECOND = Replica(StepTime(1.0, (1.0,), (0.0,)), blocks=100, max_num_seqs=1)
WINDOW_S = 100.0
HPA = {
    "tolerance": 0.1, "up_pods": 4, "up_percent": 100, "up_period": 15, "up_stabilization": 0, "down_pods": 4, "down_percent": 100,
    "down_period": 15, "down_stabilization": 300,
}  # fmt: skip


def own(replicas: int = 2, **changes: Any) -> Pool:
    settings = {
        "initial_replicas": replicas,
        "autoscaler": Autoscaler(max_replicas=replicas),
        "cold_start": (Stage("all", 5.0),),
    } | changes
    return Pool("own", ONE_SECOND, replicas, **settings)


def run(pool: Pool, rows: list[Row], *events: Event, until_s: float = inf) -> Result:
    """The result of the engine, which is also that of the oracle."""
    system = System((pool,), (Rule((Target(0, client=Client(retries=0)),)),))
    case = Case(system, Table(tuple(rows), window_s=WINDOW_S), events=events, until_s=until_s)
    result = by_engine(case)
    assert_equal(result, by_oracle(case))
    return result


def lives(result: Result) -> list[tuple[int, float, float, float, str]]:
    """(replica, start, ready or -1, end, why it ended) in order of start."""
    return [(life.replica, life.start_s, -1.0 if isnan(life.ready_s) else life.ready_s, life.end_s, life.end) for life in result.lives]


def first_tokens(result: Result) -> list[float]:
    assert result.log is not None
    return list(result.log["first_token_s"].tolist())


def test_what_is_lost_is_replaced_when_there_is_capacity_again() -> None:
    pool = own(3, initial_replicas=2)
    failure = Event(10.0, "gpu_failure", 0, duration_s=1000.0)
    usual = run(pool, [Row(0.0, 1, 1)], failure)
    assert lives(usual) == [(0, 0.0, 0.0, 100.0, "running"), (1, 0.0, 0.0, 10.0, "lost"), (2, 10.0, 15.0, 100.0, "running")]
    short = run(pool, [Row(0.0, 1, 1)], Event(8.0, "no_capacity", 0, duration_s=32.0), failure)
    assert lives(short) == [(0, 0.0, 0.0, 100.0, "running"), (1, 0.0, 0.0, 10.0, "lost"), (2, 40.0, 45.0, 100.0, "running")]


def test_a_replica_that_is_starting_when_capacity_ends_goes_on() -> None:
    plan = Autoscaler("plan", sync_s=1.0, max_replicas=3, schedule=((0.0, 1), (10.0, 2), (12.0, 3)))
    result = run(own(3, initial_replicas=1, autoscaler=plan), [Row(0.0, 1, 1)], Event(11.0, "no_capacity", 0, duration_s=20.0))
    assert lives(result) == [(0, 0.0, 0.0, 100.0, "running"), (1, 10.0, 15.0, 100.0, "running"), (2, 31.0, 36.0, 100.0, "running")]


def test_a_wish_taken_back_before_there_is_capacity_is_never_carried_out() -> None:
    plan = Autoscaler("plan", sync_s=1.0, max_replicas=2, schedule=((0.0, 1), (10.0, 2), (20.0, 1)))
    result = run(own(2, initial_replicas=1, autoscaler=plan), [Row(0.0, 1, 1)], Event(5.0, "no_capacity", 0, duration_s=20.0))
    assert lives(result) == [(0, 0.0, 0.0, 100.0, "running")]


def test_while_two_say_so_the_last_one_counts() -> None:
    events = Event(8.0, "no_capacity", 0, duration_s=22.0), Event(9.0, "no_capacity", 0, duration_s=2.0), Event(10.0, "gpu_failure", 0, 1.0)
    result = run(own(1), [Row(0.0, 1, 1), Row(20.0, 1, 1)], *events)
    assert lives(result) == [(0, 0.0, 0.0, 10.0, "lost"), (0, 30.0, 35.0, 100.0, "running")]
    # Who comes meanwhile waits at the gateway for the cold start.
    assert first_tokens(result) == [1.0, 36.0]


def test_replicas_are_lent_and_come_back() -> None:
    result = run(own(3), [Row(0.0, 1, 1)], Event(10.0, "retraining", 0, duration_s=30.0, count=2))
    assert lives(result) == [
        (0, 0.0, 0.0, 100.0, "running"), (1, 0.0, 0.0, 10.0, "scaled_down"), (2, 0.0, 0.0, 10.0, "scaled_down"),
        (1, 10.0, -1.0, 40.0, "lent"), (2, 10.0, -1.0, 40.0, "lent"), (1, 40.0, 45.0, 100.0, "running"), (2, 40.0, 45.0, 100.0, "running"),
    ]  # fmt: skip
    assert result.present_s[0] == 3 * 100.0
    assert result.ready_s[0] == 3 * 100.0 - 2 * 35.0
    assert [(each.at_s, each.replica) for each in result.happenings if each.kind == "lend"] == [(10.0, 2), (10.0, 1)]
    assert [each.at_s for each in result.happenings if each.kind == "retraining_end"] == [40.0]


def test_lent_gpus_are_paid_for_and_not_ready() -> None:
    pool = own(2)
    busy = [Row(float(t), 1, 1) for t in range(0, 100, 2)]
    lent = run(pool, busy, Event(10.0, "retraining", 0, duration_s=30.0))
    kept = run(pool, busy)
    for result in (lent, kept):
        (one, other) = machine_lives(lives=result.lives, gpus_per_replica=1, gpus_per_machine=1, window_s=WINDOW_S)
        assert (one.start_s, one.end_s, one.ended) == (other.start_s, other.end_s, other.ended) == (0.0, 100.0, False)
    assert use(lent, pool, 0).replica_hours == use(kept, pool, 0).replica_hours == 200 / 3600
    assert use(lent, pool, 0).busy_share == use(kept, pool, 0).busy_share == 0.25
    assert use(kept, pool, 0).ready_replicas == 2.0
    assert use(lent, pool, 0).ready_replicas == 1.65
    timeline = by_engine(
        Case(System((pool,), (Rule((Target(0),)),)), Table(tuple(busy)), events=(Event(10.0, "retraining", 0, 30.0),)), timeline_s=20.0
    ).timeline
    ready, present = (timeline[:, 0, TIMELINE_FIELDS.index(name)].tolist() for name in ("ready", "present"))
    assert (ready[:3], present[:3]) == ([1, 1, 2], [2, 2, 2])


def test_the_job_waits_for_what_still_runs() -> None:
    events = Event(2.0, "retraining", 0, duration_s=10.0)
    rows = [Row(0.0, 1, 4)]
    patient = run(own(1), rows, events)
    assert lives(patient) == [(0, 0.0, 0.0, 4.0, "scaled_down"), (0, 4.0, -1.0, 12.0, "lent"), (0, 12.0, 17.0, 100.0, "running")]
    assert patient.outcomes.sum(axis=(0, 1))[0] == 1
    hasty = run(own(1, drain_s=1.5), rows, events)
    assert lives(hasty) == [(0, 0.0, 0.0, 3.5, "scaled_down"), (0, 3.5, -1.0, 12.0, "lent"), (0, 12.0, 17.0, 100.0, "running")]
    assert hasty.outcomes.sum(axis=(0, 1))[0] == 0


def test_what_runs_longer_than_the_job_is_never_lent() -> None:
    result = run(own(1), [Row(0.0, 1, 20)], Event(2.0, "retraining", 0, duration_s=10.0))
    assert lives(result) == [(0, 0.0, 0.0, 20.0, "scaled_down"), (0, 20.0, 25.0, 100.0, "running")]


@pytest.mark.parametrize("law", ["fixed", "plan"])
def test_gpus_one_has_are_not_replaced_by_others(law: Any) -> None:
    scaler = Autoscaler(law, sync_s=1.0, max_replicas=4, schedule=((0.0, 2),) if law == "plan" else ())
    pool = own(4, initial_replicas=2, autoscaler=scaler)
    result = run(pool, [Row(0.0, 1, 1)], Event(10.0, "retraining", 0, duration_s=30.0))
    assert lives(result) == [
        (0, 0.0, 0.0, 100.0, "running"), (1, 0.0, 0.0, 10.0, "scaled_down"), (1, 10.0, -1.0, 40.0, "lent"), (1, 40.0, 45.0, 100.0, "running"),
    ]  # fmt: skip
    # One that fails meanwhile is replaced all the same: it is not the one that was lent.
    failed = run(pool, [Row(0.0, 1, 1)], Event(10.0, "retraining", 0, duration_s=30.0), Event(20.0, "gpu_failure", 0, duration_s=1000.0))
    assert lives(failed)[3:] == [(2, 20.0, 25.0, 100.0, "running"), (1, 40.0, 45.0, 100.0, "running")]


def test_an_autoscaler_may_want_what_is_not_lent() -> None:
    """Four requests run at any time, one a replica: all four are wanted, and while two are lent the other two are all there is."""
    scaler = Autoscaler("hpa", "concurrency", 1.0, 1.0, 1.0, 1.0, max_replicas=4, settings=tuple(HPA.items()))
    rows = [Row(t / 4, 1, 1) for t in range(400)]
    pool = own(4, autoscaler=scaler, drain_s=0.0)
    lent = run(pool, rows, Event(20.25, "retraining", 0, duration_s=30.0, count=2))
    assert [life[3:] for life in lives(lent)[:4] if life[0] > 1] == [(20.25, "scaled_down"), (20.25, "scaled_down")]
    assert [life for life in lives(lent) if life[4] == "lent"] == [(2, 20.25, -1.0, 50.25, "lent"), (3, 20.25, -1.0, 50.25, "lent")]
    assert [life[:3] for life in lives(lent)[-2:]] == [(2, 50.25, 55.25), (3, 50.25, 55.25)]


def test_a_law_that_wants_more_to_serve_gets_it_elsewhere_where_there_is_room() -> None:
    """A schedule of two at any time: from its next decision on it has two beside the one that is lent."""
    scaler = Autoscaler("schedule", sync_s=60.0, max_replicas=4, schedule=((0.0, 2),))
    result = run(own(4, initial_replicas=2, autoscaler=scaler), [Row(0.0, 1, 1)], Event(10.0, "retraining", 0, duration_s=70.0))
    assert lives(result) == [
        (0, 0.0, 0.0, 100.0, "running"), (1, 0.0, 0.0, 10.0, "scaled_down"), (1, 10.0, -1.0, 80.0, "lent"), (2, 60.0, 65.0, 100.0, "running"),
        (1, 80.0, 85.0, 100.0, "running"),
    ]  # fmt: skip


def test_a_job_that_outlasts_the_run() -> None:
    result = run(own(2), [Row(0.0, 1, 1)], Event(90.0, "retraining", 0, duration_s=30.0))
    assert lives(result)[-1] == (1, 90.0, -1.0, 100.0, "running")
    assert result.present_s[0] == 200.0


def test_without_capacity_what_was_lent_comes_back_when_there_is() -> None:
    events = Event(10.0, "retraining", 0, duration_s=10.0), Event(15.0, "no_capacity", 0, duration_s=25.0)
    result = run(own(1), [Row(0.0, 1, 1), Row(12.0, 1, 1)], *events)
    assert lives(result)[1:] == [(0, 10.0, -1.0, 20.0, "lent"), (0, 40.0, 45.0, 100.0, "running")]
    assert first_tokens(result) == [1.0, 46.0]


def test_two_jobs_take_one_after_the_other() -> None:
    events = Event(10.0, "retraining", 0, duration_s=30.0), Event(20.0, "retraining", 0, duration_s=5.0, count=5)
    result = run(own(3), [Row(0.0, 1, 1)], *events)
    assert [life for life in lives(result) if life[4] == "lent"] == [
        (2, 10.0, -1.0, 40.0, "lent"), (0, 20.0, -1.0, 25.0, "lent"), (1, 20.0, -1.0, 25.0, "lent"),
    ]  # fmt: skip
    assert [life[:3] for life in lives(result)[-3:]] == [(0, 25.0, 30.0), (1, 25.0, 30.0), (2, 40.0, 45.0)]


def test_a_job_that_takes_none_changes_nothing() -> None:
    rows = [Row(float(t), 1, 3) for t in range(50)]
    pool = own(2, initial_replicas=1, autoscaler=Autoscaler("hpa", "concurrency", 2.0, max_replicas=2, settings=tuple(HPA.items())))
    plain, with_event = run(pool, rows), run(pool, rows, Event(16.5, "retraining", 0, duration_s=20.0, count=0))
    assert plain.log is not None
    assert with_event.log is not None
    assert plain.log.tobytes() == with_event.log.tobytes()
    assert lives(plain) == lives(with_event)
