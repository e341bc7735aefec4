"""Texts of the JSON Schemas: how quantities are written, what keys mean, and their units."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

from pydantic import BaseModel

_DIGITS = r"(\d{1,3}(,\d{3})+|\d+(_\d+)*)?\.?\d*([eE][-+]?\d+)?"
_SOME = r"(?=[^a-zA-Z%µ]*\d)"
_POSITIVE = r"^(?=[^a-zA-Z%µ]*[1-9])"
_SCALE = r"(k|K|M|B|bn)?"
_TIME = r"(ns|us|µs|ms|s|sec|seconds?|m|min|minutes?|h|hours?|d|days?|weeks?|mo|months?)?"
_PATTERNS: Mapping[str, str] = MappingProxyType(
    {
        "duration": rf"^\s*{_SOME}\+?\s*{_DIGITS}\s*{_TIME}\s*$",
        "memory": rf"^\s*{_SOME}\+?\s*{_DIGITS}\s*(B|[kK]B|[MGT]B|[KMGT]iB)?\s*$",
        "money": rf"^\s*{_SOME}\+?\s*\$?{_DIGITS}\s*(k|K|M|B|bn|USD|usd)?\s*$",
        "number": rf"^\s*{_SOME}\+?\s*{_DIGITS}\s*{_SCALE}\s*$",
        "share": rf"^\s*{_SOME}\+?\s*(0*(100(\.0*)?|\d{{1,2}}(\.\d*)?|\.\d+)\s*%|0*1(\.0*)?|0*\.\d+|0+\.?|\d*\.?\d*[eE]-\d+\s*%?)\s*$",
        "amount": rf"^\s*{_SOME}\+?\s*{_DIGITS}\s*({_SCALE}|\s*%)\s*$",
        "change": rf"^\s*{_SOME}[-+]?\s*{_DIGITS}\s*({_SCALE}|\s*%)\s*$",
    }
)  # fmt: skip
_WORDS: Mapping[str, tuple[str, tuple[str, ...]]] = MappingProxyType(
    {
        "duration": ("seconds, or with a unit", ("800ms", "3s", "5 min", "2h", "1d")),
        "memory": ("bytes, or with a unit", ("80GB", "16 GiB")),
        "money": ("US dollars", ("$5", "5 USD", "$1.2k")),
        "number": ("a plain number, or with k, M or B", ("30k", "2M")),
        "share": ("a share of one, or a percentage", ("99.5%",)),
        "amount": ("a number, or a percentage", ("3%", "30k")),
        "change": ("a relative change, or a percentage", ("3%", "-2%")),
    }
)
QUANTITIES: Mapping[str, str] = MappingProxyType(
    {
        "parse_seconds": "duration", "parse_bytes": "memory", "parse_usd": "money", "parse_number": "number", "parse_share": "share",
        "parse_change": "change",
    }
)  # fmt: skip
"""By the function that reads a quantity, what it is of."""
RANGE = r"^\s*-?\d[\d._]*\s*:\s*-?\d[\d._]*\s*(:\s*-?\d[\d._]*\s*)?$"
_UNITS = (
    ("_usd_per_month", "USD a month"), ("_usd_per_hour", "USD an hour"), ("_usd_per_mtok", "USD a million tokens"),
    ("_hours_per_month", "hours"), ("usd_per_gpu_hour", "USD a GPU-hour"), ("usd_per_machine_hour", "USD an hour"),
    ("usd_per_gb_month", "USD a GB and month"), ("usd_per_gb", "USD a GB"), ("usd_per_kwh", "USD a kWh"), ("_usd", "USD"), ("usd", "USD"),
    ("_ms_at_tokens", "tokens, ms"),
    ("_tokens", "tokens"), ("_share", "share of one"), ("_ms", "ms"), ("_gb", "GB"), ("_w", "W"), ("_months", "months"), ("_days", "days"),
    ("_h", "hours"), ("requests_per_s", "requests a second"), ("throughput_per_s", "requests a second"), ("_s", "s"),
)  # fmt: skip
"""Ends of keys and the unit that they say; what is counted per so many days has none of these."""
_COUNTED_PER = re.compile(r"per_(?P<count>\d+)_(?P<what>\w+_)?days$")
_MEANINGS: Mapping[str, str] = MappingProxyType(
    {
        "api": "prices by API of the catalogue", "as_of": "when that held: a day, a month, a year, or undated",
        "assumed": "whether nobody could source it", "between": "how values between quantiles are joined",
        "cv": "standard deviation over the mean", "gpu": "prices by GPU of the catalogue",
        "gpus_sold_together": "hours are sold in whole multiples of so many GPUs", "high": "the largest value",
        "listed": "whether it is a list price, which moves with the market", "low": "the smallest value",
        "machine": "prices by machine of the catalogue", "mean": "the mean", "median": "half are below",
        "process": "the law of the gaps between requests", "provider": "who rents it", "purchase": "how hours are bought",
        "region": "where; absent: everywhere", "sigma": "standard deviation of the logarithm", "source": "where it was read",
        "value": "the value",
    }
)  # fmt: skip
"""Keys that mean the same in every model."""
_BOUNDS = (("ge", "minimum"), ("gt", "exclusiveMinimum"), ("le", "maximum"), ("lt", "exclusiveMaximum"))
_LENGTHS = (("min_length", "minItems"), ("max_length", "maxItems"))


def quantity(kind: str) -> dict[str, Any]:
    """The schema of a quantity as a text."""
    words, examples = _WORDS[kind]
    return {"type": "string", "pattern": _PATTERNS[kind], "description": words, "examples": list(examples)}


def decorated(schema: dict[str, Any], model: type[BaseModel]) -> None:
    """Give every key its meaning and unit, and every quantity that must be above 0 a text that is."""
    for name, known in _models(model).items():
        found = schema if name == model.__name__ and name not in schema.get("$defs", {}) else schema["$defs"].get(name)
        if found is None:
            continue
        texts = _attribute_texts(known)
        for field, info in known.model_fields.items():
            key = info.alias or field
            if key in found.get("properties", {}):
                entry = found["properties"][key]
                alone = found.get("description", "") if "const" in entry else ""
                _described(entry, key, info.description or texts.get(field, "") or alone or _everywhere(key))
    for each in list(_walk(schema)):
        # What tells models of a union apart is never left out.
        told = [key for key, entry in each.get("properties", {}).items() if "const" in entry and key not in each.get("required", ())]
        if told:
            each["required"] = [*each.get("required", ()), *told]
        _tidied(each)
        if each.get("exclusiveMinimum") == 0:
            _above_zero(each)
    _named(schema)


def _described(entry: dict[str, Any], key: str, text: str) -> None:
    unit = _unit(entry, key)
    written = next((each["description"] for each in entry.get("anyOf", []) if each.get("pattern") in _PATTERNS.values()), "")
    unit = written or unit
    entry["description"] = f"{text} [{unit}]" if unit and text else text or unit or entry.get("description", "")


def _unit(entry: dict[str, Any], key: str) -> str:
    """What the end of a key says: nothing of what is no number."""
    if entry.get("type") == "boolean":
        return ""
    if (per := _COUNTED_PER.search(key)) is not None:
        return f"per {int(per['count']):,} days"
    return next((unit for end, unit in _UNITS if key.endswith(end)), "")


def _everywhere(key: str) -> str:
    """What a key means wherever it stands."""
    share = re.fullmatch(r"p(\d+)(?:_(\d+))?", key)
    return f"{share[1]}{f'.{share[2]}' if share[2] else ''} % are below" if share else _MEANINGS.get(key, "")


def _tidied(entry: dict[str, Any]) -> None:
    """Without titles that repeat the key and defaults that are spelled out elsewhere; bounds under the names that JSON Schema has."""
    if isinstance(entry.get("title"), str):
        del entry["title"]
    if "default" in entry and (entry["default"] is None or isinstance(entry["default"], (dict, list))):
        del entry["default"]
    if entry.get("description") == "":
        del entry["description"]
    for ours, theirs in _BOUNDS:
        if ours in entry:
            entry[theirs] = entry.pop(ours)
    for ours, theirs in _LENGTHS:
        if ours in entry:
            asked = entry.pop(ours)
            for each in entry.get("anyOf", []):
                if each.get("type") == "array":
                    each[theirs] = asked


def _above_zero(entry: dict[str, Any]) -> None:
    """A text of nothing but zeros is 0 as well."""
    for each in entry.get("anyOf", []):
        if each.get("pattern") in _PATTERNS.values():
            each["pattern"] = _POSITIVE + each["pattern"][1:]


def _named(schema: dict[str, Any]) -> None:
    """Texts of quantities stand once, under $defs."""
    texts: dict[str, dict[str, Any]] = {}
    for kind in _PATTERNS:
        plain = quantity(kind)
        above = {**plain, "pattern": _POSITIVE + plain["pattern"][1:]}
        texts |= {kind: plain, f"{kind} above 0": above}
    for each in list(_walk(schema)):
        for name, text in texts.items():
            if "anyOf" in each and text in each["anyOf"]:
                each["anyOf"][each["anyOf"].index(text)] = {"$ref": f"#/$defs/{name.replace(' ', '-')}"}
                schema.setdefault("$defs", {})[name.replace(" ", "-")] = text


def _walk(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A schema and all that are in it."""
    yield schema
    for keyword in ("properties", "patternProperties", "$defs"):
        for inner in schema.get(keyword, {}).values():
            yield from _walk(inner)
    for keyword in ("anyOf", "oneOf", "prefixItems"):
        for inner in schema.get(keyword, ()):
            yield from _walk(inner)
    for keyword in ("items", "additionalProperties", "propertyNames"):
        if isinstance(schema.get(keyword), dict):
            yield from _walk(schema[keyword])


