"""Benchmark files of other tools: units, statistics, loads and servers as the tools mean them, and what is refused with which words."""

from __future__ import annotations

import json
from math import inf
from pathlib import Path
from typing import Any

import pytest

from sim.calibration.formats import FORMATS, read_benchmark, read_benchmarks
from sim.calibration.points import Benchmark, Given
from sim.catalog.catalog import Catalog
from sim.errors import InputError

CATALOG = Catalog.bundled()
GIVEN = Given(llm=CATALOG.llm("llama-3.1-8b"), gpu=CATALOG.gpu("h100-sxm"), tensor_parallel=1, precision="bf16", engine="vllm")

VLLM = {
    "backend": "vllm", "model_id": "meta-llama/Llama-3.1-8B-Instruct", "num_prompts": 40, "request_rate": "inf", "burstiness": 1.0,
    "max_concurrency": 4, "duration": 10.0, "completed": 40, "total_input_tokens": 40_960, "total_output_tokens": 10_240,
    "output_throughput": 1024.0, "total_token_throughput": 5120.0, "mean_ttft_ms": 50.0, "median_ttft_ms": 45.0, "p99_ttft_ms": 90.0,
    "mean_tpot_ms": 3.5, "median_tpot_ms": 3.4, "std_tpot_ms": 0.1, "mean_itl_ms": 3.6, "p99_itl_ms": 9.0, "mean_e2el_ms": 950.0,
}  # fmt: skip


def saved(tmp_path: Path, document: Any, name: str = "result.json") -> Path:
    path = tmp_path / name
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    return path


def read(tmp_path: Path, document: Any, given: Given = GIVEN) -> Benchmark:
    return read_benchmark(saved(tmp_path, document), given, CATALOG)


def refused(tmp_path: Path, document: Any, given: Given = GIVEN) -> str:
    with pytest.raises(InputError) as error:
        read(tmp_path, document, given)
    return str(error.value)


