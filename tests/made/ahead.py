"""A forecast with something of everything, put together by hand: growth, spread, lines of every kind, incidents, missed levels."""

from __future__ import annotations

import datetime

import numpy as np

from sim.futures.calendar import Calendar
from sim.futures.forecast import Accuracy, Capacity, Driver, Forecast, HazardEffect
from tests.made.forecast import forecast

POOL_GPUS = 2.0
START = datetime.date(2026, 11, 1)


def ahead(
    months: int = 12, futures: int = 400, *, spread: float = 1.0, scale: float = 1.0, start: datetime.date = START, **changed: object
) -> Forecast:
    """Hand-made months of a pool `own` and an API `api`; `spread` 0 makes all futures alike, `scale` multiplies all money."""
    calendar = Calendar(start, months)
    shape = (futures, months)
    random = np.random.default_rng(1)
    growth = np.exp(0.03 + 0.02 * spread * random.standard_normal((futures, 1))) ** np.arange(months)
    price = np.exp(0.1 * spread * random.standard_normal((futures, 1)))
    pool = scale * 5000 * price * calendar.days / 30.4 * np.maximum(1.0, 0.6 * growth)
    tokens = scale * 60 * growth**2 * calendar.days
    people = scale * 8000 * np.exp(0.1 * spread * random.standard_normal((futures, 1))) * np.ones(shape)
    good = np.clip(0.98 - 0.002 * growth**4 * np.exp(0.5 * spread * random.standard_normal(shape)), 0.0, 1.0)
    nothing = np.full(shape, np.nan)

    def of_pool(values: np.ndarray) -> np.ndarray:
        return np.stack([values, nothing], axis=2)

    gpus = POOL_GPUS * growth**0.2
    capacity = Capacity(
        gpus=of_pool(gpus), nodes=of_pool(np.ceil(gpus / 8)), gpu_hours=of_pool(gpus * calendar.hours), requests=np.stack([3e6 * growth, 1e5 * growth], 2),
        input_tokens=np.stack([3e9 * growth, 1e8 * growth], 2), output_tokens=np.stack([6e8 * growth, 1e7 * growth], 2),
        busy_share=of_pool(np.minimum(0.5 * growth, 1.0)), load=of_pool(0.33 * growth), slo_share=np.stack([good, good], 2),
        energy_kwh=of_pool(0.9 * gpus * calendar.hours),
    )  # fmt: skip
    fields: dict[str, object] = {
        "stack": "small",
        "good_share": good,
        "met": good > 0.965,
        "requests": 3e6 * growth,
        "calendar": calendar,
        "capacity": capacity,
        "outlook": "base",
        "drivers": (
            Driver("demand", 0.52, 0.43, 0.61, "growth of 3 % a month, p5 0 %, p95 8 % (assumed)"),
            Driver("gpu_prices", 0.30, 0.21, 0.38, "drift and jumps of rental prices"),
            Driver("people", 0.0, 0.0, 0.0, "salaries"),
        ),
        "remainder": 0.18,
        "tco_drivers": (
            Driver("demand", 0.12, 0.07, 0.17, "growth of 3 % a month, p5 0 %, p95 8 % (assumed)"),
            Driver("gpu_prices", 0.08, 0.04, 0.12, "drift and jumps of rental prices"),
            Driver("people", 0.76, 0.70, 0.82, "salaries"),
        ),
        "tco_remainder": 0.04,
        "hazards": (
            HazardEffect("api_outage", "groq", 0.4, 0.9, 50, 12.0, 310.0, 3.0, 1.2 * scale),
            HazardEffect("gpu_failure", "own", 0.3, 2.0, 50, 100.0, 900.0, 4000.0, -35.0 * scale),
            HazardEffect("spot_preemption", "own", 0.0, 0.0, 0, 0.0, 0.0, 0.0, 0.0),
        ),
        "accuracy": Accuracy(24, -0.003, 0.012, 0.0002, 0.003),
        "mode": "contiguous days, as a backlog outlives a window",
        "cells": 41,
        "futures_needed": 350,
        "window_se": 0.008,
        "notes": ("2027-03-01: groq-llama-3.3-70b is retired; its successor takes over (assumed)",),
        "assumed": ("growth of demand", "salaries"),
    }
    lines = {
        ("own", "gpu_used", "invoice"): 0.85 * pool,
        ("own", "gpu_idle", "invoice"): 0.15 * pool,
        ("api", "api_input", "invoice"): tokens,
        ("api", "api_requests", "invoice"): 0.0,
        ("shared", "people_ml", "tco", "half a machine learning engineer"): people,
        ("shared", "compliance", "tco"): 500.0 * scale,
        ("shared", "opportunity", "apart"): 1000.0 * scale,
    }
    return forecast(lines, months=months, futures=futures, **{**fields, **changed})  # type: ignore[arg-type]
