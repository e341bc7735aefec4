"""An outlook file, by name or path, over the one that it extends, with `--set outlook.key=value` laid on top."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sim.catalog.catalog import Catalog
from sim.catalog.strict import Source
from sim.catalog.yaml_file import Document, KeyPath, Mark, merge, overlay, parse_value, problem, read_document, show_path, validate
from sim.errors import InputError, input_error, nearest
from sim.stack.outlook import Outlook

PREFIX = "outlook."
_BUNDLED = "models/outlooks/"
_QUANTILES = frozenset({"p5", "p50", "p95"})
_MEDIAN = frozenset({"median", "sigma"})
_OWN = frozenset({"extends", "description", "sources"})


@dataclass(frozen=True)
class OutlookFile:
    """An outlook as read: its name, the checked schema with all that it extends, and where each value was said."""

    name: str
    outlook: Outlook
    document: Document

    def strictly(self) -> Outlook:
        """The outlook as `--strict` takes it: the shape of a day only where the user says it, not that of a bundled file."""
        said_in = self.document.mark(("demand", "day_shape", "hours")).source
        if not said_in.startswith(_BUNDLED):
            return self.outlook
        return self.outlook.model_copy(update={"demand": self.outlook.demand.model_copy(update={"day_shape": None})})


def split_settings(settings: Iterable[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Settings of a stack, and those of an outlook (`outlook.key=value`)."""
    every = tuple(settings)
    ours = tuple(setting for setting in every if setting.strip().startswith(PREFIX))
    return tuple(setting for setting in every if setting not in ours), ours


def find_outlook(name: str, catalog: Catalog) -> tuple[Path, str]:
    """The file of an outlook and how messages call it: a path as given, or an outlook of the catalogue by name.

    InputError with the nearest name when there is neither.
    """
    path = Path(os.path.expanduser(name))  # noqa: PTH111  (Path.expanduser raises where there is no such user)
    looks_like_path = path.suffix in (".yaml", ".yml") or len(path.parts) > 1
    known = catalog.names("outlook")
    if looks_like_path and path.is_file():
        return path, name
    if path.parts[:2] == ("models", "outlooks") and path.stem in known and len(path.parts) == 3:
        return catalog.path("outlook", path.stem), name
    if looks_like_path:
        siblings = [each.name for each in path.parent.iterdir()] if path.parent.is_dir() else []
        raise InputError(f"{name}: no such file{nearest(path.name, siblings)}")
    if name in known:
        return catalog.path("outlook", name), catalog.shown_path("outlook", name)
    raise InputError(f"no outlook {name!r}; allowed: {', '.join(known)}, or a file{nearest(name, known)}")


def read_outlook(name: str, catalog: Catalog, settings: Iterable[str] = ()) -> OutlookFile:
    """An outlook by name or path, with `outlook.key.path=value` settings laid over it; InputError with every problem."""
    path, shown = find_outlook(name, catalog)
    return outlook_of(read_document(path, shown), Path(name).stem, catalog, settings)


def outlook_of(document: Document, name: str, catalog: Catalog, settings: Iterable[str] = ()) -> OutlookFile:
    """A document as an outlook, over all that it extends, with settings laid on top; InputError with every problem."""
    whole = _extended(document, catalog, (name,))
    problems = []
    for setting in settings:
        try:
            whole = _set(whole, setting)
        except InputError as error:
            problems.append(str(error))
    if problems:
        raise input_error(problems)
    return OutlookFile(name, validate(whole, Outlook), whole)


def _extended(document: Document, catalog: Catalog, above: tuple[str, ...]) -> Document:
    """The document laid over the one it extends, and that over the next."""
    data = document.data
    if not isinstance(data, dict) or data.get("extends") is None:
        return document
    name = data["extends"]
    known = catalog.names("outlook")
    if name not in known:
        raise InputError(
            problem(document, ("extends",), f"unknown outlook {name!r}; allowed: {', '.join(known)}{nearest(str(name), known)}")
        )
    if name in above:
        raise InputError(problem(document, ("extends",), f"outlooks extend each other in a circle: {' -> '.join((*above, name))}"))
    path, shown = catalog.path("outlook", name), catalog.shown_path("outlook", name)
    under = _extended(read_document(path, shown), catalog, (*above, name))
    return _laid(under, document)


