"""Groups of machines as a stack: each becomes a gpu deployment, in the place of one that says what runs on it.

What a group says: GPUs, their number in a machine, replicas from the fewest machines to the most, who rents them, where, how bought,
how long they take to start, what moves their number. What it cannot say (model, engine, limits) comes from a stack's gpu deployments,
from Kubernetes manifests, from tags and labels, or else from a bundled stack, as an assumption.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sim.catalog.catalog import Catalog
from sim.catalog.price_book import PriceBook
from sim.catalog.yaml_file import Document, KeyPath, Mark
from sim.errors import InputError, input_error, nearest, visible
from sim.iac.disks import with_disks
from sim.iac.groups import Group, GroupsFound
from sim.iac.node_labels import product_label
from sim.iac.pools import WAKING, Pool, pool_of
from sim.iac.shares import Placed, replaced, waits
from sim.iac.terraform_resource import label_key

DEFAULT_STACK = "self-hosted"
"""The bundled stack whose model and engine are assumed where nobody says what runs."""
MOST_GROUPS = 64
_NAMED = 6


@dataclass(frozen=True)
class Template:
    """A stack whose gpu deployments say what runs on machines."""

    document: Document
    told: bool
    """Whether the user named it; else what comes of it is assumed."""
    labels: Mapping[str, Mapping[str, tuple[str, ...]]] = field(default_factory=dict)
    """The node labels that each of its deployments asks for, any one value of each."""
    bounded: bool = False
    """Whether its bounds of replicas hold within those of the machines, as an autoscaler's of Kubernetes do."""


@dataclass(frozen=True)
class Laid:
    """A stack as a document, what of it was assumed by key path with the reason, and what else was assumed and left out, in words."""

    document: Document
    assumed: Mapping[KeyPath, str]
    remarks: tuple[str, ...]


def stack_from_terraform(found: GroupsFound, catalog: Catalog, template: Template, book: PriceBook) -> Laid:
    """The stack of the groups that were found, which run what a template's gpu deployments run.

    InputError where there are no groups, saying what there is, and for labels that name what does not exist.
    """
    if not found.groups:
        raise InputError(f"{found.source}: no machines with GPUs: {_instead(found)}")
    if len(found.groups) > MOST_GROUPS:
        raise InputError(f"{found.source}: {len(found.groups)} groups of machines with GPUs; at most {MOST_GROUPS} are read")
    stack = template.document.data
    runs = _templates(template)
    notes = [f"assumed: {note}" for note in found.assumed]
    pools: list[tuple[Pool, str]] = []
    problems: list[str] = []
    names: list[str] = [name for name in stack["deployments"] if name not in runs]
    for group in found.groups:
        name = _name(group, names)
        names.append(name)
        try:
            chosen, why = _chosen(group, runs, template, catalog)
            if why:
                notes.append(f"assumed: {name}: runs what {chosen} of the stack runs: {why}")
            pools.append((pool_of(name, group, runs[chosen], catalog, book, told=template.told), chosen))
        except InputError as error:
            problems += [f"{found.source}: {line}" for line in str(error).splitlines()]
    if problems:
        raise input_error(problems)
    for pool, chosen in pools:
        if template.bounded:
            _within(pool, runs[chosen])
        if _from_none(pool) and waits(stack, chosen) and "gateway_queue_limit" not in pool.keys:
            pool.guess("those who wake it wait, all others go on; by max_wait nobody would come to it", gateway_queue_limit=WAKING)
    gone = [name for name in runs if name not in {chosen for _, chosen in pools}]
    notes += [f"ignored: {name}: a deployment of the stack without machines in {found.source}" for name in gone]
    if len(pools) > 1:
        notes.append("assumed: routing: requests are shared among the groups by the memory bandwidth of all GPUs that each may have")
    of_rules: list[str] = []
    placed = [Placed(pool.name, pool.keys, chosen, _weight(pool.group, catalog), _from_none(pool)) for pool, chosen in pools]
    data = {**replaced(stack, placed, gone, of_rules), "description": f"The machines of {found.source}."}
    notes += [f"assumed: {note}" for note in of_rules]
    costs, of_disks = with_disks(data.get("costs"), found.groups, catalog)
    if costs is not None:
        data["costs"] = costs
    notes += of_disks
    notes += [f"assumed: {pool.name}: {note}" for pool, _ in pools for note in pool.notes_apart]
    notes += [f"ignored: {note}" for note in found.ignored]
    assumed: dict[KeyPath, str] = {("deployments", pool.name, key): why for pool, _ in pools for key, why in pool.assumed.items()}
    return Laid(_document(found, template.document, data, pools), assumed, tuple(dict.fromkeys(notes)))


