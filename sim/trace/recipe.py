"""The schema of a recipe: the traffic of a trace said in a page of YAML, from which the trace can be made again.

Rates are requests a second on average over the whole trace; durations are seconds; lengths are tokens. Every random part has a stream
of its own, named by the recipe's seed, the traffic's name and the part, so that a change of one moves nothing else.
"""

from __future__ import annotations

import math
from typing import Annotated, Literal, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticCustomError

from sim.catalog.strict import AsOf, Positive, Strict
from sim.trace.closed_loop import MOST_CLIENTS, ClosedLoop
from sim.trace.columns import MOST_TOKENS
from sim.trace.laws import ConstantLaw, ExponentialLaw, Law

Count = Annotated[int, Field(ge=1, le=MOST_TOKENS)]
Name = Annotated[str, Field(min_length=1, max_length=60)]
MOST_ROWS = 20_000_000
"""Of a closed loop, whose requests are made all at once."""
MOST_LOOP_S = 400 * 86_400.0


class Poisson(Strict):
    """Requests that know nothing of each other."""

    process: Literal["poisson"] = "poisson"


class Renewal(Strict):
    """Independent gaps of a given coefficient of variation, on a clock that runs with the rate."""

    process: Literal["gamma", "weibull"]
    cv: Annotated[float, Field(ge=0.05, le=20)]
    """Standard deviation of the gaps over their mean."""


class Bursts(Strict):
    """Poisson whose rate switches between two levels at exponential times (Markov-modulated)."""

    process: Literal["bursts"]
    ratio: Annotated[float, Field(gt=1, le=10_000)]
    """Rate in a burst over the rate between bursts."""
    burst_s: Positive
    """Mean length of a burst."""
    gap_s: Positive
    """Mean time between bursts."""
    shared: bool = False
    """Whether all clients of this traffic burst together, or each by itself."""


Arrivals = Annotated[Poisson | Renewal | Bursts, Field(discriminator="process")]


class Shape(Strict):
    """How the rate varies with the clock; only the proportions of the numbers matter."""

    hourly: Annotated[tuple[Annotated[float, Field(ge=0)], ...], Field(min_length=24, max_length=24)] | None = None
    """24 rates, at the middle of each hour, joined by straight lines."""
    weekly: Annotated[tuple[Annotated[float, Field(ge=0)], ...], Field(min_length=7, max_length=7)] | None = None
    """Monday to Sunday."""

    @model_validator(mode="after")
    def _some(self) -> Self:
        for name, values in (("hourly", self.hourly), ("weekly", self.weekly)):
            if values is not None and sum(values) <= 0:
                raise ValueError(f"{name} is all zero; at least one rate above 0 is needed")
        return self


class Clients(Strict):
    """Who sends: how many, and how the load is shared; client k carries a share in proportion to k^-exponent."""

    count: Annotated[int, Field(ge=1, le=50_000)]
    """How many."""
    exponent: Annotated[float, Field(ge=0, le=5)] = 0.0
    """How unequal: 0 is the same load for all."""
    prefix: Annotated[str, Field(max_length=40)] = "client"
    """How their names begin."""


class Sessions(Strict):
    """Conversations: each turn's prompt holds the whole conversation so far and the new text (`prompt_tokens`)."""

    turns: Law
    """How many a conversation has."""
    pause_s: Law
    """From one turn's arrival to the next."""
    context_tokens: Count = 131_072
    """A conversation ends before prompt and output would exceed it."""


class Prefix(Strict):
    """What prompts begin with in common: instructions, then retrieved passages; given as blocks of equal ids."""

    instruction_tokens: Annotated[int, Field(ge=0, le=MOST_TOKENS)] = 0
    """Length of the instructions."""
    instruction_variants: Annotated[int, Field(ge=1, le=1_000_000)] = 1
    """How many different instructions there are."""
    passages: Law | None = None
    """How many passages a prompt carries."""
    passage_tokens: Count = 512
    """Length of a passage."""
    corpus: Annotated[int, Field(ge=1, le=100_000_000)] = 1000
    """How many passages there are; passage k is drawn in proportion to k^-exponent."""
    exponent: Annotated[float, Field(ge=0, le=5)] = 0.8
    """How unequally passages are drawn."""


