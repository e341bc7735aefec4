"""A small validator of JSON Schema, draft 2020-12, written from the specification: the keywords that our schemas use, and no others.

https://json-schema.org/draft/2020-12/json-schema-validation : patterns are searched for, not matched; a keyword for numbers says nothing of
texts; 1.0 is an integer; true is not 1.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

SILENT = {"$schema", "$defs", "title", "description", "default", "examples", "discriminator"}
"""Keywords that ask for nothing; `discriminator` is OpenAPI's, and editors read it."""
TYPES: dict[str, Callable[[Any], bool]] = {
    "null": lambda value: value is None,
    "boolean": lambda value: isinstance(value, bool),
    "string": lambda value: isinstance(value, str),
    "number": lambda value: isinstance(value, (int, float)) and not isinstance(value, bool),
    "integer": lambda value: not isinstance(value, bool) and (isinstance(value, int) or (isinstance(value, float) and value.is_integer())),
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
}


def same(a: Any, b: Any) -> bool:
    """Equal as JSON is: truth values are no numbers."""
    return isinstance(a, bool) == isinstance(b, bool) and bool(a == b)


def problems(value: Any, schema: Any, root: dict[str, Any] | None = None, path: str = "") -> Iterator[str]:
    """What of a value a schema refuses."""
    root = schema if root is None else root
    if isinstance(schema, bool):
        if not schema:
            yield f"{path}: refused"
        return
    for keyword, asked in schema.items():
        if keyword not in SILENT:
            yield from KEYWORDS[keyword](value, asked, schema, root, path)


def _ref(value: Any, asked: str, _schema: Any, root: dict[str, Any], path: str) -> Iterator[str]:
    head, _, name = asked.rpartition("/")
    assert head == "#/$defs"
    yield from problems(value, root["$defs"][name], root, path)


def _any(value: Any, asked: list[Any], _schema: Any, root: dict[str, Any], path: str) -> Iterator[str]:
    if not any(not list(problems(value, each, root, path)) for each in asked):
        yield f"{path}: {value!r} is none of several"


def _one(value: Any, asked: list[Any], _schema: Any, root: dict[str, Any], path: str) -> Iterator[str]:
    fits = sum(not list(problems(value, each, root, path)) for each in asked)
    if fits != 1:
        yield f"{path}: {value!r} is {fits} of several"


def _properties(value: Any, asked: dict[str, Any], _schema: Any, root: dict[str, Any], path: str) -> Iterator[str]:
    for key, each in asked.items():
        if isinstance(value, dict) and key in value:
            yield from problems(value[key], each, root, f"{path}.{key}")


def _patterns(value: Any, asked: dict[str, Any], _schema: Any, root: dict[str, Any], path: str) -> Iterator[str]:
    for key, each in value.items() if isinstance(value, dict) else ():
        for pattern, inner in asked.items():
            if re.search(pattern, key):
                yield from problems(each, inner, root, f"{path}.{key}")


def _rest(value: Any, asked: Any, schema: Any, root: dict[str, Any], path: str) -> Iterator[str]:
    for key, each in value.items() if isinstance(value, dict) else ():
        known = key in schema.get("properties", {}) or any(re.search(pattern, key) for pattern in schema.get("patternProperties", {}))
        if not known:
            yield from problems(each, asked, root, f"{path}.{key}")


def _keys(value: Any, asked: Any, _schema: Any, root: dict[str, Any], path: str) -> Iterator[str]:
    for key in value if isinstance(value, dict) else ():
        yield from problems(key, asked, root, f"{path}.{key} as a key")


def _items(value: Any, asked: Any, schema: Any, root: dict[str, Any], path: str) -> Iterator[str]:
    for number, each in enumerate(value if isinstance(value, list) else ()):
        if number >= len(schema.get("prefixItems", ())):
            yield from problems(each, asked, root, f"{path}[{number}]")


def _prefix(value: Any, asked: list[Any], _schema: Any, root: dict[str, Any], path: str) -> Iterator[str]:
    for number, (each, inner) in enumerate(zip(value if isinstance(value, list) else (), asked, strict=False)):
        yield from problems(each, inner, root, f"{path}[{number}]")


def _rule(kind: str, holds: Callable[[Any, Any], bool]) -> Callable[..., Iterator[str]]:
    """A keyword of one type, in one comparison."""

    def check(value: Any, asked: Any, _schema: Any, _root: Any, path: str) -> Iterator[str]:
        if TYPES[kind](value) and not holds(value, asked):
            yield f"{path}: {value!r} against {asked!r}"

    return check


def _plain(holds: Callable[[Any, Any], bool]) -> Callable[..., Iterator[str]]:
    def check(value: Any, asked: Any, _schema: Any, _root: Any, path: str) -> Iterator[str]:
        if not holds(value, asked):
            yield f"{path}: {value!r} is not {asked!r}"

    return check


KEYWORDS: dict[str, Callable[..., Iterator[str]]] = {
    "$ref": _ref,
    "anyOf": _any,
    "oneOf": _one,
    "properties": _properties,
    "patternProperties": _patterns,
    "additionalProperties": _rest,
    "propertyNames": _keys,
    "items": _items,
    "prefixItems": _prefix,
    "type": _plain(lambda value, asked: TYPES[asked](value)),
    "enum": _plain(lambda value, asked: any(same(value, each) for each in asked)),
    "const": _plain(same),
    "required": _rule("object", lambda value, asked: all(key in value for key in asked)),
    "minProperties": _rule("object", lambda value, asked: len(value) >= asked),
    "maxProperties": _rule("object", lambda value, asked: len(value) <= asked),
    "minItems": _rule("array", lambda value, asked: len(value) >= asked),
    "maxItems": _rule("array", lambda value, asked: len(value) <= asked),
    "minLength": _rule("string", lambda value, asked: len(value) >= asked),
    "maxLength": _rule("string", lambda value, asked: len(value) <= asked),
    "pattern": _rule("string", lambda value, asked: re.search(asked, value) is not None),
    "minimum": _rule("number", lambda value, asked: value >= asked),
    "maximum": _rule("number", lambda value, asked: value <= asked),
    "exclusiveMinimum": _rule("number", lambda value, asked: value > asked),
    "exclusiveMaximum": _rule("number", lambda value, asked: value < asked),
}
