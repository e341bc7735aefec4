"""Shares of variance where they are known without a calculation."""

from __future__ import annotations

import numpy as np
import pytest

from sim.futures.attribution import first_order


def drawn(seed: int, futures: int = 400) -> tuple[np.ndarray, np.ndarray]:
    """Two independent results."""
    random = np.random.default_rng(seed)
    return random.normal(100, 10, futures), random.normal(100, 10, futures)


def test_a_group_that_changes_nothing_explains_exactly_nothing() -> None:
    a, b = drawn(1)
    drivers, remainder = first_order(a, b, {"demand": b, "people": a}, what={"demand": "growth"})
    assert [driver.group for driver in drivers] == ["demand", "people"]
    assert (drivers[1].share, drivers[1].low, drivers[1].high) == (0.0, 0.0, 0.0)
    assert (drivers[0].share, drivers[0].low, drivers[0].high) == pytest.approx((1.0, 1.0, 1.0), abs=1e-9)
    assert remainder == pytest.approx(0.0, abs=1e-9)
    assert (drivers[0].what, drivers[1].what) == ("growth", "")


def test_without_variance_there_is_nothing_to_share() -> None:
    constant = np.full(50, 3.0)
    drivers, remainder = first_order(constant, constant, {"demand": constant})
    assert (drivers[0].share, drivers[0].low, drivers[0].high) == (0.0, 0.0, 0.0)
    assert remainder is None


def test_a_group_whose_variance_is_all_rounding_does_no_harm() -> None:
    a, b = drawn(2)
    (driver,), remainder = first_order(a, b, {"people": a * (1 + 1e-15)})
    assert driver.share == pytest.approx(0.0, abs=1e-12)
    assert remainder == pytest.approx(1.0, abs=1e-12)


def test_a_pure_interaction_is_left_to_the_remainder() -> None:
    random = np.random.default_rng(3)
    x, y = random.choice([-1.0, 1.0], (2, 2000)), random.choice([-1.0, 1.0], (2, 2000))
    a, b = x[0] * y[0], x[1] * y[1]
    drivers, remainder = first_order(a, b, {"demand": x[1] * y[0], "api_prices": x[0] * y[1]})
    assert all(driver.share < 0.06 and driver.low == 0.0 for driver in drivers)
    assert remainder == pytest.approx(1.0, abs=0.1)


def test_shares_are_cut_and_the_remainder_is_not() -> None:
    # With few futures the shares of two groups that explain everything together do not add up to one.
    over = []
    for seed in range(20):
        random = np.random.default_rng(seed)
        x, y = random.normal(0, 1, (2, 30)), random.normal(0, 0.2, (2, 30))
        drivers, remainder = first_order(x[0] + y[0], x[1] + y[1], {"x": x[1] + y[0], "y": x[0] + y[1]}, seed=seed)
        assert all(0 <= driver.low <= driver.share <= driver.high <= 1 for driver in drivers)
        assert remainder is not None
        over.append(remainder < 0)
    assert any(over) and not all(over)


def test_the_interval_depends_on_the_seed_alone() -> None:
    a, b = drawn(4)
    mixed = (a + b) / 2
    assert first_order(a, b, {"demand": mixed}, seed=1) == first_order(a, b, {"demand": mixed}, seed=1)
    assert first_order(a, b, {"demand": mixed}, seed=1) != first_order(a, b, {"demand": mixed}, seed=2)
    # Another group beside it moves nobody's interval.
    assert first_order(a, b, {"people": b, "demand": mixed}, seed=1)[0][1] == first_order(a, b, {"demand": mixed}, seed=1)[0][0]


def test_rounding_is_no_spread() -> None:
    """Sums in another order differ in their last digits: of an invoice that never varies no group explains anything."""
    random = np.random.default_rng(7)

    def noise() -> np.ndarray:
        return 52_000.0 * (1 + 1e-13 * random.standard_normal(50))

    drivers, remainder = first_order(noise(), noise(), {"demand": noise(), "incidents": noise()})
    assert remainder is None
    assert [(each.share, each.low, each.high) for each in drivers] == [(0.0, 0.0, 0.0)] * 2


def test_a_group_that_changes_rounding_alone_has_a_share_of_exactly_zero() -> None:
    a, b = drawn(2)
    a, b = 1000 + a, 1000 + b
    drivers, remainder = first_order(a, b, {"demand": b * (1 + 1e-13), "incidents": a * (1 - 1e-13)})
    assert [each.share for each in drivers] == [1.0, 0.0]
    assert remainder == 0.0
