"""People: those who run and improve a stack, those on call, and the hours of building and maintaining it."""

from __future__ import annotations

import numpy as np

from sim.cost.amount import Amount, FloatArray, amount, product
from sim.cost.schedule import Month, once, spread


def people_usd(*, fte: Amount, usd_per_month: Amount | None, factor: Amount = 1.0, what: str = "an engineer") -> FloatArray:
    """Full-time equivalents of one profession x USD a month with everything an employer pays x factor on salaries."""
    return product(quantity=fte, usd=usd_per_month, what=f"a month of {what}", factor=factor)


def on_call_usd(*, people: Amount, usd_per_person_month: Amount | None, factor: Amount = 1.0) -> FloatArray:
    """Standing by: people in the rotation x USD a month each; the hours of an incident are `incident_response_usd`."""
    return product(quantity=people, usd=usd_per_person_month, what="a month on call", factor=factor)


def development_usd(
    *,
    hours: Amount,
    usd_per_hour: Amount | None,
    month: Month,
    over_months: Amount | None = None,
    from_month: Month = 0,
    factor: Amount = 1.0,
) -> FloatArray:
    """Building it: hours x USD an hour, in one month, or in equal parts `over_months`."""
    due = (
        once(month=month, at_month=from_month)
        if over_months is None
        else spread(month=month, over_months=over_months, from_month=from_month)
    )
    return np.asarray(product(quantity=hours, usd=usd_per_hour, what="an hour of development", factor=factor) * due, np.float64)


def maintenance_usd(*, hours: Amount, usd_per_hour: Amount | None, months: Amount = 1.0, factor: Amount = 1.0) -> FloatArray:
    """Keeping it running where people are counted in hours: hours a month x USD an hour x months."""
    quantity = amount(hours, "hours") * amount(months, "months")
    return product(quantity=quantity, usd=usd_per_hour, what="an hour of maintenance", factor=factor)
