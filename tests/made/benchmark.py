"""Benchmarks made from known coefficients, in closed form, so that what a calibration finds can be held against what it should."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import exp
from typing import Any

from sim.calibration.advice import steady
from sim.calibration.calibrate import estimate_of
from sim.calibration.parts import NAMES, PARTS, Estimate
from sim.calibration.points import Load, Metric, Server, ServingPoint, Statistic
from sim.catalog.catalog import Catalog
from sim.profile import Profile, resolve_profile
from sim.profile.step import KNOTS, StepCoefficients
from sim.sampling import stream

CATALOG = Catalog.bundled()
SERVER = Server(CATALOG.llm("llama-3.1-8b"), CATALOG.gpu("h100-sxm"), 1, "bf16")
PRIOR: Profile = replace(
    resolve_profile(
        llm=SERVER.llm, gpu=SERVER.gpu, tensor_parallel=1, precision="bf16", kv_precision="bf16", shipped=(), catalog=CATALOG
    ),
    step=StepCoefficients(
        c_s=1.6e-3, g_tokens=tuple(map(float, KNOTS)), g_s=tuple((5.1e-3**1.6 + (t * 2.9e-5) ** 1.6) ** (1 / 1.6) for t in KNOTS),
        o_s=5e-5, f_s=4.4e-8, h_s=1.3e-9,
    ),
    front_end_s=0.027,
    error=0.05,
    prefill_error=0.06,
)  # fmt: skip
"""An estimate that stays what it is when the physics is fitted anew."""
ESTIMATE: Estimate = estimate_of(SERVER, PRIOR)
GRID = tuple((prompt, output, clients) for prompt, output in ((128, 128), (1024, 1024), (8192, 512)) for clients in (1, 4, 16, 64))


@dataclass(frozen=True)
class ClosedForm:
    """A simulator that is a formula: closed loops in a steady state; `factor` is what another option of the server would change."""

    factors: tuple[tuple[tuple[str, Any], float], ...] = ()
    factor: float = 1.0
    full: frozenset[int] = frozenset()
    """Concurrencies at which the KV cache is full."""

    def values(self, point: ServingPoint, step: StepCoefficients, front_end_s: float) -> Mapping[tuple[Metric, Statistic], float]:
        ttft, tpot = steady(step, front_end_s, load_of(point))
        return {("ttft_s", "mean"): ttft * self.factor, ("tpot_s", "mean"): tpot, ("e2e_s", "mean"): ttft + tpot * point.load.output_tokens}

    def kv_full_share(self, point: ServingPoint, *_: object) -> float:
        return 1.0 if point.load.concurrency in self.full else 0.0

    def with_option(self, name: str, value: Any) -> ClosedForm | None:
        found = dict(self.factors).get((name, value))
        return None if found is None else replace(self, factor=found)


def load_of(point: ServingPoint) -> tuple[int, int, int]:
    """Prompt, output, concurrency."""
    assert point.load.concurrency is not None
    return round(point.load.prompt_tokens), round(point.load.output_tokens), point.load.concurrency


def position(**moved: float) -> list[float]:
    """A position with some parts away from the estimate, in their spreads."""
    return [moved.get(name, 0.0) for name in NAMES]


def factors(found: Sequence[float]) -> dict[str, float]:
    """What a position multiplies each part of a step by."""
    return {part.name: exp(z * part.spread) for part, z in zip(PARTS, found, strict=True)}


def measured(
    truth: Sequence[float], loads: Iterable[tuple[int, int, int]] = GRID, noise: float = 0.0, only: tuple[Metric, ...] = ("ttft_s", "tpot_s"),
    seed: int = 0,
) -> list[ServingPoint]:  # fmt: skip
    """Runs of the server at a position, each number off by a lognormal factor."""
    step, front_end_s = ESTIMATE.at(truth)
    draw = stream(seed, "made benchmark")
    points = []
    for number, (prompt, output, clients) in enumerate(loads, 2):
        ttft, tpot = steady(step, front_end_s, (prompt, output, clients))
        values: dict[tuple[Metric, Statistic], float] = {}
        for metric, value in (("ttft_s", ttft), ("tpot_s", tpot)):
            off = exp(noise * float(draw.standard_normal()))
            if metric in only:
                values[metric, "mean"] = value * off
        points.append(ServingPoint(SERVER, Load(float(prompt), float(output), concurrency=clients), values, f"made.csv:{number}"))
    return points
