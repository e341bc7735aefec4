"""Kinds of Kubernetes objects one by one: groups of pods, KServe, charts, labels of nodes, environments."""

from __future__ import annotations

from typing import Any

import pytest

from tests.made.manifests import H100, box, group, hpa, imported, only, pods_metric, refusal, server


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet", "ReplicaSet"])
def test_sets_of_pods(kind: str) -> None:
    assert only(server(kind=kind))["replicas"] == 2


def test_a_pod_and_a_set_without_a_count_are_one_replica() -> None:
    pod = {"kind": "Pod", "metadata": {"name": "own"}, "spec": {"nodeSelector": H100, "containers": [box()]}}
    assert only(pod)["replicas"] == 1
    found = server()
    del found["spec"]["replicas"]
    assert only(found)["replicas"] == 1


def test_a_group_of_pods_shares_one_model() -> None:
    tensor = box("--tensor-parallel-size", "16", gpus=8)
    found = imported(group(2, tensor, box(gpus=8)))
    (deployment,) = found.stack["deployments"].values()
    assert (deployment["tensor_parallel"], deployment["replicas"]) == (16, 2)
    assert any("2 pods a replica" in note and "too fast" in note for note in found.assumed)
    assert only(group(1, None, box("-tp", "4", gpus=4)))["tensor_parallel"] == 4
    assert "asks for 16 GPUs, but tensor parallel is 8" in refusal(group(2, box("-tp", "8", gpus=8), box(gpus=8)))
    assert "the leader asks for 8 GPUs, the workers for [4]" in refusal(group(2, tensor, box(gpus=4)))
    assert "pipeline parallelism is not modelled" in refusal(group(2, box("-tp=8", "--pipeline-parallel-size=2", gpus=8), box(gpus=8)))


def test_containers_with_gpus() -> None:
    assert "2 containers with GPUs in one pod" in refusal(server(box(), {**box(), "name": "other"}))
    assert "no model server" in refusal(server({**box(), "resources": {"limits": {"nvidia.com/gpu": 0}}}))
    assert "slices of a GPU" in refusal(server({**box(), "resources": {"limits": {"nvidia.com/gpu.shared": 1}}}))


@pytest.mark.parametrize(
    ("labels", "wanted"),
    [
        ({"node.kubernetes.io/instance-type": "p5.48xlarge"}, {"gpu": "h100-sxm", "provider": "aws"}),
        ({"node.kubernetes.io/instance-type": "a2-highgpu-1g"}, {"gpu": "a100-40gb", "provider": "gcp"}),
        ({"node.kubernetes.io/instance-type": "Standard_ND96isr_H100_v5"}, {"gpu": "h100-sxm", "provider": "azure"}),
        ({"karpenter.k8s.aws/instance-family": "g6e"}, {"gpu": "l40s", "provider": "aws"}),
        ({"karpenter.k8s.aws/instance-gpu-name": "h100", "karpenter.sh/capacity-type": "spot"}, {"gpu": "h100-sxm", "provider": "aws", "purchase": "spot"}),
        ({"cloud.google.com/gke-accelerator": "nvidia-h100-80gb", "cloud.google.com/gke-spot": "true"}, {"gpu": "h100-sxm", "provider": "gcp", "purchase": "spot"}),
        ({"cloud.google.com/gke-accelerator": "nvidia-tesla-a100"}, {"gpu": "a100-40gb", "provider": "gcp"}),
        ({"cloud.google.com/gke-accelerator": "nvidia-h100-mega-80gb"}, {"gpu": "h100-sxm", "provider": "gcp"}),
        ({"eks.amazonaws.com/nodegroup": "prod-h100-pool", "eks.amazonaws.com/capacityType": "ON_DEMAND"}, {"gpu": "h100-sxm", "provider": "aws"}),
        ({"nvidia.com/gpu.product": "NVIDIA-A100-SXM4-80GB"}, {"gpu": "a100-80gb"}),
        ({"amd.com/gpu.product-name": "AMD_Instinct_MI300X_OAM"}, {"gpu": "mi300x"}),
    ],
)  # fmt: skip
def test_the_labels_of_nodes(labels: dict[str, str], wanted: dict[str, str]) -> None:
    found = only(server(nodeSelector=labels))
    assert {key: found.get(key) for key in wanted} == wanted


