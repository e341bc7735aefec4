"""`vllm bench serve` and its relatives: milliseconds and seconds, loads, servers, and what is refused with which words."""

from __future__ import annotations

import json
from math import inf
from pathlib import Path
from typing import Any

import pytest

from sim.calibration.points import Given
from tests.made.benchmark_files import GIVEN, VLLM, detailed, read, refused


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
