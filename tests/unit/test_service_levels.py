"""Service levels of months against counts by hand: verdicts, quantiles of latencies, and weights that stand for other samples of traffic."""

from __future__ import annotations

import datetime
from typing import Any

import numpy as np
import pytest

from sim.engine.result import HIST_BUCKETS, HIST_MIN_S
from sim.futures import service_levels as levels_module
from sim.futures.calendar import Calendar
from sim.futures.combine import Source
from sim.futures.forecast import SloForecast
from sim.futures.service_levels import block_weights, service_levels
from sim.futures.usage import ALL, SLO_ITEMS, UsageLayout
from sim.stack.schema import Slo
from tests.made.result import bucket

CALENDAR = Calendar(datetime.date(2026, 11, 1), 2)  # 30 and 31 days
LAYOUT = UsageLayout.of((), ())
SLO = Slo(completed=0.9)
GOOD = (100.0, 98.0, 95.0, 80.0, 78.0, 92.0)
"""SLO_ITEMS of a day: held, completed_held, ttft_ok, tpot_n, tpot_ok, met."""


def source(
    blocks: Any, *, histogram: np.ndarray | None = None, weight: float | np.ndarray = 1.0, futures: int = 1, **amounts: float
) -> Source:
    """One node of a mean day with SLO_ITEMS by block, every day the same; requests and completed of ALL are what is held unless given."""
    counts = np.asarray(blocks, np.float64).reshape(1, -1, len(SLO_ITEMS))
    total = counts[0].sum(axis=0)
    row = np.zeros((1, len(LAYOUT)))
    for item, amount in {"requests": total[0], "completed": total[1], **dict(zip(SLO_ITEMS, total, strict=True)), **amounts}.items():
        row[0, LAYOUT.at(ALL, item)] = amount
    days = len(CALENDAR.weekday)
    seen = np.zeros((1, 3, HIST_BUCKETS)) if histogram is None else histogram[None]
    weights = np.broadcast_to(np.asarray(weight, np.float64), (futures, days))[:, :, None].copy()
    return Source(CALENDAR, row, seen, counts, np.zeros((futures, days, 1), np.int64), weights)


def found(*parts: Source, library: Any = None, weights: np.ndarray | None = None, slo: Slo = SLO) -> SloForecast:
    usage = sum(part.plain @ part.amounts for part in [*parts, *([library] if library is not None else [])])
    return service_levels(parts, library, np.maximum(usage, 0).reshape(-1, 2, len(LAYOUT)), LAYOUT, slo, weights)


# --- verdicts ---


def test_shares_are_those_of_the_counts() -> None:
    got = found(source(GOOD))
    assert got.good_share.tolist() == [[pytest.approx(0.92)] * 2]
    assert got.completed_share.tolist() == [[pytest.approx(0.98)] * 2]
    # 95 of 98 within their TTFT, 78 of 80 within their TPOT, 98 of 100 completed.
    assert got.met.tolist() == [[True, True]]


@pytest.mark.parametrize(
    ("counts", "met"),
    [
        ((100.0, 100.0, 95.0, 80.0, 76.0, 90.0), True),  # exactly 95 % is enough
        ((100.0, 100.0, 94.0, 80.0, 80.0, 94.0), False),
        ((100.0, 100.0, 100.0, 80.0, 75.0, 75.0), False),
        ((100.0, 90.0, 90.0, 80.0, 80.0, 90.0), True),  # as many as must complete
        ((100.0, 89.0, 89.0, 80.0, 80.0, 89.0), False),
        ((100.0, 100.0, 100.0, 0.0, 0.0, 100.0), True),  # answers of one token: there is no TPOT to miss
        ((100.0, 0.0, 0.0, 0.0, 0.0, 0.0), False),
    ],
)
def test_a_verdict_holds_every_level_against_its_count(counts: tuple[float, ...], met: bool) -> None:
    assert found(source(counts)).met.tolist() == [[met, met]]


def test_months_are_judged_by_their_own_days() -> None:
    """A bad day in five is too much in the month that has it, and nothing in the other."""
    day = np.arange(61)
    bad = ((day < 30) & (day % 5 == 0)).astype(float)[None, :]
    late = (100.0, 100.0, 50.0, 0.0, 0.0, 50.0)
    fine = (100.0, 100.0, 100.0, 0.0, 0.0, 100.0)
    got = found(source(fine, weight=1 - bad), source(late, weight=bad))
    assert got.good_share.tolist() == [[pytest.approx(0.9), 1.0]]
    assert got.met.tolist() == [[False, True]]


