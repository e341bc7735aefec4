"""`sim compare`: strategies side by side over the same futures: which is cheaper, how likely, from when."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sim.cli import gating, options
from sim.cli.horizon import futures_options, months_option, start_option

if TYPE_CHECKING:
    from sim.results.stack import Stack

_WARNED = ("past_capacity", "few_futures", "tail_not_resolved", "inexact_forecast")
"""Warnings about a stack that bear on which one is cheaper; comparison.json has all of them."""


@click.command(name="compare")
@click.argument("trace")
@click.option("--stack", "stacks", multiple=True, help="A stack by name (sim catalog list stacks) or file; two to eight of them.")
@click.option("--terraform", "plans", multiple=True, metavar="PLAN.json", help="The machines of a Terraform plan beside the stacks.")
@click.option(
    "--kubernetes", multiple=True, metavar="DIR|FILE", help="Manifests of what runs on the machines of plans; without one they are a stack."
)
@months_option
@start_option
@futures_options
@gating.option
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
@options.output("outputs/TRACE-compare-HASH")
@options.force
@options.form("table", "json", "md")
@click.pass_context
def command(
    ctx: click.Context,
    trace: str,
    stacks: tuple[str, ...],
    plans: tuple[str, ...],
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
    """Hold stacks against each other for TRACE (Parquet), month by month: the same traffic, prices and incidents happen to all of them.

    A gate of --fail-if is held to every stack, or, written as NAME: GATE, to one; exit code 1 when any is so. The result goes to stdout
    and, with tables for further work, into a folder under outputs/.
    """
    named = set(stacks)
    stacks = (*stacks, *plans, *(() if plans else kubernetes[:1]))
    _count(stacks)
    from sim.catalog.location import find_input
    from sim.cli.opening import open_books
    from sim.cli.progress import Progress, printed, say, warn
    from sim.cli.writing import say_where, write_files
    from sim.report.run_folder import check_folder

    if given is not None:
        check_folder(given, force=force)
    file = find_input(trace)

    from sim.planning.gate_grammar import parse_gates
    from sim.results.compare_stacks import compare_stacks, names_of, strategies
    from sim.results.horizon import horizon
    from sim.results.stack import open_stack
    from sim.results.traffic import trace_for_months
    from sim.stack.outlook_read import split_settings
    from sim.trace import read_trace

    quiet = bool(ctx.obj and ctx.obj.get("quiet"))
    books = open_books(folder, date, prices)
    of_stack, of_outlook = split_settings(settings)

    def opened(name: str) -> Stack:
        """A stack by name, or that of a plan or of manifests."""
        if name in named:
            return open_stack(name, books, of_stack)
        return open_stack(None, books, of_stack, terraform=name if name in plans else None, kubernetes=kubernetes)

    every = strategies(stacks, opened)
    gates = parse_gates(fail_if, stacks=names_of(every))
    asked = horizon(
        months, date=books.book.date, catalog=books.catalog, settings=of_outlook, outlook=outlook, futures=futures, start=start,
        workers=workers, strict=strict, exact=exact,
    )  # fmt: skip
    with Progress(quiet=quiet) as progress:
        progress.says(f"reading {file.name}")
        requests = trace_for_months(read_trace(file, trace), trace)

        def begins() -> None:
            if not quiet:
                gating.note_odd(gates)
            progress.announce_compilation()

        found = compare_stacks(every, requests, asked, gates=gates, seed=seed, says=progress.part, begins=begins)
        progress.says("writing files")
        target, refused = write_files(
            given,
            found.default_folder,
            lambda folder: found.write(folder, argv=sys.argv[1:], replace=given is None or force),
        )
    report = found.report
    printed(found.shown(form))
    if not quiet:
        for note in found.notes:
            say("note", note)
        count = len(report.assumptions())
        if count:
            say("note", f"the months rest on {count} assumptions of the outlook {asked.outlook.name}: the report lists them")
        for name, cautions in dict(zip(report.names, report.cautions, strict=True)).items():
            for each in cautions:
                if each.code in _WARNED:
                    warn(each, name)
        say_where(target, refused)
    gating.close(ctx, report.gates, named=True)


def _count(stacks: tuple[str, ...]) -> None:
    from sim.results.compare_stacks import FEWEST_STACKS, MOST_STACKS

    if len(stacks) < FEWEST_STACKS:
        found = f"only --stack {stacks[0]}" if stacks else "no --stack"
        raise click.UsageError(f"--stack: found {found}; allowed: at least two, as --stack api-first --stack hybrid")
    if len(stacks) > MOST_STACKS:
        raise click.UsageError(f"--stack: found {len(stacks)} stacks; allowed: two to {MOST_STACKS}")
