"""What Infracost makes of a Terraform plan (`infracost breakdown --format json`, version 0.2): an hour of a machine by its address.

A resource, or a part of one (the launch template of an auto-scaling group, a node pool of a cluster), has cost components. One is
"Instance usage (Linux/UNIX, on-demand, p4d.24xlarge)": `hourlyQuantity` machines, `hourlyCost` for all of them, `price` for one.
Beside it stand other components by the hour that the machine needs: Google's GPUs ("NVIDIA Tesla T4 (on-demand)"), EBS-optimised
usage. Their cost a machine is the sum, over the number of machines. Disks are parts of their own; what depends on usage has no price
(`null`) and is no machine. A price that is absent, zero or marked `priceNotFound` is none.

`infracost diff` writes the same shape, with what was there before under `pastBreakdown`, which counts for machines that are no more.
Prices in USD only.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator, Mapping
from pathlib import PurePath
from types import MappingProxyType
from typing import TYPE_CHECKING

from sim.catalog.places import Entry, raise_all, shown
from sim.catalog.price_formats.look import Look, PriceFormat
from sim.errors import InputError, Problem, visible

if TYPE_CHECKING:
    from sim.catalog.catalog import Catalog
    from sim.catalog.gpu import Purchase
    from sim.catalog.price_file import MachinePrice, PriceFile

_VERSIONS = ("0.1", "0.2")
_MOST_USD = 1e6
_MOST_MACHINES = 1e7
_MOST_RESOURCES = 200_000
_DEEPEST = 6
_NAMED = 5
_LONGEST = 2000
_INSTANCE = re.compile(r"Instance usage \((?:[^(),]{1,60}, )?(?P<how>[^(),]{1,40}), (?P<machine>[A-Za-z0-9][A-Za-z0-9._-]{0,80})\)")
_PURCHASES: Mapping[str, Purchase | None] = MappingProxyType(
    {"on-demand": "on_demand", "pay as you go": "on_demand", "spot": "spot", "preemptible": "spot", "reserved": None}
)


def _matches(found: Look) -> bool:
    data = found.data or {}
    projects = data.get("projects")
    named = isinstance(projects, list) and any(isinstance(each, dict) and "breakdown" in each for each in projects)
    return named or ("projects" in data and ("currency" in data or "version" in data))


def _read(found: Look, catalog: Catalog) -> PriceFile:  # noqa: ARG001  (machines are compared when they are priced)
    from sim.catalog.price_file import PriceFile

    assert found.data is not None
    root = Entry(found.data, found.name)
    _check_root(root)
    problems: list[Problem] = []
    prices: dict[str, list[MachinePrice]] = {}
    past: dict[str, list[MachinePrice]] = {}
    unpriced: list[str] = []
    differing: list[str] = []
    resources = 0
    projects = root.entries("projects")
    for breakdown, into in (("breakdown", prices), ("pastBreakdown", past)):
        for project in projects:
            within = project.within(breakdown)
            for resource in within.entries("resources") if within else ():
                resources += 1
                if resources > _MOST_RESOURCES:
                    raise InputError(f"{found.name}: more than {_MOST_RESOURCES:,} resources")
                _read_resource(resource, into, unpriced, differing, problems)
    raise_all(problems)
    for address, before in past.items():
        # What a machine costs now goes before what it cost: of the past counts what is no more.
        now = prices.setdefault(address, [])
        known = {(each.machine, each.purchase) for each in now}
        now += [each for each in before if (each.machine, each.purchase) not in known]
    if not prices:
        what = f"no machine with a price by the hour among {resources:,} resources" if resources else "no resources"
        raise InputError(f"{found.name}: found {what}; allowed: what infracost breakdown --format json makes of a plan with machines")
    day = _day(root)
    name = PurePath(found.name).name
    notes = [f"{name}: prices at {len(prices):,} addresses of Terraform, {f'of {day}' if day else 'undated'} (Infracost)"]
    if unpriced:
        notes.append(f"{name}: without a price in it, and so as the catalogue has it: {_few(unpriced)}")
    if differing:
        notes.append(f"{name}: several projects have different prices, of which the highest counts: {_few(differing)}")
    return PriceFile(
        by_address={address: tuple(each) for address, each in prices.items()},
        as_of=day or "undated",
        made_by="Infracost",
        notes=tuple(notes),
    )


def _check_root(root: Entry) -> None:
    version = root.data.get("version")
    if version is not None and str(version) not in _VERSIONS:
        raise InputError(str(root.place("version").problem(f"found {shown(version)}", ", ".join(_VERSIONS))))
    currency = root.data.get("currency", "USD")
    if currency not in ("USD", ""):
        raise InputError(str(root.place("currency").problem(f"found {shown(currency)}", "USD (infracost configure set currency USD)")))
    if not isinstance(root.data.get("projects"), list):
        raise InputError(str(root.place("projects").problem(f"found {shown(root.data.get('projects'))}", "a list of projects")))


def _read_resource(
    resource: Entry, prices: dict[str, list[MachinePrice]], unpriced: list[str], differing: list[str], problems: list[Problem]
) -> None:
    address = resource.data.get("name")
    if not isinstance(address, str) or not address or len(address) > _LONGEST:
        problems.append(resource.place("name").problem(f"found {shown(address)}", f"an address of at most {_LONGEST} characters"))
        return
    parts = [(path, found) for path, part in _parts(resource, 0) if (found := _machines(part, problems)) is not None]
    for path, found in parts:
        if not found:
            unpriced.append(address)
        # A group has one part with machines; of the pools of a cluster each has an address of its own.
        key = address if len(parts) == 1 else ".".join((address, *path))
        for price in found:
            _keep(prices.setdefault(key, []), price, key, differing)


def _keep(known: list[MachinePrice], price: MachinePrice, address: str, differing: list[str]) -> None:
    for at, other in enumerate(known):
        if (other.machine, other.purchase) == (price.machine, price.purchase):
            if other.usd_per_machine_hour != price.usd_per_machine_hour:
                differing.append(address)
                known[at] = max(other, price, key=lambda each: each.usd_per_machine_hour)
            return
    known.append(price)


def _parts(entry: Entry, depth: int) -> Iterator[tuple[tuple[str, ...], Entry]]:
    """A resource and its parts, with their names from the resource down."""
    yield (), entry
    if depth < _DEEPEST:
        for part in entry.entries("subresources"):
            for path, inner in _parts(part, depth + 1):
                yield (str(part.data.get("name"))[:200], *path), inner


def _machines(part: Entry, problems: list[Problem]) -> list[MachinePrice] | None:
    """The machines among the cost components of one part; empty where they have no price, None where there are none."""
    from sim.catalog.price_file import MachinePrice

    components = [each for each in part.entries("costComponents") if each.data.get("unit") == "hours"]
    machines = []
    for each in components:
        said = _INSTANCE.fullmatch(str(each.data.get("name"))[:300])
        if said and said["how"].lower() in _PURCHASES:
            machines.append((each, said["machine"], _PURCHASES[said["how"].lower()]))
    if not machines:
        return None
    beside = [
        each for each in components if not str(each.data.get("name")).startswith("Instance usage") and not each.data.get("usageBased")
    ]
    found = []
    for component, machine, purchase in machines:
        one = _usd_of_one(component, problems)
        count = component.number("hourlyQuantity", problems, most=_MOST_MACHINES, above=False)
        if one is None:
            continue
        if beside and not count:
            continue  # how many GPUs one of no machines has is not said
        costs = [each.number("hourlyCost", problems, most=_MOST_USD, above=False) or 0.0 for each in beside]
        if any(not usd for usd, each in zip(costs, beside, strict=True) if str(each.data.get("name")).startswith("NVIDIA")):
            continue  # a machine without the price of its GPUs
        total = one + sum(costs) / (count or 1.0) / len(machines)
        found.append(MachinePrice(machine=machine, purchase=purchase, usd_per_machine_hour=total))
    return found


def _usd_of_one(component: Entry, problems: list[Problem]) -> float | None:
    """An hour of one machine, with the discount that the cost of all of them has; None where there is no price."""
    price = component.number("price", problems, most=_MOST_USD, above=False)
    cost = component.number("hourlyCost", problems, most=_MOST_USD, above=False)
    count = component.number("hourlyQuantity", problems, most=_MOST_MACHINES, above=False)
    if component.data.get("priceNotFound") or not price:
        return None
    return cost / count if cost and count else price


def _day(root: Entry) -> str | None:
    try:
        return datetime.date.fromisoformat(str(root.data.get("timeGenerated"))[:10]).isoformat()
    except ValueError:
        return None


def _few(addresses: list[str]) -> str:
    names = list(dict.fromkeys(visible(address[:80]) for address in addresses))
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


FORMAT = PriceFormat("infracost", "Infracost", _matches, _read)
