"""Small Terraform plans for tests."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from sim.catalog.catalog import Catalog
from sim.errors import InputError
from sim.iac.groups import Group, GroupsFound
from sim.iac.terraform_groups import groups_of
from sim.iac.terraform_plan import State, read_plan


def resource(
    address: str, values: Mapping[str, Any], *, unknown: Any = None, sensitive: Any = None, mode: str = "managed"
) -> dict[str, Any]:
    """A resource with its address, what is unknown in it and what is sensitive."""
    plain = address.rsplit("module.", 1)[-1] if "module." in address else address
    kind, name = plain.split("[")[0].removeprefix("data.").split(".")[-2:]
    provider = {"aws": "aws", "google": "google", "azurerm": "azurerm"}.get(kind.split("_")[0], "other")
    return {
        "address": address, "mode": mode, "type": kind, "name": name, "provider_name": f"host/hashicorp/{provider}",
        "values": dict(values), "unknown": unknown or {}, "sensitive": sensitive or {},
    }  # fmt: skip


def plan(
    *resources: Mapping[str, Any], prior: tuple[Mapping[str, Any], ...] = (), configuration: Any = None, modules: Any = None, **more: Any
) -> dict[str, Any]:
    """A plan of format 1.2 that creates some resources."""

    def stated(each: Mapping[str, Any]) -> dict[str, Any]:
        return {key: each[key] for key in ("address", "mode", "type", "name", "provider_name", "values")} | {
            "sensitive_values": each["sensitive"]
        }

    changes = [
        {
            "address": each["address"], "mode": each["mode"], "type": each["type"], "name": each["name"],
            "change": {
                "actions": ["create"], "before": None, "after": each["values"], "after_unknown": each["unknown"],
                "before_sensitive": False, "after_sensitive": each["sensitive"],
            },
        }
        for each in resources
    ]  # fmt: skip
    root: dict[str, Any] = {"resources": [stated(each) for each in resources]}
    if modules is not None:
        root["child_modules"] = modules
    found: dict[str, Any] = {
        "format_version": "1.2", "terraform_version": "1.9.8", "planned_values": {"root_module": root}, "resource_changes": changes,
        "configuration": configuration or {},
    }  # fmt: skip
    if prior:
        found["prior_state"] = {"format_version": "1.0", "values": {"root_module": {"resources": [stated(each) for each in prior]}}}
    return found | more


def provider(name: str, region: str) -> dict[str, Any]:
    """The configuration of one provider."""
    return {"provider_config": {name: {"name": name, "expressions": {"region": {"constant_value": region}}}}}


def write(folder: Path, data: Any, name: str = "plan.json") -> Path:
    """A file with some JSON."""
    file = folder / name
    file.write_text(json.dumps(data), encoding="utf-8")
    return file


def groups(folder: Path, data: Any, state: State = "planned") -> GroupsFound:
    """The groups of a plan."""
    return groups_of(read_plan(write(folder, data), "plan.json"), Catalog.bundled(), state)


def only(folder: Path, *resources: Mapping[str, Any], **more: Any) -> Group:
    """The one group of a plan of some resources."""
    (found,) = groups(folder, plan(*resources, **more)).groups
    return found


P5 = "p5.48xlarge"
"""Eight H100."""


def refusal(folder: Path, *resources: Any, **more: Any) -> str:
    """What a plan that must be refused is told."""
    with pytest.raises(InputError) as error:
        groups(folder, plan(*resources, **more))
    return str(error.value)


def template(**values: Any) -> dict[str, Any]:
    """A launch template of P5."""
    return resource("aws_launch_template.t", {"name": "t", "instance_type": P5, **values})


def scaling(**values: Any) -> dict[str, Any]:
    """An auto-scaling group of that template."""
    return resource(
        "aws_autoscaling_group.g",
        {"name": "g", "min_size": 1, "max_size": 4, "launch_template": [{"name": "t"}], "availability_zones": ["us-west-2b"], **values},
    )


def policy(configuration: dict[str, Any], **values: Any) -> dict[str, Any]:
    """A target tracking policy of that group."""
    return resource(
        "aws_autoscaling_policy.p",
        {
            "autoscaling_group_name": "g", "policy_type": "TargetTrackingScaling", "target_tracking_configuration": [configuration], **values,
        },
    )  # fmt: skip


def pool(**values: Any) -> dict[str, Any]:
    """A GKE node pool of eight H100."""
    node = {"machine_type": "a3-highgpu-8g", **values.pop("node", {})}
    return resource("google_container_node_pool.p", {"name": "p", "location": "us-central1", "node_config": [node], **values})


def aks(**values: Any) -> dict[str, Any]:
    """An AKS node pool of eight H100."""
    return resource("azurerm_kubernetes_cluster_node_pool.n", {"vm_size": "Standard_ND96isr_H100_v5", "node_count": 1, **values})
