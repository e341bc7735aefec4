"""decision.json: a decision as plain data.

A metric's name is its path; USD, seconds, shares of one, months from 1; what does not exist is null.
"""

from __future__ import annotations

import json
from typing import Any

from sim.decision.decide import Decision
from sim.decision.facts import StrategyFacts
from sim.decision.lock_in import LockIn
from sim.decision.relaxation import Relaxation
from sim.futures.bands import bands
from sim.report.decision_answer import decision_answer
from sim.report.decision_report import DecisionReport
from sim.report.decision_words import relaxed
from sim.report.plain_data import plain_data

SCHEMA_VERSION = 1
_LEFT_OUT = frozenset(
    {"strategy", "tco_usd_by_month", "invoice_usd_by_month", "requests_by_month", "forecast", "replay", "resolved", "months"}
)


def decision_json(report: DecisionReport) -> str:
    """As text, ending with a line break; numbers with all their digits."""
    return json.dumps(decision_summary(report), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def decision_summary(report: DecisionReport) -> dict[str, Any]:
    """Everything that a decision says."""
    decision, trace = report.decision, report.trace
    return {
        "schema_version": SCHEMA_VERSION,
        "answer": decision_answer(report),
        "needs": {"name": decision.file.name, **decision.file.needs.plain()},
        "trace": {"name": trace.name, "sha256": trace.sha256, "requests": trace.requests, "duration_s": trace.duration_s},
        "seed": report.seed,
        "outlook": report.outlook,
        "futures": report.futures,
        "start": report.months[0],
        "months": list(report.months),
        "price_date": report.date,
        "recommendation": plain_data(decision.recommendation),
        "would_change": plain_data(decision.would_change),
        "relax": [_relax(each) for each in decision.relax],
        "gates": [{**plain_data(step), "answer": step.answer} for step in decision.tree.steps],
        "left": list(decision.tree.left),
        "strategies": {each.name: _strategy(decision, each) for each in decision.facts},
        "matrix": {"performance": plain_data(decision.performance), "weighted": plain_data(decision.weighted)},
        "quality": {"compared": plain_data(decision.quality), "ninety_percent_rule": plain_data(decision.ninety)},
        "triggers": [] if decision.triggers is None else plain_data(decision.triggers.fired),
        "not_watched": [] if decision.triggers is None else plain_data(decision.triggers.not_watched),
        "review": None if decision.triggers is None else plain_data(decision.triggers.review),
        "advice": plain_data(decision.advice),
        "checklist": plain_data(decision.checklist),
        "clouds": plain_data(decision.clouds),
        "routing": plain_data(report.routes),
        "lock_in": [_lock_in(each) for each in decision.lock_in],
        "paths": [{"path": plain_data(each.path), "best_month": plain_data(each.best)} for each in decision.paths],
        "notes": list(report.notes),
        "assumed": plain_data(report.assumed),
    }


def _strategy(decision: Decision, each: StrategyFacts) -> dict[str, Any]:
    strategy = each.strategy
    found = {name: plain_data(getattr(each, name)) for name in each.__dataclass_fields__ if name not in _LEFT_OUT}
    return {
        "kind": strategy.kind,
        "stack": None if strategy.stack is None else strategy.stack.name,
        "then": None if strategy.then is None else strategy.then.stack.name,
        "models": list(strategy.models),
        "vendors": list(strategy.vendors),
        "ruled_out": list(decision.tree.reasons(each.name)),
        **found,
        "monthly_tco_usd": plain_data(bands(each.tco_usd_by_month)),
    }


def _lock_in(each: LockIn) -> dict[str, Any]:
    return {
        **plain_data(each), "weeks": each.weeks, "weeks_range": list(each.weeks_range), "usd": each.usd, "usd_range": list(each.usd_range),
        "months_of_spend": each.months_of_spend, "pays_above_share": each.pays_above,
    }  # fmt: skip


def _relax(each: Relaxation) -> dict[str, Any]:
    return {"strategy": each.strategy, "says": relaxed(each), "changes": plain_data(each.changes), "missed": plain_data(each.missed)}
