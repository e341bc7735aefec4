"""The options that are about months: those of `sim run`, and those of commands that need months."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import click

from sim.cli.clients import refuse_months
from sim.results.horizon import FEWEST_FUTURES, FUTURES, MONTHS, MOST_MONTHS, OUTLOOK

_ABOUT_MONTHS = ("outlook", "futures", "start", "budget", "exact", "strict")

_months_or_none = click.option(
    "--months", type=click.IntRange(0, MOST_MONTHS), help=f"Months to forecast; 0 is the plain replay.  [default: {MONTHS}]"
)
_replay_only = click.option("--replay-only", is_flag=True, help="Replay the trace once, no months: the same as --months 0.")
_outlook = click.option("--outlook", default=OUTLOOK, show_default=True, metavar="NAME|FILE", help="What may happen over the months.")
_futures = click.option(
    "--futures", type=click.IntRange(min=FEWEST_FUTURES), default=FUTURES, show_default=True, help="How often it is drawn."
)
start_option = click.option("--start", metavar="YYYY-MM", help="The first month.  [default: that of the prices]")
_budget = click.option("--budget", metavar="USD", help="For all months together, as 90000 or $90k: how likely it is exceeded.")
_workers = click.option("--workers", type=click.IntRange(min=1), help="Processes at work; results are the same.  [default: all cores]")
_exact = click.option("--exact", is_flag=True, help="Replay every day of every future: for checks, as it takes hours.")
_strict = click.option("--strict", is_flag=True, help="Refuse what would otherwise be assumed: the shape of a day, successors of models.")

_months_of_points = click.option(
    "--months", type=click.IntRange(0, MOST_MONTHS), default=0, show_default=True, help="Months to forecast of each point; 0: replays."
)

months_option = click.option("--months", type=click.IntRange(1, MOST_MONTHS), default=MONTHS, show_default=True, help="Months to forecast.")


def options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Those of `sim run`, in the order in which help shows them."""
    for option in reversed((_months_or_none, _replay_only, _outlook, _futures, start_option, _budget, _workers, _exact, _strict)):
        command = option(command)
    return command


def futures_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Those of every command whose months are many futures."""
    for option in reversed((_outlook, _futures, _workers, _exact, _strict)):
        command = option(command)
    return command


def points_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Those of a command that holds many points against each other, each a plain replay unless months are asked for."""
    for option in reversed((_months_of_points, _outlook, _futures, start_option, _workers)):
        command = option(command)
    return command


def months_wanted(
    ctx: click.Context, *, months: int | None, replay_only: bool, settings: Sequence[str], events: str | None, clients: int | None
) -> int | None:
    """How many months: 0 for the plain replay, None where nothing was said. UsageError for options that contradict each other."""
    if months and replay_only:
        raise click.UsageError(f"--months {months}: --replay-only and --months exclude each other; allowed: --months 0, the plain replay")
    if months and events is not None:
        raise click.UsageError(
            f"--months {months}: --events and --months exclude each other, as events are scripted for the time of the trace; "
            "allowed: --months 0, the plain replay"
        )
    refuse_months(months, clients)
    if months == 0 or replay_only or events is not None or clients is not None:
        why = "--months 0" if months == 0 else "--replay-only" if replay_only else "--events" if events is not None else "--closed-loop"
        refuse_about_months(ctx, settings, why, "--months 1 or more")
        return 0
    return months


def refuse_about_months(ctx: click.Context, settings: Sequence[str], why: str, allowed: str) -> None:
    """UsageError for an option that is about months where there are none, with why and what is allowed."""
    from sim.stack.outlook_read import PREFIX

    default = click.core.ParameterSource.DEFAULT
    given = [f"--{name}" for name in _ABOUT_MONTHS if ctx.get_parameter_source(name) not in (None, default)]
    given += [f"--set {setting}" for setting in settings if setting.strip().startswith(PREFIX)]
    if given:
        raise click.UsageError(f"{given[0]}: is about months, and with {why} there are none; allowed: {allowed}")
