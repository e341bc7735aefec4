"""`sim elastic`: the fewest GPUs over time for a trace with perfect foresight, against what autoscalers take."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from sim.cli import options

_INFEASIBLE = 1


@click.command(name="elastic")
@click.argument("trace")
@click.option("--stack", default="autoscaled-hpa", show_default=True, help="A stack by name (sim catalog list stacks) or file.")
@options.infrastructure
@click.option("--deployment", metavar="NAME", help="The deployment of kind gpu to scale.  [default: the only one]")
@click.option(
    "--slo", "levels", multiple=True, metavar="LEVEL", help="A level, as 'ttft_p95 <= 3s'; what is not given is the stack's.  [repeatable]"
)
@click.option("--interval", metavar="TIME", help="How long a count of the schedule stands.  [default: 15m, or 1/96 of a longer trace]")
@options.seed
@options.settings
@options.prices
@options.date
@options.models
@options.output("outputs/TRACE-elastic-HASH")
@options.force
@options.form("table", "json", "md")
@click.pass_context
def command(
    ctx: click.Context,
    trace: str,
    stack: str,
    terraform: str | None,
    kubernetes: tuple[str, ...],
    deployment: str | None,
    levels: tuple[str, ...],
    interval: str | None,
    seed: int,
    settings: tuple[str, ...],
    prices: Path | None,
    date: str | None,
    folder: Path | None,
    given: Path | None,
    force: bool,
    form: str,
) -> None:
    """Find how few GPUs over time would do for TRACE (Parquet), and which autoscaler comes near that within the service levels.

    The result goes to stdout and, with tables for further work, into a folder under outputs/. Exit code 1 when no count of replicas meets
    the levels.
    """
    from sim.catalog.location import find_input
    from sim.cli.opening import open_books
    from sim.cli.progress import Progress, printed, say, warn
    from sim.cli.writing import say_where, write_files
    from sim.errors import InputError
    from sim.planning.levels import odd_levels, parse_levels
    from sim.report.run_folder import check_folder

    if given is not None:
        check_folder(given, force=force)
    wanted, odd = parse_levels(levels), odd_levels(levels)
    file = find_input(trace)
    books = open_books(folder, date, prices)

    from sim.planning.elastic import elastic
    from sim.planning.elastic_pool import ElasticPool, interval_of
    from sim.planning.points import Study
    from sim.report.elastic_files import elastic_inputs, elastic_json, write_elastic
    from sim.report.elastic_report import ElasticReport
    from sim.report.elastic_sections import elastic_markdown, elastic_text
    from sim.report.run_folder import default_folder
    from sim.results.stack import open_stack
    from sim.trace import read_trace

    quiet = bool(ctx.obj and ctx.obj.get("quiet"))
    if any(each.startswith("outlook.") for each in settings):
        raise InputError("--set outlook...: nothing is forecast here; allowed: keys of the stack")
    named = stack if terraform is None and not kubernetes else options.named_stack(ctx, stack)
    opened = open_stack(named, books, settings, terraform=terraform, kubernetes=kubernetes)
    with Progress(quiet=quiet) as progress:
        progress.says(f"reading {file.name}")
        requests = read_trace(file, trace)
        study = Study(
            trace=file.resolve(), trace_sha256=requests.info.sha256, stack_text=opened.text, stack_name=opened.name,
            settings=settings, models=None if folder is None else folder.resolve(),
            prices_text=books.book.prices_text, date=date, seed=seed,
        )  # fmt: skip
        pool = ElasticPool(study, wanted, deployment)
        interval_s = interval_of(interval, requests.info.duration_s)
        progress.announce_compilation()
        found = elastic(pool, interval_s, progress.part)
        report = ElasticReport(study, file.stem, requests.info.rows, requests.info.duration_s, books.book.date.isoformat(), found)
        record = elastic_inputs(report)
        best = None if found.recommended is None else pool.stack(found.recommended.settings)
        target, refused = write_files(
            given,
            default_folder(report.trace_name, "elastic", record),
            lambda place: write_elastic(place, report, best, given=record, argv=sys.argv[1:], replace=given is None or force),
        )
    printed({"table": elastic_text, "json": elastic_json, "md": elastic_markdown}[form](report))
    if not quiet:
        for note in (*odd, *opened.notes):
            say("note", note)
        for each in report.cautions:
            warn(each)
        say_where(target, refused)
    if found.schedule is None:
        ctx.exit(_INFEASIBLE)
