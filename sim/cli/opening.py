"""What several commands open alike: the catalogue and the price book of a day."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sim.catalog.catalog import Catalog
    from sim.catalog.price_book import PriceBook
    from sim.trace import Trace

_YEARS = (2000, 2099)
"""As of `--start`: a calendar has an end, and ten years of months must follow."""


def open_books(folder: Path | None, date: str | None, prices: Path | None) -> tuple[Catalog, PriceBook]:
    """The catalogue, with a folder of one's own before the bundled one, and prices of a day, negotiated ones before the list's."""
    import datetime

    from sim.catalog.catalog import Catalog
    from sim.catalog.price_book import PriceBook
    from sim.errors import InputError

    catalog = Catalog.load(*([folder] if folder else []))
    try:
        day = datetime.date.fromisoformat(date) if date is not None else catalog.date
    except ValueError:
        raise InputError(f"--date: found {date!r}; a day as 2026-11-21 is needed") from None
    if not _YEARS[0] <= day.year <= _YEARS[1]:
        raise InputError(f"--date: found {date!r}; allowed: a day from {_YEARS[0]} to {_YEARS[1]}, as 2026-11-21")
    if prices is None:
        return catalog, PriceBook(day)
    from sim.catalog.price_file import load_price_file

    return catalog, PriceBook(day, load_price_file(prices, catalog), str(prices))


def trace_for_months(file: Path, name: str) -> Trace:
    """A trace of which months can be made; InputError for one that is but a moment, or a closed loop. `name` is shown for it."""
    from sim.errors import InputError
    from sim.trace import read_trace

    found = read_trace(file, name)
    if found.closed_loop is not None:
        raise InputError(
            f"{name}: {found.closed_loop}: no month can be made of that, as it has no rate of its own to grow; a trace of arrivals is "
            f"needed (the replay of a closed loop is sim run {name})"
        )
    if found.info.duration_s <= 0:
        raise InputError(f"{name}: all requests arrive at once: no month can be made of that; a trace that lasts is needed")
    return found
