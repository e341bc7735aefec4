"""Where two ways of paying cost the same: each a fixed amount a month and an amount a request."""

from __future__ import annotations

import math

import numpy as np

from sim.cost.amount import Amount, FloatArray, amount


def crossing_requests(*, fixed_a_usd: Amount, per_request_a_usd: Amount, fixed_b_usd: Amount, per_request_b_usd: Amount) -> FloatArray:
    """Requests a month at which a and b cost the same, fixed + per request x requests; NaN where they never do, or always."""
    fixed = amount(fixed_b_usd, "fixed_b_usd") - amount(fixed_a_usd, "fixed_a_usd")
    per_request = amount(per_request_a_usd, "per_request_a_usd") - amount(per_request_b_usd, "per_request_b_usd")
    fixed, per_request = np.broadcast_arrays(fixed, per_request)
    requests = np.divide(fixed, per_request, out=np.full(fixed.shape, np.nan), where=per_request != 0.0)
    return np.asarray(np.where(requests >= 0.0, requests, np.nan), np.float64)


def break_even_requests(*, fixed_a_usd: float, per_request_a_usd: float, fixed_b_usd: float, per_request_b_usd: float) -> float | None:
    """The same for two plain lines: None where one is cheaper at every volume, or both are the same."""
    found = float(
        crossing_requests(
            fixed_a_usd=fixed_a_usd, per_request_a_usd=per_request_a_usd, fixed_b_usd=fixed_b_usd, per_request_b_usd=per_request_b_usd
        )
    )
    return None if math.isnan(found) else found