@pytest.mark.parametrize(
    ("machine", "told"),
    [("p5.48xlarg", "did you mean 'p5.48xlarge'?"), ("trn1.32xlarge", "machine 'trn1.32xlarge' has ")],
)
def test_an_instance_type_that_is_none_is_told(machine: str, told: str) -> None:
    labels = {"node.kubernetes.io/instance-type": machine}
    assert told in refusal(server(nodeSelector=labels)) and f"node label node.kubernetes.io/instance-type={machine}" in refusal(
        server(nodeSelector=labels)
    )
    assert only(server(nodeSelector={**labels, **H100}))["gpu"] == "h100-sxm", "another label says the GPU"


def test_a_machine_of_ones_own_is_no_typo() -> None:
    found = imported(server(nodeSelector={"node.kubernetes.io/instance-type": "k3s"}))
    assert any("no machine is known by its node label node.kubernetes.io/instance-type=k3s" in note for note in found.assumed)


def test_what_can_never_matter_is_one_note() -> None:
    pod = server({**box(), "resources": {"limits": {"nvidia.com/gpu": 1, "cpu": 8}}, "ports": [{"containerPort": 8000}]})
    pod["spec"] |= {"selector": {"matchLabels": {"app": "own"}}, "minReadySeconds": 30}
    pod["spec"]["template"]["metadata"] = {"labels": {"app": "own"}}
    found = imported(pod, {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "front"}})
    (note,) = (each for each in found.ignored if each.startswith("changes neither cost nor service: "))
    assert note.removeprefix("changes neither cost nor service: ").split(", ") == [
        "Service front", "selector", "template.metadata", "ports", "resources.limits.cpu",
    ]  # fmt: skip
    assert any("minReadySeconds" in each for each in found.ignored), "what may matter has its own note"
    assert not any("selector" in each for each in found.ignored if each != note)


def test_affinity_is_a_selector_too() -> None:
    rules = [{"key": "node.kubernetes.io/instance-type", "operator": "In", "values": ["p4d.24xlarge", "p5.48xlarge"]}]
    needed = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [{"matchExpressions": rules}]}}
    found = imported(server(nodeSelector={}, affinity={"nodeAffinity": needed}))
    assert found.stack["deployments"]["own"]["gpu"] == "a100-40gb"
    assert any("any of a100-40gb, h100-sxm" in note for note in found.assumed)
    assert found.labels["own"] == {"node.kubernetes.io/instance-type": ("p4d.24xlarge", "p5.48xlarge")}


def test_spot_machines_of_somebody() -> None:
    found = imported(server(nodeSelector={**H100, "karpenter.sh/capacity-type": "spot"}))
    spec = found.stack["deployments"]["own"]
    assert (spec["provider"], spec["purchase"]) == ("aws", "spot") and any("provider aws" in note for note in found.assumed)
    none = imported(server(nodeSelector={**H100, "kubernetes.azure.com/scalesetpriority": "spot"}))
    assert any("no spot price of h100-sxm at azure is known" in note for note in none.assumed)


def test_labels_that_say_nothing_are_listed() -> None:
    found = imported(server(nodeSelector={**H100, "disk": "ssd"}))
    assert "own: node label disk=ssd" in found.ignored


