"""Groups of machines in a Terraform plan: counts, purchase, region, warm-up, laws, and what is refused with the attribute to mend."""

from __future__ import annotations

import copy
import random
from pathlib import Path
from typing import Any

import pytest

from sim.errors import InputError
from sim.iac.groups import Disk, region_in
from tests.made.terraform import groups, only, plan, provider, resource

P5 = "p5.48xlarge"


def refusal(folder: Path, *resources: Any, **more: Any) -> str:
    with pytest.raises(InputError) as error:
        groups(folder, plan(*resources, **more))
    return str(error.value)


def template(**values: Any) -> dict[str, Any]:
    return resource("aws_launch_template.t", {"name": "t", "instance_type": P5, **values})


def scaling(**values: Any) -> dict[str, Any]:
    return resource(
        "aws_autoscaling_group.g",
        {"name": "g", "min_size": 1, "max_size": 4, "launch_template": [{"name": "t"}], "availability_zones": ["us-west-2b"], **values},
    )


def policy(configuration: dict[str, Any], **values: Any) -> dict[str, Any]:
    return resource(
        "aws_autoscaling_policy.p",
        {
            "autoscaling_group_name": "g", "policy_type": "TargetTrackingScaling", "target_tracking_configuration": [configuration], **values,
        },
    )  # fmt: skip


@pytest.mark.parametrize(
    ("place", "region"),
    [
        ("us-east-1a", "us-east-1"), ("us-east-1", "us-east-1"), ("us-gov-west-1b", "us-gov-west-1"), ("us-west-2-lax-1a", "us-west-2"),
        ("us-central1-a", "us-central1"), ("europe-west4", "europe-west4"), ("East US", "eastus"), ("eastus2", "eastus2"),
        ("zones/us-central1-b", "us-central1"),
    ],
)  # fmt: skip
def test_the_region_of_a_place(place: str, region: str) -> None:
    assert region_in(place) == region


def test_instances_that_are_alike_are_one_group_and_others_are_not(tmp_path: Path) -> None:
    several = [resource(f"aws_instance.g[{k}]", {"instance_type": P5, "availability_zone": "us-east-1a"}) for k in range(3)]
    by_key = [resource(f'aws_instance.k["{key}"]', {"instance_type": kind}) for key, kind in (("a", P5), ("b", "g5.xlarge"))]
    found = groups(tmp_path, plan(*several, *by_key)).groups
    assert [(each.address, each.min, each.desired, each.max) for each in found] == [
        ("aws_instance.g", 3, 3, 3), ('aws_instance.k["a"]', 1, 1, 1), ('aws_instance.k["b"]', 1, 1, 1),
    ]  # fmt: skip
    assert found[0].members == ("aws_instance.g[0]", "aws_instance.g[1]", "aws_instance.g[2]")
    assert (found[0].gpu, found[0].gpus_per_machine, found[0].region) == ("h100-sxm", 8, "us-east-1")


@pytest.mark.parametrize(
    ("options", "purchase", "most"),
    [
        ([], "on_demand", None),
        ([{"market_type": "spot", "spot_options": [{"max_price": "12.5"}]}], "spot", 12.5),
        ([{"market_type": "spot", "spot_options": []}], "spot", None),
        ([{"market_type": "capacity-block"}], "capacity_block", None),
    ],
)
def test_how_an_instance_is_bought(tmp_path: Path, options: list[Any], purchase: str, most: float | None) -> None:
    found = only(tmp_path, resource("aws_instance.g", {"instance_type": P5, "instance_market_options": options}))
    assert (found.purchase, found.spot_max_usd_per_hour) == (purchase, most)


def test_the_instance_type_of_a_scaling_group_is_in_the_template_that_it_names(tmp_path: Path) -> None:
    found = only(
        tmp_path,
        template(instance_market_options=[{"market_type": "capacity-block"}], block_device_mappings=[{"ebs": [{"volume_size": 200}]}]),
        scaling(desired_capacity=2, default_instance_warmup=480),
    )
    assert (found.machine, found.purchase, found.region) == (P5, "capacity_block", "us-west-2")
    assert (found.min, found.desired, found.max, found.warm_up_s) == (1, 2, 4, 480.0)
    assert found.disks == (Disk("", 200.0),)


