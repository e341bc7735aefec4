"""The groups of machines in one state of a Terraform plan, whoever rents them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import PurePath
from types import MappingProxyType

from sim.catalog.catalog import Catalog
from sim.errors import InputError, input_error
from sim.iac.groups import Group, GroupsFound, Notes, View, merged
from sim.iac.terraform_aws import read_aws
from sim.iac.terraform_azurerm import read_azurerm
from sim.iac.terraform_google import read_google
from sim.iac.terraform_plan import State, TerraformPlan
from sim.iac.terraform_resource import Resource
from sim.iac.terraform_types import GROUP_TYPES, UNREAD_SERVERS, UNREAD_TYPES

_READERS: Mapping[str, Callable[[View, Resource], Iterator[Group]]] = MappingProxyType(
    {"aws": read_aws, "google": read_google, "azurerm": read_azurerm}
)
"""By the first part of a resource's type."""


def groups_of(plan: TerraformPlan, catalog: Catalog, state: State = "planned") -> GroupsFound:
    """The groups of a plan, as it will be (`planned`) or as it was (`prior`); none where it has no GPUs.

    InputError, with every problem, for machines that are not known and for what the plan does not say before it is applied.
    """
    notes = Notes()
    view = View(plan.resources(state), catalog, notes)
    found: list[Group] = []
    problems: list[str] = []
    for resource in view.resources:
        if resource.type not in GROUP_TYPES or ".data." in f".{resource.address}":
            continue
        reader = _READERS[resource.type.partition("_")[0]]
        try:
            found += reader(view, resource)
        except InputError as error:
            problems += [f"{plan.name}: {line}" for line in str(error).splitlines()]
    if problems:
        raise input_error(dict.fromkeys(problems))
    groups = []
    for group in merged(found):
        if group.max == 0:
            notes.ignored.append(f"{group.address}: no machines: its largest number is 0")
            continue
        notes.assumed += [f"{group.address}: {note}" for note in group.notes]
        groups.append(group)
    if state == "planned":
        notes.ignored += _unread(plan)
    assumed = (*plan.notes, *dict.fromkeys(notes.assumed))
    return GroupsFound(PurePath(plan.name).name, tuple(groups), assumed, tuple(dict.fromkeys(notes.ignored)), plan.found)


def _unread(plan: TerraformPlan) -> list[str]:
    """Resources that may matter and are not read."""
    found = [
        f"{plan.found[kind]} {kind}: not read; what it costs, if it has GPUs, is not in the results"
        for kind in sorted(UNREAD_TYPES & set(plan.found))
    ]
    servers = sorted(UNREAD_SERVERS & set(plan.found))
    if servers:
        found.append(f"{', '.join(servers)}: what runs is not read from them; give the manifests with --kubernetes")
    return found
