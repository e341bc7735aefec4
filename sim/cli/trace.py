"""`sim trace`: import, describe, make and scale traces."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click


@click.group(name="trace", context_settings={"help_option_names": ["-h", "--help"]})
def command() -> None:
    """Import, describe, make and scale traces."""


@command.command()
@click.argument("file")
@click.option("--format", "form", type=click.Choice(["table", "json"]), default="table", show_default=True)
def describe(file: str, form: str) -> None:
    """Say what a trace is like: rate, burstiness, lengths, who sends it."""
    from dataclasses import asdict

    from sim.catalog.location import find_input
    from sim.trace import read_trace
    from sim.trace.describe import describe as describe_trace
    from sim.trace.show import show

    trace = read_trace(find_input(file), file)
    found = describe_trace(trace)
    if form == "json":
        click.echo(json.dumps({"schema_version": 1, **_finite(asdict(found))}, indent=2, allow_nan=False))
    else:
        click.echo(show(Path(file).name, found))


def _finite(value: Any) -> Any:
    """What JSON can hold: no NaN, no infinity."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    if isinstance(value, float):
        return value if value == value and abs(value) != float("inf") else None
    return value
