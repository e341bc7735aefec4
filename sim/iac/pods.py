"""What serves a model in the pods of Kubernetes: the container with GPUs, its command line, and where it may be placed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from sim.errors import InputError, visible
from sim.iac.engine_arguments import EngineArguments, names_secret, read_arguments
from sim.iac.node_labels import labels_wanted
from sim.iac.reading import Reading
from sim.iac.scalers import Scaler

NO_MODEL = "which model it serves could not be read (no --model, no hub repository)"
DEPLOYMENT_NOTE = "sim-deployment"
"""The annotation that names the deployment of a stack, where a Kubernetes name cannot."""
_GPU_RESOURCES = ("nvidia.com/gpu", "amd.com/gpu")
_SLICES = re.compile(r"nvidia\.com/(mig-.*|gpu\.shared)")
_ENGINES = (("sglang", "sglang"), ("trtllm", "trtllm"), ("tensorrt", "trtllm"))
_SERVERS = ("vllm", "sglang", "trtllm", "tensorrt", "llm-d", "lmcache")
_OTHERS = ("text-generation-inference", "lmdeploy", "ollama", "llama.cpp", "triton")
_ARGUMENT_VARIABLES = ("VLLM_ADDITIONAL_ARGS", "VLLM_ARGS", "SGLANG_ARGS")
_CHANGES_ENGINE: Mapping[str, tuple[str, str]] = MappingProxyType(
    {"VLLM_USE_V1": ("0", "the V0 engine of vLLM is not modelled; engine_era 2024 is its nearest")}
)
"""Variables that change the engine at one value, and what is said of that."""


@dataclass
class Workload:
    """One model server, in the words of its object."""

    name: str
    model: str
    replicas: int | None
    gpus: int | None
    labels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """What its nodes have to be labelled with: values of which one is enough."""
    engine: str = "vllm"
    keys: dict[str, Any] = field(default_factory=dict)
    scaler: Scaler | None = None
    remarks: list[str] = field(default_factory=list)
    """What was left out."""
    guesses: list[str] = field(default_factory=list)
    """What was taken for granted."""
    gpu_said: str = ""
    """A GPU by a name that is no label."""
    hints: tuple[str, ...] = ()
    """Names that may say the model, where `model` is empty."""
    namespace: str = ""
    deployment: str = ""
    """What the stack calls it, where the object says so."""


def pod_set(part: Reading) -> list[Workload]:
    """A Deployment, StatefulSet or ReplicaSet; those without GPUs are no model servers."""
    return _of_pod(part, part.at("spec", "template", "spec"), part.count("spec", "replicas"))


def single_pod(part: Reading) -> list[Workload]:
    """A Pod of its own: one replica."""
    return _of_pod(part, part.at("spec"), 1)


def leader_worker_set(part: Reading) -> list[Workload]:
    """A LeaderWorkerSet: each replica is a group of `size` pods, whose GPUs share one model by tensor parallelism.

    The links between the pods are taken to be those within a node: the profile knows no other.
    """
    name = part.text("metadata", "name")
    template = part.at("spec", "leaderWorkerTemplate")
    size = template.count("size")
    size = 1 if size is None else size
    workers = template.at("workerTemplate", "spec")
    leader = template.at("leaderTemplate", "spec")
    found = _of_pod(part, leader if leader else workers, part.count("spec", "replicas"))
    if not found:
        return []
    if leader:
        servers = [box for box in workers.items("containers") if gpus_wanted(box) is not None]
        each = [take_gpus(box) for box in servers]
        if size > 1 and each != [found[0].gpus]:
            raise InputError(f"{name}: the leader asks for {found[0].gpus} GPUs, the workers for {each or 0}; equal pods are read")
        template.take("workerTemplate")
    if size < 1:
        raise InputError(f"{name}: spec.leaderWorkerTemplate.size {size}; at least one pod is needed")
    if size > 1:
        gpus = found[0].gpus
        found[0].gpus = None if gpus is None else gpus * size
        found[0].guesses.append(
            f"{size} pods a replica: tensor parallel over all their GPUs is computed as if one machine's links joined them, and so too fast"
        )
    return found


def _of_pod(part: Reading, pod: Reading, replicas: int | None) -> list[Workload]:
    name = part.text("metadata", "name")
    if part.at("metadata", "ownerReferences"):
        return []  # what made it is read instead
    found = [container(box, pod, name, replicas) for box in pod.items("containers") if gpus_wanted(box) is not None and _serves(box)]
    if len(found) > 1:
        raise InputError(f"{name}: {len(found)} containers with GPUs in one pod; one is read")
    for work in found:
        work.namespace = part.text("metadata", "namespace")
        work.deployment = part.text("metadata", "annotations", DEPLOYMENT_NOTE)
    return found


def asks_for_gpus(part: Reading) -> bool:
    """Whether a container of an object asks for GPUs, as far as it is laid out as a set of pods or a pod."""
    pods = (part.at("spec", "template", "spec"), part.at("spec"), part.at("spec", "jobTemplate", "spec", "template", "spec"))
    return any(gpus_wanted(box) is not None for pod in pods for box in pod.items("containers"))


def _serves(box: Reading) -> bool:
    """Whether a container may be a model server: it has the name of an engine, or is given a model."""
    told = " ".join(str(box.at(key).data or "") for key in ("image", "command", "args", "name")).lower()
    return any(word in told for word in (*_SERVERS, *_OTHERS)) or re.search(r"--model\b|--model[-_](path|id)\b", told) is not None


def container(box: Reading, pod: Reading, name: str, replicas: int | None, model: str = "", fallback: str = "") -> Workload:
    """A container with GPUs as a model server; its object may say the `model`, or one where its arguments name none (`fallback`).

    InputError where it cannot be meant.
    """
    box.take("name")
    image = box.text("image").lower()
    known = _environment(box)
    words = [_substituted(word, known) for word in (*words_of(box, "command"), *words_of(box, "args"))]
    variables = [known[each] for each in _ARGUMENT_VARIABLES if each in known]
    arguments = read_arguments([*words, *(word for text in variables for word in split_words(text))])
    other = next((each for each in _OTHERS if each in image), None)
    if other:
        raise InputError(f"{name}: image {visible(image)}: {other} is not modelled; vllm, sglang and trtllm are")
    start = " ".join([image, *map(str, words)]).lower()
    engine = next((ours for word, ours in _ENGINES if word in start), "vllm")
    arguments.model = model or arguments.model or fallback
    work = workload(name, replicas, take_gpus(box), labels_wanted(pod), engine, arguments)
    work.remarks += [said for each, (value, said) in _CHANGES_ENGINE.items() if known.get(each) == value]
    return work


def workload(
    name: str, replicas: int | None, gpus: int | None, labels: Mapping[str, tuple[str, ...]], engine: str, arguments: EngineArguments
) -> Workload:
    """A model server of what its command line says; InputError where that has no name that could be a model's."""
    if not arguments.model and not arguments.hints:
        raise InputError(f"{name}: {NO_MODEL}")
    remarks = [f"argument ignored: {word}" for word in arguments.ignored]
    return Workload(
        name, arguments.model, replicas, gpus, labels, engine, dict(arguments.keys), None, remarks, hints=tuple(arguments.hints)
    )