def _models(model: type[BaseModel]) -> dict[str, type[BaseModel]]:
    """The model and all that its fields are made of, by name."""
    found: dict[str, type[BaseModel]] = {}
    open_: list[Any] = [model]
    while open_:
        each = open_.pop()
        if isinstance(each, type) and issubclass(each, BaseModel):
            if each.__name__ not in found:
                found[each.__name__] = each
                open_ += [info.annotation for info in each.model_fields.values()]
                open_ += [part for info in each.model_fields.values() for part in info.metadata]
        else:
            open_ += getattr(each, "__args__", ())
    return found


def _attribute_texts(model: type[BaseModel]) -> dict[str, str]:
    """The texts that stand below the fields of a class in its source, and of those it is made from."""
    found: dict[str, str] = {}
    for base in reversed(model.__mro__):
        if not (isinstance(base, type) and issubclass(base, BaseModel)) or base is BaseModel:
            continue
        body = ast.parse(inspect.cleandoc("\n" + inspect.getsource(base))).body[0]
        assert isinstance(body, ast.ClassDef)
        for field, text in zip(body.body, body.body[1:], strict=False):
            if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and isinstance(text, ast.Expr):
                value = text.value
                if isinstance(value, ast.Constant) and isinstance(value.value, str):
                    found[field.target.id] = re.sub(r"\s+", " ", value.value).strip()
    return found
