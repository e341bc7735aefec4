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
stack = click.option("--stack", default="hybrid", show_default=True, help="A stack by name (sim catalog list stacks) or file.")
force = click.option("--force", is_flag=True, help="Replace an earlier run in the folder given with -o.")


def infrastructure(command: Callable[..., Any]) -> Callable[..., Any]:
    """`--terraform` and `--kubernetes`: the machines and model servers that a team already describes."""
    command = click.option(
        "--kubernetes", multiple=True, metavar="DIR|FILE", help="Model servers of Kubernetes manifests or Helm values; may be repeated."
    )(command)
    help_text = "GPU pools of a Terraform plan: the output of terraform show -json PLAN."
    return click.option("--terraform", metavar="PLAN.json", help=help_text)(command)


def named_stack(ctx: click.Context, stack: str) -> str | None:
    """The stack that the user named; None where `--stack` is but the default."""
    from click.core import ParameterSource

    return None if ctx.get_parameter_source("stack") is ParameterSource.DEFAULT else stack


def output(default: str) -> Callable[[Any], Any]:
    """`-o`, the folder of a run; `default` says where that is otherwise."""
    help_text = f"The folder of this run.  [default: {default}]"
    return click.option("-o", "--output", "given", type=_path, metavar="DIR", help=help_text)


def form(*kinds: str) -> Callable[[Any], Any]:
    """`--format`, the first of the kinds by default."""
    return click.option("--format", "form", type=click.Choice(kinds), default=kinds[0], show_default=True, help="How to print it.")
