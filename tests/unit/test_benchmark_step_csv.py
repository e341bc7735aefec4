"""A plain CSV of steps: T, S, C and A as the engine counts them, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from sim.calibration.formats import read_benchmark, read_step_table
from sim.calibration.points import Given
from sim.catalog.catalog import Catalog
from sim.errors import InputError

CATALOG = Catalog.bundled()
SERVER = "llm,gpu,tensor_parallel,precision,engine"
ON = "llama-3.1-8b,a100-80gb,1,bf16,vllm"


def table(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "steps.csv"
    path.write_text(text)
    return path


def test_decode_and_prefill_steps_in_the_terms_of_the_engine(tmp_path: Path):
    text = f"{SERVER},kind,sequences,prompt_tokens,context_tokens,step_ms\n{ON},decode,32,,600,12.5\n{ON},prefill,2,512,128,70\n"
    decode, prefill = read_benchmark(table(tmp_path, text), Given(), CATALOG).steps
    assert (decode.kind, decode.tokens, decode.sequences, decode.context, decode.attention) == ("decode", 32, 32, 32 * 600, 0)
    assert decode.seconds == pytest.approx(0.0125)
    # Each token of a prompt attends to what is held before it: sum of chunk x (context before + chunk/2).
    assert (prefill.tokens, prefill.sequences, prefill.context, prefill.attention) == (1024, 2, 0, 2 * 512 * (128 + 256))


def test_one_row_of_prompt_and_token_times_is_two_steps(tmp_path: Path):
    text = "model,hardware,tensor_parallel,prompt_size,batch_size,token_size,prompt_time_ms,token_time_ms\nllama2-70b,a100-80gb,8,512,4,128,300,\nllama2-70b,a100-80gb,8,512,4,128,310,45\n"
    read = read_step_table(table(tmp_path, text), CATALOG, Given(precision="bf16", engine="vllm", engine_era="2023"))
    assert [(step.kind, step.where[-2:]) for step in read.steps] == [("prefill", ":2"), ("prefill", ":3"), ("decode", ":3")]
    assert read.steps[2].context == 4 * (512 + 64) and read.steps[2].server.engine_era == "2023"


def test_all_problems_with_their_place(tmp_path: Path):
    text = (
        f"{SERVER},kind,sequences,prompt_tokens,context_tokens,tokens,step_ms\n"
        f"{ON},decod,32,,600,,12.5\n{ON},decode,0,,600,,12.5\n{ON},decode,8,,,,12.5\n{ON},prefill,2,100,,300,9\n{ON},decode,8,,1,,\n"
    )
    with pytest.raises(InputError) as error:
        read_step_table(table(tmp_path, text), CATALOG)
    said = [line.split("steps.csv:")[1] for line in str(error.value).splitlines()]
    assert [line.split(":")[0] for line in said] == ["2", "3", "4", "5", "6"]
    assert "did you mean 'decode'" in said[0] and "sequences: found '0'" in said[1] and "context_tokens: missing" in said[2]
    assert "tokens: found 300; allowed: 200" in said[3] and "no time in this row" in said[4]


@pytest.mark.parametrize(
    ("header", "said"),
    [
        (f"{SERVER},sequences,step_ms", "kind: no such column"),
        (
            f"{SERVER},kind,sequences,steps_ms",
            "steps_ms: unknown column, where step_ms or step_s or prefill_ms or decode_ms is needed; did you mean 'step_ms'?",
        ),
    ],
)
def test_headers_that_cannot_be_read(tmp_path: Path, header: str, said: str):
    with pytest.raises(InputError) as error:
        read_step_table(table(tmp_path, f"{header}\n{ON}{',1' * (header.count(',') - ON.count(','))}\n"), CATALOG)
    assert said in str(error.value)
