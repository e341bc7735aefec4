"""Manifests from files and folders: what is taken, in which order, and what is refused with what to do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sim.catalog.catalog import Catalog
from sim.errors import InputError
from sim.iac.kubernetes import stack_from_kubernetes
from sim.iac.manifests import read_manifests

CATALOG = Catalog.bundled()
POD = """\
apiVersion: apps/v1
kind: {kind}
metadata: {{name: {name}}}
spec:
  replicas: 2
  template:
    spec:
      containers:
        - name: vllm
          args: [--model, Qwen/Qwen3-8B]
          resources: {{limits: {{nvidia.com/gpu: 1}}}}
"""


def server(name: str, kind: str = "Deployment") -> str:
    return POD.format(name=name, kind=kind)


def names(*paths: Path) -> list[Any]:
    return [document.data["metadata"]["name"] for document in read_manifests(paths)]


def refusal(*paths: Path) -> str:
    with pytest.raises(InputError) as error:
        read_manifests(paths)
    return str(error.value)


def test_a_folder_is_read_whole_in_the_order_of_names(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / ".git").mkdir()
    (tmp_path / "z.yaml").write_text(server("z1") + "---\n" + server("z2"))
    (tmp_path / "b" / "a.yml").write_text(server("a"))
    (tmp_path / "c.json").write_text('{"kind": "Deployment", "metadata": {"name": "c"}}')
    (tmp_path / "notes.txt").write_text("{{ not a manifest")
    (tmp_path / ".git" / "x.yaml").write_text("{{")
    assert names(tmp_path) == ["c", "z1", "z2", "a"]
    assert names(tmp_path / "b", tmp_path / "c.json") == ["a", "c"]


def test_what_is_wrong_with_paths(tmp_path: Path) -> None:
    assert "no manifests in this folder; *.yaml, *.yml and *.json are read" in refusal(tmp_path)
    (tmp_path / "a.yaml").write_text("a: [")
    (tmp_path / "b.yaml").write_text("b: [")
    told = refusal(tmp_path, tmp_path / "missing.yaml")
    assert told.count("not valid YAML") == 2 and "missing.yaml: no such file" in told


def test_a_link_out_of_a_folder_is_not_followed(tmp_path: Path) -> None:
    inside, outside = tmp_path / "in", tmp_path / "out"
    inside.mkdir()
    outside.mkdir()
    (outside / "secret.yaml").write_text("password: hunter2")
    (inside / "a.yaml").write_text(server("a"))
    (inside / "folder").symlink_to(outside)
    assert names(inside) == ["a"]
    (inside / "same.yaml").symlink_to(inside / "a.yaml")
    assert names(inside) == ["a", "a"]
    (inside / "link.yaml").symlink_to(outside / "secret.yaml")
    told = refusal(inside)
    assert "a link that leads out of" in told and "hunter2" not in told


def test_too_many_files_and_too_deep_ones(tmp_path: Path) -> None:
    deep = tmp_path
    for _ in range(14):
        deep /= "d"
    deep.mkdir(parents=True)
    (deep / "a.yaml").write_text(server("a"))
    assert "folders nested more than 12 deep" in refusal(tmp_path)
    many = tmp_path / "d" / "d"
    for number in range(1001):
        (many / f"{number}.yaml").touch()
    assert "more than 1000 manifests" in refusal(many)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("kind: Deployment\nspec:\n  replicas: {{ .Values.replicas }}\n", "x.yaml:3:13"),
        ("kind: Deployment\nspec:\n  image: \"{{ .Values.image }}\"\n", "x.yaml:3:10"),
        ("{{- if .Values.enabled }}\nkind: Deployment\n{{- end }}\n", "x.yaml:1:1"),
        ("kind: Deployment\nmetadata:\n  name: {{ include \"x.name\" . }}\n", "x.yaml:3:9"),
        ('kind: Deployment\nmetadata:\n  name: "{{ item }}"\n', "x.yaml:3:9"),
        ("kind: Deployment\nspec: {args: [--model, \"{{ .Values.model }}\"]}\n", "x.yaml:2:24"),
    ],
)  # fmt: skip
def test_templating_left_in_a_manifest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, place: str) -> None:
    (tmp_path / "x.yaml").write_text(text)
    monkeypatch.chdir(tmp_path)
    told = refusal(Path("x.yaml"))
    assert told == f"{place}: templating is left in it; give what `helm template` (or `kustomize build`) prints"


def test_variables_left_in_a_manifest(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text("kind: Deployment\nspec:\n  replicas: $replicas\n")
    assert "found $replicas: a variable is left in it" in refusal(tmp_path)
    (tmp_path / "x.yaml").write_text("kind: Deployment\nspec:\n  replicas: ${REPLICAS:-2}\n")
    assert "found ${REPLICAS:-2}: a variable is left in it" in refusal(tmp_path)


def test_braces_of_others_are_no_templating(tmp_path: Path) -> None:
    text = """\
