"""A deployment of kind gpu: identical replicas of an open model on GPUs, their engine's limits, price and control loop.

What is left out is filled in by resolution: from the catalogue, from the engine's own defaults, or as an assumption that
`sim explain` shows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from sim.catalog.gpu import Precision, Purchase
from sim.catalog.strict import CATALOGUE_NAME, NAME_FORM, Count, Name, NotNegative, Strict
from sim.profile.shipped import StepTable
from sim.stack.autoscaler import Autoscaler, Plan, Schedule
from sim.stack.client import Client
from sim.stack.on_premises import Commitment, OnPremises
from sim.stack.quantity import VLLM, PositiveSeconds, PositiveWhole, Seconds, Share, Usd, Whole

Routing = Literal["round_robin", "least_outstanding", "least_kv", "session_affinity"]


def _named(kind: Literal["llm", "gpu"]) -> Callable[[Any], Any]:
    """A name that no entry of the catalogue can have is refused with the entry that others call so: `h100-sxm` for "H100"."""

    def check(value: Any) -> Any:
        if isinstance(value, str) and not CATALOGUE_NAME.fullmatch(value):
            from sim.catalog.catalog import Catalog
            from sim.catalog.known_as import meant_by

            raise ValueError(f"found {value[:60]!r}; {NAME_FORM}{meant_by(Catalog.bundled(), kind, value)}")
        return value

    return check


def _refuse(what: str, instead: str) -> Callable[[Any], Any]:
    """A feature that would change every result and is not modelled: refused by name, never ignored."""

    def refuse(value: Any) -> Any:
        if value is True or value not in (None, False, 0, 1, "none", "off"):
            raise ValueError(f"{what} is not modelled, and leaving it out would change every result; {instead}")
        return None

    return refuse


def _replicas(value: Any) -> Any:
    """`replicas: 2` means two, always."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return {"min": value, "max": value, "initial": value}
    if not isinstance(value, (dict, Replicas)):
        shown = repr(value) if isinstance(value, str) else "nothing" if value is None else str(value).lower()
        raise ValueError(f"found {shown[:60]}; a number is needed, or min, max and initial")
    return value


def _stage(value: Any) -> Any:
    """`load: 60s` means exactly that long."""
    return {"median": value, "sigma": 0.0} if isinstance(value, (str, int, float)) and not isinstance(value, bool) else value


class Replicas(Strict):
    """Between how many replicas the autoscaler may move, and how many stand ready at the start."""

    min: Whole = Field(default=1, description="fewest replicas")
    max: Whole = Field(le=10_000, description="most replicas")
    initial: Whole | None = Field(
        default=None,
        description="replicas ready at the start; absent: what a schedule or plan says for then, else min, at least one if max allows it",
    )

    @model_validator(mode="after")
    def _in_order(self) -> Replicas:
        if self.min > self.max:
            raise ValueError(f"found min {self.min} above max {self.max}")
        if self.initial is not None and not self.min <= self.initial <= self.max:
            raise ValueError(f"found initial {self.initial} outside min {self.min} to max {self.max}")
        return self

    @property
    def at_start(self) -> int:
        """Replicas ready at the start."""
        return max(self.min, min(1, self.max)) if self.initial is None else self.initial


class ColdStage(Strict):
    """One stage of a cold start: lognormal."""

    median: Seconds = Field(description="half of the starts take less")
    sigma: NotNegative = Field(default=0.0, description="standard deviation of the logarithm")


Stage = Annotated[ColdStage, BeforeValidator(_stage)]


class ColdStart(Strict):
    """How long a new replica takes; a stage left out is assumed (models/defaults/cold-start.yaml)."""

    provision: Stage | None = Field(default=None, description="from the wish to a running machine")
    pull: Stage | None = Field(default=None, description="pulling the image of the engine")
    load: Stage | None = Field(default=None, description="loading the weights; assumed from their size when left out")
    warmup: Stage | None = Field(default=None, description="compiling, capturing graphs, first request")


class ExplicitProfile(Strict):
    """A step time and KV capacity of one's own, in place of those of the catalogue."""

    step: StepTable = Field(description="coefficients of a step")
    kv_capacity_tokens: PositiveWhole = Field(le=1_000_000_000, description="tokens that the KV cache of one replica holds")
    front_end: Seconds = Field(default=0.0, description="time a request spends in the server outside its scheduler")
    error: NotNegative = Field(default=0.0, description="root mean square of ln(predicted/measured), if known")
    label: Literal["given", "measured", "calibrated", "estimated", "assumed"] = Field(
        default="given", description="where the numbers come from"
    )
    source: str = Field(default="given in the stack", min_length=3, description="who measured them, and how")


NoSpeculation = Annotated[Any, BeforeValidator(_refuse("speculative decoding", "give a profile measured with it, or remove the key"))]
NoDisaggregation = Annotated[Any, BeforeValidator(_refuse("prefill/decode disaggregation", "remove the key"))]
NoPipeline = Annotated[Any, BeforeValidator(_refuse("pipeline parallelism", "use tensor_parallel within a node"))]
NoDataParallel = Annotated[Any, BeforeValidator(_refuse("data parallelism inside a replica", "use replicas"))]


