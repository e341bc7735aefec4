"""Prices of tokens and of GPU-hours over the days of all futures, as factors on what they are now.

A list price of tokens is a step process: unannounced changes come at random, up or down, by a lognormal logarithm; what is announced is
in the price book (sim/futures/price_schedule.py). The price of a GPU drifts together with all others, walks by itself from month to month,
and jumps; a reserved one is paid at the price of the day on which its term began.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sim.catalog.api import Api
from sim.futures.calendar import Calendar
from sim.futures.luck import Luck
from sim.futures.renewal import poisson_times
from sim.stack.outlook import ApiPrices, GpuPrices, PriceSteps
from sim.units import SECONDS_PER_DAY

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

_LARGEST_LN = 20.0
_YEAR_S = 365.0 * SECONDS_PER_DAY


def _steps(generator: np.random.Generator, per_second: FloatArray, says: PriceSteps | GpuPrices, calendar: Calendar) -> FloatArray:
    """[F, T] the sum of the logarithms of all steps up to and on a day."""
    future, time_s = poisson_times(generator, per_second=per_second, length_s=calendar.length_s)
    rises = generator.random(len(future)) < says.rise_share
    z = generator.standard_normal(len(future))
    # A lognormal logarithm without an end would have no mean: it is cut at the largest step that is thought possible.
    rise, cut = np.minimum(says.rise_ln.at(z), says.largest_rise_ln), np.minimum(says.cut_ln.at(z), says.largest_cut_ln)
    size = np.where(rises, rise, -cut)
    total = np.zeros((len(per_second), len(calendar.weekday)))
    np.add.at(total, (future, (time_s // SECONDS_PER_DAY).astype(np.int64)), size)
    # Beyond this a price is none, and its exponential might overflow.
    return np.clip(np.cumsum(total, axis=1), -_LARGEST_LN, _LARGEST_LN)


def token_price_path(prices: ApiPrices, api: Api, calendar: Calendar, luck: Luck) -> FloatArray | None:
    """[F, T] factor on the list price of a model of the catalogue; None where it never changes."""
    hosted = api.serves is not None or api.vendor in prices.hosts
    says: PriceSteps = prices.open_models if hosted else prices.own_models
    if says.changes_per_year.middle == 0.0:
        return None
    generator = luck.stream("api_prices", f"model/{api.name}")
    per_second = says.changes_per_year.at(generator.standard_normal(luck.futures)) / _YEAR_S
    return np.exp(_steps(generator, per_second, says, calendar))


def gpu_market_path(prices: GpuPrices, gpu: str, calendar: Calendar, luck: Luck) -> FloatArray:
    """[F, T] factor on the price that an hour of a GPU is rented at: changes of the month on its first day, jumps on any."""
    months = np.arange(calendar.months, dtype=np.float64)
    drift = prices.drift_per_month.compounded(luck.normal("gpu_prices", "drift")[:, None], months)
    generator = luck.stream("gpu_prices", f"gpu/{gpu}")
    sigma = prices.monthly_sigma
    walk = np.zeros((luck.futures, calendar.months))
    walk[:, 1:] = sigma * generator.standard_normal((luck.futures, calendar.months - 1)) - sigma * sigma / 2
    monthly = drift * np.exp(np.cumsum(walk, axis=1))
    path = monthly[:, calendar.month_of_day]
    if prices.jumps_per_year > 0.0:
        per_second = np.full(luck.futures, prices.jumps_per_year / _YEAR_S)
        path *= np.exp(_steps(generator, per_second, prices, calendar))
    return path


def paid_path(prices: GpuPrices, gpu: str, term_months: float | None, calendar: Calendar, luck: Luck) -> FloatArray | None:
    """[F, T] the factor that a pool pays: the market's, or for hours bought for a term that of the day on which the term began.

    Terms begin on the first day of the horizon and end with a month; None where nothing changes the price.
    """
    if term_months is not None and term_months >= calendar.months:
        return None
    market = gpu_market_path(prices, gpu, calendar, luck)
    if term_months is None:
        return market
    months = np.arange(calendar.months)
    begun = np.ceil(np.floor(months / term_months) * term_months).astype(np.int64)
    first_day = np.searchsorted(calendar.month_of_day, begun)
    return market[:, first_day[calendar.month_of_day]]