class TestVllmBench:
    def test_summaries_are_milliseconds(self, tmp_path: Path):
        (point,) = read(tmp_path, VLLM).serving
        assert point.measured["ttft_s", "mean"] == pytest.approx(0.050)
        assert point.measured["ttft_s", "p50"] == pytest.approx(0.045)
        assert point.measured["tpot_s", "mean"] == pytest.approx(0.0035)
        assert point.measured["itl_s", "p99"] == pytest.approx(0.009)
        assert point.measured["e2e_s", "mean"] == pytest.approx(0.95)
        assert point.measured["throughput_tok_s", "mean"] == 1024.0
        assert (point.load.prompt_tokens, point.load.output_tokens, point.load.least_length_share) == (1024.0, 256.0, 1.0)
        assert (point.load.concurrency, point.load.request_rate_per_s, point.load.requests) == (4, None, 40)

    def test_one_object_a_line_and_a_list_are_several_runs(self, tmp_path: Path):
        other = {**VLLM, "max_concurrency": 8}
        lines = read(tmp_path, f"{json.dumps(VLLM)}\n{json.dumps(other)}\n").serving
        listed = read(tmp_path, [VLLM, other]).serving
        assert [point.load.concurrency for point in lines] == [point.load.concurrency for point in listed] == [4, 8]
        assert lines[1].where.endswith(":2") and listed[1].where.endswith("[1]")

    def test_without_a_limit_everything_is_outstanding(self, tmp_path: Path):
        (point,) = read(tmp_path, {**VLLM, "max_concurrency": None}).serving
        assert point.load.concurrency == 40 and any("at once" in note for note in point.notes)

    @pytest.mark.parametrize(("e2e_ms", "closed"), [(950.0, True), (400.0, False)])
    def test_a_rate_and_a_limit_is_whichever_binds(self, tmp_path: Path, e2e_ms: float, closed: bool):
        # Little: 40 requests x 0.95 s / 10 s = 3.8 of 4 outstanding; with 0.4 s, 1.6.
        (point,) = read(tmp_path, {**VLLM, "request_rate": 4.0, "mean_e2el_ms": e2e_ms}).serving
        assert (point.load.concurrency, point.load.request_rate_per_s) == ((4, None) if closed else (None, 4.0))

    def test_the_engine_is_that_of_the_backend_and_metadata_fill_the_server(self, tmp_path: Path):
        document = {**VLLM, "backend": "sglang", "gpu": "NVIDIA H200", "tensor_parallel_size": "2", "precision": "fp8"}
        (point,) = read(tmp_path, document, Given()).serving
        server = point.server
        assert (server.engine, server.gpu.name, server.tensor_parallel, server.precision) == ("sglang", "h200-sxm", 2, "fp8")
        (plain,) = read(tmp_path, {**VLLM, "backend": "openai"}, Given(gpu=GIVEN.gpu, tensor_parallel=1, precision="bf16")).serving
        assert plain.server.engine == "vllm"

    def test_all_that_is_missing_is_named_with_its_option(self, tmp_path: Path):
        said = refused(tmp_path, VLLM, Given())
        assert all(option in said for option in ("--gpu", "--tensor-parallel", "--precision")) and "--llm" not in said
        assert len(said.splitlines()) == 3

    def test_a_served_name_is_what_llm_says(self, tmp_path: Path):
        document = {**VLLM, "model_id": "my-model"}
        assert "unknown llm 'my-model'" in refused(tmp_path, document, Given(gpu=GIVEN.gpu, tensor_parallel=1, precision="bf16"))
        result = read(tmp_path, document)
        assert result.serving[0].server.llm.name == "llama-3.1-8b" and any("my-model" in note for note in result.notes)

    def test_what_the_file_says_goes_before_what_is_given(self, tmp_path: Path):
        (point,) = read(tmp_path, {**VLLM, "model_id": "Qwen/Qwen3-8B-FP8"}).serving
        assert (point.server.llm.name, point.server.precision) == ("qwen3-8b", "fp8")

    @pytest.mark.parametrize(
        ("change", "said"),
        [
            ({"mean_ttft_ms": -5.0}, "mean_ttft_ms: found '-5.0'"),
            ({"mean_ttft_ms": 1e300}, "mean_ttft_ms"),
            ({"mean_tpot_ms": "fast"}, "mean_tpot_ms: found 'fast'"),
            ({"mean_tpot_ms": True}, "mean_tpot_ms: found 'True'"),
            ({"mean_ttft_ms": float("nan")}, "mean_ttft_ms: found 'nan'"),
            ({"completed": 10**400}, "completed"),
            ({"total_input_tokens": None}, "total_input_tokens: missing"),
            ({"pipeline_parallel": 2}, "pipeline parallelism"),
            ({"spec_decode_acceptance_length": 2.4}, "speculative decoding"),
            ({"request_rate": 3.0, "burstiness": 0.3}, "--save-detailed"),
        ],
    )
    def test_what_cannot_be_is_refused(self, tmp_path: Path, change: dict[str, Any], said: str):
        assert said in refused(tmp_path, {**VLLM, **change})

    def test_sglang_draws_lengths_below_the_nominal(self, tmp_path: Path):
        change = {"random_input_len": 2048, "random_output_len": 512, "random_range_ratio": 0.0, "request_rate": inf}
        (point,) = read(tmp_path, {**VLLM, **change, "backend": "sglang"}).serving
        assert (point.load.prompt_tokens, point.load.output_tokens) == (2048, 512)
        assert point.load.least_length_share == pytest.approx(0.0, abs=0.001)


def detailed(starts: list[float], *, rate: object = 2.0, limit: int | None = None) -> dict[str, Any]:
    count = len(starts)
    return {
        "backend": "vllm", "model_id": "llama-3.1-8b", "num_prompts": count, "request_rate": rate, "max_concurrency": limit,
        "duration": 100.0, "completed": count, "total_input_tokens": 100 * count, "total_output_tokens": 5 * count,
        "output_throughput": 12.5, "mean_ttft_ms": 200.0, "input_lens": [100 + at for at in range(count)], "output_lens": [5] * count,
        "ttfts": [0.2] * count, "itls": [[0.01, 0.01, 0.01, 0.03]] * count, "errors": [""] * count, "start_times": starts,
    }  # fmt: skip


