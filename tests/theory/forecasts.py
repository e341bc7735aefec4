"""Whole forecasts of small stacks, through the code that makes the bands of `sim run`."""

from __future__ import annotations

import datetime
from typing import Any

import numpy as np

from sim.cost.replay import replay
from sim.futures.calendar import Calendar
from sim.futures.cell_store import CellStore
from sim.futures.forecast import Forecast
from sim.futures.run import Question, forecast
from sim.trace.trace import Trace
from tests.made.draws import BOOK, CATALOG, outlook, resolved

START = datetime.date(2026, 12, 1)
DAY_S = 86_400.0

FREE = "deployments: {api: {kind: api, model: gpt-6.1-sol, limits: [], client: none}}"
"""An API that takes everything."""
PROMPT, OUTPUT = 100, 20


def even_trace(every_s: float = 300.0, days: float = 1.0) -> Trace:
    """Requests all alike at even times, answered within seconds: what costs money is in proportion to demand."""
    n = round(days * DAY_S / every_s)
    return Trace.from_arrays(
        arrival_s=(np.arange(n) + 0.5) * every_s, prompt_tokens=np.full(n, PROMPT), output_tokens=np.full(n, OUTPUT),
        metadata={"sim.duration_s": repr(days * DAY_S)},
    )  # fmt: skip


def whole_forecast(
    says: str, stack: str = FREE, trace: Trace | None = None, *, months: int = 3, futures: int = 100, seed: int = 1, **given: Any
) -> Forecast:
    """The forecast of a stack under an outlook given as text; no replay is kept from one to the next."""
    trace = trace or even_trace()
    found = resolved(stack)
    book = given.pop("book", BOOK)
    question = Question("made", outlook(says), Calendar(given.pop("start", START), months), futures, seed)
    replayed = replay(found, trace, catalog=CATALOG, book=book, seed=seed)
    return forecast(found, trace, question, catalog=CATALOG, book=book, replayed=replayed, store=CellStore(None), **given)
