"""A pool at zero that is woken by what a control event throws at it: the wish carries the time of that event."""

from sim.engine.system import Autoscaler, Client, Event, Pool, Replica, Rule, Stage, StepTime, System, Target
from tests.oracles.table import Row, Table
from tests.property.equality import assert_equal, by_engine, by_oracle
from tests.property.systems import Case

KEDA = {
    "tolerance": 0.1, "up_pods": 4, "up_percent": 100, "up_period": 15, "up_stabilization": 0, "down_pods": 0, "down_percent": 100,
    "down_period": 15, "down_stabilization": 0, "cooldown": 0, "activation": 0,
}  # fmt: skip


def test_work_of_a_lost_replica_wakes_another_pool_at_the_time_of_the_loss() -> None:
    replica = Replica(StepTime(1.0, (1.0,), (0.0,)), blocks=100)
    first = Pool("first", replica, 1, 1)
    scaler = Autoscaler("keda", "concurrency", 5.0, 1.0, 1.0, 1.0, min_replicas=0, settings=tuple(KEDA.items()))
    second = Pool("second", replica, 1, 1, autoscaler=scaler, cold_start=(Stage("all", 0.5),))
    patient = Client(retries=0)
    rule = Rule((Target(0, passes_on=("5xx",), client=patient), Target(1, client=patient)))
    events = (Event(2.25, "gpu_failure", 0, duration_s=100.0),)
    case = Case(System((first, second), (rule,)), Table((Row(0.0, 1, 9),)), events=events)
    result = by_engine(case)
    assert result.log is not None
    # Lost at 2.25, a cold start of half a second, a step of one second.
    assert result.log["first_token_s"].tolist() == [3.75]
    assert [happening.at_s for happening in result.happenings] == sorted(happening.at_s for happening in result.happenings)
    assert_equal(result, by_oracle(case))
