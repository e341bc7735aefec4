"""Stacks side by side on paired futures: the same traffic, prices and incidents happen to each of them.

What is said of a pair is said of the difference in each future, so that luck that both share cancels. A stack against itself is a tie.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np

from sim.cost.gpu_month import usd_per_million_tokens
from sim.errors import InputError
from sim.futures.bands import band, bands
from sim.futures.forecast import Band, FloatArray, Forecast
from sim.futures.risk import outgrown_from, probability_se
from sim.planning.crossover import (
    HALF_A_CENT,
    BreakEven,
    MonthOf,
    break_even,
    dearer_to_start,
    month_of,
    paid_back_in,
    stays_below_from,
)

Kind = Literal["invoice", "tco"]


@dataclass(frozen=True)
class StackSummary:
    """One stack over the whole horizon, and by month; bands over futures."""

    name: str
    """Its own, with a number behind it where two stacks have the same."""
    invoice_usd: Band
    tco_usd: Band
    invoice_usd_by_month: tuple[Band, ...]
    tco_usd_by_month: tuple[Band, ...]
    invoice_usd_per_million_tokens: Band | None
    """Everything paid, idle and reserved included, over prompt and output tokens served; None where there are none."""
    tco_usd_per_million_tokens: Band | None
    good_share: Band | None
    """Requests within the latency levels over all that are held to them; None where none is."""
    good_share_by_month: tuple[Band | None, ...]
    p_met_by_month: tuple[float, ...]
    """Share of futures in which a month meets every level."""
    outgrown_month: int | None
    """From 1: the first month from which each month is missed in more than half of the futures; None where there is none."""
    energy_kwh: Band | None
    """Of own or rented GPUs; None for a stack without: what an API's machines take is not known."""
    days_to_production: float | None
    """Until it can serve at all, as given; None where it is not."""


@dataclass(frozen=True)
class PairCosts:
    """a against b by one kind of cost. Differences are a less b."""

    tie: bool
    """Whether the total differs in no future, to the cent."""
    p_a_cheaper: float
    """In total; futures in which both cost the same count half."""
    se: float
    p_a_cheaper_by_month: tuple[float, ...]
    se_by_month: tuple[float, ...]
    difference_usd: Band
    difference_usd_by_month: tuple[Band, ...]
    a_stays_below: MonthOf
    """The first month from which a costs less than b in every month to the last."""
    b_stays_below: MonthOf
    dearer_to_start: str | None
    """The stack that costs more in the first month in which they differ, in the mean; None for a tie."""
    run_rate_crossover_month: MonthOf | None
    """The first month from which the stack that is dearer to start costs less a month, to the last."""
    payback_month: MonthOf | None
    """The first month after which all that the stack that is dearer to start has cost is less than all that the other has, to the last."""
    break_even: BreakEven


@dataclass(frozen=True)
class Pair:
    """Two stacks, by what suppliers charge and by everything; the short names stand for everything (tco)."""

    a: str
    b: str
    invoice: PairCosts
    tco: PairCosts

    @property
    def p_a_cheaper(self) -> float:
        """In total, by tco."""
        return self.tco.p_a_cheaper

    @property
    def run_rate_crossover_month(self) -> MonthOf | None:
        """By tco."""
        return self.tco.run_rate_crossover_month

    @property
    def payback_month(self) -> MonthOf | None:
        """By tco."""
        return self.tco.payback_month

    @property
    def break_even_requests_per_month(self) -> float | None:
        """By tco."""
        return self.tco.break_even.requests_per_month


@dataclass(frozen=True)
class Comparison:
    """Two stacks or more, and every pair of them in the order given."""

    months: tuple[str, ...]
    futures: int
    stacks: tuple[StackSummary, ...]
    pairs: tuple[Pair, ...]


def compare(forecasts: Sequence[Forecast], *, days_to_production: Sequence[float | None] | None = None) -> Comparison:
    """Stacks side by side; InputError where there are fewer than two, or their futures are not the same.

    `days_to_production` of each stack, in their order, None where it is not known.
    """
    if len(forecasts) < 2:
        raise InputError("nothing to compare: give at least two stacks")
    first = forecasts[0]
    for each in forecasts[1:]:
        for what in ("outlook", "seed", "months", "futures"):
            if getattr(each, what) != getattr(first, what):
                raise InputError(
                    f"{first.stack} and {each.stack} cannot be compared: their {what} differ, so that futures are not the same"
                )
    names = unique_names([each.stack for each in forecasts])
    days = list(days_to_production or [None] * len(forecasts))
    stacks = tuple(_summary(name, each, ready) for name, each, ready in zip(names, forecasts, days, strict=True))
    pairs = tuple(
        Pair(names[i], names[j], _costs("invoice", (names[i], names[j]), forecasts[i], forecasts[j]),
             _costs("tco", (names[i], names[j]), forecasts[i], forecasts[j]))
        for i, j in combinations(range(len(forecasts)), 2)
    )  # fmt: skip
    return Comparison(first.months, first.futures, stacks, pairs)


def unique_names(stacks: Sequence[str]) -> list[str]:
    """Names by which each can be told, `hybrid` and `hybrid (2)`."""
    names: list[str] = []
    for stack in stacks:
        name, number = stack, 1
        while name in names:
            number += 1
            name = f"{stack} ({number})"
        names.append(name)
    return names


