"""The months of one stack as they were asked for, alike in every command that needs them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from sim.catalog.catalog import Catalog
    from sim.catalog.price_book import PriceBook
    from sim.cli.horizon import Horizon
    from sim.cost.replay import Replay
    from sim.futures.forecast import Forecast
    from sim.stack import ResolvedStack
    from sim.trace import Trace


def forecast_stack(
    asked: Horizon, resolved: ResolvedStack, requests: Trace, found: Replay, *, catalog: Catalog, book: PriceBook, seed: int,
    says: Callable[[str, float, float], None],
) -> Forecast:  # fmt: skip
    """The forecast of a stack whose plain replay has been `found`; replays are kept from one command to the next."""
    from sim.futures.cell_store import CellStore
    from sim.futures.run import Question, forecast

    outlook = asked.outlook.strictly() if asked.strict else asked.outlook.outlook
    question = Question(asked.outlook.name, outlook, asked.calendar, asked.futures, seed, asked.strict, asked.exact)
    return forecast(
        resolved,
        requests,
        question,
        catalog=catalog,
        book=book,
        replayed=found,
        workers=asked.workers,
        store=CellStore.default(),
        says=says,
    )