class GpuDeployment(Strict):
    """Replicas of an open model on GPUs."""

    kind: Literal["gpu"]
    llm: Annotated[Name, BeforeValidator(_named("llm"))] = Field(description="catalogue name of the model")
    gpu: Annotated[Name, BeforeValidator(_named("gpu"))] = Field(description="catalogue name of the GPU")
    precision: Precision = Field(default="bf16", description="of the weights: bf16, fp8, int8, int4 or fp4")
    kv_precision: Literal["auto", "bf16", "fp8"] = Field(default="auto", description="of the KV cache; auto: bf16")
    tensor_parallel: Count = Field(default=1, le=1024, description="GPUs of one replica")
    engine: Literal["vllm", "sglang", "trtllm"] = Field(
        default="vllm", description="vllm; sglang runs prefills before decodes; trtllm as vllm with its own overheads"
    )
    engine_era: Name | None = Field(default=None, description="generation of the engine whose overheads apply; absent: the newest known")
    profile: ExplicitProfile | None = Field(default=None, description="step time and KV capacity of one's own")

    replicas: Annotated[Replicas, BeforeValidator(_replicas)] = Field(
        default=Replicas(min=1, max=1), description="a number, or min, max and initial"
    )
    autoscaler: Autoscaler | None = Field(default=None, description="the law that moves replicas between min and max")
    cold_start: ColdStart = Field(default=ColdStart(), description="how long a new replica takes")
    drain: Seconds | None = Field(default=None, description="how long a replica that goes may finish its work; absent: until it is empty")

    max_num_seqs: PositiveWhole | None = Field(
        default=None, le=16_384, description="most sequences in a step; absent: vLLM's default for the GPU"
    )
    max_num_batched_tokens: PositiveWhole | None = Field(
        default=None, le=10_000_000, description="most tokens in a step; absent: vLLM's default for the GPU"
    )
    max_model_len: PositiveWhole | None = Field(
        default=None, le=200_000_000, description="longest prompt and output together; absent: what model and memory allow"
    )
    gpu_memory_utilization: Annotated[Share, VLLM] = Field(default=0.92, description="share of the GPU memory the engine takes")
    block_size: Annotated[PositiveWhole, VLLM] = Field(default=16, le=4096, description="tokens of a KV block")
    long_prefill_token_threshold: Annotated[Whole, VLLM] = Field(
        default=0, le=10_000_000, description="longest prefill chunk beside other requests; 0: no limit"
    )
    long_prefill_token_threshold_adaptive: Annotated[bool, VLLM] = Field(
        default=False, description="whether that limit rises when few requests share a step"
    )
    watermark: Annotated[Share, VLLM] = Field(
        default=0.0, description="share of KV blocks kept free when a request is admitted to a running batch"
    )
    reserve_full_prompt: Annotated[bool, VLLM] = Field(
        default=True, description="whether admission waits for the blocks of the whole prompt"
    )
    batching: Literal["auto", "continuous", "prefill_first", "static"] = Field(
        default="auto", description="auto: that of the engine; else continuous, prefill_first or static"
    )
    prefix_caching: Literal["auto", "on", "off"] = Field(
        default="auto", description="auto: by blocks where the trace has prefix_block_ids or sessions, by its cached_tokens, else off"
    )
    hit_rate: Share = Field(default=0.0, description="share of every prompt found in the prefix cache, in place of what the trace says")

    routing: Routing = Field(
        default="least_outstanding",
        description="how the pool chooses a replica: round_robin, least_outstanding, least_kv or session_affinity",
    )
    queue_limit: PositiveWhole | None = Field(default=None, le=10**9, description="most requests waiting at a replica; absent: any number")
    gateway_queue_limit: Whole | None = Field(
        default=None, le=10**9, description="most requests waiting while no replica is ready; absent: any number"
    )
    queue_timeout: PositiveSeconds | None = Field(default=None, description="longest wait for a first step; absent: for ever")

    provider: Name | None = Field(default=None, description="who rents the GPUs; absent: the GPU's default provider")
    purchase: Purchase = Field(
        default="on_demand", description="how hours are bought: on_demand, spot, reserved_1y and so on, as far as the provider has a price"
    )
    region: str | None = Field(default=None, description="region of the price; absent: the first that is listed for the provider")
    usd_per_gpu_hour: Usd | None = Field(default=None, description="a price of one's own")
    on_premises: OnPremises | None = Field(default=None, description="the GPUs are bought, not rented; {} takes what is assumed")
    commitment: Commitment | None = Field(default=None, description="an advance for reserved hours")
    gpus_per_node: Count | None = Field(
        default=None, le=1024, description="GPUs of the machine that is billed whole; absent: as the provider sells them"
    )

    client: Client = Field(default="openai", description="retries and time-out of the caller: a client's name, none, or the rule itself")
    timeout: PositiveSeconds | None = Field(default=None, description="when the caller gives an attempt up; absent: that of the client")
    home: bool = Field(default=False, description="whether this is at home, for data that must not leave it")

    speculative_decoding: NoSpeculation = Field(default=None, description="not modelled: refused")
    disaggregation: NoDisaggregation = Field(default=None, description="not modelled: refused")
    pipeline_parallel: NoPipeline = Field(default=None, description="not modelled: refused above 1")
    data_parallel: NoDataParallel = Field(default=None, description="not modelled: refused above 1")

    @model_validator(mode="after")
    def _law_fits_replicas(self) -> GpuDeployment:
        law, replicas = self.autoscaler.law if self.autoscaler else "fixed", self.replicas
        if law == "fixed" and replicas.min != replicas.max:
            raise ValueError(f"replicas from {replicas.min} to {replicas.max} need an autoscaler with a law that moves them")
        if law in ("hpa", "target_tracking") and replicas.min == 0 < replicas.max:
            raise ValueError(f"replicas.min 0: {law} cannot start from none; keda and knative can")
        return self

    def at_start(self, clock_s: float = 0.0) -> int:
        """Replicas ready when a run begins at this second of the day."""
        law, replicas = self.autoscaler, self.replicas
        timed = law.at_start(clock_s) if isinstance(law, Schedule) else law.at_start() if isinstance(law, Plan) else None
        if replicas.initial is not None or timed is None:
            return replicas.at_start
        return min(max(timed, replicas.min), replicas.max)
