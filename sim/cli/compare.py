"""`sim compare`: strategies side by side over the same futures: which is cheaper, how likely, from when."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from sim.cli import gating, options
from sim.cli.horizon import futures_options, horizon, months_option, start_option

if TYPE_CHECKING:
    from sim.catalog.catalog import Catalog
    from sim.catalog.price_book import PriceBook
    from sim.cli.horizon import Horizon
    from sim.cli.progress import Progress
    from sim.planning.gate_values import Side
    from sim.planning.gates import GateResult
    from sim.report.comparison_files import Compared
    from sim.report.comparison_report import ComparisonReport
    from sim.stack import ResolvedStack, StackFile
    from sim.trace import Trace

T = TypeVar("T")
_MOST_STACKS = 8
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
    from sim.cli.opening import open_books, open_stack, trace_for_months
    from sim.cli.progress import Progress, say
    from sim.cli.writing import say_where, write_files
    from sim.report.run_folder import check_folder

    if given is not None:
        check_folder(given, force=force)
    file = find_input(trace)

    from sim.planning.comparison import unique_names
    from sim.planning.gate_figures import known_before
    from sim.planning.gate_grammar import parse_gates
    from sim.planning.gate_values import measure
    from sim.planning.gates import check
    from sim.report.comparison_files import write_comparison
    from sim.report.run_folder import default_folder
    from sim.report.run_record import inputs
    from sim.stack import facts_of, resolve
    from sim.stack.outlook_read import split_settings

    quiet = bool(ctx.obj and ctx.obj.get("quiet"))
    catalog, book = open_books(folder, date, prices)
    of_stack, of_outlook = split_settings(settings)

    def opened(name: str) -> StackFile:
        """A stack by name, or that of a plan or of manifests."""
        if name in named:
            return open_stack(name, catalog, book, of_stack)
        return open_stack(None, catalog, book, of_stack, terraform=name if name in plans else None, kubernetes=kubernetes)

    files = _each(stacks, opened)
    names = unique_names([files[name].name for name in stacks])
    gates = parse_gates(fail_if, stacks=names)
    asked = horizon(
        months, date=book.date, catalog=catalog, settings=of_outlook, outlook=outlook, futures=futures, start=start, workers=workers,
        strict=strict, exact=exact,
    )  # fmt: skip
    with Progress(quiet=quiet) as progress:
        progress.says(f"reading {file.name}")
        requests = trace_for_months(file, trace)
        facts = facts_of(requests)
        resolved = _each(stacks, lambda name: resolve(files[name], catalog, book, facts))
        known = {own: known_before(resolved[name], facts, months) for own, name in zip(names, stacks, strict=True)}
        gating.check_figures(gates, known)
        if not quiet:
            gating.note_direction(gates)
        progress.announce_compilation()
        done = _each_in_turn(
            stacks,
            lambda name: _run(name, files[name], resolved[name], requests, asked, catalog, book, seed, progress),
        )
        runs = [done[name][0] for name in stacks]
        sides = {own: done[name][1] for own, name in zip(names, stacks, strict=True)}
        report = _report(runs, check(gates, names, lambda gate, name: measure(gate, sides[name])))
        record = {"stacks": [inputs(run.report, run.stack, run.resolved, (), asked.outlook, exact=exact) for run in runs]}
        progress.says("writing files")
        target, refused = write_files(
            given,
            default_folder(report.trace.name, "compare", {**record, "gates": list(map(str, gates))} if gates else record),
            lambda folder: write_comparison(folder, report, runs, given=record, argv=sys.argv[1:], replace=given is None or force),
        )
    _print(report, form)
    if not quiet:
        for own, name in zip(names, stacks, strict=True):
            for note in files[name].notes:
                say("note", f"{own}: {note}")
        count = len(report.assumptions())
        if count:
            say("note", f"the months rest on {count} assumptions of the outlook {asked.outlook.name}: the report lists them")
        for name, cautions in dict(zip(report.names, report.cautions, strict=True)).items():
            for each in cautions:
                if each.code in _WARNED:
                    say("warning", f"{name}: {each.cause}; {each.remedy}")
        say_where(target, refused)
    gating.close(ctx, report.gates, named=True)


def _count(stacks: tuple[str, ...]) -> None:
    if len(stacks) < 2:
        found = f"only --stack {stacks[0]}" if stacks else "no --stack"
        raise click.UsageError(f"--stack: found {found}; allowed: at least two, as --stack api-first --stack hybrid")
    if len(stacks) > _MOST_STACKS:
        raise click.UsageError(f"--stack: found {len(stacks)} stacks; allowed: two to {_MOST_STACKS}")


def _each(names: tuple[str, ...], what: Callable[[str], T]) -> dict[str, T]:
    """What is made of every stack, by its name as given; InputError with what is wrong with each of them."""
    from sim.errors import InputError, input_error

    found: dict[str, T] = {}
    problems: list[str] = []
    for name in dict.fromkeys(names):
        try:
            found[name] = what(name)
        except InputError as error:
            problems += [line if name in line else f"{name}: {line}" for line in str(error).split("\n")]
    if problems:
        raise input_error(problems)
    return found


def _each_in_turn(names: tuple[str, ...], what: Callable[[str], T]) -> dict[str, T]:
    """The same for what takes long: what is wrong with the first stack is said at once."""
    found: dict[str, T] = {}
    for name in dict.fromkeys(names):
        found |= _each((name,), what)
    return found


def _run(
    name: str, stack: StackFile, resolved: ResolvedStack, requests: Trace, asked: Horizon, catalog: Catalog, book: PriceBook, seed: int,
    progress: Progress,
) -> tuple[Compared, Side]:  # fmt: skip
    """The replay of one stack and its months, and what gates are held to."""
    from sim.cli.forecasting import forecast_stack
    from sim.cost.replay import replay
    from sim.planning.gate_values import Side
    from sim.report.comparison_files import Compared
    from sim.report.forecast_report import ForecastReport
    from sim.report.run_report import report_of

    progress.counts(f"{name}: replaying {requests.info.path.name}", requests.info.duration_s)
    found = replay(resolved, requests, catalog=catalog, book=book, seed=seed, progress=progress.at)
    forecast = forecast_stack(
        asked, resolved, requests, found, catalog=catalog, book=book, seed=seed,
        says=lambda text, done, whole: progress.part(f"{name}: {text}", done, whole),
    )  # fmt: skip
    report = report_of(found, resolved, requests, seed=seed, ahead=ForecastReport(forecast))
    return Compared(report, stack, resolved), Side(found, forecast)


def _report(runs: list[Compared], gates: tuple[GateResult, ...]) -> ComparisonReport:
    from sim.planning.comparison import compare
    from sim.report.comparison_report import DAYS_PER_MONTH, ComparisonReport, levels_in_words

    costs = [run.resolved.costs for run in runs]
    forecasts = tuple(run.report.ahead.found for run in runs if run.report.ahead is not None)
    return ComparisonReport(
        trace=runs[0].report.trace,
        date=runs[0].report.date,
        found=compare(forecasts, days_to_production=[each.time_to_production_months * DAYS_PER_MONTH for each in costs]),
        forecasts=forecasts,
        levels=tuple(levels_in_words(run.resolved.slo) for run in runs),
        ready_assumed=tuple(each.assumption("time_to_production_months") for each in costs),
        cautions=tuple(run.report.cautions for run in runs),
        gates=gates,
    )


def _print(report: ComparisonReport, form: str) -> None:
    from sim.cli.progress import printed
    from sim.report.comparison_summary import comparison_json
    from sim.report.comparison_text import comparison_markdown, comparison_text

    printed({"table": comparison_text, "json": comparison_json, "md": comparison_markdown}[form](report))
