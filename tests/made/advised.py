"""Facts of bundled strategies with forecasts put together by hand, to be advised on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt

from sim.decision.facts import Quality, StrategyFacts
from sim.futures.bands import band
from sim.futures.signals import Signals
from tests.made import decisions
from tests.made.forecast import forecast
from tests.made.watched import amounts

PAY = {"ml_engineers": 0.5, "devops_engineers": 0.25, "ml_engineer_usd_per_month": 18_000.0, "engineer_usd_per_hour": 150.0}
COVERED = {
    "evaluation": 100.0, "security_incidents": 100.0, "compliance_ongoing": 100.0, "maintenance": 100.0, "people_devops": 100.0,
}  # fmt: skip
"""Lines, USD a month, of everything that shows after half a year, and of someone who works on it."""


def score(value: float) -> Quality:
    """A score without an interval."""
    return Quality(value, None, None, None, "ours")


def facts(
    name: str, invoice: npt.ArrayLike = 1000.0, *, months: int = 12, futures: int = 1, requests: float = 3e6, tokens_per_month: float = 1e8,
    outage_h: float = 0.0, priced_tokens: float = 0.0, vendors: tuple[str, ...] | None = None, pay: dict[str, float] | None = None, lines: Mapping[str, npt.ArrayLike] | None = None,
    **changed: Any,
) -> StrategyFacts:  # fmt: skip
    """A served strategy by its invoice a month (of tokens at an API, else of GPUs) and lines beside it, spread over [F, M]."""
    plain = decisions.strategy(name)
    if vendors is not None:
        plain = replace(plain, vendors=vendors)
    what = ("own", "gpu_used", "invoice") if plain.own_gpus else ("api", "api_input", "invoice")
    beside = {("shared", item, "tco"): usd for item, usd in (COVERED if lines is None else lines).items()}
    found = forecast({what: invoice, **beside}, stack=name, futures=futures, months=months, requests=requests)  # type: ignore[dict-item]
    amounts(found, api__priced_input_0=priced_tokens)
    signals = Signals(np.full((futures, 2), months), np.full((futures, months, 2), outage_h))
    object.__setattr__(found, "signals", signals)
    tco, paid = found.total("tco"), found.total("invoice")
    fields: dict[str, Any] = {
        "strategy": plain,
        "forecast": found,
        "months": found.months,
        "tco_usd_by_month": tco,
        "invoice_usd_by_month": paid,
        "requests_by_month": np.full((futures, months), requests),
        "tco_usd": band(tco.sum(axis=1)),
        "invoice_usd": band(paid.sum(axis=1)),
        "resolved": SimpleNamespace(costs=SimpleNamespace(**{**PAY, **(pay or {})})),
        "tokens_per_month": tokens_per_month,
    }
    return replace(decisions.facts(name), **{**fields, **changed})


def trained(name: str = "from-scratch", usd: float = 100_000.0, *, months: int = 12, **changed: Any) -> StrategyFacts:
    """A model of one's own that is costed and not served, at so much a month."""
    tco = np.full((1, months), usd)
    fields: dict[str, Any] = {
        "months": tuple(f"month {month}" for month in range(months)),
        "tco_usd_by_month": tco,
        "invoice_usd_by_month": tco,
        "requests_by_month": np.full((1, months), 3e6),
        "tco_usd": band(tco.sum(axis=1)),
        "invoice_usd": band(tco.sum(axis=1)),
        "months_to_production": 9.0,
    }
    return replace(decisions.facts(name), **{**fields, **changed})
