"""Which deployment of a stack or manifest runs on which group, and how requests are shared among groups."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from sim.errors import InputError
from sim.iac.opened import opened
from sim.iac.shares import Placed, replaced
from sim.stack.read import stack_of
from sim.stack.resolve import resolve
from tests.made.laid import BOOK, CATALOG, OWN, deployment, group, laid
from tests.made.terraform import plan, resource, write

TWO = """\
deployments:
  chat: {kind: gpu, llm: llama-3.1-8b, gpu: l40s}
  big: {kind: gpu, llm: llama-3.1-70b, precision: fp8, gpu: h100-sxm, tensor_parallel: 2}
  spill: {kind: api, model: gpt-6-luna}
routing:
  - {when: {class: chat}, to: [{deployment: chat, max_wait: 2s}, spill]}
  - to: [big, spill]
slo: {ttft_p95: 1s}
"""


@pytest.mark.parametrize(
    ("keys", "llm"),
    [
        ({"name": "chat"}, "llama-3.1-8b"),
        ({"name": "x", "labels": {"sim-deployment": "chat"}}, "llama-3.1-8b"),
        ({"name": "x", "labels": {"llm": "llama-3.1-8b"}}, "llama-3.1-8b"),
        ({"name": "x"}, "llama-3.1-70b"),
    ],
)
def test_a_group_runs_what_its_name_its_labels_or_its_gpu_point_to(keys: dict[str, Any], llm: str) -> None:
    found = laid(group(**keys), stack=TWO)
    assert deployment(found, keys["name"])["llm"] == llm


def test_node_labels_that_a_deployment_asks_for_join_it_to_a_group() -> None:
    wanted = {"chat": {"team": ("a", "b")}, "big": {"node.kubernetes.io/instance-type": ("p4d.24xlarge",)}}
    found = laid(group("one", labels={"team": "b"}), group("two", machine="p4d.24xlarge", gpu="a100-40gb"), stack=TWO, labels=wanted)
    assert (deployment(found, "one")["llm"], deployment(found, "two")["llm"]) == ("llama-3.1-8b", "llama-3.1-70b")


def test_what_the_plan_cannot_say_is_the_stacks(tmp_path: Path) -> None:
    del tmp_path
    found = laid(group("chat", gpu="l40s", machine="g6e.xlarge", gpus_per_machine=1), group("other"), stack=TWO)
    data = found.document.data
    assert data["slo"] == {"ttft_p95": "1s"}
    assert data["deployments"]["spill"] == {"kind": "api", "model": "gpt-6-luna"}
    assert data["routing"] == [
        {"when": {"class": "chat"}, "to": [{"deployment": "chat", "max_wait": "2s"}, "spill"]}, {"to": ["other", "spill"]},
    ]  # fmt: skip


def test_a_deployment_without_machines_is_left_out_and_told() -> None:
    found = laid(group("big"), stack=TWO)
    assert list(found.document.data["deployments"]) == ["big", "spill"]
    assert found.document.data["routing"] == [{"when": {"class": "chat"}, "to": ["spill"]}, {"to": ["big", "spill"]}]
    assert any("chat" in note and "without machines" in note for note in found.remarks)


def test_bought_machines_of_the_stack_stay() -> None:
    stack = TWO.replace("gpu: l40s}", "gpu: l40s, on_premises: {}}")
    found = laid(group("big"), stack=stack)
    assert list(found.document.data["deployments"]) == ["chat", "big", "spill"]


def test_a_pool_that_may_be_at_none_is_woken() -> None:
    """A rule that passes on by the wait before a pool would never send anything to one without replicas."""
    found = laid(group("chat", gpu="l40s", machine="g6e.xlarge", gpus_per_machine=1, min=0, max=4), group("big"), stack=TWO)
    assert found.document.data["routing"][0]["to"] == ["chat", "spill"]
    assert deployment(found, "chat")["gateway_queue_limit"] == 4
    assert ("deployments", "chat", "gateway_queue_limit") in found.assumed


def test_names_are_those_of_the_resources_and_never_the_same() -> None:
    several = [
        group("gpu", address="module.a.aws_instance.gpu"), group("gpu", address="module.b.aws_instance.gpu"),
        group("gpu", address='aws_instance.gpu["Big One"]'), group("spill", address="aws_instance.spill"), group("\x1b[1m", address="aws_instance.x"),
    ]  # fmt: skip
    names = list(laid(*several, stack=TWO).document.data["deployments"])
    assert names[:2] == ["gpu", "b-aws_instance-gpu"] and "gpu-big-one" in names
    assert len(set(names)) == 6 and "spill" in names


@pytest.mark.parametrize("share", [1.0, 0.5, "25%"])
def test_shares_of_the_rules_are_those_of_the_weights(share: Any) -> None:
    """Of all requests each place gets its weight's part of the rule's share, though each rule counts what those before it left."""
    rule: Mapping[str, Any] = {"share": share, "to": ["own"]}
    stack = {"deployments": {"own": {}, "api": {}}, "routing": [rule, {"to": ["api"]}]}
    weights = {"a": 1.0, "b": 2.0, "c": 5.0}
    found = replaced(stack, [Placed(name, {}, "own", weight) for name, weight in weights.items()], (), [])
    left, got = 1.0, {}
    for each in found["routing"]:
        taken = left * each.get("share", 1.0)
        got[each["to"][0]] = taken
        left -= taken
    whole = 0.25 if share == "25%" else float(share)
    for name, weight in weights.items():
        assert got[name] == pytest.approx(whole * weight / 8.0, rel=1e-9)
    assert sum(got.values()) + left == pytest.approx(1.0)
    assert found["routing"][0]["to"] == ["a", "b", "c"]
    assert found["routing"][1]["to"] == ["b", "a", "c"]


def test_a_model_is_retrained_once() -> None:
    stack = {"deployments": {"own": {}}, "retraining": [{"deployment": "own"}]}
    notes: list[str] = []
    found = replaced(stack, [Placed("a", {}, "own"), Placed("b", {}, "own")], (), notes)
    assert found["retraining"] == [{"deployment": "a"}]
    assert notes


def test_bounds_of_kubernetes_hold_within_those_of_the_machines() -> None:
    stack = OWN.replace("replicas: 2", "replicas: {min: 2, max: 6}, autoscaler: {law: hpa, metric: waiting, target: 3}")
    found = laid(group(min=0, desired=1, max=8), stack=stack, bounded=True)
    assert deployment(found)["replicas"] == {"min": 2, "max": 6, "initial": 4}
    assert deployment(found)["autoscaler"] == {"law": "hpa", "metric": "waiting", "target": 3}
    assert laid(group(min=0, max=8), stack=stack).document.data["deployments"]["pool"]["replicas"]["max"] == 32


def test_what_asks_for_labels_runs_only_where_they_are() -> None:
    stack = OWN.replace("own:", "vllm:")
    found = laid(group("one", labels={"team": "a"}), group("two", max=2), stack=stack, labels={"vllm": {"team": ("a",)}})
    assert found.document.data["routing"] == [{"to": ["one"]}]
    assert set(found.document.data["deployments"]) == {"one", "two"}
    assert any("two" in note and "nothing is sent there" in note for note in found.remarks)
    everywhere = laid(group("one"), group("two"), stack=stack, labels={"vllm": {"team": ("a",)}})
    assert len(everywhere.document.data["routing"]) == 2


SERVERS = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: vllm}
spec:
  replicas: 3
  template:
    spec:
      containers:
        - name: vllm
          image: vllm/vllm-openai
          args: [--model, meta-llama/Llama-3.1-8B-Instruct, --max-num-seqs, "128"]
          resources: {limits: {nvidia.com/gpu: "1"}}
"""


