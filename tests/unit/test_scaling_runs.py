"""Pools that scale, end to end: when replicas start, are ready and go, reasoned from what the systems imitated document."""

from __future__ import annotations

from typing import Any

from sim.engine.result import Result
from sim.engine.run import simulate
from sim.engine.system import Autoscaler, Client, Pool, Replica, Rule, Stage, StepTime, System, Target
from tests.oracles.table import Row, Table, trace_of

ONE_SECOND = Replica(StepTime(1.0, (1.0,), (0.0,)), blocks=100, max_num_seqs=1)
HPA = {
    "tolerance": 0.1, "up_pods": 4, "up_percent": 100, "up_period": 15, "up_stabilization": 0,
    "down_pods": 0, "down_percent": 100, "down_period": 15, "down_stabilization": 300,
}  # fmt: skip
KNATIVE = {"panic_window": 0.1, "utilization": 0.7, "panic_threshold": 2, "up_rate": 1000, "down_rate": 2, "grace": 30}
PATIENT = Target(0, client=Client(retries=0))


def pool(law: str, settings: dict[str, float], cold_s: float, *, initial: int = 1, drain_s: float = float("inf"), **fields: Any) -> Pool:
    autoscaler = Autoscaler(law, settings=tuple(settings.items()), **({"max_replicas": 4} | fields))
    return Pool(law, ONE_SECOND, 4, initial, autoscaler=autoscaler, cold_start=(Stage("all", cold_s),), drain_s=drain_s)


def run(pools: list[Pool], rows: list[Row], window_s: float, *rules: Rule) -> Result:
    return simulate(System(tuple(pools), rules or (Rule((PATIENT,)),)), trace_of(Table(tuple(rows), window_s=window_s)), log=True)


def lives(result: Result, deployment: int = 0) -> list[tuple[int, float, float, float, str]]:
    found = [life for life in result.lives if life.deployment == deployment]
    return [(life.replica, life.start_s, life.ready_s, life.end_s, life.end) for life in found]


def test_a_step_of_load_under_the_hpa() -> None:
    own = pool("hpa", HPA, 40.0, metric="waiting", target=2.0)
    result = run([own], [Row(29.5, 1, 1)] * 9, 600.0)
    # Eight wait when it decides at 30, for four replicas; 300 s later that wish is forgotten, and nobody waits.
    assert lives(result) == [
        (0, 0.0, 0.0, 600.0, "running"),
        *((r, 30.0, 70.0, 330.0, "scaled_down") for r in (1, 2, 3)),
    ]
    assert result.present_s.tolist() == [600.0 + 3 * 300.0]
    assert result.ready_s.tolist() == [600.0 + 3 * 260.0]


def test_knative_goes_to_none_and_comes_back_with_a_request() -> None:
    own = pool("knative", KNATIVE, 5.0, metric="concurrency", target=100.0, sync_s=2.0, scrape_s=1.0, average_s=60.0, min_replicas=0)
    result = run([own], [Row(0.5, 1, 1), Row(150.0, 1, 1), Row(150.5, 1, 1)], 400.0)
    # Seen running at 1, which leaves the stable window at 61; none wanted from 62 on, for 30 s of grace.
    # The second waits for its cold start at 150; it is last seen at 156 with its successor, out of the window at 216.
    assert lives(result) == [(0, 0.0, 0.0, 92.0, "scaled_down"), (0, 150.0, 155.0, 246.0, "scaled_down")]
    assert result.log is not None
    assert result.log["first_token_s"].tolist() == [1.5, 156.0, 157.0]


def test_keda_goes_to_none_after_its_cooldown_and_comes_back_with_a_request() -> None:
    settings = HPA | {"cooldown": 300, "activation": 0}
    own = pool("keda", settings, 60.0, metric="concurrency", target=5.0, scrape_s=30.0, min_replicas=0)
    result = run([own], [Row(29.5, 1, 1), Row(500.5, 1, 1)], 1000.0)
    # Seen by the poll at 30, which the decision at 45 still goes by: more than 300 s later it is 360.
    # The second is held in front of the pool until 560.5; the decision at 555 sees that, and 855 is not yet more than 300 s later.
    assert lives(result) == [(0, 0.0, 0.0, 360.0, "scaled_down"), (0, 500.5, 560.5, 870.0, "scaled_down")]
    assert result.log is not None
    assert result.log["finish_s"].tolist() == [30.5, 561.5]


def test_target_tracking_waits_for_its_datapoints() -> None:
    settings = {"out_datapoints": 3, "in_datapoints": 15, "out_cooldown": 300, "in_cooldown": 300}
    own = pool("target_tracking", settings, 30.0, metric="busy", target=0.5, scrape_s=60.0, sync_s=60.0, average_s=60.0)
    result = run([own], [Row(0.0, 1, 200)], 1500.0)
    # Busy at 60, 120 and 180: twice the target. Idle from 240 on, fifteen datapoints later at 1080 long past the cooldown.
    assert lives(result) == [(0, 0.0, 0.0, 1500.0, "running"), (1, 180.0, 210.0, 1080.0, "scaled_down")]


def test_given_counts_need_no_metric() -> None:
    plan = pool("plan", {}, 10.0, schedule=((100.0, 3), (200.0, 1)), sync_s=20.0, scrape_s=20.0, lag_s=1000.0)
    assert lives(run([plan], [Row(0.0, 1, 1)], 300.0)) == [
        (0, 0.0, 0.0, 300.0, "running"),
        (1, 100.0, 110.0, 200.0, "scaled_down"),
        (2, 100.0, 110.0, 200.0, "scaled_down"),
    ]


def test_two_pools_that_decide_at_one_time_both_start_replicas() -> None:
    pools = [pool("hpa", HPA, 5.0, metric="waiting", target=1.0) for _ in range(2)]
    long, short = (Target(d, client=Client(retries=0)) for d in (0, 1))
    rows = [Row(14.5, prompt, 1) for prompt in (1, 9) * 3]
    result = run(pools, rows, 20.0, Rule((long,), min_prompt_tokens=5), Rule((short,)))
    for d in (0, 1):
        assert lives(result, d) == [(0, 0.0, 0.0, 20.0, "running"), (1, 15.0, 20.0, 20.0, "running")]


def test_a_draining_replica_goes_when_its_last_request_gives_up() -> None:
    own = pool("plan", {}, 0.0, initial=2, drain_s=50.0, schedule=((0.0, 1),), sync_s=1.0, scrape_s=1.0)
    impatient = Rule((Target(0, client=Client(retries=0, timeout_s=5.0)),))
    result = run([own], [Row(0.0, 1, 2), Row(0.0, 1, 30)], 20.0, impatient)
    assert lives(result) == [(0, 0.0, 0.0, 20.0, "running"), (1, 0.0, 0.0, 5.0, "scaled_down")]
    assert result.log is not None
    assert result.log["finish_s"].tolist() == [2.0, 5.0]
