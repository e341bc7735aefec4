"""The fit: the most probable position of the parts of a profile, given a benchmark and the estimate as the opinion before it.

Minimised is the sum of the squared positions (the prior) and of soft L1 of the errors ln(predicted/measured) in their standard
deviations: errors beyond two of them count linearly, so that a disturbed run does not bend the rest. All errors of one batch size
share a part of their own, for kernels do not follow the physics smoothly from one batch to the next: many runs of one batch do not
outvote the others. Gauss-Newton: the inner problem
is linear with bounds, the outer one simulates; derivatives cost a run for each part and point, and are taken again only while a step
does not do what they promised.
Soft L1 by reweighting: Holland and Welsch, Commun. Stat. A6(9), 1977. Rank-one update of derivatives: Broyden, Math. Comp. 19, 1965.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sim.calibration.model import Model
from sim.calibration.parts import FURTHEST, PARTS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

LINEAR_BEYOND = 2.0
"""Standard deviations beyond which an error counts linearly."""
BATCH_SPREAD = 0.04
"""Standard deviation of what all errors of one batch size have in common (assumed; up to 10 % is seen: docs/profiles.md)."""
_STEPS = 8
_REWEIGHTINGS = 12
_STILL = 0.02
"""A change of every position smaller than this ends the fit."""
_NO_GAIN = 0.1
"""A step that promises less than this, in twice the logarithm of a likelihood, is not worth its runs."""
_FAITHFUL = 0.7
"""A step that gains less than this share of what the derivatives promised has them taken anew."""


@dataclass(frozen=True)
class Linear:
    """Errors of fitted observations near a position: error + slopes (position - at), in standard deviations `spread`."""

    at: Array
    error: Array
    slopes: Array
    spread: Array
    batch: Array
    """Whole numbers: observations with the same one share a part of their errors."""

    def rows(self, chosen: Array) -> Linear:
        """The same for some of the observations."""
        return Linear(self.at, self.error[chosen], self.slopes[chosen], self.spread[chosen], self.batch[chosen])

    def errors_at(self, position: Array) -> Array:
        """ln(predicted/measured) at a position, as far as the derivatives reach."""
        import numpy as np

        return np.asarray(self.error + self.slopes @ (position - self.at))

    def deviations(self, error: Array) -> Array:
        """Errors without what their batches have in common, in standard deviations."""
        import numpy as np

        return np.asarray((error + self.common(error)[self.batch]) / self.spread)

    def common(self, error: Array) -> Array:
        """What is most probably common to the errors of each batch, to be added to them."""
        import numpy as np

        found = np.zeros(int(self.batch.max()) + 1 if len(self.batch) else 0)
        for _ in range(_REWEIGHTINGS):
            weight = robust_weights((error + found[self.batch]) / self.spread) / self.spread**2
            found = -np.bincount(self.batch, weight * error) / (np.bincount(self.batch, weight) + BATCH_SPREAD**-2)
        return found

    def cost(self, position: Array, error: Array) -> float:
        """What is minimised, at a position with these errors."""
        import numpy as np

        common = self.common(error) / BATCH_SPREAD
        return loss(self.deviations(error)) + float(np.sum(common**2) + np.sum(position**2))

    def whitened(self, rows: Array, weights: Array) -> Array:
        """Rows of a linear problem so that their errors are independent with variance 1, given weights of the observations.

        The inverse square root of the covariance I + v v' of a batch, v = spread of the batch over that of each observation.
        """
        import numpy as np

        v = BATCH_SPREAD * np.sqrt(weights) / self.spread
        squares = np.bincount(self.batch, v**2)
        shrink = (1.0 - 1.0 / np.sqrt(1.0 + squares)) / np.maximum(squares, 1e-300)
        scaled = rows * (np.sqrt(weights) / self.spread)[:, None]
        along = np.zeros((len(squares), rows.shape[1]))
        np.add.at(along, self.batch, scaled * v[:, None])
        return np.asarray(scaled - v[:, None] * (shrink[:, None] * along)[self.batch])


def robust_weights(deviations: Array) -> Array:
    """Weights that make least squares of soft L1, from errors in standard deviations."""
    import numpy as np

    return np.asarray(1.0 / np.sqrt(1.0 + (deviations / LINEAR_BEYOND) ** 2))


def loss(deviations: Array) -> float:
    """Soft L1 of errors in standard deviations."""
    import numpy as np

    return float((2.0 * LINEAR_BEYOND**2 * (np.sqrt(1.0 + (deviations / LINEAR_BEYOND) ** 2) - 1.0)).sum())


def most_probable(linear: Linear, free: Sequence[int], lowest: Sequence[float]) -> Array:
    """The position that minimises the cost of the linear errors, the parts that are not free staying at the estimate."""
    import numpy as np
    from scipy.optimize import lsq_linear

    position = np.zeros(len(PARTS))
    if not free:
        return position
    chosen = list(free)
    low = np.array([lowest[part] for part in chosen])
    # Errors where every part is at its estimate: the unknown is the whole position of the free ones.
    error = linear.errors_at(np.zeros(len(PARTS)))
    rows = np.column_stack([linear.slopes[:, chosen], -error])
    x = np.clip(linear.at[chosen], low, FURTHEST)
    for _ in range(_REWEIGHTINGS):
        white = linear.whitened(rows, robust_weights(linear.deviations(error + linear.slopes[:, chosen] @ x)))
        # Thousands of rows have the same solution as a square root of their products, a few rows: the estimate keeps these apart from 0.
        root = np.linalg.cholesky(white[:, :-1].T @ white[:, :-1] + np.eye(len(chosen)))
        target = np.linalg.solve(root, white[:, :-1].T @ white[:, -1])
        found = lsq_linear(root.T, target, bounds=(low, np.full(len(chosen), FURTHEST)))
        moved, x = float(np.abs(found.x - x).max()), found.x
        if moved < _STILL / 10.0:
            break
    position[chosen] = x
    return position


def linearised(model: Model, position: Array, base: Array | None = None) -> Linear:
    """The fitted observations of a model near a position, from simulations of it and of each part moved a little."""
    import numpy as np

    base = model.logs(position) if base is None else base
    slopes = model.slopes(position, base)
    use = model.fitted
    error = np.where(np.isfinite(base), base - model.measured, 0.0)
    return Linear(np.asarray(position, dtype=float), error[use], slopes[use], model.spreads(slopes)[use], model.batch[use])


def fit(model: Model, free: Sequence[int], start: Linear) -> tuple[Array, Array]:
    """The most probable position, and ln of every prediction there; it begins at `start`, less the parts that are not free.

    A run that finishes nothing at a position keeps the error that it had, so that it neither leads there nor bars the way.
    """
    import numpy as np

    lowest = model.estimate.lowest()
    position = np.array([z if part in free else 0.0 for part, z in enumerate(start.at)])
    logs = model.logs(position)
    missed = (logs - model.measured)[model.fitted]
    linear = replace(start, at=position, error=np.where(np.isfinite(missed), missed, start.errors_at(position)))
    reached = linear.cost(position, linear.error)
    fresh = True
    for _ in range(_STEPS):
        target = most_probable(linear, free, lowest)
        promised = reached - linear.cost(target, linear.errors_at(target))
        if promised < _NO_GAIN or float(np.abs(target - position).max()) < _STILL:
            break
        share, better = 1.0, False
        while share > 0.2 and not better:
            candidate = position + share * (target - position)
            trial = model.logs(candidate)
            missed = (trial - model.measured)[model.fitted]
            error = np.where(np.isfinite(missed), missed, linear.error)
            value = linear.cost(candidate, error)
            better = value < reached
            share /= 2.0
        if not better:
            if fresh:
                break
            linear, fresh = linearised(model, position, logs), True
            continue
        step = candidate - position
        gained = reached - value
        change = (error - linear.error - linear.slopes @ step)[:, None] * (step / float(step @ step))[None, :]
        linear = replace(linear, at=candidate, error=error, slopes=linear.slopes + change)
        position, logs, reached, fresh = candidate, trial, value, False
        if gained < _FAITHFUL * promised:
            linear, fresh = linearised(model, position, logs), True
            reached = linear.cost(position, linear.error)
    return position, logs
