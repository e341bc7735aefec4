"""A run's report: the answer, tables of 80 columns, JSON with the promised keys, and figures that agree between all of them."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import yaml

from sim.catalog.catalog import Catalog
from sim.catalog.price_book import PriceBook
from sim.catalog.yaml_file import read_document
from sim.cost.bill import Bill, Line
from sim.cost.replay import Replay, replay
from sim.measure.slo import Level
from sim.measure.timeline import timeline_interval_s
from sim.report import run_tables
from sim.report.amounts import loaded
from sim.report.answer import answer
from sim.report.cautions import month_caveat
from sim.report.run_record import event_data, inputs, record, stack_data, stack_yaml
from sim.report.run_report import RunReport, report_of
from sim.report.run_sections import bars
from sim.report.run_text import run_markdown, run_text
from sim.report.section import Section, as_markdown, as_text, brief
from sim.report.summary import summary, summary_json
from sim.stack import ResolvedStack, StackFile, facts_of, read_stack, resolve
from sim.stack.events import ScriptedEvent
from sim.stack.read import stack_of
from sim.trace import Trace, read_trace
from sim.trace.closed_loop import ClosedLoop
from sim.units import show_usd
from sim.wide import shortened
from tests.made.world import STACK, write_trace, write_world


class Ran:
    """A small run and everything it was made of."""

    def __init__(self, folder: Path, *, made: bool = False) -> None:
        self.folder = folder
        trace, stack = (folder / "trace.parquet", folder / "small.yaml") if made else write_world(folder)
        catalog = Catalog.load()
        book = PriceBook(catalog.date)
        self.trace: Trace = read_trace(trace)
        self.file: StackFile = read_stack(str(stack), catalog)
        self.resolved: ResolvedStack = resolve(self.file, catalog, book, facts_of(self.trace))
        self.replay: Replay = replay(self.resolved, self.trace, catalog=catalog, book=book, seed=3, log=True)
        self.report: RunReport = report_of(self.replay, self.resolved, self.trace, seed=3)


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    return Ran(tmp_path_factory.mktemp("world"))


def leaves(data: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(data, dict):
        for key, value in data.items():
            yield from leaves(value, f"{path}.{key}" if path else key)
    elif isinstance(data, list):
        for i, value in enumerate(data):
            yield from leaves(value, f"{path}[{i}]")
    else:
        yield path, data


def test_every_form_says_which_profile_was_used(ran: Ran) -> None:
    line = "own: llama-3.1-8b bf16 on 1 x h100-sxm, vllm: given (given in the stack)"
    assert f"Profile {line}" in " ".join(run_text(ran.report).split())
    assert f"- **Profile**: {line}" in run_markdown(ran.report)
    assert summary(ran.report)["profiles"]["own"]["label"] == "given"


def test_the_promised_keys_are_there(ran: Ran) -> None:
    data = summary(ran.report)
    assert data["schema_version"] == 1
    assert {"total", "completed", "rejected", "timed_out", "failed", "unfinished"} <= data["requests"].keys()
    for metric in ("ttft_s", "tpot_s", "e2e_s"):
        assert {"p50", "p90", "p95", "p99", "max"} <= data["latency"][metric].keys()
    assert data["deployments"].keys() == {"own", "spill"}
    for deployment in data["deployments"].values():
        assert {"requests", "busy_share", "load", "throttled", "cost_usd"} <= deployment.keys()
    assert {"lines", "total_usd", "usd_per_million_tokens"} <= data["bill"].keys()


def test_figures_agree_with_each_other(ran: Ran) -> None:
    data = summary(ran.report)
    counted = data["requests"]
    assert counted["total"] == 600 == sum(counted[name] for name in ("completed", "rejected", "timed_out", "failed", "unfinished"))
    assert counted["completed"] == data["latency"]["e2e_s"]["count"] == sum(each["completed"] for each in data["deployments"].values())
    bill = data["bill"]
    assert math.fsum(line["usd"] for line in bill["lines"]) == pytest.approx(bill["total_usd"], rel=1e-12)
    for shares in (bill["by_deployment"], bill["by_class"], bill["by_client"]):
        assert math.fsum(shares.values()) == pytest.approx(bill["total_usd"], rel=1e-9)
    assert {name: each["cost_usd"] for name, each in data["deployments"].items()} == pytest.approx(bill["by_deployment"])
    tokens = sum(each["input_tokens"] + each["cached_input_tokens"] + each["output_tokens"] for each in data["deployments"].values())
    assert bill["usd_per_million_tokens"] == pytest.approx(bill["total_usd"] / tokens * 1e6)
    assert bill["usd_per_1000_requests"] == pytest.approx(bill["total_usd"] / counted["completed"] * 1e3)
    assert bill["month"]["factor"] == pytest.approx(730 * 3600 / data["window_s"])
    assert bill["month"]["total_usd"] == pytest.approx(math.fsum(line["month_usd"] for line in bill["lines"]))
    own = data["deployments"]["own"]
    assert own["cost_usd"] == pytest.approx(3.6 * data["window_s"] / 3600)  # one replica of one GPU, by the second
    assert own["gpu_hours"] == pytest.approx(data["window_s"] / 3600)
    trace = next(ran.trace.chunks())
    alone = (int(trace.prompt_tokens.sum()) * 2 + int(trace.output_tokens.sum()) * 10) / 1e6
    assert bill["api_only"] == {
        "model": "gpt-6.1-sol", "total_usd": pytest.approx(alone), "month_usd": pytest.approx(alone * bill["month"]["factor"]),
        "source": bill["api_only"]["source"], "limits_applied": False,
    }  # fmt: skip


def test_many_clients_are_summed_up(ran: Ran) -> None:
    usd = {f"c{i}": float(i) for i in range(5000)}
    found = summary(replace(ran.report, by_client=usd))["bill"]["by_client"]
    assert len(found) == 1001 and next(iter(found)) == "c4999"
    assert found["4,000 more clients"] == sum(range(4000))
    assert math.fsum(found.values()) == sum(usd.values())


def test_quantiles_are_those_of_the_log(ran: Ran) -> None:
    log = ran.replay.result.log
    assert log is not None
    done = log[log["outcome"] == 0]
    e2e = sorted(done["finish_s"] - done["arrival_s"])
    found = summary(ran.report)["latency"]["e2e_s"]
    for name, q in (("p50", 0.5), ("p90", 0.9), ("p95", 0.95), ("p99", 0.99)):
        assert found[name] == pytest.approx(e2e[math.ceil(q * len(e2e)) - 1], rel=0.005)
    assert found["max"] == e2e[-1]


def test_json_is_strict_and_the_same_every_time(ran: Ran) -> None:
    text = summary_json(ran.report)
    assert text == summary_json(report_of(ran.replay, ran.resolved, ran.trace, seed=3))
    for path, value in leaves(json.loads(text, parse_constant=pytest.fail)):
        assert not isinstance(value, str) or str(ran.folder) not in value, path


def test_the_text_fits_a_terminal_and_begins_with_the_answer(ran: Ran) -> None:
    text = run_text(ran.report)
    assert max(map(len, text.splitlines())) <= 80
    assert text.startswith("small serves trace for $")
    assert " ".join(text.split()).startswith(answer(ran.report))
    alone = ran.report.api_only_month_usd
    assert alone is not None and f"API only, same traffic: ${alone:,.0f} a month" in text
    assert text.endswith("\n") and not text.endswith("\n\n")
    for part in ("Traffic", "Latency", "Deployments", "Pools", "Bill", "Cost by class", "Cost by client", "Prices"):
        assert part in text


def test_the_widest_figures_fit_too(ran: Ran) -> None:
    measures = ran.report.measures
    uses = tuple(
        replace(
            use, name="a-deployment-of-a-long-name", requests=999_400, throttled=999_400, retries=999_400, input_tokens_per_s=88_888.8,
            output_tokens_per_s=88_888.8, goodput_per_s=0.0888, ready_replicas=100.25, busy_share=0.99812, mean_batch=1023.7, occupancy=0.99812,
            prefix_hit_share=0.99812 if use.kind == "gpu" else None, preemptions=999_400 if use.kind == "gpu" else None,
        ) for use in measures.uses
    )  # fmt: skip
    loads = tuple(replace(load, mean=123.4, peak=0.001, saturation_per_s=0.0888) for load in measures.loads)
    fleets = tuple(fleet and replace(fleet, least=0, most=1000) for fleet in measures.fleets)
    levels = tuple(replace(level, name=f"{level.name}.999", measured=100_000.0) for level in measures.levels)
    bill = Bill(
        tuple(replace(line, deployment="a-deployment-of-a-long-name", usd=1.2e8) for line in ran.report.bill.lines), 1e-3, 10**15, 1
    )
    report = replace(
        ran.report, measures=replace(measures, uses=uses, loads=loads, fleets=fleets, levels=levels), bill=bill, by_client={"x" * 300: 1e11, "y": 0.0}
    )  # fmt: skip
    assert max(map(len, run_text(report).splitlines())) <= 80


def test_markdown_holds_the_same(ran: Ran) -> None:
    page = run_markdown(ran.report)
    assert page.startswith("# small on trace\n\n**small serves trace for $")
    assert "| Total |" in page and "## Latency" in page and "## Warnings" in page
    for block in page.split("\n\n"):
        if block.startswith("|"):
            assert len({line.count("|") for line in block.splitlines()}) == 1


def with_levels(report: RunReport, *levels: Level) -> RunReport:
    return replace(report, measures=replace(report.measures, levels=levels))


def costing(report: RunReport, usd: float, alone: float) -> RunReport:
    bill = Bill((Line("own", "gpu_used", 1.0, "GPU-hours", usd),), 3600.0, 1000, 10)
    return replace(report, bill=bill, api_only=replace(report.api_only, usd=alone))


@pytest.mark.parametrize(
    ("usd", "alone", "said"),
    [
        (1.0, 4.0, "for $730.00 a month, 75 % less than gpt-6.1-sol alone ($2,920)"),
        (4.0, 4.02, "for $2,920 a month, as much as gpt-6.1-sol alone ($2,935)"),
        (5.0, 4.0, "25 % more than gpt-6.1-sol alone ($2,920)"),
        (10.0, 4.0, "for $7,300 a month, 2.5 times what gpt-6.1-sol alone costs ($2,920)"),
        (4000.0, 4.0, "1,000 times what"),
        (10.0, 0.0, "for $7,300 a month. Its"),
    ],
)
def test_the_answer_compares_with_the_api_alone(ran: Ran, usd: float, alone: float, said: str) -> None:
    assert brief(said) in brief(answer(costing(ran.report, usd, alone)))


def test_the_answer_names_what_is_missed(ran: Ran) -> None:
    fine = Level("ttft_p95", 3.0, 1.0, met=True)
    slow = Level("tpot_p95", 0.05, 0.0771, met=False)
    few = Level("completed", 0.995, 0.9949, met=False)
    nothing = Level("ttft_p95", 3.0, None, met=False)
    assert answer(with_levels(ran.report, fine)).endswith("Its service levels are met.")
    assert answer(with_levels(ran.report, fine, slow)).endswith("It misses a service level: TPOT p95 is 77.1 ms, wanted at most 50 ms.")
    assert answer(with_levels(ran.report, few)).endswith("99.49 % completed, wanted at least 99.5 %.")
    assert "It misses 2 service levels: no TTFT p95, as nothing completed; TPOT" in answer(with_levels(ran.report, nothing, slow))


def test_an_answer_for_part_of_the_traffic_says_so(ran: Ran) -> None:
    outcomes = replace(ran.report.measures.outcomes, completed=180)
    report = replace(ran.report, measures=replace(ran.report.measures, outcomes=outcomes))
    assert answer(report).startswith("small serves 30 % of trace for $".replace("30 %", "30.0 %"))
    assert "all of it at gpt-6.1-sol" in answer(report)


def test_a_run_without_duration_has_no_month(ran: Ran) -> None:
    report = replace(ran.report, bill=replace(ran.report.bill, window_s=0.0))
    assert "no month" in answer(report)
    assert summary(report)["bill"]["month"]["total_usd"] is None
    assert "API only, same traffic: $" in run_text(report)
    assert run_tables.monthly(report)["month"] == []


def test_caveats_of_a_month() -> None:
    assert "no whole day" in month_caveat(3600.0)
    assert "days that differ" in month_caveat(86_390.0)
    assert month_caveat(14 * 86_400.0) == ""
    assert "no duration" in month_caveat(0.0)


def test_hostile_names_stay_harmless() -> None:
    section = Section("T", [("a\x1b[31m\nb|c", "1"), ("x" * 200, "2"), ("<script>`*_", "3")], ("n",))
    text = as_text([section])
    assert "\x1b" not in text and max(map(len, text.splitlines())) <= 80
    page = as_markdown([section])
    assert "<script>" not in page and "\\`\\*\\_" in page
    assert {line.count("|") for line in page.splitlines()[2:]} == {3}


def test_small_texts() -> None:
    assert brief("50.0 ms") == "50 ms"
    assert brief("at most 2.50 s") == "at most 2.5 s"
    assert brief("24.0 h (1.17/s)") == "24 h (1.17/s)"
    assert brief("100 s and 105 s") == "100 s and 105 s"
    assert shortened("abcdefghij", 5) == "abc…j"[:2] + "…ij" and len(shortened("abcdefghij", 5)) == 5
    assert bars((0.0, 0.01, 1.0, 2.0), 2) == "▁▂▅█"
    assert bars((0.0, 0.0), 0) == "▁▁"


def test_intervals_of_the_timeline() -> None:
    day = 86_400.0
    for duration in (0.0, 10.0, 3600.0, day, 7 * day, 30 * day, 365 * day, 20 * 365 * day):
        interval = timeline_interval_s(duration)
        assert duration / interval <= 9000 or interval == day
        assert interval >= 300 or 300 % interval == 0


def test_monthly_adds_up(ran: Ran) -> None:
    monthly = run_tables.monthly(ran.report)
    assert tuple(monthly) == run_tables.MONTHLY
    assert monthly["line"][-1] == "total"
    assert math.fsum(monthly["mean"][:-1]) == pytest.approx(monthly["mean"][-1]) == pytest.approx(ran.report.month_usd)
    assert set(monthly["month"]) == {ran.report.date[:7]}
    assert set(monthly["p5"]) == {None}  # a replay has no spread
    table = run_tables.monthly_table(monthly)
    assert [str(table.schema.field(name).type) for name in ("line", "mean", "p95")] == ["string", "double", "double"]


def test_capacity_is_that_of_a_month(ran: Ran) -> None:
    table = run_tables.capacity(ran.report, ran.replay)
    own = {name: values[0] for name, values in table.items()}
    assert own["deployment"] == "own" and own["gpus_max"] == own["nodes_max"] == 1
    assert own["gpu_hours"] == pytest.approx(730)
    assert own["usd"] == pytest.approx(3.6 * 730)
    assert (table["kind"][1], table["gpu_hours"][1], table["nodes_max"][1]) == ("api", None, None)


def test_requests_are_the_log(ran: Ran) -> None:
    table = run_tables.requests(ran.replay, ran.trace.classes, ran.trace.clients)
    assert table is not None and table.num_rows == 600
    rows = table.to_pylist()
    chunk = next(ran.trace.chunks())
    assert [row["arrival_s"] for row in rows] == chunk.arrival_s.tolist()
    assert [row["class"] for row in rows] == [ran.trace.classes[k] for k in chunk.class_id]
    assert [row["client_id"] for row in rows] == [ran.trace.clients[k] for k in chunk.client_id]
    assert {row["outcome"] for row in rows} <= {"completed", "rejected", "timed_out", "failed"}
    for row in rows:
        assert (row["reason"] is None) == (row["outcome"] == "completed")
        assert (row["first_token_s"] is None) == (row["outcome"] != "completed")
        assert (row["replica"] is None) == (row["deployment"] != "own")
    assert run_tables.requests(replace(ran.replay, result=replace(ran.replay.result, log=None)), (), ()) is None


def test_timeline_and_latency_tables(ran: Ran, tmp_path: Path) -> None:
    table = run_tables.timeline(ran.replay)
    log, until = ran.replay.result.log, table["start_s"].to_pylist()[-1] + ran.replay.result.timeline_s
    assert log is not None
    assert sum(table["completed"].to_pylist()) == sum(log["finish_s"] <= until)
    assert set(table["deployment"].to_pylist()) == {"own", "spill"}
    run_tables.write_parquet(tmp_path / "latency.parquet", run_tables.latency(ran.report))
    rows = {(row["metric"], row["deployment"], row["class"]): row for row in pq.read_table(tmp_path / "latency.parquet").to_pylist()}
    assert rows["ttft", "all", "all"]["p95_s"] == summary(ran.report)["latency"]["ttft_s"]["p95"]
    assert rows["ttft", "all", "chat"]["count"] + rows["ttft", "all", "code"]["count"] == rows["ttft", "all", "all"]["count"]


def test_many_classes_are_named_by_the_largest_only(tmp_path: Path) -> None:
    """And a class may be called `all`."""
    write_trace(tmp_path / "trace.parquet", classes=("all", *map(str, range(20)), "0", "0"))
    (tmp_path / "small.yaml").write_text(STACK)
    ran = Ran(tmp_path, made=True)
    data = summary(ran.report)
    assert data["latency"]["ttft_s"]["count"] == ran.report.trace.requests
    assert data["classes"]["all"]["latency"]["ttft_s"]["count"] == len(range(0, 600, 23))
    text = run_text(ran.report)
    rows = [line.split()[1] for line in text.splitlines() if line.startswith("  class ")]
    assert len(rows) == 3 * 12 and "0" in rows and "9 smaller classes more are in latency.parquet." in text
    named = {row["class"]: row["count"] for row in run_tables.latency(ran.report).to_pylist() if row["deployment"] == "all"}
    assert {"all", "'all'", "0"} <= named.keys()


def test_csv_holds_no_formulas() -> None:
    text = run_tables.csv_text({"name": ["=1+1", "+x", "-y", "@z", "\tq", "fine", None], "usd": [-1.5, 2, float("nan"), 0.1, 3, 4, None]})
    assert text.splitlines() == ["name,usd", "'=1+1,-1.5", "'+x,2", "'-y,", "'@z,0.1", "'\tq,3", "fine,4", ","]


def test_the_resolved_stack_runs_again(ran: Ran, tmp_path: Path) -> None:
    file = tmp_path / "stack.resolved.yaml"
    file.write_text(stack_yaml(ran.file, ran.resolved))
    again = stack_of(read_document(file, file.name), "small")
    assert again.stack == ran.file.stack
    assert yaml.safe_load(file.read_text()) == stack_data(ran.file)
    assert "# deployments.own.profile" in file.read_text()


def test_the_record_and_the_hash_follow_the_inputs(ran: Ran) -> None:
    given = inputs(ran.report, ran.file, ran.resolved, ())
    found = json.loads(record(ran.report, given, ["run", "trace.parquet"]))
    assert (found["seed"], found["argv"], found["price_date"]) == (3, ["run", "trace.parquet"], "2026-11-21")
    assert found["trace"]["sha256"] == ran.trace.info.sha256
    assert found["libraries"].keys() >= {"numba", "genai-prices"}
    event = ScriptedEvent(5.0, "demand_factor", (None,), 1.0, 2.0)
    assert event_data(event)["factor"] == 2.0
    assert inputs(ran.report, ran.file, ran.resolved, (event,)) != given
    assert inputs(replace(ran.report, seed=4), ran.file, ran.resolved, ()) != given


def test_the_answer_of_a_closed_loop_is_the_bill_of_the_replay_and_then_the_month(ran: Ran) -> None:
    """Work that ends: the month is what its clients would cost if they went on."""
    report = ran.report
    looped = replace(report, trace=replace(report.trace, closed_loop=ClosedLoop(8)))
    replayed, month = show_usd(report.bill.total_usd), show_usd(report.month_usd)
    assert replayed != month
    assert answer(looped).startswith(f"small serves trace for {replayed}, ")
    assert f"gpt-6.1-sol alone ({show_usd(report.api_only.usd)}). A month of its 8 clients going on like this would be {month}." in answer(
        looped
    )
    assert answer(report).startswith(f"small serves trace for {month} a month")
    one = replace(report, trace=replace(report.trace, closed_loop=ClosedLoop(1)))
    assert "A month of its client going on" in answer(one)


@pytest.mark.parametrize(
    ("load", "text"), [(0.29, "29 %"), (1.6, "160 %"), (0.002, "<1 %"), (0.0, "0 %"), (123.4, ">999 %"), (None, "-"), (float("nan"), "-")]
)
def test_a_load_is_whole_percent_everywhere(load: float | None, text: str) -> None:
    assert loaded(load) == text
