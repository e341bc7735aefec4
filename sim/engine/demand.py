"""Scripted demand: more or fewer requests for a while, by copying and thinning rows where they stand (bursts stay bursts)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from sim.engine.random import DEMAND, uniform
from sim.engine.system import Event

COPY_BIT = 44
"""Copies of a row carry their number above this bit of the row id, so each has its own luck."""


def most_copies(demand: Sequence[Event]) -> float:
    """How many times a row can occur when all events hold at once; 1 where there are none."""
    return math.prod(max(event.factor, 1.0) for event in demand)


def expand_demand(rows: Any, demand: Sequence[Event], seed: int, next_arrival_s: float) -> Any:
    """Rows with arrivals in [at, at + duration) of an event occur `factor` times in the mean: whole copies, and one more by chance.

    A copy arrives between its row and the next (after the last row: `next_arrival_s`), so that arrivals stay in order. duration 0
    means to the end.
    """
    factor = np.ones(len(rows))
    for event in demand:
        end = event.at_s + event.duration_s if event.duration_s > 0 else np.inf
        factor[(rows.arrival >= event.at_s) & (rows.arrival < end)] *= event.factor
    luck = np.array([uniform(seed, DEMAND, int(i), 0, 0, 0) for i in rows.id])
    copies = np.floor(factor).astype(np.int64) + (luck < factor - np.floor(factor))
    out = rows[np.repeat(np.arange(len(rows)), copies)]
    if not len(out):
        return out
    first = np.repeat(np.cumsum(copies) - copies, copies)
    number = np.arange(len(out)) - first
    gap = np.diff(rows.arrival, append=next_arrival_s)
    shift = np.array([uniform(seed, DEMAND, int(i), 0, 0, int(k)) if k else 0.0 for i, k in zip(out.id, number, strict=True)])
    order_within = np.repeat(gap, copies) * shift
    out.arrival = out.arrival + order_within
    out.id = out.id + (number << COPY_BIT)
    return out[np.argsort(out.arrival, kind="stable")]
