"""Kubernetes manifests from files and folders: every document of them, in order, with templating that was left in refused."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from sim.catalog.yaml_document import parse_documents
from sim.catalog.yaml_file import Document, read_text
from sim.errors import InputError, input_error, visible
from sim.iac.workloads import READ_KINDS

_ENDINGS = (".yaml", ".yml", ".json")
_MOST_FILES = 1000
_MOST_BYTES = 32 * 1024 * 1024
_DEEPEST = 12
_TEMPLATE = re.compile(r"\{\{-?\s*(\.|\$|/\*|(if|else|end|with|range|include|define|template|toYaml|default|quote|tpl)\b)|\{%")
_HELM = re.compile(r"\{\{-?\s*(\.(Values|Release|Chart)\b|(include|tpl|toYaml)\b)")
_VARIABLE = re.compile(r"\$([A-Za-z_][A-Za-z0-9_]*|\{[A-Za-z_][A-Za-z0-9_]*(:?[-=?][^}]*)?\})")
_HELM_HINT = "templating is left in it; give what `helm template` (or `kustomize build`) prints"


def read_manifests(paths: Sequence[str | Path]) -> list[Document]:
    """Every document of some files, and of all *.yaml, *.yml and *.json below some folders, in the order of names.

    InputError for what cannot be read, with all problems: templating, no files, too many or too large ones, links that lead out of a
    folder. Objects of kind List are taken apart.
    """
    problems: list[str] = []
    documents: list[Document] = []
    size = 0
    for given in paths:
        try:
            files = list(_files(given))
        except InputError as error:
            problems += str(error).splitlines()
            continue
        for path, shown in files:
            try:
                text = read_text(path, shown)
                size += len(text)
                if size > _MOST_BYTES:
                    raise InputError(f"{shown}: more than {_MOST_BYTES} characters of manifests in all; at most that many are read")
                documents += [item for document in _parsed(text, shown) for item in _items(document)]
            except InputError as error:
                problems += str(error).splitlines()
                if size > _MOST_BYTES:
                    break
    if problems:
        raise input_error(problems)
    return documents


def _files(given: str | Path) -> Iterator[tuple[Path, str]]:
    """The files of a path, and how messages call each."""
    from sim.catalog.location import find_input

    name = str(given)
    path = Path(given)
    if not path.is_dir():
        yield find_input(name), name
        return
    inside = path.resolve()
    found: list[tuple[Path, str]] = []
    for folder, folders, names in os.walk(path):
        here = Path(folder)
        folders[:] = sorted(each for each in folders if not each.startswith("."))
        if len(here.relative_to(path).parts) >= _DEEPEST and folders:
            raise InputError(f"{visible(str(here))}: folders nested more than {_DEEPEST} deep; name the one that is meant")
        for each in sorted(names):
            if Path(each).suffix.lower() not in _ENDINGS or each.startswith("."):
                continue
            file = here / each
            if not file.resolve().is_relative_to(inside):
                raise InputError(f"{visible(str(file))}: a link that leads out of {visible(name)}; name its file, or leave it out")
            found.append((file, str(file)))
            if len(found) > _MOST_FILES:
                raise InputError(f"{visible(name)}: more than {_MOST_FILES} manifests; name the folder that is meant")
    if not found:
        raise InputError(f"{visible(name)}: no manifests in this folder; *.yaml, *.yml and *.json are read")
    yield from found


def _parsed(text: str, shown: str) -> list[Document]:
    """The documents of a text; templating is refused where it keeps the text from being read, and where it stands for a value."""
    template = _TEMPLATE.search(text)
    try:
        documents = parse_documents(text, shown)
    except InputError:
        if template is not None or "{{" in text:
            at = template.start() if template is not None else text.index("{{")
            line, column = text.count("\n", 0, at) + 1, at - (text.rfind("\n", 0, at) + 1) + 1
            raise InputError(f"{visible(shown)}:{line}:{column}: {_HELM_HINT}") from None
        raise
    problems = []
    for document in documents:
        if isinstance(document.data, dict):
            problems += [f"{document.mark(path)}: {why}" for path, why in _templated(document)]
    if problems:
        raise input_error(problems)
    return documents


def _templated(document: Document) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Values of objects that are read that a tool had still to fill in: braces anywhere but where others write them too, variables."""
    kind = document.data.get("kind")
    if kind is not None and kind not in READ_KINDS:
        return
    for path, value in _texts(document.data, ()):
        # Grafana's notes and chat templates have braces of their own.
        others = {"annotations", "args", "command", "env"} & set(path)
        if _HELM.search(value) if others else "{{" in value:
            yield path, _HELM_HINT
        elif kind and _VARIABLE.fullmatch(value) and path[-1:] not in (("value",),) and not {"args", "command", "data"} & set(path):
            yield path, f"found {visible(value)}: a variable is left in it; give what `envsubst` or `flux build` prints"


def _texts(data: Any, path: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], str]]:
    if isinstance(data, str):
        yield path, data
    elif isinstance(data, dict):
        for key, value in data.items():
            yield from _texts(value, (*path, key))
    elif isinstance(data, list):
        for position, value in enumerate(data):
            yield from _texts(value, (*path, position))


def _items(document: Document) -> Iterator[Document]:
    """The objects of a List, as `kubectl get -o yaml` prints them; any other document as it is."""
    data = document.data
    if not isinstance(data, dict) or not str(data.get("kind", "")).endswith("List") or not isinstance(data.get("items"), list):
        yield document
        return
    for position, item in enumerate(data["items"]):
        before = ("items", position)
        marks = [
            {path[2:]: mark for path, mark in found.items() if path[:2] == before} for found in (document.key_marks, document.value_marks)
        ]
        yield Document(document.name, item, *marks)
