"""Tables of docs/accuracy.md: errors of many predictions in a line, in percent, as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sim.calibration.errors import ErrorSummary, summarise

ERRORS = ("points", "median", "mean", "p90", "bias")
"""Columns of `error_cells`."""
NONE = "-"


def percent(share: float, *, signed: bool = False) -> str:
    """A fraction in percent with one digit: `3.2 %`; no sign before a zero."""
    shown = f"{share * 100:+.1f}" if signed else f"{share * 100:.1f}"
    return f"{shown.lstrip('+-') if float(shown) == 0.0 else shown} %"


def error_cells(errors: Iterable[float]) -> tuple[str, ...]:
    """How many, and the median, mean and p90 of the absolute errors and their bias; dashes of none."""
    found = summarise(errors)
    return (NONE,) * len(ERRORS) if found is None else (str(found.n), *summary_cells(found))


def summary_cells(found: ErrorSummary) -> tuple[str, ...]:
    """Median, mean, p90 and bias."""
    shares = (found.median_abs_error, found.mean_abs_error, found.p90_abs_error)
    return (*(percent(each) for each in shares), percent(found.bias, signed=True))


def mean_cell(errors: Iterable[float]) -> str:
    """The mean absolute error alone (MAPE)."""
    found = summarise(errors)
    return NONE if found is None else percent(found.mean_abs_error)


def median_cell(errors: Iterable[float]) -> str:
    """The median absolute error alone."""
    found = summarise(errors)
    return NONE if found is None else percent(found.median_abs_error)


def markdown(header: Sequence[str], rows: Iterable[Sequence[str]], words: int = 1) -> str:
    """A Markdown table; the first `words` columns are text, the others are numbers."""
    lines = [header, ["---" if k < words else "---:" for k in range(len(header))], *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
