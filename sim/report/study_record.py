"""What a sweep, a plan and a pool with perfect foresight all depend on, as it is recorded beside their results."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from sim.planning.points import Study
from sim.report.run_record import own_version


def study_inputs(study: Study, date: str) -> dict[str, Any]:
    """The program, trace, stack, catalogue, prices of a date and seed of a study."""
    return {
        "version": own_version(),
        "trace_sha256": study.trace_sha256,
        "stack": study.stack_name,
        "stack_text": study.stack_text,
        "settings": list(study.settings),
        "catalog_sha256": study.catalog_sha256,
        "prices": study.prices_text,
        "date": date,
        "seed": study.seed,
        **({} if study.closed_loop is None else {"closed_loop": asdict(study.closed_loop)}),
    }