@pytest.mark.parametrize(
    ("more", "keys"),
    [
        ({"command": ["bash", "-lc", "exec vllm serve Qwen/Qwen3-8B --max-num-seqs 7"], "args": []}, {"max_num_seqs": 7}),
        ({"env": [{"name": "VLLM_ADDITIONAL_ARGS", "value": "--max-model-len 4k --block-size=32"}]}, {"max_model_len": 4000, "block_size": 32}),
        ({"args": ["--model", "$(MODEL)", "--max-num-seqs", "${SEQS}"], "env": [{"name": "MODEL", "value": "Qwen/Qwen3-8B"}, {"name": "SEQS", "value": 9}]}, {"max_num_seqs": 9}),
        ({"command": ["trtllm-serve"], "args": ["Qwen/Qwen3-8B", "--max_batch_size", "5"]}, {"max_num_seqs": 5, "engine": "trtllm"}),
        ({"command": ["python3", "-m", "sglang.launch_server"], "args": ["--model-path", "Qwen/Qwen3-8B", "--context-length=2048"]}, {"max_model_len": 2048, "engine": "sglang"}),
    ],
)  # fmt: skip
def test_arguments_from_everywhere(more: dict[str, Any], keys: dict[str, Any]) -> None:
    found = only(server({**box(), **more}))
    assert {key: found[key] for key in keys} == keys and found["llm"] == "qwen3-8b"


def test_arguments_in_the_environment_that_are_not_modelled_are_refused() -> None:
    config = [{"name": "VLLM_ADDITIONAL_ARGS", "value": '--kv_transfer_config \'{"kv_role":"kv_consumer"}\''}]
    assert "disaggregation is not modelled" in refusal(server(box(env=config)))
    held = [{"name": "MODEL", "valueFrom": {"configMapKeyRef": {"name": "m", "key": "m"}}}]
    assert "what this variable holds is not in the manifest" in refusal(server({**box(env=held), "args": ["--model", "$(MODEL)"]}))
    assert refusal(server({**box(), "args": ["vllm serve x --api-key 'hunter2"]})).endswith(
        "Deployment own: a command with quotes that do not close"
    )
    assert "speculative decoding is not modelled" in refusal(server(box("--speculative-num-steps", "3")))


def test_a_model_in_a_folder_by_its_name() -> None:
    found = imported(server({**box(), "args": ["--model", "/mnt/models/Llama-3.1-8B-Instruct-FP8"]}))
    spec = found.stack["deployments"]["own"]
    assert (spec["llm"], spec["precision"]) == ("llama-3.1-8b", "fp8")
    assert "own: llm llama-3.1-8b: from the name '/mnt/models/Llama-3.1-8B-Instruct-FP8' alone" in found.assumed
    assert only(server({**box(), "args": ["--model=/mnt/x", "--served-model-name=Qwen/Qwen3-8B"]}))["llm"] == "qwen3-8b"
    assert "which model it serves could not be read" in refusal(server({**box(), "args": ["--model", "/mnt/x"]}))


def test_what_else_runs_on_gpus_is_left_out() -> None:
    other = server({"name": "train", "image": "pytorch", "command": ["torchrun"], "resources": {"limits": {"nvidia.com/gpu": 8}}})
    other["metadata"] = {"name": "train"}
    found = imported(server(), other)
    assert list(found.stack["deployments"]) == ["own"]
    assert any(note.startswith("Deployment train: asks for GPUs and runs no engine that is known") for note in found.ignored)


@pytest.mark.parametrize(
    ("version", "kind", "told"),
    [
        ("v1", "ConfigMap", "no model server, no autoscaler"),
        ("gateway.networking.k8s.io/v1", "HTTPRoute", "no model server, no autoscaler"),
        ("kaito.sh/v1beta1", "Workspace", "a kind that is not read"),
        ("workloads.x-k8s.io/v1alpha1", "RoleBasedGroup", "a kind that is not read"),
    ],
)
def test_other_kinds_are_listed(version: str, kind: str, told: str) -> None:
    found = imported(server(), {"apiVersion": version, "kind": kind, "metadata": {"name": "x"}})
    assert any(note.startswith(f"{kind} x: {told}") for note in found.ignored)


