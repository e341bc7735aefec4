"""Requests of a file that records them one by one: each is checked where it stands, failed ones are counted, and all become a table.

Tools that write JSON say when a request was sent and how long it was under keys of their own; a reader of such a format names the keys,
and this module does the rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sim.catalog.places import Entry, number, raise_all, whole
from sim.errors import InputError, Problem
from sim.trace.columns import MOST_TOKENS
from sim.trace.foreign import Imported, Options, from_columns

MOST_TIME = 4e18
"""Of a time in any unit: nanoseconds since 1970 until the year 2096."""
MOST_PROBLEMS = 10_000
"""So many are collected before a file is given up."""


@dataclass
class Records:
    """The requests of one file, in its order; times are numbers of one unit, from any moment."""

    name: str
    """Of the file, for messages."""
    about: str
    """What a request is called there, such as `records of the phase profiling`."""
    at: list[float] = field(default_factory=list)
    """Whole numbers stay whole: nanoseconds since 1970 have more digits than a float."""
    prompt: list[int] = field(default_factory=list)
    output: list[int] = field(default_factory=list)
    cached: list[int | None] = field(default_factory=list)
    most: list[int | None] = field(default_factory=list)
    class_: list[str | None] = field(default_factory=list)
    client: list[str | None] = field(default_factory=list)
    session: list[str | None] = field(default_factory=list)
    failed: int = 0
    notes: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def tokens(self, entry: Entry, key: str, *, needed: bool = True) -> int | None:
        """A whole number of tokens of at least zero under a key of an object; None when missing or wrong, with a problem added."""
        value = entry.data.get(key)
        if type(value) is int and 0 <= value <= MOST_TOKENS:
            return value
        if value is None and needed:
            self.problem(entry.place(key).problem("missing", "a whole number of tokens"))
        return whole(value, entry.place(key), self.problems, most=MOST_TOKENS, least=0)

    def time(self, entry: Entry, key: str) -> float | None:
        """A time under a key of an object, in the unit of the file; None when missing or wrong, with a problem added."""
        value = entry.data.get(key)
        if (type(value) is int or type(value) is float) and 0 <= value <= MOST_TIME:
            return value
        if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20:
            return int(value)
        if value is None:
            self.problem(entry.place(key).problem("missing", "when the request was sent"))
        return number(value, entry.place(key), self.problems, most=MOST_TIME, above=False)

    def problem(self, problem: Problem) -> None:
        """Remember what is wrong; InputError when there is too much of it."""
        self.problems.append(problem)
        if len(self.problems) >= MOST_PROBLEMS:
            raise_all(self.problems)

    def add(
        self, at: float | None, prompt: int | None, output: int | None, *, cached: int | None = None, most: int | None = None,
        class_: object = None, client: object = None, session: object = None,
    ) -> None:  # fmt: skip
        """One request; without tokens of prompt or output it failed. What is None for being wrong has its problem already."""
        if at is None or prompt is None or output is None:
            return
        if not prompt or not output:
            self.failed += 1
            return
        for column, value in zip(
            (self.at, self.prompt, self.output, self.cached, self.most, self.class_, self.client, self.session),
            (at, prompt, output, cached, most or None, _text(class_), _text(client), _text(session)),
            strict=True,
        ):
            column.append(value)  # type: ignore[attr-defined]

    def imported(self, options: Options, unit: str, *, from_first: bool = False) -> Imported:
        """The requests as a table; `from_first` where the clock of the file is of any moment. InputError with all problems of the file."""
        import pyarrow as pa

        raise_all(self.problems)
        if options.mapping:
            name, column = next(iter(options.mapping.items()))
            raise InputError(f"--map {name}={column}: {self.name} holds {self.about}, not columns; convert it to CSV to map them")
        if not self.at:
            failed = f"; {self.failed:,} failed" if self.failed else ""
            raise InputError(f"{self.name}: no request; {self.about} with prompt and output tokens are needed{failed}")
        first = min(self.at) if from_first else 0
        whole_times = all(type(at) is int for at in self.at)
        columns: dict[str, Any] = {
            "arrival_s": pa.array(
                [at - first if whole_times else float(at - first) for at in self.at], pa.int64() if whole_times else pa.float64()
            ),
            "prompt_tokens": pa.array(self.prompt, pa.int64()),
            "output_tokens": pa.array(self.output, pa.int64()),
        }
        for native, texts in (("class", self.class_), ("client_id", self.client), ("session_id", self.session)):
            if any(text is not None for text in texts):
                columns[native] = pa.array(texts, pa.string())
        for native, numbers in (("cached_tokens", self.cached), ("max_tokens", self.most)):
            if any(each is not None for each in numbers):
                columns[native] = pa.array(numbers, pa.int64())
        read = from_columns(columns, self.name, {}, options, unit=unit)
        notes = [*read.notes, *dict.fromkeys(self.notes)]
        if self.failed:
            notes.append(f"left out {self.failed:,} of {self.failed + len(self.at):,} requests that failed")
        return Imported(read.table, tuple(notes), {} if from_first else read.metadata)


def _text(value: object) -> str | None:
    """A name; numbers and other plain values as they are written, nothing for nothing."""
    if value is None or value == "" or isinstance(value, (dict, list)):
        return None
    return str(value)


def first_of(entry: Entry, keys: Sequence[str]) -> str | None:
    """The first of several keys that an object has a value for."""
    return next((key for key in keys if entry.data.get(key) not in (None, "")), None)
