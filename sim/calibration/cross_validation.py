"""What a calibration would have said of measurements that it had not seen: every batch size or concurrency, then every shape, held out.

What is held out takes no part in choosing the free parts nor in moving them. The derivatives are those at the whole fit, but what is
left is simulated again where they lead, and they lead on from there: a fold costs a few simulations of every point and no more.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sim.calibration.fit import Linear, most_probable
from sim.calibration.identify import choose
from sim.calibration.model import Model
from sim.calibration.observations import Point, distinct

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]


MOST_FOLDS = 24
"""More batch sizes or shapes than that (a log of single steps has a context for each) are held out several at a time."""
_NUMBER = re.compile(r"[0-9]+(\.[0-9]+)?")
_REFINEMENTS = 3
_STILL = 0.05
"""A change of every position smaller than this ends a fold."""


@dataclass(frozen=True)
class HeldOut:
    """ln(predicted/measured) of each observation by a fit without its fold; NaN where nothing could be said. `folds` is how many."""

    errors: Array
    folds: int


def hold_out(
    model: Model,
    start: Linear,
    whole: Linear,
    allowed: tuple[int, ...],
    fold_of: Callable[[Point], str],
    known: Callable[[Point], str] | None = None,
) -> HeldOut | None:
    """Every observation predicted without the points of its fold; None where there are not two folds, or nothing to judge.

    `start` is linear at the estimate and without errors, `whole` at the fit to everything, `allowed` are the parts that may be free. A
    point whose `known` is not among those of the rest is not judged: without it, one would hold out every batch size together with the
    one shape in which they were measured.
    """
    import numpy as np

    folds = _few([fold_of(point) for point in model.points])
    names = list(dict.fromkeys(folds))
    if len(names) < 2:
        return None
    fold_of_row = np.array([folds[o.point] for o in model.observations])
    fold_of_fitted = fold_of_row[model.fitted]
    errors = np.full(len(model.observations), np.nan)
    for name in names:
        rest = whole.rows(fold_of_fitted != name)
        kept = [point for point, own in zip(model.points, folds, strict=True) if own != name]
        free, _ = choose(rest, start.rows(fold_of_fitted != name), distinct(kept), allowed, model.estimate.lowest())
        position = _refit(model, rest, free, np.flatnonzero(model.fitted & (fold_of_row != name)))
        still = None if known is None else {known(point) for point in kept}
        judged = [still is None or known is None or known(model.points[o.point]) in still for o in model.observations]
        away = np.flatnonzero((fold_of_row == name) & np.array(judged))
        errors[away] = model.logs(position, away.tolist()) - model.measured[away]
    return HeldOut(errors, len(names)) if np.isfinite(errors).any() else None


def _few(folds: list[str]) -> list[str]:
    """The same folds, or, of very many, neighbours joined: their names go by the number that they hold."""
    names = sorted(set(folds), key=lambda name: (float(found[0]) if (found := _NUMBER.search(name)) else 0.0, name))
    if len(names) <= MOST_FOLDS:
        return folds
    joined = {name: names[rank * MOST_FOLDS // len(names) * len(names) // MOST_FOLDS] for rank, name in enumerate(names)}
    return [joined[name] for name in folds]


def _refit(model: Model, linear: Linear, free: tuple[int, ...], rows: Array) -> Array:
    """The most probable position by the fitted observations of some rows, which are linear near that of the whole fit."""
    import numpy as np

    lowest = model.estimate.lowest()
    position = most_probable(linear, free, lowest)
    best, reached = position, np.inf
    for _ in range(_REFINEMENTS):
        missed = model.logs(position, rows.tolist()) - model.measured[rows]
        linear = replace(linear, at=position, error=np.where(np.isfinite(missed), missed, linear.errors_at(position)))
        cost = linear.cost(position, linear.error)
        if cost >= reached:
            break
        best, reached = position, cost
        following = most_probable(linear, free, lowest)
        if float(np.abs(following - position).max()) < _STILL:
            break
        position = following
    return best
