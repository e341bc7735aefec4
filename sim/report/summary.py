"""summary.json: a run as plain data. A metric's name is its path here (`latency.ttft_s.p99`).

Times are seconds, money is USD, shares are of one; what does not exist is null, never zero.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from sim.cost.bill import Bill
from sim.cost.share import by_deployment
from sim.measure.histogram import Spread
from sim.measure.latency import ALL
from sim.report.cautions import month_caveat
from sim.report.forecast_answer import answer_of
from sim.report.forecast_summary import forecast_summary, slo_by_month
from sim.report.run_report import RunReport, price_list
from sim.units import HOURS_PER_MONTH

SCHEMA_VERSION = 1
_MOST_CLIENTS = 1000


def summary(report: RunReport) -> dict[str, Any]:
    """Everything as plain data for JSON; docs/output.md says what each key means."""
    found = report.measures
    outcomes = found.outcomes
    return {
        "schema_version": SCHEMA_VERSION,
        "answer": answer_of(report),
        "trace": {
            "name": report.trace.name,
            "sha256": report.trace.sha256,
            "requests": report.trace.requests,
            "duration_s": report.trace.duration_s,
            "prompt_tokens": report.trace.prompt_tokens,
            "output_tokens": report.trace.output_tokens,
            "classes": list(report.trace.classes),
            "clients": report.trace.clients,
            "closed_loop": None if report.trace.closed_loop is None else asdict(report.trace.closed_loop),
        },
        "stack": {"name": report.stack, "description": report.description},
        "seed": report.seed,
        "window_s": found.window_s,
        "end_s": found.end_s,
        "requests": {
            "total": outcomes.total,
            "completed": outcomes.completed,
            "rejected": outcomes.rejected,
            "timed_out": outcomes.timed_out,
            "failed": outcomes.failed,
            "unfinished": outcomes.unfinished,
            "reasons": outcomes.reasons,
            "completed_share": outcomes.completed_share,
            "fallback": outcomes.fallback_completed,
            "fallback_share": outcomes.fallback_share,
            "spilled": outcomes.spilled,
            "throttled": outcomes.throttled,
            "throttled_share": outcomes.throttled_share,
            "retries": outcomes.retries,
            "attempts": outcomes.attempts,
        },
        "latency": _latency(report, ALL, ALL),
        "slo": {
            "met": found.slo_met,
            "levels": {level.name: {"limit": level.limit, "measured": level.measured, "met": level.met} for level in found.levels},
            "goodput_per_s": found.goodput_per_s,
            "good_share": found.good_share,
            "left_out": list(found.lanes),
            "by_month": slo_by_month(report.ahead),
        },
        "deployments": {use.name: _deployment(report, d) for d, use in enumerate(found.uses)},
        "classes": {
            name: {"cost_usd": report.by_class.get(name, 0.0), "latency": _latency(report, ALL, name)} for name in report.trace.classes
        },
        "bill": _bill(report),
        **forecast_summary(report.ahead),
        "prices": price_list(report.date, report.prices),
        "profiles": {use.deployment: {key: value for key, value in asdict(use).items() if key != "deployment"} for use in report.profiles},
        "warnings": [{"code": each.code, "cause": each.cause, "remedy": each.remedy} for each in report.cautions],
        "notes": list(report.notes),
    }


def summary_json(report: RunReport) -> str:
    """The summary as text, ending with a line break; the same report gives the same bytes."""
    return json.dumps(summary(report), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _spread(found: Spread) -> dict[str, Any]:
    return {
        "count": found.count,
        "mean": found.mean,
        "p50": found.p50,
        "p90": found.p90,
        "p95": found.p95,
        "p99": found.p99,
        "max": found.max,
    }


def _latency(report: RunReport, deployment: str | None, class_name: str | None) -> dict[str, Any]:
    nothing = Spread(0, None, None, None, None, None, None)
    rows = {row.metric: row.spread for row in report.measures.latency if (row.deployment, row.class_name) == (deployment, class_name)}
    return {f"{metric}_s": _spread(rows.get(metric, nothing)) for metric in ("ttft", "tpot", "e2e")}


def _deployment(report: RunReport, d: int) -> dict[str, Any]:
    found = report.measures
    use, load, fleet = found.uses[d], found.loads[d], found.fleets[d]
    return {
        "kind": use.kind,
        "requests": use.requests,
        "completed": use.completed,
        "attempts": use.attempts,
        "throttled": use.throttled,
        "retries": use.retries,
        "spilled": use.spilled,
        "fallback": use.fallback_completed,
        "input_tokens": use.input_tokens,
        "cached_input_tokens": use.cached_input_tokens,
        "output_tokens": use.output_tokens,
        "input_tokens_per_s": use.input_tokens_per_s,
        "output_tokens_per_s": use.output_tokens_per_s,
        "goodput_per_s": use.goodput_per_s,
        "busy_share": use.busy_share,
        "occupancy": use.occupancy,
        "mean_batch": use.mean_batch,
        "prefix_hit_share": use.prefix_hit_share,
        "preemptions": use.preemptions,
        "load": load.mean,
        "load_peak": load.peak,
        "saturation_per_s": load.saturation_per_s,
        "replicas": None
        if fleet is None
        else {"min": fleet.least, "mean": use.ready_replicas, "max": fleet.most, "present_max": fleet.present_most},
        "gpu_hours": use.gpu_hours,
        "cost_usd": report.bill.of(use.name),
        "latency": _latency(report, use.name, ALL),
        "latency_by_class": {name: _latency(report, use.name, name) for name in report.trace.classes}
        if len(report.trace.classes) > 1
        else {},
    }


def _largest(usd: Mapping[str, float]) -> dict[str, float]:
    """The clients that cost most, by cost; beyond a thousand the rest is one."""
    ranked = sorted(usd.items(), key=lambda item: -item[1])
    rest = ranked[_MOST_CLIENTS:]
    return dict(ranked[:_MOST_CLIENTS]) | ({f"{len(rest):,} more clients": math.fsum(value for _, value in rest)} if rest else {})


def _bill(report: RunReport) -> dict[str, Any]:
    replayed: Bill = report.bill
    factor = replayed.month_factor
    return {
        "lines": [
            {
                "deployment": line.deployment,
                "item": line.item,
                "quantity": line.quantity,
                "unit": line.unit,
                "usd": line.usd,
                "month_usd": None if factor is None else line.usd * factor,
            }
            for line in replayed.lines
        ],
        "total_usd": replayed.total_usd,
        "usd_per_million_tokens": replayed.usd_per_million_tokens,
        "usd_per_1000_requests": replayed.usd_per_1000_requests,
        "by_deployment": by_deployment(replayed),
        "by_class": dict(report.by_class),
        "by_client": _largest(report.by_client),
        "month": {
            "hours": HOURS_PER_MONTH,
            "factor": factor,
            "total_usd": report.month_usd,
            "caveat": month_caveat(replayed.window_s, report.trace.closed_loop) or None,
        },
        "api_only": {
            "model": report.api_only.model,
            "total_usd": report.api_only.usd,
            "month_usd": report.api_only_month_usd,
            "source": report.api_only.source,
            "limits_applied": False,
        },
    }
