"""Kubernetes manifests and Helm values as stacks: what is read, assumed, listed as ignored, and refused."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from sim.catalog.catalog import Catalog
from sim.catalog.price_book import PriceBook
from sim.catalog.yaml_document import parse_documents
from sim.catalog.yaml_file import read_documents
from sim.errors import InputError
from sim.iac.engine_arguments import read_arguments
from sim.iac.hugging_face import find_llm
from sim.iac.kubernetes import Imported, stack_from_kubernetes, stack_text
from sim.iac.manifests import read_manifests
from sim.iac.scalers import metric_named
from sim.stack.read import stack_of
from sim.stack.resolve import resolve

CATALOG = Catalog.load()

DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: vllm-llama, labels: {app: x}}
spec:
  replicas: 2
  template:
    spec:
      nodeSelector: {nvidia.com/gpu.product: NVIDIA-H100-80GB-HBM3}
      containers:
        - name: sidecar
          image: proxy
        - name: vllm
          image: vllm/vllm-openai:v0.11.0
          args: [--model, meta-llama/Llama-3.1-70B-Instruct, --quantization=fp8, -tp, "2", --max-num-seqs, "256", --port, "8000"]
          resources: {limits: {nvidia.com/gpu: "2", memory: 64Gi}}
"""
HPA = """\
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: any}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: vllm-llama}
  minReplicas: 1
  maxReplicas: 6
  metrics:
    - type: Pods
      pods: {metric: {name: "vllm:num_requests_waiting"}, target: {type: AverageValue, averageValue: "2500m"}}
  behavior:
    scaleDown: {stabilizationWindowSeconds: 600, policies: [{type: Pods, value: 1, periodSeconds: 60}]}
"""
KEDA = """\
---
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata: {name: any}
spec:
  scaleTargetRef: {name: vllm-llama}
  maxReplicaCount: 3
  pollingInterval: 15
  triggers:
    - {type: prometheus, metadata: {query: "sum(vllm:num_requests_running)", threshold: "20"}}
"""


def imported(text: str, **options: Any) -> Imported:
    return stack_from_kubernetes(parse_documents(text, "x.yaml"), CATALOG, **options)


def only(found: Imported) -> dict[str, Any]:
    (deployment,) = found.stack["deployments"].values()
    return dict(deployment)


def refusal(text: str) -> str:
    with pytest.raises(InputError) as error:
        imported(text)
    return str(error.value)


def test_a_deployment() -> None:
    found = imported(DEPLOYMENT)
    assert found.stack["deployments"] == {
        "vllm-llama": {
            "kind": "gpu", "llm": "llama-3.1-70b", "precision": "fp8", "gpu": "h100-sxm", "tensor_parallel": 2, "max_num_seqs": 256, "replicas": 2,
        }
    }  # fmt: skip
    assert found.assumed == ()
    for what in (
        "metadata.labels",
        "spec.template.spec.containers.0",
        "resources.limits.memory",
        "argument ignored: --port 8000",
    ):
        assert any(what in line for line in found.ignored), what
    assert not any("nodeSelector" in line or "replicas" in line for line in found.ignored)


def test_an_hpa_of_it() -> None:
    found = only(imported(DEPLOYMENT + HPA))
    assert found["replicas"] == {"min": 1, "max": 6, "initial": 2}
    assert found["autoscaler"] == {
        "law": "hpa", "metric": "waiting", "target": 2.5, "down_stabilization": 600, "down_pods": 1, "down_percent": 0, "down_period": 60,
    }  # fmt: skip


def test_a_scaled_object_of_it() -> None:
    found = only(imported(DEPLOYMENT + KEDA))
    assert found["replicas"] == {"min": 0, "max": 3, "initial": 2}
    assert found["autoscaler"] == {"law": "keda", "metric": "concurrency", "target": 20, "scrape": 15}


def test_a_metric_that_nobody_knows_is_not_guessed() -> None:
    found = imported(DEPLOYMENT + HPA.replace("vllm:num_requests_waiting", "wva_desired_replicas"))
    assert only(found)["replicas"] == 2 and "autoscaler" not in only(found)
    assert any("wva_desired_replicas" in line for line in found.ignored)
    assert any("replicas stay at 2" in line for line in found.assumed)


def test_a_gpu_that_nobody_names_is_assumed_or_given() -> None:
    text = DEPLOYMENT.replace("      nodeSelector: {nvidia.com/gpu.product: NVIDIA-H100-80GB-HBM3}\n", "")
    assert any("gpu h100-sxm" in line for line in imported(text).assumed)
    given = imported(text, gpu="h200-sxm")
    assert only(given)["gpu"] == "h200-sxm" and given.assumed == ()


