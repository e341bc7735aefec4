"""Finding a stack and laying `--set` over it."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from sim.catalog.catalog import Catalog
from sim.catalog.yaml_document import parse_documents
from sim.errors import InputError
from sim.stack.gpu_deployment import GpuDeployment, Replicas
from sim.stack.read import StackFile, read_stack, stack_of

TEXT = """\
deployments:
  own: {kind: gpu, llm: llama-3.1-8b, gpu: h100-sxm, replicas: 2}
  spill: {kind: api, model: gpt-6-luna}
routing:
  - to: [{deployment: own, max_wait: 2s}, spill]
"""


@pytest.fixture
def catalog() -> Catalog:
    return Catalog.load()


@pytest.fixture
def path(tmp_path: Path) -> str:
    (tmp_path / "mine.yaml").write_text(TEXT)
    return str(tmp_path / "mine.yaml")


def own(file: StackFile) -> GpuDeployment:
    found = file.stack.deployments["own"]
    assert isinstance(found, GpuDeployment)
    return found


def test_by_name_and_by_path(catalog: Catalog, path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert read_stack("hybrid", catalog).name == "hybrid"
    assert read_stack(path, catalog).name == "mine"
    monkeypatch.chdir(tmp_path)
    assert read_stack("models/stacks/hybrid.yaml", catalog).stack == read_stack("hybrid", catalog).stack
    assert read_stack("mine.yaml", catalog).stack == read_stack(path, catalog).stack


def test_unknown_stacks_get_the_nearest_name(catalog: Catalog, path: str) -> None:
    with pytest.raises(InputError, match=r"no stack 'hybird'; allowed: api-first, .*did you mean 'hybrid'\?"):
        read_stack("hybird", catalog)
    with pytest.raises(InputError, match=r"no such file; did you mean 'mine.yaml'\?"):
        read_stack(path.replace("mine", "mien"), catalog)


def test_settings_lie_over_the_file(catalog: Catalog, path: str) -> None:
    file = read_stack(path, catalog, ["deployments.own.precision=fp8", "routing.0.to.0.max_wait=500ms", "slo.ttft_p95=1s"])
    assert own(file).precision == "fp8"
    assert file.stack.routing[0].to[0].max_wait == 0.5
    assert file.stack.slo.ttft_p95 == 1.0


def test_one_key_of_a_short_form_can_be_set(catalog: Catalog, path: str) -> None:
    file = read_stack(path, catalog, ["deployments.own.replicas.max=6", "deployments.own.autoscaler.law=hpa"])
    assert own(file).replicas == Replicas(min=2, max=6, initial=2)


@pytest.mark.parametrize(
    ("setting", "what"),
    [
        ("deployments.own.replica.max=6", r"--set deployments.own.replica.*: unknown key 'replica'; .*did you mean 'replicas'\?"),
        (
            "deployments.owm.replicas.max=6",
            r"--set deployments.owm.replicas.max: unknown deployment 'owm'; allowed: own, spill; did you mean 'own'\?",
        ),
        ("deployments.own.timeout=soon", r"--set deployments.own.timeout: found 'soon', which is not a duration"),
        ("deployments.own.timeout", "found no key and value"),
        ("=3", "found no key and value"),
        ("slo..ttft=3", "found no key and value"),
        ("routing.7.share=0.5", "item number from 0 to 1"),
        ("deployments.own.llm.name=x", "has no key 'name'"),
    ],
)
def test_a_wrong_setting_is_named(catalog: Catalog, path: str, setting: str, what: str) -> None:
    with pytest.raises(InputError, match=what):
        read_stack(path, catalog, [setting])


def test_all_wrong_settings_at_once(catalog: Catalog, path: str) -> None:
    with pytest.raises(InputError) as error:
        read_stack(path, catalog, ["nothing", "deployments.owm.gpu=l4"])
    assert len(str(error.value).splitlines()) == 2


@pytest.mark.parametrize("name", [*Catalog.bundled().names("stack"), "null timeout"])
def test_a_stack_as_plain_data_reads_back(name: str) -> None:
    """What is left out and what is null may mean different things: without a time-out is not with the usual one."""
    text = "deployments: {own: {kind: api, model: gpt-6.1-sol, client: {timeout: null}}}"
    stack = read_stack(name, Catalog.bundled()) if name != "null timeout" else stack_of(parse_documents(text, "s.yaml")[0], "s")
    said = yaml.safe_dump(stack.stack.plain())
    assert stack_of(parse_documents(said, "said.yaml")[0], "said").stack == stack.stack
    assert name != "null timeout" or "timeout: null" in said
