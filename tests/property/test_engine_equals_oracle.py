"""The engine and a slow second implementation of docs/engine.md agree to the last bit (invariant I10)."""

from hypothesis import given

from tests.property.equality import assert_equal, by_engine, by_oracle
from tests.property.systems import Case, cases, crowded


@given(cases())
def test_any_system(case: Case) -> None:
    assert_equal(by_engine(case), by_oracle(case))


@given(crowded())
def test_replicas_short_of_memory(case: Case) -> None:
    assert_equal(by_engine(case), by_oracle(case))


@given(cases(kinds=("pool",)))
def test_pools(case: Case) -> None:
    assert_equal(by_engine(case), by_oracle(case))


@given(cases(kinds=("api",)))
def test_apis(case: Case) -> None:
    assert_equal(by_engine(case), by_oracle(case))
