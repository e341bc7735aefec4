"""docs/sweep.md: the columns and keys it lists are those that are written, in their words."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from sim.planning.points import FORECAST_METRICS, METRICS
from sim.report.sweep_summary import sweep_json
from sim.report.sweep_tables import sweep_table
from tests.made.swept import replicas, report, row, study

CODE = re.compile(r"`([^`]+)`")


@pytest.fixture(scope="module")
def page(root: Path) -> str:
    return (root / "docs" / "sweep.md").read_text()


def test_every_metric_in_its_words(page: str) -> None:
    for metric in (*METRICS, *FORECAST_METRICS):
        assert f"| `{metric.name}` | {metric.unit or '-'} | {metric.words} |" in page


def test_every_column_is_named(page: str) -> None:
    files = CODE.findall(page.split("\n## Files\n")[1])
    found = replicas([(1.0, 1.0, True)])
    assert set(sweep_table(found)) - set(files) == {found.axes[0].key}


def expanded(key: str) -> list[str]:
    head, brace, tail = key.partition("{")
    return [head + each for each in tail.removesuffix("}").split(",")] if brace else [head]


def test_every_key_that_is_named_is_there(page: str) -> None:
    given = study(months=2)
    plain: Any = json.loads(sweep_json(replicas([(1.0, 1.0, True)])))
    ahead: Any = json.loads(sweep_json(report([row(given, 0, [])], [], given)))
    rows = [line.strip("|").split("|") for line in page.split("\n### sweep.json\n")[1].splitlines() if line.startswith("| `")]
    named = [path for first, *_ in rows for key in CODE.findall(first) for path in expanded(key)]
    assert {path.partition(".")[0].removesuffix("[]") for path in named} == set(plain)
    for path in named:
        data = plain
        for part in path.split("."):
            data = data[part.removesuffix("[]")]
    within = {first.strip().strip("`"): CODE.findall(" ".join(rest)) for first, *rest in rows}
    assert set(within["forecast"]) == set(ahead["forecast"])
    assert set(within["axes[]"]) == set(plain["axes"][0]) and set(within["metrics[]"]) == set(plain["metrics"][0])
    assert set(within["rows[]"]) - {"slo.LEVEL.{limit,measured,met}"} | {"slo"} == set(plain["rows"][0])
    assert set(plain["rows"][0]["slo"]["completed"]) == {"limit", "measured", "met"}
    assert set(plain["fronts"]["goodput"]) == {"metric", "meets", "all"} and set(plain["fronts"]["goodput"]["all"]) == {"rows", "knee"}
