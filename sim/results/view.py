"""How a notebook shows a result: the answer, its figures and the main charts of report.html, in a frame of their own.

The frame keeps the page's style and script from the notebook, and the notebook's from the page: it holds one document without outside
references, whose script may run and reach nothing else. Names of a trace or a stack are texts in it, whatever they hold.
"""

from __future__ import annotations

import html
import json
from typing import TYPE_CHECKING, Any

from sim.report.html.page import page
from sim.report.html.text import safe

if TYPE_CHECKING:
    import pyarrow as pa

    from sim.results.compare_result import CompareResult
    from sim.results.plan_result import PlanResult
    from sim.results.run_result import SimulateResult
    from sim.results.sweep_result import SweepResult

_HEIGHT_PX = 620


def run_view(found: SimulateResult) -> str:
    """Of a replay or a forecast."""
    from sim.report.html.run_page import at_a_glance
    from sim.report.run_tables import latency_curves

    summary = _plain(found.json)
    curves = _columns(latency_curves(found.replay, found.trace.classes))
    name = f"{summary['stack']['name']} for {summary['trace']['name']}"
    what = "A forecast: a band is p5 to p95 over futures." if summary["forecast"] else "A replay of the trace, without spread."
    return _framed(name, at_a_glance(summary, curves), what, summary["seed"], summary["prices"]["date"])


def compare_view(found: CompareResult) -> str:
    """Of stacks side by side."""
    from sim.report.html.compare_page import at_a_glance

    summary = _plain(found.json)
    name = f"{' or '.join(summary['stacks'])} for {summary['trace']['name']}"
    what = "The same traffic, prices and incidents happen to every stack."
    return _framed(name, at_a_glance(summary), what, summary["seed"], summary["price_date"])


def sweep_view(found: SweepResult) -> str:
    """Of a grid of points."""
    from sim.report.html.sweep_page import at_a_glance

    summary = _plain(found.json)
    name = f"{summary['stack']} for {summary['trace']['name']}, swept"
    return _framed(name, at_a_glance(summary), "Every point has the same luck.", summary["seed"], summary["price_date"])


def plan_view(found: PlanResult) -> str:
    """Of a plan."""
    from sim.report.html.plan_page import at_a_glance

    summary = _plain(found.json)
    name = f"A plan for {summary['trace']['name']}"
    return _framed(name, at_a_glance(summary), f"Chosen from the space {summary['space']}.", summary["seed"], summary["price_date"])


def _framed(name: str, shown: tuple[str, str], what: str, seed: int, date: str) -> str:
    """A page as a frame; it may run its own script, and nothing of it reaches the notebook."""
    document = page(name, what, "".join(shown), (), [f"Simulated, not measured. Prices of {date}, seed {seed}."])
    style = f"width:100%;height:{_HEIGHT_PX}px;border:0"
    return f'<iframe title="{safe(name)}" sandbox="allow-scripts" style="{style}" srcdoc="{html.escape(document)}"></iframe>'


def _plain(text: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(text)
    return found


def _columns(table: pa.Table) -> dict[str, Any]:
    """Columns as charts take them: texts as lists, numbers as arrays, NaN where there is none."""
    import numpy as np
    import pyarrow as pa

    def of(column: Any) -> Any:
        if pa.types.is_string(column.type) or pa.types.is_dictionary(column.type):
            return column.to_pylist()
        return np.asarray(column.cast(pa.float64()).fill_null(float("nan")).to_numpy(), dtype=np.float64)

    return {name: of(table.column(name)) for name in table.column_names}