def test_requests_of_batch_lanes_complete_but_are_held_to_no_latency() -> None:
    got = found(source((50.0, 50.0, 50.0, 0.0, 0.0, 50.0), requests=100.0, completed=80.0))
    assert got.good_share.tolist() == [[1.0, 1.0]] and got.completed_share.tolist() == [[pytest.approx(0.8)] * 2]
    assert got.met.tolist() == [[False, False]]


def test_what_incidents_do_comes_on_top_and_never_below_nothing() -> None:
    lost = source((0.0, -4.0, -60.0, 0.0, 0.0, -60.0), requests=0.0, completed=-4.0)
    got = found(source(GOOD), library=lost)
    assert got.good_share.tolist() == [[pytest.approx(0.32)] * 2]
    assert got.completed_share.tolist() == [[pytest.approx(0.94)] * 2] and not got.met.any()
    all_lost = source((0.0, -200.0, -200.0, -200.0, -200.0, -200.0), requests=0.0, completed=-200.0)
    got = found(source(GOOD), library=all_lost)
    assert got.good_share.tolist() == [[0.0, 0.0]] == got.completed_share.tolist() and not got.met.any()


def test_months_without_requests_have_no_shares() -> None:
    got = found(source((0.0,) * 6))
    assert np.isnan(got.good_share).all() and np.isnan(got.ttft_p95_s).all()


# --- other samples of the traffic ---


def test_blocks_weighed_alike_change_nothing() -> None:
    counts = np.random.default_rng(1).uniform(1, 2, (5, 6)) * np.array(GOOD)
    plain = found(source(counts))
    same = found(source(counts), weights=np.ones((1, 2, 5)))
    for name in ("good_share", "completed_share", "met"):
        assert getattr(same, name) == pytest.approx(getattr(plain, name))


def test_a_block_that_weighs_more_counts_more() -> None:
    fine, late = (100.0, 100.0, 100.0, 0.0, 0.0, 100.0), (100.0, 80.0, 40.0, 0.0, 0.0, 40.0)
    weights = np.array([[[1.0, 1.0], [1.0, 3.0]]])  # the second month has its bad block three times
    got = found(source([fine, late]), weights=weights)
    assert got.good_share.tolist() == [[pytest.approx(140 / 200), pytest.approx(220 / 400)]]
    # 20 of 200 are lost, or 60 of 400: requests that nobody waits for are lost in proportion.
    assert got.completed_share.tolist() == [[pytest.approx(0.9), pytest.approx(0.85)]]
    lanes = found(source([fine, late], requests=300.0, completed=260.0), weights=weights)
    assert lanes.completed_share[0] == pytest.approx([1 - 40 / 300, 1 - 40 / 300 * 0.15 / 0.1])


def test_weights_are_one_in_the_mean_within_hours() -> None:
    """Blocks that none is like keep their own weight; a month's is a mean over its days."""
    alone = block_weights(6, np.arange(6), CALENDAR, 4000, 1, 0)
    assert alone.shape == (4000, 2, 6)
    for m, days in enumerate((30, 31)):
        assert alone[:, m].mean() == pytest.approx(1.0, abs=4 / np.sqrt(24_000 * days))
        assert alone[:, m].var() == pytest.approx(1 / days, rel=0.05)
    assert np.corrcoef(alone[:, 0].ravel(), alone[:, 1].ravel())[0, 1] == pytest.approx(0.0, abs=4 / np.sqrt(24_000))


def test_weights_of_blocks_alike_vary_by_one_and_add_up() -> None:
    strata = np.repeat([0, 1], [4, 8])
    long = Calendar(datetime.date(2026, 1, 1), 240)
    weights = block_weights(12, strata, long, 1500, 1, 0)
    own = weights.mean(axis=1)  # of 240 months: what is left is the future's own
    for stratum in (0, 1):
        blocks = own[:, strata == stratum]
        # Exactly one but for the noise of 240 months of 30 days.
        assert blocks.mean(axis=1) == pytest.approx(np.ones(1500), abs=8 / np.sqrt(240 * 30 * blocks.shape[1]))
        assert blocks.var() == pytest.approx(1.0, rel=0.15)
    assert weights.min() >= 0.0


