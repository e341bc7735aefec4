"""Days between replayed nodes: weights that sum to the days of a month, straight lines, and the sources of changed rules and wrong guesses."""

from __future__ import annotations

import datetime
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from sim.engine.system import Api
from sim.futures import combine
from sim.futures.calendar import Calendar
from sim.futures.combine import Source, along_axis, along_levels, between, exact_hours, interpolated, month_amounts
from sim.futures.curve import AxisCurve, Curve
from sim.futures.draws import Draws
from sim.futures.rule_state import NORMAL, RuleState
from sim.futures.surfaces import Surfaces, changes, days_in_states, sources, step_factors, surfaces
from tests.made.incidents import draws as even_draws
from tests.made.incidents import incidents
from tests.made.result import pool

CALENDAR = Calendar(datetime.date(2026, 11, 1), 4)  # 30, 31, 31 and 28 days
DAYS = 120
LEVELS = np.array([0.5, 1.0, 2.0])


def source(at: np.ndarray, amounts: np.ndarray, levels: np.ndarray = LEVELS, holds: Any = True) -> Source:
    """Days at demand levels on nodes with some amounts each."""
    node, weight = along_levels(levels, at, np.broadcast_to(holds, at.shape))
    n = len(levels)
    return Source(CALENDAR, amounts, np.zeros((n, 3, 2)), np.zeros((n, 1, 6)), node, weight)


def demand(futures: int = 3, seed: int = 1) -> np.ndarray:
    """Levels within the nodes, [F, T]."""
    return np.random.default_rng(seed).uniform(0.5, 2.0, (futures, DAYS))


# --- weights ---


def test_the_weights_of_a_month_are_its_days() -> None:
    plain = source(demand(), np.zeros((3, 1))).plain
    assert plain.shape == (3 * 4, 3)
    assert plain.sum(axis=1).reshape(3, 4) == pytest.approx(np.tile([30.0, 31.0, 31.0, 28.0], (3, 1)), rel=1e-14)
    # On a node a day weighs one and nothing else: to the bit.
    for level, node in ((0.5, 0), (1.0, 1), (2.0, 2)):
        found = source(np.full((2, DAYS), level), np.zeros((3, 1))).plain
        assert found[:, node].tolist() == [30.0, 31.0, 31.0, 28.0] * 2
        assert np.delete(found, node, axis=1).tolist() == [[0.0, 0.0]] * 8


def test_what_is_linear_in_demand_is_summed_exactly() -> None:
    at = demand()
    amounts = np.column_stack([LEVELS * 100, 7 - LEVELS])
    found = month_amounts([source(at, amounts)], CALENDAR, slice(None))
    for f in range(3):
        for m in range(4):
            days = at[f, CALENDAR.month_of_day == m]
            assert found[f, m] == pytest.approx([100 * days.sum(), (7 - days).sum()], rel=1e-12)
    assert month_amounts([source(at, amounts)], CALENDAR, 1) == pytest.approx(found[:, :, 1])
    assert month_amounts([source(at, amounts)], CALENDAR, [1, 0]) == pytest.approx(found[:, :, ::-1])


def test_levels_outside_the_nodes_are_taken_to_the_end_or_followed_beyond() -> None:
    at = np.array([[0.1, 0.5, 4.0]])
    low, share = between(LEVELS, at)
    assert low.tolist() == [[0, 0, 1]] and share.tolist() == [[0.0, 0.0, 1.0]]
    low, share = between(LEVELS, at, beyond=True)
    # 0.1 lies 0.8 of a step below the first node, 4 two steps beyond the last but one.
    assert low.tolist() == [[0, 0, 1]] and share == pytest.approx(np.array([[-0.8, 0.0, 3.0]]))
    low, share = between(np.array([1.0]), at, beyond=True)
    assert low.tolist() == [[0, 0, 0]] and share.tolist() == [[0.0, 0.0, 0.0]]


def test_days_that_do_not_hold_weigh_nothing() -> None:
    holds = (np.arange(DAYS) < 45)[None, :]
    plain = source(np.full((1, DAYS), 1.5), np.zeros((3, 1)), holds=holds).plain
    assert plain.sum(axis=1).tolist() == [30.0, 15.0, 0.0, 0.0]


