"""What a token costs under the names of OpenCost, so that a forecast and a cluster's meter can be drawn in one chart.

Names, labels and bases are those of OpenCost 1.121 (pkg/inferencecost/exporter.go of that project, and its page "AI Inference Cost
Tracking"): `llm_total_hourly_cost`, `llm_cost_per_million_tokens`, `llm_cache_savings_fraction`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from sim.report.export_source import StackPart
from sim.units import HOURS_PER_MONTH, MILLION

if TYPE_CHECKING:
    from sim.report.export_openmetrics import Family, Labels

_IDLE = ("gpu_idle", "gpu_spare")
"""Lines that the basis `usage` leaves out."""
_PROMPT = ("api_input", "api_cached_input")
_GENERATION = ("api_output",)
_METHOD = "token_price"
"""How an API's cost is split by phase: as the provider prices tokens. OpenCost has no such method, as it meters no APIs."""
_SHARED = "shared"


def opencost(stack: StackPart) -> Iterator[Family]:
    """The three families of a stack, a sample for each deployment; the cost of GPUs is not split by phase, as that would be invented."""
    from sim.report.export_openmetrics import Family

    hourly: dict[Labels, float] = {}
    tokens: dict[Labels, float] = {}
    cached: dict[Labels, float] = {}
    factor = stack.summary["bill"]["month"]["factor"]
    usd = _usd(stack.summary["bill"]["lines"])
    shared = math.fsum(usd.get(_SHARED, {}).values())
    owned = math.fsum(value for name, lines in usd.items() if name != _SHARED for value in lines.values())
    for name, deployment in stack.summary["deployments"].items():
        lines = usd.get(name, {})
        allocated = math.fsum(lines.values())
        used = math.fsum(value for item, value in lines.items() if item not in _IDLE)
        bases = (("allocation", allocated + (shared * allocated / owned if owned > 0 else 0.0)), ("usage", used))
        prompt = deployment["input_tokens"] + deployment["cached_input_tokens"]
        generation = deployment["output_tokens"]
        of = _model(stack, name)
        for basis, cost in bases:
            own = (*of, ("cost_basis", basis))
            if factor is not None:
                hourly[(*own, *_kind(name))] = cost * factor / HOURS_PER_MONTH
            if prompt + generation > 0:
                tokens[(*own, *_kind(name))] = cost / (prompt + generation) * MILLION
            for phase, items, count in (("prompt", _PROMPT, prompt), ("generation", _GENERATION, generation)):
                by_tokens = math.fsum(lines.get(item, 0.0) for item in (*_PROMPT, *_GENERATION))
                if deployment["kind"] == "api" and count > 0 and by_tokens > 0:
                    part = math.fsum(lines.get(item, 0.0) for item in items) / by_tokens
                    tokens[(*own, ("phase", phase), ("allocation_method", _METHOD), *_kind(name))] = cost * part / count * MILLION
        if prompt > 0:
            cached[(*of, *_kind(name))] = deployment["cached_input_tokens"] / prompt
    bases_in_words = "cost_basis allocation adds up to the bill, usage leaves idle and spare GPUs and what is shared out"
    yield Family("llm_total_hourly_cost", "", f"USD an hour of a model; {bases_in_words}", hourly)
    yield Family(
        "llm_cost_per_million_tokens", "",
        f"USD a million tokens; without phase prompt and output tokens together, else those of the phase; {bases_in_words}", tokens,
    )  # fmt: skip
    yield Family("llm_cache_savings_fraction", "", "Share of prompt tokens that came from a cache, 0 to 1", cached)


def _usd(lines: list[Mapping[str, Any]]) -> dict[str, dict[str, float]]:
    """USD by deployment and line."""
    found: dict[str, dict[str, float]] = {}
    for line in lines:
        of = found.setdefault(line["deployment"], {})
        of[line["item"]] = of.get(line["item"], 0.0) + line["usd"]
    return found


def _model(stack: StackPart, deployment: str) -> Labels:
    """The labels that OpenCost gives a model; the stack stands where it has the Kubernetes namespace."""
    return (("model_name", stack.models.get(deployment, "unknown")), ("model_version", "unknown"), ("namespace", stack.name))


def _kind(deployment: str) -> Labels:
    """The type of work, as OpenCost has it, and our own label that tells two deployments of one model apart."""
    return (("workload_type", "inference"), ("deployment", deployment))
