"""KServe's InferenceService and LLMInferenceService as model servers."""

from __future__ import annotations

from sim.errors import InputError, visible
from sim.iac.engine_arguments import read_arguments
from sim.iac.node_labels import labels_wanted
from sim.iac.pods import Workload, container, gpus_wanted, take_gpus, words_of, workload
from sim.iac.reading import Reading
from sim.iac.scalers import Scaler, read_knative, read_metrics

_FRAMEWORKS = ("tensorflow", "pytorch", "sklearn", "xgboost", "onnx", "triton", "lightgbm", "paddle", "pmml")
_FORMATS = (None, "huggingface", "vLLM", "vllm", "sglang", "safetensors")
_CLASS = "serving.kserve.io/autoscalerClass"
_KNATIVE_TARGET = "autoscaling.knative.dev/target"


def inference_service(part: Reading) -> list[Workload]:
    """An InferenceService whose predictor serves a model of the hub: by a model format, or by a container of its own."""
    name = part.text("metadata", "name")
    predictor = part.at("spec", "predictor")
    frameworks = [key for key in _FRAMEWORKS if predictor.at(key)]
    if frameworks:
        raise InputError(f"{name}: serves {frameworks[0]}, not a language model")
    low, high = predictor.count("minReplicas"), predictor.count("maxReplicas")
    low = 1 if low is None else low
    work = _served(predictor, name, low)
    if work is None:
        return []
    work.namespace = part.text("metadata", "namespace")
    work.scaler = _scaler(part, predictor, name, low, high)
    return [work]


def _served(predictor: Reading, name: str, low: int) -> Workload | None:
    model = predictor.at("model")
    if not model:
        boxes = [box for box in predictor.items("containers") if gpus_wanted(box) is not None]
        return container(boxes[0], predictor, name, low) if boxes else None
    said = model.at("modelFormat", "name").data
    if said not in _FORMATS:
        raise InputError(f"{name}: serves {visible(str(said))[:60]}, not a language model")
    model.take("modelFormat")
    arguments = read_arguments([*words_of(model, "command"), *words_of(model, "args")])
    repository = model.text("storageUri")
    arguments.model = repository if repository.startswith("hf://") else arguments.model or repository
    arguments.ignored = [word for word in arguments.ignored if not word.startswith("--model")]
    return workload(name, low, take_gpus(model), labels_wanted(predictor), "vllm", arguments)


def _scaler(part: Reading, predictor: Reading, name: str, low: int, high: int | None) -> Scaler | None:
    """The autoscaler that the service's class names; none where it is held at one count."""
    kind = part.text("metadata", "annotations", _CLASS)
    moves = high is not None and high > low
    scaler = Scaler(name, low, high)
    metrics = predictor.at("autoScaling")
    if kind in ("hpa", "keda"):
        read_metrics(scaler, metrics, kind, metrics.at("behavior"))
        if scaler.autoscaler is None:
            metric, wanted = predictor.text("scaleMetric") or "cpu", predictor.text("scaleTarget")
            scaler.remarks.append(f"class {kind} of {visible(metric)} {visible(wanted)}: what it would do is not simulated")
        return scaler if moves else None
    if kind in ("external", "none"):
        scaler.remarks.append(f"class {kind}: what moves its replicas is not in the file")
        return scaler if moves else None
    annotations = part.at("metadata", "annotations", _KNATIVE_TARGET)
    said, target = predictor.text("scaleMetric"), predictor.number("scaleTarget")
    if not (moves or annotations or target):
        return None
    scaler.autoscaler = read_knative(part)
    if target is not None and target > 0 and said in ("", "concurrency", "rps"):
        scaler.autoscaler |= {"metric": said or "concurrency", "target": target}
    elif said in ("cpu", "memory"):
        scaler.autoscaler = None
        scaler.remarks.append(f"scaleMetric {said}: the {said} of a pod is not simulated")
    return scaler


def llm_inference_service(part: Reading) -> list[Workload]:
    """An LLMInferenceService; `worker` pods of several nodes are read as a group that shares one model."""
    name = part.text("metadata", "name")
    spec = part.at("spec")
    if spec.at("prefill"):
        raise InputError(f"{name}: prefill and decode run apart (spec.prefill): disaggregation is not modelled")
    pod = spec.at("template")
    boxes = [box for box in pod.items("containers") if gpus_wanted(box) is not None]
    if not boxes:
        based = " (what its baseRefs hold is not read)" if spec.at("baseRefs") else ""
        raise InputError(f"{name}: no container with GPUs in spec.template{based}")
    work = container(boxes[0], pod, name, spec.count("replicas"), _model(spec.at("model")))
    spec.take("model")
    work.namespace = part.text("metadata", "namespace")
    one_only(spec.at("parallelism"), "data", "dataLocal", "pipeline")
    tensor = spec.count("parallelism", "tensor")
    if tensor is not None:
        work.keys["tensor_parallel"] = tensor
    _workers(spec.at("worker"), work, tensor)
    scaling = spec.at("scaling")
    low, high = scaling.count("minReplicas"), scaling.count("maxReplicas")
    if scaling:
        scaling.take("wva")
        work.scaler = Scaler(name, 1 if low is None else low, high)
        work.scaler.remarks.append("spec.scaling: llm-d's variant autoscaler is not simulated")
    return [work]


def _model(part: Reading) -> str:
    """What an LLMInferenceService serves: its place on the hub, else the name it goes by, else its place elsewhere."""
    uri, name = part.text("uri"), part.text("name")
    return uri if uri.startswith("hf://") or not name else name


def _workers(worker: Reading, work: Workload, tensor: int | None) -> None:
    """Pods beside the leader: as many as tensor parallelism needs."""
    if not worker:
        return
    each = next((gpus for box in worker.items("containers") if (gpus := take_gpus(box)) is not None), None)
    if tensor is None or work.gpus is None or each != work.gpus or tensor % work.gpus:
        raise InputError(
            f"{work.name}: spec.worker beside spec.template: only pods of equal GPUs that share one model by tensor parallelism are read"
        )
    if tensor > work.gpus:
        work.guesses.append(f"{tensor // work.gpus} pods a replica: computed as if one machine's links joined their GPUs, and so too fast")
    work.gpus = tensor


def one_only(part: Reading, *names: str) -> None:
    """Ways of splitting work over pods that are not modelled: 1 is read, more refused."""
    for name in names:
        count = part.count(name)
        if count is not None and count > 1:
            raise InputError(f"parallelism.{name} {count} is not modelled; only 1 is read")
