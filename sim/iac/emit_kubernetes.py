"""A stack as Kubernetes manifests: for each pool of GPUs a Deployment, its autoscaler and a Service; the rest in the ConfigMap `sim-stack`.

What the rest has to hold is found by reading the manifests back: whatever they do not say, or not exactly, stands there, so that both
together are the stack they were made of.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sim.catalog.catalog import Catalog
from sim.catalog.gpu import Gpu
from sim.catalog.yaml_document import Document, parse_documents
from sim.catalog.yaml_file import comment, validate
from sim.errors import InputError
from sim.iac.deployments import deployment_of
from sim.iac.emit_containers import PORT, engine_container, gpu_resource
from sim.iac.emit_scalers import scaler_of
from sim.iac.node_labels import product_label, spot_label
from sim.iac.pods import DEPLOYMENT_NOTE
from sim.iac.reading import Reading
from sim.iac.scalers import read_hpa, read_keda
from sim.iac.stack_map import KEY, NAME, difference
from sim.iac.workloads import read_workloads
from sim.iac.yaml_text import yaml_text
from sim.stack.gpu_deployment import GpuDeployment
from sim.stack.schema import Stack

_LONGEST_NAME = 52
"""Pods get eleven characters more, and no name may have above 63."""
_LONGEST_GRACE_S = 86_400
_LARGEST_MAP_BYTES = 1_000_000
_ALWAYS_SAID = ("gpu", "provider", "region")
"""Keys that labels can only hint at."""


def kubernetes_files(stack: Stack, data: Mapping[str, Any], catalog: Catalog, title: str) -> dict[str, str]:
    """The manifests of a stack by file name; `data` is what its file says."""
    files: dict[str, str] = {}
    rest: dict[str, Any] = {}
    taken: set[str] = set()
    said = data["deployments"]
    for name, spec in stack.deployments.items():
        if not isinstance(spec, GpuDeployment):
            rest[name] = said[name]
            continue
        notes: list[str] = []
        objects = _objects(name, _object_name(name, taken), spec, catalog, notes)
        lines = [comment(f"Deployment {name} of {title}."), *(comment(f"To be seen to: {note}") for note in dict.fromkeys(notes))]
        files[f"deployment-{name}.yaml"] = "\n".join([*lines, yaml_text(*objects)])
        rest[name] = _rest(name, spec, objects, said[name], catalog)
    text = "\n".join([comment("The rest of a stack of sim: what Kubernetes has no word for."), yaml_text({**data, "deployments": rest})])
    if len(text.encode()) > _LARGEST_MAP_BYTES:
        raise InputError(f"{title}: what Kubernetes has no word for is above {_LARGEST_MAP_BYTES} bytes, the most that a ConfigMap holds")
    configmap = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": NAME}, "data": {KEY: text}}
    files["configmap.yaml"] = "\n".join([comment(f"What Kubernetes has no word for of {title}."), yaml_text(configmap)])
    return files


def _objects(name: str, object_name: str, spec: GpuDeployment, catalog: Catalog, notes: list[str]) -> list[dict[str, Any]]:
    """Deployment, Service and, where the law has a word, the autoscaler."""
    gpu = catalog.gpu(spec.gpu)
    labels = {"app.kubernetes.io/name": object_name}
    metadata = {"name": object_name, "labels": labels, "annotations": {DEPLOYMENT_NOTE: name}}
    selector, tolerations = _placement(spec, gpu)
    if not product_label(gpu):
        notes.append(f"nodeSelector: what nodes with {gpu.name} are labelled is not known; add your label")
    node = spec.gpus_per_node or gpu.gpus_per_node
    if spec.tensor_parallel > node:
        notes.append(f"{spec.tensor_parallel} GPUs are more than the {node} of a machine: a LeaderWorkerSet of several pods is needed")
    pod: dict[str, Any] = {}
    if spec.drain is not None and float(spec.drain).is_integer() and spec.drain <= _LONGEST_GRACE_S:
        pod["terminationGracePeriodSeconds"] = int(spec.drain)
    pod |= {"nodeSelector": selector} if selector else {}
    pod |= {
        "tolerations": tolerations,
        "containers": [engine_container(spec, catalog, notes)],
        "volumes": [{"name": "shm", "emptyDir": {"medium": "Memory"}}],
    }
    scaler = scaler_of(spec, object_name, metadata, notes)
    replicas = spec.replicas
    count = replicas.initial if scaler is not None else replicas.at_start
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata,
        "spec": {
            **({} if count is None else {"replicas": count}),
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod},
        },
    }
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata,
        "spec": {"selector": labels, "ports": [{"name": "http", "port": PORT, "targetPort": "http"}]},
    }
    law = spec.autoscaler.law if spec.autoscaler is not None else "fixed"
    if scaler is None and law != "fixed":
        notes.append(f"autoscaler: Kubernetes has no word for this {law}; the Deployment stands at its first count, and {NAME} has the law")
    return [deployment, service, *([] if scaler is None else [scaler])]


def _placement(spec: GpuDeployment, gpu: Gpu) -> tuple[dict[str, str], list[dict[str, str]]]:
    """Node selector and tolerations of the GPU and of spot machines."""
    product = product_label(gpu)
    tolerations = [{"key": gpu_resource(gpu), "operator": "Exists", "effect": "NoSchedule"}]
    if spec.purchase != "spot" or spec.on_premises is not None:
        return product, tolerations
    spot = spot_label(spec.provider)
    tolerations += [{"key": key, "operator": "Equal", "value": value, "effect": "NoSchedule"} for key, value in spot.items()]
    return product | spot, tolerations


def _rest(name: str, spec: GpuDeployment, objects: list[dict[str, Any]], said: Mapping[str, Any], catalog: Catalog) -> dict[str, Any]:
    """What the objects do not say of a deployment, in the words of its file where a whole key is missing."""
    documents = parse_documents(yaml_text(*objects), name)
    work = read_workloads(Reading(documents[0].data))[0]
    for document in documents[2:]:
        part = Reading(document.data)
        work.scaler = read_hpa(part) if document.data["kind"] == "HorizontalPodAutoscaler" else read_keda(part)
    known = [key for key in _ALWAYS_SAID if key in said]
    read = validate(Document(name, deployment_of(work, catalog, None, [], [], said=known), {}, {}), GpuDeployment)
    missing: dict[str, Any] = difference(_plain(read), _plain(spec))
    labelled = bool(product_label(catalog.gpu(spec.gpu)))
    missing |= {key: getattr(spec, key) for key in known if not (key == "gpu" and labelled)}
    return {key: said[key] if key in said and not isinstance(value, dict) else value for key, value in missing.items()}


def _plain(spec: GpuDeployment) -> dict[str, Any]:
    return spec.model_dump(mode="json", by_alias=True)


def _object_name(name: str, taken: set[str]) -> str:
    """A name that Kubernetes allows (RFC 1035: letters, digits and hyphens, a letter first), another for each deployment."""
    plain = re.sub(r"[^a-z0-9-]", "-", name)
    plain = (plain if plain[0].isalpha() else f"d-{plain}")[:_LONGEST_NAME].rstrip("-")
    found, number = plain, 2
    while found in taken:
        found = f"{plain[: _LONGEST_NAME - 4].rstrip('-')}-{number}"
        number += 1
    taken.add(found)
    return found
