"""One resource of a Terraform plan: the few attributes that say how many machines of which kind, and nothing else.

Everything else of a resource is dropped when it is read, so that passwords, keys and user data are neither kept nor shown. What the
plan itself marks as sensitive is dropped too, whatever its name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from sim.errors import InputError, visible

KEPT = frozenset(
    {
        "auto_scaling_enabled", "autoscaling", "autoscaling_group_name", "autoscaling_policy", "availability_zone",
        "availability_zones", "block_device_mappings", "boot_disk", "capacity", "capacity_reservation_id",
        "capacity_reservation_resource_group_arn", "capacity_reservation_specification", "capacity_reservation_target",
        "capacity_type", "cluster", "consume_reservation_type", "cooldown_period", "count", "cpu_utilization",
        "customized_metric_specification", "default", "default_instance_warmup", "default_node_pool", "desired_capacity",
        "desired_size", "disable_scale_in", "disk", "disk_size", "disk_size_gb", "disk_type", "ebs", "ebs_block_device",
        "enable_auto_scaling", "estimated_instance_warmup", "gpu_instance", "gpu_partition_size", "guest_accelerator", "id",
        "initial_node_count", "initialize_params", "instance_group_manager", "instance_market_options", "instance_requirements",
        "instance_template", "instance_type", "instance_types", "instances", "instances_distribution", "kubernetes_cluster_id",
        "label", "labels", "launch_configuration", "launch_template", "launch_template_id", "launch_template_name",
        "launch_template_specification", "load_balancing_utilization", "location", "machine_type", "market_type", "max_bid_price",
        "max_count", "max_node_count", "max_price", "max_replicas", "max_size", "maximum", "metric", "metric_name", "metric_stat",
        "metrics", "min_count", "min_node_count", "min_replicas", "min_size", "minimum", "mixed_instances_policy", "mode", "name",
        "node_config", "node_count", "node_group_name", "node_labels", "node_locations", "on_demand_base_capacity",
        "on_demand_percentage_above_base_capacity", "os_disk", "os_disk_size_gb", "override", "policy_type",
        "predefined_metric_specification", "predefined_metric_type", "preemptible", "priority", "profile", "provisioning_model",
        "region", "remove_default_node_pool", "reservation_affinity", "root_block_device", "scaling_config", "scheduling",
        "self_link", "self_link_unique", "single_instance_assignment", "size", "sku", "sku_name", "spot", "spot_max_price",
        "spot_options", "spot_price", "storage_account_type", "tag", "tags", "target", "target_resource_id", "target_size",
        "target_tracking_configuration", "target_value", "total_max_node_count", "total_min_node_count", "type", "version",
        "vm_size", "volume_size", "volume_type", "zone", "zones",
    }
)  # fmt: skip
"""Names of attributes, at any depth, that are kept; none of them holds a secret."""

_LABELS = ("tags", "labels", "node_labels")
_LABEL_WORDS = frozenset(
    {
        "llm", "model", "precision", "quantization", "tensor-parallel", "tensor-parallel-size", "engine", "deployment", "sim-llm",
        "sim-precision", "sim-tensor-parallel", "sim-engine", "sim-deployment", "sim-machine", "nvidia.com/gpu.product",
        "cloud.google.com/gke-accelerator",
    }
)  # fmt: skip
"""Tags and labels that are kept, as `label_key` writes them."""
_LONGEST_LABEL = 256
INDEX = re.compile(r"\[(?:\d+|\"(?:[^\"\\]|\\.)*\")\]$")
"""That of `count` or `for_each`, at the end of an address."""


class Hidden:
    """Stands where the plan marks a value as sensitive: it is not kept."""


HIDDEN = Hidden()


def label_key(key: str) -> str:
    """The form in which keys of tags and labels are compared: `sim:tensor_parallel` is `sim-tensor-parallel`."""
    return re.sub(r"[:_]", "-", key.strip().lower())


def prune(value: Any, mask: Any) -> Any:
    """The part of a value that is kept; `mask` is what the plan says of what is sensitive in it."""
    if mask is True:
        return HIDDEN
    if isinstance(value, dict):
        found = {}
        for key, each in value.items():
            of_key = mask.get(key) if isinstance(mask, dict) else None
            if key in _LABELS:
                found[key] = _labels(each, of_key, of_nodes=key != "tags")
            elif key in KEPT:
                found[key] = prune(each, of_key)
        if "key" in value and "value" in value and label_key(str(value["key"])) in _LABEL_WORDS:
            # A tag of an auto-scaling group is a block of its own.
            found |= {key: HIDDEN if isinstance(mask, dict) and mask.get(key) is True else value[key] for key in ("key", "value")}
        return found
    if isinstance(value, list):
        return [prune(each, mask[k] if isinstance(mask, list) and k < len(mask) else None) for k, each in enumerate(value)]
    return value


def _labels(value: Any, mask: Any, *, of_nodes: bool) -> Any:
    """Labels, of which manifests may ask any of a node; of tags only those that say what runs."""
    if mask is True:
        return HIDDEN
    if isinstance(value, list):
        return [prune(each, mask[k] if isinstance(mask, list) and k < len(mask) else None) for k, each in enumerate(value)]
    if not isinstance(value, dict):
        return None
    hidden = {key for key, each in mask.items() if each is True} if isinstance(mask, dict) else set()
    wanted = {key: each for key, each in value.items() if key not in hidden and (of_nodes or label_key(key) in _LABEL_WORDS)}
    return {key: each for key, each in wanted.items() if isinstance(each, (str, int, float)) and len(str(each)) <= _LONGEST_LABEL}


def prune_unknown(mask: Any) -> Any:
    """What is known only after apply, of the attributes that are kept."""
    if isinstance(mask, dict):
        return {key: prune_unknown(each) for key, each in mask.items() if key in KEPT}
    return [prune_unknown(each) for each in mask] if isinstance(mask, list) else mask is True


@dataclass(frozen=True)
class Resource:
    """One instance of a resource."""

    address: str
    type: str
    name: str
    provider: str
    """The last part of `provider_name`: aws, google, google-beta, azurerm."""
    values: Mapping[str, Any] = field(repr=False)
    unknown: Any = field(default=None, repr=False)
    links: Mapping[str, tuple[str, ...]] = field(default_factory=dict, repr=False)
    """Addresses, as the module of the resource writes them, that an attribute refers to."""
    configured: frozenset[str] | None = field(default=None, repr=False)
    """Attributes that are written in the configuration; None where the plan does not repeat it."""
    region: str | None = None
    """That of the provider's configuration."""
    action: str = ""
    """What the plan does with it: create, update, replace, delete, no-op; nothing where it does not say."""

    @property
    def base(self) -> str:
        """The address without the index of `count` or `for_each`."""
        return INDEX.sub("", self.address)

    @property
    def index(self) -> str:
        """The index of `count` or `for_each` with its brackets; empty without one."""
        return self.address[len(self.base) :]

    @property
    def module(self) -> str:
        """The address of the module it stands in, with its index; empty at the root."""
        return self.base.removesuffix(f"{self.type}.{self.name}").removesuffix("data.").removesuffix(".")

    @property
    def shown(self) -> str:
        """The address for messages."""
        return visible(self.address[:200])

    def find(self, *keys: str) -> Any:
        """The value below some keys, None where there is none; of a list on the way (a block) its first item is taken."""
        value: Any = self.values
        for key in keys:
            if isinstance(value, list):
                value = value[0] if value else None
            if not isinstance(value, Mapping):
                return None
            value = value.get(key)
        return None if value is HIDDEN else value

    def text(self, *keys: str) -> str:
        """The value as a text; empty where there is none."""
        value = self.find(*keys)
        return value.strip() if isinstance(value, str) else str(value) if isinstance(value, (int, float)) else ""

    def number(self, *keys: str) -> float | None:
        """The value as a finite number; None where there is none or it is none."""
        return number_of(self.find(*keys))

    def count(self, *keys: str) -> int | None:
        """The value as a whole number from 0 to a million; None where there is none, InputError where it is another."""
        value = self.number(*keys)
        if value is None:
            return None
        if not 0 <= value <= 1_000_000 or value != int(value):
            raise InputError(f"{self.shown}: {'.'.join(keys)}: found {value:g}; allowed: a whole number of machines")
        return int(value)

    def blocks(self, *keys: str) -> Iterator[Mapping[str, Any]]:
        """The blocks below some keys: the items of a list, or the one there is."""
        value = self.find(*keys)
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, Mapping):
                yield each

    def missing(self, *keys: str) -> str:
        """Why there is no value: known only after apply, marked sensitive; empty where the plan just has none."""
        mask = self.unknown
        for key in keys:
            if isinstance(mask, list):
                mask = mask[0] if mask else None
            if not isinstance(mask, Mapping):
                break
            mask = mask.get(key)
        if mask is True:
            return "known only after apply"
        value: Any = self.values
        for key in keys:
            value = value[0] if isinstance(value, list) and value else value
            value = value.get(key) if isinstance(value, Mapping) else value
        return "marked sensitive, so it is not read" if value is HIDDEN else ""

    @property
    def labels(self) -> Mapping[str, str]:
        """Its tags and labels that say what runs on it, by the form of `label_key`; those of the machines before its own."""
        found: dict[str, str] = {}
        for keys in (("tags",), ("labels",), ("node_config", "labels"), ("node_labels",), ("default_node_pool", "node_labels")):
            value = self.find(*keys)
            if isinstance(value, Mapping):
                found |= {label_key(str(key)): str(each) for key, each in value.items() if isinstance(each, (str, int, float))}
        for block in (*self.blocks("tag"), *(each for each in self.blocks("tags") if "key" in each)):
            if isinstance(block.get("value"), str):
                found[label_key(str(block.get("key")))] = str(block["value"])
        return found


def number_of(value: Any) -> float | None:
    """A plain value as a finite number; None where it is none."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if abs(number) < 1e15 else None
