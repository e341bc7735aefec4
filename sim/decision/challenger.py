"""A challenger model on a part of the traffic: what the trial costs, and how many graded answers until the difference is known.

Scores are shares of right answers. To find a difference d = |p1 - p0| with power 1 - b at level a, two-sided, when the current model is
graded k times as often as the challenger (Fleiss, Statistical Methods for Rates and Proportions, without continuity correction):

    n1 = (z_{1-a/2} sqrt((1 + 1/k) p (1 - p)) + z_{1-b} sqrt(p1 (1 - p1) + p0 (1 - p0) / k))^2 / d^2,    p = (p1 + k p0) / (1 + k)

Where both answer the same requests, pairs in which one alone is right count, a share f of all (Connor, Biometrics 43, 1987):

    n = (z_{1-a/2} sqrt(f) + z_{1-b} sqrt(f - d^2))^2 / d^2,    f <= p1 (1 - p0) + p0 (1 - p1), which independent answers reach

f is taken at that bound: answers of two models mostly go together, and fewer pairs are then needed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist

from sim.decision.needs_parts import Evaluation
from sim.decision.needs_parts import Routing as RoutingNeeds
from sim.decision.routing_costs import ClassCost
from sim.decision.routing_defaults import RoutingDefaults

_MIDDLE = 0.5
"""The score at which a share varies most: n of an unknown score is at most that of this one."""


@dataclass(frozen=True, slots=True)
class Challenger:
    """A trial of one model against another; USD and requests a month at the traffic of the trace."""

    model: str
    against: str
    share: float
    """Of requests that the challenger sees."""
    extra_usd_per_month: float
    """Where it answers in place of the current model; below nought where it is cheaper."""
    shadow_usd_per_month: float
    """Where it answers beside the current model, unseen: its bill is on top."""
    difference: float
    """Of the scores, that is to be found; 0 is never found."""
    measured: bool
    """Whether both scores are given; else the smallest difference that is worth finding."""
    n_challenger: int | None
    """Graded answers of the challenger; None where the scores do not differ."""
    n_current: int | None
    months: float | None
    """Until so many are graded."""
    n_pairs: int | None
    """Or requests that both answer and that are graded at both."""
    months_shadow: float | None
    extra_usd: float | None
    """Of the trial until the difference is known, where the challenger answers in place."""
    shadow_usd: float | None
    """Likewise beside."""
    assumed: tuple[str, ...]


def answers_needed(p1: float, p0: float, *, ratio: float = 1.0, confidence: float = 0.95, power: float = 0.8) -> int | None:
    """n1: answers of the first to grade, `ratio` (k) times as many of the other; None where the shares are the same."""
    difference = abs(p1 - p0)
    if difference == 0.0:
        return None
    mean = (p1 + ratio * p0) / (1.0 + ratio)
    under = math.sqrt((1.0 + 1.0 / ratio) * mean * (1.0 - mean))
    other = math.sqrt(p1 * (1.0 - p1) + p0 * (1.0 - p0) / ratio)
    return math.ceil(((_z((1.0 + confidence) / 2.0) * under + _z(power) * other) / difference) ** 2)


def pairs_needed(p1: float, p0: float, *, confidence: float = 0.95, power: float = 0.8) -> int | None:
    """Requests that both answer, at the most that independent answers ask for; None where the shares are the same."""
    difference = abs(p1 - p0)
    if difference == 0.0:
        return None
    one_alone = p1 * (1.0 - p0) + p0 * (1.0 - p1)
    spread = math.sqrt(max(0.0, one_alone - difference**2))
    return math.ceil(((_z((1.0 + confidence) / 2.0) * math.sqrt(one_alone) + _z(power) * spread) / difference) ** 2)


def challenge(
    model: str, against: str, classes: Sequence[ClassCost], given: RoutingNeeds, quality: Mapping[str, Evaluation],
    defaults: RoutingDefaults,
) -> Challenger:  # fmt: skip
    """The trial of a challenger; `classes` have the current model as the dearer one and the challenger as the cheaper, whichever it is."""
    assumed = [defaults.words("graded_share")]
    share = given.challenger_share
    if share is None:
        share = defaults.challenger_share
        assumed.append(defaults.words("challenger_share"))
    p1, p0, measured = _scores(model, against, quality, defaults)
    if not measured:
        assumed.append(defaults.words("difference_worth"))
    says = {"confidence": defaults.confidence, "power": defaults.power}
    requests = sum(each.requests for each in classes)
    current_usd, challenger_usd = sum(each.dearer_usd for each in classes), sum(each.cheaper_usd for each in classes)
    extra, shadow = share * (challenger_usd - current_usd), share * challenger_usd
    graded = requests * share * defaults.graded_share
    ratio = (1.0 - share) / share if 0.0 < share < 1.0 else None
    first = None if ratio is None else answers_needed(p1, p0, ratio=ratio, **says)
    months = None if first is None or not graded else first / graded
    pairs = pairs_needed(p1, p0, **says)
    months_shadow = None if pairs is None or not graded else pairs / graded
    return Challenger(
        model=model,
        against=against,
        share=share,
        extra_usd_per_month=extra,
        shadow_usd_per_month=shadow,
        difference=abs(p1 - p0),
        measured=measured,
        n_challenger=first,
        n_current=None if first is None or ratio is None else math.ceil(first * ratio),
        months=months,
        n_pairs=pairs,
        months_shadow=months_shadow,
        extra_usd=None if months is None else extra * months,
        shadow_usd=None if months_shadow is None else shadow * months_shadow,
        assumed=tuple(assumed),
    )


def _scores(model: str, against: str, quality: Mapping[str, Evaluation], defaults: RoutingDefaults) -> tuple[float, float, bool]:
    """Scores of challenger and current model; where one is missing, a difference worth finding, where shares vary most."""
    mine, theirs = quality.get(model), quality.get(against)
    if mine is not None and theirs is not None:
        return mine.score, theirs.score, True
    half = defaults.difference_worth / 2.0
    known = mine or theirs
    if known is None:
        return _MIDDLE + half, _MIDDLE - half, False
    other = known.score + (2.0 * half if known.score < _MIDDLE else -2.0 * half)
    return (known.score, other, False) if mine is not None else (other, known.score, False)


def _z(probability: float) -> float:
    return NormalDist().inv_cdf(probability)
