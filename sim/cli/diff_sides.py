"""What BASE and HEAD of `sim diff` are, and how they are read: stacks, Terraform plans, manifests; or one plan, before and after."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeVar

import click

if TYPE_CHECKING:
    from sim.catalog.catalog import Catalog
    from sim.catalog.price_book import PriceBook
    from sim.iac.groups import GroupsFound
    from sim.iac.terraform_plan import State
    from sim.planning.stack_diff import Read
    from sim.stack.facts import TraceFacts
    from sim.stack.read import StackFile

T = TypeVar("T")
U = TypeVar("U")
SideKind = Literal["stack", "plan", "manifests"]
_LOOK = 1_000_000
"""Characters of a file that are looked at to tell what it is."""
_OF_KUBERNETES = re.compile(r"^(apiVersion|servingEngineSpec|modelArtifacts)\s*:", re.MULTILINE)
_OF_STACK = re.compile(r"^deployments\s*:", re.MULTILINE)


@dataclass(frozen=True)
class Given:
    """One side as it was given."""

    label: str
    name: str
    kind: SideKind
    state: State = "planned"


@dataclass(frozen=True)
class Opened:
    """BASE and HEAD as read, with the groups of machines of those that are plans."""

    names: tuple[str, str]
    """How they are called."""
    labels: tuple[str, str]
    files: tuple[StackFile, StackFile]
    groups: tuple[GroupsFound | None, GroupsFound | None]

    def resolve(self, catalog: Catalog, book: PriceBook, facts: TraceFacts) -> tuple[Read, Read]:
        """Their plain numbers; InputError with what is wrong with either."""
        from sim.planning.stack_diff import Read
        from sim.stack import resolve

        found = _each(self.labels, self.files, lambda file: Read(file, resolve(file, catalog, book, facts)))
        return found[0], found[1]


def kind_of(name: str, catalog: Catalog) -> SideKind:
    """What a side is: a folder holds manifests, a file of JSON is a plan, of YAML its keys tell; anything else is a stack's name."""
    path = Path(name)
    try:
        if path.is_dir() and name and name not in catalog.names("stack"):
            return "manifests"
        if not path.is_file():
            return "stack"
        if path.suffix in (".json", ".tfplan", ".tfstate", ".tf", ".tfvars"):
            return "plan"
        if path.suffix not in (".yaml", ".yml"):
            with path.open("rb") as file:
                return "plan" if file.read(64).lstrip().startswith((b"{", b"PK")) else "stack"
        with path.open(encoding="utf-8", errors="replace") as text:
            start = text.read(_LOOK)
    except (OSError, ValueError):
        return "stack"  # whose reader says what is wrong with it
    return "manifests" if _OF_KUBERNETES.search(start) and not _OF_STACK.search(start) else "stack"


def given_sides(base: str, head: str | None, catalog: Catalog) -> tuple[Given, Given]:
    """Both sides; a plan alone is its prior state against its planned one. UsageError where HEAD is missing."""
    for label, name in (("BASE", base), ("HEAD", head)):
        if name is not None and not name.strip():
            raise click.UsageError(f"{label}: found an empty name; allowed: a stack by name or file, a Terraform plan, or manifests")
    kind = kind_of(base, catalog)
    if head is not None:
        return Given("BASE", base, kind), Given("HEAD", head, kind_of(head, catalog))
    if kind != "plan":
        what = "a stack" if kind == "stack" else "manifests"
        raise click.UsageError(
            f"HEAD: missing; {base} is {what}, and what it becomes is needed: sim diff BASE HEAD --trace TRACE (alone stands only a "
            "Terraform plan, whose prior state is then held against its planned one)"
        )
    return Given("BASE (prior state)", base, "plan", "prior"), Given("HEAD (planned state)", base, "plan")


def read_sides(
    base: str, head: str | None, catalog: Catalog, book: PriceBook, settings: Sequence[str], *, stack: str | None, kubernetes: Sequence[str]
) -> Opened:
    """Both sides; InputError with what is wrong with either.

    `stack` is the one that the user named, if any: it says what a plan or manifests cannot. `kubernetes` are manifests of what runs on the
    machines of plans.
    """
    both = given_sides(base, head, catalog)
    if all(each.kind == "stack" for each in both) and (stack is not None or kubernetes):
        option = "--stack" if stack is not None else "--kubernetes"
        raise click.UsageError(f"{option}: says what a plan or manifests cannot, and BASE and HEAD are stacks; allowed: without {option}")
    if kubernetes and not any(each.kind == "plan" for each in both):
        raise click.UsageError(
            "--kubernetes: says what runs on the machines of a plan, and there is none; allowed: manifests as BASE or HEAD"
        )
    files = _each(
        [each.label for each in both], both, lambda each: _read(each, catalog, book, settings, stack=stack, kubernetes=kubernetes)
    )  # fmt: skip
    groups = [_groups(each, catalog) for each in both]
    return Opened(_names(both, files), (both[0].label, both[1].label), (files[0], files[1]), (groups[0], groups[1]))


def _read(
    given: Given, catalog: Catalog, book: PriceBook, settings: Sequence[str], *, stack: str | None, kubernetes: Sequence[str]
) -> StackFile:
    from sim.errors import InputError
    from sim.results.books import Books
    from sim.results.stack import open_stack

    books = Books(catalog, book)
    if given.kind == "stack":
        return open_stack(given.name, books, settings).file
    if given.kind == "manifests":
        return open_stack(stack, books, settings, kubernetes=(given.name,)).file
    if given.state == "prior":
        found = _groups(given, catalog)
        if found is None or not found.groups:
            raise InputError(
                f"{given.name}: the prior state has no machines with GPUs, so that there is nothing to hold the plan against; name what "
                f"serves the traffic today: sim diff BASE {given.name}, or see what the plan costs: sim run TRACE --terraform {given.name}"
            )
    return open_stack(stack, books, settings, terraform=given.name, kubernetes=kubernetes, state=given.state).file


def _groups(given: Given, catalog: Catalog) -> GroupsFound | None:
    """The groups of machines of a plan; None for what is none."""
    from sim.iac.opened import groups_in

    return groups_in(given.name, catalog, given.state) if given.kind == "plan" else None


def _names(both: tuple[Given, Given], files: Sequence[StackFile]) -> tuple[str, str]:
    """How the sides are called: by the names of their stacks where these differ, else as they were given."""
    base, head = (file.name for file in files)
    if both[0].state != both[1].state:
        return f"{base} (prior)", f"{head} (planned)"
    if base != head:
        return base, head
    return (both[0].name, both[1].name) if both[0].name != both[1].name else (f"{base} (base)", f"{head} (head)")


def _each(labels: Sequence[str], sides: Sequence[T], what: Callable[[T], U]) -> list[U]:
    """What is made of both sides; InputError with what is wrong with each of them, what is wrong with both told once."""
    from sim.errors import InputError, input_error

    found: list[U] = []
    problems: dict[str, str] = {}
    for label, side in zip(labels, sides, strict=True):
        try:
            found.append(what(side))
        except InputError as error:
            for line in str(error).split("\n"):
                problems.setdefault(line, label)
    if problems:
        raise input_error(f"{label}: {line}" for line, label in problems.items())
    return found
