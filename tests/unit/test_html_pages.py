"""Every page of a report: well-formed, alone, small, the same each time, with the numbers of the files; damage is told, never a traceback."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from sim.errors import InputError
from sim.report.export_source import read_run, run_in
from sim.report.html import build
from sim.report.html.build import FILE, report_html, write_report
from sim.report.html.page import LARGEST_BYTES
from sim.report.html.text import show
from tests.made.reports import KINDS, write_reports
from tests.made.reports_read import read


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reports")
    write_reports(folder)
    return folder


@pytest.fixture(params=KINDS)
def folder(world: Path, request: pytest.FixtureRequest) -> Path:
    return world / str(request.param)


def test_well_formed_and_alone(folder: Path) -> None:
    page = (folder / FILE).read_text()
    found = read(page)
    assert found.problems == []
    assert len(found.ids) == len(set(found.ids))
    assert all(name == "href" and link.startswith("#") and link[1:] in found.ids for _, name, link in found.links)
    assert found.handlers == [] and not {"iframe", "object", "embed", "base", "form", "img", "link"} & set(found.tags)
    assert found.tags.count("script") == found.tags.count("style") == found.tags.count("h1") == 1
    outside = re.sub(r"<(style|script)>.*?</\1>", "", page, flags=re.S)
    assert "url(" not in page and "@import" not in page and "srcdoc" not in page
    assert not re.search(r"""(href|src)=["']?(https?:|//)""", page)
    assert "<script" not in outside and "javascript:" not in page
    assert "nan" not in re.findall(r"[\w.]+", " ".join(re.findall(r'd="([^"]*)"', page)))


def test_small_and_the_same_bytes_each_time(folder: Path) -> None:
    page = (folder / FILE).read_text()
    assert len(page.encode()) < LARGEST_BYTES
    assert report_html(run_in(folder, folder.name)) == report_html(run_in(folder, "any other name")) == page


def test_page_one_says_the_answer_and_how_to_repeat_it(folder: Path) -> None:
    page = (folder / FILE).read_text()
    run = read_run(str(folder))
    words = re.sub(r"<[^>]+>", "", page).replace("&nbsp;", " ")
    first = str(run.content["answer"]).split(". ")[0].split("`")[0][:60]
    assert first.replace("<", "&lt;").replace(">", "&gt;") in words
    assert f"seed {run.record['seed']}" in words
    assert f"sim {run.record['argv'][0]} " in words and run.content["trace"]["sha256"] in words


def table_of(folder: Path, figure: str) -> list[list[str]]:
    return read((folder / FILE).read_text()).tables[figure]


def test_the_fan_is_that_of_the_summary(world: Path) -> None:
    summary = json.loads((world / "run" / "summary.json").read_text())
    head, *rows = table_of(world / "run", "months")
    assert head == ["Month", "USD a month: Invoice", "USD a month: TCO", "hours of incidents that begin in the month"]
    for row, month in zip(rows, summary["monthly"], strict=True):
        assert row[0] == month["month"]
        for cell, key, unit in zip(row[1:], ("invoice_usd", "tco_usd", "incident_hours"), ("usd", "usd", "number"), strict=True):
            p5, p50, p95 = (show(month[key][edge], unit) for edge in ("p5", "p50", "p95"))
            assert cell == f"{p50} ({p5} to {p95})"


def test_dates_and_incidents_are_marked(world: Path) -> None:
    page = (world / "run" / FILE).read_text()
    assert "gpt-6.1-sol price changes (2027-01)" in page and "groq-llama-3.3-70b ends (likely) (2027-03)" in page


def test_the_timeline_adds_up_to_the_parquet(world: Path) -> None:
    """What arrived: rates of the points times how long they last are the requests of the table."""
    found = pq.read_table(world / "replay" / "timeline.parquet").to_pydict()
    head, *rows = table_of(world / "replay", "timeline")
    columns = [k for k, name in enumerate(head) if name.startswith("requests a second")]
    starts = sorted(set(found["start_s"]))
    lasting = len(starts) * (starts[1] - starts[0])
    rates = sum(float(row[k].replace(",", "")) for row in rows for k in columns)
    assert rates / len(rows) == pytest.approx(sum(found["arrivals"]) / lasting, rel=0.15)