class TestDetailed:
    def test_arrays_are_seconds_and_failures_are_left_out(self, tmp_path: Path):
        document = detailed([5.0, 5.7, 6.0])
        document["errors"][1], document["ttfts"][1], document["output_lens"][1], document["itls"][1] = "broken", 0.0, 0, []
        (point,) = read(tmp_path, document).serving
        assert point.measured["ttft_s", "mean"] == pytest.approx(0.2)
        assert point.measured["tpot_s", "p50"] == pytest.approx(0.06 / 4)
        assert point.measured["itl_s", "mean"] == pytest.approx(0.015) and point.measured["itl_s", "p50"] == pytest.approx(0.01)
        assert point.measured["e2e_s", "mean"] == pytest.approx(0.26)
        assert point.measured["throughput_tok_s", "mean"] == 12.5, "of the whole run, as the summary says"
        assert point.load.lengths == ((100, 5), (102, 5)) and point.load.arrival_s == (0.0, 1.0)
        assert any("1 of 3 requests failed" in note for note in point.notes)

    def test_milliseconds_in_the_arrays_would_be_told(self, tmp_path: Path):
        document = {**detailed([0.0, 1.0]), "mean_ttft_ms": 200_000.0}
        (point,) = read(tmp_path, document).serving
        assert any("the single requests say" in note for note in point.notes)

    def test_arrays_of_different_lengths_and_wrong_values(self, tmp_path: Path):
        assert "arrays of different lengths" in refused(tmp_path, {**detailed([0.0, 1.0]), "ttfts": [0.2]})
        assert "ttfts[1]: found '-0.2'" in refused(tmp_path, {**detailed([0.0, 1.0]), "ttfts": [0.2, -0.2]})
        assert "itls[0]" in refused(tmp_path, {**detailed([0.0, 1.0]), "itls": [[0.1, "x"], []]})
        assert "every request failed" in refused(tmp_path, {**detailed([0.0, 1.0]), "errors": ["a", "b"]})

    def test_a_closed_loop_keeps_its_clients_and_its_lengths(self, tmp_path: Path):
        (point,) = read(tmp_path, detailed([0.0, 0.0, 0.26, 0.26], rate="inf", limit=2)).serving
        assert point.load.concurrency == 2 and len(point.load.lengths) == 4 and point.load.arrival_s == ()


INFERENCEX = {
    "hw": "h200-nv", "conc": 64, "model": "meta-llama/Llama-3.1-70B-Instruct", "framework": "vllm", "precision": "fp8",
    "spec_decoding": "none", "disagg": False, "isl": 1024, "osl": 8192, "is_multinode": False, "tp": 4, "ep": 1, "dp_attention": "false",
    "tput_per_gpu": 900.0, "output_tput_per_gpu": 800.0, "mean_ttft": 0.25, "median_ttft": 0.2, "p99_ttft": 1.5, "median_tpot": 0.02,
    "median_intvty": 50.0, "median_e2el": 160.0,
}  # fmt: skip


