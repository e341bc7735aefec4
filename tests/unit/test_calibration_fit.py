"""The arithmetic of the fit: whitening against the inverse of the covariance, the most probable position against its neighbours."""

from __future__ import annotations

from math import exp

import numpy as np
import pytest

from sim.calibration.fit import BATCH_SPREAD, Linear, loss, most_probable, robust_weights
from sim.calibration.identify import choose, covariance, told_of, unweighted
from sim.calibration.parts import FURTHEST, NAMES, PARTS, Estimate
from sim.profile.step import StepCoefficients
from tests.made.benchmark import ESTIMATE, position

LOWEST = (-FURTHEST,) * len(PARTS)


def linear(rows: int = 30, seed: int = 0, scale: float = 0.1) -> Linear:
    draw = np.random.default_rng(seed)
    return Linear(
        np.zeros(len(PARTS)), draw.normal(0.0, scale, rows), draw.normal(0.0, 0.2, (rows, len(PARTS))), draw.uniform(0.02, 0.1, rows),
        draw.integers(0, 6, rows),
    )  # fmt: skip


def test_whitened_rows_have_the_inverse_of_the_covariance() -> None:
    problem = linear()
    weights = np.random.default_rng(1).uniform(0.2, 1.0, 30)
    together = problem.batch[:, None] == problem.batch[None, :]
    of_errors = np.diag(problem.spread**2 / weights) + BATCH_SPREAD**2 * together
    white = problem.whitened(np.eye(30), weights)
    assert white.T @ white == pytest.approx(np.linalg.inv(of_errors), rel=1e-9, abs=1e-9)


def test_the_common_part_of_a_batch_is_the_most_probable_one() -> None:
    problem = linear(scale=0.2)
    found = problem.common(problem.error)
    for batch in range(6):
        rows = problem.batch == batch

        def cost(x: float, rows=rows) -> float:  # type: ignore[no-untyped-def]
            return loss((problem.error[rows] + x) / problem.spread[rows]) + (x / BATCH_SPREAD) ** 2

        assert cost(found[batch]) <= min(cost(found[batch] + step) for step in (-2e-3, 2e-3))


@pytest.mark.parametrize("free", [(0,), (1, 4), tuple(range(len(PARTS)))])
def test_the_most_probable_position_is_a_minimum(free: tuple[int, ...]) -> None:
    problem = linear(seed=2)
    found = most_probable(problem, free, LOWEST)
    assert all(found[part] == 0.0 for part in range(len(PARTS)) if part not in free)

    def cost(at: np.ndarray) -> float:
        return problem.cost(at, problem.errors_at(at))

    for part in free:
        for step in (-0.05, 0.05):
            moved = found.copy()
            moved[part] += step
            assert cost(moved) > cost(found)


def test_bounds_hold() -> None:
    problem = linear(seed=3, scale=2.0)
    low = (-0.1,) * len(PARTS)
    assert (most_probable(problem, range(len(PARTS)), low) >= -0.1 - 1e-9).all()


def test_soft_l1_is_quadratic_near_and_linear_far() -> None:
    assert loss(np.array([0.01])) == pytest.approx(1e-4, rel=1e-4)
    assert loss(np.array([2000.0])) - loss(np.array([1000.0])) == pytest.approx(4000.0, rel=1e-3)
    assert robust_weights(np.array([0.0]))[0] == 1.0


def test_a_part_that_nothing_shows_is_not_told_of_and_unsure_as_before() -> None:
    problem = linear()
    problem.slopes[:, 3] = 0.0
    free = told_of((problem,), 20, range(len(PARTS)))
    assert 3 not in free
    assert covariance(problem, range(len(PARTS)))[3, 3] == pytest.approx(1.0)


def test_two_parts_that_look_alike_are_not_both_told_of() -> None:
    problem = linear()
    problem.slopes[:, 1] = problem.slopes[:, 0] * 0.9
    free = told_of((problem,), 20, (0, 1))
    assert free == (0,)


def test_a_contradicted_part_is_moved() -> None:
    """Both parts show alike, but the one that is told of may hardly move: what is left of the errors asks for the other."""
    problem = unweighted(linear())
    problem.slopes[:] = 0.0
    problem.slopes[:, 0] = problem.slopes[:, 1] = 0.1
    problem.error[:] = 0.5
    (kept,) = told_of((problem,), 20, (0, 1))
    low = [-FURTHEST] * len(PARTS)
    low[kept] = -0.5
    free, _ = choose(problem, unweighted(problem), 20, (0, 1), low)
    assert free == (0, 1)


def test_parts_scale_what_they_name() -> None:
    before, after = ESTIMATE.values(position()), ESTIMATE.values(position(c=1.0, f=-1.0, front_end=0.5))
    ratio = {name: b / a for name, a, b in zip(NAMES, before, after, strict=True)}
    assert ratio["c"] == pytest.approx(exp(0.5)) and ratio["f"] == pytest.approx(exp(-0.3))
    assert ratio["front_end"] == pytest.approx(1.35) and ratio["o"] == ratio["g_large"] == 1.0
    step, _ = ESTIMATE.at(position(g_small=1.0, g_large=-0.5, g_long=1.0))
    assert step.g(1.0) / ESTIMATE.step.g(1.0) == pytest.approx(exp(0.2))
    assert step.g(1024.0) / ESTIMATE.step.g(1024.0) == pytest.approx(exp(-0.15))
    assert step.g(16384.0) / ESTIMATE.step.g(16384.0) == pytest.approx(exp(-0.15 + 0.2))


def test_a_front_end_of_none_can_be_found() -> None:
    none = Estimate(StepCoefficients(1e-3, (1.0, 64.0, 128.0), (1e-3, 2e-3, 3e-3), 1e-5, 1e-9, 1e-10), 0.0, (1e-4, 1e-4, 1e-4))
    assert none.at(position(front_end=1.0))[1] == pytest.approx(0.01) and none.at(position(front_end=-1.0))[1] == 0.0
    assert none.lowest()[-1] == pytest.approx(0.0, abs=1e-5)
