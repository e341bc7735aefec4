"""docs/compare.md: the keys it lists are those of comparison.json and of a backtest, the files those that are written."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from sim.planning.backtest import backtest
from sim.planning.invoices import Paid
from sim.report.backtest_report import BacktestReport, backtest_json
from sim.report.comparison_summary import comparison_json
from tests.made.strategies import many, side_by_side

CODE = re.compile(r"`([^`]+)`")


@pytest.fixture(scope="module")
def page(root: Path) -> str:
    return (root / "docs" / "compare.md").read_text()


@pytest.fixture(scope="module")
def found() -> Any:
    return json.loads(comparison_json(side_by_side(*many(2))))


def keys(page: str) -> list[str]:
    """First cells of the table of keys."""
    section = page.split("\n### comparison.json\n")[1].split("\n## ")[0]
    rows = [line.strip("|").split("|") for line in section.splitlines() if line.startswith("|")][2:]
    return [key for row in rows for key in CODE.findall(row[0])]


def expanded(key: str) -> list[str]:
    head, brace, tail = key.partition("{")
    return [head + each for each in tail.removesuffix("}").split(",")] if brace else [head]


def at(data: Any, path: str) -> Any:
    """What is at a path of the page, in the first of a list and under the first name."""
    for part in path.split("."):
        if part == "NAME":
            data = next(iter(data.values()))
        else:
            data = data[part.removesuffix("[]")]
            data = data[0] if part.endswith("[]") else data
    return data


def test_every_key_that_is_named_is_there(page: str, found: Any) -> None:
    named = [path for key in keys(page) for path in expanded(key)]
    assert len(named) > 50
    for path in named:
        at(found, path)


def test_every_key_is_named(page: str, found: Any) -> None:
    named = {path for key in keys(page) for path in expanded(key)} | {"schema_version", "stacks", "pairs"}
    paths = [*found, *(f"pairs[].{key}" for key in found["pairs"][0]), *(f"stacks.NAME.{key}" for key in at(found, "stacks.NAME"))]
    missing = [path for path in paths if path not in named and not any(each.startswith((f"{path}.", f"{path}[")) for each in named)]
    assert not missing
    costs = found["pairs"][0]["tco"].keys() - {"tie"}
    assert costs <= {path.removeprefix("pairs[].tco.") for path in named}


def test_the_keys_of_a_backtest(page: str) -> None:
    forecast = many(1)[0]
    bill = (Paid(forecast.months[0], "api_input", "", 5.0), Paid(forecast.months[0], "support", "", 5.0))
    report = side_by_side(*many(2))
    data = json.loads(backtest_json(BacktestReport(report.trace, "a", report.date, "bill.csv", backtest(forecast, bill), forecast)))
    for key in CODE.findall(page.split("`--format json` has ")[1]):
        for path in expanded(key):
            at(data, path)
