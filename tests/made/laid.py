"""Groups of machines laid over small stacks, for tests."""

from __future__ import annotations

from typing import Any

from sim.catalog.catalog import Catalog
from sim.catalog.price_book import PriceBook
from sim.catalog.yaml_document import parse_documents
from sim.iac.groups import Group, GroupsFound
from sim.iac.terraform import Laid, Template, stack_from_terraform
from sim.stack.read import StackFile, stack_of

CATALOG = Catalog.bundled()
"""The bundled catalogue."""
BOOK = PriceBook(CATALOG.date)
"""Its prices."""
OWN = """\
deployments:
  own: {kind: gpu, llm: llama-3.1-70b, precision: fp8, gpu: h100-sxm, tensor_parallel: 2, replicas: 2}
"""
"""A stack with one pool."""


def group(name: str = "pool", **keys: Any) -> Group:
    """Eight H100 at Amazon, one machine of them, with what is given in place."""
    usual: dict[str, Any] = {
        "address": f"aws_instance.{name}", "name": name, "provider": "aws", "machine": "p5.48xlarge", "gpu": "h100-sxm",
        "gpus_per_machine": 8, "region": "us-east-1", "purchase": "on_demand", "min": 1, "desired": 1, "max": 1,
    }  # fmt: skip
    return Group(**(usual | keys))


def laid(*groups: Group, stack: str = OWN, told: bool = True, labels: Any = None, bounded: bool = False, book: PriceBook = BOOK) -> Laid:
    """Groups that run what a stack runs."""
    (document,) = parse_documents(stack, "mine.yaml")
    template = Template(document, told=told, labels=labels or {}, bounded=bounded)
    return stack_from_terraform(GroupsFound("plan.json", groups), CATALOG, template, book)


def file_of(found: Laid, *settings: str) -> StackFile:
    """The stack made, with settings laid over it."""
    return stack_of(found.document, "plan", settings, assumed=found.assumed, remarks=found.remarks)


def deployment(found: Laid, name: str = "pool") -> dict[str, Any]:
    """One deployment of the stack made."""
    spec: dict[str, Any] = found.document.data["deployments"][name]
    return spec
