"""Values over time as one character each: block characters, and what stands for them where a terminal cannot show any."""

from __future__ import annotations

from collections.abc import Sequence

BLOCKS = "▁▂▃▄▅▆▇█"
PLAIN = "_.-:=+*#"
"""The same eight heights in ASCII."""


def bars(values: Sequence[float], most: float) -> str:
    """One character a value, from nothing to the most; a little is never shown as nothing, and what does not exist is a blank."""
    return "".join(_bar(value, most) for value in values)


def _bar(value: float, most: float) -> str:
    if value != value:
        return " "
    if most <= 0 or value <= 0:
        return BLOCKS[0]
    return BLOCKS[min(len(BLOCKS) - 1, max(1, round(value / most * (len(BLOCKS) - 1))))]
