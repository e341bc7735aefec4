"""What incidents cost beside the traffic: hours of people, refunds, answers that did harm, breaches."""

from __future__ import annotations

import numpy as np

from sim.cost.amount import Amount, FloatArray, amount, product, share


def incident_response_usd(
    *, incidents: Amount, hours_per_incident: Amount, usd_per_hour: Amount | None, hours_beside: Amount = 0.0, factor: Amount = 1.0
) -> FloatArray:
    """Finding out, repairing, telling: (incidents x hours of people each + hours of the month beside those) x USD an hour."""
    quantity = amount(incidents, "incidents") * amount(hours_per_incident, "hours_per_incident") + amount(hours_beside, "hours_beside")
    return product(quantity=quantity, usd=usd_per_hour, what="an hour of incident response", factor=factor)


def refunds_usd(*, failed_share: Amount, revenue_usd_per_month: Amount | None, refunds_share: Amount) -> FloatArray:
    """Paid back to users: revenue of the month x share of its requests that did not complete x share of their revenue that is refunded."""
    quantity = np.asarray(share(failed_share, "failed_share") * share(refunds_share, "refunds_share"))
    return product(quantity=quantity, usd=revenue_usd_per_month, what="the revenue of a month")


def quality_incidents_usd(*, incidents: Amount, usd_per_incident: Amount | None, factor: Amount = 1.0) -> FloatArray:
    """Wrong or harmful answers that had to be dealt with: incidents x USD each."""
    return product(quantity=incidents, usd=usd_per_incident, what="a quality incident", factor=factor)


def security_incidents_usd(*, incidents: Amount, usd_per_incident: Amount | None, factor: Amount = 1.0) -> FloatArray:
    """Prompt injection, leaks and the like: incidents x USD each."""
    return product(quantity=incidents, usd=usd_per_incident, what="a security incident", factor=factor)
