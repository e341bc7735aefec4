"""Gaps between tokens of a simulated run, as quantiles over all gaps: read off when each request got its first and its last token.

The engine keeps no time of single tokens. Between two moments at which a request gets its first token, or its last, the same sequences
decode: their gaps are steps of decodes only, at the context of that time, and before a first token the steps that also compute prompts,
one for each `budget` of prompt tokens. An approximation: what a chunk of another prompt adds to a step is counted where that prompt ends.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim.profile.step import StepCoefficients

Floats = NDArray[np.float64]

_PARTS = 8
"""A stretch of decoding is looked at in so many parts, as its context grows."""


@dataclass(frozen=True)
class Finished:
    """Requests that completed, one entry each: seconds of their first and last token, and tokens."""

    first_s: Floats
    last_s: Floats
    prompt_tokens: Floats
    output_tokens: Floats


def gap_quantiles(done: Finished, step: StepCoefficients, *, budget: int, probabilities: list[float]) -> list[float]:
    """Seconds that so many of all gaps stay below; an empty list where no request has more than one token."""
    times, place = np.unique(np.concatenate([done.first_s, done.last_s]), return_inverse=True)
    starts, ends = place[: len(done.first_s)], place[len(done.first_s) :]
    several = np.asarray(done.output_tokens > 1, np.float64)
    if not several.any() or len(times) < 2:
        return []
    rate = (done.output_tokens - 1.0) / np.where(several > 0, done.last_s - done.first_s, 1.0)

    def after(amount: Floats) -> Floats:
        """The sum over the requests that decode after each of the times, the last one excepted."""
        change = np.bincount(starts, amount, len(times)) - np.bincount(ends, amount, len(times))
        return np.asarray(np.cumsum(change)[:-1])

    def begin(amount: Floats) -> Floats:
        """The sum over the requests whose first token comes at the end of each stretch."""
        return np.asarray(np.bincount(starts, amount, len(times))[1:], np.float64)

    decoding = np.round(after(several))
    context, context_per_s = after(several * (done.prompt_tokens + 1.0 - rate * done.first_s)), after(several * rate)

    def gap(tokens: Floats, sequences: Floats, at_s: Floats) -> Floats:
        return step.c_s + g_of(step, tokens) + step.o_s * sequences + step.f_s * (context + context_per_s * at_s)

    duration = np.diff(times)
    prompts, beginners = begin(done.prompt_tokens), begin(np.ones(len(starts)))
    pair_s = step.h_s * begin(done.prompt_tokens**2 / 2.0) / np.maximum(prompts, 1.0)
    room = np.maximum(budget - decoding, 1.0)
    full_steps = np.floor(prompts / room)
    rest = prompts - full_steps * room
    full = gap(room + decoding, decoding + 1.0, times[1:]) + pair_s * room
    last = np.where(rest > 0, gap(rest + decoding, decoding + beginners, times[1:]) + pair_s * rest, 0.0)
    with_prompts = np.minimum(duration, full_steps * full + last)
    gaps, weights = [full, last], [full_steps * decoding, (rest > 0) * decoding]
    for part in range(_PARTS):
        decodes_only = gap(decoding, decoding, times[:-1] + (duration - with_prompts) * (part + 0.5) / _PARTS)
        gaps.append(decodes_only)
        weights.append((duration - with_prompts) / _PARTS / decodes_only * decoding)
    return _weighted(np.concatenate(gaps), np.concatenate(weights), probabilities)


def g_of(step: StepCoefficients, tokens: Floats) -> Floats:
    """`StepCoefficients.g` of many steps at once, in seconds."""
    x, y = np.asarray(step.g_tokens), np.asarray(step.g_s)
    found = np.interp(tokens, x, y)
    if len(x) > 1:
        found = found + np.maximum(tokens - x[-1], 0.0) * (y[-1] - y[-2]) / (x[-1] - x[-2])
    return np.asarray(found)


def _weighted(values: Floats, weights: Floats, probabilities: list[float]) -> list[float]:
    """Quantiles of weighted values: the least value with so much of the weight at or below it."""
    order = np.argsort(values, kind="stable")
    below = np.cumsum(weights[order])
    at = np.searchsorted(below, np.asarray(probabilities) * below[-1] * (1.0 - 1e-12))
    return [float(value) for value in values[order][np.minimum(at, len(values) - 1)]]
