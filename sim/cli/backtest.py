"""`sim backtest`: a forecast against a bill that was paid, line by line and month by month."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from sim.cli import options
from sim.cli.horizon import futures_options
from sim.results.horizon import MOST_MONTHS

if TYPE_CHECKING:
    import datetime
    from collections.abc import Sequence

    from sim.planning.invoices import Paid
    from sim.report.backtest_report import BacktestReport


@click.command(name="backtest")
@click.argument("trace")
@click.option("--stack", default="hybrid", show_default=True, help="A stack by name (sim catalog list stacks) or file.")
@click.option(
    "--actual",
    metavar="FILE",
    required=True,
    help="The bill: a CSV file of month, line, usd; an export by FOCUS 1.2, or of AWS, Google Cloud, Azure, OpenAI, Anthropic or LiteLLM.",
)
@click.option(
    "--line",
    "lines",
    multiple=True,
    metavar="NAME=LINE",
    help="What a line of the bill stands for: 'Amazon EC2=own', 'OpenAI API=spill/api_output'.",
)
@click.option("--start", metavar="YYYY-MM", help="The month of the trace, from which it grows.  [default: the first of the bill]")
@futures_options
@options.seed
@options.settings
@options.prices
@options.date
@options.models
@options.form("table", "json", "md")
@click.pass_context
def command(
    ctx: click.Context,
    trace: str,
    stack: str,
    actual: str,
    lines: tuple[str, ...],
    start: str | None,
    outlook: str,
    futures: int,
    workers: int | None,
    exact: bool,
    strict: bool,
    seed: int,
    settings: tuple[str, ...],
    prices: Path | None,
    date: str | None,
    folder: Path | None,
    form: str,
) -> None:
    """Forecast the months of a bill from TRACE (Parquet) and say which of its lines lie inside the band.

    The months of the bill decide which months are forecast. Prices are those of --date, so give the day on which the bill began.
    """
    from sim.catalog.location import find_input
    from sim.cli.opening import open_books
    from sim.cli.progress import Progress, say
    from sim.planning.invoices import read_invoice
    from sim.planning.invoices.meanings import known_names

    file = find_input(trace)
    invoice = read_invoice(actual)
    bill = invoice.paid
    names = _names(lines, bill)
    books = open_books(folder, date, prices)
    catalog, book = books.catalog, books.book
    first, months = _months(bill, start, book.date, actual)

    from sim.cost.replay import replay
    from sim.planning.backtest import backtest
    from sim.report.backtest_report import BacktestReport
    from sim.report.run_report import report_of
    from sim.results.horizon import forecast_stack, horizon
    from sim.results.traffic import trace_for_months
    from sim.stack import facts_of, read_stack, resolve
    from sim.stack.outlook_read import split_settings
    from sim.trace import read_trace

    quiet = bool(ctx.obj and ctx.obj.get("quiet"))
    of_stack, of_outlook = split_settings(settings)
    stack_file = read_stack(stack, catalog, of_stack)
    asked = horizon(
        months, date=book.date, catalog=catalog, settings=of_outlook, outlook=outlook, futures=futures, start=first.isoformat()[:7],
        workers=workers, strict=strict, exact=exact,
    )  # fmt: skip
    with Progress(quiet=quiet) as progress:
        progress.says(f"reading {file.name}")
        requests = trace_for_months(read_trace(file, trace), trace)
        resolved = resolve(stack_file, catalog, book, facts_of(requests))
        progress.announce_compilation()
        progress.counts(f"replaying {file.name}", requests.info.duration_s)
        found = replay(resolved, requests, catalog=catalog, book=book, seed=seed, progress=progress.at)
        forecast = forecast_stack(asked, resolved, requests, found, books=books, seed=seed, says=progress.part)
    known = known_names(invoice, resolved, names)
    run = report_of(found, resolved, requests, seed=seed)
    notes = (*invoice.notes, *(f"{line} is taken for {name} (--line says otherwise)" for line, name in sorted(known.items())))
    held = backtest(forecast, bill, names={**known, **names})
    report = BacktestReport(run.trace, run.stack, run.date, Path(actual).name, held, forecast, notes)
    _print(report, form)
    if not quiet and run.date[:7] != forecast.months[0]:
        say("note", f"prices are those of {run.date}, the first month is {forecast.months[0]}: --date takes the prices of another day")


def _months(bill: Sequence[Paid], start: str | None, today: datetime.date, actual: str) -> tuple[datetime.date, int]:
    """The first month, of the bill or of the trace before it, and how many there are to the last of the bill."""
    import datetime

    from sim.errors import InputError
    from sim.results.horizon import first_month

    of_bill = sorted({paid.month for paid in bill})
    earliest, last = (datetime.date.fromisoformat(f"{month}-01") for month in (of_bill[0], of_bill[-1]))
    first = first_month(of_bill[0] if start is None else start, today)
    if first > earliest:
        raise InputError(f"--start: found {start}, after {of_bill[0]}, the first month of {actual}; allowed: that month, or one before it")
    months = (last.year - first.year) * 12 + last.month - first.month + 1
    if months > MOST_MONTHS:
        raise InputError(
            f"{actual}: from {first.isoformat()[:7]} to {of_bill[-1]} there are {months} months; allowed: at most {MOST_MONTHS}"
        )
    return first, months


def _names(given: tuple[str, ...], bill: Sequence[Paid]) -> dict[str, str]:
    """What lines of the bill stand for, as --line says; InputError for what is not on the bill."""
    from sim.errors import input_error, nearest

    on_bill = list(dict.fromkeys(paid.line for paid in bill))
    names: dict[str, str] = {}
    problems = []
    for each in given:
        name, equals, line = (part.strip() for part in each.rpartition("="))
        if not equals or not name or not line:
            problems.append(f"--line {each}: found no name and line; allowed: NAME=LINE, as 'Amazon EC2=own'")
        elif name not in on_bill:
            shown = ", ".join(on_bill[:12]) + (" ..." if len(on_bill) > 12 else "")
            problems.append(f"--line {each}: the bill has no line {name!r}; allowed: {shown}{nearest(name, on_bill)}")
        elif names.setdefault(name, line) != line:
            problems.append(f"--line {each}: {name!r} stands for {names[name]!r} already")
    if problems:
        raise input_error(problems)
    return names


def _print(report: BacktestReport, form: str) -> None:
    from sim.cli.progress import printed
    from sim.report.backtest_report import backtest_json, backtest_markdown, backtest_text

    printed({"table": backtest_text, "json": backtest_json, "md": backtest_markdown}[form](report))
