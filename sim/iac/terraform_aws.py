"""Amazon's machines in a Terraform plan: instances, auto-scaling groups with their templates and policies, EKS node groups."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sim.catalog.gpu import Purchase
from sim.catalog.machine import Machine
from sim.errors import InputError, visible
from sim.iac.groups import RESERVED, Disk, Group, View, machine_of, need_count, region_in
from sim.iac.terraform_aws_policies import law_of
from sim.iac.terraform_resource import Resource, label_key, number_of

_TEMPLATES = ("aws_launch_template", "aws_launch_configuration")
_DEFAULT_NODE = "t3.medium"
"""What EKS takes for a node group that names no instance type (its API, CreateNodegroup)."""


def read_aws(view: View, resource: Resource) -> Iterator[Group]:
    """The group that a resource is; none where it has no GPU. InputError where what is needed is not in the plan."""
    if resource.type in ("aws_instance", "aws_spot_instance_request"):
        yield from _instance(view, resource)
    elif resource.type == "aws_autoscaling_group":
        yield from _scaling_group(view, resource)
    elif resource.type == "aws_eks_node_group":
        yield from _node_group(view, resource)


def _instance(view: View, resource: Resource) -> Iterator[Group]:
    template = _template(view, resource, "launch_template")
    name = resource.text("instance_type") or (template.text("instance_type") if template else "")
    machine = machine_of(view, resource, "aws", name, "instance_type", resource.missing("instance_type"))
    if machine is None:
        return
    notes: list[str] = []
    request = resource.type == "aws_spot_instance_request"
    said = resource if next(resource.blocks("instance_market_options"), None) or template is None else template
    purchase, most = _purchase(said, notes)
    if request:
        purchase, most = "spot", resource.number("spot_price")
    _reserved(resource, notes)
    yield _group(resource, machine, purchase, (1, 1, 1), notes, spot_max=most, disks=_disks(resource, template))


def _scaling_group(view: View, resource: Resource) -> Iterator[Group]:
    notes: list[str] = []
    template, name, missing = None, "", ""
    mixed = next(resource.blocks("mixed_instances_policy"), None)
    attribute = "mixed_instances_policy" if mixed else "launch_template"
    if resource.text("launch_configuration") or "launch_configuration" in resource.links:
        attribute = "launch_configuration"
    template = _template(view, resource, attribute)
    if mixed:
        name = _first_override(mixed, resource, notes)
    if not name and template is not None:
        name, missing = template.text("instance_type"), template.missing("instance_type")
        if not name and next(template.blocks("instance_requirements"), None):
            missing = "the template names requirements, not a type"
    elif not name:
        missing = f"{_named(resource, attribute)} is not in the plan, and the instance type stands there; read it with a data source"
    machine = machine_of(view, resource, "aws", name, f"instance type by {attribute}", missing)
    if machine is None:
        return
    purchase, most = ("on_demand", None) if template is None else _purchase(template, notes)
    if mixed:
        purchase, most = _mixed_purchase(mixed, purchase, most, notes)
    if template is not None:
        _reserved(template, notes)
    low, high = need_count(resource, "min_size"), need_count(resource, "max_size")
    desired = resource.count("desired_capacity")
    law, warm_up_s = law_of(view, resource, notes)
    warm_up_s = warm_up_s or resource.number("default_instance_warmup")
    if next(resource.blocks("warm_pool"), None):
        notes.append("warm_pool is not modelled: machines start from nothing")
    yield _group(
        resource, machine, purchase, (low, low if desired is None else desired, high), notes, spot_max=most,
        disks=_disks(resource, template), law=law, warm_up_s=warm_up_s if warm_up_s and warm_up_s > 0 else None,
        labels=dict(template.labels) if template else {},
    )  # fmt: skip


def _node_group(view: View, resource: Resource) -> Iterator[Group]:
    notes: list[str] = []
    template = _template(view, resource, "launch_template")
    given = resource.find("instance_types")
    types = [str(each) for each in given if isinstance(each, str)] if isinstance(given, list) else []
    name = types[0] if types else template.text("instance_type") if template is not None else ""
    missing = resource.missing("instance_types")
    has_template = "launch_template" in resource.links or next(resource.blocks("launch_template"), None) is not None
    if not name and has_template and template is None:
        missing = f"{_named(resource, 'launch_template')} is not in the plan, and the instance type stands there"
    elif (
        not name
        and "sensitive" not in missing
        and resource.configured is not None
        and not {"instance_types", "launch_template"} & resource.configured
    ):
        name = _DEFAULT_NODE
    machine = machine_of(view, resource, "aws", name, "instance_types", missing)
    if machine is None:
        return
    if len(types) > 1:
        notes.append(f"instance_types: the first of {len(types)} is taken, {visible(types[0][:60])}")
    kind = resource.text("capacity_type").upper()
    purchase: Purchase = "spot" if kind == "SPOT" else "capacity_block" if kind == "CAPACITY_BLOCK" else "on_demand"
    if not kind and template is not None:
        purchase = _purchase(template, notes)[0]
    low, high = need_count(resource, "scaling_config", "min_size"), need_count(resource, "scaling_config", "max_size")
    desired = resource.count("scaling_config", "desired_size")
    size = resource.number("disk_size")
    disks = (Disk("", size),) if size else _disks(resource, template)
    own = {"eks.amazonaws.com/nodegroup": resource.text("node_group_name"), "eks.amazonaws.com/capacityType": kind}
    labels = {label_key(key): value for key, value in own.items() if value}
    yield _group(resource, machine, purchase, (low, low if desired is None else desired, high), notes, disks=disks, labels=labels)


def _group(
    resource: Resource, machine: Machine, purchase: Purchase, counts: tuple[int, int, int], notes: list[str], *,
    spot_max: float | None = None, disks: tuple[Disk, ...] = (), labels: Mapping[str, str] | None = None, **more: Any,
) -> Group:  # fmt: skip
    low, desired, high = counts
    return Group(
        address=resource.address, name=resource.name, provider="aws", machine=machine.name, gpu=machine.gpu, gpus_per_machine=machine.gpus,
        region=_region(resource), purchase=purchase, min=low, desired=min(max(desired, low), high), max=high, disks=disks,
        spot_max_usd_per_hour=spot_max if purchase == "spot" and spot_max and spot_max > 0 else None,
        labels={**(labels or {}), **resource.labels}, members=(resource.address,), notes=tuple(notes), **more,
    )  # fmt: skip


def _template(view: View, resource: Resource, attribute: str) -> Resource | None:
    """The launch template or configuration that a resource names: by reference, id or name."""
    block = (attribute, "launch_template", "launch_template_specification") if attribute == "mixed_instances_policy" else (attribute,)
    names = [resource.text(*block, key) for key in ("id", "name", "launch_template_id", "launch_template_name")]
    if attribute == "launch_configuration":
        names = [resource.text(attribute)]
    found = view.followed(resource, attribute, _TEMPLATES, *names)
    if found is not None:
        return found
    near = [each for each in view.of_types(*_TEMPLATES) if each.module == resource.module]
    if len(near) == 1 and not any(names) and resource.missing(*block, "id"):
        view.notes.assumed.append(f"{resource.shown}: its template is {near[0].shown}, the only one beside it: the plan does not say which")
        return near[0]
    return None


def _named(resource: Resource, attribute: str) -> str:
    name = resource.text(attribute) or resource.text(attribute, "name") or resource.text(attribute, "id")
    return f"{attribute.replace('_', ' ')}{f' {visible(name[:80])!r}' if name else ''}"


def _first_override(mixed: Mapping[str, Any], resource: Resource, notes: list[str]) -> str:
    """The first instance type of a mixed group, which has the highest priority."""
    part = Resource(resource.address, resource.type, resource.name, resource.provider, mixed)
    overrides = list(part.blocks("launch_template", "override"))
    types = [str(each["instance_type"]) for each in overrides if each.get("instance_type")]
    if any(each.get("instance_requirements") for each in overrides) and not types:
        raise InputError(
            f"{resource.shown}: mixed_instances_policy: found instance_requirements; which type Amazon takes is not in the plan; name one "
            "by the tag sim-machine: NAME"
        )
    if len(types) > 1:
        notes.append(f"mixed_instances_policy: the first of {len(types)} instance types is taken, {visible(types[0][:60])}")
    return types[0] if types else ""


def _mixed_purchase(mixed: Mapping[str, Any], purchase: Purchase, most: float | None, notes: list[str]) -> tuple[Purchase, float | None]:
    part = Resource("", "", "", "", mixed)
    base = part.number("instances_distribution", "on_demand_base_capacity") or 0.0
    above = part.number("instances_distribution", "on_demand_percentage_above_base_capacity")
    above = 100.0 if above is None else above
    if above == 0.0 and base == 0.0:
        return "spot", part.number("instances_distribution", "spot_max_price")
    if above < 100.0:
        notes.append(
            f"mixed_instances_policy: {base:g} machines on demand and {above:g} % of the others, the rest spot; all are taken as on "
            "demand, which costs most and is never taken back"
        )
    return purchase, most


def _purchase(part: Resource, notes: list[str]) -> tuple[Purchase, float | None]:
    """How the machines of an instance or template are bought, and the most that is paid for one on spot."""
    kind = part.text("instance_market_options", "market_type")
    if kind == "spot":
        return "spot", part.number("instance_market_options", "spot_options", "max_price")
    if kind == "capacity-block":
        return "capacity_block", None
    if part.type == "aws_launch_configuration" and (price := part.number("spot_price")):
        return "spot", price
    if kind:
        notes.append(f"market_type {visible(kind[:40])!r} is not known: taken as on demand")
    return "on_demand", None


def _reserved(part: Resource, notes: list[str]) -> None:
    """Capacity that is reserved costs as on demand, but is paid whether it is used or not."""
    target = part.find("capacity_reservation_specification", "capacity_reservation_target")
    if target:
        notes.append(f"capacity_reservation_specification: {RESERVED}")


def _region(resource: Resource) -> str | None:
    zones = resource.find("availability_zones")
    zone = resource.text("availability_zone") or (str(zones[0]) if isinstance(zones, list) and zones else "")
    place = resource.text("region") or zone or resource.region or ""
    return region_in(place) if place else None


def _disks(resource: Resource, template: Resource | None) -> tuple[Disk, ...]:
    found = []
    for part, keys in ((resource, ("root_block_device",)), (resource, ("ebs_block_device",)), (template, ("block_device_mappings",))):
        for block in part.blocks(*keys) if part is not None else ():
            inner = Resource("", "", "", "", block)
            ebs = inner if keys[0] != "block_device_mappings" else Resource("", "", "", "", next(inner.blocks("ebs"), {}))
            size = number_of(ebs.find("volume_size"))
            if size and size > 0:
                found.append(Disk(ebs.text("volume_type"), size))
    return tuple(found)