kind: Deployment
metadata: {name: a, annotations: {grafana: "{{ $labels.pod }} is slow"}}
spec: {template: {spec: {containers: [{args: [--chat-template, "{{ messages[0] }}", --x, "${HOME}"], env: [{name: A, value: "${B}"}]}]}}}
---
kind: PrometheusRule
metadata: {name: rule}
spec: {summary: "{{ $value }}"}
"""
    (tmp_path / "x.yaml").write_text(text)
    assert names(tmp_path) == ["a", "rule"]


def test_lists_are_taken_apart_and_what_another_object_made_is_left(tmp_path: Path) -> None:
    text = "kind: List\nitems:\n" + "".join(
        "- " + server(name, kind).replace("\n", "\n  ").rstrip() + "\n"
        for name, kind in (("a", "Deployment"), ("a-5f", "ReplicaSet"), ("b", "StatefulSet"))
    )
    text = text.replace("metadata: {name: a-5f}", "metadata: {name: a-5f, ownerReferences: [{kind: Deployment, name: a}]}")
    (tmp_path / "x.yaml").write_text(text)
    documents = read_manifests([tmp_path])
    assert [document.data["metadata"]["name"] for document in documents] == ["a", "a-5f", "b"]
    assert documents[2].mark(("spec", "replicas")).line == text[: text.rindex("replicas")].count("\n") + 1
    assert list(stack_from_kubernetes(documents, CATALOG).stack["deployments"]) == ["a", "b"]


def test_an_object_given_twice(tmp_path: Path) -> None:
    for folder in ("base", "overlay"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.yaml").write_text(server("a"))
    with pytest.raises(
        InputError, match=r"overlay/a.yaml:1:1: Deployment a: given twice, first at .*base/a.yaml:1:1; of a base .* `kustomize build`"
    ):
        stack_from_kubernetes(read_manifests([tmp_path]), CATALOG)
    (tmp_path / "overlay" / "a.yaml").write_text(server("a").replace("{name: a}", "{name: a, namespace: other}"))
    assert list(stack_from_kubernetes(read_manifests([tmp_path]), CATALOG).stack["deployments"]) == ["a", "a-2"]


def test_anchors_are_read_and_merge_keys_named(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text(
        server("a")
        .replace("[--model, Qwen/Qwen3-8B]", "&args [--model, Qwen/Qwen3-8B]")
        .replace("name: vllm", "name: vllm\n          x: *args")
    )
    assert "alias *args has no anchor" in refusal(tmp_path)
    (tmp_path / "x.yaml").write_text(server("a").replace("{limits: {nvidia.com/gpu: 1}}", "{limits: &g {nvidia.com/gpu: 1}, requests: *g}"))
    assert list(stack_from_kubernetes(read_manifests([tmp_path]), CATALOG).stack["deployments"]) == ["a"]
    (tmp_path / "x.yaml").write_text("a: &a {b: 1}\nc: {<<: *a}\n")
    assert "merge key <<; write the keys out" in refusal(tmp_path)
