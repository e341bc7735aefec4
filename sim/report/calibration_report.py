"""What `sim calibrate` reports, as text and Markdown: errors before and after, what moved, every point, what to doubt and measure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import exp, isfinite
from pathlib import Path
from types import MappingProxyType

from sim.calibration.advice import Advice, command_of
from sim.calibration.calibrate import Calibration, Calibrations, Reading
from sim.calibration.errors import ErrorSummary, relative_error, summarise
from sim.calibration.observations import Measured, batch_of, shape_of
from sim.calibration.parts import NAMES, PARTS
from sim.calibration.points import ServingPoint, Statistic
from sim.errors import visible
from sim.report.section import Section, as_markdown, as_text, escaped, wrapped
from sim.units import show_share

_WORDS = MappingProxyType(
    {"ttft_s": "TTFT", "tpot_s": "TPOT", "itl_s": "ITL", "e2e_s": "E2E", "throughput_tok_s": "tok/s", "step_s": "step"}
)
_ROWS_SHOWN = 80
_SECONDS_FROM_S = 9.9995
Metric = tuple[Measured, Statistic]


@dataclass(frozen=True)
class CalibrationReport:
    """Calibrated configurations of some files."""

    names: tuple[str, ...]
    """Of the files."""
    of: Calibrations
    seed: int = 0


@dataclass(frozen=True)
class MetricErrors:
    """Errors (predicted / measured - 1) of one metric by four predictions; None where there is nothing."""

    metric: Metric
    fitted: bool
    estimated: ErrorSummary | None
    calibrated: ErrorSummary | None
    batch_out: ErrorSummary | None
    shape_out: ErrorSummary | None


def metric_errors(found: Calibration) -> tuple[MetricErrors, ...]:
    """The errors of each metric that was measured, in the order of the readings."""
    metrics = dict.fromkeys((r.observation.metric, r.observation.statistic) for r in found.readings)
    out = []
    for metric in metrics:
        rows = [i for i, r in enumerate(found.readings) if (r.observation.metric, r.observation.statistic) == metric]
        readings = [found.readings[i] for i in rows]

        def of(predicted: Callable[[Reading], float], among: list[Reading] = readings) -> ErrorSummary | None:
            return summarise(_finite(relative_error(predicted(r), r.observation.value) for r in among))

        def held(scheme: str, among: list[int] = rows) -> ErrorSummary | None:
            out_of = getattr(found, scheme)
            return None if out_of is None else summarise(_finite(exp(float(out_of.errors[i])) - 1.0 for i in among))

        out.append(
            MetricErrors(
                metric, any(r.observation.fitted for r in readings), of(lambda r: r.estimated), of(lambda r: r.calibrated),
                held("by_batch"), held("by_shape"),
            )
        )  # fmt: skip
    return tuple(out)


def _finite(errors: Iterable[float]) -> list[float]:
    return [error for error in errors if isfinite(error)]


def calibration_text(report: CalibrationReport) -> str:
    """For a terminal of 80 columns, ending with a line break."""
    parts = []
    for each in report.of.found:
        parts += ["\n".join(wrapped(visible(calibration_answer(each)))), as_text(calibration_sections(each))]
    parts.append(as_text([calibration_rest(report)]))
    return "\n\n".join(part for part in parts if part) + "\n"


def calibration_markdown(report: CalibrationReport) -> str:
    """As a Markdown page, ending with a line break."""
    parts = [f"# Calibration from {escaped(', '.join(report.names))}"]
    for each in report.of.found:
        parts += [f"**{escaped(calibration_answer(each))}**", as_markdown(calibration_sections(each))]
    parts.append(as_markdown([calibration_rest(report)]))
    return "\n\n".join(part for part in parts if part) + "\n"


def configuration_words(found: Calibration) -> str:
    """The configuration of a calibration: `llama-3.1-70b fp8, 4 x h200-sxm, vllm 2025`."""
    p = found.prior
    kv = "" if p.kv_precision == p.precision else f" (KV {p.kv_precision})"
    return f"{p.llm} {p.precision}{kv}, {p.tensor_parallel} x {p.gpu}, {p.engine} {p.engine_era}"


def calibration_answer(found: Calibration) -> str:
    """Two to four sentences on one configuration."""
    moved = [c.name for c in found.coefficients if c.moved]
    kept = [c.name for c in found.coefficients if not c.moved]
    numbers = sum(r.observation.fitted for r in found.readings)
    sentences = [f"{configuration_words(found)}: {numbers} measured numbers of {found.loads} different loads."]
    for errors in metric_errors(found):
        if errors.fitted and errors.estimated and errors.calibrated:
            held = errors.batch_out or errors.shape_out
            unseen = f", {show_share(held.median_abs_error)} where it had not seen them" if held else ""
            sentences.append(
                f"{metric_words(errors.metric)} is off by {show_share(errors.estimated.median_abs_error)} by the estimate, "
                f"{show_share(errors.calibrated.median_abs_error)} calibrated{unseen} (medians)."
            )
    said = f"{_listed(moved)} moved" if moved else "No part moved: the data tell nothing that the estimate does not know"
    sentences.append(f"{said}{f'; {_listed(kept)} stayed at the estimate' if moved and kept else ''}.")
    sentences.append(
        f"The profile carries an error of {show_share(found.decode_error)} for decodes and {show_share(found.prefill_error)} for prompts."
    )
    return " ".join(sentences)


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def metric_words(metric: Metric) -> str:
    """A metric in words: `TTFT`, `TPOT p99`, `step`."""
    name, statistic = metric
    return _WORDS[name] if statistic == "mean" else f"{_WORDS[name]} {statistic}"


def calibration_sections(found: Calibration) -> list[Section]:
    """Errors, parts, points, what to doubt and what to measure next, of one configuration."""
    return [_errors(found), _coefficients(found), _points(found), _doubts(found), _next(found)]


def _errors(found: Calibration) -> Section:
    rows = []
    for e in metric_errors(found):
        four = (e.estimated, e.calibrated, e.batch_out, e.shape_out)
        name = metric_words(e.metric) + ("" if e.fitted else " (check)")
        rows.append((name, str(e.calibrated.n if e.calibrated else 0), *(percent(s.median_abs_error) if s else "-" for s in four)))
        if not e.fitted:
            continue
        rows.append(("  p90", "", *(percent(s.p90_abs_error) if s else "-" for s in four)))
        rows.append(("  bias", "", *(f"{s.bias * 100:+.1f} %" if s else "-" for s in four)))
    notes = [
        "Median absolute error, its p90, and the mean error with its sign. Batch out, shape out: by fits that did not see any point of the "
        "same concurrency or batch, or of the same lengths. A check was not fitted."
    ]
    return Section("Error", rows, ("n", "estimate", "calibrated", "batch out", "shape out"), notes)


def percent(share: float) -> str:
    """A fraction in percent with one digit behind the point: `3.2 %`."""
    return f"{share * 100:.1f} %"


def _coefficients(found: Calibration) -> Section:
    rows = []
    for part, c in zip(PARTS, found.coefficients, strict=True):
        values = (f"{value / part.per_unit:.4g}" for value in (c.estimate_s, c.calibrated_s))
        rows.append((f"{c.name}: {part.words}", part.unit, *values, f"{c.sd_before:.0%}", f"{c.sd:.0%}", "moved" if c.moved else "kept"))
    notes = [
        "g_small is g of one token, g_large of 2,048, g_long of 8,192. sd: standard deviation before and after the data, all parts "
        "unknown at once. Kept: the data do not tell this part from the estimate or from the others."
    ]
    return Section("Part", rows, ("unit", "estimate", "calibrated", "sd", "after", ""), notes)


def _points(found: Calibration) -> Section:
    shown = sorted((r for r in found.readings if r.observation.fitted), key=_by_load)
    checks = len(found.readings) - len(shown)
    notes = [f"What was not fitted, {checks} number{'' if checks == 1 else 's'}, is in --format json."] if checks else []
    if (of := len(shown)) > _ROWS_SHOWN:
        shown = sorted(shown, key=lambda r: -abs(r.calibrated / r.observation.value - 1.0) if isfinite(r.calibrated) else 0.0)[:_ROWS_SHOWN]
        notes.append(f"The {_ROWS_SHOWN} that are furthest off, of {of}; --format json has them all.")
    if any(r.short_of_kv for r in shown):
        notes.append("kv: requests waited for room in the KV cache; TTFT there is no part of the error for prompts.")
    rows = [
        (
            measured_words(r),
            *(_value(r, value) for value in (r.observation.value, r.estimated, r.calibrated)),
            *(_off(value, r) for value in (r.estimated, r.calibrated, r.held_out)),
        )
        for r in shown
    ]  # fmt: skip
    return Section("Point", rows, ("measured", "estimate", "calibrated", "off", "off", "held out"), notes)


def measured_words(reading: Reading) -> str:
    """What a number was measured of: lengths, concurrency or batch, and metric; `kv` where requests waited for KV cache."""
    metric = metric_words((reading.observation.metric, reading.observation.statistic))
    return f"{shape_of(reading.point)} {_brief(batch_of(reading.point))} {metric}{' kv' if reading.short_of_kv else ''}"


def _by_load(reading: Reading) -> tuple[float, ...]:
    """Runs by lengths, concurrency and rate, in whatever order their files were given; steps after them as they come."""
    if not isinstance(reading.point, ServingPoint):
        return (1.0,)
    load = reading.point.load
    return (0.0, load.prompt_tokens, load.output_tokens, load.concurrency or 0.0, load.request_rate_per_s or 0.0)


def _brief(batch: str) -> str:
    return batch.replace("concurrency ", "c").replace("batch ", "b")


def _value(reading: Reading, value: float) -> str:
    if not isfinite(value):
        return "-"
    if reading.observation.metric == "throughput_tok_s":
        return f"{value:.0f}/s"
    return f"{value * 1e3:.4g} ms" if value < _SECONDS_FROM_S else f"{value:.4g} s"


def _off(value: float | None, reading: Reading) -> str:
    if value is None or not isfinite(value):
        return "-"
    error = relative_error(value, reading.observation.value)
    return f"{error * 100:+.1f}%" if abs(error) < 0.9995 else f"x {1 + error:.3g}"


def _doubts(found: Calibration) -> Section:
    return Section("", [("Look again" if i == 0 else "", text) for i, text in enumerate(found.doubts)], facts=True)


def advice_words(advice: Advice) -> str:
    """One more run in words."""
    return (
        f"prompts of {advice.prompt_tokens:,} and outputs of {advice.output_tokens:,} tokens at concurrency {advice.concurrency}: "
        f"the expected error of predicted times falls from {percent(advice.before)} to {percent(advice.after)}; "
        f"it tells most of {NAMES[advice.part]}"
    )


def _next(found: Calibration) -> Section:
    rows: list[tuple[str, str]] = []
    for i, each in enumerate(found.advice):
        rows += [("Measure next" if i == 0 else "then", advice_words(each)), ("", command_of(each))]
    if not rows:
        rows = [("Measure next", "no single run would make predictions much surer")]
    return Section("", rows, facts=True)


def calibration_rest(report: CalibrationReport) -> Section:
    """What was left out, what the reader said and the simulation assumed, which columns nothing was made of."""
    rows = [("Left out", f"{each.name}: {each.why}") for each in report.of.skipped]
    rows += [("Said", note) for note in report.of.benchmark.notes]
    rows += [("Said", f"assumed: {text}") for text in dict.fromkeys(text for each in report.of.found for text in each.assumed)]
    if report.of.benchmark.ignored:
        rows.append(("Not used", ", ".join(report.of.benchmark.ignored)))
    rows.append(("From", f"{', '.join(Path(name).name for name in report.names)}; seed {report.seed}"))
    return Section("", rows, facts=True)
