"""A deployment of kind api: a model that a provider sells by the token, with an account's tier, prices and client."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from sim.catalog.api import Limit
from sim.catalog.api_latency import Spread
from sim.catalog.price_file import ApiRates
from sim.catalog.strict import Name, NotNegative, Sigma, Strict
from sim.stack.client import Client
from sim.stack.quantity import ASSUMED, PositiveSeconds, PositiveWhole, Share, Usd


class ApiLatency(Strict):
    """Latency of one's own measurement in place of the catalogue's."""

    mode: str | None = Field(
        default=None, description="a mode of the catalogue's model with its own time to first token, such as reasoning"
    )
    ttft: Spread | None = Field(default=None, description="time to first token: median_s with sigma, p95_s or a table of quantiles")
    tpot: Spread | None = Field(default=None, description="time per further output token, likewise")
    ttft_per_prompt_token_s: NotNegative | None = Field(default=None, description="seconds added per prompt token")
    hour_sigma: Sigma | None = Field(default=None, description="sigma of a factor common to all requests of an hour")

    @model_validator(mode="after")
    def _one_ttft(self) -> ApiLatency:
        if self.mode is not None and self.ttft is not None:
            raise ValueError("give mode or ttft: a mode is a time to first token of the catalogue")
        return self


class BatchLane(Strict):
    """Which requests go through the provider's batch API, at its price, and how long that takes."""

    classes: tuple[str, ...] = Field(default=("batch",), description="classes of requests that can wait")
    turnaround: Annotated[PositiveSeconds, ASSUMED] = Field(default=3600.0, description="median time to a result")
    sigma: Annotated[Sigma, ASSUMED] = Field(default=1.0, description="standard deviation of its logarithm")


Limits = Annotated[
    Annotated[Literal["tier", "none"], Tag("word")] | Annotated[tuple[Limit, ...], Field(max_length=10), Tag("list")],
    Discriminator(lambda value: "list" if isinstance(value, (list, tuple)) else "word"),
]
Batch = Annotated[
    Annotated[Literal["auto", "off"], Tag("word")] | Annotated[BatchLane, Tag("lane")],
    Discriminator(lambda value: "lane" if isinstance(value, (dict, BatchLane)) else "word"),
]


class ApiDeployment(Strict):
    """A model that a provider sells by the token."""

    kind: Literal["api"]
    model: Name = Field(description="catalogue name of the API model")
    tier: str = Field(default="auto", description="tier of the account; auto: the lowest whose spend cap holds the forecast bill")
    limits: Limits = Field(default="tier", description="the tier's limits, none, or a list of one's own contract")
    spend_cap_usd: Usd | None = Field(default=None, gt=0, description="most to spend in a month; absent: the tier's cap")
    prices: ApiRates | None = Field(
        default=None,
        description="negotiated rates: a discount, or input_usd_per_mtok, output_usd_per_mtok and so on; absent: the price book",
    )
    batch: Batch = Field(default="auto", description="auto: requests of class batch go through the batch API where the provider has one")
    latency: ApiLatency = Field(default=ApiLatency(), description="latency of one's own measurement")
    error_rate: Share | None = Field(
        default=None, description="share of attempts that fail outside incidents; absent: the catalogue's, else 0"
    )
    default_max_tokens: Annotated[PositiveWhole, ASSUMED] = Field(
        default=1024, le=100_000_000, description="what a caller declares as most output tokens where the trace does not say"
    )
    client: Client = Field(default="openai", description="retries and time-out of the caller: a client's name, none, or the rule itself")
    timeout: PositiveSeconds | None = Field(default=None, description="when the caller gives an attempt up; absent: that of the client")
    home: bool = Field(default=False, description="whether data that must not leave home may go here")
