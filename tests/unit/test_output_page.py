"""docs/output.md: the files it lists are those that a run writes, the keys those of summary.json, the warnings those that exist."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, get_args

import pytest

from sim.cli.main import exit_code
from sim.report.forecast_report import ForecastReport
from sim.report.forecast_summary import forecast_summary, slo_by_month
from sim.report.warning_list import WARNINGS, Code
from tests.made.ahead import ahead
from tests.made.world import write_world

CODE = re.compile(r"`([^`]+)`")


@pytest.fixture(scope="module")
def page(root: Path) -> str:
    return (root / "docs" / "output.md").read_text()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of a small world with its log."""
    world = tmp_path_factory.mktemp("world")
    write_world(world)
    files = [str(world / "trace.parquet"), "--stack", str(world / "small.yaml")]
    assert exit_code(["-q", "run", *files, "--months", "0", "--log-requests", "-o", str(world / "run")]) == 0
    return world / "run"


def rows(page: str, heading: str) -> list[list[str]]:
    """The cells of the table under a heading, its own head left out."""
    section = page.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in section.splitlines() if line.startswith("|")][2:]


def test_the_files_of_a_run(page: str, folder: Path) -> None:
    named: set[str] = set()
    for first, *_ in rows(page, "Files"):
        whole, *endings = CODE.findall(first)
        named |= {whole, *(Path(whole).stem + ending for ending in endings)}
    assert named == {each.name for each in folder.iterdir()} | {"draws.parquet"}  # which a plain replay has nothing for


def test_the_warnings(page: str) -> None:
    """As `sim warnings` lists them."""
    assert [(first.strip("`"), when) for first, when in rows(page, "Warnings")] == [(code, known.when) for code, known in WARNINGS.items()]
    assert list(WARNINGS) == list(get_args(Code))


def expanded(key: str) -> list[str]:
    """`lines[].{item,usd}` as two paths."""
    head, brace, tail = key.partition("{")
    return [head + each for each in tail.removesuffix("}").split(",")] if brace else [head]


def reach(summary: Any, path: str) -> None:
    """Walk a path: NAME stands for every key, [] for every entry; what does not exist for a kind of deployment is null."""
    found = [summary]
    for part in path.replace("[]", ".[]").split("."):
        if part in ("NAME", "[]"):
            found = [each for one in found for each in (one.values() if isinstance(one, dict) else one)]
        else:
            assert all(part in one for one in found), f"{path}: there is no {part}"
            found = [one[part] for one in found if one[part] is not None]


@pytest.mark.parametrize("months", [0, 3])
def test_the_keys_of_the_summary(page: str, folder: Path, months: int) -> None:
    """Of a plain replay, and of one that months follow."""
    summary = json.loads((folder / "summary.json").read_text())
    if months:
        found = ForecastReport(ahead(months, 20), budget_usd=15_000.0)
        summary |= forecast_summary(found)
        summary["slo"]["by_month"] = slo_by_month(found)
    outer: set[str] = set()
    for first, second in rows(page, "summary.json"):
        for path in (each for key in CODE.findall(first) for each in expanded(key)):
            outer.add(re.split(r"[.\[]", path)[0])
            for name in (each for key in CODE.findall(second) for each in expanded(key)):
                reach(summary, f"{path}.{name}")
    assert outer | {"schema_version"} == set(summary)


def test_a_key_that_is_not_there_is_seen(folder: Path) -> None:
    summary = json.loads((folder / "summary.json").read_text())
    for path in ("deployments.NAME.kind", "bill.lines[].usd", "deployments.NAME.replicas.max"):
        reach(summary, path)
    for path in ("deployments.NAME.colour", "bill.lines[].colour", "deployments.NAME.replicas.most"):
        with pytest.raises(AssertionError):
            reach(summary, path)
