"""`sim plan --emit`: what is written for other tools, what is refused before the search, and that it reads back as the chosen stack."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sim.catalog.yaml_file import read_document
from sim.planning.point_store import PointStore
from sim.stack.read import stack_of
from tests.made import command
from tests.made.command import Capture
from tests.made.world import STACK, write_trace

PLAN = ("plan", "trace.parquet", "--stack", "small.yaml", "--space", "space.yaml", "--slo", "ttft_p95 <= 2s")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a trace, a stack and a small space, and a cache of its own."""
    write_trace(tmp_path / "trace.parquet", rate=8.0)
    (tmp_path / "small.yaml").write_text(STACK)
    (tmp_path / "space.yaml").write_text("replicas: 1:2\noverflow: none\nfallback: none\n")
    (tmp_path / "cache").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(PointStore, "default", lambda: PointStore(tmp_path / "cache"))
    return tmp_path


def replayed(capsys: Capture, *arguments: str) -> dict[str, Any]:
    code, out, err = command.run(capsys, "run", "trace.parquet", *arguments, "--months", "0", "--format", "json", "-o", "r", "--force")
    assert code == 0, err
    found: dict[str, Any] = json.loads(out)
    found.pop("stack")  # it is called after the file
    return found


def figures(found: dict[str, Any]) -> dict[str, Any]:
    """What a replay found, without where it was said."""
    return {key: found[key] for key in found if key not in ("answer", "assumptions", "notes", "prices")}


def test_every_kind_is_written_and_reads_back(folder: Path, capsys: Capture) -> None:
    emits = ("--emit", "kubernetes", "k8s", "--emit", "stack", "s", "--emit", "terraform", "t")
    code, _, err = command.run(capsys, *PLAN, "-o", "p", *emits)
    assert code == 0, err
    assert "note: kubernetes: deployment-own.yaml, configmap.yaml in k8s" in err
    assert sorted(path.name for path in folder.glob("k8s/*")) == ["configmap.yaml", "deployment-own.yaml"]
    assert sorted(path.name for path in folder.glob("t/*")) == ["sim.auto.tfvars.json", "variables.tf"]
    chosen = stack_of(read_document("p/stack.yaml"), "x").stack
    assert stack_of(read_document("s/stack.yaml"), "x").stack == chosen
    wanted = figures(replayed(capsys, "--stack", "p/stack.yaml"))
    assert figures(replayed(capsys, "--stack", "s/stack.yaml")) == wanted
    assert figures(replayed(capsys, "--kubernetes", "k8s")) == wanted
    assert figures(replayed(capsys, "--terraform", "t/sim.auto.tfvars.json", "--kubernetes", "k8s")) == wanted


def test_what_is_there_is_replaced_only_by_force(folder: Path, capsys: Capture) -> None:
    (folder / "k8s").mkdir()
    (folder / "k8s" / "configmap.yaml").write_text("mine: true\n")
    (folder / "file").write_text("x")
    told = command.refused(capsys, *PLAN, "--emit", "kubernetes", "k8s", "--emit", "stack", "file")
    assert "k8s/configmap.yaml: already there; --force replaces it" in told and "file: a file; a folder is needed" in told
    assert (folder / "k8s" / "configmap.yaml").read_text() == "mine: true\n"
    code, _, err = command.run(capsys, *PLAN, "-o", "p", "--emit", "kubernetes", "k8s", "--force")
    assert code == 0, err
    assert "kind: ConfigMap" in (folder / "k8s" / "configmap.yaml").read_text()


def test_a_kind_that_is_none(folder: Path, capsys: Capture) -> None:
    assert "'terraform', 'kubernetes', 'stack'" in command.refused(capsys, *PLAN, "--emit", "helm", "x")


def test_init_reads_a_folder(folder: Path, capsys: Capture) -> None:
    assert command.run(capsys, *PLAN, "-o", "p", "--emit", "kubernetes", "k8s")[0] == 0
    code, out, err = command.run(capsys, "init", "--from-kubernetes", "k8s")
    assert (code, err) == (0, "")
    assert out.startswith("# Made from k8s.\n")
    (folder / "made.yaml").write_text(out)
    assert stack_of(read_document("made.yaml"), "x").stack == stack_of(read_document("p/stack.yaml"), "x").stack
    (folder / "k8s" / "chart.yaml").write_text("kind: Deployment\nspec: {replicas: {{ .Values.n }}}\n")
    assert "k8s/chart.yaml:2:18: templating is left in it" in command.refused(capsys, "init", "--from-kubernetes", "k8s")
