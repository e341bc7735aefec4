"""What a trace is like: its rate and burstiness, its lengths, who sends it. One streaming pass; memory does not grow with the rows.

Index of dispersion (IDC) is variance over mean of the requests counted in bins of 1, 10 and 60 s (whole bins only; 1 for Poisson).
Quantiles are exact, interpolated between order statistics, from counts of each length.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from sim.trace.closed_loop import ClosedLoop
from sim.trace.columns import Floats, Ints, TraceChunk
from sim.trace.trace import Trace

BINS_S = (1.0, 10.0, 60.0)
PLOT_BINS = 288
_DENSE = 1 << 18


@dataclass(frozen=True)
class Lengths:
    """Mean and quantiles of a token count."""

    mean: float
    p50: float
    p95: float
    p99: float
    max: float
    total: int


@dataclass(frozen=True)
class ClassShare:
    """One request class: its requests and mean lengths."""

    name: str
    requests: int
    prompt_tokens_mean: float
    output_tokens_mean: float


@dataclass(frozen=True)
class Description:
    """The statistics of a trace; times in seconds, rates in requests a second. None (a rate: NaN) where a figure has no meaning."""

    rows: int
    duration_s: float
    rate_per_s: float
    peak_minute_per_s: float
    peak_to_mean: float
    cv_gap: float | None
    idc: dict[str, float | None]
    prompt_tokens: Lengths
    output_tokens: Lengths
    log_correlation: float | None
    classes: tuple[ClassShare, ...]
    clients: int
    top_clients_share: dict[str, float]
    """Share of the requests from the 1 and 10 heaviest clients, and from the heaviest hundredth of them."""
    top_clients_token_share: dict[str, float]
    sessions: int
    requests_per_session: float | None
    prefix_block_rows: int
    rate_series_per_s: tuple[float, ...]
    """The rate in equal parts of the duration."""
    notes: tuple[str, ...]
    closed_loop: ClosedLoop | None = None
    """The clients that send the requests; they have no rate of their own then."""


@dataclass
class _Binned:
    """Sum and sum of squares of the counts in bins of one width, carrying the bin that is still open."""

    width_s: float
    bins: int
    open_bin: int = 0
    open_count: int = 0
    total: int = 0
    squares: float = 0.0
    peak: int = 0

    def add(self, times: Floats) -> None:
        places = np.floor(times / self.width_s).astype(np.int64)
        starts = np.concatenate([[0], np.flatnonzero(np.diff(places)) + 1])
        counts = np.diff(np.concatenate([starts, [len(places)]]))
        bins = places[starts]
        if bins[0] == self.open_bin:
            counts[0] += self.open_count
        else:
            self._close(np.array([self.open_bin]), np.array([self.open_count]))
        self._close(bins[:-1], counts[:-1])
        self.open_bin, self.open_count = int(bins[-1]), int(counts[-1])

    def _close(self, bins: Ints, counts: Ints) -> None:
        self.peak = max(self.peak, int(counts.max(initial=0)))
        whole = counts[bins < self.bins]
        self.total += int(whole.sum())
        self.squares += float(np.square(whole.astype(float)).sum())

    def idc(self) -> float | None:
        self._close(np.array([self.open_bin]), np.array([self.open_count]))
        self.open_count = 0
        if self.bins < 2 or self.total == 0:
            return None
        mean = self.total / self.bins
        return (self.squares / self.bins - mean**2) / mean


@dataclass
class _Counted:
    """How often each length occurs."""

    dense: Ints = field(default_factory=lambda: np.zeros(_DENSE, np.int64))
    long: dict[int, int] = field(default_factory=dict)

    def add(self, lengths: Ints) -> None:
        short = lengths < _DENSE
        self.dense += np.bincount(lengths[short], minlength=_DENSE)
        values, counts = np.unique(lengths[~short], return_counts=True)
        for value, count in zip(values.tolist(), counts.tolist(), strict=True):
            self.long[value] = self.long.get(value, 0) + count

    def lengths(self) -> Lengths:
        longs = sorted(self.long)
        values = np.concatenate([np.arange(_DENSE), np.array(longs, np.int64)])
        counts = np.concatenate([self.dense, np.array([self.long[value] for value in longs], np.int64)])
        upto = np.cumsum(counts)
        rows = int(upto[-1])

        def quantile(p: float) -> float:
            place = p * (rows - 1)
            below, above = (float(values[np.searchsorted(upto, k + 1)]) for k in (math.floor(place), math.ceil(place)))
            return below + (above - below) * (place - math.floor(place))

        total = int(np.dot(values, counts))
        return Lengths(total / rows, quantile(0.5), quantile(0.95), quantile(0.99), quantile(1.0), total)


@dataclass
class _Logs:
    """Sums for the correlation of the logarithms of prompt and output."""

    sums: Floats = field(default_factory=lambda: np.zeros(6))

    def add(self, chunk: TraceChunk) -> None:
        x, y = np.log(chunk.prompt_tokens), np.log(chunk.output_tokens)
        self.sums += np.array([len(x), x.sum(), y.sum(), x @ x, y @ y, x @ y])

    def correlation(self) -> float | None:
        n, x, y, xx, yy, xy = self.sums
        spread = (n * xx - x * x) * (n * yy - y * y)
        return float((n * xy - x * y) / math.sqrt(spread)) if spread > 1e-9 * n * n else None


def describe(trace: Trace) -> Description:
    """The statistics of a trace in one pass over it."""
    info = trace.info
    loop = trace.closed_loop
    duration_s = info.duration_s if loop is None else 0.0
    binned = [_Binned(width, int(duration_s // width)) for width in BINS_S]
    prompt, output, logs = _Counted(), _Counted(), _Logs()
    series = np.zeros(PLOT_BINS, np.int64)
    by_class = np.zeros((len(trace.classes), 3), np.int64)
    by_client = np.zeros((len(trace.clients) + 1, 2), np.int64)
    gaps, last, with_blocks, in_session = np.zeros(3), 0.0, 0, 0
    for chunk in trace.chunks(262_144):
        for bins in binned:
            bins.add(chunk.arrival_s)
        gap = np.diff(chunk.arrival_s, prepend=last) if chunk.first_row else np.diff(chunk.arrival_s)
        gaps += np.array([len(gap), gap.sum(), gap @ gap])
        last = float(chunk.arrival_s[-1])
        prompt.add(chunk.prompt_tokens)
        output.add(chunk.output_tokens)
        logs.add(chunk)
        if duration_s > 0:
            places = np.minimum((chunk.arrival_s * (PLOT_BINS / duration_s)).astype(int), PLOT_BINS - 1)
            series += np.bincount(places, minlength=PLOT_BINS)
        tokens = chunk.prompt_tokens + chunk.output_tokens
        for column, weights in enumerate((None, chunk.prompt_tokens, chunk.output_tokens)):
            by_class[:, column] += _sums(chunk.class_id, weights, len(by_class))
        for column, weights in enumerate((None, tokens)):
            by_client[:, column] += _sums(chunk.client_id + 1, weights, len(by_client))
        with_blocks += int(np.count_nonzero(np.diff(chunk.block_offsets)))
        in_session += int(np.count_nonzero(chunk.session_id >= 0))
    idc = {f"{bins.width_s:g}s": bins.idc() for bins in binned} if loop is None else {}
    rate = info.rows / duration_s if duration_s > 0 else math.nan
    # Minutes are counted from the start: of a trace of few the last one, cut short, can hold more than its share.
    peak = max(binned[-1].peak / min(BINS_S[-1], duration_s), rate) if duration_s > 0 else math.nan
    return Description(
        rows=info.rows,
        duration_s=duration_s,
        rate_per_s=rate,
        peak_minute_per_s=peak,
        peak_to_mean=peak / rate,
        cv_gap=_cv(gaps) if loop is None else None,
        idc=idc,
        prompt_tokens=prompt.lengths(),
        output_tokens=output.lengths(),
        log_correlation=logs.correlation(),
        classes=tuple(
            ClassShare(name, int(n), float(p / n), float(o / n)) for name, (n, p, o) in zip(trace.classes, by_class, strict=True) if n
        ),
        clients=len(trace.clients),
        top_clients_share=_top(by_client[1:, 0]),
        top_clients_token_share=_top(by_client[1:, 1]),
        sessions=info.sessions,
        requests_per_session=in_session / info.sessions if info.sessions else None,
        prefix_block_rows=with_blocks,
        rate_series_per_s=tuple((series * (PLOT_BINS / duration_s)).tolist()) if duration_s > 0 else (),
        notes=info.notes,
        closed_loop=loop,
    )


def _sums(places: Any, weights: Ints | None, size: int) -> Ints:
    """Sums of whole weights by place; exact, as floats hold whole numbers up to 2^53."""
    return np.bincount(places, weights, minlength=size).astype(np.int64)


def _cv(gaps: Floats) -> float | None:
    number, total, squares = gaps
    if number < 2 or total <= 0:
        return None
    mean = total / number
    return float(math.sqrt(max(squares / number - mean**2, 0.0)) / mean)


def _top(counts: Ints) -> dict[str, float]:
    total = int(counts.sum())
    if not total:
        return {}
    descending = np.sort(counts)[::-1]
    hundredth = math.ceil(len(counts) / 100)
    return {name: float(descending[:k].sum() / total) for name, k in (("top_1", 1), ("top_10", 10), ("top_1_percent", hundredth))}
