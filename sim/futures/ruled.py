"""The stack under the rules of a day: limits tightened, a retired model's successor, the counts of a month.

Monthly spend caps are not in what is replayed: days are replayed as if the month had just begun, and a month that would reach a cap is
billed as if it were raised, which is said (sim/futures/announced.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from sim.catalog.api import Api, Limit, Tier
from sim.catalog.catalog import Catalog
from sim.catalog.price_book import PriceBook
from sim.engine.assemble import assemble
from sim.engine.system import Autoscaler, Pool, System
from sim.futures.rule_state import RuleState
from sim.stack.autoscaler import Plan
from sim.stack.resolved import ResolvedApi, ResolvedPool, ResolvedStack
from sim.units import SECONDS_PER_DAY, SECONDS_PER_MONTH


def ruled(resolved: ResolvedStack, state: RuleState, catalog: Catalog, book: PriceBook) -> ResolvedStack:
    """The resolved stack with the limits, models and prices of a state, without monthly caps. InputError for an unknown successor."""
    models = dict(state.successors)
    factors = dict(state.tightened)
    deployments = []
    for number, each in enumerate(resolved.deployments):
        if isinstance(each, ResolvedApi):
            main = number if each.lane_of is None else resolved.index(each.lane_of)
            if main in models:
                each = succeeded(each, catalog.api(models[main]), book)
            factor = factors.get(main, 1.0) if each.lane_of is None else 1.0
            each = replace(each, limits=tuple(_times(limit, factor) for limit in each.limits if not is_monthly_cap(limit)))
        deployments.append(each)
    return replace(resolved, deployments=tuple(deployments))


def succeeded(old: ResolvedApi, api: Api, book: PriceBook) -> ResolvedApi:
    """A deployment whose model was taken over by another: its limits, latency, prices and faults, but what the stack itself gave stays."""
    prices = book.tokens(api)
    tier, before = _tier_of(api, old), _tier_of(old.model, old)
    if old.lane_of is not None:
        rates = prices.batch if prices.batch is not None else prices.standard
        return replace(old, model=api, tier=tier.name, batch_queue=tier.batch_queue, prices=prices, rates=rates)
    from_tier = tuple(limit for limit in old.limits if not is_monthly_cap(limit)) == before.limits
    caps = tuple(limit for limit in old.limits if is_monthly_cap(limit))
    made = replace(
        old,
        model=api,
        tier=tier.name,
        limits=(*caps, *tier.limits) if from_tier else old.limits,
        prices=prices,
        rates=prices.standard,
    )
    if (old.ttft_z, old.ttft_ln_s) == old.model.latency.ttft.points():
        z, ln_s = api.latency.ttft.points()
        made = replace(made, ttft_z=z, ttft_ln_s=ln_s)
    if (old.tpot_z, old.tpot_ln_s) == old.model.latency.tpot.points():
        z, ln_s = api.latency.tpot.points()
        made = replace(made, tpot_z=z, tpot_ln_s=ln_s)
    if old.ttft_per_prompt_token_s == old.model.latency.ttft_per_prompt_token_s:
        made = replace(made, ttft_per_prompt_token_s=api.latency.ttft_per_prompt_token_s)
    if old.hour_sigma == old.model.latency.hour_sigma:
        made = replace(made, hour_sigma=api.latency.hour_sigma)
    if old.error_rate == (old.model.error_rate or 0.0):
        made = replace(made, error_rate=api.error_rate or 0.0)
    return made


def system_of(
    resolved: ResolvedStack, state: RuleState, classes: Sequence[str], *, clock_offset_s: float = 0.0, months_s: Sequence[float] = (0.0,)
) -> System:
    """The System of a stack that `ruled` made for the state; `months_s` are the seconds at which the months of the run begin."""
    system = assemble(resolved, classes, clock_offset_s=clock_offset_s)
    deployments = (_in_month(each, state.month, months_s) if isinstance(each, Pool) else each for each in system.deployments)
    return replace(system, deployments=tuple(deployments))


def follows_a_plan(resolved: ResolvedStack) -> bool:
    """Whether a pool's counts are given by month."""
    return any(isinstance(each, ResolvedPool) and isinstance(each.spec.autoscaler, Plan) for each in resolved.deployments)


def is_monthly_cap(limit: Limit) -> bool:
    """Whether a limit is on what may be spent in longer than a day; those of minutes are rate limits like any other."""
    return limit.unit == "usd" and limit.window_s > SECONDS_PER_DAY


def _in_month(pool: Pool, month: int, months_s: Sequence[float]) -> Pool:
    """A pool with a plan holds the count that is in force for most of the month."""
    law = pool.autoscaler
    if law.law != "plan":
        return pool
    begin = months_s[min(month, len(months_s) - 1)]
    end = months_s[month + 1] if month + 1 < len(months_s) else begin + SECONDS_PER_MONTH
    times = np.array([0.0, *(at for at, _ in law.schedule), np.inf])
    counts = [pool.initial_replicas, *(count for _, count in law.schedule)]
    held_s = np.clip(times[1:], begin, end) - np.clip(times[:-1], begin, end)
    count = counts[int(np.argmax(held_s))]
    fixed = Autoscaler(sync_s=law.sync_s, scrape_s=law.scrape_s, min_replicas=count, max_replicas=max(count, 1))
    return replace(pool, initial_replicas=count, autoscaler=fixed)


def _times(limit: Limit, factor: float) -> Limit:
    """A limit of requests, tokens or things at once, and its burst; never less than one. What may be spent is not changed."""
    if factor == 1.0 or limit.unit == "usd":
        return limit
    burst = None if limit.burst is None else max(limit.burst * factor, 1.0)
    return limit.model_copy(update={"limit": max(limit.limit * factor, 1.0), "burst": burst})


def _tier_of(api: Api, old: ResolvedApi) -> Tier:
    """The tier of the same name, else the lowest that holds the bill that is forecast."""
    for tier in api.tiers:
        if tier.name == old.tier:
            return tier
    return api.lowest_tier_for(old.forecast_usd_per_month or 0.0)
