"""A provider's endpoint by docs/engine.md section 6: limits that remember everything ever charged, latency, faults and the bill."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from sim.engine import random
from sim.engine.system import Api, Limit
from tests.oracles.replica import interpolate

NEVER = math.inf
"""The wait for a limit that will not let this amount pass at any time, or does not say when."""


@dataclass(eq=False)
class Entry:
    """One charge or correction: what it added to a limit, and when."""

    at_s: float
    amount: float
    kind: str = "charge"


class Meter:
    """One limit and its whole history; every question is answered by going through it from the start."""

    def __init__(self, spec: Limit) -> None:
        self.spec = spec
        self.limit = spec.limit
        self.burst = spec.burst
        self.history: list[Entry] = []

    def wait(self, t: float, amount: float) -> float | None:
        """None if the amount passes at t; else the seconds until it would."""
        law = self.spec.law
        if law == "token_bucket":
            level = self._level(t)
            if amount <= level:
                return None
            return NEVER if amount > self.burst else (amount - level) * self.spec.window_s / self.limit
        if law == "concurrency":
            return None if sum(entry.amount for entry in self.history) + amount <= self.limit else NEVER
        if law == "sliding_window":
            return self._sliding_wait(t, amount)
        used = self._used(self._window(t))
        next_window = (self._window(t) + 1) * self.spec.window_s - self.spec.phase_s - t
        if law == "acceleration":
            most = max(self.burst, self.spec.growth * self._used(self._window(t) - 1))
            return None if used + amount <= most else next_window
        if self._within(used, amount):
            return None
        return NEVER if amount > self.limit else next_window

    def charge(self, t: float, amount: float) -> Entry:
        entry = Entry(t, amount)
        self.history.append(entry)
        return entry

    def charge_refused(self, t: float) -> None:
        """A refused request counts as one; a bucket gives at most what it has."""
        self.charge(t, min(1.0, max(0.0, self._level(t))) if self.spec.law == "token_bucket" else 1.0)

    def settle(self, t: float, admission: Entry, actual: float) -> None:
        law, charged = self.spec.law, admission.amount
        if law == "concurrency":
            self.history.remove(admission)
        elif actual == charged:
            return
        elif law == "token_bucket":
            self.history.append(Entry(t, actual - charged, "settlement"))
        elif law == "sliding_window":
            if actual > charged:
                self.history.append(Entry(t, actual - charged))
            elif admission.at_s > t - self.spec.window_s:
                admission.amount = actual
        elif actual > charged or self._window(t) == self._window(admission.at_s):
            self.history.append(Entry(t, actual - charged))

    def rescale(self, t: float, factor: float) -> None:
        if self.spec.law == "token_bucket":
            self.history.append(Entry(t, factor, "rescale"))
        self.limit *= factor
        self.burst *= factor

    def _within(self, used: float, amount: float) -> bool:
        return used + amount <= self.limit if amount > 0 else used < self.limit

    def _level(self, t: float) -> float:
        limit, burst, level, since = self.spec.limit, self.spec.burst, self.spec.burst, 0.0
        for entry in [*self.history, Entry(t, 0.0)]:
            level = min(burst, level + (entry.at_s - since) * limit / self.spec.window_s)
            since = entry.at_s
            if entry.kind == "rescale":
                limit, burst = limit * entry.amount, burst * entry.amount
                level = min(level, burst)
            else:
                level = min(burst, level - entry.amount)
        return level

    def _window(self, t: float) -> int:
        return math.floor((t + self.spec.phase_s) / self.spec.window_s)

    def _used(self, window: int) -> float:
        return sum(entry.amount for entry in self.history if self._window(entry.at_s) == window)

    def _sliding_wait(self, t: float, amount: float) -> float | None:
        present = [entry for entry in self.history if entry.at_s > t - self.spec.window_s]
        used = sum(entry.amount for entry in present)
        if self._within(used, amount):
            return None
        if amount > self.limit:
            return NEVER
        for entry in present:
            used -= entry.amount
            if self._within(used, amount):
                return entry.at_s + self.spec.window_s - t
        return NEVER


@dataclass(frozen=True)
class Refusal:
    """An attempt that never began: its fault, why, and the Retry-After if one was sent."""

    fault: str
    reason: str
    retry_after_s: float | None = None


@dataclass(eq=False)
class Flight:
    """An admitted attempt: when its tokens come, what it charged, and whether it will fail."""

    admitted_s: float
    first_s: float
    last_s: float
    tpot_s: float
    output: int
    error: bool
    charges: list[tuple[Meter, Entry]]
    settled: bool = False

    def produced(self, t: float) -> int:
        if self.error or t < self.first_s:
            return 0
        return min(self.output, 1 + math.floor((t - self.first_s) / self.tpot_s))


@dataclass
class Asked:
    """What the endpoint sees of a request."""

    row: int
    prompt: int
    output: int
    cached: int
    max_tokens: int


@dataclass
class ApiOracle:
    """One deployment of kind api."""

    spec: Api
    index: int
    seed: int
    clock_offset_s: float
    outages: int = 0
    cut_outputs: int = 0
    degradations: list[tuple[float, float]] = field(default_factory=list)
    """(factor, error rate) of those in force."""
    meters: list[Meter] = field(init=False)

    def __post_init__(self) -> None:
        self.meters = [Meter(limit) for limit in self.spec.limits]

    def usd(self, asked: Asked, output: int) -> float:
        rate = [rate for rate in self.spec.rates if rate.from_prompt_tokens <= asked.prompt][-1]
        return (asked.prompt - asked.cached) * rate.input_usd + asked.cached * rate.cached_input_usd + output * rate.output_usd

    def estimate(self, limit: Limit, asked: Asked) -> float:
        reserve = 0.0
        if limit.reserves_max_tokens:
            reserve = asked.max_tokens if asked.max_tokens >= 0 else self.spec.default_max_tokens
        return self._amount(limit, asked, reserve, 0.0)

    def actual(self, limit: Limit, asked: Asked, output: int, usd: float) -> float:
        return self._amount(limit, asked, output * limit.output_multiplier, usd)

    def _amount(self, limit: Limit, asked: Asked, output_part: float, usd: float) -> float:
        input_part = asked.prompt if limit.counts_cached else asked.prompt - asked.cached
        return {
            "requests": 1.0, "input_tokens": input_part, "output_tokens": output_part,
            "total_tokens": input_part + output_part, "usd": usd,
        }[limit.unit]  # fmt: skip

    def ask(self, asked: Asked, attempt: int, t: float) -> Refusal | Flight:
        if self.outages:
            return Refusal("5xx", "outage")
        if asked.prompt >= self.spec.context_tokens:
            return Refusal("429", "too_long")
        self.cut_outputs += asked.output > self.spec.context_tokens - asked.prompt
        amounts = [self.estimate(meter.spec, asked) for meter in self.meters]
        waits = [(meter, meter.wait(t, amount)) for meter, amount in zip(self.meters, amounts, strict=True)]
        refusing = [(meter.spec, wait) for meter, wait in waits if wait is not None]
        if refusing:
            if self.spec.refused_counts:
                for meter in self.meters:
                    if meter.spec.unit == "requests" and meter.spec.law != "concurrency":
                        meter.charge_refused(t)
            reason = "spend_cap" if refusing[0][0].unit == "usd" else "rate_limited"
            return Refusal("429", reason, self._retry_after(refusing))
        charges = [(meter, meter.charge(t, amount)) for meter, amount in zip(self.meters, amounts, strict=True)]
        return self._fly(asked, attempt, t, charges)

    def _retry_after(self, refusing: list[tuple[Limit, float]]) -> float | None:
        longest = max(NEVER if limit.no_retry_after else wait for limit, wait in refusing)
        if self.spec.retry_after == "none" or longest == NEVER:
            return None
        return float(math.ceil(longest)) if self.spec.retry_after == "seconds" else math.ceil(longest * 1000) / 1000

    def _fly(self, asked: Asked, attempt: int, t: float, charges: list[tuple[Meter, Entry]]) -> Flight:
        api = self.spec

        def drawn(stream: int, zs: tuple[float, ...], ln_s: tuple[float, ...]) -> float:
            z = random.normal(random.uniform(self.seed, stream, asked.row, self.index, attempt, 0))
            return math.exp(interpolate(z, zs, ln_s)) * (hour_factor * slow_factor)

        hour = math.floor((t + self.clock_offset_s) / 3600)
        hour_factor = math.exp(api.hour_sigma * random.normal(random.uniform(self.seed, random.HOUR, hour, api.vendor, 0, 0)))
        slow_factor = math.prod(factor for factor, _ in self.degradations)
        error_rate = max([api.error_rate, *(rate for _, rate in self.degradations)])
        ttft = drawn(random.TTFT, api.ttft_z, api.ttft_ln_s) + api.ttft_per_prompt_token_s * asked.prompt
        tpot = drawn(random.TPOT, api.tpot_z, api.tpot_ln_s)
        error = random.uniform(self.seed, random.ERROR, asked.row, self.index, attempt, 0) < error_rate
        output = min(asked.output, api.context_tokens - asked.prompt)
        last = t + ttft if error else t + ttft + tpot * (output - 1)
        return Flight(t, t + ttft, last, tpot, output, error, charges)

    def settle(self, flight: Flight, asked: Asked, t: float, *, broken: bool = False) -> int | None:
        """The limits learn what `flight` really took; the output tokens to bill, None if nothing is billed."""
        flight.settled = True
        failed = flight.error or broken
        output = flight.produced(t) if failed else flight.output
        usd = 0.0 if failed else self.usd(asked, output)
        for meter, entry in flight.charges:
            meter.settle(t, entry, self.actual(meter.spec, asked, output, usd))
        return None if failed else output
