"""`--emit KIND DIR`: the stack of a command written for other tools, and checks of that before the work begins."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from sim.catalog.catalog import Catalog
    from sim.stack import StackFile

KINDS = ("terraform", "kubernetes", "stack")
Wishes = Sequence[tuple[str, Path]]


def option(command: Callable[..., Any]) -> Callable[..., Any]:
    """`--emit KIND DIR`, repeatable."""
    help_text = f"Write the chosen stack into DIR for other tools; KIND: {', '.join(KINDS)} (docs/kubernetes.md).  [repeatable]"
    return click.option(
        "--emit", "emitted", type=(click.Choice(KINDS), click.Path(path_type=Path)), multiple=True, metavar="KIND DIR", help=help_text
    )(command)


def check_emitted(wishes: Wishes, *, force: bool) -> None:
    """InputError, before anything is computed, where a folder cannot be one or has such files and `force` is not given."""
    from sim.errors import InputError, input_error
    from sim.iac.written import there_already

    problems = []
    for kind, folder in wishes:
        try:
            problems += [f"{path}: already there; --force replaces it" for path in there_already(kind, folder) if not force]
        except InputError as error:
            problems.append(str(error))
    if problems:
        raise input_error(dict.fromkeys(problems))


def write_emitted(wishes: Wishes, stack: StackFile, catalog: Catalog, *, name: str, force: bool) -> tuple[str, ...]:
    """The stack in every folder that was wished for; what was written, in words. InputError where it cannot be."""
    from sim.iac.emit import emit
    from sim.iac.written import write_texts

    said = []
    for kind, folder in wishes:
        known = next(each for each in ("terraform", "kubernetes", "stack") if each == kind)
        files = emit(known, stack, catalog, name=name)
        write_texts(known, folder, files, force=force)
        said.append(f"{kind}: {', '.join(files)} in {folder}")
    return tuple(said)