def test_prices_of_days_are_weights_times_the_factor_of_the_day() -> None:
    at, factor = demand(), np.random.default_rng(2).uniform(0.5, 3.0, (3, DAYS))
    one = source(at, 100 * LEVELS[:, None])
    found = month_amounts([one], CALENDAR, 0, factor)
    for f in range(3):
        for m in range(4):
            days = CALENDAR.month_of_day == m
            assert found[f, m] == pytest.approx((100 * at[f, days] * factor[f, days]).sum(), rel=1e-12)
    assert np.array_equal(one.priced(np.ones((3, DAYS))), one.plain)
    assert month_amounts([one, one], CALENDAR, 0, factor) == pytest.approx(2 * found)


def test_many_nodes_are_summed_alike_in_a_sparse_matrix(monkeypatch: pytest.MonkeyPatch) -> None:
    at, amounts = demand(), np.random.default_rng(3).random((3, 5))
    factor = np.full((3, DAYS), 1.5)
    dense = source(at, amounts)
    plain, priced = dense.plain, month_amounts([dense], CALENDAR, slice(None), factor)
    monkeypatch.setattr(combine, "_MANY", 2)
    sparse = source(at, amounts)
    assert hasattr(sparse.plain, "toarray") and sparse.plain.toarray() == pytest.approx(plain, rel=1e-14)
    assert month_amounts([sparse], CALENDAR, slice(None), factor) == pytest.approx(priced, rel=1e-14)


def test_an_axis_is_linear_in_both_and_goes_on_beyond() -> None:
    values = np.array([0.9, 1.0, 1.2])
    at = np.array([[0.4, 0.6, 1.0, 3.0]])
    value = np.array([[0.7, 0.95, 1.0, 1.5]])
    node, weight = along_axis(LEVELS, values, at, value)
    grid = (3 * LEVELS[:, None] + 5 * values[None, :]).ravel()
    assert weight.sum(axis=-1) == pytest.approx(np.ones((1, 4)))
    assert (grid[node] * weight).sum(axis=-1) == pytest.approx(3 * at + 5 * value)
    # Within one cell of the grid what bends in both at once is kept: bilinear.
    product = (LEVELS[:, None] * values[None, :]).ravel()
    assert (product[node] * weight).sum(axis=-1) == pytest.approx(at * value)


def test_reading_a_curve_between_its_nodes() -> None:
    values = np.arange(12.0).reshape(3, 2, 2)
    found = interpolated(LEVELS, values, np.array([0.5, 0.75, 2.0, 9.0]))
    assert np.array_equal(found[0], values[0]) and np.array_equal(found[2], values[2]) and np.array_equal(found[3], values[2])
    assert found[1] == pytest.approx((values[0] + values[1]) / 2)


def test_hours_of_a_fleet_that_never_changes_are_whole() -> None:
    """Shares of a day that add up to a hair less, or more, than one are rounding, and no hours."""
    at = demand(50)
    hours = month_amounts([source(at, np.full((3, 1), 192.0))], CALENDAR, 0)  # 8 GPUs a day, at whatever demand
    assert not np.array_equal(hours, np.tile(192.0 * CALENDAR.days, (50, 1)))
    assert np.array_equal(exact_hours(hours), np.tile(192.0 * CALENDAR.days, (50, 1)))
    assert exact_hours(np.array([-1e-12, 0.25])).tolist() == [0.0, 0.25]


# --- changes of the rules ---


def world(**changed: Any) -> Draws:
    """Two futures of two months of three deployments in which nothing happens."""
    return replace(even_draws(incidents(), futures=2, months=2), **changed)


def cells(*deployments: Any, planned: bool = False) -> Any:
    """What the surfaces ask of cells that are replayed already."""
    return SimpleNamespace(deployments=deployments or (Api("a", 0), Api("b", 1), pool("own")), planned=planned, lanes=())


def never(*days: tuple[int, int, int]) -> np.ndarray:
    """[F, A] from which day something holds, by (future, deployment, day)."""
    found = np.full((2, 3), 61)
    for future, deployment, day in days:
        found[future, deployment] = day
    return found


