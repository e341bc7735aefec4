"""The serving sweep of docs/accuracy.md: 60 closed-loop runs of Llama 3.1 70B on H200, each simulated by the engine.

Predicted by the shipped profiles, by the physics alone, and by physics that has not seen one tensor parallel size, or nothing of the GPU.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from math import expm1
from types import MappingProxyType

from sim.calibration.calibrate import Calibrations, calibrate_all
from sim.calibration.cross_validation import HeldOut
from sim.calibration.errors import Quantity, relative_error
from sim.calibration.points import Benchmark, ServingPoint
from sim.calibration.saturation import run_outs
from sim.calibration.serving import longest_of, profile_of, serve
from sim.calibration.table import PredictedRow, predict
from sim.catalog.catalog import Catalog
from sim.profile.coefficients import Coefficients, load_coefficients
from sim.profile.fitting import value_at, with_values
from sim.report.accuracy_report import AccuracyReport, accuracy_text
from sim.report.calibration_report import CalibrationReport, calibration_text
from tests.tools import leave_one_out
from tests.tools.accuracy_page_tables import ERRORS, NONE, error_cells, markdown, median_cell
from tests.tools.fit_profiles import means_of_others
from tests.tools.own_profiles import benchmark_of

TTFT: Quantity = ("ttft_s", "mean")
TPOT: Quantity = ("tpot_s", "mean")
METRICS = MappingProxyType({"TTFT": TTFT, "TPOT": TPOT})
SHOWN_SIZE = 4
"""Tensor parallel size whose calibration the page shows."""
HEADER = ("predicted by", "", *ERRORS, "KV run-out found")
Rows = tuple[PredictedRow, ...]


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
    unseen = with_values(whole, {**means_of_others(whole, "h200"), **_assumed(whole)})
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
    for words, scheme in (("shipped profiles, concurrency left out", "by_batch"), ("shipped profiles, lengths left out", "by_shape")):
        for name, (metric, _) in METRICS.items():
            errors = []
            for each in calibrated().found:
                found: HeldOut = getattr(each, scheme)
                errors += [expm1(e) for r, e in zip(each.readings, found.errors.tolist(), strict=True) if r.observation.metric == metric]
            lines.append((words, name, *error_cells(errors), NONE))
    return markdown(HEADER, [*lines, *_lines(HELD_OUT)], words=2)


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
        "serving": lambda: errors_table(FAST), "serving-held-out": held_out_table,
        "serving-sizes": sizes_table, "output-accuracy": accuracy_output, "output-calibrate": calibrate_output, "serving-kv": kv_table,
    }
)  # fmt: skip
