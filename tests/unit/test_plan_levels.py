"""Service levels as people write them."""

from __future__ import annotations

import pytest

from sim.errors import InputError
from sim.planning.levels import odd_levels, parse_level, parse_levels


@pytest.mark.parametrize(
    ("text", "metric", "op", "limit", "column"),
    [
        ("ttft_p95 <= 3s", "ttft_p95", "<=", 3.0, "ttft_p95_s"),
        ("TPOT_p99.9<50ms", "tpot_p99.9", "<", 0.05, "tpot_p99.9_s"),
        ("e2e_p50_s <= 2 min", "e2e_p50", "<=", 120.0, "e2e_p50_s"),
        ("completed >= 99.5%", "completed", ">=", 0.995, "completed_share"),
        ("completed_share >= 0.995", "completed", ">=", 0.995, "completed_share"),
        ("goodput >= 5/s", "goodput", ">=", 5.0, "goodput_per_s"),
        ("usd_per_month <= $12k", "usd_per_month", "<=", 12_000.0, "usd_per_month"),
        ("load < 0.8", "load", "<", 0.8, "load"),
    ],
)
def test_what_is_read(text: str, metric: str, op: str, limit: float, column: str) -> None:
    found = parse_level(text)
    assert (found.metric, found.op, found.column) == (metric, op, column)
    assert found.limit == pytest.approx(limit)
    assert parse_level(f"{found.metric} {found.op} {found.limit!r}") == found


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("tfft_p95 <= 3s", "did you mean 'ttft_p95'?"),
        ("goodptu >= 3", "did you mean 'goodput'?"),
        ("ttft_p95 3s", "METRIC OP VALUE"),
        ("ttft_p95 <= <= 3s", "METRIC OP VALUE"),
        ("ttft_p95 =< 3s", "METRIC OP VALUE"),
        ("ttft_p95 <= 3 parsecs", "not a duration"),
        ("ttft_p95 <= 0s", "above 0"),
        ("ttft_p0 <= 3s", "from 1 to 99.99"),
        ("ttft_p100 <= 3s", "unknown metric"),
        ("ttft_p95 >= 3s", "allowed: ttft_p95 <= 3s"),
        ("completed <= 99%", "allowed: completed >= 99%"),
        ("completed >= 99.5", "not a share"),
        ("", "METRIC OP VALUE"),
        ("x" * 5000, "METRIC OP VALUE"),
        ("ttft_p95 <= nan", "not a duration"),
    ],
)
def test_what_is_refused(text: str, said: str) -> None:
    with pytest.raises(InputError) as error:
        parse_level(text)
    assert said in str(error.value)
    assert len(str(error.value)) < 700


def test_every_mistake_is_said_and_none_twice() -> None:
    with pytest.raises(InputError) as error:
        parse_levels(["ttft_p95 <= 3s", "nope <= 3", "ttft_p95 <= 4s"])
    first, second = str(error.value).split("\n")
    assert "unknown metric 'nope'" in first
    assert "twice" in second


def test_what_holds() -> None:
    level = parse_level("completed >= 99.5%")
    assert level.holds(199 / 200) and not level.holds(0.9949)
    assert level.excess(0.995) == pytest.approx(0, abs=1e-9)
    assert level.excess(0.99) == pytest.approx(1.0)
    late = parse_level("ttft_p95 <= 2s")
    assert late.holds(2.0) and not late.holds(2.001)
    assert not parse_level("ttft_p95 < 2s").holds(2.0)
    assert late.excess(3.0) == pytest.approx(0.5)
    assert late.excess(1.0) == pytest.approx(-0.5)
    assert late.holds(None) and not late.holds(None, anything=False)


def test_plain_numbers_that_are_odd_as_seconds() -> None:
    texts = ["ttft_p95 <= 800", "ttft_p99 <= 800ms", "e2e_p95 <= 60", "completed >= 99%", "goodput >= 500", "TPOT_p95 <= 50"]
    assert odd_levels(texts) == (
        "--slo 'ttft_p95 <= 800': ttft_p95 is 13.3 min; 800ms is written so",
        "--slo 'TPOT_p95 <= 50': tpot_p95 is 50.0 s; 50ms is written so",
    )
