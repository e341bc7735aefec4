"""The prices that a bill is computed with, as plain numbers in USD.

A price that is not known is None, never zero: `known_usd` turns it into an error as soon as something is to be paid at it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sim.errors import InputError
from sim.stack.resolved import Upkeep


@dataclass(frozen=True, slots=True)
class TokenPrice:
    """USD per token of requests whose prompt has at least `from_prompt_tokens` tokens (the last such tier applies)."""

    from_prompt_tokens: int
    input_usd: float | None
    cached_input_usd: float | None
    output_usd: float | None


@dataclass(frozen=True, slots=True)
class ApiPrice:
    """What an API charges for a model: per token by tier of the prompt, and per admitted request."""

    model: str
    tiers: tuple[TokenPrice, ...]
    request_usd: float | None = 0.0


@dataclass(frozen=True, slots=True)
class GpuPrice:
    """What the GPUs of a pool cost: a price an hour for each GPU of a machine that is sold whole, and how hours are counted."""

    usd_per_gpu_hour: float | None
    gpus_per_machine: int = 1
    """What is sold whole: the smallest number of GPUs that can be rented."""
    billing_unit_s: float = 1.0
    minimum_s: float = 0.0
    always_paid_replicas: int = 0
    """Reserved or owned: paid over the whole run whether they stand there or not."""
    upkeep: Upkeep | None = None
    """Of owned GPUs: which part of the price of an hour is power and hosting; None: none of it."""


@dataclass(frozen=True, slots=True)
class Extras:
    """What is charged beside tokens and GPU-hours, only where a stack gives it: USD for the time of the run."""

    storage_gb: float = 0.0
    storage_usd_per_gb_month: float | None = None
    egress_gb: float = 0.0
    egress_usd_per_gb: float | None = None
    tooling_usd_per_month: float = 0.0


Price = ApiPrice | GpuPrice


def known_usd(usd: float | None, what: str) -> float:
    """The price; InputError that names what has none when it is not known."""
    if usd is None:
        raise InputError(f"no price is known for {what}; give one in the stack or with --prices FILE")
    return usd


def mean_factor(*, start_s: float, end_s: float, changes: Sequence[tuple[float, float]]) -> float:
    """The factor on a price over a span of time, on average: 1 until the first of the changes (from second, factor)."""
    if not changes or end_s <= start_s:
        return next((factor for at, factor in reversed(changes) if at <= start_s), 1.0)
    starts = [float("-inf"), *(at for at, _ in changes)]
    ends = [*(at for at, _ in changes), float("inf")]
    factors = [1.0, *(factor for _, factor in changes)]
    spans = zip(starts, ends, factors, strict=True)
    return sum(factor * max(0.0, min(end, end_s) - max(start, start_s)) for start, end, factor in spans) / (end_s - start_s)
