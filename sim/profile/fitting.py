"""Fitting the coefficients of the physics to measurements, jointly, and saying how wrong they are on what was held out.

A measurement is a time, and the step times that add up to it: one for a decode step, fractions of several for an average over a
serving run. The fit is least squares of ln(predicted/measured) with a robust loss (soft L1), each configuration weighing the same
however many points it has. Coefficients are named by their path in the file: `hardware.hopper.compute_share_of_peak.fp8`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import log, sqrt
from statistics import median
from typing import Any

from sim.catalog.gpu import Gpu, Precision
from sim.catalog.llm import KvPrecision, Llm
from sim.profile.coefficients import Coefficients
from sim.profile.physics import step_coefficients
from sim.profile.step import StepCoefficients

FOLD_ROUNDS = 8
"""Steps of a fit that starts from the fit to everything: it has not far to go."""
ROBUST_SCALE = 0.05
"""Errors beyond about 5 % count linearly, so that a disturbed measurement does not bend the rest."""


@dataclass(frozen=True)
class Term:
    """So many steps of one kind in a measured time: T, S, C and A of the step (`StepCoefficients.seconds`)."""

    steps: float
    tokens: float
    sequences: float
    context: float = 0.0
    attention: float = 0.0


@dataclass(frozen=True)
class Measurement:
    """One measured time, in seconds, of a configuration."""

    llm: Llm
    gpu: Gpu
    tensor_parallel: int
    precision: Precision
    kv_precision: KvPrecision
    engine: str
    engine_era: str
    kind: str
    """What was measured: `decode` or `prefill`."""
    source: str
    terms: tuple[Term, ...]
    seconds: float
    front_ends: float = 0.0
    """How many times the server's front end is in the measured time."""
    weight: float = 1.0
    """In the fit, beside that of its configuration."""
    expert_parallel: bool = False
    """Whether each GPU held whole experts; else a share of every one."""
    batch: int = 0
    """Sequences or clients at once: what points of a configuration are held out by."""

    @property
    def configuration(self) -> tuple[str, str, int, str, str, str, str, str]:
        """What it was measured on."""
        return (
            self.llm.name, self.gpu.name, self.tensor_parallel, self.precision, self.kv_precision,
            self.engine, self.engine_era, self.kind,
        )  # fmt: skip


def predict(measurements: Iterable[Measurement], coefficients: Coefficients, family: str | None = None) -> list[float]:
    """Seconds predicted for each measurement, by the shares of the GPU's own family unless another is named."""
    steps: dict[tuple[Any, ...], StepCoefficients] = {}
    seconds = []
    for m in measurements:
        key = (*m.configuration[:-1], m.llm.quantised_parts, m.expert_parallel)
        step = steps.get(key)
        if step is None:
            named = next((f for f in coefficients.hardware if f.name == family), None)
            step = steps[key] = step_coefficients(
                llm=m.llm, gpu=m.gpu, tensor_parallel=m.tensor_parallel, precision=m.precision, kv_precision=m.kv_precision,
                hardware=named or coefficients.family(m.gpu.name), engine=coefficients.engine(m.engine, m.engine_era),
                coefficients=coefficients, expert_parallel=m.expert_parallel,
            )  # fmt: skip
        seconds.append(step_sum(step, m.terms) + m.front_ends * coefficients.engine(m.engine, m.engine_era).front_end_ms * 1e-3)
    return seconds


def log_errors(measurements: Sequence[Measurement], coefficients: Coefficients, family: str | None = None) -> list[float]:
    """ln(predicted/measured) of each measurement."""
    return [log(p / m.seconds) for p, m in zip(predict(measurements, coefficients, family), measurements, strict=True)]


def configuration_medians(measurements: Sequence[Measurement], errors: Sequence[float]) -> dict[tuple[Any, ...], float]:
    """The median ln(predicted/measured) of each configuration: how far off its step time is as a whole."""
    grouped: dict[tuple[Any, ...], list[float]] = {}
    for m, error in zip(measurements, errors, strict=True):
        grouped.setdefault(m.configuration, []).append(error)
    return {configuration: median(found) for configuration, found in grouped.items()}


def root_mean_square(errors: Sequence[float]) -> float:
    """The root of the mean of the squares; 0 of none."""
    return sqrt(sum(e * e for e in errors) / len(errors)) if errors else 0.0


def with_values(coefficients: Coefficients, values: Mapping[str, float]) -> Coefficients:
    """The coefficients with some replaced, named by path; list items by their name, an engine's as `name/era`."""
    data = coefficients.model_dump()
    for path, value in values.items():
        *parents, leaf = path.split(".")
        at: Any = data
        for part in parents:
            at = next(item for item in at if _named(item, part)) if isinstance(at, (list, tuple)) else at[part]
        if leaf not in at:
            raise KeyError(path)
        at[leaf] = float(value)
    return Coefficients.model_validate(data)


def value_at(coefficients: Coefficients, path: str) -> float:
    """The coefficient at a path."""
    at: Any = coefficients.model_dump()
    for part in path.split("."):
        at = next(item for item in at if _named(item, part)) if isinstance(at, (list, tuple)) else at[part]
    return float(at)


def _named(item: Mapping[str, Any], part: str) -> bool:
    return part == (f"{item['name']}/{item['era']}" if "era" in item else item["name"])


def fit(
    measurements: Sequence[Measurement], start: Coefficients, free: Mapping[str, tuple[float, float]], rounds: int = 30
) -> Coefficients:
    """The coefficients that fit best when those named in `free` move between their bounds, from where they stand in `start`."""
    import numpy as np
    from scipy.optimize import least_squares

    paths = list(free)
    low, high = (np.array([free[path][side] for path in paths]) for side in (0, 1))
    first = np.clip([value_at(start, path) for path in paths], low + 1e-6 * (high - low), high - 1e-6 * (high - low))
    sizes: dict[tuple[Any, ...], int] = {}
    for m in measurements:
        sizes[m.configuration] = sizes.get(m.configuration, 0) + 1
    weights = np.array([m.weight / sqrt(sizes[m.configuration]) for m in measurements])

    def residuals(x: Any) -> Any:
        return weights * np.array(log_errors(measurements, with_values(start, dict(zip(paths, x.tolist(), strict=True)))))

    found = least_squares(
        residuals, first, bounds=(low, high), x_scale=high - low, diff_step=1e-3, loss="soft_l1", f_scale=ROBUST_SCALE, max_nfev=rounds
    )
    return with_values(start, dict(zip(paths, found.x.tolist(), strict=True)))


def cross_validate(
    measurements: Sequence[Measurement],
    whole_fit: Coefficients,
    free: Mapping[str, tuple[float, float]],
    fold: Callable[[Measurement], str],
) -> list[float]:
    """ln(predicted/measured) of each measurement, by a fit to all but its own fold that starts from the whole fit."""
    errors = [0.0] * len(measurements)
    folds = [fold(m) for m in measurements]
    for name in sorted(set(folds)):
        rest = fit([m for m, own in zip(measurements, folds, strict=True) if own != name], whole_fit, free, FOLD_ROUNDS)
        held_out = [i for i, own in enumerate(folds) if own == name]
        for i, error in zip(held_out, log_errors([measurements[i] for i in held_out], rest), strict=True):
            errors[i] = error
    return errors


def step_sum(step: StepCoefficients, terms: Iterable[Term]) -> float:
    """Seconds of the steps that make up a measured time."""
    return sum(t.steps * step.seconds(tokens=t.tokens, sequences=t.sequences, context=t.context, attention=t.attention) for t in terms)
