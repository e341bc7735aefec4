"""`sim explain`: what a stack means, what was guessed and assumed, and where each number comes from."""

from __future__ import annotations

from pathlib import Path

import click

from sim.cli import options


@click.command(name="explain")
@click.argument("stack", default="hybrid")
@options.infrastructure
@options.settings
@click.option("--trace", help="A trace: tiers, batch lanes and prefix caching depend on it.")
@options.prices
@options.date
@options.models
@options.form("table", "json", "md")
@click.pass_context
def command(
    ctx: click.Context,
    stack: str,
    terraform: str | None,
    kubernetes: tuple[str, ...],
    settings: tuple[str, ...],
    trace: str | None,
    prices: Path | None,
    date: str | None,
    folder: Path | None,
    form: str,
) -> None:
    """Say what STACK means: its deployments and routing, what was guessed, and where each number comes from."""
    import json

    from sim.catalog.location import find_input
    from sim.cli.opening import open_books
    from sim.report.explanation import explain_data, explain_markdown, explain_text
    from sim.results.stack import open_stack
    from sim.stack import facts_of
    from sim.trace import read_trace

    books = open_books(folder, date, prices)
    opened = open_stack(options.named_stack(ctx, stack), books, settings, terraform=terraform, kubernetes=kubernetes)
    facts = facts_of(read_trace(find_input(trace), trace)) if trace is not None else None
    resolved = opened.resolved(facts)
    if form == "json":
        click.echo(json.dumps(explain_data(resolved), indent=2, ensure_ascii=False, allow_nan=False))
    else:
        click.echo(explain_text(resolved) if form == "table" else explain_markdown(resolved))
