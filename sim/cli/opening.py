"""What several commands open alike: the catalogue and the price book of a day, with a word on what was read into a file of prices."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sim.results.books import Books


def open_books(folder: Path | None, date: str | None, prices: Path | None) -> Books:
    """As `sim.results.books` opens them; what was read into a file of another tool is noted on stderr."""
    from sim.cli.progress import say
    from sim.results.books import open_books as opened

    books = opened(folder, date, prices)
    for note in books.book.notes:
        say("note", note)
    return books