def test_manifests_say_what_runs_on_the_machines_of_a_plan(tmp_path: Path) -> None:
    values = {
        "instance_types": ["p5.48xlarge"], "scaling_config": [{"min_size": 0, "desired_size": 1, "max_size": 8}],
    }  # fmt: skip
    (tmp_path / "k8s").mkdir()
    (tmp_path / "k8s" / "vllm.yaml").write_text(SERVERS)
    file = write(tmp_path, plan(resource("aws_eks_node_group.h100", values)))
    found = opened(None, CATALOG, BOOK, terraform=str(file), kubernetes=(str(tmp_path / "k8s"),))
    spec = found.document.data["deployments"]["h100"]
    assert (spec["llm"], spec["gpu"], spec["tensor_parallel"], spec["max_num_seqs"]) == ("llama-3.1-8b", "h100-sxm", 1, 128)
    assert spec["replicas"] == {"min": 0, "max": 64, "initial": 3}
    assert not any("does not say which GPU" in note for note in found.remarks)
    with_api = opened("hybrid", CATALOG, BOOK, terraform=str(file), kubernetes=(str(tmp_path / "k8s"),))
    assert next(iter(with_api.document.data["deployments"])) == "h100"
    assert with_api.document.data["deployments"]["h100"]["llm"] == "llama-3.1-8b"
    assert {"spill", "reserve"} <= set(with_api.document.data["deployments"])
    stack = stack_of(with_api.document, with_api.name, assumed=with_api.assumed, remarks=with_api.remarks)
    assert resolve(stack, CATALOG, BOOK).name == "plan"


def test_manifests_alone_are_a_stack_and_take_the_place_of_a_stacks_own(tmp_path: Path) -> None:
    (tmp_path / "vllm.yaml").write_text(SERVERS)
    alone = opened(None, CATALOG, BOOK, terraform=None, kubernetes=(str(tmp_path / "vllm.yaml"),))
    assert alone.name == "vllm"
    assert alone.document.data["deployments"]["vllm"]["replicas"] == 3
    assert any("gpu h100-sxm" in note for note in alone.remarks)
    within = opened("hybrid", CATALOG, BOOK, terraform=None, kubernetes=(str(tmp_path / "vllm.yaml"),))
    assert list(within.document.data["deployments"]) == ["vllm", "spill", "reserve"]
    with pytest.raises(InputError, match="no deployment of kind gpu"):
        opened("api-first", CATALOG, BOOK, terraform=None, kubernetes=(str(tmp_path / "vllm.yaml"),))
