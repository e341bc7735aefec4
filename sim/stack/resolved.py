"""A resolved stack: every number decided, with where each comes from. What the engine, the bill and `sim explain` read.

Times are seconds, prices USD. The order of deployments is that of the file; batch lanes that resolution adds come after them.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import Literal

from sim.catalog.api import Api, BatchQueue, Limit
from sim.catalog.gpu import Provider
from sim.catalog.price_book import GpuHour
from sim.catalog.token_prices import Rates, TokenPrices
from sim.profile import StepCoefficients
from sim.stack.client import ClientPolicy, Fault
from sim.stack.gpu_deployment import GpuDeployment
from sim.stack.resolved_costs import ResolvedCosts
from sim.stack.schema import Slo

Label = Literal["given", "default", "measured", "calibrated", "estimated", "vendor", "assumed"]


@dataclass(frozen=True, slots=True)
class Origin:
    """One number (or choice) of a resolved stack, and where it comes from.

    given: the user said so; default: of sim or of the system imitated; measured, calibrated, estimated: a step time, by how well it is
    known; vendor: stated by who sells it; assumed: nobody could be found who says so.
    """

    key: str
    value: float | int | str
    unit: str
    label: Label
    source: str
    as_of: str = ""


@dataclass(frozen=True, slots=True)
class Payment:
    """What is paid for one GPU before its hours: bought, or in advance. The price of an hour has it spread over the term already."""

    usd_per_gpu: float
    term_months: float
    kind: Literal["commitment", "on_premises"]


@dataclass(frozen=True, slots=True)
class Upkeep:
    """What an owned GPU takes as long as it stands there, beside what it cost to buy. The price of an hour has it in it already."""

    power_w: float
    """Drawn all the time, its part of the server included."""
    pue: float
    usd_per_kwh: float
    hosting_usd_per_gpu_month: float


@dataclass(frozen=True, slots=True)
class ColdStage:
    """One stage of a cold start: lognormal by median and the standard deviation of its logarithm."""

    name: str
    median_s: float
    sigma: float


@dataclass(frozen=True, slots=True)
class ResolvedPool:
    """A deployment of kind gpu in plain numbers; what the file says itself is in `spec`."""

    name: str
    spec: GpuDeployment
    step: StepCoefficients
    blocks: int
    block_tokens: int
    max_model_len: int
    max_num_seqs: int
    max_num_batched_tokens: int
    batching: Literal["continuous", "prefill_first", "static"]
    prefix_caching: Literal["off", "given", "blocks"]
    cold_start: tuple[ColdStage, ...]
    client: ClientPolicy
    gpu_hour: GpuHour
    provider: Provider | None
    """How the provider counts hours; None where nothing is known of it."""
    gpus_per_node: int
    """GPUs of the machine that is billed whole."""
    payment: Payment | None
    """What is paid before the first hour; None: nothing."""
    upkeep: Upkeep | None
    """Power and hosting of one's own GPUs; None for rented ones, whose rent includes them."""
    label: Label
    error: float
    """Cross-validated relative error of a decode step (root mean square of the logarithm), drawn in futures for whole steps."""
    front_end_s: float
    """What a request spends in the server outside its scheduler."""

    @property
    def most_gpus(self) -> int:
        """GPUs that are paid for when as many replicas stand as may: whole machines."""
        each, replicas = self.spec.tensor_parallel, self.spec.replicas.max
        if self.gpus_per_node >= each:
            return -(-replicas // (self.gpus_per_node // each)) * self.gpus_per_node
        return replicas * -(-each // self.gpus_per_node) * self.gpus_per_node


@dataclass(frozen=True, slots=True)
class ResolvedApi:
    """A deployment of kind api in plain numbers."""

    name: str
    model: Api
    tier: str
    limits: tuple[Limit, ...]
    """In the order in which they are checked; a spend cap comes first."""
    batch_queue: BatchQueue | None
    """Of a batch lane: how much may wait there."""
    prices: TokenPrices
    rates: Rates
    """Those of `prices` that apply here: the standard ones, or the batch rates of a lane."""
    ttft_z: tuple[float, ...]
    ttft_ln_s: tuple[float, ...]
    tpot_z: tuple[float, ...]
    tpot_ln_s: tuple[float, ...]
    ttft_per_prompt_token_s: float
    hour_sigma: float
    error_rate: float
    default_max_tokens: int
    client: ClientPolicy
    forecast_usd_per_month: float | None
    """What all the requests that may be sent here would cost in a month; None without a trace."""
    lane_of: str | None = None
    """The deployment whose batch lane this is."""


@dataclass(frozen=True, slots=True)
class ResolvedTarget:
    """One place of a rule's list; `deployment` is an index."""

    deployment: int
    pass_on: tuple[Fault, ...]
    max_wait_s: float | None


@dataclass(frozen=True, slots=True)
class ResolvedRule:
    """Which requests go where; no classes means all."""

    targets: tuple[ResolvedTarget, ...]
    classes: tuple[str, ...]
    min_prompt_tokens: int
    max_prompt_tokens: int | None
    share: float


@dataclass(frozen=True, slots=True)
class ResolvedStack:
    """A stack whose every number is decided."""

    name: str
    description: str
    date: datetime.date
    """The day of the prices."""
    deployments: tuple[ResolvedPool | ResolvedApi, ...]
    rules: tuple[ResolvedRule, ...]
    cooldown_s: float
    slo: Slo
    costs: ResolvedCosts
    """What it costs beside tokens and GPU-hours."""
    origins: tuple[Origin, ...]
    notes: tuple[str, ...]
    """What was guessed or left out, in words."""
    options: str = ""
    """The arguments that name it for a command, as they were given; empty: by its name alone."""

    def index(self, name: str) -> int:
        """The number of a deployment."""
        return [deployment.name for deployment in self.deployments].index(name)
