"""Routing as a decision on the real trace: usage x price of two models, replays that check it, and fallbacks with and without."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from sim.results.run import run_resolved
from sim.results.run_result import ForecastResult

if TYPE_CHECKING:
    from sim.cost.price import ApiPrice
    from sim.decision.decide import Decision
    from sim.decision.facts import StrategyFacts
    from sim.decision.needs_parts import Routing
    from sim.decision.routes import Routes
    from sim.decision.routing_costs import ClassCost
    from sim.decision.routing_defaults import RoutingDefaults
    from sim.decision.routing_futures import FallbackValue, SavedByHazard
    from sim.decision.routing_replay import ReplayedShare
    from sim.futures.run import Says
    from sim.results.horizon import Horizon
    from sim.results.simulate_strategies import OpenedStacks
    from sim.stack import TraceFacts
    from sim.trace import Trace


def routes_of(
    decision: Decision, stacks: OpenedStacks, trace: Trace, about: TraceFacts, asked: Horizon, *, seed: int, says: Says | None = None
) -> Routes:
    """Everything that is said of dividing the traffic, for the recommended strategy; InputError where a price is not known."""
    from sim.decision.challenger import challenge
    from sim.decision.routes import Routes, bill_ahead, has_fallbacks, models_to_divide
    from sim.decision.routing import routing
    from sim.decision.routing_defaults import routing_defaults
    from sim.decision.routing_futures import price_following, saved_by_hazard
    from sim.decision.routing_replay import SHARES, holds, replayed_shares
    from sim.units import SECONDS_PER_MONTH

    needs, catalog, book = decision.file.needs, stacks.books.catalog, stacks.books.book
    given, defaults = needs.routing, routing_defaults(catalog)
    found = decision.recommendation
    own = None if found is None else decision.of(found.strategy)
    per_month = SECONDS_PER_MONTH / about.duration_s
    why: list[str] = []
    prices = _prices(decision.facts, given, stacks, about)
    alone = {model: sum(each.dearer_usd for each in _costs(trace, price, price, per_month, defaults)) for model, price in prices.items()}
    pair = models_to_divide(own, decision.facts, given, alone)
    divided, following = None, None
    replayed: tuple[ReplayedShare, ...] = ()
    if pair is None:
        why.append("routing: no API model is known that costs less for this trace; name one (routing.cheaper)")
    else:
        dearer, cheaper = pair
        costs = _costs(trace, prices[dearer], prices[cheaper], per_month, defaults)
        shares: dict[float, float] | None = None
        replayed = replayed_shares(
            trace, dearer, cheaper, costs, shares=(SHARES[0], SHARES[-1]), per_month=per_month, catalog=catalog, book=book, seed=seed
        )
        if not holds(replayed, defaults.replay_tolerance):
            replayed = replayed_shares(trace, dearer, cheaper, costs, per_month=per_month, catalog=catalog, book=book, seed=seed)
            shares = {each.share: each.usd * per_month for each in replayed}
        how = "usage x price, as replays bear out" if shares is None else "replays, from which usage x price differs"
        divided = routing(dearer, cheaper, costs, given, needs.quality, defaults, replayed=shares, how=how)
        like = decision.facts[0]
        bills = [bill_ahead(model, alone[model], like, decision.facts) for model in pair]
        if bills[0] is None or bills[1] is None:
            why.append(
                "following prices: no strategy here uses both models from the first month on, so that their prices to come are not drawn"
            )
        else:
            movable = 1.0 if given.simple_share is None else given.simple_share
            following = price_following(dearer, bills[0], cheaper, bills[1], movable_share=movable, late_months=1)
    trial = None
    if given.challenger is not None:
        against = given.dearer or (pair[0] if pair is not None else None)
        if against is None or against == given.challenger:
            why.append(f"challenger {given.challenger}: there is no other API model to try it against")
        else:
            costs = _costs(trace, prices[against], prices[given.challenger], per_month, defaults)
            trial = challenge(given.challenger, against, costs, given, needs.quality, defaults)
    fallback = None
    saved: tuple[SavedByHazard, ...] = ()
    if own is not None and own.forecast is not None and has_fallbacks(own):
        fallback = _fallbacks(own, stacks, trace, about, asked, seed, says)
        saved = saved_by_hazard(own.forecast)
    elif own is not None:
        why.append(
            f"fallbacks: {own.name} has none" if own.forecast is not None else f"fallbacks: {own.name} is not simulated as one stack"
        )
    name = None if fallback is None or own is None else own.name
    return Routes(divided, replayed, trial, following, name, fallback, saved, tuple(why))


def _costs(trace: Trace, dearer: ApiPrice, cheaper: ApiPrice, per_month: float, defaults: RoutingDefaults) -> tuple[ClassCost, ...]:
    from sim.decision.routing_costs import class_costs

    return class_costs(trace, dearer, cheaper, per_month=per_month, router_output_tokens=defaults.router_output_tokens)


def _prices(facts: Sequence[StrategyFacts], given: Routing, stacks: OpenedStacks, about: TraceFacts) -> dict[str, ApiPrice]:
    """The price of every API model that strategies use, and of those that the needs name for routing."""
    from sim.cost.from_stack import api_price
    from sim.decision.routing_replay import routed_stack
    from sim.stack import ResolvedApi, resolve

    found: dict[str, ApiPrice] = {}
    for each in facts:
        for deployment in () if each.resolved is None else each.resolved.deployments:
            if isinstance(deployment, ResolvedApi) and deployment.lane_of is None:
                found.setdefault(deployment.model.name, api_price(deployment.model.name, deployment.rates))
    for model in (given.dearer, given.cheaper, given.challenger):
        if model is not None and model not in found:
            plain = resolve(routed_stack(model, model, 0.0), stacks.books.catalog, stacks.books.book, about).deployments[0]
            assert isinstance(plain, ResolvedApi)
            found[model] = api_price(model, plain.rates)
    return found


def _fallbacks(
    own: StrategyFacts, stacks: OpenedStacks, trace: Trace, about: TraceFacts, asked: Horizon, seed: int, says: Says | None
) -> FallbackValue:
    """The recommended stack against itself without its fallbacks."""
    from dataclasses import replace

    from sim.decision.routing_futures import fallback_value, without_fallback
    from sim.stack import resolve

    file = own.strategy.stack
    assert file is not None
    assert own.forecast is not None
    bare = without_fallback(file)
    told: Callable[[str, float, float], None] | None = None
    if says is not None:
        told = _named(f"{own.name}, without fallbacks", says)
    plain = resolve(bare, stacks.books.catalog, stacks.books.book, about)
    run = run_resolved(replace(stacks.of(file), file=bare), plain, trace, asked, seed=seed, says=told)
    assert isinstance(run, ForecastResult)
    lost = file.stack.costs.lost_revenue_usd_per_failed_request
    return fallback_value(own.forecast, run.found, usd_per_failed_request=lost or None)


def _named(name: str, says: Says) -> Callable[[str, float, float], None]:
    return lambda text, done, whole: says(f"{name}: {text}", done, whole)
