"""What differs between two stacks: parts added, changed and removed, key by key with where each number comes from, and what follows.

A part is a deployment (`deployments.own`) or a section of the file (`routing`, `slo`, `people`). A change is of a key that a file can say;
what follows is a number that resolution found and that no key says (a price by the hour, the KV cache of another GPU). Sources that moved
to another line are no change.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from sim.stack.read import StackFile
from sim.stack.resolved import Origin, ResolvedStack

State = Literal["added", "changed", "removed"]
Value = str | int | float | bool | None
_ASSUMED = ("assumed", "estimated")
_DEPLOYMENTS = "deployments"
_DIGITS = 6
"""Of a number in words."""


@dataclass(frozen=True, slots=True)
class Change:
    """One key: what it was and is, each with its unit, label and source; None on the side that has no such key."""

    key: str
    """Of the whole stack, as `--set` has it."""
    old: Value
    new: Value
    unit: str = ""
    old_from: str = ""
    new_from: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """A deployment or a section that differs; `changes` are of its keys, `follows` of numbers that these lead to."""

    name: str
    state: State
    changes: tuple[Change, ...]
    follows: tuple[Change, ...]


@dataclass(frozen=True)
class StackDiff:
    """Every part that differs, in the order of HEAD, removed ones last; how many deployments do not; and assumptions."""

    parts: tuple[Part, ...]
    unchanged: tuple[str, ...]
    """Deployments that both have alike."""
    assumptions_added: tuple[str, ...]
    assumptions_removed: tuple[str, ...]

    @property
    def same(self) -> bool:
        """Whether nothing differs but names."""
        return not self.parts

    def count(self, state: State, *, deployments: bool = True) -> int:
        """Deployments of a state; or with `deployments` false, sections."""
        return sum(part.state == state and part.name.startswith(f"{_DEPLOYMENTS}.") == deployments for part in self.parts)


@dataclass(frozen=True)
class Read:
    """One side: the stack as read, whose notes say what was assumed on the way to it (of a plan or manifests), and resolved."""

    file: StackFile
    resolved: ResolvedStack


def diff_stacks(base: Read, head: Read) -> StackDiff:
    """What HEAD has that BASE has not, and the other way round."""
    old, new = _said(base.file), _said(head.file)
    old_numbers, new_numbers = ({origin.key: origin for origin in each.resolved.origins} for each in (base, head))
    changes: dict[str, list[Change]] = {}
    for key in (*new, *(key for key in old if key not in new)):
        if key not in old or key not in new or old[key] != new[key]:
            changes.setdefault(_part(key), []).append(_change(key, old, new, old_numbers.get(key), new_numbers.get(key)))
    follows: dict[str, list[Change]] = {}
    for key in (*new_numbers, *(key for key in old_numbers if key not in new_numbers)):
        before, after = old_numbers.get(key), new_numbers.get(key)
        told = any(each.key == key for each in changes.get(_part(key), ()))
        if not told and (before is None or after is None or before.value != after.value):
            unit = (after or before or Origin("", "", "", "given", "")).unit
            values = (None if before is None else before.value, None if after is None else after.value)
            follows.setdefault(_part(key), []).append(Change(key, *values, unit, _source(before), _source(after)))
    names = [*_names(new), *(name for name in _names(old) if name not in _names(new))]
    parts = tuple(
        Part(name, _state(name, old, new), tuple(sorted(changes.get(name, ()), key=_unsaid)), tuple(follows.get(name, ())))
        for name in dict.fromkeys((*names, *changes, *follows))
        if name in changes or name in follows
    )
    differ = {part.name for part in parts}
    both = tuple(name.partition(".")[2] for name in _names(new) if name in _names(old) and name not in differ)
    was, is_ = _assumed(base.resolved), _assumed(head.resolved)
    words, new_words = base.resolved.notes, head.resolved.notes
    return StackDiff(
        parts=parts,
        unchanged=both,
        assumptions_added=tuple(dict.fromkeys([*(each for each in new_words if each not in words), *_told(is_, was)])),
        assumptions_removed=tuple(dict.fromkeys([*(each for each in words if each not in new_words), *_told(was, is_)])),
    )


def _change(key: str, old: Mapping[str, Value], new: Mapping[str, Value], before: Origin | None, after: Origin | None) -> Change:
    """A key that differs; a side that does not say it has the value that it has by default, where there is one and it differs."""
    unit = (after or before or Origin("", "", "", "given", "")).unit
    was, is_ = old.get(key), new.get(key)
    if key not in old and before is not None and before.value != is_:
        was = before.value
    if key not in new and after is not None and after.value != was:
        is_ = after.value
    return Change(key, was, is_, unit, _source(before) if was is not None else "", _source(after) if is_ is not None else "")


def _said(file: StackFile) -> dict[str, Value]:
    """Every key of a stack that is not absent, defaults included, by its path; the sentence for people is none."""
    data = file.stack.plain()
    data.pop("description", None)
    return dict(_flat(data, ""))


def _flat(data: Any, path: str) -> Iterator[tuple[str, Value]]:
    """The leaves of nested data; an empty mapping or list is none, and a list of plain values is one leaf."""
    if isinstance(data, Mapping):
        for key, value in data.items():
            yield from _flat(value, f"{path}.{key}" if path else str(key))
    elif isinstance(data, (list, tuple)) and not _has_mapping(data):
        if data:
            yield path, json.dumps(data, ensure_ascii=False)
    elif isinstance(data, (list, tuple)):
        for k, value in enumerate(data):
            yield from _flat(value, f"{path}.{k}")
    else:
        yield path, data


def _has_mapping(data: Any) -> bool:
    return isinstance(data, Mapping) or (isinstance(data, (list, tuple)) and any(map(_has_mapping, data)))


def _part(key: str) -> str:
    """The part that a key belongs to."""
    parts = key.split(".")
    return ".".join(parts[:2]) if parts[0] == _DEPLOYMENTS else parts[0]


def _names(said: Mapping[str, Value]) -> list[str]:
    """The deployments of a stack, as parts."""
    return list(dict.fromkeys(_part(key) for key in said if key.startswith(f"{_DEPLOYMENTS}.")))


def _unsaid(change: Change) -> bool:
    """Whether nobody wrote it: defaults that came or went along with other keys are told last."""
    sources = [source for source in (change.new_from, change.old_from) if source]
    return bool(sources) and not any(source.startswith("given") for source in sources)


def _state(name: str, old: Mapping[str, Value], new: Mapping[str, Value]) -> State:
    was, is_ = (any(_part(key) == name for key in each) for each in (old, new))
    return "changed" if was == is_ else "added" if is_ else "removed"


def _source(origin: Origin | None) -> str:
    """`given: head.yaml:12:5`, `vendor: price list, 2026-11-09`."""
    if origin is None:
        return ""
    said = f"{origin.label}: {origin.source}" if origin.source != origin.label else origin.label
    return f"{said}, {origin.as_of}" if origin.as_of else said


def _assumed(stack: ResolvedStack) -> dict[str, Origin]:
    """Numbers of a stack that nobody could be found to say, or that are estimates, by key."""
    return {each.key: each for each in stack.origins if each.label in _ASSUMED}


def _plain(value: Value) -> str:
    return f"{value:.{_DIGITS}g}" if isinstance(value, float) and not value.is_integer() else str(value)


def _told(own: Mapping[str, Origin], other: Mapping[str, Origin]) -> list[str]:
    """What one side assumes and the other does not, key by key."""
    return [
        f"{key} = {_plain(each.value)}{f' {each.unit}' if each.unit else ''} ({each.label})"
        for key, each in own.items()
        if key not in other
    ]
