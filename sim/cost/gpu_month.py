"""What GPUs cost in any shape, [F, M] futures x months mostly: the rent of their hours, and what of it is for what they did.

GPU-hours are those that are billed: whole machines, rounded lives, reserved ones whether GPUs stand there or not (sim/cost/gpu.py).
"""

from __future__ import annotations

import numpy as np

from sim.cost.amount import Amount, FloatArray, amount, product
from sim.units import MILLION


def rent_usd(*, gpu_hours: Amount, usd_per_gpu_hour: Amount | None, factor: Amount = 1.0) -> FloatArray:
    """However hours are bought: GPU-hours billed x USD a GPU-hour x factor on the price."""
    return product(quantity=gpu_hours, usd=usd_per_gpu_hour, what="a GPU-hour", factor=factor)


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
