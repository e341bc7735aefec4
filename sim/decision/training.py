"""Continued pre-training and training from scratch: what a model of one's own costs before it is served, and how long it takes.

Nobody can say beforehand how fast or how good such a model is, so it is costed and not served: compute, spread evenly over the months of
training, and the engineers, in every month, since a model that is served goes on to be looked after. A stack that is named with it
serves, and its costs come on top. The figures are ranges of texts (models/defaults/decision-training.yaml), drawn once a future,
independent of each other and lognormal between their ends.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from pydantic import model_validator

from sim.catalog.catalog import Catalog
from sim.catalog.strict import Positive, Strict
from sim.futures.forecast import FloatArray
from sim.sampling import Lognormal, stream
from sim.stack.cost_defaults import Sourced, people_defaults

Training = Literal["continued_pretraining", "from_scratch"]
_Z95 = 1.6448536269514722
_PLACE = "defaults/decision-training.yaml"


class Range(Strict):
    """A quantity by its 5 % and 95 % quantiles, lognormal between them."""

    p5: Positive
    p95: Positive

    @model_validator(mode="after")
    def _in_order(self) -> Range:
        if self.p5 > self.p95:
            raise ValueError(f"found p5 {self.p5:g} above p95 {self.p95:g}")
        return self

    @property
    def middle(self) -> float:
        """The median."""
        return math.sqrt(self.p5 * self.p95)

    def draws(self, futures: int, seed: int, name: str) -> FloatArray:
        """[F] one draw a future."""
        law = Lognormal(self.middle, math.log(self.p95 / self.p5) / (2 * _Z95))
        return np.asarray(law.sample(stream(seed, f"decision/{name}"), futures))


class Effort(Strict):
    """What one way of training takes."""

    compute_usd: Range
    ml_engineers: Range
    months: Range


class TrainingDefaults(Sourced):
    """What training takes where nobody has measured it."""

    from_scratch: Effort
    continued_pretraining: Effort

    def of(self, kind: Training) -> Effort:
        """What one way of training takes."""
        return self.from_scratch if kind == "from_scratch" else self.continued_pretraining


@dataclass(frozen=True)
class TrainingCost:
    """A model of one's own over the months of F futures."""

    compute_usd: FloatArray
    """[F, M] on the invoice; what is trained after the last month is not in it."""
    people_usd: FloatArray
    """[F, M] beside the invoice."""
    months: FloatArray
    """[F] until it can be served."""
    assumed: str
    """Where the figures come from, in words."""


def training_defaults(catalog: Catalog) -> TrainingDefaults:
    """What training takes, from the first folder of the catalogue that says so."""
    return catalog.shared(_PLACE, TrainingDefaults)


def training_cost(kind: Training, *, futures: int, months: int, seed: int, catalog: Catalog) -> TrainingCost:
    """What training costs in each month of each future; equal arguments give equal draws."""
    defaults = training_defaults(catalog)
    effort = defaults.of(kind)
    usd = effort.compute_usd.draws(futures, seed, f"{kind}/compute")
    engineers = effort.ml_engineers.draws(futures, seed, f"{kind}/engineers")
    lasts = effort.months.draws(futures, seed, f"{kind}/months")
    at = np.arange(months, dtype=float)
    shares = np.clip(lasts[:, None] - at, 0.0, 1.0) / lasts[:, None]
    monthly = people_defaults(catalog).ml_engineer_usd_per_month
    return TrainingCost(
        compute_usd=usd[:, None] * shares,
        people_usd=np.repeat((engineers * monthly)[:, None], months, axis=1),
        months=lasts,
        assumed=defaults.source(kind).source,
    )