def _templates(template: Template) -> dict[str, Mapping[str, Any]]:
    """The deployments of a stack that run on rented GPUs; InputError where it has none."""
    deployments = template.document.data.get("deployments") if isinstance(template.document.data, Mapping) else None
    found = {
        str(name): spec
        for name, spec in (deployments.items() if isinstance(deployments, Mapping) else ())
        if isinstance(spec, Mapping) and spec.get("kind") == "gpu" and "on_premises" not in spec
    }
    if not found:
        raise InputError(
            f"{template.document.name}: no deployment of kind gpu on rented machines: nothing says what runs on those of the plan; "
            f"allowed: a stack with one, as --stack {DEFAULT_STACK}"
        )
    return found


def _chosen(group: Group, runs: Mapping[str, Mapping[str, Any]], template: Template, catalog: Catalog) -> tuple[str, str]:
    """Which deployment of the template runs on a group, and, where that is a guess, why.

    In this order: the label sim-deployment; the group's name; the node labels that a deployment asks for; the model that the group's
    labels name; the GPU; the only one; the first.
    """
    given = group.labels.get("sim-deployment")
    if given:
        if given in runs:
            return given, ""
        raise InputError(
            f"{group.address}: label sim-deployment: found {visible(given[:60])!r}; allowed: {', '.join(runs)}{nearest(given, runs)}"
        )
    for name in runs:
        if _plain(name) in (_plain(group.name), _plain(group.labels.get("deployment", ""))):
            return name, ""
    asked = [name for name in runs if template.labels.get(name) and _has(group, template.labels[name], catalog)]
    if asked:
        return asked[0], ""
    if len(runs) == 1:
        return next(iter(runs)), ""
    said = group.labels.get("sim-llm") or group.labels.get("llm") or group.labels.get("model") or ""
    for name, spec in runs.items():
        if said and _plain(str(spec.get("llm"))) == _plain(said):
            return name, ""
    same = [name for name, spec in runs.items() if spec.get("gpu") == group.gpu]
    if len(same) == 1:
        return same[0], ""
    first = (same or list(runs))[0]
    return first, "the first of those on such a GPU" if same else "the first: none has its name, its labels or its GPU"


def _has(group: Group, wanted: Mapping[str, tuple[str, ...]], catalog: Catalog) -> bool:
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


def _within(pool: Pool, template: Mapping[str, Any]) -> None:
    """The bounds of an autoscaler of Kubernetes within those of the machines."""
    bounds, own = template.get("replicas"), pool.keys.get("replicas")
    if not isinstance(bounds, Mapping) or not isinstance(own, Mapping) or "autoscaler" not in template or pool.group.law is not None:
        return
    low = max(own["min"], min(int(bounds.get("min", 1)), own["max"]))
    high = min(own["max"], max(int(bounds.get("max", own["max"])), low))
    if (low, high) != (own["min"], own["max"]):
        each = pool.replicas_per_machine
        pool.notes_apart.append(
            f"{low} to {high} replicas, as its autoscaler says; its machines hold {pool.group.min * each} to {pool.group.max * each}"
        )
        if low == high:
            pool.keys["replicas"] = high
            pool.keys.pop("autoscaler", None)
            pool.assumed.pop("autoscaler", None)
            return
        pool.keys["replicas"] = {"min": low, "max": high, "initial": min(max(own["initial"], low), high)}
        if low > 0 and "autoscaler" in pool.assumed:
            pool.keys["autoscaler"] = dict(template["autoscaler"])
            pool.assumed.pop("autoscaler")


