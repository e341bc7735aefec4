"""What a side of a diff is taken for: by what is there, never by running it."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from sim.catalog.catalog import Catalog
from sim.cli.diff_sides import given_sides, kind_of
from tests.made.world import STACK


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return Catalog.load()


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("stack.yaml", STACK.encode(), "stack"),
        ("server.yaml", b"# a comment\nkind: Deployment\napiVersion: apps/v1\n", "manifests"),
        ("several.yml", b"---\nfoo: 1\n---\napiVersion: v1\nkind: ConfigMap\n", "manifests"),
        ("values.yaml", b"servingEngineSpec:\n  modelSpec: []\n", "manifests"),
        ("llmd.yaml", b"modelArtifacts:\n  uri: hf://a/b\n", "manifests"),
        ("broken.yaml", b"{{ nonsense", "stack"),
        ("quoted.yaml", b"deployments:\n  a:\n    note: |\n\napiVersion: odd\n", "stack"),
        ("plan.json", b"{}", "plan"),
        ("terraform.tfstate", b"{}", "plan"),
        ("main.tf", b"resource {}", "plan"),
        ("tfplan", b"PK\x03\x04", "plan"),
        ("plain", b" {", "plan"),
        ("letter", b"dear", "stack"),
    ],
)
def test_a_file_is_told_by_what_it_holds(tmp_path: Path, catalog: Catalog, name: str, content: bytes, kind: str) -> None:
    (tmp_path / name).write_bytes(content)
    assert kind_of(str(tmp_path / name), catalog) == kind


def test_names_folders_and_what_is_not_there(tmp_path: Path, catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "k8s").mkdir()
    (tmp_path / "hybrid").mkdir()  # a folder of that name does not hide a stack
    assert [kind_of(name, catalog) for name in ("k8s", "hybrid", "nope.yaml", "nope", "\0", "")] == [
        "manifests",
        "stack",
        "stack",
        "stack",
        "stack",
        "stack",
    ]


def test_a_plan_alone_is_its_prior_against_its_planned_state(tmp_path: Path, catalog: Catalog) -> None:
    plan = tmp_path / "plan.json"
    plan.write_text("{}")
    base, head = given_sides(str(plan), None, catalog)
    assert (base.name, base.state, head.name, head.state) == (str(plan), "prior", str(plan), "planned")
    base, head = given_sides(str(plan), "hybrid", catalog)
    assert (base.state, base.kind, head.kind) == ("planned", "plan", "stack")
    for sides in (("", "hybrid"), (str(plan), " ")):
        with pytest.raises(click.UsageError, match="found an empty name"):
            given_sides(*sides, catalog)
    with pytest.raises(click.UsageError, match="HEAD: missing; hybrid is a stack"):
        given_sides("hybrid", None, catalog)
