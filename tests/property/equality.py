"""What it means that the engine and the oracle agree."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from sim.engine.result import LOG_DTYPE, OUTCOMES, REASONS, Result
from sim.engine.run import simulate
from sim.trace.closed_loop import ClosedLoop
from tests.oracles.autoscalers import follow
from tests.oracles.clients import ClosedLoopOracle
from tests.oracles.control import Law
from tests.oracles.state import Outcome
from tests.oracles.system import SystemOracle
from tests.oracles.table import trace_of
from tests.property.systems import Case

TIMES = ("arrival_s", "first_token_s", "finish_s")


def by_engine(case: Case, chunk_rows: int = 65536, **changes: Any) -> Result:
    settings: dict[str, Any] = {"seed": case.seed, "events": case.events, "until_s": case.until_s, "log": True} | changes
    return simulate(case.system, trace_of(case.table, chunk_rows), **settings)


def by_oracle(case: Case, loop: ClosedLoop | None = None) -> Outcome:
    given = (case.system, case.table, case.seed, case.events, case.until_s, dict[str, Law]())
    return follow(SystemOracle(*given) if loop is None else ClosedLoopOracle(*given, loop)).run()


def assert_equal(result: Result, outcome: Outcome, within_s: float = 0.0) -> None:
    """The same rows, counters, tokens and lives; times to the last bit, or within this."""

    def differ(name: str, one: Any, other: Any) -> bool:
        if one == other or (one != one and other != other):
            return False
        return not (name in TIMES and abs(one - other) <= within_s)

    log = result.log
    assert log is not None
    assert log.dtype == LOG_DTYPE
    assert len(log) == len(outcome.log) == result.total, f"rows: {len(log)}, {len(outcome.log)}, {result.total}"
    for row, expected in zip(log, outcome.log, strict=True):
        different = {name: (row[name], expected[name]) for name in LOG_DTYPE.names or () if differ(name, row[name], expected[name])}
        assert not different, f"row {expected['row']}: (engine, oracle) {different}"
    for name, values in outcome.counters.items():
        assert result.counters[name].tolist() == values.tolist(), f"{name}: engine {result.counters[name]}, oracle {values}"
    assert result.tokens.sum(axis=(1, 3, 4)).tolist() == outcome.tokens.tolist()
    assert result.api_requests.sum(axis=(1, 2)).tolist() == outcome.api_requests.tolist()
    assert result.outcomes.sum(axis=(0, 1)).tolist() == [int((log["outcome"] == i).sum()) for i in range(len(OUTCOMES))]
    counted = [int(((log["reason"] == i) & (log["outcome"] > 0)).sum()) for i in range(len(REASONS))]
    assert result.reasons.tolist() == counted
    for life, expected in zip(ended(result.lives), ended(outcome.lives), strict=True):
        near = [a == b or (isinstance(a, float) and abs(a - b) <= within_s) for a, b in zip(life, expected, strict=True)]
        assert all(near), f"lives: {life} {expected}"
    np.testing.assert_allclose(result.busy_s, outcome.busy_s, rtol=1e-12, atol=1e-12, err_msg="busy_s")
    np.testing.assert_allclose(result.sequence_s, outcome.sequence_s, rtol=1e-12, atol=1e-12, err_msg="sequence_s")
    assert_integrals(result)
    assert abs(result.end_s - outcome.end_s) <= within_s
    assert abs(result.window_s - outcome.window_s) <= within_s, f"window_s: {result.window_s} {outcome.window_s}"


def assert_integrals(result: Result) -> None:
    """Time present and ready, within the window, are sums over lives."""
    for d in range(len(result.present_s)):
        mine = [life for life in result.lives if life.deployment == d]

        def within(start: float, end: float) -> float:
            return 0.0 if math.isnan(start) else min(end, result.window_s) - min(start, result.window_s)

        present_s = math.fsum(within(life.start_s, life.end_s) for life in mine)
        ready_s = math.fsum(within(life.ready_s, life.end_s) for life in mine)
        assert math.isclose(result.present_s[d], present_s, rel_tol=1e-12, abs_tol=1e-12), f"present_s: {result.present_s[d]} {present_s}"
        assert math.isclose(result.ready_s[d], ready_s, rel_tol=1e-12, abs_tol=1e-12), f"ready_s: {result.ready_s[d]} {ready_s}"


def ended(lives: Any) -> list[tuple[Any, ...]]:
    """Every life; when it ended only if it did."""
    known = []
    for life in lives:
        ready_s = -1.0 if math.isnan(life.ready_s) else life.ready_s
        end_s = -1.0 if life.end == "running" else life.end_s
        known.append((life.deployment, life.start_s, life.replica, ready_s, life.end, end_s))
    return sorted(known)
