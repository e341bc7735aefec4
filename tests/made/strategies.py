"""Strategies to hold against each other, put together by hand: an API that costs by the request, GPUs that cost by the month."""

from __future__ import annotations

import datetime

import numpy as np
import numpy.typing as npt

from sim.futures.calendar import Calendar
from sim.futures.forecast import Forecast
from sim.planning.comparison import compare
from sim.report.comparison_report import ComparisonReport
from sim.report.run_report import TraceSummary
from tests.made.forecast import forecast

START = datetime.date(2026, 11, 1)
LEVELS = "TTFT p95 3 s, TPOT p95 50 ms, 99.5 % completed"
REQUESTS = 3e6


def strategy(
    stack: str, *, per_request: float = 0.0, fixed: npt.ArrayLike = 0.0, once: float = 0.0, people: float = 0.0, months: int = 12, futures: int = 200,
    spread: float = 0.02, **changed: object,
) -> Forecast:  # fmt: skip
    """Costs of a month are `fixed` plus `per_request`, people on top of the invoice, `once` in the first month; demand grows by 3 % a month."""
    random = np.random.default_rng(1)
    calendar = Calendar(START, months)
    requests = REQUESTS * np.exp(0.03 + spread * random.standard_normal((futures, 1))) ** np.arange(months)
    first = np.zeros((futures, months))
    first[:, 0] = once
    lines = {
        ("api", "api_input", "invoice"): per_request * requests,
        ("own", "gpu_used", "invoice"): fixed,
        ("shared", "people_devops", "tco", "a quarter of an engineer"): people * np.exp(
            0.1 * random.standard_normal((futures, 1))
        ),
        ("shared", "development", "tco"): first,
    }  # fmt: skip
    fields: dict[str, object] = {"requests": requests, "calendar": calendar, "outlook": "base", "assumed": ("demand: growth_per_month",)}
    return forecast(lines, stack=stack, futures=futures, months=months, **{**fields, **changed})  # type: ignore[arg-type]


def many(count: int, months: int = 12) -> list[Forecast]:
    """Up to eight strategies with names of all lengths, each on GPUs a little more than the one before."""
    names = (
        "api-first",
        "hybrid",
        "self-hosted-in-two-regions-with-a-long-name",
        "rag",
        "vendor-fine-tune",
        "on-premises",
        "x",
        "multi-vendor",
    )
    return [
        strategy(
            name, months=months, futures=100, per_request=0.006 / (k + 1), fixed=4000.0 * k, once=20_000.0 * k, people=1500.0 * (k + 1),
            energy_kwh=np.nan if k == 0 else 700.0 * k,
            met=np.arange(months) < months - k, assumed=("demand: growth_per_month", f"prices: rise_{k}"),
        )
        for k, name in enumerate(names[:count])
    ]  # fmt: skip


def side_by_side(*forecasts: Forecast, **changed: object) -> ComparisonReport:
    """Their report."""
    count = len(forecasts)
    fields: dict[str, object] = {
        "trace": TraceSummary("bursty", "0" * 64, 250_000, 86_400.0, 1, 1, (), 1),
        "date": "2026-11-21",
        "found": compare(forecasts, days_to_production=[91.25] * count),
        "forecasts": forecasts,
        "levels": (LEVELS,) * count,
        "ready_assumed": ("3 months to production",) * count,
        "cautions": ((),) * count,
    }
    return ComparisonReport(**{**fields, **changed})  # type: ignore[arg-type]
