"""The files of a diff: outputs/<trace>-diff-<8 hex>/, complete or not there at all."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sim.report.diff_markdown import diff_markdown
from sim.report.diff_report import DiffReport
from sim.report.diff_summary import SCHEMA_VERSION, diff_json
from sim.report.html.build import write_report
from sim.report.run_files import write_months
from sim.report.run_folder import MARK, write_folder
from sim.report.run_record import environment, own_version, stack_yaml
from sim.report.summary import summary_json


def write_diff(folder: Path, report: DiffReport, *, given: Mapping[str, Any], argv: Sequence[str], replace: bool) -> str:
    """Write every file of a diff to a folder; InputError, and nothing there, when it cannot be written.

    Returns why it has no report.html; nothing where it has one.
    """

    def fill(draft: Path) -> str:
        (draft / "diff.json").write_text(diff_json(report), encoding="utf-8")
        (draft / "diff.md").write_text(diff_markdown(report), encoding="utf-8")
        for name, side in (("base", report.base), ("head", report.head)):
            own = draft / name
            own.mkdir()
            (own / "stack.resolved.yaml").write_text(stack_yaml(side.read.file, side.read.resolved), encoding="utf-8")
            (own / "summary.json").write_text(summary_json(side.report), encoding="utf-8")
            if side.report.ahead is not None:
                write_months(own, side.report, side.report.ahead)
        (draft / MARK).write_text(_record(report, given, argv), encoding="utf-8")
        return write_report(draft, folder.name)

    return write_folder(folder, fill, replace=replace)


def _record(report: DiffReport, given: Mapping[str, Any], argv: Sequence[str]) -> str:
    """run.json: version, command line, seed, hash of the trace, gates, what each side depends on, versions of libraries."""
    trace = report.head.report.trace
    content = {
        "schema_version": SCHEMA_VERSION,
        "version": own_version(),
        "argv": list(argv),
        "seed": report.head.report.seed,
        "trace": {"name": trace.name, "sha256": trace.sha256, "requests": trace.requests},
        "price_date": report.head.report.date,
        "gates": [str(each.gate) for each in report.gates],
        **given,
        **environment(),
    }
    return json.dumps(content, indent=2, ensure_ascii=False, default=str) + "\n"
