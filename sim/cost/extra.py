"""Charges beside tokens and GPU-hours, one function a line; a stack that gives none has none."""

from __future__ import annotations

from sim.units import SECONDS_PER_MONTH


def storage_usd(*, gb: float, usd_per_gb_month: float, window_s: float) -> float:
    """Weights and data kept: GB x USD per GB and month x months of the run."""
    return gb * usd_per_gb_month * window_s / SECONDS_PER_MONTH


def egress_usd(*, gb: float, usd_per_gb: float) -> float:
    """Data sent out during the run: GB x USD per GB."""
    return gb * usd_per_gb


def tooling_usd(*, usd_per_month: float, window_s: float) -> float:
    """Gateways, observability and other subscriptions: USD a month x months of the run."""
    return usd_per_month * window_s / SECONDS_PER_MONTH
