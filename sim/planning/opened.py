"""The inputs of a study as a process holds them: read once, by content, however many points follow.

What is found on disk must still be what the study was made of: a trace or a catalogue that has changed since is an InputError, so that
points of different inputs never stand in one table.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from sim.catalog.catalog import Catalog
from sim.catalog.price_book import PriceBook
from sim.errors import InputError
from sim.planning.contents import catalog_sha256
from sim.stack.facts import TraceFacts, facts_of
from sim.trace.columns import TraceChunk
from sim.trace.trace import Trace, read_trace

if TYPE_CHECKING:
    from sim.measure.load import SaturationCache
    from sim.planning.points import Study

_MOST_BYTES = 256 << 20
"""Of a trace that is kept in memory; a larger one is read anew for every replay."""
_ROWS = 65536


@dataclass(frozen=True)
class Opened:
    """A study's trace with its facts, catalogue and prices, and the saturation points found so far by this process."""

    trace: Trace
    facts: TraceFacts
    catalog: Catalog
    book: PriceBook
    saturations: SaturationCache


def open_study(study: Study) -> Opened:
    """The inputs of a study; InputError where one cannot be read or is not what it was when the study was made."""
    trace, facts = _trace(study.trace, study.trace_sha256)
    catalog, book = _books(study.models, study.catalog_sha256, study.prices_text, study.date)
    return Opened(trace, facts, catalog, book, _saturations(study.trace_sha256))


class _Held(Trace):
    """A trace whose rows stay in memory, as decoding them again costs a tenth of a replay."""

    def __init__(self, trace: Trace, held: tuple[TraceChunk, ...]) -> None:
        self.__dict__.update(trace.__dict__)
        self._held = held

    def chunks(self, rows: int = _ROWS) -> Iterator[TraceChunk]:
        return iter(self._held) if rows == _ROWS else super().chunks(rows)


@lru_cache(maxsize=2)
def _trace(path: Path, sha256: str) -> tuple[Trace, TraceFacts]:
    trace = read_trace(path)
    if trace.info.sha256 != sha256:
        raise InputError(f"{path}: has changed while it was being used; start again to use it as it is now")
    held: list[TraceChunk] = []
    size = 0
    for chunk in trace.chunks(_ROWS):
        size += sum(getattr(column, "nbytes", 0) for column in vars(chunk).values())
        if size > _MOST_BYTES:
            break
        held.append(chunk)
    kept = trace if size > _MOST_BYTES else _Held(trace, tuple(held))
    return kept, facts_of(kept)


@lru_cache(maxsize=2)
def _books(models: Path | None, contents: str, prices_text: str | None, date: str | None) -> tuple[Catalog, PriceBook]:
    from sim.catalog.price_file import price_file_of

    catalog = Catalog.load(*([models] if models is not None else []))
    if catalog_sha256(models) != contents:
        raise InputError("the catalogue (models/, --models) is not the one that this began with; start again to use it as it is now")
    day = datetime.date.fromisoformat(date) if date is not None else catalog.date
    if prices_text is None:
        return catalog, PriceBook(day)
    return catalog, PriceBook(day, price_file_of(prices_text))


@lru_cache(maxsize=1)
def _saturations(trace_sha256: str) -> SaturationCache:  # noqa: ARG001  (what belongs to another trace need not be at hand)
    from sim.futures.cell_store import CellStore
    from sim.planning.saturation_store import KeptSaturations

    return KeptSaturations(CellStore.default())
