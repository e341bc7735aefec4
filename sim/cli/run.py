"""`sim run`: replay a trace through a stack, forecast the months that follow, and say what it feels like and costs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sim.cli import options
from sim.cli.clients import loop_of
from sim.cli.clients import options as clients_options
from sim.cli.horizon import MONTHS, horizon, months_wanted, refuse_about_months
from sim.cli.horizon import options as months_options

if TYPE_CHECKING:
    from sim.report.run_report import RunReport


@click.command(name="run")
@click.argument("trace")
@options.stack
@options.infrastructure
@months_options
@options.seed
@options.settings
@options.prices
@clients_options
@click.option("--events", metavar="FILE", help="A file of scripted events: outages, failures, changes of limits, prices and demand.")
@options.date
@options.models
@options.output("outputs/TRACE-STACK-HASH")
@options.force
@options.form("table", "json", "md")
@click.option("--log-requests", is_flag=True, help="Write requests.parquet too, one row a request.")
@click.pass_context
def command(
    ctx: click.Context,
    trace: str,
    stack: str,
    terraform: str | None,
    kubernetes: tuple[str, ...],
    months: int | None,
    replay_only: bool,
    outlook: str,
    futures: int,
    start: str | None,
    budget: str | None,
    workers: int | None,
    exact: bool,
    strict: bool,
    seed: int,
    settings: tuple[str, ...],
    prices: Path | None,
    clients: int | None,
    think: str | None,
    events: str | None,
    date: str | None,
    folder: Path | None,
    given: Path | None,
    force: bool,
    form: str,
    log_requests: bool,
) -> None:
    """Replay TRACE (Parquet) through a stack and forecast its months: the bill with bands, latency, utilisation, throttling.

    The result goes to stdout and, with tables for further work, into a folder under outputs/.
    """
    wanted = months_wanted(ctx, months=months, replay_only=replay_only, settings=settings, events=events, clients=clients)
    from sim.catalog.location import find_input
    from sim.cli.opening import open_books, open_stack
    from sim.cli.progress import Progress, say
    from sim.cli.writing import say_where, write_files
    from sim.errors import InputError
    from sim.report.run_folder import check_folder

    if given is not None:
        check_folder(given, force=force)
    file = find_input(trace)

    from sim.cli.forecasting import forecast_stack
    from sim.cost.replay import replay
    from sim.report.forecast_report import ForecastReport
    from sim.report.run_files import write_run
    from sim.report.run_folder import default_folder
    from sim.report.run_record import inputs
    from sim.report.run_report import report_of
    from sim.stack import facts_of, resolve
    from sim.stack.events import read_events
    from sim.stack.outlook_read import split_settings
    from sim.stack.quantity import understood
    from sim.trace import read_trace

    quiet = bool(ctx.obj and ctx.obj.get("quiet"))
    catalog, book = open_books(folder, date, prices)
    of_stack, of_outlook = split_settings(settings)
    named = options.named_stack(ctx, stack)
    stack_file = open_stack(named, catalog, book, of_stack, terraform=terraform, kubernetes=kubernetes)
    asked = None
    if wanted != 0:
        asked = horizon(
            wanted or MONTHS, date=book.date, catalog=catalog, settings=of_outlook, outlook=outlook, futures=futures, start=start,
            budget=budget, workers=workers, exact=exact, strict=strict,
        )  # fmt: skip
    with Progress(quiet=quiet) as progress:
        progress.says(f"reading {file.name}")
        requests = read_trace(file, trace)
        loop = loop_of(requests, trace, clients, think)
        if asked is not None and loop is not None:
            if wanted:
                raise InputError(
                    f"--months {wanted}: {trace} is {loop}, which has no rate of its own to grow; allowed: --months 0, the plain replay, "
                    "or a trace of arrivals"
                )
            refuse_about_months(ctx, settings, "a closed loop", "a trace of arrivals")
            asked = None
            say("note", "a closed loop has no rate of its own to grow: no months, only the replay")
        if asked is not None and requests.info.duration_s <= 0:
            if wanted:
                raise InputError(f"{trace}: all requests arrive at once: no month can be made of that; allowed: --months 0")
            asked = None
        resolved = resolve(stack_file, catalog, book, facts_of(requests))
        scripted = read_events(find_input(events), resolved, events) if events is not None else ()
        progress.announce_compilation()
        if loop is None:
            progress.counts(f"replaying {file.name}", requests.info.duration_s)
        else:
            progress.says(f"replaying {file.name}")
        found = replay(
            resolved, requests, catalog=catalog, book=book, seed=seed, events=scripted, log=log_requests,
            progress=progress.at if loop is None else None, closed_loop=loop,
        )  # fmt: skip
        ahead = None
        if asked is not None:
            forecast = forecast_stack(asked, resolved, requests, found, catalog=catalog, book=book, seed=seed, says=progress.part)
            ahead = ForecastReport(forecast, asked.budget_usd)
        report = report_of(found, resolved, requests, seed=seed, events=scripted, ahead=ahead, closed_loop=loop)
        record = inputs(report, stack_file, resolved, scripted, asked.outlook if asked is not None else None, exact=exact)
        progress.says("writing files")
        target, refused = write_files(
            given,
            default_folder(report.trace.name, report.stack, record),
            lambda folder: write_run(
                folder, report, found, trace=requests, stack=stack_file, resolved=resolved, given=record, argv=sys.argv[1:],
                replace=given is None or force,
            ),
        )  # fmt: skip
    _print(report, form)
    if not quiet:
        if odd := understood("--think", think):
            say("note", odd)
        for note in report.notes:
            say("note", note)
        if ahead is not None and ahead.found.assumed:
            count = len(ahead.found.assumed)
            say("note", f"the months rest on {count} assumptions of the outlook {ahead.found.outlook}: the report lists them")
        for each in report.cautions:
            say("warning", f"{each.cause}; {each.remedy}")
        say_where(target, refused)


def _print(report: RunReport, form: str) -> None:
    from sim.cli.progress import printed
    from sim.report.run_text import run_markdown, run_text
    from sim.report.summary import summary_json

    printed({"table": run_text, "json": summary_json, "md": run_markdown}[form](report))
