"""`sim accuracy`: a table of measurements held against predictions, row by row, and how far off they are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sim.cli import options

if TYPE_CHECKING:
    from sim.calibration.errors import Quantity
    from sim.report.accuracy_report import AccuracyReport

_FORMS = ("table", "json", "csv", "md")
_WRITTEN = (*_FORMS[1:], "html")
_METRICS = ("ttft", "tpot", "itl", "e2e", "throughput")


@click.command(name="accuracy")
@click.argument("table")
@click.option(
    "--max-median-error",
    "limit",
    metavar="SHARE",
    help="Exit with 1 when the median absolute error of a metric is above this (0.05 or 5%), or a row cannot be predicted.",
)
@click.option(
    "--metric",
    "metrics",
    multiple=True,
    type=click.Choice(_METRICS),
    help="Only this one is predicted and counts; may be given again.  [default: all that are measured]",
)
@click.option("--estimated", is_flag=True, help="By physics alone: without profiles calibrated on one configuration.")
@options.seed
@options.models
@click.option(
    "-o", "--output", "given", metavar="FILE", help="Write the result here too, by its ending: .csv, .json, .md, or .html with charts."
)
@click.option("--force", is_flag=True, help="Replace the file given with -o if it exists.")
@options.form(*_FORMS)
@click.pass_context
def command(
    ctx: click.Context,
    table: str,
    limit: str | None,
    metrics: tuple[str, ...],
    estimated: bool,
    seed: int,
    folder: Path | None,
    given: str | None,
    force: bool,
    form: str,
) -> None:
    """Simulate every measured run of TABLE (CSV) and say how far off the predictions are.

    Columns: llm, precision, gpu, engine, tensor_parallel, prompt_tokens, output_tokens, concurrency or
    request_rate, and any of ttft_ms, tpot_ms, itl_ms, e2e_ms, throughput_tok_s.
    """
    from sim.calibration.formats.serving_csv import read_serving_table
    from sim.calibration.table import predict
    from sim.catalog.catalog import Catalog
    from sim.cli.progress import Progress, printed, say
    from sim.report.accuracy_report import AccuracyReport, metric_words
    from sim.report.one_file import write_file

    most = None if limit is None else _share(limit)
    target = None if given is None else _target(given, table, force=force)
    quiet = bool(ctx.obj and ctx.obj.get("quiet"))
    catalog = Catalog.load(*([folder] if folder else []))
    read = read_serving_table(Path(table), catalog, name=table)
    with Progress(quiet=quiet) as progress:
        progress.announce_compilation()
        progress.counts(f"simulating {Path(table).name}", len(read.serving))
        found = predict(
            read.serving, catalog=catalog, estimated=estimated, seed=seed, quantities=_wanted(metrics),
            progress=progress.at,
        )  # fmt: skip
    report = AccuracyReport(Path(table).name, found, seed, estimated, most, read.notes, read.ignored)
    if target is not None:
        write_file(target, _text(report, target.suffix[1:]), force=force)
    printed(_text(report, form))
    if not quiet and target is not None:
        say("note", f"the result is in {target}")
    if report.over:
        off = ", ".join(f"{metric_words(each)} {report.metrics[each].median_abs_error:.4f}" for each in report.over)
        say("failed", f"median absolute error above {most:g}: {off}")
    if most is not None and found.unfit:
        say("failed", f"rows that cannot be predicted: {len(found.unfit)}; the result names them")
    if report.over or (most is not None and found.unfit):
        ctx.exit(1)


def _share(text: str) -> float:
    """The limit; InputError for what is no fraction above 0."""
    from sim.errors import InputError
    from sim.units import parse_number

    percent = text.strip().endswith("%")
    try:
        found = parse_number(text.strip().removesuffix("%")) / (100.0 if percent else 1.0)
    except InputError:
        found = -1.0
    if not 0.0 <= found <= 100.0:
        raise InputError(f"--max-median-error: found {text[:60]!r}; allowed: a fraction from 0 on, as 0.05 or 5%")
    return found


def _wanted(metrics: tuple[str, ...]) -> Callable[[Quantity], bool]:
    return lambda quantity: not metrics or quantity[0].split("_")[0] in metrics


def _target(given: str, table: str, *, force: bool) -> Path:
    """The file to write; InputError before anything is simulated where it cannot be."""
    from os.path import realpath

    from sim.errors import InputError
    from sim.report.one_file import check_place

    path = Path(given)
    endings = [f".{each}" for each in _WRITTEN]
    if path.suffix not in endings:
        raise InputError(f"--output: found {given!r}; allowed: a file that ends in {', '.join(endings)}")
    if realpath(path) == realpath(table):
        raise InputError(f"{path}: is the table of measurements; give another name")
    check_place(path, force=force)
    return path


def _text(report: AccuracyReport, form: str) -> str:
    if form == "html":
        from sim.report.html.accuracy_page import accuracy_page
        from sim.report.run_record import own_version

        return accuracy_page(report, version=own_version())
    from sim.report.accuracy_report import accuracy_markdown, accuracy_text
    from sim.report.accuracy_summary import accuracy_csv, accuracy_json

    return {"table": accuracy_text, "json": accuracy_json, "csv": accuracy_csv, "md": accuracy_markdown}[form](report)
