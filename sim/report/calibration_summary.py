"""What `sim calibrate` says as JSON: every configuration with its coefficients, errors and points. Errors are fractions, times seconds."""

from __future__ import annotations

import json
from dataclasses import asdict
from math import isfinite
from pathlib import Path
from typing import Any

from sim.calibration.advice import command_of
from sim.calibration.calibrate import Calibration, Reading
from sim.calibration.errors import relative_error
from sim.calibration.observations import batch_of, shape_of
from sim.calibration.parts import NAMES
from sim.report.calibration_report import CalibrationReport, calibration_answer, metric_errors

SCHEMA_VERSION = 1


def calibration_json(report: CalibrationReport) -> str:
    """As text, ending with a line break; numbers with all their digits."""
    return json.dumps(calibration_summary(report), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def calibration_summary(report: CalibrationReport) -> dict[str, Any]:
    """Everything that `sim calibrate` says; what does not exist is null."""
    return {
        "schema_version": SCHEMA_VERSION,
        "files": [Path(name).name for name in report.names],
        "seed": report.seed,
        "configurations": [_configuration(each) for each in report.of.found],
        "left_out": [asdict(each) for each in report.of.skipped],
        "notes": list(report.of.benchmark.notes),
        "ignored_columns": list(report.of.benchmark.ignored),
    }


def _configuration(found: Calibration) -> dict[str, Any]:
    p = found.prior
    return {
        "answer": calibration_answer(found),
        "llm": p.llm, "gpu": p.gpu, "tensor_parallel": p.tensor_parallel, "precision": p.precision, "kv_precision": p.kv_precision,
        "engine": p.engine, "engine_era": p.engine_era,
        "loads": found.loads,
        "decode_error": found.decode_error,
        "prefill_error": found.prefill_error,
        "in_sample_error": found.in_sample_error,
        "front_end_s": found.front_end_s,
        "step": {**asdict(found.step)},
        "coefficients": [asdict(each) for each in found.coefficients],
        "metrics": {
            f"{metric}_{statistic}": {
                "fitted": each.fitted,
                **{
                    name: None if (summary := getattr(each, name)) is None else asdict(summary)
                    for name in ("estimated", "calibrated", "batch_out", "shape_out")
                },
            }
            for each in metric_errors(found)
            for metric, statistic in [each.metric]
        },
        "rows": [_row(each) for each in found.readings],
        "assumed": list(found.assumed),
        "doubts": list(found.doubts),
        "measure_next": [
            {
                "prompt_tokens": each.prompt_tokens, "output_tokens": each.output_tokens, "concurrency": each.concurrency,
                "requests": each.requests, "expected_error_before": each.before, "expected_error_after": each.after,
                "tells_of": NAMES[each.part], "command": command_of(each),
            }
            for each in found.advice
        ],
    }  # fmt: skip


def _row(reading: Reading) -> dict[str, Any]:
    o = reading.observation
    row: dict[str, Any] = {
        "where": Path(reading.point.where).name, "load": batch_of(reading.point), "shape": shape_of(reading.point),
        "metric": o.metric, "statistic": o.statistic, "fitted": o.fitted, "short_of_kv": reading.short_of_kv, "measured": o.value,
    }  # fmt: skip
    for name in ("estimated", "calibrated", "held_out"):
        value = getattr(reading, name)
        known = value is not None and isfinite(value)
        row[name] = value if known else None
        row[f"{name}_error"] = relative_error(value, o.value) if known else None
    return row
