"""Service levels of every month of every future, and how far one sample of traffic can be trusted for them.

A month's requests are the weighted counts of the blocks of the mean day. The trace is one sample of what could have come: another would
have had its bursts elsewhere. So every future weighs the blocks anew (a Bayesian bootstrap: gamma weights, normalised within hours of the
day, so that the daily pattern stays), and every month of its days once more, with the variance of a mean over so many days.

Of n blocks exponential weights would spread too little: a variance over n in place of n - 1, and once more. Gamma weights of shape a have
the variance (n - 1)/(a·n + 1) after they are normalised; a = (n - 2)/n makes that 1, with which the sum of the blocks varies by the
unbiased estimate of its variance. That estimate rests on few blocks in which something happened, so that every future takes another one
that it might be, as Student's t does, with the degrees of freedom that their fourth moments tell (Satterthwaite 1946).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from sim.engine.result import HIST_BUCKETS, HIST_GROWTH, HIST_MIN_S
from sim.futures.calendar import Calendar
from sim.futures.combine import Part, Source, month_amounts
from sim.futures.forecast import SloForecast
from sim.futures.usage import ALL, SLO_ITEMS, UsageLayout, ratio
from sim.sampling import stream
from sim.stack.schema import Slo

FloatArray = npt.NDArray[np.float64]

_QUANTILES = ((0, 0.95), (0, 0.99), (1, 0.95))
"""(row of the histogram, quantile) of SloForecast's latencies."""
_LEVEL = 0.95
_LEAST_SHAPE = 0.05
"""Of gamma weights: below it all but one of an hour vanish, and nothing is spread further."""
_LEAST_DOF = 3.0
"""With fewer degrees of freedom a variance has none itself."""
_AT_A_TIME = 2_000_000
"""Counts of histograms held at a time."""


def block_weights(
    blocks: int, strata: npt.NDArray[np.int64], calendar: Calendar, futures: int, seed: int, replication: int, dof: float = math.inf
) -> FloatArray:
    """[F, M, NB] weights of the blocks, 1 in the mean: of the future, times those of its months.

    `dof` are the degrees of freedom with which the variance of the blocks is known (`sample_dof`).
    """
    generator = stream(seed, "futures/sample/blocks", replication)
    alike = np.bincount(strata)[strata]
    variance = np.ones(futures) if math.isinf(dof) else dof / generator.chisquare(dof, futures)
    shape = ((alike - 1) / variance[:, None] - 1) / alike
    own = _within(generator.standard_gamma(np.maximum(shape, _LEAST_SHAPE)), strata)
    days = calendar.days.astype(float)[None, :, None]
    # In place: of a long trace, these are the largest arrays of a forecast.
    weight = generator.standard_gamma(np.broadcast_to(days, (futures, calendar.months, blocks)))
    weight /= days
    weight *= own[:, None, :]
    return weight


def sample_dof(source: Source) -> float:
    """Degrees of freedom with which the blocks of a source say how much the share of good requests varies; at least 3.

    What a block adds to the share's error is e = met - share·held. With n blocks the sum of e² is known like a mean square of
    2/(sum of e⁴ / (sum of e²)² - 1/n) normal values.
    """
    table = np.tensordot(source.plain.sum(axis=0), source.blocks, 1)
    held, met = table[:, 0], table[:, len(SLO_ITEMS) - 1]
    square = (met - held * (met.sum() / max(held.sum(), 1e-300))) ** 2
    excess = float((square**2).sum()) / max(float(square.sum()) ** 2, 1e-300) - 1.0 / len(square)
    return max(2.0 / excess, _LEAST_DOF) if excess > 0 and square.sum() > 1e-12 * held.sum() ** 2 else math.inf


def _within(weight: FloatArray, strata: npt.NDArray[np.int64]) -> FloatArray:
    """Weights [F, NB] with the mean 1 within every stratum."""
    sums = np.zeros((len(weight), int(strata.max()) + 1))
    for stratum in range(sums.shape[1]):
        sums[:, stratum] = weight[:, strata == stratum].mean(axis=1)
    return np.asarray(weight / sums[:, strata], np.float64)


