"""What a benchmark measured, whatever tool wrote it: steps of a known batch, and runs of a load against a server.

Times are seconds, lengths tokens, rates requests a second; readers (sim/calibration/formats) turn the units of each tool into these.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

from sim.catalog.gpu import Gpu, Precision
from sim.catalog.llm import KvPrecision, Llm

Metric = Literal["ttft_s", "tpot_s", "itl_s", "e2e_s", "throughput_tok_s"]
"""Time to first token; time per further token, a mean of each request; gap between two tokens, over all gaps; arrival to last token;
output tokens a second of the whole server."""
Statistic = Literal["mean", "p50", "p90", "p95", "p99"]

METRICS: tuple[Metric, ...] = ("ttft_s", "tpot_s", "itl_s", "e2e_s", "throughput_tok_s")


@dataclass(frozen=True)
class Server:
    """What was measured: one replica. None is "not said": the default of the profile."""

    llm: Llm
    gpu: Gpu
    tensor_parallel: int
    precision: Precision
    kv_precision: KvPrecision | Literal["auto"] = "auto"
    engine: str = "vllm"
    engine_era: str | None = None
    utilisation: float | None = None
    max_num_batched_tokens: int | None = None
    max_num_seqs: int | None = None
    max_model_len: int | None = None
    prefix_caching: bool = False


@dataclass(frozen=True)
class Load:
    """What was sent: so many outstanding at a time (`concurrency`), an open Poisson stream (`request_rate_per_s`), or recorded arrivals."""

    prompt_tokens: float
    """Nominal, or the mean where lengths are recorded."""
    output_tokens: float
    concurrency: int | None = None
    request_rate_per_s: float | None = None
    requests: int | None = None
    """How many were measured; None: ten for each that is outstanding, as load generators do."""
    least_length_share: float | None = None
    """Lengths are uniform from this share of the nominal ones to the whole; 1 for fixed lengths, None for "not said"."""
    lengths: tuple[tuple[int, int], ...] = ()
    """Prompt and output of each request, in order of sending, where the benchmark recorded them."""
    arrival_s: tuple[float, ...] = ()
    """When each was sent, where the benchmark recorded it and was not a closed loop."""
    warmup_requests: int = 0
    """Sent before the measured ones, in the same manner, and left out: a closed loop has then left its common start behind."""


@dataclass(frozen=True)
class ServingPoint:
    """One run of a load against a server, and what it measured."""

    server: Server
    load: Load
    measured: Mapping[tuple[Metric, Statistic], float]
    where: str
    """File and line or key, for messages."""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class StepPoint:
    """The time of one forward pass: T tokens, S sequences, C tokens of context of its decodes, A token pairs of its prompts."""

    server: Server
    tokens: float
    sequences: float
    context: float
    attention: float
    seconds: float
    where: str
    kind: Literal["decode", "prefill"] = "decode"


@dataclass(frozen=True)
class Benchmark:
    """All that a file holds; `ignored` names columns and keys that nothing was made of."""

    serving: tuple[ServingPoint, ...] = ()
    steps: tuple[StepPoint, ...] = ()
    ignored: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Given:
    """What the user says about files that do not say it themselves; each wins over the file only where the file is silent."""

    llm: Llm | None = None
    gpu: Gpu | None = None
    tensor_parallel: int | None = None
    precision: Precision | None = None
    kv_precision: KvPrecision | Literal["auto"] | None = None
    engine: str | None = None
    engine_era: str | None = None
    options: Mapping[str, int | float | bool] = field(default_factory=lambda: MappingProxyType({}))
    """Other fields of `Server` by name."""
