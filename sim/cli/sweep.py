"""`sim sweep`: vary keys of a stack and the GPUs it has, and say which points meet the service levels and are worth choosing from."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sim.cli import options
from sim.cli.clients import loop_of, refuse_months
from sim.cli.clients import options as clients_options
from sim.cli.horizon import cores, horizon, points_options, refuse_about_months

if TYPE_CHECKING:
    from sim.catalog.catalog import Catalog
    from sim.catalog.price_book import PriceBook
    from sim.cli.progress import Progress
    from sim.planning.axes import Axis, Value
    from sim.planning.points import Point, Row, Study
    from sim.planning.workplace import Workplace
    from sim.report.sweep_report import SweepReport
    from sim.trace.trace import TraceInfo

_MOST_REASONS = 12
_WORTH_WORKERS = 3_000_000
"""Requests to replay in all, from which several processes are worth their start: two or three seconds of one."""


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
    from sim.cli.opening import open_books, stack_as_text
    from sim.cli.progress import Progress, say
    from sim.cli.writing import say_where, write_files
    from sim.planning.workplace import Workplace, load
    from sim.report.run_folder import check_folder

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
        axes, total = _axes(overs, gpus)
        every = (*axes, total) if total is not None else axes

        from sim.planning.grid import grid
        from sim.report.run_folder import default_folder
        from sim.report.sweep_files import sweep_inputs, write_sweep
        from sim.report.sweep_report import SweepReport
        from sim.stack.outlook_read import split_settings
        from sim.stack.quantity import understood

        catalog, book = open_books(folder, date, prices)
        stack_file, text, name = stack_as_text(ctx, stack, catalog, book, split_settings(settings)[0], terraform, kubernetes)
        study, info = _study(
            trace, file, text, name, catalog, book, settings=settings, months=months, outlook=outlook, futures=futures, start=start,
            seed=seed, folder=folder, date=date, clients=clients, think=think, progress=progress,
        )  # fmt: skip
        replayed = info.rows * math.prod(len(axis.values) for axis in every)
        here = cluster is None and workers is None and not months and replayed < _WORTH_WORKERS
        if not here:
            place.begin()
        points = grid(study, axes, total)
        progress.announce_compilation()
        rows, kept = _run(study, points, None if here else place, progress, notes)
        _refuse_nothing(rows, axes)
        report = SweepReport(study, file.stem, info.rows, info.duration_s, book.date.isoformat(), every, rows)
        record = sweep_inputs(report)
        progress.says("writing files")
        target, refused = write_files(
            given,
            default_folder(report.trace_name, "sweep", record),
            lambda place: write_sweep(place, report, given=record, argv=sys.argv[1:], replace=given is None or force),
        )
    _print(report, form)
    if odd := understood("--think", think):
        notes(odd)
    for note in stack_file.notes:
        notes(note)
    if kept:
        notes(f"{kept:,} of {len(points):,} points were finished before and kept")
    if not quiet:
        for text in _never_made(rows, every):
            say("warning", text)
        say_where(target, refused)


def _axes(overs: tuple[str, ...], gpus: str | None) -> tuple[tuple[Axis, ...], Axis | None]:
    """What is varied; InputError with every mistake."""
    from sim.errors import InputError, input_error
    from sim.planning.axes import parse_gpus, parse_over

    axes, total, problems = [], None, []
    for text in overs:
        try:
            axes.append(parse_over(text))
        except InputError as error:
            problems.append(str(error))
    if gpus is not None:
        try:
            total = parse_gpus(gpus)
        except InputError as error:
            problems.append(str(error))
    if problems:
        raise input_error(problems)
    return tuple(axes), total


def _study(
    trace: str, file: Path, text: str, name: str, catalog: Catalog, book: PriceBook, *, settings: tuple[str, ...], months: int,
    outlook: str, futures: int, start: str | None, seed: int, folder: Path | None, date: str | None, clients: int | None,
    think: str | None, progress: Progress,
) -> tuple[Study, TraceInfo]:  # fmt: skip
    """What all points share, among it the text and name of the stack, and the trace's figures; InputError with what is wrong with them."""
    from sim.cli.opening import trace_for_months
    from sim.planning.points import Study
    from sim.stack.outlook_read import split_settings
    from sim.trace import read_trace

    of_stack, of_outlook = split_settings(settings)
    if months:
        horizon(
            months, date=book.date, catalog=catalog, settings=of_outlook, outlook=outlook, futures=futures, start=start, workers=None,
            strict=False,
        )  # fmt: skip
    progress.says(f"reading {file.name}")
    requests = trace_for_months(file, trace) if months else read_trace(file, trace)
    study = Study(
        trace=file.resolve(),
        trace_sha256=requests.info.sha256,
        stack_text=text,
        stack_name=name,
        settings=of_stack,
        models=None if folder is None else folder.resolve(),
        prices_text=book.prices_text,
        date=date,
        seed=seed,
        closed_loop=loop_of(requests, trace, clients, think),
        months=months,
        outlook=outlook,
        outlook_settings=of_outlook,
        futures=futures,
        start=None if start is None else start.strip(),
    )
    return study, requests.info