def service_levels(
    sources: Sequence[Source], library: Part | None, usage: FloatArray, layout: UsageLayout, slo: Slo, weights: FloatArray | None
) -> SloForecast:
    """The levels of [F, M]: `sources` are the cells, `library` what incidents add, `usage` [F, M, I] the amounts of the months.

    `weights` [F, M, NB] are those of `block_weights`; None where the trace is taken for all there is (an outlook without spread).
    """
    futures, months = usage.shape[:2]
    counts, weighed = (each.reshape(futures, months, -1) for each in _counts(sources, futures * months, weights))
    columns = [layout.at(ALL, item) for item in SLO_ITEMS]
    extra = np.zeros((futures, months, len(columns)))
    if library is not None:
        extra = month_amounts([library], sources[0].calendar, columns)
    whole = counts + extra
    counts = np.maximum(weighed + extra, 0.0)
    held, completed_held, ttft_ok, tpot_n, tpot_ok, met = (counts[:, :, k] for k in range(len(SLO_ITEMS)))
    requests, completed = usage[:, :, layout.at(ALL, "requests")], usage[:, :, layout.at(ALL, "completed")]
    lost = 1.0 - ratio(completed, requests)
    if weights is not None:
        # What was lost of the requests held to the levels depends on the sample as they do.
        before = 1.0 - ratio(whole[:, :, 1], whole[:, :, 0])
        after = 1.0 - ratio(completed_held, held)
        lost = np.where(before > 1e-12, lost * after / np.maximum(before, 1e-12), lost)
    completed_share = np.clip(1.0 - lost, 0.0, 1.0)
    shares = (ratio(ttft_ok, completed_held), ratio(tpot_ok, tpot_n))
    met_all = completed_share >= slo.completed
    for share in shares:
        met_all &= ~(share < _LEVEL - 1e-12)  # what no request shows (NaN) is met
    quantiles = _latencies([*sources, *([library] if library is not None else [])], futures * months)
    return SloForecast(
        good_share=np.minimum(ratio(met, held), 1.0),
        completed_share=completed_share,
        ttft_p95_s=quantiles[0].reshape(futures, months),
        ttft_p99_s=quantiles[1].reshape(futures, months),
        tpot_p95_s=quantiles[2].reshape(futures, months),
        met=met_all & (completed > 0),
    )


def _counts(sources: Sequence[Source], rows: int, weights: FloatArray | None) -> tuple[FloatArray, FloatArray]:
    """[rows, 6] SLO_ITEMS of every month of every future, as they are and with their blocks weighed; a part of the months at a time."""
    blocks, items = sources[0].blocks.shape[1:]
    plain, weighed = np.zeros((rows, items)), np.zeros((rows, items))
    step = max(1, _AT_A_TIME // (blocks * items))
    for start in range(0, rows, step):
        some = slice(start, min(start + step, rows))
        by_block = np.zeros((some.stop - some.start, blocks * items))
        for source in sources:
            by_block += source.plain[some] @ source.blocks.reshape(len(source.blocks), -1)
        by_block = by_block.reshape(-1, blocks, items)
        plain[some] = by_block.sum(axis=1)
        weighed[some] = plain[some] if weights is None else np.einsum("rb,rbi->ri", weights.reshape(rows, blocks)[some], by_block)
    return plain, weighed


def _latencies(parts: Sequence[Part], rows: int) -> FloatArray:
    """[len(_QUANTILES), rows] quantiles in seconds of the months' histograms, a part of the months at a time."""
    used = np.zeros(HIST_BUCKETS)
    for part in parts:
        if part.histogram.size:
            used += np.abs(part.histogram).sum(axis=(0, 1))
    seen = np.flatnonzero(used)
    found = np.full((len(_QUANTILES), rows), np.nan)
    if not len(seen):
        return found
    low, high = int(seen[0]), int(seen[-1]) + 1
    middle = np.array([_middle_s(bucket) for bucket in range(low, high)])
    step = max(1, _AT_A_TIME // (high - low))
    for metric in sorted({metric for metric, _ in _QUANTILES}):
        for start in range(0, rows, step):
            some = slice(start, min(start + step, rows))
            counts = np.zeros((some.stop - some.start, high - low))
            for part in parts:
                if part.histogram.size:
                    counts += np.asarray(part.plain[some] @ part.histogram[:, metric, low:high])
            total = np.cumsum(np.maximum(counts, 0.0), axis=1)
            for k, (of, q) in enumerate(_QUANTILES):
                if of == metric:
                    rank = q * total[:, -1:]
                    bucket = np.minimum((total < rank).sum(axis=1), high - low - 1)
                    found[k, some] = np.where(total[:, -1] > 0, middle[bucket], np.nan)
    return found


def _middle_s(bucket: int) -> float:
    """The geometric middle of a latency bucket in seconds."""
    return HIST_MIN_S / 2 if bucket == 0 else HIST_MIN_S * HIST_GROWTH ** (min(bucket, HIST_BUCKETS - 1) - 0.5)
