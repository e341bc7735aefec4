"""The files of a decision: outputs/<trace>-decide-<8 hex>/, complete or not there at all."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sim.decision.record import FILE as RECORD
from sim.decision.record import Record
from sim.report import run_tables
from sim.report.decision_record import record_page
from sim.report.decision_report import DecisionReport
from sim.report.decision_summary import SCHEMA_VERSION, decision_json
from sim.report.html.build import write_report
from sim.report.run_folder import MARK, write_folder
from sim.report.run_record import environment, own_version

FILE = "decision.json"


def write_decision(
    folder: Path, report: DecisionReport, record: Record, *, given: Mapping[str, Any], argv: Sequence[str], replace: bool
) -> str:
    """Write every file of a decision to a folder; InputError, and nothing there, when it cannot be written.

    Returns why it has no report.html; nothing where it has one.
    """

    def fill(draft: Path) -> str:
        (draft / FILE).write_text(decision_json(report), encoding="utf-8")
        (draft / RECORD).write_text(record_page(report, record), encoding="utf-8")
        run_tables.write_csv(draft / "strategies.csv", strategies_table(report))
        run_tables.write_csv(draft / "strategies_monthly.csv", monthly_table(report))
        (draft / MARK).write_text(_record(report, given, argv), encoding="utf-8")
        return write_report(draft, folder.name)

    return write_folder(folder, fill, replace=replace)


def strategies_table(report: DecisionReport) -> run_tables.Table:
    """One row a strategy: what it costs and does, and what became of it."""
    decision = report.decision
    found = decision.recommendation
    header = (
        "strategy", "kind", "state", "p_best", "p_cheapest", "invoice_usd_p50", "tco_usd_mean", "tco_usd_p5", "tco_usd_p50", "tco_usd_p95",
        "usd_per_1000_requests_p50", "ttft_s_p99", "e2e_s_p99", "completed_share", "throughput_per_s", "quality", "months_to_production",
        "ruled_out",
    )  # fmt: skip
    rows = []
    for each in report.in_order:
        passes = found is not None and each.name in found.passing
        state = "recommended" if found is not None and each.name == found.strategy else "passes" if passes else "fails"
        rows.append(
            (
                each.name, each.strategy.kind, "ruled out" if each.name not in decision.tree.left else state,
                found.p_best[each.name] if found is not None and passes else None,
                found.p_cheapest[each.name] if found is not None and passes else None,
                each.invoice_usd.p50, each.tco_usd.mean, each.tco_usd.p5, each.tco_usd.p50, each.tco_usd.p95,
                None if each.usd_per_1000_requests is None else each.usd_per_1000_requests.p50,
                None if each.ttft_s is None else each.ttft_s.p99, None if each.e2e_s is None else each.e2e_s.p99,
                each.completed_share, each.throughput_per_s, None if each.quality is None else each.quality.score,
                each.months_to_production, "; ".join(decision.tree.reasons(each.name)),
            )
        )  # fmt: skip
    return {name: [row[k] for row in rows] for k, name in enumerate(header)}


def monthly_table(report: DecisionReport) -> run_tables.Table:
    """One row a strategy and month: p5, p50 and p95 of its invoice and its TCO."""
    from sim.futures.bands import bands

    header = ("strategy", "month", *(f"{kind}_usd_{edge}" for kind in ("invoice", "tco") for edge in ("mean", "p5", "p50", "p95")))
    rows = []
    for each in report.in_order:
        for month, invoice, tco in zip(each.months, bands(each.invoice_usd_by_month), bands(each.tco_usd_by_month), strict=True):
            rows.append((each.name, month, *((getattr(band, edge)) for band in (invoice, tco) for edge in ("mean", "p5", "p50", "p95"))))
    return {name: [row[k] for row in rows] for k, name in enumerate(header)}


def _record(report: DecisionReport, given: Mapping[str, Any], argv: Sequence[str]) -> str:
    """run.json: version, command line, seed, hash of the trace, the needs, what each stack depends on, versions of libraries."""
    content = {
        "schema_version": SCHEMA_VERSION,
        "version": own_version(),
        "argv": list(argv),
        "seed": report.seed,
        "trace": {"name": report.trace.name, "sha256": report.trace.sha256, "requests": report.trace.requests},
        "price_date": report.date,
        "needs_sha256": given["needs_sha256"],
        "outlook_sha256": given["outlook_sha256"],
        "stacks": given["stacks"],
        **environment(),
    }
    return json.dumps(content, indent=2, ensure_ascii=False, default=str) + "\n"
