"""`sim export`: a run as tables or metrics for other tools, and what every column means."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from sim.report.export_files import ExportTable, TableForm
    from sim.report.export_source import RunFolder

FORMS = ("csv", "parquet", "json", "openmetrics", "focus")


@click.command(name="export")
@click.argument("run", required=False)
@click.option("--to", "form", type=click.Choice(FORMS), default="csv", show_default=True, help="The format.")
@click.option("--table", "wanted", multiple=True, metavar="NAME", help="Only this table; again for more.  [default: all in a folder]")
@click.option(
    "--quantile",
    "quantiles",
    multiple=True,
    type=click.Choice(("mean", "p5", "p50", "p95")),
    help="Of focus: of the invoice of each month; again for more.  [default: mean; all in a folder]",
)
@click.option("--stack", metavar="NAME", help="Of focus: the stack of a comparison.  [default: all in a folder]")
@click.option(
    "-o", "--output", "given", type=click.Path(path_type=Path), metavar="FILE|DIR", help="Where to write it.  [default: standard output]"
)
@click.option("--force", is_flag=True, help="Replace an earlier export that is there.")
@click.option("--dictionary", is_flag=True, help="Print what every column of every table of a run means.")
@click.pass_context
def command(
    ctx: click.Context,
    run: str | None,
    form: str,
    wanted: tuple[str, ...],
    quantiles: tuple[str, ...],
    stack: str | None,
    given: Path | None,
    force: bool,
    dictionary: bool,
) -> None:
    """Export RUN, the folder of a sim run, compare, sweep, plan or elastic, its name under outputs/, or latest.

    To a folder (-o DIR) go all tables as files; to one file (-o NAME.csv, NAME.parquet) or standard output the long table of all
    figures, or the one that --table names. JSON holds all tables in one document, OpenMetrics every figure as a gauge. FOCUS is the
    invoice by the FinOps Open Cost and Usage Specification 1.2, a file a quantile.
    """
    from sim.cli.progress import printed, say
    from sim.errors import InputError

    if dictionary:
        from sim.report.export_dictionary import dictionary as page

        if run is not None:
            raise InputError(f"--dictionary: is of no run, and {run} was given; allowed: one of both")
        printed(page())
        return
    if run is None:
        raise InputError("RUN is missing; allowed: the folder of a run, its name under outputs/, or latest; or --dictionary")
    if form in ("openmetrics", "focus") and wanted:
        holds = "OpenMetrics holds every figure" if form == "openmetrics" else "FOCUS has one table"
        raise InputError(f"--table: {holds}; allowed with --to csv, parquet and json")
    if form != "focus" and (quantiles or stack is not None):
        raise InputError(f"{'--quantile' if quantiles else '--stack'}: belongs to --to focus; {form} holds all quantiles and stacks")

    from sim.report.export_files import csv_pieces, tables_of, write_table, write_tables
    from sim.report.export_source import LATEST, read_run
    from sim.report.export_target import is_folder, write_export

    found = read_run(run, with_tables=True)
    if run == LATEST and not (ctx.obj and ctx.obj.get("quiet")):
        say("note", f"{LATEST} is {found.folder}")
    tables = tables_of(found, wanted)
    if form == "focus":
        _focus(found, quantiles, stack, given, force=force)
    elif form in ("json", "openmetrics"):
        _written(_pieces(form, found, tables), given, force=force)
    elif given is not None and is_folder(given, form):
        write_export(given, lambda draft: write_tables(draft, found, tables, _table_form(form)), force=force, folder=True)
    else:
        one = _only(tables, wanted)
        if form == "parquet" and given is None:
            raise InputError("--to parquet: is no text; allowed: with -o FILE.parquet or -o DIR")
        if given is None:
            _written(csv_pieces(one), None, force=force)
        else:
            write_export(given, lambda draft: write_table(draft, one, _table_form(form)), force=force, folder=False)
    if given is not None and not (ctx.obj and ctx.obj.get("quiet")):
        say("note", f"the export is in {given}")


def _focus(run: RunFolder, quantiles: tuple[str, ...], stack: str | None, given: Path | None, *, force: bool) -> None:
    """FOCUS files: to a folder all that are wanted, as CSV and Parquet; else one."""
    from sim.errors import InputError
    from sim.report.export_target import write_export
    from sim.report.focus_files import focus_text, stack_of, statistics_of, write_focus, write_focus_folder

    wanted = statistics_of(run, quantiles)
    ending = given.suffix.lower() if given is not None and not given.is_dir() else ""
    if given is not None and ending not in (".csv", ".parquet"):
        stacks = run.names if stack is None else (stack_of(run, stack),)
        write_export(given, lambda draft: write_focus_folder(draft, run, stacks, wanted), force=force, folder=True)
        return
    if len(quantiles) > 1:
        raise InputError(f"--quantile: {len(quantiles)} bills do not fit into one file; allowed: one of them, or -o DIR")
    of, quantile = stack_of(run, stack), quantiles[0] if quantiles else wanted[0]
    if given is None:
        _written(iter((focus_text(run, of, quantile),)), None, force=force)
    else:
        form: TableForm = "csv" if ending == ".csv" else "parquet"
        write_export(given, lambda draft: write_focus(draft, run, of, quantile, form), force=force, folder=False)


def _table_form(form: str) -> TableForm:
    return "csv" if form == "csv" else "parquet"


def _only(tables: tuple[ExportTable, ...], wanted: tuple[str, ...]) -> ExportTable:
    """What goes to one file: the table that was named, or the long one."""
    from sim.errors import InputError

    if len(wanted) > 1:
        raise InputError(f"--table: {len(wanted)} tables do not fit into one file; allowed: one of them, or -o DIR")
    return tables[0]


def _pieces(form: str, run: RunFolder, tables: tuple[ExportTable, ...]) -> Iterator[str]:
    from sim.report.export_files import json_pieces
    from sim.report.export_openmetrics import openmetrics

    return json_pieces(run, tables) if form == "json" else iter((openmetrics(run),))


def _written(pieces: Iterator[str], given: Path | None, *, force: bool) -> None:
    """Text to standard output, or to a file."""
    from sim.cli.progress import printed
    from sim.report.export_target import write_export

    if given is None:
        for piece in pieces:
            printed(piece)
        return

    def fill(draft: Path) -> None:
        with draft.open("w", encoding="utf-8", newline="") as file:
            file.writelines(pieces)

    write_export(given, fill, force=force, folder=False)
