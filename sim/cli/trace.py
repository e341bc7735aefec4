"""`sim trace`: import, describe, make and scale traces."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sim.cli import options

if TYPE_CHECKING:
    from sim.trace import Trace

_FORMATS = (
    "auto", "parquet", "csv", "azure", "burstgpt", "mooncake", "otel", "litellm", "openai-usage", "anthropic-usage", "totals",
    "vllm-bench", "guidellm", "aiperf", "inference-perf", "vllm-sr-sim", "blis",
)  # fmt: skip
_OUT = click.option("-o", "--output", metavar="OUT", help="File to write; by default the name of the input with .parquet, here.")
_FORCE = click.option("--force", is_flag=True, help="Replace the file if it exists.")
_SEED = click.option("--seed", type=click.IntRange(0, 2**63 - 1), help="Seed of the random numbers.")


@click.group(name="trace", context_settings={"help_option_names": ["-h", "--help"]})
def command() -> None:
    """Import, describe, make and scale traces."""


@command.command()
@click.argument("file")
@options.form("table", "json")
def describe(file: str, form: str) -> None:
    """Say what a trace is like: rate, lengths, senders.

    Also burstiness, classes, and a plot of the rate over time.
    """
    from sim.catalog.location import find_input
    from sim.trace import read_trace

    _show(read_trace(find_input(file), file), Path(file).name, form)


@command.command(name="import")
@click.argument("file")
@click.option(
    "--format", "form", type=click.Choice(_FORMATS), default="auto", show_default=True, metavar="NAME",
    help=f"Of FILE: {', '.join(_FORMATS)}.",
)  # fmt: skip
@click.option("--map", "mapping", multiple=True, metavar="NATIVE=COLUMN", help="Column of FILE that holds a native column.")
@click.option("--timezone", metavar="ZONE", help="Zone of times that name none, such as Europe/Berlin; UTC by default.")
@click.option("--time-unit", type=click.Choice(["s", "ms", "us", "ns"]), help="Unit of numeric times, if it cannot be told from them.")
@click.option("--shape", default="diurnal", show_default=True, help="Recipe whose shape totals are given (usage formats only).")
@_SEED
@_OUT
@_FORCE
@click.pass_context
def import_(
    ctx: click.Context,
    file: str,
    form: str,
    mapping: tuple[str, ...],
    timezone: str | None,
    time_unit: str | None,
    shape: str,
    seed: int | None,
    output: str | None,
    force: bool,
) -> None:
    """Make a native trace from a file of another format."""
    from sim.catalog.location import find_input
    from sim.trace.foreign import Options
    from sim.trace.formats import read_foreign
    from sim.trace.imports import trace_of

    options = Options(_pairs("--map", mapping), timezone, time_unit, seed)
    read = read_foreign(find_input(file), form, options, file)
    _finish(ctx, trace_of(read, file, shape, seed), output or f"{Path(file).stem}.parquet", force=force)


@command.command()
@click.argument("recipe", required=False)
@click.option("--from-usage", "usage", metavar="FILE", help="Totals by hour, day or month, of which every one is kept exactly.")
@click.option("--shape", metavar="RECIPE", default="diurnal", show_default=True, help="Recipe that says how totals are spread.")
@click.option("--mean-prompt-tokens", type=click.FloatRange(min=1), help="Where the source does not count requests.")
@_SEED
@_OUT
@_FORCE
@click.pass_context
def synth(
    ctx: click.Context,
    recipe: str | None,
    usage: str | None,
    shape: str,
    mean_prompt_tokens: float | None,
    seed: int | None,
    output: str | None,
    force: bool,
) -> None:
    """Make a trace from a RECIPE, or from totals alone.

    RECIPE is a file, or a bundled one by name.
    """
    from sim.errors import InputError
    from sim.trace.synthesise import find_recipe, load_recipe, synthesise

    if (recipe is None) == (usage is None):
        raise InputError("either a RECIPE or --from-usage FILE is needed")
    if recipe is not None:
        path = find_recipe(recipe)
        made = synthesise(load_recipe(path, recipe if path.suffix in recipe else None), seed, Path(recipe).name)
        _finish(ctx, made, output or f"{path.stem}.parquet", force=force)
        return
    from sim.catalog.location import find_input
    from sim.trace.formats import read_foreign
    from sim.trace.imports import trace_of
    from sim.trace.usage import Usage

    assert usage is not None
    read = read_foreign(find_input(usage), "auto", None, usage)
    if not isinstance(read, Usage):
        raise InputError(f"{usage}: holds single requests, not totals; `sim trace import {usage}` reads it")
    _finish(ctx, trace_of(read, usage, shape, seed, mean_prompt_tokens), output or f"{Path(usage).stem}.parquet", force=force)


@command.command()
@click.argument("file")
@click.option("--factor", "factor_text", default="1", show_default=True, metavar="X", help="How many times the demand: 2, 2x or 150%.")
@click.option("--law", default="clients", show_default=True, help="How demand grows: clients, superpose or thin.")
@click.option("--client", "clients", multiple=True, metavar="NAME=FACTOR", help="A factor for one client (law clients).")
@click.option("--from", "from_", metavar="TIME", help="Cut: start here (8h, 90 min, 1d).")
@click.option("--to", metavar="TIME", help="Cut: end here.")
@click.option("--days", type=click.FloatRange(min=0, min_open=True), help="Repeat until the trace lasts so many days.")
@_SEED
@_OUT
@_FORCE
@click.pass_context
def scale(
    ctx: click.Context,
    file: str,
    factor_text: str,
    law: str,
    clients: tuple[str, ...],
    from_: str | None,
    to: str | None,
    days: float | None,
    seed: int | None,
    output: str | None,
    force: bool,
) -> None:
    """Cut a trace, repeat it, give it more or less demand.

    In this order: --from and --to, --days, --factor by a --law.

    \b
    clients    every client sends more: IDC becomes 1 + (IDC - 1) x factor
    superpose  new independent clients like the old ones: IDC stays
    thin       requests are left out: factor below 1, IDC as of clients
    """
    from sim.catalog.location import find_input
    from sim.trace import read_trace
    from sim.trace.growth import grow
    from sim.trace.window import tile, window
    from sim.units import parse_number, parse_seconds

    factor = _factor(factor_text)
    trace = read_trace(find_input(file), file)
    if from_ is not None or to is not None:
        trace = window(trace, parse_seconds(from_ or "0"), None if to is None else parse_seconds(to))
    if days is not None:
        trace = tile(trace, days)
    own = {name: parse_number(value) for name, value in _pairs("--client", clients).items()}
    if factor != 1.0 or own or law != "clients":
        trace = grow(trace, factor, law, seed=1 if seed is None else seed, clients=own)
    _finish(ctx, trace, output or f"{Path(file).stem}-scaled.parquet", force=force)


def _factor(text: str) -> float:
    """How many times the demand: `2`, `2x`, `150%`."""
    from sim.errors import InputError
    from sim.units import parse_number

    plain = text.strip()
    try:
        return parse_number(plain[:-1]) / 100.0 if plain.endswith("%") else parse_number(plain.removesuffix("x").rstrip())
    except InputError:
        raise InputError(f"--factor: found {text[:40]!r}; allowed: how many times the demand, as 2, 2x or 150%") from None


def _pairs(option: str, texts: tuple[str, ...]) -> dict[str, str]:
    from sim.errors import InputError

    pairs = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not (name and equals and value):
            raise InputError(f"{option} {text}: NAME=VALUE is needed")
        if name in pairs:
            raise InputError(f"{option} {text}: {name} is given twice")
        pairs[name] = value
    return pairs


def _finish(ctx: click.Context, trace: Trace, output: str, *, force: bool) -> None:
    """Write a trace, say so on stderr, and describe it on stdout."""
    from sim.trace import write_trace

    path = write_trace(output, trace, force=force)
    if not (ctx.obj or {}).get("quiet"):
        click.echo(f"wrote {path}", err=True)
    _show(trace, path.name, "table")


def _show(trace: Trace, name: str, form: str) -> None:
    from dataclasses import asdict

    from sim.trace.describe import describe as describe_trace
    from sim.trace.show import show

    found = describe_trace(trace)
    if form == "json":
        click.echo(json.dumps({"schema_version": 1, **_finite(asdict(found))}, indent=2, allow_nan=False))
    else:
        click.echo(show(name, found))


def _finite(value: Any) -> Any:
    """What JSON can hold: no NaN, no infinity."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    if isinstance(value, float):
        return value if value == value and abs(value) != float("inf") else None
    return value
