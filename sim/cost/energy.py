"""Electricity: what GPUs take while they stand there, and what it costs.

A GPU at work is taken to draw its rated power, an upper bound (an H200 was measured at 520 to 590 of 700 W), and an idle one a share of
it, both with their part of the machine around them if `power_w` includes it (a DGX H100 is 10.2 kW for eight GPUs of 700 W). Cooling and
losses of the building are the PUE.
"""

from __future__ import annotations

import numpy as np

from sim.cost.amount import Amount, FloatArray, above_zero, amount, product, share
from sim.errors import InputError

IDLE_POWER_SHARE = 0.14
"""Assumed for every GPU: 80 W idle over 593 W at work, a published measurement of one H200 (serialalice.pt, 2026-06)."""
_WATTS_PER_KW = 1000.0


def energy_kwh(
    *, gpu_hours: Amount, power_w: Amount, busy_share: Amount, pue: Amount = 1.0, idle_power_share: Amount = IDLE_POWER_SHARE
) -> FloatArray:
    """GPU-hours x kW a GPU x (idle + (1 - idle) x busy share) x PUE, kWh at the meter of the building."""
    building = above_zero(pue, "pue")
    if (building < 1.0).any():
        raise InputError(f"pue: found {float(building.min())}; allowed: 1 or more, the building's energy over that of its computers")
    idle, busy = share(idle_power_share, "idle_power_share"), share(busy_share, "busy_share")
    at_work = idle + (1.0 - idle) * busy
    return np.asarray(amount(gpu_hours, "gpu_hours") * amount(power_w, "power_w") / _WATTS_PER_KW * at_work * building, np.float64)


def power_usd(*, energy_kwh: Amount, usd_per_kwh: Amount | None, factor: Amount = 1.0) -> FloatArray:
    """Electricity: kWh x USD a kWh. Of owned hardware only: rent includes it."""
    return product(quantity=energy_kwh, usd=usd_per_kwh, what="a kWh", factor=factor)
