"""Kubernetes manifests and Helm values as a stack: model servers become gpu deployments, autoscalers their laws.

What a manifest does not say (which GPU, who rents it) is assumed and said so; what was not understood is listed; what would
change every result and is not modelled (disaggregation, speculative decoding) is refused.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sim.catalog.catalog import Catalog
from sim.catalog.yaml_file import Document, comment
from sim.errors import InputError, input_error
from sim.iac.hugging_face import find_llm
from sim.iac.reading import Reading
from sim.iac.scalers import Scaler, read_hpa, read_keda
from sim.iac.workloads import Workload, read_workloads

ASSUMED_GPU = "h100-sxm"
_NO_LIMIT = 100
"""Replicas at most where a scaler names no bound: KEDA's default."""


@dataclass(frozen=True)
class Imported:
    """A stack as plain data, what was assumed, and what was left out."""

    stack: dict[str, Any]
    assumed: tuple[str, ...]
    ignored: tuple[str, ...]


@dataclass
class _Notes:
    assumed: list[str] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)


def stack_from_kubernetes(documents: Sequence[Document], catalog: Catalog, *, gpu: str | None = None) -> Imported:
    """The stack that manifests describe, on `gpu` where they do not say which. InputError when they hold no model server, or one
    that cannot be simulated, with the reason."""
    notes, problems, workloads, scalers = _Notes(), [], [], []
    for document in documents:
        if not isinstance(document.data, dict):
            continue
        part = Reading(document.data)
        title = f"{document.data.get('kind', 'values')} {_name(document.data)}".strip()
        try:
            found = read_workloads(part)
            if document.data.get("kind") == "HorizontalPodAutoscaler":
                scalers.append(read_hpa(part))
            elif document.data.get("kind") == "ScaledObject":
                scalers.append(read_keda(part))
            elif not found:
                notes.ignored.append(f"{title}: no model server, no autoscaler")
                continue
            workloads += found
        except InputError as error:
            problems += [
                f"{document.mark(())}: {title}: {line.removeprefix(f'{_name(document.data)}: ')}" for line in str(error).splitlines()
            ]
            continue
        part.take("metadata", "name")
        notes.ignored += [f"{title}: {path}" for path in part.ignored()]
    if problems:
        raise input_error(problems)
    if not workloads:
        raise InputError(f"{documents[0].name if documents else 'the file'}: no model server found: {_why_none(scalers, notes)}")
    _attach(workloads, scalers, notes)
    deployments: dict[str, Any] = {}
    for work in workloads:
        try:
            deployments[_deployment_name(work.name, deployments)] = _deployment(work, catalog, gpu, notes)
        except InputError as error:
            problems.append(f"{documents[0].name}: {work.name}: {error}")
    if problems:
        raise input_error(problems)
    return Imported({"deployments": deployments, "routing": _routing(list(deployments), notes)}, tuple(notes.assumed), tuple(notes.ignored))


def stack_text(imported: Imported, source: str) -> str:
    """The stack as a YAML file whose comments say what was assumed and ignored."""
    import yaml

    lines = [comment(f"Made from {source}.")]
    for title, notes in (("Assumed", imported.assumed), ("Ignored", imported.ignored)):
        if notes:
            lines += [comment(f"{title}:"), *(comment(f"- {note}") for note in notes)]
    return "\n".join([*lines, yaml.safe_dump(imported.stack, sort_keys=False, allow_unicode=True, width=120)])


def _why_none(scalers: list[Scaler], notes: _Notes) -> str:
    if scalers:
        names = ", ".join(repr(scaler.target) for scaler in scalers)
        return f"it scales {names}, which is not in the file; give the manifest of that Deployment too (--from-kubernetes may be repeated)"
    return (
        notes.ignored[0] if notes.ignored else "it is empty"
    ) + "; a Deployment, StatefulSet, InferenceService, VLLMRuntime or Helm values are needed"


def _attach(workloads: list[Workload], scalers: list[Scaler], notes: _Notes) -> None:
    """Each scaler to the workload it names; Helm charts put the release before the name and `-deployment-vllm` behind it."""
    for scaler in scalers:
        work = next(
            (
                each
                for each in workloads
                if scaler.target == each.name or re.search(rf"(^|-){re.escape(each.name)}-deployment-", scaler.target)
            ),
            None,
        )
        if work is None:
            notes.ignored.append(f"autoscaler of {scaler.target!r}, which is not in the file")
        else:
            work.scaler = scaler


def _deployment(work: Workload, catalog: Catalog, gpu: str | None, notes: _Notes) -> dict[str, Any]:
    llm, precision = find_llm(work.model, catalog)
    notes.ignored += [f"{work.name}: {remark}" for remark in work.remarks]
    chosen = work.gpu or gpu
    if chosen is None:
        chosen = ASSUMED_GPU
        notes.assumed.append(f"{work.name}: gpu {chosen}: the manifest does not say which GPU (give --gpu NAME)")
    catalog.gpu(chosen)
    keys = dict(work.keys)
    tensor = keys.pop("tensor_parallel", None)
    if tensor is None:
        tensor = work.gpus or 1
        if tensor > 1:
            notes.assumed.append(
                f"{work.name}: tensor_parallel {tensor}: the pod asks for {tensor} GPUs and does not say how they share the model"
            )
    elif work.gpus is not None and work.gpus != tensor:
        raise InputError(f"asks for {work.gpus} GPUs, but tensor parallel is {tensor}; one GPU for each is read")
    found: dict[str, Any] = {
        "kind": "gpu",
        "llm": llm,
        "precision": keys.pop("precision", precision),
        "gpu": chosen,
        "tensor_parallel": tensor,
    }
    if work.engine != "vllm":
        found["engine"] = work.engine
    return found | keys | _scaling(work, notes)


def _scaling(work: Workload, notes: _Notes) -> dict[str, Any]:
    scaler = work.scaler
    if scaler is None:
        return {"replicas": work.replicas}
    notes.ignored += [f"{work.name}: autoscaler: {remark}" for remark in scaler.remarks]
    if scaler.autoscaler is None:
        notes.assumed.append(f"{work.name}: replicas stay at {max(work.replicas, scaler.low)}: what moves them could not be read")
        return {"replicas": max(work.replicas, scaler.low)}
    high = scaler.high
    if high is None:
        high = _NO_LIMIT
        notes.assumed.append(f"{work.name}: at most {high} replicas: the manifest names no bound")
    law, low = dict(scaler.autoscaler), scaler.low
    if low == 0 and law["law"] == "hpa":
        low = 1
    initial = min(max(work.replicas, low), high)
    return {"replicas": {"min": low, "max": high, "initial": initial}, "autoscaler": law}


def _routing(names: list[str], notes: _Notes) -> list[dict[str, Any]]:
    if len(names) == 1:
        return [{"to": names}]
    notes.assumed.append(
        "routing: requests of a class named as a deployment go there, all others to the first: manifests do not say who asks which"
    )
    return [*({"when": {"class": [name]}, "to": [name]} for name in names[1:]), {"to": [names[0]]}]


def _deployment_name(name: str, taken: dict[str, Any]) -> str:
    plain = re.sub(r"[^a-z0-9_-]+", "-", name.lower()).strip("-_")[:60] or "own"
    number = 2
    found = plain
    while found in taken:
        found = f"{plain}-{number}"
        number += 1
    return found


def _name(data: dict[str, Any]) -> str:
    metadata = data.get("metadata")
    return str(metadata.get("name", "")) if isinstance(metadata, dict) else ""
