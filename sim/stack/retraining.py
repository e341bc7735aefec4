"""What a stack declares of retraining: which deployment's model, how often, how much data, where it runs, and how often it fails.

Compute follows from the shape of the model: 6 N D operations for full training of N active parameters on D tokens (Kaplan et al.,
arXiv 2001.08361: 2 N D forward, 4 N D backward). LoRA keeps the weights as they are, so the half of the backward pass that gives their
gradients falls away: 4 N D; the adapter's own part is below 1 %. GPU-hours are that over MFU x the GPU's dense bf16 peak.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from sim.catalog.gpu import Purchase
from sim.catalog.strict import Count, Name, Strict
from sim.stack.quantity import DeploymentName, Number, PositiveNumber, PositiveSeconds, PositiveWhole, Seconds, Share, Usd, Whole
from sim.units import SECONDS_PER_HOUR

Method = Literal["lora", "full"]
OPERATIONS_PER_PARAMETER_AND_TOKEN = MappingProxyType({"full": 6.0, "lora": 4.0})


def training_gpu_hours(*, method: Method, active_params: float, tokens: float, mfu: float, peak_flops: float) -> float:
    """GPU-hours of one training run: k N D / (MFU x peak), k = 6 (full) or 4 (LoRA); peak in operations a second of one GPU."""
    return OPERATIONS_PER_PARAMETER_AND_TOKEN[method] * active_params * tokens / (mfu * peak_flops) / SECONDS_PER_HOUR


class Drift(Strict):
    """Retraining when the model has become too bad; how far accuracy falls faster or slower is the outlook's."""

    accuracy_loss_per_month: Share = Field(ge=1e-6, description="how much accuracy falls in a month, in the middle")
    threshold: Share = Field(ge=1e-6, description="the fall at which it is retrained")


class OnOwn(Strict):
    """On the deployment's own replicas, which do not serve meanwhile; their GPU-hours are paid already."""

    kind: Literal["own"]
    replicas: Count = Field(default=1, le=10_000, description="replicas that are lent to it")
    from_: Annotated[Seconds, Field(le=86_400)] = Field(default=79_200.0, alias="from", description="time of the day (UTC) it may run from")
    until: Annotated[Seconds, Field(le=86_400)] = Field(default=21_600.0, description="time of the day (UTC) by which replicas are back")

    @model_validator(mode="after")
    def _has_a_night(self) -> OnOwn:
        if self.from_ == self.until:
            raise ValueError("from and until are the same; 0h and 24h mean the whole day")
        return self

    @property
    def night_s(self) -> float:
        """Seconds a day in which it may run."""
        return (self.until - self.from_) % 86_400.0 or 86_400.0


class OnRented(Strict):
    """On GPUs rented for it."""

    kind: Literal["rented"]
    gpu: Name = Field(description="catalogue name of the GPU")
    gpus: Count = Field(default=8, le=100_000, description="how many work at once")
    provider: Name | None = Field(default=None, description="who rents them; absent: the GPU's default provider")
    purchase: Purchase = Field(default="on_demand", description="how hours are bought")
    region: str | None = Field(default=None, description="region of the price; absent: the first that is listed for the provider")
    usd_per_gpu_hour: Usd | None = Field(default=None, description="a price of one's own")


class AtVendor(Strict):
    """By a vendor's tuning service, for a price a token."""

    kind: Literal["vendor"]
    usd_per_mtok: Usd = Field(description="price of a million training tokens, each epoch counted")
    minimum_usd: Usd = Field(default=0.0, description="least that a run costs")


class Labels(Strict):
    """Labels bought for every retraining, once, however often it is repeated."""

    count: Whole = Field(le=10**12, description="how many")
    usd_per_label: Usd = Field(description="price of one")
    overhead_share: Number | None = Field(default=None, le=100, description="schema and pilot, as a share of the labels; absent: assumed")


def _where(value: Any) -> Any:
    """`where: own` means `where: {kind: own}`."""
    return {"kind": value} if isinstance(value, str) else value


Where = Annotated[OnOwn | OnRented | AtVendor, Field(discriminator="kind"), BeforeValidator(_where)]


class Retraining(Strict):
    """The model of one deployment, trained again and again."""

    deployment: DeploymentName = Field(description="whose model; each at most once")
    every: PositiveSeconds | None = Field(default=None, ge=86_400, description="by the calendar, every so often: `90d`")
    drift: Drift | None = Field(default=None, description="or when it has become too bad")
    method: Method = Field(default="lora", description="lora or full")
    examples: PositiveWhole = Field(le=10**12, description="examples of a training set")
    tokens_per_example: PositiveNumber = Field(le=10**9, description="mean length of one, prompt and answer")
    epochs: PositiveNumber = Field(default=3.0, le=10_000, description="how often each is seen")
    where: Where = Field(description="own, rented or vendor, with its keys")
    mfu: Share | None = Field(default=None, ge=0.001, description="share of the GPU's peak that training reaches; absent: assumed")
    labels: Labels | None = Field(default=None, description="labels bought for it")
    evaluation_usd: Usd = Field(default=0.0, description="evaluation of every attempt")
    engineer_hours: Number = Field(default=0.0, le=1_000_000, description="hours of engineers for every attempt")
    failure_share: Share | None = Field(
        default=None, le=0.95, description="share of attempts that fail their evaluation and are repeated; absent: assumed"
    )
    rollback_share: Share | None = Field(
        default=None, description="share of new models that are taken back after roll-out; absent: assumed"
    )

    @model_validator(mode="after")
    def _has_one_reason(self) -> Retraining:
        if (self.every is None) == (self.drift is None):
            raise ValueError("either every or drift is needed, not both and not neither")
        return self

    @property
    def tokens(self) -> float:
        """Training tokens of one attempt, every epoch counted."""
        return self.examples * self.tokens_per_example * self.epochs
