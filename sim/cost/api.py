"""What an API charges, one function a line.

`tokens` is [R, G], by price tier of the prompt and tariff segment (Result.tokens); `factors` [G] multiply the prices of a segment.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
import numpy.typing as npt

from sim.cost import tokens_month
from sim.cost.amount import FloatArray
from sim.cost.price import ApiPrice, TokenPrice

IntArray = npt.NDArray[np.int64]


def input_usd(*, tokens: IntArray, price: ApiPrice, factors: Sequence[float]) -> float:
    """Prompt tokens that no cache held: tokens x USD per token of their tier x factor of their segment."""
    return _tokens_usd(tokens=tokens, price=price, factors=factors, kind="input tokens", of_tier=lambda tier: tier.input_usd)


def cached_input_usd(*, tokens: IntArray, price: ApiPrice, factors: Sequence[float]) -> float:
    """Prompt tokens read from the provider's cache: tokens x USD per cached token of their tier x factor of their segment."""
    return _tokens_usd(tokens=tokens, price=price, factors=factors, kind="cached input tokens", of_tier=lambda tier: tier.cached_input_usd)


def output_usd(*, tokens: IntArray, price: ApiPrice, factors: Sequence[float]) -> float:
    """Generated tokens, those of requests that the client gave up on included: tokens x USD per token x factor."""
    return _tokens_usd(tokens=tokens, price=price, factors=factors, kind="output tokens", of_tier=lambda tier: tier.output_usd)


def requests_usd(*, requests: IntArray, price: ApiPrice, factors: Sequence[float]) -> float:
    """A charge per admitted request, `requests` being [G]: requests x USD a request x factor of their segment."""
    what = f"a request to {price.model}"
    return _sum([tokens_month.requests_usd(requests=requests, usd_per_request=price.request_usd, factor=np.asarray(factors), what=what)])


def _tokens_usd(
    *, tokens: IntArray, price: ApiPrice, factors: Sequence[float], kind: str, of_tier: Callable[[TokenPrice], float | None]
) -> float:
    what = f"{kind} of {price.model}"
    return _sum(
        tokens_month.tokens_usd(tokens=tokens[tier], usd_per_token=of_tier(price.tiers[tier]), factor=np.asarray(factors), what=what)
        for tier in map(int, np.flatnonzero(tokens.any(axis=1)))
    )


def _sum(rows: Iterable[FloatArray]) -> float:
    # One after the other: numpy adds in pairs, and the last digit would depend on how many segments there are.
    total = 0.0
    for row in rows:
        for usd in row.tolist():
            total += usd
    return total
