"""A stack file, by name or path, with `--set` laid over it, checked against the schema."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from sim.catalog.catalog import Catalog
from sim.catalog.yaml_file import Document, KeyPath, overlay, parse_value, problem, read_document, show_path, validate
from sim.errors import InputError, input_error, nearest, visible
from sim.stack.other_file import option_for
from sim.stack.schema import Stack


@dataclass(frozen=True)
class StackFile:
    """A stack as read: its name, the checked schema, and the document that knows where each value was said."""

    name: str
    stack: Stack
    document: Document
    assumed: Mapping[KeyPath, str] = field(default_factory=lambda: MappingProxyType({}))
    """Values that were guessed when the stack was made of infrastructure code, by key path, with the reason."""
    remarks: tuple[str, ...] = ()
    """What else was assumed then, and what was left out."""
    options: str = ""
    """The arguments that name it for a command, as they were given; empty: by its name alone."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What was guessed and left out, in words."""
        by_guess: dict[tuple[str, str], list[str]] = {}
        for path, why in self.assumed.items():
            value = f"{show_path(path[2:])} {_in_words(_value_at(self.document.data, path))}"
            by_guess.setdefault((value, why), []).append(show_path(path[1:2]))
        by_reason: dict[tuple[str, str], list[str]] = {}
        for (value, why), names in by_guess.items():
            by_reason.setdefault((", ".join(names), why), []).append(value)
        return (*(f"assumed: {names}: {', '.join(values)}: {why}" for (names, why), values in by_reason.items()), *self.remarks)


def find_stack(name: str, catalog: Catalog) -> tuple[Path, str]:
    """The file of a stack and how messages call it: a path as given, or a stack of the catalogue by name.

    InputError with the nearest name when there is neither.
    """
    path = Path(os.path.expanduser(name))  # noqa: PTH111  (Path.expanduser raises where there is no such user)
    looks_like_path = path.suffix in (".yaml", ".yml") or len(path.parts) > 1
    if looks_like_path and path.is_file():
        return _stack_file(path, name)
    known = catalog.names("stack")
    if path.parts[:2] == ("models", "stacks") and path.stem in known and len(path.parts) == 3:
        return catalog.path("stack", path.stem), name
    if not looks_like_path and name in known:
        return catalog.path("stack", name), catalog.shown_path("stack", name)
    if name and (path.is_dir() or path.is_file()):
        _stack_file(path, name)
    if looks_like_path:
        siblings = [each.name for each in path.parent.iterdir()] if path.parent.is_dir() else []
        raise InputError(f"{name}: no such file{nearest(path.name, siblings)}")
    if path.is_file():
        raise InputError(f"{name}: not a stack; a YAML file (.yaml or .yml) is needed, or a name: {', '.join(known)}")
    raise InputError(f"no stack {name!r}; allowed: {', '.join(known)}, or a file{nearest(name, known)}")


def _stack_file(path: Path, name: str) -> tuple[Path, str]:
    """A file that may be a stack; InputError with its option for one that says what is run in another way."""
    if other := option_for(path, name):
        raise InputError(f"{visible(name)}: {other}")
    return path, name


def read_stack(name: str, catalog: Catalog, settings: Iterable[str] = ()) -> StackFile:
    """A stack by name or path, with `key.path=value` settings laid over it; InputError with every problem."""
    path, shown = find_stack(name, catalog)
    return stack_of(read_document(path, shown), Path(name).stem, settings)


def stack_of(
    document: Document,
    name: str,
    settings: Iterable[str] = (),
    *,
    assumed: Mapping[KeyPath, str] | None = None,
    remarks: tuple[str, ...] = (),
    options: str = "",
) -> StackFile:
    """A document as a stack, with settings laid over it; InputError with every problem. What was `assumed` is not any more where a
    setting says it."""
    problems: list[str] = []
    settings = tuple(settings)
    for setting in settings:
        try:
            document = _set(document, setting)
        except InputError as error:
            problems.append(str(error))
    if problems:
        raise input_error(problems)
    said = [tuple(setting.partition("=")[0].strip().split(".")) for setting in settings]
    left = {path: why for path, why in (assumed or {}).items() if not any(_within(path, key) for key in said)}
    try:
        stack = validate(document, Stack)
    except InputError as error:
        raise input_error([*str(error).split("\n"), *_unknown_targets(document)]) from None
    return StackFile(name, stack, document, MappingProxyType(left), remarks, options)


