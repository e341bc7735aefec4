"""What GPUs cost in any shape, [F, M] futures x months mostly: rented by the hour, reserved for a term, and the rent by what they did.

GPU-hours are those that are billed: whole machines, rounded lives (sim/cost/gpu.py).
"""

from __future__ import annotations

import numpy as np

from sim.cost.amount import Amount, FloatArray, amount, product
from sim.cost.schedule import Month, every
from sim.units import MILLION


def rent_usd(*, gpu_hours: Amount, usd_per_gpu_hour: Amount | None, factor: Amount = 1.0) -> FloatArray:
    """Rented by the hour, on demand or spot: GPU-hours billed x USD a GPU-hour x factor on the price."""
    return product(quantity=gpu_hours, usd=usd_per_gpu_hour, what="a GPU-hour", factor=factor)


def reserved_usd(*, gpus: Amount, hours: Amount, usd_per_gpu_hour: Amount | None, factor: Amount = 1.0) -> FloatArray:
    """Reserved: every hour of the month is paid whether GPUs stand there or not: GPUs x hours of the month x USD a GPU-hour."""
    return rent_usd(gpu_hours=amount(gpus, "gpus") * amount(hours, "hours"), usd_per_gpu_hour=usd_per_gpu_hour, factor=factor)


def upfront_usd(
    *, usd_per_term: Amount | None, month: Month, term_months: Amount, from_month: Month = 0, factor: Amount = 1.0
) -> FloatArray:
    """Paid ahead when a term begins, and again at every renewal; `factor` is that of the month it falls in."""
    return product(
        quantity=every(month=month, every_months=term_months, from_month=from_month), usd=usd_per_term, what="a term", factor=factor
    )


def used_usd(*, rent_usd: Amount, gpu_hours: Amount, busy_gpu_hours: Amount) -> FloatArray:
    """The part of the rent for replicas at work: busy GPU-hours over billed ones; nothing where none is billed."""
    return _part(rent_usd, gpu_hours, np.asarray(busy_gpu_hours, np.float64))


def spare_usd(*, rent_usd: Amount, gpu_hours: Amount, replica_gpu_hours: Amount) -> FloatArray:
    """The part of the rent on which no replica stood: rest of whole machines, rounded lives, reservations not started."""
    return _part(rent_usd, gpu_hours, np.asarray(gpu_hours, np.float64) - replica_gpu_hours)


def idle_usd(*, rent_usd: Amount, used_usd: Amount, spare_usd: Amount) -> FloatArray:
    """The part of the rent for replicas that had nothing to do or were not ready yet: what is left of it."""
    return np.asarray(np.asarray(rent_usd, np.float64) - used_usd - spare_usd, np.float64)


def usd_per_million_tokens(*, paid_usd: Amount, tokens: Amount) -> FloatArray:
    """The reservation figure: all that is paid, idle hours included, over tokens processed, in millions; NaN where there are none.

    What an API's price a million tokens is to be compared with: an API bills no hour in which nobody asks.
    """
    usd, count = np.broadcast_arrays(amount(paid_usd, "paid_usd"), amount(tokens, "tokens"))
    return np.asarray(np.divide(usd, count, out=np.full(usd.shape, np.nan), where=count > 0.0) * MILLION, np.float64)


def _part(rent_usd: Amount, gpu_hours: Amount, of_hours: FloatArray) -> FloatArray:
    # Multiplied before it is divided: a part that is the whole gives the rent itself.
    usd, hours = np.broadcast_arrays(np.asarray(rent_usd, np.float64) * of_hours, np.asarray(gpu_hours, np.float64))
    return np.asarray(np.divide(usd, hours, out=np.zeros(usd.shape), where=hours > 0.0), np.float64)
