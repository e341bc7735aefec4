"""Variables of Terraform for the machines of a stack: a group for each deployment on rented GPUs, written as a file and read back.

A group says who rents the machines, of which type, where, how bought, and how many: the fewest, those at the start, the most. Read back
together with the stack or the manifests that say what runs on them, a group that asks for what its deployment needs changes nothing; what
somebody changed in it goes before the stack.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil
from pathlib import Path
from typing import Any

from pydantic import Field, model_validator

from sim.catalog.catalog import Catalog
from sim.catalog.gpu import Gpu, Purchase
from sim.catalog.machine import Machine
from sim.catalog.strict import Count, Name, Strict
from sim.catalog.yaml_file import Document, KeyPath, Mark, problem, read_document, validate
from sim.errors import InputError, input_error, nearest, visible
from sim.iac.groups import Group, GroupsFound
from sim.stack.gpu_deployment import GpuDeployment
from sim.stack.read import stack_of
from sim.stack.schema import Stack

VARIABLE = "sim_gpu_groups"
FILE = "sim.auto.tfvars.json"
_MOST_MACHINES = 10_000
_OF_PLANS = ("aws", "gcp", "azure")


class VariableGroup(Strict):
    """Machines of one deployment; counts are machines."""

    provider: Name | None = Field(description="who rents them")
    machine: str | None = Field(max_length=200, description="instance type; null where the catalogue knows none")
    gpu: Name = Field(description="catalogue name of the GPU")
    gpus_per_machine: Count = Field(le=1024, description="GPUs of one machine")
    region: str | None = Field(default=None, max_length=200, description="region; null: the stack does not say")
    purchase: Purchase = Field(description="how hours are bought")
    min: int = Field(ge=0, le=_MOST_MACHINES, description="fewest machines")
    desired: int = Field(ge=0, le=_MOST_MACHINES, description="machines at the start")
    max: int = Field(ge=0, le=_MOST_MACHINES, description="most machines")

    @model_validator(mode="after")
    def _in_order(self) -> VariableGroup:
        if not self.min <= self.desired <= self.max:
            raise ValueError(f"found min {self.min}, desired {self.desired}, max {self.max}; they must be in this order")
        return self


class Variables(Strict):
    """The file: groups by the name of their deployment."""

    sim_gpu_groups: dict[str, VariableGroup] = Field(max_length=64, description="groups of machines by deployment")


def groups_of_stack(stack: Stack, catalog: Catalog) -> dict[str, VariableGroup]:
    """The machines of each deployment on rented GPUs."""
    pools = {name: spec for name, spec in stack.deployments.items() if isinstance(spec, GpuDeployment) and spec.on_premises is None}
    return {name: _group(spec, catalog) for name, spec in pools.items()}


def read_tfvars(path: str | Path, shown: str) -> tuple[Document, dict[str, VariableGroup]]:
    """The groups of a file of variables, and the document that knows where each was said; InputError with every problem."""
    document = read_document(path, shown)
    if isinstance(document.data, dict) and VARIABLE not in document.data:
        held = ", ".join(visible(str(key))[:40] for key in list(document.data)[:6]) or "nothing"
        raise InputError(
            f"{visible(shown)}: variables of Terraform without {VARIABLE} (found {held}); a plan is needed: terraform show -json PLAN"
        )
    return document, validate(document, Variables).sim_gpu_groups


def groups_of_tfvars(path: str | Path, catalog: Catalog) -> GroupsFound:
    """The groups of a file of variables as those of a plan; those of other providers than a plan can have are listed as left out."""
    document, groups = read_tfvars(path, str(path))
    found, ignored = [], []
    for name, each in groups.items():
        if each.provider not in _OF_PLANS:
            ignored.append(f"{VARIABLE}.{visible(name)}: rented from {each.provider or 'nobody named'}, for whom there are no plans")
            continue
        provider = next(known for known in ("aws", "gcp", "azure") if known == each.provider)
        gpu, gpus = _machine_of(each, document, ("sim_gpu_groups", name), catalog)
        found.append(
            Group(
                address=f"var.{VARIABLE}[{name!r}]", name=name, provider=provider, machine=each.machine or "", gpu=gpu,
                gpus_per_machine=gpus, region=each.region, purchase=each.purchase, min=each.min, desired=each.desired, max=each.max,
            )
        )  # fmt: skip
    return GroupsFound(document.name, tuple(found), (), tuple(ignored))


def with_groups(under: Document, path: str | Path, shown: str, catalog: Catalog) -> tuple[Document, tuple[str, ...]]:
    """A stack on the machines that a file of variables says, and what differs in words; InputError with every problem.

    Replicas follow the machines where their counts are not those that the stack needs.
    """
    document, groups = read_tfvars(path, shown)
    stack = stack_of(under, "stack").stack
    needed = groups_of_stack(stack, catalog)
    problems, notes = [], []
    data = {**under.data, "deployments": dict(under.data["deployments"])}
    marks: dict[KeyPath, Mark] = {}
    for name, group in groups.items():
        at: KeyPath = (VARIABLE, name)
        spec = stack.deployments.get(name)
        if name not in needed or not isinstance(spec, GpuDeployment):
            problems.append(
                problem(
                    document,
                    at,
                    f"no deployment of this name on rented GPUs; allowed: {', '.join(needed) or 'none'}{nearest(name, needed)}",
                    key=True,
                )
            )
            continue
        try:
            changed = _changes(group, needed[name], spec, document, at, catalog)
        except InputError as error:
            problems += str(error).splitlines()
            continue
        if changed:
            kept = {key: value for key, value in data["deployments"][name].items() if key not in changed}
            data["deployments"][name] = kept | {key: value for key, value in changed.items() if value is not None}
            marks |= {("deployments", name, key): document.mark(at) for key in changed}
            notes.append(f"{name}: {', '.join(changed)}: as {document.name} says, not the stack")
    if problems:
        raise input_error(problems)
    notes += [f"{name}: no group in {document.name}: as the stack says" for name in needed if name not in groups]
    values = {at: mark for at, mark in under.value_marks.items() if not any(at[: len(each)] == each for each in marks)}
    return Document(under.name, data, under.key_marks, {**values, **marks}), tuple(notes)


def _group(spec: GpuDeployment, catalog: Catalog) -> VariableGroup:
    gpu = catalog.gpu(spec.gpu)
    provider = spec.provider or gpu.default_provider
    machine = _machine(spec, gpu, provider, catalog)
    gpus = machine.gpus if machine is not None else spec.gpus_per_node or _sold(spec, gpu, provider) or spec.tensor_parallel
    low, first, high = _counts(spec, gpus)
    return VariableGroup(
        provider=provider,
        machine=None if machine is None else machine.name,
        gpu=spec.gpu,
        gpus_per_machine=gpus,
        region=spec.region,
        purchase=spec.purchase,
        min=low,
        desired=first,
        max=high,
    )


def _machine(spec: GpuDeployment, gpu: Gpu, provider: str | None, catalog: Catalog) -> Machine | None:
    """The provider's machine for a deployment: of the size that is billed, else the smallest that holds a replica."""
    wanted = spec.gpus_per_node or _sold(spec, gpu, provider)
    sizes = sorted(
        (each for each in catalog.machines().all if each.provider == provider and each.gpu == gpu.name),
        key=lambda each: (each.gpus, each.name),
    )
    if wanted is not None:
        return next((each for each in sizes if each.gpus == wanted), None)
    return next((each for each in sizes if each.gpus >= spec.tensor_parallel), None)


