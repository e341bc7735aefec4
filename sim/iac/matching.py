"""Which gpu deployment of a stack, or model server of Kubernetes manifests, runs on which group of machines."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sim.catalog.catalog import Catalog
from sim.errors import InputError, nearest, visible
from sim.iac.groups import Group
from sim.iac.node_labels import product_label
from sim.iac.terraform_resource import label_key

Labels = Mapping[str, tuple[str, ...]]
"""Node labels that are asked for, any one value of each."""


@dataclass(frozen=True)
class Match:
    """What runs on a group; `why` where that is a guess. Nothing is sent to one that is `idle`, though it is paid."""

    deployment: str
    why: str = ""
    idle: bool = False


def matches(
    groups: Sequence[Group], runs: Mapping[str, Mapping[str, Any]], labels: Mapping[str, Labels], catalog: Catalog
) -> dict[str, Match | InputError]:
    """What runs on each group, by its address.

    In this order: what the label sim-deployment says; the deployment of the group's name; one whose node labels the group has; of those
    left the one whose model the group's labels name, the one on the same GPU, the only one, the first. A deployment that asks for labels
    which some groups have runs on no other; a group for which none is left is idle. InputError for a label that means nothing.
    """
    having = {group.address: [name for name in runs if labels.get(name) and _has(group, labels[name], catalog)] for group in groups}
    placed = {name for names in having.values() for name in names}
    found: dict[str, Match | InputError] = {}
    for group in groups:
        try:
            found[group.address] = _match(group, runs, having[group.address], [name for name in runs if name not in placed])
        except InputError as error:
            found[group.address] = error
    return found


def _match(group: Group, runs: Mapping[str, Mapping[str, Any]], having: list[str], free: list[str]) -> Match:
    given = group.labels.get("sim-deployment")
    if given:
        if given in runs:
            return Match(given)
        raise InputError(
            f"{group.address}: label sim-deployment: found {visible(given[:60])!r}; allowed: {', '.join(runs)}{nearest(given, runs)}"
        )
    for name in runs:
        if _plain(name) in (_plain(group.name), _plain(group.labels.get("deployment", ""))):
            return Match(name)
    if having:
        return Match(having[0])
    if not free:
        return Match(
            _likest(group, runs, list(runs))[0], "its nodes have none of the labels that are asked for: nothing is sent there", idle=True
        )
    return Match(*_likest(group, runs, free))


def _likest(group: Group, runs: Mapping[str, Mapping[str, Any]], names: list[str]) -> tuple[str, str]:
    """The one of some deployments that is most like a group, and, where that is a guess, why."""
    if len(names) == 1:
        return names[0], ""
    said = group.labels.get("sim-llm") or group.labels.get("llm") or group.labels.get("model") or ""
    for name in names:
        if said and _plain(str(runs[name].get("llm"))) == _plain(said):
            return name, ""
    same = [name for name in names if runs[name].get("gpu") == group.gpu]
    if len(same) == 1:
        return same[0], ""
    first = (same or names)[0]
    return first, "the first of those on such a GPU" if same else "the first: none has its name, its labels or its GPU"


def _has(group: Group, wanted: Labels, catalog: Catalog) -> bool:
    """Whether the nodes of a group have labels that are asked for: their own, and those that Kubernetes and NVIDIA's plugin give them."""
    given = {
        "node.kubernetes.io/instance-type": group.machine,
        "beta.kubernetes.io/instance-type": group.machine,
        "topology.kubernetes.io/region": group.region or "",
        **product_label(catalog.gpu(group.gpu)),
        **group.labels,
    }
    have = {label_key(key): value for key, value in given.items()}
    return all(have.get(label_key(key)) in values for key, values in wanted.items())


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "", name.lower())
