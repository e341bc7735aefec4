"""What the same traffic would cost at an API alone: every request of the trace, whole, at list or negotiated prices.

Rate limits are not applied and nothing is refused, so this is what the tokens cost, not what that API could serve. Cached input is what the
trace itself states. To be compared with a bill that includes idle GPUs.
"""

from __future__ import annotations

import numpy as np

from sim.cost.api import cached_input_usd, input_usd, output_usd, requests_usd
from sim.cost.price import ApiPrice
from sim.trace.columns import TraceChunk


class TraceTokens:
    """The tokens of a trace by price tier of the prompt, added up chunk by chunk."""

    def __init__(self, price: ApiPrice) -> None:
        self.price = price
        self.requests = 0
        self._starts = np.array([tier.from_prompt_tokens for tier in price.tiers])
        self._tokens = np.zeros((3, len(price.tiers), 1), np.int64)

    def add(self, chunk: TraceChunk) -> None:
        """Count a chunk."""
        self.requests += len(chunk)
        tiers = len(self._starts)
        tier = np.maximum(np.searchsorted(self._starts, chunk.prompt_tokens, side="right") - 1, 0)
        cached = np.clip(chunk.cached_tokens, 0, chunk.prompt_tokens)
        for kind, values in enumerate((chunk.prompt_tokens - cached, cached, chunk.output_tokens)):
            # float64 sums of whole numbers are exact below 2^53: a chunk stays far below.
            self._tokens[kind, :, 0] += np.bincount(tier, values, tiers).astype(np.int64)

    @property
    def prompt_tokens(self) -> int:
        """Prompt tokens counted so far, cached ones included."""
        return int(self._tokens[:2].sum())

    @property
    def output_tokens(self) -> int:
        """Output tokens counted so far."""
        return int(self._tokens[2].sum())

    def usd(self) -> float:
        """What the tokens counted so far cost; InputError where a price is not known."""
        fresh, cached, output = self._tokens
        requests = np.array([self.requests])
        factors = (1.0,)
        return (
            input_usd(tokens=fresh, price=self.price, factors=factors)
            + cached_input_usd(tokens=cached, price=self.price, factors=factors)
            + output_usd(tokens=output, price=self.price, factors=factors)
            + requests_usd(requests=requests, price=self.price, factors=factors)
        )
