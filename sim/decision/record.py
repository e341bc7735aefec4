"""Decision records: what was decided on which inputs, as a program reads it again, and whether that still holds.

A record is a Markdown page for people that begins with front matter for programs: lines of YAML between two lines of `---`. Only that is
read. Records come from anywhere: they are bounded, nothing but plain data is made of them, and every problem is told with its place.
"""

from __future__ import annotations

import datetime
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from sim.catalog.file_content import read_content, utf8_text
from sim.catalog.strict import Share, Strict, formed
from sim.catalog.yaml_document import parse_documents
from sim.catalog.yaml_file import validate
from sim.errors import InputError

FILE = "decision.md"
ERRORS = 2.0
"""A probability is lower where it is by more than so many standard errors of the difference."""
_MOST_BYTES = 1024 * 1024
_MOST_STRATEGIES = 64
_FRONT = re.compile(r"\A(---[ \t]*\r?\n.*?\r?\n)---[ \t]*(?:\r?\n|\Z)", re.DOTALL)
_NOT_PLAIN = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ud800-\udfff]")
"""What JSON may hold as it is, and YAML reads as something else."""
_ROUNDING = 1e-9

Hash = Annotated[str, formed("[0-9a-f]{64}", "a SHA-256 has 64 digits, 0 to 9 and a to f")]
Day = Annotated[str, formed("[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])", "a day (2026-11-21) is needed")]
Month = Annotated[str, formed("[0-9]{4}-(0[1-9]|1[0-2])", "a month (2026-11) is needed")]
Text = Annotated[str, Field(max_length=4000)]
Label = Annotated[str, Field(max_length=300)]
Usd = float


class Inputs(Strict):
    """What a decision depends on, as SHA-256 of it; equal inputs mean an equal decision."""

    trace: Hash = Field(description="of the requests")
    needs: Hash = Field(description="of the needs with every default")
    outlook: Hash = Field(description="of the outlook with every default")
    prices: Hash = Field(description="of every price that is used, with its date")
    stacks: dict[Label, Hash] = Field(max_length=2 * _MOST_STRATEGIES, description="of each stack, by strategy")
    futures: int = Field(gt=0, description="futures drawn")
    seed: int = Field(ge=0, description="of all random numbers")
    version: Label = Field(description="of sim")


class Winner(Strict):
    """What was recommended."""

    strategy: Label
    probability: Share
    se: Share = Field(description="standard error of the probability")
    runner_up: Label | None = None
    runner_up_probability: Share | None = None


class Figures(Strict):
    """What one strategy was found to cost over all months, and what became of it."""

    kind: Label
    state: Literal["recommended", "passes", "fails", "ruled out"]
    probability: Share | None = Field(default=None, description="share of futures in which it is the best of those that pass")
    invoice_usd_p50: Usd
    tco_usd_p5: Usd
    tco_usd_p50: Usd
    tco_usd_p95: Usd
    months_to_production: float
    why: Text = Field(default="", description="why it does not pass")


class Answer(Strict):
    """One gate: the branch that was taken, and what it ruled out and why."""

    answer: Text
    ruled_out: dict[Label, Text] = Field(default_factory=dict, max_length=_MOST_STRATEGIES)


class ReviewOn(Strict):
    """When to look again."""

    date: Day
    why: Text


class Record(Strict):
    """The front matter of a decision record."""

    decision_record: Literal[1] = Field(default=1, description="version of this form")
    question: Text
    trace: Label
    needs: Label
    outlook: Label
    start: Month = Field(description="the first month")
    months: int = Field(gt=0)
    price_date: Day
    recommendation: Winner | None = Field(default=None, description="absent where nothing passed")
    strategies: dict[Label, Figures] = Field(max_length=_MOST_STRATEGIES)
    gates: dict[Label, Answer] = Field(max_length=_MOST_STRATEGIES)
    review: ReviewOn | None = None
    inputs: Inputs


