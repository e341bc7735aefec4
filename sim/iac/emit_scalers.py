"""The autoscaler of a gpu deployment as a HorizontalPodAutoscaler or a KEDA ScaledObject, as far as these have words for it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from sim.iac.cron import cron_triggers
from sim.iac.emit_containers import number
from sim.stack.autoscaler import Hpa, Keda, Policies, Schedule
from sim.stack.gpu_deployment import GpuDeployment
from sim.units import scaled

_LONGEST_PERIOD_S = 1800
_LONGEST_STABILIZATION_S = 3600
_PROMETHEUS = "http://prometheus-operated.monitoring.svc:9090"
_SERIES: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "vllm": MappingProxyType(
            {
                "waiting": "vllm:num_requests_waiting", "running": "vllm:num_requests_running", "kv": "vllm:kv_cache_usage_perc",
                "finished": "vllm:request_success_total",
            }
        ),
        "sglang": MappingProxyType(
            {
                "waiting": "sglang:num_queue_reqs", "running": "sglang:num_running_reqs", "kv": "sglang:token_usage",
                "finished": "sglang:num_requests_total",
            }
        ),
        "trtllm": MappingProxyType(
            {
                "waiting": "num_requests_waiting", "running": "num_requests_running", "kv": "kv_cache_usage",
                "finished": "requests_finished_total",
            }
        ),
    }
)  # fmt: skip
"""What the engines call their metrics; TensorRT-LLM's depend on how it is served, and these stand for them."""
_POD_METRICS: Mapping[str, str] = MappingProxyType(
    {
        "waiting": "num_requests_waiting", "concurrency": "num_requests_in_flight", "kv": "kv_cache_usage", "busy": "DCGM_FI_DEV_GPU_UTIL",
        "rps": "requests_per_second",
    }
)  # fmt: skip
"""Names under which an adapter has to offer what an HPA follows, of one pod."""


def scaler_of(spec: GpuDeployment, name: str, metadata: dict[str, Any], notes: list[str]) -> dict[str, Any] | None:
    """The object that scales a Deployment of a name; None where the law has no word in Kubernetes, or the pool stands still."""
    law, low, high = spec.autoscaler, spec.replicas.min, spec.replicas.max
    if law is None or high < 1:
        return None
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": name}
    if isinstance(law, Hpa) and low >= 1:
        notes.append(f"HorizontalPodAutoscaler: an adapter has to offer {_pod_metric(spec, law)} of a pod (prometheus-adapter)")
        return {
            "apiVersion": "autoscaling/v2",
            "kind": "HorizontalPodAutoscaler",
            "metadata": metadata,
            "spec": {
                "scaleTargetRef": target, "minReplicas": low, "maxReplicas": high, "metrics": [_hpa_metric(spec, law)],
                "behavior": _behaviour(law),
            },
        }  # fmt: skip
    triggers: list[dict[str, Any]] = []
    extra: dict[str, Any] = {}
    if isinstance(law, Keda):
        triggers = [_trigger(spec, law, name)]
        extra = _whole_seconds({"pollingInterval": law.scrape}, 1) | _whole_seconds({"cooldownPeriod": law.cooldown}, 0)
        extra["advanced"] = {"horizontalPodAutoscalerConfig": {"behavior": _behaviour(law)}}
    elif isinstance(law, Schedule):
        triggers = cron_triggers([(step.at, step.replicas) for step in law.steps], low)
    if not triggers:
        return None
    return {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledObject",
        "metadata": metadata,
        "spec": {"scaleTargetRef": target, "minReplicaCount": low, "maxReplicaCount": high, **extra, "triggers": triggers},
    }


def _pod_metric(spec: GpuDeployment, law: Policies) -> str:
    name = _POD_METRICS[law.metric]
    return name if law.metric == "busy" or spec.engine == "trtllm" else f"{spec.engine}_{name}"


def _hpa_metric(spec: GpuDeployment, law: Hpa) -> dict[str, Any]:
    # DCGM counts the use of a GPU in percent.
    target = scaled(law.target, 100.0) if law.metric == "busy" else law.target
    return {
        "type": "Pods",
        "pods": {"metric": {"name": _pod_metric(spec, law)}, "target": {"type": "AverageValue", "averageValue": number(float(target))}},
    }


def _trigger(spec: GpuDeployment, law: Keda, name: str) -> dict[str, Any]:
    pods = f'{{pod=~"{name}-[a-z0-9]+-[a-z0-9]+"}}'
    series = {key: f"{metric}{pods}" for key, metric in _SERIES[spec.engine].items()}
    queries = {
        "waiting": f"sum({series['waiting']})",
        "concurrency": f"sum({series['running']}) + sum({series['waiting']})",
        "kv": f"avg({series['kv']})",
        "busy": f"avg({series['running']} > bool 0)",
        "rps": f"sum(rate({series['finished']}[1m]))",
    }
    metadata = {"serverAddress": _PROMETHEUS, "query": queries[law.metric], "threshold": number(float(law.target))}
    if law.activation:
        metadata["activationThreshold"] = number(float(law.activation))
    # A mean over pods is held against the target as it is; a sum is shared among them.
    kind = "Value" if law.metric in ("kv", "busy") else "AverageValue"
    return {"type": "prometheus", "metricType": kind, "metadata": metadata}


def _behaviour(law: Policies) -> dict[str, Any]:
    """Policies and stabilization of both ways; what the fields of an HPA cannot hold is left to the rest."""
    found: dict[str, Any] = {}
    for way, name in (("up", "scaleUp"), ("down", "scaleDown")):
        pods, percent, period, hold = (getattr(law, f"{way}_{key}") for key in ("pods", "percent", "period", "stabilization"))
        rules = _whole_seconds({"stabilizationWindowSeconds": hold}, 0, _LONGEST_STABILIZATION_S)
        periods = _whole_seconds({"periodSeconds": period}, 1, _LONGEST_PERIOD_S)
        policies = [
            {"type": kind, "value": int(value), **periods}
            for kind, value in (("Pods", pods), ("Percent", percent))
            if value and float(value).is_integer()
        ]
        if periods and policies:
            rules["policies"] = policies
        elif not pods and not percent:
            rules["selectPolicy"] = "Disabled"
        if rules:
            found[name] = rules
    return found


def _whole_seconds(values: Mapping[str, float], least: int, most: float = 2**31 - 1) -> dict[str, Any]:
    """Those that are whole seconds within bounds."""
    return {key: int(value) for key, value in values.items() if float(value).is_integer() and least <= value <= most}
