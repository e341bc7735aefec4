"""GPUs that are owned: what of the price of their hours is electricity and room, the rest being their part of the purchase.

The price of an hour (`owned_usd_per_gpu_hour` of sim/stack/on_premises.py) holds all three; power is taken as drawn all the time.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sim.cost.amount import Amount, FloatArray, amount, product
from sim.cost.energy import energy_kwh, power_usd
from sim.stack.resolved import Upkeep
from sim.units import HOURS_PER_MONTH


@dataclass(frozen=True)
class UpkeepUsd:
    """Electricity and hosting of some GPU-hours, and how much of each they are."""

    energy_kwh: FloatArray
    power_usd: FloatArray
    gpu_months: FloatArray
    hosting_usd: FloatArray


def upkeep_of(*, gpu_hours: Amount, upkeep: Upkeep, factor: Amount = 1.0) -> UpkeepUsd:
    """Power and hosting of owned GPUs that stand there for so many hours, at work or not; `factor` is that on the price of an hour."""
    kwh = energy_kwh(gpu_hours=gpu_hours, power_w=upkeep.power_w, busy_share=1.0, pue=upkeep.pue)
    months = np.asarray(amount(gpu_hours, "gpu_hours") / HOURS_PER_MONTH, np.float64)
    return UpkeepUsd(
        energy_kwh=kwh,
        power_usd=power_usd(energy_kwh=kwh, usd_per_kwh=upkeep.usd_per_kwh, factor=factor),
        gpu_months=months,
        hosting_usd=hosting_usd(gpus=months, usd_per_gpu_month=upkeep.hosting_usd_per_gpu_month, factor=factor),
    )


def hosting_usd(*, gpus: Amount, usd_per_gpu_month: Amount | None, factor: Amount = 1.0) -> FloatArray:
    """Room, cooling contract, hands on site: GPUs that stand there for a month x USD a GPU and month; electricity is `power_usd`."""
    return product(quantity=gpus, usd=usd_per_gpu_month, what="hosting a GPU", factor=factor)
