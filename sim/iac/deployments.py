"""A model server of Kubernetes as a gpu deployment of a stack: its model, GPUs, limits, replicas and autoscaler."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sim.catalog.catalog import Catalog
from sim.catalog.gpu import Precision
from sim.errors import InputError, visible
from sim.iac.hugging_face import find_llm
from sim.iac.node_labels import Nodes, read_nodes
from sim.iac.pods import NO_MODEL, Workload

ASSUMED_GPU = "h100-sxm"
_NO_LIMIT = 100
"""Replicas at most where a scaler names no bound: KEDA's default."""
_FROM_NONE = ("keda", "knative")
"""Laws that start a pool without replicas."""


def deployment_of(
    work: Workload, catalog: Catalog, gpu: str | None, assumed: list[str], ignored: list[str], *, said: Collection[str] = ()
) -> dict[str, Any]:
    """The deployment as plain data, on `gpu` where its nodes do not say which; what was assumed and left out goes into the lists.

    Keys that are `said` elsewhere need no guess.

    InputError when the model is not known, or GPUs and tensor parallelism disagree.
    """
    name = visible(work.name)
    llm, precision = _model(work, catalog, assumed)
    ignored += [f"{name}: {remark}" for remark in work.remarks]
    assumed += [f"{name}: {guess}" for guess in work.guesses]
    nodes = read_nodes(work.labels, catalog, work.gpu_said)
    ignored += [f"{name}: node label {label}" for label in nodes.unread]
    assumed += [f"{name}: {guess}" for guess in nodes.guesses]
    chosen = nodes.gpu or gpu or ASSUMED_GPU
    if not nodes.gpu and gpu is None and "gpu" not in said:
        how = f"--gpu NAME or --set deployments.{work.deployment or name}.gpu=NAME does"
        why = f"no machine is known by its node label {nodes.machine}" if nodes.machine else "the manifest does not say which GPU"
        assumed.append(f"{name}: gpu {chosen}: {why} ({how})")
    keys = dict(work.keys)
    tensor = keys.pop("tensor_parallel", None)
    if tensor is None:
        tensor = work.gpus or 1
        if tensor > 1:
            assumed.append(f"{name}: tensor_parallel {tensor}: the pod asks for {tensor} GPUs and does not say how they share the model")
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
    found |= keys | _scaling(work, name, assumed, ignored)
    if "provider" in said:
        return found | ({"purchase": nodes.purchase} if nodes.purchase else {})
    return found | _hours(nodes, chosen, catalog, name, assumed)


def _model(work: Workload, catalog: Catalog, assumed: list[str]) -> tuple[str, Precision]:
    """The model and its precision: as the manifest says, else as the name it is served by or the folder it is in tells."""
    if work.model:
        return find_llm(work.model, catalog)
    for hint in work.hints:
        try:
            found = find_llm(hint, catalog)
        except InputError:
            continue
        assumed.append(f"{visible(work.name)}: llm {found[0]}: from the name {visible(hint)[:80]!r} alone")
        return found
    raise InputError(NO_MODEL)


def _hours(nodes: Nodes, gpu: str, catalog: Catalog, name: str, assumed: list[str]) -> dict[str, Any]:
    """Who rents the GPUs and how, as far as labels say it and the catalogue has a price of it."""
    entry = catalog.gpu(gpu)
    listed = {(price.provider, price.purchase) for price in entry.prices}
    provider, purchase = nodes.provider, nodes.purchase or "on_demand"
    if provider and (provider, purchase) not in listed:
        assumed.append(f"{name}: no {purchase} price of {gpu} at {provider} is known; the price of another is taken")
        provider = ""
    if provider:
        return {"provider": provider} | ({"purchase": purchase} if nodes.purchase and purchase != "on_demand" else {})
    if purchase == "on_demand":
        return {}
    sellers = [price.provider for price in entry.prices if price.purchase == purchase]
    if not sellers:
        assumed.append(f"{name}: purchase on_demand: no {purchase} price of {gpu} is known")
        return {}
    if entry.default_provider in sellers:
        return {"purchase": purchase}
    assumed.append(f"{name}: provider {sellers[0]}: the labels do not say who rents its {purchase} machines")
    return {"provider": sellers[0], "purchase": purchase}


def _scaling(work: Workload, name: str, assumed: list[str], ignored: list[str]) -> dict[str, Any]:
    scaler = work.scaler
    standing = 1 if work.replicas is None else work.replicas
    if scaler is None:
        return {"replicas": standing}
    ignored += [f"{name}: autoscaler: {remark}" for remark in scaler.remarks]
    assumed += [f"{name}: autoscaler: {guess}" for guess in scaler.guesses]
    if scaler.paused is not None:
        assumed.append(f"{name}: replicas stay at {scaler.paused}: the autoscaler is paused there")
        return {"replicas": scaler.paused}
    if scaler.autoscaler is None:
        kept = max(standing, scaler.low)
        assumed.append(f"{name}: replicas stay at {kept}: what moves them could not be read")
        return {"replicas": kept}
    high = scaler.high
    if high is None:
        high = max(_NO_LIMIT, scaler.low)
        assumed.append(f"{name}: at most {high} replicas: the manifest names no bound")
    law, low = dict(scaler.autoscaler), scaler.low
    if low == 0 < high and law["law"] in ("hpa", "target_tracking"):
        low = 1
        assumed.append(f"{name}: at least 1 replica: an HPA cannot start a pool from none")
    if low > high:
        raise InputError(f"its autoscaler has at least {low} and at most {high} replicas")
    replicas: dict[str, Any] = {"min": low, "max": high}
    if work.replicas is not None:
        replicas["initial"] = min(max(work.replicas, low), high)
    return {"replicas": replicas, "autoscaler": law}
