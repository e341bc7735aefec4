"""The files of `sim elastic`: outputs/<trace>-elastic-<8 hex>/, complete or not there at all."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from sim.planning.elastic_pool import Verdict
from sim.report import run_tables
from sim.report.elastic_report import ElasticReport
from sim.report.elastic_sections import answer
from sim.report.html.build import write_report
from sim.report.run_folder import MARK, write_folder
from sim.report.run_record import environment, own_version
from sim.report.study_record import study_inputs
from sim.stack.read import StackFile

SCHEMA_VERSION = 1


def elastic_summary(report: ElasticReport) -> dict[str, Any]:
    """Everything that is found, as plain data; what does not exist is null."""
    found, study = report.found, report.study
    schedule = found.schedule
    return {
        "schema_version": SCHEMA_VERSION,
        "answer": answer(report),
        "trace": {"name": report.trace_name, "sha256": study.trace_sha256, "requests": report.requests, "duration_s": report.duration_s},
        "stack": {"name": study.stack_name},
        "deployment": found.deployment,
        "seed": study.seed,
        "feasible": schedule is not None,
        "levels": [{"metric": level.metric, "op": level.op, "limit": level.limit} for level in found.levels],
        "gpus_per_replica": found.gpus_per_replica,
        "interval_s": found.interval_s,
        "cold_start_s": found.cold_start_s,
        "carried_per_s": found.carried_per_s,
        "bound_gpu_hours": found.bound_gpu_hours,
        "usd_per_gpu_hour": found.usd_per_gpu_hour,
        "perfect": None
        if schedule is None
        else {
            **_verdict(report, schedule.verdict),
            "replicas": list(schedule.counts),
            "steps": [{"at_s": at, "replicas": count} for at, count in found.steps],
            "replays": schedule.replays,
            "locally_minimal": schedule.minimal,
        },
        "autoscalers": [
            {
                "law": row.law,
                "own": row.own,
                "autoscaler": dict(row.autoscaler),
                "replicas": {"min": row.low, "max": row.high},
                "settings": list(row.settings),
                **_verdict(report, row.verdict),
                "seeds_met": row.seeds_met,
            }
            for row in found.tried
        ],
        "recommended": None if found.recommended is None else found.tried.index(found.recommended),
        "warnings": [asdict(each) for each in report.cautions],
    }


def _verdict(report: ElasticReport, verdict: Verdict) -> dict[str, Any]:
    level, excess = report.worst(verdict)
    return {
        "gpu_hours": verdict.gpu_hours,
        "usd": report.usd(verdict),
        "over_perfect": report.found.over_perfect(verdict),
        "replicas_mean": verdict.mean_replicas,
        "replicas_most": verdict.most_replicas,
        "met": verdict.holds,
        "measured": {level.metric: value for level, value in zip(report.found.levels, verdict.measured, strict=True)},
        "worst": {"level": level, "excess_share": excess},
    }


def elastic_json(report: ElasticReport) -> str:
    """As text, ending with a line break."""
    return json.dumps(elastic_summary(report), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def laws_table(report: ElasticReport) -> run_tables.Table:
    """One row an autoscaler that was tried, perfect foresight first."""
    found = report.found
    given: list[dict[str, Any]] = []
    if found.schedule is not None:
        given.append({"law": "perfect", "verdict": found.schedule.verdict})
    given += [
        {
            "law": row.law, "metric": row.autoscaler.get("metric"), "target": row.autoscaler.get("target"), "replicas_min": row.low,
            "replicas_max": row.high, "own": row.own, "verdict": row.verdict, "seeds_met": row.seeds_met,
        }
        for row in found.tried
    ]  # fmt: skip
    table: dict[str, list[Any]] = {
        name: [each.get(name) for each in given] for name in ("law", "own", "metric", "target", "replicas_min", "replicas_max")
    }
    verdicts: list[Verdict] = [each["verdict"] for each in given]
    table["gpu_hours"] = [each.gpu_hours for each in verdicts]
    table["usd"] = [report.usd(each) for each in verdicts]
    table["over_perfect"] = [found.over_perfect(each) for each in verdicts]
    table["replicas_mean"] = [each.mean_replicas for each in verdicts]
    table["replicas_most"] = [each.most_replicas for each in verdicts]
    table["met"] = [each.holds for each in verdicts]
    table["worst_level"] = [report.worst(each)[0] for each in verdicts]
    table["worst_excess_share"] = [report.worst(each)[1] for each in verdicts]
    for number, level in enumerate(found.levels):
        table[level.column] = [each.measured[number] for each in verdicts]
    table["seeds_met"] = [each.get("seeds_met") for each in given]
    table["recommended"] = [found.recommended is not None and each.get("verdict") is found.recommended.verdict for each in given]
    return table


def schedule_table(report: ElasticReport) -> run_tables.Table:
    """One row an interval of the schedule: when it begins, what arrives, and the replicas that it has."""
    found = report.found
    counts = () if found.schedule is None else found.schedule.counts
    carried = found.carried_per_s * found.interval_s
    return {
        "start_s": [number * found.interval_s for number in range(len(counts))],
        "requests": list(found.offered[: len(counts)]),
        "work_replicas": [requests / carried for requests in found.offered[: len(counts)]],
        "replicas": list(counts),
    }


def elastic_inputs(report: ElasticReport) -> dict[str, Any]:
    """Everything that the results depend on: equal inputs mean equal results, and the same default folder."""
    study, found = report.study, report.found
    return {
        **study_inputs(study, report.date),
        "deployment": found.deployment,
        "levels": [str(level) for level in found.levels],
        "interval_s": found.interval_s,
    }


def write_elastic(
    folder: Path, report: ElasticReport, recommended: StackFile | None, *, given: Mapping[str, Any], argv: Sequence[str], replace: bool
) -> str:
    """Write every file to a folder; InputError, and nothing there, when it cannot be written. `recommended` is the stack as advised.

    Returns why it has no report.html; nothing where it has one.
    """
    import yaml

    from sim.report.run_record import stack_data

    def fill(draft: Path) -> str:
        (draft / "elastic.json").write_text(elastic_json(report), encoding="utf-8")
        run_tables.write_csv(draft / "laws.csv", laws_table(report))
        run_tables.write_csv(draft / "schedule.csv", schedule_table(report))
        if recommended is not None:
            text = yaml.safe_dump(stack_data(recommended), sort_keys=False, allow_unicode=True, width=140)
            (draft / "stack.recommended.yaml").write_text(text, encoding="utf-8")
        content = {
            "schema_version": SCHEMA_VERSION,
            "version": own_version(),
            "argv": list(argv),
            "seed": report.study.seed,
            "trace": {"name": report.trace_name, "sha256": report.study.trace_sha256, "requests": report.requests},
            "price_date": report.date,
            "inputs": {name: value for name, value in given.items() if name not in ("version", "stack_text", "trace_sha256", "seed")},
            **environment(),
        }
        (draft / MARK).write_text(json.dumps(content, indent=2, ensure_ascii=False, default=str) + "\n", encoding="utf-8")
        return write_report(draft, folder.name)

    return write_folder(folder, fill, replace=replace)
