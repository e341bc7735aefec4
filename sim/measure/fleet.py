"""Replicas over time, read off their lives: how many were ready, at least, at most, on average, and along the run."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from sim.engine.result import Life


@dataclass(frozen=True, slots=True)
class Fleet:
    """Ready replicas of one pool over a window: extremes, and their mean in equal parts of it."""

    least: int
    most: int
    present_most: int
    """Provisioned at once, starting ones included."""
    parts: tuple[float, ...]


def _steps(spans: Iterable[tuple[float, float]], window_s: float) -> list[tuple[float, int]]:
    """(time, count from then on) over a window, from 0 on; spans that touch do not make a gap."""
    change: dict[float, int] = {}
    for start, end in spans:
        start, end = max(start, 0.0), min(end, window_s)
        if end > start:
            change[start] = change.get(start, 0) + 1
            change[end] = change.get(end, 0) - 1
    steps, count = [], 0
    for at in sorted({0.0, *change}):
        count += change.get(at, 0)
        if at < window_s:
            steps.append((at, count))
    return steps


def fleet(lives: Iterable[Life], deployment: int, window_s: float, parts: int = 48) -> Fleet:
    """The replicas of one deployment over a window of seconds; nothing at all for a window without length."""
    own = [life for life in lives if life.deployment == deployment]
    if window_s <= 0:
        return Fleet(0, 0, 0, ())
    ready = _steps(((life.ready_s, life.end_s) for life in own if not math.isnan(life.ready_s)), window_s)
    present = _steps(((life.start_s, life.end_s) for life in own), window_s)
    counts = [count for _, count in ready]
    return Fleet(min(counts), max(counts), max(count for _, count in present), _means(ready, window_s, parts))


def _means(steps: list[tuple[float, int]], window_s: float, parts: int) -> tuple[float, ...]:
    length = window_s / parts
    sums = [0.0] * parts
    ends = [at for at, _ in steps[1:]] + [window_s]
    for (start, count), end in zip(steps, ends, strict=True):
        if not count:
            continue
        for part in range(min(parts - 1, int(start / length)), min(parts - 1, int(end / length)) + 1):
            overlap = min(end, (part + 1) * length) - max(start, part * length)
            sums[part] += count * max(overlap, 0.0)
    return tuple(value / length for value in sums)
