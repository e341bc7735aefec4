"""plan.json: a plan as plain data. Seconds, USD, shares of one; what does not exist is null."""

from __future__ import annotations

import json
import math
from collections import Counter
from dataclasses import asdict
from typing import Any

from sim.planning.points import Row
from sim.report.plan_answer import plan_answer, why_lost
from sim.report.plan_labels import Alike
from sim.report.plan_proof import proof
from sim.report.plan_report import PlanReport
from sim.report.run_report import price_list

SCHEMA_VERSION = 1
_MOST_REASONS = 20


def plan_json(report: PlanReport) -> str:
    """As text, ending with a line break; the same plan gives the same bytes."""
    return json.dumps(plan_summary(report), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def plan_summary(report: PlanReport) -> dict[str, Any]:
    """Everything that a plan says."""
    plan, study = report.plan, report.plan.question.study
    counts = Counter(each.by for each in plan.dropped)
    runner_up = report.runner_up
    return {
        "schema_version": SCHEMA_VERSION,
        "answer": plan_answer(report),
        "feasible": plan.chosen is not None,
        "trace": {"name": report.trace_name, "sha256": study.trace_sha256, "requests": report.requests, "duration_s": report.duration_s},
        "stack": study.stack_name,
        "space": report.space,
        "settings": list(study.settings),
        "seed": study.seed,
        "price_date": report.date,
        "prices": None if report.stack is None else price_list(report.date, report.stack.prices),
        "levels": [
            {"metric": each.metric, "op": each.op, "limit": each.limit, "unit": {"duration": "s", "money": "USD"}.get(each.kind, each.kind)}
            for each in report.levels
        ],
        "confidence_asked": plan.question.confidence,
        "spare": report.spare or None,
        "forecast": None
        if not study.months
        else {
            "months": list(report.month_names),
            "outlook": study.outlook,
            "outlook_settings": list(study.outlook_settings),
            "futures": study.futures,
            "demand_held": plan.question.factor_held,
            "demand_costs": plan.question.factor_costs,
        },
        "chosen": _chosen(report),
        "runner_up": None if runner_up is None else {**_row(report, runner_up), "why": why_lost(report, runner_up.first)},
        "nearest": None if plan.nearest is None else {**_row(report, Alike(plan.nearest)), "why": report.why_not(plan.nearest)},
        "candidates": plan.candidates,
        "evaluated": plan.evaluated,
        "replays": plan.replays,
        "left_out": {**{by: counts[by] for by in ("refused", "spare", "bound", "look")}, "dearer": plan.unseen},
        "reasons": [
            {"count": count, "by": by, "why": why}
            for (by, why), count in Counter((each.by, each.why) for each in plan.dropped if each.by != "look").most_common(_MOST_REASONS)
        ],
        "empty": list(report.empty),
        "search": _search(report),
        "frontier": [_row(report, each) for each in report.frontier],
        "ranked": [_row(report, each) for each in report.ranked],
        "failed": [{**_row(report, each), "why": report.why_not(each.first)} for each in report.cheaper],
        "calendar": [
            {
                "month": each.month, "demand_p50": _known(each.demand_p50), "demand_p95": _known(each.demand_p95),
                "gpus_p50": _known(each.gpus_p50), "gpus_p95": _known(each.gpus_p95), "needed_gpus_p50": each.needed_gpus_p50,
                "needed_gpus_p95": each.needed_gpus_p95, "order_by": None if each.order_by is None else each.order_by.isoformat(),
            }
            for each in report.calendar
        ],
        "lead_time": None
        if report.lead is None
        else {"days": report.lead.days, "assumed": report.lead.assumed, "source": report.lead.source},
        "growth_until_it_breaks": None
        if report.room is None
        else {"holds": report.room.holds, "fails": report.room.fails, "level": report.room.level},
        "notes": list(report.notes),
        "warnings": [asdict(each) for each in report.cautions],
    }  # fmt: skip


def _search(report: PlanReport) -> dict[str, Any]:
    """How far it is sure that nothing cheaper holds."""
    plan = report.plan
    return {
        "proved": plan.proved,
        "says": proof(report),
        "forecast": len(plan.foreseen),
        "not_forecast": [
            {
                "values": dict(each.judged.candidate.values), "reason": each.reason,
                "than": None if each.than is None else dict(each.than.candidate.values), "could_win": each.could_win,
            }
            for each in plan.unforecast
        ],
    }  # fmt: skip


def _chosen(report: PlanReport) -> dict[str, Any] | None:
    chosen = report.plan.chosen
    if chosen is None:
        return None
    sure = chosen.confidence
    months = report.months
    return {
        "values": dict(chosen.judged.candidate.values),
        "stack": None if report.stack is None else dict(report.stack.data),
        "monthly_usd": chosen.usd_per_month,
        "slo": _slo(chosen.row),
        "slo_held": _slo(chosen.judged.held),
        "confidence": {
            "met": sure.share, "low": sure.low, "high": sure.high, "of": sure.of, "kind": sure.kind, "seed": sure.seed,
            "all_months": None if not months else (chosen.row.metrics.get("met_all_months") or 0.0) / sure.of,
        },
        "by_month": [
            {
                "month": name, "met": chosen.row.metrics.get(f"p_met_{number}"),
                "invoice_usd": chosen.row.metrics.get(f"invoice_mean_{number}"),
            }
            for number, name in enumerate(report.month_names, start=1)
        ],
        "gpus": chosen.judged.row.metrics.get("gpus_mean"),
    }  # fmt: skip


def _row(report: PlanReport, row: Alike) -> dict[str, Any]:
    judged = row.first
    return {
        "values": dict(judged.candidate.values),
        "same": [dict(each.candidate.values) for each in row.others],
        "monthly_usd": report.usd(judged),
        "replayed_usd": judged.usd_per_month,
        "met": report.holds(judged),
        "room": _known(-judged.excess),
        "slo": _slo(judged.held),
        "futures_met": report.futures_met(judged),
    }


def _slo(row: Row) -> dict[str, Any]:
    return {name: {"limit": limit, "measured": measured, "met": met} for name, limit, measured, met in row.slo}


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None
