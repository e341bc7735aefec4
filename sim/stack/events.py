"""Scripted events: a file that says what happens when (`--events FILE`, docs/events.md)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from pydantic import Field

from sim.catalog.strict import Count, NotNegative, Strict
from sim.catalog.yaml_file import Document, problem, read_document, validate
from sim.errors import input_error, nearest
from sim.stack.quantity import Number, PositiveSeconds, Seconds, Share
from sim.stack.resolved import ResolvedApi, ResolvedPool, ResolvedStack
from sim.units import show_seconds

Kind = Literal[
    "api_outage", "degradation", "gpu_failure", "spot_preemption", "no_capacity", "retraining", "limit_change", "price_change",
    "demand_factor",
]  # fmt: skip

_TAKES: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "api_outage": frozenset({"duration"}),
        "degradation": frozenset({"duration", "factor", "error_rate"}),
        "gpu_failure": frozenset({"duration", "count"}),
        "spot_preemption": frozenset({"count", "notice"}),
        "no_capacity": frozenset({"duration"}),
        "retraining": frozenset({"duration", "count"}),
        "limit_change": frozenset({"duration", "factor", "limit"}),
        "price_change": frozenset({"duration", "factor"}),
        "demand_factor": frozenset({"duration", "factor"}),
    }
)
"""The keys each kind has a use for, beside at, kind and deployment; any other is refused."""
_NEEDS: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "api_outage": frozenset({"duration"}),
        "degradation": frozenset({"duration"}),
        "gpu_failure": frozenset({"duration"}),
        "no_capacity": frozenset({"duration"}),
        "retraining": frozenset({"duration"}),
        "limit_change": frozenset({"factor"}),
        "price_change": frozenset({"factor"}),
        "demand_factor": frozenset({"factor"}),
    }
)
_ONLY: Mapping[str, Literal["api", "gpu"]] = MappingProxyType(
    {
        "api_outage": "api",
        "degradation": "api",
        "limit_change": "api",
        "gpu_failure": "gpu",
        "spot_preemption": "gpu",
        "no_capacity": "gpu",
        "retraining": "gpu",
    }
)
"""The kind of deployment an event can happen to, where not both."""
_MOST_DEMAND = 100.0
"""Requests are copied in memory, a batch of the trace at a time."""


class EventEntry(Strict):
    """One event of the file."""

    at: Seconds = Field(description="when, from the start of the trace: `2h`, or seconds")
    kind: Kind = Field(description="what happens")
    deployment: str | None = Field(default=None, description="to which deployment, by name; absent: to all it can happen to")
    duration: PositiveSeconds | None = Field(
        default=None, description="how long it lasts; for limit_change, price_change and demand_factor absent means to the end"
    )
    factor: Number | None = Field(
        default=None, le=1_000_000, description="times the latency, limits, prices or demand; of demand at most 100, and 0 for none"
    )
    error_rate: Share | None = Field(default=None, description="degradation: share of attempts that fail")
    count: Count | None = Field(default=None, le=10_000, description="replicas lost, or lent, the highest ready ones first")
    notice: Seconds | None = Field(default=None, description="spot_preemption: warning before the end")
    limit: NotNegative | None = Field(default=None, description="limit_change: which limit of the deployment, counted from 0; absent: all")


class EventFile(Strict):
    """A file of scripted events."""

    events: tuple[EventEntry, ...] = Field(min_length=1, description="what happens, in any order")


@dataclass(frozen=True, slots=True)
class ScriptedEvent:
    """One event in plain numbers; `deployments` are the names it happens to, or None alone for demand."""

    at_s: float
    kind: str
    deployments: tuple[str | None, ...]
    duration_s: float = 0.0
    factor: float = 1.0
    error_rate: float = 0.0
    count: int = 1
    notice_s: float = 0.0
    limit: int = -1


def read_events(path: str | Path, resolved: ResolvedStack, name: str | None = None) -> tuple[ScriptedEvent, ...]:
    """The events of a file for a stack; InputError with every problem."""
    document = read_document(path, name)
    return events_for(document, validate(document, EventFile), resolved)


def events_for(document: Document, file: EventFile, resolved: ResolvedStack) -> tuple[ScriptedEvent, ...]:
    """Checked events of a stack's deployments; InputError with every name and key that does not fit."""
    problems = check_events(document, file)
    found: list[ScriptedEvent] = []
    for number, entry in enumerate(file.events):
        names = _deployments(document, number, entry, resolved, problems)
        limit = -1 if entry.limit is None else int(entry.limit)
        for name in names:
            each = resolved.deployments[resolved.index(name)] if name is not None else None
            if limit >= 0 and isinstance(each, ResolvedApi) and limit >= len(each.limits):
                at = ("events", number, "limit")
                problems.append(problem(document, at, f"found {limit}; {name} has {len(each.limits)} limits, counted from 0"))
        found.append(
            ScriptedEvent(
                at_s=entry.at,
                kind=entry.kind,
                deployments=names,
                duration_s=entry.duration or 0.0,
                factor=1.0 if entry.factor is None else entry.factor,
                error_rate=entry.error_rate or 0.0,
                count=entry.count or 1,
                notice_s=entry.notice or 0.0,
                limit=limit,
            )
        )
    if problems:
        raise input_error(problems)
    return tuple(sorted(found, key=lambda event: event.at_s))


