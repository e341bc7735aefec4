"""How wide a text is on a terminal: Chinese, Japanese and Korean characters take two columns, accents that join the letter before none."""

from __future__ import annotations

import textwrap
import unicodedata

_NOTHING = ("Mn", "Me", "Cf")
"""Categories of characters that stand on the one before, or are not seen."""
_TWO = ("W", "F")


def columns(text: str) -> int:
    """Columns that a text takes on a terminal."""
    return len(text) if text.isascii() else sum(map(_columns, text))


def _columns(character: str) -> int:
    if unicodedata.category(character) in _NOTHING:
        return 0
    return 2 if unicodedata.east_asian_width(character) in _TWO else 1


def left(text: str, width: int) -> str:
    """A text at the left of so many columns."""
    return text + " " * (width - columns(text))


def right(text: str, width: int) -> str:
    """A text at the right of so many columns."""
    return " " * (width - columns(text)) + text


def shortened(text: str, width: int) -> str:
    """A name that keeps its beginning and end, at most so many columns wide."""
    if columns(text) <= width:
        return text
    head = width // 2
    return f"{beginning(text, head)}…{beginning(text[::-1], width - 1 - head)[::-1]}"


def beginning(text: str, width: int) -> str:
    """As much of the beginning of a text as fits into so many columns."""
    if text.isascii():
        return text[:width]
    used = 0
    for place, each in enumerate(text):
        used += _columns(each)
        if used > width:
            return text[:place]
    return text


def wrap(text: str, width: int, first: str = "", later: str = "", *, break_words: bool = True, break_hyphens: bool = False) -> list[str]:
    """A paragraph in lines of at most so many columns; the first begins with `first`, the others with `later`.

    A word that is longer than a line is broken, or with `break_words` false left as it is; with `break_hyphens` words end at hyphens, too.
    """
    if text.isascii() or all(_columns(each) == 1 for each in text):
        return textwrap.wrap(
            text, width, initial_indent=first, subsequent_indent=later, break_long_words=break_words, break_on_hyphens=break_hyphens
        )
    found, line, begun = [], first, False
    for word in text.split():
        rest = word
        if begun and columns(line) + 1 + columns(rest) <= width:
            line += f" {rest}"
            continue
        if begun:
            found.append(line)
            line = later
        while break_words and columns(line) + columns(rest) > width:
            part = beginning(rest, width - columns(line)) or rest[0]
            found.append(line + part)
            line, rest = later, rest[len(part) :]
        line, begun = line + rest, bool(rest)
    return [*found, line] if begun else found
