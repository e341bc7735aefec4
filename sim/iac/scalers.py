"""Kubernetes autoscalers as an autoscaler of a gpu deployment: HorizontalPodAutoscaler, KEDA ScaledObject, Knative annotations."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from sim.iac.reading import Reading

_METRICS = (
    (r"(num_requests|queue)_?waiting|queue_(size|length|depth)|num_queue_req", "waiting"),
    (r"num_requests_running|concurren|in_?flight|num_running_req", "concurrency"),
    (r"cache_usage|kv_cache|token_usage", "kv"),
    (r"gpu_util|duty_cycle", "busy"),
    (r"(requests?|qps|rps).*(per_second|rate)|^(rps|qps)$|rate\(", "rps"),
)


@dataclass
class Scaler:
    """How one workload is scaled: bounds, the autoscaler's keys (none when its law could not be read), and remarks."""

    target: str
    low: int
    high: int | None
    autoscaler: dict[str, Any] | None = None
    remarks: list[str] = field(default_factory=list)


def metric_named(name: str) -> str | None:
    """The metric of ours that a monitoring system's name means, as far as known names tell."""
    return next((ours for pattern, ours in _METRICS if re.search(pattern, name.lower())), None)


def read_hpa(part: Reading) -> Scaler:
    """A HorizontalPodAutoscaler (autoscaling/v2): bounds, its first metric that is known, scaling behaviour."""
    spec = part.at("spec")
    part.take("spec", "scaleTargetRef", "kind")
    part.take("spec", "scaleTargetRef", "apiVersion")
    low, high = spec.count("minReplicas"), spec.count("maxReplicas")
    scaler = Scaler(spec.text("scaleTargetRef", "name"), 1 if low is None else low, high)
    for metric in spec.items("metrics"):
        kind = metric.text("type").lower()
        inner = metric.at(kind)
        name = inner.text("metric", "name") or inner.text("name")
        if metric_named(name) is None:
            scaler.remarks.append(f"metric {name or kind!r} is none of waiting, concurrency, kv, busy, rps: what it would do is not known")
            continue
        target = next((value for key in ("averageValue", "value") if (value := _quantity(inner.text("target", key))) is not None), None)
        if target is None or scaler.autoscaler is not None:
            scaler.remarks.append(f"metric {name!r} is left out" + ("" if target is not None else ": it has no target value"))
            continue
        if inner.text("target", "type") == "Value":
            scaler.remarks.append(f"target of {name!r} is of type Value (of the whole pool); it is taken as a value per replica")
        scaler.autoscaler = {"law": "hpa", "metric": metric_named(name), "target": target, **_behaviour(spec.at("behavior"))}
    if scaler.autoscaler is None and not scaler.remarks:
        scaler.remarks.append("it names no metric")
    return scaler


def read_keda(part: Reading) -> Scaler:
    """A KEDA ScaledObject: bounds, polling, cool-down, its first Prometheus trigger with a known metric."""
    spec = part.at("spec")
    part.take("spec", "scaleTargetRef", "kind")
    part.take("spec", "scaleTargetRef", "apiVersion")
    low, high = spec.count("minReplicaCount"), spec.count("maxReplicaCount")
    scaler = Scaler(spec.text("scaleTargetRef", "name"), low or 0, 100 if high is None else high)
    timing = {
        key: value
        for key, name in (("scrape", "pollingInterval"), ("cooldown", "cooldownPeriod"))
        if (value := spec.number(name)) is not None
    }
    behaviour = _behaviour(spec.at("advanced", "horizontalPodAutoscalerConfig", "behavior"))
    for trigger in spec.items("triggers"):
        trigger.take("type")
        said = trigger.text("metadata", "query") or trigger.text("metadata", "metricName")
        trigger.take("metadata", "metricName")
        metric, target = metric_named(said), trigger.number("metadata", "threshold")
        if metric is None or target is None or scaler.autoscaler is not None:
            scaler.remarks.append(f"trigger {said!r} is left out")
            continue
        scaler.autoscaler = {"law": "keda", "metric": metric, "target": target, **timing, **behaviour}
        activation = trigger.number("metadata", "activationThreshold")
        if activation is not None:
            scaler.autoscaler["activation"] = activation
    return scaler


def read_knative(part: Reading) -> dict[str, Any]:
    """The Knative annotations of an object as keys of a knative autoscaler."""
    notes = part.at("metadata", "annotations")
    keys: dict[str, Any] = {"law": "knative"}
    target = notes.number("autoscaling.knative.dev/target")
    metric = notes.text("autoscaling.knative.dev/metric")
    if target is not None:
        keys["target"] = target
    if metric in ("rps", "concurrency"):
        keys["metric"] = metric
    return keys


def _behaviour(part: Reading) -> dict[str, Any]:
    """The scaling policies of an HPA."""
    keys: dict[str, Any] = {}
    for way, name in (("up", "scaleUp"), ("down", "scaleDown")):
        rules = part.at(name)
        stabilization = rules.number("stabilizationWindowSeconds")
        if stabilization is not None:
            keys[f"{way}_stabilization"] = stabilization
        policies = list(rules.items("policies"))
        if policies:
            keys |= {f"{way}_pods": 0, f"{way}_percent": 0}
        for policy in policies:
            kind, value, period = policy.text("type"), policy.number("value"), policy.number("periodSeconds")
            if value is not None and kind in ("Pods", "Percent"):
                keys[f"{way}_pods" if kind == "Pods" else f"{way}_percent"] = int(value)
            if period is not None:
                keys[f"{way}_period"] = period
    return keys


def _quantity(text: str) -> float | None:
    """A Kubernetes quantity: `500m` is a half."""
    match = re.fullmatch(r"([0-9]*\.?[0-9]+)(m|k|M)?", text)
    return None if match is None else float(match[1]) * {"m": 1e-3, "k": 1e3, "M": 1e6}.get(match[2] or "", 1.0)
