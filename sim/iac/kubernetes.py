"""Kubernetes manifests and Helm values as a stack: model servers become gpu deployments, autoscalers their laws.

What a manifest does not say (which GPU, who rents it) is assumed and said so; what was not understood is listed; what would
change every result and is not modelled (disaggregation, speculative decoding) is refused. A ConfigMap `sim-stack` beside the
manifests says what Kubernetes has no word for (sim/iac/stack_map.py).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from sim.catalog.catalog import Catalog
from sim.catalog.yaml_file import Document, comment
from sim.errors import InputError, input_error, visible
from sim.iac.deployments import deployment_of
from sim.iac.pods import DEPLOYMENT_NOTE, Workload
from sim.iac.reading import Reading
from sim.iac.scalers import Scaler, read_hpa, read_keda
from sim.iac.stack_map import joined, rest_of
from sim.iac.workloads import read_workloads, why_not

_WRITTEN = re.compile(
    r"^metadata\.(labels|annotations)$|^spec\.selector$|^spec\.template\.metadata$|\.(tolerations|volumes|terminationGracePeriodSeconds)$"
    r"|\.containers\.0\.(ports|env|startupProbe|readinessProbe|volumeMounts)$"
)
"""Paths that every manifest of ours has and that say nothing of a stack."""
_NEVER = re.compile(
    r"metadata\.(labels|annotations|creationTimestamp|uid|resourceVersion|generation|managedFields)|status"
    r"|spec\.(selector|strategy|revisionHistoryLimit|progressDeadlineSeconds|serviceName|podManagementPolicy|template\.metadata)"
    r"|(.+\.)?(tolerations|volumes|serviceAccountName|imagePullSecrets|securityContext|restartPolicy|terminationGracePeriodSeconds)"
    r"|.+\.containers\.\d+\.(ports|volumeMounts|livenessProbe|imagePullPolicy|securityContext)"
    r"|.+\.resources\.(limits|requests)\.(cpu|memory|ephemeral-storage)"
)
"""Paths that change nothing of what a stack costs or serves, whatever they hold."""
_NEVER_KINDS = frozenset(
    {
        "Service", "ServiceAccount", "Namespace", "Secret", "Ingress", "NetworkPolicy", "Role", "RoleBinding", "ClusterRole",
        "ClusterRoleBinding", "ServiceMonitor", "PodMonitor",
    }
)  # fmt: skip
"""Kinds of object of which the same holds."""
_OWN_ARGUMENT = re.compile(r": (--host 0\.0\.0\.0|--port 8000|-m (vllm\.entrypoints\.openai\.api_server|sglang\.launch_server))$")
"""Arguments that every manifest of ours has and that say nothing of a stack."""
_NAMED = 12
"""So many of what can never matter are named."""
NodeLabels = Mapping[str, Mapping[str, tuple[str, ...]]]


@dataclass(frozen=True)
class Imported:
    """A stack as plain data, what was assumed, and what was left out."""

    stack: dict[str, Any]
    assumed: tuple[str, ...]
    ignored: tuple[str, ...]
    labels: NodeLabels = field(default_factory=dict)
    """The node labels that each deployment asks for, any one value of each: what joins it to the machines of a plan."""


@dataclass
class _Found:
    """What the documents hold."""

    workloads: list[Workload] = field(default_factory=list)
    scalers: list[Scaler] = field(default_factory=list)
    rest: dict[str, Any] | None = None
    problems: list[str] = field(default_factory=list)
    assumed: list[str] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)
    beside: dict[str, list[str]] = field(default_factory=dict)
    """What can never matter: paths by object, none for a whole object."""
    seen: dict[tuple[str, str, str], str] = field(default_factory=dict)


def stack_from_kubernetes(documents: Sequence[Document], catalog: Catalog, *, gpu: str | None = None) -> Imported:
    """The stack that manifests describe, on `gpu` where they do not say which. InputError when they hold no model server, or one
    that cannot be simulated, with the reason."""
    found = _Found()
    for document in documents:
        if isinstance(document.data, dict):
            _read(document, found)
    if found.problems:
        raise input_error(found.problems)
    if not found.workloads and not (found.rest or {}).get("deployments"):
        raise InputError(f"{documents[0].name if documents else 'the file'}: no model server found: {_why_none(found)}")
    _attach(found)
    if found.beside:
        found.ignored.append(_beside(found.beside))
    read: dict[str, dict[str, Any]] = {}
    labels: dict[str, Mapping[str, tuple[str, ...]]] = {}
    for work in found.workloads:
        try:
            name = work.deployment or _deployment_name(work.name, read)
            if name in read:
                raise InputError(f"two objects are deployment {visible(name)!r}")
            said = (found.rest or {}).get("deployments", {}).get(name) or {}
            read[name] = deployment_of(work, catalog, gpu, found.assumed, found.ignored, said=said)
            labels[name] = MappingProxyType(dict(work.labels))
        except InputError as error:
            found.problems += [f"{documents[0].name}: {visible(work.name)}: {line}" for line in str(error).splitlines()]
    if found.problems:
        raise input_error(found.problems)
    if found.rest is None:
        stack = {"deployments": read, "routing": _routing(list(read), found.assumed)}
    else:
        stack = joined(read, found.rest, found.assumed)
    return Imported(stack, tuple(found.assumed), tuple(found.ignored), MappingProxyType(labels))


def stack_text(imported: Imported, source: str) -> str:
    """The stack as a YAML file whose comments say what was assumed and ignored."""
    from sim.iac.yaml_text import yaml_text

    lines = [comment(f"Made from {source}.")]
    for title, notes in (("Assumed", imported.assumed), ("Ignored", imported.ignored)):
        if notes:
            lines += [comment(f"{title}:"), *(comment(f"- {note}") for note in notes)]
    return "\n".join([*lines, yaml_text(imported.stack)])


def _read(document: Document, found: _Found) -> None:
    """One document into what was found, with its problems in the lines of its file."""
    part = Reading(document.data)
    ours = bool(part.text("metadata", "annotations", DEPLOYMENT_NOTE))
    kind, name = str(document.data.get("kind", "values"))[:80], _name(document.data)
    title = visible(f"{kind} {name}".strip())
    try:
        _once(document, kind, name, found)
        rest = rest_of(document)
        if rest is not None:
            if found.rest is not None:
                raise InputError("given twice; one stack has one")
            found.rest = rest
            return
        workloads = read_workloads(part)
        if kind == "HorizontalPodAutoscaler":
            found.scalers.append(read_hpa(part))
        elif kind == "ScaledObject":
            found.scalers.append(read_keda(part))
        elif not workloads:
            if kind in _NEVER_KINDS:
                found.beside.update({} if ours else {title: []})
            else:
                found.ignored.append(f"{title}: {why_not(part)}")
            return
    except InputError as error:
        found.problems += [f"{document.mark(())}: {title}: {line.removeprefix(f'{name}: ')}" for line in str(error).splitlines()]
        return
    for work in workloads:
        work.remarks = [each for each in work.remarks if not (ours and _OWN_ARGUMENT.search(each))]
    found.workloads += workloads
    part.take("metadata", "name")
    part.take("metadata", "namespace")
    left = [visible(path) for path in part.ignored() if not (ours and _WRITTEN.search(path))]
    found.ignored += [f"{title}: {path}" for path in left if not _NEVER.fullmatch(path)]
    if never := [path for path in left if _NEVER.fullmatch(path)]:
        found.beside[title] = never


def _beside(found: Mapping[str, list[str]]) -> str:
    """One note of all that can never matter; every path of several objects once."""
    paths = list(dict.fromkeys(_short(path) for each in found.values() for path in each))
    named = [*(title for title, each in found.items() if not each), *paths]
    more = f" and {len(named) - _NAMED} more" if len(named) > _NAMED else ""
    return f"changes neither cost nor service: {', '.join(named[:_NAMED])}{more}"


def _short(path: str) -> str:
    """A path without what all pods have before it."""
    return re.sub(r"^(spec\.template\.)?spec\.(containers\.\d+\.)?", "", path) or path


def _once(document: Document, kind: str, name: str, found: _Found) -> None:
    """An object of a kind and name may be given once in a namespace."""
    metadata = document.data.get("metadata")
    space = str(metadata.get("namespace", "")) if isinstance(metadata, dict) else ""
    key = (kind, space, name)
    if name and kind != "values":
        if key in found.seen:
            raise InputError(f"given twice, first at {found.seen[key]}; of a base and its overlays give what `kustomize build` prints")
        found.seen[key] = str(document.mark(()))


def _why_none(found: _Found) -> str:
    if found.scalers:
        names = ", ".join(repr(visible(scaler.target)) for scaler in found.scalers)
        return f"it scales {names}, which is not in the file; give the manifest of that Deployment too (the option may be repeated)"
    only = f"{next(iter(found.beside))}: no model server, no autoscaler" if found.beside else "it is empty"
    return (
        found.ignored[0] if found.ignored else only
    ) + "; a Deployment, StatefulSet, LeaderWorkerSet, InferenceService, VLLMRuntime or Helm values are needed"


def _attach(found: _Found) -> None:
    """Each scaler to the workload it names; Helm charts put the release before the name and `-deployment-vllm` behind it."""
    for scaler in found.scalers:
        near = [work for work in found.workloads if not (scaler.namespace and work.namespace) or scaler.namespace == work.namespace]
        same = [work for work in near if scaler.target == work.name]
        work = next(iter(same or [each for each in near if re.search(rf"(^|-){re.escape(each.name)}-deployment-", scaler.target)]), None)
        if work is None:
            found.ignored.append(f"autoscaler of {visible(scaler.target)!r}, which is not in the file")
        elif work.scaler is not None:
            found.ignored.append(f"autoscaler of {visible(scaler.target)!r}: it has one already, and two would pull at it")
        else:
            work.scaler = scaler


def _routing(names: list[str], assumed: list[str]) -> list[dict[str, Any]]:
    if len(names) == 1:
        return [{"to": names}]
    assumed.append(
        "routing: requests of a class named as a deployment go there, all others to the first: manifests do not say who asks which"
    )
    return [*({"when": {"class": [name]}, "to": [name]} for name in names[1:]), {"to": [names[0]]}]


def _deployment_name(name: str, taken: dict[str, Any]) -> str:
    plain = re.sub(r"[^a-z0-9_-]+", "-", name.lower()).strip("-_")[:60].strip("-_") or "own"
    number = 2
    found = plain
    while found in taken:
        found = f"{plain}-{number}"
        number += 1
    return found


def _name(data: dict[str, Any]) -> str:
    metadata = data.get("metadata")
    return str(metadata.get("name", "")) if isinstance(metadata, dict) else ""
