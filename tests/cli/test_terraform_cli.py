"""`sim run --terraform` and `--kubernetes`: what is printed, written and refused, and that no secret of a plan gets out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.made import command
from tests.made.command import Capture
from tests.made.terraform import plan, provider, resource, write
from tests.made.world import write_world

SECRET = "hunter2-s3cr3t"  # noqa: S105  (what must not get out)
TAG = {"llm": "llama-3.1-8b"}


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with trace.parquet and small.yaml, in which the command is run."""
    write_world(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(capsys: Capture, *arguments: str) -> tuple[int, str, str]:
    return command.run(capsys, "run", "trace.parquet", "--months", "0", *arguments)


def pool(**values: Any) -> dict[str, Any]:
    scaling = [{"min_size": 0, "desired_size": 1, "max_size": 8}]
    return resource("aws_eks_node_group.h100", {"instance_types": ["p5.48xlarge"], "scaling_config": scaling, "tags": TAG, **values})


def configured(region: str = "us-east-1") -> dict[str, Any]:
    return provider("aws", region) | {"root_module": {"resources": [{"address": "aws_eks_node_group.h100", "provider_config_key": "aws"}]}}


def test_a_pool_of_none_to_eight_machines_is_simulated_as_that(world: Path, capsys: Capture) -> None:
    write(world, plan(pool(), configuration=configured()))
    code, out, err = run(capsys, "--terraform", "plan.json", "-o", "out")
    assert code == 0, err
    assert "h100" in out
    resolved = (world / "out" / "stack.resolved.yaml").read_text()
    for line in (
        "deployments.h100.replicas.min = 0 [given: plan.json: aws_eks_node_group.h100]",
        "deployments.h100.replicas.max = 64 [given: plan.json: aws_eks_node_group.h100]",
        "deployments.h100.autoscaler.law = keda [assumed: neither the plan nor what runs there says what moves it]",
        "deployments.h100.region = us-east-1 [given: plan.json: aws_eks_node_group.h100]",
    ):
        assert line in resolved
    assert "assumed: h100: autoscaler law keda" in " ".join(err.split())
    assert "`sim explain --terraform plan.json` shows" in " ".join(err.split())
    summary = json.loads((world / "out" / "summary.json").read_text())
    assert any("autoscaler law keda" in note for note in summary["notes"])
    record = json.loads((world / "out" / "run.json").read_text())
    assert record["stack"] == "plan"
    assert any("autoscaler law keda" in note for note in record["infrastructure"])


def test_a_named_stack_says_what_the_plan_cannot(world: Path, capsys: Capture) -> None:
    write(world, plan(pool(tags={}), configuration=configured()))
    code, _, err = run(
        capsys, "--terraform", "plan.json", "--stack", "small.yaml", "-o", "out", "--set", "deployments.h100.replicas.initial=4",
        "--set", "deployments.h100.replicas.max=4",
    )  # fmt: skip
    assert code == 0, err
    resolved = (world / "out" / "stack.resolved.yaml").read_text()
    assert "deployments.h100.llm = llama-3.1-8b [given: small.yaml:" in resolved
    assert "model: gpt-6.1-sol" in resolved
    assert "deployments.h100.replicas.max = 4 [given: --set deployments.h100.replicas.max]" in resolved


def test_the_same_plan_gives_the_same_bytes(world: Path, capsys: Capture) -> None:
    write(world, plan(pool(), configuration=configured()))
    first = run(capsys, "--terraform", "plan.json", "-o", "one")[1]
    assert run(capsys, "--terraform", "plan.json", "-o", "two")[1] == first
    assert (world / "one" / "summary.json").read_bytes() == (world / "two" / "summary.json").read_bytes()


def test_no_secret_gets_out(world: Path, capsys: Capture) -> None:
    """Not into what is printed, not into any file: neither of a plan that runs nor of one that is refused."""
    secrets: dict[str, Any] = {
        "user_data": SECRET, "node_role_arn": SECRET, "remote_access": [{"ec2_ssh_key": SECRET}], "labels": {"pass": SECRET, "sim-llm": SECRET},
        "tags": {**TAG, "token": SECRET, "model": SECRET}, "node_group_name": SECRET,
    }  # fmt: skip
    mask = {"labels": True, "tags": {"model": True}, "node_group_name": True, "release_version": True}
    made = pool(**secrets) | {"sensitive": mask}
    configuration = configured()
    configuration["provider_config"]["aws"]["expressions"]["secret_key"] = {"constant_value": SECRET}
    more = {"variables": {"token": {"value": SECRET}}, "output_changes": {"x": {"after": SECRET}}}
    other = resource("aws_db_instance.db", {"password": SECRET, "username": SECRET})
    write(world, plan(made, other, prior=(made, other), configuration=configuration, **more))
    code, out, err = run(capsys, "--terraform", "plan.json", "-o", "out", "--log-requests")
    assert code == 0, err
    assert SECRET not in out + err
    files = [file for file in (world / "out").rglob("*") if file.is_file()]
    assert len(files) > 5
    assert not [file.name for file in files if SECRET.encode() in file.read_bytes()]
    hidden = pool(**secrets, instance_types=[SECRET]) | {"sensitive": {**mask, "instance_types": True}}
    write(world, plan(hidden, configuration=configuration, **more))
    code, out, err = run(capsys, "--terraform", "plan.json", "-o", "other")
    assert code == 2 and "sensitive" in err
    assert SECRET not in out + err


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"PK\x03\x04rest", "terraform show -json"),
        (b'{"version": 4, "lineage": "x", "resources": []}', "a state file"),
        (b'resource "aws_instance" "x" {}', "Terraform's own language"),
        (b"{", "not JSON"),
        (b'{"format_version": "2.0"}', "format_version"),
        (json.dumps(plan(pool(), errored=True)).encode(), "errored"),
        (json.dumps(plan()).encode(), "no machines with GPUs: it has no resources at all"),
        (json.dumps(plan(resource("aws_instance.w", {"instance_type": "m5.large"}))).encode(), "m5.large has no GPU"),
        (json.dumps(plan(resource("aws_s3_bucket.b", {}))).encode(), "found 1 aws_s3_bucket"),
        (json.dumps(plan(resource("aws_instance.w", {"instance_type": "p5.48xlarg"}))).encode(), "did you mean 'p5.48xlarge'"),
        (json.dumps(plan(resource("aws_instance.w", {}, unknown={"instance_type": True}))).encode(), "known only after apply"),
        (json.dumps(plan(pool(instance_types=["\x1b[31mx"]))).encode(), "unknown machine"),
        (json.dumps(plan(pool(scaling_config=[{"min_size": 5, "max_size": 2}]))).encode(), "min"),
    ],
)
def test_what_is_no_plan_of_gpus_is_refused(world: Path, capsys: Capture, content: bytes, told: str) -> None:
    (world / "plan.json").write_bytes(content)
    message = command.refused(capsys, "run", "trace.parquet", "--months", "0", "--terraform", "plan.json")
    assert told in message
    assert "\x1b" not in message


