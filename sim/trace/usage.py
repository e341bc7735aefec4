"""Totals an hour, a day or a month, and traces made from nothing more: every total is kept exactly, the arrivals are assumed.

A recipe lends its shape: when requests come inside a bucket, and how their lengths differ. Numbers of requests, prompt, output and
cached tokens of each bucket, class and client are those of the file.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np

from sim.catalog.places import shown
from sim.errors import InputError
from sim.sampling import stream
from sim.trace.arrivals import MONDAY_FIRST
from sim.trace.columns import Floats, Ints
from sim.trace.recipe import Recipe
from sim.trace.synthesise import synthesise_table
from sim.trace.trace import Trace, arrow_table, from_table
from sim.trace.write import metadata_of
from sim.units import SECONDS_PER_DAY

_JITTER_S = 5.0
_LEAST_PATTERN = 2000
_LATEST_S = 1e11
_MOST_TOTAL = 10**17
"""Tokens of one bucket that are still shared out exactly; no one has sold as many."""
MOST_REQUESTS = 20_000_000
MOST_DAYS = 400


@dataclass(frozen=True)
class Bucket:
    """Totals of one class and client from `start_s` to `end_s` (Unix seconds); `requests` is None where the source does not count them."""

    start_s: float
    end_s: float
    prompt_tokens: int
    output_tokens: int
    cached_tokens: int | None = None
    requests: int | None = None
    class_: str = "default"
    client: str | None = None


@dataclass(frozen=True)
class Usage:
    """The totals of a file, and what was noted on reading."""

    name: str
    buckets: tuple[Bucket, ...]
    notes: tuple[str, ...] = ()


def merged(buckets: list[Bucket]) -> tuple[Bucket, ...]:
    """Buckets of the same time, class and client (finer groups of the source) as one."""
    sums: dict[tuple[float, float, str, str | None], Bucket] = {}
    for bucket in buckets:
        key = (bucket.start_s, bucket.end_s, bucket.class_, bucket.client)
        before = sums.get(key)
        if before is None:
            sums[key] = bucket
            continue
        sums[key] = Bucket(
            bucket.start_s,
            bucket.end_s,
            before.prompt_tokens + bucket.prompt_tokens,
            before.output_tokens + bucket.output_tokens,
            _sum(before.cached_tokens, bucket.cached_tokens),
            _sum(before.requests, bucket.requests),
            bucket.class_,
            bucket.client,
        )
    return tuple(sums.values())


def _sum(one: int | None, other: int | None) -> int | None:
    return one if other is None else other if one is None else one + other


def from_usage(usage: Usage, shape: Recipe, shape_name: str, *, seed: int | None = None, mean_prompt_tokens: float | None = None) -> Trace:
    """A trace whose totals are those of the usage, bucket by bucket; its notes say what is assumed.

    Where requests are not counted, their number is prompt tokens over `mean_prompt_tokens`, by default the mean of the shape.
    Raises InputError when buckets of one class and client overlap, or nothing is left.
    """
    import pyarrow as pa

    if shape.closed_loop is not None:
        raise InputError(f"--shape: {shape_name} is a closed loop, which has no rate to lend; take a recipe with requests_per_s")
    seed = shape.seed if seed is None else seed
    buckets = sorted((b for b in usage.buckets if b.prompt_tokens or b.output_tokens or b.requests), key=lambda b: (b.start_s, b.end_s))
    _check(usage, buckets)
    begin, end = min(b.start_s for b in usage.buckets), max(b.end_s for b in usage.buckets)
    if end - begin > MOST_DAYS * SECONDS_PER_DAY or not 0 <= begin < end < _LATEST_S:
        raise InputError(f"{usage.name}: from {begin:.0f} to {end:.0f} (Unix seconds); at most {MOST_DAYS} days are read at once")
    midnight = np.floor(begin / SECONDS_PER_DAY) * SECONDS_PER_DAY
    pattern_mean = _pattern(shape, midnight, end, float(_LEAST_PATTERN), seed).column("prompt_tokens").to_numpy().mean()
    mean_prompt = mean_prompt_tokens or float(pattern_mean)
    counts = [_requests(bucket, mean_prompt) for bucket in buckets]
    if not sum(counts):
        raise InputError(f"{usage.name}: no bucket has requests with prompt and output tokens")
    if sum(counts) > MOST_REQUESTS:
        raise InputError(f"{usage.name}: {sum(counts):,} requests; at most {MOST_REQUESTS:,} are made at once: take a shorter part")
    pattern = _pattern(shape, midnight, end, float(max(sum(counts), _LEAST_PATTERN)), seed)
    times = pattern.column("arrival_s").to_numpy() + midnight
    prompts, outputs = (pattern.column(c).to_numpy().astype(float) for c in ("prompt_tokens", "output_tokens"))
    generator = stream(seed, "usage")
    parts: list[dict[str, Any]] = []
    for bucket, number in zip(buckets, counts, strict=True):
        if number:
            rows, at = _placed(times, bucket, number, generator)
            parts.append({"at": at, "bucket": bucket, **_exact(bucket, prompts[rows], outputs[rows])})
    columns: dict[str, Any] = {"arrival_s": np.concatenate([part["at"] for part in parts]) - begin}
    for name in ("prompt_tokens", "output_tokens"):
        columns[name] = np.concatenate([part[name] for part in parts])
    lengths = [len(part["at"]) for part in parts]
    columns["class"] = pa.array([b.class_ for b in (part["bucket"] for part in parts)]).take(_repeat(lengths))
    if any(bucket.client is not None for bucket in buckets):
        columns["client_id"] = pa.array([part["bucket"].client for part in parts], pa.string()).take(_repeat(lengths))
    if any(bucket.cached_tokens is not None for bucket in buckets):
        cached = np.concatenate([part["cached_tokens"] for part in parts])
        columns["cached_tokens"] = pa.array(cached, mask=cached < 0)
    table = arrow_table(columns)
    order = np.argsort(columns["arrival_s"], kind="stable")
    notes = [*usage.notes, *_notes(buckets, counts, shape_name, mean_prompt)]
    start = datetime.fromtimestamp(begin, UTC).isoformat().replace("+00:00", "Z")
    metadata = metadata_of(duration_s=end - begin, notes=notes, facts={"sim.start_utc": start, "sim.arrivals": "assumed"})
    return from_table(table.take(order).replace_schema_metadata(metadata), usage.name)


def _check(usage: Usage, buckets: Sequence[Bucket]) -> None:
    if not buckets:
        raise InputError(f"{usage.name}: no bucket with any requests or tokens")
    problems = []
    last: dict[tuple[str, str | None], float] = {}
    for bucket in buckets:
        if not (0 <= bucket.start_s < _LATEST_S and 0 <= bucket.end_s < _LATEST_S):
            problems.append(
                f"{usage.name}: found a bucket from {bucket.start_s:g} to {bucket.end_s:g} (Unix seconds); times of our days are needed"
            )
            continue
        place = datetime.fromtimestamp(bucket.start_s, UTC).isoformat()
        values = (bucket.prompt_tokens, bucket.output_tokens, bucket.cached_tokens or 0, bucket.requests or 0)
        if max(values) > _MOST_TOTAL:
            problems.append(f"{usage.name}: bucket {place}: found {shown(max(values))}; at most {_MOST_TOTAL:.0e} are read")
        if min(values) < 0 or bucket.end_s <= bucket.start_s:
            problems.append(f"{usage.name}: bucket {place}: found a negative total or an end before its start")
        if bucket.cached_tokens is not None and bucket.cached_tokens > bucket.prompt_tokens:
            problems.append(f"{usage.name}: bucket {place}: {bucket.cached_tokens:,} cached of {bucket.prompt_tokens:,} prompt tokens")
        key = (bucket.class_, bucket.client)
        if bucket.start_s < last.get(key, -np.inf):
            problems.append(f"{usage.name}: bucket {place}: overlaps the one before it of the same class and client")
        last[key] = bucket.end_s
    if problems:
        raise InputError("\n".join(problems[:20]))


def _requests(bucket: Bucket, mean_prompt: float) -> int:
    """How many requests a bucket becomes: each needs a prompt and an output token."""
    given = bucket.requests if bucket.requests is not None else max(1, round(bucket.prompt_tokens / mean_prompt))
    return min(given, bucket.prompt_tokens, bucket.output_tokens)


def _pattern(shape: Recipe, midnight: float, end: float, requests: float, seed: int) -> Any:
    """About so many requests of the recipe's traffic from a midnight on, in the shape of its weekdays."""
    duration = float(end - midnight)
    rates = {name: kind.requests_per_s or 0.0 for name, kind in shape.traffic.items()}
    mean = sum(rates.values()) * duration
    weekday = MONDAY_FIRST[datetime.fromtimestamp(midnight, UTC).weekday()]
    traffic = {name: kind.model_copy(update={"requests_per_s": rates[name] * requests / mean}) for name, kind in shape.traffic.items()}
    return synthesise_table(shape.model_copy(update={"duration_s": duration, "start": weekday, "traffic": traffic}), seed)


