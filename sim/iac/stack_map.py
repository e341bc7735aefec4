"""The ConfigMap `sim-stack`: what a stack says and Kubernetes has no word for, beside the manifests of its model servers.

It holds a stack file whose deployments lack what the manifests say; both together are the stack. What it does say goes before the
manifests, and is reported where they say something else.
"""

from __future__ import annotations

from typing import Any

from sim.catalog.yaml_document import parse_documents
from sim.catalog.yaml_file import Document
from sim.errors import InputError, visible

NAME = "sim-stack"
KEY = "stack.yaml"


def rest_of(document: Document) -> dict[str, Any] | None:
    """What a ConfigMap of this name holds of a stack; None for any other object. InputError when it is no part of a stack."""
    data = document.data
    metadata = data.get("metadata") if isinstance(data, dict) else None
    if not isinstance(metadata, dict) or data.get("kind") != "ConfigMap" or metadata.get("name") != NAME:
        return None
    held = data.get("data")
    text = held.get(KEY) if isinstance(held, dict) else None
    if not isinstance(text, str):
        raise InputError(f"no text under data.{KEY}; the ConfigMap {NAME} holds the rest of a stack there")
    found = parse_documents(text, f"{document.name} data.{KEY}")
    rest = found[0].data if len(found) == 1 else None
    if not isinstance(rest, dict) or not isinstance(rest.get("deployments", {}), dict):
        raise InputError(f"data.{KEY}: keys and values of a stack are needed")
    return rest


def joined(read: dict[str, dict[str, Any]], rest: dict[str, Any], notes: list[str]) -> dict[str, Any]:
    """The stack of the deployments that manifests describe and of the rest; what the rest replaces is noted.

    InputError when the rest needs a manifest that is not there.
    """
    said = rest.get("deployments") or {}
    missing = [name for name, keys in said.items() if name not in read and "kind" not in (keys or {})]
    if missing:
        shown = ", ".join(map(visible, missing))
        raise InputError(f"ConfigMap {NAME} names {shown}, whose manifests are not among the files; give the whole folder")
    deployments: dict[str, Any] = {}
    for name, keys in said.items():
        deployments[name] = _laid(read[name], keys or {}, name, notes) if name in read else keys
    for name, keys in read.items():
        if name not in deployments:
            deployments[name] = keys
            notes.append(f"{name}: not in the ConfigMap {NAME}: no rule sends anything there")
    return {**rest, "deployments": deployments}


def _laid(read: dict[str, Any], rest: dict[str, Any], where: str, notes: list[str]) -> dict[str, Any]:
    """What a manifest says with the rest laid over it, key by key."""
    found = dict(read)
    for key, value in rest.items():
        here = found.get(key)
        if key == "replicas" and isinstance(here, int) and isinstance(value, dict):
            here = {"min": here, "max": here, "initial": here}
        if isinstance(here, dict) and isinstance(value, dict) and value.get("law") in (None, here.get("law")):
            found[key] = _laid(here, value, f"{where}: {key}", notes)
            continue
        if here is not None and here != value and value is not None:
            notes.append(f"{where}: {key}: as the ConfigMap {NAME} says, not the manifest")
        found[key] = value
    return found


def difference(read: Any, wanted: Any) -> Any:
    """What has to be laid over one deployment, as plain data with every key, for the other: nested keys that differ."""
    found: dict[str, Any] = {}
    for key, value in wanted.items():
        here = read.get(key)
        if here == value:
            continue
        if isinstance(here, dict) and isinstance(value, dict) and here.get("law") == value.get("law"):
            found[key] = difference(here, value)
        else:
            found[key] = value
    return found
