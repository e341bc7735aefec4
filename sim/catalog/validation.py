"""A document against a pydantic model: the model, or every mistake with its place and what would be right.

Values are checked strictly: a text is never taken for a number nor a number for a truth value. What JSON strict mode
allows is allowed: a list for a tuple, a text for a date, a whole float (`1e3`) for an integer.
"""

from __future__ import annotations

import json
import math
import types
import typing
from typing import TYPE_CHECKING, Any, TypeVar

from sim.catalog.yaml_document import Document, KeyPath
from sim.errors import InputError, nearest

if TYPE_CHECKING:
    import pydantic

    Model = TypeVar("Model", bound=pydantic.BaseModel)

_MOST_NAMES = 14
_NEEDED = types.MappingProxyType(
    {
        "bool_type": "true or false is needed",
        "dict_type": "keys and values are needed",
        "finite_number": "a finite number is needed",
        "float_type": "a number is needed",
        "int_type": "a whole number is needed",
        "list_type": "a list is needed",
        "model_type": "keys and values are needed",
        "string_type": "a text is needed",
        "tuple_type": "a list is needed",
    }
)


def check(document: Document, model: type[Model]) -> Model:
    """The document as a frozen model; InputError with all problems, in the order of the file."""
    import pydantic

    try:
        return model.model_validate_json(json.dumps(_whole(document.data)), strict=True)
    except pydantic.ValidationError as error:
        raise InputError("\n".join(_lines(document, model, error))) from None


def _whole(data: Any) -> Any:
    """The data with whole floats as integers, which fields of both kinds accept."""
    if isinstance(data, dict):
        return {key: _whole(value) for key, value in data.items()}
    if isinstance(data, list):
        return [_whole(value) for value in data]
    if isinstance(data, float) and math.isfinite(data) and data.is_integer() and abs(data) < 2**53:
        return int(data)
    return data


def _lines(document: Document, model: type[Model], error: pydantic.ValidationError) -> list[str]:
    """One line a place: a value that fits none of several kinds gives one line, not one a kind."""
    from sim.catalog.yaml_file import problem

    found: dict[tuple[KeyPath, bool], list[str]] = {}
    for item in error.errors(include_url=False):
        if item["type"] == "too_short" and len(item["input"]) >= item["ctx"]["min_length"]:
            continue  # only those left out for their own mistakes are missing
        path = _path(document.data, item["loc"], item)
        is_key = item["type"] == "extra_forbidden"
        message = _message(document, model, path, item)
        messages = found.setdefault((path, is_key), [])
        if message not in messages:
            messages.append(message)

    def order(place: tuple[KeyPath, bool]) -> tuple[int, int, str]:
        mark = document.mark(place[0], key=place[1])
        return (mark.line or 0, mark.column or 0, str(mark))

    return [problem(document, path, " or ".join(found[path, key]), key=key) for path, key in sorted(found, key=order)]


def _path(data: Any, loc: tuple[Any, ...], item: Any) -> KeyPath:
    """The key path a location of pydantic speaks of: the location without the names of union members in it.

    A name such as `gpu` may be both a member of a union and a key, so all readings are tried; the one that ends at the value
    complained of wins, then the longest.
    """
    readings: list[tuple[bool, int, KeyPath]] = []

    def read(value: Any, rest: tuple[Any, ...], path: KeyPath) -> None:
        if not rest:
            fits = item["type"] != "missing" and _same(value, item["input"])
            readings.append((fits, len(path), path))
            return
        part = rest[0]
        if isinstance(value, dict) and part in value:
            read(value[part], rest[1:], (*path, part))
        elif isinstance(value, dict) and item["type"] == "missing" and len(rest) == 1:
            fits = _same(value, item["input"])
            readings.append((fits, len(path) + 1, (*path, part)))
        elif isinstance(value, list) and isinstance(part, int) and part < len(value):
            read(value[part], rest[1:], (*path, part))
        elif isinstance(part, int) and not isinstance(value, list):
            read(value, rest[1:], path)  # one value, or a range, where a list is meant
        if isinstance(part, str):
            read(value, rest[1:], path)

    read(data, loc, ())
    return max(readings, default=(False, 0, ()))[2]


def _same(value: Any, other: Any) -> bool:
    return bool(_whole(value) == other) or repr(value) == repr(other)


def _message(document: Document, model: type[Model], path: KeyPath, item: Any) -> str:
    kind, given, context = item["type"], item["input"], item.get("ctx", {})
    if kind == "extra_forbidden":
        allowed = _keys(model, document.data, path[:-1])
        return f"unknown key {path[-1]!r}; allowed: {_listed(allowed)}{nearest(str(path[-1]), allowed)}"
    if kind == "missing":
        return "key missing; it is required"
    if kind == "literal_error":
        names = [part.strip("'") for part in context["expected"].replace(" or ", ", ").split(", ")]
        return f"found {shown(given)}; allowed: {_listed(names)}{nearest(str(given), names)}"
    if kind == "union_tag_invalid":
        names = [part.strip("'") for part in context["expected_tags"].split(", ")]
        tag = context["discriminator"].strip("'")
        return f"found {tag} {context['tag']!r}; allowed: {_listed(names)}{nearest(context['tag'], names)}"
    if kind == "union_tag_not_found":
        return f"key {context['discriminator']} missing; it is required"
    if kind in ("value_error", "assertion_error"):
        return str(item["msg"]).split(", ", 1)[1]
    if kind in _NEEDED:
        return f"found {shown(given)}; {_NEEDED[kind]}"
    if kind == "too_short":
        return f"found {shown(given)}; at least {context['min_length']} needed"
    if kind == "too_long":
        return f"found {shown(given)}; at most {context['max_length']} allowed"
    wanted = str(item["msg"])[:1].lower() + str(item["msg"])[1:]
    return f"found {shown(given)}; {wanted.replace('input should', 'it should')}"


def shown(value: Any) -> str:
    """A value of a file as messages call it: `the text 'x'`, `a list of 3`, `nothing`."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f"the text {value[:60]!r}{'...' if len(value) > 60 else ''}"
    if isinstance(value, (dict, list, tuple)):
        what = "mapping" if isinstance(value, dict) else "list"
        return f"a {what} of {len(value)}" if value else f"an empty {what}"
    return repr(value)[:60]


def _listed(names: list[str]) -> str:
    more = len(names) - _MOST_NAMES
    return ", ".join(names[:_MOST_NAMES]) + (f" and {more} more" if more > 0 else "")


def _keys(model: type[Any], data: Any, path: KeyPath) -> list[str]:
    """The keys a model allows at a path, of the members of a union that the data there can mean."""
    kinds: list[Any] = _alternatives(model)
    value = data
    for part in path:
        kinds = [inner for kind in _meant(kinds, value) for inner in _inside(kind, part)]
        value = value[part]
        if isinstance(value, dict):
            kinds = [inner for kind in kinds for inner in (_inside(kind, 0) if typing.get_origin(kind) is tuple else [kind])]
    allowed: dict[str, None] = {}
    for kind in _meant(kinds, value):
        for name, field in getattr(kind, "model_fields", {}).items():
            allowed[field.alias or name] = None
    return list(allowed)


def _alternatives(annotation: Any) -> list[Any]:
    origin = typing.get_origin(annotation)
    if origin is typing.Annotated:
        return _alternatives(typing.get_args(annotation)[0])
    if origin in (typing.Union, types.UnionType):
        return [kind for inner in typing.get_args(annotation) for kind in _alternatives(inner)]
    return [annotation]


def _meant(kinds: list[Any], value: Any) -> list[Any]:
    """Those of several models whose one-valued texts (`kind: api`) agree with the data; all when none does."""

    def agrees(kind: Any) -> bool:
        for name, field in getattr(kind, "model_fields", {}).items():
            given = value.get(field.alias or name) if isinstance(value, dict) else None
            fixed = typing.get_args(field.annotation) if typing.get_origin(field.annotation) is typing.Literal else ()
            if len(fixed) == 1 and given is not None and given not in fixed:
                return False
        return True

    return [kind for kind in kinds if agrees(kind)] or kinds


def _inside(kind: Any, part: str | int) -> list[Any]:
    for name, field in getattr(kind, "model_fields", {}).items():
        if part in (name, field.alias):
            return _alternatives(field.annotation)
    arguments = [inner for inner in typing.get_args(kind) if inner is not Ellipsis]
    if typing.get_origin(kind) is dict or isinstance(part, str):
        return _alternatives(arguments[1]) if len(arguments) == 2 else []
    return _alternatives(arguments[0]) if arguments else []
