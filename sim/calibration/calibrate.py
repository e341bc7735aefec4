"""From a benchmark to calibrated profiles: one for each configuration that was measured at two loads or more.

The physics without any shipped profile is where each begins; the measurements move the parts that they tell of; every batch size and
every shape is then predicted by a fit that has not seen it, and that error is what a profile carries and a forecast draws.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import TYPE_CHECKING

from sim.calibration.advice import Advice, advise
from sim.calibration.cross_validation import HeldOut, hold_out
from sim.calibration.doubts import check_error, check_explained, check_units, doubts, worse
from sim.calibration.fit import fit, linearised
from sim.calibration.floors import floors_of
from sim.calibration.identify import check_wanted, choose, covariance, told_of, unweighted
from sim.calibration.model import Model
from sim.calibration.observations import Kind, Observation, Point, batch_of, distinct, observations, shape_of
from sim.calibration.parts import LAUNCH, NAMES, PARTS, Estimate
from sim.calibration.points import Benchmark, Server, ServingPoint, StepPoint
from sim.calibration.serving import assumed_of, kv_precision_of, profile_of
from sim.calibration.simulator import EngineSimulator, Simulator
from sim.errors import InputError
from sim.profile.coefficients import load_coefficients
from sim.profile.step import StepCoefficients

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from sim.catalog.catalog import Catalog
    from sim.profile.coefficients import Coefficients
    from sim.profile.resolve import Profile
    from sim.profile.shipped import Key

    Array = NDArray[np.float64]

LEAST_LOADS = 2
MOST_RUNS = 2000
REPEATABILITY = 0.03
"""Least error stated: a benchmark repeated on another machine differs by about this much (assumed)."""
ESTIMATE_COUNTS = 2.0
"""The error of the estimate counts as so many held-out points more, so that two that agree by chance do not promise certainty."""
SHORT_OF_KV = 0.1
"""Runs that waited for KV cache for more than this share of their time say nothing of how long a prompt takes."""
_PASSES = 4


@dataclass(frozen=True)
class Coefficient:
    """One part of a profile before and after: values in seconds, standard deviations as shares of the value."""

    name: str
    estimate_s: float
    calibrated_s: float
    sd_before: float
    sd: float
    moved: bool
    """Free in the fit; else the measurements do not tell it from the estimate, and it stays there."""


@dataclass(frozen=True)
class Reading:
    """One measured number beside what is predicted: by the estimate, the calibrated profile, and a fit that has not seen its batch."""

    point: Point
    observation: Observation
    estimated: float
    calibrated: float
    held_out: float | None
    short_of_kv: bool


@dataclass(frozen=True)
class Calibration:
    """A calibrated configuration and all that was found on the way; errors are root mean squares of ln(predicted/measured)."""

    server: Server
    prior: Profile
    step: StepCoefficients
    front_end_s: float
    coefficients: tuple[Coefficient, ...]
    readings: tuple[Reading, ...]
    loads: int
    """Different loads and steps."""
    in_sample_error: float
    decode_error: float
    prefill_error: float
    by_batch: HeldOut | None
    by_shape: HeldOut | None
    doubts: tuple[str, ...]
    advice: tuple[Advice, ...]
    simulated: int

    @property
    def key(self) -> Key:
        """What it is a profile of."""
        p = self.prior
        return (p.llm, p.gpu, p.tensor_parallel, p.precision, p.kv_precision, p.engine, p.engine_era)

    @property
    def assumed(self) -> tuple[str, ...]:
        """What the files do not say of their serving runs and was assumed to simulate them, each sentence once."""
        runs = [r.point for r in self.readings if isinstance(r.point, ServingPoint)]
        return tuple(dict.fromkeys(text for run in runs for text in assumed_of(run.server, run.load, self.prior)))


@dataclass(frozen=True)
class Skipped:
    """A configuration that gets no profile, and why."""

    name: str
    why: str


@dataclass(frozen=True)
class Calibrations:
    """All configurations of a benchmark."""

    found: tuple[Calibration, ...]
    skipped: tuple[Skipped, ...]
    benchmark: Benchmark


def calibrate_all(
    benchmark: Benchmark,
    *,
    catalog: Catalog | None = None,
    wanted: Sequence[int] | None = None,
    seed: int = 0,
    progress: Callable[[str, int], None] | None = None,
) -> Calibrations:
    """A profile for each configuration of a benchmark.

    `wanted` names the parts to move (`identify.parts_named`); without it the data decide. InputError when no configuration has enough
    loads, when a wanted part is not in the data, or when times are in another unit.
    """
    coefficients = load_coefficients(catalog)
    found: list[Calibration] = []
    skipped: list[Skipped] = []
    for points in _configurations(benchmark, coefficients):
        name = configuration_name(points[0].server, coefficients)
        if distinct(points) < LEAST_LOADS:
            skipped.append(
                Skipped(
                    name,
                    f"measured at {distinct(points)} load; at least {LEAST_LOADS} different ones are needed: give the files of more runs",
                )
            )
            continue
        runs = sum(isinstance(p, ServingPoint) for p in points)
        if runs > MOST_RUNS:
            raise InputError(
                f"{name}: found {runs:,} serving runs; allowed: at most {MOST_RUNS:,}, for each is simulated a hundred times: "
                "leave out repeats"
            )
        if not any(o.fitted for o in observations(points)):
            skipped.append(Skipped(name, "no time or throughput above 0 was measured"))
            continue
        try:
            simulator = EngineSimulator.of([p for p in points if isinstance(p, ServingPoint)], catalog, coefficients, seed)
            prior = profile_of(points[0].server, longest_tokens=1, catalog=catalog, coefficients=coefficients, estimated=True)
        except InputError as error:
            skipped.append(Skipped(name, str(error)))
            continue
        said = None if progress is None else (lambda runs, name=name: progress(name, runs))
        found.append(calibrate(points, prior, simulator, name=name, wanted=wanted, progress=said))
    if not found:
        reasons = [f"{each.name}: {each.why}" for each in skipped] or ["no benchmark point was found"]
        raise InputError("\n".join(reasons))
    return Calibrations(tuple(found), tuple(skipped), benchmark)


def calibrate(
    points: Sequence[Point],
    prior: Profile,
    simulator: Simulator,
    *,
    name: str = "",
    wanted: Sequence[int] | None = None,
    progress: Callable[[int], None] | None = None,
) -> Calibration:
    """The calibrated profile of one configuration, from its points and its estimate."""
    import numpy as np

    server = points[0].server
    estimate = estimate_of(server, prior)
    model = Model(points, estimate, simulator, progress)
    if not model.fitted.any():
        raise InputError(f"{name}: no run of the benchmark can be simulated on this server: none of its requests fits")
    start_logs = model.logs(np.zeros(len(PARTS)))
    check_units(model, start_logs)
    start = linearised(model, np.zeros(len(PARTS)), start_logs)
    most = distinct([points[i] for i in {o.point for o in model.observations if o.fitted}])
    allowed = tuple(wanted) if wanted is not None else tuple(range(len(PARTS)))
    if wanted is not None:
        check_wanted(unweighted(start), most, allowed, name)

    blank = unweighted(start)
    free = told_of((blank,), most, allowed) if wanted is None else allowed
    tried: set[tuple[int, ...]] = set()
    whole = start
    while True:
        position, logs = fit(model, free, whole)
        whole = linearised(model, position, logs)
        chosen, dispersion = choose(whole, blank, most, allowed, estimate.lowest())
        tried.add(free)
        if wanted is not None or chosen in tried or len(tried) == _PASSES:
            break
        free = chosen
    check_explained(model, start_logs, logs)
    # Of all parts at once: one that stays at its estimate is unsure too, and so are those that make up for it.
    after = covariance(whole, range(len(PARTS)), dispersion)
    unsure = after.copy()
    if LAUNCH not in free:  # nothing shows a least time of prompts' steps: a run of many decodes is not to be sent to look for one
        unsure[LAUNCH, :] = unsure[:, LAUNCH] = 0.0

    by_batch = hold_out(model, blank, whole, allowed, batch_of)
    by_shape = hold_out(model, blank, whole, allowed, shape_of, known=batch_of)
    step, front_end_s = estimate.at(position)
    short = [isinstance(p, ServingPoint) and simulator.kv_full_share(p, step, front_end_s) > SHORT_OF_KV for p in points]
    held = by_batch or by_shape
    readings = tuple(
        Reading(
            points[o.point], o, float(np.exp(start_logs[i])), float(np.exp(logs[i])),
            float(o.value * np.exp(held.errors[i])) if held is not None and np.isfinite(held.errors[i]) else None, short[o.point],
        )
        for i, o in enumerate(model.observations)
    )  # fmt: skip
    errors = logs - model.measured
    found = doubts(model, simulator, position, start_logs, logs, prior, server)
    decode_error = _held_out_error(model, (by_batch, by_shape), "decode", short, prior.error)
    prefill_error = _held_out_error(model, (by_batch, by_shape), "prefill", short, prior.prefill_error)
    check_error(name, decode_error, prefill_error, found)
    return Calibration(
        server=server, prior=prior, step=step, front_end_s=front_end_s,
        coefficients=_coefficients(estimate, position, free, after), readings=readings, loads=most,
        in_sample_error=max(_rms(errors[model.fitted & np.isfinite(errors)]), 1e-4),
        decode_error=decode_error, prefill_error=prefill_error,
        by_batch=by_batch, by_shape=by_shape, doubts=(*found, *worse(model, start_logs, (by_batch, by_shape))),
        advice=advise(estimate, position, unsure, prior, [p.load for p in points if isinstance(p, ServingPoint)]),
        simulated=model.simulated,
    )  # fmt: skip


def estimate_of(server: Server, prior: Profile) -> Estimate:
    """Where the fit of a server begins, with the floor under its steps."""
    return Estimate(prior.step, prior.front_end_s, floors_of(server, prior.step))


def configuration_name(server: Server, coefficients: Coefficients) -> str:
    """A configuration in words: `llama-3.1-70b fp8, 4 x h200-sxm, vllm 2025`."""
    engine = coefficients.engine(server.engine, server.engine_era)
    kv = kv_precision_of(server)
    of_kv = "" if kv == server.precision else f" (KV {kv})"
    return f"{server.llm.name} {server.precision}{of_kv}, {server.tensor_parallel} x {server.gpu.name}, {engine.name} {engine.era}"


def _configurations(benchmark: Benchmark, coefficients: Coefficients) -> list[list[Point]]:
    """Points by what a profile is of, in order of appearance; limits and memory may differ within one."""
    grouped: dict[tuple[object, ...], list[Point]] = {}
    every: list[ServingPoint | StepPoint] = [*benchmark.serving, *benchmark.steps]
    for point in every:
        s = point.server
        era = coefficients.engine(s.engine, s.engine_era).era
        key = (s.llm.name, s.gpu.name, s.tensor_parallel, s.precision, kv_precision_of(s), s.engine, era)
        grouped.setdefault(key, []).append(point)
    return list(grouped.values())


def _coefficients(estimate: Estimate, position: Array, free: Sequence[int], after: Array) -> tuple[Coefficient, ...]:
    before_s, after_s = estimate.values((0.0,) * len(PARTS)), estimate.values(position)
    return tuple(
        Coefficient(
            NAMES[part], before_s[part], after_s[part], estimate.relative_spread(part, 1.0),
            estimate.relative_spread(part, sqrt(float(after[part, part]))), part in free,
        )
        for part in range(len(PARTS))
    )  # fmt: skip


def _held_out_error(model: Model, schemes: Sequence[HeldOut | None], kind: Kind, short: Sequence[bool], of_estimate: float) -> float:
    """The error that a profile carries for decodes or prompts: the larger of both ways to hold out, and of what repeats."""
    import numpy as np

    errors = [REPEATABILITY]
    rows = [i for i, o in enumerate(model.observations) if o.fitted and o.kind == kind and not (kind == "prefill" and short[o.point])]
    for scheme in schemes:
        known = np.array([scheme.errors[i] for i in rows if np.isfinite(scheme.errors[i])]) if scheme is not None else np.array([])
        if len(known):
            errors.append(sqrt((float((known**2).sum()) + ESTIMATE_COUNTS * of_estimate**2) / (len(known) + ESTIMATE_COUNTS)))
    return max(errors) if len(errors) > 1 else max(of_estimate, REPEATABILITY)


def _rms(errors: Array) -> float:
    return sqrt(float((errors**2).mean())) if len(errors) else 0.0
