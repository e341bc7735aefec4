"""Drawing windows of a long trace: with probability proportional to how bursty they are, the worst surely, weights calibrated.

Windows are drawn without replacement by systematic sampling from a shuffled list (Hartley and Rao 1962), which gives every window exactly
the chance that its score asks for; 1/chance is its weight (Horvitz and Thompson 1952). Weights are then moved as little as possible so that
weighted hours, requests, prompt tokens and output tokens are those of the whole trace (raking: Deville and Särndal 1992).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sim.sampling import stream
from sim.trace.trace import Trace
from sim.units import SECONDS_PER_HOUR

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

BINS_S = 60.0
_FLOOR = 0.25
"""A window's score is at least this share of the mean one, so that no weight becomes large."""
_SURE = 2
"""So many of the highest scores are taken whatever the others are."""
_ROUNDS = 60
_DRAWS = 20
_ALL_FROM = 12
"""Windows from which on all totals are calibrated to."""


@dataclass(frozen=True)
class Frame:
    """All windows of a trace of one length: hours, requests, prompt tokens and output tokens of each, and how bursty it is."""

    size_s: float
    facts: FloatArray
    """[windows, 4]."""
    score: FloatArray
    """[windows], mean 1: root mean square over minutes of arrivals and of tokens, each over its mean, averaged."""

    @property
    def windows(self) -> int:
        """How many there are."""
        return len(self.score)

    @staticmethod
    def of(trace: Trace, size_s: float, period_s: float) -> Frame:
        """The windows of a trace's first `period_s` seconds, in one pass."""
        bins = int(period_s // BINS_S)
        counts = np.zeros((3, bins))
        for chunk in trace.chunks():
            place = (chunk.arrival_s // BINS_S).astype(np.int64)
            inside = place < bins
            for row, values in enumerate((None, chunk.prompt_tokens, chunk.output_tokens)):
                counts[row] += np.bincount(place[inside], None if values is None else values[inside], bins)
        return Frame.from_counts(counts, size_s)

    @staticmethod
    def from_counts(counts: FloatArray, size_s: float) -> Frame:
        """The windows of requests, prompt tokens and output tokens by minute: [3, minutes], whole windows."""
        each = int(size_s // BINS_S)
        by_window = counts.reshape(3, -1, each)
        hours = np.full(by_window.shape[1], size_s / SECONDS_PER_HOUR)
        facts = np.stack([hours, *by_window.sum(axis=2)], axis=1)
        asked = np.stack([by_window[0], by_window[1] + by_window[2]])
        rough = np.sqrt((asked**2).mean(axis=2))
        rough /= np.maximum(rough.mean(axis=1, keepdims=True), 1e-300)
        score = np.maximum(rough.mean(axis=0), _FLOOR)
        return Frame(size_s, facts, score / score.mean())


@dataclass(frozen=True)
class Chosen:
    """The windows drawn, in order of time: their numbers, weights (times that each stands in the whole trace), and chances."""

    places: IntArray
    weights: FloatArray
    chances: FloatArray
    known: FloatArray
    """[windows, columns] what weights were calibrated to, each column over its total."""


def chances_of(score: FloatArray, count: int) -> FloatArray:
    """The chance of each window when `count` are drawn: proportional to its score, at most 1; the highest scores 1."""
    count = min(count, len(score))
    chance = np.zeros(len(score))
    sure = np.zeros(len(score), bool)
    sure[np.argsort(-score, kind="stable")[: min(_SURE, count)]] = True
    while True:
        left = count - int(sure.sum())
        chance[sure] = 1.0
        if left <= 0 or sure.all():
            chance[~sure] = 0.0
            return chance
        chance[~sure] = left * score[~sure] / score[~sure].sum()
        over = ~sure & (chance >= 1.0)
        if not over.any():
            return chance
        sure |= over


def draw_windows(frame: Frame, *, budget_rows: float, most_rows: float, least_s: float, seed: int) -> Chosen:
    """As many windows as the budget of requests allows, or `least_s` seconds of them if these have at most `most_rows` requests.

    Never fewer than two beside those that are sure.
    """
    fewest = min(_SURE + 2, frame.windows)
    enough = min(max(math.ceil(least_s / frame.size_s), fewest), frame.windows)
    count = max(_count_for(frame, budget_rows), min(enough, _count_for(frame, most_rows)), fewest)
    chance = chances_of(frame.score, count)
    generator, totals = stream(seed, "futures/windows"), frame.facts.sum(axis=0)
    drawn = [systematic(chance, generator) for _ in range(_DRAWS)]
    # A sample that lies to one side of the whole cannot be calibrated: the first that can be is taken (Fuller 2009).
    tried = [(places, *calibrated(1.0 / chance[places], frame.facts[places], totals)) for places in drawn]
    places, weights, known = max(tried, key=lambda each: each[2].shape[1])
    return Chosen(places, weights, chance[places], known)


def _count_for(frame: Frame, rows: float) -> int:
    """The most windows that are expected to have at most so many requests."""
    low, high = 1, frame.windows
    while low < high:
        middle = (low + high + 1) // 2
        if float(chances_of(frame.score, middle) @ frame.facts[:, 1]) <= rows:
            low = middle
        else:
            high = middle - 1
    return low


def systematic(chance: FloatArray, generator: np.random.Generator) -> IntArray:
    """The places of a sample in which each has exactly its chance; the sum of chances is the size of the sample."""
    order = generator.permutation(len(chance))
    ends = np.cumsum(chance[order])
    size = round(float(ends[-1]))
    ends *= size / ends[-1]
    points = generator.random() + np.arange(size)
    picked = np.minimum(np.searchsorted(ends, points, side="right"), len(order) - 1)
    return np.sort(np.unique(order[picked]))


def benchmarks(facts: FloatArray, totals: FloatArray) -> FloatArray:
    """[windows, columns] what weights are calibrated to, each column over its total.

    Hours, requests, prompt tokens and output tokens; of few windows hours and the mean of the other three, so that what they differ in
    is left to be seen.
    """
    share = facts / np.maximum(totals, 1e-300)
    if len(facts) >= _ALL_FROM:
        return np.asarray(share)
    return np.stack([share[:, 0], share[:, 1:].mean(axis=1)], axis=1)


def calibrated(weights: FloatArray, facts: FloatArray, totals: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Weights times exp(benchmarks @ slope), so that what is weighted adds up to the whole, and the benchmarks; weights stay above 0.

    Columns that cannot be met together with those before them are left to be what they come to, and are not among those returned.
    """
    share = benchmarks(facts, totals)
    for columns in range(share.shape[1], 0, -1):
        found = _raked(weights, share[:, :columns])
        if found is not None:
            return found, share[:, :columns]
    return np.asarray(weights / (weights @ share[:, 0])), share[:, :1]


def _raked(weights: FloatArray, share: FloatArray) -> FloatArray | None:
    """Newton's method for the slope; None where it finds none, or only one that moves a weight by more than four times."""
    slope = np.zeros(share.shape[1])
    scaled = share * len(share)  # of the size of 1
    wanted = np.full(share.shape[1], float(len(share)))
    for _ in range(_ROUNDS):
        moved = weights * np.exp(np.clip(scaled @ slope, -20.0, 20.0))
        off = wanted - moved @ scaled
        if np.abs(off).max() < 1e-10 * len(share):
            factor = moved / weights
            return moved if factor.max() <= 4.0 and factor.min() >= 0.25 else None
        step = np.linalg.lstsq((scaled * moved[:, None]).T @ scaled, off, rcond=1e-12)[0]
        slope = slope + step * min(1.0, 2.0 / max(float(np.abs(scaled @ step).max()), 1e-300))
    return None
