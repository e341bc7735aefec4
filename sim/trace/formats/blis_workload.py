"""A workload specification of BLIS as requests: its clients and cohorts, arrival processes, active windows and lengths.

Rates follow its rules: `rate_fraction` is a share of `aggregate_rate` among the clients whose windows overlap; a cohort's is shared by
its members, whose windows follow from `diurnal`, `spike` and `drain`. Random numbers are ours, not the tool's: the same laws, another
draw. What has no place in a trace of arrivals (closed loops, conversations, images) is refused by name.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated, Any, Literal, Self

import numpy as np
from pydantic import Field, ValidationInfo, field_validator, model_validator

from sim.catalog.strict import Positive, Strict
from sim.catalog.yaml_file import load_model
from sim.errors import InputError
from sim.trace.columns import Floats
from sim.trace.foreign import Imported
from sim.trace.formats.blis_lengths import Lengths
from sim.trace.look import Look
from sim.trace.recipe import MOST_ROWS

MOST_CLIENTS = 50_000
_HOUR_US = 3_600_000_000
_RAMP_STEPS = 10
_DEFAULT_PREFIX_TOKENS = 50
_OLDER_CLASSES = MappingProxyType({"realtime": "critical", "interactive": "standard"})
_REFUSED = MappingProxyType(
    {
        "concurrency": "clients that wait for their answers; write a recipe with closed_loop",
        "reasoning": "conversations and reasoning; write a recipe with sessions",
        "multimodal": "images, sound and video have no tokens here",
        "servegen_data": "files of ServeGen beside it; run the tool and import the trace that it writes",
        "inference_perf": "stages of inference-perf; run the tool and import the trace that it writes",
    }
)
Us = Annotated[int, Field(ge=0, le=400 * 24 * _HOUR_US)]
Rate = Annotated[float, Field(gt=0, le=1e7)]


def _refused(value: Any, info: ValidationInfo) -> Any:
    if value:
        raise ValueError(f"is not read: {_REFUSED[info.field_name or '']}")
    return value


class Process(Strict):
    """When a client sends: independent gaps of a law and their coefficient of variation."""

    process: Literal["poisson", "gamma", "weibull", "constant"]
    cv: Annotated[float, Field(ge=0.05, le=20)] | None = None
    shape: float | None = None
    scale: float | None = None

    @model_validator(mode="after")
    def _spread(self) -> Self:
        if self.process in ("gamma", "weibull") and self.cv is None:
            raise ValueError(f"cv is needed for {self.process}; shape and scale alone are not read")
        return self


class Window(Strict):
    """When a client is active."""

    start_us: Us
    end_us: Us

    @model_validator(mode="after")
    def _forward(self) -> Self:
        if self.end_us <= self.start_us:
            raise ValueError(f"end_us {self.end_us} is not after start_us {self.start_us}")
        return self


class Lifecycle(Strict):
    """All windows of a client; none: always active."""

    windows: Annotated[tuple[Window, ...], Field(max_length=10_000)] = ()


class Source(Strict):
    """What clients and cohorts have in common."""

    id: str = ""
    tenant_id: str = ""
    slo_class: str = ""
    model: str = ""
    rate_fraction: Positive | None = None
    arrival: Process | None = None
    input_distribution: Lengths
    output_distribution: Lengths
    prefix_group: str = ""
    prefix_length: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    streaming: bool = False
    timeout: int | None = None
    closed_loop: bool | None = None
    slo_target_us: int | None = None
    network: Any = None
    multimodal: Any = None
    reasoning: Any = None

    _refuse_kinds = field_validator("multimodal", "reasoning", mode="before")(_refused)


class Client(Source):
    """One client."""

    concurrency: int = 0
    think_time_us: int = 0
    lifecycle: Lifecycle = Lifecycle()

    _refuse_loops = field_validator("concurrency", mode="before")(_refused)


class Diurnal(Strict):
    """Active for a share of each hour of one day that follows a cosine."""

    peak_hour: Annotated[int, Field(ge=0, le=23)]
    peak_to_trough_ratio: Annotated[float, Field(ge=1, le=1e6)]


class Spike(Strict):
    """Active once."""

    start_time_us: Us
    duration_us: Annotated[int, Field(gt=0, le=400 * 24 * _HOUR_US)]


class Drain(Strict):
    """Active from the start, then for ever shorter parts of ten steps."""

    start_time_us: Us
    ramp_duration_us: Annotated[int, Field(gt=0, le=400 * 24 * _HOUR_US)]


class Cohort(Source):
    """A population of clients alike."""

    population: Annotated[int, Field(ge=1, le=MOST_CLIENTS)]
    diurnal: Diurnal | None = None
    spike: Spike | None = None
    drain: Drain | None = None


class Workload(Strict):
    """A whole specification."""

    version: str = "1"
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 1
    category: str = ""
    aggregate_rate: Rate
    num_requests: Annotated[int, Field(ge=0, le=MOST_ROWS)] = 0
    horizon: Us = 0
    """In ticks of a microsecond."""
    clients: Annotated[tuple[Client, ...], Field(max_length=MOST_CLIENTS)] = ()
    cohorts: Annotated[tuple[Cohort, ...], Field(max_length=1000)] = ()
    servegen_data: Any = None
    inference_perf: Any = None

    _refuse_files = field_validator("servegen_data", "inference_perf", mode="before")(_refused)

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if not self.clients and not self.cohorts:
            raise ValueError("clients or cohorts are needed")
        if not self.num_requests and not self.horizon:
            raise ValueError("num_requests or horizon is needed: how much of the workload is to be made")
        for source in (*self.clients, *self.cohorts):
            if source.rate_fraction is None or source.arrival is None:
                raise ValueError(f"rate_fraction and arrival of {source.id or 'each client'} are needed")
        if len(self.clients) + sum(cohort.population for cohort in self.cohorts) > MOST_CLIENTS:
            raise ValueError(f"at most {MOST_CLIENTS:,} clients, members of cohorts included, are made")
        return self


@dataclass(frozen=True)
class Sender:
    """One client as it sends: its place in the specification, name, share, and when it is active in seconds (empty: always)."""

    source: Source
    name: str
    fraction: float
    windows: tuple[tuple[float, float], ...]


def senders_of(workload: Workload) -> list[Sender]:
    """Every client, members of cohorts included."""
    made = []
    for client in workload.clients:
        windows = tuple((window.start_us * 1e-6, window.end_us * 1e-6) for window in client.lifecycle.windows)
        made.append(Sender(client, client.tenant_id or client.id, client.rate_fraction or 0.0, windows))
    for cohort in workload.cohorts:
        windows = _cohort_windows(cohort)
        share = (cohort.rate_fraction or 0.0) / cohort.population
        made += [Sender(cohort, cohort.tenant_id or f"{cohort.id}-{member}", share, windows) for member in range(cohort.population)]
    return made


def _cohort_windows(cohort: Cohort) -> tuple[tuple[float, float], ...]:
    windows: list[tuple[float, float]] = []
    if cohort.diurnal is not None:
        least = 1.0 / cohort.diurnal.peak_to_trough_ratio
        for hour in range(24):
            share = (1.0 + math.cos(2.0 * math.pi * (hour - cohort.diurnal.peak_hour) / 24.0)) / 2.0 * (1.0 - least) + least
            windows.append((hour * 3600.0, (hour + share) * 3600.0))
    if cohort.spike is not None:
        start = cohort.spike.start_time_us * 1e-6
        windows.append((start, start + cohort.spike.duration_us * 1e-6))
    if cohort.drain is not None:
        start, step = cohort.drain.start_time_us * 1e-6, cohort.drain.ramp_duration_us * 1e-6 / _RAMP_STEPS
        windows += [(0.0, start)] if start > 0 else []
        windows += [(start + at * step, start + at * step + step * (_RAMP_STEPS - at) / _RAMP_STEPS) for at in range(_RAMP_STEPS)]
    return tuple(windows)


def rates_of(senders: list[Sender], aggregate_rate: float) -> Floats:
    """Requests a second of each sender while it is active: its share among those whose windows overlap its own."""
    fractions = np.array([sender.fraction for sender in senders])
    by_windows: dict[tuple[tuple[float, float], ...], float] = {}
    for sender in senders:
        by_windows[sender.windows] = by_windows.get(sender.windows, 0.0) + sender.fraction
    together = {windows: sum(total for others, total in by_windows.items() if _overlap(windows, others)) for windows in by_windows}
    return np.asarray(aggregate_rate * fractions / np.array([together[sender.windows] for sender in senders]))


def _overlap(some: tuple[tuple[float, float], ...], others: tuple[tuple[float, float], ...]) -> bool:
    if not some or not others:
        return True
    return any(a[0] < b[1] and b[0] < a[1] for a in some for b in others)


def read_workload(found: Look, seed: int | None = None) -> Imported:
    """The requests of a specification, drawn with its own seed unless another is given; InputError with every problem of the file."""
    from sim.trace.formats.blis_requests import requests_of

    workload = load_model(found.path, Workload, found.name)
    if seed is not None:
        workload = workload.model_copy(update={"seed": seed})
    senders = senders_of(workload)
    table, facts = requests_of(workload, senders, rates_of(senders, workload.aggregate_rate))
    if not table.num_rows:
        raise InputError(f"{found.name}: no request within the horizon; allowed: a longer horizon, or clients active in it")
    notes = [f"made from a workload specification with seed {workload.seed}: its laws, but not the random numbers of BLIS"]
    models = {source.model for source in (*workload.clients, *workload.cohorts) if source.model}
    if models:
        notes.append(f"not read: model ({len(models)} named); the class is slo_class")
    unread = [
        name
        for name in ("timeout", "network", "closed_loop", "slo_target_us")
        if any(getattr(source, name) is not None for source in (*workload.clients, *workload.cohorts))
    ]
    if unread:
        notes.append(f"not read: {', '.join(unread)}")
    return Imported(table, tuple(notes), facts)


def class_of(workload: Workload, source: Source) -> str | None:
    """The class of requests: the tier, under its newer name."""
    older: Mapping[str, str] = _OLDER_CLASSES if workload.version in ("", "1") else {}
    return older.get(source.slo_class, source.slo_class) or None


def prefix_tokens(senders: list[Sender]) -> dict[str, int]:
    """The length of the prefix of each group: that of its first client that says one."""
    lengths: dict[str, int] = {}
    for sender in senders:
        if sender.source.prefix_group:
            lengths.setdefault(sender.source.prefix_group, sender.source.prefix_length or _DEFAULT_PREFIX_TOKENS)
    return lengths
