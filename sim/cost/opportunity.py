"""Money that is not earned: shown apart, in no total, and nothing unless it is given."""

from __future__ import annotations

import numpy as np

from sim.cost.amount import Amount, FloatArray, amount, product
from sim.cost.schedule import Month


def opportunity_usd(*, revenue_usd_per_month: Amount | None, months_to_production: Amount, month: Month) -> FloatArray:
    """Revenue of the months before the stack is in production, the last of them in part."""
    waited = np.clip(amount(months_to_production, "months_to_production") - np.asarray(month), 0.0, 1.0)
    return product(quantity=waited, usd=revenue_usd_per_month, what="a month of revenue")


def lost_revenue_usd(*, requests: Amount, usd_per_request: Amount | None) -> FloatArray:
    """Requests that did not complete x what one would have earned."""
    return product(quantity=requests, usd=usd_per_request, what="the revenue of a request")