class TestInferenceX:
    def test_seconds_without_a_unit_and_throughput_of_all_gpus(self, tmp_path: Path):
        (point,) = read(tmp_path, INFERENCEX, Given()).serving
        assert point.measured["ttft_s", "mean"] == 0.25 and point.measured["ttft_s", "p99"] == 1.5
        assert point.measured["tpot_s", "p50"] == 0.02 and point.measured["e2e_s", "p50"] == 160.0
        assert point.measured["throughput_tok_s", "mean"] == 3200.0, "output tokens of 4 GPUs; tput_per_gpu counts prompts too"
        server, load = point.server, point.load
        assert (server.llm.name, server.gpu.name, server.tensor_parallel, server.precision) == ("llama-3.1-70b", "h200-sxm", 4, "fp8")
        assert (load.prompt_tokens, load.output_tokens, load.concurrency, load.least_length_share) == (1024, 8192, 64, 0.8)

    def test_metrics_apart(self, tmp_path: Path):
        about = {key: value for key, value in INFERENCEX.items() if "_t" not in key and "median" not in key and key != "hw"}
        document = [{**about, "tp": 2, "hardware": "h200", "metrics": {"median_ttft": 0.3, "output_tput_per_gpu": 10.0}}]
        (point,) = read(tmp_path, document, Given()).serving
        assert dict(point.measured) == {("ttft_s", "p50"): 0.3, ("throughput_tok_s", "mean"): 20.0}

    @pytest.mark.parametrize(
        ("change", "said"),
        [
            ({"disagg": True}, "machines apart"),
            ({"spec_decoding": "mtp"}, "speculative decoding"),
            ({"dp_attention": "true"}, "data-parallel attention"),
            ({"median_tpot": 21.0}, "median_tpot: found 21 s a token"),
            ({"hw": "tpu-v7"}, "gpu: unknown gpu 'tpu-v7'"),
            ({"conc": 0}, "conc"),
            ({"isl": None}, "isl: missing"),
        ],
    )
    def test_what_no_profile_describes_or_cannot_be(self, tmp_path: Path, change: dict[str, Any], said: str):
        assert said in refused(tmp_path, {**INFERENCEX, **change}, Given())


def guidellm(strategy: dict[str, Any], **totals: int) -> dict[str, Any]:
    def block(mean: float, median: float, **more: float) -> dict[str, Any]:
        return {"successful": {"mean": mean, "median": median, "std_dev": 0.0, "percentiles": more}, "errored": {"mean": 0.0}}

    metrics = {
        "request_totals": {"successful": 24, "errored": 0, "incomplete": 0, **totals},
        "time_to_first_token_ms": block(125.0, 120.0, p99=215.0),
        "time_per_output_token_ms": block(16.0, 15.0),
        "inter_token_latency_ms": block(12.5, 12.4, p90=13.0),
        "request_latency": block(0.51, 0.5, p95=0.58),
        "output_tokens_per_second": block(240.0, 150.0),
        "prompt_token_count": block(124.75, 125.0),
        "output_token_count": block(32.0, 32.0),
    }
    return {"config": {"strategy": strategy, "backend": {"model": "llama-3.1-8b"}}, "metrics": metrics}


class TestGuideLlm:
    def test_milliseconds_and_seconds_side_by_side(self, tmp_path: Path):
        (point,) = read(tmp_path, {"benchmarks": [guidellm({"type_": "poisson", "rate": 4.0}, errored=3)]}).serving
        assert point.measured["ttft_s", "mean"] == pytest.approx(0.125) and point.measured["ttft_s", "p99"] == pytest.approx(0.215)
        assert point.measured["tpot_s", "mean"] == pytest.approx(0.0125), "not the 16 ms that hold the first token"
        assert point.measured["e2e_s", "mean"] == 0.51 and point.measured["e2e_s", "p95"] == 0.58
        assert point.measured["throughput_tok_s", "mean"] == 240.0
        assert (point.load.prompt_tokens, point.load.output_tokens, point.load.requests) == (124.75, 32.0, 24)
        assert any("3 requests errored" in note for note in point.notes)

    @pytest.mark.parametrize(
        ("strategy", "concurrency", "rate"),
        [
            ({"type_": "synchronous"}, 1, None),
            ({"type_": "concurrent", "streams": 8}, 8, None),
            ({"type_": "throughput", "max_concurrency": 10240}, 24, None),
            ({"type_": "poisson", "rate": 4.0, "max_concurrency": 10240}, None, 4.0),
        ],
    )
    def test_strategies(self, tmp_path: Path, strategy: dict[str, Any], concurrency: int | None, rate: float | None):
        (point,) = read(tmp_path, {"benchmarks": [guidellm(strategy)]}).serving
        assert (point.load.concurrency, point.load.request_rate_per_s) == (concurrency, rate)

    def test_a_constant_rate_is_no_poisson_stream(self, tmp_path: Path):
        (point,) = read(tmp_path, {"benchmarks": [guidellm({"type_": "constant", "rate": 2.0})]}).serving
        assert point.load.request_rate_per_s is None and point.load.arrival_s[:3] == (0.0, 0.5, 1.0) and len(point.load.arrival_s) == 24

    def test_a_sweep_is_a_point_a_benchmark_and_an_unknown_strategy_is_named(self, tmp_path: Path):
        both = [guidellm({"type_": "synchronous"}), guidellm({"type_": "concurrent", "streams": 2})]
        assert [point.load.concurrency for point in read(tmp_path, {"benchmarks": both}).serving] == [1, 2]
        both[1]["config"]["strategy"] = {"type_": "incremental"}
        assert "benchmarks[1].config.strategy.type_: found 'incremental'" in refused(tmp_path, {"benchmarks": both})


