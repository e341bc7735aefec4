"""What was predicted against what was paid: a bill by month and line, held against the bands of a forecast.

What stands on the bill for no line of the forecast is listed with what it cost, and so is what was predicted and never billed: nothing is
dropped.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from sim.errors import input_error
from sim.futures.bands import band
from sim.futures.forecast import Band, FloatArray, Forecast
from sim.planning.crossover import HALF_A_CENT
from sim.planning.invoices.paid import Paid

TOTAL = "total"
"""Names all lines of the invoice together."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the forecast in one month (or one sum of them), and what was paid for it."""

    month: str
    line: str
    predicted: Band
    paid_usd: float
    inside: bool
    """Whether what was paid lies within p5 to p95."""
    relative_error: float | None
    """Predicted mean over paid, less 1; None where nothing was paid, or less than nothing."""


@dataclass(frozen=True)
class Backtest:
    """A forecast against a bill."""

    rows: tuple[Row, ...]
    """Lines of the bill that stand for lines of the forecast, by month."""
    total_by_month: tuple[Row, ...]
    """The whole invoice against the whole bill, lines without match included."""
    total: Row | None
    """The same over all months that both have; None where there are none."""
    matched_total: Row | None
    """Lines that match alone, over these months."""
    coverage_share: float | None
    """Rows inside their band; 90 % of them would be for bands that are right and rows that know nothing of each other."""
    not_predicted: tuple[Paid, ...]
    """Of the bill: lines that the forecast does not have, and months that it does not reach."""
    not_billed: tuple[tuple[str, float], ...]
    """Lines of the invoice that are on no month of the bill, and their predicted mean over its months."""


def backtest(forecast: Forecast, actual: Sequence[Paid], *, names: Mapping[str, str] = MappingProxyType({})) -> Backtest:
    """A forecast against a bill.

    A line of the bill stands for the line of the forecast of that item (of its deployment, if it says one; of all that have it, if not),
    for all lines of the invoice of a deployment of that name, for `deployment/item`, or is `total`. `names` says what lines of other names
    stand for. InputError where two lines of the bill stand for parts of each other: no one could say what was paid for what.
    """
    chosen = {(paid.line, paid.deployment): _lines_of(forecast, names.get(paid.line, paid.line), paid.deployment) for paid in actual}
    _refuse_overlaps(forecast, chosen)
    months = {month: m for m, month in enumerate(forecast.months)}
    sums: dict[tuple[int, tuple[int, ...]], float] = {}
    not_predicted: list[Paid] = []
    for paid in actual:
        lines = chosen[paid.line, paid.deployment]
        if lines and paid.month in months:
            key = (months[paid.month], lines)
            sums[key] = sums.get(key, 0.0) + paid.usd
        else:
            not_predicted.append(paid)
    billed = sorted({months[paid.month] for paid in actual if paid.month in months})
    rows = [_against(forecast, [m], lines, paid, _label(forecast, lines)) for (m, lines), paid in sorted(sums.items())]
    invoice = tuple(k for k, line in enumerate(forecast.lines) if line.kind == "invoice")
    on_bill = {k for _, lines in sums for k in lines}
    whole = {m: math.fsum(_of_invoice(forecast, actual, chosen, forecast.months[m])) for m in billed}
    return Backtest(
        rows=tuple(rows),
        total_by_month=tuple(_against(forecast, [m], invoice, whole[m], TOTAL) for m in billed),
        total=_against(forecast, billed, invoice, math.fsum(whole.values()), TOTAL) if billed else None,
        matched_total=_matched_total(forecast, sums, set(invoice)),
        coverage_share=sum(row.inside for row in rows) / len(rows) if rows else None,
        not_predicted=tuple(not_predicted),
        not_billed=tuple(
            (_label(forecast, (k,)), float(forecast.usd[:, billed, k].sum(axis=1).mean())) for k in invoice if k not in on_bill
        ),
    )


