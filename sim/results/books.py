"""The catalogue and the price book of a day, opened once for everything that is asked of them."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from pathlib import Path

from sim.catalog.catalog import Catalog
from sim.catalog.price_book import PriceBook
from sim.errors import InputError

_YEARS = (2000, 2099)
"""As of `--start`: a calendar has an end, and ten years of months must follow."""


@dataclass(frozen=True, eq=False)
class Books:
    """A catalogue, prices of a day, and how both were asked for."""

    catalog: Catalog
    book: PriceBook
    models: Path | None = None
    """The folder of one's own entries that goes before the bundled catalogue."""
    date: str | None = None
    """The day of the prices as it was given; None: the catalogue's."""

    @property
    def key(self) -> tuple[object, ...]:
        """Equal for books that say the same."""
        return self.catalog.folders, self.book.date, self.book.prices_text


def open_books(models: Path | None, date: str | None, prices: Path | None) -> Books:
    """The catalogue, with a folder of one's own before the bundled one, and prices of a day, those of a file before the catalogue's.

    What was read into a file of another tool is in the notes of the price book. InputError for a day that is none, and for files that
    cannot be read.
    """
    catalog = Catalog.load(*([models] if models else []))
    try:
        day = datetime.date.fromisoformat(date) if date is not None else catalog.date
    except ValueError:
        raise InputError(f"--date: found {date!r}; a day as 2026-11-21 is needed") from None
    if not _YEARS[0] <= day.year <= _YEARS[1]:
        raise InputError(f"--date: found {date!r}; allowed: a day from {_YEARS[0]} to {_YEARS[1]}, as 2026-11-21")
    if prices is None:
        return Books(catalog, PriceBook(day), models, date)
    from sim.catalog.price_formats import load_prices

    return Books(catalog, PriceBook(day, load_prices(prices, catalog), str(prices)), models, date)
