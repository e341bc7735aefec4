"""Kubernetes autoscalers as an autoscaler of a gpu deployment: HorizontalPodAutoscaler, KEDA ScaledObject, Knative annotations."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from sim.errors import visible
from sim.iac.cron import schedule_of
from sim.iac.reading import Reading
from sim.units import scaled, share_of_percent

_METRICS = (
    (r"concurren|in_?flight", "concurrency"),
    (r"(num_requests|queue)_?waiting|queue_(size|length|depth)|num_queue_req", "waiting"),
    (r"num_requests_running|num_running_req", "concurrency"),
    (r"cache_usage|kv_cache|token_usage", "kv"),
    (r"gpu_util|duty_cycle", "busy"),
    (r"(requests?|qps|rps).*(per_second|rate)|^(rps|qps)$|rate\(.*(request|success|qps|rps)", "rps"),
)
_OTHER = re.compile(r"seconds|latency|duration|_time\b|time_to_|bytes|tokens?(?!_usage|\w*cache)")
"""Times, tokens and bytes, whatever else is in the name."""
_NOT_SIMULATED = ("cpu", "memory")
_SHARES = ("kv", "busy")


@dataclass
class Scaler:
    """How one workload is scaled: bounds, the autoscaler's keys (none when its law could not be read), and remarks."""

    target: str
    low: int
    high: int | None
    autoscaler: dict[str, Any] | None = None
    remarks: list[str] = field(default_factory=list)
    """What was left out."""
    namespace: str = ""
    guesses: list[str] = field(default_factory=list)
    """What was taken for granted."""
    paused: int | None = None
    """Replicas that it is held at."""


def metric_named(name: str) -> str | None:
    """The metric of ours that a monitoring system's name, or a query, means, as far as known names tell."""
    # What a query selects by is no metric.
    plain = re.sub(r"\{[^{}]*\}", "", re.sub(r"\"[^\"]*\"|'[^']*'", "", name.lower()))
    if re.search(r"num_(requests_running|running_req)\w*\s*>\s*bool\s*0", plain):
        return "busy"
    if _OTHER.search(plain):
        return None
    waiting, running = (bool(re.search(pattern, plain)) for pattern in (_METRICS[1][0], _METRICS[2][0]))
    if waiting and running:
        return "concurrency"
    return next((ours for pattern, ours in _METRICS if re.search(pattern, plain)), None)


def read_hpa(part: Reading) -> Scaler:
    """A HorizontalPodAutoscaler (autoscaling/v2): bounds, its first metric that is known, scaling behaviour."""
    spec = part.at("spec")
    part.take("spec", "scaleTargetRef", "kind")
    part.take("spec", "scaleTargetRef", "apiVersion")
    low, high = spec.count("minReplicas"), spec.count("maxReplicas")
    scaler = Scaler(spec.text("scaleTargetRef", "name"), 1 if low is None else low, high)
    scaler.namespace = part.text("metadata", "namespace")
    read_metrics(scaler, spec, "hpa", spec.at("behavior"))
    if spec.count("targetCPUUtilizationPercentage") is not None:
        scaler.remarks.append("targetCPUUtilizationPercentage: the CPU of a pod is not simulated")
    if scaler.autoscaler is None and not scaler.remarks:
        scaler.remarks.append("it names no metric")
    return scaler


