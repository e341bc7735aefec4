"""The page about workloads states the statistics that the bundled traces have."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sim.trace import read_trace
from sim.trace.describe import Lengths, describe
from sim.trace.formats import FORMATS
from sim.trace.recipe import Recipe

ROW = re.compile(r"^\| ([a-z-]+) \|(.*)\|$", re.MULTILINE)


def rows(root: Path, columns: int) -> dict[str, list[str]]:
    found = ((match[1], [cell.strip() for cell in match[2].split("|")]) for match in ROW.finditer((root / "docs/workloads.md").read_text()))
    return {name: cells for name, cells in found if len(cells) == columns and (root / f"workloads/{name}.parquet").exists()}


def said(lengths: Lengths) -> str:
    return f"{lengths.mean:.1f}, {lengths.p50:.0f}, {lengths.p95:.0f}, {lengths.p99:.0f}, {lengths.max:.0f}"


def test_every_figure_of_the_page(root: Path) -> None:
    rates, tokens = rows(root, 8), rows(root, 4)
    assert set(rates) == set(tokens) == {path.stem for path in (root / "workloads").glob("*.parquet")}
    for name, cells in rates.items():
        found = describe(read_trace(root / f"workloads/{name}.parquet"))
        idc = [f"{value:.2f}" for value in found.idc.values()]
        expected = [f"{found.rows:,}", f"{found.duration_s / 86_400:g}", f"{found.rate_per_s:.3f}", f"{found.peak_to_mean:.2f}"]
        assert cells == [*expected, f"{found.cv_gap:.2f}", *idc], name
        top = found.top_clients_share.get("top_10")
        clients = [str(found.clients), f"{100 * top:.1f} %"] if top else ["", ""]
        assert tokens[name] == [said(found.prompt_tokens), said(found.output_tokens), *clients], name


def test_every_format_is_named(root: Path) -> None:
    page = (root / "docs/workloads.md").read_text()
    for known in FORMATS:
        assert f"`{known.name}`" in page


def test_the_recipe_of_the_page_is_a_recipe(root: Path) -> None:
    from sim.catalog.yaml_file import load_text

    text = re.search(r"```yaml\n(.*?)```", (root / "docs/workloads.md").read_text(), re.DOTALL)
    assert text is not None
    recipe = load_text(text[1], "page", Recipe)
    assert recipe.traffic["chat"].requests_per_s == pytest.approx(0.5)
