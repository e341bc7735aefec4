"""The files of a plan: outputs/<trace>-plan-<8 hex>/, complete or not there at all."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sim.report import run_tables
from sim.report.html.build import write_report
from sim.report.plan_report import PlanReport
from sim.report.plan_summary import SCHEMA_VERSION, plan_json
from sim.report.run_folder import MARK, write_folder
from sim.report.run_record import environment, own_version
from sim.report.study_record import study_inputs


def plan_inputs(report: PlanReport, space: Mapping[str, Any]) -> dict[str, Any]:
    """Everything that a plan depends on: equal inputs mean an equal plan, and the same default folder."""
    question = report.plan.question
    study = question.study
    given: dict[str, Any] = {
        **study_inputs(study, report.date),
        "months": study.months,
        "space": dict(space),
        "levels": [str(level) for level in study.levels],
        "confidence": question.confidence,
        "spare": report.spare,
        "lead_days": None if report.lead is None else report.lead.days,
    }
    if study.months:
        given["forecast"] = [study.start, study.outlook, list(study.outlook_settings), study.futures]
    return given


def write_plan(folder: Path, report: PlanReport, *, given: Mapping[str, Any], argv: Sequence[str], replace: bool) -> str:
    """Write every file of a plan to a folder; InputError, and nothing there, when it cannot be written.

    Returns why it has no report.html; nothing where it has one.
    """

    def fill(draft: Path) -> str:
        (draft / "plan.json").write_text(plan_json(report), encoding="utf-8")
        run_tables.write_csv(draft / "candidates.csv", candidates_table(report))
        if report.calendar:
            run_tables.write_csv(draft / "calendar.csv", calendar_table(report))
        if report.stack is not None:
            (draft / "stack.yaml").write_text(report.stack.yaml, encoding="utf-8")
        (draft / MARK).write_text(_record(report, given, argv), encoding="utf-8")
        return write_report(draft, folder.name)

    return write_folder(folder, fill, replace=replace)


def candidates_table(report: PlanReport) -> run_tables.Table:
    """One row a candidate that was replayed or left out, with what became of it."""
    names = list(dict.fromkeys(name for each in report.plan.judged for name, _ in each.candidate.values))
    names += [name for each in report.plan.dropped for name, _ in each.candidate.values if name not in names]
    names = list(dict.fromkeys(names))
    rows = [
        [*(dict(each.candidate.values).get(name) for name in names), "meets" if report.holds(each) else "fails", report.usd(each),
         each.usd_per_month, -each.excess, report.futures_met(each), report.why_not(each)]
        for each in report.plan.judged
    ]  # fmt: skip
    rows += [
        [*(dict(each.candidate.values).get(name) for name in names), each.by, None, None, None, None, each.why]
        for each in report.plan.dropped
    ]
    header = (*names, "result", "usd_per_month", "replayed_usd_per_month", "room_share", "futures_met_share", "why")
    return {name: [None if row[k] is None else row[k] for row in rows] for k, name in enumerate(header)}


def calendar_table(report: PlanReport) -> run_tables.Table:
    """One row a month."""
    header = ("month", "demand_p50", "demand_p95", "gpus_p50", "gpus_p95", "needed_gpus_p50", "needed_gpus_p95", "order_by")
    rows = [[getattr(each, name) for name in header] for each in report.calendar]
    return {name: [str(row[k]) if name == "order_by" and row[k] else row[k] for row in rows] for k, name in enumerate(header)}


def _record(report: PlanReport, given: Mapping[str, Any], argv: Sequence[str]) -> str:
    """run.json: version, command line, seed, hash of the trace, what was asked, versions of libraries."""
    study = report.plan.question.study
    content = {
        "schema_version": SCHEMA_VERSION,
        "version": own_version(),
        "argv": list(argv),
        "seed": study.seed,
        "trace": {"name": report.trace_name, "sha256": study.trace_sha256, "requests": report.requests},
        "price_date": report.date,
        "inputs": {name: value for name, value in given.items() if name not in ("version", "stack_text", "trace_sha256", "seed", "date")},
        **environment(),
    }
    return json.dumps(content, indent=2, ensure_ascii=False, default=str) + "\n"