def test_changes_are_those_that_come_in_some_future() -> None:
    assert changes(world()) == []
    given = world(
        limits_from=never((0, 0, 10), (1, 1, 60)),
        limits_factor=np.array([0.5, 0.8, 1.0]),
        retired_from=never((0, 0, 20), (1, 1, 0)),
        successors=("new", None, None),
    )
    found = changes(given)
    # The second model goes, too, but one like it takes its place: nothing changes in what is replayed.
    assert [state for state, _ in found] == [
        RuleState(tightened=((0, 0.5),)),
        RuleState(successors=((0, "new"),)),
        RuleState(tightened=((1, 0.8),)),
    ]
    assert [holds.sum(axis=1).tolist() for _, holds in found] == [[51, 0], [41, 0], [0, 1]]
    assert found[0][1][0].tolist() == [False] * 10 + [True] * 51


def test_the_states_of_days_are_all_changes_together() -> None:
    given = world(
        limits_from=never((0, 0, 10)), limits_factor=np.array([0.5, 1.0, 1.0]),
        retired_from=never((0, 0, 20), (1, 0, 5)), successors=("new", None, None),
    )  # fmt: skip
    states, place = days_in_states(given, cells())
    held = {state: [(int(f), int(t)) for f, t in np.argwhere(place == k)] for k, state in enumerate(states)}
    tightened, succeeded = ((0, 0.5),), ((0, "new"),)
    assert len(held[NORMAL]) == 10 + 5
    assert held[RuleState(tightened=tightened)] == [(0, day) for day in range(10, 20)]
    assert held[RuleState(tightened=tightened, successors=succeeded)] == [(0, day) for day in range(20, 61)]
    assert held[RuleState(successors=succeeded)] == [(1, day) for day in range(5, 61)]
    assert place.shape == (2, 61) and set(states) == set(held)


def test_fleets_of_a_plan_are_states_of_their_month() -> None:
    states, place = days_in_states(world(retired_from=never((1, 0, 30)), successors=("new", None, None)), cells(planned=True))
    by_day = [[states[k] for k in row] for row in place]
    assert by_day[0] == [NORMAL] * 30 + [RuleState(month=1)] * 31
    assert by_day[1] == [NORMAL] * 30 + [RuleState(successors=((0, "new"),), month=1)] * 31
    assert len(states) == 3


def test_step_times_are_those_of_the_first_pool() -> None:
    given = world(step=np.array([[1.0, 1.0, 0.8], [1.0, 1.0, 1.3]]))
    assert step_factors(given, cells()).tolist() == [0.8, 1.3]
    assert step_factors(given, cells(Api("a", 0))).tolist() == [1.0, 1.0]


# --- sources ---


def curve(levels: np.ndarray, amounts: np.ndarray) -> Curve:
    n = len(levels)
    return Curve(levels, amounts, np.zeros((n, 3, 2)), np.zeros((n, 1, 6)), np.zeros((n, amounts.shape[1] + 1)), 0.0, 0.0)


def test_a_month_is_its_own_curve_and_the_differences_of_what_has_changed() -> None:
    """Amounts are made linear, 10 a unit of demand; limits take 3 off, a successor adds 1 a unit, steps add 4 and prompts 2 a tenth."""
    base = curve(LEVELS, 10 * LEVELS[:, None])
    few = np.array([0.75, 1.5])
    tight, new = RuleState(tightened=((0, 0.5),)), RuleState(successors=((0, "new"),))
    axes = {
        name: AxisCurve(
            few, (1.0, 1.1),
            (10 * few[:, None] + np.array([0.0, extra])[None, :])[:, :, None], np.zeros((2, 2, 3, 2)), np.zeros((2, 2, 1, 6)),
        )
        for name, extra in (("step", 4.0), ("prompt", 2.0))
    }  # fmt: skip
    found = Surfaces({0: base}, {tight: curve(few, 10 * few[:, None] - 3), new: curve(few, 11 * few[:, None])}, axes)  # type: ignore[arg-type]
    level = np.random.default_rng(4).uniform(0.6, 1.9, (2, 61))
    given = world(
        level=level, limits_from=never((0, 0, 10)), limits_factor=np.array([0.5, 1.0, 1.0]), retired_from=never((1, 0, 40)),
        successors=("new", None, None), step=np.array([[1.0, 1.0, 1.05], [1.0, 1.0, 1.0]]), prompt=np.array([[1.0, 1.2], [1.0, 1.0]]),
    )  # fmt: skip
    made = sources(found, given, cells())
    assert len(made) == 5
    usage = month_amounts(made, given.calendar, 0)
    days = [level[f, given.calendar.month_of_day == m].sum() for f in range(2) for m in range(2)]
    expected = [
        10 * days[0] - 3 * 20 + 30 * 2.0,
        10 * days[1] - 3 * 31 + 31 * (2.0 + 4.0),
        10 * days[2],
        10 * days[3] + level[1, 40:].sum(),
    ]
    assert usage.ravel() == pytest.approx(expected, rel=1e-12)


