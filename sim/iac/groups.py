"""Groups of machines that infrastructure code describes: how many of which kind, where, bought how, and what moves their number."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Literal

from sim.catalog.catalog import Catalog
from sim.catalog.gpu import Purchase
from sim.catalog.machine import Machine, find_machine
from sim.errors import InputError, visible
from sim.iac.scalers import metric_named
from sim.iac.terraform_resource import INDEX, Resource
from sim.units import share_of_percent

Provider = Literal["aws", "gcp", "azure"]

MACHINE_LABEL = "sim-machine"
"""A tag or label that names the machine where the plan does not, or says `none` for one that runs no model."""

RESERVED = "capacity that is reserved is paid while no machine runs in it, too; only machines that run are counted"


@dataclass(frozen=True)
class Disk:
    """A disk of every machine of a group."""

    kind: str
    gb: float


@dataclass(frozen=True)
class Law:
    """What moves the number of machines, as keys of an autoscaler; with `per_machine` the target is that of a machine, not of a replica."""

    keys: Mapping[str, Any]
    per_machine: bool = False


@dataclass(frozen=True)
class Group:
    """Machines of one kind. Counts are machines; times are seconds."""

    address: str
    """Of the resource, without the index where it has several instances that are alike."""
    name: str
    provider: Provider
    machine: str
    gpu: str
    gpus_per_machine: int
    region: str | None
    purchase: Purchase
    min: int
    desired: int
    max: int
    warm_up_s: float | None = None
    """From a running machine to one that serves."""
    law: Law | None = None
    disks: tuple[Disk, ...] = ()
    spot_max_usd_per_hour: float | None = None
    """Most that is paid for a machine bought spot; None: up to the price on demand."""
    labels: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    members: tuple[str, ...] = ()
    """Addresses of the instances of the resource."""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class GroupsFound:
    """What was found: groups, what was assumed of them, what was left out, and all resources counted by type."""

    source: str
    groups: tuple[Group, ...]
    assumed: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    resources: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))


@dataclass
class Notes:
    """Collects while resources are read."""

    assumed: list[str] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)


class View:
    """The resources of one state of a plan, and how to follow what one says of another."""

    def __init__(self, resources: tuple[Resource, ...], catalog: Catalog, notes: Notes) -> None:
        self.resources = resources
        self.catalog = catalog
        self.notes = notes
        self._by_type: dict[str, list[Resource]] = {}
        for each in resources:
            self._by_type.setdefault(each.type, []).append(each)

    def of_types(self, *types: str) -> Iterator[Resource]:
        """All resources of some types."""
        return (each for kind in types for each in self._by_type.get(kind, ()))

    def followed(self, resource: Resource, attribute: str, types: tuple[str, ...], *names: str) -> Resource | None:
        """The resource of some types that an attribute means: by reference in the configuration, else by one of the names or ids
        given; None where there is none, or several that are not alike."""
        references = {ref.rstrip(".") for ref in resource.links.get(attribute, ())}
        prefix = f"{resource.module}." if resource.module else ""
        linked = [each for each in self.of_types(*types) if any(_refers(ref, prefix, each) for ref in references)]
        same = [each for each in linked if each.index == resource.index]
        for several in (same, linked):
            if several and all(each.values == several[0].values for each in several):
                return several[0]
        for name in filter(None, names):
            short = name.rsplit("/", 1)[-1]
            found = [
                each
                for each in self.of_types(*types)
                if name in (each.find("id"), each.find("name"), each.find("self_link"), each.find("self_link_unique"))
                or short == each.find("name")
            ]
            if found:
                return found[0]
        return None


def _refers(reference: str, prefix: str, resource: Resource) -> bool:
    """Whether a reference, as a module with this prefix writes it, is to a resource or to one of its attributes."""
    plain = prefix + reference
    return plain == resource.address or plain == resource.base or plain.startswith((f"{resource.base}.", f"{resource.base}["))


def machine_of(view: View, resource: Resource, provider: Provider, name: str, attribute: str, missing: str = "") -> Machine | None:
    """The machine of a name; None, with a line in the notes, where it has no GPU or its label says that it runs no model.

    `missing` says why there is no name. InputError for a machine that is not known, with the nearest, and where there is no name.
    """
    given = resource.labels.get(MACHINE_LABEL, "")
    if given.lower() == "none":
        view.notes.ignored.append(f"{resource.shown}: its label {MACHINE_LABEL} is none")
        return None
    if given:
        attribute, name = f"label {MACHINE_LABEL}", given
    if not name:
        raise InputError(
            f"{resource.shown}: {attribute}: {missing or 'found nothing'}; write the name of the machine there, or give the resource the "
            f"tag or label {MACHINE_LABEL}: NAME (none: it runs no model)"
        )
    try:
        found = find_machine(view.catalog, name, provider)
    except InputError as error:
        raise InputError(
            f"{resource.shown}: {attribute}: {error}; where it runs no model, a tag or label {MACHINE_LABEL}: none says so"
        ) from None
    if found is None:
        view.notes.ignored.append(f"{resource.shown}: {visible(name[:60])} has no GPU; what it costs is not in the results")
    return found


def need_count(resource: Resource, *keys: str) -> int:
    """A number of machines that there is no doing without; InputError naming the attribute where the plan has none."""
    found = resource.count(*keys)
    if found is None:
        why = resource.missing(*keys) or "found no number"
        raise InputError(f"{resource.shown}: {'.'.join(keys)}: {why}; write a number there that the plan knows")
    return found


def region_in(place: str) -> str:
    """The region of a zone or region: us-east-1a, us-central1-a, East US."""
    plain = visible(re.sub(r"\s+", "", place.lower()).rsplit("/", 1)[-1][:60])
    aws = re.fullmatch(r"([a-z]{2}(?:-[a-z]+)+-\d)(?:[a-z]|-[a-z]+-\d+[a-z])?", plain)
    google = re.fullmatch(r"([a-z]+-[a-z]+\d+)(?:-[a-z])?", plain)
    return aws[1] if aws else google[1] if google else plain


def law_of_metric(name: str, target: float | None, law: str, what: str, notes: list[str]) -> Law | None:
    """A law that keeps a metric at a target; None, with a remark, for a metric that is none of ours."""
    shown = visible(name[:80])
    metric = metric_named(name) or ("busy" if re.search(r"gpu.?util|utilization.?gpu|duty.?cycle", name.lower()) else None)
    if metric is None or target is None or target <= 0:
        why = "it has no target" if metric is not None else "it is none of waiting, concurrency, kv, busy, rps"
        notes.append(f"{what}: metric {shown!r} is left out: {why}")
        return None
    if metric in ("kv", "busy") and target > 1:
        target = share_of_percent(target)
    return Law({"law": law, "metric": metric, "target": target})


def merged(groups: list[Group]) -> tuple[Group, ...]:
    """Groups with the instances of one resource that are alike as one; those that differ keep their index."""
    found: dict[str, list[Group]] = {}
    for each in groups:
        labels = dict(sorted(each.labels.items()))
        alike = replace(each, address=_base(each.address), members=(), min=0, desired=0, max=0, labels=labels)
        found.setdefault(repr(alike), []).append(each)
    bases = [_base(several[0].address) for several in found.values()]
    return tuple(
        replace(
            several[0],
            address=visible(_base(several[0].address) if bases.count(_base(several[0].address)) == 1 else several[0].address),
            min=sum(each.min for each in several),
            desired=sum(each.desired for each in several),
            max=sum(each.max for each in several),
            members=tuple(each.address for each in several),
        )
        for several in found.values()
    )


def _base(address: str) -> str:
    """An address without the index at its end."""
    return INDEX.sub("", address)
