"""A gpu deployment as the container of its engine: image, command line, GPUs, probes; what the engines call each setting."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from sim.catalog.catalog import Catalog
from sim.catalog.gpu import Gpu
from sim.iac.hugging_face import find_llm
from sim.stack.gpu_deployment import GpuDeployment

PORT = 8000
_ON_THE_FLY = ("fp8",)
"""Precisions that an engine makes itself of weights in 16 bits; others need a checkpoint."""


@dataclass(frozen=True)
class _Engine:
    """How one engine is started; flags are by the keys of a deployment."""

    image: str
    image_amd: str
    command: tuple[str, ...]
    model: tuple[str, ...]
    flags: Mapping[str, str]
    quantisation: Mapping[str, str]
    """Words of `--quantization` by precision; a precision without one is that of the checkpoint alone."""
    kv_precisions: Mapping[str, str]
    caching: Mapping[str, str]


_VLLM = _Engine(
    image="vllm/vllm-openai:v0.33.0",
    image_amd="rocm/vllm:latest",
    command=("python3", "-m", "vllm.entrypoints.openai.api_server"),
    model=("--model",),
    flags=MappingProxyType(
        {
            "tensor_parallel": "--tensor-parallel-size", "max_num_seqs": "--max-num-seqs",
            "max_num_batched_tokens": "--max-num-batched-tokens", "max_model_len": "--max-model-len",
            "gpu_memory_utilization": "--gpu-memory-utilization", "block_size": "--block-size",
            "long_prefill_token_threshold": "--long-prefill-token-threshold",
        }
    ),
    quantisation=MappingProxyType({"fp8": "fp8", "int4": "awq", "fp4": "modelopt_fp4"}),
    kv_precisions=MappingProxyType({"fp8": "fp8", "bf16": "bfloat16"}),
    caching=MappingProxyType({"on": "--enable-prefix-caching", "off": "--no-enable-prefix-caching"}),
)  # fmt: skip
_SGLANG = _Engine(
    image="lmsysorg/sglang:latest",
    image_amd="lmsysorg/sglang:latest-rocm",
    command=("python3", "-m", "sglang.launch_server"),
    model=("--model-path",),
    flags=MappingProxyType(
        {
            "tensor_parallel": "--tp-size", "max_num_seqs": "--max-running-requests", "max_num_batched_tokens": "--chunked-prefill-size",
            "max_model_len": "--context-length", "gpu_memory_utilization": "--mem-fraction-static", "block_size": "--page-size",
        }
    ),
    quantisation=MappingProxyType({"fp8": "fp8", "int8": "w8a8_int8", "int4": "awq", "fp4": "modelopt_fp4"}),
    kv_precisions=MappingProxyType({"fp8": "fp8_e4m3", "bf16": "bf16"}),
    caching=MappingProxyType({"off": "--disable-radix-cache"}),
)  # fmt: skip
_TRTLLM = _Engine(
    image="tensorrt-llm:latest",
    image_amd="tensorrt-llm:latest",
    command=("trtllm-serve",),
    model=(),
    flags=MappingProxyType(
        {
            "tensor_parallel": "--tp_size", "max_num_seqs": "--max_batch_size", "max_num_batched_tokens": "--max_num_tokens",
            "max_model_len": "--max_seq_len",
        }
    ),
    quantisation=MappingProxyType({}),
    kv_precisions=MappingProxyType({}),
    caching=MappingProxyType({}),
)  # fmt: skip
_ENGINES: Mapping[str, _Engine] = MappingProxyType({"vllm": _VLLM, "sglang": _SGLANG, "trtllm": _TRTLLM})


def engine_container(spec: GpuDeployment, catalog: Catalog, notes: list[str]) -> dict[str, Any]:
    """The container of a deployment; what has to be seen to before it starts goes into the notes."""
    engine, gpu = _ENGINES[spec.engine], catalog.gpu(spec.gpu)
    if spec.engine == "trtllm":
        notes.append("image: put the registry of your TensorRT-LLM image before its name")
    words = [*engine.model, _repository(spec, catalog, notes)]
    for key, flag in engine.flags.items():
        value = getattr(spec, key)
        if key == "tensor_parallel" or (value is not None and value != GpuDeployment.model_fields[key].default):
            words += [flag, number(value)]
    words += _precision(spec, engine, catalog, notes)
    if spec.kv_precision in engine.kv_precisions:
        words += ["--kv-cache-dtype", engine.kv_precisions[spec.kv_precision]]
    if spec.prefix_caching in engine.caching:
        words.append(engine.caching[spec.prefix_caching])
    return {
        "name": spec.engine,
        "image": engine.image_amd if gpu.maker == "amd" else engine.image,
        "command": list(engine.command),
        "args": [*words, "--host", "0.0.0.0", "--port", str(PORT)],  # noqa: S104  (a pod serves on its own address)
        "ports": [{"name": "http", "containerPort": PORT}],
        "env": [{"name": "HF_TOKEN", "valueFrom": {"secretKeyRef": {"name": "hf-token", "key": "token", "optional": True}}}],
        "resources": {"limits": {gpu_resource(gpu): spec.tensor_parallel}},
        # Weights take minutes to load: half an hour of tries before the pod is given up.
        "startupProbe": {"httpGet": {"path": "/health", "port": "http"}, "periodSeconds": 10, "failureThreshold": 180},
        "readinessProbe": {"httpGet": {"path": "/health", "port": "http"}, "periodSeconds": 5},
        "volumeMounts": [{"name": "shm", "mountPath": "/dev/shm"}],  # noqa: S108  (where NCCL talks between GPUs)
    }


def gpu_resource(gpu: Gpu) -> str:
    """What Kubernetes counts GPUs of a maker as."""
    return "amd.com/gpu" if gpu.maker == "amd" else "nvidia.com/gpu"


def number(value: float) -> str:
    """A number in plain digits, without an exponent."""
    from decimal import Decimal

    return str(int(value)) if float(value).is_integer() else format(Decimal(repr(value)), "f")


def _repository(spec: GpuDeployment, catalog: Catalog, notes: list[str]) -> str:
    """Where the weights are on the hub; the catalogue's name where it does not know."""
    repository = catalog.llm(spec.llm).repository
    if repository is None:
        notes.append(f"the model: the catalogue names no repository of {spec.llm}; put yours in the place of its name")
        return spec.llm
    return repository


def _precision(spec: GpuDeployment, engine: _Engine, catalog: Catalog, notes: list[str]) -> list[str]:
    """The flag of a precision that the repository does not have by itself."""
    _, published = find_llm(_repository(spec, catalog, []), catalog)
    if spec.precision == published:
        return []
    if spec.precision not in _ON_THE_FLY or spec.precision not in engine.quantisation:
        notes.append(f"the model: a checkpoint in {spec.precision} is needed in the place of this one, which is in {published}")
    word = engine.quantisation.get(spec.precision)
    return [] if word is None else ["--quantization", word]
