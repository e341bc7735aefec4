"""Facts of a strategy from its replay and forecast, and of one that is costed and not served from its training alone."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from sim.catalog.catalog import Catalog
from sim.cost.replay import Replay
from sim.decision.carried import carried_per_s
from sim.decision.facts import Quantiles, StrategyFacts
from sim.decision.needs_parts import Evaluation
from sim.decision.quality import quality_of_strategy
from sim.decision.strategies import Strategy
from sim.decision.training import TrainingCost, training_cost
from sim.futures.bands import band
from sim.futures.forecast import Band, FloatArray, Forecast
from sim.measure.latency import ALL
from sim.stack.resolved import ResolvedApi, ResolvedStack
from sim.units import SECONDS_PER_MONTH

_THOUSAND = 1000.0


def served_facts(
    strategy: Strategy, forecast: Forecast, replay: Replay, resolved: ResolvedStack, scores: Mapping[str, Evaluation], catalog: Catalog
) -> StrategyFacts:
    """What a replay and a forecast say of a strategy; the cost of training is on top where a model of one's own is made.

    `scores` are the user's, by model or strategy.
    """
    trained = _training(strategy, forecast.futures, len(forecast.months), forecast.seed, catalog)
    invoice, tco = forecast.total("invoice"), forecast.total("tco")
    ready, assumed = resolved.costs.time_to_production_months, resolved.costs.assumption("time_to_production_months")
    window_usd = forecast.window_se * float(invoice.mean(axis=0).sum())
    if trained is not None:
        invoice, tco = invoice + trained.compute_usd, tco + trained.compute_usd + trained.people_usd
        ready, assumed = max(ready, float(np.median(trained.months))), trained.assumed
    requests = np.asarray(forecast.usage[:, :, forecast.layout.at("all", "requests")])
    answered = share_by_model(replay, resolved)
    outcomes = replay.measures.outcomes
    energy = forecast.capacity.energy_kwh
    return StrategyFacts(
        strategy=strategy,
        months=forecast.months,
        tco_usd_by_month=tco,
        invoice_usd_by_month=invoice,
        requests_by_month=requests,
        tco_usd=band(tco.sum(axis=1), extra_variance=window_usd**2),
        invoice_usd=band(invoice.sum(axis=1), extra_variance=window_usd**2),
        usd_per_1000_requests=_per_1000(invoice, requests),
        tco_usd_per_1000_requests=_per_1000(tco, requests),
        months_to_production=ready,
        months_to_production_assumed=assumed,
        quality=quality_of_strategy(strategy.name, answered, scores),
        forecast=forecast,
        replay=replay,
        resolved=resolved,
        ttft_s=_quantiles(replay, "ttft"),
        tpot_s=_quantiles(replay, "tpot"),
        e2e_s=_quantiles(replay, "e2e"),
        completed_share=outcomes.completed_share,
        throughput_per_s=carried_per_s(replay, resolved),
        good_share=replay.measures.good_share,
        slo_met_share=float(forecast.slo.met.mean()),
        fallback_share=outcomes.fallback_share,
        share_by_model=answered,
        energy_kwh=None if np.isnan(energy).all() else band(np.nansum(energy, axis=2).sum(axis=1)),
        tokens_per_month=tokens_per_month(replay),
    )


def trained_facts(
    strategy: Strategy, months: tuple[str, ...], requests: FloatArray, tokens: float, scores: Mapping[str, Evaluation], *, seed: int,
    catalog: Catalog,
) -> StrategyFacts:  # fmt: skip
    """What is known of a strategy that is costed and not served: its training.

    `requests` [F, M] are those asked in the months, `tokens` those of the trace a month. Serving is not in its cost, which is so the least
    that it takes.
    """
    futures, count = requests.shape
    found = _training(strategy, futures, count, seed, catalog)
    assert found is not None  # only these have no stack
    invoice, tco = found.compute_usd, found.compute_usd + found.people_usd
    return StrategyFacts(
        strategy=strategy,
        months=months,
        tco_usd_by_month=tco,
        invoice_usd_by_month=invoice,
        requests_by_month=requests,
        tco_usd=band(tco.sum(axis=1)),
        invoice_usd=band(invoice.sum(axis=1)),
        usd_per_1000_requests=_per_1000(invoice, requests),
        tco_usd_per_1000_requests=_per_1000(tco, requests),
        months_to_production=float(np.median(found.months)),
        months_to_production_assumed=found.assumed,
        quality=quality_of_strategy(strategy.name, {}, scores),
        forecast=None,
        replay=None,
        resolved=None,
        ttft_s=None,
        tpot_s=None,
        e2e_s=None,
        completed_share=None,
        throughput_per_s=None,
        good_share=None,
        slo_met_share=None,
        fallback_share=None,
        share_by_model=MappingProxyType({}),
        energy_kwh=None,
        tokens_per_month=tokens,
    )


def share_by_model(replay: Replay, resolved: ResolvedStack) -> Mapping[str, float]:
    """Shares of the completed requests by catalogue name of the model that answered; empty where none completed."""
    done: dict[str, int] = {}
    for each, use in zip(resolved.deployments, replay.measures.uses, strict=True):
        model = each.model.name if isinstance(each, ResolvedApi) else each.spec.llm
        done[model] = done.get(model, 0) + use.completed
    total = sum(done.values())
    return MappingProxyType({model: count / total for model, count in done.items()} if total else {})


def tokens_per_month(replay: Replay) -> float:
    """Prompt and output tokens of the trace at the rate of a month of 730 hours; 0 for a trace without duration."""
    tokens, window_s = replay.prompt_tokens + replay.output_tokens, replay.measures.window_s
    return tokens * SECONDS_PER_MONTH / window_s if window_s > 0 else 0.0


def _training(strategy: Strategy, futures: int, months: int, seed: int, catalog: Catalog) -> TrainingCost | None:
    kind = strategy.kind
    if kind != "continued_pretraining" and kind != "from_scratch":
        return None
    return training_cost(kind, futures=futures, months=months, seed=seed, catalog=catalog)


def _per_1000(usd: FloatArray, requests: FloatArray) -> Band | None:
    """The band of money for 1,000 requests over all months; None where some future has no request."""
    asked = requests.sum(axis=1)
    return band(usd.sum(axis=1) / asked * _THOUSAND) if (asked > 0).all() else None


def _quantiles(replay: Replay, metric: str) -> Quantiles | None:
    spreads = [row.spread for row in replay.measures.latency if (row.metric, row.deployment, row.class_name) == (metric, ALL, ALL)]
    return Quantiles(spreads[0].p50, spreads[0].p95, spreads[0].p99) if spreads else None
