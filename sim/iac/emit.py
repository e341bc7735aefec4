"""A stack for other tools: as a stack file, as Kubernetes manifests, or as variables of Terraform; each reads back as the same stack."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from sim.catalog.catalog import Catalog
from sim.catalog.yaml_file import comment
from sim.errors import visible
from sim.iac.emit_kubernetes import kubernetes_files
from sim.iac.emit_terraform import terraform_files
from sim.iac.yaml_text import yaml_text
from sim.stack.read import StackFile
from sim.stack.schema import Stack

Kind = Literal["terraform", "kubernetes", "stack"]
KINDS: tuple[Kind, ...] = ("terraform", "kubernetes", "stack")


def emit(kind: Kind, stack: StackFile | Stack, catalog: Catalog, *, name: str) -> dict[str, str]:
    """The texts of a stack by file name; `name` is what comments call it.

    stack: stack.yaml; kubernetes: a file for each pool of GPUs, and configmap.yaml with what Kubernetes has no word for; terraform:
    sim.auto.tfvars.json with variables.tf. InputError for a stack of names that the catalogue does not know.
    """
    model = stack.stack if isinstance(stack, StackFile) else stack
    data: Mapping[str, Any] = (
        stack.document.data if isinstance(stack, StackFile) else stack.model_dump(mode="json", by_alias=True, exclude_unset=True)
    )
    title = f"stack {visible(name)}"
    if kind == "stack":
        return {"stack.yaml": "\n".join([comment(f"{title[0].upper()}{title[1:]}: sim run TRACE --stack stack.yaml"), yaml_text(data)])}
    if kind == "terraform":
        return terraform_files(model, catalog, title)
    return kubernetes_files(model, data, catalog, title)
