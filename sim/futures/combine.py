"""From replayed nodes to months: weights of every future's days on the nodes, summed by month.

Everything that was replayed is a source: N nodes with their amounts a mean day. A day of a future lies between nodes; its weights are
those of linear interpolation (in level, and in level and value for the differences along an axis). A month is the sum of its days, so
usage is a product of weights and amounts, and what is priced by the day takes weights that carry the price.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from sim.futures.calendar import Calendar

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]


_MANY = 1000
"""Nodes from which weights are kept as a sparse matrix: exact months have one node each."""
_DIGITS = 9
"""Of an hour: weights of nodes that add up to a day do so within some 1e-15 of it."""


class Part(Protocol):
    """Something whose amounts add to months: N entries, and how often each happens in every month of every future."""

    @property
    def amounts(self) -> FloatArray: ...

    @property
    def histogram(self) -> FloatArray: ...

    @property
    def plain(self) -> Any:
        """[F * M, N] how often, dense or sparse."""
        ...

    def priced(self, factor: FloatArray) -> Any:
        """[F * M, N] the same with what falls on a day multiplied by its factor [F, T]."""
        ...


def month_amounts(
    parts: Sequence[Part], calendar: Calendar, column: int | list[int] | slice, factor: FloatArray | None = None
) -> FloatArray:
    """[F, M] one amount (or [F, M, I] several) of all parts together; `factor` [F, T] multiplies every day's."""
    total = sum(np.asarray((part.plain if factor is None else part.priced(factor)) @ part.amounts[:, column]) for part in parts)
    found = np.asarray(total, np.float64)
    return found.reshape(-1, calendar.months, *found.shape[1:])


@dataclass(frozen=True)
class Source:
    """N replayed nodes and where the days of the futures lie between them.

    `node` and `weight` are [F, T, K]: the K nodes around a day and their weights, which are zero for days the source does not hold for.
    """

    calendar: Calendar
    amounts: FloatArray
    """[N, I] a mean day."""
    histogram: FloatArray
    """[N, 3, B]."""
    blocks: FloatArray
    """[N, NB, 6] SLO_ITEMS by block of the day."""
    node: IntArray
    weight: FloatArray

    @cached_property
    def _days(self) -> tuple[IntArray, FloatArray, IntArray]:
        """Of every weight that is not zero: its place among months and nodes, itself, and its day among all futures' days."""
        _, days, around = self.node.shape
        kept = np.flatnonzero(self.weight)
        day = kept // around
        month = (day // days) * self.calendar.months + self.calendar.month_of_day[day % days]
        return month * len(self.amounts) + self.node.ravel()[kept], self.weight.ravel()[kept], day

    @cached_property
    def plain(self) -> Any:
        """[F * M, N] weights of the nodes in each month of each future: how many days of it they stand for."""
        return self._summed(self._days[1])

    def priced(self, factor: FloatArray) -> Any:
        """[F * M, N] the same weights with every day's multiplied by its factor [F, T]."""
        _, weight, day = self._days
        return self._summed(weight * factor.ravel()[day])

    def _summed(self, weight: FloatArray) -> Any:
        futures, nodes = len(self.node), len(self.amounts)
        rows = futures * self.calendar.months
        if nodes > _MANY:
            from scipy.sparse import csr_array

            return csr_array((weight, np.divmod(self._days[0], nodes)), shape=(rows, nodes))
        return np.bincount(self._days[0], weight, rows * nodes).astype(np.float64).reshape(rows, nodes)


def exact_hours(hours: FloatArray) -> FloatArray:
    """Hours without what rounding of weights leaves: those of a fleet that never changes are those of the month. None is negative."""
    return np.asarray(np.round(np.maximum(hours, 0.0), _DIGITS), np.float64)


def between(nodes: FloatArray, at: FloatArray, *, beyond: bool = False) -> tuple[IntArray, FloatArray]:
    """The lower node of each value and how far it is to the next (0 to 1); values outside are taken to the end, or lie `beyond` it."""
    if len(nodes) == 1:
        return np.zeros(at.shape, np.int64), np.zeros(at.shape)
    low = np.clip(np.searchsorted(nodes, at, side="right") - 1, 0, len(nodes) - 2)
    share = (at - nodes[low]) / (nodes[low + 1] - nodes[low])
    return np.asarray(low, np.int64), share if beyond else np.clip(share, 0.0, 1.0)


def along_levels(levels: FloatArray, at: FloatArray, holds: BoolArray, *, beyond: bool = False) -> tuple[IntArray, FloatArray]:
    """Nodes and weights [F, T, 2] of days at demand levels `at` [F, T] on nodes [n], for the days that `holds`."""
    low, share = between(levels, at, beyond=beyond)
    high = np.minimum(low + 1, len(levels) - 1)
    weight = np.stack([1.0 - share, share], axis=-1) * holds[:, :, None]
    return np.stack([low, high], axis=-1), weight


def along_axis(levels: FloatArray, values: FloatArray, at: FloatArray, value: FloatArray) -> tuple[IntArray, FloatArray]:
    """Nodes and weights [F, T, 4] on the n x k nodes of an axis (row by row), for levels and values [F, T]."""
    low, share = between(levels, at, beyond=True)
    left, part = between(values, value, beyond=True)
    high, right = np.minimum(low + 1, len(levels) - 1), np.minimum(left + 1, len(values) - 1)
    k = len(values)
    node = np.stack([low * k + left, low * k + right, high * k + left, high * k + right], axis=-1)
    weight = np.stack([(1 - share) * (1 - part), (1 - share) * part, share * (1 - part), share * part], axis=-1)
    return node, weight


def interpolated(nodes: FloatArray, values: FloatArray, at: FloatArray) -> FloatArray:
    """Values [n, ...] on nodes [n], read at the points `at` [p] by straight lines: [p, ...]."""
    low, share = between(nodes, at)
    high = np.minimum(low + 1, len(nodes) - 1)
    part = share.reshape(-1, *([1] * (values.ndim - 1)))
    return np.asarray(values[low] * (1 - part) + values[high] * part)
