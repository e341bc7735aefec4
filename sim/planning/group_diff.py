"""What differs between the groups of machines of two plans, or of two states of one: added, changed and removed, attribute by attribute."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from sim.iac.groups import Group, GroupsFound
from sim.planning.stack_diff import Change, Part, Value

_ATTRIBUTES = (
    "machine", "gpu", "gpus_per_machine", "region", "purchase", "min", "desired", "max", "warm_up_s", "spot_max_usd_per_hour",
)  # fmt: skip
_UNITS = MappingProxyType(
    {"min": "machines", "desired": "machines", "max": "machines", "warm_up_s": "s", "spot_max_usd_per_hour": "USD"}
)  # fmt: skip


def diff_groups(base: GroupsFound | None, head: GroupsFound | None) -> tuple[Part, ...]:
    """The groups that differ, by their address, those of HEAD first; a side that is no plan has none to show."""
    was, is_ = ({} if each is None else {group.address: _attributes(group) for group in each.groups} for each in (base, head))
    found = []
    for address in dict.fromkeys((*is_, *was)):
        old, new = was.get(address, {}), is_.get(address, {})
        changes = tuple(
            Change(f"{address}.{key}", old.get(key), new.get(key), _UNITS.get(key, ""))
            for key in dict.fromkeys((*new, *old))
            if old.get(key) != new.get(key)
        )
        if changes:
            found.append(Part(address, "added" if not old else "removed" if not new else "changed", changes, ()))
    return tuple(found)


def _attributes(group: Group) -> Mapping[str, Value]:
    """What a group says, without what it leaves open."""
    plain: dict[str, Value] = {key: getattr(group, key) for key in _ATTRIBUTES}
    if group.law is not None:
        plain |= {f"autoscaler.{key}": value for key, value in group.law.keys.items()}
    for k, disk in enumerate(group.disks):
        plain[f"disks.{k}"] = f"{disk.kind}, {disk.gb:g} GB"
    return {key: value for key, value in plain.items() if value is not None}
