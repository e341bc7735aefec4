"""The months ahead as plain data, the part of summary.json that a plain replay has nothing for: null or empty there, never missing."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

from sim.futures.forecast import Band
from sim.futures.risk import Budget
from sim.report.forecast_report import TOTALS, ForecastReport, Total

BAND = ("mean", "p5", "p50", "p95", "se", "se_p5", "se_p50", "se_p95")
_LINE = BAND[:5]
ACCURACY = ("days", "usd_bias", "usd_rms", "slo_bias", "slo_rms")
HAZARD = (
    "kind", "name", "per_month", "hours_per_month", "replayed", "failed_requests", "saved_requests", "late_requests", "usd",
)  # fmt: skip


def forecast_summary(ahead: ForecastReport | None) -> dict[str, Any]:
    """The keys of a summary that are about months, from `forecast` to `accuracy`; null or empty where there are none."""
    if ahead is None:
        return {
            "forecast": None, "monthly": [], "total": None, "drivers": [], "drivers_remainder": None,
            "drivers_remainder_tco": None, "budget": None, "incidents": [],
            "accuracy": None,
        }  # fmt: skip
    found = ahead.found
    return {
        "forecast": {
            "start": found.months[0],
            "months": len(found.months),
            "outlook": found.outlook,
            "futures": found.futures,
            "futures_needed": found.futures_needed,
            "mode": found.mode,
            "cells": found.cells,
            "tail_resolved": found.tail_resolved,
            "window_se": found.window_se,
            "notes": list(found.notes),
            "assumed": list(found.assumed),
            "dated": [{**asdict(each), "month": found.months[each.month], "date": each.date or None} for each in found.dated],
        },
        "monthly": [_month(ahead, m) for m in range(len(found.months))],
        "total": {
            **{f"{kind}_usd": _band(ahead.total[kind]) | _shortfall(ahead, kind) | _present(ahead, kind) for kind in TOTALS},
            "lines": [_line(ahead, k, None) for k in range(len(ahead.lines))],
        },
        "drivers": [
            {
                "group": each.group,
                "share": each.share,
                "low": each.low,
                "high": each.high,
                "what": each.what,
                "tco": {"share": tco.share, "low": tco.low, "high": tco.high},
            }
            for each, tco in zip(found.drivers, found.tco_drivers, strict=True)
        ],
        "drivers_remainder": found.remainder,
        "drivers_remainder_tco": found.tco_remainder,
        "budget": _budget(ahead),
        "incidents": [{name: number(getattr(each, name)) for name in HAZARD} for each in found.hazards],
        "accuracy": {name: number(getattr(found.accuracy, name)) for name in ACCURACY},
    }


def slo_by_month(ahead: ForecastReport | None) -> list[dict[str, Any]]:
    """`slo.by_month`: in which share of futures a level is missed, and bands of what the levels are about; empty for a plain replay."""
    if ahead is None:
        return []
    return [
        {
            "month": month,
            "missed_share": ahead.missed_by_month[m].p_miss,
            "missed_share_se": ahead.missed_by_month[m].se,
            "at_risk": m in ahead.months_at_risk,
            **{name: _band(each[m]) for name, each in ahead.slo.items()},
        }
        for m, month in enumerate(ahead.found.months)
    ]


def _month(ahead: ForecastReport, m: int) -> dict[str, Any]:
    return {
        "month": ahead.found.months[m],
        "days": ahead.found.month_days[m],
        **{f"{kind}_usd": _band(ahead.monthly[kind][m]) for kind in TOTALS},
        "incident_hours": None if ahead.incident_hours is None else _band(ahead.incident_hours[m]),
        "lines": [_line(ahead, k, m) for k in range(len(ahead.lines))],
    }


def _line(ahead: ForecastReport, k: int, m: int | None) -> dict[str, Any]:
    line = ahead.lines[k]
    band = line.total if m is None else line.monthly[m]
    name = {"deployment": line.name.deployment, "item": line.name.item, "kind": line.name.kind}
    # What is assumed of a line is the same in every month: once, with the total.
    return name | {key: number(getattr(band, key)) for key in _LINE} | ({"assumed": line.name.assumed or None} if m is None else {})


def _band(band: Band) -> dict[str, Any]:
    return {name: number(getattr(band, name)) for name in BAND}


def _shortfall(ahead: ForecastReport, kind: Total) -> dict[str, Any]:
    found = ahead.shortfall[kind]
    return {"expected_shortfall": found.usd, "se_expected_shortfall": number(found.se)}


def _present(ahead: ForecastReport, kind: Total) -> dict[str, Any]:
    return {"present_value_mean": None if ahead.present_value is None else ahead.present_value[kind]}


def _budget(ahead: ForecastReport) -> dict[str, Any] | None:
    if ahead.budgets is None:
        return None
    months = zip(ahead.found.months, ahead.spent_by_month, strict=True)
    return {
        "usd": ahead.budget_usd,
        **{kind: _against(found) for kind, found in ahead.budgets.items()},
        "by_month": [{"month": month, "spent_share": share} for month, share in months],
    }


def _against(budget: Budget) -> dict[str, Any]:
    return {
        "p_exceed": budget.p_exceed,
        "p_exceed_se": budget.se,
        "expected_excess_usd": budget.expected_excess_usd,
        "expected_excess_se": number(budget.se_excess),
        "excess_if_exceeded_usd": budget.excess_if_exceeded_usd,
    }


def number(value: Any) -> Any:
    """What does not exist is null."""
    return None if isinstance(value, float) and math.isnan(value) else value
