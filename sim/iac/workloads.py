"""The model servers of a Kubernetes object, of any kind that is read, or of a file of Helm values."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType

from sim.iac.charts import llm_d_values, production_stack, vllm_runtime
from sim.iac.kserve import inference_service, llm_inference_service
from sim.iac.pods import Workload, asks_for_gpus, leader_worker_set, pod_set, single_pod
from sim.iac.reading import Reading

_KINDS: Mapping[str, Callable[[Reading], list[Workload]]] = MappingProxyType(
    {
        "Deployment": pod_set,
        "StatefulSet": pod_set,
        "ReplicaSet": pod_set,
        "Pod": single_pod,
        "LeaderWorkerSet": leader_worker_set,
        "InferenceService": inference_service,
        "LLMInferenceService": llm_inference_service,
        "VLLMRuntime": vllm_runtime,
    }
)
"""How each kind of object is read."""

READ_KINDS = (*_KINDS, "HorizontalPodAutoscaler", "ScaledObject")
_OF_KUBERNETES = re.compile(r"([a-z.]+\.)?k8s\.io|apps|batch|autoscaling|policy|extensions|monitoring\.coreos\.com|cert-manager\.io")
"""Groups of kinds that hold no model server, where they are not named below."""
_NOT_READ: Mapping[str, str] = MappingProxyType(
    {
        "DaemonSet": "a replica on every node: how many nodes there are is not in it",
        "RayService": "models over a Ray cluster are not modelled",
        "RayCluster": "models over a Ray cluster are not modelled",
        "VariantAutoscaling": "llm-d's variant autoscaler is not simulated, and names no model server; give its Deployment too",
        "DynamoGraphDeployment": "disaggregated graphs are not modelled",
        "Kustomization": "kustomize builds the manifests; give what `kustomize build` prints",
        "HelmRelease": "Helm makes the manifests; give what `helm template` prints",
        "Application": "Argo CD makes the manifests; give what it renders",
        "LLMInferenceServiceConfig": "what it holds is merged by KServe; give the whole LLMInferenceService",
    }
)
"""Kinds that may mean model servers and are not read, and why."""


def why_not(part: Reading) -> str:
    """Why an object without model servers says nothing of a stack."""
    kind = part.at("kind").data
    held = part.at("data").data
    if kind == "ConfigMap" and isinstance(held, dict) and any("slo-ttft" in str(text)[:10_000] for text in held.values()):
        return "llm-d's service classes, levels by class and model; a stack has one: --set slo.ttft_p95=500ms --set slo.tpot_p95=24ms"
    if not kind and part.at("node_pools") and part.at("autoscaler"):
        return "the pools of another simulator, without a model"
    if str(kind) not in _NOT_READ and asks_for_gpus(part):
        return "asks for GPUs and runs no engine that is known (vllm, sglang, trtllm); what it costs is not in the results"
    group, slash, _ = str(part.at("apiVersion").data or "").partition("/")
    if str(kind) not in _NOT_READ and slash and not _OF_KUBERNETES.fullmatch(group):
        return "a kind that is not read; if it makes model servers, give the Deployments that it makes"
    return _NOT_READ.get(str(kind), "no model server, no autoscaler")


def read_workloads(part: Reading) -> list[Workload]:
    """The model servers of one object (or of one file of Helm values); none where it holds none. InputError where it cannot be meant."""
    kind = part.text("kind")
    part.take("apiVersion")
    if kind in _KINDS:
        return _KINDS[kind](part)
    if not kind and part.at("servingEngineSpec"):
        return production_stack(part)
    if not kind and part.at("modelArtifacts"):
        return llm_d_values(part)
    return []
