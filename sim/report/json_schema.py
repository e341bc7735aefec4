"""JSON Schema (draft 2020-12) of the files that people write, made from the models that read them.

What a reader takes besides the plain value is in it: quantities with units (`2s`, `15%`), one value for a list, a name for a mapping.
What no schema can say (sums, orders, names that another key gives) is left to `sim check`. A way to write a value short that is not known
here is an error, so that a new one cannot be forgotten.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Literal, get_args

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from sim.report.json_schema_text import QUANTITIES, RANGE, decorated, quantity

Kind = Literal["stack", "outlook", "space", "needs", "recipe", "events", "prices"]
KINDS: tuple[Kind, ...] = get_args(Kind)
DRAFT = "https://json-schema.org/draft/2020-12/schema"
FOLDER = "schemas"
"""Where the repository keeps them: schemas/stack.schema.json."""
_MOST = (("PartAmount", 1), ("Rate", 1000))
"""Of uncertain numbers, by their model."""
Short = Callable[[JsonSchemaValue, Mapping[str, Any]], JsonSchemaValue]
"""From the schema of what stands written out, and what the reader was made with, to that of both."""


def _model(kind: Kind) -> type[BaseModel]:
    if kind == "stack":
        from sim.stack.schema import Stack

        return Stack
    if kind == "outlook":
        from sim.stack.outlook import Outlook

        return Outlook
    if kind == "space":
        from sim.planning.space import Space

        return Space
    if kind == "needs":
        from sim.decision.needs import Needs

        return Needs
    if kind == "recipe":
        from sim.trace.recipe import Recipe

        return Recipe
    if kind == "events":
        from sim.stack.events import EventFile

        return EventFile
    from sim.catalog.price_file import WrittenPrices

    return WrittenPrices


def schema_of(kind: Kind) -> dict[str, Any]:
    """The schema of one kind of file as plain data."""
    model = _model(kind)
    found = model.model_json_schema(by_alias=True, schema_generator=_Generator)
    decorated(found, model)
    if kind == "outlook":
        _partial(found)
    return {"$schema": DRAFT, **found, "title": kind}


def schema_json(kind: Kind) -> str:
    """The same as text, ending with a line break; always the same bytes."""
    return json.dumps(schema_of(kind), indent=2, ensure_ascii=False) + "\n"


def _partial(schema: dict[str, Any]) -> None:
    """An outlook that extends another may say any part of it: keys are required of the whole alone, but those of its sources."""
    for name, model in schema["$defs"].items():
        if name != "Source":
            model.pop("required", None)


class _Generator(GenerateJsonSchema):
    """pydantic's, with what its validators in front of a field let through."""

    def function_before_schema(self, schema: core_schema.BeforeValidatorFunctionSchema) -> JsonSchemaValue:
        function: Any = schema["function"]["function"]
        short = _SHORT.get(f"{function.__module__}.{function.__qualname__}")
        if short is None:
            raise TypeError(f"{function.__module__}.{function.__qualname__}: how it reads a value is not known to JSON Schema")
        return short(self.generate_inner(schema["schema"]), _made_with(function))

    def function_after_schema(self, schema: core_schema.AfterValidatorFunctionSchema) -> JsonSchemaValue:
        found = self.generate_inner(schema["schema"])
        pattern = _made_with(schema["function"]["function"]).get("whole")
        return {**found, "pattern": f"^(?:{pattern.pattern})$"} if pattern is not None else found

    def dict_schema(self, schema: core_schema.DictSchema) -> JsonSchemaValue:
        found = super().dict_schema(schema)
        if "patternProperties" in found:
            found["additionalProperties"] = False
        return found


def _made_with(function: Any) -> Mapping[str, Any]:
    """What a function was made with: the arguments of the one around it."""
    cells = getattr(function, "__closure__", None) or ()
    names = function.__code__.co_freevars if cells else ()
    return {name: cell.cell_contents for name, cell in zip(names, cells, strict=True)}


def either(*schemas: JsonSchemaValue) -> JsonSchemaValue:
    """Any of several, alternatives of alternatives in one list."""
    found: list[JsonSchemaValue] = []
    for each in schemas:
        for inner in each["anyOf"] if set(each) == {"anyOf"} else [each]:
            if inner not in found:
                found.append(inner)
    return {"anyOf": found} if len(found) > 1 else found[0]


def _quantity(plain: JsonSchemaValue, made: Mapping[str, Any]) -> JsonSchemaValue:
    return either(plain, quantity(QUANTITIES[made["parse"].__name__]))


