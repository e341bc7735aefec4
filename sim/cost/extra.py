"""Charges beside tokens and GPU-hours, one function a line; a stack that gives none has none."""

from __future__ import annotations

from sim.cost.amount import Amount, FloatArray, amount, product


def storage_usd(*, gb: Amount, usd_per_gb_month: Amount | None, months: Amount = 1.0, factor: Amount = 1.0) -> FloatArray:
    """Weights and data kept: GB x USD a GB and month x months."""
    return product(quantity=amount(gb, "gb") * amount(months, "months"), usd=usd_per_gb_month, what="a GB of storage", factor=factor)


def egress_usd(*, gb: Amount, usd_per_gb: Amount | None, factor: Amount = 1.0) -> FloatArray:
    """Data sent out: GB x USD a GB."""
    return product(quantity=gb, usd=usd_per_gb, what="a GB of egress", factor=factor)


def tooling_usd(*, usd_per_month: Amount | None, months: Amount = 1.0, factor: Amount = 1.0) -> FloatArray:
    """Gateways, observability and other subscriptions: USD a month x months."""
    return product(quantity=months, usd=usd_per_month, what="a month of tooling", factor=factor)
