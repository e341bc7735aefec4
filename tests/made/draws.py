"""Stacks and outlooks from a few lines of text, and their draws."""

from __future__ import annotations

import datetime
from typing import Any

from sim.catalog.catalog import Catalog
from sim.catalog.price_book import PriceBook
from sim.catalog.yaml_document import parse_documents
from sim.futures.calendar import Calendar
from sim.futures.draw import draw
from sim.futures.draws import Draws
from sim.stack.outlook import Outlook
from sim.stack.outlook_read import outlook_of
from sim.stack.read import stack_of
from sim.stack.resolve import resolve
from sim.stack.resolved import ResolvedStack

CATALOG = Catalog.bundled()
BOOK = PriceBook(CATALOG.date)
START = datetime.date(2026, 12, 1)

POOL = "kind: gpu, llm: llama-3.1-8b, gpu: h100-sxm"
ONE_POOL = f"deployments: {{own: {{{POOL}}}}}"
ONE_API = "deployments: {out: {kind: api, model: gpt-6.1-sol}}"


def resolved(text: str) -> ResolvedStack:
    """A stack of the bundled catalogue."""
    return resolve(stack_of(parse_documents(text, "stack.yaml")[0], "stack"), CATALOG, BOOK)


def outlook(text: str) -> Outlook:
    """An outlook; what is left out does not happen."""
    return outlook_of(parse_documents(text, "outlook.yaml")[0], "outlook", CATALOG).outlook


def drawn(says: str, stack: str | ResolvedStack = ONE_POOL, *, months: int = 12, futures: int = 100, **changed: Any) -> Draws:
    """The draws of a stack; a trace of one day, of an unknown weekday and without error of its own, unless it is changed."""
    given: dict[str, Any] = {"seed": 1, "sample_sigma": 0.0, "trace_days": 1.0, "weekday_of_trace": None, "catalog": CATALOG} | changed
    start = given.pop("start", START)
    whole = resolved(stack) if isinstance(stack, str) else stack
    return draw(outlook(says), whole, calendar=Calendar(start, months), futures=futures, **given)
