"""GPUs that are owned: what buying them costs, as a charge a month and as cash, and the room they stand in.

The bill carries the charge a month (straight line over the life of the hardware, down to what it can be sold for), as a part of the
price of a GPU-hour (`owned_usd_per_gpu_hour` of sim/stack/on_premises.py); the cash view says when the money leaves. Over a whole
life both add up to the same.
"""

from __future__ import annotations

import numpy as np

from sim.cost.amount import Amount, FloatArray, amount, product, share
from sim.cost.schedule import Month, once, spread


def capex_usd(
    *, purchase_usd: Amount | None, month: Month, life_months: Amount, residual_share: Amount = 0.0, from_month: Month = 0
) -> FloatArray:
    """Straight-line amortisation: purchase x (1 - residual share) / life in months, in every month of the life that begins `from_month`."""
    due = spread(month=month, over_months=life_months, from_month=from_month)
    return np.asarray(
        product(quantity=due, usd=purchase_usd, what="the hardware") * (1.0 - share(residual_share, "residual_share")), np.float64
    )


def capex_cash_usd(
    *, purchase_usd: Amount | None, month: Month, life_months: Amount, residual_share: Amount = 0.0, from_month: Month = 0
) -> FloatArray:
    """The cash view: the purchase in the month it is made, and minus what it is sold for in the month after its life."""
    sold_in = np.asarray(from_month) + np.ceil(amount(life_months, "life_months")).astype(np.int64)
    paid = product(quantity=once(month=month, at_month=from_month), usd=purchase_usd, what="the hardware")
    sold = product(quantity=once(month=month, at_month=sold_in), usd=purchase_usd, what="the hardware")
    return np.asarray(paid - sold * share(residual_share, "residual_share"), np.float64)


def hosting_usd(*, gpus: Amount, usd_per_gpu_month: Amount | None, factor: Amount = 1.0) -> FloatArray:
    """Room, cooling contract, hands on site: GPUs that stand there x USD a GPU and month, used or not; electricity is `power_usd`."""
    return product(quantity=gpus, usd=usd_per_gpu_month, what="hosting a GPU", factor=factor)
