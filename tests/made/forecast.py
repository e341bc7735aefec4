"""Forecasts put together by hand: monthly costs, requests and service levels by future, from which everything else is computed."""

from __future__ import annotations

import datetime
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from sim.futures.calendar import Calendar
from sim.futures.forecast import Accuracy, Capacity, FloatArray, Forecast, LineKind, LineName, SloForecast
from sim.futures.usage import UsageLayout

POOL, API = "own", "api"
LAYOUT = UsageLayout.of([POOL], [(API, 1)])
Lines = Mapping[tuple[str, str, LineKind], npt.ArrayLike]


def forecast(
    lines: Lines,
    *,
    stack: str = "a",
    futures: int = 1,
    months: int = 1,
    requests: npt.ArrayLike = 1000.0,
    input_tokens: npt.ArrayLike = 2_000_000.0,
    output_tokens: npt.ArrayLike = 500_000.0,
    energy_kwh: npt.ArrayLike = np.nan,
    good_share: npt.ArrayLike = 1.0,
    met: npt.ArrayLike = True,
    calendar: Calendar | None = None,
    **changed: object,
) -> Forecast:
    """A forecast of bill lines by (deployment, item, kind); everything of it is spread over [F, M].

    Requests belong to the whole, tokens and energy to the pool `own`. `changed` are other fields of the forecast.
    """
    calendar = calendar or Calendar(datetime.date(2026, 11, 1), months)
    shape = (futures, calendar.months)

    def spread(values: npt.ArrayLike) -> FloatArray:
        return np.broadcast_to(np.asarray(values, np.float64), shape).copy()

    def of_pool(values: npt.ArrayLike) -> FloatArray:
        return np.stack([spread(values), np.full(shape, np.nan)], axis=2)

    usage = np.zeros((*shape, len(LAYOUT)))
    good = spread(good_share)
    held = np.where(np.isnan(good), 0.0, spread(requests))
    for item, amount in (
        ("requests", spread(requests)),
        ("completed", spread(requests)),
        ("held", held),
        ("met", np.nan_to_num(good) * held),
    ):
        usage[:, :, LAYOUT.at("all", item)] = amount
    usage[:, :, LAYOUT.at(POOL, "input_tokens")] = spread(input_tokens)
    usage[:, :, LAYOUT.at(POOL, "output_tokens")] = spread(output_tokens)
    nothing = np.full((*shape, 2), np.nan)
    fields: dict[str, object] = {
        "stack": stack,
        "outlook": "made",
        "seed": 0,
        "months": calendar.names,
        "month_days": tuple(map(int, calendar.days)),
        "lines": tuple(LineName(*name) for name in lines),
        "usd": np.stack([spread(usd) for usd in lines.values()], axis=2),
        "layout": LAYOUT,
        "usage": usage,
        "slo": SloForecast(
            good_share=good,
            completed_share=spread(1.0),
            ttft_p95_s=spread(0.5),
            ttft_p99_s=spread(0.9),
            tpot_p95_s=spread(0.02),
            met=np.broadcast_to(np.asarray(met, np.bool_), shape).copy(),
        ),
        "deployments": (POOL, API),
        "capacity": Capacity(
            gpus=nothing,
            nodes=nothing,
            gpu_hours=nothing,
            requests=nothing,
            input_tokens=of_pool(input_tokens),
            output_tokens=of_pool(output_tokens),
            busy_share=nothing,
            load=nothing,
            slo_share=nothing,
            energy_kwh=of_pool(energy_kwh),
        ),
        "drivers": (),
        "remainder": None,
        "tco_drivers": (),
        "tco_remainder": None,
        "hazards": (),
        "accuracy": Accuracy(0, None, None, None, None),
        "mode": "made by hand",
        "tail_resolved": True,
        "cells": 0,
        "futures_needed": 2,
        "window_se": 0.0,
        "notes": (),
        "assumed": (),
        "discount_rate_per_year": None,
    }
    return Forecast(**{**fields, **changed})  # type: ignore[arg-type]
