"""The values of a space's lists, each read alone, so that what is wrong with one is said in one line at its place.

A list may be written as one value, and numbers as a range `1:8` or `2:32:2`, both ends included.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, Any, Literal, get_args

from pydantic import BeforeValidator, Field, Tag

from sim.catalog.gpu import Precision, Purchase
from sim.catalog.strict import formed
from sim.catalog.validation import shown
from sim.errors import InputError, nearest
from sim.planning.axes import MOST_POINTS, axis_of
from sim.stack.quantity import PositiveNumber, Share
from sim.units import parse_number

NAME = re.compile(r"[a-z0-9]([a-z0-9._-]{0,98}[a-z0-9])?")
"""Of an entry of the catalogue, or of a deployment."""
_RANGE = re.compile(r"(\d+)\s*(?:-|\.\.\.?|to)\s*(\d+)", re.ASCII)
"""As people write one who do not know of `1:8`."""
MOST_VALUES = 10_000
"""Of one list: all lists together make no more candidates than are searched."""
MOST_REPLICAS = 10_000
_MOST_GPUS = 1024
_MOST_SEQUENCES = 16_384
_MOST_TOKENS = 10_000_000


def listed(value: Any) -> Any:
    """One value is a list of one."""
    return tuple(value) if isinstance(value, list) else value if value is None else (value,)


def numbers(value: Any) -> Any:
    """One value is a list of one; a text as `1:8` or `2:32:2` is a range."""
    if not (isinstance(value, str) and ":" in value):
        return listed(value)
    try:
        found = axis_of("", value, "range").values
    except InputError as error:
        said = str(error).removeprefix("range: ")
        raise ValueError(said.replace(f"at most {MOST_POINTS:,} are swept", f"allowed: at most {MOST_VALUES:,}")) from None
    if len(found) > MOST_VALUES:
        raise ValueError(f"found {value[:40]}, a range of {len(found):,} values; allowed: at most {MOST_VALUES:,}")
    return found


def _whole(least: int, most: int, *, stack: bool = True) -> BeforeValidator:
    """A whole number, or `stack`."""
    words = f"{'stack or ' if stack else ''}a whole number from {least} to {most:,}"

    def read(value: Any) -> Any:
        if stack and value == "stack":
            return value
        number: Any = value
        if isinstance(value, str):
            try:
                number = parse_number(value)
            except InputError:
                number = None
        if isinstance(number, bool) or not isinstance(number, (int, float)) or not least <= number <= most or number != int(number):
            raise ValueError(f"found {shown(value)}; allowed: {words}{_range_or_name(value, ('stack',) if stack else ())}")
        return int(number)

    return BeforeValidator(read)


def _range_or_name(value: Any, names: Sequence[str]) -> str:
    """The end of a message about what is no whole number: how a range is written, or the nearest name."""
    if not isinstance(value, str):
        return ""
    if (ends := _RANGE.fullmatch(value.strip())) is not None:
        return f", or a range; did you mean '{ends[1]}:{ends[2]}'?"
    return nearest(value, names)


def _named(names: Sequence[str], words: str = "") -> BeforeValidator:
    """One of some names; with `words` anything that has the form of a name, too."""

    def read(value: Any) -> Any:
        if isinstance(value, str) and (value in names or (words and NAME.fullmatch(value))):
            return value
        allowed = ", ".join(names) + (f" or {words}" if words else "")
        raise ValueError(f"found {shown(value)}; allowed: {allowed}{nearest(str(value), names) if isinstance(value, str) else ''}")

    return BeforeValidator(read)


def short_for(key: str, names: Sequence[str], words: str, known: Sequence[str] | None) -> BeforeValidator:
    """One of some names, keys and values, or a text that stands for the value of one key: of `known`, or any name where that is None."""

    def read(value: Any) -> Any:
        if isinstance(value, dict) or (isinstance(value, str) and value in names):
            return value
        if isinstance(value, str) and (NAME.fullmatch(value) if known is None else value in known):
            return {key: value}
        near = nearest(value, (*names, *(known or ()))) if isinstance(value, str) else ""
        raise ValueError(f"found {shown(value)}; allowed: {words}{near}")

    return BeforeValidator(read)


def kind_of(value: Any) -> str:
    """Which of a name and a model a value is: what is wrong with keys is then said of the model alone."""
    return "plain" if isinstance(value, str) else "keyed"


Plain, Keyed = Tag("plain"), Tag("keyed")
As = Literal["stack"]
"""As the stack has it."""
GpuNames = Annotated[tuple[Annotated[str, _named(("stack",), "a catalogue name of a GPU, as h100-sxm")], ...], BeforeValidator(listed)]
Precisions = Annotated[tuple[Annotated[As | Precision, _named(("stack", *get_args(Precision)))], ...], BeforeValidator(listed)]
GpusOfReplica = Annotated[tuple[Annotated[As | int, _whole(1, _MOST_GPUS)], ...], BeforeValidator(numbers)]
Replicas = Annotated[tuple[Annotated[As | int, _whole(0, MOST_REPLICAS)], ...], BeforeValidator(numbers)]
Sequences = Annotated[tuple[Annotated[As | int, _whole(1, _MOST_SEQUENCES)], ...], BeforeValidator(numbers)]
Tokens = Annotated[tuple[Annotated[As | int, _whole(1, _MOST_TOKENS)], ...], BeforeValidator(numbers)]
Fewest = Annotated[tuple[Annotated[int, _whole(0, MOST_REPLICAS, stack=False)], ...], BeforeValidator(numbers)]
Most = Annotated[tuple[Annotated[int, _whole(1, MOST_REPLICAS, stack=False)], ...], BeforeValidator(numbers)]
Targets = Annotated[tuple[PositiveNumber, ...], BeforeValidator(numbers), Field(max_length=100)]
Shares = Annotated[tuple[Share, ...], BeforeValidator(numbers), Field(max_length=100)]
Fallbacks = Annotated[
    tuple[Annotated[str, _named(("stack", "none"), "an API model of the catalogue or of the stack")], ...], BeforeValidator(listed)
]
Anything = Annotated[tuple[Any, ...], BeforeValidator(numbers), Field(max_length=1000)]
Place = Annotated[str, formed(NAME.pattern, "a name has lower case letters, digits, and -, _ or . between them")]
"""An API model of the catalogue, or an API deployment of the stack."""
PURCHASES: tuple[str, ...] = get_args(Purchase)
