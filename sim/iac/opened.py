"""A stack made of infrastructure code: the machines of a Terraform plan, the model servers of Kubernetes manifests, or both.

A stack that the user names says what neither has a word for: deployments at APIs, routing, service levels, costs. Its gpu deployments
are replaced: by those of the manifests, and these, or else they themselves, by the groups of machines that they run on.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePath
from typing import Any

from sim.catalog.catalog import Catalog
from sim.catalog.location import find_input
from sim.catalog.price_book import PriceBook
from sim.catalog.yaml_file import Document, KeyPath, Mark
from sim.errors import InputError, visible
from sim.iac.groups import GroupsFound
from sim.iac.kubernetes import Imported, stack_from_kubernetes
from sim.iac.manifests import read_manifests
from sim.iac.shares import Placed, replaced
from sim.iac.terraform import DEFAULT_STACK, Template, stack_from_terraform
from sim.iac.terraform_groups import groups_of
from sim.iac.terraform_plan import State, read_plan
from sim.stack.read import read_stack

_VARIABLES = ".tfvars.json"
_NAMED = 3


@dataclass(frozen=True)
class Opened:
    """A stack made of infrastructure code, and what was guessed."""

    name: str
    document: Document
    assumed: Mapping[KeyPath, str]
    remarks: tuple[str, ...]
    options: str
    """The arguments of a command by which the same is opened, as they were given."""


def opened(
    name: str | None, catalog: Catalog, book: PriceBook, *, terraform: str | None, kubernetes: Sequence[str], gpu: str | None = None,
    state: State = "planned",
) -> Opened:  # fmt: skip
    """The stack of a Terraform plan, of Kubernetes manifests, or of both; `name` is the stack that the user named, if any.

    InputError with what is wrong with any of them.
    """
    if terraform is not None and terraform.endswith(_VARIABLES) and (name is not None or kubernetes):
        return _with_variables(name, catalog, terraform, kubernetes, gpu)
    found = groups_in(terraform, catalog, state) if terraform is not None else None
    if terraform is not None and found is not None and terraform.endswith(_VARIABLES) and not found.groups and found.ignored:
        raise InputError(
            f"{visible(terraform)}: says machines alone; give what runs on them beside it, --stack or --kubernetes "
            f"({'; '.join(found.ignored[:_NAMED])})"
        )
    one = found.groups[0].gpu if found is not None and found.groups else None
    imported = stack_from_kubernetes(_manifests(kubernetes), catalog, gpu=gpu or one) if kubernetes else None
    source = ", ".join(PurePath(each).name for each in kubernetes)
    template = _template(name, imported, source, catalog)
    of_manifests: tuple[str, ...] = ()
    if imported is not None:
        of_manifests = (*(f"assumed: {note}" for note in imported.assumed), *(f"ignored: {note}" for note in imported.ignored))
    options = _options(name, terraform, kubernetes)
    if found is None or terraform is None:
        return Opened(_stem(kubernetes[0]), template.document, {}, of_manifests, options)
    laid = stack_from_terraform(found, catalog, template, book)
    return Opened(_stem(terraform), laid.document, laid.assumed, (*laid.remarks, *of_manifests), options)


def groups_in(terraform: str, catalog: Catalog, state: State = "planned") -> GroupsFound:
    """The groups of machines in a plan, or in the variables that `sim plan --emit terraform` writes; InputError for what is neither."""
    from sim.iac.tfvars import FILE, groups_of_tfvars

    if (written := Path(terraform) / FILE).is_file():
        raise InputError(f"{visible(terraform)}: a folder; did you mean {visible(str(written))!r}?")
    if terraform.endswith(_VARIABLES):
        return groups_of_tfvars(find_input(terraform), catalog)
    return groups_of(read_plan(Path(terraform), terraform), catalog, state)


def _with_variables(name: str | None, catalog: Catalog, terraform: str, kubernetes: Sequence[str], gpu: str | None) -> Opened:
    """A stack or manifests on the machines that variables of Terraform say."""
    from sim.iac.tfvars import with_groups

    imported = stack_from_kubernetes(_manifests(kubernetes), catalog, gpu=gpu) if kubernetes else None
    source = ", ".join(PurePath(each).name for each in kubernetes)
    template = _template(name, imported, source, catalog)
    document, notes = with_groups(template.document, find_input(terraform), PurePath(terraform).name, catalog)
    remarks = [f"assumed: {note}" for note in notes]
    if imported is not None:
        remarks += [*(f"assumed: {note}" for note in imported.assumed), *(f"ignored: {note}" for note in imported.ignored)]
    options = _options(name, terraform, kubernetes)
    return Opened(_stem(kubernetes[0] if kubernetes else terraform), document, {}, tuple(remarks), options)


def _options(name: str | None, terraform: str | None, kubernetes: Sequence[str]) -> str:
    given = [("", name), ("--terraform ", terraform), *(("--kubernetes ", each) for each in kubernetes)]
    return " ".join(f"{option}{visible(shlex.quote(file))}" for option, file in given if file)


def _manifests(kubernetes: Sequence[str]) -> list[Document]:
    """The manifests, without the variables of Terraform that `--emit` may have written beside them."""
    return [each for each in read_manifests(kubernetes) if not each.name.endswith(_VARIABLES)]


def _template(name: str | None, imported: Imported | None, source: str, catalog: Catalog) -> Template:
    """What says what runs: the stack that the user names with the model servers of the manifests in it, these alone, or a bundled stack."""
    if imported is None:
        document = read_stack(name or DEFAULT_STACK, catalog).document
        if name is None:
            # What runs is taken from it; what it costs beside its machines would be a guess about somebody else.
            document = replace(document, data={key: document.data[key] for key in ("deployments", "routing") if key in document.data})
        return Template(document, told=name is not None)
    if name is None:
        document = Document(source, imported.stack, {}, marks_of(source, imported.stack["deployments"]))
    else:
        document = _with_servers(read_stack(name, catalog).document, imported, source)
    return Template(document, told=True, labels=imported.labels, bounded=True)


def _with_servers(under: Document, imported: Imported, source: str) -> Document:
    """A stack whose gpu deployments are those of the manifests: each in the place of the one of its name, of its model, or of the first."""
    own = {name: spec for name, spec in under.data["deployments"].items() if spec.get("kind") == "gpu" and "on_premises" not in spec}
    servers = {name: spec for name, spec in imported.stack["deployments"].items() if spec.get("kind") == "gpu"}
    if not own:
        raise InputError(f"{under.name}: no deployment of kind gpu, in whose place those of {source} could stand; leave --stack out")
    placed = [Placed(name, spec, _place(name, spec, own), _gpus(spec)) for name, spec in servers.items()]
    used = {each.instead_of for each in placed}
    data = replaced(under.data, placed, [name for name in own if name not in used], [])
    kept = {
        path: mark for path, mark in under.value_marks.items() if path[:1] != ("routing",) and path[1:2] not in [(name,) for name in own]
    }
    return Document(under.name, data, {}, {**kept, **marks_of(source, servers)})


def _place(name: str, spec: Mapping[str, Any], own: Mapping[str, Mapping[str, Any]]) -> str:
    if name in own:
        return name
    return next((each for each, other in own.items() if other.get("llm") == spec.get("llm")), next(iter(own)))


def _gpus(spec: Mapping[str, Any]) -> float:
    """GPUs that a deployment has at most, by which several in one place share its requests."""
    replicas = spec.get("replicas", 1)
    most = replicas.get("max", 1) if isinstance(replicas, Mapping) else replicas
    return max(1.0, float(most) * float(spec.get("tensor_parallel", 1)))


def marks_of(source: str, deployments: Mapping[str, Any]) -> dict[KeyPath, Mark]:
    """The place of each deployment that was made of some files: their names and its own."""
    return {("deployments", name): Mark(f"{source}: {name}") for name in deployments}


def _stem(path: str) -> str:
    """What a stack made of a file is called."""
    plain = re.sub(r"(\.auto)?\.(tfplan|tfvars|json|ya?ml)$", "", re.sub(r"\.json$", "", PurePath(path).name))
    return re.sub(r"[^A-Za-z0-9._-]+", "-", plain).strip("-.")[:60] or "plan"
