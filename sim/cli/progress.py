"""What a command prints: its result, and on stderr what it notes, warns of and, when it takes a while, how far it is.

On a terminal progress is one line that is written over and gone at the end; elsewhere a line now and then, as a log can bear.
"""

from __future__ import annotations

import os
import time
from types import TracebackType
from typing import TYPE_CHECKING

import click

from sim.cli.terminal import Paint, asked, colours, encoding_of, lively, paint, shows
from sim.errors import visible
from sim.wide import columns, shortened, wrap

if TYPE_CHECKING:
    from sim.report.cautions import Caution

_PATIENCE_S = 1.0
_EVERY_S = 0.2
_LOGGED_S = 30.0
"""Between two lines where a line cannot be written over."""
_WIDTH = 80
_ROOM = 3
_LEAST_TEXT = 8
"""Columns for what is being done, below which the time left gives way."""
_BAR = 20
_LEAST_BAR = 8
_WORTH_SAYING_S = 2.0
"""Less than this left is not announced."""
_MINUTES_S = 90.0
"""From which on it is told in minutes."""
_SMOOTHED_S = 3.0
"""How long a new estimate of the end takes to be believed: a number that jumps to and fro tells nothing."""
_LEFT_OUT = ("note", "warning", "detail")
"""What --quiet leaves out."""
_PAINTS: tuple[tuple[str, Paint], ...] = (("warning", "yellow"), ("failed", "red"), ("error", "red"), ("note", "dim"), ("detail", "dim"))


def say(kind: str, text: str) -> None:
    """A note or warning on stderr, wrapped and indented under its first line; with --quiet only what failed."""
    if kind in _LEFT_OUT and asked().get("quiet"):
        return
    active = asked().get("progress")
    if isinstance(active, Progress):
        active.clear()
    first, *more = wrap(f"{kind}: {visible(text)}", _WIDTH, later=" " * (len(kind) + 2), break_words=False)
    if colours("stderr"):
        how: Paint = next((each for name, each in _PAINTS if name == kind), "bold")
        first = f"{paint(f'{kind}:', how)}{first[len(kind) + 1 :]}"
        click.echo("\n".join([first, *more]), err=True, color=True)
    else:
        click.echo("\n".join([first, *more]), err=True)


def warn(caution: Caution, of: str = "") -> None:
    """A warning of the closed list on stderr: of what, why, what to do, and the code that `sim warnings` explains."""
    say("warning", f"{f'{of}: ' if of else ''}{caution.cause}; {caution.remedy} [{caution.code}]")


def printed(result: str) -> None:
    """A result on stdout, tables with colours where they are wanted; blocks and dashes in ASCII where the encoding has none."""
    context = click.get_current_context(silent=True)
    table = context is not None and context.params.get("form", "table") == "table"
    if table and colours("stdout"):
        from sim.cli.painting import painted

        click.echo(_encodable(painted(result)), nl=False, color=True)
    else:
        click.echo(_encodable(result), nl=False)


def _encodable(text: str) -> str:
    encoding = encoding_of("stdout")
    if not shows("stdout", text):
        from sim.report.bars import BLOCKS, PLAIN

        text = text.translate(str.maketrans(f"{BLOCKS}…", f"{PLAIN}~"))
    return text.encode(encoding, "replace").decode(encoding)


