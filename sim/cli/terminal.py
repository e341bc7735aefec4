"""How a command talks: quietly or with details, with colours or without, and what a stream can show.

Asked for before the name of a command or after it; kept with the command line, not in the module.
"""

from __future__ import annotations

import copy
import os
import sys
from collections.abc import Callable
from functools import wraps
from typing import Any, Literal

import click

Stream = Literal["stdout", "stderr"]
Paint = Literal["bold", "red", "green", "yellow", "dim"]

_CODES: tuple[tuple[Paint, int], ...] = (("bold", 1), ("dim", 2), ("red", 31), ("green", 32), ("yellow", 33))
_OFF = "\033[0m"
_COERCED = ("C.UTF-8", "C.utf8", "UTF-8")


def asked() -> dict[str, Any]:
    """What was asked for, by name: quiet, verbose, color; empty outside of a command."""
    context = click.get_current_context(silent=True)
    found = None if context is None else context.find_root().obj
    return found if isinstance(found, dict) else {}


def lively(stream: Stream) -> bool:
    """Whether a line can be written over: a terminal that is not the dumbest."""
    to = getattr(sys, stream)
    return to is not None and bool(to.isatty()) and os.environ.get("TERM") != "dumb"


def colours(stream: Stream, given: dict[str, Any] | None = None) -> bool:
    """Whether to colour: as --color or --no-color say, else NO_COLOR, else FORCE_COLOR, else on a terminal that can.

    `given` is what was asked for by a command that has ended.
    """
    wanted = (asked() if given is None else given).get("color")
    if wanted is not None:
        return bool(wanted)
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR", "0") not in ("", "0"):
        return True
    return lively(stream)


def paint(text: str, *how: Paint) -> str:
    """A text with the codes of a terminal around it."""
    codes = ";".join(str(number) for name, number in _CODES if name in how)
    return f"\033[{codes}m{text}{_OFF}" if codes and text else text


def shows(stream: Stream, characters: str) -> bool:
    """Whether a stream can take these characters."""
    try:
        characters.encode(encoding_of(stream))
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def encoding_of(stream: Stream) -> str:
    """The encoding of a stream; of a terminal whose locale is asked to be C or POSIX that is ASCII, whatever Python writes there."""
    to = getattr(sys, stream)
    if to is not None and to.isatty() and _locale() in ("C", "POSIX"):
        return "ascii"
    return getattr(to, "encoding", None) or "utf-8"


def _locale() -> str:
    """What the environment says of characters; not what Python has put there itself, which is UTF-8 in place of C."""
    given = os.environ.get("LC_CTYPE", "")
    return os.environ.get("LC_ALL") or (given if given not in _COERCED else "") or os.environ.get("LANG", "")


def _keep(ctx: click.Context, parameter: click.Parameter, value: bool | None) -> None:
    if not value and (parameter.name != "color" or value is None):
        return
    found = ctx.find_root().ensure_object(dict)
    found[str(parameter.name)] = value
    if found.get("quiet") and found.get("verbose"):
        raise click.UsageError("found both --quiet and --verbose; allowed: one of them", ctx)


def _options(*, hidden: bool) -> tuple[click.Option, ...]:
    def option(*names: str, text: str, **more: Any) -> click.Option:
        return click.Option(names, help=text, hidden=hidden, expose_value=False, callback=_keep, **more)

    return (
        option("-q", "--quiet", is_flag=True, text="No progress, no notes and no warnings; errors only."),
        option("-v", "--verbose", is_flag=True, text="Say which files are read, what was kept from earlier runs, and seconds by phase."),
        option("--color/--no-color", default=None, text="Colours.  [default: on a terminal, unless NO_COLOR is set]"),
    )


def with_manners(command: click.Command, *, hidden: bool = False) -> click.Command:
    """A copy of a command that takes these options; in the help of subcommands they are not repeated."""
    found = copy.copy(command)
    found.params = [*command.params, *_options(hidden=hidden)]
    if command.callback is not None:
        found.callback = _listening(command.callback)
    if isinstance(found, click.Group):
        found.commands = {name: with_manners(each, hidden=True) for name, each in found.commands.items()}
    return found


def _listening(callback: Callable[..., Any]) -> Callable[..., Any]:
    """What a command does, with details said from then on where they were asked for."""

    @wraps(callback)
    def begin(*given: Any, **named: Any) -> Any:
        if asked().get("verbose"):
            from sim.cli.details import listen

            listen(click.get_current_context().find_root())
        return callback(*given, **named)

    return begin
