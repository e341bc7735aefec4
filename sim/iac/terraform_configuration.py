"""What a plan repeats of its configuration, as far as machines need it: which resource an attribute refers to, and the provider's region.

Credentials of a provider stand there too; they are never looked at.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from sim.iac.terraform_resource import KEPT

_INDEX = re.compile(r"\[(?:\d+|\"(?:[^\"\\]|\\.)*\")\]")
_PLAIN = re.compile(r"[A-Za-z0-9 _-]{1,60}")
_DEEPEST = 64
_MOST_STEPS = 32
"""Variables that are handed from module to module."""


@dataclass(frozen=True)
class Said:
    """What the configuration says of one resource."""

    links: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))
    configured: frozenset[str] | None = None
    """Attributes that are written there; None where the plan does not repeat the resource."""
    region: str | None = None


@dataclass(frozen=True)
class Configuration:
    """What the configuration says of every resource, by its address without indices."""

    resources: Mapping[str, Said]

    def of(self, address: str) -> Said:
        """That of a resource instance; nothing where the plan does not repeat it."""
        return self.resources.get(_INDEX.sub("", address), Said())


def read_configuration(configuration: Any, variables: Any) -> Configuration:
    """The configuration part of a plan; empty where there is none."""
    if not isinstance(configuration, dict):
        return Configuration(MappingProxyType({}))
    root = configuration.get("root_module")
    providers = configuration.get("provider_config")
    reader = _Reader(
        root if isinstance(root, dict) else {},
        variables if isinstance(variables, dict) else {},
        providers if isinstance(providers, dict) else {},
    )
    return Configuration(MappingProxyType(dict(reader.resources())))


class _Reader:
    def __init__(self, root: Mapping[str, Any], variables: Mapping[str, Any], providers: Mapping[str, Any]) -> None:
        self.root = root
        self.variables = variables
        self.providers = providers
        self.regions: dict[str, str | None] = {}

    def resources(self) -> Iterator[tuple[str, Said]]:
        left: list[tuple[str, Mapping[str, Any], int]] = [("", self.root, 0)]
        while left:
            prefix, module, depth = left.pop()
            resources = module.get("resources")
            for each in resources if isinstance(resources, list) else []:
                if isinstance(each, dict) and isinstance(each.get("address"), str):
                    expressions = each.get("expressions")
                    kept = {key: value for key, value in expressions.items() if key in KEPT} if isinstance(expressions, dict) else {}
                    links = {key: found for key, value in kept.items() if (found := tuple(_references(value, 0)))}
                    key = each.get("provider_config_key")
                    region = self._region(str(key)) if key is not None else None
                    yield prefix + each["address"], Said(MappingProxyType(links), frozenset(kept), region)
            calls = module.get("module_calls")
            for name, call in (calls.items() if isinstance(calls, dict) else ()) if depth < _DEEPEST else ():
                inner = call.get("module") if isinstance(call, dict) else None
                if isinstance(inner, dict):
                    left.append((f"{prefix}module.{name}.", inner, depth + 1))

    def _region(self, key: str) -> str | None:
        """The region of a provider's configuration: written there, or handed to it by variables."""
        if key not in self.regions:
            config = self.providers.get(key)
            config = config if isinstance(config, dict) else {}
            expressions = config.get("expressions")
            expressions = expressions if isinstance(expressions, dict) else {}
            path = tuple(part for part in str(config.get("module_address", "")).split(".") if part and part != "module")
            found = self._value(expressions.get("region"), path) or self._value(expressions.get("zone"), path)
            self.regions[key] = found
        return self.regions[key]

    def _value(self, expression: Any, module: tuple[str, ...]) -> str | None:
        """A plain text that an expression in a module comes to, through variables only."""
        for _ in range(_MOST_STEPS):
            if not isinstance(expression, dict):
                return None
            constant = expression.get("constant_value")
            if isinstance(constant, str):
                return constant if _PLAIN.fullmatch(constant) else None
            variable = next((ref for ref in _references(expression, 0) if ref.startswith("var.")), "").removeprefix("var.").split(".")[0]
            if not variable:
                return None
            here = self._module(module)
            declared = here.get("variables")
            declared = declared.get(variable) if isinstance(declared, dict) else None
            if isinstance(declared, dict) and declared.get("sensitive") is True:
                return None
            default = {"constant_value": declared.get("default")} if isinstance(declared, dict) else None
            if not module:
                given = self.variables.get(variable)
                expression = {"constant_value": given.get("value")} if isinstance(given, dict) else default
                if isinstance(expression, dict) and not isinstance(expression.get("constant_value"), str):
                    return None
                continue
            calls = self._module(module[:-1]).get("module_calls")
            call = calls.get(module[-1]) if isinstance(calls, dict) else None
            given = call.get("expressions") if isinstance(call, dict) else None
            handed = given.get(variable) if isinstance(given, dict) else None
            expression, module = (handed, module[:-1]) if handed is not None else (default, module)
        return None

    def _module(self, path: tuple[str, ...]) -> Mapping[str, Any]:
        module: Any = self.root
        for name in path:
            calls = module.get("module_calls")
            call = calls.get(name) if isinstance(calls, dict) else None
            module = call.get("module") if isinstance(call, dict) else None
            if not isinstance(module, dict):
                return {}
        return module if isinstance(module, dict) else {}


def _references(expression: Any, depth: int) -> Iterator[str]:
    """Every address that an expression, or the blocks it has in it, refers to."""
    if depth > _DEEPEST:
        return
    if isinstance(expression, dict):
        found = expression.get("references")
        if isinstance(found, list):
            yield from (each for each in found if isinstance(each, str))
        else:
            for value in expression.values():
                yield from _references(value, depth + 1)
    elif isinstance(expression, list):
        for value in expression:
            yield from _references(value, depth + 1)
