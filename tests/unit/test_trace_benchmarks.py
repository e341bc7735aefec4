"""Requests out of the files of load generators: vLLM, GuideLLM, AIPerf, inference-perf and vllm-sr-sim; what holds none is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sim.errors import InputError
from sim.trace import Trace, table_of
from sim.trace.foreign import Imported, Options
from sim.trace.formats import FORMATS, read_foreign
from sim.trace.imports import trace_of
from sim.trace.look import look

VLLM: dict[str, Any] = {
    "model_id": "m", "num_prompts": 3, "request_rate": 2.0, "max_concurrency": None, "completed": 3, "total_input_tokens": 60,
    "mean_ttft_ms": 12.0, "input_lens": [10, 20, 30], "output_lens": [1, 2, 3], "start_times": [5000.5, 5000.0, 5002.0],
    "errors": ["", "", ""],
}  # fmt: skip
NS = 1_793_527_200_000_000_000


def aiperf(at_ns: Any, prompt: Any, output: Any, **about: Any) -> dict[str, Any]:
    metrics = {"input_sequence_length": {"value": prompt, "unit": "tokens"}, "output_sequence_length": {"value": output, "unit": "tokens"}}
    return {"metadata": {"request_start_ns": at_ns, "benchmark_phase": "profiling", **about}, "metrics": metrics, "error": None}


def guidellm(*requests: dict[str, Any], count: int | None = None, kind: str = "poisson", **groups: Any) -> dict[str, Any]:
    metrics = {"request_totals": {"successful": len(requests) if count is None else count}}
    held = {"successful": list(requests), "errored": [], "incomplete": [], **groups}
    return {"benchmarks": [{"config": {"strategy": {"type_": kind}}, "requests": held, "metrics": metrics}], "metadata": {}}


def per_request(at_s: Any, info: dict[str, Any] | None, error: Any = None) -> dict[str, Any]:
    return {"start_time": at_s, "end_time": 9.0, "request": "{}", "response": "x", "info": info, "error": error}


def imported(tmp_path: Path, document: Any, lines: bool = False, **options: Any) -> Trace:
    path = tmp_path / "file.json"
    if isinstance(document, str):
        path.write_text(document)
    else:
        path.write_text("\n".join(map(json.dumps, document)) + "\n" if lines else json.dumps(document, indent=1))
    read = read_foreign(path, "auto", Options(**options), path.name)
    assert isinstance(read, Imported)
    return trace_of(read, path.name)


def columns(trace: Trace) -> dict[str, list[Any]]:
    table = table_of(trace)
    return {name: table[name].to_pylist() for name in table.column_names}


# vLLM.


def test_vllm_times_begin_at_the_first_request_and_are_sorted(tmp_path: Path) -> None:
    trace = imported(tmp_path, VLLM)
    assert columns(trace) == {"arrival_s": [0.0, 0.5, 2.0], "prompt_tokens": [20, 10, 30], "output_tokens": [2, 1, 3]}
    assert trace.closed_loop is None
    failed = imported(tmp_path, {**VLLM, "errors": ["", "timeout", ""], "output_lens": [1, 0, 3]})
    assert columns(failed)["prompt_tokens"] == [10, 30]
    assert "left out 1 of 3 requests that failed" in failed.info.notes


def test_vllm_without_requests_is_known_all_the_same(tmp_path: Path) -> None:
    """What --save-result alone writes, of a version whose latencies have other names."""
    summed = {
        "date": "20260901",
        "request_rate": 4.0,
        "tokenizer_id": "m",
        "total_input_tokens": 60,
        "total_output_tokens": 6,
        "request_throughput": 3,
    }
    (tmp_path / "result.json").write_text(json.dumps(summed))
    with pytest.raises(InputError, match=r"no single requests .*--save-detailed"):
        read_foreign(tmp_path / "result.json")


def test_vllm_without_times(tmp_path: Path) -> None:
    bare = {key: value for key, value in VLLM.items() if key != "start_times"}
    with pytest.raises(
        InputError, match=r"start_times: missing: when requests were sent at '2.0' a second is not recorded; allowed: .*recipe"
    ):
        imported(tmp_path, bare)
    loop = imported(tmp_path, {**bare, "request_rate": "inf", "max_concurrency": 2})
    assert loop.closed_loop is not None
    assert loop.closed_loop.clients == 2
    at_once = imported(tmp_path, {**bare, "request_rate": float("inf")})
    assert at_once.closed_loop is None
    assert columns(at_once)["arrival_s"] == [0.0, 0.0, 0.0]
    recorded = imported(tmp_path, {**VLLM, "request_rate": "inf", "max_concurrency": 2})
    assert any("--closed-loop 2" in note for note in recorded.info.notes)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"input_lens": None}, "no single requests .*--save-detailed"),
        ({"input_lens": [1, 2]}, "arrays of different lengths: input_lens 2, output_lens 3, start_times 3"),
        ({"input_lens": [1, -2, 3]}, r"input_lens\[1\]: found '-2'"),
        ({"input_lens": [1, 2.5, 3]}, r"input_lens\[1\]: found 2.5; allowed: a whole number of tokens"),
        ({"output_lens": [1, 10**12, 3]}, r"output_lens\[1\]: found '1000000000000'"),
        ({"start_times": [0.0, float("nan"), 1.0]}, r"start_times\[1\]: (found 'nan'|missing)"),
        ({"start_times": "soon"}, "start_times: found 'soon'; allowed: a list of numbers"),
        ({"output_lens": [0, 0, 0]}, "no request; .*3 failed"),
    ],
)
def test_vllm_files_that_are_wrong(tmp_path: Path, change: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        imported(tmp_path, {**VLLM, **change})


def test_vllm_files_of_many_runs(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="2 runs in one file"):
        imported(tmp_path, [VLLM, VLLM], lines=True)


# AIPerf.


def test_aiperf_records(tmp_path: Path) -> None:
    records = [
        aiperf(NS + 500_000_001, 20, 2, turn_index=1, x_correlation_id="s"),
        aiperf(NS, 10, 1, turn_index=0, x_correlation_id="s"),
        aiperf(NS - 9, 7, 7, benchmark_phase="warmup"),
        aiperf(NS, 8, 8, was_cancelled=True),
        {**aiperf(NS, 9, 9), "error": {"code": 500}},
    ]
    trace = imported(tmp_path, records, lines=True)
    found = columns(trace)
    assert found["prompt_tokens"] == [10, 20]
    assert found["arrival_s"] == pytest.approx([0.0, 0.500000001], abs=1e-10)
    assert found["session_id"][0] == found["session_id"][1] is not None
    assert trace.metadata["sim.start_utc"].startswith("2026-11-01T10:00:00")
    assert {"left out 1 requests of the warm-up", "left out 2 of 4 requests that failed"} <= set(trace.info.notes)
    assert "session_id" not in columns(imported(tmp_path, [aiperf(NS, 1, 1, turn_index=0, x_correlation_id="s")], lines=True))


@pytest.mark.parametrize(
    ("record", "said"),
    [
        (aiperf(None, 1, 1), "file.json:1: metadata.request_start_ns: missing"),
        (aiperf(True, 1, 1), "metadata.request_start_ns: found 'True'"),
        (aiperf(NS, "many", 1), "file.json:1: metrics.input_sequence_length.value: found 'many'"),
        (aiperf(NS, -1, 1), "input_sequence_length.value: found '-1'"),
        (aiperf(NS, float("nan"), 1), "input_sequence_length.value: found 'nan'"),
        ({**aiperf(NS, 1, 1), "metrics": {"request_latency": {"value": 3}}}, "metrics.input_sequence_length: missing"),
        ({"metadata": [], "metrics": {}}, "file.json:1: metadata: missing"),
    ],
)
def test_aiperf_records_that_are_wrong(tmp_path: Path, record: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        imported(tmp_path, [record], lines=True)


def test_aiperf_summaries_hold_no_requests(tmp_path: Path) -> None:
    for text in (
        "Metric,avg,min,max,p99\nTime to First Token (ms),1,1,1,1\n",
        json.dumps({"input_config": {}, "request_latency": {"avg": 1}}),
    ):
        with pytest.raises(InputError, match=r"AIPerf's summary, .* give profile_export.jsonl"):
            imported(tmp_path, text)


# GuideLLM.


def request(at_s: float, prompt: Any, output: Any, **info: Any) -> dict[str, Any]:
    return {"request_start_time": at_s, "prompt_tokens": prompt, "output_tokens": output, "cached_tokens": None, "info": info}


def test_guidellm_requests(tmp_path: Path) -> None:
    two = (request(1_793_527_200.25, 20, 2, turn_index=0), request(1_793_527_200.0, 10, 1, turn_index=0))
    trace = imported(tmp_path, guidellm(*two, errored=[{"prompt_tokens": None}]))
    assert columns(trace) == {"arrival_s": [0.0, 0.25], "prompt_tokens": [10, 20], "output_tokens": [1, 2]}
    assert "left out 1 of 3 requests that failed" in trace.info.notes
    turns = imported(
        tmp_path, guidellm(request(1.0, 1, 1, turn_index=0, conversation_id="c"), request(2.0, 3, 1, turn_index=1, conversation_id="c"))
    )
    assert len(set(columns(turns)["session_id"])) == 1
    closed = imported(tmp_path, guidellm(*two, kind="concurrent"))
    assert any("sent by a closed loop (strategy concurrent)" in note for note in closed.info.notes)


@pytest.mark.parametrize(
    ("document", "said"),
    [
        (guidellm(request(1.0, 1, 1), count=24), r"benchmarks\[0\].requests.successful: found 1 of 24 requests: a sample"),
        ({"benchmarks": [*guidellm()["benchmarks"], *guidellm()["benchmarks"]]}, r"benchmarks: found 2 \(poisson, poisson\)"),
        ({"benchmarks": []}, "benchmarks: found none"),
        ({"benchmarks": [{"metrics": {}}]}, r"benchmarks\[0\].requests: found 'None'"),
        (guidellm(request(1.0, -1, 1)), r"requests.successful\[0\].prompt_tokens: found '-1'"),
        (guidellm(request(float("inf"), 1, 1)), "request_start_time: found 'inf'"),
        ("Run Info,Run Info,Benchmark\nA,B,C\n", "GuideLLM's CSV holds no single requests"),
    ],
)
def test_guidellm_reports_that_are_no_trace(tmp_path: Path, document: Any, said: str) -> None:
    with pytest.raises(InputError, match=said):
        imported(tmp_path, document)


# inference-perf.


def test_inference_perf_requests(tmp_path: Path) -> None:
    document = [
        per_request(301.5, {"input_tokens": 10, "output_tokens": 1}),
        per_request(
            301.0, {"request_metrics": {"text": {"input_tokens": 20}}, "response_metrics": {"output_tokens": 2}, "input_tokens": 99}
        ),
        per_request(302.0, {"input_tokens": 5, "output_tokens": 0}, {"error_type": "x"}),
        per_request(303.0, None),
    ]
    trace = imported(tmp_path, document)
    assert columns(trace) == {"arrival_s": [0.0, 0.5], "prompt_tokens": [20, 10], "output_tokens": [2, 1]}
    assert "left out 2 of 4 requests that failed" in trace.info.notes
    assert "sim.start_utc" not in trace.metadata
    with pytest.raises(InputError, match=r"file.json: \[0\].start_time: found 'noon'"):
        imported(tmp_path, [per_request("noon", {"input_tokens": 1, "output_tokens": 1})])
    with pytest.raises(InputError, match=r"holds no single requests; set report.request_lifecycle.per_request: true"):
        imported(tmp_path, {"load_summary": {}, "successes": {}})


# vllm-sr-sim.


def test_router_decisions_are_classes(tmp_path: Path) -> None:
    row = {
        "timestamp": 0.5,
        "prompt_tokens": 467,
        "generated_tokens": 61,
        "selected_model": "small",
        "complexity": "low",
        "category": "prose",
    }
    rows = [row, {**row, "timestamp": 0.25, "selected_model": "large"}]
    trace = imported(tmp_path, rows, lines=True)
    assert columns(trace)["class"] == ["large", "small"]
    assert "not read: category, complexity" in trace.info.notes
    assert columns(imported(tmp_path, rows, lines=True, mapping={"class": "category"}))["class"] == ["prose", "prose"]
    plain = imported(tmp_path, "timestamp,prompt_tokens,generated_tokens,model\n0.5,10,3,m\n")
    assert columns(plain)["class"] == ["m"]
    with pytest.raises(InputError, match="generated_tokens: request 1: found -3"):
        imported(tmp_path, "timestamp,prompt_tokens,generated_tokens,model\n0.5,10,-3,m\n")


# The examples.


@pytest.mark.parametrize(
    ("name", "form", "rows"),
    [
        ("constructed-vllm-bench-serve-detailed.json", "vllm-bench", 8),
        ("constructed-aiperf-profile_export.jsonl", "aiperf", 6),
        ("constructed-inference-perf-summary.json", "inference-perf", None),
        ("generated-guidellm-0.8.1-mock.json", "guidellm", None),
        ("generated-guidellm-0.8.1-mock.csv", "guidellm", None),
        ("real-vllm-sr-sim-trace-batch_spike_requests.csv", "vllm-sr-sim", 199),
        ("real-vllm-sr-sim-trace-router_decisions.semantic_router.jsonl", "vllm-sr-sim", 200),
        ("real-blis-workload-spec-load-spikes.yaml", "blis", 5000),
        ("real-inferencex-vllm-serving-seconds.json", "vllm-bench", None),
    ],
)
def test_the_examples_are_read_or_say_why_not(shared_data: Path, name: str, form: str | None, rows: int | None) -> None:
    path = shared_data / "iac" / "bench" / name
    assert next((known.name for known in FORMATS if known.matches(look(path))), None) == form
    if rows is None:
        with pytest.raises(InputError):
            read_foreign(path)
        return
    read = read_foreign(path)
    assert isinstance(read, Imported)
    assert trace_of(read, name).info.rows == rows