def test_a_template_known_only_after_apply_is_found_by_reference(tmp_path: Path) -> None:
    group = scaling(launch_template=[{}])
    group["unknown"] = {"launch_template": [{"id": True}]}
    references = {"launch_template": [{"id": {"references": ["aws_launch_template.t.id", "aws_launch_template.t"]}}]}
    configuration = {"root_module": {"resources": [{"address": "aws_autoscaling_group.g", "expressions": references}]}}
    other = resource("aws_launch_template.other", {"instance_type": "m5.large"})
    assert only(tmp_path, other, template(), group, configuration=configuration).machine == P5


def test_a_reference_within_a_module_is_to_that_module(tmp_path: Path) -> None:
    inside = [
        {**template(), "address": f'module.m["{key}"].aws_launch_template.t', "values": {"instance_type": kind}}
        for key, kind in (("a", P5), ("b", "g5.xlarge"))
    ]
    asked = [{**scaling(launch_template=[{}]), "address": f'module.m["{key}"].aws_autoscaling_group.g'} for key in "ab"]
    module = {
        "resources": [
            {
                "address": "aws_autoscaling_group.g",
                "expressions": {"launch_template": [{"id": {"references": ["aws_launch_template.t.id"]}}]},
            }
        ]
    }
    configuration = {"root_module": {"module_calls": {"m": {"module": module}}}}
    found = groups(tmp_path, plan(*inside, *asked, configuration=configuration)).groups
    assert [each.machine for each in found] == [P5, "g5.xlarge"]


def test_a_template_outside_the_plan_is_named_with_what_to_do(tmp_path: Path) -> None:
    told = refusal(tmp_path, scaling(launch_template=[{"name": "elsewhere"}]))
    assert "aws_autoscaling_group.g" in told and "'elsewhere' is not in the plan" in told and "sim-machine" in told
    by_label = scaling(launch_template=[{"name": "elsewhere"}], tag=[{"key": "sim-machine", "value": P5, "propagate_at_launch": True}])
    assert only(tmp_path, by_label).machine == P5
    assert groups(tmp_path, plan(scaling(launch_configuration="x", tag=[{"key": "sim-machine", "value": "none"}]))).groups == ()


def test_a_mixed_group_takes_its_first_type_and_says_so(tmp_path: Path) -> None:
    mixed = {
        "launch_template": [
            {
                "launch_template_specification": [{"launch_template_name": "t"}],
                "override": [{"instance_type": "g5.12xlarge"}, {"instance_type": P5}],
            }
        ],
        "instances_distribution": [{"on_demand_base_capacity": 0, "on_demand_percentage_above_base_capacity": 0, "spot_max_price": "3"}],
    }
    found = only(tmp_path, template(), scaling(launch_template=[], mixed_instances_policy=[mixed]))
    assert (found.machine, found.purchase, found.spot_max_usd_per_hour) == ("g5.12xlarge", "spot", 3.0)
    assert "first of 2 instance types" in found.notes[0]


@pytest.mark.parametrize(
    ("configuration", "keys"),
    [
        (
            {"target_value": 8, "customized_metric_specification": [{"metric_name": "num_requests_waiting"}]},
            {"law": "target_tracking", "metric": "waiting", "target": 8.0},
        ),
        (
            {"target_value": 600, "predefined_metric_specification": [{"predefined_metric_type": "ALBRequestCountPerTarget"}]},
            {"law": "target_tracking", "metric": "rps", "target": 10.0},
        ),
        (
            {"target_value": 60, "predefined_metric_specification": [{"predefined_metric_type": "ASGAverageCPUUtilization"}]},
            {"law": "target_tracking", "metric": "busy", "target": 0.6},
        ),
        (
            {
                "target_value": 70, "disable_scale_in": True,
                "customized_metric_specification": [
                    {"metrics": [{"metric_stat": [{"metric": [{"metric_name": "vllm:gpu_cache_usage_perc"}]}]}]}
                ],
            },
            {"law": "target_tracking", "metric": "kv", "target": 0.7, "in_datapoints": 10_000},
        ),
        ({"target_value": 5, "predefined_metric_specification": [{"predefined_metric_type": "ASGAverageNetworkIn"}]}, None),
        ({"target_value": 5, "customized_metric_specification": [{"metric_name": "temperature"}]}, None),
    ],
)  # fmt: skip
def test_a_target_tracking_policy_is_the_law_of_its_group(tmp_path: Path, configuration: Any, keys: dict[str, Any] | None) -> None:
    found = only(tmp_path, template(), scaling(), policy(configuration))
    assert (None if found.law is None else dict(found.law.keys)) == keys
    assert found.law is None or found.law.per_machine == (keys is not None and keys["metric"] == "rps")
    if keys is None:
        assert "aws_autoscaling_policy.p" in found.notes[0]