def test_secrets_are_never_shown() -> None:
    secret = [{"name": "HF_TOKEN", "value": "hunter2"}, {"name": "AWS_SECRET", "value": "hunter2"}]
    found = imported(server(box("--api-key", "hunter2", "--hf-token=hunter2", "--cache", "redis://:hunter2@host", env=secret)))
    assert "hunter2" not in repr(found) and "own: argument ignored: --api-key" in found.ignored


@pytest.mark.parametrize("word", ["$(OPENAI_API_KEY)", "${OPENAI_API_KEY}", "--extra=$OPENAI_API_KEY"])
def test_a_secret_that_arguments_name_by_its_variable_is_not_shown(word: str) -> None:
    variables = [{"name": "OPENAI_API_KEY", "value": "hunter2"}, {"name": "SEQS", "value": "64"}]
    found = imported(server(box("--extra", word, "--max-num-seqs", "$(SEQS)", env=variables)))
    assert "hunter2" not in repr(found)
    assert found.stack["deployments"]["own"]["max_num_seqs"] == 64


def service(annotations: dict[str, str], **predictor: Any) -> dict[str, Any]:
    model = {"modelFormat": {"name": "huggingface"}, "storageUri": "hf://Qwen/Qwen3-8B", "resources": {"limits": {"nvidia.com/gpu": 1}}}
    return {
        "apiVersion": "serving.kserve.io/v1beta1", "kind": "InferenceService", "metadata": {"name": "own", "annotations": annotations},
        "spec": {"predictor": {"model": model, "nodeSelector": H100, **predictor}},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("annotations", "predictor", "wanted"),
    [
        ({}, {"minReplicas": 2}, {"replicas": 2}),
        ({"autoscaling.knative.dev/target": "7", "autoscaling.knative.dev/window": "2m"}, {"minReplicas": 0, "maxReplicas": 3}, {"autoscaler": {"law": "knative", "target": 7, "average": 120.0}}),
        ({}, {"minReplicas": 1, "maxReplicas": 3, "scaleMetric": "rps", "scaleTarget": 4}, {"autoscaler": {"law": "knative", "metric": "rps", "target": 4}}),
        ({"serving.kserve.io/autoscalerClass": "hpa"}, {"minReplicas": 2, "maxReplicas": 3, "scaleMetric": "cpu", "scaleTarget": 80}, {"replicas": 2}),
        ({"serving.kserve.io/autoscalerClass": "keda"}, {"minReplicas": 1, "maxReplicas": 3, "autoScaling": {"metrics": [{"type": "External", "external": {
            "metric": {"backend": "prometheus", "query": "vllm:num_requests_waiting"}, "target": {"type": "Value", "value": "2"}}}]}},
            {"autoscaler": {"law": "keda", "metric": "waiting", "target": 2}}),
        ({"serving.kserve.io/autoscalerClass": "external"}, {"minReplicas": 2, "maxReplicas": 3}, {"replicas": 2}),
    ],
)  # fmt: skip
def test_classes_of_autoscalers_of_kserve(annotations: dict[str, str], predictor: dict[str, Any], wanted: dict[str, Any]) -> None:
    found = only(service(annotations, **predictor))
    assert {key: found[key] for key in wanted} == wanted


def test_an_llm_inference_service_of_several_pods() -> None:
    spec = {
        "model": {"uri": "hf://Qwen/Qwen3-8B"}, "replicas": 2, "parallelism": {"tensor": 8},
        "template": {"nodeSelector": H100, "containers": [{**box(gpus=4), "args": []}]}, "worker": {"containers": [{**box(gpus=4), "args": []}]},
        "scaling": {"minReplicas": 1, "maxReplicas": 4, "wva": {"hpa": {}}},
    }  # fmt: skip
    found = imported({"kind": "LLMInferenceService", "metadata": {"name": "own"}, "spec": spec})
    assert (found.stack["deployments"]["own"]["tensor_parallel"], found.stack["deployments"]["own"]["replicas"]) == (8, 2)
    assert any("variant autoscaler is not simulated" in note for note in found.ignored)
    spec["parallelism"] = {"data": 2}
    assert "parallelism.data 2 is not modelled" in refusal({"kind": "LLMInferenceService", "metadata": {"name": "own"}, "spec": spec})


