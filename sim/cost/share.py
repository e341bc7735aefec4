"""Who caused which cost: the bill by deployment, by class of requests and by client.

Tokens of an API are charged to whose they are, at their own tier and time. What a pool costs, idle included, is shared in proportion to the
tokens it processed (read and written count alike); nobody caused what a pool without any tokens cost, nor lines of no deployment.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sim.cost.api import cached_input_usd, input_usd, output_usd, requests_usd
from sim.cost.bill import SHARED, Bill, price_factors
from sim.cost.price import ApiPrice, Price
from sim.engine.result import TOKEN_KINDS, Result
from sim.engine.system import Pool, System

NOBODY = "nobody"
"""Costs that no request caused."""
OTHERS = "others"
"""Requests that name no client."""


def by_deployment(bill: Bill) -> dict[str, float]:
    """USD by deployment, in the order of the bill."""
    return {name: bill.of(name) for name in dict.fromkeys(line.deployment for line in bill.lines)}


def by_class(*, bill: Bill, system: System, result: Result, prices: Mapping[str, Price], classes: Sequence[str]) -> dict[str, float]:
    """USD by class, and by `nobody` where something is left; they add up to the bill."""
    usd = dict.fromkeys(classes, 0.0)
    nobody = bill.of(SHARED)
    for d, deployment in enumerate(system.deployments):
        price = prices[deployment.name]
        if isinstance(price, ApiPrice):
            factors = price_factors(result, d)
            for k, name in enumerate(classes):
                fresh, cached, output = result.tokens[d, k]
                usd[name] += input_usd(tokens=fresh, price=price, factors=factors)
                usd[name] += cached_input_usd(tokens=cached, price=price, factors=factors)
                usd[name] += output_usd(tokens=output, price=price, factors=factors)
                usd[name] += requests_usd(requests=result.api_requests[d, k], price=price, factors=factors)
        else:
            nobody += _share(usd, bill.of(deployment.name), dict(zip(classes, result.tokens[d].sum(axis=(1, 2, 3)), strict=True)))
    return usd | ({NOBODY: nobody} if nobody else {})


def by_client(*, bill: Bill, system: System, result: Result, clients: Sequence[str]) -> dict[str, float]:
    """USD by client, `others` for requests that name none, `nobody` where something is left; they add up to the bill.

    Empty when no request names a client.
    Each kind of token of an API is shared by tokens of that kind: tiers and times of single clients are not told apart.
    """
    if not clients:
        return {}
    usd = dict.fromkeys((*clients, OTHERS), 0.0)
    nobody = bill.of(SHARED)
    kinds = {f"api_{name}": kind for kind, name in enumerate(TOKEN_KINDS)}
    for d, deployment in enumerate(system.deployments):
        named = result.client_tokens[d, : len(clients)]
        rest = result.tokens[d].sum(axis=(0, 2, 3)) - named.sum(axis=0)
        for line in bill.lines:
            if line.deployment != deployment.name:
                continue
            kind = kinds.get(line.item) if not isinstance(deployment, Pool) else None
            weights = named.sum(axis=1) if kind is None else named[:, kind]
            left = rest.sum() if kind is None else rest[kind]
            nobody += _share(usd, line.usd, dict(zip((*clients, OTHERS), (*weights, left), strict=True)))
    if not usd[OTHERS]:
        del usd[OTHERS]
    return usd | ({NOBODY: nobody} if nobody else {})


def _share(usd: dict[str, float], amount: float, weights: Mapping[str, float]) -> float:
    """Add an amount to `usd` in proportion to weights; returns what could not be shared."""
    total = float(sum(weights.values()))
    if total <= 0:
        return amount
    for name, weight in weights.items():
        usd[name] += amount * float(weight) / total
    return 0.0
