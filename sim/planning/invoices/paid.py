"""What a bill says: what was paid for each of its lines in each month, and what of it is known to mean tokens of a model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sim.planning.invoices.lines import Lines
    from sim.planning.invoices.sheet import Sheet


@dataclass(frozen=True, slots=True)
class Paid:
    """What one line of a bill cost in one month; `deployment` is empty where the bill does not say."""

    month: str
    line: str
    deployment: str
    usd: float


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a line of a vendor's bill is for, where the bill says it: a model, and one item of a forecast or all that it costs."""

    vendor: str
    """As the catalogue names it; empty: any that serves the model."""
    model: str
    item: str = ""
    """`api_input`, `api_cached_input`, `api_output`; empty: all of them."""


@dataclass(frozen=True)
class Invoice:
    """A bill that was read."""

    paid: tuple[Paid, ...]
    """In order of month and name."""
    format: str
    notes: tuple[str, ...] = ()
    """What is counted and what is not, with its cost."""
    meanings: Mapping[str, Meaning] = field(default_factory=lambda: MappingProxyType({}))
    """By the name of a line."""


@dataclass(frozen=True)
class Format:
    """A format of bills: how it is recognised, and how its rows become lines."""

    name: str
    about: str
    matches: Callable[[Sheet], bool]
    read: Callable[[Sheet, Lines], None]
