"""What is written for other tools: names, labels and quotes that Kubernetes and Terraform take, the words of each engine and autoscaler."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from sim.catalog.catalog import Catalog
from sim.catalog.yaml_document import Document, parse_documents
from sim.errors import InputError
from sim.iac.emit import KINDS, emit
from sim.iac.tfvars import groups_of_tfvars, with_groups
from sim.iac.written import write_texts
from sim.iac.yaml_text import yaml_text
from sim.stack.read import StackFile, stack_of

CATALOG = Catalog.bundled()
DNS_LABEL = re.compile(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?")
LABEL_VALUE = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")
LABEL_KEY = re.compile(r"([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")


def stack(name: str = "own", **keys: Any) -> StackFile:
    pool = {"kind": "gpu", "llm": "llama-3.1-8b", "gpu": "h100-sxm", **keys}
    return stack_of(Document("made", {"deployments": {name: pool}}, {}, {}), "made")


def objects(file: StackFile) -> dict[str, dict[str, Any]]:
    """The objects of a stack by kind, as any other reader of YAML has them."""
    texts = emit("kubernetes", file, CATALOG, name="made").values()
    return {found["kind"]: found for text in texts for found in yaml.safe_load_all(text)}


def container(file: StackFile) -> dict[str, Any]:
    (found,) = objects(file)["Deployment"]["spec"]["template"]["spec"]["containers"]
    return dict(found)


def labels_in(data: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(data, dict):
        for key, value in data.items():
            if key in ("labels", "matchLabels", "nodeSelector", "selector") and all(isinstance(each, str) for each in value.values()):
                yield from value.items()
            yield from labels_in(value)
    elif isinstance(data, list):
        for each in data:
            yield from labels_in(each)


@pytest.mark.parametrize("name", ["own", "8b", "a_b", "x" * 64, "9" * 64, "a--b", "a_" * 31 + "b"])
def test_names_and_labels_that_kubernetes_takes(name: str) -> None:
    found = objects(stack(name, purchase="spot", provider="aws", replicas={"min": 1, "max": 2}, autoscaler={"law": "hpa"}))
    assert set(found) == {"Deployment", "Service", "HorizontalPodAutoscaler", "ConfigMap"}
    for each in found.values():
        assert DNS_LABEL.fullmatch(each["metadata"]["name"])
    pod = found["Deployment"]["spec"]
    assert pod["selector"]["matchLabels"] == pod["template"]["metadata"]["labels"] == found["Service"]["spec"]["selector"]
    assert found["HorizontalPodAutoscaler"]["spec"]["scaleTargetRef"]["name"] == found["Deployment"]["metadata"]["name"]
    for key, value in labels_in(list(found.values())):
        assert LABEL_KEY.fullmatch(key) and LABEL_VALUE.fullmatch(value), (key, value)


def test_names_that_become_one_stay_two() -> None:
    pools = {name: {"kind": "gpu", "llm": "llama-3.1-8b", "gpu": "h100-sxm"} for name in ("a_b", "a-b", "x" * 60, "x" * 61)}
    file = stack_of(Document("made", {"deployments": pools, "routing": [{"to": [*pools]}]}, {}, {}), "made")
    files = emit("kubernetes", file, CATALOG, name="made")
    names = [next(yaml.safe_load_all(text))["metadata"]["name"] for name, text in files.items() if name.startswith("deployment-")]
    assert len(set(names)) == 4


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({}, ["--model", "meta-llama/Llama-3.1-8B-Instruct", "--tensor-parallel-size", "1"]),
        ({"max_num_seqs": 40, "max_num_batched_tokens": "8k", "max_model_len": 4096}, ["--max-num-seqs", "40", "--max-num-batched-tokens", "8000", "--max-model-len", "4096"]),
        ({"gpu_memory_utilization": "90%", "block_size": 32}, ["--gpu-memory-utilization", "0.9", "--block-size", "32"]),
        ({"precision": "fp8", "kv_precision": "fp8", "prefix_caching": "on"}, ["--quantization", "fp8", "--kv-cache-dtype", "fp8", "--enable-prefix-caching"]),
        ({"engine": "sglang", "max_num_seqs": 8, "prefix_caching": "off"}, ["--model-path", "--tp-size", "1", "--max-running-requests", "8", "--disable-radix-cache"]),
        ({"engine": "trtllm", "tensor_parallel": 2, "max_num_seqs": 8}, ["meta-llama/Llama-3.1-8B-Instruct", "--tp_size", "2", "--max_batch_size", "8"]),
        ({"llm": "gpt-oss-120b", "precision": "fp4"}, ["--model", "openai/gpt-oss-120b"]),
    ],
)  # fmt: skip
def test_the_words_of_each_engine(keys: dict[str, Any], words: list[str]) -> None:
    args = container(stack(**keys))["args"]
    assert all(isinstance(word, str) for word in args)
    left = iter(args)
    assert all(word in left for word in words), "each of them, in this order"
    assert ("--quantization" in args) == ("--quantization" in words)


def test_gpus_and_labels_of_both_makers() -> None:
    nvidia, amd = stack(tensor_parallel=4), stack(gpu="mi300x")
    assert container(nvidia)["resources"] == {"limits": {"nvidia.com/gpu": 4}}
    assert container(amd)["resources"] == {"limits": {"amd.com/gpu": 1}}
    assert objects(amd)["Deployment"]["spec"]["template"]["spec"]["nodeSelector"] == {"amd.com/gpu.product-name": "AMD_Instinct_MI300X_OAM"}
    spot = objects(stack(purchase="spot", provider="gcp"))["Deployment"]["spec"]["template"]["spec"]
    assert spot["nodeSelector"]["cloud.google.com/gke-spot"] == "true"
    assert {"key": "cloud.google.com/gke-spot", "operator": "Equal", "value": "true", "effect": "NoSchedule"} in spot["tolerations"]


def test_what_has_to_be_seen_to_is_said() -> None:
    text = emit("kubernetes", stack(precision="int4"), CATALOG, name="x")["deployment-own.yaml"]
    assert "# To be seen to: the model: a checkpoint in int4 is needed in the place of this one, which is in bf16\n" in text
    law = {"law": "target_tracking", "target": 5}
    text = emit("kubernetes", stack(replicas={"min": 1, "max": 2}, autoscaler=law), CATALOG, name="x")["deployment-own.yaml"]
    assert "Kubernetes has no word for this target_tracking" in text and "Scale" not in text


def test_an_hpa_and_a_scaled_object() -> None:
    bounds = {"min": 1, "max": 6, "initial": 2}
    hpa = objects(stack(replicas=bounds, autoscaler={"law": "hpa", "metric": "kv", "target": 0.8, "up_percent": 0}))[
        "HorizontalPodAutoscaler"
    ]["spec"]
    assert (hpa["minReplicas"], hpa["maxReplicas"]) == (1, 6)
    assert hpa["metrics"] == [
        {"type": "Pods", "pods": {"metric": {"name": "vllm_kv_cache_usage"}, "target": {"type": "AverageValue", "averageValue": "0.8"}}}
    ]
    assert hpa["behavior"]["scaleUp"] == {"stabilizationWindowSeconds": 0, "policies": [{"type": "Pods", "value": 4, "periodSeconds": 15}]}
    busy = objects(stack(replicas=bounds, autoscaler={"law": "hpa", "metric": "busy", "target": 0.57}))["HorizontalPodAutoscaler"]["spec"]
    assert busy["metrics"][0]["pods"]["target"]["averageValue"] == "57", "and not 56.99999999999999"
    keda = objects(stack(replicas=bounds, autoscaler={"law": "keda", "metric": "waiting", "target": 3, "cooldown": "10 min"}))[
        "ScaledObject"
    ]["spec"]
    assert (keda["minReplicaCount"], keda["maxReplicaCount"], keda["pollingInterval"], keda["cooldownPeriod"]) == (1, 6, 30, 600)
    (trigger,) = keda["triggers"]
    assert trigger["metadata"]["query"] == 'sum(vllm:num_requests_waiting{pod=~"own-[a-z0-9]+-[a-z0-9]+"})'
    assert trigger["metadata"]["threshold"] == "3"
    steps = [{"at": "8h", "replicas": 4}, {"at": "20h", "replicas": 1}]
    cron = objects(stack(replicas=bounds, autoscaler={"law": "schedule", "steps": steps}))["ScaledObject"]["spec"]["triggers"]
    assert cron == [{"type": "cron", "metadata": {"timezone": "UTC", "start": "0 8 * * *", "end": "0 20 * * *", "desiredReplicas": "4"}}]


@pytest.mark.parametrize(
    "text",
    [
        "a: b # c",
        "${path.root}",
        "%{ if x }",
        "\"'\\",
        "x\n---\nkind: Secret",
        "\x1b[31m",
        "1e3",
        "on",
        "012",
        " - x",
        "",
        "é {{ .x }}",
        "a\r\nb",
        "=",
        "<<",
    ],
)
def test_a_hostile_text_stays_a_text(text: str) -> None:
    assert parse_documents(yaml_text({"a": text, "b": [text]}), "x")[0].data == {"a": text, "b": [text]}
    assert yaml.safe_load(yaml_text({"a": text})) == {"a": text}
    data = {"description": text, "deployments": {"own": {"kind": "gpu", "llm": "llama-3.1-8b", "gpu": "h100-sxm", "region": text or "x"}}}
    file = stack_of(Document("made", data, {}, {}), "made")
    for kind in KINDS:
        for name, written in emit(kind, file, CATALOG, name=text).items():
            assert all(line.isprintable() for line in written.split("\n")), name
            if name.endswith(".yaml"):
                kinds = [each.get("kind") for each in yaml.safe_load_all(written)]
                assert "Secret" not in kinds
            elif name.endswith(".json"):
                assert json.loads(written)["sim_gpu_groups"]["own"]["region"] == (text or "x")
            else:
                assert written.startswith("# The machines of stack") and written.split("\n")[1] == 'variable "sim_gpu_groups" {'


LIMITS: dict[str, Any] = {
    "tensor_parallel": 2, "max_num_seqs": 9, "max_num_batched_tokens": 2048, "max_model_len": 4096, "gpu_memory_utilization": 0.9, "block_size": 32,
    "precision": "fp8", "kv_precision": "fp8",
}  # fmt: skip


@pytest.mark.parametrize("engine", ["vllm", "sglang"])
@pytest.mark.parametrize("metric", ["waiting", "concurrency", "kv", "busy", "rps"])
@pytest.mark.parametrize("law", ["hpa", "keda"])
def test_what_kubernetes_has_a_word_for_is_not_said_twice(law: str, metric: str, engine: str) -> None:
    scaler = {"law": law, "metric": metric, "target": 0.8, "up_pods": 2, "up_percent": 0, "down_stabilization": "10 min", "down_period": 30}
    timing = {"scrape": 20, "cooldown": 60, "activation": 0.5} if law == "keda" else {}
    file = stack(**LIMITS, engine=engine, replicas={"min": 1, "max": 4, "initial": 2}, autoscaler=scaler | timing)
    (rest,) = parse_documents(objects(file)["ConfigMap"]["data"]["stack.yaml"], "x")
    assert rest.data == {"deployments": {"own": {}}}


def groups(tmp_path: Path, file: StackFile, **changes: Any) -> Path:
    """The variables of a stack, with changes to its one group."""
    path = tmp_path / "sim.auto.tfvars.json"
    data = json.loads(emit("terraform", file, CATALOG, name="x")["sim.auto.tfvars.json"])
    data["sim_gpu_groups"]["own"] |= changes
    path.write_text(json.dumps(data, indent=1))
    return path


SPOT: dict[str, Any] = {
    "tensor_parallel": 2,
    "provider": "aws",
    "purchase": "spot",
    "region": "us-west-2",
    "replicas": {"min": 2, "max": 9},
    "autoscaler": {"law": "hpa"},
}


def test_machines_of_a_deployment_and_back(tmp_path: Path) -> None:
    file = stack(**SPOT)
    path = groups(tmp_path, file)
    (group,) = groups_of_tfvars(path, CATALOG).groups
    assert (group.machine, group.gpu, group.gpus_per_machine, group.purchase, group.region) == (
        "p5.48xlarge",
        "h100-sxm",
        8,
        "spot",
        "us-west-2",
    )
    assert (group.min, group.desired, group.max) == (1, 1, 3)  # four replicas to a machine
    document, notes = with_groups(file.document, path, "x", CATALOG)
    assert stack_of(document, "x").stack == file.stack and notes == ()


def test_what_is_changed_in_variables_goes_before_the_stack(tmp_path: Path) -> None:
    file = stack(**SPOT)
    document, notes = with_groups(
        file.document, groups(tmp_path, file, max=1, min=1, purchase="on_demand", region="us-east-1"), "v.json", CATALOG
    )
    spec = document.data["deployments"]["own"]
    assert (spec["replicas"], spec["purchase"], spec["region"]) == (4, "on_demand", "us-east-1") and "autoscaler" not in spec
    assert notes == ("own: region, purchase, replicas, autoscaler: as v.json says, not the stack",)
    other = groups(tmp_path, file, machine="p5en.48xlarge", gpu="h200-sxm")
    document, _ = with_groups(file.document, other, "v.json", CATALOG)
    assert document.data["deployments"]["own"]["gpu"] == "h200-sxm"


@pytest.mark.parametrize(("machine", "gpu", "gpus"), [("p5.4xlarge", "h100-sxm", 1), ("p4d.24xlarge", "a100-40gb", 8)])
def test_replicas_follow_what_as_many_other_machines_hold(tmp_path: Path, machine: str, gpu: str, gpus: int) -> None:
    """One and two machines of eight GPUs for eight to sixteen replicas of one GPU: on others run as many as these hold."""
    file = stack(**SPOT | {"tensor_parallel": 1, "replicas": {"min": 8, "max": 16}})
    path = groups(tmp_path, file, machine=machine, gpu=gpu, gpus_per_machine=gpus)
    document, _ = with_groups(file.document, path, "v.json", CATALOG)
    replicas = stack_of(document, "x").stack.deployments["own"].replicas  # type: ignore[union-attr]
    assert (replicas.min, replicas.max) == (1 * gpus, 2 * gpus)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"min": 4}, "found min 4, desired 1, max 3"),
        ({"max": 10**9}, "max"),
        ({"machine": "p5.47xlarge"}, "unknown machine 'p5.47xlarge'; did you mean 'p5.4"),
        ({"machine": "m5.large"}, "found 'm5.large', which has no GPU"),
        ({"gpus_per_machine": 4}, "a p5.48xlarge has 8 x h100-sxm; found gpu h100-sxm, gpus_per_machine 4"),
        ({"mxa": 3}, "mxa"),
        ({"purchase": "stolen"}, "purchase"),
    ],
)
def test_variables_that_are_wrong(tmp_path: Path, changes: dict[str, Any], told: str) -> None:
    file = stack(**SPOT)
    with pytest.raises(InputError) as error:
        with_groups(file.document, groups(tmp_path, file, **changes), "v.json", CATALOG)
    assert told in str(error.value) and str(error.value).startswith("v.json:")


def test_variables_of_something_else(tmp_path: Path) -> None:
    path = tmp_path / "x.tfvars.json"
    path.write_text('{"region": "eu", "password": "hunter2"}')
    with pytest.raises(InputError, match="without sim_gpu_groups \\(found region, password\\)") as error:
        groups_of_tfvars(path, CATALOG)
    assert "hunter2" not in str(error.value)


def test_written_whole_and_only_over_files_that_may_be_replaced(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    write_texts("kubernetes", folder, {"configmap.yaml": "1", "deployment-x.yaml": "sim-deployment: x"}, force=False)
    assert {path.name for path in folder.iterdir()} == {"configmap.yaml", "deployment-x.yaml"}
    with pytest.raises(InputError, match="already there; --force replaces it"):
        write_texts("kubernetes", folder, {"deployment-y.yaml": "2"}, force=False)
    (folder / "deployment-mine.yaml").write_text("kind: Deployment")
    write_texts("kubernetes", folder, {"configmap.yaml": "2", "deployment-y.yaml": "sim-deployment: y"}, force=True)
    # What is not ours stays.
    assert {path.name for path in folder.iterdir()} == {"configmap.yaml", "deployment-y.yaml", "deployment-mine.yaml"}
    assert (folder / "configmap.yaml").read_text() == "2"
