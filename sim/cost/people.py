"""People: those who run and improve a stack, those on call, and the hours of building and maintaining it."""

from __future__ import annotations

from sim.cost.amount import Amount, FloatArray, product
from sim.cost.schedule import Month, once, spread


def people_usd(*, fte: Amount, usd_per_month: Amount | None, factor: Amount = 1.0, what: str = "an engineer") -> FloatArray:
    """Full-time equivalents of one profession x USD a month with everything an employer pays x factor on salaries."""
    return product(quantity=fte, usd=usd_per_month, what=f"a month of {what}", factor=factor)


def on_call_usd(*, people: Amount, usd_per_person_month: Amount | None, factor: Amount = 1.0) -> FloatArray:
    """Standing by: people in the rotation x USD a month each; the hours of an incident are `incident_response_usd`."""
    return product(quantity=people, usd=usd_per_person_month, what="a month on call", factor=factor)


def hours_usd(*, hours: Amount, usd_per_hour: Amount | None, factor: Amount = 1.0, what: str = "work") -> FloatArray:
    """Work that is counted in hours: hours x USD an hour x factor on salaries."""
    return product(quantity=hours, usd=usd_per_hour, what=f"an hour of {what}", factor=factor)


def development_usd(
    *, usd: Amount | None, month: Month, over_months: Amount | None = None, from_month: Month = 0, factor: Amount = 1.0
) -> FloatArray:
    """Building it (an amount, or `hours_usd`): all in one month, or in equal parts `over_months`."""
    due = (
        once(month=month, at_month=from_month)
        if over_months is None
        else spread(month=month, over_months=over_months, from_month=from_month)
    )
    return product(quantity=due, usd=usd, what="development", factor=factor)


def maintenance_usd(*, hours: Amount, usd_per_hour: Amount | None, factor: Amount = 1.0) -> FloatArray:
    """Keeping it running, where people are counted in hours: hours of the month x USD an hour."""
    return hours_usd(hours=hours, usd_per_hour=usd_per_hour, factor=factor, what="maintenance")
