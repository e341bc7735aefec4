"""What the disks of machines cost: a line `storage` of the bill, from the sizes in a plan and the prices of models/defaults/disks.yaml."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sim.catalog.catalog import Catalog
from sim.catalog.yaml_file import KeyPath, Mark
from sim.errors import visible
from sim.iac.groups import Group
from sim.stack.cost_defaults import DiskDefaults
from sim.stack.costs import Storage
from sim.units import show_usd, tidy

_PRICES = "models/defaults/disks.yaml"
_NAMED = 3


@dataclass(frozen=True)
class Disks:
    """The costs of a stack with the disks of its machines, where each value of them comes from, and what is to be told."""

    costs: dict[str, Any] | None
    """None where nothing changes."""
    notes: tuple[str, ...]
    marks: Mapping[KeyPath, Mark] = field(default_factory=dict)


def with_disks(costs: Any, groups: Sequence[Group], catalog: Catalog, source: str) -> Disks:
    """The costs of a stack with the disks of the machines of a plan, which is the file `source`.

    A machine's disks stand as long as it does, but a bill has one size of storage: that of the machines that the plan begins with. What
    those cost that may come on top is told. Disks whose price is not known are named, and cost nothing.
    """
    defaults = catalog.shared("defaults/disks.yaml", DiskDefaults)
    gb = usd = most_usd = 0.0
    having: list[str] = []
    unknown: list[str] = []
    for group in groups:
        prices = defaults.usd_per_gb_month.get(group.provider, {})
        for disk in group.disks:
            price = prices.get(disk.kind or defaults.default_kind.get(group.provider, ""))
            if price is None:
                unknown.append(
                    f"{group.address}: its disk of {disk.gb:g} GB{f' ({visible(disk.kind[:40])})' if disk.kind else ''} is not in the costs"
                )
            else:
                gb += disk.gb * group.desired
                usd += disk.gb * group.desired * price
                most_usd += disk.gb * group.max * price
                having.append(group.address)
    notes = [f"ignored: {note}: no price of it is known" for note in dict.fromkeys(unknown)]
    if gb == 0.0:
        if most_usd:
            notes.append(f"ignored: disks of machines that the plan does not begin with, {show_usd(most_usd)} a month with all of them")
        return Disks(None, tuple(notes))
    more = f" ({show_usd(most_usd)} with all that it may come to have, which is not in the bill)" if most_usd > usd else ""
    notes.append(
        f"assumed: costs.storage: {gb:g} GB of disks for {show_usd(usd)} a month, those of the machines that the plan begins with{more}; "
        f"list prices of one region ({_PRICES})"
    )
    addresses = list(dict.fromkeys(having))
    named = ", ".join(addresses[:_NAMED]) + (f" and {len(addresses) - _NAMED} more" if len(addresses) > _NAMED else "")
    sizes, listed = f"{source}: disks of {visible(named)}", f"{_PRICES} for the disks of {source}"
    found = dict(costs) if isinstance(costs, Mapping) else {}
    if found.get("storage") is not None:
        own = Storage.model_validate(found["storage"])
        usd += own.gb * own.usd_per_gb_month
        gb += own.gb
        sizes, listed = (f"{text}, and costs.storage of the stack" for text in (sizes, listed))
    at: KeyPath = ("costs", "storage")
    marks = {at: Mark(sizes), (*at, "gb"): Mark(sizes), (*at, "usd_per_gb_month"): Mark(listed)}
    return Disks({**found, "storage": {"gb": tidy(gb), "usd_per_gb_month": tidy(usd / gb)}}, tuple(notes), marks)
