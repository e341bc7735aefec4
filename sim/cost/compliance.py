"""Compliance: setting it up once, keeping it up, and testing security."""

from __future__ import annotations

import numpy as np

from sim.cost.amount import Amount, FloatArray, amount, product
from sim.cost.schedule import Month, once, spread


def compliance_setup_usd(*, setup_usd: Amount | None, month: Month, over_months: Amount | None = None, from_month: Month = 0) -> FloatArray:
    """One-off: contracts, first audit, documentation; in one month, or in equal parts `over_months`."""
    due = (
        once(month=month, at_month=from_month)
        if over_months is None
        else spread(month=month, over_months=over_months, from_month=from_month)
    )
    return np.asarray(product(quantity=due, usd=setup_usd, what="setting up compliance"), np.float64)


def compliance_usd(
    *, usd_per_month: Amount | None, hours: Amount = 0.0, usd_per_hour: Amount | None = None, months: Amount = 1.0, factor: Amount = 1.0
) -> FloatArray:
    """Ongoing: USD a month for audits and documentation, and hours of one's own people a month x USD an hour."""
    paid = product(quantity=months, usd=usd_per_month, what="a month of compliance", factor=factor)
    own = product(quantity=amount(hours, "hours") * amount(months, "months"), usd=usd_per_hour, what="an hour of compliance", factor=factor)
    return np.asarray(paid + own, np.float64)


def security_testing_usd(*, usd_per_month: Amount | None, months: Amount = 1.0, factor: Amount = 1.0) -> FloatArray:
    """Red teaming and penetration tests: USD a month x months."""
    return product(quantity=months, usd=usd_per_month, what="a month of security testing", factor=factor)
