"""A closed loop of clients: each sends its next request when its last one has ended (docs/engine.md, closed-loop clients)."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import Any, Literal, get_args

from sim.errors import InputError, input_error, nearest, visible
from sim.trace.columns import MOST_SECONDS
from sim.units import SECONDS_PER_DAY, show_seconds

ThinkLaw = Literal["constant", "exponential"]
THINK_LAWS: tuple[ThinkLaw, ...] = get_args(ThinkLaw)
MOST_CLIENTS = 10_000_000
KEY = "sim.closed_loop"
"""Where the metadata of a trace file state its closed loop."""
_LONGEST = 1000
_MOST_SECONDS = 1e12
_KINDS = MappingProxyType(
    {"clients": "a whole number", "think_law": "a text", "think_s": "seconds", "ramp_s": "seconds", "until_s": "seconds"}
)


@dataclass(frozen=True)
class ClosedLoop:
    """So many clients that take the rows of a trace in order, one at a time each; the rows' own arrival times are not looked at.

    Without think time it is a load generator that keeps `clients` requests outstanding. Raises InputError for what makes no sense.
    """

    clients: int
    think_s: float = 0.0
    """Mean of the time from the end of a client's request (completed or not) to its next one."""
    think_law: ThinkLaw = "constant"
    ramp_s: float = 0.0
    """Clients begin evenly over so many seconds; 0: all at time 0."""
    until_s: float | None = None
    """No client sends after this time; None: until the rows are used up."""

    def __post_init__(self) -> None:
        if not 1 <= self.clients <= MOST_CLIENTS:
            raise InputError(f"a closed loop: clients: found {self.clients}; allowed 1 to {MOST_CLIENTS:,}")
        for name, value in (("think_s", self.think_s), ("ramp_s", self.ramp_s)):
            if not 0.0 <= value < math.inf:
                raise InputError(f"a closed loop: {name}: found {value:g}; allowed: 0 or more seconds, and finite")
        if self.until_s is not None and not 0.0 < self.until_s < math.inf:
            raise InputError(f"a closed loop: until_s: found {self.until_s:g}; allowed: above 0 seconds, and finite")
        if self.think_law not in THINK_LAWS:
            raise InputError(
                f"a closed loop: think_law: found '{self.think_law}'; allowed: {', '.join(THINK_LAWS)}{nearest(self.think_law, THINK_LAWS)}"
            )

    def __str__(self) -> str:
        said = [f"a closed loop of {self.clients:,} client{'' if self.clients == 1 else 's'}"]
        if self.think_s > 0:
            said.append(f"{show_seconds(self.think_s)} think time{' (exponential)' if self.think_law == 'exponential' else ''}")
        if self.ramp_s > 0:
            said.append(f"begun over {show_seconds(self.ramp_s)}")
        if self.until_s is not None:
            said.append(f"for {show_seconds(self.until_s)}")
        return ", ".join(said)


def check_length(loop: ClosedLoop, rows: int) -> None:
    """InputError where the think time of so many requests alone would last longer than any trace may."""
    rounds = -(-rows // loop.clients)
    least_s = loop.ramp_s + (rounds - 1) * loop.think_s
    if min(least_s, math.inf if loop.until_s is None else loop.until_s) > MOST_SECONDS:
        years = MOST_SECONDS / (366 * SECONDS_PER_DAY)
        raise InputError(
            f"a closed loop of {loop.clients:,} with {loop.think_s:g} s think time: {rows:,} requests would take "
            f"{least_s / (366 * SECONDS_PER_DAY):,.3g} years of waiting; allowed: {years:g} years: "
            "less think time, more clients or fewer requests"
        )


def refuse_times(loop: ClosedLoop | None, name: str, what: str) -> None:
    """InputError where a trace that is a closed loop is to be cut, repeated or scaled by times and rates that it does not have."""
    if loop is not None:
        raise InputError(
            f"{name}: {loop} has no times of its own to {what}; allowed: another number of clients, as in sim run TRACE --closed-loop N"
        )


def stated(loop: ClosedLoop) -> str:
    """A closed loop as the text that a trace's metadata holds under KEY."""
    return json.dumps({key: value for key, value in asdict(loop).items() if value is not None})


def closed_loop_of(metadata: Mapping[str, str], name: str) -> ClosedLoop | None:
    """The closed loop that a trace's metadata state, None where they state none; InputError for what is no closed loop."""
    text = metadata.get(KEY)
    if text is None:
        return None
    shown = visible(text if len(text) <= 80 else f"{text[:80]}...")
    try:
        found = json.loads(text) if len(text) <= _LONGEST else None
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict) or "clients" not in found:
        raise InputError(f'{name}: {KEY}: found {shown!r}; allowed: JSON such as {{"clients": 64, "think_s": 2}}')
    given, problems = {}, []
    for key, value in found.items():
        if key not in _KINDS:
            problems.append(f"{name}: {KEY}: {visible(key)[:60]}: no such key; allowed: {', '.join(_KINDS)}{nearest(key, _KINDS)}")
        elif _fits(key, value):
            given[key] = value
        else:
            problems.append(f"{name}: {KEY}: {key}: found {visible(repr(value))[:60]}; allowed: {_KINDS[key]}")
    if problems:
        raise input_error(problems)
    try:
        return ClosedLoop(**given)
    except InputError as error:
        raise InputError(f"{name}: {KEY}: {error}") from None


def _fits(key: str, value: Any) -> bool:
    """Whether a value is of the kind that a key holds."""
    if key == "think_law":
        return isinstance(value, str)
    if key == "clients":
        return isinstance(value, int) and not isinstance(value, bool)
    if value is None:
        return key == "until_s"
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < _MOST_SECONDS