def read_metrics(scaler: Scaler, spec: Reading, law: str, behaviour: Reading) -> None:
    """The `metrics` of an autoscaling/v2 spec into a scaler: the first that is known becomes its law."""
    for metric in spec.items("metrics"):
        said = metric.text("type")
        kind = next((each for each in (said[:1].lower() + said[1:], said.lower()) if metric.at(each)), said)
        inner = metric.at(kind)
        name = inner.text("metric", "name") or inner.text("name") or inner.text("metric", "query") or inner.text("metric", "metricNames", 0)
        inner.take("metric", "selector")
        if kind == "object":
            inner.take("describedObject")
        if name in _NOT_SIMULATED:
            scaler.remarks.append(f"metric {name}: the {name.upper() if name == 'cpu' else name} of a pod is not simulated")
            continue
        ours = metric_named(name)
        if ours is None:
            scaler.remarks.append(
                f"metric {visible(name or kind)!r} is none of waiting, concurrency, kv, busy, rps: what it would do is not known"
            )
            continue
        target = next((value for key in ("averageValue", "value") if (value := quantity(inner.text("target", key))) is not None), None)
        if target is None or target <= 0 or scaler.autoscaler is not None:
            why = "it has no target value" if target is None or target <= 0 else "only one metric moves a pool, and the first is taken"
            scaler.remarks.append(f"metric {visible(name)!r} is left out: {why}")
            continue
        whole = inner.text("target", "type") == "Value"
        if whole and ours not in _SHARES:
            scaler.guesses.append(f"target of {visible(name)!r} is of type Value (of the whole pool); it is taken as a value per replica")
        scaler.autoscaler = {"law": law, "metric": ours, "target": _share(ours, target), **read_behaviour(behaviour, scaler)}


def read_keda(part: Reading) -> Scaler:
    """A KEDA ScaledObject: bounds, polling, cool-down, its first trigger with a known metric, else its cron triggers as a schedule."""
    spec = part.at("spec")
    part.take("spec", "scaleTargetRef", "kind")
    part.take("spec", "scaleTargetRef", "apiVersion")
    scaler = keda_scaler(spec, spec.text("scaleTargetRef", "name"))
    scaler.namespace = part.text("metadata", "namespace")
    scaler.paused = part.at("metadata", "annotations").count("autoscaling.keda.sh/paused-replicas")
    return scaler


def keda_scaler(spec: Reading, target_name: str) -> Scaler:
    """The spec of a ScaledObject, or the like-named keys of a chart."""
    low, high = spec.count("minReplicaCount"), spec.count("maxReplicaCount")
    scaler = Scaler(target_name, low or 0, 100 if high is None else high)
    timing = {
        key: value
        for key, name in (("scrape", "pollingInterval"), ("cooldown", "cooldownPeriod"))
        if (value := spec.number(name)) is not None
    }
    if spec.at("advanced", "scalingModifiers", "formula"):
        scaler.remarks.append("advanced.scalingModifiers.formula: what its triggers make together is not known")
        return scaler
    behaviour = read_behaviour(spec.at("advanced", "horizontalPodAutoscalerConfig", "behavior"), scaler)
    crons: list[Reading] = []
    for trigger in spec.items("triggers"):
        kind = trigger.text("type")
        if kind == "cron":
            crons.append(trigger.at("metadata"))
        elif kind in _NOT_SIMULATED:
            scaler.remarks.append(f"trigger {kind}: the {kind.upper() if kind == 'cpu' else kind} of a pod is not simulated")
        else:
            _metric_trigger(scaler, trigger, kind, timing | behaviour)
    if crons and scaler.autoscaler is not None:
        scaler.remarks.append("cron triggers are left out: the pool follows its metric alone")
    elif crons:
        schedule_of(scaler, crons)
    return scaler


def _metric_trigger(scaler: Scaler, trigger: Reading, kind: str, settings: dict[str, Any]) -> None:
    """A trigger that follows a metric; the first that is known becomes the law."""
    said = trigger.text("metadata", "query") or trigger.text("metadata", "metricName")
    trigger.take("metadata", "metricName")
    trigger.take("metadata", "serverAddress")
    # The scaler of Prometheus says threshold, most others value.
    metric = metric_named(said)
    target = trigger.number("metadata", "threshold")
    target = trigger.number("metadata", "value") if target is None else target
    whole = trigger.text("metricType") == "Value"
    if metric is None or target is None or target <= 0 or scaler.autoscaler is not None:
        scaler.remarks.append(f"trigger {visible(said or kind)!r} is left out")
        return
    if metric not in _SHARES and whole:
        scaler.guesses.append(f"trigger {visible(said)!r} is of type Value (of the whole pool); it is taken as a value per replica")
    elif not whole and re.match(r"\s*avg\b", said):
        scaler.guesses.append(
            f"trigger {visible(said)!r} is an average, which KEDA divides by the replicas once more; it is taken as a value per replica"
        )
    scaler.autoscaler = {"law": "keda", "metric": metric, "target": _share(metric, target), **settings}
    activation = trigger.number("metadata", "activationThreshold")
    if activation is not None:
        scaler.autoscaler["activation"] = _share(metric, activation, target)


