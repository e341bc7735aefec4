"""docs/accuracy.md: what is quick to make again is as the page says, what was promised of the shipped profiles holds, plots are in place."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from sim.calibration.errors import ErrorSummary, summarise
from sim.calibration.saturation import run_outs
from tests.tools import accuracy_page, accuracy_page_kernels, accuracy_page_serving
from tests.tools.accuracy_page_plots import PLOTS
from tests.tools.accuracy_page_tables import error_cells, markdown, percent
from tests.tools.plot import Axis, Panel, Series, figure, scatter

SHAPES = 12
"""Four tensor parallel sizes with three shapes of requests each."""


@pytest.fixture(scope="module")
def page(root: Path) -> str:
    return (root / "docs" / "accuracy.md").read_text(encoding="utf-8")


def found(metric: str) -> ErrorSummary:
    summary = summarise(row.errors[accuracy_page_serving.METRICS[metric]] for row in accuracy_page_serving.shipped())
    assert summary is not None and summary.n == 60
    return summary


def test_the_serving_sweep_is_as_the_page_says(shared_data: Path, page: str) -> None:
    assert accuracy_page.tables_of(page)["serving"] == accuracy_page_serving.TABLES["serving"]()


def test_shipped_profiles_keep_what_was_promised(shared_data: Path) -> None:
    assert found("TPOT").median_abs_error <= accuracy_page.TPOT_GOAL
    assert found("TTFT").median_abs_error <= accuracy_page.TTFT_GOAL
    shapes = run_outs(accuracy_page_serving.shipped())
    assert len(shapes) == SHAPES and all(shape.agrees for shape in shapes)
    assert any(shape.measured is not None for shape in shapes)


def test_a_cache_without_bounds_hits_what_the_trace_repeats(shared_data: Path) -> None:
    hits, _ = accuracy_page_kernels.hit_share(accuracy_page_kernels.UNBOUNDED_TOKENS)
    assert accuracy_page_kernels.expected_share() == pytest.approx(0.640, abs=0.0005)
    assert hits == pytest.approx(accuracy_page_kernels.expected_share(), abs=0.003)


def test_the_page_has_every_table_and_no_other(page: str) -> None:
    tables = accuracy_page.tables_of(page)
    assert set(tables) == set(accuracy_page.TABLES)
    assert all(table.startswith(("|", "```")) and "nan" not in table for table in tables.values())


def test_plots_are_there_small_and_described(root: Path, page: str) -> None:
    shown = dict(re.findall(r"!\[([^\]]{30,})\]\(accuracy/([\w-]+)\.svg\)", page))
    assert sorted(shown.values()) == sorted(PLOTS)
    for name in PLOTS:
        file = root / "docs" / "accuracy" / f"{name}.svg"
        assert file.stat().st_size < 30_000
        assert ElementTree.parse(file).getroot().tag.endswith("svg")  # noqa: S314


def test_tables_are_replaced_by_name() -> None:
    page = "a\n\n<!-- table one -->\n\n<!-- end -->\n\nb\n\n<!-- table two -->\n\nold\n\n<!-- end -->\n"
    made = accuracy_page.with_tables(page, {"one": "| 1 |", "two": "| 2 |"})
    assert accuracy_page.tables_of(made) == {"one": "| 1 |", "two": "| 2 |"}
    assert "old" not in made and made.startswith("a\n\n<!-- table one -->\n\n| 1 |\n\n<!-- end -->\n\nb\n")
    assert accuracy_page.with_tables(made, {"one": "| 1 |", "two": "| 2 |"}) == made
    with pytest.raises(KeyError):
        accuracy_page.with_tables(page, {"one": "| 1 |"})


def test_errors_in_a_line() -> None:
    assert error_cells([0.1, -0.2, 0.3]) == ("3", "20.0 %", "20.0 %", "28.0 %", "+6.7 %")
    assert set(error_cells([])) == {"-"}
    assert [percent(x, signed=True) for x in (-0.0004, 0.05)] == ["0.0 %", "+5.0 %"]
    assert markdown(("a", "b"), [("c", "1")]) == "| a | b |\n| --- | ---: |\n| c | 1 |"


def test_axes_name_round_values() -> None:
    assert Axis("", 1.0, 100.0, log=True).ticks() == [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0]
    assert Axis("", 3.0, 3000.0, log=True).ticks() == [10.0, 100.0, 1000.0]
    assert Axis("", 0.0, 11.0).ticks() == [0.0, 2.0, 4.0, 6.0, 8.0, 10.0]
    assert Axis("", 1.0, 100.0, log=True).at(10.0) == pytest.approx(0.5)


def test_a_point_is_drawn_where_it_is() -> None:
    """Width of the plot 324 from x = 62, height 248 from y = 282 up, below a legend of 21 lines of pixels."""
    panel = Panel("t", Axis("x", 0.0, 10.0), Axis("y", 0.0, 1.0), (Series("<s>", ((5.0, 0.5), (10.0, 1.0)), 0, line=True),))
    drawn = figure([panel])
    assert drawn == figure([panel]) and "&lt;s&gt;" in drawn
    above = int(re.findall(r'height="(\d+)"', drawn)[0]) - 330
    assert f"M224.0 {282 - 124 + above:.1f}h0M386.0 {34 + above:.1f}h0" in drawn
    ElementTree.fromstring(drawn)  # noqa: S314


def test_scatter_shows_all_points_within_the_same_axes() -> None:
    panel = scatter("t", "ms", [Series("s", ((1.2, 900.0), (40.0, 3.0)), 0)])
    assert (panel.x.low, panel.x.high) == (panel.y.low, panel.y.high) == (1.0, 1000.0)
