"""`sim catalog`: list and show what models/ holds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from sim.cli import options
from sim.cli.opening import open_books
from sim.report.listing import listing, value_text
from sim.report.section import WIDTH
from sim.wide import wrap


@click.group(name="catalog")
def command() -> None:
    """List and show the APIs, GPUs, machines, LLMs, GPU providers, profiles, stacks and outlooks that are known."""


@command.command(name="list")
@click.argument("kind", required=False)
@options.form("table", "json")
@options.models
@options.date
@options.prices
def list_(kind: str | None, form: str, folder: Path | None, date: str | None, prices: Path | None) -> None:
    """List the entries of KIND (apis, gpus, machines, llms, providers, profiles, stacks, outlooks), or the names of all kinds."""
    from sim.catalog.catalog import FOLDERS
    from sim.catalog.overview import find_kind, list_entries

    books = open_books(folder, date, prices)
    catalog, book = books.catalog, books.book
    if kind is None:
        names = {folder: catalog.names(each) for each, folder in FOLDERS.items()}
        present = {each: found for each, found in names.items() if found}
        if form == "json":
            _print_json(present)
        else:
            for each, found in present.items():
                click.echo("\n".join(wrap(f"{each}: {', '.join(found)}", WIDTH, later="  ")))
        return
    rows = list_entries(catalog, find_kind(kind), book)
    if form == "json":
        _print_json(rows)
    else:
        click.echo(listing(rows))


@command.command()
@click.argument("name")
@click.option("--kind", help="Which kind, for a name that several kinds have.")
@options.form("table", "json")
@options.models
@options.date
@options.prices
def show(name: str, kind: str | None, form: str, folder: Path | None, date: str | None, prices: Path | None) -> None:
    """Show every figure of NAME, with its unit, its source and what follows from it."""
    from sim.catalog.overview import find_entry, find_kind, show_entry
    from sim.errors import InputError

    books = open_books(folder, date, prices)
    catalog, book = books.catalog, books.book
    found = find_entry(catalog, name) if kind is None else [(find_kind(kind), name)]
    if len(found) > 1:
        kinds = ", ".join(each for each, _ in found)
        raise InputError(f"{name!r} is the name of several kinds; give --kind, one of: {kinds}")
    entry = show_entry(catalog, *found[0], book)
    if form == "json":
        _print_json(entry)
    else:
        lines = [(line, len(line) - len(line.lstrip())) for line in _lines(entry)]
        click.echo(
            "\n".join(part for line, pad in lines for part in wrap(line.strip(), WIDTH, " " * pad, " " * (pad + 4), break_words=False))
        )


def _print_json(value: Any) -> None:
    import json

    click.echo(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False))


def _lines(value: Any, indent: int = 0) -> list[str]:
    """Nested data as indented lines; what holds only plain values takes one line."""
    pad = "  " * indent
    lines = []
    items = value.items() if isinstance(value, dict) else ((None, item) for item in value)
    for key, item in items:
        head = f"{pad}{key}:" if key is not None else f"{pad}-"
        parts = list(item.values()) if isinstance(item, dict) else item if isinstance(item, list) else [item]
        if not all(_is_short(part) for part in parts):
            lines += [head, *_lines(item, indent + 1)]
        elif isinstance(item, dict):
            lines.append(f"{head} {', '.join(f'{name} {_flat(part)}' for name, part in item.items())}")
        else:
            lines.append(f"{head} {_flat(item)}")
    return lines


def _is_short(value: Any) -> bool:
    return not isinstance(value, dict) and not (isinstance(value, list) and any(isinstance(part, dict | list) for part in value))


def _flat(value: Any) -> str:
    return (" + ".join(value_text(part) for part in value) or "none") if isinstance(value, list) else value_text(value)
