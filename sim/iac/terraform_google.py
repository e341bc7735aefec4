"""Google's machines in a Terraform plan: instances, managed groups with their templates and autoscalers, GKE node pools.

A node pool counts its nodes in each zone (`initial_node_count`, `node_count`, `min_node_count`, `max_node_count`), but the bounds
`total_min_node_count` and `total_max_node_count` over all of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from sim.catalog.gpu import Purchase
from sim.catalog.machine import find_machine, gpu_of_accelerator
from sim.errors import InputError, visible
from sim.iac.groups import MACHINE_LABEL, RESERVED, Disk, Group, Law, View, law_of_metric, machine_of, need_count, region_in
from sim.iac.terraform_resource import Resource, label_key

_TEMPLATES = ("google_compute_instance_template", "google_compute_region_instance_template")
_MANAGERS = ("google_compute_instance_group_manager", "google_compute_region_instance_group_manager")
_AUTOSCALERS = ("google_compute_autoscaler", "google_compute_region_autoscaler")
_ZONES_OF_A_REGION = 3
"""Zones that GKE takes of a region where none are named."""
_STABILIZATION_S = 600.0
"""Compute Engine's autoscaler removes machines by the peak of the last ten minutes (its documents, "stabilization period")."""


def read_google(view: View, resource: Resource) -> Iterator[Group]:
    """The group that a resource is; none where it has no GPU. InputError where what is needed is not in the plan."""
    if resource.type == "google_compute_instance":
        yield from _instance(view, resource)
    elif resource.type in _MANAGERS:
        yield from _managed(view, resource)
    elif resource.type == "google_container_node_pool":
        yield from _node_pool(view, resource)
    elif resource.type == "google_container_cluster":
        yield from _default_pool(view, resource)


def _instance(view: View, resource: Resource) -> Iterator[Group]:
    found = _gpus(view, resource, resource)
    if found is not None:
        notes: list[str] = []
        purchase = _purchase(resource, "scheduling", notes)
        yield _group(resource, found, purchase, (1, 1, 1), _place(resource), _disks(resource), notes)


def _managed(view: View, resource: Resource) -> Iterator[Group]:
    notes: list[str] = []
    attribute = "version" if "version" in resource.links or resource.find("version") else "instance_template"
    template = view.followed(resource, attribute, _TEMPLATES, resource.text("version", "instance_template"))
    if template is None and resource.labels.get(MACHINE_LABEL, "").lower() != "none":
        raise InputError(
            f"{resource.shown}: {attribute}: its instance template is not in the plan, and the machine type stands there; read it with a "
            "data source"
        )
    found = _gpus(view, template, resource) if template is not None else None
    if found is None or template is None:
        return
    size = resource.count("target_size")
    low = high = desired = size
    law, warm_up_s = None, None
    for scaler in view.of_types(*_AUTOSCALERS):
        if view.followed(scaler, "target", _MANAGERS, scaler.text("target")) is resource:
            at = "autoscaling_policy"
            low, high = need_count(scaler, at, "min_replicas"), need_count(scaler, at, "max_replicas")
            desired = low if size is None else size
            law, warm_up_s = _law(scaler, at, notes), scaler.number(at, "cooldown_period")
    if low is None or high is None or desired is None:
        desired = low = high = need_count(resource, "target_size")
    place = _place(resource)
    if len(list(resource.blocks("version"))) > 1:
        notes.append("version: the first of several templates is taken for all machines")
    yield _group(
        resource, found, _purchase(template, "scheduling", notes), (low, desired, high), place, _disks(template), notes, law=law,
        warm_up_s=warm_up_s, labels={**template.labels, **resource.labels},
    )  # fmt: skip


