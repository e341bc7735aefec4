"""Options that several commands have, each spelled and explained once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

_path = click.Path(path_type=Path)

models = click.option("--models", "folder", type=_path, metavar="DIR", help="A folder of catalogue entries that go before ours.")
prices = click.option(
    "--prices", type=_path, metavar="FILE", help="A file of prices: your own (YAML), of a SkyPilot catalogue (CSV), or of Infracost (JSON)."
)
date = click.option("--date", metavar="YYYY-MM-DD", help="The day whose prices are taken.  [default: the catalogue's]")
settings = click.option(
    "--set", "settings", multiple=True, metavar="KEY=VALUE", help="Lay a value over the stack: deployments.own.replicas.max=6."
)
seed = click.option("--seed", type=click.IntRange(0, 2**63 - 1), default=0, show_default=True, help="Of all random numbers.")
force = click.option("--force", is_flag=True, help="Replace an earlier run in the folder given with -o.")


def output(default: str) -> Callable[[Any], Any]:
    """`-o`, the folder of a run; `default` says where that is otherwise."""
    help_text = f"The folder of this run.  [default: {default}]"
    return click.option("-o", "--output", "given", type=_path, metavar="DIR", help=help_text)


def form(*kinds: str) -> Callable[[Any], Any]:
    """`--format`, the first of the kinds by default."""
    return click.option("--format", "form", type=click.Choice(kinds), default=kinds[0], show_default=True, help="How to print it.")