def _sold(spec: GpuDeployment, gpu: Gpu, provider: str | None) -> int | None:
    """GPUs that a provider sells together, as far as its prices say."""
    prices = [price for price in gpu.prices if (price.provider, price.purchase) == (provider, spec.purchase)]
    sold = next((price.gpus_sold_together for price in prices if spec.region in (None, price.region)), None)
    return None if sold is None or sold < spec.tensor_parallel else sold


def _counts(spec: GpuDeployment, gpus: int) -> tuple[int, int, int]:
    """Machines with so many GPUs that a deployment needs at least, at the start, at most."""
    low, first, high = (
        min(_machines(count, spec.tensor_parallel, gpus), _MOST_MACHINES)
        for count in (spec.replicas.min, spec.at_start(), spec.replicas.max)
    )
    return low, first, high


def _machines(replicas: int, tensor: int, gpus: int) -> int:
    """Machines for so many replicas: several to a machine, or several machines to one."""
    return ceil(replicas / (gpus // tensor)) if tensor <= gpus else replicas * ceil(tensor / gpus)


def _replicas(machines: int, tensor: int, gpus: int) -> int:
    return machines * (gpus // tensor) if tensor <= gpus else machines // ceil(tensor / gpus)


def _changes(
    group: VariableGroup, needed: VariableGroup, spec: GpuDeployment, document: Document, at: KeyPath, catalog: Catalog
) -> Mapping[str, Any]:
    """Keys of a deployment that a group says otherwise; None for those that are to go."""
    found: dict[str, Any] = {}
    gpu, gpus = _machine_of(group, document, at, catalog)
    if (gpu, gpus, group.machine) != (needed.gpu, needed.gpus_per_machine, needed.machine):
        found |= {"gpu": gpu, "gpus_per_node": gpus}
        if gpu != spec.gpu:
            found |= {"usd_per_gpu_hour": None, "profile": None}
    for key in ("provider", "region", "purchase"):
        if getattr(group, key) != getattr(needed, key):
            found |= {key: getattr(group, key), "usd_per_gpu_hour": None}
    counts = (group.min, group.desired, group.max)
    if counts != _counts(spec, gpus):
        low, first, high = (_replicas(count, spec.tensor_parallel, gpus) for count in counts)
        found["replicas"] = high if low == high else {"min": low, "max": high, "initial": first}
        law = spec.autoscaler.law if spec.autoscaler is not None else "fixed"
        if low < high and law == "fixed":
            raise InputError(
                problem(
                    document, at, f"{group.min} to {group.max} machines, but the stack has no autoscaler for this deployment; it needs one"
                )
            )
        if low == high and law != "fixed":
            found["autoscaler"] = None
    return {key: value for key, value in found.items() if value is not None or key in spec.model_fields_set}


def _machine_of(group: VariableGroup, document: Document, at: KeyPath, catalog: Catalog) -> tuple[str, int]:
    """GPU and number of GPUs of a group's machine; InputError where the group says otherwise than its type."""
    try:
        if group.machine is None:
            return catalog.gpu(group.gpu).name, group.gpus_per_machine
        machine = catalog.machines().find(group.machine, group.provider)
    except InputError as error:
        raise InputError(problem(document, (*at, "gpu" if group.machine is None else "machine"), str(error))) from None
    if machine is None:
        raise InputError(problem(document, (*at, "machine"), f"found {visible(group.machine)!r}, which has no GPU"))
    if (machine.gpu, machine.gpus) != (group.gpu, group.gpus_per_machine):
        raise InputError(
            problem(
                document,
                at,
                f"a {machine.name} has {machine.gpus} x {machine.gpu}; found gpu {group.gpu}, gpus_per_machine {group.gpus_per_machine}",
            )
        )
    return machine.gpu, machine.gpus
