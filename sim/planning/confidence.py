"""How sure it is that a plan holds, from futures that its search never used: a share, and the exact bounds of a binomial share.

Bounds are those of Clopper and Pearson (Biometrika 26, 1934), each of which the true share is beyond with 5 % at most, however few the
futures are.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from sim.sampling import stream

BEYOND = 0.05
"""Chance that the true share is below the lower bound, and that it is above the upper one."""


@dataclass(frozen=True, slots=True)
class Confidence:
    """In how many of so many futures, or replays with other luck, the levels were met."""

    met: int
    of: int
    seed: int
    """Of those futures."""
    kind: str
    """`futures`, `replays`, or `certain` where nothing in the replay is left to chance."""

    @property
    def share(self) -> float:
        """The share that met them."""
        return self.met / self.of

    @property
    def low(self) -> float:
        """The true share is below with 5 % at most."""
        return 1.0 if self.kind == "certain" else clopper_pearson(self.met, self.of)[0]

    @property
    def high(self) -> float:
        """The true share is above with 5 % at most."""
        return 1.0 if self.kind == "certain" else clopper_pearson(self.met, self.of)[1]


def clopper_pearson(met: int, of: int) -> tuple[float, float]:
    """Lower and upper bound of the share behind `met` of `of`."""
    from scipy.stats import beta

    low = 0.0 if met == 0 else float(beta.ppf(BEYOND, met, of - met + 1))
    high = 1.0 if met == of else float(beta.ppf(1 - BEYOND, met + 1, of - met))
    return low, high


def replays_needed(confidence: float) -> int:
    """So many replays, all of which meet the levels, say that a share of `confidence` does, with 5 % error."""
    return math.ceil(math.log(BEYOND) / math.log(confidence)) if 0 < confidence < 1 else 1


def fresh_seed(seed: int, number: int) -> int:
    """A seed that the search of a plan has not used, another one for each number."""
    return int(stream(seed, "plan/fresh", number).integers(2**62))
