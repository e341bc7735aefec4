"""Worlds that the forecast knows only by its outlook and one sample day: plain SimPy, one process a request, every day fresh.

A recipe makes days: single requests, and bursts whose times are Poisson and whose sizes vary; a day as a whole is busier or quieter by a
lognormal factor. Demand of s times means s times as many requests of every kind at the same bursts. Nothing here is taken from the
engine or from the forecast: laws are those that docs/outlooks.md and docs/engine.md state, written down once more.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import simpy

Floats = npt.NDArray[np.float64]
Process = Generator[Any, Any, None]

DAY_S = 86_400.0
HOUR_S = 3600.0
Z95 = 1.6448536269514722


@dataclass(frozen=True)
class Recipe:
    """Traffic of a day at level 1."""

    singles: float = 200.0
    """Requests a day that come alone."""
    bursts: float = 100.0
    """Bursts a day."""
    burst_requests: float = 2.0
    """Requests of a burst in the mean; the mean of each is gamma distributed with shape 2."""
    burst_s: float = 60.0
    """A burst's requests come within so many seconds."""
    day_sigma: float = 0.12
    """Of the lognormal factor of a day, mean 1."""
    prompt_median: float = 400.0
    output_median: float = 150.0
    length_sigma: float = 0.6

    def day(self, random: np.random.Generator, level: float) -> tuple[Floats, npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Arrivals within the day in order, prompt tokens, output tokens."""
        level *= math.exp(self.day_sigma * random.standard_normal() - self.day_sigma**2 / 2)
        alone = random.random(random.poisson(self.singles * level)) * DAY_S
        starts = random.random(random.poisson(self.bursts)) * (DAY_S - self.burst_s)
        sizes = random.poisson(random.gamma(2.0, self.burst_requests * level / 2.0, len(starts)))
        together = np.repeat(starts, sizes) + random.random(int(sizes.sum())) * self.burst_s
        arrival = np.sort(np.concatenate([alone, together]))
        lengths = [
            np.maximum(np.rint(median * np.exp(self.length_sigma * random.standard_normal(len(arrival)))), least).astype(np.int64)
            for median, least in ((self.prompt_median, 1), (self.output_median, 2))
        ]
        return arrival, lengths[0], lengths[1]


@dataclass(frozen=True)
class Endpoint:
    """A deployment at an API: a token bucket of requests, lognormal latencies, prices by the token; refused requests do not come back."""

    per_minute: float = 3.0
    burst: float = 4.0
    ttft_median_s: float = 2.0
    ttft_sigma: float = 0.35
    tpot_s: float = 0.03
    ttft_level_s: float = 3.0
    input_usd: float = 2e-6
    output_usd: float = 10e-6


@dataclass(frozen=True)
class Server:
    """One replica that takes one request at a time: every token of its output takes a step."""

    step_s: float = 0.05
    ttft_level_s: float = 3.0
    usd_per_hour: float = 3.6


@dataclass(frozen=True)
class Ahead:
    """The laws of the months: what the outlook of the forecast declares, in its words."""

    growth: tuple[float, float, float] = (-0.04, 0.03, 0.10)
    """p5, p50 and p95 of the growth a month."""
    price_changes_per_year: float = 3.0
    rise_share: float = 0.4
    rise_ln: tuple[float, float] = (0.15, 0.5)
    """Median and sigma."""
    cut_ln: tuple[float, float] = (0.2, 0.5)
    incidents_per_30_days: float = 3.0
    gap_shape: float = 0.8
    duration_h: tuple[float, float] = (1.0, 0.8)
    outage_share: float = 1.0
    latency_factor: float = 1.6
    error_rate: float = 0.1
    gpu_drift: tuple[float, float, float] = (-0.03, 0.0, 0.05)
    gpu_sigma: float = 0.04
    step_sigma: float = 0.08
    """Of the factor on step times that says how wrong a profile is."""


@dataclass(frozen=True)
class Truth:
    """What came of a world, by month."""

    invoice_usd: Floats
    good_share: Floats
    """Requests within their latency level over all."""


def two_halves(quantiles: tuple[float, float, float], z: float) -> float:
    """1 + a change, whose logarithm is normal on either side of the median."""
    low, middle, high = (math.log1p(each) for each in quantiles)
    return math.exp(middle + z * ((middle - low) if z < 0 else (high - middle)) / Z95)


def renewals(random: np.random.Generator, per_30_days: float, shape: float, length_s: float) -> list[float]:
    """Starts of a Weibull renewal process that has been going on for long when the clock starts."""
    if per_30_days == 0.0:
        return []
    gap_s = 30 * DAY_S / per_30_days
    scale_s = gap_s / math.gamma(1.0 + 1.0 / shape)
    now, found = -40.0 * gap_s, []
    while now < length_s:
        now += scale_s * random.weibull(shape)
        if 0.0 <= now < length_s:
            found.append(now)
    return found


def api_world(seed: int, recipe: Recipe, api: Endpoint, ahead: Ahead, month_days: tuple[int, ...]) -> Truth:
    """Some months at an API with a rate limit."""
    random = np.random.default_rng([seed, 11])
    length_s = sum(month_days) * DAY_S
    grows = two_halves(ahead.growth, random.standard_normal())
    times, prices = _price_steps(random, ahead, length_s)
    outages, degraded = _incidents(random, ahead, length_s)
    env = simpy.Environment()
    bucket = [api.burst, 0.0]
    usd = np.zeros(len(month_days))
    asked, good = np.zeros(len(month_days)), np.zeros(len(month_days))

    def request(month: int, prompt: int, output: int) -> Process:
        asked[month] += 1
        now = env.now
        if _during(outages, now):
            return
        bucket[0] = min(api.burst, bucket[0] + (now - bucket[1]) * api.per_minute / 60.0)
        bucket[1] = now
        if bucket[0] < 1.0:
            return
        bucket[0] -= 1.0
        slow = _during(degraded, now)
        if slow and random.random() < ahead.error_rate:
            return
        factor = ahead.latency_factor if slow else 1.0
        ttft_s = factor * api.ttft_median_s * math.exp(api.ttft_sigma * random.standard_normal())
        yield env.timeout(ttft_s + factor * api.tpot_s * (output - 1))
        if _begins(outages, now, env.now):
            return
        price = prices[bisect.bisect_right(times, env.now // DAY_S)]
        usd[month] += (prompt * api.input_usd + output * api.output_usd) * price
        good[month] += ttft_s <= api.ttft_level_s

    env.process(_days(env, random, recipe, grows, month_days, request))
    env.run()
    return Truth(usd, good / asked)


def server_world(seed: int, recipe: Recipe, server: Server, ahead: Ahead, month_days: tuple[int, ...]) -> Truth:
    """Some months on one rented replica."""
    random = np.random.default_rng([seed, 12])
    grows = two_halves(ahead.growth, random.standard_normal())
    step_s = server.step_s * math.exp(ahead.step_sigma * random.standard_normal())
    drift = two_halves(ahead.gpu_drift, random.standard_normal())
    env = simpy.Environment()
    replica = simpy.Resource(env, 1)
    asked, good = np.zeros(len(month_days)), np.zeros(len(month_days))

    def request(month: int, _prompt: int, output: int) -> Process:
        asked[month] += 1
        arrived = env.now
        with replica.request() as turn:
            yield turn
            good[month] += env.now + step_s - arrived <= server.ttft_level_s
            yield env.timeout(output * step_s)

    env.process(_days(env, random, recipe, grows, month_days, request))
    env.run()
    walk, price = 0.0, []
    for month in range(len(month_days)):
        walk += (ahead.gpu_sigma * random.standard_normal() - ahead.gpu_sigma**2 / 2) if month else 0.0
        price.append(drift**month * math.exp(walk))
    return Truth(np.array(price) * server.usd_per_hour * 24.0 * np.array(month_days), good / asked)


def _days(env: Any, random: np.random.Generator, recipe: Recipe, grows: float, month_days: tuple[int, ...], request: Any) -> Process:
    """Asks every request of fresh days at its time."""
    first = 0.0
    for month, days in enumerate(month_days):
        for _ in range(days):
            for at_s, prompt, output in zip(*(column.tolist() for column in recipe.day(random, grows**month)), strict=True):
                yield env.timeout(first + at_s - env.now)
                env.process(request(month, prompt, output))
            first += DAY_S


def _price_steps(random: np.random.Generator, ahead: Ahead, length_s: float) -> tuple[list[float], list[float]]:
    """The days on which a price changes, and the price from each on over that of the start, the start first."""
    days = np.sort(random.random(random.poisson(ahead.price_changes_per_year * length_s / (365 * DAY_S)))) * length_s // DAY_S
    logs = [0.0]
    for _ in days:
        median, sigma = ahead.rise_ln if random.random() < ahead.rise_share else ahead.cut_ln
        sign = 1.0 if (median, sigma) == ahead.rise_ln else -1.0
        logs.append(logs[-1] + sign * median * math.exp(sigma * random.standard_normal()))
    return days.tolist(), [math.exp(each) for each in logs]


def _incidents(random: np.random.Generator, ahead: Ahead, length_s: float) -> tuple[list[tuple[float, float]], list[tuple[float, float]]]:
    """(start, end) of outages and of degradations."""
    outages: list[tuple[float, float]] = []
    degraded: list[tuple[float, float]] = []
    for start in renewals(random, ahead.incidents_per_30_days, ahead.gap_shape, length_s):
        end = start + HOUR_S * ahead.duration_h[0] * math.exp(ahead.duration_h[1] * random.standard_normal())
        (outages if random.random() < ahead.outage_share else degraded).append((start, end))
    return outages, degraded


def _during(spans: list[tuple[float, float]], now: float) -> bool:
    return any(start <= now < end for start, end in spans)


def _begins(spans: list[tuple[float, float]], after: float, until: float) -> bool:
    return any(after < start <= until for start, _ in spans)


def outlook_text(recipe: Recipe, ahead: Ahead) -> str:
    """The laws of the months as an outlook file says them."""
    low, middle, high = ahead.growth
    cheap, same, dear = ahead.gpu_drift

    def median(law: tuple[float, float]) -> str:
        return f"{{median: {law[0]}, sigma: {law[1]}}}"

    return f"""
demand:
  growth_per_month: {{p5: {low}, p50: {middle}, p95: {high}}}
  day_to_day_sigma: {recipe.day_sigma}
  trace_sample: true
profile: {{error_factor: 1}}
api_prices:
  own_models:
    changes_per_year: {ahead.price_changes_per_year}
    rise_share: {ahead.rise_share}
    rise_ln: {median(ahead.rise_ln)}
    cut_ln: {median(ahead.cut_ln)}
    largest_rise_ln: 10
    largest_cut_ln: 10
api_incidents:
  default:
    per_30_days: {ahead.incidents_per_30_days}
    gap_shape: {ahead.gap_shape}
    duration_h: {median(ahead.duration_h)}
    outage_share: {ahead.outage_share}
    latency_factor: {ahead.latency_factor}
    error_rate: {ahead.error_rate}
gpu_prices:
  drift_per_month: {{p5: {cheap}, p50: {same}, p95: {dear}}}
  monthly_sigma: {ahead.gpu_sigma}
"""


def stack_text(api: Endpoint) -> str:
    """The API as a stack file says it."""
    return f"""
deployments:
  api:
    kind: api
    model: claude-sonnet-5-5
    client: none
    limits: [{{law: token_bucket, unit: requests, limit: {api.per_minute}, window_s: 60, burst: {api.burst}}}]
    latency:
      ttft: {{median_s: {api.ttft_median_s}, sigma: {api.ttft_sigma}}}
      tpot: {{median_s: {api.tpot_s}, sigma: 0}}
      hour_sigma: 0
slo: {{ttft_p95: {api.ttft_level_s}s}}
"""


def server_text(server: Server, ahead: Ahead) -> str:
    """The replica as a stack file says it, bought at the price that the market has."""
    return f"""
deployments:
  own:
    kind: gpu
    llm: llama-3.1-8b
    gpu: a100-80gb
    provider: vast
    purchase: marketplace
    usd_per_gpu_hour: {server.usd_per_hour}
    gpus_per_node: 1
    replicas: 1
    client: none
    max_num_seqs: 1
    profile:
      error: {ahead.step_sigma}
      step: {{c_ms: {server.step_s * 1e3}, g_ms_at_tokens: [[1, 0]], o_us_per_sequence: 0, f_ns_per_context_token: 0, h_ns_per_token_pair: 0}}
      kv_capacity_tokens: 2000000
slo: {{ttft_p95: {server.ttft_level_s}s, tpot_p95: 10s}}
"""
