"""The serving sweep of docs/accuracy.md: 60 closed-loop runs of Llama 3.1 70B on H200, each simulated by the engine.

Predicted by the shipped profiles, by the physics alone, and by physics that has not seen one tensor parallel size, or nothing of the GPU.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from math import exp, isfinite
from types import MappingProxyType

from sim.calibration.calibrate import Calibrations, calibrate_all
from sim.calibration.cross_validation import HeldOut
from sim.calibration.errors import Quantity, relative_error
from sim.calibration.points import Benchmark, Load, ServingPoint
from sim.calibration.saturation import run_outs
from sim.calibration.serving import least_length_share_of, longest_of, profile_of, serve
from sim.calibration.table import PredictedRow, predict
from sim.catalog.catalog import Catalog
from sim.profile.coefficients import Coefficients, load_coefficients
from sim.profile.fitting import value_at, with_values
from sim.report.accuracy_report import AccuracyReport, accuracy_text
from sim.report.calibration_report import CalibrationReport, calibration_text
from tests.tools import leave_one_out
from tests.tools.accuracy_page_tables import ERRORS, NONE, error_cells, markdown, mean_cell, median_cell
from tests.tools.fit_profiles import means_of_others
from tests.tools.own_profiles import benchmark_of

TTFT: Quantity = ("ttft_s", "mean")
TPOT: Quantity = ("tpot_s", "mean")
METRICS = MappingProxyType({"TTFT": TTFT, "TPOT": TPOT})
SHOWN_SIZE = 4
"""Tensor parallel size whose calibration the page shows."""
HEADER = ("predicted by", "", *ERRORS, "KV run-out found")
SCHEMES = MappingProxyType({"by_batch": "shipped profiles, concurrency left out", "by_shape": "shipped profiles, lengths left out"})
"""Ways to hold out of `sim calibrate`, and their names on the page."""
Rows = tuple[PredictedRow, ...]
Values = dict[Quantity, float]
Pair = tuple[Values, Values, Load]
"""Predicted and measured of one run."""


@dataclass(frozen=True)
class Way:
    """One way to predict the runs: its name on the page, and the rows it gives."""

    words: str
    rows: Callable[[], Rows]


@cache
def benchmark() -> Benchmark:
    """The 60 runs as `sim accuracy` reads them."""
    return benchmark_of("inferencex", Catalog.load())


@cache
def shipped() -> Rows:
    """By the shipped profiles, as a user gets them."""
    return predict(benchmark().serving, catalog=Catalog.load()).rows


@cache
def estimated() -> Rows:
    """By the physics alone, the joint fit of which has seen the runs."""
    return predict(benchmark().serving, catalog=Catalog.load(), estimated=True).rows


@cache
def without_own_size() -> Rows:
    """Each tensor parallel size by a joint fit without its runs."""
    return tuple(_row(p, leave_one_out.without_tensor_parallel(p.server.tensor_parallel)) for p in benchmark().serving)


@cache
def without_serving() -> Rows:
    """By a joint fit without any serving run, which knows the kernels of the GPU."""
    return tuple(_row(p, leave_one_out.without_serving()) for p in benchmark().serving)


@cache
def without_gpu() -> Rows:
    """By a joint fit that knows nothing of the GPU but its data sheet, nor of the newest engine's prompts."""
    return tuple(_row(p, leave_one_out.without_family("h200")) for p in benchmark().serving)


@cache
def strange_gpu() -> Rows:
    """The same, but with the engine as the whole joint fit has it: what the unknown hardware alone adds."""
    whole = load_coefficients()
    unseen = with_values(whole, {**means_of_others(whole, "h200", leave_one_out.kernels()), **_assumed(whole)})
    hardware = tuple(h.model_copy(update={"gpus": ()}) if h.name == "h200" else h for h in unseen.hardware)
    coefficients = unseen.model_copy(update={"hardware": hardware})
    return tuple(_row(p, coefficients) for p in benchmark().serving)


