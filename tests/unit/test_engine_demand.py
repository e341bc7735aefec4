"""Scripted demand: how often rows occur, that bursts stay where they are, and that it does not depend on how the trace is read."""

from __future__ import annotations

import numpy as np
import pytest

from sim.engine.result import Result
from sim.engine.run import simulate
from sim.engine.system import Event, Pool, Replica, Rule, StepTime, System, Target
from sim.trace.trace import Trace

ROWS = 3000
POOL = Pool("own", Replica(StepTime(c_s=1e-4, g_tokens=(1.0,), g_s=(1e-4,)), blocks=10_000), replicas=1, initial_replicas=1)
SYSTEM = System((POOL,), (Rule((Target(0),)),))


def trace() -> Trace:
    random = np.random.default_rng(7)
    return Trace.from_arrays(
        arrival_s=np.cumsum(random.exponential(1.0, ROWS)),
        prompt_tokens=random.integers(1, 100, ROWS),
        output_tokens=random.integers(1, 20, ROWS),
    )


def run(*events: Event, chunk_rows: int = 65_536) -> Result:
    return simulate(SYSTEM, trace(), seed=5, events=events, log=True, chunk_rows=chunk_rows)


def demand(factor: float, at_s: float = 0.0, duration_s: float = 0.0) -> Event:
    return Event(at_s, "demand_factor", factor=factor, duration_s=duration_s)


@pytest.mark.parametrize("factor", [0.0, 1e-9, 0.3, 1.0, 2.5, 10.0])
def test_rows_occur_so_many_times_in_the_mean(factor: float) -> None:
    found = run(demand(factor)).total
    whole, chance = int(factor), factor - int(factor)
    assert abs(found - factor * ROWS) <= 5 * np.sqrt(ROWS * chance * (1 - chance))
    assert found >= whole * ROWS


def test_factors_in_force_together_multiply_and_end() -> None:
    plain = run().log
    result = run(demand(2.0, 500.0, 1000.0), demand(3.0, 1000.0, 500.0))
    assert plain is not None and result.log is not None
    for start, end, times in ((0, 500, 1), (500, 1000, 2), (1000, 1500, 6), (1500, 1e9, 1)):
        rows = np.sum((plain["arrival_s"] >= start) & (plain["arrival_s"] < end))
        copies = np.isin(result.log["row"] % 2**44, plain["row"][(plain["arrival_s"] >= start) & (plain["arrival_s"] < end)])
        assert copies.sum() == times * rows


def test_a_copy_arrives_between_its_row_and_the_next() -> None:
    plain, more = run().log, run(demand(4.0)).log
    assert plain is not None and more is not None
    row = more["row"] % 2**44
    following = np.append(plain["arrival_s"][1:], plain["arrival_s"][-1])
    assert np.all(more["arrival_s"] >= plain["arrival_s"][row])
    assert np.all(more["arrival_s"] <= following[row])


@pytest.mark.parametrize("chunk_rows", [1, 7, 1000, ROWS])
@pytest.mark.parametrize("factor", [0.5, 3.0])
def test_how_the_trace_is_read_does_not_matter(chunk_rows: int, factor: float) -> None:
    whole, parts = run(demand(factor)).log, run(demand(factor), chunk_rows=chunk_rows).log
    assert whole is not None and parts is not None
    assert whole.tobytes() == parts.tobytes()
