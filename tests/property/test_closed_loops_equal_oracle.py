"""Closed loops of clients: the engine and the second implementation of docs/engine.md section 10 agree to the last bit (I10)."""

from dataclasses import replace
from math import inf

import pytest
from hypothesis import given, settings

from sim.engine.result import OUTCOMES
from sim.engine.system import Autoscaler, Event, Pool, Replica, Rule, StepTime, System, Target
from sim.trace.closed_loop import ClosedLoop
from tests.oracles.state import PATIENCE_S
from tests.oracles.table import Row, Table
from tests.property.equality import assert_equal, by_engine, by_oracle
from tests.property.systems import Case, answered_late, cases, crowded, loops

SMALL = Replica(StepTime(1.0, (1.0,), (0.0,)), blocks=100, max_num_seqs=4)
SOME = settings(max_examples=max(1, settings().max_examples // 3))


def check(case: Case, loop: ClosedLoop) -> None:
    assert_equal(by_engine(case, closed_loop=loop), by_oracle(case, loop))


@SOME
@given(cases(), loops())
def test_any_system(case: Case, loop: ClosedLoop) -> None:
    check(case, loop)


@SOME
@given(answered_late(), loops())
def test_outcomes_that_are_heard_of_late(case: Case, loop: ClosedLoop) -> None:
    check(case, loop)


@SOME
@given(crowded(), loops())
def test_replicas_short_of_memory(case: Case, loop: ClosedLoop) -> None:
    check(case, loop)


@SOME
@given(cases(kinds=("pool",)), loops())
def test_pools(case: Case, loop: ClosedLoop) -> None:
    check(case, loop)


@SOME
@given(cases(kinds=("api",)), loops())
def test_apis(case: Case, loop: ClosedLoop) -> None:
    check(case, loop)


@pytest.mark.parametrize("timeline_s", [0.0, 7.0, 60.0])
@pytest.mark.parametrize("law", ["fixed", "plan"])
@pytest.mark.parametrize("until_s", [inf, 1000.0, 200_000.0])
def test_clients_that_nothing_moves_any_more(until_s: float, law: str, timeline_s: float) -> None:
    """Half of them wait at a pool that never has a replica, the others are served until the rows are used up."""
    rare = 7200.0
    never = Pool(
        "never",
        SMALL,
        1,
        0,
        autoscaler=Autoscaler("plan", sync_s=rare, scrape_s=rare, average_s=rare, min_replicas=0, schedule=((0.0, 0),)),
    )
    if law == "fixed":
        never = replace(never, autoscaler=Autoscaler(max_replicas=1))
    system = System((never, Pool("own", SMALL, 1, 1)), (Rule((Target(0),), (1,)), Rule((Target(1),))))
    table = Table(tuple(Row(0.0, 4, 3, class_id=i == 3) for i in range(9)))
    case = Case(system, table, events=(Event(3.5, "gpu_failure", 1, 2.0), Event(500.0, "gpu_failure", 1, 10.0, count=0)), until_s=until_s)
    loop = ClosedLoop(2, think_s=1.0)
    result, outcome = by_engine(case, closed_loop=loop, timeline_s=timeline_s), by_oracle(case, loop)
    assert_equal(result, outcome)
    assert result.outcomes[..., OUTCOMES.index("unfinished")].sum() == 1
    assert result.window_s == (until_s if until_s < inf else result.log["finish_s"][-1] + PATIENCE_S)
