"""What was replayed for a set of futures: a curve of demand levels for every rule state, and differences along two axes.

The differences that a wrong step time or longer prompts make are taken under the stack's own rules and added under every other: how
far that is off is part of what exact days find (sim/futures/exact.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sim.engine.system import Pool
from sim.futures.cells import AxisCurve, Cells, Curve
from sim.futures.combine import Source, along_axis, along_levels, interpolated
from sim.futures.draws import Draws
from sim.futures.rule_state import NORMAL, RuleState

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

AXES = ("step", "prompt")


@dataclass(frozen=True)
class Surfaces:
    """Curves by rule state, and axes by name, over the range of levels and values of the futures they were made for."""

    curves: dict[RuleState, Curve]
    axes: dict[str, AxisCurve]


def days_in_states(draws: Draws, cells: Cells) -> tuple[tuple[RuleState, ...], IntArray]:
    """The rule states that occur, and which of them holds on every day of every future: [F, T]."""
    days = np.arange(draws.level.shape[1])
    codes = np.zeros(draws.level.shape, np.int64)
    changes: list[tuple[str, int]] = []
    for a in range(draws.limits_from.shape[1]):
        for kind, since in (("tightened", draws.limits_from[:, a]), ("successor", draws.retired_from[:, a])):
            holds = days[None, :] >= since[:, None]
            if holds.any() and not (kind == "successor" and draws.successors[a] is None):
                codes += holds << len(changes)
                changes.append((kind, a))
    month = draws.calendar.month_of_day if cells.planned else np.zeros_like(days)
    found, places = np.unique(codes * draws.calendar.months + month[None, :], return_inverse=True)
    states = []
    for code in found:
        bits, at = divmod(int(code), draws.calendar.months)
        on = [change for k, change in enumerate(changes) if bits >> k & 1]
        states.append(
            RuleState(
                tightened=tuple((a, float(draws.limits_factor[a])) for kind, a in on if kind == "tightened"),
                successors=tuple((a, str(draws.successors[a])) for kind, a in on if kind == "successor"),
                month=at,
            )
        )
    return tuple(states), places.reshape(codes.shape)


def step_factors(draws: Draws, cells: Cells) -> FloatArray:
    """[F] the factor on the step times of all pools: that of the first one, as their errors have causes in common."""
    pools = [d for d, each in enumerate(cells.deployments) if isinstance(each, Pool)]
    return draws.step[:, pools[0]] if pools else np.ones(draws.futures)


def surfaces(cells: Cells, sets: Sequence[Draws]) -> Surfaces:
    """Everything that has to be replayed for some sets of futures, incidents apart."""
    ranges: dict[RuleState, tuple[float, float]] = {}
    low, high = np.inf, -np.inf
    for draws in sets:
        states, state = days_in_states(draws, cells)
        for k, each in enumerate(states):
            levels = draws.level[state == k]
            least, most = ranges.get(each, (np.inf, -np.inf))
            ranges[each] = min(least, float(levels.min())), max(most, float(levels.max()))
        low, high = min(low, float(draws.level.min())), max(high, float(draws.level.max()))
    curves = {state: cells.curve(state, *ranges[state]) for state in sorted(ranges)}
    axes = {}
    for name, values in (("step", [step_factors(draws, cells) for draws in sets]), ("prompt", [draws.prompt for draws in sets])):
        least, most = min(float(each.min()) for each in values), max(float(each.max()) for each in values)
        if least < most or least != 1.0:
            if NORMAL not in curves or low < curves[NORMAL].levels[0] or high > curves[NORMAL].levels[-1]:
                curves[NORMAL] = cells.curve(NORMAL, low, high)
            axes[name] = cells.axis(NORMAL, name, sorted({least, 1.0, most}), low, high)
    return Surfaces(curves, axes)


def sources(found: Surfaces, draws: Draws, cells: Cells) -> tuple[Source, ...]:
    """The sources of a set of futures: one for each rule state, and one for each axis."""
    states, state = days_in_states(draws, cells)
    made = []
    for k, each in enumerate(states):
        curve = found.curves[each]
        node, weight = along_levels(curve.levels, draws.level, state == k)
        made.append(Source(draws.calendar, curve.amounts, curve.histogram, curve.blocks, node, weight))
    for name, axis in found.axes.items():
        base = found.curves[NORMAL]
        values = np.asarray(axis.values)
        by_day = (
            np.broadcast_to(step_factors(draws, cells)[:, None], draws.level.shape)
            if name == "step"
            else draws.prompt[:, draws.calendar.month_of_day]
        )
        node, weight = along_axis(axis.levels, values, draws.level, by_day)
        flat = len(axis.levels) * len(values)

        def difference(replayed: FloatArray, plain: FloatArray, flat: int = flat, axis: AxisCurve = axis, base: Curve = base) -> FloatArray:
            off = replayed - interpolated(base.levels, plain, axis.levels)[:, None]
            return off.reshape(flat, *plain.shape[1:])

        made.append(
            Source(
                draws.calendar,
                difference(axis.amounts, base.amounts),
                difference(axis.histogram, base.histogram),
                difference(axis.blocks, base.blocks),
                node,
                weight,
            )
        )
    return tuple(made)
