"""`sim run`: replay a trace through a stack, forecast the months that follow, and say what it feels like and costs."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from sim.cli import options
from sim.cli.clients import options as clients_options
from sim.cli.horizon import months_wanted, refuse_about_months
from sim.cli.horizon import options as months_options
from sim.results.horizon import MONTHS


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
    from sim.cli.opening import open_books
    from sim.cli.progress import Progress, printed, say, warn
    from sim.cli.writing import say_where, write_files
    from sim.errors import InputError
    from sim.report.run_folder import check_folder

    if given is not None:
        check_folder(given, force=force)
    file = find_input(trace)

    from sim.results.horizon import horizon
    from sim.results.run import run_stack
    from sim.results.stack import open_stack
    from sim.results.traffic import loop_of
    from sim.stack.outlook_read import split_settings
    from sim.stack.quantity import understood
    from sim.trace import read_trace

    quiet = bool(ctx.obj and ctx.obj.get("quiet"))
    books = open_books(folder, date, prices)
    of_stack, of_outlook = split_settings(settings)
    opened = open_stack(options.named_stack(ctx, stack), books, of_stack, terraform=terraform, kubernetes=kubernetes)
    asked = None
    if wanted != 0:
        asked = horizon(
            wanted or MONTHS, date=books.book.date, catalog=books.catalog, settings=of_outlook, outlook=outlook, futures=futures,
            start=start, budget=budget, workers=workers, exact=exact, strict=strict,
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
        found = run_stack(
            opened, requests, asked, seed=seed, events=events, loop=loop, log=log_requests, says=progress.part,
            begins=progress.announce_compilation,
        )  # fmt: skip
        progress.says("writing files")
        target, refused = write_files(
            given,
            found.default_folder,
            lambda folder: found.write(folder, argv=sys.argv[1:], replace=given is None or force),
        )
    report = found.report
    printed(found.shown(form))
    if not quiet:
        if odd := understood("--think", think):
            say("note", odd)
        for note in report.notes:
            say("note", note)
        if (ahead := report.ahead) is not None and ahead.found.assumed:
            count = len(ahead.found.assumed)
            say("note", f"the months rest on {count} assumptions of the outlook {ahead.found.outlook}: the report lists them")
        for each in report.cautions:
            warn(each)
        say_where(target, refused)
