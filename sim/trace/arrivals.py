"""When requests arrive: point processes on a clock that runs with the rate.

A client's rate is its mean x the shape of the day and week x its bursts: constant on each piece of a fine grid, so the expected number
of requests up to t is piecewise linear and is inverted exactly. Poisson, Gamma and Weibull renewals of unit rate are laid on that clock.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sim.errors import InputError
from sim.sampling import Distribution, Exponential, Gamma, Weibull
from sim.trace.columns import Floats
from sim.trace.recipe import Arrivals, Bursts, Renewal, Shape
from sim.units import SECONDS_PER_DAY, SECONDS_PER_HOUR

GRID_S = 60.0
MONDAY_FIRST = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


@dataclass(frozen=True)
class Clock:
    """A rate that is `rate[i]` from `edges[i]` to `edges[i + 1]`, in requests a second."""

    edges: Floats
    rate: Floats

    def times(self, counts: Floats) -> Floats:
        """The times at which the expected number of requests since the first edge reaches the given ones."""
        expected = np.concatenate([[0.0], np.cumsum(self.rate * np.diff(self.edges))])
        grows = np.diff(expected) > 0
        # Nothing is sent while the rate is zero: such a time begins at one edge and ends at another, with the same number expected.
        keep = np.concatenate([grows, [False]]) | np.concatenate([[False], grows])
        return np.asarray(np.interp(counts, expected[keep], self.edges[keep]))

    @property
    def total(self) -> float:
        """The expected number of requests."""
        return float(np.dot(self.rate, np.diff(self.edges)))


def shape_at(shape: Shape | None, start: str, times: Floats) -> Floats:
    """The relative rate at times in seconds from the midnight that the trace begins with."""
    value = np.ones(len(times))
    if shape is None:
        return value
    if shape.hourly is not None:
        middles = (np.arange(-1, 25) + 0.5) * SECONDS_PER_HOUR
        hourly = np.asarray(shape.hourly)
        value = value * np.interp(times % SECONDS_PER_DAY, middles, np.concatenate([hourly[-1:], hourly, hourly[:1]]))
    if shape.weekly is not None:
        day = (times // SECONDS_PER_DAY).astype(int) + MONDAY_FIRST.index(start)
        value = value * np.asarray(shape.weekly)[day % 7]
    return value


def bursts(process: Bursts, start_s: float, end_s: float, generator: np.random.Generator) -> tuple[Floats, Floats]:
    """The edges and levels of a stationary two-level rate of mean one."""
    cycle = process.burst_s + process.gap_s
    share = process.burst_s / cycle
    low = 1 / (1 - share + share * process.ratio)
    inside = generator.random() < share
    edges, levels = [start_s], []
    # One exponential gap at a time would be slow for a year of second-long bursts, so they are drawn in pairs by the thousand.
    while edges[-1] < end_s:
        number = 2 * (int((end_s - edges[-1]) / cycle) + 8)
        means = np.where((np.arange(number) % 2 == 0) == inside, process.burst_s, process.gap_s)
        gaps = generator.standard_exponential(number) * means
        edges.extend((edges[-1] + np.cumsum(gaps)).tolist())
        levels.extend(np.where((np.arange(number) % 2 == 0) == inside, low * process.ratio, low).tolist())
    return np.asarray(edges), np.asarray(levels)


def clock_of(shape: Shape | None, start: str, start_s: float, end_s: float) -> Clock:
    """The clock of a rate of one request a second on average over 0 to `end_s`; InputError when the shape is zero there."""
    edges = np.arange(np.floor(start_s / GRID_S), np.ceil(end_s / GRID_S) + 1) * GRID_S
    edges = np.clip(edges, start_s, end_s)
    middles = (edges[1:] + edges[:-1]) / 2
    values = shape_at(shape, start, middles)
    counted = middles > 0
    widths = np.diff(edges)
    mean = np.dot(values[counted], widths[counted]) / widths[counted].sum()
    if mean <= 0:
        raise InputError(f"the shape is zero during all of the {end_s:g} s from {start} on; a rate above 0 is needed")
    return Clock(edges, values / mean)


def modulated(clock: Clock, levels: tuple[Floats, Floats] | None) -> Clock:
    """A clock whose rate is multiplied by the levels of bursts."""
    if levels is None:
        return clock
    switches, level = levels
    inner = switches[(switches > clock.edges[0]) & (switches < clock.edges[-1])]
    edges = np.union1d(clock.edges, inner)
    middles = (edges[1:] + edges[:-1]) / 2
    rate = clock.rate[np.clip(np.searchsorted(clock.edges, middles) - 1, 0, len(clock.rate) - 1)]
    return Clock(edges, rate * level[np.searchsorted(switches, middles) - 1])


def unit_counts(process: Arrivals, total: float, generator: np.random.Generator) -> Floats:
    """The points up to `total` of a stationary renewal process of rate one."""
    law: Distribution = Exponential(1.0)
    lead = 0.0
    if isinstance(process, Renewal):
        law = Gamma(1.0, process.cv) if process.process == "gamma" else Weibull(1.0, process.cv)
        # The first gap of a stationary process is not like the others: start well before, and forget the beginning.
        lead = 20.0 * (1.0 + process.cv**2)
    points = np.zeros(0)
    last = -lead
    while last <= total:
        missing = total - last
        number = int(missing + 4 * (1 + law.cv) * np.sqrt(missing) + 16)
        more = last + np.cumsum(law.sample(generator, number))
        points = np.concatenate([points, more])
        last = float(points[-1])
    return points[(points > 0) & (points <= total)]


def arrival_times(process: Arrivals, clock: Clock, rate: float, generator: np.random.Generator) -> Floats:
    """The arrival times, ascending, of a source that sends `rate` times what its clock says."""
    return clock.times(unit_counts(process, clock.total * rate, generator) / rate)
