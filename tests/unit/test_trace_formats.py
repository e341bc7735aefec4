"""Foreign files: each format is recognised and read into the same requests, times of every kind become seconds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sim.errors import InputError
from sim.trace import Trace, table_of
from sim.trace.clock import read_times
from sim.trace.foreign import Imported, Options
from sim.trace.formats import FORMATS, read_foreign
from sim.trace.imports import trace_of


def imported(path: Path, form: str = "auto", **options: Any) -> Trace:
    read = read_foreign(path, form, Options(**options), path.name)
    assert isinstance(read, Imported)
    return trace_of(read, path.name)


def columns(trace: Trace) -> dict[str, list[Any]]:
    table = table_of(trace)
    return {name: table[name].to_pylist() for name in table.column_names}


def put(tmp_path: Path, name: str, text: str) -> Path:
    path = tmp_path / name
    path.write_text(text)
    return path


def lines(*rows: dict[str, Any]) -> str:
    return "\n".join(json.dumps(row) for row in rows) + "\n"


def recognised(path: Path) -> str:
    from sim.trace.look import look

    found = look(path)
    return next(form.name for form in FORMATS if form.matches(found))


AZURE = """TIMESTAMP,ContextTokens,GeneratedTokens
2023-11-16 18:15:46.6805900,374,44
2023-11-16 18:15:50.9951690,396,109
2023-11-16 18:15:50.9951690,1,1
"""
BURSTGPT = """Timestamp,Session ID,Elapsed time,Model,Request tokens,Response tokens,Total tokens,Log Type
5,3,1.5,ChatGPT,472,18,490,Conversation log
45,,2.5,GPT-4,1087,230,1317,API log
118,3,0.1,GPT-4,417,0,417,Conversation log
120,3,0.1,GPT-4,417,276,693,Conversation log
"""
MOONCAKE = lines(
    {"timestamp": 0, "input_length": 6755, "output_length": 500, "hash_ids": [0, 1, 2]},
    {"timestamp": 3052, "input_length": 1024, "output_length": 25, "hash_ids": [0, 9]},
)
LITELLM = lines(
    {
        "startTime": "2026-11-02T09:00:00Z",
        "prompt_tokens": 0,
        "completion_tokens": 0,
        "model_group": "a",
        "team_id": "t1",
        "status": "failure",
    },
    {
        "startTime": "2026-11-02T09:00:10.5Z",
        "prompt_tokens": 100,
        "completion_tokens": 7,
        "model_group": "a",
        "team_id": "t1",
        "session_id": "s",
    },
    {
        "startTime": "2026-11-02T09:00:20Z",
        "prompt_tokens": 50,
        "completion_tokens": 5,
        "model_group": "b",
        "team_id": "",
        "cache_hit": "True",
    },
    {
        "startTime": "2026-11-02T09:00:30Z",
        "prompt_tokens": 60,
        "completion_tokens": 6,
        "model_group": "b",
        "team_id": "",
        "cache_hit": "False",
    },
)


def test_azure(tmp_path: Path) -> None:
    path = put(tmp_path, "a.csv", AZURE)
    assert recognised(path) == "azure"
    trace = imported(path)
    found = columns(trace)
    assert found["arrival_s"] == pytest.approx([0.0, 4.314579, 4.314579], abs=1e-6)
    assert found["prompt_tokens"] == [374, 396, 1]
    assert found["output_tokens"] == [44, 109, 1]
    assert trace.metadata["sim.start_utc"].startswith("2023-11-16T18:15:46.68059")
    assert "times without a zone: taken as UTC" in trace.info.notes


def test_burstgpt(tmp_path: Path) -> None:
    path = put(tmp_path, "b.csv", BURSTGPT)
    assert recognised(path) == "burstgpt"
    trace = imported(path)
    found = columns(trace)
    assert found["arrival_s"] == [5.0, 45.0, 120.0]
    assert found["class"] == ["Conversation log", "API log", "Conversation log"]
    assert found["session_id"][0] == found["session_id"][2] is not None
    assert found["session_id"][1] is None
    assert "left out 1 requests without prompt or output tokens (failed)" in trace.info.notes


def test_mooncake(tmp_path: Path) -> None:
    path = put(tmp_path, "m.jsonl", MOONCAKE)
    assert recognised(path) == "mooncake"
    trace = imported(path)
    found = columns(trace)
    assert found["arrival_s"] == [0.0, 3.052]
    assert found["prefix_block_ids"] == [[0, 1, 2], [0, 9]]
    assert trace.prefix_block_tokens == 512


@pytest.mark.parametrize("kind", ["jsonl", "json", "csv"])
def test_litellm_logs(tmp_path: Path, kind: str) -> None:
    rows = [json.loads(line) for line in LITELLM.splitlines()]
    if kind == "jsonl":
        text = LITELLM
    elif kind == "json":
        text = json.dumps(rows, indent=1)
    else:
        names = list(dict.fromkeys(name for row in rows for name in row))
        text = "\n".join([",".join(names), *(",".join(str(row.get(name, "")) for name in names) for row in rows)])
    path = put(tmp_path, f"l.{kind}", text)
    assert recognised(path) == "litellm"
    trace = imported(path)
    found = columns(trace)
    assert found["arrival_s"] == [10.5, 30.0]
    assert found["class"] == ["a", "b"]
    assert found["client_id"] == ["t1", None]
    assert found["session_id"][1] is None
    assert any("left out 1 requests answered from the proxy's cache" in note for note in trace.info.notes)
    assert any("left out 1 requests without prompt or output" in note for note in trace.info.notes)


def test_csv_with_common_names_and_with_a_mapping(tmp_path: Path) -> None:
    common = put(tmp_path, "c.csv", "timestamp,prompt_tokens,completion_tokens,selected_model\n0.53,689,48,llama\n0.6,231,52,qwen\n")
    assert recognised(common) == "csv"
    assert columns(imported(common)) == {"arrival_s": [0.53, 0.6], "prompt_tokens": [689, 231], "output_tokens": [48, 52]}
    assert "not read: selected_model" in imported(common).info.notes
    with_class = columns(imported(common, mapping={"class": "selected_model"}))
    assert with_class["class"] == ["llama", "qwen"]
    odd = put(tmp_path, "o.csv", "when;x,in,out,who\n1,10,1,7\n2,20,2,007\n")
    mapping = {"arrival_s": "when;x", "prompt_tokens": "in", "output_tokens": "out", "client_id": "who"}
    found = columns(imported(odd, mapping=mapping))
    assert found["client_id"] == ["7", "007"]
    assert found["prompt_tokens"] == [10, 20]


def test_the_same_requests_from_every_layout(tmp_path: Path) -> None:
    rows = [{"timestamp": 1.0, "input_tokens": 5, "output_tokens": 6}, {"timestamp": 2.5, "input_tokens": 7, "output_tokens": 8}]
    csv = put(tmp_path, "t.csv", "timestamp,input_tokens,output_tokens\n1.0,5,6\n2.5,7,8\n")
    jsonl = put(tmp_path, "t.jsonl", lines(*rows))
    parquet = tmp_path / "t.parquet"
    pq.write_table(pa.Table.from_pylist(rows), parquet)
    expected = {"arrival_s": [1.0, 2.5], "prompt_tokens": [5, 7], "output_tokens": [6, 8]}
    for path in (csv, jsonl, parquet):
        assert columns(imported(path)) == expected
    assert recognised(parquet) == "parquet"


def test_unsorted_files_come_out_in_order(tmp_path: Path) -> None:
    path = put(tmp_path, "u.csv", "timestamp,prompt_tokens,output_tokens\n3,30,1\n1,10,1\n2,20,1\n")
    trace = imported(path)
    assert columns(trace)["prompt_tokens"] == [10, 20, 30]
    assert any("sorted" in note for note in trace.info.notes)


def test_the_example_exports_are_read(shared_data: Path) -> None:
    for name, form, rows in (
        ("spend/constructed-litellm-spendlogs.jsonl", "litellm", 19),
        ("bench/real-vllm-sr-sim-trace-batch_spike_requests.csv", "vllm-sr-sim", 199),
        ("bench/real-vllm-sr-sim-trace-generic_chat_mix.jsonl", "vllm-sr-sim", 200),
    ):
        path = shared_data / "iac" / name
        assert recognised(path) == form
        assert imported(path).info.rows == rows


# Times.


def times(values: list[Any], **options: Any) -> tuple[list[float], tuple[str, ...]]:
    found = read_times(pa.array(values), "t", **options)
    return found.seconds.tolist(), found.notes


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([5, 7], [5.0, 7.0]),
        ([1_700_000_000, 1_700_000_002], [0.0, 2.0]),
        ([1_700_000_000_000, 1_700_000_000_250], [0.0, 0.25]),
        ([1_700_000_000_000_000, 1_700_000_000_000_007], [0.0, 7e-6]),
        ([1_700_000_000_000_000_000, 1_700_000_000_000_000_300], [0.0, 3e-7]),
        (["1700000000.5", "1700000002"], [0.0, 1.5]),
        (["2026-11-02T09:00:00Z", "2026-11-02T10:00:00.25+01:00"], [0.0, 0.25]),
        (["2026-11-02 09:00:00", "2026-11-02 09:01"], [0.0, 60.0]),
        (["2026-11-02", "2026-11-03"], [0.0, 86400.0]),
    ],
)
def test_times_become_seconds(values: list[Any], expected: list[float]) -> None:
    assert times(values)[0] == pytest.approx(expected, abs=1e-9)


def test_the_unit_of_numbers_can_be_said() -> None:
    assert times([1000, 2500], unit="ms")[0] == [1.0, 2.5]
    assert times([1_700_000_000_000, 1_700_000_002_000], unit="ms")[0] == [0.0, 2.0]


def test_spring_the_clock_skips_an_hour_and_the_gap_is_one_minute() -> None:
    # Berlin, 29 March 2026: 01:59:30 is followed by 03:00:30, one minute later.
    seconds, notes = times(["2026-03-29 01:59:30", "2026-03-29 03:00:30"], timezone="Europe/Berlin")
    assert seconds == [0.0, 60.0]
    assert notes == ("times without a zone: taken as Europe/Berlin",)
    seconds, notes = times(["2026-03-29 01:59:30", "2026-03-29 02:30:00"], timezone="Europe/Berlin")
    assert seconds == [0.0, 30.0]
    assert "1 times that the clock of Europe/Berlin skipped" in notes[1]


def test_autumn_the_hour_that_runs_twice_is_taken_in_the_order_of_the_file() -> None:
    # Berlin, 25 October 2026: 02:00 to 03:00 comes twice; New York, a week later.
    local = ["01:30", "02:10", "02:50", "02:05", "02:55", "03:10"]
    seconds, notes = times([f"2026-10-25 {clock}" for clock in local], timezone="Europe/Berlin")
    assert [round(second / 60) for second in seconds] == [0, 40, 80, 95, 145, 160]
    assert any("4 times in the hour that Europe/Berlin runs twice" in note for note in notes)
    two_years = [f"{day} {clock}" for day in ("2025-10-26", "2026-10-25") for clock in local]
    seconds, _ = times(two_years, timezone="Europe/Berlin")
    assert [round((second - seconds[6]) / 60) for second in seconds[6:]] == [0, 40, 80, 95, 145, 160]
    # With zones in the text there is nothing to guess.
    zoned, notes = times(["2026-10-25T02:50:00+02:00", "2026-10-25T02:05:00+01:00"])
    assert zoned == [0.0, 900.0]
    assert notes == ()


@pytest.mark.parametrize(
    ("values", "options", "message"),
    [
        (["2026-11-02T09:00:00Z", "2026-11-02T09:00:00"], {}, "1 times with a zone and 1 without"),
        (["0", "1.5", "soon", "2"], {}, r"request 3: found 'soon' \(and 0 more\)"),
        (["2026-11-02T09:00:00", "yesterday"], {}, "t: request 2: found 'yesterday'"),
        (["2026-11-02T09:00:00"], {"timezone": "Europe/Berln"}, "unknown zone 'Europe/Berln'.*did you mean 'Europe/Berlin'"),
        ([True, False], {}, "found bool"),
    ],
)
def test_times_that_cannot_be_read(values: list[Any], options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        times(values, **options)


@pytest.mark.parametrize(
    ("header", "values", "expected"),
    [
        ("arrival_time_us", (0, 1_500_000), 1.5),
        ("timestamp_ms", (1_793_527_200_000, 1_793_527_201_500), 1.5),
        ("start_time (ns)", (1_793_527_200_000_000_000, 1_793_527_201_500_000_000), 1.5),
        ("timestamp_seconds", (0, 1.5), 1.5),
    ],
)
def test_the_unit_in_a_columns_name_is_that_of_its_times(tmp_path: Path, header: str, values: tuple[float, float], expected: float) -> None:
    path = put(tmp_path, "u.csv", f"{header},prompt_tokens,output_tokens\n{values[0]},1,2\n{values[1]},3,4\n")
    trace = imported(path, mapping={"arrival_s": header})
    assert columns(trace)["arrival_s"] == pytest.approx([0.0, expected], abs=1e-9)


@pytest.mark.parametrize(
    ("header", "values", "said"),
    [
        ("timestamp_s", (1_793_527_200_000, 1_793_527_201_500), "found 1.79353e.12: no time of our days in s; .*--time-unit"),
        ("timestamp", (1_793_527_200, 1_793_527_201_500), "found 1.79353e.09 to 1.79353e.12: times of different units"),
        ("timestamp", ("9" * 40, 1), "row|seconds|found"),
    ],
)
def test_a_unit_that_times_cannot_have(tmp_path: Path, header: str, values: tuple[Any, Any], said: str) -> None:
    path = put(tmp_path, "u.csv", f"{header},prompt_tokens,output_tokens\n{values[0]},1,2\n{values[1]},3,4\n")
    with pytest.raises(InputError, match=said):
        imported(path, mapping={"arrival_s": header})


def test_a_compressed_file_says_so(tmp_path: Path) -> None:
    path = tmp_path / "t.csv.gz"
    path.write_bytes(b"\x1f\x8b\x08\x00rest")
    with pytest.raises(InputError, match="compressed"):
        imported(path)


# What is no trace.


@pytest.mark.parametrize(
    ("name", "text", "form", "options", "message"),
    [
        ("x.csv", "", "auto", {}, "an empty file"),
        ("x.csv", "\xef\xbb\xbf\n", "auto", {}, "an empty file"),  # nothing but a byte order mark
        ("x.csv", "a,b\n1,2\n", "auto", {}, "arrival_s: no column is known to hold it; the file has a, b; say --map arrival_s=COLUMN"),
        ("x.csv", "t,p,o\n1,2,3\n", "csv", {"mapping": {"arrival_s": "tt"}}, "no column 'tt'; the file has t, p, o"),
        ("x.csv", "t,p,o\n1,2,3\n", "csv", {"mapping": {"prompt": "p"}}, "no column 'prompt' in a trace; allowed: arrival_s.*did you mean 'prompt_tokens'"),
        ("x.csv", AZURE.replace("396", "many"), "auto", {}, "ContextTokens: request 2: found 'many'; whole numbers are allowed"),
        ("x.csv", AZURE.replace("396", "3.5"), "auto", {}, "prompt_tokens: request 2: found 3.5"),
        ("x.csv", AZURE.replace("396", "-4"), "auto", {}, "ContextTokens: request 2: found -4; whole numbers from 0 are allowed"),
        ("x.csv", "timestamp,prompt_tokens,output_tokens\n1,0,0\n", "auto", {}, "no request with prompt and output tokens"),
        ("x.csv", "timestamp,prompt_tokens,output_tokens\n1,2\n", "auto", {}, "cannot be read: CSV parse error"),
        ("x.jsonl", MOONCAKE + "{oops\n", "auto", {}, "x.jsonl:3: not a JSON object"),
        ("x.jsonl", MOONCAKE + "[1]\n", "auto", {}, "x.jsonl:3: found"),
        ("x.json", '{"a": 1,\n "b": }', "auto", {}, "x.json:2:7: not JSON"),
        ("x.json", '{"a": 1}', "litellm", {}, "neither rows of LiteLLM_SpendLogs"),
        ("x.csv", AZURE, "parquet", {}, "not a Parquet file; it cannot be read as parquet"),
        ("x.csv", AZURE, "azzure", {}, "format 'azzure'; allowed: auto, parquet.*did you mean 'azure'"),
        ("x.csv", AZURE, "mooncake", {}, "no column 'timestamp'.*did you mean 'TIMESTAMP'"),
        ("x.jsonl", MOONCAKE.replace("6755", "1e400"), "auto", {}, "input_length: request 1: found a number without end"),
        ("x.jsonl", MOONCAKE.replace("6755", "true").replace("1024", "true"), "auto", {}, "input_length: found bool; whole numbers are allowed"),
        ("x.jsonl", MOONCAKE.replace(": 0,", ": NaN,"), "auto", {}, "timestamp: request 1: found nothing or no number; a time is needed"),
        ("x.jsonl", LITELLM.replace('"a"', '["a"]').replace('"b"', '["b"]'), "auto", {}, "model_group: found list<item: string>; names are needed"),
        ("x.csv", "y" * 500 + ",prompt_tokens,output_tokens\n1,2,3\n", "auto", {}, "the file has y{60}, prompt_tokens"),
        ("x.csv", "\xff\xfe\x00", "auto", {}, None),
    ],
)  # fmt: skip
def test_a_file_that_is_no_trace_says_why(
    tmp_path: Path, name: str, text: str, form: str, options: dict[str, Any], message: str | None
) -> None:
    path = tmp_path / name
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(InputError, match=message or "neither Parquet nor UTF-8 text") as caught:
        imported(path, form, **options)
    assert name in str(caught.value) or "--map" in str(caught.value) or "format" in str(caught.value)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"gone\.csv: no such file"):
        read_foreign(tmp_path / "gone.csv", name="gone.csv")


def test_numbers_keep_every_digit(tmp_path: Path) -> None:
    start = 1_700_000_000_000_000_000
    path = tmp_path / "ns.parquet"
    offsets = np.array([0, 123, 1_000_000_457], np.int64)
    pq.write_table(pa.table({"timestamp": start + offsets, "prompt_tokens": [1, 1, 1], "output_tokens": [1, 1, 1]}), path)
    assert columns(imported(path))["arrival_s"] == pytest.approx((offsets * 1e-9).tolist(), abs=1e-12)


def test_the_command_offers_every_format() -> None:
    from sim.cli.trace import _FORMATS

    assert set(_FORMATS) == {"auto", *(known.name for known in FORMATS)}
