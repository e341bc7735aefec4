"""How a notebook shows a result: the answer."""

from __future__ import annotations

from sim.report.html.text import safe
from sim.results.result import Result


def run_view(found: Result) -> str:
    return f"<p>{safe(found.answer)}</p>"


compare_view = sweep_view = plan_view = run_view