def test_the_warm_up_of_a_policy_keeps_it_from_adding_again(tmp_path: Path) -> None:
    configuration = {"target_value": 8, "customized_metric_specification": [{"metric_name": "num_requests_waiting"}]}
    found = only(tmp_path, template(), scaling(), policy(configuration, estimated_instance_warmup=300))
    assert found.warm_up_s == 300.0
    assert found.law is not None and found.law.keys["out_cooldown"] == 300.0


def test_steps_and_schedules_are_noted_and_other_groups_policies_ignored(tmp_path: Path) -> None:
    steps = resource("aws_autoscaling_policy.s", {"autoscaling_group_name": "g", "policy_type": "StepScaling"})
    timed = resource("aws_autoscaling_schedule.n", {"autoscaling_group_name": "g"})
    another = resource("aws_autoscaling_policy.x", {"autoscaling_group_name": "another", "policy_type": "StepScaling"})
    notes = only(tmp_path, template(), scaling(), steps, timed, another).notes
    assert ["StepScaling" in notes[0], "scheduled" in notes[1], len(notes)] == [True, True, 2]


def test_a_node_group_of_eks(tmp_path: Path) -> None:
    values = {
        "instance_types": ["g5.12xlarge", "g6.12xlarge"], "capacity_type": "SPOT", "disk_size": 200,
        "scaling_config": [{"desired_size": 2, "min_size": 0, "max_size": 10}], "labels": {"nvidia.com/gpu.product": "NVIDIA-A10G"},
    }  # fmt: skip
    configuration = provider("aws", "us-east-2") | {
        "root_module": {"resources": [{"address": "aws_eks_node_group.n", "provider_config_key": "aws"}]}
    }
    found = only(tmp_path, resource("aws_eks_node_group.n", values), configuration=configuration)
    assert (found.machine, found.purchase, found.region) == ("g5.12xlarge", "spot", "us-east-2")
    assert (found.min, found.desired, found.max) == (0, 2, 10)
    assert found.labels["nvidia.com/gpu.product"] == "NVIDIA-A10G"
    assert "first of 2" in found.notes[0]


def test_types_that_a_node_group_leaves_to_amazon_have_no_gpu(tmp_path: Path) -> None:
    group = resource("aws_eks_node_group.n", {"scaling_config": [{"min_size": 1, "max_size": 1}]}, unknown={"instance_types": True})
    configuration = {"root_module": {"resources": [{"address": "aws_eks_node_group.n", "expressions": {"cluster_name": {}}}]}}
    found = groups(tmp_path, plan(group, configuration=configuration))
    assert found.groups == () and "t3.medium" in found.ignored[0]
    assert "instance_types: known only after apply" in refusal(tmp_path, group)


def pool(**values: Any) -> dict[str, Any]:
    node = {"machine_type": "a3-highgpu-8g", **values.pop("node", {})}
    return resource("google_container_node_pool.p", {"name": "p", "location": "us-central1", "node_config": [node], **values})


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


def aks(**values: Any) -> dict[str, Any]:
    return resource("azurerm_kubernetes_cluster_node_pool.n", {"vm_size": "Standard_ND96isr_H100_v5", "node_count": 1, **values})


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


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("p5.48xlargee", "did you mean 'p5.48xlarge'"),
        ("p99.metal", "unknown machine"),
        ("quantum", "unknown machine"),
        ("inf2.xlarge", "sim-machine"),
    ],
)
def test_a_machine_that_is_not_known_is_never_free(tmp_path: Path, name: str, told: str) -> None:
    message = refusal(tmp_path, resource("aws_instance.g", {"instance_type": name}))
    assert "aws_instance.g" in message and "instance_type" in message and told in message


def test_a_machine_without_gpus_is_listed(tmp_path: Path) -> None:
    found = groups(tmp_path, plan(resource("aws_instance.web", {"instance_type": "m5.large"})))
    assert found.groups == () and found.ignored == ("aws_instance.web: m5.large has no GPU; what it costs is not in the results",)