def _node_pool(view: View, resource: Resource) -> Iterator[Group]:
    cluster = view.followed(resource, "cluster", ("google_container_cluster",), resource.text("cluster"))
    found = _gpus(view, resource, resource, "node_config")
    if found is None:
        return
    notes: list[str] = []
    zones, said = _zones(resource, cluster)
    per_zone = resource.count("node_count")
    if per_zone is None:
        per_zone = resource.count("initial_node_count")
    scaling = next(resource.blocks("autoscaling"), None)
    if scaling is None:
        if per_zone is None:
            per_zone = need_count(resource, "node_count")
        low = high = per_zone * zones
        zonal = per_zone > 0
    else:
        low = resource.count("autoscaling", "total_min_node_count") or 0
        high = resource.count("autoscaling", "total_max_node_count") or 0
        zonal = high == 0
        if zonal:
            low = (resource.count("autoscaling", "min_node_count") or 0) * zones
            high = need_count(resource, "autoscaling", "max_node_count") * zones
    desired = low if per_zone is None else per_zone * zones
    if said and (zonal or per_zone):
        view.notes.assumed.append(f"{resource.shown}: {zones} zones: {said}")
    if zonal and zones > 1:
        notes.append(f"node counts are those of a zone, and it has {zones} of them")
    kind = resource.text("node_config", "reservation_affinity", "consume_reservation_type")
    if kind in ("ANY_RESERVATION", "SPECIFIC_RESERVATION"):
        notes.append(f"reservation_affinity {kind}: {RESERVED}")
    purchase = _purchase(resource, "node_config", notes)
    labels = {label_key("cloud.google.com/gke-nodepool"): resource.text("name"), **resource.labels}
    for guest in resource.blocks("node_config", "guest_accelerator"):
        labels.setdefault(label_key("cloud.google.com/gke-accelerator"), str(guest.get("type")))
    if purchase == "spot":
        labels.setdefault(label_key("cloud.google.com/gke-spot"), "true")
    yield _group(
        resource, found, purchase, (low, desired, high), _place(resource, cluster), _disks(resource, "node_config"), notes, labels=labels
    )


def _default_pool(view: View, resource: Resource) -> Iterator[Group]:
    """The pool that a cluster is made with, where it is kept and has GPUs."""
    if resource.find("remove_default_node_pool") is True or not resource.text("node_config", "machine_type"):
        return
    found = _gpus(view, resource, resource, "node_config")
    if found is None:
        return
    zones, said = _zones(resource, None)
    if said:
        view.notes.assumed.append(f"{resource.shown}: {zones} zones: {said}")
    size = need_count(resource, "initial_node_count") * zones
    notes: list[str] = []
    purchase = _purchase(resource, "node_config", notes)
    yield _group(resource, found, purchase, (size, size, size), _place(resource), _disks(resource, "node_config"), notes)


def _gpus(view: View, part: Resource, resource: Resource, *at: str) -> tuple[str, str, int] | None:
    """Machine type, GPU and GPUs of a machine; None where it has none."""
    name = part.text(*at, "machine_type")
    guests = [each for each in part.blocks(*at, "guest_accelerator") if each.get("count") not in (0, None)]
    attribute = ".".join((*at, "machine_type"))
    if any(each.get("gpu_partition_size") for each in guests):
        raise InputError(f"{resource.shown}: gpu_partition_size: shares of a GPU are not modelled")
    if guests and name and MACHINE_LABEL not in resource.labels:
        try:
            built_in = find_machine(view.catalog, name, "gcp")
        except InputError:
            built_in = machine_of(view, resource, "gcp", name, attribute)
        if built_in is None:
            return _attached(view, resource, name, guests)
    machine = machine_of(view, resource, "gcp", name, attribute, part.missing(*at, "machine_type"))
    return None if machine is None else (machine.name, machine.gpu, machine.gpus)


def _attached(view: View, resource: Resource, name: str, guests: list[Mapping[str, Any]]) -> tuple[str, str, int]:
    """The GPUs that are attached to a machine that has none of its own."""
    gpus = set()
    for each in guests:
        try:
            gpus.add(gpu_of_accelerator(view.catalog, str(each.get("type"))))
        except InputError as error:
            raise InputError(f"{resource.shown}: guest_accelerator: {error}") from None
    if len(gpus) > 1:
        raise InputError(f"{resource.shown}: guest_accelerator: found several kinds of GPU in one machine; one is read")
    counts = [each.get("count") for each in guests]
    whole = [count for count in counts if isinstance(count, int) and 0 < count <= 64]
    if len(whole) < len(counts):
        raise InputError(f"{resource.shown}: guest_accelerator: count: allowed: 1 to 64")
    return name, gpus.pop(), sum(whole)