def late_events(events: Sequence[ScriptedEvent], duration_s: float) -> list[str]:
    """In words, the events that no request of a trace is sent after."""
    return [
        f"{event.kind} at {show_seconds(event.at_s)} comes after the end of the trace, at {show_seconds(duration_s)}"
        for event in events
        if event.at_s > duration_s
    ]


def check_events(document: Document, file: EventFile) -> list[str]:
    """Keys that an event has no use for, or lacks, whatever the stack."""
    problems = []
    for number, entry in enumerate(file.events):
        given = entry.model_fields_set - {"at", "kind", "deployment"}
        takes, needs = _TAKES[entry.kind], _NEEDS.get(entry.kind, frozenset())
        for key in sorted(given - takes):
            problems.append(
                problem(document, ("events", number, key), f"{entry.kind} has no use for it; it takes {', '.join(sorted(takes))}", key=True)
            )
        for key in sorted(needs - given):
            problems.append(problem(document, ("events", number), f"{entry.kind} needs {key}"))
        demand = entry.kind == "demand_factor"
        if demand and entry.factor is not None and entry.factor > _MOST_DEMAND:
            problems.append(
                problem(
                    document,
                    ("events", number, "factor"),
                    f"found {entry.factor:g}; at most {_MOST_DEMAND:g} times the demand; more is made by `sim trace scale`",
                )
            )
        if not demand and entry.factor == 0:
            problems.append(problem(document, ("events", number, "factor"), "found 0; it should be greater than 0"))
        if demand and entry.deployment is not None:
            problems.append(problem(document, ("events", number, "deployment"), "demand is of the whole trace; leave the key out"))
    return problems


def _deployments(
    document: Document, number: int, entry: EventEntry, resolved: ResolvedStack, problems: list[str]
) -> tuple[str | None, ...]:
    if entry.kind == "demand_factor":
        return (None,)
    wanted = _ONLY.get(entry.kind)
    fitting = [each.name for each in resolved.deployments if wanted is None or (wanted == "gpu") == isinstance(each, ResolvedPool)]
    if entry.deployment is None:
        if not fitting:
            problems.append(
                problem(document, ("events", number), f"{entry.kind} needs a deployment of kind {wanted}, and the stack has none")
            )
        return tuple(fitting)
    at = ("events", number, "deployment")
    names = [each.name for each in resolved.deployments]
    if entry.deployment not in names:
        problems.append(
            problem(
                document, at, f"unknown deployment {entry.deployment!r}; allowed: {', '.join(fitting)}{nearest(entry.deployment, names)}"
            )
        )
        return ()
    if entry.deployment not in fitting:
        problems.append(problem(document, at, f"{entry.kind} happens to deployments of kind {wanted}, which {entry.deployment} is not"))
        return ()
    return (entry.deployment,)
