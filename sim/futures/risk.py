"""Figures of risk over futures: the chance to exceed a budget, the mean of the worst futures, months whose service levels are missed.

Standard errors of probabilities are half the width of Wilson's interval at one standard deviation (JASA 22, 1927): above zero even when all
futures agree, as they must be for a finite number of them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sim.futures.bands import band
from sim.futures.forecast import BoolArray

WORST = 0.05
"""The share of futures that the expected shortfall is the mean of."""


@dataclass(frozen=True, slots=True)
class Budget:
    """What a budget is against the futures."""

    budget_usd: float
    p_exceed: float
    """Probability that the total is above it."""
    se: float
    expected_excess_usd: float
    """Mean of what is above it, futures within it counted as zero."""
    se_excess: float
    excess_if_exceeded_usd: float | None
    """Mean of what is above it over the futures that are; None where none is."""


@dataclass(frozen=True, slots=True)
class Shortfall:
    """Mean of the most expensive futures (5 % of them), and its standard error."""

    usd: float
    se: float


@dataclass(frozen=True, slots=True)
class MonthRisk:
    """Probability that a month misses its service levels, and its standard error."""

    p_miss: float
    se: float


def probability_se(p: float, count: int) -> float:
    """Half the width of Wilson's interval at one standard deviation, for a share p of `count` futures."""
    return math.sqrt(p * (1 - p) / count + 0.25 / count**2) / (1 + 1 / count)


def budget(total_usd: npt.ArrayLike, budget_usd: float, *, relative_se: float = 0.0) -> Budget:
    """A budget against totals [F]; a total that exceeds it by less than half a cent does not.

    `relative_se`: the standard error of all totals together, as a share of them, which shifts them against the budget; its effect on the
    probability is half the difference between totals so much higher and so much lower.
    """
    totals = np.asarray(total_usd, np.float64)
    exceeds = _above(totals, budget_usd)
    p = float(np.mean(exceeds))
    shifted = [float(np.mean(_above(totals * (1 + sign * relative_se), budget_usd))) for sign in (1, -1)]
    excess = np.where(exceeds, totals - budget_usd, 0.0)
    spread = band(excess)
    by_shift = relative_se * float(np.mean(np.where(exceeds, totals, 0.0)))
    return Budget(
        budget_usd=budget_usd,
        p_exceed=p,
        se=math.hypot(probability_se(p, len(totals)), (shifted[0] - shifted[1]) / 2),
        expected_excess_usd=spread.mean,
        se_excess=math.hypot(spread.se, by_shift),
        excess_if_exceeded_usd=float(np.mean(excess[exceeds])) if exceeds.any() else None,
    )


def _above(totals: npt.NDArray[np.float64], budget_usd: float) -> BoolArray:
    return np.asarray(totals - budget_usd >= 0.005)


def expected_shortfall(total_usd: npt.ArrayLike, *, relative_se: float = 0.0) -> Shortfall:
    """The mean of the most expensive 5 % of totals [F]; the future at the border counts by the part of it that belongs to them.

    Its standard error is that of the mean of quantile + (total above the quantile) / 5 % over futures (Trindade et al., Operations Research
    Letters 35, 2007), and `relative_se` of it in quadrature.
    """
    totals = np.sort(np.asarray(total_usd, np.float64))
    count = len(totals)
    worst = WORST * count
    weights = np.clip(worst - np.arange(count)[::-1], 0.0, 1.0)
    least = totals[0]
    shortfall = float(least + np.sum(weights * (totals - least)) / worst)
    if count == 1:
        return Shortfall(shortfall, math.nan)
    border = totals[count - math.ceil(worst)]
    beyond = np.maximum(totals - border, 0.0) / WORST
    return Shortfall(shortfall, math.hypot(float(beyond.std(ddof=1)) / math.sqrt(count), relative_se * shortfall))


def months_at_risk(met: BoolArray) -> tuple[MonthRisk, ...]:
    """The risk of every month, of whether all levels were met [F, M]."""
    missed = 1.0 - np.asarray(met, np.float64).mean(axis=0)
    return tuple(MonthRisk(float(p), probability_se(float(p), len(met))) for p in missed)


def outgrown_from(met: BoolArray) -> int | None:
    """The first month, from 0, from which each month to the last is missed in more than half of the futures [F, M]: demand has outgrown
    what is there. None where the last month is not."""
    missed = 1.0 - np.asarray(met, np.float64).mean(axis=0)
    within = np.flatnonzero(missed <= 0.5)
    first = int(within[-1]) + 1 if len(within) else 0
    return first if first < len(missed) else None
