"""What `sim accuracy` says as JSON and CSV: the errors of every metric and, row by row, what was predicted and measured.

Errors are fractions; times are in the unit of their name. The CSV is itself a table that `sim accuracy` reads: measured values keep
their names, predictions are beside them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from sim.calibration.errors import ErrorSummary, Quantity, quantity_name, shown_value
from sim.calibration.serving import least_length_share_of, requests_of
from sim.calibration.table import GROUPS, PredictedRow
from sim.report.accuracy_report import AccuracyReport, accuracy_answer
from sim.report.run_tables import csv_text

SCHEMA_VERSION = 1


def accuracy_json(report: AccuracyReport) -> str:
    """As text, ending with a line break; numbers with all their digits."""
    return json.dumps(accuracy_summary(report), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def accuracy_summary(report: AccuracyReport) -> dict[str, Any]:
    """Everything that `sim accuracy` says; what does not exist is null."""
    limit = None
    if report.limit is not None:
        limit = {"max_median_error": report.limit, "above": [quantity_name(each) for each in report.over], "passed": not report.over}
    return {
        "schema_version": SCHEMA_VERSION,
        "answer": accuracy_answer(report),
        "table": report.name,
        "seed": report.seed,
        "estimated": report.estimated,
        "metrics": _metrics(report.metrics),
        "by": {group: {name: _metrics(metrics) for name, metrics in report.table.by(group).items()} for group in GROUPS},
        "limit": limit,
        "rows": [_row(row) for row in report.table.rows],
        "kv_runs_out": [
            {
                **_server(each.of), "prompt_tokens": each.of.point.load.prompt_tokens, "output_tokens": each.of.point.load.output_tokens,
                "concurrencies": list(each.concurrencies), "predicted": each.predicted, "measured": each.measured, "agrees": each.agrees,
            }
            for each in report.run_outs
        ],
        "left_out": [{"row": Path(where).name, "why": why} for where, why in report.table.unfit],
        "assumed": list(report.table.assumed),
        "notes": list(report.notes),
        "ignored_columns": list(report.ignored),
    }  # fmt: skip


def accuracy_csv(report: AccuracyReport) -> str:
    """One line a row of the table: its names, then for each metric what was measured, predicted, and the error."""
    rows = report.table.rows
    columns: dict[str, list[Any]] = {}
    for name in _input(rows[0]):
        columns[name] = [_input(row)[name] for row in rows]
    for quantity in report.metrics:
        name = quantity_name(quantity)
        columns[name] = [_shown(row.measured, quantity) for row in rows]
        columns[f"{name}_predicted"] = [_shown(row.predicted, quantity) for row in rows]
        columns[f"{name}_error"] = [row.errors.get(quantity) for row in rows]
    columns["short_of_kv"] = [int(row.short_of_kv) for row in rows]
    columns["label"] = [row.profile.label for row in rows]
    columns["profile_source"] = [row.profile.source for row in rows]
    return csv_text(columns)


def _metrics(found: Mapping[Quantity, ErrorSummary]) -> dict[str, Any]:
    return {quantity_name(quantity): asdict(summary) for quantity, summary in found.items()}


def _row(row: PredictedRow) -> dict[str, Any]:
    return {
        "row": Path(row.point.where).name,
        **_input(row),
        "predicted": {quantity_name(each): _shown(row.predicted, each) for each in row.errors},
        "measured": {quantity_name(each): _shown(row.measured, each) for each in row.errors},
        "error": {quantity_name(each): error for each, error in row.errors.items()},
        "not_predicted": [quantity_name(each) for each in row.unpredicted],
        "label": row.profile.label,
        "profile_source": row.profile.source,
        "short_of_kv": row.short_of_kv,
        "kv_full_share": row.served.kv_full_share,
        "preemptions": row.served.preemptions,
        "mean_waiting": row.served.mean_waiting,
        "kv_capacity_tokens": row.profile.kv_capacity_tokens,
        "notes": [*row.point.notes, *row.profile.notes],
    }


def _input(row: PredictedRow) -> dict[str, Any]:
    """What was run, by the names of the columns of such a table."""
    load = row.point.load
    return {
        **_server(row), "prompt_tokens": load.prompt_tokens, "output_tokens": load.output_tokens, "concurrency": load.concurrency,
        "request_rate": load.request_rate_per_s, "requests": requests_of(load), "least_length_share": least_length_share_of(load),
    }  # fmt: skip


def _server(row: PredictedRow) -> dict[str, Any]:
    profile = row.profile
    return {
        "llm": profile.llm, "precision": profile.precision, "gpu": profile.gpu, "engine": profile.engine, "engine_era": profile.engine_era,
        "tensor_parallel": profile.tensor_parallel, "kv_precision": profile.kv_precision,
    }  # fmt: skip


def _shown(values: Mapping[Quantity, float], quantity: Quantity) -> float | None:
    return shown_value(quantity, values[quantity]) if quantity in values else None
