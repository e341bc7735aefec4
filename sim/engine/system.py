"""The system to simulate, in plain numbers: what a resolved stack becomes and all the engine knows of it.

Units are in the names (seconds, tokens, blocks). The meaning of every field is fixed in docs/engine.md; names of policies are
spelled as in a stack file. Nothing here is checked: resolution (sim/stack) refuses what makes no sense before time zero.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf
from typing import Literal

Fault = Literal["429", "5xx", "timeout"]


@dataclass(frozen=True)
class StepTime:
    """Seconds of one forward pass: c + g(T) + o*S + f*C + h*A (docs/engine.md section 5)."""

    c_s: float
    g_tokens: tuple[float, ...]
    g_s: tuple[float, ...]
    o_s: float = 0.0
    f_s: float = 0.0
    h_s: float = 0.0


@dataclass(frozen=True)
class Replica:
    """One copy of a model on its group of GPUs: step time, KV blocks and the limits of its scheduler."""

    step: StepTime
    blocks: int
    block_tokens: int = 16
    watermark_blocks: int = 0
    max_num_seqs: int = 256
    max_num_batched_tokens: int = 8192
    max_model_len: int = 131072
    long_prefill_threshold: int = 0
    long_prefill_adaptive: bool = False
    reserve_full_prompt: bool = True
    batching: Literal["continuous", "prefill_first", "static"] = "continuous"
    prefix_caching: Literal["off", "given", "blocks"] = "off"
    hit_rate: float = 0.0


@dataclass(frozen=True)
class Stage:
    """One stage of a cold start: lognormal by its median and the standard deviation of its logarithm."""

    name: str
    median_s: float
    sigma: float = 0.0


@dataclass(frozen=True)
class Autoscaler:
    """A law by name, its settings by name, and how its metric is measured."""

    law: Literal["fixed", "schedule", "plan", "hpa", "keda", "knative", "target_tracking"] = "fixed"
    metric: Literal["waiting", "concurrency", "kv", "busy", "rps"] = "waiting"
    target: float = 1.0
    sync_s: float = 15.0
    scrape_s: float = 15.0
    average_s: float = 15.0
    lag_s: float = 0.0
    min_replicas: int = 1
    max_replicas: int = 1
    settings: tuple[tuple[str, float], ...] = ()
    schedule: tuple[tuple[float, int], ...] = ()
    """(start in seconds, count) steps for `schedule` (seconds of the day, repeating daily) and `plan` (seconds of the run)."""


@dataclass(frozen=True)
class Pool:
    """A deployment of kind gpu: identical replicas and their control loop."""

    name: str
    replica: Replica
    replicas: int
    """Slots for replicas (the most that can ever be present)."""
    initial_replicas: int
    gpus_per_replica: int = 1
    gpus_per_node: int = 8
    routing: Literal["round_robin", "least_outstanding", "least_kv", "session_affinity"] = "least_outstanding"
    queue_limit: int = -1
    gateway_queue_limit: int = -1
    queue_timeout_s: float = inf
    autoscaler: Autoscaler = field(default_factory=Autoscaler)
    cold_start: tuple[Stage, ...] = ()
    drain_s: float = inf
    front_end_s: float = 0.0
    """Seconds a request spends in the server outside the scheduler (tokenisation, HTTP): added to what a completed request measures."""


@dataclass(frozen=True)
class Limit:
    """One rate limit of an API: a law over a unit (docs/engine.md section 6)."""

    law: Literal["token_bucket", "fixed_window", "sliding_window", "concurrency", "acceleration"]
    unit: Literal["requests", "input_tokens", "output_tokens", "total_tokens", "usd"]
    limit: float
    window_s: float = 60.0
    burst: float = 0.0
    growth: float = 0.0
    phase_s: float = 0.0
    counts_cached: bool = True
    reserves_max_tokens: bool = False
    output_multiplier: float = 1.0
    no_retry_after: bool = False


@dataclass(frozen=True)
class TokenRate:
    """USD per token of one API request whose prompt has at least `from_prompt_tokens` tokens (the last that applies)."""

    from_prompt_tokens: int
    input_usd: float
    cached_input_usd: float
    output_usd: float


@dataclass(frozen=True)
class Api:
    """A deployment of kind api: limits, latency and faults of a provider's endpoint."""

    name: str
    vendor: int
    """Index of the vendor: deployments of one vendor share its hours."""
    limits: tuple[Limit, ...] = ()
    ttft_z: tuple[float, ...] = (0.0, 1.0)
    ttft_ln_s: tuple[float, ...] = (-0.7, -0.3)
    tpot_z: tuple[float, ...] = (0.0, 1.0)
    tpot_ln_s: tuple[float, ...] = (-4.0, -3.7)
    ttft_per_prompt_token_s: float = 0.0
    hour_sigma: float = 0.0
    error_rate: float = 0.0
    refusal_s: float = 0.0
    retry_after: Literal["none", "seconds", "milliseconds"] = "seconds"
    refused_counts: bool = False
    default_max_tokens: int = 1024
    context_tokens: int = 1 << 40
    """Longest prompt + output: a prompt that does not fit is refused `too_long`, an output is cut."""
    rates: tuple[TokenRate, ...] = (TokenRate(0, 0.0, 0.0, 0.0),)


@dataclass(frozen=True)
class Client:
    """What the caller does after a fault, at one deployment: the rule of its SDK (docs/engine.md section 3)."""

    retries: int = 2
    base_s: float = 0.5
    cap_s: float = 8.0
    jitter: float = 0.25
    jitter_add_s: float = 0.0
    retry_after_max_s: float = inf
    give_up_above: bool = False
    retry_on: tuple[Fault, ...] = ("429", "5xx", "timeout")
    timeout_s: float = inf


@dataclass(frozen=True)
class Target:
    """One place of a rule's list: a deployment (index), what a request is passed on for, and the client used there."""

    deployment: int
    passes_on: tuple[Fault, ...] = ()
    max_wait_s: float = inf
    client: Client = field(default_factory=Client)


@dataclass(frozen=True)
class Rule:
    """Which requests go where: all conditions must hold; an empty tuple of classes means any."""

    targets: tuple[Target, ...]
    classes: tuple[int, ...] = ()
    min_prompt_tokens: int = 0
    max_prompt_tokens: int = 1 << 60
    share: float = 1.0


@dataclass(frozen=True)
class System:
    """Everything the engine needs beside the trace. Deployments are numbered in the order given; rules refer to them by number."""

    deployments: tuple[Pool | Api, ...]
    rules: tuple[Rule, ...]
    cooldown_s: float = 0.0
    clock_offset_s: float = 0.0
    """Seconds from the hour grid (UTC midnight of the first day) to time 0."""
    ttft_slo_s: float = 3.0
    tpot_slo_s: float = 0.05


@dataclass(frozen=True)
class Event:
    """A scripted event at a given time (`--events`, docs/events.md).

    kind: api_outage, degradation, gpu_failure, spot_preemption, no_capacity, retraining, limit_change, price_change or demand_factor.
    `duration_s` is how long it lasts (repair time of a failure; 0 for a changed limit, price or demand: for good); `factor` multiplies
    latency (degradation), limits, prices or demand; `error_rate` is that of a degradation; `count` is how many replicas are lost, or
    lent to a training job (highest index of READY first); `notice_s` the warning of a spot preemption; `limit` the position of the
    changed limit, -1 for all.
    """

    at_s: float
    kind: str
    deployment: int = -1
    duration_s: float = 0.0
    factor: float = 1.0
    error_rate: float = 0.0
    count: int = 1
    notice_s: float = 0.0
    limit: int = -1
