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
from sim.errors import InputError, input_error, visible
from sim.iac.disks import with_disks
from sim.iac.groups import Group, GroupsFound
from sim.iac.matching import Labels, matches
from sim.iac.pools import WAKING, Pool, pool_of
from sim.iac.shares import Placed, replaced, waits

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
    labels: Mapping[str, Labels] = field(default_factory=dict)
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
    idle: set[str] = set()
    matched = matches(found.groups, runs, template.labels, catalog)
    for group in found.groups:
        name = _name(group, names)
        names.append(name)
        try:
            match = matched[group.address]
            if isinstance(match, InputError):
                raise match
            if match.why:
                notes.append(f"assumed: {name}: runs what {match.deployment} runs: {match.why}")
            if match.idle:
                idle.add(name)
            pools.append(
                (pool_of(name, group, runs[match.deployment], catalog, book, told=template.told and not match.idle), match.deployment)
            )
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
    if len(pools) > 1 + len(idle):
        notes.append("assumed: routing: requests are shared among the groups by the memory bandwidth of all GPUs that each may have")
    of_rules: list[str] = []
    placed = [
        Placed(pool.name, pool.keys, chosen, 0.0 if pool.name in idle else _weight(pool.group, catalog), _from_none(pool))
        for pool, chosen in pools
    ]
    data = {**replaced(stack, placed, gone, of_rules), "description": f"The machines of {found.source}."}
    notes += [f"assumed: {note}" for note in of_rules]
    disks = with_disks(data.get("costs"), found.groups, catalog, found.source)
    if disks.costs is not None:
        data["costs"] = disks.costs
    notes += disks.notes
    notes += [f"assumed: {pool.name}: {note}" for pool, _ in pools for note in pool.notes_apart]
    notes += [f"ignored: {note}" for note in found.ignored]
    assumed: dict[KeyPath, str] = {("deployments", pool.name, key): why for pool, _ in pools for key, why in pool.assumed.items()}
    return Laid(_document(found, template.document, data, pools, disks.marks), assumed, tuple(dict.fromkeys(notes)))


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


def _within(pool: Pool, template: Mapping[str, Any]) -> None:
    """The replicas of manifests, and the bounds of their autoscaler, within what the machines hold."""
    wanted, own = template.get("replicas", 1), pool.keys.get("replicas")
    bounds: Mapping[str, Any] = wanted if isinstance(wanted, Mapping) else dict.fromkeys(("min", "max", "initial"), wanted)
    asked = f"{bounds.get('min', 1)} to {bounds['max']}" if bounds.get("min", 1) != bounds["max"] else f"{bounds['max']}"
    if not isinstance(own, Mapping):
        if isinstance(own, int) and (bounds.get("min", 1), bounds["max"]) != (own, own):
            pool.notes_apart.append(f"{own} replicas, all that its machines hold, as these are paid anyway; the manifests ask for {asked}")
        return
    low, high = own["min"], own["max"]
    if "autoscaler" in template and pool.group.law is None:
        low = max(low, min(int(bounds.get("min", 1)), high))
        high = min(high, max(int(bounds["max"]), low))
        if (low, high) != (own["min"], own["max"]):
            pool.notes_apart.append(f"{low} to {high} replicas, as its autoscaler says; its machines hold {own['min']} to {own['max']}")
    if low == high:
        pool.say(replicas=high)
        pool.keys.pop("autoscaler", None)
        pool.assumed.pop("autoscaler", None)
        return
    first = bounds.get("initial", own["initial"])
    pool.say(replicas={"min": low, "max": high, "initial": min(max(int(first), low), high)})
    if low > 0 and "autoscaler" in pool.assumed and "autoscaler" in template:
        pool.say(autoscaler=dict(template["autoscaler"]))


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


def _document(
    found: GroupsFound, under: Document, data: dict[str, Any], pools: list[tuple[Pool, str]], of_costs: Mapping[KeyPath, Mark]
) -> Document:
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
    for path in of_costs:
        keys.pop(path, None)
    return Document(found.source, data, keys, {**values, **of_costs})
