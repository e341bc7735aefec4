"""The command `sim`: its subcommands, imported only when they are called, and what each kind of error ends with.

Exit codes: 0 done, 1 a gate failed or nothing is feasible, 2 wrong input, 3 a bug of ours, 130 interrupted, 143 told to stop.
"""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Callable
from functools import partial
from importlib import import_module
from types import MappingProxyType
from typing import Any

import click
from click.shell_completion import CompletionItem

from sim import __version__
from sim.cli.terminal import colours, paint, with_manners
from sim.errors import InputError, nearest, visible

WRONG_INPUT = 2
BUG = 3
INTERRUPTED = 130
STOPPED = 128 + signal.SIGTERM
_INSIST_S = 0.5

COMMANDS = MappingProxyType(
    {
        "run": "Replay a trace through a stack and forecast its months: the bill with bands, latency, load.",
        "compare": "Hold stacks against each other over the same futures: cheaper, how likely, from when.",
        "diff": "What a change of a stack does to its cost, latency, load and risk; gates for CI.",
        "sweep": "Vary keys of a stack: cost, latency and load of each combination, the best marked.",
        "plan": "The cheapest stack that meets the service levels, with what confidence, and its calendar.",
        "decide": "Buy, run, fine-tune or mix: what needs rule out, what is best, and how sure that is.",
        "elastic": "The fewest GPUs over time with perfect foresight, against autoscalers.",
        "backtest": "Hold a forecast against a bill that was paid, line by line and month by month.",
        "calibrate": "Make profiles of your own servers from their benchmarks.",
        "accuracy": "Hold predicted latencies against a table of measured ones, row by row.",
        "report": "Make the HTML report of finished runs again.",
        "runs": "List past runs and what they answered.",
        "export": "A run as tables or metrics for other tools; what every column means.",
        "trace": "Import, describe, make and scale traces.",
        "catalog": "List and show the APIs, GPUs, LLMs, profiles and stacks that are known.",
        "check": "Check a stack, trace, price or event file.",
        "explain": "Say what a stack means and where each number comes from.",
        "warnings": "What a warning means and what to do about it.",
        "schema": "JSON Schema of stacks, outlooks, spaces and recipes, for editors.",
        "completion": "The script by which bash, zsh or fish completes commands, names and keys.",
        "init": "Start a folder of your own, or a stack from Kubernetes manifests.",
    }
)
"""Each is a module of this room, which exports `command`; the text is its line in `sim --help`."""