def _placed(times: Floats, bucket: Bucket, number: int, generator: np.random.Generator) -> tuple[Ints, Floats]:
    """Rows of the pattern that lend their lengths, and times in the bucket: the pattern's own, near them, or evenly spread."""
    low, high = np.searchsorted(times, [bucket.start_s, bucket.end_s])
    there = int(high - low)
    if not there:
        at = generator.uniform(bucket.start_s, bucket.end_s, number)
        return generator.integers(len(times), size=number), np.sort(np.round(at, 6))
    rows = low + generator.permutation(there)[: min(number, there)]
    extra = low + generator.integers(there, size=max(0, number - there))
    rows = np.concatenate([rows, extra])
    at = times[rows]
    at[there:] += generator.uniform(-_JITTER_S, _JITTER_S, max(0, number - there))
    # A bucket ends before the next begins: what jitter carries over its edge comes back in.
    at = np.clip(np.round(at, 6), bucket.start_s, bucket.end_s - 1e-6)
    order = np.argsort(at, kind="stable")
    return rows[order], at[order]


def _exact(bucket: Bucket, prompts: Floats, outputs: Floats) -> dict[str, Ints]:
    """Lengths in the proportions given whose sums are the bucket's totals."""
    number = len(prompts)
    prompt = 1 + shared_out(bucket.prompt_tokens - number, prompts - 1)
    output = 1 + shared_out(bucket.output_tokens - number, outputs - 1)
    cached = np.full(number, -1, np.int64)
    if bucket.cached_tokens is not None:
        cached = shared_out(bucket.cached_tokens, prompt.astype(float))
    return {"prompt_tokens": prompt, "output_tokens": output, "cached_tokens": cached}


