"""A space as a file has it: read, checked against the catalogue and the stack that it varies, every mistake with its place.

What is wrong with a file is an InputError. A file that is right and leaves nothing to choose from is no mistake of form: the space is
empty, and `nothing` says where.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sim.catalog.catalog import Catalog
from sim.catalog.yaml_file import Document, KeyPath, problem, read_documents, validate
from sim.errors import InputError, input_error, nearest
from sim.planning.candidates import pool_of
from sim.planning.pool_choice import fleets
from sim.planning.space import Bought, Overflow, Space
from sim.planning.space_values import NAME
from sim.stack.api_deployment import ApiDeployment
from sim.stack.check import guess_kind
from sim.stack.gpu_deployment import GpuDeployment
from sim.stack.read import StackFile, stack_of

DEFAULT = "default"
"""The name of the bundled space."""
_FOLDER = "spaces"
_ABOUT = ("description", "deployment")


@dataclass(frozen=True)
class SpaceFile:
    """A space with its name, and where it leaves nothing to choose from: one line a place, none where candidates can be made."""

    name: str
    space: Space
    document: Document
    nothing: tuple[str, ...]


def read_space(name: str | None, catalog: Catalog) -> SpaceFile:
    """A space by file, or a bundled one by name (None: the default); InputError with every problem."""
    path = Path(os.path.expanduser(name or DEFAULT))  # noqa: PTH111  (Path.expanduser raises where there is no such user)
    looks_like_path = path.suffix in (".yaml", ".yml") or len(path.parts) > 1
    if looks_like_path:
        return space_of(_document(path, name or str(path)), path.stem, catalog)
    for folder in catalog.folders:
        found = folder / _FOLDER / f"{path.name}.yaml"
        if found.is_file():
            return space_of(_document(found, catalog.shown(found)), path.name, catalog)
    known = sorted({each.stem for folder in catalog.folders for each in (folder / _FOLDER).glob("*.yaml")})
    raise InputError(f"no space {name!r}; allowed: {', '.join(known)}, or a file{nearest(path.name, known)}")


def space_of(document: Document, name: str, catalog: Catalog | None = None) -> SpaceFile:
    """A document as a space; InputError with every problem, beside mistakes of form with GPUs that the catalogue does not know."""
    try:
        space = validate(document if document.data is not None else replace(document, data={}), Space)
    except InputError as error:
        raise input_error([*str(error).split("\n"), *_unknown_gpus(document, catalog)]) from None
    return SpaceFile(name, space, document, tuple(_nothing(document, space)))


def check_space_file(path: Path, shown: str, *, sure: bool, catalog: Catalog | None = None) -> str | None:
    """A file checked as a space, and in words what it is; None, where that is not `sure`, for one whose keys tell another kind of file.

    Names are checked with the stack that a plan begins with. InputError with every problem.
    """
    if not sure and path.suffix not in (".yaml", ".yml"):
        return None
    if not sure:
        try:
            document = _document(path, shown)
            if guess_kind(document, {"space": Space}) != "space":
                return None
        except InputError:
            return None
    found = space_of(_document(path, shown), path.stem, catalog)
    if found.nothing:
        return f"space, empty: {'; '.join(line.partition(': ')[2] for line in found.nothing)}"
    lists = [key for key in Space.model_fields if key in found.space.model_fields_set and key not in _ABOUT]
    return f"space, of {', '.join(lists)}"


def check_space(file: SpaceFile, stack: StackFile, catalog: Catalog) -> None:
    """InputError with every name that neither catalogue nor stack knows, and every key or value that no stack has."""
    problems: list[str] = []
    for path, known in _names(file.space, stack, catalog):
        place, value = _at(file.document.data, path)
        problems.append(problem(file.document, place, f"found {value!r}; allowed: {_listed(known)}{nearest(str(value), known)}"))
    if problems:
        raise input_error(problems)
    problems += _laws(file, stack)
    problems += _settings(file, stack)
    if problems:
        raise input_error(problems)


def _unknown_gpus(document: Document, catalog: Catalog | None) -> Iterator[str]:
    """Names of GPUs that have the form of one and that the catalogue does not know, of a space that is wrong elsewhere."""
    if catalog is None or not isinstance(document.data, dict):
        return
    given = document.data.get("gpu")
    known = ("stack", *catalog.names("gpu"))
    for n, name in enumerate(given if isinstance(given, list) else [given]):
        if isinstance(name, str) and NAME.fullmatch(name) and name not in known:
            place = _at(document.data, ("gpu", n))[0]
            yield problem(document, place, f"found {name!r}; allowed: {_listed(known)}{nearest(name, known)}")


def _document(path: Path, shown: str) -> Document:
    found = read_documents(path, shown)
    if len(found) > 1:
        raise InputError(f"{found[1].mark(())}: {len(found)} documents in one file; allowed: one")
    return found[0] if found else Document(shown, None, {}, {})


def _nothing(document: Document, space: Space) -> Iterator[str]:
    """Lists without a value, of which nothing can be chosen."""
    varied = [key for key in Space.model_fields if key not in _ABOUT and key in space.model_fields_set and getattr(space, key) is not None]
    if not varied:
        yield problem(document, (), "nothing is varied; give at least one list, as replicas: 1:8")
    empty: list[KeyPath] = [(key,) for key in varied if not getattr(space, key)]
    empty += [("settings", key) for key, values in space.settings.items() if not values]
    if space.reserved is not None and not space.reserved.share:
        empty.append(("reserved", "share"))
    empty += [
        ("autoscaled", n, key) for n, each in enumerate(space.autoscaled) for key in ("target", "min", "max") if not getattr(each, key)
    ]
    for path in empty:
        yield problem(document, path, "found no values; allowed: one or more, or a space without this key")
    if space.autoscaled and "replicas" not in varied and not empty and not fleets(space):
        yield problem(document, ("autoscaled",), "found no max that is above a min; allowed: at least one such pair")


def _names(space: Space, stack: StackFile, catalog: Catalog) -> Iterator[tuple[KeyPath, tuple[str, ...]]]:
    """Every name in a space that has to be known, with those that are."""
    pools = tuple(name for name, each in stack.stack.deployments.items() if isinstance(each, GpuDeployment))
    if space.deployment is not None and space.deployment not in pools:
        yield ("deployment",), pools
    gpus = ("stack", *catalog.names("gpu"))
    yield from ((("gpu", n), gpus) for n, name in enumerate(space.gpu) if name not in gpus)
    apis = (*(name for name, each in stack.stack.deployments.items() if isinstance(each, ApiDeployment)), *catalog.names("api"))
    for n, out in enumerate(space.overflow):
        if isinstance(out, Overflow) and out.to not in apis:
            yield ("overflow", n, "to"), ("stack", "none", *apis)
    for n, back in enumerate(space.fallback):
        if back not in ("stack", "none", *apis):
            yield ("fallback", n), ("stack", "none", *apis)
    providers = tuple(catalog.names("provider"))
    bought: list[tuple[KeyPath, Bought]] = [(("purchase", n), each) for n, each in enumerate(space.purchase) if not isinstance(each, str)]
    bought += [(("reserved",), space.reserved)] if space.reserved is not None else []
    for path, each in bought:
        if each.provider is not None and each.provider not in providers:
            yield (*path, "provider"), providers


def _at(data: Any, path: KeyPath) -> tuple[KeyPath, Any]:
    """Where a value was said and what: one value may stand for a list of one, and a name for the key that it is short for."""
    place: KeyPath = ()
    for part in path:
        inside = isinstance(part, int) if isinstance(data, list) else isinstance(data, dict) and part in data
        if inside:
            data, place = data[part], (*place, part)
    return place, data


def _laws(file: SpaceFile, stack: StackFile) -> Iterator[str]:
    """What the schema of a stack says of the keys of a law."""
    pool = pool_of(stack, file.space.deployment) if file.space.autoscaled else ""
    for n, each in enumerate(file.space.autoscaled):
        if not each.target:
            continue
        law = {"law": each.law, **({} if each.metric is None else {"metric": each.metric}), **each.with_, "target": each.target[0]}
        for key, message in _wrong(stack, f"deployments.{pool}.autoscaler", law):
            part = key.partition(".")[0]
            path: KeyPath = ("autoscaled", n, *(("with", *key.split(".")) if part in each.with_ else (part,) if part else ()))
            yield problem(file.document, _at(file.document.data, path)[0], message, key=_of_key(message))


def _settings(file: SpaceFile, stack: StackFile) -> Iterator[str]:
    """What is wrong with a key of the stack, or with a value of it, whatever the others are."""
    for key, values in file.space.settings.items():
        for n, value in enumerate(values):
            if value == "stack":
                continue
            wrong = [message for _, message in _wrong(stack, key, value)]
            unknown = next((message for message in wrong if _of_key(message)), None)
            if unknown is not None:
                yield problem(file.document, ("settings", key), unknown, key=True)
                break
            place = _at(file.document.data, ("settings", key, n))[0]
            yield from (problem(file.document, place, message) for message in wrong)


def _of_key(message: str) -> bool:
    """Whether it is the key that is wrong, and not what it has."""
    return message.startswith(("unknown key", "unknown deployment"))


def _wrong(stack: StackFile, key: str, value: Any) -> Iterator[tuple[str, str]]:
    """What is wrong with a value laid over a stack: the key below it, and the message. What the stack says elsewhere is not its fault."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    label = f"--set {key}: "
    try:
        stack_of(stack.document, stack.name, (f"{key}={text}",))
    except InputError as error:
        for line in str(error).split("\n"):
            if not line.startswith(label):
                continue
            below, colon, message = line.removeprefix(label).partition(": ")
            inside = f"{key}." if colon and below.startswith(f"{key}.") else ""
            yield (below.removeprefix(inside), message) if inside else ("", line.removeprefix(label))


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(names[:14] or ("none",)) + (f" and {len(names) - 14} more" if len(names) > 14 else "")