@pytest.mark.parametrize(
    ("made", "attribute"),
    [
        (resource("aws_instance.g", {}, unknown={"instance_type": True}), "instance_type"),
        (resource("google_compute_instance.g", {}, unknown={"machine_type": True}), "machine_type"),
        (resource("google_container_node_pool.g", {}, unknown={"node_config": True}), "node_config.machine_type"),
        (resource("azurerm_linux_virtual_machine.g", {}, unknown={"size": True}), "size"),
        (aks(vm_size=None) | {"unknown": {"vm_size": True}}, "vm_size"),
        (
            resource("aws_eks_node_group.g", {"instance_types": [P5]}, unknown={"scaling_config": [{"min_size": True}]}),
            "scaling_config.min_size",
        ),
    ],
)
def test_what_is_known_only_after_apply_is_named_with_how_to_give_it(tmp_path: Path, made: dict[str, Any], attribute: str) -> None:
    told = refusal(tmp_path, made)
    assert f"{made['address']}: {attribute}: known only after apply; write" in told


def test_a_type_that_is_sensitive_is_not_read_and_not_shown(tmp_path: Path) -> None:
    told = refusal(tmp_path, resource("aws_instance.g", {"instance_type": P5}, sensitive={"instance_type": True}))
    assert "sensitive" in told and P5 not in told


def test_all_problems_of_a_plan_are_told_at_once(tmp_path: Path) -> None:
    several = [resource(f"aws_instance.g{k}", {"instance_type": f"p{k}x.large"}) for k in range(3)]
    assert len(refusal(tmp_path, *several).splitlines()) == 3


def test_counts_that_are_no_numbers_of_machines_are_refused(tmp_path: Path) -> None:
    assert "whole number" in refusal(tmp_path, template(), scaling(max_size=-1))
    assert "whole number" in refusal(tmp_path, template(), scaling(max_size=1e12))
    assert "max_size" in refusal(tmp_path, template(), scaling(max_size="many"))


def test_what_is_destroyed_is_in_the_prior_state_only(tmp_path: Path) -> None:
    data = plan(prior=(resource("aws_instance.old", {"instance_type": P5}),))
    assert groups(tmp_path, data).groups == ()
    assert [each.address for each in groups(tmp_path, data, "prior").groups] == ["aws_instance.old"]


def test_a_group_of_none_is_listed(tmp_path: Path) -> None:
    found = groups(tmp_path, plan(template(), scaling(min_size=0, max_size=0)))
    assert found.groups == () and "no machines" in found.ignored[0]


def test_hostile_names_are_shown_without_steering(tmp_path: Path) -> None:
    told = refusal(tmp_path, resource('aws_instance.g["\x1b[31mred"]', {"instance_type": "x\x1b[2J"}))
    assert "\x1b" not in told


def test_what_may_have_gpus_or_say_what_runs_and_is_not_read_is_listed(tmp_path: Path) -> None:
    found = groups(tmp_path, plan(resource("aws_ec2_fleet.f", {}), resource("helm_release.vllm", {}), resource("aws_s3_bucket.b", {})))
    assert len(found.ignored) == 2
    assert "1 aws_ec2_fleet" in found.ignored[0] and "--kubernetes" in found.ignored[1]


def test_plans_that_somebody_broke_are_read_or_refused(tmp_path: Path) -> None:
    """Values of a plan replaced by what does not belong there: an InputError, or groups, never anything else."""
    whole = plan(
        template(), scaling(), policy({"target_value": 8, "customized_metric_specification": [{"metric_name": "num_requests_waiting"}]}),
        pool(initial_node_count=1), aks(priority="Spot", spot_max_price=-1), configuration=provider("aws", "us-east-1"),
    )  # fmt: skip
    junk: tuple[Any, ...] = (None, True, -1, 1e300, 10**30, "", "\x1b[1m", "9" * 400, [], {}, [[]], [{}], [None], {"references": ["x"]})
    chance = random.Random(7)
    told: list[str] = []
    read = 0
    for _ in range(150):
        broken = copy.deepcopy(whole)
        for _ in range(chance.randint(1, 3)):
            part: Any = broken
            while True:
                keys = list(part) if isinstance(part, dict) else list(range(len(part)))
                key = chance.choice(keys)
                inside = part[key]
                if not isinstance(inside, (dict, list)) or not inside or chance.random() < 0.15:
                    part[key] = copy.deepcopy(chance.choice(junk))
                    break
                part = inside
        try:
            groups(tmp_path, broken)
            read += 1
        except InputError as error:
            told.append(str(error))
    assert read > 0 and told
    assert "\x1b" not in "".join(told)
