"""InferenceX, GuideLLM, AIPerf and inference-perf: units, statistics and loads as each tool means them."""

from __future__ import annotations

import csv
import heapq
import io
import random
from pathlib import Path
from typing import Any

import pytest

from sim.calibration.formats.records import Request, closed_loop_clients, measured
from sim.calibration.points import Given
from tests.made.benchmark_files import AIPERF_SUMMARY, INFERENCEX, aiperf_record, guidellm, lines, read, refused


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

    def test_summaries_of_aiperf_and_of_its_ancestor(self, tmp_path: Path):
        given = Given(tensor_parallel=1, precision="bf16", engine="vllm")
        (point,) = read(tmp_path, AIPERF_SUMMARY, given).serving
        assert (point.server.llm.name, point.server.gpu.name) == ("llama-3.1-8b", "h100-sxm")
        assert point.measured["tpot_s", "mean"] == pytest.approx(0.009) and point.measured["throughput_tok_s", "mean"] == 1600.0
        assert (point.load.concurrency, point.load.requests, point.load.prompt_tokens) == (16, 160, 550.0)
        ancestor = {**AIPERF_SUMMARY, "input_config": {"perf_analyzer": {"stimulus": {"concurrency": 4}}}}
        assert read(tmp_path, ancestor).serving[0].load.concurrency == 4
        phases = {"phases": [{"name": "warmup", "concurrency": 1}, {"name": "profiling", "request_rate": 2.5}]}
        assert read(tmp_path, {**AIPERF_SUMMARY, "input_config": phases}).serving[0].load.request_rate_per_s == 2.5

    def test_a_summary_that_does_not_say_its_load(self, tmp_path: Path):
        assert "profile_export.jsonl" in refused(tmp_path, {**AIPERF_SUMMARY, "input_config": {}})
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


GUIDELLM_CSV = (
    (("Run Info", "Run ID", ""), "8a"),
    (("Run Info", "Backend", ""), '{"model": "llama-3.1-8b"}'),
    (("Benchmark", "Strategy", ""), "concurrent@8"),
    (("Request Counts", "Successful", ""), "24"),
    (("Request Counts", "Errored", ""), "2"),
    (("Request Latency", "Successful Sec", "Mean"), "0.51"),
    (("Time to First Token", "Successful ms", "Mean"), "125"),
    (("Time to First Token", "Successful ms", "Median"), "120"),
    (("Time to First Token", "Successful ms", "Percentiles"), "[1, 2, 3, 5, 10, 25, 75, 90, 95, 99, 100]"),
    (("Time per Output Token", "Successful ms", "Mean"), "16"),
    (("Inter Token Latency", "Successful ms", "Mean"), "12.5"),
    (("Token Metrics", "Successful Input Tokens", "Mean"), "124.75"),
    (("Token Metrics", "Successful Output Tokens", "Mean"), "32"),
    (("Token Throughput", "Successful Output Tokens/Sec", "Mean"), "240"),
)


def test_guidellms_csv_has_its_percentiles_in_a_list_without_the_median(tmp_path: Path):
    text = io.StringIO()
    writer = csv.writer(text)
    for level in range(3):
        writer.writerow([heading[level] for heading, _ in GUIDELLM_CSV])
    writer.writerow([value for _, value in GUIDELLM_CSV])
    (point,) = read(tmp_path, text.getvalue()).serving
    assert point.measured["ttft_s", "p50"] == pytest.approx(0.12) and point.measured["ttft_s", "p90"] == pytest.approx(0.09)
    assert point.measured["tpot_s", "mean"] == pytest.approx(0.0125) and point.measured["e2e_s", "mean"] == 0.51
    assert (point.load.concurrency, point.load.requests, point.load.prompt_tokens) == (8, 24, 124.75)
    assert any("2 requests errored" in note for note in point.notes) and point.where.endswith(":4")


@pytest.mark.parametrize("clients", [1, 2, 8, 32])
def test_closed_loops_are_told_from_poisson_streams(clients: int):
    generator = random.Random(20261121 + clients)
    free, sent = [(0.0, client) for client in range(clients)], []
    for _ in range(10 * clients + 10):
        start, client = heapq.heappop(free)
        lasts = generator.uniform(0.5, 2.0)
        sent.append(Request(10, 10, 0.1, lasts, start))
        heapq.heappush(free, (start + lasts + generator.uniform(0.0, 0.003), client))
    assert closed_loop_clients(sent) == clients
    at, stream = 0.0, []
    for _ in range(200):
        at += generator.expovariate(clients)
        stream.append(Request(10, 10, 0.1, generator.uniform(0.5, 2.0), at))
    assert closed_loop_clients(stream) is None


def test_percentiles_are_linear_between_order_statistics():
    found = measured([Request(1, 2, value, 2.0 * value) for value in (0.1, 0.2, 0.3, 0.4)])
    assert found["ttft_s", "p50"] == pytest.approx(0.25) and found["ttft_s", "p90"] == pytest.approx(0.1 + 0.9 * 3 * 0.1)
    assert found["tpot_s", "mean"] == pytest.approx(0.25) and ("itl_s", "mean") not in found
