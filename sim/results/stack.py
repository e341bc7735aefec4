"""A stack that has been opened, with the catalogue and the prices that it is read with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING

from sim.errors import InputError, visible
from sim.results.books import Books

if TYPE_CHECKING:
    from sim.catalog.yaml_file import Document, KeyPath
    from sim.iac.terraform_plan import State
    from sim.stack.facts import TraceFacts
    from sim.stack.read import StackFile
    from sim.stack.resolved import ResolvedStack

DEFAULT_STACK = "hybrid"
"""Taken where neither a stack nor infrastructure code is named."""


@dataclass(frozen=True, eq=False)
class Stack:
    """A stack as read, with `settings` laid over it, and the books that it is to be priced with. Made by `load_stack`."""

    file: StackFile
    """With the settings."""
    books: Books
    settings: tuple[str, ...]
    """`key.path=value`, in the order in which they were laid."""
    document: Document
    """Without the settings."""
    assumed: Mapping[KeyPath, str] = field(default_factory=lambda: MappingProxyType({}))
    """What was guessed when the stack was made of infrastructure code, settings or not."""
    remarks: tuple[str, ...] = ()
    own_text: str | None = None
    """The text of the file that the stack was read from; None for one made of infrastructure code."""

    @property
    def name(self) -> str:
        """As reports call it."""
        return self.file.name

    @property
    def description(self) -> str:
        """What the file says of itself."""
        return self.file.stack.description

    @property
    def deployments(self) -> tuple[str, ...]:
        """The names of the places that serve requests."""
        return tuple(self.file.stack.deployments)

    @property
    def notes(self) -> tuple[str, ...]:
        """What was guessed and left out when it was made of infrastructure code, in words."""
        return self.file.notes

    @cached_property
    def text(self) -> str:
        """YAML without the settings, for what lays values over it."""
        if self.own_text is not None:
            return self.own_text
        from sim.catalog.yaml_file import comment
        from sim.iac.yaml_text import yaml_text
        from sim.stack.read import stack_of

        plain = stack_of(self.document, self.name, (), assumed=self.assumed, remarks=self.remarks, options=self.file.options)
        return "\n".join([*(comment(note) for note in plain.notes), yaml_text(self.document.data)])

    def with_settings(self, settings: Iterable[str]) -> Stack:
        """The same with more settings, the last one of a key counting; InputError with every problem."""
        from sim.stack.read import stack_of

        more = tuple(settings)
        if not more:
            return self
        every = (*self.settings, *more)
        file = stack_of(self.document, self.name, every, assumed=self.assumed, remarks=self.remarks, options=self.file.options)
        return replace(self, file=file, settings=every)

    def resolved(self, facts: TraceFacts | None) -> ResolvedStack:
        """In plain numbers, for a trace; InputError with every problem, those of a setting said of the setting."""
        from sim.stack.blame import blaming
        from sim.stack.read import stack_of
        from sim.stack.resolve import resolve

        def made(settings: Sequence[str]) -> ResolvedStack:
            file = self.file
            if tuple(settings) != self.settings:
                file = stack_of(self.document, self.name, settings, assumed=self.assumed, remarks=self.remarks, options=file.options)
            return resolve(file, self.books.catalog, self.books.book, facts)

        return blaming(made, self.settings)

    def __repr__(self) -> str:
        over = f", settings={list(self.settings)!r}" if self.settings else ""
        return f"<Stack {visible(self.name)}: {visible(', '.join(self.deployments))}; prices of {self.books.book.date}{over}>"


def open_stack(
    name: str | None,
    books: Books,
    settings: Iterable[str] = (),
    *,
    terraform: str | None = None,
    kubernetes: Sequence[str] = (),
    gpu: str | None = None,
    state: State = "planned",
) -> Stack:
    """A stack by name or file; on the machines of a Terraform plan and with the model servers of Kubernetes manifests where these are
    given, in place of its own gpu deployments. What was guessed on the way is in its notes.

    `name` is None where the user named no stack: then nothing but the manifests, or else a bundled stack as an assumption, says what
    runs on the machines. `gpu` is taken where manifests do not say which. InputError with every problem.
    """
    import shlex
    from pathlib import Path

    from sim.catalog.yaml_file import read_document, read_text
    from sim.stack.blame import blaming
    from sim.stack.read import find_stack, stack_of

    if name == "":
        raise InputError("found an empty name; the name of a stack, or of its file, is needed")
    over = tuple(settings)
    if terraform is None and not kubernetes:
        path, shown = find_stack(name or DEFAULT_STACK, books.catalog)
        document = read_document(path, shown)
        options, stem = visible(shlex.quote(name or DEFAULT_STACK)), Path(name or DEFAULT_STACK).stem
        file = blaming(lambda some: stack_of(document, stem, some, options=options), over)
        return Stack(file, books, over, document, own_text=read_text(path, shown))
    from sim.iac.opened import opened

    made = opened(name, books.catalog, books.book, terraform=terraform, kubernetes=kubernetes, gpu=gpu, state=state)
    file = blaming(
        lambda some: stack_of(made.document, made.name, some, assumed=made.assumed, remarks=made.remarks, options=made.options), over
    )
    return Stack(file, books, over, made.document, made.assumed, made.remarks)