def test_a_change_that_was_not_replayed_adds_nothing() -> None:
    given = world(limits_from=never((0, 0, 0)), limits_factor=np.array([0.5, 1.0, 1.0]))
    assert len(sources(Surfaces({0: curve(LEVELS, LEVELS[:, None])}, {}, {}), given, cells())) == 1


def test_each_month_of_a_plan_has_a_curve_of_its_own() -> None:
    own = {month: curve(LEVELS, np.full((3, 1), 24.0 * (1 + month))) for month in range(2)}
    usage = month_amounts(sources(Surfaces(own, {}, {}), world(), cells(planned=True)), world().calendar, 0)
    assert usage.tolist() == [[30 * 24.0, 31 * 48.0]] * 2


class Asked:
    """Cells that note what is asked of them."""

    def __init__(self, *, planned: bool = False) -> None:
        self.deployments, self.planned, self.lanes = (Api("a", 0), Api("b", 1), pool("own")), planned, ()
        self.curves: list[tuple[RuleState, float, float, float]] = []
        self.outlines: list[tuple[RuleState, float, float]] = []
        self.axes: list[tuple[str, list[float]]] = []

    def curve(self, state: RuleState, low: float, high: float, share: Any) -> Curve:
        self.curves.append((state, low, high, share(low, np.nextafter(high, np.inf))))
        return curve(np.array([low]), np.zeros((1, 1)))

    def outline(self, state: RuleState, low: float, high: float) -> Curve:
        self.outlines.append((state, low, high))
        return curve(np.array([low]), np.zeros((1, 1)))

    def axis(self, state: RuleState, name: str, values: list[float], low: float, high: float) -> AxisCurve:
        assert state == NORMAL and low <= high
        self.axes.append((name, values))
        return AxisCurve(np.array([low]), tuple(values), *(np.zeros(1),) * 3)


def test_what_is_replayed_is_what_the_days_need() -> None:
    asked = Asked()
    random = np.random.default_rng(5)
    level = np.where(np.arange(61) < 40, 1.0, 2.0) * random.uniform(0.9, 1.1, (2, 61))
    surfaces(
        asked,  # type: ignore[arg-type]
        world(
            level=level, limits_from=never((0, 0, 40), (1, 0, 40)), limits_factor=np.array([0.5, 1.0, 1.0]),
            step=np.array([[1.0, 1.0, 0.8], [1.0, 1.0, 1.1]]),
        ),
    )  # fmt: skip
    ((state, low, high, share),) = asked.curves
    assert state == NORMAL and (low, high) == (level.min(), level.max()) and share == 1.0  # too few days for rare ones
    ((state, low, high),) = asked.outlines
    # Tightened limits hold on busy days alone, so that is where they are replayed.
    assert state == RuleState(tightened=((0, 0.5),)) and (low, high) == pytest.approx(np.quantile(level[:, 40:], [0.05, 0.95]))
    assert asked.axes == [("step", pytest.approx([0.806, 1.0, 1.094]))]


def test_certain_futures_need_no_axes_and_a_plan_needs_every_month() -> None:
    asked = Asked(planned=True)
    surfaces(asked, world())  # type: ignore[arg-type]
    assert [each[0] for each in asked.curves] == [NORMAL, RuleState(month=1)]
    assert asked.curves[1][3] == pytest.approx(31 / 61)  # of all days
    assert asked.outlines == [] and asked.axes == []


def test_prompts_that_all_grow_alike_are_an_axis_all_the_same() -> None:
    asked = Asked()
    surfaces(asked, world(prompt=np.full((2, 2), 1.1)))  # type: ignore[arg-type]
    assert asked.axes == [("prompt", pytest.approx([1.0, 1.1]))]
