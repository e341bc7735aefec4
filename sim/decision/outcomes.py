"""Scores of single examples, as an evaluation leaves them: a CSV file with a column `score`, in the order of the test set."""

from __future__ import annotations

import csv
import io
import math
from itertools import islice
from pathlib import Path

import numpy as np

from sim.catalog.file_content import read_content, utf8_text
from sim.decision.needs import NeedsFile
from sim.errors import InputError, Problem, input_error, visible
from sim.futures.forecast import FloatArray

MOST_EXAMPLES = 100_000
MOST_BYTES = 32 * 2**20
_COLUMN = "score"
_TOLD = 20
"""Problems of a file that are told."""
_ROUNDING = 0.0005
"""A score that is written with three digits is that of its examples within this."""


def read_outcomes(path: Path, name: str) -> FloatArray:
    """Scores [N] between 0 and 1; InputError with every problem of the file, `name` being what messages call it."""
    text = utf8_text(read_content(path, name, MOST_BYTES, wanted=f"a CSV file with a column {_COLUMN} is needed"), name)
    lines = csv.reader(io.StringIO(text, newline=""))
    try:
        header = [each.strip() for each in next(lines, [])]
        if _COLUMN not in header:
            found = ", ".join(visible(each[:40]) for each in header[:8]) or "nothing"
            raise InputError(str(Problem(name, f"found columns {found}; a column {_COLUMN} is needed", line=1)))
        place = header.index(_COLUMN)
        scores, problems = [], []
        for row in islice(lines, MOST_EXAMPLES + 1):
            if not row:
                continue
            score = _score(row[place] if place < len(row) else "")
            if score is None:
                said = visible(row[place][:40]) if place < len(row) else "nothing"
                problems.append(Problem(name, f"found {said!r}; a score from 0 to 1 is needed", key=_COLUMN, line=lines.line_num))
                if len(problems) == _TOLD:
                    break
            else:
                scores.append(score)
    except csv.Error as error:
        raise InputError(str(Problem(name, f"no CSV: {error}", line=lines.line_num))) from None
    if problems:
        raise input_error(problems)
    if not scores:
        raise InputError(f"{name}: found no examples; one a line is needed")
    if len(scores) > MOST_EXAMPLES:
        raise InputError(f"{name}: found more than {MOST_EXAMPLES:,} examples; that many at most")
    return np.asarray(scores, np.float64)


def outcomes_of(file: NeedsFile) -> dict[str, FloatArray]:
    """Scores of single examples by model or strategy, of those whose quality names a file.

    InputError with every problem: also where a score or its n is not that of the examples.
    """
    found: dict[str, FloatArray] = {}
    problems: list[str] = []
    for name, each in file.needs.quality.items():
        if each.outcomes is None:
            continue
        at = ("quality", name)
        try:
            scores = read_outcomes(Path(file.found(each.outcomes)), each.outcomes)
        except InputError as error:
            problems += [file.problem((*at, "outcomes"), line) for line in str(error).split("\n")]
            continue
        mean = float(scores.mean())
        if abs(mean - each.score) > _ROUNDING:
            problems.append(file.problem((*at, "score"), f"found {each.score:g}; the examples of {each.outcomes} have {mean:.6g}"))
        if each.n is not None and each.n != len(scores):
            problems.append(file.problem((*at, "n"), f"found {each.n}; {each.outcomes} has {len(scores)} examples"))
        found[name] = scores
    if problems:
        raise input_error(problems)
    return found


def paired(found: dict[str, FloatArray], a: str, b: str) -> tuple[FloatArray, FloatArray] | None:
    """Scores of two models on the same examples; None where either has none, or they are not as many."""
    if a in found and b in found and len(found[a]) == len(found[b]):
        return found[a], found[b]
    return None


def _score(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) and 0 <= value <= 1 else None