def shared_out(total: int, weights: Floats) -> Ints:
    """A whole number shared out in proportion to weights, by largest remainders; the shares sum to it exactly."""
    if weights.sum() <= 0:
        weights = np.ones(len(weights))
    parts = weights * (total / weights.sum())
    shares = np.floor(parts).astype(np.int64)
    missing = int(total - shares.sum())
    order = np.argsort(shares - parts, kind="stable")
    shares[order[: max(missing, 0)]] += 1
    if missing < 0:
        raise AssertionError(f"shares of {total} exceed it by {-missing}")
    return np.asarray(shares)


def _repeat(lengths: list[int]) -> Any:
    import pyarrow as pa

    return pa.array(np.repeat(np.arange(len(lengths)), lengths))


def _notes(buckets: Sequence[Bucket], counts: Sequence[int], shape_name: str, mean_prompt: float) -> list[str]:
    number = f"{len(buckets):,} bucket{'s' if len(buckets) > 1 else ''} of totals"
    notes = [f"arrivals assumed: {number} spread with the shape {shape_name}; lengths assumed in its proportions"]
    if any(bucket.requests is None for bucket in buckets):
        notes.append(f"numbers of requests assumed: {mean_prompt:,.0f} prompt tokens each, as the source does not count them")
    lost = sum((bucket.requests or 0) - count for bucket, count in zip(buckets, counts, strict=True) if bucket.requests is not None)
    if lost:
        notes.append(f"left out {lost:,} requests in buckets with fewer prompt or output tokens than requests (failed)")
    left = sum(b.prompt_tokens + b.output_tokens for b, count in zip(buckets, counts, strict=True) if not count)
    if left:
        notes.append(f"left out {left:,} tokens of buckets without any prompt or without any output")
    return notes
