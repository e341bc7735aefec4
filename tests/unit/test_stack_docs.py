"""docs/stacks.md and docs/events.md: every key of the schemas stands there with its default and its description, and every example reads.

To print the tables as the schemas are now: `python -m tests.unit.test_stack_docs`.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from sim.catalog.catalog import Catalog
from sim.catalog.price_book import PriceBook
from sim.catalog.yaml_document import parse_documents
from sim.catalog.yaml_file import load_text
from sim.stack.api_deployment import ApiDeployment, ApiLatency, BatchLane
from sim.stack.autoscaler import Hpa, Keda, Knative, Plan, Schedule, Step, TargetTracking
from sim.stack.client import ClientPolicy
from sim.stack.costs import Compliance, Costs, Development, Egress, HiddenShare, Migration, People, Storage, YearlyIncidents
from sim.stack.events import EventEntry, EventFile
from sim.stack.gpu_deployment import ColdStage, ColdStart, ExplicitProfile, GpuDeployment, Replicas
from sim.stack.on_premises import Commitment, OnPremises
from sim.stack.read import stack_of
from sim.stack.resolve import resolve
from sim.stack.retraining import AtVendor, Drift, Labels, OnOwn, OnRented, Retraining
from sim.stack.schema import DataHome, PromptTokens, Router, Rule, Slo, Stack, Target, When

STACKS = (
    Stack, GpuDeployment, Replicas, ColdStart, ColdStage, ExplicitProfile, Hpa, Keda, Knative, TargetTracking, Schedule, Plan, Step,
    ApiDeployment, ApiLatency, BatchLane, ClientPolicy, Rule, When, PromptTokens, Target, Router, DataHome, Slo,
    OnPremises, Commitment, People, Costs, Storage, Egress, Development, Compliance, YearlyIncidents, HiddenShare, Migration,
    Retraining, Drift, OnOwn, OnRented, AtVendor, Labels,
)  # fmt: skip


def table(model: type[BaseModel]) -> list[str]:
    """The rows of a model's table: key, default, description."""
    rows = [
        f"| `{info.alias or name}` | {default(info)} | {info.description} |"
        for name, info in model.model_fields.items()
        if info.description
    ]
    return ["| key | default | meaning |", "|---|---|---|", *rows]


def default(info: FieldInfo) -> str:
    """A default as a file would say it."""
    value = info.default
    if info.is_required():
        return "required"
    if value is None or value == ():
        return ""
    if isinstance(value, BaseModel):
        return "as below" if not isinstance(value, Replicas) else "1"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    unit = " s" if "Seconds" in str(info.annotation) or any(getattr(mark, "name", "") == "s" for mark in info.metadata) else ""
    return f"{value:g}{unit}" if isinstance(value, (int, float)) else str(value)


@pytest.mark.parametrize(
    ("page", "model"), [("stacks.md", model) for model in STACKS] + [("events.md", EventEntry)], ids=lambda each: str(each)
)
def test_every_key_is_documented(root: Path, page: str, model: type[BaseModel]) -> None:
    text = (root / "docs" / page).read_text()
    for row in table(model):
        assert row in text


def examples(root: Path, page: str) -> list[str]:
    return re.findall(r"```yaml\n(.*?)```", (root / "docs" / page).read_text(), re.DOTALL)


def test_examples_of_stacks_resolve(root: Path) -> None:
    catalog = Catalog.load()
    found = examples(root, "stacks.md")
    assert len(found) >= 2
    for text in found:
        resolve(stack_of(parse_documents(text, "docs/stacks.md")[0], "example"), catalog, PriceBook(catalog.date))


def test_examples_of_events_read(root: Path) -> None:
    found = examples(root, "events.md")
    assert found
    for text in found:
        load_text(text, "docs/events.md", EventFile)


if __name__ == "__main__":
    for each in (*STACKS, EventEntry):
        print(f"\n### {each.__name__}\n\n{each.__doc__}\n")
        print("\n".join(table(each)))
