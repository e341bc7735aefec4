"""`sim diff`: what a change of a stack does to its cost, latency, load and risk, and whether gates let it pass."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sim.cli import gating, options
from sim.cli.horizon import futures_options, refuse_about_months, start_option
from sim.results.horizon import MONTHS, MOST_MONTHS

if TYPE_CHECKING:
    from sim.cli.progress import Progress
    from sim.planning.stack_diff import Read
    from sim.report.diff_report import DiffReport, DiffSide
    from sim.results.books import Books
    from sim.results.horizon import Horizon
    from sim.trace import Trace

_WARNED = ("past_capacity", "few_futures", "tail_not_resolved", "inexact_forecast")
"""Warnings about a side that bear on the difference; diff.json has all of them."""


@click.command(name="diff")
@click.argument("base")
@click.argument("head", required=False)
@click.option("--trace", required=True, help="The traffic that both are held to (Parquet).")
@click.option("--stack", metavar="NAME|FILE", help="Says what a plan or manifests cannot: what runs on the machines, APIs, routing.")
@click.option("--kubernetes", multiple=True, metavar="DIR|FILE", help="Manifests of what runs on the machines of a plan, on both sides.")
@click.option("--months", type=click.IntRange(0, MOST_MONTHS), default=MONTHS, show_default=True, help="Months to forecast; 0: replays.")
@start_option
@futures_options
@gating.option
@options.seed
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="Lay a value over both stacks, or over the outlook.")
@options.prices
@options.date
@options.models
@options.output("outputs/TRACE-diff-HASH")
@options.force
@options.form("table", "json", "md")
@click.pass_context
def command(
    ctx: click.Context,
    base: str,
    head: str | None,
    trace: str,
    stack: str | None,
    kubernetes: tuple[str, ...],
    months: int,
    start: str | None,
    outlook: str,
    futures: int,
    workers: int | None,
    exact: bool,
    strict: bool,
    fail_if: tuple[str, ...],
    seed: int,
    settings: tuple[str, ...],
    prices: Path | None,
    date: str | None,
    folder: Path | None,
    given: Path | None,
    force: bool,
    form: str,
) -> None:
    """What changes from BASE to HEAD, and what that does: cost bands, latency, load and risk on the same futures.

    BASE and HEAD are stacks by name or file, Terraform plans (terraform show -json), or folders of Kubernetes manifests; a plan alone is
    its prior state against its planned one. Exit code 1 when a --fail-if is so. The result goes to stdout and, with tables for further
    work, into a folder under outputs/.
    """
    if not months:
        refuse_about_months(ctx, settings, "--months 0", "--months 1 or more")
    from sim.planning.gate_grammar import parse_gates

    gates = parse_gates(fail_if, pair=True)
    from sim.catalog.location import find_input
    from sim.cli.diff_sides import read_sides
    from sim.cli.opening import open_books
    from sim.cli.progress import Progress
    from sim.cli.writing import say_where, write_files
    from sim.report.run_folder import check_folder

    if given is not None:
        check_folder(given, force=force)
    file = find_input(trace)
    from sim.planning.gate_figures import known_before
    from sim.planning.gate_values import measure
    from sim.planning.gates import check, check_figures
    from sim.planning.group_diff import diff_groups
    from sim.report.diff_files import write_diff
    from sim.report.diff_report import diff_report
    from sim.report.run_folder import default_folder
    from sim.report.run_record import inputs
    from sim.results.horizon import horizon
    from sim.stack import facts_of
    from sim.stack.outlook_read import split_settings

    quiet = bool(ctx.obj and ctx.obj.get("quiet"))
    books = open_books(folder, date, prices)
    catalog, book = books.catalog, books.book
    of_stack, of_outlook = split_settings(settings)
    asked = None
    if months:
        asked = horizon(
            months, date=book.date, catalog=catalog, settings=of_outlook, outlook=outlook, futures=futures, start=start, workers=workers,
            strict=strict, exact=exact,
        )  # fmt: skip
    opened = read_sides(base, head, catalog, book, of_stack, stack=stack, kubernetes=kubernetes)
    with Progress(quiet=quiet) as progress:
        progress.says(f"reading {file.name}")
        requests = _trace(file, trace, months)
        facts = facts_of(requests)
        names, reads = opened.names, opened.resolve(catalog, book, facts)
        loop = requests.closed_loop is not None
        known = {name: known_before(each.resolved, facts, months, closed_loop=loop) for name, each in zip(names, reads, strict=True)}
        check_figures(gates, known, names[0])
        if not quiet:
            gating.note_odd(gates)
        progress.announce_compilation()
        was = _run(names[0], reads[0], requests, asked, books, seed, progress)
        same = reads[0].resolved == reads[1].resolved
        now = _again(names[1], reads[1], was) if same else _run(names[1], reads[1], requests, asked, books, seed, progress)
        results = check(gates, [names[1]], lambda gate, _: measure(gate, now.side, was.side))
        report = diff_report(was, now, results, diff_groups(*opened.groups))
        outlook_file = asked.outlook if asked is not None else None
        record = {
            side: inputs(each.report, each.read.file, each.read.resolved, (), outlook_file, exact=exact)
            for side, each in (("base", was), ("head", now))
        }
        depends = {**record, "gates": [str(gate) for gate in gates]}
        progress.says("writing files")
        target, refused = write_files(
            given,
            default_folder(report.head.report.trace.name, "diff", depends),
            lambda path: write_diff(path, report, given=record, argv=sys.argv[1:], replace=given is None or force),
        )
    _print(report, form)
    if not quiet:
        _say_notes(was, now)
        say_where(target, refused)
    gating.close(ctx, results, named=False)


def _say_notes(was: DiffSide, now: DiffSide) -> None:
    """What was mended, guessed or left out, and what bears on the difference; with the side where it is of one alone."""
    from sim.cli.progress import say

    told: dict[tuple[str, str], list[str]] = {}
    for label, side in (("BASE", was), ("HEAD", now)):
        for note in side.report.notes:
            told.setdefault(("note", note), []).append(label)
        for each in side.report.cautions:
            if each.code in _WARNED:
                told.setdefault(("warning", f"{each.cause}; {each.remedy} [{each.code}]"), []).append(label)
    for (kind, text), labels in told.items():
        say(kind, text if len(labels) > 1 else f"{labels[0]}: {text}")
    if now.side.ahead is not None and now.side.ahead.assumed:
        count = len(now.side.ahead.assumed)
        say("note", f"the months rest on {count} assumptions of the outlook {now.side.ahead.outlook}: head/summary.json lists them")


def _trace(file: Path, name: str, months: int) -> Trace:
    """The traffic; InputError for one that no month can be made of, where months are asked for."""
    from sim.errors import InputError
    from sim.trace import read_trace

    found = read_trace(file, name)
    if months and (found.closed_loop is not None or found.info.duration_s <= 0):
        why = (
            f"{found.closed_loop}, which has no rate of its own to grow" if found.closed_loop is not None else "all requests arrive at once"
        )
        raise InputError(
            f"{name}: {why}: no month can be made of that; allowed: --months 0, the replay alone, or a trace of arrivals that lasts"
        )
    return found


def _run(name: str, read: Read, requests: Trace, asked: Horizon | None, books: Books, seed: int, progress: Progress) -> DiffSide:
    """The replay of one side, and its months where any are asked for."""
    from sim.cost.replay import replay
    from sim.planning.gate_values import Side
    from sim.report.diff_report import DiffSide
    from sim.report.forecast_report import ForecastReport
    from sim.report.run_report import report_of
    from sim.results.horizon import forecast_stack

    progress.counts(f"{name}: replaying {requests.info.path.name}", requests.info.duration_s)
    at = progress.at if requests.closed_loop is None else None
    found = replay(read.resolved, requests, catalog=books.catalog, book=books.book, seed=seed, progress=at)
    forecast = None
    if asked is not None:
        forecast = forecast_stack(
            asked, read.resolved, requests, found, books=books, seed=seed,
            says=lambda text, done, whole: progress.part(f"{name}: {text}", done, whole),
        )  # fmt: skip
    ahead = None if forecast is None else ForecastReport(forecast)
    return DiffSide(name, read, report_of(found, read.resolved, requests, seed=seed, ahead=ahead), Side(found, forecast))


def _again(name: str, read: Read, done: DiffSide) -> DiffSide:
    """The run of a stack that is the same as one that ran."""
    from sim.report.diff_report import DiffSide

    return DiffSide(name, read, done.report, done.side)


def _print(report: DiffReport, form: str) -> None:
    from sim.cli.progress import printed
    from sim.report.diff_markdown import diff_markdown
    from sim.report.diff_summary import diff_json
    from sim.report.diff_text import diff_text

    printed({"table": diff_text, "json": diff_json, "md": diff_markdown}[form](report))
