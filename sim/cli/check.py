"""`sim check`: is a file right, and if not, all that is wrong with it."""

from __future__ import annotations

from pathlib import Path

import click

from sim.cli import options

_TABLES = (".csv", ".tsv", ".jsonl", ".ndjson")


@click.command(name="check")
@click.argument("files", nargs=-1, required=True)
@click.option("--stack", help="The stack whose deployments a file of events names.")
@click.option("--kind", help="What the files are; told by their keys when left out.")
@options.prices
@options.models
def command(files: tuple[str, ...], stack: str | None, kind: str | None, prices: Path | None, folder: Path | None) -> None:
    """Check FILES: stacks, traces, recipes, outlooks, spaces, needs, prices, events, catalogue entries, bills by FOCUS.

    Says OK, or every problem with its place.
    """
    from sim.catalog.location import find_input
    from sim.catalog.price_formats import other_format
    from sim.cli.opening import open_books
    from sim.decision.defaults_check import SCHEMAS, check_decision_defaults
    from sim.decision.needs_check import check_needs_file
    from sim.errors import InputError, nearest, visible
    from sim.planning.space_file import check_space_file
    from sim.report.focus_check import check_bill, is_bill
    from sim.stack.check import check_file, kinds
    from sim.stack.read import read_stack
    from sim.stack.resolve import resolve

    others = ("space", "needs", *(name for name, _ in SCHEMAS))
    known = (*kinds(), *others)
    if kind is not None and kind not in known:
        raise InputError(f"--kind: found {kind!r}; allowed: {', '.join(known)}{nearest(kind, known)}")
    books = open_books(folder, None, prices)
    catalog, book = books.catalog, books.book
    resolved = resolve(read_stack(stack, catalog), catalog, book) if stack is not None else None
    problems = []
    for file in files:
        if kind is None and is_bill(Path(file)):
            try:
                click.echo(f"{file}: OK: {check_bill(Path(file), file)}")
            except InputError as error:
                problems.append(str(error))
            continue
        if kind is None and Path(file).suffix.lower() in _TABLES and other_format(Path(file), file) is None:
            shown = visible(file)
            problems.append(
                f"{shown}: a table, of which sim check says nothing; a benchmark is checked by sim accuracy {shown} (or sim calibrate), "
                f"a log of requests by sim trace import {shown}"
            )
            continue
        try:
            said = check_decision_defaults(find_input(file), file, kind)
            if said is None and kind in (None, "space"):
                said = check_space_file(find_input(file), file, sure=kind == "space", catalog=catalog)
            if said is None and kind in (None, "needs"):
                said = check_needs_file(find_input(file), file, catalog, lambda name: read_stack(name, catalog), sure=kind == "needs")
            if said is not None:
                click.echo(f"{file}: OK: {said}")
                continue
            said = check_file(find_input(file), file, catalog, book, stack=resolved, kind=kind, others=others)
            click.echo(f"{file}: OK: {said}")
        except InputError as error:
            problems.append(str(error))
    if problems:
        raise InputError("\n".join(problems))
