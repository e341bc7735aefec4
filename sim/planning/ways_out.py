"""Where a candidate's requests go beside its pool: what would wait too long, what is refused or fails, and what goes to an API at once."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sim.planning.space import Overflow


@dataclass(frozen=True)
class Outs:
    """The choice: `stack` as the stack has it, `none`, or an API (with the wait from which requests overflow to it)."""

    overflow: Literal["stack", "none"] | Overflow
    fallback: str
    api_share: float


def with_outs(
    deployments: Mapping[str, dict[str, Any]], routing: Sequence[Any], parts: tuple[str, ...], outs: Outs, part_wait_s: float | None
) -> tuple[dict[str, dict[str, Any]], list[Any]]:
    """The deployments and rules of a candidate; `parts` are those of its pool in the order in which they are tried.

    In a rule that sends to the pool, what stands behind it changes: the place that its max_wait leads to is the overflow, all others are
    the fallback. Other rules stay. Deployments that no rule names any more go, if they are APIs; new ones come with their model's name.
    """
    found = {name: dict(each) for name, each in deployments.items()}
    rules: list[Any] = []
    pool = parts[0]
    for rule in routing:
        targets = _targets(rule)
        at = next((i for i, each in enumerate(targets) if each["deployment"] == pool), None)
        if at is None or (outs == Outs("stack", "stack", 0.0) and len(parts) == 1):
            rules.append(rule)
            continue
        over, behind = _overflow(targets, at, outs, found)
        back = [_target(_place(outs.fallback, found))] if outs.fallback not in ("stack", "none") else []
        behind = [] if outs.fallback == "none" else back or behind
        first = targets[at]
        own_wait = first.pop("max_wait", None)
        wait = outs.overflow.max_wait if isinstance(outs.overflow, Overflow) else own_wait
        chain = [{**first, "deployment": part} for part in parts]
        for each in chain:
            each.pop("max_wait", None)
        if over and wait is not None:
            chain[-1]["max_wait"] = wait
        for each in chain[:-1]:
            each["max_wait"] = part_wait_s
        after = _once([*over, *behind], parts)
        if outs.api_share > 0 and after:
            here = {key: value for key, value in rule.items() if key != "to"}
            rules.append({**here, "share": outs.api_share * float(here.get("share", 1.0)), "to": after})
        if outs.api_share < 1 or not after:
            rules.append({**rule, "to": [*targets[:at], *(_short(each) for each in chain), *after]})
    used = {each["deployment"] for rule in rules for each in _targets(rule)}
    # A pool that no request goes to would be paid all the same.
    kept = {name: each for name, each in found.items() if name in used or (name not in parts and each.get("kind") == "gpu")}
    return kept, rules


def _overflow(targets: list[dict[str, Any]], at: int, outs: Outs, found: dict[str, dict[str, Any]]) -> tuple[list[Any], list[Any]]:
    """Where requests that would wait too long go, and what of the rule is left to fall back on."""
    tail = targets[at + 1 :]
    own, rest = (tail[:1], tail[1:]) if targets[at].get("max_wait") is not None else ([], tail)
    if outs.overflow == "stack":
        return own, rest
    if outs.overflow == "none":
        return [], tail
    return [{"deployment": _place(outs.overflow.to, found)}], tail


def _targets(rule: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The places of a rule, each written out."""
    to = rule["to"]
    return [_target(each) for each in ([to] if isinstance(to, (str, Mapping)) else to)]


def _target(each: Any) -> dict[str, Any]:
    return {"deployment": each} if isinstance(each, str) else dict(each)


def _short(target: dict[str, Any]) -> Any:
    return target["deployment"] if len(target) == 1 else target


def _once(targets: list[Any], parts: tuple[str, ...]) -> list[Any]:
    """Every place once, in order, and none that is the pool."""
    found: dict[str, Any] = {}
    for each in targets:
        name = each["deployment"]
        if name not in parts:
            found.setdefault(name, _short(each))
    return list(found.values())


def _place(api: str, found: dict[str, dict[str, Any]]) -> str:
    """The deployment at an API: the one of that name or model that is there, else a new one named after the model."""
    if api in found:
        return api
    for name, each in found.items():
        if each.get("kind") == "api" and each.get("model") == api:
            return name
    name = re.sub(r"[^a-z0-9_-]+", "-", api.lower()).strip("-")
    found[name] = {"kind": "api", "model": api}
    return name