def test_what_is_made_can_be_read_and_resolved() -> None:
    text = stack_text(imported(DEPLOYMENT + HPA), "x.yaml")
    assert text.startswith("# Made from x.yaml.\n# Ignored:\n")
    file = stack_of(parse_documents(text, "made.yaml")[0], "made")
    assert resolve(file, CATALOG, PriceBook(CATALOG.date)).deployments[0].name == "vllm-llama"


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (("--port", "--speculative-config"), "speculative decoding is not modelled"),
        (("--port", "--kv-transfer-config"), "disaggregation is not modelled"),
        (("--port", "--pipeline-parallel-size"), "pipeline parallelism is not modelled"),
        (("--quantization=fp8", "--quantization=bitsandbytes"), "what precision this means is not known"),
        (("meta-llama/Llama-3.1-70B-Instruct", "acme/secret-70b"), "unknown llm 'acme/secret-70b'"),
        (("vllm/vllm-openai:v0.11.0", "ghcr.io/huggingface/text-generation-inference:3"), "text-generation-inference is not modelled"),
        (('nvidia.com/gpu: "2"', 'nvidia.com/gpu: "4"'), "asks for 4 GPUs, but tensor parallel is 2"),
        (('nvidia.com/gpu: "2"', 'nvidia.com/mig-1g.10gb: "1"'), "slices of a GPU are not modelled"),
        (("--model, meta-llama/Llama-3.1-70B-Instruct", "--model, /mnt/models"), "which model it serves could not be read"),
    ],
)
def test_refused_by_name(change: tuple[str, str], what: str) -> None:
    assert change[0] in DEPLOYMENT
    assert what in refusal(DEPLOYMENT.replace(*change))


@pytest.mark.parametrize("count", ["[2]", "two", ".inf", ".nan", "1e400", "-1", "1.5", "{a: 1}"])
def test_a_number_of_gpus_that_is_none(count: str) -> None:
    text = DEPLOYMENT.replace('nvidia.com/gpu: "2"', f"nvidia.com/gpu: {count}")
    with pytest.raises(InputError, match=r"nvidia\.com/gpu: found .*; a whole number of GPUs is needed"):
        imported(text)


@pytest.mark.parametrize("count", ["[2]", "two", ".inf", ".nan", "1e400", "1.5", "{a: 1}", "true"])
def test_a_number_of_replicas_that_is_none_is_listed_as_ignored(count: str) -> None:
    text = DEPLOYMENT.replace("replicas: 2", f"replicas: {count}")
    assert any("replicas" in line for line in imported(text).ignored)


def test_an_ignored_argument_of_several_lines_stays_in_its_comment() -> None:
    found = imported(DEPLOYMENT.replace('--port, "8000"', r'--chat-template, "a\nrouting: []\nb"'))
    assert any("routing: []" in note for note in found.ignored), "the argument is listed as ignored"
    [document] = parse_documents(stack_text(found, "x\ny.yaml"), "made")
    assert document.data == found.stack


def test_an_autoscaler_alone_says_whose_manifest_is_missing() -> None:
    assert "it scales 'vllm-llama', which is not in the file" in refusal(HPA)


@pytest.mark.parametrize(
    ("words", "model", "keys"),
    [
        (["vllm", "serve", "Qwen/Qwen3-8B", "--max-model-len", "8k"], "Qwen/Qwen3-8B", {"max_model_len": 8000}),
        (["--model=Qwen/Qwen3-8B", "--max-model-len=8K"], "Qwen/Qwen3-8B", {"max_model_len": 8192}),
        (["sh", "-c", "vllm serve a/b \\\n  --tensor-parallel-size 4"], "a/b", {"tensor_parallel": 4}),
        (
            ["--model-path", "a/b", "--tp", "2", "--mem-fraction-static", "0.85"],
            "a/b",
            {"tensor_parallel": 2, "gpu_memory_utilization": 0.85},
        ),
        (["--model", "a/b", "--no-enable-prefix-caching"], "a/b", {"prefix_caching": "off"}),
        (["trtllm-serve", "serve", "a/b", "--tp_size", "2"], "a/b", {"tensor_parallel": 2}),
        (
            ["--model", "a/b", "--enable-prefix-caching", "--kv-cache-dtype", "fp8_e5m2"],
            "a/b",
            {"prefix_caching": "on", "kv_precision": "fp8"},
        ),
        (["--model", "a/b", "-q", "awq_marlin", "--dtype", "half"], "a/b", {"precision": "int4"}),
        (["--model", "a/b", "--max_num_seqs", "64"], "a/b", {"max_num_seqs": 64}),
    ],
)
def test_command_lines(words: list[str], model: str, keys: dict[str, Any]) -> None:
    found = read_arguments(words)
    assert (found.model, found.keys, found.ignored) == (model, keys, [])