def words_of(part: Reading, key: str) -> list[str]:
    """The words of a command, or of its arguments, now read."""
    value = part.take(key)
    return [str(word) for word in value] if isinstance(value, list) else [value] if isinstance(value, str) else []


def split_words(text: str) -> list[str]:
    """A line of arguments as a shell splits it; as it is, where its quotes do not close."""
    import shlex

    try:
        return shlex.split(text)
    except ValueError:
        return text.split()


def gpus_wanted(box: Reading) -> int | None:
    """GPUs that a container asks for, not yet read; None where it asks for none."""
    for kind in ("limits", "requests"):
        resources = box.at("resources", kind).data
        for key, value in (resources if isinstance(resources, dict) else {}).items():
            if _SLICES.fullmatch(str(key)):
                raise InputError(f"{visible(str(key))}: slices of a GPU are not modelled")
            if key in _GPU_RESOURCES:
                count = Reading(value).count()
                if count is None or count < 0:
                    raise InputError(f"{key}: found {str(value)[:60]!r}; a whole number of GPUs is needed")
                return count or None
    return None


def take_gpus(box: Reading) -> int | None:
    """GPUs that a container asks for, now read."""
    found = gpus_wanted(box)
    for kind in ("limits", "requests"):
        for resource in _GPU_RESOURCES:
            box.take("resources", kind, resource)
    return found


def _environment(box: Reading) -> dict[str, str]:
    """The variables of a container that have a value of their own; those that carry arguments are now read."""
    found: dict[str, str] = {}
    for variable in box.items("env"):
        name, value = variable.at("name").data, variable.at("value").data
        if isinstance(name, str) and isinstance(value, (str, int, float)):
            found[name] = str(value)
            if name in _ARGUMENT_VARIABLES:
                variable.take("name")
                variable.take("value")
    return found


def _substituted(word: str, known: Mapping[str, str]) -> str:
    """A word with the container's own variables in it, written as Kubernetes, $(NAME), or as a shell, ${NAME} or $NAME, has them.

    Those named as secrets stay names, so that no message shows what they hold.
    """

    def value(match: re.Match[str]) -> str:
        name = match[1] or match[2] or match[3]
        return match[0] if names_secret(name) else known.get(name, match[0])

    return re.sub(r"\$\(([A-Za-z_]\w*)\)|\$\{([A-Za-z_]\w*)\}|\$([A-Za-z_]\w*)", value, word)