def aiperf_record(start_s: float, *, ttft_ms: float = 40.0, e2e_ms: float = 240.0, **metadata: Any) -> dict[str, Any]:
    start_ns = 1_793_527_200_000_000_000 + round(start_s * 1e9)
    return {
        "metadata": {"request_start_ns": start_ns, "request_end_ns": start_ns + round(e2e_ms * 1e6), "benchmark_phase": "profiling", **metadata},
        "metrics": {
            "input_sequence_length": {"value": 550, "unit": "tokens"},
            "output_sequence_length": {"value": 21, "unit": "tokens"},
            "time_to_first_token": {"value": ttft_ms, "unit": "ms"},
            "request_latency": {"value": e2e_ms * 1e6, "unit": "ns"},
            "inter_chunk_latency": {"value": [10.0] * 20, "unit": "ms"},
        },
        "error": None,
    }  # fmt: skip


def lines(records: list[dict[str, Any]]) -> str:
    return "\n".join(json.dumps(record) for record in records)


class TestAiperf:
    def test_units_are_those_of_each_value(self, tmp_path: Path):
        (point,) = read(tmp_path, lines([aiperf_record(0.0), aiperf_record(0.1), aiperf_record(1.7)])).serving
        assert point.measured["ttft_s", "mean"] == pytest.approx(0.04) and point.measured["e2e_s", "p99"] == pytest.approx(0.24)
        assert point.measured["tpot_s", "mean"] == pytest.approx(0.01) and point.measured["itl_s", "p50"] == pytest.approx(0.01)
        assert point.measured["throughput_tok_s", "mean"] == pytest.approx(63 / 1.94)
        assert point.load.arrival_s == pytest.approx((0.0, 0.1, 1.7), abs=1e-6)

    def test_warm_up_and_failures_are_left_out(self, tmp_path: Path):
        broken = {**aiperf_record(0.5), "error": {"code": 499}, "metrics": {"error_isl": {"value": 5, "unit": "tokens"}}}
        text = lines([aiperf_record(-9.0, benchmark_phase="warmup"), aiperf_record(0.0), broken, aiperf_record(2.0)])
        (point,) = read(tmp_path, text).serving
        assert point.load.requests == 2 and len(point.notes) == 3

    def test_a_closed_loop_is_recognised(self, tmp_path: Path):
        records = [aiperf_record(start + 0.12 * client) for client in range(2) for start in (0.241 * turn for turn in range(10))]
        (point,) = read(tmp_path, lines(records)).serving
        assert point.load.concurrency == 2 and point.load.arrival_s == ()

    def test_unknown_units_are_refused_by_line(self, tmp_path: Path):
        record = aiperf_record(0.0)
        record["metrics"]["time_to_first_token"]["unit"] = "fortnights"
        said = refused(tmp_path, lines([aiperf_record(0.0), record]))
        assert ":2: metrics.time_to_first_token.unit: found 'fortnights'" in said

    SUMMARY = {  # noqa: RUF012 (a constant)
        "input_config": {"endpoint": {"model_names": ["meta-llama/Llama-3.1-8B"]}, "loadgen": {"concurrency": 16, "request_count": 160}},
        "time_to_first_token": {"unit": "ms", "avg": 60.0, "p50": 55.0, "p99": 120.0},
        "inter_token_latency": {"unit": "ms", "avg": 9.0, "p50": 8.9},
        "request_latency": {"unit": "ms", "avg": 2600.0},
        "request_throughput": {"unit": "requests/sec", "avg": 6.1},
        "output_token_throughput": {"unit": "tokens/sec", "avg": 1600.0},
        "input_sequence_length": {"unit": "tokens", "avg": 550.0},
        "output_sequence_length": {"unit": "tokens", "avg": 256.0},
        "request_count": {"unit": "requests", "avg": 160.0},
        "telemetry_data": {"endpoints": {"localhost:9400": {"gpus": {"gpu_0": {"gpu_name": "NVIDIA H100 80GB HBM3"}}}}},
    }  # fmt: skip

    def test_summaries_of_aiperf_and_of_its_ancestor(self, tmp_path: Path):
        given = Given(tensor_parallel=1, precision="bf16", engine="vllm")
        (point,) = read(tmp_path, self.SUMMARY, given).serving
        assert (point.server.llm.name, point.server.gpu.name) == ("llama-3.1-8b", "h100-sxm")
        assert point.measured["tpot_s", "mean"] == pytest.approx(0.009) and point.measured["throughput_tok_s", "mean"] == 1600.0
        assert (point.load.concurrency, point.load.requests, point.load.prompt_tokens) == (16, 160, 550.0)
        ancestor = {**self.SUMMARY, "input_config": {"perf_analyzer": {"stimulus": {"concurrency": 4}}}}
        assert read(tmp_path, ancestor).serving[0].load.concurrency == 4
        phases = {"phases": [{"name": "warmup", "concurrency": 1}, {"name": "profiling", "request_rate": 2.5}]}
        assert read(tmp_path, {**self.SUMMARY, "input_config": phases}).serving[0].load.request_rate_per_s == 2.5

    def test_a_summary_that_does_not_say_its_load(self, tmp_path: Path):
        assert "profile_export.jsonl" in refused(tmp_path, {**self.SUMMARY, "input_config": {}})
        assert "does not say what was sent" in refused(tmp_path, "Metric,avg,min,max,p99\nTime to First Token (ms),1,1,1,1\n")