class Commands(click.Group):
    """The subcommands, each imported only when it is called, so that help and mistakes do not wait."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command = import_module(f"sim.cli.{cmd_name}").command
        assert isinstance(command, click.Command)
        command = with_manners(command, hidden=True)
        if ctx.resilient_parsing:  # a shell asks what could follow
            from sim.cli.complete import completing

            return completing(command, cmd_name)
        return command

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            known = ", ".join(COMMANDS)
            raise click.UsageError(f"no command {args[0]!r}; allowed: {known}{nearest(args[0], COMMANDS)}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        names = [CompletionItem(name, help=text) for name, text in COMMANDS.items() if name.startswith(incomplete)]
        return names + click.Command.shell_complete(self, ctx, incomplete)


def _show_version(ctx: click.Context, _parameter: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        click.echo(__version__)
        ctx.exit()


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
@click.option("--version", is_flag=True, expose_value=False, is_eager=True, callback=_show_version, help="Print the version.")
@click.pass_context
def _main(ctx: click.Context) -> None:
    """What LLM traffic will cost and feel like, on commercial APIs, on your own GPUs, or on a mix of both.

    Start with: sim run workloads/bursty.parquet

    The options below may stand after the command, too.
    """
    ctx.ensure_object(dict)


main = with_manners(_main)
"""The command `sim`, with the options that every command takes."""


def exit_code(arguments: list[str]) -> int:
    """Run one command line and return its exit code, with the error, if there is one, on stderr."""
    asked: dict[str, Any] = {}
    say = partial(_say, asked)
    try:
        # Not main.main(), which takes a reader that left for a failure and exits with 1.
        with main.make_context("sim", list(arguments), obj=asked) as context:
            main.invoke(context)
        sys.stdout.flush()
        return 0
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return WRONG_INPUT
    except click.ClickException as error:
        # Click tells the choices of what is missing one a line, indented by tabs.
        for line in error.format_message().replace("\n\t", " ").split("\n"):
            say(f"error: {line}")
        if isinstance(error, click.UsageError) and error.ctx is not None:
            say(f"try: {error.ctx.command_path} --help")
        return WRONG_INPUT
    except InputError as error:
        for line in str(error).split("\n"):
            say(f"error: {line or 'wrong input'}")
        return WRONG_INPUT
    except (KeyboardInterrupt, click.Abort):
        return _ended_by(signal.SIGINT, say)
    except BrokenPipeError:
        # The reader (`head`, a pager) has left: what it wanted it has. Python must not complain on closing stdout.
        _leave_stdout()
        return 0
    except OSError as error:
        # A disk that is full, a folder that may not be read, a name that is too long: the place, not the program.
        say(f"error: {error.filename or 'the result could not be written'}: {error.strerror or error}")
        if error.filename is None:
            _leave_stdout()
        return WRONG_INPUT
    except MemoryError as error:
        say(f"error: not enough memory{f' ({error})' if str(error) else ''}; fewer replicas or a smaller KV cache need less")
        return WRONG_INPUT
    except Exception:
        for number in (signal.SIGTERM, signal.SIGINT):
            if signal.getsignal(number) is _stop_again:
                return _ended_by(number, say)
        traceback.print_exc()
        say("this is a bug of sim, not of your input: please report it with the lines above and the files that you gave")
        return BUG


def _say(asked: dict[str, Any], line: str) -> None:
    kind, colon, text = visible(line).partition(":")
    if kind == "error" and colours("stderr", asked):
        click.echo(f"{paint(f'{kind}{colon}', 'bold', 'red')}{text}", err=True, color=True)
    else:
        click.echo(visible(line), err=True)


def _leave_stdout() -> None:
    """What is left in the buffer goes nowhere: Python must not complain once more on closing stdout."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (OSError, ValueError):
        return


def _ended_by(number: int, say: Callable[[str], None]) -> int:
    """The exit code of a run that a signal ended, with a word to who interrupted it."""
    if number == signal.SIGTERM:
        return STOPPED
    say("interrupted")
    return INTERRUPTED


def _stop(number: int, frame: object) -> None:
    # Loading machine code, numba catches what is raised here, and fails with an error of its own: who asked is seen by the handler.
    signal.signal(number, _stop_again)
    # Or goes on as if nothing had been raised: then it is raised again.
    signal.signal(signal.SIGALRM, partial(_insist, number))
    signal.setitimer(signal.ITIMER_REAL, _INSIST_S, _INSIST_S)
    _stop_again(number, frame)


def _insist(number: int, _alarm: int, frame: object) -> None:
    # On the way out files half-written are taken back, which is not to be interrupted.
    if not isinstance(sys.exc_info()[1], (SystemExit, KeyboardInterrupt)):
        _stop_again(number, frame)


def _stop_again(number: int, _frame: object) -> None:
    # An exception, so that files half-written are taken back on the way out.
    raise SystemExit(STOPPED) if number == signal.SIGTERM else KeyboardInterrupt


def run() -> None:
    """The console script, and the answer to a shell that completes a command line."""
    for number in (signal.SIGTERM, signal.SIGINT):
        if signal.getsignal(number) is not signal.SIG_IGN:  # as nohup and shells ask for what they start in the background
            signal.signal(number, _stop)
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by whoever started us
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: PTH123, SIM115  (for as long as the process lives)
    if "_SIM_COMPLETE" in os.environ:
        main.main(prog_name="sim")
    try:
        code = exit_code(sys.argv[1:])
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
    sys.exit(code)
