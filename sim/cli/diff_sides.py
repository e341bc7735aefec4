"""What BASE and HEAD of `sim diff` are, and how they are read: stacks by name or file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from sim.catalog.catalog import Catalog
    from sim.catalog.price_book import PriceBook
    from sim.planning.stack_diff import Read
    from sim.stack.facts import TraceFacts
    from sim.stack.read import StackFile


@dataclass(frozen=True)
class Opened:
    """BASE and HEAD as read: how they were given, their stacks, and what was assumed on the way."""

    given: tuple[str, str]
    files: tuple[StackFile, StackFile]
    assumed: tuple[tuple[str, ...], tuple[str, ...]]

    def names(self) -> tuple[str, str]:
        """How they are called: by the names of their stacks where these differ, else as they were given."""
        base, head = (file.name for file in self.files)
        if base != head:
            return base, head
        return self.given if self.given[0] != self.given[1] else (f"{base} (base)", f"{head} (head)")

    def resolve(self, catalog: Catalog, book: PriceBook, facts: TraceFacts) -> tuple[tuple[str, str], tuple[Read, Read]]:
        """Their names and plain numbers; InputError with what is wrong with either."""
        from sim.errors import InputError, input_error
        from sim.planning.stack_diff import Read
        from sim.stack import resolve

        found: list[Read] = []
        problems: list[str] = []
        for label, file, assumed in zip(("BASE", "HEAD"), self.files, self.assumed, strict=True):
            try:
                found.append(Read(file, resolve(file, catalog, book, facts), assumed))
            except InputError as error:
                problems += [f"{label}: {line}" for line in str(error).split("\n")]
        if problems:
            raise input_error(problems)
        return self.names(), (found[0], found[1])


def read_sides(base: str, head: str | None, catalog: Catalog, settings: Sequence[str]) -> Opened:
    """Both sides; InputError with what is wrong with either."""
    from sim.errors import InputError, input_error
    from sim.stack import read_stack

    if head is None:
        raise click.UsageError(f"HEAD: missing; {base} is a stack, and what it becomes is needed: sim diff {base} HEAD --trace TRACE")
    found: list[StackFile] = []
    problems: list[str] = []
    for label, name in (("BASE", base), ("HEAD", head)):
        try:
            found.append(read_stack(name, catalog, settings))
        except InputError as error:
            problems += [f"{label}: {line}" for line in str(error).split("\n")]
    if problems:
        raise input_error(problems)
    return Opened((base, head), (found[0], found[1]), ((), ()))
