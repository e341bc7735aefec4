"""Benchmark files that are foreign, broken or hostile, many at once, and the example files of the shared data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sim.calibration.formats import FORMATS, csv_rows, read_benchmark, read_benchmarks
from sim.errors import InputError
from tests.made.benchmark_files import (
    AIPERF_SUMMARY,
    CATALOG,
    GIVEN,
    INFERENCEX,
    VLLM,
    aiperf_record,
    detailed,
    guidellm,
    lines,
    read,
    refused,
    saved,
)  # fmt: skip


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{" + '"a":{' * 100_000, "nested too deeply"),
        ('{"mean_ttft_ms": 1, "mean_ttft_ms": 2}', "key 'mean_ttft_ms' twice"),
        ('{"a": 1,}', ":1:9: not JSON"),
        ('{"a": 1}\n{"b": oops}', ":2:7: not JSON"),
        ('{"a": ' + "9" * 5000 + "}", "not JSON"),
        ("[1, 2]", "JSON objects are needed"),
        ("[]", "no benchmark"),
        ("prompt,answer\nhi,there\n", "no benchmark of a format that is known (it has prompt, answer)"),
        ("prompt,\x1b[31m,answer\nhi,you,there\n", "it has prompt, \\x1b[31m, answer"),
        ("\n \n", "empty file"),
    ],
)
def test_hostile_and_foreign_files(tmp_path: Path, text: str, said: str):
    assert said in refused(tmp_path, text)


def test_a_name_without_an_end_is_told_where_it_stands(tmp_path: Path):
    said = refused(tmp_path, {**VLLM, "model_id": "\x1b[2J" * 100})
    assert "result.json: llm: '\\\\x1b[2J" in said and "a name of 400 characters; allowed: at most 200" in said


def test_a_file_without_an_end_or_a_place_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(csv_rows, "MOST_BYTES", 1 << 20)
    with pytest.raises(InputError, match="at most 1 MiB of a benchmark are read"):
        csv_rows.read_text(Path("/dev/zero"))
    (tmp_path / "loop.csv").symlink_to("loop.csv")
    with pytest.raises(InputError, match=r"loop\.csv: cannot be read"):
        read_benchmarks([tmp_path / "loop.csv"], GIVEN, CATALOG)


def paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(each for key, inner in items for each in paths(inner, (*path, key)))]


def with_value(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    if not path:
        return new
    copied = dict(value) if isinstance(value, dict) else list(value)
    copied[path[0]] = with_value(copied[path[0]], path[1:], new)
    return copied


JUNK = (None, True, -1, 10**400, float("nan"), "", "x\x1b[31m", [], {}, [None], {"value": "q"}, 1e-320)


@pytest.mark.parametrize(
    "document",
    [
        VLLM,
        detailed([0.0, 1.0]),
        INFERENCEX,
        {"benchmarks": [guidellm({"type_": "poisson", "rate": 4.0})]},
        aiperf_record(0.0),
        AIPERF_SUMMARY,
    ],
    ids=["vllm", "detailed", "inferencex", "guidellm", "records", "summary"],
)
def test_whatever_stands_anywhere_is_read_or_refused_in_words(tmp_path: Path, document: Any):
    for number, path in enumerate(paths(document)):
        # Another three of the values at each place: all of them in every fourth place.
        for junk in JUNK[number % 4 :: 4]:
            try:
                for point in read(tmp_path, with_value(document, path, junk)).serving:
                    assert all(0.0 < value < 1e12 for value in point.measured.values())
                    assert point.load.prompt_tokens >= 1 and (
                        point.load.concurrency or point.load.request_rate_per_s or point.load.arrival_s
                    )
            except InputError as error:
                said = str(error)
                if not all(line.isprintable() for line in said.splitlines()):
                    pytest.fail(repr(said))


def test_requests_that_end_before_they_begin_have_mistaken_units(tmp_path: Path):
    assert "before their first token" in refused(tmp_path, {**VLLM, "mean_e2el_ms": 0.95})
    assert "before its first token" in refused(tmp_path, {**detailed([0.0, 1.0]), "latencies": [0.1, 0.3]})
    assert "before its first token" in refused(tmp_path, lines([aiperf_record(0.0, e2e_ms=5.0)]))


def test_a_refusal_names_every_format(tmp_path: Path):
    said = refused(tmp_path, {"a": 1})
    assert all(known.about in said for known in FORMATS)


def test_many_files_are_one_benchmark_or_all_their_problems(tmp_path: Path):
    first, second = saved(tmp_path, VLLM, "a.json"), saved(tmp_path, INFERENCEX, "b.json")
    assert len(read_benchmarks([first, second], GIVEN, CATALOG).serving) == 2
    third = saved(tmp_path, {**VLLM, "mean_ttft_ms": -1}, "c.json")
    with pytest.raises(InputError) as error:
        read_benchmarks([first, third, tmp_path / "absent.json", first], GIVEN, CATALOG)
    said = str(error.value).splitlines()
    assert len(said) == 3 and "c.json" in said[0] and "no such file" in said[1] and "given twice" in said[2]


def test_too_large_is_refused_before_it_is_read(tmp_path: Path):
    path = tmp_path / "large.json"
    with path.open("wb") as file:
        file.truncate(513 << 20)
    with pytest.raises(InputError, match="513 MiB; at most 512 MiB"):
        read_benchmark(path, GIVEN, CATALOG)


def test_the_example_files_are_read_or_refused_with_a_reason(shared_data: Path):
    read_whole, reasons = {}, {}
    for path in sorted((shared_data / "iac" / "bench").iterdir()):
        try:
            read_whole[path.name] = read_benchmark(path, GIVEN, CATALOG)
        except InputError as error:
            reasons[path.name] = str(error)
    assert set(read_whole) == {
        "constructed-aiperf-profile_export.jsonl", "constructed-vllm-bench-serve-detailed.json", "generated-guidellm-0.8.1-mock.csv",
        "generated-guidellm-0.8.1-mock.json", "real-inferencex-vllm-serving-seconds.json",
    }  # fmt: skip
    as_json, as_csv = (read_whole[f"generated-guidellm-0.8.1-mock.{ending}"].serving[0] for ending in ("json", "csv"))
    assert dict(as_json.measured) == pytest.approx(dict(as_csv.measured)), "two spellings of one run"
    assert as_json.load == as_csv.load
    glm = read_whole["real-inferencex-vllm-serving-seconds.json"].serving[0]
    assert glm.measured["ttft_s", "p50"] == pytest.approx(0.29139942955) and glm.load.concurrency == 16
    assert all("without a unit" in reasons[name] for name in reasons if "aiconfigurator" in name)
    assert "prompt_len" in reasons["constructed-inference-perf-summary.json"]
    assert all("no benchmark of a format" in reasons[name] for name in reasons if "trace" in name or "blis" in name)
