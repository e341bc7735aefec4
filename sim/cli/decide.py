"""`sim decide`: from what is needed to a decision: buy, run, fine-tune, or a mix, how sure that is, and what would change it."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from sim.cli import options
from sim.results.horizon import FEWEST_FUTURES, FUTURES, MOST_MONTHS, OUTLOOK

NOTHING_PASSES = 1
"""Likewise where an earlier decision does not hold."""
_MONTHS = click.IntRange(1, MOST_MONTHS)


@click.command(name="decide")
@click.argument("trace")
@click.option("--needs", required=True, metavar="NAME|FILE", help="What is needed: requirements, data, team (docs/decide.md).")
@click.option(
    "--stack", "stacks", multiple=True, help="Decide between these stacks, by name or file, in place of the strategies of the needs."
)
@click.option("--months", type=_MONTHS, help="Months that the decision is about.  [default: those of the needs]")
@click.option("--outlook", default=OUTLOOK, show_default=True, metavar="NAME|FILE", help="What may happen over the months.")
@click.option("--futures", type=click.IntRange(min=FEWEST_FUTURES), default=FUTURES, show_default=True, help="How often it is drawn.")
@click.option("--start", metavar="YYYY-MM", help="The first month.  [default: that of the prices]")
@click.option("--workers", type=click.IntRange(min=1), help="Processes at work; results are the same.  [default: all cores]")
@click.option("--strict", is_flag=True, help="Assume no shape of a day: refuse traces of less than a day.")
@click.option(
    "--check", "record", type=click.Path(path_type=Path), metavar="RECORD", help="Hold an earlier decision record against this one."
)
@options.seed
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="KEY=VALUE",
    help="Lay a value over every stack (slo.ttft_p95=2s) or over the outlook (outlook.demand.growth_per_month=5%).",
)
@options.prices
@options.date
@options.models
@options.output("outputs/TRACE-decide-HASH")
@options.force
@options.form("table", "json", "md")
@click.pass_context
def command(
    ctx: click.Context,
    trace: str,
    needs: str,
    stacks: tuple[str, ...],
    months: int | None,
    outlook: str,
    futures: int,
    start: str | None,
    workers: int | None,
    strict: bool,
    record: Path | None,
    seed: int,
    settings: tuple[str, ...],
    prices: Path | None,
    date: str | None,
    folder: Path | None,
    given: Path | None,
    force: bool,
    form: str,
) -> None:
    """Decide how TRACE (Parquet) is served: gates rule strategies out, the others are simulated on it and held against what is needed.

    The result goes to stdout and, with a decision record, into a folder under outputs/. Exit code 1: nothing passes, and the requirements
    to relax are named; or, with --check, the earlier decision no longer holds.
    """
    from sim.catalog.location import find_input
    from sim.cli.opening import open_books
    from sim.cli.progress import Progress, printed, say
    from sim.cli.writing import say_where, write_files
    from sim.decision.needs import read_needs
    from sim.decision.record import read_record
    from sim.report.run_folder import check_folder
    from sim.stack.outlook_read import split_settings

    if given is not None:
        check_folder(given, force=force)
    file = find_input(trace)
    books = open_books(folder, date, prices)
    wanted = read_needs(needs, books.catalog)
    earlier = None if record is None else read_record(record)
    of_stack, of_outlook = split_settings(settings)

    from sim.results.decide_strategies import decide_strategies, named_strategies, needed_settings
    from sim.results.horizon import horizon
    from sim.results.simulate_strategies import OpenedStacks
    from sim.results.traffic import trace_for_months
    from sim.trace import read_trace

    quiet = bool(ctx.obj and ctx.obj.get("quiet"))
    opened = OpenedStacks(books, of_stack)
    strategies = named_strategies(wanted, opened, stacks)
    asked = horizon(
        months or wanted.needs.months, date=books.book.date, catalog=books.catalog, settings=(*needed_settings(wanted), *of_outlook),
        outlook=outlook, futures=futures, start=start, workers=workers, strict=strict,
    )  # fmt: skip
    with Progress(quiet=quiet) as progress:
        progress.says(f"reading {file.name}")
        requests = trace_for_months(read_trace(file, trace), trace)
        found = decide_strategies(
            wanted, strategies, opened, requests, asked, seed=seed, says=progress.part, begins=progress.announce_compilation
        )
        if record is not None and earlier is not None:
            found = found.against(earlier, str(record))
        progress.says("writing files")
        target, refused = write_files(
            given,
            found.default_folder,
            lambda folder: found.write(folder, argv=sys.argv[1:], replace=given is None or force),
        )
    printed(found.shown(form))
    if not quiet:
        for note in found.notes:
            say("note", note)
        say_where(target, refused)
    if not found.decided or (found.held is not None and not found.held.holds):
        ctx.exit(NOTHING_PASSES)
