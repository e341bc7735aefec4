"""What is known of each strategy: the one thing that gates, matrices, triggers and advice read. F futures, M months; USD, seconds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sim.cost.replay import Replay
from sim.decision.strategies import Strategy
from sim.futures.forecast import Band, FloatArray, Forecast
from sim.stack.resolved import ResolvedStack


@dataclass(frozen=True, slots=True)
class Quality:
    """A score of the user's evaluation with its 95 % interval; of a strategy whose requests go to several models, by their shares."""

    score: float
    low: float | None
    """None where nobody said on how many examples it was measured."""
    high: float | None
    n: int | None
    source: str


@dataclass(frozen=True, slots=True)
class Quantiles:
    """Seconds over the requests of the trace; None where none has a value."""

    p50: float | None
    p95: float | None
    p99: float | None


@dataclass(frozen=True)
class StrategyFacts:
    """One strategy on the real trace, and over the months of the same futures as the others."""

    strategy: Strategy
    months: tuple[str, ...]
    """`2026-11` and those that follow."""
    tco_usd_by_month: FloatArray
    """[F, M] everything; future f is the same traffic, prices and incidents for every strategy."""
    invoice_usd_by_month: FloatArray
    """[F, M] what suppliers charge."""
    requests_by_month: FloatArray
    """[F, M] asked."""
    tco_usd: Band
    """Of all months."""
    invoice_usd: Band
    usd_per_1000_requests: Band | None
    """What suppliers charge, over all requests asked; None where none is asked."""
    tco_usd_per_1000_requests: Band | None
    months_to_production: float
    months_to_production_assumed: str
    """What of it is assumed, in words; empty: nothing."""
    quality: Quality | None
    """None: unknown. Never guessed."""
    forecast: Forecast | None
    """None for a strategy that is costed and not served; so is all below."""
    replay: Replay | None
    """Of the trace itself."""
    resolved: ResolvedStack | None
    ttft_s: Quantiles | None
    tpot_s: Quantiles | None
    e2e_s: Quantiles | None
    completed_share: float | None
    """Of the requests of the trace."""
    throughput_per_s: float | None
    """Requests a second of this mix that it can carry, by the load of its places; None where that is not known."""
    good_share: float | None
    """Requests of the trace within the stack's own service levels."""
    slo_met_share: float | None
    """Of months and futures: those that meet every service level of the stack."""
    fallback_share: float | None
    """Requests of the trace answered elsewhere than at the first place of their rule, over those completed."""
    share_by_model: Mapping[str, float]
    """Of the completed requests of the trace, by catalogue name of the model that answered; empty where it is not served."""
    energy_kwh: Band | None
    """Of own or rented GPUs over all months; None for a stack without."""
    tokens_per_month: float
    """Of the trace at the rate of a month of 730 hours: prompt and output tokens."""

    @property
    def name(self) -> str:
        """Of the strategy."""
        return self.strategy.name
