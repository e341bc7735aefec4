"""`--terraform` and `--kubernetes` of the other commands: explain, sweep, compare, elastic and plan begin with the same stack."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from tests.made import command
from tests.made.command import Capture
from tests.made.terraform import plan, provider, resource, write
from tests.made.world import write_trace

SERVERS = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: vllm}
spec:
  replicas: 2
  template:
    spec:
      containers:
        - name: vllm
          image: vllm/vllm-openai
          args: [--model, meta-llama/Llama-3.1-8B-Instruct]
          resources: {limits: {nvidia.com/gpu: "1"}}
"""


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with trace.parquet, plan.json and vllm.yaml, in which the command is run."""
    write_trace(tmp_path / "trace.parquet", rows=120)
    values: dict[str, Any] = {"instance_types": ["p5.4xlarge"], "scaling_config": [{"min_size": 1, "desired_size": 1, "max_size": 4}]}
    configuration = provider("aws", "us-east-1") | {
        "root_module": {"resources": [{"address": "aws_eks_node_group.h100", "provider_config_key": "aws"}]}
    }
    write(tmp_path, plan(resource("aws_eks_node_group.h100", values), configuration=configuration))
    (tmp_path / "vllm.yaml").write_text(SERVERS)
    monkeypatch.chdir(tmp_path)
    return tmp_path


BOTH = ("--terraform", "plan.json", "--kubernetes", "vllm.yaml")


def test_explain(world: Path, capsys: Capture) -> None:
    del world
    code, out, _ = command.run(capsys, "explain", *BOTH)
    assert code == 0
    assert "h100: 1 to 4 x llama-3.1-8b" in out
    assert "plan.json: aws_eks_node_group.h100" in command.run(capsys, "explain", *BOTH, "--format", "json")[1]


def test_manifests_alone_run(world: Path, capsys: Capture) -> None:
    code, out, err = command.run(capsys, "run", "trace.parquet", "--months", "0", "--kubernetes", "vllm.yaml", "-o", "out")
    assert code == 0, err
    assert "vllm" in out
    assert "gpu h100-sxm: the manifest does not say which GPU" in " ".join(err.split())
    assert "llm: llama-3.1-8b" in (world / "out" / "stack.resolved.yaml").read_text()


def test_sweep(world: Path, capsys: Capture) -> None:
    code, out, err = command.run(
        capsys,
        "sweep",
        "trace.parquet",
        *BOTH,
        "--months",
        "0",
        "--over",
        "deployments.h100.replicas.max=2,3",
        "-o",
        "out",
        "--workers",
        "1",
    )
    assert code == 0, err
    assert "replicas.max" in out
    assert "assumed: h100: autoscaler" in " ".join(err.split())
    assert (world / "out").is_dir()


def test_what_is_wrong_with_a_plan_is_told_by_each_command(world: Path, capsys: Capture) -> None:
    write(world, plan(), "none.json")
    for arguments in (
        ("explain",), ("sweep", "trace.parquet", "--over", "deployments.x.replicas=1,2"), ("elastic", "trace.parquet"),
        ("plan", "trace.parquet"), ("compare", "trace.parquet", "--stack", "hybrid"),
    ):  # fmt: skip
        assert "no machines with GPUs" in command.refused(capsys, *arguments, "--terraform", "none.json")


def test_a_plan_counts_as_one_of_those_compared(world: Path, capsys: Capture) -> None:
    del world
    assert "at least two" in command.refused(capsys, "compare", "trace.parquet", "--terraform", "plan.json")


@pytest.mark.parametrize(
    "named",
    [
        ("--stack", "of mine/stack.yaml"),
        ("--kubernetes", "of mine/manifests"),
        ("--terraform", "of mine/plan.json"),
        ("--terraform", "of mine/plan.json", "--kubernetes", "vllm.yaml"),
        ("--stack", "self-hosted"),
    ],
)
def test_what_a_warning_tells_to_type_can_be_typed(world: Path, capsys: Capture, named: tuple[str, ...]) -> None:
    """Files as they were given, whatever folder they lie in."""
    (world / "of mine" / "manifests").mkdir(parents=True)
    (world / "of mine" / "plan.json").write_bytes((world / "plan.json").read_bytes())
    (world / "of mine" / "manifests" / "vllm.yaml").write_text(SERVERS)
    (world / "of mine" / "stack.yaml").write_text("deployments:\n  own: {kind: gpu, llm: llama-3.1-8b, gpu: h100-sxm, replicas: 2}\n")
    found = command.replayed(capsys, "trace.parquet", *named)
    (remedy,) = [each["remedy"] for each in found["warnings"] if each["code"] == "assumed_inputs"]
    (typed,) = re.findall(r"`(sim explain .*?)`", remedy)
    code, out, err = command.run(capsys, *shlex.split(typed)[1:])
    assert code == 0 and out, err


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("--stack", "manifests"), "manifests: a folder; a stack is a YAML file, and a folder of Kubernetes manifests is given as --kubernetes manifests"),
        (("--stack", "./manifests"), "./manifests: a folder; a stack is a YAML file"),
        (("--stack", "mine"), "mine: a folder; did you mean 'mine/stack.yaml'?"),
        (("--stack", "plan.json"), "plan.json: a Terraform plan; it is given as --terraform plan.json"),
        (("--stack", "./plan.json"), "./plan.json: a Terraform plan; it is given as --terraform ./plan.json"),
        (("--stack", "vllm.yaml"), "vllm.yaml: Kubernetes manifests; they are given as --kubernetes vllm.yaml"),
        (("--stack", "main.tf"), "main.tf: a file of Terraform; its plan as JSON (terraform show -json PLAN) is given as --terraform"),
        (("--stack", "t/sim.auto.tfvars.json"), "t/sim.auto.tfvars.json: variables of Terraform; they are given as --terraform t/sim.auto.tfvars.json"),
        (("--terraform", "t"), "t: a folder; did you mean 't/sim.auto.tfvars.json'?"),
        (
            ("--terraform", "t/sim.auto.tfvars.json"),
            "t/sim.auto.tfvars.json: says machines alone; give what runs on them beside it, --stack or --kubernetes "
            "(sim_gpu_groups.own: rented from runpod",
        ),
    ],
)  # fmt: skip
def test_the_option_of_what_is_given_for_another(world: Path, capsys: Capture, given: tuple[str, str], said: str) -> None:
    for name in ("manifests", "mine", "t"):
        (world / name).mkdir()
    (world / "manifests" / "vllm.yaml").write_text(SERVERS)
    (world / "mine" / "stack.yaml").write_text("deployments:\n  own: {kind: gpu, llm: llama-3.1-8b, gpu: h100-sxm, replicas: 2}\n")
    (world / "main.tf").write_text('resource "aws_instance" "x" {}\n')
    (world / "vllm.yaml").write_text(f"{SERVERS}---\napiVersion: v1\nkind: Service\nmetadata: {{name: vllm}}\n")
    assert command.run(capsys, "explain", "mine/stack.yaml")[0] == 0
    group = {
        "provider": "runpod", "machine": None, "gpu": "h100-sxm", "gpus_per_machine": 2, "purchase": "on_demand", "min": 1, "desired": 1, "max": 1,
    }  # fmt: skip
    (world / "t" / "sim.auto.tfvars.json").write_text(json.dumps({"sim_gpu_groups": {"own": group}}))
    err = command.refused(capsys, "run", "trace.parquet", *given)
    assert said in err and len(err.splitlines()) == 1


def test_check_says_the_option_of_infrastructure(world: Path, capsys: Capture) -> None:
    (world / "vllm.yaml").write_text(f"{SERVERS}---\napiVersion: v1\nkind: Service\nmetadata: {{name: vllm}}\n")
    (world / "vllm.json").write_text('{"apiVersion": "v1", "kind": "List", "items": []}')
    err = command.refused(capsys, "check", "plan.json", "vllm.yaml", "vllm.json")
    assert "plan.json: a Terraform plan; it is given as --terraform plan.json, as in sim explain" in err
    assert "vllm.yaml: Kubernetes manifests; they are given as --kubernetes vllm.yaml" in err
    assert "vllm.json: Kubernetes manifests" in err
    (world / "odd.yaml").write_text("colour: red\n")
    assert "say which with --kind: stack, events" in (err := command.refused(capsys, "check", "odd.yaml")) and ", space, needs" in err