def test_inference_perf_is_seconds_of_what_succeeded(tmp_path: Path):
    document = {
        "load_summary": {"count": 103, "requested_rate": 1.5},
        "successes": {
            "count": 100, "prompt_len": {"mean": 700.0}, "output_len": {"mean": 90.0}, "throughput": {"output_tokens_per_sec": 130.0},
            "latency": {"time_to_first_token": {"mean": 0.2, "median": 0.1}, "normalized_time_per_output_token": {"mean": 0.05},
                        "time_per_output_token": {"mean": 0.03}, "request_latency": {"p90": 5.9}},
        },
        "failures": {"count": 3, "request_latency": {"mean": 9.9}},
    }  # fmt: skip
    (point,) = read(tmp_path, document).serving
    assert dict(point.measured) == {
        ("ttft_s", "mean"): 0.2, ("ttft_s", "p50"): 0.1, ("tpot_s", "mean"): 0.03, ("e2e_s", "p90"): 5.9, ("throughput_tok_s", "mean"): 130.0,
    }  # fmt: skip
    assert (point.load.request_rate_per_s, point.load.prompt_tokens, point.load.requests) == (1.5, 700.0, 100)


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
        ("\n \n", "empty file"),
    ],
)
def test_hostile_and_foreign_files(tmp_path: Path, text: str, said: str):
    assert said in refused(tmp_path, text)


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
        TestAiperf.SUMMARY,
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