def test_arguments_that_mean_nothing_here_are_listed() -> None:
    assert read_arguments(["--max-model-len", "-1"]).keys == {}
    assert read_arguments(["--model", "a/b", "--enforce-eager", "--port", "80", "--seed=1"]).ignored == [
        "--enforce-eager",
        "--port 80",
        "--seed 1",
    ]


@pytest.mark.parametrize(
    ("repository", "llm", "precision"),
    [
        ("meta-llama/Llama-3.1-8B-Instruct", "llama-3.1-8b", "bf16"),
        ("RedHatAI/Meta-Llama-3.1-70B-Instruct-FP8-dynamic", "llama-3.1-70b", "fp8"),
        ("hf://Qwen/Qwen3-32B-AWQ", "qwen3-32b", "int4"),
        ("neuralmagic/Meta-Llama-3.1-8B-Instruct-quantized.w4a16", "llama-3.1-8b", "int4"),
        ("deepseek-ai/DeepSeek-V3", "deepseek-v3", "fp8"),
        ("openai/gpt-oss-120b", "gpt-oss-120b", "fp4"),
        ("Qwen/Qwen2.5-14B-Instruct:main", "qwen2.5-14b", "bf16"),
        ("llama-3.3-70b", "llama-3.3-70b", "bf16"),
        ("s3://bucket/models/Meta-Llama-3.1-8B-Instruct", "llama-3.1-8b", "bf16"),
        ("oci://host:5000/models/Llama-3.1-8B-Instruct-FP8:1.5", "llama-3.1-8b", "fp8"),
    ],
)
def test_names_of_the_hub(repository: str, llm: str, precision: str) -> None:
    assert find_llm(repository, CATALOG) == (llm, precision)


@pytest.mark.parametrize(
    ("name", "metric"),
    [
        ("vllm_num_requests_waiting", "waiting"),
        ("vllm:num_requests_running", "concurrency"),
        ("vllm:gpu_cache_usage_perc", "kv"),
        ("DCGM_FI_DEV_GPU_UTIL", "busy"),
        ("http_requests_per_second", "rps"),
        ("cpu", None),
        ("sum(rate(vllm:generation_tokens_total[1m]))", None),
        ("sum(irate(container_network_receive_bytes_total[5m]))", None),
        ("vllm:request_queue_time_seconds", None),
        ("queue_waiting_time", None),
        ("sum(rate(http_requests_total[2m]))", "rps"),
        ("sglang:token_usage", "kv"),
        ("wva_desired_replicas", None),
    ],
)
def test_metrics_by_the_names_of_monitoring(name: str, metric: str | None) -> None:
    assert metric_named(name) == metric


def shown_in_the_page() -> dict[str, tuple[str, str]]:
    """What docs/kubernetes.md says becomes of each file: read or refused, and a part of the reason or of the stack."""
    page = (Path(__file__).parents[2] / "docs" / "kubernetes.md").read_text()
    rows = re.findall(r"^\| ([\w.-]+\.yaml) \| (read|refused) \| (.*) \|$", page, re.MULTILINE)
    return {file: (what, words) for file, what, words in rows}


def test_every_manifest_beside_the_repository_is_read_or_refused_with_a_reason(shared_data: Path) -> None:
    files = sorted((shared_data / "iac" / "kubernetes").glob("*.yaml"))
    page = shown_in_the_page()
    assert [path.name for path in files] == sorted(page)
    for path in files:
        what, words = page[path.name]
        documents = read_manifests([path])
        if what == "refused":
            with pytest.raises(InputError) as error:
                stack_from_kubernetes(documents, CATALOG)
            assert words.replace("`", "") in str(error.value), path.name
            continue
        made = stack_from_kubernetes(documents, CATALOG)
        file = stack_of(parse_documents(stack_text(made, path.name), path.name)[0], "made")
        resolve(file, CATALOG, PriceBook(CATALOG.date))
        assert words.startswith(" and ".join(f"`{name}`" for name in file.stack.deployments)), path.name


def test_a_scaler_finds_the_deployment_that_a_chart_names(shared_data: Path) -> None:
    folder = shared_data / "iac" / "kubernetes"
    names = ("real-vllm-production-stack-values-multi-model.yaml", "real-keda-scaledobject-vllm.yaml")
    found = stack_from_kubernetes([document for name in names for document in read_documents(folder / name, name)], CATALOG)
    assert found.stack["deployments"]["llama3"]["autoscaler"] == {
        "law": "keda",
        "metric": "waiting",
        "target": 5,
        "scrape": 15,
        "cooldown": 360,
    }
    assert found.stack["deployments"]["mistral"]["replicas"] == 1
