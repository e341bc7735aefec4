"""Field types of a stack: quantities that a user writes with a unit (`800ms`, `30k`, `99.5%`) and the schema holds in base units."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from sim.catalog.strict import formed, parsed
from sim.units import SECONDS_PER_MINUTE, parse_number, parse_seconds, parse_share, parse_usd, show_seconds


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


_ODD_AFTER_S = (("ttft", SECONDS_PER_MINUTE), ("tpot", 1.0))
"""Latencies that are odd above so many seconds."""


def understood(name: str, given: object, longest_s: float = SECONDS_PER_MINUTE) -> str:
    """How a plain number was understood where so many seconds are odd and milliseconds may have been meant; nothing elsewhere."""
    try:
        value = float(given.replace(",", "") if isinstance(given, str) else given) if isinstance(given, (str, int, float)) else 0.0
    except ValueError:
        return ""  # it has a unit, and says itself what it is
    return f"{name} is {show_seconds(value)}; {value:g}ms is written so" if value > longest_s else ""


def odd_seconds(metric: str, given: object) -> str:
    """How a plain number given for a latency was understood where it is odd: `ttft_p99 is 25 min; 1500ms is written so`.

    Nobody waits a minute for a first token, and even a slow reader reads several tokens a second.
    """
    longest_s = next((longest_s for start, longest_s in _ODD_AFTER_S if metric.startswith(start)), 2 * SECONDS_PER_MINUTE)
    return understood(metric, given, longest_s)


def _whole(value: Any) -> Any:
    """What `30k` was read as, a float, as a whole number."""
    if isinstance(value, float):
        if not value.is_integer():
            raise ValueError(f"found {value:g}; a whole number is needed")
        return int(value)
    return value


MOST_SECONDS = 1e10
"""Three centuries: a longer time is a slip, and clocks would lose their fractions of a second."""

Seconds = Annotated[float, Unit("s"), parsed(parse_seconds), Field(ge=0, le=MOST_SECONDS)]
"""A duration: `800ms`, `3s`, `2h`, or a plain number of seconds."""

PositiveSeconds = Annotated[float, Unit("s"), parsed(parse_seconds), Field(gt=0, le=MOST_SECONDS)]

Number = Annotated[float, parsed(parse_number), Field(ge=0)]
"""A plain number, possibly with k, M or B."""

PositiveNumber = Annotated[float, parsed(parse_number), Field(gt=0)]

Whole = Annotated[int, BeforeValidator(_whole), parsed(parse_number), Field(ge=0)]
"""A whole number, possibly with k, M or B: `30k` tokens."""

PositiveWhole = Annotated[int, BeforeValidator(_whole), parsed(parse_number), Field(gt=0)]

Share = Annotated[float, parsed(parse_share), Field(ge=0, le=1)]
"""A share of one: `99.5%` or `0.995`."""

Usd = Annotated[float, Unit("USD"), parsed(parse_usd), Field(ge=0, le=1e12)]
"""An amount of money in US dollars: `$5`, `3.2`."""

DeploymentName = Annotated[
    str, formed(r"[a-z0-9]([a-z0-9_-]{0,62}[a-z0-9])?", "a name has lower case letters, digits, - and _ between them, at most 64")
]
"""What a stack calls a deployment: lower case letters, digits, `-` and `_`, at most 64 characters."""
