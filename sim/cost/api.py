"""What an API charges, one function a line.

`tokens` is [R, G], by price tier of the prompt and tariff segment (Result.tokens); `factors` [G] multiply the prices of a segment.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from sim.cost.price import ApiPrice, TokenPrice, known_usd

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
    total = 0.0
    for segment in map(int, np.flatnonzero(requests)):
        usd = known_usd(price.request_usd, f"a request to {price.model}")
        total += int(requests[segment]) * usd * factors[segment]
    return total


def _tokens_usd(
    *, tokens: IntArray, price: ApiPrice, factors: Sequence[float], kind: str, of_tier: Callable[[TokenPrice], float | None]
) -> float:
    total = 0.0
    for tier, segment in zip(*np.nonzero(tokens), strict=True):
        usd = known_usd(of_tier(price.tiers[tier]), f"{kind} of {price.model}")
        total += int(tokens[tier, segment]) * usd * factors[segment]
    return total
