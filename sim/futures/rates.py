"""What tokens of an API cost on every day of every future: list changes on their dates, successors, and chance."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from sim.catalog.catalog import Catalog
from sim.catalog.price_book import PriceBook
from sim.catalog.token_prices import Rates, TokenPrices
from sim.cost.from_stack import api_price
from sim.cost.price import ApiPrice
from sim.errors import InputError
from sim.futures.calendar import Calendar
from sim.futures.draws import Draws
from sim.futures.price_schedule import scheduled_rates
from sim.stack.resolved import ResolvedApi

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True)
class DayRates:
    """The rates of one API deployment: R regimes, and which of them holds on each day of each future."""

    regimes: tuple[ApiPrice, ...]
    regime: IntArray
    """[F, T] position in `regimes`."""
    factor: FloatArray
    """[F, T] what chance multiplies the list price by."""


def day_rates(api: ResolvedApi, a: int, draws: Draws, *, catalog: Catalog, book: PriceBook, tier_starts: tuple[int, ...]) -> DayRates:
    """The rates of deployment number a; InputError where a price is not known.

    `tier_starts` are the prompt lengths from which the tokens of a cell are counted apart: a regime's rates are those at each of them.
    """
    futures, days = draws.level.shape
    regimes, own = _regimes(api, book, draws.calendar, tier_starts)
    regime: IntArray = np.broadcast_to(own, (futures, days)).copy()
    successor, since = draws.successors[a], draws.retired_from[:, a]
    if successor is not None and bool((since < days).any()):
        after, theirs = _regimes(heir(api, successor, catalog, book), book, draws.calendar, tier_starts)
        gone = np.arange(days)[None, :] >= since[:, None]
        regime = np.where(gone, theirs[None, :] + len(regimes), regime)
        regimes += after
    return DayRates(tuple(regimes), regime, draws.token_price[:, :, a])


def heir(api: ResolvedApi, successor: str, catalog: Catalog, book: PriceBook) -> ResolvedApi:
    """An API deployment with the prices of the model that takes its place."""
    model = catalog.api(successor)
    prices = book.tokens(model)
    return replace(api, model=model, prices=prices, rates=_rates(prices, batch=api.lane_of is not None))


def _regimes(api: ResolvedApi, book: PriceBook, calendar: Calendar, tier_starts: tuple[int, ...]) -> tuple[list[ApiPrice], IntArray]:
    """The list prices of an API in the order of their days, and which of them holds on each day [T]."""
    regimes = []
    regime = np.zeros(len(calendar.weekday), np.int64)
    for day, prices in scheduled_rates(api, book, calendar):
        rates = _rates(prices, batch=api.lane_of is not None)
        at_starts = Rates(tuple(replace(rates.at(start), from_input_tokens=start) for start in tier_starts))
        regimes.append(api_price(api.model.name, at_starts))
        regime[max(day, 0) :] = len(regimes) - 1
    return regimes, regime


def _rates(prices: TokenPrices, *, batch: bool) -> Rates:
    """The rates that a deployment pays; those of the batch lane where it is one, and the standard ones where that has none."""
    if not batch:
        return prices.standard
    try:
        return prices.batch_rates()
    except InputError:
        return prices.standard
