"""docs/python.md: its examples run one after the other, and its tables name what results have, all of it."""

from __future__ import annotations

import contextlib
import io
import json
import re
from pathlib import Path
from typing import Any

import pytest

import sim
from sim.futures.forecast import Forecast
from sim.futures.run import Question
from sim.planning.point_store import PointStore
from sim.results.compare_result import CompareResult
from sim.results.plan_result import PlanResult
from sim.results.result import Result
from sim.results.run_result import ForecastResult, SimulateResult
from sim.results.sweep_result import SweepResult
from tests.made.ahead import ahead
from tests.made.world import write_trace

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "python.md").read_text()
EXAMPLES = re.findall(r"^```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
NOTEBOOK = ROOT / "docs" / "notebooks" / "decide-with-data.ipynb"


def months(resolved: Any, _trace: object, question: Question, **_more: object) -> Forecast:
    """Months made by hand, at once."""
    calendar = question.calendar
    return ahead(calendar.months, 20, start=calendar.start, stack=resolved.name, scale=0.5 if resolved.name == "hybrid" else 1.0)


def attributes(kind: type[Result]) -> set[str]:
    """What a result of a kind has that is no private matter."""
    fields = {name for each in kind.__mro__ for name in getattr(each, "__annotations__", {})}
    return {name for name in (*vars(Result), *vars(kind), *fields, *dir(kind)) if not name.startswith("_")}


def named_in(section: str) -> set[str]:
    """The names in the first column of the table of a section."""
    text = PAGE.split(f"{section}\n", 1)[1].split("\n## ")[0].split("\n### ")[0]
    rows = [line.split("|")[1] for line in text.splitlines() if line.startswith("| `")]
    return {re.match(r"\w+", name)[0] for row in rows for name in re.findall(r"`([^`]+)`", row)}  # type: ignore[index]


def test_examples_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "workloads").mkdir()
    write_trace(tmp_path / "workloads" / "bursty.parquet", rows=600, rate=1.0)  # ten minutes
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sim.futures.run.forecast", months)
    monkeypatch.setattr(PointStore, "default", staticmethod(lambda: PointStore(None)))
    names: dict[str, Any] = {}
    assert len(EXAMPLES) >= 7
    for example in EXAMPLES:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(example, "docs/python.md", "exec"), names)  # noqa: S102
        assert printed.getvalue().strip()
        for line in example.splitlines():
            said = re.search(r"\bprint\(.*\)  # (.+)$", line)
            assert said is None or said[1] in printed.getvalue()
    assert list(tmp_path.rglob("*")) == [tmp_path / "workloads", tmp_path / "workloads" / "bursty.parquet"]


@pytest.mark.parametrize(
    ("section", "kinds"),
    [
        ("### simulate and forecast", (SimulateResult, ForecastResult)), ("### compare", (CompareResult,)), ("### sweep", (SweepResult,)),
        ("### plan", (PlanResult,)),
    ],
)  # fmt: skip
def test_tables_name_all_that_results_have(section: str, kinds: tuple[type[Result], ...]) -> None:
    common = named_in("## Results")
    assert attributes(Result) <= common
    assert common | named_in(section) == {name for kind in kinds for name in attributes(kind)} | {"report", "given"}


def test_the_front_page_is_named() -> None:
    calls = {name for name in sim.__all__ if name not in ("READING_ORDER", "InputError")}
    assert calls == set(re.findall(r"^\| `sim\.(\w+)\(", PAGE, re.MULTILINE))


def test_the_notebook_keeps_no_outputs() -> None:
    cells = json.loads(NOTEBOOK.read_text())["cells"]
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in cells)


@pytest.mark.slow
def test_the_notebook_runs(tmp_path: Path) -> None:
    nbclient = pytest.importorskip("nbclient", reason="the worked notebook runs where nbclient is installed (requirements-pages.lock)")
    nbformat = pytest.importorskip("nbformat")
    write_trace(tmp_path / "ten-minutes.parquet", rows=600, rate=1.0)
    text = NOTEBOOK.read_text()
    for long, short in (
        ("workloads/bursty.parquet", "ten-minutes.parquet"),
        ("MONTHS = 12", "MONTHS = 1"),
        ("FUTURES = 400", "FUTURES = 20"),
    ):
        assert text.count(long) == 1
        text = text.replace(long, short)
    notebook = nbformat.reads(text, as_version=4)
    nbclient.NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    shown = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    assert not [each for each in shown if each["output_type"] == "error" or each.get("name") == "stderr"]
    frames = [each["data"]["text/html"] for each in shown if "<iframe" in each.get("data", {}).get("text/html", "")]
    assert len(frames) >= 4
    assert sorted(each.name for each in tmp_path.iterdir()) == ["outputs", "ten-minutes.parquet"]
