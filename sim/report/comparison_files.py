"""The files of a comparison: outputs/<trace>-compare-<8 hex>/, complete or not there at all."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sim.planning.comparison import Kind, Pair
from sim.report import run_tables
from sim.report.charges import charges
from sim.report.comparison_report import ComparisonReport
from sim.report.comparison_summary import SCHEMA_VERSION, comparison_json
from sim.report.html.build import write_report
from sim.report.run_files import write_months
from sim.report.run_folder import MARK, slug, write_folder
from sim.report.run_record import environment, own_version, stack_yaml
from sim.report.run_report import RunReport
from sim.report.summary import summary_json
from sim.stack.read import StackFile
from sim.stack.resolved import ResolvedStack

KINDS: tuple[Kind, ...] = ("tco", "invoice")
WHOLE = "all"
"""Stands for a month in rows of the whole horizon."""
_BAND = ("mean", "p5", "p50", "p95", "se")
_FIRST = ("stack", "share", "p5", "p50", "p95")
_LEVEL = ("requests_per_month", "low", "high", "tokens_per_month", "cheaper_above")


@dataclass(frozen=True)
class Compared:
    """One of the stacks: its own report with months, the file it was read from, and its plain numbers."""

    report: RunReport
    stack: StackFile
    resolved: ResolvedStack


def write_comparison(
    folder: Path, report: ComparisonReport, runs: Sequence[Compared], *, given: Mapping[str, Any], argv: Sequence[str], replace: bool
) -> str:
    """Write every file of a comparison to a folder; InputError, and nothing there, when it cannot be written.

    Returns why it has no report.html; nothing where it has one.
    """

    def fill(draft: Path) -> str:
        (draft / "comparison.json").write_text(comparison_json(report), encoding="utf-8")
        run_tables.write_csv(draft / "pairs.csv", pairs_table(report))
        run_tables.write_csv(draft / "pairs_monthly.csv", pairs_monthly_table(report))
        for name, run in zip(folder_names(report.names), runs, strict=True):
            own = draft / name
            own.mkdir()
            (own / "stack.resolved.yaml").write_text(stack_yaml(run.stack, run.resolved), encoding="utf-8")
            (own / "summary.json").write_text(summary_json(run.report), encoding="utf-8")
            assert run.report.ahead is not None
            write_months(own, run.report, run.report.ahead)
            run_tables.write_parquet(own / "charges.parquet", charges(run.report, run.resolved, run.report.ahead))
        (draft / MARK).write_text(_record(report, given, argv), encoding="utf-8")
        return write_report(draft, folder.name)

    return write_folder(folder, fill, replace=replace)


def folder_names(names: Sequence[str]) -> list[str]:
    """A folder for each stack, told apart even where file systems know no upper case."""
    found: list[str] = []
    for name in names:
        plain = slug(name)
        folder, number = plain, 1
        while folder.lower() in [each.lower() for each in found]:
            number += 1
            folder = f"{plain}-{number}"
        found.append(folder)
    return found


def pairs_table(report: ComparisonReport) -> run_tables.Table:
    """One row a pair and kind of cost: how likely a is cheaper, a less b in USD, when and at how much traffic that turns."""
    header = (
        "a", "b", "kind", "tie", "p_a_cheaper", "p_a_cheaper_se", *(f"difference_usd_{name}" for name in _BAND),
        *(f"run_rate_crossover_{name}" for name in _FIRST), *(f"payback_{name}" for name in _FIRST),
        *(f"break_even_{name}" for name in _LEVEL),
    )  # fmt: skip
    rows = [_pair_row(pair, kind) for pair in report.found.pairs for kind in KINDS]
    return {name: [row[k] for row in rows] for k, name in enumerate(header)}


def _pair_row(pair: Pair, kind: Kind) -> tuple[Any, ...]:
    costs = pair.tco if kind == "tco" else pair.invoice
    return (
        pair.a, pair.b, kind, costs.tie, costs.p_a_cheaper, costs.se, *_named(costs.difference_usd, _BAND),
        *_named(costs.run_rate_crossover_month, _FIRST), *_named(costs.payback_month, _FIRST), *_named(costs.break_even, _LEVEL),
    )  # fmt: skip


def pairs_monthly_table(report: ComparisonReport) -> run_tables.Table:
    """One row a pair, kind of cost and month, the whole horizon last: how likely a is cheaper, and a less b in USD."""
    header = ("a", "b", "kind", "month", "p_a_cheaper", "p_a_cheaper_se", *(f"difference_usd_{name}" for name in _BAND))
    rows: list[tuple[Any, ...]] = []
    for pair in report.found.pairs:
        for kind in KINDS:
            costs = pair.tco if kind == "tco" else pair.invoice
            by_month = zip(report.found.months, costs.p_a_cheaper_by_month, costs.se_by_month, costs.difference_usd_by_month, strict=True)
            for month, p, se, difference in (*by_month, (WHOLE, costs.p_a_cheaper, costs.se, costs.difference_usd)):
                rows.append((pair.a, pair.b, kind, month, p, se, *_named(difference, _BAND)))
    return {name: [row[k] for row in rows] for k, name in enumerate(header)}


def _named(found: object, names: Sequence[str]) -> tuple[Any, ...]:
    return tuple(getattr(found, name, None) for name in names)


def _record(report: ComparisonReport, given: Mapping[str, Any], argv: Sequence[str]) -> str:
    """run.json: version, command line, seed, hash of the trace, what each stack depends on, versions of libraries."""
    content = {
        "schema_version": SCHEMA_VERSION,
        "version": own_version(),
        "argv": list(argv),
        "seed": report.forecasts[0].seed,
        "trace": {"name": report.trace.name, "sha256": report.trace.sha256, "requests": report.trace.requests},
        "price_date": report.date,
        "stacks": dict(zip(report.names, given["stacks"], strict=True)),
        **environment(),
    }
    return json.dumps(content, indent=2, ensure_ascii=False, default=str) + "\n"
