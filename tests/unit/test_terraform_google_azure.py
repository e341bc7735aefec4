"""Google's and Azure's machines in a Terraform plan: counts by zone, accelerators, templates, spot prices, places."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sim.iac.groups import Disk
from tests.made.terraform import aks, groups, only, plan, pool, refusal, resource


@pytest.mark.parametrize(
    ("values", "counts"),
    [
        ({"location": "us-central1-a", "initial_node_count": 2}, (2, 2, 2)),
        ({"node_locations": ["us-central1-a", "us-central1-b"], "initial_node_count": 2}, (4, 4, 4)),
        ({"initial_node_count": 1}, (3, 3, 3)),
        ({"node_locations": ["a", "b"], "initial_node_count": 1, "autoscaling": [{"min_node_count": 0, "max_node_count": 4}]}, (0, 2, 8)),
        (
            {
                "node_locations": ["a", "b"], "initial_node_count": 1,
                "autoscaling": [{"total_min_node_count": 1, "total_max_node_count": 5, "min_node_count": None, "max_node_count": None}],
            },
            (1, 2, 5),
        ),
        ({"location": "us-central1-a", "node_count": 9, "autoscaling": [{"min_node_count": 1, "max_node_count": 4}]}, (1, 4, 4)),
    ],
)  # fmt: skip
def test_node_counts_of_gke_are_per_zone_but_for_the_totals(tmp_path: Path, values: dict[str, Any], counts: tuple[int, int, int]) -> None:
    found = only(tmp_path, pool(**values))
    assert (found.min, found.desired, found.max) == counts
    assert found.region == "us-central1"


def test_zones_that_nobody_names_are_assumed_and_those_of_the_cluster_taken(tmp_path: Path) -> None:
    assumed = groups(tmp_path, plan(pool(initial_node_count=1))).assumed
    assert "3 zones" in assumed[0]
    cluster = resource("google_container_cluster.c", {"name": "c", "location": "us-central1", "node_locations": ["x", "y"]})
    found = groups(tmp_path, plan(cluster, pool(initial_node_count=1, cluster="c")))
    assert found.groups[0].max == 2
    assert not any("3 zones" in each for each in found.assumed)


@pytest.mark.parametrize("zones", [["us-central1-b"], ["us-central1-b", "us-central1-c"]])
def test_a_cluster_of_one_zone_does_not_name_that_among_its_others(tmp_path: Path, zones: list[str]) -> None:
    node = {"machine_type": "a2-highgpu-1g"}
    values = {"name": "c", "location": "us-central1-a", "node_locations": zones, "initial_node_count": 2}
    default = groups(tmp_path, plan(resource("google_container_cluster.c", {**values, "node_config": [node]}))).groups[0]
    inherited = groups(tmp_path, plan(resource("google_container_cluster.c", values), pool(initial_node_count=2, cluster="c"))).groups[0]
    assert default.max == inherited.max == 2 * (1 + len(zones))


@pytest.mark.parametrize("node", [{"spot": True}, {"preemptible": True}])
def test_spot_nodes_of_gke(tmp_path: Path, node: dict[str, Any]) -> None:
    assert only(tmp_path, pool(initial_node_count=1, node=node)).purchase == "spot"


def test_accelerators_are_attached_to_machines_without_gpus(tmp_path: Path) -> None:
    guest = {
        "machine_type": "n1-standard-8",
        "guest_accelerator": [{"type": "projects/x/zones/y/acceleratorTypes/nvidia-tesla-t4", "count": 4}],
    }
    found = only(tmp_path, resource("google_compute_instance.i", {**guest, "zone": "us-central1-a", "scheduling": [{"preemptible": True}]}))
    assert (found.gpu, found.gpus_per_machine, found.purchase, found.region) == ("t4", 4, "spot", "us-central1")
    with_own = {"machine_type": "a2-highgpu-1g", "guest_accelerator": [{"type": "nvidia-tesla-a100", "count": 1}]}
    assert only(tmp_path, resource("google_compute_instance.i", with_own)).gpus_per_machine == 1


@pytest.mark.parametrize(
    ("accelerators", "told"),
    [
        ([{"type": "nvidia-tesla-t5", "count": 1}], "nvidia-tesla-t4"),
        ([{"type": "nvidia-tesla-t4", "count": 1}, {"type": "nvidia-l4", "count": 1}], "several kinds"),
        ([{"type": "nvidia-tesla-t4", "count": 1, "gpu_partition_size": "1g.5gb"}], "shares of a GPU"),
        ([{"type": "nvidia-tesla-t4", "count": 1.5}], "1 to 64"),
    ],
)
def test_accelerators_that_are_not_known_or_not_whole_are_refused(tmp_path: Path, accelerators: list[Any], told: str) -> None:
    assert told in refusal(
        tmp_path, resource("google_compute_instance.i", {"machine_type": "n1-standard-8", "guest_accelerator": accelerators})
    )


def test_a_managed_group_of_google(tmp_path: Path) -> None:
    made = resource(
        "google_compute_instance_template.t", {"machine_type": "g2-standard-12", "disk": [{"disk_size_gb": 100, "disk_type": "pd-ssd"}]}
    )
    group = resource("google_compute_instance_group_manager.m", {"name": "m", "zone": "us-central1-a", "target_size": 2, "version": [{}]})
    scaler = resource(
        "google_compute_autoscaler.a",
        {
            "autoscaling_policy": [
                {
                    "min_replicas": 1,
                    "max_replicas": 5,
                    "cooldown_period": 240,
                    "metric": [{"name": "x/vllm:num_requests_running", "target": 20}],
                }
            ]
        },
    )
    configuration = {
        "root_module": {
            "resources": [
                {"address": "google_compute_instance_group_manager.m", "expressions": {"version": [{"instance_template": {"references": ["google_compute_instance_template.t.id"]}}]}},
                {"address": "google_compute_autoscaler.a", "expressions": {"target": {"references": ["google_compute_instance_group_manager.m.id"]}}},
            ]
        }
    }  # fmt: skip
    found = only(tmp_path, made, group, scaler, configuration=configuration)
    assert (found.machine, found.gpu, found.min, found.desired, found.max, found.warm_up_s) == ("g2-standard-12", "l4", 1, 2, 5, 240.0)
    assert found.law is not None
    assert dict(found.law.keys) == {"law": "hpa", "metric": "concurrency", "target": 20.0, "down_stabilization": 600.0}
    assert found.disks == (Disk("pd-ssd", 100.0),)


@pytest.mark.parametrize(
    ("values", "counts", "purchase", "most"),
    [
        ({}, (1, 1, 1), "on_demand", None),
        ({"auto_scaling_enabled": True, "min_count": 0, "max_count": 4}, (0, 1, 4), "on_demand", None),
        ({"enable_auto_scaling": True, "min_count": 2, "max_count": 4}, (2, 2, 4), "on_demand", None),
        ({"priority": "Spot", "spot_max_price": -1}, (1, 1, 1), "spot", None),
        ({"priority": "Spot", "spot_max_price": 2.5}, (1, 1, 1), "spot", 2.5),
        ({"priority": "Regular", "spot_max_price": 2.5}, (1, 1, 1), "on_demand", None),
    ],
)
def test_a_node_pool_of_aks(
    tmp_path: Path, values: dict[str, Any], counts: tuple[int, int, int], purchase: str, most: float | None
) -> None:
    found = only(tmp_path, aks(**values))
    assert ((found.min, found.desired, found.max), found.purchase, found.spot_max_usd_per_hour) == (counts, purchase, most)


def test_the_place_of_a_node_pool_is_its_clusters_and_the_default_pool_counts(tmp_path: Path) -> None:
    cluster = resource(
        "azurerm_kubernetes_cluster.c",
        {"location": "West Europe", "default_node_pool": [{"vm_size": "Standard_NC24ads_A100_v4", "node_count": 2}]},
    )
    configuration = {
        "root_module": {
            "resources": [
                {
                    "address": "azurerm_kubernetes_cluster_node_pool.n",
                    "expressions": {"kubernetes_cluster_id": {"references": ["azurerm_kubernetes_cluster.c.id"]}},
                }
            ]
        }
    }
    found = groups(tmp_path, plan(cluster, aks(), configuration=configuration)).groups
    assert [(each.address, each.region, each.max) for each in found] == [
        ("azurerm_kubernetes_cluster.c", "westeurope", 2), ("azurerm_kubernetes_cluster_node_pool.n", "westeurope", 1),
    ]  # fmt: skip


def test_virtual_machines_and_scale_sets_of_azure(tmp_path: Path) -> None:
    machine = resource(
        "azurerm_linux_virtual_machine.v",
        {"size": "Standard_NC24ads_A100_v4", "location": "eastus", "priority": "Spot", "max_bid_price": -1},
    )
    several = resource(
        "azurerm_linux_virtual_machine_scale_set.s", {"sku": "Standard_NC24ads_A100_v4", "instances": 3, "location": "eastus"}
    )
    found = groups(tmp_path, plan(machine, several)).groups
    assert [(each.purchase, each.min, each.max, each.spot_max_usd_per_hour) for each in found] == [
        ("spot", 1, 1, None),
        ("on_demand", 3, 3, None),
    ]
