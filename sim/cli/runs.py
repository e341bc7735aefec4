"""`sim runs`: the runs that lie under outputs/."""

from __future__ import annotations

from pathlib import Path

import click

from sim.cli import options


@click.command(name="runs")
@click.argument("folder", required=False, type=click.Path(path_type=Path))
@options.form("table", "json")
def command(folder: Path | None, form: str) -> None:
    """List the finished runs in FOLDER (outputs/ here unless given), the latest first, each with what it answered."""
    from sim.cli.progress import printed
    from sim.report.run_folder import OUTPUTS
    from sim.report.run_list import past_runs, runs_json, runs_text

    found = past_runs(folder or Path(OUTPUTS))
    printed(runs_json(found) if form == "json" else runs_text(found))
