"""Field types of a stack: quantities that a user writes with a unit (`800ms`, `30k`, `99.5%`) and the schema holds in base units."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from sim.catalog.strict import formed
from sim.errors import InputError
from sim.units import parse_number, parse_seconds, parse_share, parse_usd


@dataclass(frozen=True, slots=True)
class Unit:
    """The base unit of a field, for people."""

    name: str


@dataclass(frozen=True, slots=True)
class DefaultFrom:
    """Who says the default of a field, where it is not ours; `assumed` when nobody does."""

    source: str


VLLM = DefaultFrom("vLLM 0.33.0")
ASSUMED = DefaultFrom("assumed")


def _read(parse: Callable[[str | float], float]) -> Callable[[Any], Any]:
    """The parser as a pydantic validator: a text or number is read, anything else is left for pydantic to refuse."""

    def read(value: Any) -> Any:
        if not isinstance(value, (str, int, float)) or isinstance(value, bool):
            return value
        try:
            return parse(value)
        except InputError as error:
            raise ValueError(str(error)) from None

    return read


def _whole(value: Any) -> Any:
    """A count such as `30k` as a whole number; InputError becomes a message of the field."""
    number = _read(parse_number)(value)
    if isinstance(number, float):
        if not number.is_integer():
            raise ValueError(f"found {value!r}; a whole number is needed")
        return int(number)
    return number


MOST_SECONDS = 1e10
"""Three centuries: a longer time is a slip, and clocks would lose their fractions of a second."""

Seconds = Annotated[float, Unit("s"), BeforeValidator(_read(parse_seconds)), Field(ge=0, le=MOST_SECONDS)]
"""A duration: `800ms`, `3s`, `2h`, or a plain number of seconds."""

PositiveSeconds = Annotated[float, Unit("s"), BeforeValidator(_read(parse_seconds)), Field(gt=0, le=MOST_SECONDS)]

Number = Annotated[float, BeforeValidator(_read(parse_number)), Field(ge=0)]
"""A plain number, possibly with k, M or B."""

PositiveNumber = Annotated[float, BeforeValidator(_read(parse_number)), Field(gt=0)]

Whole = Annotated[int, BeforeValidator(_whole), Field(ge=0)]
"""A whole number, possibly with k, M or B: `30k` tokens."""

PositiveWhole = Annotated[int, BeforeValidator(_whole), Field(gt=0)]

Share = Annotated[float, BeforeValidator(_read(parse_share)), Field(ge=0, le=1)]
"""A share of one: `99.5%` or `0.995`."""

Usd = Annotated[float, Unit("USD"), BeforeValidator(_read(parse_usd)), Field(ge=0)]
"""An amount of money in US dollars: `$5`, `3.2`."""

DeploymentName = Annotated[
    str, formed(r"[a-z0-9]([a-z0-9_-]{0,62}[a-z0-9])?", "a name has lower case letters, digits, - and _ between them, at most 64")
]
"""What a stack calls a deployment: lower case letters, digits, `-` and `_`, at most 64 characters."""
