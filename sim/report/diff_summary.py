"""diff.json: a diff as plain data. Differences are HEAD less BASE; seconds, USD, shares of one; what does not exist is null."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from sim.futures.forecast import Band
from sim.planning.effects import Effect
from sim.planning.stack_diff import Change, Part
from sim.report.diff_report import DiffReport, DiffSide
from sim.report.diff_words import diff_answer
from sim.report.gate_report import finite, gate_data

SCHEMA_VERSION = 1


def diff_json(report: DiffReport) -> str:
    """As text, ending with a line break; numbers with all their digits."""
    return json.dumps(diff_summary(report), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def diff_summary(report: DiffReport) -> dict[str, Any]:
    """Everything that a diff says."""
    trace, ahead = report.head.report.trace, report.head.side.ahead
    more, fewer = report.outlook_changes()
    return {
        "schema_version": SCHEMA_VERSION,
        "answer": diff_answer(report),
        "unchanged": report.unchanged,
        "trace": {"name": trace.name, "sha256": trace.sha256, "requests": trace.requests, "duration_s": trace.duration_s},
        "seed": report.head.report.seed,
        "price_date": report.head.report.date,
        "base": _side(report.base),
        "head": _side(report.head),
        "gates": [gate_data(each) for each in report.gates],
        "gates_failed": len(report.failed),
        "groups": [_part(each) for each in report.groups],
        "parts": [_part(each) for each in report.stacks.parts],
        "unchanged_deployments": list(report.stacks.unchanged),
        "costs": None if report.comparison is None else {kind: _costs(report, kind) for kind in ("invoice", "tco")},
        "slo_by_month": [] if report.comparison is None else _met(report),
        "replay": [_effect(each) for each in report.of_replay],
        "months": [_effect(each) for each in report.of_months],
        "forecast": None
        if ahead is None
        else {
            "start": ahead.months[0], "months": len(ahead.months), "outlook": ahead.outlook, "futures": ahead.futures,
            "futures_needed": max(each.side.ahead.futures_needed for each in (report.base, report.head) if each.side.ahead is not None),
        },
        "assumptions": {
            "added": list(report.stacks.assumptions_added), "removed": list(report.stacks.assumptions_removed),
            "outlook_added": list(more), "outlook_removed": list(fewer),
        },
    }  # fmt: skip


def _side(side: DiffSide) -> dict[str, Any]:
    return {
        "name": side.name,
        "stack": side.report.stack,
        "notes": list(side.read.resolved.notes),
        "warnings": [asdict(each) for each in side.report.cautions],
    }


def _part(part: Part) -> dict[str, Any]:
    return {
        "name": part.name,
        "state": part.state,
        "changes": [_change(each) for each in part.changes],
        "follows": [_change(each) for each in part.follows],
    }


def _change(change: Change) -> dict[str, Any]:
    return {key: value if value != "" or key in ("old", "new") else None for key, value in asdict(change).items()}


def _costs(report: DiffReport, kind: str) -> dict[str, Any]:
    costs, base, head = report.costs(kind), report.summary(report.base), report.summary(report.head)
    by_month = zip(
        report.months, getattr(base, f"{kind}_usd_by_month"), getattr(head, f"{kind}_usd_by_month"), costs.difference_usd_by_month,
        costs.p_a_cheaper_by_month, costs.se_by_month, strict=True,
    )  # fmt: skip
    return {
        "tie": costs.tie,
        "base_usd": _band(getattr(base, f"{kind}_usd")),
        "head_usd": _band(getattr(head, f"{kind}_usd")),
        "difference_usd": _band(costs.difference_usd),
        "p_dearer": 1.0 - costs.p_a_cheaper,
        "p_dearer_se": costs.se,
        "by_month": [
            {
                "month": month, "base_usd": _band(was), "head_usd": _band(is_), "difference_usd": _band(apart), "p_dearer": 1.0 - p,
                "p_dearer_se": se,
            }
            for month, was, is_, apart, p, se in by_month
        ],
    }  # fmt: skip


def _met(report: DiffReport) -> list[dict[str, Any]]:
    both = zip(report.months, report.summary(report.base).p_met_by_month, report.summary(report.head).p_met_by_month, strict=True)
    return [{"month": month, "base_met_share": was, "head_met_share": is_} for month, was, is_ in both]


def _effect(effect: Effect) -> dict[str, Any]:
    return {
        "figure": effect.name,
        "kind": effect.gate.figure.kind,
        "base": finite(effect.base.value),
        "base_month": effect.base.month or None,
        "head": finite(effect.head.value),
        "head_month": effect.head.month or None,
        "difference": finite(effect.difference.value),
        "difference_se": finite(effect.difference.se),
        "difference_month": effect.difference.month or None,
        "relative": finite(effect.relative),
    }


def _band(band: Band) -> dict[str, Any]:
    return {key: finite(value) for key, value in asdict(band).items()}
