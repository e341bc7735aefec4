"""What was replayed for a set of futures: a curve of demand levels, and differences that changed rules and wrong guesses make.

A future's day is the stack's own curve at its level, and the sum of the differences of what has changed by then: limits of an API
tightened, a model replaced, step times off, prompts longer. Each difference is replayed alone, against the stack as it was written: how far
their sum is off is part of what exact days find (sim/futures/exact.py).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from sim.engine.system import Pool
from sim.futures.cells import Cells
from sim.futures.combine import Source, along_axis, along_levels, interpolated
from sim.futures.curve import AxisCurve, Curve
from sim.futures.draws import Draws
from sim.futures.rule_state import NORMAL, RuleState

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

_RARE = 0.002
"""Part of the days at either end of a range of levels that is taken to be at the end."""
_USUAL = (0.05, 0.95)
"""Between these quantiles of the days lie the levels at which differences are replayed; beyond them the line goes on."""
_VALUES = (0.02, 0.98)
"""Quantiles of its values at which an axis is replayed; beyond them the line goes on."""
_SAME = 0.06
"""A step time or prompt length that differs by less needs no replay of its own."""


@dataclass(frozen=True)
class Surfaces:
    """Curves of the stack itself by month of its fleet, of every change alone, and axes by name."""

    own: dict[int, Curve]
    """By month of a capacity plan; 0 alone for stacks without one."""
    changed: dict[RuleState, Curve]
    axes: Mapping[Literal["step", "prompt"], AxisCurve]


def changes(draws: Draws, lanes: Collection[int] = ()) -> list[tuple[RuleState, BoolArray]]:
    """Every change of the rules that comes in some future, and the days [F, T] on which it holds.

    Numbers of batch `lanes` are left out: what happens to the model of a lane is in the state of the deployment it belongs to.
    """
    days = np.arange(draws.level.shape[1])
    found = []
    for a, successor in enumerate(draws.successors):
        if a in lanes:
            continue
        tightened = days[None, :] >= draws.limits_from[:, a, None]
        if tightened.any():
            found.append((RuleState(tightened=((a, float(draws.limits_factor[a])),)), tightened))
        replaced = days[None, :] >= draws.retired_from[:, a, None]
        if successor is not None and replaced.any():
            found.append((RuleState(successors=((a, successor),)), replaced))
    return found


def days_in_states(draws: Draws, cells: Cells) -> tuple[tuple[RuleState, ...], IntArray]:
    """The rule states that occur, all changes of a day together, and which of them holds on every day of every future: [F, T]."""
    found = changes(draws, cells.lanes)
    month = draws.calendar.month_of_day if cells.planned else np.zeros_like(draws.calendar.month_of_day)
    code = np.broadcast_to(month[None, :], draws.level.shape).astype(np.int64)
    for k, (_, holds) in enumerate(found):
        code = code + (holds.astype(np.int64) << k) * draws.calendar.months
    kinds, place = np.unique(code, return_inverse=True)
    states = []
    for kind in kinds.tolist():
        bits, at = divmod(kind, draws.calendar.months)
        on = [state for k, (state, _) in enumerate(found) if bits >> k & 1]
        states.append(
            RuleState(
                tightened=tuple(pair for state in on for pair in state.tightened),
                successors=tuple(pair for state in on for pair in state.successors),
                month=at,
            )
        )
    return tuple(states), place.reshape(code.shape)


def step_factors(draws: Draws, cells: Cells) -> FloatArray:
    """[F] the factor on the step times of all pools: that of the first one, as their errors have causes in common."""
    pools = [d for d, each in enumerate(cells.deployments) if isinstance(each, Pool)]
    return draws.step[:, pools[0]] if pools else np.ones(draws.futures)


def surfaces(cells: Cells, draws: Draws) -> Surfaces:
    """Everything that has to be replayed for some futures, incidents apart."""
    level = draws.level
    every = np.sort(level, axis=None)

    def share(low: float, high: float) -> float:
        return float(np.searchsorted(every, high) - np.searchsorted(every, low)) / every.size

    low, high = _range(every)
    own = {0: cells.curve(NORMAL, low, high, share)}
    if cells.planned:
        for month in range(1, draws.calendar.months):
            within = np.sort(level[:, draws.calendar.month_of_day == month], axis=None)
            own[month] = cells.curve(RuleState(month=month), *_range(within), _part_of(within, every.size))
    # Few futures may be so busy that all their days are rare ones: differences are to the curve, and lie within it.
    came = [(state, np.clip(np.quantile(level[holds], _USUAL), low, high)) for state, holds in changes(draws, cells.lanes)]
    changed = {state: cells.outline(state, float(least), float(most)) for state, (least, most) in came}
    axes = {}
    moved: tuple[tuple[Literal["step", "prompt"], FloatArray], ...] = (("step", step_factors(draws, cells)), ("prompt", draws.prompt))
    usual = tuple(float(each) for each in np.quantile(every, _USUAL))
    for name, values in moved:
        if float(values.min()) < float(values.max()) or float(values.min()) != 1.0:
            axes[name] = cells.axis(NORMAL, name, _nodes(values), *usual)
    return Surfaces(own, changed, axes)


def _nodes(values: FloatArray) -> list[float]:
    """1 and the quantiles of its values at which an axis is replayed: both that are far enough from 1, at least the one that is farther."""
    ends = [float(each) for each in np.quantile(values, _VALUES)]
    farther = max(ends, key=lambda each: abs(each - 1.0))
    return sorted({1.0, farther, *(each for each in ends if abs(each - 1.0) > _SAME and (each - 1.0) * (farther - 1.0) < 0)})


def _range(ordered: FloatArray) -> tuple[float, float]:
    """The levels that all but the rarest days have."""
    spare = int(len(ordered) * _RARE)
    return float(ordered[spare]), float(ordered[len(ordered) - 1 - spare])


def _part_of(ordered: FloatArray, days: int) -> Callable[[float, float], float]:
    return lambda low, high: float(np.searchsorted(ordered, high) - np.searchsorted(ordered, low)) / days


def sources(found: Surfaces, draws: Draws, cells: Cells) -> tuple[Source, ...]:
    """The sources of some futures: the stack itself, every change, every axis."""
    level, month = draws.level, draws.calendar.month_of_day
    made = [_own(found.own, draws, planned=cells.planned)]
    base = found.own[0]
    for state, holds in changes(draws, cells.lanes):
        if state in found.changed:
            curve = found.changed[state]
            node, weight = along_levels(curve.levels, level, holds, beyond=True)
            amounts, histogram, blocks = (_difference(curve, base, part) for part in ("amounts", "histogram", "blocks"))
            made.append(Source(draws.calendar, amounts, histogram, blocks, node, weight))
    for name, axis in found.axes.items():
        by_day = np.broadcast_to(step_factors(draws, cells)[:, None], level.shape) if name == "step" else draws.prompt[:, month]
        node, weight = along_axis(axis.levels, np.asarray(axis.values), level, by_day)
        amounts, histogram, blocks = (_difference(axis, base, part) for part in ("amounts", "histogram", "blocks"))
        made.append(Source(draws.calendar, amounts, histogram, blocks, node, weight))
    return tuple(made)


def _own(curves: Mapping[int, Curve], draws: Draws, *, planned: bool) -> Source:
    """The stack's own curve, or those of all months of a plan one after the other: a day lies on that of its month."""
    level, month = draws.level, draws.calendar.month_of_day
    node, weight = np.zeros((*level.shape, 2), np.int64), np.zeros((*level.shape, 2))
    first = 0
    for number, curve in curves.items():
        days = np.flatnonzero(month == number) if planned else np.arange(len(month))
        within = level[:, days]
        nodes, weight[:, days] = along_levels(curve.levels, within, np.ones_like(within, bool))
        node[:, days] = nodes + first
        first += len(curve.levels)
    amounts, histogram, blocks = (
        np.concatenate([getattr(curve, part) for curve in curves.values()]) for part in ("amounts", "histogram", "blocks")
    )
    return Source(draws.calendar, amounts, histogram, blocks, node, weight)


def _difference(replayed: Curve | AxisCurve, base: Curve, part: str) -> FloatArray:
    """What was replayed less the stack's own curve at the same levels; values of an axis are laid out one after the other."""
    found, plain = getattr(replayed, part), getattr(base, part)
    own = interpolated(base.levels, plain, replayed.levels)
    if isinstance(replayed, AxisCurve):
        return np.asarray((found - own[:, None]).reshape(-1, *plain.shape[1:]), np.float64)
    return np.asarray(found - own, np.float64)