class Progress:
    """What is being done, how far it is and how long the rest takes; silent with `quiet`, and at first."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._context = click.get_current_context(silent=True)
        self._lively = not quiet and lively("stderr")
        self._full, self._empty = "█░" if shows("stderr", "█░") else "#-"
        self._text, self._whole = "", 0.0
        self._start = time.monotonic()
        self._since = self._judged = self._start
        self._end_s: float | None = None
        self._next = self._start + (_PATIENCE_S if self._lively else _LOGGED_S)
        self._drawn = False

    def __enter__(self) -> Progress:
        if self._context is not None:
            self._context.find_root().ensure_object(dict)["progress"] = self
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.clear()
        if error is None:
            self._begin("", 0.0)
            self._detail(f"{time.monotonic() - self._start:.1f} s in all")
        if self._context is not None:
            self._context.find_root().ensure_object(dict).pop("progress", None)

    def says(self, text: str) -> None:
        """What is being done now."""
        self.part(text, 0.0, 0.0)

    def counts(self, text: str, whole: float) -> None:
        """What is being done now, up to a value that `at` is told."""
        self.part(text, 0.0, whole)

    def at(self, value: float) -> None:
        """How far it is."""
        self.part(self._text, min(value, self._whole), self._whole)

    def part(self, text: str, done: float, whole: float) -> None:
        """What is being done now, how much of it is done, and, judged by that, how long the rest of it takes."""
        if visible(text) != self._text:
            self._begin(visible(text), whole)
        self._whole = whole
        left = self._left(done, whole)
        if whole <= 0:
            self._draw(None, "")
        else:
            self._draw(min(done / whole, 1.0), "" if left is None else f", {left} left")

    def announce_compilation(self) -> None:
        """Say that the first run on a machine compiles, which takes longer than the run."""
        from sim.engine.compiled import is_compiled

        if not self._quiet and not is_compiled():
            self.clear()
            say("note", "compiling the engine for this machine, once: about half a minute")

    def _begin(self, text: str, whole: float) -> None:
        now = time.monotonic()
        if self._text:
            self._detail(f"{self._text}: {now - self._since:.1f} s")
        self._text, self._whole = text, whole
        self._since = self._judged = now
        self._end_s = None

    def _detail(self, text: str) -> None:
        if self._context is not None:
            with self._context.scope(cleanup=False):  # whichever thread tells how far it is
                if asked().get("verbose"):
                    say("detail", text)

    def _left(self, done: float, whole: float) -> str | None:
        """How long the rest of this part takes at the pace of what is done, smoothed; None where nobody knows or it is soon over."""
        now = time.monotonic()
        if not 0 < done <= whole:
            return None
        end_s = now + (now - self._since) * (whole - done) / done
        weight = 1.0 if self._end_s is None else min((now - self._judged) / _SMOOTHED_S, 1.0)
        self._end_s = end_s if self._end_s is None else self._end_s + weight * (end_s - self._end_s)
        self._judged = now
        left_s = self._end_s - now
        if left_s < _WORTH_SAYING_S or done == whole:
            return None
        return f"about {left_s:.0f} s" if left_s < _MINUTES_S else f"about {left_s / 60:.0f} min"

    def _draw(self, share: float | None, more: str) -> None:
        now = time.monotonic()
        if self._quiet or now < self._next:
            return
        self._next = now + (_EVERY_S if self._lively else _LOGGED_S)
        percent = "" if share is None else f" {share:4.0%}"
        more = f"{more} ({now - self._start:.0f} s)"
        if not self._lively:
            click.echo(f"progress: {self._text}{percent}{more}", err=True)
            return
        self._drawn = True
        # A line that goes on in the next one cannot be written over; Ctrl-C writes two characters more.
        whole = _columns() - _ROOM
        if columns(percent + more) > whole - _LEAST_TEXT:
            more = ""
        room = whole - len(percent) - len(more)
        bar = "" if share is None else self._bar(share, min(room - columns(self._text) - 3, _BAR))
        text = shortened(self._text, room - len(bar)) if room > len(bar) + 1 else ""
        click.echo(f"\r{text}{bar}{percent}{more}\033[K", err=True, nl=False, color=True)

    def _bar(self, share: float, width: int) -> str:
        if width < _LEAST_BAR:
            return ""
        full = int(share * width)
        return f" [{self._full * full}{self._empty * (width - full)}]"

    def clear(self) -> None:
        """Take the line away, so that what is printed next begins on an empty one."""
        if self._drawn:
            click.echo("\r\033[K", err=True, nl=False, color=True)
            self._drawn = False


def _columns() -> int:
    """Of the terminal to which stderr goes."""
    try:
        return os.get_terminal_size(2).columns or _WIDTH
    except OSError:
        return _WIDTH