def test_the_curves_are_those_of_the_parquet(world: Path) -> None:
    found = pq.read_table(world / "replay" / "latency_curves.parquet").to_pylist()
    whole = [each for each in found if (each["metric"], each["deployment"], each["class"]) == ("ttft", "all", "all")]
    head, *rows = table_of(world / "replay", "cdf-ttft")
    assert head[1] == "all requests"
    assert [(row[0], row[1]) for row in rows] == [
        (f"within {show(each['at_most_s'], 's')}", show(each["share"], "share")) for each in whole
    ]


def test_the_histogram_counts_every_future(world: Path) -> None:
    draws = pq.read_table(world / "run" / "draws.parquet").to_pandas()
    totals = draws.groupby("future")["invoice_usd"].sum().to_numpy()
    _, *rows = table_of(world / "run", "spread-invoice")
    assert [int(row[1]) for row in rows] == np.histogram(totals, len(rows))[0].tolist()


def test_the_calendar_of_a_plan_and_the_schedule_of_foresight(world: Path) -> None:
    plan = json.loads((world / "plan" / "plan.json").read_text())
    _, *rows = table_of(world / "plan", "calendar")
    assert [row[:2] for row in rows] == [[each["month"], show(each["gpus_p50"], "number")] for each in plan["calendar"]]
    elastic = json.loads((world / "elastic" / "elastic.json").read_text())
    _, *rows = table_of(world / "elastic", "schedule")
    assert [float(row[1]) for row in rows] == elastic["perfect"]["replicas"]


def test_a_diff_says_what_its_json_says(world: Path) -> None:
    diff = json.loads((world / "diff" / "diff.json").read_text())
    _, *rows = table_of(world / "diff", "tco-by-month")
    for row, month in zip(rows, diff["costs"]["tco"]["by_month"], strict=True):
        assert row[1].startswith(show(month["base_usd"]["p50"], "usd")) and row[2].startswith(show(month["head_usd"]["p50"], "usd"))
    page = (world / "diff" / FILE).read_text()
    assert "ttft_p99 &gt; 1ms" in page and ">fails</td>" in page


def test_every_number_has_its_origin(world: Path) -> None:
    page = (world / "run" / FILE).read_text()
    lines = (world / "run" / "stack.resolved.yaml").read_text().splitlines()
    for label in ("given", "default", "vendor", "assumed"):
        count = sum(f"[{label}: " in line for line in lines if line.startswith("# "))
        assert count and f"<span class=tag>{label}</span> {count} number" in page


def test_a_large_folder_stays_small(world: Path, tmp_path: Path) -> None:
    """Sixty deployments with four classes over ten years."""
    big = tmp_path / "big"
    shutil.copytree(world / "run", big)
    names, months = [f"own-{k}" for k in range(60)], [f"{2026 + m // 12}-{m % 12 + 1:02d}" for m in range(120)]
    summary = json.loads((big / "summary.json").read_text())
    pool = summary["deployments"]["own"]
    summary["deployments"] = dict.fromkeys(names, pool)
    line = summary["monthly"][0]["lines"][0]
    each = {**summary["monthly"][0], "lines": [{**line, "deployment": name} for name in names]}
    summary["monthly"] = [{**each, "month": month} for month in months]
    summary["total"]["lines"] = [{**summary["total"]["lines"][0], "deployment": name} for name in names]
    for rows in (summary["slo"]["by_month"], summary["budget"]["by_month"]):
        rows[:] = [{**rows[0], "month": month} for month in months]
    (big / "summary.json").write_text(json.dumps(summary))
    _multiply(big / "latency.parquet", names, ("chat", "code", "rag", "batch"))
    _multiply(big / "latency_curves.parquet", names, ("chat", "code", "rag", "batch"))
    assert len(report_html(read_run(str(big))).encode()) < LARGEST_BYTES


def _multiply(path: Path, deployments: list[str], classes: tuple[str, ...]) -> None:
    """Rows of all requests again for every deployment and class."""
    import pandas as pd

    found = pd.read_parquet(path)
    whole = found[(found["deployment"] == "all") & (found["class"] == "all")]
    parts = [whole.assign(**{"deployment": place, "class": kind}) for place in ("all", *deployments) for kind in ("all", *classes)]
    pd.concat(parts, ignore_index=True).to_parquet(path, index=False)


BLOWS: dict[str, Callable[[Path, str], object]] = {
    "json gone": lambda folder, name: (folder / name).unlink(),
    "json empty": lambda folder, name: (folder / name).write_text(""),
    "a list": lambda folder, name: (folder / name).write_text("[]"),
    "NaN": lambda folder, name: (folder / name).write_text((folder / name).read_text().replace(": 0", ": NaN", 1)),
    "half": lambda folder, name: (folder / name).write_text((folder / name).read_text()[:500]),
    "a number for a text": lambda folder, name: (folder / name).write_text(
        (folder / name).read_text().replace('"answer": "', '"answer": 7, "x": "')
    ),
}
JSON = {
    "run": "summary.json", "replay": "summary.json", "compare": "comparison.json", "sweep": "sweep.json", "plan": "plan.json",
    "diff": "diff.json", "elastic": "elastic.json",
}  # fmt: skip


