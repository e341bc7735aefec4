"""load_stack(): a stack, opened once for everything that is asked of it; and what the other calls take in its place."""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sim.errors import InputError
from sim.results.arguments import Settings, day_text, in_python, names_of, path_of, setting_texts
from sim.results.books import Books, open_books
from sim.results.stack import Stack, open_stack
from sim.results.traffic import read_trace

if TYPE_CHECKING:
    from sim.trace import Trace

StackLike = str | Path | Stack


def load_stack(
    name: str | Path | None = None,
    settings: Settings | None = None,
    *,
    terraform: str | Path | None = None,
    kubernetes: str | Path | Iterable[str | Path] = (),
    prices: str | Path | None = None,
    date: str | datetime.date | None = None,
    models: str | Path | None = None,
) -> Stack:
    """A stack by name (`hybrid`) or file, checked, with `settings` laid over it and the prices of a day beside it.

    `terraform` is a plan (`terraform show -json`) whose machines it runs on, `kubernetes` manifests or Helm values of its model servers;
    either may stand without a name. `prices` is a file of one's own prices, `date` the day of the catalogue's (by default the catalogue's
    own), `models` a folder of catalogue entries that go before the bundled ones. InputError with every problem.
    """
    with in_python():
        texts = setting_texts(settings)
        _refuse_outlook(texts)
        books = open_books(path_of(models), day_text(date), path_of(prices))
        return open_stack(
            None if name is None else str(name), books, texts, terraform=None if terraform is None else str(terraform),
            kubernetes=names_of(kubernetes),
        )  # fmt: skip


@dataclass(frozen=True)
class Priced:
    """Prices, a day and a catalogue as they were given to a call that opens stacks by name."""

    prices: str | Path | None = None
    date: str | datetime.date | None = None
    models: str | Path | None = None

    @property
    def given(self) -> str:
        """The name of one that was given; nothing where none was."""
        return next((name for name in ("prices", "date", "models") if getattr(self, name) is not None), "")

    def books(self) -> Books:
        """Opened; InputError for what cannot be."""
        return open_books(path_of(self.models), day_text(self.date), path_of(self.prices))


def books_for(given: Iterable[StackLike], priced: Priced) -> Books:
    """The books of stacks that are opened already, or else as given; InputError where those of two stacks differ."""
    ready = [each for each in given if isinstance(each, Stack)]
    if ready and priced.given:
        raise InputError(
            f"--{priced.given}: the stack {ready[0].name} is opened already, with prices of {ready[0].books.book.date}; allowed: "
            f"load_stack({ready[0].name!r}, {priced.given}=...), or the name of the stack"
        )
    books = ready[0].books if ready else priced.books()
    for each in ready:
        if each.books.key != books.key:
            raise InputError(
                f"{each.name}: opened with other prices or another catalogue than {ready[0].name} (prices of {each.books.book.date} and of "
                f"{books.book.date}); allowed: stacks opened with the same prices, date and models"
            )
    return books


def stack_with(given: StackLike, books: Books, settings: Iterable[str]) -> Stack:
    """A stack as given, or opened by name, with more settings."""
    return given.with_settings(settings) if isinstance(given, Stack) else open_stack(str(given), books, settings)


def trace_of(given: str | Path | Trace) -> Trace:
    """A trace as given or by path."""
    return read_trace(given) if isinstance(given, (str, Path)) else given


def file_of(trace: Trace, what: str) -> Path:
    """Where a trace lies; InputError for one in memory, which other processes cannot read."""
    if not trace.info.path.is_file():
        raise InputError(
            f"{trace.info.path.name}: a trace in memory, and {what} reads it from several processes; allowed: a trace in a file "
            "(sim.trace.write_trace)"
        )
    return trace.info.path


def _refuse_outlook(settings: Iterable[str]) -> None:
    from sim.stack.outlook_read import split_settings

    _, of_outlook = split_settings(settings)
    if of_outlook:
        raise InputError(
            f"--set {of_outlook[0].strip()}: is about months, not about a stack; allowed: forecast(trace, stack, settings=...) and the "
            "other calls that forecast"
        )
