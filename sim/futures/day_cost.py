"""What a day's usage costs at the prices of the stack's date: by how much it matters whether a straight line is off."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sim.cost.from_stack import stack_prices
from sim.cost.price import ApiPrice
from sim.futures.usage import UsageLayout, priced_item
from sim.stack.resolved import ResolvedStack


def day_cost(resolved: ResolvedStack, layout: UsageLayout) -> npt.NDArray[np.float64]:
    """[I] USD of one unit of each amount: GPU-hours paid, priced tokens and requests; 0 for what nobody charges."""
    weights = np.zeros(len(layout))
    for name, price in stack_prices(resolved).items():
        if not isinstance(price, ApiPrice):
            weights[layout.at(name, "paid_gpu_hours")] = price.usd_per_gpu_hour or 0.0
            continue
        weights[layout.at(name, "priced_requests")] = price.request_usd or 0.0
        for tier, rate in enumerate(price.tiers):
            for kind, usd in enumerate((rate.input_usd, rate.cached_input_usd, rate.output_usd)):
                weights[layout.at(name, priced_item(kind, tier))] = usd or 0.0
    return weights
