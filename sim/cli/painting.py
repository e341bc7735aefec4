"""Colours for a printed result: headings bold, what was missed red, what was met green. The text under them stays the same.

It reads the layout that sim/report/section.py makes: paragraphs with an empty line between them; the first, without columns, is the
answer; of any other the title stands first, and two blanks or more part it from what is beside it.
"""

from __future__ import annotations

import re

from sim.cli.terminal import paint

_TITLE = re.compile(r"(\S+(?: \S+)*)(?=  |$)")
_GAP = re.compile(r"\S {2,}\S")
_LEVEL = re.compile(r"(?<=  )(MISSED|met)$")
_GATE = re.compile(r"(?<=; )(FAILS|holds)\b")
_HELD = re.compile(r"(?<= )(met|SLO)(?=  |$)")
"""Heads of columns of `yes`, `met` and `no`."""
_AT_RISK = re.compile(r"(?<=  )(>?\d+) %$")
_MOST_PERCENT = 5
"""Of futures that miss a level, above which a month is at risk, as `Months at risk` has it."""


def painted(text: str) -> str:
    """A result of a command with the codes of a terminal in it."""
    found = []
    for number, paragraph in enumerate(text.split("\n\n")):
        lines = paragraph.split("\n")
        if number == 0 and not any(map(_GAP.search, lines)):
            found.append("\n".join(paint(line, "bold") for line in lines))
            continue
        held = next((place.end() for place in _HELD.finditer(lines[0])), None)
        risk = lines[0].endswith("SLO missed")
        found.append("\n".join([_TITLE.sub(_bold, lines[0], count=1), *(_row(line, held, risk=risk) for line in lines[1:])]))
    return "\n\n".join(found)


def _bold(found: re.Match[str]) -> str:
    return paint(found[0], "bold")


def _row(line: str, held: int | None, *, risk: bool) -> str:
    if risk:
        return _AT_RISK.sub(_percent, line)
    if held is not None:
        for word in ("yes", "met", "no"):
            begin = held - len(word)
            if line[begin:held] == word and line[begin - 1 : begin] == " " and line[held : held + 1] in ("", " "):
                return line[:begin] + _verdict(word) + line[held:]
    return _GATE.sub(_word, _LEVEL.sub(_word, line))


def _word(found: re.Match[str]) -> str:
    return _verdict(found[0])


def _verdict(word: str) -> str:
    return paint(word, "green" if word in ("met", "holds", "yes") else "red")


def _percent(found: re.Match[str]) -> str:
    return paint(found[0], "red") if int(found[1].lstrip(">")) > _MOST_PERCENT else found[0]