def _summary(name: str, forecast: Forecast, days_to_production: float | None) -> StackSummary:
    tokens = _tokens(forecast).sum(axis=1)
    invoice, tco = forecast.total("invoice"), forecast.total("tco")
    by_windows = forecast.window_se
    month_err = _window_usd(forecast)
    good = forecast.slo.good_share
    energy = _known_sum(forecast.capacity.energy_kwh)
    outgrown = outgrown_from(forecast.slo.met)
    return StackSummary(
        name=name,
        invoice_usd=band(invoice.sum(axis=1), relative_se=by_windows),
        tco_usd=band(tco.sum(axis=1), extra_variance=float(month_err.sum()) ** 2),
        invoice_usd_by_month=bands(invoice, relative_se=by_windows),
        tco_usd_by_month=bands(tco, extra_variance=month_err**2),
        invoice_usd_per_million_tokens=_known(usd_per_million_tokens(paid_usd=invoice.sum(axis=1), tokens=tokens)),
        tco_usd_per_million_tokens=_known(usd_per_million_tokens(paid_usd=tco.sum(axis=1), tokens=tokens)),
        good_share=_known(_good_share(forecast)),
        good_share_by_month=tuple(None if math.isnan(each.mean) else each for each in bands(good, missing="ignore")),
        p_met_by_month=tuple(map(float, forecast.slo.met.mean(axis=0))),
        outgrown_month=None if outgrown is None else outgrown + 1,
        energy_kwh=None if energy is None else band(energy.sum(axis=1)),
        days_to_production=days_to_production,
    )


def _window_usd(forecast: Forecast) -> FloatArray:
    """[M] standard error of a month that comes from the choice of windows: they move the invoice, not what is on top of it."""
    return np.asarray(forecast.window_se * forecast.total("invoice").mean(axis=0))


def _known(values: FloatArray) -> Band | None:
    """The band of what exists; None where nothing does."""
    return None if np.isnan(values).all() else band(values, missing="ignore")


def _known_sum(by_deployment: FloatArray) -> FloatArray | None:
    """[F, M] over deployments that have an amount at all, of [F, M, D]; None where none has."""
    return None if np.isnan(by_deployment).all() else np.nansum(by_deployment, axis=2)


def _tokens(forecast: Forecast) -> FloatArray:
    """[F, M] prompt (cached ones included) and output tokens."""
    capacity = forecast.capacity
    return np.asarray(np.nansum(capacity.input_tokens, axis=2) + np.nansum(capacity.output_tokens, axis=2))


def _good_share(forecast: Forecast) -> FloatArray:
    """[F] over all months, each by the requests that are held to the levels; NaN where there are none."""
    held = forecast.usage[:, :, forecast.layout.at("all", "held")]
    good = np.where(held > 0, forecast.slo.good_share, 0.0)
    total = held.sum(axis=1)
    return np.asarray(np.divide(np.nansum(good * held, axis=1), total, out=np.full_like(total, np.nan), where=total > 0))


def _costs(kind: Kind, names: tuple[str, str], a: Forecast, b: Forecast) -> PairCosts:
    usd_a, usd_b = a.total(kind), b.total(kind)
    difference = usd_a - usd_b
    total = difference.sum(axis=1)
    tie = not np.any(np.abs(total) >= HALF_A_CENT)
    # Windows of one trace err together, how far is not known: both errors are counted in full where costs differ at all.
    err_a, err_b = _window_usd(a), _window_usd(b)
    err = np.hypot(err_a, err_b) * np.any(difference != 0, axis=0)
    total_err = 0.0 if tie else math.hypot(float(err_a.sum()), float(err_b.sum()))
    p, se = _cheaper(total, total_err)
    by_month = [_cheaper(difference[:, m], float(err[m])) for m in range(difference.shape[1])]
    months = difference.shape[1]
    later = dearer_to_start(usd_a, usd_b)
    below = (
        month_of(names[0], stays_below_from(usd_a, usd_b), months),
        month_of(names[1], stays_below_from(usd_b, usd_a), months),
    )
    payback = None
    if later is not None:
        own, other = (usd_a, usd_b) if later == 0 else (usd_b, usd_a)
        payback = month_of(names[later], paid_back_in(own, other), months)
    return PairCosts(
        tie=tie,
        p_a_cheaper=p,
        se=se,
        p_a_cheaper_by_month=tuple(each for each, _ in by_month),
        se_by_month=tuple(each for _, each in by_month),
        difference_usd=band(total, extra_variance=total_err**2),
        difference_usd_by_month=bands(difference, extra_variance=err**2),
        a_stays_below=below[0],
        b_stays_below=below[1],
        dearer_to_start=None if later is None else names[later],
        run_rate_crossover_month=None if later is None else below[later],
        payback_month=payback,
        break_even=_break_even(names, usd_a, usd_b, a, b),
    )


def _break_even(names: tuple[str, str], usd_a: FloatArray, usd_b: FloatArray, a: Forecast, b: Forecast) -> BreakEven:
    requests = [each.usage[:, :, each.layout.at("all", "requests")] for each in (a, b)]
    asked = float(requests[0].sum() + requests[1].sum())
    tokens = float(_tokens(a).sum() + _tokens(b).sum())
    per_request = tokens / asked if asked else 0.0
    return break_even(names, usd_a, usd_b, (requests[0] + requests[1]) / 2, tokens_per_request=per_request, seed=a.seed)


def _cheaper(difference: FloatArray, shift_usd: float) -> tuple[float, float]:
    """Probability that a difference [F] is below zero, and its standard error; `shift_usd` is an error that all of it shares."""
    if not np.any(np.abs(difference) >= HALF_A_CENT):
        return 0.5, 0.0
    p, up, down = (_share_below(difference + shift) for shift in (0.0, shift_usd, -shift_usd))
    return p, math.hypot(probability_se(p, len(difference)), (down - up) / 2)


def _share_below(difference: FloatArray) -> float:
    return float(np.mean(np.where(difference <= -HALF_A_CENT, 1.0, np.where(difference < HALF_A_CENT, 0.5, 0.0))))