def _laid(under: Document, over: Document) -> Document:
    """One outlook over another: the nearer source of a number comes first, and a number without one is said to be the file's own."""
    own, given = over.data, _numbers(over.data, ())
    above = _listed(own.get("sources"))
    sourced = [str(key) for line in above if isinstance(line, dict) for key in _listed(line.get("keys"))]
    shown = [show_path(path) for path in given]
    bare = [key for key in shown if not any(key == each or key.startswith(f"{each}.") for each in sourced)]
    lines = [*above, *([_own_words(bare, over.name)] if bare else []), *_listed(under.data.get("sources"))]
    if own.get("sources") is not None and not isinstance(own["sources"], list):
        return over  # is refused when it is checked
    for path in given:
        under = _cleared(under, path, _at(own, path), over.name)
    merged = merge(under, over)
    # What is wrong with a number that two files say parts of is said of the nearer one.
    marks = {**merged.value_marks, **{path: over.mark(path) for path in given}}
    return Document(over.name, {**merged.data, "sources": lines}, merged.key_marks, _unlisted(marks, len(above), over))


def _listed(data: Any) -> list[Any]:
    return data if isinstance(data, list) else []


def _unlisted(marks: Any, own: int, over: Document) -> dict[KeyPath, Mark]:
    """Places without those of sources, which are renumbered: only the file's own keep theirs."""
    kept = {path: mark for path, mark in marks.items() if path[:1] != ("sources",)}
    kept[("sources",)] = over.mark(("sources",))
    for path, mark in over.value_marks.items():
        if path[:1] == ("sources",) and len(path) > 1 and isinstance(path[1], int) and path[1] < own:
            kept[path] = mark
    return kept


def _own_words(keys: list[str], name: str) -> dict[str, Any]:
    return Source(keys=tuple(keys), source=f"given in {name}", as_of="undated").model_dump(mode="json")


def _numbers(data: Any, path: KeyPath) -> list[KeyPath]:
    """The paths at which a file says a number, a list, or a number with its spread."""
    if isinstance(data, dict) and not (data.keys() & (_QUANTILES | _MEDIAN)):
        return [each for key, value in data.items() if path or key not in _OWN for each in _numbers(value, (*path, key))]
    return [path]


def _at(data: Any, path: KeyPath) -> Any:
    for part in path:
        data = data.get(part) if isinstance(data, dict) else None
    return data


def _cleared(document: Document, path: KeyPath, value: Any, label: str) -> Document:
    """The document without quantiles where a median and sigma come, and the other way round."""
    there = _at(document.data, path)
    if isinstance(value, dict) and isinstance(there, dict) and bool(value.keys() & _MEDIAN) != bool(there.keys() & _MEDIAN):
        return overlay(document, path, {}, label)
    if isinstance(value, dict) and there is not None and not isinstance(there, dict):
        return overlay(document, path, {}, label)
    return document


def _set(document: Document, setting: str) -> Document:
    key, equals, text = setting.partition("=")
    key = key.strip()
    parts = tuple(key.removeprefix(PREFIX).split("."))
    if not equals or not key.startswith(PREFIX) or any(not part for part in parts):
        raise InputError(f"--set {setting}: found no key and value; allowed: outlook.key.path=value, as outlook.demand.growth_per_month=5%")
    label = f"--set {key}"
    if parts[0] in _OWN:
        raise InputError(f"{label}: {parts[0]} belongs to a file; numbers can be set")
    value = parse_value(text, label)
    laid = overlay(_cleared(document, parts, value, label), parts, value, label)
    line = Source(keys=(".".join(parts),), source="given with --set", as_of="undated").model_dump(mode="json")
    data = {**laid.data, "sources": [line, *_listed(laid.data.get("sources"))]}
    # What the setting makes, and the number that it is a part of, are its own from then on.
    upper = [parts[:length] for length in range(1, len(parts)) if _at(document.data, parts[:length]) is None]
    whole = [parts[:-1]] if parts[-1] in _QUANTILES | _MEDIAN else []
    mine: dict[KeyPath, Mark] = {path: Mark(label) for path in (*upper, *whole)}
    values = {path: mark for path, mark in laid.value_marks.items() if path[:1] != ("sources",)}
    return Document(laid.name, data, {**laid.key_marks, **mine}, {**values, **mine})
