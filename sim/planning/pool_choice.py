"""How many replicas a candidate has, who moves them, and how their GPUs are bought: the part of a candidate that is its pool."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sim.planning.space import Bought, Reserved, Scaled, Space

FLEX = "-flex"
"""Behind the name of a pool stands for the part of it that is not reserved."""
_PRICE = ("provider", "purchase", "region", "usd_per_gpu_hour", "commitment", "on_premises")


@dataclass(frozen=True)
class Fleet:
    """So many replicas always (`law` is None), or between two bounds by a law; None of either: those of the stack."""

    min: int
    max: int
    law: Mapping[str, Any] | None = None

    @property
    def words(self) -> str:
        """As a table shows it: `3`, or `1-4 hpa 16`."""
        if self.law is None:
            return str(self.max)
        return f"{self.min}-{self.max} {self.law['law']} {self.law['target']:g}"


def fleets(space: Space) -> tuple[Fleet | None, ...]:
    """Every size and law of a space, None for that of the stack; none at all where a space has laws and no pair of bounds for them."""
    found: list[Fleet | None] = [None if each == "stack" else Fleet(int(each), int(each)) for each in space.replicas]
    for scaled in space.autoscaled:
        found += _scaled(scaled)
    return tuple(found) if space.replicas or space.autoscaled else (None,)


def _scaled(scaled: Scaled) -> list[Fleet]:
    return [
        Fleet(least, most, _law(scaled, target)) for target in scaled.target for least in scaled.min for most in scaled.max if least < most
    ]


def _law(scaled: Scaled, target: float) -> dict[str, Any]:
    law: dict[str, Any] = {"law": scaled.law}
    if scaled.metric is not None:
        law["metric"] = scaled.metric
    return {**law, **scaled.with_, "target": target}


def with_fleet(
    deployments: Mapping[str, dict[str, Any]], pool: str, fleet: Fleet | None, chosen: Mapping[str, Any], space: Space, gone: int
) -> tuple[dict[str, dict[str, Any]], tuple[str, ...]]:
    """The deployments with the pool sized and bought as chosen, and the names of its parts in the order in which they are tried.

    `gone` replicas are taken from it; LookupError where there are not so many.
    """
    found = {name: dict(each) for name, each in deployments.items()}
    own = found[pool]
    if fleet is not None:
        own["replicas"] = fleet.max if fleet.law is None else {"min": fleet.min, "max": fleet.max}
        own.pop("autoscaler", None)
        if fleet.law is not None:
            own["autoscaler"] = dict(fleet.law)
    bought = chosen.get("purchase", "stack")
    if isinstance(bought, Bought):
        _buy(own, bought)
    share = chosen.get("reserved")
    least, most = bounds_of(own)
    if gone > most:
        raise LookupError(pool)
    if share is None or space.reserved is None:
        _resize(own, least - gone, most - gone)
        return found, (pool,)
    return _split(found, pool, space.reserved, round(most * float(share)), gone)


def _split(
    found: dict[str, dict[str, Any]], pool: str, reserved: Reserved, base: int, gone: int
) -> tuple[dict[str, dict[str, Any]], tuple[str, ...]]:
    """A pool of which `base` replicas are reserved; those that are gone are of these first."""
    own = found[pool]
    least, most = bounds_of(own)
    if base == 0:
        _resize(own, least - gone, most - gone)
        return found, (pool,)
    flex = dict(own)
    _buy(own, reserved)
    if base < most:
        # Where there are two parts, the law moves the one that can be moved.
        own.pop("autoscaler", None)
        found[pool + FLEX] = flex
        _resize(flex, max(least - base, 1 if "autoscaler" in flex else 0) - max(gone - base, 0), most - base - max(gone - base, 0))
    left = base - min(gone, base)
    own["replicas"] = left
    if base == most:
        own.pop("autoscaler", None)
    return found, (pool, pool + FLEX) if base < most else (pool,)


def _buy(own: dict[str, Any], bought: Bought) -> None:
    for key in _PRICE:
        own.pop(key, None)
    for key in ("purchase", "provider", "region", "usd_per_gpu_hour"):
        value = getattr(bought, key)
        if value is not None:
            own[key] = value


def bounds_of(own: Mapping[str, Any]) -> tuple[int, int]:
    """Fewest and most replicas that the settings of a pool allow."""
    replicas = own.get("replicas", 1)
    if isinstance(replicas, Mapping):
        return int(replicas.get("min", 1)), int(replicas["max"])
    return int(replicas), int(replicas)


def _resize(own: dict[str, Any], least: int, most: int) -> None:
    """Bounds of replicas; a law that cannot start from none keeps one, and one that has nothing to move goes."""
    before = own.get("replicas", 1)
    if (least, most) == bounds_of(own):
        return
    least = max(least, 0)
    law = own.get("autoscaler")
    if law is not None and most > 0:
        least = max(least, 1) if law.get("law") in ("hpa", "target_tracking") else least
    if law is None or most <= least:
        own.pop("autoscaler", None)
        own["replicas"] = most
        return
    kept = {key: min(int(value), most) for key, value in before.items() if key == "initial"} if isinstance(before, Mapping) else {}
    own["replicas"] = {"min": least, "max": most, **kept}