def _assumed(whole: Coefficients) -> dict[str, float]:
    """Of the default family: what no other family than the one left out tells of."""
    without = leave_one_out.without_family("h200")
    keys = ("link_share_of_peak", "kv_share_of_bandwidth.fp8")
    return {f"hardware.default.{key}": value_at(without, f"hardware.default.{key}") for key in keys}


@cache
def calibrated() -> Calibrations:
    """What `sim calibrate` makes of the runs."""
    return calibrate_all(benchmark(), catalog=Catalog.load())


FAST = (Way("shipped profiles (calibrated on these runs)", shipped), Way("physics alone (joint fit, these runs among others)", estimated))
HELD_OUT = (
    Way("tensor parallel size left out", without_own_size),
    Way("all runs left out, kernels of the GPU known", without_serving),
    Way("GPU left out, its kernels too", without_gpu),
    Way("GPU left out, the newest engine known", strange_gpu),
)


def errors_table(ways: Sequence[Way]) -> str:
    """TTFT and TPOT of each way, and the shapes whose run-out of KV cache it finds."""
    return markdown(HEADER, _lines(ways), words=2)


def _lines(ways: Sequence[Way]) -> list[tuple[str, ...]]:
    lines = []
    for way in ways:
        found = run_outs(way.rows())
        agree = f"{sum(each.agrees for each in found)} of {len(found)}"
        for name, quantity in METRICS.items():
            lines.append((way.words, name, *error_cells(row.errors[quantity] for row in way.rows()), agree))
    return lines


def held_out_table() -> str:
    """The same where something was left out, of the calibration of each configuration or of the joint fit."""
    lines = []
    for scheme, words in SCHEMES.items():
        pairs = _calibrated_pairs(scheme)
        for name, quantity in METRICS.items():
            lines.append(
                (words, name, *error_cells(predicted[quantity] / measured[quantity] - 1.0 for predicted, measured, _ in pairs), NONE)
            )
    return markdown(HEADER, [*lines, *_lines(HELD_OUT)], words=2)


@cache
def _calibrated_pairs(scheme: str) -> tuple[Pair, ...]:
    """Every run predicted by a calibration that has not seen its concurrency, or its lengths."""
    pairs: dict[tuple[int, int], Pair] = {}
    for k, each in enumerate(calibrated().found):
        held_out: HeldOut = getattr(each, scheme)
        for reading, error in zip(each.readings, held_out.errors.tolist(), strict=True):
            assert isinstance(reading.point, ServingPoint) and isfinite(error)
            o = reading.observation
            predicted, measured, _ = pairs.setdefault((k, o.point), ({}, {}, reading.point.load))
            assert o.metric != "step_s"
            predicted[o.metric, o.statistic] = o.value * exp(error)
            measured[o.metric, o.statistic] = o.value
    return tuple(pairs.values())


def _pairs(rows: Rows) -> tuple[Pair, ...]:
    return tuple((dict(row.predicted), dict(row.measured), row.point.load) for row in rows)


def claims_table() -> str:
    """Mean errors of TTFT, TPOT and the end-to-end time that follows from them, beside what others claim."""
    lines: list[tuple[str, ...]] = [
        ("Vidur (MLSys 2024): latency, operators profiled on the GPU", NONE, NONE, "below 9 %"),
        ("a published simulator: held-out runs", "17.6 %", "7.1 % (ITL)", "6.7 %"),
    ]
    ways = {words: _calibrated_pairs(scheme) for scheme, words in SCHEMES.items()} | {way.words: _pairs(way.rows()) for way in HELD_OUT}
    for words, pairs in ways.items():
        of_metrics = [[predicted[q] / measured[q] - 1.0 for predicted, measured, _ in pairs] for q in METRICS.values()]
        of_whole = [_e2e_s(predicted, load) / _e2e_s(measured, load) - 1.0 for predicted, measured, load in pairs]
        lines.append((f"here: {words}", *(mean_cell(errors) for errors in (*of_metrics, of_whole))))
    return markdown(("mean error", "TTFT", "TPOT", "E2E"), lines)


