"""`sim plan`: the cheapest stack of a space that meets the service levels, and how sure that is."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from sim.cli import emitting, options
from sim.cli.horizon import refuse_about_months
from sim.results.horizon import FEWEST_FUTURES, FUTURES, MOST_MONTHS, OUTLOOK

INFEASIBLE = 1
MONTHS = 0


@click.command(name="plan")
@click.argument("trace")
@click.option("--stack", default="hybrid", show_default=True, help="The stack to begin with, by name or file.")
@options.infrastructure
@click.option(
    "--slo", "slo", multiple=True, metavar="LEVEL", help="A level, as 'ttft_p95 <= 3s'; what is not given is the stack's.  [repeatable]"
)
@click.option("--space", metavar="FILE", help="What may be chosen: lists and ranges (docs/plan.md).  [default: models/spaces/default.yaml]")
@click.option("--confidence", default="95%", show_default=True, metavar="SHARE", help="Of futures that must meet the levels in each month.")
@click.option(
    "--months", type=click.IntRange(0, MOST_MONTHS), default=MONTHS, show_default=True, help="To hold for; 0: for the trace as it is."
)
@click.option("--growth", metavar="RATE", help="Of demand a month, as 5%, in place of the outlook's.")
@click.option("--redundancy", default="0", show_default=True, metavar="K|node", help="Replicas that may be gone, or all on one machine.")
@click.option("--lead-time", "lead", metavar="DAYS", help="From order to GPUs, as 45 or 6 weeks.  [default: assumed]")
@click.option("--outlook", default=OUTLOOK, show_default=True, metavar="NAME|FILE", help="What may happen over the months.")
@click.option("--futures", type=click.IntRange(min=FEWEST_FUTURES), default=FUTURES, show_default=True, help="How often it is drawn.")
@click.option("--start", metavar="YYYY-MM", help="The first month.  [default: that of the prices]")
@click.option("--workers", type=click.IntRange(min=1), help="Processes at work; results are the same.  [default: all cores]")
@click.option("--cluster", metavar="URL", help="Compute on a cluster in place of here: dask://host:port or ray://host:port.")
@options.seed
@options.settings
@options.prices
@options.date
@options.models
@options.output("outputs/TRACE-plan-HASH")
@options.force
@emitting.option
@options.form("table", "json", "md")
@click.pass_context
def command(
    ctx: click.Context,
    trace: str,
    stack: str,
    terraform: str | None,
    kubernetes: tuple[str, ...],
    slo: tuple[str, ...],
    space: str | None,
    confidence: str,
    months: int,
    growth: str | None,
    redundancy: str,
    lead: str | None,
    outlook: str,
    futures: int,
    start: str | None,
    workers: int | None,
    cluster: str | None,
    seed: int,
    settings: tuple[str, ...],
    prices: Path | None,
    date: str | None,
    folder: Path | None,
    given: Path | None,
    force: bool,
    emitted: emitting.Wishes,
    form: str,
) -> None:
    """Find the cheapest stack for TRACE (Parquet) that meets the service levels: GPUs, replicas, how they are bought, which API helps out.

    Candidates share their luck and are dropped as soon as it is sure that they fail; the one that is chosen is held against futures that
    the search has not used. The result goes to stdout and, with the stack as YAML, into a folder under outputs/. Exit code 1: none meets
    the levels.
    """
    if not months:
        refuse_about_months(ctx, settings, "--months 0", "--months 1 or more")
        if growth is not None:
            raise click.UsageError(f"--growth {growth}: is about months, and with --months 0 there are none; allowed: --months 1 or more")
    from sim.catalog.location import find_input
    from sim.cli.opening import open_books
    from sim.cli.progress import Progress, printed, say, warn
    from sim.cli.writing import say_where, write_files
    from sim.planning.levels import odd_levels, parse_levels
    from sim.planning.space_file import read_space
    from sim.report.run_folder import check_folder
    from sim.results.plan_question import confidence_of, lead_days_of, naming_growth, question_of, redundancy_of, with_growth
    from sim.stack.outlook_read import split_settings

    if given is not None:
        check_folder(given, force=force)
    emitting.check_emitted(emitted, force=force)
    levels, odd = parse_levels(slo), odd_levels(slo)
    spare, node = redundancy_of(redundancy)
    sure = confidence_of(confidence)
    lead_days = lead_days_of(lead)
    file = find_input(trace)
    books = open_books(folder, date, prices)
    chosen_from = read_space(space, books.catalog)

    from sim.results.horizon import horizon
    from sim.results.plan_stack import plan_stack
    from sim.results.stack import open_stack
    from sim.results.traffic import trace_for_months
    from sim.trace import read_trace

    quiet = bool(ctx.obj and ctx.obj.get("quiet"))
    with Progress(quiet=quiet) as progress:
        of_stack, of_outlook = split_settings(settings)
        of_outlook = with_growth(of_outlook, growth)
        begun = open_stack(options.named_stack(ctx, stack), books, of_stack, terraform=terraform, kubernetes=kubernetes)
        asked = None
        if months:
            with naming_growth(growth):
                asked = horizon(
                    months, date=books.book.date, catalog=books.catalog, settings=of_outlook, outlook=outlook, futures=futures,
                    start=start, workers=workers, strict=False,
                )  # fmt: skip
        progress.says(f"reading {file.name}")
        requests = trace_for_months(read_trace(file, trace), trace)
        question = question_of(
            begun, requests, file, levels, sure, asked, seed=seed, months=months, outlook=outlook, outlook_settings=of_outlook,
            futures=futures, start=start, workers=workers,
        )  # fmt: skip
        found = plan_stack(
            question, asked, begun, requests, chosen_from, spare=spare, node=node, lead=lead_days, workers=workers, cluster=cluster,
            says=progress.part, begins=progress.announce_compilation,
        )  # fmt: skip
        progress.says("writing files")
        target, refused = write_files(
            given,
            found.default_folder,
            lambda folder: found.write(folder, argv=sys.argv[1:], replace=given is None or force),
        )
    printed(found.shown(form))
    if not quiet:
        for note in (*odd, *found.notes):
            say("note", note)
        for each in found.report.cautions:
            warn(each)
        say_where(target, refused)
    if (chosen := found.stack) is not None:
        for written in emitting.write_emitted(emitted, chosen.file, books.catalog, name=f"chosen for {file.stem}", force=force):
            if not quiet:
                say("note", written)
    else:
        ctx.exit(INFEASIBLE)
