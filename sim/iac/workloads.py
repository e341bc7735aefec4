"""What runs on GPUs in a set of Kubernetes objects: Deployments, StatefulSets, KServe services, vLLM's own resources and Helm values."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from sim.errors import InputError
from sim.iac.engine_arguments import EngineArguments, read_arguments
from sim.iac.reading import Reading
from sim.iac.scalers import Scaler, read_knative

_GPU_LABELS = (
    (r"mi300x", "mi300x"),
    (r"b200", "b200"),
    (r"h200|p5e", "h200-sxm"),
    (r"h100.*pcie|h100-nvl", "h100-pcie"),
    (r"h100|^p5\.|^a3-", "h100-sxm"),
    (r"a100.*80|^p4de\.|^a2-ultra", "a100-80gb"),
    (r"a100|^p4d\.|^a2-", "a100-40gb"),
    (r"l40s|^g6e\.", "l40s"),
    (r"(^|[^a-z0-9])l4($|[^0-9a-z])|^g6\.|^g2-", "l4"),
)
_GPU_RESOURCES = ("nvidia.com/gpu", "amd.com/gpu")
_ENGINES = (("sglang", "sglang"), ("trtllm", "trtllm"), ("tensorrt", "trtllm"))
_OTHERS = ("text-generation-inference", "lmdeploy", "ollama", "llama.cpp", "triton")


@dataclass
class Workload:
    """One model server, in the words of its object."""

    name: str
    model: str
    replicas: int
    gpus: int | None
    gpu: str | None
    engine: str = "vllm"
    keys: dict[str, Any] = field(default_factory=dict)
    scaler: Scaler | None = None
    remarks: list[str] = field(default_factory=list)


def gpu_named(label: str) -> str | None:
    """The catalogue GPU that a node label or instance type means."""
    return next((gpu for pattern, gpu in _GPU_LABELS if re.search(pattern, label.lower())), None)


def read_workloads(part: Reading) -> list[Workload]:
    """The model servers of one object (or of one file of Helm values); none where it holds none. InputError where it cannot be meant."""
    kind = part.text("kind")
    part.take("apiVersion")
    if kind in _KINDS:
        return _KINDS[kind](part)
    if not kind and part.at("servingEngineSpec"):
        return [_production_stack(spec) for spec in part.items("servingEngineSpec", "modelSpec")]
    if not kind and part.at("modelArtifacts"):
        return [_llm_d_values(part)]
    return []


def _pods(part: Reading) -> list[Workload]:
    """A Deployment or StatefulSet; those without GPUs are no model servers."""
    name, replicas = part.text("metadata", "name"), part.count("spec", "replicas")
    pod = part.at("spec", "template", "spec")
    found = [_container(box, pod, name, 1 if replicas is None else replicas) for box in pod.items("containers") if _gpus(box) is not None]
    if len(found) > 1:
        raise InputError(f"{name}: {len(found)} containers with GPUs in one pod; one is read")
    return found


def _container(box: Reading, pod: Reading, name: str, replicas: int) -> Workload:
    box.take("name")
    image = box.text("image").lower()
    words = [*_words(box, "command"), *_words(box, "args")]
    arguments = read_arguments(words)
    other = next((each for each in _OTHERS if each in image), None)
    if other:
        raise InputError(f"{name}: image {image}: {other} is not modelled; vllm, sglang and trtllm are")
    start = " ".join([image, *map(str, words)]).lower()
    engine = next((ours for word, ours in _ENGINES if word in start), "vllm")
    work = _workload(name, replicas, _take_gpus(box), _gpu_label(pod), engine, arguments)
    _refuse_environment(name, box)
    return work


def _inference_service(part: Reading) -> list[Workload]:
    """A KServe InferenceService whose predictor serves a model of the hub."""
    name = part.text("metadata", "name")
    predictor = part.at("spec", "predictor")
    frameworks = [key for key in ("tensorflow", "pytorch", "sklearn", "xgboost", "onnx", "triton") if predictor.at(key)]
    if frameworks:
        raise InputError(f"{name}: serves {frameworks[0]}, not a language model")
    model = predictor.at("model")
    if model.at("modelFormat", "name").data not in (None, "huggingface", "vLLM", "vllm"):
        raise InputError(f"{name}: serves {model.text('modelFormat', 'name')}, not a language model")
    model.take("modelFormat")
    low, high = predictor.count("minReplicas"), predictor.count("maxReplicas")
    low = 1 if low is None else low
    arguments = read_arguments(_words(model, "args"))
    repository = model.text("storageUri")
    arguments.model = repository if repository.startswith("hf://") else arguments.model or repository
    arguments.ignored = [word for word in arguments.ignored if not word.startswith("--model")]
    work = _workload(name, low, _take_gpus(model), _gpu_label(predictor), "vllm", arguments)
    if (high is not None and high > low) or part.at("metadata", "annotations", "autoscaling.knative.dev/target"):
        work.scaler = Scaler(name, low, high, read_knative(part))
    return [work]


def _llm_inference_service(part: Reading) -> list[Workload]:
    """A KServe LLMInferenceService."""
    name = part.text("metadata", "name")
    spec = part.at("spec")
    if spec.at("prefill"):
        raise InputError(f"{name}: prefill and decode run apart (spec.prefill): disaggregation is not modelled")
    replicas = spec.count("replicas")
    pod = spec.at("template")
    boxes = [box for box in pod.items("containers") if _gpus(box) is not None]
    if not boxes:
        raise InputError(f"{name}: no container with GPUs in spec.template")
    work = _container(boxes[0], pod, name, 1 if replicas is None else replicas)
    work.model = spec.text("model", "uri") or spec.text("model", "name") or work.model
    _one_only(spec.at("parallelism"), "data", "dataLocal", "pipeline")
    tensor = spec.count("parallelism", "tensor")
    if tensor is not None:
        work.keys["tensor_parallel"] = tensor
    return [work]


def _vllm_runtime(part: Reading) -> list[Workload]:
    """A VLLMRuntime of the vLLM production stack's operator; its autoscaling is a KEDA ScaledObject's."""
    name = part.text("metadata", "name")
    spec = part.at("spec")
    keys = _config(spec.at("model"), ("maxModelLen", "maxNumSeqs"))
    keys |= _config(spec.at("vllmConfig"), ("tensorParallelSize", "gpuMemoryUtilization", "maxModelLen", "maxNumSeqs"))
    spec.take("vllmConfig", "v1")
    replicas = spec.count("deploymentConfig", "replicas")
    arguments = EngineArguments(spec.text("model", "modelURL"), keys)
    work = _workload(name, 1 if replicas is None else replicas, spec.count("deploymentConfig", "resources", "gpu"), None, "vllm", arguments)
    scaling = spec.at("autoscalingConfig")
    if scaling.take("enabled") is True:
        low, high = scaling.count("minReplicas"), scaling.count("maxReplicas")
        work.scaler = Scaler(name, 1 if low is None else low, high)
        running = scaling.number("triggers", "requestsRunningThreshold")
        keda: dict[str, Any] = {"law": "keda", "metric": "concurrency"}
        if running is not None:
            keda["target"] = running
        else:
            work.remarks.append("no requestsRunningThreshold: the target of sim's keda is taken (assumed)")
        polling, patience = scaling.number("pollingInterval"), scaling.number("scaleDownPolicy", "scaleToZeroDelaySeconds")
        keda |= {key: value for key, value in (("scrape", polling), ("cooldown", patience)) if value is not None}
        for way in ("up", "down"):
            rule = scaling.at(f"scale{way.title()}Policy")
            pods, period, hold = rule.count("podValue"), rule.number("periodSeconds"), rule.number("stabilizationWindowSeconds")
            keda |= {f"{way}_pods": pods, f"{way}_percent": 0} if pods is not None else {}
            keda |= {key: value for key, value in ((f"{way}_period", period), (f"{way}_stabilization", hold)) if value is not None}
        work.scaler.autoscaler = keda
    return [work]


def _production_stack(spec: Reading) -> Workload:
    """One entry of `servingEngineSpec.modelSpec`, the Helm values of the vLLM production stack."""
    name, replicas = spec.text("name"), spec.count("replicaCount")
    config = spec.at("vllmConfig")
    spec.take("repository")
    arguments = read_arguments(_words(config, "extraArgs"))
    names = ("tensorParallelSize", "maxModelLen", "maxNumSeqs", "maxNumBatchedTokens", "gpuMemoryUtilization", "blockSize")
    arguments.keys |= _config(config, names)
    arguments.model = spec.text("modelURL")
    labels = " ".join(
        str(value.data)
        for terms in spec.items("nodeSelectorTerms")
        for match in terms.items("matchExpressions")
        for value in match.items("values")
    )
    gpu = spec.text("requestGPUType") if "/" not in str(spec.at("requestGPUType").data or "/") else labels
    return _workload(
        name, 1 if replicas is None else replicas, spec.count("requestGPU"), gpu_named(gpu) if gpu else None, "vllm", arguments
    )


def _llm_d_values(part: Reading) -> Workload:
    """Helm values of llm-d's model service: the decode pool; a prefill pool of its own is disaggregation."""
    prefill = part.at("prefill")
    if prefill.take("create") is not False and (prefill.at("replicas").data or 0) != 0:
        raise InputError("prefill and decode run apart (prefill.replicas): disaggregation is not modelled")
    prefill.take("replicas")
    part.take("decode", "create")
    repository = part.text("modelArtifacts", "name") or part.text("modelArtifacts", "uri")
    part.take("modelArtifacts", "uri")
    name = re.sub(r"[^a-z0-9]+", "-", repository.split("/")[-1].lower()).strip("-")
    decode = part.at("decode")
    replicas = decode.count("replicas")
    boxes = [box for box in decode.items("containers") if _gpus(box) is not None]
    if not boxes:
        raise InputError("no container with GPUs under decode.containers")
    work = _container(boxes[0], decode, name, 1 if replicas is None else replicas)
    work.model = work.model or repository
    _one_only(decode.at("parallelism"), "data", "dataLocal", "workers")
    tensor = decode.count("parallelism", "tensor")
    if tensor is not None:
        work.keys["tensor_parallel"] = tensor
    return work


