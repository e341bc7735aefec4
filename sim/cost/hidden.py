"""An allowance for what no line names: driver and CUDA trouble, patches, weights loaded again, features that creep into prompts."""

from __future__ import annotations

import numpy as np

from sim.cost.amount import Amount, FloatArray, amount


def hidden_usd(*, rest_usd: Amount, hidden_share: Amount) -> FloatArray:
    """All other lines x share of them; drawn for every future, and it may be above one."""
    return np.asarray(amount(rest_usd, "rest_usd") * amount(hidden_share, "hidden_share"), np.float64)
