"""Azure's machines in a Terraform plan: virtual machines, scale sets, node pools of AKS, its default pool included."""

from __future__ import annotations

from collections.abc import Iterator

from sim.catalog.gpu import Purchase
from sim.catalog.machine import Machine
from sim.errors import InputError
from sim.iac.groups import Disk, Group, View, machine_of, need_count, region_in
from sim.iac.terraform_resource import Resource, label_key

_SETS = ("azurerm_linux_virtual_machine_scale_set", "azurerm_orchestrated_virtual_machine_scale_set")


def read_azurerm(view: View, resource: Resource) -> Iterator[Group]:
    """The group that a resource is; none where it has no GPU. InputError where what is needed is not in the plan."""
    if resource.type == "azurerm_kubernetes_cluster_node_pool":
        cluster = view.followed(resource, "kubernetes_cluster_id", ("azurerm_kubernetes_cluster",), resource.text("kubernetes_cluster_id"))
        yield from _node_pool(view, resource, cluster)
    elif resource.type == "azurerm_kubernetes_cluster":
        if resource.text("default_node_pool", "vm_size") or resource.missing("default_node_pool", "vm_size"):
            yield from _node_pool(view, resource, resource, "default_node_pool")
    elif resource.type == "azurerm_linux_virtual_machine":
        machine = machine_of(view, resource, "azure", resource.text("size"), "size", resource.missing("size"))
        if machine is not None:
            yield _group(resource, machine, (1, 1, 1), resource, "max_bid_price", ("os_disk", "disk_size_gb"), [])
    elif resource.type in _SETS:
        yield from _scale_set(view, resource)


def _node_pool(view: View, resource: Resource, cluster: Resource | None, *at: str) -> Iterator[Group]:
    attribute = ".".join((*at, "vm_size"))
    machine = machine_of(view, resource, "azure", resource.text(*at, "vm_size"), attribute, resource.missing(*at, "vm_size"))
    if machine is None:
        return
    if resource.text(*at, "gpu_instance"):
        raise InputError(f"{resource.shown}: gpu_instance: shares of a GPU are not modelled")
    size = resource.count(*at, "node_count")
    if any(resource.find(*at, key) is True for key in ("auto_scaling_enabled", "enable_auto_scaling")):
        low, high = need_count(resource, *at, "min_count"), need_count(resource, *at, "max_count")
        size = low if size is None else size
    else:
        size = low = high = need_count(resource, *at, "node_count") if size is None else size
    yield _group(resource, machine, (low, size, high), cluster, "spot_max_price", (*at, "os_disk_size_gb"), [], *at)


def _scale_set(view: View, resource: Resource) -> Iterator[Group]:
    sku = resource.text("sku") or resource.text("sku_name")
    machine = machine_of(view, resource, "azure", sku, "sku", resource.missing("sku") or resource.missing("sku_name"))
    if machine is None:
        return
    notes: list[str] = []
    size = resource.count("instances")
    low = high = size
    for setting in view.of_types("azurerm_monitor_autoscale_setting"):
        if view.followed(setting, "target_resource_id", _SETS, setting.text("target_resource_id")) is resource:
            at = ("profile", "capacity")
            low, high = need_count(setting, *at, "minimum"), need_count(setting, *at, "maximum")
            size = setting.count(*at, "default") if size is None else size
            notes.append(f"{setting.shown}: its rules are steps, which are not modelled (target tracking is)")
    if low is None or high is None:
        low = high = need_count(resource, "instances")
    yield _group(
        resource, machine, (low, low if size is None else size, high), resource, "max_bid_price", ("os_disk", "disk_size_gb"), notes
    )


def _group(
    resource: Resource, machine: Machine, counts: tuple[int, int, int], place: Resource | None, bid: str, disk: tuple[str, ...],
    notes: list[str], *at: str,
) -> Group:  # fmt: skip
    low, size, high = counts
    purchase: Purchase = "spot" if resource.text(*at, "priority").lower() == "spot" else "on_demand"
    most = resource.number(*at, bid)
    where = (resource.text("location") or (place.text("location") if place is not None else "")) or resource.region or ""
    own = {"agentpool": resource.text(*at, "name"), "kubernetes.azure.com/agentpool": resource.text(*at, "name")}
    if purchase == "spot":
        own["kubernetes.azure.com/scalesetpriority"] = "spot"
    labels = {label_key(key): value for key, value in own.items() if value} | dict(resource.labels)
    gigabytes = resource.number(*disk)
    kind = resource.text(*disk[:-1], "storage_account_type") if disk[:-1] == ("os_disk",) else ""
    return Group(
        address=resource.address, name=resource.name, provider="azure", machine=machine.name, gpu=machine.gpu,
        gpus_per_machine=machine.gpus, region=region_in(where) if where else None, purchase=purchase, min=low,
        desired=min(max(size, low), high), max=high,
        # -1 means up to the price on demand.
        spot_max_usd_per_hour=most if purchase == "spot" and most is not None and most > 0 else None,
        disks=(Disk(kind, gigabytes),) if gigabytes else (), labels=labels, members=(resource.address,), notes=tuple(notes),
    )  # fmt: skip