@dataclass(frozen=True, slots=True)
class Held:
    """An earlier decision against what the same question gives now."""

    record: str
    """The file."""
    strategy: str | None
    """What it recommended; None: nothing passed."""
    because: tuple[str, ...]
    """Why it no longer holds; nothing where it does."""
    changed: tuple[str, ...]
    """Which inputs are not those of the record."""

    @property
    def holds(self) -> bool:
        """Whether the earlier decision is still the one to take."""
        return not self.because


def front_matter(record: Record) -> str:
    """A record as lines of YAML between `---`: a key a line, a strategy and a gate a line; all texts are quoted."""
    lines = ["---"]
    for key, value in record.plain().items():
        if isinstance(value, Mapping) and key in ("strategies", "gates"):
            lines.append(f"{key}:" if value else f"{key}: {{}}")
            lines += [f"  {_json(name)}: {_json(each)}" for name, each in value.items()]
        else:
            lines.append(f"{key}: {_json(value)}")
    return "\n".join([*lines, "---"]) + "\n"


def read_record(path: Path, name: str | None = None) -> Record:
    """The record of a page; InputError where there is none, and with every problem of it."""
    name = name or str(path)
    return record_of_text(utf8_text(read_content(path, name, _MOST_BYTES, wanted=f"a decision record ({FILE}) is needed"), name), name)


def record_of_text(text: str, name: str) -> Record:
    """The record at the top of a text; `name` stands for the file in messages."""
    found = _FRONT.match(text)
    if found is None:
        raise InputError(
            f"{name}: no decision record: it begins with front matter between two lines of ---, as {FILE} of `sim decide` does"
        )
    documents = parse_documents(found[1], name)
    if len(documents) != 1:
        raise InputError(f"{name}: front matter of {len(documents)} documents; one is needed")
    return validate(documents[0], Record)


def held_against(record: Record, now: Record, *, name: str, date: datetime.date) -> Held:
    """Whether a recorded decision still holds on a day, by what the same question gives now.

    It does not where another strategy wins; where its probability is lower than recorded by more than two standard errors of the
    difference; where a gate rules the winner out, or it fails a requirement; and from the review date on.
    """
    because = []
    old, new = record.recommendation, now.recommendation
    if old is None and new is not None:
        because.append(f"nothing passed; now {new.strategy} does")
    elif old is not None:
        because += _gone(old.strategy, now)
        if new is None:
            because.append(f"{old.strategy} was to be taken; now nothing passes")
        elif new.strategy != old.strategy:
            because.append(f"{old.strategy} was to be taken; now it is {new.strategy}, the best in {new.probability:.1%} of futures")
        else:
            error = ERRORS * math.hypot(old.se, new.se)
            if new.probability < old.probability - error - _ROUNDING:
                because.append(
                    f"{old.strategy} is the best in {new.probability:.1%} of futures; recorded are {old.probability:.1%}, and the error is "
                    f"{error:.1%}"
                )
    if record.review is not None and date.isoformat() >= record.review.date:
        because.append(f"it was to be looked at again on {record.review.date} ({record.review.why}); prices are of {date.isoformat()}")
    return Held(name, None if old is None else old.strategy, tuple(because), _changed(record, now))


def _gone(strategy: str, now: Record) -> list[str]:
    """Why the strategy that was recommended does not pass any more."""
    if strategy not in now.strategies:
        return [f"{strategy} is no longer among the strategies"]
    by_gate = [f"gate {gate}: {each.ruled_out[strategy]}" for gate, each in now.gates.items() if strategy in each.ruled_out]
    if by_gate:
        return [f"{strategy} is ruled out by {text}" for text in by_gate]
    figures = now.strategies[strategy]
    return [f"{strategy} fails: {figures.why}"] if figures.state == "fails" else []


def _changed(record: Record, now: Record) -> tuple[str, ...]:
    a, b = record.inputs, now.inputs
    found = [key for key in ("trace", "needs", "outlook", "prices", "futures", "seed", "version") if getattr(a, key) != getattr(b, key)]
    if (record.start, record.months) != (now.start, now.months):
        found.append("months")
    names = sorted({*a.stacks, *b.stacks})
    return (*found, *(f"stack of {name}" for name in names if a.stacks.get(name) != b.stacks.get(name)))


def _json(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    return _NOT_PLAIN.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
