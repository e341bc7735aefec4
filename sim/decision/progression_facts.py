"""A path as facts, so that it stands beside the strategies that stay as they are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from sim.decision.facts import Quality, Quantiles, StrategyFacts
from sim.decision.progression import Path
from sim.decision.strategies import Strategy
from sim.futures.bands import band
from sim.futures.forecast import Band, FloatArray


def path_facts(strategy: Strategy, found: Path, old: StrategyFacts, new: StrategyFacts) -> StrategyFacts:
    """The path as facts, to stand beside the others: money of its own, and of what was measured the worse of both stacks, since each of
    them answers for a time. It has no forecast and no replay: those are of its two stacks."""
    invoice, tco, requests = found.invoice_usd_by_month, found.tco_usd_by_month, old.requests_by_month
    windows = [0.0 if each.forecast is None else each.forecast.window_se * each.invoice_usd.mean for each in (old, new)]
    error = max(windows) ** 2
    thousands = requests.sum(axis=1) / 1000.0
    moved = float((found.moved_share * requests).sum() / requests.sum()) if requests.sum() else 0.0
    return replace(
        old,
        strategy=strategy,
        tco_usd_by_month=tco,
        invoice_usd_by_month=invoice,
        tco_usd=band(tco.sum(axis=1), extra_variance=error),
        invoice_usd=band(invoice.sum(axis=1), extra_variance=error),
        usd_per_1000_requests=_per(invoice, thousands),
        tco_usd_per_1000_requests=_per(tco, thousands),
        quality=_lesser(old.quality, new.quality),
        forecast=None,
        replay=None,
        ttft_s=_slower(old.ttft_s, new.ttft_s),
        tpot_s=_slower(old.tpot_s, new.tpot_s),
        e2e_s=_slower(old.e2e_s, new.e2e_s),
        completed_share=_least(old.completed_share, new.completed_share),
        throughput_per_s=_least(old.throughput_per_s, new.throughput_per_s),
        good_share=_least(old.good_share, new.good_share),
        slo_met_share=_least(old.slo_met_share, new.slo_met_share),
        share_by_model={
            model: (1 - moved) * old.share_by_model.get(model, 0.0) + moved * new.share_by_model.get(model, 0.0)
            for model in (*old.share_by_model, *new.share_by_model)
        },
        energy_kwh=None,
    )


def _per(usd: FloatArray, count: FloatArray) -> Band | None:
    return band(usd.sum(axis=1) / count) if np.all(count > 0) else None


def _lesser(a: Quality | None, b: Quality | None) -> Quality | None:
    return None if a is None or b is None else min(a, b, key=lambda each: each.score)


def _least(a: float | None, b: float | None) -> float | None:
    return None if a is None or b is None else min(a, b)


def _slower(a: Quantiles | None, b: Quantiles | None) -> Quantiles | None:
    if a is None or b is None:
        return None

    def worse(x: float | None, y: float | None) -> float | None:
        return None if x is None or y is None else max(x, y)

    return Quantiles(worse(a.p50, b.p50), worse(a.p95, b.p95), worse(a.p99, b.p99))
