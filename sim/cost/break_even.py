"""Where two ways of paying cost the same: each a fixed amount a month and an amount a request."""

from __future__ import annotations

import numpy as np

from sim.cost.amount import Amount, FloatArray


def crossing_requests(*, fixed_a_usd: Amount, per_request_a_usd: Amount, fixed_b_usd: Amount, per_request_b_usd: Amount) -> FloatArray:
    """Requests a month at which a and b cost the same, fixed + per request x requests; NaN where they never do, or always.

    Amounts may be negative: lines through observed months have a fixed part of either sign.
    """
    fixed = np.asarray(fixed_b_usd, np.float64) - fixed_a_usd
    per_request = np.asarray(per_request_a_usd, np.float64) - per_request_b_usd
    fixed, per_request = np.broadcast_arrays(fixed, per_request)
    requests = np.divide(fixed, per_request, out=np.full(fixed.shape, np.nan), where=per_request != 0.0)
    return np.asarray(np.where(requests >= 0.0, requests, np.nan), np.float64)
