"""Reading a Terraform plan: the JSON of `terraform show -json PLAN` (or OpenTofu's `tofu show -json PLAN`), format 1.x.

https://developer.hashicorp.com/terraform/internals/json-format. What is not such a plan is refused with how to make one. Of the
resources only those that machines are made of are kept, and of these only a few attributes (terraform_resource.py).
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from sim.catalog.file_content import read_content
from sim.errors import InputError, visible
from sim.iac.terraform_configuration import Configuration, read_configuration
from sim.iac.terraform_resource import Resource, prune, prune_unknown
from sim.iac.terraform_types import GROUP_TYPES, OTHER_TYPES

State = Literal["planned", "prior"]

MAX_BYTES = 64 * 2**20
MAX_MODULES = 20_000
_DEEPEST = 64
"""Modules within modules."""

_HOW = "save a plan with `terraform plan -out=plan.bin` and give the output of `terraform show -json plan.bin` (OpenTofu: tofu)"
_HCL = re.compile(
    r'\s*((#|//|/\*).*\s*)*(resource\s+"|provider\s+"|terraform\s*\{|variable\s+"|module\s+"|data\s+"|output\s+"|locals\s*\{|\w+\s*=)'
)
_PLAN_TEXT = re.compile(r"Terraform (used the selected providers|will perform the following)|OpenTofu (used the|will perform)")
_ZIP, _GZIP = b"PK\x03\x04", b"\x1f\x8b"
_ACTIONS: Mapping[tuple[str, ...], str] = MappingProxyType(
    {
        ("create", "delete"): "replace", ("delete", "create"): "replace", ("create", "forget"): "replace",
        ("create",): "create", ("update",): "update", ("delete",): "delete", ("no-op",): "no-op", ("read",): "read", ("forget",): "forget",
    }
)  # fmt: skip


@dataclass(frozen=True)
class TerraformPlan:
    """What a plan says of machines, before and after it is applied."""

    name: str
    """The file, as messages call it."""
    version: str
    """That of Terraform or OpenTofu."""
    planned: tuple[Resource, ...] = field(repr=False)
    prior: tuple[Resource, ...] = field(repr=False)
    found: Mapping[str, int] = field(repr=False)
    """How many resources of each type there are in the planned state, those included that are no machines."""
    notes: tuple[str, ...] = ()

    def resources(self, state: State) -> tuple[Resource, ...]:
        """Those of one state."""
        return self.planned if state == "planned" else self.prior


def read_plan(path: str | Path, name: str | None = None) -> TerraformPlan:
    """The plan in a file; InputError for what is none, with how to make one, and for one that failed or is of another format."""
    name = visible(name or str(path))
    data = _json(read_content(Path(path), name, MAX_BYTES, wanted=f"a plan is needed: {_HOW}"), Path(path), name)
    _check_kind(data, name)
    version = str(data.get("terraform_version", ""))[:40]
    _check_version(data.get("format_version"), version, name)
    if data.get("errored") is True:
        raise InputError(
            f"{name}: the plan itself failed (errored: true), so that it holds only a part of the resources; mend what terraform plan "
            "says, and plan again"
        )
    configuration = read_configuration(data.get("configuration"), data.get("variables"))
    changes = _changes(data, name)
    planned_values = data.get("planned_values")
    if not isinstance(planned_values, dict):
        there = _kind(planned_values) if "planned_values" in data else "nothing"
        raise InputError(f"{name}: key planned_values: found {there}; allowed: an object, as a plan has it: {_HOW}")
    found: Counter[str] = Counter()
    planned = tuple(_resources(planned_values, changes, configuration, "planned", found, name))
    prior_state = data.get("prior_state")
    if isinstance(prior_state, dict):
        prior = tuple(_resources(prior_state.get("values"), changes, configuration, "prior", Counter(), name))
    else:
        prior = tuple(_from_changes(changes, configuration))
    notes = []
    if data.get("complete") is False:
        notes.append(f"{name}: the plan is not complete (complete: false): resources that it defers are not in it")
    return TerraformPlan(name, version, planned + _data_sources(prior, planned), prior, MappingProxyType(dict(found)), tuple(notes))


def _json(content: bytes, path: Path, name: str) -> dict[str, Any]:
    if content.startswith(_ZIP):
        raise InputError(f"{name}: a plan in Terraform's own binary form; give its JSON: terraform show -json {path.name} > plan.json")
    if content.startswith(_GZIP):
        raise InputError(f"{name}: compressed; unpack it first")
    if not content.strip():
        raise InputError(f"{name}: empty; {_HOW}")
    try:
        # Windows' shells write what a command prints in UTF-16.
        text = content.decode(json.detect_encoding(content))
    except UnicodeDecodeError:
        raise InputError(f"{name}: not text; {_HOW}") from None
    text = text.removeprefix("\ufeff")
    try:
        data = json.loads(text, parse_constant=_no_constant)
    except RecursionError:
        raise InputError(f"{name}: nested too deep; no plan is") from None
    except json.JSONDecodeError as error:
        if text.lstrip()[:1] == "{" and '"@level"' in text[:2000]:
            raise InputError(f"{name}: the log of `terraform plan -json`, not a plan; {_HOW}") from None
        if _PLAN_TEXT.search(text[:100_000]):
            raise InputError(f"{name}: a plan as people read it; {_HOW}") from None
        if path.suffix in (".tf", ".tfvars", ".hcl") or _HCL.match(text[:10_000]):
            raise InputError(f"{name}: Terraform's own language, of which a plan is made; {_HOW}") from None
        raise InputError(f"{name}:{error.lineno}:{error.colno}: not JSON: {error.msg}; {_HOW}") from None
    except ValueError:
        raise InputError(f"{name}: holds a number that cannot be read; {_HOW}") from None
    if not isinstance(data, dict):
        raise InputError(f"{name}: found {_kind(data)}; a plan is an object: {_HOW}")
    if "@level" in data:
        raise InputError(f"{name}: the log of `terraform plan -json`, not a plan; {_HOW}")
    return data


def _kind(value: Any) -> str:
    """A value of JSON by its kind: `null`, `a list`."""
    if value is None:
        return "null"
    kinds = {dict: "an object", list: "a list", str: "a text", bool: "true or false"}
    return next((words for kind, words in kinds.items() if isinstance(value, kind)), "a number")


def _no_constant(text: str) -> float:
    raise ValueError(text)


def _check_kind(data: Mapping[str, Any], name: str) -> None:
    """A state, a module of JSON, or anything else that is no plan."""
    if "lineage" in data or ("serial" in data and "resources" in data) or (isinstance(data.get("version"), int) and "resources" in data):
        raise InputError(f"{name}: a state file of Terraform, which says what is and not what will be; {_HOW}")
    if "format_version" in data and "values" in data and "planned_values" not in data:
        raise InputError(f"{name}: the state as JSON (terraform show -json of no plan), which says what is and not what will be; {_HOW}")
    if "format_version" not in data:
        if {"resource", "provider", "terraform", "module", "variable", "locals"} & set(data):
            raise InputError(f"{name}: Terraform's own language in JSON, of which a plan is made; {_HOW}")
        raise InputError(f"{name}: no plan: key format_version: found nothing; {_HOW}")


def _check_version(found: Any, terraform: str, name: str) -> None:
    """Minor versions only add; a major one changes what is known. 0.1 and 0.2 of Terraform 0.13 to 1.0 have the same layout as 1.0."""
    match = re.fullmatch(r"(\d{1,6})\.(\d{1,6})(\.\d{1,6})?", str(found))
    shown = repr(visible(found[:40])) if isinstance(found, str) else visible(json.dumps(found)[:40])
    if match is None:
        raise InputError(f"{name}: format_version: found {shown}; allowed: 1.0 and later 1.x, as Terraform 1.1 and OpenTofu write it")
    if match[1] == "1":
        return
    made = re.match(r"(\d{1,4})\.(\d{1,4})\.", terraform)
    if match[1] == "0" and made is not None and (int(made[1]), int(made[2])) >= (0, 13):
        return
    by = f" of Terraform {visible(terraform)}" if terraform else ""
    raise InputError(
        f"{name}: format_version: found {shown}{by}; allowed: 1.x (Terraform 1.1 or later, OpenTofu), and 0.x of Terraform 0.13 to 1.0; "
        "plan again with such a version"
    )


def _changes(data: Mapping[str, Any], name: str) -> dict[str, Mapping[str, Any]]:
    """The change of each resource instance, by address; objects left over from a failed replacement do not count."""
    changes = data.get("resource_changes")
    if changes is not None and not isinstance(changes, list):
        raise InputError(f"{name}: key resource_changes: found {_kind(changes)}; allowed: a list; {_HOW}")
    found: dict[str, Mapping[str, Any]] = {}
    for each in changes or []:
        if isinstance(each, dict) and "deposed" not in each and isinstance(each.get("address"), str):
            found[each["address"]] = each
    return found


def _resources(
    values: Any, changes: Mapping[str, Mapping[str, Any]], configuration: Configuration, state: State, found: Counter[str], name: str
) -> Iterator[Resource]:
    """The resources of a state that say of machines, in the order of the file, modules included; all others are but counted."""
    if not isinstance(values, dict):
        return
    left: list[tuple[Any, int]] = [(values.get("root_module"), 0)]
    seen = 0
    while left:
        module, depth = left.pop(0)
        seen += 1
        if seen > MAX_MODULES or depth > _DEEPEST:
            raise InputError(f"{name}: more than {MAX_MODULES} modules, or {_DEEPEST} within each other; at most so many are read")
        if not isinstance(module, dict):
            continue
        for each in _list(module.get("resources")):
            kind = str(each.get("type", ""))
            managed = each.get("mode", "managed") != "data"
            if managed:
                found[kind] += 1
            if isinstance(each.get("address"), str) and (kind in OTHER_TYPES or (managed and kind in GROUP_TYPES)):
                yield _resource(each, changes.get(each["address"]), configuration, state)
        left += [(child, depth + 1) for child in _list(module.get("child_modules"))]


def _resource(each: Mapping[str, Any], change: Mapping[str, Any] | None, configuration: Configuration, state: State) -> Resource:
    part = change.get("change") if change is not None else None
    part = part if isinstance(part, dict) else {}
    mask = _either(each.get("sensitive_values"), part.get("after_sensitive" if state == "planned" else "before_sensitive"))
    return _made(each, prune(each.get("values"), mask), part, configuration, state)


def _made(each: Mapping[str, Any], values: Any, part: Mapping[str, Any], configuration: Configuration, state: State) -> Resource:
    actions = part.get("actions")
    said = configuration.of(str(each["address"]))
    return Resource(
        address=str(each["address"]),
        type=str(each.get("type", "")),
        name=str(each.get("name", "")),
        provider=str(each.get("provider_name", "")).rsplit("/", 1)[-1],
        values=values if isinstance(values, dict) else {},
        unknown=prune_unknown(part.get("after_unknown")) if state == "planned" else None,
        links=said.links,
        configured=said.configured,
        region=said.region,
        action=_ACTIONS.get(tuple(map(str, actions)), "") if isinstance(actions, list) else "",
    )


def _either(one: Any, other: Any) -> Any:
    """What either of two masks hides."""
    if one is True or other is True:
        return True
    if isinstance(one, dict) and isinstance(other, dict):
        return {key: _either(one.get(key), other.get(key)) for key in {**one, **other}}
    if isinstance(one, list) and isinstance(other, list):
        longest = max(len(one), len(other))
        return [_either(one[k] if k < len(one) else None, other[k] if k < len(other) else None) for k in range(longest)]
    return one if isinstance(one, (dict, list)) else other


def _from_changes(changes: Mapping[str, Mapping[str, Any]], configuration: Configuration) -> Iterator[Resource]:
    """What was there before, of a plan without the state it began from."""
    for change in changes.values():
        part = change.get("change")
        before = part.get("before") if isinstance(part, dict) else None
        if isinstance(part, dict) and isinstance(before, dict) and str(change.get("type")) in GROUP_TYPES | OTHER_TYPES:
            yield _made(change, prune(before, part.get("before_sensitive")), part, configuration, "prior")


def _data_sources(prior: tuple[Resource, ...], planned: tuple[Resource, ...]) -> tuple[Resource, ...]:
    """Templates that the plan looked up, which only the state it began from has."""
    known = {resource.address for resource in planned}
    return tuple(each for each in prior if each.address not in known and re.search(r"(^|\.)data\.[\w-]+\.[^.]+$", each.base))


def _list(value: Any) -> list[dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []
