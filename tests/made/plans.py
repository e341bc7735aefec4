"""Small plans made by hand: a study of a small trace and stack, and what trying every candidate finds."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

from sim.catalog.yaml_file import load_text
from sim.planning.assess import PlanStudy, assess, slo_settings
from sim.planning.candidates import Candidate, candidates
from sim.planning.evaluate import stack_at
from sim.planning.levels import parse_levels
from sim.planning.points import Point
from sim.planning.search import Judged, judged_of
from sim.planning.space import Space

LEVELS = ("ttft_p95 <= 500ms", "tpot_p95 <= 20ms", "completed >= 99%")


def study_of(trace: Path, stack: str, levels: tuple[str, ...] = LEVELS, *, rows: int = 600, seed: int = 0) -> PlanStudy:
    """The study of a trace and the text of a stack."""
    parsed = parse_levels(levels)
    sha256 = hashlib.sha256(trace.read_bytes()).hexdigest()
    return PlanStudy(trace, sha256, stack, "small", settings=slo_settings(parsed), seed=seed, levels=parsed, trace_rows=rows)


def made(study: PlanStudy, space: str, redundancy: int = 0) -> tuple[Candidate, ...]:
    """The candidates of a space, given as text."""
    return candidates(load_text(space, "space.yaml", Space), stack_at(study, ()), redundancy)


def exhaustive(study: PlanStudy, every: tuple[Candidate, ...], factor: float = 1.0) -> Judged | None:
    """The cheapest that meets the levels at so many times the demand, of equal ones that with the most room: all replayed whole."""
    best: tuple[tuple[float, float, int], Judged] | None = None
    for each in every:
        row = assess(study, Point(0, (), each.settings))
        if each.short_settings is None or row.refused is not None:
            continue
        held = assess(at(study, factor), Point(0, (), each.short_settings))
        if held.refused is not None:
            continue
        found = judged_of(each, row, held, study.levels)
        order = (round(found.usd_per_month, 2), found.excess, each.number)
        if found.met and (best is None or order < best[0]):
            best = (order, found)
    return None if best is None else best[1]


def at(study: PlanStudy, factor: float) -> PlanStudy:
    """The same with other demand."""
    return replace(study, factor=factor)
