"""List prices on the days on which they change, as they are announced."""

from __future__ import annotations

from sim.catalog.price_book import PriceBook
from sim.catalog.token_prices import TokenPrices
from sim.futures.calendar import Calendar
from sim.stack.resolved import ResolvedApi


def scheduled_rates(api: ResolvedApi, book: PriceBook, calendar: Calendar) -> tuple[tuple[int, TokenPrices], ...]:
    """The list prices of an API on the days on which they change: (day, prices from then on), the first at day 0.

    Days are those of the calendar. Rates that were negotiated hold throughout; a discount follows the list. InputError where no price is
    known on a day.
    """
    first, last = calendar.firsts[0], calendar.firsts[-1]
    if api.prices.negotiated:
        return ((0, api.prices),)
    found = [(0, book.tokens_on(api.model, first) if first != api.prices.date else api.prices)]
    for date, prices in book.scheduled_changes(api.model, last):
        day = calendar.day_of(date)
        if 0 < day < len(calendar.weekday):
            found.append((day, prices))
    return tuple(found)
