"""`sim run`: replay a trace through a stack and say what it feels like and costs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sim.cli import options

if TYPE_CHECKING:
    from sim.report.run_report import RunReport


@click.command(name="run")
@click.argument("trace")
@click.option("--stack", default="hybrid", show_default=True, help="A stack by name (sim catalog list stacks) or file.")
@click.option("--replay-only", is_flag=True, help="Replay the trace once, no months: the same as --months 0.")
@click.option("--months", type=click.IntRange(min=0), help="How many months to forecast; 0 is the plain replay.  [default: 0]")
@click.option("--seed", type=click.IntRange(0, 2**63 - 1), default=0, show_default=True, help="Of all random numbers.")
@options.settings
@options.prices
@click.option("--events", metavar="FILE", help="A file of scripted events: outages, failures, changes of limits, prices and demand.")
@options.date
@options.models
@click.option(
    "-o",
    "--output",
    "given",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="The folder of this run.  [default: outputs/TRACE-STACK-HASH]",
)
@click.option("--force", is_flag=True, help="Replace an earlier run in the folder given with -o.")
@options.form("table", "json", "md")
@click.option("--log-requests", is_flag=True, help="Write requests.parquet too, one row a request.")
@click.pass_context
def command(
    ctx: click.Context,
    trace: str,
    stack: str,
    replay_only: bool,
    months: int | None,
    seed: int,
    settings: tuple[str, ...],
    prices: Path | None,
    events: str | None,
    date: str | None,
    folder: Path | None,
    given: Path | None,
    force: bool,
    form: str,
    log_requests: bool,
) -> None:
    """Replay TRACE (Parquet) through a stack: latency, utilisation, throttling and the bill.

    The result goes to stdout and, with tables for further work, into a folder under outputs/.
    """
    if months:
        wanted = "--replay-only and --months exclude each other" if replay_only else "forecasts over months are not part of this version"
        raise click.UsageError(f"--months {months}: {wanted}; allowed: --months 0, the plain replay, whose bill is scaled to a month")
    from sim.catalog.location import find_input
    from sim.cli.opening import open_books
    from sim.cli.progress import Progress, say
    from sim.errors import InputError
    from sim.report.run_folder import check_folder

    if given is not None:
        check_folder(given, force=force)
    file = find_input(trace)

    from sim.cost.replay import replay
    from sim.report.run_files import write_run
    from sim.report.run_folder import default_folder, why_not_writable
    from sim.report.run_record import inputs
    from sim.report.run_report import report_of
    from sim.stack import facts_of, read_stack, resolve
    from sim.stack.events import read_events
    from sim.trace import read_trace

    quiet = bool(ctx.obj and ctx.obj.get("quiet"))
    catalog, book = open_books(folder, date, prices)
    stack_file = read_stack(stack, catalog, settings)
    with Progress(quiet=quiet) as progress:
        progress.says(f"reading {file.name}")
        requests = read_trace(file, trace)
        resolved = resolve(stack_file, catalog, book, facts_of(requests))
        scripted = read_events(find_input(events), resolved, events) if events is not None else ()
        progress.announce_compilation()
        progress.counts(f"replaying {file.name}", requests.info.duration_s)
        found = replay(
            resolved, requests, catalog=catalog, book=book, seed=seed, events=scripted, log=log_requests, progress=progress.at
        )  # fmt: skip
        report = report_of(found, resolved, requests, seed=seed, events=scripted)
        record = inputs(report, stack_file, resolved, scripted)
        target = given if given is not None else default_folder(report.trace.name, report.stack, record)
        refused = "" if given is not None else why_not_writable(target)
        if not refused:
            progress.says("writing files")
            try:
                write_run(
                    target, report, found, trace=requests, stack=stack_file, resolved=resolved, given=record, argv=sys.argv[1:],
                    replace=given is None or force,
                )  # fmt: skip
            except InputError as error:
                # Files that nobody asked for are not worth the result.
                if given is not None:
                    raise
                refused = str(error)
    _print(report, form)
    if not quiet:
        for note in report.notes:
            say("note", note)
        for each in report.cautions:
            say("warning", f"{each.cause}; {each.remedy}")
        if refused:
            why = refused.removeprefix(f"{target}: ")
            say("note", f"no files were written to {target}: {why}; name a folder with -o")
        else:
            say("note", f"files are in {target}")


def _print(report: RunReport, form: str) -> None:
    from sim.report.run_text import run_markdown, run_text
    from sim.report.summary import summary_json

    text = {"table": run_text, "json": summary_json, "md": run_markdown}[form](report)
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    # A terminal that knows no bars or dashes gets question marks instead of an error.
    click.echo(text.encode(encoding, "replace").decode(encoding), nl=False)
