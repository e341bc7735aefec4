"""Usage as a vector of amounts that add up: over time, over deployments, and in the mean over futures.

A cell, an incident's difference and a month are all such vectors, so that months are sums and bills are products.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

ALL = "all"
"""Stands for a deployment in amounts that belong to none."""

SLO_ITEMS = ("held", "completed_held", "ttft_ok", "tpot_n", "tpot_ok", "met")
"""Requests held to the latency levels (batch lanes are not); of these completed; TTFT within its level; completed with a TPOT; that
within its level; both within. Of `all`, and `held` and `met` of every deployment (by the last deployment of a request)."""
ALL_ITEMS = ("requests", "completed", "rejected", "timed_out", "failed", "unfinished", *SLO_ITEMS)
POOL_ITEMS = (
    "paid_gpu_hours", "present_gpu_hours", "busy_gpu_hours", "ready_replica_s", "machines_s", "kv_token_s",
    "input_tokens", "cached_input_tokens", "output_tokens",
)  # fmt: skip
"""paid: whole machines as billed (sim/cost/gpu.py); machines_s: seconds of machines paid; tokens: read and written, raw."""
API_ITEMS = ("admitted", "input_tokens", "cached_input_tokens", "output_tokens")
"""admitted: attempts let in (charges per request); tokens: raw. Priced ones follow, see `priced_item`."""
COMMON_ITEMS = ("requests", "completed", "held", "met", "attempts", "throttled", "fallback_completed", "offered")
"""offered: what load is measured with: first attempts and requests passed on for the wait (sim/measure/load.py)."""

KINDS = ("input", "cached_input", "output")


def priced_item(kind: int, tier: int) -> str:
    """Tokens of one kind (KINDS) and price tier of the prompt, weighted by the factor of the tariff at their hour."""
    return f"priced_{KINDS[kind]}_{tier}"


def ratio(part: FloatArray, whole: FloatArray) -> FloatArray:
    """part / whole, NaN where there is nothing."""
    return np.asarray(np.divide(part, whole, out=np.full(np.shape(part), np.nan), where=whole > 0), np.float64)


@dataclass(frozen=True)
class UsageLayout:
    """Which amount stands where: pairs of (deployment or `all`, item)."""

    columns: tuple[tuple[str, str], ...]

    @cached_property
    def _place(self) -> dict[tuple[str, str], int]:
        return {column: k for k, column in enumerate(self.columns)}

    def __len__(self) -> int:
        return len(self.columns)

    def at(self, deployment: str, item: str) -> int:
        """The place of an amount; KeyError where there is none."""
        return self._place[deployment, item]

    def has(self, deployment: str, item: str) -> bool:
        """Whether there is such an amount."""
        return (deployment, item) in self._place

    @staticmethod
    def of(pools: Sequence[str], apis: Sequence[tuple[str, int]]) -> UsageLayout:
        """The layout for pools by name and APIs by name and number of price tiers."""
        columns = [(ALL, item) for item in ALL_ITEMS]
        for name in pools:
            columns += [(name, item) for item in (*COMMON_ITEMS, *POOL_ITEMS)]
        for name, tiers in apis:
            columns += [(name, item) for item in (*COMMON_ITEMS, *API_ITEMS)]
            columns += [(name, priced_item(kind, tier)) for kind in range(3) for tier in range(tiers)]
            columns += [(name, "priced_requests")]
        return UsageLayout(tuple(columns))


@dataclass(frozen=True)
class Usage:
    """Amounts [I] in the order of a layout, and completed requests by latency [3, HIST_BUCKETS] (TTFT, TPOT, E2E; lanes left out)."""

    amounts: FloatArray
    histogram: FloatArray
