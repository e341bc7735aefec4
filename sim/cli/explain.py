"""`sim explain`: what a stack means, what was guessed and assumed, and where each number comes from."""

from __future__ import annotations

from pathlib import Path

import click


@click.command(name="explain")
@click.argument("stack", default="hybrid")
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="Lay a value over the stack: deployments.own.replicas.max=6.")
@click.option("--trace", help="A trace: tiers, batch lanes and prefix caching depend on it.")
@click.option("--prices", type=click.Path(path_type=Path), help="A file of negotiated prices.")
@click.option("--date", help="The day whose prices are taken, YYYY-MM-DD.  [default: the catalogue's]")
@click.option("--models", "folder", type=click.Path(path_type=Path), help="A folder of catalogue entries that go before ours.")
@click.option("--format", "form", type=click.Choice(["table", "json", "md"]), default="table", show_default=True, help="How to print it.")
def command(
    stack: str, settings: tuple[str, ...], trace: str | None, prices: Path | None, date: str | None, folder: Path | None, form: str
) -> None:
    """Say what STACK means: its deployments and routing, what was guessed, and where each number comes from."""
    import json

    from sim.catalog.location import find_input
    from sim.cli.opening import open_books
    from sim.report.explanation import explain_data, explain_markdown, explain_text
    from sim.stack import facts_of, read_stack, resolve
    from sim.trace import read_trace

    catalog, book = open_books(folder, date, prices)
    file = read_stack(stack, catalog, settings)
    facts = facts_of(read_trace(find_input(trace), trace)) if trace is not None else None
    resolved = resolve(file, catalog, book, facts)
    if form == "json":
        click.echo(json.dumps(explain_data(resolved), indent=2, ensure_ascii=False, allow_nan=False))
    else:
        click.echo(explain_text(resolved) if form == "table" else explain_markdown(resolved))
