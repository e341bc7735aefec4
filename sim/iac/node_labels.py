"""What the labels of Kubernetes nodes say of their machines: the GPU, who rents them, and how their hours are bought."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from sim.catalog import known_as
from sim.catalog.catalog import Catalog
from sim.catalog.gpu import Gpu
from sim.catalog.machine import find_machine, gpu_of_accelerator
from sim.errors import InputError, visible
from sim.iac.reading import Reading

PRODUCT_KEYS: Mapping[str, str] = MappingProxyType({"nvidia": "nvidia.com/gpu.product", "amd": "amd.com/gpu.product-name"})
"""The label that holds a GPU's product, by its maker."""
SPOT_LABELS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {"gcp": ("cloud.google.com/gke-spot", "true"), "azure": ("kubernetes.azure.com/scalesetpriority", "spot")}
)
"""The label of a spot machine, by provider."""
KARPENTER_SPOT = ("karpenter.sh/capacity-type", "spot")
"""The label of a spot machine that Karpenter gives; on any cloud."""
_GPU_KEYS = (
    *PRODUCT_KEYS.values(), "cloud.google.com/gke-accelerator", "karpenter.k8s.aws/instance-gpu-name", "karpenter.azure.com/sku-gpu-name",
    "k8s.amazonaws.com/accelerator", "accelerator", "gpu.nvidia.com/model", "gpu.nvidia.com/class",
)  # fmt: skip
_INSTANCE_KEYS = ("node.kubernetes.io/instance-type", "beta.kubernetes.io/instance-type")
_MACHINE_KEYS = (*_INSTANCE_KEYS, "karpenter.k8s.aws/instance-family")
_GROUP_KEYS = (
    "eks.amazonaws.com/nodegroup", "alpha.eksctl.io/nodegroup-name", "cloud.google.com/gke-nodepool", "agentpool",
    "kubernetes.azure.com/agentpool", "karpenter.sh/nodepool",
)  # fmt: skip
"""Names that people gave to groups of nodes: they may hold the name of a GPU."""
_PROVIDERS = (
    (r"eks\.amazonaws\.com/|k8s\.amazonaws\.com/|karpenter\.k8s\.aws/|alpha\.eksctl\.io/", "aws"),
    (r"cloud\.google\.com/", "gcp"),
    (r"kubernetes\.azure\.com/|karpenter\.azure\.com/|agentpool$", "azure"),
)
_PURCHASES: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "karpenter.sh/capacity-type": MappingProxyType({"spot": "spot", "on-demand": "on_demand"}),
        "eks.amazonaws.com/capacityType": MappingProxyType({"spot": "spot", "on_demand": "on_demand", "capacity_block": "capacity_block"}),
        "cloud.google.com/gke-spot": MappingProxyType({"true": "spot", "false": "on_demand"}),
        "cloud.google.com/gke-preemptible": MappingProxyType({"true": "spot"}),
        "cloud.google.com/gke-provisioning": MappingProxyType({"spot": "spot", "standard": "on_demand"}),
        "kubernetes.azure.com/scalesetpriority": MappingProxyType({"spot": "spot", "regular": "on_demand"}),
    }
)


@dataclass(frozen=True)
class Nodes:
    """What labels say: each empty where they say nothing."""

    gpu: str = ""
    provider: str = ""
    purchase: str = ""
    guesses: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()
    """Labels that said nothing."""
    machine: str = ""
    """The label of an instance type that is not known, where nothing else says the GPU."""


def labels_wanted(pod: Reading) -> dict[str, tuple[str, ...]]:
    """The labels that a pod asks of its node, by selector and by required affinity, now read; any one of a label's values will do."""
    found: dict[str, tuple[str, ...]] = {}
    selector = pod.take("nodeSelector")
    if isinstance(selector, dict):
        found |= {str(key): (_plain(value),) for key, value in selector.items() if isinstance(value, (str, int, float, bool))}
    needed = pod.at("affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution")
    for term in (*needed.items("nodeSelectorTerms"), *pod.items("nodeSelectorTerms")):
        for each in term.items("matchExpressions"):
            values = each.at("values").data
            if each.at("operator").data == "In" and isinstance(values, list):
                key = each.text("key")
                each.take("operator")
                each.take("values")
                found[key] = (*found.get(key, ()), *map(_plain, values))
    return found