@pytest.mark.parametrize("blow", BLOWS)
def test_a_damaged_folder_is_told(folder: Path, tmp_path: Path, blow: str) -> None:
    hurt = tmp_path / "hurt"
    shutil.copytree(folder, hurt)
    BLOWS[blow](hurt, JSON[folder.name])
    if (hurt / JSON[folder.name]).is_file() and (hurt / JSON[folder.name]).read_bytes() == (folder / JSON[folder.name]).read_bytes():
        pytest.fail("nothing was changed")
    with pytest.raises(InputError, match=r"run it again|allowed"):
        report_html(read_run(str(hurt)))


def _paths(found: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where anything stands in nested data, of lists the first alone."""
    items = found.items() if isinstance(found, dict) else list(enumerate(found))[:1] if isinstance(found, list) else ()
    for key, value in items:
        yield (*path, key)
        yield from _paths(value, (*path, key))


@pytest.mark.parametrize("instead", [None, "text", [], {}, -1.0, 1e308])
def test_any_value_of_another_type_is_told_or_drawn(folder: Path, instead: Any) -> None:
    """Each key of the JSON in turn is something else: a page or an InputError, never another error."""
    run = read_run(str(folder))
    text = json.dumps(run.content)
    paths = [path for path in _paths(json.loads(text)) if len(path) <= 4]
    for path in paths[:: max(1, len(paths) // 25)]:
        content = json.loads(text)
        inner = content
        for key in path[:-1]:
            inner = inner[key]
        inner[path[-1]] = instead
        hurt = type(run)(**{**vars(run), "content": content})
        with contextlib.suppress(InputError):
            assert report_html(hurt).endswith("</html>\n")


def test_tables_that_are_gone_or_no_tables(world: Path, tmp_path: Path) -> None:
    for name in ("latency.parquet", "timeline.parquet", "draws.parquet", "capacity.csv"):
        hurt = tmp_path / name.partition(".")[0]
        shutil.copytree(world / "run", hurt)
        (hurt / name).unlink()
        with pytest.raises(InputError, match=f"{name} is missing"):
            read_run(str(hurt))
        (hurt / name).write_bytes(b"PAR1 no table PAR1")
        with pytest.raises(InputError, match=r"damaged|not known|missing"):
            report_html(read_run(str(hurt)))


def test_a_folder_of_an_older_version_has_no_curves(world: Path, tmp_path: Path) -> None:
    old = tmp_path / "old"
    shutil.copytree(world / "run", old)
    (old / "latency_curves.parquet").unlink()
    summary = json.loads((old / "summary.json").read_text())
    del summary["forecast"]["dated"]
    for month in summary["monthly"]:
        del month["incident_hours"]
    (old / "summary.json").write_text(json.dumps(summary))
    page = report_html(read_run(str(old)))
    assert "cdf-ttft" not in page and "TTFT by deployment and class" in page and "hours of incidents" not in page


@pytest.mark.parametrize("error", [ZeroDivisionError("by nought"), RecursionError(), MemoryError(), InputError("no")])
def test_a_page_that_cannot_be_drawn_loses_nothing(world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def fails(_: object) -> str:
        raise error

    there = tmp_path / "run"
    shutil.copytree(world / "run", there)
    (there / FILE).unlink()
    monkeypatch.setattr(build, "report_html", fails)
    assert write_report(there, "run") == (str(error) if isinstance(error, InputError) else repr(error))
    assert not (there / FILE).exists() and (there / "summary.json").is_file()


def test_a_comparison_says_when_it_turns_and_which_gates_fail(world: Path) -> None:
    found = json.loads((world / "compare" / "comparison.json").read_text())
    page = (world / "compare" / FILE).read_text()
    assert sum(each["failed"] for each in found["gates"]) == page.count('data-column="">fails') + page.count(">fails</td>") == 2
    (pair,) = found["pairs"]
    turn = pair["tco"]["run_rate_crossover"]
    said = "-" if not turn["share"] else f"{turn['stack']} in {show(turn['share'], 'share')} of futures"
    assert "When it turns" in page and said in page
