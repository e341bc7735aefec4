"""What the disks of machines cost: a line `storage` of the bill, from the sizes in a plan and the prices of models/defaults/disks.yaml."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sim.catalog.catalog import Catalog
from sim.errors import visible
from sim.iac.groups import Group
from sim.stack.cost_defaults import DiskDefaults
from sim.stack.costs import Storage


def with_disks(costs: Any, groups: Sequence[Group], catalog: Catalog) -> tuple[dict[str, Any] | None, list[str]]:
    """The costs of a stack with the disks of its machines, and what is to be told of them; None where nothing changes.

    A machine's disks stand as long as it does; here as many machines count as the plan begins with. Disks whose price is not known
    are named, and cost nothing.
    """
    defaults = catalog.shared("defaults/disks.yaml", DiskDefaults)
    gb = usd = 0.0
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
    notes = [f"ignored: {note}: no price of it is known" for note in dict.fromkeys(unknown)]
    if gb == 0.0:
        return None, notes
    notes.append(
        f"assumed: costs.storage: {gb:g} GB of disks for {usd:.4g} USD a month, those of the machines that the plan begins with; list "
        "prices of one region (models/defaults/disks.yaml)"
    )
    found = dict(costs) if isinstance(costs, Mapping) else {}
    if found.get("storage") is not None:
        own = Storage.model_validate(found["storage"])
        usd += own.gb * own.usd_per_gb_month
        gb += own.gb
    return {**found, "storage": {"gb": gb, "usd_per_gb_month": usd / gb}}, notes
