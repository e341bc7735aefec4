"""Deployments of a stack in place of others: each rule's requests are shared among those that took a place.

A rule that sends requests to a deployment with several in its place becomes one rule for each: the first takes its share of the
requests, the next its share of the rest, and so on. Each names its own deployment first and the others after it, with the options of
the place that they took.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sim.errors import InputError


@dataclass(frozen=True)
class Placed:
    """A deployment in the place of another; `weight` is its part of the requests among those in the same place. One of weight 0 is in no
    rule."""

    name: str
    spec: Mapping[str, Any]
    instead_of: str
    weight: float = 1.0
    from_none: bool = False
    """Whether it may have no replica: a rule that passes on by `max_wait` would never wake it, so that is left out there."""


def replaced(stack: Mapping[str, Any], placed: Sequence[Placed], gone: Sequence[str], notes: list[str]) -> dict[str, Any]:
    """The stack with deployments in the place of others, and without those that are gone; what that does to rules is noted.

    InputError when no rule is left.
    """
    places: dict[str, list[Placed]] = {}
    for each in placed:
        if each.weight > 0:
            places.setdefault(each.instead_of, []).append(each)
    deployments: dict[str, Any] = {}
    gone = [*gone, *(each.instead_of for each in placed if each.instead_of not in places)]
    for name, spec in stack["deployments"].items():
        instead = {each.name: dict(each.spec) for each in placed if each.instead_of == name}
        if instead:
            deployments |= instead
        elif name not in gone:
            deployments[name] = spec
    rules = stack.get("routing") or [{"to": [next(iter(stack["deployments"]))]}]
    left = [rule for each in rules if isinstance(each, Mapping) for rule in _rules(each, places, gone)]
    if not left:
        raise InputError("no rule is left: all of them send requests to deployments that have no machines")
    if len(left) < len(rules):
        notes.append("routing: rules whose deployments have no machines are left out")
    found = {**stack, "deployments": deployments, "routing": left}
    retraining = stack.get("retraining")
    if isinstance(retraining, list):
        found["retraining"] = [_retrained(each, places, notes) for each in retraining if _name(each.get("deployment")) not in gone]
    return found


def _rules(rule: Mapping[str, Any], places: Mapping[str, list[Placed]], gone: Sequence[str]) -> list[dict[str, Any]]:
    given = rule.get("to")
    every = given if isinstance(given, list) else [given]
    targets = [{"deployment": each} if isinstance(each, str) else dict(each) for each in every if each]
    targets = [each for each in targets if each.get("deployment") not in gone]
    if not targets:
        return []
    split = next((each["deployment"] for each in targets if len(places.get(each["deployment"], ())) > 1), None)
    if split is None:
        return [{**rule, "to": [_plain(each) for target in targets for each in _targets(target, places, None)]}]
    several = places[split]
    total = sum(each.weight for each in several)
    share = float(rule.get("share", 1.0)) if isinstance(rule.get("share", 1.0), (int, float)) else _share(rule["share"])
    found = []
    before = 0.0
    for number, first in enumerate(several):
        part = share * first.weight / total
        last = number == len(several) - 1
        # Of the requests that the rules before it left.
        own = (share - before) / (1.0 - before) if last and before < 1.0 else part / (1.0 - before)
        before += part
        rewritten = {**rule, "to": [_plain(each) for target in targets for each in _targets(target, places, first.name)]}
        rewritten.pop("share", None)
        if own < 1.0:
            rewritten["share"] = round(own, 12)
        found.append(rewritten)
    return found


def _share(value: Any) -> float:
    from sim.units import parse_share

    return parse_share(str(value))


def _targets(target: Mapping[str, Any], places: Mapping[str, list[Placed]], first: str | None) -> list[dict[str, Any]]:
    """What stands in the place of a target, with its options; `first` goes before the others."""
    several = places.get(target["deployment"])
    if several is None:
        return [dict(target)]
    ordered = sorted(several, key=lambda each: each.name != first)
    return [{**_waiting(target, each), "deployment": each.name} for each in ordered]


def _waiting(target: Mapping[str, Any], placed: Placed) -> dict[str, Any]:
    return {key: value for key, value in target.items() if key != "max_wait" or not placed.from_none}


def waits(stack: Mapping[str, Any], name: str) -> bool:
    """Whether a rule of a stack passes requests on when they would wait too long for a deployment."""
    places = [rule.get("to") for rule in stack.get("routing") or [] if isinstance(rule, Mapping)]
    targets = [each for place in places if isinstance(place, list) for each in place if isinstance(each, Mapping)]
    return any(each.get("deployment") == name and "max_wait" in each for each in targets)


def _plain(target: Mapping[str, Any]) -> Any:
    return target["deployment"] if set(target) == {"deployment"} else dict(target)


def _name(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _retrained(entry: Any, places: Mapping[str, list[Placed]], notes: list[str]) -> Any:
    """A model is trained once, whatever it runs on."""
    several = places.get(_name(entry.get("deployment")))
    if several is None:
        return entry
    if len(several) > 1:
        notes.append(f"retraining: that of {entry['deployment']} is done for {several[0].name}")
    return {**entry, "deployment": several[0].name}