def _run(
    study: Study, points: tuple[Point, ...], place: Workplace | None, progress: Progress, notes: Callable[[str], None]
) -> tuple[tuple[Row, ...], int]:
    """The rows of all points, and how many of them were there before; what is finished when it is interrupted stays."""
    from sim.planning.execute import run_points
    from sim.planning.point_store import PointStore

    told: list[tuple[float, float]] = []

    def says(_: str, done: float, whole: float) -> None:
        told.append((done, whole))
        progress.part(f"sweeping {whole:,.0f} points", done, whole)

    # In an order of their own, so that workers seldom begin with points alike: what one of these needs, the others then find.
    order = sorted(points, key=study.key)
    store = PointStore.default()
    try:
        rows = run_points(study, order, place=place, store=store, says=says, notes=notes)
    except (KeyboardInterrupt, SystemExit):
        if told and store.folder is not None:
            done, whole = told[-1]
            notes(f"{done:,.0f} of {whole:,.0f} points are finished and kept: the same command goes on from there")
        raise
    return tuple(sorted(rows, key=lambda row: row.point.number)), int(told[0][0]) if told else 0


def _refuse_nothing(rows: tuple[Row, ...], axes: tuple[Axis, ...]) -> None:
    """InputError with the reasons where no point at all could be made."""
    from sim.errors import input_error

    reasons = list(dict.fromkeys(row.refused for row in rows if row.refused is not None))
    if any(row.refused is None for row in rows):
        return
    said = []
    for reason in reasons[:_MOST_REASONS]:
        for axis in axes:
            reason = reason.replace(f"--set {axis.setting_key}:", f"--over {axis.key}:")
        said.append(reason)
    more = len(reasons) - _MOST_REASONS
    raise input_error([*said, *([f"and {more:,} more reasons"] if more > 0 else [])])


def _never_made(rows: tuple[Row, ...], axes: tuple[Axis, ...]) -> list[str]:
    """Values that are wrong by themselves, as names with a slip in them: no point has them, and the reason is their key's."""
    said = []
    for k, axis in enumerate(axes):
        of_key = f"--set {axis.setting_key}:"
        having: dict[Value, list[str | None]] = {}
        for row in rows:
            having.setdefault(row.point.values[k][1], []).append(row.refused)
        for refused in having.values():
            reason = next((each for each in refused if each is not None and of_key in each), None)
            if reason is not None and None not in refused:
                why = reason[reason.index(of_key) + len(of_key) :].strip()
                count = f"the {len(refused):,} points" if len(refused) > 1 else "the point"
                said.append(f"--over {axis.key}: {why}; {count} with it cannot be made")
    more = len(said) - _MOST_REASONS
    return [*said[:_MOST_REASONS], *([f"and {more:,} more values of which no point can be made"] if more > 0 else [])]


def _print(report: SweepReport, form: str) -> None:
    from sim.cli.progress import printed
    from sim.report.run_tables import csv_text
    from sim.report.sweep_summary import sweep_json
    from sim.report.sweep_tables import sweep_table
    from sim.report.sweep_text import sweep_markdown, sweep_text

    if form == "csv":
        printed(csv_text(sweep_table(report)))
    else:
        printed({"table": sweep_text, "json": sweep_json, "md": sweep_markdown}[form](report))