class Loop(Strict):
    """A closed loop of clients: each sends its next request when its last one has ended, so the rate is what the system makes of it."""

    clients: Annotated[int, Field(ge=1, le=MOST_CLIENTS)]
    """How many."""
    think_s: Annotated[ConstantLaw | ExponentialLaw, Field(discriminator="law")] | None = None
    """From the end of a request to the client's next one; nothing: at once."""
    ramp_s: Annotated[float, Field(ge=0, le=MOST_LOOP_S)] = 0.0
    """Clients begin evenly over so many seconds."""
    requests: Annotated[int, Field(ge=1, le=MOST_ROWS)] | None = None
    """How many requests there are to send."""
    duration_s: Annotated[float, Field(gt=0, le=MOST_LOOP_S)] | None = None
    """Nothing is sent after so many seconds."""

    @model_validator(mode="after")
    def _ends(self) -> Self:
        if self.requests is None and self.duration_s is None:
            raise ValueError("requests or duration_s is needed (or both: the first to come ends it)")
        if self.rows > MOST_ROWS:
            raise ValueError(
                f"{self.clients:,} clients for {self.duration_s:g} s could send {self.rows:,} requests; say requests, at most {MOST_ROWS:,}"
            )
        return self

    @property
    def mean_think_s(self) -> float:
        """Mean think time in seconds."""
        return self.think_s.build().mean if self.think_s is not None else 0.0

    @property
    def rows(self) -> int:
        """How many requests are made: those asked for, or one a client and second besides its think time."""
        if self.requests is not None:
            return self.requests
        assert self.duration_s is not None
        return math.ceil(self.clients * max(1.0, self.duration_s / (self.mean_think_s + 1.0)))

    def build(self) -> ClosedLoop:
        """The clients as the engine takes them."""
        law: Literal["constant", "exponential"] = "exponential" if isinstance(self.think_s, ExponentialLaw) else "constant"
        return ClosedLoop(self.clients, self.mean_think_s, law, self.ramp_s, self.duration_s)


class Traffic(Strict):
    """One kind of request: who sends it, when, and how long it is."""

    requests_per_s: Positive | None = None
    """Mean rate, requests a second."""
    closed_loop: Loop | None = None
    """Instead of requests_per_s: clients that wait for their answers."""
    arrivals: Arrivals = Poisson()
    """How requests follow each other."""
    clients: Clients | None = None
    """Who sends, and how the load is shared."""
    shape: Shape | None = None
    """Instead of the recipe's."""
    prompt_tokens: Law
    """Of the new text; a session's earlier turns and a prefix come on top."""
    output_tokens: Law
    """Of the answer."""
    correlation: Annotated[float, Field(gt=-1, lt=1)] = 0.0
    """Of the normal scores of prompt and output (Gaussian copula)."""
    prompt_most_tokens: Count = 131_072
    """No prompt is longer."""
    output_most_tokens: Count = 32_768
    """No output is longer."""
    max_tokens: Count | None = None
    """What the client allows; longer outputs are cut to it."""
    sessions: Sessions | None = None
    """Conversations in place of single requests."""
    prefix: Prefix | None = None
    """What prompts have in common."""

    @model_validator(mode="after")
    def _one_kind_of_prefix(self) -> Self:
        if self.sessions and self.prefix:
            raise ValueError("sessions and prefix exclude each other: a prompt begins with the conversation or with passages")
        return self

    @model_validator(mode="after")
    def _one_kind_of_sending(self) -> Self:
        if (self.requests_per_s is None) == (self.closed_loop is None):
            raise ValueError(
                "either requests_per_s or closed_loop is needed"
                if self.closed_loop is None
                else "requests_per_s and closed_loop exclude each other"
            )
        given = [name for name in ("arrivals", "clients", "shape", "sessions") if name in self.model_fields_set]
        if self.closed_loop and given:
            raise ValueError(f"closed_loop excludes {' and '.join(given)}: its clients send when they are answered, whoever they are")
        return self


class Recipe(Strict):
    """A whole trace: its length, its clock, and one or more kinds of traffic, by class."""

    about: Annotated[str, Field(min_length=1, max_length=2000)]
    """What traffic it is."""
    source: Annotated[str, Field(min_length=1, max_length=2000)]
    """What its figures rest on."""
    as_of: AsOf
    """When that held: a day, a month, a year, or undated."""
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 1
    """Another seed makes another trace of the same traffic."""
    traffic: Annotated[dict[Name, Traffic], Field(min_length=1, max_length=200)]
    """By request class."""
    duration_s: Annotated[float, Field(gt=0, le=400 * 86_400)] | None = Field(default=None, validate_default=True)
    """None for a closed loop, which lasts as long as it takes."""
    start: Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"] = "monday"
    """The day at whose midnight the trace begins."""
    shape: Shape | None = None
    """How the rate varies with the clock."""
    prefix_block_tokens: Count = 512
    """Length of a block with an id of its own."""

    @field_validator("duration_s")
    @classmethod
    def _needed(cls, value: float | None, info: ValidationInfo) -> float | None:
        """As a field's own mistake it is said with all others; of traffic that is wrong itself nothing is known."""
        traffic: dict[str, Traffic] = info.data.get("traffic", {})
        if value is None and traffic and not any(kind.closed_loop for kind in traffic.values()):
            raise PydanticCustomError("missing", "Field required")
        return value

    @model_validator(mode="after")
    def _one_clock(self) -> Self:
        closed = [name for name, traffic in self.traffic.items() if traffic.closed_loop is not None]
        if closed and len(self.traffic) > 1:
            raise ValueError(f"traffic: {closed[0]} is a closed loop, which stands alone; found {len(self.traffic)} kinds of traffic")
        if closed and (self.duration_s is not None or self.shape is not None):
            where = f"traffic.{closed[0]}.closed_loop"
            raise ValueError(f"duration_s and shape are of traffic with a rate; a closed loop ends by duration_s or requests of {where}")
        return self

    @property
    def closed_loop(self) -> Loop | None:
        """The closed loop, where that is what the traffic is."""
        return next((traffic.closed_loop for traffic in self.traffic.values()), None)
