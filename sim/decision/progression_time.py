"""A move from one stack to another in time: what share of the traffic is where, and what stands, in each month of each future.

Time is counted in months from the start of the horizon, with fractions. Traffic goes over in a straight line; what was before stays ready
for the time of the parallel running, counted from the same moment, and at its end the move is judged. If it is taken back, all traffic
returns at once, and a second try follows after some months of work; what fails again is given up. What is new stands until then.
F futures, M months.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

NEVER = 1e9
"""Months after which nothing is looked at: the start of a move that is not made."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How long each part of a move takes, in months."""

    build: float
    """Of what is new before it serves."""
    ramp: float
    parallel: float
    retry: float

    @property
    def both(self) -> float:
        """Both stand for so long: never shorter than traffic takes to go over."""
        return max(self.ramp, self.parallel)


@dataclass(frozen=True)
class Timeline:
    """Parts of each month [F, M], from 0 to 1."""

    moved: FloatArray
    """Share of the traffic that the new stack answers."""
    old_up: FloatArray
    """Part of the month in which the old one stands."""
    new_up: FloatArray
    building: FloatArray
    """Part of the month in which the new one is built."""
    build_share: FloatArray
    """Part of all building that falls into the month; in the month of the move where nothing is left of the time before it."""
    rework_share: FloatArray
    """Part of the work for a second try that falls into the month."""
    old_beyond: FloatArray
    """Part of the month that the old one stands beyond its share of the traffic while traffic goes over."""
    new_beyond: FloatArray
    old_end: FloatArray
    """[F] when the old one is given up; NEVER where it stays."""
    second_try: BoolArray
    """[F] whether the move is taken back and tried again within the horizon."""
    given_up: BoolArray
    """[F] whether that, too, is taken back within the horizon."""


def timeline(start: FloatArray, fails: BoolArray, pace: Pace, months: int) -> Timeline:
    """From when traffic goes over [F] (NEVER: it does not), and whether the first and second try fail [F, 2]."""
    goes = start < NEVER / 2
    judged = start + pace.both
    again = np.where(fails[:, 0] & goes, judged + pace.retry, NEVER)
    given_up = fails.all(axis=1) & goes
    last = np.where(fails[:, 0], again, start) + pace.both
    old_end = np.where(goes & ~given_up, last, NEVER)
    new_end = np.where(given_up, last, NEVER)
    first_end = np.where(fails[:, 0], judged, NEVER)
    tries = ((start, first_end), (again, new_end))
    moved = sum(_served(begin, end, pace.ramp, months) for begin, end in tries)
    ramps = [(begin, np.minimum(begin + pace.ramp, end)) for begin, end in tries]
    ramping = sum(_within(begin, end, months) for begin, end in ramps)
    in_ramp = sum(_served(begin, end, pace.ramp, months) for begin, end in ramps)
    begun = np.maximum(start - pace.build, 0.0)
    building = np.where(goes[:, None], _within(begun, np.minimum(start, NEVER), months), 0.0)
    return Timeline(
        moved=np.asarray(moved),
        old_up=_within(np.zeros_like(start), old_end, months),
        new_up=np.where(goes[:, None], _within(start, new_end, months), 0.0),
        building=building,
        build_share=_parts(begun, start, building, months),
        rework_share=_parts(np.where(fails[:, 0] & goes, judged, NEVER), again, _within(judged, again, months), months),
        old_beyond=np.asarray(in_ramp),
        new_beyond=np.asarray(ramping - in_ramp),
        old_end=old_end,
        second_try=again < months,
        given_up=given_up & (last < months),
    )


def _within(begin: FloatArray, end: FloatArray, months: int) -> FloatArray:
    """[F, M] the part of each month that lies between two moments."""
    at = np.arange(months, dtype=np.float64)
    return np.asarray(np.clip(np.minimum(end[:, None], at + 1) - np.maximum(begin[:, None], at), 0.0, 1.0))


def _served(begin: FloatArray, end: FloatArray, ramp: float, months: int) -> FloatArray:
    """[F, M] the mean share over each month of a ramp that begins and, at some moment, ends at once."""
    at = np.arange(months + 1, dtype=np.float64)
    run = np.clip(at, begin[:, None], np.maximum(end, begin)[:, None]) - begin[:, None]
    risen = np.minimum(run, ramp)
    area = (risen**2 / (2 * ramp) if ramp > 0.0 else 0.0) + run - risen
    return np.asarray(np.diff(area, axis=1))


def _parts(begin: FloatArray, end: FloatArray, within: FloatArray, months: int) -> FloatArray:
    """[F, M] how work between two moments is spread over months, evenly; work without duration falls into the month of its end."""
    length = end - begin
    at_once = (length <= 0.0)[:, None] & (np.floor(end)[:, None] == np.arange(months))
    spread = np.divide(within, length[:, None], out=np.zeros_like(within), where=length[:, None] > 0.0)
    return np.where(length[:, None] > 0.0, spread, at_once.astype(np.float64))