def test_other_mistakes_are_refused(world: Path, capsys: Capture) -> None:
    write(world, plan(pool(), configuration=configured()))
    arguments = ("run", "trace.parquet", "--months", "0", "--terraform")
    assert "did you mean 'plan.json'" in command.refused(capsys, *arguments, "plam.json")
    assert "unknown deployment 'own'" in command.refused(capsys, *arguments, "plan.json", "--set", "deployments.own.replicas=2")
    assert "no deployment of kind gpu" in command.refused(capsys, *arguments, "plan.json", "--stack", "api-first")
    assert "no such file" in command.refused(capsys, *arguments, "plan.json", "--kubernetes", "missing.yaml")


SHARED = (
    ("constructed-aws-gpu", "a10g"), ("constructed-azurerm-gpu", ""), ("constructed-google-gpu", "a100-40gb"),
    ("real-asg", "launch configuration 'test' is not in the plan"), ("real-eks-node-group", "t3.medium has no GPU"),
    ("real-gce-instance-guest-accelerator", "unknown accelerator"), ("real-gke-node-pool-guest-accelerator", "Terraform 0.12.13"),
    ("real-infracost-example", "m5.4xlarge has no GPU"),
)  # fmt: skip
"""Each file, and what it is refused with; for constructed ones a GPU whose price may not be in the catalogue."""


@pytest.mark.shared
@pytest.mark.parametrize(("name", "told"), SHARED)
def test_plans_of_others_are_read_or_refused_with_the_reason(world: Path, capsys: Capture, shared_data: Path, name: str, told: str) -> None:
    file = shared_data / "iac" / "terraform" / f"{name}.tfplan.json"
    (world / "prices.yaml").write_text(
        "gpu:\n  a10g: [{provider: aws, purchase: spot, usd_per_gpu_hour: 0.5}]\n  a100-40gb: [{provider: gcp, usd_per_gpu_hour: 3.67}]\n"
    )
    code, out, err = run(capsys, "--terraform", str(file), "--prices", "prices.yaml", "-o", "out")
    if name.startswith("constructed"):
        assert code == 0, err
        assert "GPUs idle" in out
    else:
        assert (code, out) == (2, "") and told in " ".join(err.split()), err