_KINDS: Mapping[str, Callable[[Reading], list[Workload]]] = MappingProxyType(
    {
        "Deployment": _pods,
        "StatefulSet": _pods,
        "InferenceService": _inference_service,
        "LLMInferenceService": _llm_inference_service,
        "VLLMRuntime": _vllm_runtime,
    }
)
"""How each kind of object is read."""


def _workload(name: str, replicas: int, gpus: int | None, gpu: str | None, engine: str, arguments: EngineArguments) -> Workload:
    if not arguments.model:
        raise InputError(f"{name}: which model it serves could not be read (no --model, no hub repository)")
    remarks = [f"argument ignored: {word}" for word in arguments.ignored]
    return Workload(name, arguments.model, replicas, gpus, gpu, engine, dict(arguments.keys), None, remarks)


def _words(part: Reading, key: str) -> list[str]:
    value = part.take(key)
    return [str(word) for word in value] if isinstance(value, list) else [value] if isinstance(value, str) else []


def _gpus(box: Reading) -> int | None:
    """GPUs that a container asks for, not yet read."""
    for kind in ("limits", "requests"):
        resources = box.at("resources", kind).data
        for key, value in (resources if isinstance(resources, dict) else {}).items():
            if str(key).startswith("nvidia.com/mig-"):
                raise InputError(f"{key}: slices of a GPU are not modelled")
            if key in _GPU_RESOURCES:
                count = Reading(value).count()
                if count is None or count < 0:
                    raise InputError(f"{key}: found {str(value)[:60]!r}; a whole number of GPUs is needed")
                return count
    return None


