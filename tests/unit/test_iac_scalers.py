"""Autoscalers of Kubernetes as laws: metrics and queries, behaviour, cron triggers, what is not simulated."""

from __future__ import annotations

from typing import Any

import pytest

from tests.made.manifests import cron, hpa, imported, keda, only, pods_metric, server


@pytest.mark.parametrize(
    ("metric", "autoscaler"),
    [
        (pods_metric("vllm:num_requests_waiting", "2500m"), {"metric": "waiting", "target": 2.5}),
        (pods_metric("DCGM_FI_DEV_GPU_UTIL", "80"), {"metric": "busy", "target": 0.8}),
        (pods_metric("vllm:gpu_cache_usage_perc", "700m"), {"metric": "kv", "target": 0.7}),
        ({"type": "External", "external": {"metric": {"name": "queue_depth"}, "target": {"type": "AverageValue", "averageValue": "3"}}}, {"metric": "waiting", "target": 3}),
        ({"type": "Object", "object": {"describedObject": {"kind": "Service"}, "metric": {"name": "requests_per_second"}, "target": {"type": "Value", "value": "2k"}}}, {"metric": "rps", "target": 2000}),
    ],
)  # fmt: skip
def test_metrics_of_an_hpa(metric: dict[str, Any], autoscaler: dict[str, Any]) -> None:
    found = only(
        server(),
        hpa({"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}}}, metric),
    )
    assert found["autoscaler"] == {"law": "hpa", **autoscaler}


def test_what_an_hpa_says_that_is_not_simulated() -> None:
    cpu = {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}}}
    found = imported(server(replicas=3), hpa(cpu))
    assert found.stack["deployments"]["own"]["replicas"] == 3
    assert "own: autoscaler: metric cpu: the CPU of a pod is not simulated" in found.ignored
    value = imported(server(), hpa(pods_metric("num_requests_waiting", "9", "Value")))
    assert any("of type Value (of the whole pool)" in note for note in value.assumed)
    two = imported(server(), hpa(pods_metric("num_requests_waiting", "9"), pods_metric("num_requests_running", "9")))
    assert any("'num_requests_running' is left out: only one metric" in note for note in two.ignored)
    none = imported(server(), hpa(pods_metric("num_requests_waiting", "9"), minReplicas=0))
    assert none.stack["deployments"]["own"]["replicas"]["min"] == 1
    assert any("an HPA cannot start a pool from none" in note for note in none.assumed)


def test_behaviour() -> None:
    down = {"selectPolicy": "Disabled"}
    up = {
        "stabilizationWindowSeconds": 30,
        "policies": [{"type": "Pods", "value": 2, "periodSeconds": 60}, {"type": "Percent", "value": 50, "periodSeconds": 90}],
        "selectPolicy": "Min",
    }
    found = imported(server(), hpa(pods_metric("num_requests_waiting", "9"), behavior={"scaleUp": up, "scaleDown": down}))
    law = found.stack["deployments"]["own"]["autoscaler"]
    assert (law["up_pods"], law["up_percent"], law["up_period"], law["up_stabilization"], law["down_pods"], law["down_percent"]) == (
        2,
        50,
        90,
        30,
        0,
        0,
    )
    assert any("selectPolicy Min" in note for note in found.assumed) and any("several periods" in note for note in found.assumed)


def test_two_autoscalers_of_one_pool() -> None:
    found = imported(server(), hpa(pods_metric("num_requests_waiting", "9")), keda(cron("0 8 * * *", "0 20 * * *", 4)))
    assert found.stack["deployments"]["own"]["autoscaler"]["law"] == "hpa"
    assert any("it has one already" in note for note in found.ignored)


@pytest.mark.parametrize(
    ("query", "kind", "autoscaler"),
    [
        ("sum(vllm:num_requests_running) + sum(vllm:num_requests_waiting)", "AverageValue", {"metric": "concurrency", "target": 4}),
        ('sum(vllm:num_requests_waiting{model="num_requests_running"})', "AverageValue", {"metric": "waiting", "target": 4}),
        ("avg(vllm:num_requests_running > bool 0)", "Value", {"metric": "busy", "target": 0.04}),
        ("sum(rate(vllm:request_success_total[1m]))", "AverageValue", {"metric": "rps", "target": 4}),
        ("avg(vllm:kv_cache_usage_perc)", "Value", {"metric": "kv", "target": 0.04}),
    ],
)
def test_queries_of_keda(query: str, kind: str, autoscaler: dict[str, Any]) -> None:
    found = only(server(), keda({"type": "prometheus", "metricType": kind, "metadata": {"query": query, "threshold": "4"}}))
    assert found["autoscaler"] == {"law": "keda", **autoscaler} and found["replicas"] == {"min": 0, "max": 100, "initial": 2}


def test_what_keda_says_that_is_not_simulated() -> None:
    query = {"type": "prometheus", "metadata": {"query": "avg(vllm:num_requests_waiting)", "threshold": "4"}}
    assert any("KEDA divides by the replicas once more" in note for note in imported(server(), keda(query)).assumed)
    formula = imported(server(), keda(query, advanced={"scalingModifiers": {"formula": "a + b"}}))
    assert formula.stack["deployments"]["own"]["replicas"] == 2 and any("scalingModifiers" in note for note in formula.ignored)
    paused = keda(query)
    paused["metadata"]["annotations"] = {"autoscaling.keda.sh/paused-replicas": "3"}
    assert only(server(), paused)["replicas"] == 3


def test_cron_triggers_are_a_schedule() -> None:
    triggers = (cron("0 8 * * *", "0 20 * * *", 4), cron("30 12 * * *", "0 14 * * *", 9))
    found = only(server(), keda(*triggers, minReplicaCount=1, maxReplicaCount=6))
    assert found["autoscaler"] == {
        "law": "schedule",
        "steps": [{"at": 28800, "replicas": 4}, {"at": 45000, "replicas": 6}, {"at": 50400, "replicas": 4}, {"at": 72000, "replicas": 1}],
    }
    night = only(server(), keda(cron("0 22 * * *", "0 6 * * *", 2), minReplicaCount=0))
    assert night["autoscaler"]["steps"] == [{"at": 21600, "replicas": 0}, {"at": 79200, "replicas": 2}]
    week = imported(server(), keda(cron("0 8 * * 1-5", "0 20 * * 1-5", 4)))
    assert any("taken for every day" in note for note in week.assumed)
    often = imported(server(), keda(cron("*/5 * * * *", "0 20 * * *", 4)))
    assert any("no times of a day" in note for note in often.ignored)
