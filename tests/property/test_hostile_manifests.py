"""Manifests of every kind, and variables of Terraform, with values swapped for others: read or refused in plain lines, never a traceback."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings

from sim.catalog.catalog import Catalog
from sim.catalog.yaml_document import parse_documents
from sim.errors import InputError
from sim.iac.emit import emit
from sim.iac.kubernetes import stack_from_kubernetes, stack_text
from sim.iac.manifests import read_manifests
from sim.iac.tfvars import with_groups
from sim.stack.read import read_stack, stack_of
from tests.property.test_hostile_files import changes

CATALOG = Catalog.bundled()
BOX = """{name: v, image: "vllm/vllm-openai", command: [sh, -c], args: ["vllm serve Qwen/Qwen3-8B --tensor-parallel-size 8 $(MORE)"],
  env: [{name: MORE, value: "--max-num-seqs 9"}, {name: VLLM_ADDITIONAL_ARGS, value: "--block-size 32"}], resources: {limits: {nvidia.com/gpu: 4}}}"""
GROUP = f"""\
kind: LeaderWorkerSet
metadata: {{name: own, namespace: a, annotations: {{sim-deployment: own_1}}}}
spec:
  replicas: 2
  leaderWorkerTemplate:
    size: 2
    leaderTemplate: {{spec: {{nodeSelector: {{node.kubernetes.io/instance-type: p5.48xlarge, karpenter.sh/capacity-type: spot}}, containers: [{BOX}]}}}}
    workerTemplate: {{spec: {{containers: [{BOX}]}}}}
---
kind: ScaledObject
metadata: {{name: own, namespace: a, annotations: {{autoscaling.keda.sh/paused-replicas: "2"}}}}
spec:
  scaleTargetRef: {{name: own}}
  minReplicaCount: 1
  maxReplicaCount: 4
  pollingInterval: 15
  triggers:
    - {{type: cron, metadata: {{timezone: Europe/Berlin, start: 0 8 * * *, end: 0 20 * * *, desiredReplicas: "4"}}}}
    - {{type: cpu, metadata: {{value: "3"}}}}
---
kind: ConfigMap
metadata: {{name: sim-stack}}
data: {{stack.yaml: "deployments: {{own_1: {{client: none}}, api: {{kind: api, model: gpt-6-luna}}}}\\nrouting: [{{to: [own_1, api]}}]"}}
"""
SERVICES = f"""\
kind: LLMInferenceService
metadata: {{name: own}}
spec:
  replicas: 1
  model: {{uri: "hf://Qwen/Qwen3-8B"}}
  parallelism: {{tensor: 8, data: 1}}
  scaling: {{minReplicas: 1, maxReplicas: 3, wva: {{hpa: {{}}}}}}
  template: {{containers: [{BOX}]}}
  worker: {{containers: [{BOX}]}}
---
kind: InferenceService
metadata: {{name: two, annotations: {{serving.kserve.io/autoscalerClass: keda, autoscaling.knative.dev/window: 60s}}}}
spec:
  predictor:
    minReplicas: 1
    maxReplicas: 3
    model: {{modelFormat: {{name: huggingface}}, storageUri: "hf://Qwen/Qwen3-8B", args: [--max-num-seqs, "9"], resources: {{limits: {{nvidia.com/gpu: 1}}}}}}
    autoScaling: {{metrics: [{{type: External, external: {{metric: {{query: vllm:num_requests_waiting}}, target: {{type: Value, value: "2"}}}}}}]}}
"""
VALUES = """\
servingEngineSpec:
  modelSpec:
    - {name: a, modelURL: Qwen/Qwen3-8B, replicaCount: 1, requestGPU: 1, requestGPUType: H200, vllmConfig: {enablePrefixCaching: true},
       keda: {enabled: true, maxReplicaCount: 3, triggers: [{type: prometheus, metadata: {query: "sum(vllm:num_requests_waiting)", threshold: "5"}}]}}
    - {name: b, modelURL: Qwen/Qwen3-8B, requestGPU: 1, hpa: {enabled: true, minReplicas: 1, maxReplicas: 2, metrics: [
       {type: Pods, pods: {metric: {name: vllm_num_requests_waiting}, target: {type: AverageValue, averageValue: 500m}}}], behavior: {scaleDown: {selectPolicy: Disabled}}}}
---
modelArtifacts: {name: Qwen/Qwen3-8B}
multinode: false
decode:
  replicas: 2
  parallelism: {tensor: 1, data: 1}
  acceleratorTypes: {labelKey: nvidia.com/gpu.product, labelValues: [NVIDIA-H100-80GB-HBM3]}
  containers: [{args: [--max-num-seqs, "9"], resources: {limits: {nvidia.com/gpu: 1}}}]
prefill: {create: false}
"""
few = settings(max_examples=120, suppress_health_check=list(HealthCheck))


def plain(text: str) -> bool:
    return all(line.isprintable() for line in text.splitlines())


def made_of(text: str) -> str:
    """What is said of manifests: the notes of a stack that can be read, or why there is none."""
    try:
        made = stack_from_kubernetes(parse_documents(text, "x.yaml"), CATALOG)
        stack_of(parse_documents(stack_text(made, "x"), "made")[0], "made")
    except InputError as error:
        return str(error) or "\x1b nothing said"
    return "\n".join((*made.assumed, *made.ignored))


@pytest.mark.parametrize("kind", [GROUP, SERVICES, VALUES], ids=["group", "services", "values"])
def test_a_manifest_is_read_or_refused(kind: str) -> None:
    @few
    @given(changes(list(yaml.safe_load_all(kind))))
    def search(changed: str) -> None:
        assert plain(made_of(changed))

    search()


def test_they_are_good_as_they_are() -> None:
    for text, names in (
        (GROUP.replace("paused-replicas", "other"), ["own_1", "api"]),
        (SERVICES, ["own", "two"]),
        (VALUES, ["a", "b", "qwen3-8b"]),
    ):
        assert list(stack_from_kubernetes(parse_documents(text, "x.yaml"), CATALOG).stack["deployments"]) == names


def test_what_is_emitted_is_read_or_refused_when_somebody_changed_it(tmp_path: Path) -> None:
    file = read_stack("spot", CATALOG)
    manifests = "---\n".join(emit("kubernetes", file, CATALOG, name="x").values())
    variables = emit("terraform", file, CATALOG, name="x")["sim.auto.tfvars.json"]

    @few
    @given(changes(list(yaml.safe_load_all(manifests))))
    def of_manifests(changed: str) -> None:
        assert plain(made_of(changed))

    @few
    @given(changes(list(yaml.safe_load_all(variables))))
    def of_variables(changed: str) -> None:
        path = tmp_path / "sim.auto.tfvars.json"
        path.write_text(changed)
        try:
            document, notes = with_groups(file.document, path, "v.json", CATALOG)
            stack_of(document, "x")
            said = "\n".join(notes)
        except InputError as error:
            said = str(error) or "\x1b nothing said"
        assert plain(said)

    of_manifests()
    of_variables()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "---\n",
        "null",
        "[]",
        "x",
        "\x00",
        "{" * 200,
        "- " * 300 + "a",
        "kind: List\nitems: 3",
        "kind: List\nitems: [1, null, []]",
        "a: &a [*a]",
        "!!python/object:os.system x",
    ],
)
def test_files_that_are_no_manifests(tmp_path: Path, text: str) -> None:
    (tmp_path / "x.yaml").write_text(text)
    with pytest.raises(InputError) as error:
        stack_from_kubernetes(read_manifests([tmp_path]), CATALOG)
    assert plain(str(error.value))
