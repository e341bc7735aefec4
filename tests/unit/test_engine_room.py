"""What the engine keeps grows with the requests that are live at once, whatever they wait for."""

from __future__ import annotations

import numpy as np
import pytest

from sim.engine.run import simulate
from sim.engine.system import Api, Client, Limit, Pool, Replica, Rule, StepTime, System, Target
from sim.trace.trace import Trace

MANY = 70_000
"""More than the log holds at first."""


def at_once() -> Trace:
    return Trace.from_arrays(arrival_s=np.zeros(MANY), prompt_tokens=np.full(MANY, 3), output_tokens=np.full(MANY, 2))


def test_a_crowd_in_a_queue() -> None:
    pool = Pool("own", Replica(StepTime(c_s=1e-3, g_tokens=(1.0,), g_s=(1e-3,)), blocks=10_000), replicas=1, initial_replicas=1)
    result = simulate(System((pool,), (Rule((Target(0),)),)), at_once(), log=True)
    assert result.log is not None
    assert result.log["row"].tolist() == list(range(MANY))
    assert result.outcomes.sum(axis=(0, 1)).tolist() == [MANY, 0, 0, 0, 0]


@pytest.mark.parametrize("law", ["sliding_window", "token_bucket"])
def test_a_crowd_that_tries_again(law: str) -> None:
    limit = Limit(law, "requests", limit=100.0, burst=100.0)
    api = Api("far", vendor=0, limits=(limit,))
    result = simulate(System((api,), (Rule((Target(0, client=Client(retries=2)),)),)), at_once(), log=True)
    assert result.log is not None
    assert len(result.log) == MANY
    assert result.outcomes.sum() == MANY
    assert (result.log["attempts"] == 3).sum() >= MANY - 300
