"""docs/costs.md: its lines are those that a bill can have, with their kinds, and its functions exist."""

from __future__ import annotations

import ast
import datetime
import re
from dataclasses import fields
from pathlib import Path
from typing import Any, get_type_hints

import numpy as np
import pytest

import sim
from sim.futures.calendar import Calendar
from sim.futures.ownership import MonthFacts, ownership_lines
from sim.stack.resolved_costs import ResolvedCosts, ResolvedRetraining, ShareBand

CODE = re.compile(r"`([^`]+)`")
OF_USAGE = {"api_input", "api_cached_input", "api_output", "api_requests", "gpu_used", "gpu_idle", "gpu_spare", "gpu_power", "gpu_hosting"}


@pytest.fixture(scope="module")
def table(root: Path) -> list[list[str]]:
    section = (root / "docs" / "costs.md").read_text().split("\n## The lines\n")[1].split("\n## ")[0]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in section.splitlines() if line.startswith("|")][2:]


def of_ones(kind: type[Any], **given: Any) -> Any:
    """A dataclass with 1 in all its numbers, so that every line has something on it."""
    ones = {float: 1.0, int: 1, str: "", tuple: ()}
    hints = get_type_hints(kind)
    return kind(**{each.name: given.get(each.name, ones.get(hints[each.name], 1.0)) for each in fields(kind)})


def test_the_lines_are_those_of_a_bill(table: list[list[str]]) -> None:
    run = of_ones(ResolvedRetraining, where="rented")
    costs = of_ones(ResolvedCosts, hidden_share=ShareBand(1, 1, 1), retraining=(run,), upfronts=(), assumed=())
    ones = np.ones((1, 2))
    facts = MonthFacts(
        calendar=Calendar(datetime.date(2026, 11, 1), 2), requests=ones, failed_requests=ones, invoice_usd=ones, incidents=ones,
        migrations=ones, retraining_runs={0: ones}, retraining_attempts={0: ones}, rolled_back={0: ones}, training_price={}, money={},
    )  # fmt: skip
    found = {name.item: name.kind for name, _ in ownership_lines(costs, facts)}
    named = {item: kind for items, kind, *_ in table for item in CODE.findall(items)}
    assert {item: kind for item, kind in named.items() if item not in OF_USAGE} == found
    assert {named[item] for item in OF_USAGE} == {"invoice"}


def test_its_functions_exist(root: Path) -> None:
    page = (root / "docs" / "costs.md").read_text()
    known = {
        node.name
        for source in (Path(sim.__file__).parent / "cost").glob("*.py")
        for node in ast.parse(source.read_text()).body
        if isinstance(node, ast.FunctionDef)
    }
    named = {name for name in CODE.findall(page) if re.fullmatch(r"\w+_usd|energy_kwh|usd_per_million_tokens|crossing_requests", name)}
    assert len(named) > 30
    assert named <= known
