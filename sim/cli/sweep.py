"""`sim sweep`: vary keys of a stack and the GPUs it has, and say which points meet the service levels and are worth choosing from."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from sim.cli import options
from sim.cli.clients import options as clients_options
from sim.cli.clients import refuse_months
from sim.cli.horizon import points_options, refuse_about_months


@click.command(name="sweep")
@click.argument("trace")
@options.stack
@options.infrastructure
@click.option(
    "--over", "overs", multiple=True, metavar="KEY=SPEC", help="Vary a key: a list a,b,c and ranges start:stop[:step].  [repeatable]"
)
@click.option("--gpus", metavar="SPEC", help="Vary the total GPUs of the only gpu deployment, as 2:32:2.")
@points_options
@click.option("--cluster", metavar="URL", help="Compute on a cluster in place of here: dask://host:port or ray://host:port.")
@options.seed
@options.settings
@options.prices
@clients_options
@options.date
@options.models
@options.output("outputs/TRACE-sweep-HASH")
@options.force
@options.form("table", "json", "csv", "md")
@click.pass_context
def command(
    ctx: click.Context,
    trace: str,
    stack: str,
    terraform: str | None,
    kubernetes: tuple[str, ...],
    overs: tuple[str, ...],
    gpus: str | None,
    months: int,
    outlook: str,
    futures: int,
    start: str | None,
    workers: int | None,
    cluster: str | None,
    seed: int,
    settings: tuple[str, ...],
    prices: Path | None,
    clients: int | None,
    think: str | None,
    date: str | None,
    folder: Path | None,
    given: Path | None,
    force: bool,
    form: str,
) -> None:
    """Replay TRACE (Parquet) through every combination of the values of some keys: cost, latency and load of each, the best marked.

    Every point has the same seed, so the same luck. The result goes to stdout and, as a table with every metric, into a folder under
    outputs/. Finished points are kept: the same sweep again, or a larger one, goes on where it was ended.

    \b
    Example: sim sweep my.parquet --stack self-hosted \\
      --over deployments.own.replicas=1:8 \\
      --over deployments.own.gpu=h100-sxm,a100-80gb
    """
    if not overs and gpus is None:
        raise click.UsageError(
            "found nothing to vary; allowed: --over KEY=SPEC, as --over deployments.own.replicas.count=1:8, or --gpus 2:32:2"
        )
    refuse_months(months, clients)
    from sim.catalog.location import find_input
    from sim.cli.opening import open_books
    from sim.cli.progress import Progress, printed, say, warn
    from sim.cli.writing import say_where, write_files
    from sim.planning.workplace import Workplace, load
    from sim.report.cautions import value_refused
    from sim.report.run_folder import check_folder
    from sim.results.horizon import cores, horizon

    if given is not None:
        check_folder(given, force=force)
    file = find_input(trace)
    quiet = bool(ctx.obj and ctx.obj.get("quiet"))

    def notes(text: str) -> None:
        if not quiet:
            say("note", text)

    with Progress(quiet=quiet) as progress, Workplace(workers or cores(), cluster, load) as place:
        if workers is not None:
            place.begin()  # before anything that takes a while
        if not months:
            refuse_about_months(ctx, settings, "--months 0", "--months 1 or more")

        from sim.results.stack import open_stack
        from sim.results.sweep_points import axes_of, study_of, sweep_points
        from sim.results.traffic import loop_of, trace_for_months
        from sim.stack.outlook_read import split_settings
        from sim.stack.quantity import understood
        from sim.trace import read_trace

        axes, total = axes_of(overs, gpus)
        books = open_books(folder, date, prices)
        of_stack, of_outlook = split_settings(settings)
        opened = open_stack(options.named_stack(ctx, stack), books, of_stack, terraform=terraform, kubernetes=kubernetes)
        if months:
            horizon(
                months, date=books.book.date, catalog=books.catalog, settings=of_outlook, outlook=outlook, futures=futures, start=start,
                workers=None, strict=False,
            )  # fmt: skip
        progress.says(f"reading {file.name}")
        requests = read_trace(file, trace)
        if months:
            trace_for_months(requests, trace)
        study = study_of(
            opened, requests, file, seed=seed, loop=loop_of(requests, trace, clients, think), months=months, outlook=outlook,
            outlook_settings=of_outlook, futures=futures, start=start,
        )  # fmt: skip
        found = sweep_points(
            study, opened, requests, axes, total, place, wanted=workers is not None or cluster is not None, says=progress.part,
            notes=notes, begins=progress.announce_compilation,
        )  # fmt: skip
        progress.says("writing files")
        target, refused = write_files(
            given,
            found.default_folder,
            lambda folder: found.write(folder, argv=sys.argv[1:], replace=given is None or force),
        )
    printed(found.shown(form))
    if odd := understood("--think", think):
        notes(odd)
    for note in found.notes:
        notes(note)
    if not quiet:
        for text in found.warnings:
            warn(value_refused(text))
        say_where(target, refused)