def values(**spec: Any) -> dict[str, Any]:
    model = {"name": "own", "repository": "vllm/vllm-openai", "modelURL": "Qwen/Qwen3-8B", "replicaCount": 1, "requestGPU": 1, **spec}
    return {"servingEngineSpec": {"modelSpec": [model]}}


def test_autoscalers_of_the_production_stack() -> None:
    default = only(values(keda={"enabled": True, "minReplicaCount": 1, "maxReplicaCount": 3, "pollingInterval": 15}))
    assert default["autoscaler"] == {"law": "keda", "metric": "waiting", "target": 5, "scrape": 15} and default["replicas"]["max"] == 3
    scaled = only(values(hpa={"enabled": True, "minReplicas": 1, "maxReplicas": 3, "metrics": [pods_metric("num_requests_running", "8")]}))
    assert scaled["autoscaler"] == {"law": "hpa", "metric": "concurrency", "target": 8}
    assert only(values(keda={"enabled": False}))["replicas"] == 1
    assert only(values(requestGPUType="H200"))["gpu"] == "h200-sxm"
    assert "slices of a GPU" in refusal(values(requestGPUType="nvidia.com/mig-1g.10gb"))
    assert "pipeline parallel" in refusal(values(raySpec={"enabled": True}))


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("DaemonSet", "how many nodes there are"),
        ("Kustomization", "`kustomize build`"),
        ("HelmRelease", "`helm template`"),
        ("RayService", "Ray cluster"),
        ("VariantAutoscaling", "variant autoscaler"),
    ],
)
def test_kinds_that_are_not_read(kind: str, told: str) -> None:
    assert told in refusal({"kind": kind, "metadata": {"name": "x"}})


REST = """\
deployments:
  own: {max_num_seqs: 3, replicas: {max: 9}, client: none}
  api: {kind: api, model: gpt-6-luna}
routing: [{to: [own, api]}]
slo: {ttft_p95: 1s}
"""


def rest(text: str = REST) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "sim-stack"}, "data": {"stack.yaml": text}}


def test_what_kubernetes_has_no_word_for() -> None:
    found = imported(rest(), server(box("--max-num-seqs", "5")), hpa(pods_metric("num_requests_waiting", "9")))
    own = found.stack["deployments"]["own"]
    assert (own["max_num_seqs"], own["replicas"], own["client"]) == (3, {"min": 1, "max": 9, "initial": 2}, "none")
    assert list(found.stack) == ["deployments", "routing", "slo"] and list(found.stack["deployments"]) == ["own", "api"]
    assert "own: max_num_seqs: as the ConfigMap sim-stack says, not the manifest" in found.assumed


@pytest.mark.parametrize(
    ("objects", "told"),
    [
        ((rest(),), "names own, whose manifests are not among the files"),
        ((rest("a: ["), server()), "not valid YAML"),
        ((rest("- a"), server()), "keys and values of a stack are needed"),
        ((rest("deployments: [own]"), server()), "keys and values of a stack are needed"),
        (({**rest(), "data": {}}, server()), "no text under data.stack.yaml"),
        ((rest(), {**rest(), "metadata": {"name": "sim-stack", "namespace": "b"}}, server()), "given twice; one stack has one"),
    ],
)  # fmt: skip
def test_a_rest_that_is_none(objects: tuple[dict[str, Any], ...], told: str) -> None:
    assert told in refusal(*objects)
