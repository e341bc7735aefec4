"""What a command prints: its result, and on stderr what it notes and, on a terminal after a second, how far it is."""

from __future__ import annotations

import os
import sys
import textwrap
import time
from types import TracebackType

import click

from sim.errors import visible

_PATIENCE_S = 1.0
_EVERY_S = 0.2
_WIDTH = 80
_WORTH_SAYING_S = 2.0
"""Less than this left is not announced."""


def say(kind: str, text: str) -> None:
    """A note or warning on stderr, wrapped and indented under its first line."""
    indent = " " * (len(kind) + 2)
    lines = textwrap.wrap(f"{kind}: {visible(text)}", _WIDTH, subsequent_indent=indent, break_on_hyphens=False, break_long_words=False)
    click.echo("\n".join(lines), err=True)


def printed(result: str) -> None:
    """A result on stdout; a terminal that knows no bars or dashes gets question marks instead of an error."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    click.echo(result.encode(encoding, "replace").decode(encoding), nl=False)


class Progress:
    """One line on a terminal's stderr that is written over and gone at the end; elsewhere silent, as with `quiet`."""

    def __init__(self, *, quiet: bool) -> None:
        self._shows = not quiet and sys.stderr.isatty()
        self._quiet = quiet
        self._text, self._whole = "", 0.0
        self._start = time.monotonic()
        self._since = self._start
        self._next = self._start + _PATIENCE_S
        self._drawn = False

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._clear()

    def says(self, text: str) -> None:
        """What is being done now."""
        self._text, self._whole = visible(text), 0.0
        self._draw("")

    def counts(self, text: str, whole: float) -> None:
        """What is being done now, up to a value that `at` is told."""
        self._text, self._whole = visible(text), whole
        self._draw("")

    def at(self, value: float) -> None:
        """How far it is."""
        share = min(value / self._whole, 1.0) if self._whole > 0 else 0.0
        self._draw(f" {share:4.0%}")

    def part(self, text: str, done: float, whole: float) -> None:
        """What is being done now, how much of it is done, and, judged by that, how long the rest of it takes."""
        now = time.monotonic()
        if visible(text) != self._text:
            self._text, self._whole, self._since = visible(text), whole, now
        left = (now - self._since) * (whole - done) / done if 0 < done <= whole else 0.0
        more = f" {done / whole:4.0%}" if whole > 0 else ""
        self._draw(f"{more}, about {left:.0f} s left" if left >= _WORTH_SAYING_S else more)

    def announce_compilation(self) -> None:
        """Say that the first run on a machine compiles, which takes longer than the run."""
        from sim.engine.compiled import is_compiled

        if not self._quiet and not is_compiled():
            self._clear()
            say("note", "compiling the engine for this machine, once: about half a minute")

    def _draw(self, more: str) -> None:
        now = time.monotonic()
        if not self._shows or now < self._next:
            return
        self._next = now + _EVERY_S
        self._drawn = True
        more += f" ({now - self._start:.0f} s)"
        # A line that goes on in the next one cannot be written over.
        room = _columns() - len(more) - 1
        text = self._text if len(self._text) <= room else f"{self._text[: max(room - 3, 0)]}..."
        click.echo(f"\r{text}{more}\033[K", err=True, nl=False)

    def _clear(self) -> None:
        if self._drawn:
            click.echo("\r\033[K", err=True, nl=False)
            self._drawn = False


def _columns() -> int:
    """Of the terminal to which stderr goes."""
    try:
        return os.get_terminal_size(2).columns or _WIDTH
    except OSError:
        return _WIDTH
