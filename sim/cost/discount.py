"""What money of later months is worth today."""

from __future__ import annotations

import numpy as np

from sim.cost.amount import Amount, FloatArray, amount
from sim.cost.schedule import Month

_MONTHS_PER_YEAR = 12.0


def present_value_usd(*, usd: Amount, month: Month, rate_per_year: Amount) -> FloatArray:
    """USD / (1 + rate)^(month / 12): the first month, 0, is today; a rate of 0 changes nothing. USD may be negative (sold hardware)."""
    growth = 1.0 + amount(rate_per_year, "rate_per_year")
    return np.asarray(usd / growth ** (np.asarray(month) / _MONTHS_PER_YEAR), np.float64)
