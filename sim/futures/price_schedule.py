"""List prices on the days on which they change, as they are announced."""

from __future__ import annotations

from sim.catalog.price_book import PriceBook
from sim.catalog.price_file import ApiRates
from sim.catalog.token_prices import TokenPrices
from sim.futures.calendar import Calendar
from sim.stack.resolved import ResolvedApi


def scheduled_rates(api: ResolvedApi, book: PriceBook, calendar: Calendar) -> tuple[tuple[int, TokenPrices], ...]:
    """The list prices of an API on the days on which they change: (day, prices from then on), the first at day 0.

    Days are those of the calendar. A horizon that begins before the day of the book (which is within its first month, mostly) begins with
    the prices of that day. Rates that were negotiated hold throughout; a discount follows the list. InputError where no price is known on
    a day.
    """
    if api.prices.negotiated and api.prices.discount is None:
        return ((0, api.prices),)
    # A discount that the stack itself states comes off what the book says, be that a list price or one that was negotiated.
    own = None if api.prices.discount is None or api.prices == book.tokens(api.model) else ApiRates(discount=api.prices.discount)

    def paid(listed: TokenPrices) -> TokenPrices:
        return listed if own is None else own.over(listed, api.model.name, "discount", listed.date)

    days = len(calendar.weekday)
    found = [(0, paid(book.tokens_on(api.model, max(calendar.firsts[0], book.date))))]
    for date, listed in book.scheduled_changes(api.model, calendar.firsts[-1]):
        day = calendar.day_of(date)
        if 0 < day < days:
            found.append((day, paid(listed)))
    return tuple(found)