def read_knative(part: Reading) -> dict[str, Any]:
    """The Knative annotations of an object as keys of a knative autoscaler."""
    notes = part.at("metadata", "annotations")
    keys: dict[str, Any] = {"law": "knative"}
    target = notes.number("autoscaling.knative.dev/target")
    metric = notes.text("autoscaling.knative.dev/metric")
    if target is not None and target > 0:
        keys["target"] = target
    if metric in ("rps", "concurrency"):
        keys["metric"] = metric
    percent = notes.number("autoscaling.knative.dev/target-utilization-percentage")
    if percent is not None and 0 < percent <= 100:
        keys["utilization"] = share_of_percent(float(percent))
    for key, name, least in (("average", "window", 0.1), ("grace", "scale-to-zero-pod-retention-period", 0.0)):
        found = _duration_s(notes.text(f"autoscaling.knative.dev/{name}"))
        if found is not None and found >= least:
            keys[key] = found
    return keys


def read_behaviour(part: Reading, scaler: Scaler) -> dict[str, Any]:
    """The scaling policies of an HPA."""
    keys: dict[str, Any] = {}
    for way, name in (("up", "scaleUp"), ("down", "scaleDown")):
        rules = part.at(name)
        stabilization = rules.number("stabilizationWindowSeconds")
        if stabilization is not None:
            keys[f"{way}_stabilization"] = stabilization
        select = rules.text("selectPolicy")
        policies = list(rules.items("policies"))
        if policies or select == "Disabled":
            keys |= {f"{way}_pods": 0, f"{way}_percent": 0}
        periods = set()
        for policy in policies:
            kind, value, period = policy.text("type"), policy.number("value"), policy.number("periodSeconds")
            if value is not None and kind in ("Pods", "Percent") and select != "Disabled":
                keys[f"{way}_pods" if kind == "Pods" else f"{way}_percent"] = int(value)
            if period is not None:
                periods.add(period)
                keys[f"{way}_period"] = period
        if len(periods) > 1:
            scaler.guesses.append(f"{name}: policies of several periods; all are taken over {keys[f'{way}_period']} s")
        if select == "Min" and len(policies) > 1:
            scaler.guesses.append(f"{name}: selectPolicy Min; the larger of the policies is taken")
    tolerances = {value for name in ("scaleUp", "scaleDown") if (value := quantity(part.at(name).text("tolerance"))) is not None}
    if len(tolerances) == 1 and min(tolerances) <= 1:
        keys["tolerance"] = min(tolerances)
    return keys


def quantity(text: str) -> float | None:
    """A Kubernetes quantity: `500m` is a half."""
    match = re.fullmatch(r"([0-9]{1,18}(?:\.[0-9]{0,18})?|\.[0-9]{1,18})(n|u|m|k|M)?", text)
    if match is None:
        return None
    value = float(match[1])
    found = scaled(value, {"n": 1e-9, "u": 1e-6, "m": 1e-3, "k": 1e3, "M": 1e6}.get(match[2] or "", 1.0))
    return int(found) if found.is_integer() else found


def _share(metric: str, value: float, target: float | None = None) -> float:
    """A target of a share, which monitoring may have in percent: above 1 it can be nothing else. `target` decides for others with it."""
    return share_of_percent(float(value)) if metric in _SHARES and (value if target is None else target) > 1 else value


def _duration_s(text: str) -> float | None:
    match = re.fullmatch(r"([0-9]{1,9})(s|m|h)", text)
    return None if match is None else float(match[1]) * {"s": 1, "m": 60, "h": 3600}[match[2]]
