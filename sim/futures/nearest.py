"""Which episodes are replayed, and which of these each episode is most like.

Types are taken one by one; within a type, episodes are points (`traits` of sim/futures/episodes.py) and like means near.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sim.futures.episodes import LONGEST_S, LOSSES, Episodes, traits
from sim.futures.hazard import Hazard, Incidents
from sim.futures.levels import GRID, level_of

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

_NODES = 5
"""Demand levels at most that incidents are replayed at."""
_NODE_STEPS = 4
"""Steps of the grid between two of them, at least: 22 % more demand."""
_CLIP = (0.25, 4.0)
"""How far an entry is stretched in time."""
_TELLING = 5
"""Entries from which it can be told whether the effect grows with the duration."""
_CHUNK = 20_000


def level_nodes(level: FloatArray) -> FloatArray:
    """The few demand levels at which episodes of these levels are replayed: on the grid of the cells, evenly in the logarithm."""
    if not len(level):
        return np.ones(1)
    low, high = np.round(np.log(np.quantile(level, (0.02, 0.98))) / math.log(GRID))
    count = int(min(_NODES, (high - low) // _NODE_STEPS + 1))
    steps = np.linspace(low, high, count) if count > 1 else np.array([(low + high) / 2])
    return np.array([level_of(step) for step in np.unique(np.round(steps).astype(int)).tolist()])


def spread(points: FloatArray, weight: FloatArray, count: int) -> IntArray:
    """At least `count` of n points (all if fewer), spread over where points are: four fifths of them as points are, the others by `weight`.

    Points are put in the order of a curve that visits neighbours after each other (ranks of up to six traits, bits interleaved), and
    taken at equal steps along it: a stratified sample without chance.
    """
    n = len(points)
    if n <= count:
        return np.arange(n)
    widest = np.sort(np.argsort(-points.std(axis=0), kind="stable")[:6])
    code = np.zeros(n, np.int64)
    for k, column in enumerate(widest.tolist()):
        _, level = np.unique(points[:, column], return_inverse=True)
        rank = level * 1024 // (int(level.max()) + 1)
        for bit in range(10):
            code |= (rank >> bit & 1) << (bit * len(widest) + k)
    order = np.argsort(code, kind="stable")
    picked = np.zeros(n, np.bool_)
    for steps, size in ((np.ones(n), count - count // 5), (weight[order] + 1e-9, count // 5)):
        reach = np.cumsum(steps)
        picked[np.searchsorted(reach, (np.arange(size) + 0.5) / size * reach[-1])] = True
    rest = np.flatnonzero(~picked)
    missing = count - int(picked.sum())
    picked[rest[(np.arange(missing) * len(rest)) // max(missing, 1)]] = True
    return np.sort(order[picked])


@dataclass(frozen=True)
class Replayed:
    """Which episodes were replayed, at which level: N entries for E episodes."""

    episodes: Episodes
    incidents: Incidents
    episode: IntArray
    """[N]"""
    level: FloatArray
    """[N]"""

    def of_type(self, kind: int) -> tuple[IntArray, FloatArray]:
        """The entries of a type, and where they stand."""
        own = np.flatnonzero(self.episodes.type_of[self.episode] == kind)
        level = np.ones(len(self.episodes))
        level[self.episode] = self.level
        members, points = traits(self.episodes, self.incidents, kind, level)
        return own, points[np.searchsorted(members, self.episode[own])]

    def left_out(self, kind: int, *, lasting: bool) -> tuple[IntArray, IntArray, FloatArray]:
        """Entries of a type, for each the nearest other one, and how many times that one it is; none where there is no other."""
        own, points = self.of_type(kind)
        if len(own) < 2:
            nothing = np.zeros(0, np.int64)
            return nothing, nothing, np.zeros(0)
        near = own[_nearest(points, points, leave_out_self=True)]
        # What an entry shows is no longer than what was replayed of it, however long the episode was.
        active_s = np.minimum(self.episodes.active_s[self.episode], LONGEST_S)
        return own, near, self.level[own] / self.level[near] * _stretch(active_s[own], active_s[near], lasting=lasting)

    def lasting(self, hazards: Sequence[Hazard], amounts: FloatArray) -> BoolArray:
        """[Y] whether the entries [N, I] of a type predict each other better in proportion to duration.

        By kind of hazard where there are few, and in proportion where all last longer than is replayed. A pool that has room
        replaces what it lost, and the repair may last as long as it will; one without room waits for it.
        """
        found = np.array([not all(hazards[h].kind in LOSSES for h in kind) for kind in self.episodes.types], np.bool_)
        for kind in range(len(found)):
            errors = []
            for lasting in (False, True):
                own, near, scale = self.left_out(kind, lasting=lasting)
                size = np.abs(amounts[own]).mean(axis=0) if len(own) else np.zeros(amounts.shape[1])
                wrong = np.abs(amounts[near] * scale[:, None] - amounts[own])[:, size > 0]
                errors.append(float((wrong / size[size > 0]).sum()))
            if len(own) >= _TELLING and errors[0] != errors[1]:
                found[kind] = errors[1] < errors[0]
            elif (self.episodes.active_s[self.episode[self.episodes.type_of[self.episode] == kind]] >= LONGEST_S).all():
                # As much in a day of each: no end of the effect was seen, and to miss one that lasts is the greater error.
                found[kind] = True
        return found

    def assigned(self, level: FloatArray, lasting: BoolArray) -> tuple[IntArray, FloatArray]:
        """(entry, scale) of every episode: the nearest entry of its type, and how many times that one it is."""
        entry, scale = np.zeros(len(self.episodes), np.int64), np.zeros(len(self.episodes))
        active_s = self.episodes.active_s
        for kind in range(len(self.episodes.types)):
            own, points = traits(self.episodes, self.incidents, kind, level)
            entries, at = self.of_type(kind)
            near = entries[_nearest(points, at)]
            entry[own] = near
            stretch = _stretch(active_s[own], active_s[self.episode[near]], lasting=bool(lasting[kind]))
            scale[own] = level[own] / self.level[near] * stretch
        return entry, scale


def _nearest(points: FloatArray, entries: FloatArray, *, leave_out_self: bool = False) -> IntArray:
    """The entry nearest to each point; the first of several as near."""
    from scipy.spatial.distance import cdist

    near = np.zeros(len(points), np.int64)
    for first in range(0, len(points), _CHUNK):
        distance = cdist(points[first : first + _CHUNK], entries)
        if leave_out_self:
            distance[np.arange(len(distance)), first + np.arange(len(distance))] = math.inf
        # Equal but for rounding is equal: which is nearer must not hang on the order of additions.
        near[first : first + _CHUNK] = np.round(distance, 9).argmin(axis=1)
    return near


def _stretch(active_s: FloatArray, entry_s: FloatArray, *, lasting: bool) -> FloatArray:
    """How many times as long as their entries episodes last, within bounds; beyond what is replayed, without."""
    if not lasting:
        return np.ones(len(active_s))
    ratio = active_s / np.maximum(np.minimum(entry_s, LONGEST_S), 1.0)
    return np.where(active_s > LONGEST_S, np.maximum(ratio, _CLIP[0]), np.clip(ratio, *_CLIP))
