"""Groups of machines in a Terraform plan, whoever rents them: what is refused with the attribute to mend, and what is listed."""

from __future__ import annotations

import copy
import random
from pathlib import Path
from typing import Any

import pytest

from sim.errors import InputError
from sim.iac.groups import region_in
from tests.made.terraform import P5, aks, groups, plan, policy, pool, provider, refusal, resource, scaling, template


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
