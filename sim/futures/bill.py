"""The bill of every month of every future: tokens and GPU-hours of cells and incidents at the prices of their days."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sim.cost.gpu_month import idle_usd, rent_usd, spare_usd, used_usd
from sim.cost.on_premises import upkeep_of
from sim.cost.price import GpuPrice
from sim.cost.tokens_month import requests_usd, tokens_usd
from sim.futures.combine import Part, exact_hours, month_amounts
from sim.futures.draws import Draws
from sim.futures.forecast import LineName
from sim.futures.rates import DayRates
from sim.futures.usage import KINDS, UsageLayout, priced_item

FloatArray = npt.NDArray[np.float64]

Lines = list[tuple[LineName, FloatArray]]


@dataclass(frozen=True)
class Prices:
    """The prices of a stack's deployments by number: rates of days for APIs, what an hour costs for pools."""

    names: tuple[str, ...]
    pools: Mapping[int, GpuPrice]
    apis: Mapping[int, DayRates]
    assumed: Mapping[int, str]
    """In words, what a price rests on that nobody stated."""


def usage_lines(parts: Sequence[Part], draws: Draws, layout: UsageLayout, prices: Prices) -> Lines:
    """The lines of all deployments, each [F, M], in the order of the deployments."""
    lines: Lines = []
    for d, name in enumerate(prices.names):
        made = (
            _pool_lines(parts, draws, layout, name, d, prices.pools[d])
            if d in prices.pools
            else _api_lines(parts, draws, layout, name, prices.apis[d])
        )
        lines += [(LineName(name, item, "invoice", prices.assumed.get(d, "")), usd) for item, usd in made]
    return lines


def _api_lines(parts: Sequence[Part], draws: Draws, layout: UsageLayout, name: str, rates: DayRates) -> list[tuple[str, FloatArray]]:
    shape = (draws.futures, draws.calendar.months)
    usd = np.zeros((len(KINDS) + 1, *shape))
    for position, price in enumerate(rates.regimes):
        holds = rates.regime == position
        if not holds.any():
            continue
        items = [(kind, tier) for kind in range(len(KINDS)) for tier in range(len(price.tiers))]
        columns = [layout.at(name, priced_item(kind, tier)) for kind, tier in items] + [layout.at(name, "priced_requests")]
        counted = month_amounts(parts, draws.calendar, columns, np.where(holds, rates.factor, 0.0))
        counted = np.maximum(counted, 0.0)
        for k, (kind, tier) in enumerate(items):
            rate = price.tiers[tier]
            per_token = (rate.input_usd, rate.cached_input_usd, rate.output_usd)[kind]
            what = f"{KINDS[kind].replace('_', ' ')} tokens of {price.model}"
            usd[kind] += tokens_usd(tokens=counted[:, :, k], usd_per_token=per_token, what=what)
        usd[-1] += requests_usd(requests=counted[:, :, -1], usd_per_request=price.request_usd, what=f"a request to {price.model}")
    named = zip((*(f"api_{kind}" for kind in KINDS), "api_requests"), usd, strict=True)
    return [(item, values) for item, values in named if item in ("api_input", "api_output") or values.any()]


def _pool_lines(
    parts: Sequence[Part], draws: Draws, layout: UsageLayout, name: str, d: int, price: GpuPrice
) -> list[tuple[str, FloatArray]]:
    factor = draws.gpu_price[:, :, d]
    hours = [
        month_amounts(parts, draws.calendar, layout.at(name, item), factor)
        for item in ("paid_gpu_hours", "present_gpu_hours", "busy_gpu_hours")
    ]
    paid = exact_hours(hours[0])
    present = np.clip(hours[1], 0.0, paid)
    # All but rounding: no part of a machine was empty.
    present = np.where(present > paid * (1 - 1e-9), paid, present)
    busy = np.clip(hours[2], 0.0, present)
    rent = rent_usd(gpu_hours=paid, usd_per_gpu_hour=price.usd_per_gpu_hour)
    beside: list[tuple[str, FloatArray]] = []
    if price.upkeep is not None:
        found = upkeep_of(gpu_hours=paid, upkeep=price.upkeep)
        beside = [("gpu_power", found.power_usd), ("gpu_hosting", found.hosting_usd)]
        rent = np.maximum(rent - found.power_usd - found.hosting_usd, 0.0)
    used = used_usd(rent_usd=rent, gpu_hours=paid, busy_gpu_hours=busy)
    spare = spare_usd(rent_usd=rent, gpu_hours=paid, replica_gpu_hours=present)
    lines = [("gpu_used", used), ("gpu_idle", idle_usd(rent_usd=rent, used_usd=used, spare_usd=spare))]
    return lines + [(item, usd) for item, usd in (("gpu_spare", spare), *beside) if usd.any()]