def _take_gpus(box: Reading) -> int | None:
    found = _gpus(box)
    for kind in ("limits", "requests"):
        for resource in _GPU_RESOURCES:
            box.take("resources", kind, resource)
    return found


def _gpu_label(pod: Reading) -> str | None:
    """The GPU that a node selector or affinity asks for."""
    for key, value in (pod.at("nodeSelector").data or {}).items() if isinstance(pod.at("nodeSelector").data, dict) else ():
        gpu = gpu_named(str(value))
        if gpu is not None:
            pod.take("nodeSelector", key)
            return gpu
    return None


def _refuse_environment(name: str, box: Reading) -> None:
    """Arguments that reach the engine by the environment may not be lost."""
    for variable in box.items("env"):
        if variable.at("name").data == "VLLM_ADDITIONAL_ARGS":
            variable.take("name")
            left = read_arguments(str(variable.take("value") or "").split())
            if left.keys or left.ignored:
                raise InputError(f"{name}: arguments in VLLM_ADDITIONAL_ARGS; put them under args")


def _config(part: Reading, names: tuple[str, ...]) -> dict[str, Any]:
    """Numbers of a vllmConfig, whose keys are those of the command line in camel case."""
    keys: dict[str, Any] = {}
    for name in names:
        value = part.number(name)
        if value is not None:
            ours = "tensor_parallel" if name == "tensorParallelSize" else re.sub(r"([A-Z])", r"_\1", name).lower()
            keys[ours] = value
    caching = part.take("enablePrefixCaching")
    if caching is not None:
        keys["prefix_caching"] = "on" if caching is True else "off"
    part.take("dtype")
    return keys


def _one_only(part: Reading, *names: str) -> None:
    """Ways of splitting work over pods that are not modelled: 1 is read, more refused."""
    for name in names:
        count = part.count(name)
        if count is not None and count > 1:
            raise InputError(f"parallelism.{name} {count} is not modelled; only 1 is read")