def test_weights_depend_on_the_seed_and_the_draw_alone() -> None:
    strata = np.repeat([0, 1], 3)
    one = block_weights(6, strata, CALENDAR, 10, 1, 0)
    assert np.array_equal(one, block_weights(6, strata, CALENDAR, 10, 1, 0))
    assert not np.array_equal(one, block_weights(6, strata, CALENDAR, 10, 1, 1))
    assert not np.array_equal(one, block_weights(6, strata, CALENDAR, 10, 2, 0))


# --- latencies ---


def histogram(*samples: np.ndarray) -> np.ndarray:
    """[3, HIST_BUCKETS] counts of TTFT, TPOT and E2E."""
    made = np.zeros((3, HIST_BUCKETS))
    for metric, values in enumerate(samples):
        for value in values:
            made[metric, bucket(float(value))] += 1
    return made


def true_quantile(values: np.ndarray, q: float) -> float:
    """The smallest value that a share q does not exceed."""
    return float(np.quantile(values, q, method="inverted_cdf"))


def test_quantiles_are_those_of_the_requests() -> None:
    random = np.random.default_rng(2)
    ttft, tpot = random.lognormal(-1, 1, 500), random.lognormal(-4, 0.4, 300)
    got = found(source(GOOD, histogram=histogram(ttft, tpot)))
    for name, values, q in (("ttft_p95_s", ttft, 0.95), ("ttft_p99_s", ttft, 0.99), ("tpot_p95_s", tpot, 0.95)):
        assert getattr(got, name).tolist() == [[pytest.approx(true_quantile(values, q), rel=0.0051)] * 2]


def test_days_mix_their_requests_not_their_quantiles() -> None:
    random = np.random.default_rng(3)
    quick, slow = random.lognormal(-2, 0.3, 400), random.lognormal(1, 0.3, 400)
    share = (np.arange(61) < 3).astype(float)[None, :]  # three days of the first month are slow
    got = found(source(GOOD, histogram=histogram(slow), weight=share), source(GOOD, histogram=histogram(quick), weight=1 - share))
    month = np.concatenate([np.tile(slow, 3), np.tile(quick, 27)])
    assert got.ttft_p95_s[0] == pytest.approx([true_quantile(month, 0.95), true_quantile(quick, 0.95)], rel=0.0051)
    assert got.ttft_p99_s[0] == pytest.approx([true_quantile(month, 0.99), true_quantile(quick, 0.99)], rel=0.0051)


def test_incidents_move_requests_between_latencies() -> None:
    random = np.random.default_rng(4)
    values = random.lognormal(-2, 0.3, 400)
    moved = histogram(values[:40] * 50) - histogram(values[:40])
    got = found(source(GOOD, histogram=histogram(values)), library=source((0.0,) * 6, histogram=moved))
    slower = np.concatenate([values[40:], values[:40] * 50])
    assert got.ttft_p95_s[0] == pytest.approx([true_quantile(slower, 0.95)] * 2, rel=0.0051)
    none = found(source(GOOD, histogram=histogram(values)), library=source((0.0,) * 6, histogram=-2 * histogram(values)))
    assert np.isnan(none.ttft_p95_s).all()


def test_many_months_are_read_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(5)
    node = source(GOOD, histogram=histogram(random.lognormal(-1, 1, 200)), weight=random.random((7, 61)), futures=7)
    other = source(GOOD, histogram=histogram(random.lognormal(0, 1, 200)), weight=random.random((7, 61)), futures=7)
    whole = found(node, other)
    monkeypatch.setattr(levels_module, "_AT_A_TIME", 1)
    parts = found(node, other)
    for name in ("ttft_p95_s", "ttft_p99_s", "tpot_p95_s"):
        assert np.array_equal(getattr(parts, name), getattr(whole, name), equal_nan=True)
    assert len(np.unique(whole.ttft_p95_s)) > 3


def test_the_ends_of_the_buckets() -> None:
    made = np.zeros((3, HIST_BUCKETS))
    made[0, 0] = 10.0  # below what is told apart
    assert found(source(GOOD, histogram=made)).ttft_p95_s.tolist() == [[HIST_MIN_S / 2] * 2]
    made[0, 0], made[0, HIST_BUCKETS - 1] = 0.0, 10.0
    assert (found(source(GOOD, histogram=made)).ttft_p95_s > 1e5).all()
