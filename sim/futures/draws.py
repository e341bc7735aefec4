"""The draws of all futures, as arrays: what the replays and the bill are computed from.

F futures, T days, M months, A deployments (all of the resolved stack, pools included: where a column makes no sense it is 1 or never).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from sim.futures.calendar import Calendar
from sim.futures.hazard import Hazard, Incidents

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]

GROUPS = ("demand", "sample", "profile", "api_prices", "gpu_prices", "incidents", "retraining", "retirement", "people")
"""Groups of random streams that the spread of the result is attributed to."""


@dataclass(frozen=True)
class Retraining:
    """R retraining runs of all futures in order of (future, day)."""

    future: IntArray
    deployment: IntArray
    day: IntArray
    """The day it starts."""
    attempts: IntArray
    """1, and one more for every time that it failed its evaluation."""
    rolled_back: npt.NDArray[np.bool_]
    """Whether the new model was taken back after it was rolled out."""


@dataclass(frozen=True)
class Draws:
    """What happens in each future."""

    futures: int
    calendar: Calendar
    level: FloatArray
    """[F, T] demand of a day over that of the trace's mean day: growth, weekday, day to day, and that the trace is but a sample."""
    sample: FloatArray
    """[F] the part of `level` that stands for the trace being a sample: one factor a future."""
    prompt: FloatArray
    """[F, M] factor on prompt lengths."""
    step: FloatArray
    """[F, A] factor on the step time of a pool: how wrong its profile may be."""
    token_price: FloatArray
    """[F, T, A] factor on the list price of tokens of that day: chance alone, changes that are announced are not in it."""
    gpu_price: FloatArray
    """[F, T, A] factor on the price of a GPU-hour."""
    limits_from: IntArray
    """[F, A] the day from which the limits of an API are tightened; T or more: never."""
    limits_factor: FloatArray
    """[A] what limits are multiplied by from then on."""
    retired_from: IntArray
    """[F, A] the day from which a model of an API is gone; T or more: never."""
    successors: tuple[str | None, ...]
    """[A] the catalogue name of the API model that then takes its place; None: one of the same price, limits and latency."""
    hazards: tuple[Hazard, ...]
    incidents: Incidents
    retraining: Retraining
    money: Mapping[str, FloatArray]
    """By name, each [F]: `hidden_share` (of the other lines), and factors `people`, `migration`, `labels`, `response_hours`."""
    labels: Mapping[str, str]
    """The assumed keys of the outlook by group, in words; empty where nothing is."""
    training_price: Mapping[int, FloatArray] = field(default_factory=lambda: MappingProxyType({}))
    """By number of the retraining entry, [F, T]: factor on the price of GPU-hours rented for it; 1 for one that is not there."""
    varies: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """In words, what the streams of each group draw."""