def _unknown_targets(document: Document) -> Iterator[str]:
    """Deployments that rules of a stack name and that it has not, of a stack that is wrong elsewhere."""
    data = document.data if isinstance(document.data, dict) else {}
    deployments, rules = data.get("deployments"), data.get("routing")
    if not isinstance(deployments, dict) or not isinstance(rules, list):
        return
    names = [str(name) for name in deployments]
    for number, rule in enumerate(rules):
        targets = rule.get("to") if isinstance(rule, dict) else None
        for place, target in enumerate(targets if isinstance(targets, list) else ()):
            keyed = isinstance(target, dict)
            name = target.get("deployment") if keyed else target
            if isinstance(name, str) and name not in names:
                at: KeyPath = ("routing", number, "to", place, *(("deployment",) if keyed else ()))
                yield problem(document, at, f"unknown deployment {visible(name[:60])!r}; allowed: {', '.join(names)}{nearest(name, names)}")


def _within(path: KeyPath, key: tuple[str, ...]) -> bool:
    """Whether a setting of a key says something at a path, above or below it."""
    length = min(len(path), len(key))
    return tuple(map(str, path[:length])) == key[:length]


def _value_at(data: Any, path: KeyPath) -> Any:
    for part in path:
        data = data.get(part) if isinstance(data, dict) else None
    return data


def _in_words(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_in_words(each)}" for key, each in value.items())
    return f"{value:.6g}" if isinstance(value, float) else visible(str(value))


def _set(document: Document, setting: str) -> Document:
    key, equals, text = setting.partition("=")
    key = key.strip()
    if not equals or not key or any(not part for part in key.split(".")):
        raise InputError(f"--set {setting}: found no key and value; allowed: key.path=value, as deployments.own.replicas.max=6")
    label = f"--set {key}"
    path: KeyPath = tuple(key.split("."))
    value = parse_value(text, label)
    unknown = _unknown_name(document.data, path)
    if unknown:
        raise InputError(f"{label}: {unknown}")
    return overlay(_widened(document, path, label), path, value, label)


def _unknown_name(data: Any, path: KeyPath) -> str:
    """A deployment that the stack does not have: setting one key of it could never make a whole one."""
    if len(path) < 3 or path[0] != "deployments" or not isinstance(data, dict) or not isinstance(data.get("deployments"), dict):
        return ""
    names = [str(name) for name in data["deployments"]]
    if path[1] in names:
        return ""
    return f"unknown deployment {path[1]!r}; allowed: {', '.join(names)}{nearest(str(path[1]), names)}"


def _widened(document: Document, path: KeyPath, label: str) -> Document:
    """The document ready for a key to be set: `replicas: 2` written out, mappings that are missing on the way made by the setting."""
    for length in range(1, len(path)):
        if path[:length] not in document.value_marks and _has_no_value(document.data, path[:length]):
            return overlay(document, path[:length], {}, label)
    if len(path) == 4 and path[0] == "deployments" and path[2] == "replicas":
        count = document.data["deployments"][path[1]].get("replicas") if isinstance(document.data["deployments"][path[1]], dict) else None
        if isinstance(count, int) and not isinstance(count, bool):
            return overlay(document, path[:3], {"min": count, "max": count, "initial": count}, label)
    return document


def _has_no_value(data: Any, path: KeyPath) -> bool:
    """Whether mappings lead to a path and end there."""
    for part in path:
        if not isinstance(data, dict):
            return False
        data = data.get(str(part))
    return data is None
