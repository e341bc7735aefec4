"""Closed loops on generated systems: who sends when follows from the log alone, and nothing else changes it."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.engine.random import THINK, uniform
from sim.engine.result import OUTCOMES, Result
from sim.engine.system import Api, Event
from sim.trace.closed_loop import ClosedLoop
from tests.property.equality import assert_integrals, by_engine
from tests.property.systems import QUANTUM, Case, cases, crowded, one_of, seconds

ROOT = Path(__file__).parents[2]
UNFINISHED = OUTCOMES.index("unfinished")
FEW = settings(max_examples=max(1, settings().max_examples // 6))


@st.composite
def loops(draw: st.DrawFn) -> ClosedLoop:
    return ClosedLoop(
        draw(one_of(1, 2, 3, 8, 100)),
        draw(one_of(0.0, 0.0, QUANTUM, 1.0, 5.0)),
        draw(one_of("constant", "constant", "exponential")),
        draw(one_of(0.0, 0.0, 4.0)),
        draw(one_of(None, None, 0.5, 10.0)),
    )


def without_demand(case: Case) -> Case:
    return replace(case, events=tuple(event for event in case.events if event.kind != "demand_factor"))


def sendings(result: Result, loop: ClosedLoop, seed: int, rows: int) -> list[float]:
    """When requests must have been sent, from docs/engine.md section 10 and the times at which requests ended."""
    log = result.log
    assert log is not None
    times = [i * loop.ramp_s / loop.clients for i in range(loop.clients)]
    for row, outcome, finish_s in zip(log["row"].tolist(), log["outcome"].tolist(), log["finish_s"].tolist(), strict=True):
        if outcome != UNFINISHED:
            think_s = loop.think_s
            if loop.think_law == "exponential":
                think_s = -loop.think_s * np.log(1.0 - uniform(seed, THINK, row, 0, 0, 0))
            times.append(finish_s + think_s)
    return sorted(t for t in times if loop.until_s is None or t <= loop.until_s)[:rows]


def everything(result: Result) -> dict[str, Any]:
    """All of a result in comparable form, the list of happenings apart."""
    found = {field.name: getattr(result, field.name) for field in fields(result) if field.name != "happenings"}
    found["counters"] = {name: values.tolist() for name, values in found["counters"].items()}
    found["lives"] = [repr(life) for life in found["lives"]]
    return {name: value.tobytes() if isinstance(value, np.ndarray) else value for name, value in found.items()}


@FEW
@given(cases(), loops())
def test_each_request_is_sent_when_one_before_it_has_ended(case: Case, loop: ClosedLoop) -> None:
    case = without_demand(case)
    result = by_engine(case, closed_loop=loop)
    log = result.log
    assert log is not None
    assert log["row"].tolist() == list(range(result.total))
    expected = sendings(result, loop, case.seed, len(case.table.rows))
    if case.until_s == np.inf:
        # rows are taken in order of sending, so that times of arrival ascend
        np.testing.assert_allclose(log["arrival_s"], expected, rtol=1e-14, atol=0)
        if not (log["outcome"] == UNFINISHED).any():
            assert result.window_s == result.end_s == log["finish_s"].max(initial=0.0)
    else:
        sent = [t for t in expected if t <= case.until_s]
        np.testing.assert_allclose(log["arrival_s"], sent, rtol=1e-14, atol=0)
        assert result.window_s in (case.until_s, result.end_s)
    ends = np.where(np.isnan(log["finish_s"]), np.inf, log["finish_s"])
    live = np.searchsorted(log["arrival_s"], log["arrival_s"], side="right") - np.searchsorted(
        np.sort(ends), log["arrival_s"], side="right"
    )
    # a request refused at once is no longer live when the next of the same moment is sent
    assert (live <= loop.clients).all()
    assert (result.busy_s <= result.present_s + 1e-9).all()
    assert_integrals(result)


@FEW
@given(crowded(), loops(), st.lists(seconds(20), min_size=1, max_size=5), st.integers(0, 2), one_of(1, 7))
def test_control_events_that_change_nothing_and_the_size_of_chunks_leave_every_byte(
    case: Case, loop: ClosedLoop, times: list[float], which: int, rows: int
) -> None:
    case = without_demand(case)
    first = everything(by_engine(case, closed_loop=loop))
    assert first == everything(by_engine(case, closed_loop=loop, chunk_rows=rows))
    d = which % len(case.system.deployments)
    kind = "degradation" if isinstance(case.system.deployments[d], Api) else ("gpu_failure", "retraining")[which % 2]
    nothing = tuple(Event(t + QUANTUM / 3, kind, d, duration_s=1.0, count=0) for t in times)
    events = tuple(sorted(case.events + nothing, key=lambda event: event.at_s))
    assert first == everything(by_engine(replace(case, events=events), closed_loop=loop))


@FEW
@given(cases(), loops())
def test_times_of_arrival_in_the_trace_are_not_looked_at(case: Case, loop: ClosedLoop) -> None:
    case = without_demand(case)
    at_once = replace(case, table=replace(case.table, rows=tuple(replace(row, arrival_s=0.0) for row in case.table.rows)))
    assert everything(by_engine(case, closed_loop=loop)) == everything(by_engine(at_once, closed_loop=loop))
