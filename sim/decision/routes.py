"""Which two models traffic could be divided between, and everything that is said of dividing it.

The dearer one is that which answers most of the recommended strategy's requests, the cheaper one that of all strategies whose tokens cost
least for the trace, unless the needs name them. Models of own GPUs have no price a token and are not held against each other so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from sim.decision.challenger import Challenger
from sim.decision.facts import StrategyFacts
from sim.decision.needs_parts import Routing as RoutingNeeds
from sim.decision.routing import RoutingDecision
from sim.decision.routing_futures import FallbackValue, PriceFollowing, SavedByHazard
from sim.decision.routing_replay import ReplayedShare
from sim.decision.trigger_rules import price_index
from sim.futures.forecast import FloatArray, Forecast
from sim.stack.resolved import ResolvedApi


@dataclass(frozen=True)
class Routes:
    """Routing as a decision; what cannot be told is None, and `why` says why."""

    routing: RoutingDecision | None
    replayed: tuple[ReplayedShare, ...]
    """What usage x price was checked by."""
    challenger: Challenger | None
    following: PriceFollowing | None
    fallback_of: str | None
    """The strategy whose fallbacks are valued: the recommended one, where it has any."""
    fallback: FallbackValue | None
    saved: tuple[SavedByHazard, ...]
    """What its fallbacks did about each hazard."""
    why: tuple[str, ...]


def models_to_divide(
    own: StrategyFacts | None, facts: Sequence[StrategyFacts], given: RoutingNeeds, usd: Mapping[str, float]
) -> tuple[str, str] | None:
    """The dearer and the cheaper model; None where there are no two. `usd` is what the trace would cost at each API model alone."""
    dearer = given.dearer
    if dearer is None and own is not None:
        shares = {model: share for model, share in own.share_by_model.items() if model in usd and share > 0}
        dearer = max(shares, key=lambda model: shares[model], default=None)
    if dearer is None:
        dearer = max(
            (model for model in usd if any(model in each.strategy.models for each in facts)), key=lambda model: usd[model], default=None
        )
    cheaper = given.cheaper or min((model for model in usd if model != dearer), key=lambda model: usd[model], default=None)
    if dearer is None or cheaper is None or dearer == cheaper or usd[cheaper] >= usd[dearer]:
        return None
    return dearer, cheaper


def has_fallbacks(facts: StrategyFacts) -> bool:
    """Whether any rule of the stack has a second place."""
    return facts.strategy.stack is not None and any(len(rule.to) > 1 for rule in facts.strategy.stack.stack.rules)


def bill_ahead(model: str, usd_per_month: float, like: StrategyFacts, facts: Sequence[StrategyFacts]) -> FloatArray | None:
    """[F, M] what all traffic would cost at a model in each future, its price moving as it does for a stack that uses it; None where none
    of them does. `usd_per_month` is what the trace costs there in a month at today's prices; demand is that of `like`."""
    for each in facts:
        deployment = _using(model, each)
        if deployment is not None and each.forecast is not None:
            demand = like.requests_by_month / like.requests_by_month[:, :1].mean()
            return np.asarray(usd_per_month * demand * price_index(each.forecast, deployment))
    return None


def _using(model: str, facts: StrategyFacts) -> str | None:
    """The deployment of a model that pays for tokens from the first month on."""
    if facts.forecast is None or facts.resolved is None:
        return None
    for each in facts.resolved.deployments:
        if isinstance(each, ResolvedApi) and each.model.name == model and each.lane_of is None and _pays(facts.forecast, each.name):
            return each.name
    return None


def _pays(found: Forecast, deployment: str) -> bool:
    lines = [k for k, line in enumerate(found.lines) if line.deployment == deployment and line.item.startswith("api_")]
    return bool(lines) and bool((found.usd[:, 0, lines].sum(axis=1) > 0).all())