def _from_none(pool: Pool) -> bool:
    replicas = pool.keys.get("replicas")
    return isinstance(replicas, Mapping) and replicas["min"] == 0


def _weight(group: Group, catalog: Catalog) -> float:
    return group.max * group.gpus_per_machine * catalog.gpu(group.gpu).bandwidth_bytes_per_s


def _name(group: Group, taken: list[str]) -> str:
    """A deployment's name after the resource; where it is taken, with what stands before it in the address, and then a number."""
    words = [word for word in re.split(r"[^a-z0-9_]+", group.address.lower()) if word]
    plain = re.sub(r"[^a-z0-9_-]+", "-", group.name.lower()).strip("-_")[:48] or "pool"
    key = re.search(r"\[\"?([^\"\]]+)\"?\]$", group.address)
    if key:
        plain = f"{plain}-{re.sub(r'[^a-z0-9_-]+', '-', key[1].lower()).strip('-_')}"[:48].strip("-_")
    if plain not in taken:
        return plain
    longer = "-".join([*[word for word in words if word not in ("module", plain)][-2:], plain])[-60:].strip("-_")
    number, found = 2, longer
    while found in taken:
        found = f"{longer[:56]}-{number}"
        number += 1
    return found


def _instead(found: GroupsFound) -> str:
    """What there is in a plan without GPUs."""
    if found.ignored:
        more = len(found.ignored) - _NAMED
        return "; ".join(found.ignored[:_NAMED]) + (f"; and {more} more" if more > 0 else "")
    if not found.resources:
        return "it has no resources at all"
    kinds = sorted(found.resources.items(), key=lambda each: (-each[1], each[0]))
    named = ", ".join(f"{count} {visible(kind[:60])}" for kind, count in kinds[:_NAMED])
    more_types = f" and {len(kinds) - _NAMED} more types" if len(kinds) > _NAMED else ""
    return f"found {named}{more_types}; instances, auto-scaling groups and node pools are read"


def _document(found: GroupsFound, under: Document, data: dict[str, Any], pools: list[tuple[Pool, str]]) -> Document:
    """The stack with the place of every value: the template's own, or the resource that says it."""
    values: dict[KeyPath, Mark] = {}
    keys: dict[KeyPath, Mark] = {}
    old = {chosen for _, chosen in pools}
    for into, marks in ((values, under.value_marks), (keys, under.key_marks)):
        into |= {
            path: mark
            for path, mark in marks.items()
            if path[:1] != ("routing",) and not (path[:1] == ("deployments",) and path[1:2] and path[1] in old)
        }
        for pool, chosen in pools:
            before: KeyPath = ("deployments", chosen)
            of_template = {path: mark for path, mark in marks.items() if path[:2] == before and path[2:3] and path[2] in pool.keys}
            into |= {
                ("deployments", pool.name, *path[2:]): mark
                for path, mark in of_template.items()
                if path[2] not in pool.said | set(pool.assumed)
            }
    for pool, _ in pools:
        at: KeyPath = ("deployments", pool.name)
        values[at] = keys[at] = Mark(f"{found.source}: {visible(pool.group.address[:200])}")
        for key in pool.said | set(pool.assumed):
            values.pop((*at, key), None)
        for key in pool.said:
            values[(*at, key)] = values[at]
        for key, why in pool.assumed.items():
            values[(*at, key)] = Mark(f"{found.source}: {visible(pool.group.address[:200])} (assumed: {why})")
        for key, source in pool.sources.items():
            values[(*at, key)] = Mark(source)
    return Document(found.source, data, keys, values)
