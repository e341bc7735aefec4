"""What incidents cost beside the traffic: hours of people, refunds, answers that did harm, breaches."""

from __future__ import annotations

from sim.cost.amount import Amount, FloatArray, amount, product


def incident_response_usd(
    *, incidents: Amount, hours_per_incident: Amount, usd_per_hour: Amount | None, factor: Amount = 1.0
) -> FloatArray:
    """Finding out, repairing, telling: incidents x hours of people each x USD an hour."""
    quantity = amount(incidents, "incidents") * amount(hours_per_incident, "hours_per_incident")
    return product(quantity=quantity, usd=usd_per_hour, what="an hour of incident response", factor=factor)


def refunds_usd(*, requests: Amount, usd_per_request: Amount | None) -> FloatArray:
    """Paid back to users: requests that did not complete x USD each."""
    return product(quantity=requests, usd=usd_per_request, what="the refund of a request")


def quality_incidents_usd(*, incidents: Amount, usd_per_incident: Amount | None, factor: Amount = 1.0) -> FloatArray:
    """Wrong or harmful answers that had to be dealt with: incidents x USD each."""
    return product(quantity=incidents, usd=usd_per_incident, what="a quality incident", factor=factor)


def security_incidents_usd(*, incidents: Amount, usd_per_incident: Amount | None, factor: Amount = 1.0) -> FloatArray:
    """Prompt injection, leaks and the like: incidents x USD each."""
    return product(quantity=incidents, usd=usd_per_incident, what="a security incident", factor=factor)
