"""Facts of strategies put together by hand, to be watched and exchanged: a forecast, who answers, and who keeps it running."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from sim.decision.facts import StrategyFacts
from sim.decision.needs_parts import Kind
from sim.decision.strategies import Strategy
from sim.futures.bands import band
from sim.futures.forecast import Forecast

COSTS = {
    "ml_engineers": 0.0, "devops_engineers": 0.0, "time_to_production_months": 0.0, "engineer_usd_per_hour": 150.0, "development_usd": 0.0,
    "upfronts": (),
}  # fmt: skip


def facts(
    forecast: Forecast, name: str = "", *, vendors: tuple[str, ...] = (), gpus: bool = False, kind: Kind = "api", costs: dict[str, Any] | None = None,
    **changed: object,
) -> StrategyFacts:  # fmt: skip
    """Facts of a forecast; what is not told is not known. `gpus`: whether a deployment is on own GPUs."""
    own = {"own": SimpleNamespace(kind="gpu")} if gpus else {"api": SimpleNamespace(kind="api")}
    stack = cast(Any, SimpleNamespace(stack=SimpleNamespace(deployments=own)))
    requests = forecast.usage[:, :, forecast.layout.at("all", "requests")]
    invoice, tco = forecast.total("invoice"), forecast.total("tco")
    fields: dict[str, object] = {
        "strategy": Strategy(name or forecast.stack, kind, stack, ("model",), vendors),
        "months": forecast.months,
        "tco_usd_by_month": tco,
        "invoice_usd_by_month": invoice,
        "requests_by_month": requests,
        "tco_usd": band(tco.sum(axis=1)),
        "invoice_usd": band(invoice.sum(axis=1)),
        "usd_per_1000_requests": None,
        "tco_usd_per_1000_requests": None,
        "months_to_production": 0.0,
        "months_to_production_assumed": "",
        "quality": None,
        "forecast": forecast,
        "replay": None,
        "resolved": SimpleNamespace(costs=SimpleNamespace(**{**COSTS, **(costs or {})}), deployments=()),
        "ttft_s": None,
        "tpot_s": None,
        "e2e_s": None,
        "completed_share": 1.0,
        "throughput_per_s": None,
        "good_share": None,
        "slo_met_share": float(forecast.slo.met.mean()),
        "fallback_share": None,
        "share_by_model": {"model": 1.0},
        "energy_kwh": None,
        "tokens_per_month": 1e9,
    }
    return StrategyFacts(**{**fields, **changed})  # type: ignore[arg-type]


def amounts(forecast: Forecast, **by_item: npt.ArrayLike) -> Forecast:
    """The forecast with amounts of its API, `api__priced_input_0=...`, or of all, `all__completed=...`, by future and month."""
    for item, values in by_item.items():
        deployment, amount = item.split("__")
        forecast.usage[:, :, forecast.layout.at(deployment, amount)] = np.asarray(values, np.float64)
    return forecast
