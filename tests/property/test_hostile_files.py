"""Files of every kind with values swapped for others: each is read or refused in plain lines, never a traceback."""

from __future__ import annotations

import contextlib
import copy
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sim.cli.main import exit_code
from tests.made.world import STACK

ROOT = Path(__file__).resolve().parents[2]
ODD: tuple[Any, ...] = (
    None, True, False, 0, -1, 1.5, 1e300, 2**70, float("inf"), float("nan"), "", "x", "no", "12:30", "1e9", "-3s", "nan", "100%", "8Gi", "{{ .Values.x }}",
    "\x1b[31m", "a\nb", [], {}, [None], [[]], ["a", "b"], {"a": None}, {"x": {"y": [1, 2]}}, "llama-3.1-8b", "h100-sxm", "gpt-6-luna", "keda",
)  # fmt: skip
MANIFEST = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: chat, labels: {app: chat}}
spec:
  replicas: 2
  template:
    spec:
      nodeSelector: {nvidia.com/gpu.product: NVIDIA-H100-80GB-HBM3}
      containers:
        - image: vllm/vllm-openai:v0.11.0
          args: [--model, meta-llama/Llama-3.1-8B-Instruct, -tp, "1", --max-num-seqs, "256"]
          resources: {limits: {nvidia.com/gpu: 1}}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: chat}
spec:
  scaleTargetRef: {kind: Deployment, name: chat}
  minReplicas: 1
  maxReplicas: 4
  metrics: [{type: Pods, pods: {metric: {name: vllm:num_requests_waiting}, target: {type: AverageValue, averageValue: "5"}}}]
  behavior: {scaleUp: {stabilizationWindowSeconds: 0, policies: [{type: Pods, value: 2, periodSeconds: 15}]}}
"""
VALUES = """\
servingEngineSpec:
  modelSpec:
    - {name: a, repository: vllm/vllm-openai, modelURL: meta-llama/Llama-3.1-8B-Instruct, replicaCount: 1, requestGPU: 1, requestGPUType: nvidia.com/gpu,
       vllmConfig: {tensorParallelSize: 1, maxModelLen: 8192, extraArgs: [--max-num-seqs, "64"]},
       nodeSelectorTerms: [{matchExpressions: [{key: nvidia.com/gpu.product, operator: In, values: [NVIDIA-H100-80GB-HBM3]}]}]}
"""
EVENTS = """\
events:
  - {at: 2h, kind: api_outage, deployment: spill, duration: 20 min}
  - {at: 5h, kind: gpu_failure, deployment: own, count: 1, duration: 4h}
  - {at: 8h, kind: limit_change, deployment: spill, factor: 0.5, duration: 2h, limit: 0}
"""
PRICES = """\
api:
  gpt-6.1-sol: {input_usd_per_mtok: 1.6, output_usd_per_mtok: 8, batch_discount: 50%}
  gpt-6-luna: {discount: 15%}
gpu:
  h100-sxm: [{provider: aws, purchase: reserved_1y, usd_per_gpu_hour: 3.9, gpus_sold_together: 8}]
"""


def bundled(*parts: str) -> str:
    return ROOT.joinpath(*parts).read_text(encoding="utf-8")


KINDS: dict[str, tuple[str, list[str]]] = {
    "own stack": (STACK, ["explain", "f.yaml"]),
    "hybrid": (bundled("models", "stacks", "hybrid.yaml"), ["explain", "f.yaml"]),
    "task-routing": (bundled("models", "stacks", "task-routing.yaml"), ["explain", "f.yaml"]),
    "scale-to-zero": (bundled("models", "stacks", "scale-to-zero.yaml"), ["explain", "f.yaml"]),
    "events": (EVENTS, ["check", "f.yaml", "--stack", "hybrid"]),
    "prices": (PRICES, ["explain", "hybrid", "--prices", "f.yaml"]),
    "recipe": (bundled("workloads", "recipes", "bursty.yaml"), ["check", "f.yaml", "--kind", "recipe"]),
    "outlook": (bundled("models", "outlooks", "stress.yaml"), ["check", "f.yaml", "--kind", "outlook"]),
    "manifest": (MANIFEST, ["init", "--from-kubernetes", "f.yaml"]),
    "values": (VALUES, ["init", "--from-kubernetes", "f.yaml"]),
}


def places(data: Any) -> list[tuple[Any, Any]]:
    """Every container with each of its keys or positions."""
    keys = list(data) if isinstance(data, dict) else range(len(data)) if isinstance(data, list) else []
    return [place for key in keys for place in ((data, key), *places(data[key]))]


@st.composite
def changes(draw: st.DrawFn, documents: list[Any]) -> str:
    """The documents with one to three values swapped, removed or put under another key."""
    changed = copy.deepcopy(documents)
    for _ in range(draw(st.integers(1, 3))):
        found = places(changed)
        if not found:
            break
        container, key = draw(st.sampled_from(found))
        what = draw(st.sampled_from(("swap", "swap", "swap", "remove", "rename")))
        if what == "swap":
            container[key] = copy.deepcopy(draw(st.sampled_from(ODD)))
        elif what == "remove" or not isinstance(container, dict):
            del container[key]
        else:
            container[draw(st.sampled_from(("max", "kind", "\x1b[31m", "zz")))] = container.pop(key)
    return yaml.safe_dump_all(changed)


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_is_read_or_refused(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    text, arguments = KINDS[kind]
    monkeypatch.chdir(tmp_path)

    @settings(
        max_examples=min(200, settings.default.max_examples) if settings.default.max_examples <= 300 else 2000,
        suppress_health_check=list(HealthCheck),
    )
    @given(changes(list(yaml.safe_load_all(text))))
    def search(changed: str) -> None:
        Path("f.yaml").write_text(changed)
        capsys.readouterr()
        code = exit_code(arguments)
        out, err = capsys.readouterr()
        assert code in (0, 2), err
        assert (out == "") == (code == 2)
        if code == 2:
            assert all(line.startswith("error: ") and line.isprintable() for line in err.splitlines())

    with contextlib.suppress(AttributeError):
        search()


def test_the_files_are_good_as_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    for kind, (text, arguments) in KINDS.items():
        Path("f.yaml").write_text(text)
        assert exit_code(arguments) == 0, (kind, capsys.readouterr().err)
