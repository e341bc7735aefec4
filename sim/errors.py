"""What the user got wrong, and how it is said.

One exception carries all problems of a file at once, one a line, each as
`file:line:column: key.path: what was found; what is allowed; did you mean ...`. Anything else that is raised is a bug of ours.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass


class InputError(Exception):
    """What the user got wrong, one problem a line; the command line prints it and exits with 2."""


def visible(text: str) -> str:
    """A text of the user's on one line that cannot steer a terminal: characters that do not print, as Python writes them."""
    return text if text.isprintable() else "".join(each if each.isprintable() else repr(each)[1:-1] for each in text)


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong in one place; its text is one line of an InputError. Lines and columns count from 1."""

    file: str
    found: str
    key: str = ""
    line: int | None = None
    column: int | None = None
    allowed: str = ""
    suggestion: str = ""

    def __str__(self) -> str:
        place = ":".join(str(part) for part in (self.file, self.line, self.column) if part is not None)
        said = "; ".join(part for part in (self.found, self.allowed and f"allowed: {self.allowed}") if part)
        suggestion = self.suggestion and f"; did you mean {self.suggestion!r}?"
        return ": ".join(part for part in (place, self.key, said + suggestion) if part)


def input_error(problems: Iterable[Problem | str]) -> InputError:
    """The error that holds several problems, one a line."""
    return InputError("\n".join(str(problem) for problem in problems))


def nearest_name(name: str, allowed: Iterable[str]) -> str:
    """The allowed name nearest to a mistaken one (case, `_` and `-` do not count), or an empty text when none is near."""
    names = {candidate.lower().replace("_", "-"): candidate for candidate in allowed}
    found = difflib.get_close_matches(name.lower().replace("_", "-"), names, n=1, cutoff=0.6)
    return names[found[0]] if found else ""


def nearest(name: str, allowed: Iterable[str]) -> str:
    """The end of a message, `; did you mean 'x'?` with the nearest allowed name, or nothing when none is near."""
    found = nearest_name(name, allowed)
    return f"; did you mean {found!r}?" if found else ""
