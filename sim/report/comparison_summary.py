"""comparison.json: a comparison as plain data.

A metric's name is its path; USD, shares of one, months from 1; what does not exist is null.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from sim.futures.forecast import Band
from sim.planning.comparison import Pair, PairCosts, StackSummary
from sim.planning.crossover import MonthOf
from sim.report.comparison_answer import comparison_answer
from sim.report.comparison_report import ComparisonReport
from sim.report.forecast_summary import number
from sim.report.gate_report import gate_data

SCHEMA_VERSION = 1


def comparison_json(report: ComparisonReport) -> str:
    """As text, ending with a line break; numbers with all their digits."""
    return json.dumps(comparison_summary(report), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def comparison_summary(report: ComparisonReport) -> dict[str, Any]:
    """Everything that a comparison says. What is said of a pair without naming invoice or TCO is said of its TCO."""
    found, first, trace = report.found, report.forecasts[0], report.trace
    return {
        "schema_version": SCHEMA_VERSION,
        "answer": comparison_answer(report),
        "trace": {"name": trace.name, "sha256": trace.sha256, "requests": trace.requests, "duration_s": trace.duration_s},
        "seed": first.seed,
        "outlook": first.outlook,
        "futures": found.futures,
        "futures_needed": max(each.futures_needed for each in report.forecasts),
        "start": found.months[0],
        "months": list(found.months),
        "price_date": report.date,
        "cheapest": {"tco": report.cheapest_first[0].name, "invoice": report.cheapest_by_invoice.name},
        "stacks": {each.name: _stack(report, k, each) for k, each in enumerate(found.stacks)},
        "gates": [gate_data(each) for each in report.gates],
        "pairs": [_pair(pair) for pair in found.pairs],
        "notes": report.notes(),
        "assumed": report.assumptions(),
    }


def _stack(report: ComparisonReport, k: int, stack: StackSummary) -> dict[str, Any]:
    forecast, ready = report.forecasts[k], report.ready_assumed[k]
    return {
        "invoice_usd": _band(stack.invoice_usd),
        "tco_usd": _band(stack.tco_usd),
        "p_cheapest": {"tco": report.p_cheapest("tco")[k], "invoice": report.p_cheapest("invoice")[k]},
        "usd_per_million_tokens": {
            "invoice": _band(stack.invoice_usd_per_million_tokens), "tco": _band(stack.tco_usd_per_million_tokens)
        },
        "slo": {
            "levels": report.levels[k],
            "good_share": _band(stack.good_share),
            "months_met": report.months_met(stack),
            "outgrown_month": stack.outgrown_month,
        },
        "days_to_production": stack.days_to_production,
        "days_to_production_assumed": ready or None,
        "energy_kwh": _band(stack.energy_kwh),
        "monthly": [
            {
                "month": month,
                "invoice_usd": _band(stack.invoice_usd_by_month[m]),
                "tco_usd": _band(stack.tco_usd_by_month[m]),
                "slo_met_share": stack.p_met_by_month[m],
                "good_share": _band(stack.good_share_by_month[m]),
            }
            for m, month in enumerate(report.found.months)
        ],
        "assumed_lines": [{"line": line, "usd": usd, "assumed": words} for line, words, usd in report.assumed_lines(stack.name)],
        "accuracy": {key: number(value) for key, value in asdict(forecast.accuracy).items()},
        "warnings": [asdict(each) for each in report.cautions[k]],
        "mode": forecast.mode,
        "cells": forecast.cells,
        "tail_resolved": forecast.tail_resolved,
        "window_se": forecast.window_se,
        "futures_needed": forecast.futures_needed,
    }  # fmt: skip


def _pair(pair: Pair) -> dict[str, Any]:
    return {
        "a": pair.a,
        "b": pair.b,
        "tie": pair.tco.tie and pair.invoice.tie,
        "p_a_cheaper": pair.p_a_cheaper,
        "run_rate_crossover_month": _median(pair.run_rate_crossover_month),
        "payback_month": _median(pair.payback_month),
        "break_even_requests_per_month": pair.break_even_requests_per_month,
        "break_even_tokens_per_month": pair.tco.break_even.tokens_per_month,
        "invoice": _costs(pair.invoice),
        "tco": _costs(pair.tco),
    }


def _costs(costs: PairCosts) -> dict[str, Any]:
    return {
        "tie": costs.tie,
        "p_a_cheaper": costs.p_a_cheaper,
        "p_a_cheaper_se": costs.se,
        "difference_usd": _band(costs.difference_usd),
        "by_month": [
            {"p_a_cheaper": p, "p_a_cheaper_se": se, "difference_usd": _band(difference)}
            for p, se, difference in zip(costs.p_a_cheaper_by_month, costs.se_by_month, costs.difference_usd_by_month, strict=True)
        ],
        "a_stays_below": _month(costs.a_stays_below),
        "b_stays_below": _month(costs.b_stays_below),
        "dearer_to_start": costs.dearer_to_start,
        "run_rate_crossover": _month(costs.run_rate_crossover_month),
        "payback": _month(costs.payback_month),
        "break_even": {key: None if value == "" else value for key, value in asdict(costs.break_even).items()},
    }


def _month(found: MonthOf | None) -> dict[str, Any] | None:
    return None if found is None else asdict(found)


def _median(found: MonthOf | None) -> int | None:
    return None if found is None else found.p50


def _band(band: Band | None) -> dict[str, Any] | None:
    return None if band is None else {key: number(value) for key, value in asdict(band).items()}
