"""Kubernetes objects as plain data, made to be changed, and what becomes of them."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from sim.catalog.catalog import Catalog
from sim.catalog.yaml_document import parse_documents
from sim.errors import InputError
from sim.iac.kubernetes import Imported, stack_from_kubernetes

CATALOG = Catalog.bundled()
H100 = {"nvidia.com/gpu.product": "NVIDIA-H100-80GB-HBM3"}


def imported(*objects: dict[str, Any], **options: Any) -> Imported:
    """The stack of some objects."""
    return stack_from_kubernetes(parse_documents(yaml.safe_dump_all(objects), "x.yaml"), CATALOG, **options)


def only(*objects: dict[str, Any]) -> dict[str, Any]:
    """The one deployment of some objects."""
    (deployment,) = imported(*objects).stack["deployments"].values()
    return dict(deployment)


def refusal(*objects: dict[str, Any]) -> str:
    """Why objects are refused."""
    with pytest.raises(InputError) as error:
        imported(*objects)
    return str(error.value)


def box(*args: str, gpus: int = 1, **more: Any) -> dict[str, Any]:
    """A container of vLLM."""
    words = ["--model", "Qwen/Qwen3-8B", *args]
    return {"name": "vllm", "image": "vllm/vllm-openai:latest", "args": words, "resources": {"limits": {"nvidia.com/gpu": gpus}}, **more}


def server(*boxes: dict[str, Any], kind: str = "Deployment", replicas: Any = 2, **pod: Any) -> dict[str, Any]:
    """A Deployment, or another set of pods."""
    spec = {"nodeSelector": H100, "containers": list(boxes or (box(),)), **pod}
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": "own"}, "spec": {"replicas": replicas, "template": {"spec": spec}}}


def group(size: int, leader: dict[str, Any] | None, worker: dict[str, Any], replicas: int = 2) -> dict[str, Any]:
    """A LeaderWorkerSet of pods of these containers."""
    pods = {"size": size, "workerTemplate": {"spec": {"nodeSelector": H100, "containers": [worker]}}}
    if leader is not None:
        pods["leaderTemplate"] = {"spec": {"nodeSelector": H100, "containers": [leader]}}
    return {
        "apiVersion": "leaderworkerset.x-k8s.io/v1", "kind": "LeaderWorkerSet", "metadata": {"name": "own"},
        "spec": {"replicas": replicas, "leaderWorkerTemplate": pods},
    }  # fmt: skip


def hpa(*metrics: dict[str, Any], **spec: Any) -> dict[str, Any]:
    """A HorizontalPodAutoscaler of the server."""
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "own"}
    return {
        "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "own"},
        "spec": {"scaleTargetRef": target, "minReplicas": 1, "maxReplicas": 5, "metrics": list(metrics), **spec},
    }  # fmt: skip


def keda(*triggers: dict[str, Any], **spec: Any) -> dict[str, Any]:
    """A ScaledObject of the server."""
    return {
        "apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject", "metadata": {"name": "own"},
        "spec": {"scaleTargetRef": {"name": "own"}, "triggers": list(triggers), **spec},
    }  # fmt: skip


def pods_metric(name: str, value: str, kind: str = "AverageValue") -> dict[str, Any]:
    """A metric of pods of an HPA."""
    key = "averageValue" if kind == "AverageValue" else "value"
    return {"type": "Pods", "pods": {"metric": {"name": name}, "target": {"type": kind, key: value}}}


def cron(start: str, end: str, count: int, zone: str = "UTC") -> dict[str, Any]:
    """A cron trigger of KEDA."""
    return {"type": "cron", "metadata": {"timezone": zone, "start": start, "end": end, "desiredReplicas": str(count)}}
