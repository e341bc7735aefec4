"""What speaks against a benchmark or its description: another unit, times that no such GPU can reach, runs that no profile explains.

A mistaken precision, GPU, limit or unit looks like a slow or fast machine, and a fit would hide it in its coefficients.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, log
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from sim.calibration.cross_validation import HeldOut
from sim.calibration.fit import loss
from sim.calibration.floors import faster_than_peak
from sim.calibration.model import Model
from sim.calibration.observations import Observation, batch_of, lengths_assumed, shape_of
from sim.calibration.points import Server, ServingPoint, StepPoint
from sim.calibration.serving import CLOSED_LOOP_SHARE
from sim.calibration.simulator import Simulator
from sim.catalog.gpu import Precision
from sim.errors import InputError
from sim.profile.physics import streaming_floor_s

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from sim.profile.resolve import Profile

    Array = NDArray[np.float64]

ANOTHER_UNIT = 100.0
"""Times that are so many times the estimate, or as small a share of it, are in another unit."""
FAR_OFF = 3.0
"""Beyond this factor the description is wrong rather than the estimate."""
UNEXPLAINED = 3.0
"""Robust standard deviations; and at least `LEAST_UNEXPLAINED` of the value."""
LEAST_UNEXPLAINED = 0.10
BADLY = 0.25
"""More than this share of the times to first token beyond `LEAST_UNEXPLAINED` has their lengths asked for."""
AT_ODDS = 1.5
"""Numbers of one and the same load so many times each other are no repeats of one run."""
_BETTER = 0.7
"""Another option of the server is named when the cost of all errors falls to this share with it."""
_WORSE = 1.1
"""Held-out errors so many times those of the estimate are worth a word."""
_SHOWN = 5


def check_units(model: Model, logs: Array) -> None:
    """InputError where the measurements of a metric are a hundred times what the estimate says, or a hundredth of it."""
    problems = []
    for metric in dict.fromkeys(o.metric for o in model.observations):
        factor, first = _throughout(model, logs, metric, fitted=False)
        if not 1.0 / ANOTHER_UNIT < factor < ANOTHER_UNIT:
            problems.append(
                f"{_found(model, first, factor)}; measured {metric} is {_times(factor)} the estimate throughout: is it in another unit?"
            )
    if problems:
        raise InputError("\n".join(problems))


def check_explained(model: Model, start_logs: Array, logs: Array) -> None:
    """InputError where steps, or times of tokens, are several times those of the calibrated profile: it is none of this server.

    It names the one that is furthest from the estimate (`start_logs`), to which a wrong half of the measurements has not moved.
    """
    import numpy as np

    problems, beyond = [], np.nan_to_num(model.measured - start_logs)
    for metric in dict.fromkeys(o.metric for o in model.observations if o.fitted and o.metric in ("step_s", "tpot_s", "itl_s")):
        factor, _ = _throughout(model, logs, metric)
        if not 1.0 / FAR_OFF < factor < FAR_OFF:
            rows = [i for i, o in enumerate(model.observations) if o.metric == metric and o.fitted]
            furthest = rows[int(np.argmax(np.abs(beyond[rows])))]
            problems.append(
                f"{_found(model, model.observations[furthest], exp(float(beyond[furthest])))}; measured {metric} is {_times(factor)} that "
                "of the profile nearest to it throughout: are two columns exchanged, are all files in the same unit, and are the LLM, "
                "precision, GPU and tensor parallel size right?"
            )
    if problems:
        raise InputError("\n".join(problems))


def check_error(name: str, decode_error: float, prefill_error: float, why: Sequence[str]) -> None:
    """InputError, with the doubts, where a profile would carry an error beyond a factor of `FAR_OFF`: no forecast can draw that."""
    if max(decode_error, prefill_error) > log(FAR_OFF):
        said = (
            f"{name}: no profile is kept, for its error would be {decode_error:.0%} for decodes and {prefill_error:.0%} for prompts; "
            f"allowed: up to {log(FAR_OFF):.0%}, a factor of {FAR_OFF:g}"
        )
        raise InputError("\n".join([said, *why]))


def _throughout(model: Model, logs: Array, metric: str, *, fitted: bool = True) -> tuple[float, Observation]:
    """How many times the predictions the measurements of a metric are, in the median, and the first of them."""
    import numpy as np

    rows = [i for i, o in enumerate(model.observations) if o.metric == metric and (o.fitted or not fitted)]
    return exp(float(np.median(model.measured[rows] - logs[rows]))), model.observations[rows[0]]


def _found(model: Model, o: Observation, factor: float) -> str:
    return f"{model.points[o.point].where}: {o.metric}: found {o.value:.4g}, where about {o.value / factor:.4g} was expected"


def _times(factor: float) -> str:
    return f"{factor:,.0f} times" if factor > 1.0 else f"1/{1.0 / factor:,.0f} of"


def doubts(
    model: Model, simulator: Simulator, position: Array, start_logs: Array, logs: Array, prior: Profile, server: Server
) -> tuple[str, ...]:
    """What to look at again, in sentences; the most serious first."""
    return (
        *_below_floor(model, server),
        *faster_than_peak(server, model.estimate, model.estimate.at(position)[0]),
        *_far_off(model, start_logs),
        *_at_odds(model),
        *_unexplained(model, simulator, position, logs, prior, server),
        *_lengths(model, logs),
        *_left_out(model),
    )


def _below_floor(model: Model, server: Server) -> list[str]:
    """Steps and tokens faster than the weights can be read."""
    found: list[tuple[Observation, float]] = []
    for o in model.observations:
        point = model.points[o.point]
        if o.metric not in ("step_s", "tpot_s", "itl_s"):
            continue
        tokens = point.tokens if isinstance(point, StepPoint) else 1.0
        floor_s = streaming_floor_s(server.llm, server.gpu, server.precision, server.tensor_parallel, tokens)
        if o.value < floor_s:
            found.append((o, floor_s))
    if not found:
        return []
    o, floor_s = found[0]
    least_s = min(each.value for each, _ in found)
    others = [
        precision
        for precision in get_args(Precision)
        if precision != server.precision and streaming_floor_s(server.llm, server.gpu, precision, server.tensor_parallel, 1.0) <= least_s
    ]
    instead = f"; weights in {', '.join(others)} could be that fast" if others else ""
    return [
        f"{len(found)} of the measured times are shorter than reading the weights once ({_ms(o.value)} at {_place(model, o)}, "
        f"{server.precision} weights on {server.tensor_parallel} x {server.gpu.name} take at least {_ms(floor_s)}): another precision, "
        f"GPU or tensor parallel size, or speculative decoding, which is not modelled{instead}. No profile goes below that floor."
    ]


def _far_off(model: Model, logs: Array) -> list[str]:
    found = []
    for metric in dict.fromkeys(o.metric for o in model.observations if o.fitted):
        factor, _ = _throughout(model, logs, metric)
        if not 1.0 / FAR_OFF < factor < FAR_OFF:
            found.append(
                f"measured {metric} is {factor:.2g} times the estimate throughout: is the LLM, precision, GPU, tensor parallel size and "
                "engine era right?"
            )
    return found


def _at_odds(model: Model) -> list[str]:
    """Loads that were measured more than once, with different results: no profile can meet both."""
    repeats: dict[tuple[object, ...], list[Observation]] = {}
    for o in model.observations:
        if o.fitted:
            point = model.points[o.point]
            what = (point.load,) if isinstance(point, ServingPoint) else (point.tokens, point.sequences, point.context, point.attention)
            repeats.setdefault((point.server, *what, o.metric, o.statistic), []).append(o)
    found = []
    for same in repeats.values():
        least, most = min(same, key=lambda o: o.value), max(same, key=lambda o: o.value)
        if most.value > AT_ODDS * least.value:
            point = model.points[least.point]
            where = f"{least.metric.removesuffix('_s')} of {shape_of(point)} at {batch_of(point)}"
            found.append(f"{where}, {most.value / least.value:.2g} times apart ({_place(model, least)}, {_place(model, most)})")
    if not found:
        return []
    more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    return [
        f"The same load was measured with results that are no repeats of each other: {', '.join(found[:_SHOWN])}{more}: was something "
        "else changed in between, which the files do not say?"
    ]


def _unexplained(model: Model, simulator: Simulator, position: Array, logs: Array, prior: Profile, server: Server) -> list[str]:
    """Fitted numbers that the calibrated profile misses by far more than the others, and an option of the server that would do better."""
    import numpy as np

    errors = np.where(np.isfinite(logs), logs - model.measured, 0.0)
    fitted = np.flatnonzero(model.fitted)
    if len(fitted) < 4:
        return []
    deviations = errors[fitted] / model.noise[fitted]
    scale = max(1.4826 * float(np.median(np.abs(deviations - np.median(deviations)))), 1.0)
    wild = [
        int(i)
        for i, d in zip(fitted, deviations, strict=True)
        if abs(d) > UNEXPLAINED * scale and abs(errors[i]) > log(1.0 + LEAST_UNEXPLAINED)
    ]
    if not wild:
        return []
    wild.sort(key=lambda i: -abs(errors[i]))
    shown = ", ".join(_shown(model, i, errors[i]) for i in wild[:_SHOWN])
    shown += f" and {len(wild) - _SHOWN} more" if len(wild) > _SHOWN else ""
    text = f"{len(wild)} of {len(fitted)} measured numbers are not explained by any profile: {shown}"
    instead = _other_option(model, simulator, position, errors, prior, server)
    return [f"{text}. {instead}" if instead else f"{text}."]


def _shown(model: Model, row: int, error: float) -> str:
    o = model.observations[row]
    point = model.points[o.point]
    where = f"{shape_of(point)} at {batch_of(point)} ({_place(model, o)})"
    return f"{o.metric.removesuffix('_s')} of {where}, predicted {exp(error) - 1.0:+.0%} off"


def _other_option(model: Model, simulator: Simulator, position: Array, errors: Array, prior: Profile, server: Server) -> str:
    """The option of the server, else left as it is, that explains the serving runs best; nothing where none does much better."""
    import numpy as np

    rows = [i for i, o in enumerate(model.observations) if o.fitted and isinstance(model.points[o.point], ServingPoint)]
    if not rows:
        return ""
    step, front_end_s = model.estimate.at(position)
    best, words = _BETTER * loss(errors[rows] / model.noise[rows]), ""
    for name, value in _options(prior, server):
        other = simulator.with_option(name, value)
        if other is None:
            continue
        changed = []
        runs: dict[int, Any] = {}
        for i in rows:
            o = model.observations[i]
            point = model.points[o.point]
            assert isinstance(point, ServingPoint)
            if o.point not in runs:
                runs[o.point] = other.values(point, step, front_end_s)
            predicted = runs[o.point].get((o.metric, o.statistic), 0.0)
            changed.append(log(predicted / o.value) if predicted > 0.0 else errors[i])
        found = loss(np.array(changed) / model.noise[rows])
        if found < best:
            best, words = found, f"With {name} {value} they would be explained far better: was the server run so?"
    return words


def _options(prior: Profile, server: Server) -> Sequence[tuple[str, Any]]:
    """What the runs may have been done with instead."""
    options: list[tuple[str, Any]] = [("kv_precision", "fp8" if prior.kv_precision == "bf16" else "bf16")]
    options += [("utilisation", share) for share in (0.8, 0.85, 0.9, 0.95)]
    options += [("max_num_seqs", count) for count in (64, 128, 256, 512) if count != prior.max_num_seqs]
    options += [("max_num_batched_tokens", count) for count in (2048, 4096, 8192, 16384) if count != prior.max_num_batched_tokens]
    return [(name, value) for name, value in options if getattr(server, name) != value]


def _lengths(model: Model, logs: Array) -> list[str]:
    """Times to first token that are badly explained where lengths are an assumption: fixed ones make prompts wait for each other."""
    import numpy as np

    rows = [i for i, o in enumerate(model.observations) if o.fitted and o.metric == "ttft_s" and lengths_assumed(model.points[o.point])]
    errors = np.abs(logs[rows] - model.measured[rows])
    bad = int(np.sum(errors > log(1.0 + LEAST_UNEXPLAINED)))
    if bad <= BADLY * len(rows):
        return []
    return [
        f"ttft is badly explained, by more than {LEAST_UNEXPLAINED:.0%} in {bad} of {len(rows)} runs whose lengths were assumed to be even "
        f"from {CLOSED_LOOP_SHARE:.0%} of the nominal ones: were they fixed? Then say least_length_share 1."
    ]


def worse(model: Model, start_logs: Array, held_out: Sequence[HeldOut | None]) -> list[str]:
    """Where a calibration says less of what it has not seen than the estimate says of it."""
    import numpy as np

    found = []
    for words, held in zip(("batch sizes", "shapes"), held_out, strict=True):
        if held is None:
            continue
        known = model.fitted & np.isfinite(held.errors)
        own, estimate = (float(np.sqrt(np.mean(e[known] ** 2))) for e in (held.errors, start_logs - model.measured))
        if own > _WORSE * estimate:
            found.append(f"{words} ({own:.1%} root mean square, the estimate {estimate:.1%})")
    if not found:
        return []
    return [
        f"Calibrated on the rest, {' and '.join(found)} that were held out are predicted worse than by the estimate: the profile holds "
        "for loads like the measured ones, not beyond them."
    ]


def _left_out(model: Model) -> list[str]:
    """Measured, but not simulated."""
    if not model.left_out:
        return []
    kinds = ", ".join(dict.fromkeys(f"{o.metric} {o.statistic}" for o in model.left_out))
    return [f"{len(model.left_out)} measured numbers are left out, for no simulated run has them: {kinds}"]


def _place(model: Model, o: Observation) -> str:
    """Where it stands, without the folders of the file."""
    return Path(model.points[o.point].where).name


def _ms(seconds: float) -> str:
    return f"{seconds * 1e3:.3g} ms"
