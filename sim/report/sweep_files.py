"""The files of a sweep: outputs/<trace>-sweep-<8 hex>/, complete or not there at all."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sim.report import run_tables
from sim.report.html.build import write_report
from sim.report.run_folder import MARK, write_folder
from sim.report.run_record import environment, own_version
from sim.report.study_record import study_inputs
from sim.report.sweep_report import SweepReport
from sim.report.sweep_summary import SCHEMA_VERSION, sweep_json
from sim.report.sweep_tables import sweep_arrow, sweep_table


def sweep_inputs(report: SweepReport) -> dict[str, Any]:
    """Everything that the results of a sweep depend on: equal inputs mean equal results, and the same default folder."""
    study = report.study
    given: dict[str, Any] = {
        **study_inputs(study, report.date),
        "months": study.months,
        "axes": [[axis.key, list(axis.texts)] for axis in report.axes],
    }
    if study.months:
        given["forecast"] = [study.start, study.outlook, list(study.outlook_settings), study.futures]
    return given


def write_sweep(folder: Path, report: SweepReport, *, given: Mapping[str, Any], argv: Sequence[str], replace: bool) -> str:
    """Write every file of a sweep to a folder; InputError, and nothing there, when it cannot be written.

    Returns why it has no report.html; nothing where it has one.
    """

    def fill(draft: Path) -> str:
        run_tables.write_csv(draft / "sweep.csv", sweep_table(report))
        run_tables.write_parquet(draft / "sweep.parquet", sweep_arrow(report))
        (draft / "sweep.json").write_text(sweep_json(report), encoding="utf-8")
        (draft / "stack.yaml").write_text(report.study.stack_text, encoding="utf-8")
        (draft / MARK).write_text(_record(report, given, argv), encoding="utf-8")
        return write_report(draft, folder.name)

    return write_folder(folder, fill, replace=replace)


def _record(report: SweepReport, given: Mapping[str, Any], argv: Sequence[str]) -> str:
    """run.json: version, command line, seed, hash of the trace, what was varied, versions of libraries."""
    content = {
        "schema_version": SCHEMA_VERSION,
        "version": own_version(),
        "argv": list(argv),
        "seed": report.study.seed,
        "trace": {"name": report.trace_name, "sha256": report.study.trace_sha256, "requests": report.requests},
        "price_date": report.date,
        "inputs": {name: value for name, value in given.items() if name not in ("version", "stack_text", "trace_sha256", "seed", "date")},
        **environment(),
    }
    return json.dumps(content, indent=2, ensure_ascii=False, default=str) + "\n"