def _e2e_s(values: Values, load: Load) -> float:
    """Mean end-to-end time of outputs of the mean length: TTFT and TPOT for each further token."""
    mean_tokens = (1.0 + least_length_share_of(load)) / 2.0 * load.output_tokens
    return values[TTFT] + values[TPOT] * (mean_tokens - 1.0)


def sizes_table() -> str:
    """Median errors by tensor parallel size, in and out of sample."""
    ways: Mapping[str, Rows] = {
        "shipped": shipped(), "physics": estimated(), "size left out": without_own_size(), "GPU left out": without_gpu(),
    }  # fmt: skip
    lines = []
    for size in sorted({row.profile.tensor_parallel for row in shipped()}):
        for name, quantity in METRICS.items():
            cells = [median_cell(r.errors[quantity] for r in rows if r.profile.tensor_parallel == size) for rows in ways.values()]
            lines.append((f"{size} x H200", name, *cells))
    return markdown(("median error", "", *ways), lines, words=2)


def kv_table() -> str:
    """Shapes in which the KV cache runs out, measured or predicted."""
    found = {
        name: run_outs(rows)
        for name, rows in (("shipped", shipped()), ("size left out", without_own_size()), ("GPU left out", without_gpu()))
    }
    lines = []
    for k, each in enumerate(found["shipped"]):
        at = [each.measured, *(of[k].predicted for of in found.values())]
        if any(x is not None for x in at):
            load = each.of.point.load
            shape = f"{each.of.profile.tensor_parallel} x H200, {load.prompt_tokens:g}/{load.output_tokens:g}"
            lines.append((shape, *("holds" if x is None else f"{x} clients" for x in at)))
    return markdown(("shape", "measured", *found), lines)


def accuracy_output() -> str:
    """What `sim accuracy` prints of the 60 runs, without its rows."""
    text = accuracy_text(AccuracyReport("measured.csv", predict(benchmark().serving, catalog=Catalog.load())))
    paragraphs = text.rstrip("\n").split("\n\n")
    kept = [part for k, part in enumerate(paragraphs) if k == 0 or part.startswith(("Errors ", "KV cache "))]
    return _fenced(kept)


def calibrate_output() -> str:
    """What `sim calibrate` prints of the runs on four GPUs, without its rows."""
    chosen = tuple(each for each in calibrated().found if each.prior.tensor_parallel == SHOWN_SIZE)
    text = calibration_text(CalibrationReport(("results.csv",), replace(calibrated(), found=chosen)))
    kept = [
        part for k, part in enumerate(text.rstrip("\n").split("\n\n")) if k == 0 or part.startswith(("Error ", "Part ", "Measure next"))
    ]
    return _fenced(kept)


def _fenced(paragraphs: Sequence[str]) -> str:
    return "```\n" + "\n\n".join(paragraphs) + "\n```"


def _row(point: ServingPoint, coefficients: Coefficients) -> PredictedRow:
    """A run predicted by the physics with some coefficients."""
    profile = profile_of(
        point.server, longest_tokens=longest_of(point.load), catalog=Catalog.load(), coefficients=coefficients, estimated=True
    )
    served = serve(point.load, profile)
    errors = {quantity: relative_error(served.values[quantity], value) for quantity, value in point.measured.items()}
    predicted = {quantity: served.values[quantity] for quantity in point.measured}
    return PredictedRow(point, profile, served, MappingProxyType(predicted), point.measured, MappingProxyType(errors), ())


TABLES: Mapping[str, Callable[[], str]] = MappingProxyType(
    {
        "serving": lambda: errors_table(FAST), "serving-held-out": held_out_table, "claims": claims_table,
        "serving-sizes": sizes_table, "output-accuracy": accuracy_output, "output-calibrate": calibrate_output, "serving-kv": kv_table,
    }
)  # fmt: skip
