"""Closed loops of clients: the engine and the second implementation of docs/engine.md section 10 agree to the last bit (I10)."""

from hypothesis import given, settings

from sim.trace.closed_loop import ClosedLoop
from tests.property.equality import assert_equal, by_engine, by_oracle
from tests.property.systems import Case, answered_late, cases, crowded, loops

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
