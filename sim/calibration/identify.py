"""Which parts of a profile a benchmark tells of, and how surely each is known after it.

A part is moved only where the measurements know it at least as well as the estimate does: its standard deviation falls to
1/sqrt(2) of what it was, with all the other free parts unknown too. The least known goes first, and the rest are judged again. A part
that stayed so but without which the measurements are explained significantly worse is moved too: they contradict its estimate. There
are never more free parts than different loads and steps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from sim.calibration.fit import Linear, most_probable, robust_weights
from sim.calibration.parts import NAMES, PARTS
from sim.errors import InputError, nearest

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

CONTRADICTED = 4.0
"""Twice the logarithm of a likelihood, in dispersions, by which a part that moves must explain more: two standard deviations."""
INFORMED = 0.7072
"""Largest standard deviation after the measurements, in those before them, of a part that they may move."""


def covariance(linear: Linear, free: Sequence[int], dispersion: float = 1.0) -> Array:
    """Covariance of the positions after the measurements: of the free parts as the data leave them, of the others as before (1).

    `dispersion` is the variance of the errors in their standard deviations; above 1, they tell less than they claim.
    """
    import numpy as np

    found = np.eye(len(PARTS))
    chosen = list(free)
    if chosen:
        slopes = linear.whitened(linear.slopes[:, chosen], robust_weights(linear.deviations(linear.error)))
        found[np.ix_(chosen, chosen)] = np.linalg.inv(slopes.T @ slopes / max(dispersion, 1.0) + np.eye(len(chosen)))
    return found


def standard_deviations(linear: Linear, free: Sequence[int], dispersion: float = 1.0) -> Array:
    """Of each part's position after the measurements, in those before them."""
    import numpy as np

    return np.sqrt(np.diag(covariance(linear, free, dispersion)))


def dispersion_of(deviations: Array, free: int) -> float:
    """Variance of errors given in their standard deviations, by their median so that a few wild ones do not count; at least 1."""
    import numpy as np

    if not len(deviations):
        return 1.0
    scale = 1.4826 * float(np.median(np.abs(deviations)))
    return max(scale**2 * len(deviations) / max(len(deviations) - free, 1), 1.0)


def unweighted(linear: Linear) -> Linear:
    """The same without errors: far from the best fit they are no outliers, and all measurements count in full."""
    import numpy as np

    return replace(linear, error=np.zeros(len(linear.error)))


def told_of(linears: Sequence[Linear], most: int, allowed: Sequence[int], dispersion: float = 1.0) -> tuple[int, ...]:
    """The parts that the measurements may move, of those allowed, at most so many.

    It is enough to be told at one of several positions: an overhead that is found to be a tenth of its estimate hardly shows there, and
    yet the measurements know that it is not at its estimate.
    """
    import numpy as np

    free = list(allowed)
    while free:
        deviations = np.min([standard_deviations(linear, free, dispersion) for linear in linears], axis=0)
        worst = max(free, key=lambda part: deviations[part])
        if deviations[worst] <= INFORMED and len(free) <= most:
            break
        free.remove(worst)
    return tuple(free)


def choose(linear: Linear, blank: Linear, most: int, allowed: Sequence[int], lowest: Sequence[float]) -> tuple[tuple[int, ...], float]:
    """The parts to move, and the dispersion of the errors when all allowed parts are.

    `linear` is near the best fit so far, `blank` at the estimate (`unweighted`), `lowest` bounds the positions.
    """

    def cost(free: Sequence[int]) -> float:
        position = most_probable(linear, free, lowest)
        return linear.cost(position, linear.errors_at(position))

    everything = most_probable(linear, allowed, lowest)
    dispersion = dispersion_of(linear.deviations(linear.errors_at(everything)), len(allowed))
    free = told_of((blank, linear), most, allowed, dispersion)
    reached = cost(free)
    while len(free) < min(most, len(allowed)):
        best, part = min((cost((*free, part)), part) for part in allowed if part not in free)
        if reached - best <= CONTRADICTED * dispersion:
            break
        free, reached = (*free, part), best
    return tuple(sorted(free)), dispersion


def parts_named(text: str) -> tuple[int, ...]:
    """The parts of `c,o,front_end`; InputError for names that are none."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    wrong = [name for name in names if name not in NAMES]
    if wrong or not names:
        found = ", ".join(repr(name) for name in wrong) or "no part"
        raise InputError(f"--free: found {found}; allowed: {', '.join(NAMES)}{nearest(wrong[0], NAMES) if wrong else ''}")
    return tuple(sorted({NAMES.index(name) for name in names}))


def check_wanted(linear: Linear, most: int, wanted: Sequence[int], what: str) -> None:
    """InputError where a user wants more parts moved than the measurements of a configuration (`what`) tell of.

    It says which, and what to measure.
    """
    deviations = standard_deviations(linear, wanted)
    problems = [
        f"--free: {what}: the measurements do not tell {NAMES[part]} ({PARTS[part].words}) from the estimate or from the other parts: "
        f"its standard deviation stays {deviations[part]:.0%} of what it was (allowed: {INFORMED:.0%}); measure {PARTS[part].told_by}"
        for part in wanted
        if deviations[part] > INFORMED
    ]
    if not problems and len(wanted) > most:
        names = ", ".join(NAMES[part] for part in wanted)
        problems.append(
            f"--free: {what}: {len(wanted)} parts ({names}) from {most} different loads or steps; allowed: at most one part for each; "
            f"name fewer, or measure {PARTS[max(wanted, key=lambda part: deviations[part])].told_by}"
        )
    if problems:
        raise InputError("\n".join(problems))