def read_nodes(labels: Mapping[str, tuple[str, ...]], catalog: Catalog, said: str = "") -> Nodes:
    """What labels say of a machine; `said` is a GPU's name beside them.

    InputError where nothing says the GPU but an instance type that is not modelled, or unknown and nearly one that is known; any other
    name may be a machine of one's own.
    """
    gpus: dict[str, str] = {}
    guesses: list[str] = []
    unread: list[str] = []
    unknown: list[str] = []
    provider = purchase = ""
    if said and (gpu := gpu_named(said, catalog)):
        gpus[gpu] = said
    for key, values in labels.items():
        understood = False
        if key in _INSTANCE_KEYS:
            unknown += [f"{_shown(key, (value,))}: {why}" for value in values if (why := _misspelt(value, catalog))]
        for value in values:
            gpu, sold_by = _gpu_of(key, value, catalog)
            provider = provider or sold_by
            if gpu:
                gpus.setdefault(gpu, f"{key}={value}")
                understood = True
                if key in _GROUP_KEYS:
                    guesses.append(f"gpu {gpu}: from the name of its nodes, {_shown(key, (value,))}")
        said_by = next((ours for pattern, ours in _PROVIDERS if re.match(pattern, key)), "")
        provider = provider or said_by
        understood = understood or bool(said_by)
        bought = {found for value in values if (found := _PURCHASES.get(key, {}).get(value.lower(), ""))}
        if bought:
            purchase = "on_demand" if "on_demand" in bought and len(bought) > 1 else min(bought)
            understood = True
            if len(bought) > 1:
                guesses.append(f"purchase {purchase}: {_shown(key, values)} allows {' and '.join(sorted(bought))}")
        if not understood:
            unread.append(_shown(key, values))
    first = next(iter(gpus), "")
    if unknown and not gpus:
        raise InputError("\n".join(f"node label {each}" for each in unknown))
    if len(gpus) > 1:
        guesses.append(f"gpu {first}: its nodes may have any of {', '.join(gpus)}")
    machine = "" if first else next((each for each in unread if each.startswith(_INSTANCE_KEYS)), "")
    return Nodes(first, provider, purchase, tuple(guesses), tuple(unread), machine)


def gpu_named(name: str, catalog: Catalog) -> str:
    """The catalogue GPU that a label or another name means; empty for none."""
    try:
        return known_as.find_gpu(catalog, name).name
    except InputError:
        return ""


def product_label(gpu: Gpu) -> dict[str, str]:
    """The label of nodes with a GPU; empty where its product is not known."""
    return {} if gpu.product is None else {PRODUCT_KEYS[gpu.maker]: gpu.product}


def spot_label(provider: str | None) -> dict[str, str]:
    """The label of spot machines of a provider."""
    key, value = SPOT_LABELS.get(provider or "", KARPENTER_SPOT)
    return {key: value}


def _gpu_of(key: str, value: str, catalog: Catalog) -> tuple[str, str]:
    """The GPU that a label says, and its provider where a machine's name says it too; empty where it says none."""
    if key == "cloud.google.com/gke-accelerator":
        try:
            return gpu_of_accelerator(catalog, value), "gcp"
        except InputError:
            return gpu_named(value, catalog), "gcp"
    if key in _GPU_KEYS:
        return gpu_named(value, catalog), ""
    if key in _MACHINE_KEYS:
        return _of_machine(value, catalog)
    if key in _GROUP_KEYS:
        words = [word for word in re.split(r"[-_. ]+", value) if re.search(r"[0-9]", word)]
        found = {gpu for word in words if (gpu := gpu_named(word, catalog) or _of_machine(word, catalog)[0])}
        return (min(found), "") if len(found) == 1 else ("", "")
    return "", ""


def _misspelt(value: str, catalog: Catalog) -> str:
    """Why an instance type is none, where it is nearly one or not modelled; empty for one that is known, and for a name unlike all."""
    try:
        find_machine(catalog, value)
    except InputError as error:
        return str(error) if "did you mean" in str(error) or " has " in str(error) else ""
    return ""


def _of_machine(value: str, catalog: Catalog) -> tuple[str, str]:
    """GPU and provider of an instance type, or of a family of them whose machines have one GPU; empty for any other name."""
    try:
        machine = find_machine(catalog, value)
    except InputError:
        machine = None
    if machine is not None:
        return machine.gpu, machine.provider
    family = {(each.gpu, each.provider) for each in catalog.machines().all if each.name.lower().split(".")[0] == value.lower()}
    return min(family) if len(family) == 1 else ("", "")


def _plain(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _shown(key: str, values: tuple[str, ...]) -> str:
    return visible(f"{key}={','.join(values)}"[:160])
