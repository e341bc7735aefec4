"""Whose mistake it is: what a setting has broken is said of the setting, not of the file that it is laid over.

A problem is that of a setting when it is gone without it. Settings are left out one by one only after something was found to be wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from sim.errors import InputError, input_error, visible

T = TypeVar("T")
_SET = "--set "
_MOST = 16
"""Settings that are left out one by one; of more, all are named together."""


def blaming(made: Callable[[Sequence[str]], T], settings: Sequence[str]) -> T:
    """What is made with settings; InputError whose lines begin with the setting that each is gone without: `--set KEY=VALUE: ...`.

    A line that comes of several settings together names all of them; one that is there without any, and one that names a setting
    already, stay as they are.
    """
    try:
        return made(settings)
    except InputError as error:
        lines = str(error).split("\n")
        if not settings or all(line.startswith(_SET) for line in lines):
            raise
    plain = _problems(made, ())
    single = settings if 1 < len(settings) <= _MOST else ()
    without = [_problems(made, [other for at, other in enumerate(settings) if at != n]) for n in range(len(single))]

    def told(line: str) -> str:
        if line.startswith(_SET) or line in plain:
            return line
        mine = [setting for setting, left in zip(single, without, strict=True) if line not in left] or settings
        return f"{', '.join(f'{_SET}{visible(each.strip())}' for each in mine)}: {line}"

    raise input_error(map(told, lines))


def _problems(made: Callable[[Sequence[str]], object], settings: Sequence[str]) -> frozenset[str]:
    try:
        made(settings)
    except InputError as error:
        return frozenset(str(error).split("\n"))
    return frozenset()