def _one_text(plain: JsonSchemaValue, _made: Mapping[str, Any]) -> JsonSchemaValue:
    items = plain["items"] if "items" in plain else next(each["items"] for each in plain["anyOf"] if "items" in each)
    return either({"type": "string"} if "enum" not in items else items, plain)


def _one(plain: JsonSchemaValue, _made: Mapping[str, Any]) -> JsonSchemaValue:
    return either(plain.get("items", {}), plain)


def _one_or_range(plain: JsonSchemaValue, _made: Mapping[str, Any]) -> JsonSchemaValue:
    return either(
        plain.get("items", {}), plain, {"type": "string", "pattern": RANGE, "description": "a range, both ends included: 1:8, 2:32:2"}
    )


def _count(plain: JsonSchemaValue, _made: Mapping[str, Any]) -> JsonSchemaValue:
    return either({"type": "integer", "minimum": 0, "maximum": 10_000}, plain)


def _duration(plain: JsonSchemaValue, _made: Mapping[str, Any]) -> JsonSchemaValue:
    return either({"type": "number", "minimum": 0}, quantity("duration"), plain)


def _exactly(plain: JsonSchemaValue, _made: Mapping[str, Any]) -> JsonSchemaValue:
    model = str(plain["$ref"])
    if "Change" in model:
        return either({"type": "number", "exclusiveMinimum": -1, "maximum": 10}, quantity("change"), plain)
    most = next((most for name, most in _MOST if name in model), 1e12)
    return either({"type": "number", "minimum": 0, "maximum": most}, quantity("amount"), plain)


def _whole_number(_plain: JsonSchemaValue, made: Mapping[str, Any]) -> JsonSchemaValue:
    number = either({"type": "integer", "minimum": made["least"], "maximum": made["most"]}, quantity("number"))
    return either({"const": "stack"}, number) if made["stack"] else number


def _name(_plain: JsonSchemaValue, made: Mapping[str, Any]) -> JsonSchemaValue:
    names = {"type": "string", "enum": list(made["names"])}
    return either(names, {"type": "string", "pattern": "^[a-z0-9]([a-z0-9._-]{0,98}[a-z0-9])?$"}) if made["words"] else names


def _short_for(plain: JsonSchemaValue, made: Mapping[str, Any]) -> JsonSchemaValue:
    known = made["known"]
    free = {"type": "string", "pattern": "^[a-z0-9]([a-z0-9._-]{0,98}[a-z0-9])?$"}
    return either({"type": "string", "enum": [*made["names"], *(known or ())]}, *([] if known else [free]), *plain.get("oneOf", [plain]))


def _absent(_plain: JsonSchemaValue, _made: Mapping[str, Any]) -> JsonSchemaValue:
    return {"enum": [None, False, 0, 1, "none", "off"]}


def _also(*others: JsonSchemaValue) -> Short:
    return lambda plain, _made: either(*others, plain)


def _as_it_is(plain: JsonSchemaValue, _made: Mapping[str, Any]) -> JsonSchemaValue:
    return plain


_SHORT: Mapping[str, Short] = MappingProxyType(
    {
        "sim.catalog.strict.parsed.<locals>.read": _quantity,
        "sim.catalog.strict._year_as_text": _also({"type": "integer"}),
        "sim.stack.quantity._whole": _as_it_is,
        "sim.stack.client._fault": _also({"const": 429}),
        "sim.stack.schema._listed": _one_text,
        "sim.decision.needs_parts._listed": _one_text,
        "sim.decision.lock_in_given._listed": _one_text,
        "sim.decision.needs_parts._plan": _also({"type": "string"}),
        "sim.stack.schema._target": _also({"type": "string"}),
        "sim.stack.gpu_deployment._named.<locals>.check": _as_it_is,
        "sim.stack.gpu_deployment._refuse.<locals>.refuse": _absent,
        "sim.stack.gpu_deployment._replicas": _count,
        "sim.stack.gpu_deployment._stage": _duration,
        "sim.stack.outlook_quantity._plain": _exactly,
        "sim.stack.retraining._where": _also({"const": "own"}),
        "sim.planning.space_values.listed": _one,
        "sim.planning.space_values.numbers": _one_or_range,
        "sim.planning.space_values._whole.<locals>.read": _whole_number,
        "sim.planning.space_values._named.<locals>.read": _name,
        "sim.planning.space_values.short_for.<locals>.read": _short_for,
    }
)
"""How values may be written short, by the function that reads them so."""