def _group(
    resource: Resource, found: tuple[str, str, int], purchase: Purchase, counts: tuple[int, int, int], region: str | None,
    disks: tuple[Disk, ...], notes: list[str], *, labels: Mapping[str, str] | None = None, **more: Any,
) -> Group:  # fmt: skip
    low, desired, high = counts
    return Group(
        address=resource.address, name=resource.name, provider="gcp", machine=found[0], gpu=found[1], gpus_per_machine=found[2],
        region=region, purchase=purchase, min=low, desired=min(max(desired, low), high), max=high, disks=disks,
        labels=resource.labels if labels is None else labels, members=(resource.address,), notes=tuple(notes), **more,
    )  # fmt: skip


def _purchase(part: Resource, at: str, notes: list[str]) -> Purchase:
    model = part.text(at, "provisioning_model").upper()
    if model not in ("", "STANDARD", "SPOT"):
        notes.append(f"provisioning_model {visible(model[:40])} is not modelled: taken as on demand")
    spot = model == "SPOT" or part.find(at, "spot") is True or part.find(at, "preemptible") is True
    return "spot" if spot else "on_demand"


def _place(resource: Resource, cluster: Resource | None = None) -> str | None:
    place = resource.text("zone") or resource.text("location") or resource.text("region")
    if not place and cluster is not None:
        place = cluster.text("location") or cluster.region or ""
    place = place or resource.region or ""
    return region_in(place) if place else None


def _zones(resource: Resource, cluster: Resource | None) -> tuple[int, str]:
    """In how many zones a pool has nodes, and, where that is assumed, why."""
    for part in (resource, cluster):
        zones = part.find("node_locations") if part is not None else None
        if isinstance(zones, list) and zones:
            # A cluster of one zone does not name that again; a pool names all of its own.
            place = part.text("location") if part is not None and part.type == "google_container_cluster" else ""
            return len(zones) + int(_is_zone(place) and place not in zones), ""
    place = resource.text("location") or resource.text("zone") or (cluster.text("location") if cluster is not None else "")
    if _is_zone(place):
        return 1, ""
    if place:
        return _ZONES_OF_A_REGION, f"what GKE takes of a region ({visible(place[:40])}) where node_locations names none"
    return 1, "the plan does not say where the pool is"


def _is_zone(place: str) -> bool:
    return re.fullmatch(r"[a-z]+-[a-z]+\d+-[a-z]", place) is not None


def _law(scaler: Resource, at: str, notes: list[str]) -> Law | None:
    if scaler.text(at, "mode").upper() == "OFF":
        notes.append(f"{scaler.shown}: mode OFF: nothing moves the group")
        return None
    extra = {"down_stabilization": _STABILIZATION_S}
    for metric in scaler.blocks(at, "metric"):
        part = Resource("", "", "", "", metric)
        target = part.number("target") or part.number("single_instance_assignment")
        law = law_of_metric(part.text("name"), target, "hpa", scaler.shown, notes)
        if law is not None:
            return Law({**law.keys, **extra})
    for key, words in (("cpu_utilization", "CPU utilisation"), ("load_balancing_utilization", "load balancer utilisation")):
        target = scaler.number(at, key, "target")
        if target:
            notes.append(f"{scaler.shown}: assumed: {words} of {target:g} is the share of replicas with work: it is not modelled itself")
            return Law({"law": "hpa", "metric": "busy", "target": min(target, 1.0), **extra})
    return None


def _disks(part: Resource, *at: str) -> tuple[Disk, ...]:
    found = []
    size = part.number(*at, "disk_size_gb") if at else part.number("boot_disk", "initialize_params", "size")
    if size:
        kind = part.text(*at, "disk_type") if at else part.text("boot_disk", "initialize_params", "type")
        found.append(Disk(kind, size))
    for block in part.blocks("disk") if not at else ():
        inner = Resource("", "", "", "", block)
        if inner.number("disk_size_gb"):
            found.append(Disk(inner.text("disk_type"), inner.number("disk_size_gb") or 0.0))
    return tuple(found)
