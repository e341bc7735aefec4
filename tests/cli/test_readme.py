"""README.md: every command it shows runs, and what it shows of their output is what they print now."""

from __future__ import annotations

import json
import os
import re
import shlex
from pathlib import Path

import pytest

from sim.cli.main import exit_code
from tests.made.terraform import plan, provider, resource, write
from tests.tools.refresh_readme import AZURE, FIRST, STACKS, azure_row, block, excerpt, printed

MANIFEST = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: chat}
spec:
  replicas: 2
  template:
    spec:
      nodeSelector: {nvidia.com/gpu.product: NVIDIA-H100-80GB-HBM3}
      containers:
        - name: vllm
          image: vllm/vllm-openai:v0.33.0
          args: [--model, meta-llama/Llama-3.1-70B-Instruct, --quantization=fp8, -tp, "2"]
          resources: {limits: {nvidia.com/gpu: "2"}}
"""

TABLE = ("llm", "precision", "gpu", "engine", "tensor_parallel", "prompt_tokens", "output_tokens", "concurrency", "ttft_ms", "tpot_ms")

long_replay = pytest.mark.skipif(os.environ.get("NUMBA_DISABLE_JIT") == "1", reason="a long replay, and compilation is switched off")


@pytest.fixture(scope="module")
def readme(root: Path) -> str:
    return (root / "README.md").read_text()


def commands(text: str, program: str) -> list[list[str]]:
    """The command lines of the code blocks that have no language, of one program, without comments."""
    blocks = re.findall(r"^```(\w*)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    lines = [line for language, found in blocks if not language for line in found.splitlines()]
    return [shlex.split(line, comments=True)[1:] for line in lines if line.split()[:1] == [program]]


def write_inputs(folder: Path) -> None:
    """The files that a reader would have: a log of requests in UTC, a manifest, a Terraform plan, a bill, and what benchmarks measured."""
    rows = [f"2026-10-05T08:{i // 30:02}:{2 * (i % 30):02}Z,{200 + 37 * i % 900},{20 + 13 * i % 300}" for i in range(600)]
    (folder / "requests.csv").write_text("time,tokens_in,tokens_out\n" + "\n".join(rows) + "\n")
    (folder / "small.yaml").write_text("gpu: [h100-sxm]\nreplicas: 1:2\n")
    (folder / "manifests").mkdir()
    (folder / "manifests" / "deployment.yaml").write_text(MANIFEST)
    node_group = {"instance_types": ["p5.48xlarge"], "scaling_config": [{"min_size": 1, "desired_size": 1, "max_size": 2}]}
    smaller = node_group | {"scaling_config": [{"min_size": 1, "desired_size": 1, "max_size": 1}]}
    region = {"root_module": {"resources": [{"address": "aws_eks_node_group.h100", "provider_config_key": "aws"}]}}
    write(
        folder,
        plan(
            resource("aws_eks_node_group.h100", node_group),
            prior=(resource("aws_eks_node_group.h100", smaller),),
            configuration=provider("aws", "us-east-1") | region,
        ),
    )
    (folder / "bill.csv").write_text("month,line,usd\n2026-11,gpu_used,5200\n2026-11,gpu_idle,800\n")
    served = "llama-3.1-70b,fp8,h200-sxm,vllm,4,1024,1024,8,105,10.2\n"
    (folder / "table.csv").write_text(f"{','.join(TABLE)}\n{served}")
    runs = [
        {"backend": "vllm", "model_id": "llama-3.1-70b", "num_prompts": 10 * clients, "completed": 10 * clients, "request_rate": "inf",
         "max_concurrency": clients, "duration": 100.0, "total_input_tokens": 10240 * clients, "total_output_tokens": 2560 * clients,
         "mean_ttft_ms": ttft, "mean_tpot_ms": tpot}
        for clients, ttft, tpot in ((4, 110.0, 12.5), (16, 190.0, 14.5))
    ]  # fmt: skip
    (folder / "results.json").write_text("\n".join(map(json.dumps, runs)))


def test_every_command_runs(readme: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    write_inputs(tmp_path)
    monkeypatch.chdir(tmp_path)
    shown = [line for line in commands(readme, "sim") if line != list(FIRST)]
    assert len(shown) >= 8
    for line in shown:
        code = exit_code([*line, *shorter(line)])
        assert code == 0, f"sim {shlex.join(line)}: {capsys.readouterr().err}"


def shorter(line: list[str]) -> tuple[str, ...]:
    """What makes a command quick: no months or few where they are not what it is about, few futures, a small space."""
    if line[0] == "plan":
        return ("--space", "small.yaml", *(("--months", "2", "--futures", "20") if "--months" in line else ()))
    if line[0] in ("compare", "diff", "backtest"):
        return ("--futures", "20", *(() if line[0] == "backtest" else ("--months", "2")))
    if line[0] != "run" or "--events" in line:
        return ()
    about_months = {"--months", "--outlook", "--futures", "--start", "--budget", "--strict", "--workers"} & set(line)
    of_outlook = any(word.startswith("outlook.") for word in line)
    return ("--months", "1", "--futures", "20") if about_months or of_outlook else ("--months", "0")


def test_the_make_targets_are_there(readme: str, root: Path) -> None:
    targets = [line[0] for line in commands(readme, "make")]
    assert targets == ["run", "test"]
    makefile = (root / "Makefile").read_text()
    for target in targets:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE)
    recipe = re.search(r"^run:.*\n\t(.*)$", makefile, re.MULTILINE)
    assert recipe is not None and recipe[1].endswith(f"sim {' '.join(FIRST)}"), "README says that `make run` is this command"


@long_replay
@pytest.mark.slow
def test_the_first_command_prints_what_is_shown(readme: str) -> None:
    assert list(FIRST) in commands(readme, "sim")
    shown = block(readme, "shown").strip("\n").removeprefix("```text\n").removesuffix("\n```")
    assert shown == excerpt(printed(*FIRST)), "python -m tests.tools.refresh_readme"


def test_an_excerpt_keeps_the_answer_and_the_bill() -> None:
    output = "It costs $1.\n\nMonth  1\nTotal  2\n\nIncidents  3\n\nNoted  4\n\nBill of 12 months  5\n\nPrices  6\n"
    assert excerpt(output) == "It costs $1.\n\nMonth  1\nTotal  2\n\n...\n\nBill of 12 months  5\n\n..."


@long_replay
@pytest.mark.slow
@pytest.mark.parametrize("stack", STACKS)
def test_the_azure_trace_gives_what_is_shown(readme: str, shared_data: Path, stack: str) -> None:
    rows = block(readme, "azure").strip("\n").splitlines()[2:]
    assert len(rows) == len(STACKS)
    assert AZURE.is_relative_to(shared_data)
    assert azure_row(stack) in rows, "python -m tests.tools.refresh_readme"


def test_every_bundled_stack_is_in_the_table(root: Path) -> None:
    assert sorted(STACKS) == sorted(path.stem for path in (root / "models" / "stacks").glob("*.yaml"))
