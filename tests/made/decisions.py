"""What a decision is made of, put together by hand: needs, the bundled strategies, and facts of them by their TCO in each future."""

from __future__ import annotations

from functools import cache
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from sim.catalog.catalog import Catalog
from sim.decision.facts import Quality, Quantiles, StrategyFacts
from sim.decision.needs import Needs
from sim.decision.needs_parts import Kind
from sim.decision.strategies import Progression, Strategy
from sim.decision.strategy_read import strategy_of
from sim.futures.bands import band
from sim.stack.read import read_stack

CATALOG = Catalog.bundled()
BUNDLED = ("api-first", "multi-vendor", "rag", "vendor-fine-tune", "hybrid", "self-hosted", "on-premises", "own-fine-tune")


def needs(**said: Any) -> Needs:
    """Needs as a file has them, lists for tuples."""
    return Needs.model_validate(said)


@cache
def strategy(name: str) -> Strategy:
    """A strategy of a bundled stack, or a model of one's own without one."""
    if name in ("continued-pretraining", "from-scratch"):
        kind: Kind = "from_scratch" if name == "from-scratch" else "continued_pretraining"
        return strategy_of(name, None, CATALOG, kind=kind)
    return strategy_of(name, read_stack(name, CATALOG), CATALOG)


def then(first: str, second: str, month: int = 9) -> Strategy:
    """A strategy that goes over to another stack."""
    begins = strategy(first)
    later = Progression(read_stack(second, CATALOG), month, None, 1, None, None, None, None)
    return Strategy(f"{first}-then-{second}", begins.kind, begins.stack, begins.models, begins.vendors, later)


def facts(
    name: str | Strategy, tco_usd: npt.ArrayLike = 1000.0, *, months: float = 0.5, quality: Quality | None = None, ttft: Quantiles | None = None,
    e2e: Quantiles | None = None, usd_per_1000: npt.ArrayLike | None = None, **changed: Any,
) -> StrategyFacts:  # fmt: skip
    """Facts of a strategy with a TCO [F] of all months, in one month."""
    usd = np.atleast_1d(np.asarray(tco_usd, float))[:, None]
    fields: dict[str, Any] = {
        "strategy": strategy(name) if isinstance(name, str) else name,
        "months": ("2026-11",),
        "tco_usd_by_month": usd,
        "invoice_usd_by_month": usd,
        "requests_by_month": np.ones_like(usd),
        "tco_usd": band(usd[:, 0]),
        "invoice_usd": band(usd[:, 0]),
        "usd_per_1000_requests": None if usd_per_1000 is None else band(np.atleast_1d(np.asarray(usd_per_1000, float))),
        "tco_usd_per_1000_requests": None,
        "months_to_production": months,
        "months_to_production_assumed": "",
        "quality": quality,
        "forecast": None,
        "replay": None,
        "resolved": None,
        "ttft_s": ttft,
        "tpot_s": None,
        "e2e_s": e2e,
        "completed_share": None,
        "throughput_per_s": None,
        "good_share": None,
        "slo_met_share": None,
        "fallback_share": None,
        "share_by_model": MappingProxyType({}),
        "energy_kwh": None,
        "tokens_per_month": 1e8,
    }
    return StrategyFacts(**{**fields, **changed})
