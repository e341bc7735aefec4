"""What a day's usage costs at the prices of the stack's date: by how much it matters whether a straight line is off."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from sim.cost.price import ApiPrice, Price
from sim.futures.usage import UsageLayout, priced_item


def day_cost(prices: Mapping[str, Price], layout: UsageLayout) -> npt.NDArray[np.float64]:
    """[I] USD of one unit of each amount: GPU-hours paid, priced tokens and requests; 0 for what nobody charges."""
    usd = np.zeros(len(layout))
    for name, price in prices.items():
        if not isinstance(price, ApiPrice):
            usd[layout.at(name, "paid_gpu_hours")] = price.usd_per_gpu_hour or 0.0
            continue
        usd[layout.at(name, "priced_requests")] = price.request_usd or 0.0
        for tier, rate in enumerate(price.tiers):
            for kind, of_kind in enumerate((rate.input_usd, rate.cached_input_usd, rate.output_usd)):
                usd[layout.at(name, priced_item(kind, tier))] = of_kind or 0.0
    return usd
