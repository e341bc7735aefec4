"""docs/reference/cli.md: every command, argument and option, as click has them."""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Iterator

import click

from sim.cli.main import main
from tests.tools.reference_text import anchor, code, plain, table

_EXTRAS = re.compile(r"\s*\[([^\[\]]*)\]$")
_INDENT = " " * 4
_DEFAULT = "default: "
_ENDLESS = 10**12


def commands(command: click.Command = main, name: str = "sim") -> Iterator[tuple[str, click.Command]]:
    """Every command with the words that call it, in the order of `sim --help`; a group goes before what is in it."""
    yield name, command
    if isinstance(command, click.Group):
        context = click.Context(command, info_name=name)
        for word in command.list_commands(context):
            found = command.get_command(context, word)
            assert found is not None
            yield from commands(found, f"{name} {word}")


def cli_page() -> str:
    """The page as Markdown."""
    found = list(commands())
    index = table(
        ("command", "does"),
        [
            (f"[{code(name)}](#{anchor(name)})", plain(_sentence(command)))
            for name, command in found
            if not isinstance(command, click.Group)
        ],
    )
    intro = (
        "Every command takes `--help`, and the options of `sim`, which may stand before the name of the command or after it. Exit codes: 0 done, 1 a gate failed or nothing is "
        "feasible, 2 wrong input, 3 a bug of ours, 130 interrupted, 143 told to stop."
    )
    return "\n\n".join(["# Commands and options", intro, index, *(_section(name, command) for name, command in found)]) + "\n"


def _section(name: str, command: click.Command) -> str:
    context = click.Context(command, info_name=name)
    usage = [] if isinstance(command, click.Group) else [f"{_INDENT}{_usage(name, command, context)}"]
    parts = [f"## {name}", *usage, *_paragraphs(command.help or "")]
    for argument in command.params:
        if isinstance(argument, click.Argument) and isinstance(argument.type, click.Choice):
            parts.append(f"{_argument(argument, context)} is {_one_of(argument.type)}.")
    options = [each for each in command.params if isinstance(each, click.Option) and not each.hidden]
    if options:
        parts.append(table(("option", "default", "meaning"), [_option(each, context) for each in options]))
    return "\n\n".join(parts)


def _usage(name: str, command: click.Command, context: click.Context) -> str:
    """The shortest command line that is complete: arguments, and the options that must be given."""
    arguments = [_argument(each, context) for each in command.params if isinstance(each, click.Argument)]
    needed = [
        f"{each.opts[-1]} {each.make_metavar(context)}" for each in command.params if isinstance(each, click.Option) and each.required
    ]
    return " ".join([name, *arguments, *needed])


def _argument(argument: click.Argument, context: click.Context) -> str:
    """The word that stands for an argument; choices are listed apart."""
    if isinstance(argument.type, click.Choice):
        word = (argument.name or "").upper()
        return word if argument.required else f"[{word}]"
    return argument.make_metavar(context)


def _one_of(choice: click.Choice[str]) -> str:
    return "one of " + ", ".join(code(str(each)) for each in choice.choices)


def _range(bounds: click.IntRange | click.FloatRange) -> str:
    """The bounds of a number in words; one that no one meets is left out."""
    least, most = bounds.min, bounds.max if bounds.max is None or bounds.max < _ENDLESS else None
    if least is not None and most is not None:
        return f"{least:,} to {most:,}"
    return f"{least:,} or more" if least else ""


def _option(option: click.Option, context: click.Context) -> tuple[str, str, str]:
    record = option.get_help_record(context)
    assert record is not None
    text, default = record[1], ""
    while found := _EXTRAS.search(text):  # what click adds: [default: 12; 0<=x<=120; required]
        text = text[: found.start()]
        default = next((each.removeprefix(_DEFAULT) for each in found[1].split("; ") if each.startswith(_DEFAULT)), default)
    notes = ["required"] if option.required else []
    if option.multiple and not re.search("repeated|again", text):
        notes.append("may be repeated")
    word = option.make_metavar(context)
    if isinstance(option.type, click.Choice):
        word = "NAME"
        if not all(str(each) in text for each in option.type.choices):
            notes.append(_one_of(option.type))
    elif isinstance(option.type, (click.IntRange, click.FloatRange)):
        word = option.metavar or "N"
        notes.append(_range(option.type))
    spelled = [*option.opts[:-1], option.opts[-1] if option.is_flag else f"{option.opts[-1]} {word}", *option.secondary_opts]
    said = "; ".join([text.removesuffix("."), *filter(None, notes)])
    return ", ".join(map(code, spelled)), plain(default), f"{plain(said)}."


def _paragraphs(text: str) -> list[str]:
    """The help of a command: flowing text, and as code what click leaves as it is."""
    found = []
    for paragraph in re.split(r"\n\s*\n", inspect.cleandoc(text)):
        if paragraph.startswith("\b"):
            found.append("```text\n" + textwrap.dedent(paragraph.removeprefix("\b\n")) + "\n```")
        else:
            found.append(plain(" ".join(paragraph.split())))
    return found


def _sentence(command: click.Command) -> str:
    """The first sentence of a command's help."""
    return " ".join(inspect.cleandoc(command.help or "").split("\n\n")[0].split())
