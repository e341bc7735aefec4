"""Incidents that meet: episodes, what tells them apart, and the engine's events of one.

Incidents of one future that overlap, each prolonged by the time a stack takes to recover, act together (an outage while the fallback
is out too is not the sum of two outages). They form one episode; its type is the set of its hazards. An API outage beside a day-long
repair is an episode of both.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from sim.engine.system import Event
from sim.futures.hazard import Hazard, Incidents
from sim.units import SECONDS_PER_DAY, SECONDS_PER_HOUR

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

RECOVERY_S = 1800.0
"""Half an hour for queues to empty, retries to end and replicas to come back (assumed)."""
LONGEST_S = 8 * SECONDS_PER_HOUR
"""Of an episode no more than this is replayed or compared: long ones are few, and would take half of the time of all."""
LOSSES = ("gpu_failure", "spot_preemption")
"""Hazards that happen at once, even where their duration is 0."""
_WORD = 62
"""Hazards to a word of a bit mask."""
_SEVERITY = (1.0, 5.0, 1.0)
"""How far apart one unit of log latency factor, of error rate and of log replicas is: as far as e times the duration."""
_HOUR = 1.0
"""Radius of the circle of hours: noon and midnight are as far apart as durations of 1 and 7."""
_LEVEL = 2.0
"""Demand of 1 and 1.65 is as far apart as durations of 1 and e: near full load, a little more demand loses much more."""
_SHORT_S = 60.0
"""Durations are compared by log(duration + this): ten seconds and twenty are alike."""


@dataclass(frozen=True)
class Episodes:
    """E episodes of all futures, in order of (future, start), of Y types, with N incidents in all."""

    types: tuple[tuple[int, ...], ...]
    """[Y] sorted positions of hazards."""
    type_of: IntArray
    """[E]"""
    future: IntArray
    start_s: FloatArray
    """[E] from the start of the horizon."""
    end_s: FloatArray
    """[E] of the last incident, without the time of recovery."""
    active_s: FloatArray
    """[E] time in which at least one incident lasts."""
    offsets: IntArray
    """[E + 1] into `member`."""
    member: IntArray
    """[N] positions of incidents, episode after episode, each in order of start."""

    def __len__(self) -> int:
        return len(self.future)

    def members(self, episode: int) -> IntArray:
        """Positions of the incidents of one episode."""
        return self.member[self.offsets[episode] : self.offsets[episode + 1]]

    @cached_property
    def episode_of(self) -> IntArray:
        """[N] the episode of every entry of `member`."""
        return np.repeat(np.arange(len(self)), np.diff(self.offsets))


def episodes(incidents: Incidents, *, recovery_s: float = RECOVERY_S) -> Episodes:
    """Incidents that overlap in time and future, each prolonged by `recovery_s`, as episodes."""
    order = np.lexsort((incidents.start_s, incidents.future))
    start, future = incidents.start_s[order], incidents.future[order]
    end = start + incidents.duration_s[order]
    known_s = _latest_before(end, future)
    return _grouped(incidents, order, start >= known_s + recovery_s, np.maximum(end - np.maximum(start, known_s), 0.0))


def within(incidents: Incidents, length_s: float) -> Incidents:
    """Incidents as far as they lie within the horizon."""
    start = np.maximum(incidents.start_s, 0.0)
    end = np.minimum(incidents.start_s + incidents.duration_s, length_s)
    kept = (start < length_s) & (end >= start)
    return Incidents(
        incidents.future[kept], incidents.hazard[kept], start[kept], (end - start)[kept], incidents.factor[kept],
        incidents.error_rate[kept], incidents.count[kept],
    )  # fmt: skip


def kept_whole(incidents: Incidents, recovery_s: float, per_type: int, most: int) -> tuple[Episodes, tuple[str, ...]]:
    """The episodes, and in words what is not replayed of them.

    Those of several hazards are taken apart where they are too long, or of types that would take more than `most` replays in all.
    """
    found = episodes(incidents, recovery_s=recovery_s)
    compound = np.array([len(kind) > 1 for kind in found.types], np.bool_)[found.type_of]
    long = found.end_s - found.start_s > LONGEST_S
    active_s = np.bincount(found.type_of, found.active_s * ~long, len(found.types))
    count = np.bincount(found.type_of, ~long, len(found.types))
    whole = np.zeros(len(found.types), np.bool_)
    for kind in np.argsort(-active_s, kind="stable").tolist():
        if len(found.types[kind]) == 1:
            whole[kind] = True
        elif 0 < min(count[kind], per_type) <= most:
            whole[kind] = True
            most -= int(min(count[kind], per_type))
    rare = compound & ~whole[found.type_of]
    apart = rare | (compound & long)
    notes = []
    cut = int((long & ~compound).sum())
    if cut:
        notes.append(f"{cut} incidents of more than {LONGEST_S / SECONDS_PER_HOUR:g} h are replayed for that long and stretched")
    if apart.any():
        share = float(found.active_s[apart].sum() / found.active_s.sum())
        notes.append(
            f"{int(apart.sum())} of {len(found)} episodes in which incidents meet ({share:.1%} of the time of all) are taken as the sum of"
            " single incidents: longer than is replayed, or hazards that rarely meet"
        )
        found = parted(found, incidents, apart)
    return found, tuple(notes)


def parted(found: Episodes, incidents: Incidents, apart: BoolArray) -> Episodes:
    """The same with the episodes `apart` [E] taken as if every incident of them came alone."""
    order = found.member[np.lexsort((incidents.start_s[found.member], incidents.future[found.member]))]
    place = np.empty(len(incidents), np.int64)
    place[found.member] = np.arange(len(found.member))
    episode = found.episode_of[place[order]]
    # Incidents of an episode that stays whole must stand together even where parted ones fall between: sort by the episode's start.
    alone = apart[episode]
    key_s = np.where(alone, incidents.start_s[order], found.start_s[episode])
    arranged = np.lexsort((incidents.start_s[order], np.where(alone, -1, episode), key_s, incidents.future[order]))
    order, episode, alone = order[arranged], episode[arranged], alone[arranged]
    new = np.ones(len(order), np.bool_)
    new[1:] = alone[1:] | alone[:-1] | (episode[1:] != episode[:-1])
    start = incidents.start_s[order]
    end = start + incidents.duration_s[order]
    known_s = _latest_before(end, np.cumsum(new))
    return _grouped(incidents, order, new, np.maximum(end - np.maximum(start, known_s), 0.0))


def _latest_before(end_s: FloatArray, group: IntArray) -> FloatArray:
    """[N] the latest end of those before in the same group (groups ascend); -inf for the first of a group."""
    if not len(end_s):
        return np.zeros(0)
    # One running maximum for all: every group is moved above everything in the groups before it.
    span_s = float(end_s.max() - end_s.min()) + 1.0
    _, rank = np.unique(group, return_inverse=True)
    shift = rank * span_s
    latest = np.maximum.accumulate(end_s + shift)
    before = np.full(len(end_s), -math.inf)
    same = rank[1:] == rank[:-1]
    before[1:][same] = (latest[:-1] - shift[1:])[same]
    return before


def _grouped(incidents: Incidents, order: IntArray, new: BoolArray, added_s: FloatArray) -> Episodes:
    """Incidents in `order`, an episode beginning at every one that is `new`; `added_s` is the time each adds to those before it."""
    first = np.flatnonzero(new)
    count = len(first)
    offsets = np.append(first, len(order)).astype(np.int64)
    if not count:
        nothing = np.zeros(0)
        return Episodes((), first, first, nothing, nothing, nothing, np.zeros(1, np.int64), order.astype(np.int64))
    start = incidents.start_s[order]
    types, type_of = _types(incidents.hazard[order], first)
    return Episodes(
        types=types,
        type_of=type_of,
        future=incidents.future[order][first],
        start_s=start[first],
        end_s=np.maximum.reduceat(start + incidents.duration_s[order], first),
        active_s=np.add.reduceat(added_s, first),
        offsets=offsets,
        member=order.astype(np.int64),
    )


def _types(hazard: IntArray, first: IntArray) -> tuple[tuple[tuple[int, ...], ...], IntArray]:
    """The sets of hazards that occur, in order, and which of them each episode has."""
    words = int(hazard.max()) // _WORD + 1
    bits = [np.where(hazard // _WORD == word, np.left_shift(1, hazard % _WORD), 0) for word in range(words)]
    masks = np.stack([np.bitwise_or.reduceat(word, first) for word in bits], axis=1)
    rows, of = np.unique(masks, axis=0, return_inverse=True)
    sets = [tuple(h for h in range(words * _WORD) if int(row[h // _WORD]) >> h % _WORD & 1) for row in rows]
    order = sorted(range(len(sets)), key=lambda k: (len(sets[k]), sets[k]))
    place = np.empty(len(sets), np.int64)
    place[order] = np.arange(len(sets))
    return tuple(sets[k] for k in order), place[of.reshape(-1)]


def traits(found: Episodes, incidents: Incidents, kind: int, level: FloatArray) -> tuple[IntArray, FloatArray]:
    """The episodes of one type and where each stands among them: points whose distance says how unlike two episodes are.

    By hazard of the type: log duration, log latency factor, error rate and log replicas (averages over its time); then the time in
    which incidents overlap, the hour of the day on a circle, and the log of the demand level ([E], given).
    """
    own = np.flatnonzero(found.type_of == kind)
    hazards = np.asarray(found.types[kind])
    rank = np.full(len(found), -1, np.int64)
    rank[own] = np.arange(len(own))
    inside = np.flatnonzero(rank[found.episode_of] >= 0)
    each = found.member[inside]
    cell = rank[found.episode_of[inside]] * len(hazards) + np.searchsorted(hazards, incidents.hazard[each])
    cells = len(own) * len(hazards)
    lasts_s: FloatArray = np.bincount(cell, incidents.duration_s[each], cells).astype(np.float64)
    weight = np.maximum(incidents.duration_s[each], 1.0)
    over = np.bincount(cell, weight, cells)
    columns = [_log_duration(lasts_s)]
    values = (np.log(incidents.factor[each]), incidents.error_rate[each], np.log(np.maximum(incidents.count[each], 1)))
    for scale, value in zip(_SEVERITY, values, strict=True):
        columns.append(scale * np.bincount(cell, weight * value, cells) / over)
    points = [column.reshape(len(own), -1) for column in columns]
    overlap_s = lasts_s.reshape(len(own), -1).sum(axis=1) - found.active_s[own]
    if len(hazards) > 1:
        points.append(_log_duration(np.maximum(overlap_s, 0.0))[:, None])
    turn = 2 * math.pi * found.start_s[own] / SECONDS_PER_DAY
    points.append(np.stack([_HOUR * np.cos(turn), _HOUR * np.sin(turn), _LEVEL * np.log(level[own])], axis=1))
    return own, np.concatenate(points, axis=1)


def _log_duration(seconds: FloatArray) -> FloatArray:
    return np.log(np.minimum(seconds, LONGEST_S) + _SHORT_S)


def shares(found: Episodes, incidents: Incidents, hazards: int) -> tuple[IntArray, IntArray, FloatArray]:
    """(episode, hazard, share) of every hazard of every episode: what part of the episode is laid at its door, by duration."""
    key = found.episode_of * hazards + incidents.hazard[found.member]
    pairs, of = np.unique(key, return_inverse=True)
    lasts_s = np.bincount(of, np.maximum(incidents.duration_s[found.member], 1.0), len(pairs))
    episode = pairs // hazards if hazards else pairs
    total_s = np.bincount(episode, lasts_s, len(found))
    return episode, pairs % hazards if hazards else pairs, lasts_s / total_s[episode]


def events_between(incidents: Incidents, chosen: IntArray, hazards: Sequence[Hazard], from_s: float, to_s: float) -> tuple[Event, ...]:
    """The engine's events of the incidents `chosen` as far as they lie within [from_s, to_s), times counted from `from_s`.

    An incident that began earlier begins at from_s with what is left of it; one that would last longer ends at to_s. What a spot
    preemption lasts is its notice.
    """
    made = []
    for i in chosen.tolist():
        hazard = hazards[int(incidents.hazard[i])]
        start_s = float(incidents.start_s[i])
        end_s = start_s + float(incidents.duration_s[i])
        at_s = max(start_s, from_s)
        if at_s >= min(end_s, to_s) and not (hazard.kind in LOSSES and from_s <= start_s < to_s):
            continue
        lasts_s = min(end_s, to_s) - at_s
        made += [
            Event(
                at_s=at_s - from_s,
                kind=hazard.kind,
                deployment=deployment,
                duration_s=lasts_s,
                factor=float(incidents.factor[i]),
                error_rate=float(incidents.error_rate[i]),
                count=int(incidents.count[i]),
                notice_s=lasts_s if hazard.kind == "spot_preemption" else 0.0,
            )
            for deployment in hazard.deployments
        ]
    return tuple(sorted(made, key=lambda event: (event.at_s, event.deployment, event.kind)))
