"""The vLLM production stack and llm-d: Helm values and their own resources as model servers."""

from __future__ import annotations

import re
from typing import Any

from sim.errors import InputError
from sim.iac.engine_arguments import EngineArguments, read_arguments
from sim.iac.kserve import one_only
from sim.iac.node_labels import labels_wanted
from sim.iac.pods import Workload, container, gpus_wanted, words_of, workload
from sim.iac.reading import Reading
from sim.iac.scalers import Scaler, keda_scaler, read_metrics

_CHART_TRIGGER = ("waiting", 5)


def vllm_runtime(part: Reading) -> list[Workload]:
    """A VLLMRuntime of the vLLM production stack's operator; its autoscaling is a KEDA ScaledObject's."""
    name = part.text("metadata", "name")
    spec = part.at("spec")
    keys = _config(spec.at("model"), ("maxModelLen", "maxNumSeqs"))
    keys |= _config(spec.at("vllmConfig"), ("tensorParallelSize", "gpuMemoryUtilization", "maxModelLen", "maxNumSeqs"))
    spec.take("vllmConfig", "v1")
    arguments = read_arguments(words_of(spec.at("vllmConfig"), "extraArgs"))
    arguments = EngineArguments(spec.text("model", "modelURL"), keys | arguments.keys, arguments.ignored)
    replicas, gpus = spec.count("deploymentConfig", "replicas"), spec.count("deploymentConfig", "resources", "gpu")
    work = workload(name, replicas, gpus, labels_wanted(spec.at("deploymentConfig")), "vllm", arguments)
    work.namespace = part.text("metadata", "namespace")
    scaling = spec.at("autoscalingConfig")
    if scaling.take("enabled") is True:
        work.scaler = _runtime_scaler(scaling, work)
    return [work]


def _runtime_scaler(scaling: Reading, work: Workload) -> Scaler:
    low, high = scaling.count("minReplicas"), scaling.count("maxReplicas")
    scaler = Scaler(work.name, 1 if low is None else low, high)
    keda: dict[str, Any] = {"law": "keda", "metric": "concurrency"}
    running = scaling.number("triggers", "requestsRunningThreshold")
    if running is not None and running > 0:
        keda["target"] = running
    else:
        scaler.guesses.append("no requestsRunningThreshold: the target of sim's keda is taken")
    polling, patience = scaling.number("pollingInterval"), scaling.number("scaleDownPolicy", "scaleToZeroDelaySeconds")
    keda |= {key: value for key, value in (("scrape", polling), ("cooldown", patience)) if value is not None}
    for way in ("up", "down"):
        rule = scaling.at(f"scale{way.title()}Policy")
        pods, period, hold = rule.count("podValue"), rule.number("periodSeconds"), rule.number("stabilizationWindowSeconds")
        keda |= {f"{way}_pods": pods, f"{way}_percent": 0} if pods is not None else {}
        keda |= {key: value for key, value in ((f"{way}_period", period), (f"{way}_stabilization", hold)) if value is not None}
    scaler.autoscaler = keda
    return scaler


def production_stack(part: Reading) -> list[Workload]:
    """The Helm values of the vLLM production stack: one model server for each of `servingEngineSpec.modelSpec`."""
    return [_model_spec(spec) for spec in part.items("servingEngineSpec", "modelSpec")]


def _model_spec(spec: Reading) -> Workload:
    name, replicas = spec.text("name"), spec.count("replicaCount")
    config = spec.at("vllmConfig")
    spec.take("repository")
    if spec.at("raySpec", "enabled").data is True:
        raise InputError(f"{name}: raySpec: a model over the machines of a Ray cluster is pipeline parallel, which is not modelled")
    arguments = read_arguments(words_of(config, "extraArgs"))
    names = ("tensorParallelSize", "maxModelLen", "maxNumSeqs", "maxNumBatchedTokens", "gpuMemoryUtilization", "blockSize")
    arguments.keys |= _config(config, names)
    arguments.model = spec.text("modelURL")
    resource = str(spec.at("requestGPUType").data or "nvidia.com/gpu")
    work = workload(name, replicas, spec.count("requestGPU"), labels_wanted(spec), "vllm", arguments)
    if "/" in resource:
        spec.take("requestGPUType")
        if "mig" in resource or "shared" in resource:
            raise InputError(f"{name}: {resource[:60]}: slices of a GPU are not modelled")
    else:
        work.gpu_said = spec.text("requestGPUType")
    work.scaler = _chart_scaler(spec, name)
    return work


def _chart_scaler(spec: Reading, name: str) -> Scaler | None:
    """The `keda` or `hpa` section of a model; KEDA without triggers follows five waiting requests, as the chart has it."""
    keda, hpa = spec.at("keda"), spec.at("hpa")
    if keda.at("enabled").data is True:
        keda.take("enabled")
        scaler = keda_scaler(keda, name)
        if not keda.at("triggers"):
            metric, target = _CHART_TRIGGER
            scaler.autoscaler = {"law": "keda", "metric": metric, "target": target} | _timing(keda)
        return scaler
    if hpa.at("enabled").data is True:
        hpa.take("enabled")
        low, high = hpa.count("minReplicas"), hpa.count("maxReplicas")
        scaler = Scaler(name, 1 if low is None else low, high)
        read_metrics(scaler, hpa, "hpa", hpa.at("behavior"))
        if scaler.autoscaler is None and not scaler.remarks:
            scaler.remarks.append("hpa: it names no metric that is simulated")
        return scaler
    return None


def _timing(keda: Reading) -> dict[str, Any]:
    found = {"scrape": keda.number("pollingInterval"), "cooldown": keda.number("cooldownPeriod")}
    return {key: value for key, value in found.items() if value is not None}


def llm_d_values(part: Reading) -> list[Workload]:
    """Helm values of llm-d's model service: the decode pool; a prefill pool of its own is disaggregation."""
    prefill = part.at("prefill")
    replicas = prefill.at("replicas").data
    if prefill.take("create") is not False and (1 if prefill and replicas is None else replicas or 0) != 0:
        raise InputError("prefill and decode run apart (prefill.replicas): disaggregation is not modelled")
    prefill.take("replicas")
    if part.take("multinode") is True:
        raise InputError("multinode: a model over several machines by data or pipeline parallelism is not modelled")
    part.take("decode", "create")
    repository = part.text("modelArtifacts", "name") or part.text("modelArtifacts", "uri")
    part.take("modelArtifacts", "uri")
    name = re.sub(r"[^a-z0-9]+", "-", repository.split("/")[-1].lower()).strip("-")
    decode = part.at("decode")
    boxes = [box for box in decode.items("containers") if gpus_wanted(box) is not None]
    if not boxes:
        boxes = list(decode.items("containers"))[:1]
    if not boxes:
        raise InputError("no container under decode.containers")
    work = container(boxes[0], decode, name, decode.count("replicas"), fallback=repository)
    for key in ("acceleratorTypes", "accelerator"):
        labels = decode.at(key, "labelValues").data or decode.at(key, "labelValue").data
        said = decode.at(key, "labelKey").data
        if isinstance(said, str) and labels:
            values = labels if isinstance(labels, list) else [labels]
            work.labels = {**work.labels, said: tuple(map(str, values))}
            decode.take(key)
    one_only(decode.at("parallelism"), "data", "dataLocal", "workers")
    tensor = decode.count("parallelism", "tensor")
    if tensor is not None:
        work.keys["tensor_parallel"] = tensor
    return [work]


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
