"""sweep.json: a sweep as plain data. Seconds, USD, shares of one; what does not exist is null."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from sim.planning.front import Front
from sim.report.run_report import price_list
from sim.report.sweep_answer import sweep_answer
from sim.report.sweep_report import FRONTS, SweepReport
from sim.report.sweep_tables import sweep_table

SCHEMA_VERSION = 1


def sweep_json(report: SweepReport) -> str:
    """As text, ending with a line break; the same rows give the same bytes."""
    return json.dumps(sweep_summary(report), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def sweep_summary(report: SweepReport) -> dict[str, Any]:
    """Everything that a sweep says; positions of fronts are those in `rows`, from 0."""
    study, table = report.study, sweep_table(report)
    return {
        "schema_version": SCHEMA_VERSION,
        "answer": sweep_answer(report),
        "trace": {
            "name": report.trace_name, "sha256": study.trace_sha256, "requests": report.requests, "duration_s": report.duration_s,
            "closed_loop": None if study.closed_loop is None else asdict(study.closed_loop),
        },
        "stack": study.stack_name,
        "settings": list(study.settings),
        "seed": study.seed,
        "price_date": report.date,
        "prices": price_list(report.date, report.prices),
        "forecast": None
        if not study.months
        else {
            "months": study.months,
            "start": study.start,
            "outlook": study.outlook,
            "outlook_settings": list(study.outlook_settings),
            "futures": study.futures,
        },
        "axes": [{"key": axis.key, "values": list(axis.values)} for axis in report.axes],
        "metrics": [{"name": each.name, "unit": each.unit, "words": each.words, "better": each.better} for each in study.metrics],
        "cost": report.cost.name,
        "meets": sum(report.meets),
        "cheapest": report.cheapest,
        "fronts": {
            name: {"metric": metric, "meets": _front(report.fronts[name]), "all": _front(report.fronts_of_all[name])}
            for name, metric in FRONTS.items()
        },
        "rows": [
            {
                "point": dict(row.point.values),
                "refused": row.refused,
                "meets": report.meets[i],
                "slo_met": row.slo_met,
                "slo": {name: {"limit": limit, "measured": measured, "met": met} for name, limit, measured, met in row.slo},
                "metrics": {name: table[name][i] for name in report.metrics},
            }
            for i, row in enumerate(report.rows)
        ],
    }  # fmt: skip


def _front(front: Front) -> dict[str, Any]:
    return {"rows": list(front.rows), "knee": front.knee}
