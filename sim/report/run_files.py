"""The files of a run: outputs/<trace>-<stack>-<8 hex>/, complete or not there at all."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sim.report import forecast_tables, run_tables
from sim.report.charges import charges
from sim.report.forecast_report import ForecastReport
from sim.report.html.build import write_report
from sim.report.run_folder import MARK, write_folder
from sim.report.run_record import record, stack_yaml
from sim.report.run_report import RunReport
from sim.report.summary import summary_json

if TYPE_CHECKING:
    from sim.cost.replay import Replay
    from sim.stack import ResolvedStack, StackFile
    from sim.trace.trace import Trace


def write_run(
    folder: Path,
    report: RunReport,
    found: Replay,
    *,
    trace: Trace,
    stack: StackFile,
    resolved: ResolvedStack,
    given: dict[str, Any],
    argv: Sequence[str],
    replace: bool,
) -> str:
    """Write every file of a run to a folder; InputError, and nothing there, when it cannot be written.

    Returns why it has no report.html; nothing where it has one.
    """

    def fill(draft: Path) -> str:
        (draft / "stack.resolved.yaml").write_text(stack_yaml(stack, resolved), encoding="utf-8")
        (draft / "summary.json").write_text(summary_json(report), encoding="utf-8")
        if report.ahead is None:
            monthly = run_tables.monthly(report)
            run_tables.write_csv(draft / "monthly.csv", monthly)
            run_tables.write_parquet(draft / "monthly.parquet", run_tables.monthly_table(monthly))
            run_tables.write_csv(draft / "capacity.csv", run_tables.capacity(report, found))
        else:
            write_months(draft, report, report.ahead)
        run_tables.write_parquet(draft / "charges.parquet", charges(report, resolved, report.ahead))
        run_tables.write_parquet(draft / "latency.parquet", run_tables.latency(report))
        run_tables.write_parquet(draft / "latency_curves.parquet", run_tables.latency_curves(found, trace.classes))
        run_tables.write_parquet(draft / "timeline.parquet", run_tables.timeline(found))
        run_tables.write_parquet(draft / "events.parquet", run_tables.happenings(found))
        log = run_tables.requests(found, trace.classes, trace.clients)
        if log is not None:
            run_tables.write_parquet(draft / "requests.parquet", log)
        (draft / MARK).write_text(record(report, given, argv), encoding="utf-8")
        return write_report(draft, folder.name)

    return write_folder(folder, fill, replace=replace)


def write_months(folder: Path, report: RunReport, ahead: ForecastReport) -> None:
    """The tables of a forecast: monthly, capacity and draws."""
    monthly = forecast_tables.monthly(ahead)
    run_tables.write_csv(folder / "monthly.csv", monthly)
    run_tables.write_parquet(folder / "monthly.parquet", forecast_tables.monthly_table(monthly))
    run_tables.write_csv(folder / "capacity.csv", forecast_tables.capacity(report, ahead))
    run_tables.write_parquet(folder / "draws.parquet", forecast_tables.draws(report, ahead))
