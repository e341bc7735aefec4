"""Amazon's machines in a Terraform plan: instances, scaling groups with their templates and policies, node groups."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sim.iac.groups import Disk
from tests.made.terraform import P5, groups, only, plan, policy, provider, refusal, resource, scaling, template


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
