"""What a plan may choose from, as a file declares it: lists and ranges over a pool of GPUs, how it is bought, and what helps it out.

What a space does not name stays as in the stack. `stack` stands for what the stack has, too, among other values. Every list is tried with
every other: the product is the set of candidates (docs/plan.md).
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Discriminator, Field

from sim.catalog.gpu import Purchase
from sim.catalog.strict import Name, Strict
from sim.planning.space_values import (
    PURCHASES,
    Anything,
    Fallbacks,
    Fewest,
    GpuNames,
    GpusOfReplica,
    Keyed,
    Most,
    Place,
    Plain,
    Precisions,
    Replicas,
    Sequences,
    Shares,
    Targets,
    Tokens,
    kind_of,
    listed,
    short_for,
)
from sim.stack.quantity import DeploymentName, PositiveSeconds, Usd

Law = Literal["hpa", "keda", "knative", "target_tracking"]


class Bought(Strict):
    """How the GPUs' hours are bought; what is left out is as the stack says for on-demand hours, else the catalogue's."""

    purchase: Purchase = Field(description="on_demand, spot, reserved_1y and so on, as far as a price is known")
    provider: Name | None = Field(default=None, description="who rents them; absent: the GPU's default provider")
    region: str | None = Field(default=None, max_length=100, description="region of the price; absent: the provider's first")
    usd_per_gpu_hour: Usd | None = Field(default=None, description="a price of one's own")

    @property
    def words(self) -> str:
        """As a table shows it."""
        usd = None if self.usd_per_gpu_hour is None else f"{self.usd_per_gpu_hour:g} USD"
        return " ".join(each for each in (self.purchase, self.provider, self.region, usd) if each is not None)


class Reserved(Bought):
    """Hours that are paid whatever stands, for a part of the replicas."""

    share: Shares = Field(
        description="shares of the replicas (of the most, where they move) that are bought so; the others as `purchase` says"
    )
    max_wait: PositiveSeconds = Field(
        default=0.5, description="expected wait at the reserved replicas above which a request goes to the others"
    )


class Scaled(Strict):
    """Replicas that a law moves between two bounds."""

    law: Law = Field(description="the autoscaler: hpa, keda, knative or target_tracking, with the settings of `with` and its own defaults")
    metric: str | None = Field(default=None, description="what it measures; absent: the law's default")
    target: Targets = Field(description="values to keep")
    min: Fewest = Field(description="fewest replicas")
    max: Most = Field(description="most replicas; pairs with max not above min are left out")
    with_: dict[str, Any] = Field(default={}, alias="with", max_length=30, description="other keys of the autoscaler, as in a stack")


class Overflow(Strict):
    """Where a request goes that would wait too long."""

    to: Place = Field(description="an API model of the catalogue, or an API deployment of the stack")
    max_wait: PositiveSeconds = Field(default=2.0, description="expected wait above which a request goes there")


_Purchase = Annotated[Annotated[Literal["stack"], Plain] | Annotated[Bought, Keyed], Discriminator(kind_of)]
_Overflow = Annotated[Annotated[Literal["stack", "none"], Plain] | Annotated[Overflow, Keyed], Discriminator(kind_of)]
_bought = short_for("purchase", ("stack",), f"stack, {', '.join(PURCHASES)}, or {{purchase: spot, provider: aws}}", PURCHASES)
_over = short_for("to", ("stack", "none"), "stack, none, an API model, or {to: API, max_wait: 2s}", None)


class Space(Strict):
    """Lists of what a plan may choose; the candidates are all combinations."""

    description: str = Field(default="", max_length=1000, description="one sentence for people")
    deployment: DeploymentName | None = Field(default=None, description="the pool of the stack that is varied; absent: the only one")
    gpu: GpuNames = Field(default=(), max_length=100, description="catalogue names of GPUs")
    tensor_parallel: GpusOfReplica = Field(default=(), max_length=100, description="GPUs of one replica")
    precision: Precisions = Field(default=(), max_length=10, description="of the weights")
    replicas: Replicas = Field(
        default=(), max_length=10_000, description="so many replicas always; `stack`: those of the stack with its autoscaler"
    )
    autoscaled: Annotated[tuple[Scaled, ...], BeforeValidator(listed)] = Field(
        default=(), max_length=100, description="replicas that a law moves, beside `replicas`"
    )
    max_num_seqs: Sequences = Field(default=(), max_length=1000, description="most sequences in a step")
    max_num_batched_tokens: Tokens = Field(default=(), max_length=1000, description="most tokens in a step")
    purchase: Annotated[tuple[Annotated[_Purchase, _bought], ...], BeforeValidator(listed)] = Field(
        default=(), max_length=100, description="how hours are bought: a name, or purchase with provider, region, usd_per_gpu_hour"
    )
    reserved: Reserved | None = Field(default=None, description="a base that is reserved, in shares of the replicas")
    overflow: Annotated[tuple[Annotated[_Overflow, _over], ...], BeforeValidator(listed)] = Field(
        default=(),
        max_length=100,
        description="where requests go that would wait too long: none, stack, an API, or {to: API, max_wait: 2s}",
    )
    fallback: Fallbacks = Field(
        default=(), max_length=100, description="where requests go that are refused or fail: none, stack, or an API"
    )
    api_share: Shares = Field(
        default=(), description="shares of the pool's requests that go straight to the API of overflow, else of fallback"
    )
    settings: dict[str, Anything] = Field(
        default={}, max_length=50, description="any other key of the stack, as `deployments.own.queue_limit`, with its values"
    )
