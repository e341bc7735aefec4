"""A diff for people: the answer, 80 columns, a comment that no name can break out of, and JSON; against figures of the report itself."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html import unescape
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sim.futures.bands import band
from sim.planning.gate_figures import FIGURES, SHORT
from sim.report.amounts import from_to
from sim.report.diff_markdown import diff_markdown, safe
from sim.report.diff_report import DiffReport
from sim.report.diff_summary import diff_json
from sim.report.diff_text import diff_text
from sim.report.diff_words import diff_answer
from tests.made.diffed import diffed
from tests.made.world import STACK

HEAD = STACK.replace("replicas: 1", "replicas: 2").replace("max_wait: 2s", "max_wait: 1s")
GATES = ("ttft_p99 > 1ms", "monthly.tco_usd.p95 > $1M", "delta.total.tco_usd.p50 > 5%", "total.invoice_usd.p50 > 900k", "p_slo_met < 0.9")
HOSTILE = (
    "</table>|<script>alert(1)</script>", "@octocat", "@org/team", "https://evil.example/x", "www.evil.example", "[click](javascript:1)",
    "![p](http://e/x.png)", "#12", "GH-12", "a@b.example", "`code`", "**bold**", "~~gone~~", "\n| a | b |", "\x1b[31m", "</details>", "-->",
    "$x^2$", "org/repo#7", "\u202eevil", "0123456789abcdef0123456789abcdef01234567", ":tada:", "<!-- sim-diff:x -->",
)  # fmt: skip


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> DiffReport:
    return diffed(tmp_path_factory.mktemp("diff"), HEAD, gates=GATES)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> DiffReport:
    return diffed(tmp_path_factory.mktemp("plain"), HEAD, months=0, gates=("delta.usd_per_month > 0",))


@pytest.fixture(scope="module")
def same(tmp_path_factory: pytest.TempPathFactory) -> DiffReport:
    return diffed(tmp_path_factory.mktemp("same"), STACK, scale=1.0)


def test_the_answer_says_what_changes_and_what_it_costs(report: DiffReport) -> None:
    answer = diff_answer(report)
    assert answer.startswith("1 deployment changed and routing differs. Over 12 months, 2026-11 to 2027-10, the TCO is $")
    assert "more in the median future (p5 $" in answer and "HEAD is dearer in 100 % of futures" in answer
    assert "GPUs at most 1 -> 2" in answer and "load " in answer and "every level met in every month" in answer
    assert answer.endswith("3 of 5 gates fail.")


def test_costs_are_those_of_the_futures(report: DiffReport) -> None:
    was, now = report.base.side.ahead, report.head.side.ahead
    assert was is not None and now is not None
    apart = (now.total("tco") - was.total("tco")).sum(axis=1)
    assert report.costs("tco").difference_usd.p50 == pytest.approx(band(apart).p50, rel=1e-9)
    found = json.loads(diff_json(report))
    assert found["costs"]["tco"]["difference_usd"]["p95"] == pytest.approx(band(apart).p95, rel=1e-9)
    assert found["costs"]["tco"]["p_dearer"] == np.mean(apart > 0) == 1.0
    assert [each["month"] for each in found["costs"]["invoice"]["by_month"]] == list(was.months)
    met = [each["head_met_share"] for each in found["slo_by_month"]]
    assert met == pytest.approx(now.slo.met.mean(axis=0).tolist())


def test_a_gate_and_the_figures_of_the_report_are_one(report: DiffReport) -> None:
    found = json.loads(diff_json(report))
    by_name = {each["figure"]: each for each in (*found["replay"], *found["months"])}
    for gate in found["gates"]:
        if gate["figure"] in by_name:
            assert (
                gate["measured"] == by_name[gate["figure"]]["head"] and gate["month"] == by_name[gate["figure"]]["head_month"]
                if "head_month" in by_name[gate["figure"]]
                else True
            )
    assert [each["failed"] for each in found["gates"]] == [True, False, True, False, True]
    assert found["gates_failed"] == 3 and found["gates"][2]["limit_is"] == "share of BASE"


def test_text_fits_a_terminal_and_has_every_part(report: DiffReport, plain: DiffReport, same: DiffReport) -> None:
    for each in (report, plain, same):
        assert max(map(len, diff_text(each).splitlines())) <= 80
    text = diff_text(report)
    for part in ("Gates ", "Changes ", "Cost ", "Month ", "Replay ", "Months ", "Traffic ", "~ deployments.own", "replicas.max"):
        assert f"\n{part}" in text or f"  {part}" in text, part
    assert "FAILS by" in text and "holds" in text


def test_a_long_gate_fits_too(tmp_path: Path) -> None:
    found = diffed(tmp_path, HEAD, months=0, gates=(f"delta.gpu_idle_usd_per_month >= $1.{'0' * 150}",))
    assert max(map(len, diff_text(found).splitlines())) <= 80
    well_formed(diff_markdown(found))


def test_without_months_there_are_no_bands(plain: DiffReport) -> None:
    text, found = diff_text(plain), json.loads(diff_json(plain))
    assert "\nCost" not in text and "\nMonth" not in text and "differences have no bands" in text.replace("\n         ", " ")
    assert found["costs"] is None and found["forecast"] is None and found["months"] == [] and found["slo_by_month"] == []
    assert found["gates"][0]["failed"] and found["gates"][0]["se"] is None
    assert "a month as replayed" in diff_answer(plain)


def test_the_same_stack_is_a_tie_to_the_cent(same: DiffReport) -> None:
    assert (
        same.tie and same.unchanged and diff_answer(same).startswith("Unchanged: both stacks say the same. Both cost the same to the cent")
    )
    found = json.loads(diff_json(same))
    assert found["unchanged"] and found["parts"] == [] and found["costs"]["tco"]["tie"] and found["costs"]["tco"]["p_dearer"] == 0.5
    assert all(each["difference"] in (0, None) for each in (*found["replay"], *found["months"]))
    assert "What changed" not in diff_markdown(same)


def test_a_gate_that_noise_decides_says_so(tmp_path: Path, report: DiffReport) -> None:
    assert report.head.side.ahead is not None
    p50 = band(report.head.side.ahead.total("invoice").sum(axis=1)).p50
    found = diffed(tmp_path, HEAD, gates=(f"total.invoice_usd.p50 > {p50 - 1:.2f}",))
    assert found.gates[0].failed and found.gates[0].noisy and found.gates[0].by == pytest.approx(1.0, abs=0.02)
    assert re.search(r"standard error \$[\d,.]+: decided by noise, more --futures would tell", " ".join(diff_text(found).split()))


def test_a_comment_is_marked_short_and_folded(report: DiffReport) -> None:
    text = diff_markdown(report)
    lines = text.splitlines()
    assert lines[0] == "<!-- sim-diff:trace -->" and lines[2].startswith(
        "### ❌ base &#8594; head" if "&#8594;" in lines[2] else "### ❌ base → head"
    )
    assert text.count("<details>") == text.count("</details>") >= 3 and len(text) < 60_000
    unfolded = re.sub(r"<details>.*?</details>", "", text, flags=re.DOTALL)
    assert len(unfolded.splitlines()) < 45
    well_formed(text)


def test_assumptions_that_came_and_went_are_told_apart_in_a_comment(report: DiffReport) -> None:
    text = diff_markdown(replace(report, stacks=replace(report.stacks, assumptions_added=("a price",), assumptions_removed=("a tier",))))
    assert "\n- new: a price\n- gone: a tier\n" in text
    well_formed(text)


def well_formed(text: str) -> None:
    """Every row of a table has as many cells as its header; there is no HTML but ours."""
    columns = 0
    for line in text.splitlines():
        if line.startswith("|"):
            cells = line.count("|") - 1
            columns = columns or cells
            assert cells == columns, line
        else:
            columns = 0
    assert set(re.findall(r"</?([a-zA-Z]+)", text)) <= {"details", "summary", "sub"}
    # A sign at the beginning of an item is a list within the list.
    assert not re.search(r"^- ([-+*]|\d+[.)]) ", text, re.MULTILINE)


@pytest.mark.parametrize("name", HOSTILE)
def test_no_name_breaks_out_of_a_comment(name: str) -> None:
    shown = safe(name)
    assert "\n" not in shown
    assert not re.search(r"[|<>`*_\[\]@#~!\\$^\x1b\u202e]", re.sub(r"&#\d+;", "", shown)), shown
    # What a forge looks for in the text after all of that is rendered: mentions, references, links.
    text = unescape(shown)
    assert not re.search(r"@\w|#\d|(?i:gh-\d)|https?://|www\.\w|\b[0-9a-f]{7,40}\b", text), text
    # And yet it reads the same.
    assert text.replace("\u200b", "") == (name if name.isprintable() else text.replace("\u200b", ""))


@pytest.mark.parametrize("text", ["137.0874937979", "1048576 tokens", "0000000123"])
def test_numbers_in_a_comment_can_be_copied(text: str) -> None:
    assert safe(text) == text
    assert "&#8203;" in safe("0a1b2c3d"), "but the name of a commit is no link"


def test_differences_of_the_worst_month_say_so(report: DiffReport) -> None:
    months = tuple(
        replace(each, difference=replace(each.difference, month="2027-03")) if each.name == "monthly.invoice_usd.p95" else each
        for each in report.of_months
    )
    apart = replace(report, of_months=months)
    (row,) = {line for line in diff_markdown(apart).splitlines() if line.startswith("| monthly.invoice")}
    assert re.fullmatch(r"\| [^|]+ \| \S+ in 20\d\d-\d\d \| \S+ in 20\d\d-\d\d \| [^|]+ in 2027-03 \| [^|]+ \|", unescape(row)), row
    assert "a quantile of them is not the difference of quantiles" in diff_markdown(apart)
    assert "difference 2027-03." in " ".join(diff_text(apart).split())


def test_an_autoscaler_that_comes_whole_is_one_line(tmp_path: Path) -> None:
    """Its law was written; all else of it nobody wrote."""
    head = STACK.replace("replicas: 1", "replicas: {min: 1, max: 2}").replace(
        "    client: none\n", "    client: none\n    autoscaler: {law: hpa}\n"
    )
    report = diffed(tmp_path, head, months=0)
    comment = unescape(diff_markdown(report))
    law, rest = (line for line in comment.splitlines() if line.startswith("| \xa0\xa0autoscaler"))
    assert law.startswith("| \xa0\xa0autoscaler.law | absent → hpa | given: ")
    assert re.search(r"autoscaler \| \d+ values came along \| .*default.*; each is in diff.json", rest)
    assert re.search(r"new: \d+ values of deployments.own.autoscaler$", comment, re.MULTILINE)
    assert len(re.findall(r"^ +autoscaler", diff_text(report), re.MULTILINE)) == 2
    assert diff_json(report).count('"deployments.own.autoscaler.') > 8, "diff.json has them all"


def test_a_section_in_the_plural(tmp_path: Path) -> None:
    more = diffed(tmp_path, STACK + "costs: {storage: {gb: 10, usd_per_gb_month: 0.1}}\n", months=0)
    assert diff_answer(more).startswith("Costs differ. The invoice is $1.00 more a month as replayed: $2,628 -> $2,629.")


def test_amounts_that_differ_look_different() -> None:
    assert from_to(40_210.0, 81_200.0) == "$40.2 k -> $81.2 k"
    assert from_to(40_210.0, 40_250.0) == "$40,210 -> $40,250"
    assert from_to(40_210.01, 40_210.02) == "$40,210.01 -> $40,210.02"
    assert from_to(5.0, 5.0) == "$5.00 -> $5.00"


def test_hostile_names_in_a_whole_comment(tmp_path: Path) -> None:
    stack = HEAD.replace("one small pool that spills to an API", "'</details> @octocat'")
    text = diff_markdown(diffed(tmp_path, stack, name="<b>@octocat|x](http:", trace="a--><img src=x>"))
    well_formed(text)
    assert text.startswith("<!-- sim-diff:a---img-src-x -->\n")
    assert not re.search(r"@\w", unescape(text)) and "http://" not in unescape(text) and "<b>" not in text and "<img" not in text


# --- docs/diff.md ---


@pytest.fixture(scope="module")
def page(root: Path) -> str:
    return (root / "docs" / "diff.md").read_text()


def names(page: str, title: str) -> list[str]:
    """What the first cells of the table under a heading name."""
    rows = [line for line in page.split(title)[1].split("\n## ")[0].splitlines() if line.startswith("| `")]
    return [name for row in rows for name in re.findall(r"`([^`]+)`", row.split(" | ")[0])]


def test_the_page_names_every_figure(page: str) -> None:
    named = {name.removesuffix(".Q") for name in names(page, "\n## Gates\n")} - {"ttft_pQ", "tpot_pQ", "e2e_pQ"}
    assert named == {each.short for each in FIGURES}
    assert all(f"`{column}`" in page for column in ("completed_share", "gpus_most")) and "completed" in SHORT
    banded = {name.removesuffix(".Q") for name in names(page, "\n## Gates\n") if name.endswith(".Q")}
    assert banded == {each.name for each in FIGURES if each.banded}


def at(data: Any, path: str) -> Any:
    for part in path.split("."):
        data = data[part.removesuffix("[]")]
        data = data[0] if part.endswith("[]") else data
    return data


def test_the_page_names_every_key(page: str, report: DiffReport) -> None:
    found = json.loads(diff_json(report))
    paths: list[str] = []
    for key in names(page, "\n### diff.json\n"):
        head, brace, tail = key.partition("{")
        paths += [head + each for each in tail.removesuffix("}").split(",")] if brace else [head]
    for path in paths:
        at(found, path)
    tops = {re.split(r"[.\[]", path)[0] for path in paths}
    assert tops == found.keys() - {"schema_version"}
    for each in ("gates", "replay", "months"):
        assert found[each][0].keys() <= {path.removeprefix(f"{each}[].") for path in paths} | {
            "base_month",
            "head_month",
            "difference_month",
            "difference_se",
        }