def _lines_of(forecast: Forecast, name: str, deployment: str) -> tuple[int, ...]:
    """Positions of the lines of the forecast that a line of a bill stands for; empty: none."""
    lines = list(enumerate(forecast.lines))
    if name == TOTAL and not deployment:
        return tuple(k for k, line in lines if line.kind == "invoice")
    found = tuple(k for k, line in lines if line.item == name and deployment in ("", line.deployment))
    if not found:
        found = tuple(k for k, line in lines if f"{line.deployment}/{line.item}" == name and deployment in ("", line.deployment))
    if not found and deployment in ("", name):
        found = tuple(k for k, line in lines if line.deployment == name and line.kind == "invoice")
    return found


def _refuse_overlaps(forecast: Forecast, chosen: Mapping[tuple[str, str], tuple[int, ...]]) -> None:
    """InputError where two lines of a bill share some lines of the forecast, but not all."""
    problems = []
    pairs = [(names, lines) for names, lines in chosen.items() if lines]
    for i, (first, some) in enumerate(pairs):
        for second, others in pairs[i + 1 :]:
            shared = tuple(k for k in some if k in others)
            if shared and some != others:
                said = " and ".join(repr("/".join(part for part in (each[1], each[0]) if part)) for each in (first, second))
                problems.append(f"lines {said} of the bill both hold {_label(forecast, shared)}: give one of them, or name the deployment")
    if problems:
        raise input_error(problems)


def _of_invoice(
    forecast: Forecast, actual: Sequence[Paid], chosen: Mapping[tuple[str, str], tuple[int, ...]], month: str
) -> Iterator[float]:
    """What a month's bill says of the invoice: all but lines that stand for others alone, say people."""
    for paid in actual:
        lines = chosen[paid.line, paid.deployment]
        if paid.month == month and (not lines or any(forecast.lines[k].kind == "invoice" for k in lines)):
            yield paid.usd


def _matched_total(forecast: Forecast, sums: Mapping[tuple[int, tuple[int, ...]], float], invoice: set[int]) -> Row | None:
    """Lines of the invoice that are on the bill, in the months in which they are."""
    taken = [(m, lines, paid) for (m, lines), paid in sorted(sums.items()) if invoice.issuperset(lines)]
    if not taken:
        return None
    predicted = np.zeros(forecast.futures)
    for m, lines, _ in taken:
        predicted = predicted + _predicted(forecast, [m], lines)
    return _row_of(
        forecast, [m for m, _, _ in taken], predicted, math.fsum(paid for _, _, paid in taken), "matched lines", forecast.window_se
    )


def _predicted(forecast: Forecast, months: Sequence[int], lines: Sequence[int]) -> FloatArray:
    """[F] the sum of lines over months."""
    return np.asarray(forecast.usd[:, list(months)][:, :, list(lines)].sum(axis=(1, 2)))


def _against(forecast: Forecast, months: Sequence[int], lines: Sequence[int], paid_usd: float, label: str) -> Row:
    # The choice of windows moves the invoice, not what is on top of it.
    by_windows = forecast.window_se if all(forecast.lines[k].kind == "invoice" for k in lines) else 0.0
    return _row_of(forecast, months, _predicted(forecast, months, lines), paid_usd, label, by_windows)


def _row_of(forecast: Forecast, months: Sequence[int], predicted_usd: FloatArray, paid_usd: float, label: str, by_windows: float) -> Row:
    predicted = band(predicted_usd, relative_se=by_windows)
    names = sorted({forecast.months[m] for m in months})
    return Row(
        month=names[0] if len(names) == 1 else f"{names[0]} to {names[-1]}",
        line=label,
        predicted=predicted,
        paid_usd=paid_usd,
        inside=predicted.p5 - HALF_A_CENT <= paid_usd <= predicted.p95 + HALF_A_CENT,
        relative_error=predicted.mean / paid_usd - 1 if paid_usd > 0 else None,
    )


def _label(forecast: Forecast, lines: Sequence[int]) -> str:
    """What lines are called together: `api/api_input`, `gpu_used` of several deployments, `own` with all its items, or `total`."""
    chosen = [forecast.lines[k] for k in lines]
    deployments, items = sorted({line.deployment for line in chosen}), sorted({line.item for line in chosen})
    if len(chosen) == 1:
        return f"{deployments[0]}/{items[0]}"
    if len(items) == 1:
        return items[0]
    if len(deployments) == 1:
        return deployments[0]
    return TOTAL if sorted(lines) == [k for k, line in enumerate(forecast.lines) if line.kind == "invoice"] else " + ".join(items)
