"""A plain CSV of serving points: spellings, units, statistics, and every problem of a file at once with its line and column."""

from __future__ import annotations

from pathlib import Path

import pytest

from sim.calibration.formats.serving_csv import read_serving_table
from sim.calibration.points import Given
from sim.catalog.catalog import Catalog
from sim.errors import InputError

CATALOG = Catalog.bundled()
HEADER = "llm,precision,gpu,engine,tensor_parallel,prompt_tokens,output_tokens,concurrency"
ROW = "llama-3.1-8b,bf16,h100-sxm,vllm,1,1024,256,8"


def table(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "points.csv"
    path.write_text(text)
    return path


def problems(tmp_path: Path, text: str) -> list[str]:
    path = table(tmp_path, text)
    with pytest.raises(InputError) as error:
        read_serving_table(path, CATALOG)
    return [line.removeprefix(f"{path}") for line in str(error.value).splitlines()]


def test_milliseconds_become_seconds_and_empty_cells_are_not_measured(tmp_path: Path):
    path = table(tmp_path, f"{HEADER},ttft_ms,tpot_ms,throughput_tok_s,e2e_ms\n{ROW},40.5,9,,\n{ROW},,,850,2400\n")
    read = read_serving_table(path, CATALOG)
    first, second = read.serving
    assert dict(first.measured) == {("ttft_s", "mean"): pytest.approx(0.0405), ("tpot_s", "mean"): pytest.approx(0.009)}
    assert dict(second.measured) == {("throughput_tok_s", "mean"): 850.0, ("e2e_s", "mean"): pytest.approx(2.4)}
    assert (first.server.llm.name, first.server.gpu.name, first.server.engine) == ("llama-3.1-8b", "h100-sxm", "vllm")
    assert (first.load.prompt_tokens, first.load.output_tokens, first.load.concurrency) == (1024, 256, 8)
    assert first.where == f"{path}:2" and read.ignored == ()
    assert any("taken as means" in note for note in read.notes)


@pytest.mark.parametrize(
    ("column", "key"),
    [
        ("ttft_p99_ms", ("ttft_s", "p99")), ("median_ttft_ms", ("ttft_s", "p50")), ("mean_tpot_ms", ("tpot_s", "mean")),
        ("tpot_median_ms", ("tpot_s", "p50")), ("itl_p95_ms", ("itl_s", "p95")), ("p90_e2el_ms", ("e2e_s", "p90")),
        ("time_to_first_token_ms", ("ttft_s", "mean")),
    ],
)  # fmt: skip
def test_names_of_measured_columns_say_metric_and_statistic(tmp_path: Path, column: str, key: tuple[str, str]):
    (point,) = read_serving_table(table(tmp_path, f"{HEADER},{column}\n{ROW},250\n"), CATALOG).serving
    assert dict(point.measured) == {key: pytest.approx(0.25)}


def test_seconds_in_the_name_are_seconds(tmp_path: Path):
    (point,) = read_serving_table(table(tmp_path, f"{HEADER},ttft_s,mean_tpot_s\n{ROW},0.25,0.01\n"), CATALOG).serving
    assert dict(point.measured) == {("ttft_s", "mean"): 0.25, ("tpot_s", "mean"): 0.01}


def test_a_statistic_column_speaks_for_bare_names_only(tmp_path: Path):
    path = table(tmp_path, f"{HEADER},statistic,ttft_ms,ttft_p99_ms,throughput_tok_s\n{ROW},median,100,300,50\n")
    (point,) = read_serving_table(path, CATALOG).serving
    assert dict(point.measured) == {
        ("ttft_s", "p50"): pytest.approx(0.1),
        ("ttft_s", "p99"): pytest.approx(0.3),
        ("throughput_tok_s", "mean"): 50.0,
    }


def test_spellings_of_published_tables(tmp_path: Path):
    text = (
        "model,system,backend,precision,tp_size,pp_size,isl,osl,concurrency,batch_size,ttft_ms,tpot_ms,source\n"
        "meta-llama/Llama-3.1-70B,h200_sxm,vllm,fp8,4,1,1024,8192,16,16,70,10,here\n"
    )
    read = read_serving_table(table(tmp_path, text), CATALOG)
    (point,) = read.serving
    server = point.server
    assert (server.llm.name, server.gpu.name, server.tensor_parallel, server.precision) == ("llama-3.1-70b", "h200-sxm", 4, "fp8")
    assert read.ignored == ("batch_size",)


def test_what_the_engine_was_set_to_and_the_length_share(tmp_path: Path):
    more = "kv_precision,engine_era,utilisation,max_num_seqs,max_num_batched_tokens,max_model_len,requests,least_length_share"
    path = table(tmp_path, f"{HEADER},{more},tpot_ms\n{ROW},fp8_e4m3,2024,0.9,128,4096,16384,80,1,9\n")
    (point,) = read_serving_table(path, CATALOG).serving
    server = point.server
    assert (server.kv_precision, server.engine_era, server.utilisation, server.max_num_seqs) == ("fp8", "2024", 0.9, 128)
    assert (server.max_num_batched_tokens, server.max_model_len) == (4096, 16384)
    assert (point.load.requests, point.load.least_length_share) == (80, 1.0)


def test_open_loads_and_everything_at_once(tmp_path: Path):
    header = HEADER.replace("concurrency", "request_rate,num_prompts")
    row = ROW.removesuffix("8")
    first, second = read_serving_table(table(tmp_path, f"{header},ttft_ms\n{row}2.5,100,50\n{row}inf,64,50\n"), CATALOG).serving
    assert (first.load.request_rate_per_s, first.load.concurrency) == (2.5, None)
    assert (second.load.request_rate_per_s, second.load.concurrency) == (None, 64)


def test_throughput_a_gpu_is_that_of_all_of_them(tmp_path: Path):
    path = table(tmp_path, f"{HEADER},throughput_tok_s_per_gpu\n{ROW.replace('vllm,1,', 'vllm,2,')},100\n")
    (point,) = read_serving_table(path, CATALOG).serving
    assert point.measured["throughput_tok_s", "mean"] == 200.0


def test_the_precision_may_stand_in_the_name_and_given_fills_what_is_missing(tmp_path: Path):
    text = "model,prompt_tokens,output_tokens,concurrency,ttft_ms\nneuralmagic/Llama-3.1-8B-Instruct-FP8,100,10,2,30\n"
    given = Given(gpu=CATALOG.gpu("l4"), tensor_parallel=2, engine="sglang", precision="bf16", options={"max_num_seqs": 32})
    (point,) = read_serving_table(table(tmp_path, text), CATALOG, given).serving
    server = point.server
    assert (server.precision, server.gpu.name, server.tensor_parallel, server.engine, server.max_num_seqs) == ("fp8", "l4", 2, "sglang", 32)


def test_all_problems_of_a_file_with_line_column_and_nearest_name(tmp_path: Path):
    text = (
        f"{HEADER},ttft_ms,pp_size\n"
        f"{ROW},40,1\n"
        "llama-3.1-8c,bf17,h101-sxm,vlm,0,1024,256,8,40,1\n"
        'llama-3.1-8b,bf16,"h100-sxm",vllm,1,0.5,256,,-4,2\n'
        f"{ROW},,1\n"
    )
    found = problems(tmp_path, text)
    assert [line.split(": ")[0] for line in found] == [":3:1", ":3:14", ":3:19", ":3:28", ":3:32", ":4:37", ":4:45", ":4:46", ":4:49", ":5"]
    assert all("did you mean" in found[at] for at in (0, 1, 2, 3))
    assert "pipeline parallelism is not modelled" in found[8] and "nothing measured" in found[9]


@pytest.mark.parametrize("cell", ["1e999", "1,5", "0", "-1", "abc", "1e12", "0x10", "inf"])
def test_no_measured_value_that_is_no_latency(tmp_path: Path, cell: str):
    (found,) = problems(tmp_path, f'{HEADER},ttft_ms\n{ROW},"{cell}"\n')
    assert found.startswith(f":2:{len(ROW) + 2}: ttft_ms: found {cell!r}")


@pytest.mark.parametrize(
    ("header", "said"),
    [
        (f"{HEADER},ttft", "without a unit"),
        (f"{HEADER},tfft_ms", "did you mean 'ttft_ms'"),
        (f"{HEADER},ttft_ms,ttft_ms", "twice"),
        (f"{HEADER.replace('prompt_tokens', 'promt_tokens')},ttft_ms", "did you mean 'prompt_tokens'"),
        (f"{HEADER.replace('concurrency', 'users')},ttft_ms", "nor request_rate"),
    ],
)
def test_headers_that_cannot_be_read(tmp_path: Path, header: str, said: str):
    found = problems(tmp_path, f"{header}\n{','.join(['1'] * (header.count(',') + 1))}\n")
    assert said in found[0] and found[0].startswith(":1:")


def test_many_problems_are_capped_and_ragged_rows_told(tmp_path: Path):
    found = problems(tmp_path, f"{HEADER},ttft_ms\n" + "".join(f"{ROW},x{k}\n" for k in range(50)))
    assert len(found) == 21 and found[-1] == "and 30 more"
    assert "2 cells; allowed: 9" in problems(tmp_path, f"{HEADER},ttft_ms\na,b\n")[0]


@pytest.mark.parametrize(("content", "said"), [(b"", "empty file"), (b"\xff\xfea", "not UTF-8"), (b'a,b\n"x', "not CSV")])
def test_files_that_are_no_table(tmp_path: Path, content: bytes, said: str):
    path = tmp_path / "points.csv"
    path.write_bytes(content)
    with pytest.raises(InputError, match=said):
        read_serving_table(path, CATALOG)


def test_the_h200_sweep_is_read_whole(shared_data: Path):
    read = read_serving_table(shared_data / "perf" / "inferencex_h200_vllm_llama31_70b.csv", CATALOG)
    assert len(read.serving) == 60
    assert {point.server.gpu.name for point in read.serving} == {"h200-sxm"}
    assert {point.server.tensor_parallel for point in read.serving} == {1, 2, 4, 8}
    assert all(0.0 < point.measured["tpot_s", "mean"] < 0.2 for point in read.serving)


def test_two_columns_of_one_quantity_must_agree(tmp_path: Path):
    (point,) = read_serving_table(table(tmp_path, f"{HEADER},ttft_p99_ms,p99_ttft_s\n{ROW},250,0.25\n"), CATALOG).serving
    assert dict(point.measured) == {("ttft_s", "p99"): 0.25}
    said = problems(tmp_path, f"{HEADER},ttft_p99_ms,p99_ttft_s\n{ROW},250,250\n")
    assert said == [":2:50: p99_ttft_s: found '250', but ttft_p99_ms says '250'; allowed: one of the two"]


def test_what_is_missing_is_asked_for_where_it_can_be_said(tmp_path: Path) -> None:
    path = table(tmp_path, f"{HEADER.replace('engine,', '')},ttft_ms\n{ROW.replace('vllm,', '')},50\n")
    for given, ending in ((None, "give it there"), (Given(), "give it there, or say --engine")):
        with pytest.raises(InputError) as caught:
            read_serving_table(path, CATALOG, given)
        assert str(caught.value).endswith(f":2: engine: the file does not say it; {ending}")


@pytest.mark.parametrize(
    ("wrong", "right", "needed"),
    [("concurency", "concurrency", "concurrency or request_rate"), ("prompt_token", "prompt_tokens", "prompt_tokens")],
)
def test_a_misspelt_column_is_told_where_it_stands_with_the_name_that_was_meant(tmp_path: Path, wrong: str, right: str, needed: str):
    (line,) = problems(tmp_path, f"{HEADER.replace(right, wrong)},ttft_ms\n{ROW},40\n")
    assert line == f":1: {wrong}: unknown column, where {needed} is needed; did you mean {right!r}?"


def test_a_column_that_is_known_is_never_said_to_be_another_one(tmp_path: Path):
    header = HEADER.replace("prompt_tokens,", "")
    (line,) = problems(tmp_path, f"{header},ttft_ms\n{ROW.replace('1024,', '')},40\n")
    assert line == ":1: prompt_tokens: no such column"


def test_the_same_mistake_in_every_row_is_told_once_with_their_number(tmp_path: Path):
    wrong = ROW.replace("h100-sxm", "h101-sxm")
    found = problems(tmp_path, f"{HEADER},ttft_ms\n{wrong},40\n{ROW},40\n{wrong},41\n{wrong.replace('vllm', 'vlm')},42\n")
    assert len(found) == 2
    assert found[0].startswith(":2:") and "unknown gpu 'h101-sxm'" in found[0] and found[0].endswith("(so in 3 lines)")
    assert found[1].startswith(":5:") and "engine: found 'vlm'" in found[1] and "lines" not in found[1]
