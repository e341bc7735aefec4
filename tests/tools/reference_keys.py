"""The pages of keys in docs/reference/: every key of the files that people write, from the JSON Schema that `sim schema` prints.

A section is a mapping of the file, a mapping before those that stand in it: headed by the place where it stands, or by its
name where it stands in several.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from sim.report.json_schema import Kind, schema_of
from tests.tools.reference_text import anchor, code, plain, table

Node = Mapping[str, Any]
GUIDES: Mapping[Kind, tuple[str, str]] = MappingProxyType(
    {
        "stack": ("Keys of a stack", "stacks.md"),
        "outlook": ("Keys of an outlook", "outlooks.md"),
        "recipe": ("Keys of a recipe", "workloads.md"),
        "space": ("Keys of a space", "plan.md"),
        "needs": ("Keys of a needs file", "decide.md"),
        "events": ("Keys of an event file", "events.md"),
        "prices": ("Keys of a price file", "catalog.md"),
    }
)
"""By kind of file: the title of its page, and the page that explains such a file with examples."""
_REF = "#/$defs/"
_TOP = "Top level"
_QUANTITIES = "Quantities"
_NAME = "NAME"
_PLACES = 8
"""So many places of a mapping are listed."""
_PLAIN = MappingProxyType({"string": "text", "boolean": "`true`, `false`"})
_WORDS = re.compile(r"`[^`]*`(, `[^`]*`)*")
_ENDLESS = 1e9
"""Bounds that only keep numbers finite."""
_BOUNDS = ("minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum")


def keys_page(kind: Kind) -> str:
    """The page of one kind of file as Markdown."""
    return _Page(kind, schema_of(kind)).text()


class _Page:
    """One schema, where each of its mappings stands, and what its heading is."""

    def __init__(self, kind: Kind, schema: Node) -> None:
        self.kind, self.schema = kind, schema
        self.models: Mapping[str, Node] = {name: each for name, each in schema["$defs"].items() if "properties" in each}
        self.quantities: Mapping[str, Node] = {name: each for name, each in schema["$defs"].items() if "properties" not in each}
        self.places: dict[str, list[str]] = {}
        self._follow(schema, "")
        self.headings = {name: self._heading(name) for name in self.places}
        anchors = [anchor(each) for each in (*self.headings.values(), _TOP, _QUANTITIES)]
        assert len(set(anchors)) == len(anchors), f"{kind}: two sections of one name"
        assert set(self.places) == set(self.models), f"{kind}: {set(self.models) - set(self.places)} stand nowhere"

    def _follow(self, node: Node, place: str) -> None:
        """Note where mappings stand, each before those that stand in it."""
        for key, entry in node.get("properties", {}).items():
            for name, where in _mappings(entry, f"{place}.{key}" if place else key):
                if name not in self.models:
                    continue
                known = self.places.setdefault(name, [])
                if where not in known:
                    known.append(where)
                if len(known) == 1:
                    self._follow(self.models[name], where)

    def _heading(self, name: str) -> str:
        """Its place, with what tells it from others there; its name where it stands in several places."""
        places = self.places[name]
        if len(places) > 1:
            return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).capitalize()
        told = [f"{key} `{entry['const']}`" for key, entry in self.models[name]["properties"].items() if "const" in entry]
        siblings = [other for other, known in self.places.items() if other != name and places[0] in known]
        by = told or ([re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower()] if siblings else [])
        return f"`{places[0]}`{', ' if by else ''}{', '.join(by)}"

    def text(self) -> str:
        title, guide = GUIDES[self.kind]
        intro = (
            f"Made from the models that read such a file; [{guide}](../{guide}) explains it, `sim check FILE` reads it, and "
            f"`sim schema {self.kind}` prints the same for editors ([editors.md](../editors.md)). Keys that are not here are refused."
        )
        parts = [f"# {title}", intro, f"## {_TOP}", plain(self.schema["description"]), self._table(self.schema)]
        for name, model in ((name, self.models[name]) for name in self.places):
            parts += [f"## {self.headings[name]}", *(plain(" ".join(each.split())) for each in model.get("description", "").split("\n\n"))]
            places = self.places[name]
            if len(places) > 1:
                more = f" and {len(places) - _PLACES} more" if len(places) > _PLACES else ""
                parts.append(f"Stands at {', '.join(map(code, places[:_PLACES]))}{more}.")
            parts.append(self._table(model))
        if self.quantities:
            rows = [
                (_spaced(name), plain(each["description"]), ", ".join(map(code, each["examples"])))
                for name, each in self.quantities.items()
            ]
            parts += [f"## {_QUANTITIES}", table(("quantity", "what a number says", "written with its unit, for example"), rows)]
        return "\n\n".join(parts) + "\n"

    def _table(self, model: Node) -> str:
        required = set(model.get("required", ()))
        rows = [
            (code(key), self._values(entry), _default(entry, key in required), plain(self._meaning(entry)))
            for key, entry in model["properties"].items()
        ]
        return table(("key", "values", "default", "meaning"), rows)

    def _meaning(self, entry: Node) -> str:
        """What a key means; how a quantity is written stands at the end of the page."""
        text = str(entry.get("description", ""))
        for each in self.quantities.values():
            text = text.removesuffix(f" [{each['description']}]")
        return text

    def _values(self, entry: Node, bounds: Node = MappingProxyType({})) -> str:
        """What may stand at a key, in words."""
        bounds = {**bounds, **{key: entry[key] for key in _BOUNDS if key in entry}}
        if "$ref" in entry:
            name = entry["$ref"].removeprefix(_REF)
            if name in self.quantities:
                return f"[{_spaced(name)}](#{anchor(_QUANTITIES)})"
            return f"[{self.headings[name]}](#{anchor(self.headings[name])})"
        for several in ("anyOf", "oneOf"):
            if several in entry:
                return self._either([each for each in entry[several] if each.get("type") != "null"], bounds)
        if "const" in entry or "enum" in entry:
            return ", ".join(code("null" if each is None else str(each).lower() if isinstance(each, bool) else str(each)) for each in
                             entry.get("enum", [entry.get("const")]))  # fmt: skip
        kind = entry.get("type")
        if kind in {"integer", "number"}:
            return _number(kind, bounds)
        if kind == "array":
            if "prefixItems" in entry:
                return "list of " + ", ".join(self._values(each) for each in entry["prefixItems"])
            inner = self._values(entry["items"])
            return f"list of {f'({inner})' if ' or ' in inner else inner}{_length(entry)}"
        if kind == "object":
            values = [*entry.get("patternProperties", {}).values(), entry.get("additionalProperties")]
            held: Node = next((each for each in values if isinstance(each, dict)), {})
            return f"by name: {self._values(held)}" if held else "mapping"
        if "examples" in entry:
            return f"text such as {', '.join(map(code, entry['examples']))}"
        return _PLAIN.get(str(kind), "anything")

    def _either(self, entries: Sequence[Node], bounds: Node) -> str:
        """Alternatives in words: fixed values first and together; a list of just these is no alternative of its own."""
        found = [each.get("description") or self._values(each, bounds) for each in entries]
        words = [word for each in found if _WORDS.fullmatch(each) for word in each.split(", ")]
        said = [
            *([", ".join(dict.fromkeys(words))] if words else []),
            *(each for each in dict.fromkeys(found) if not _WORDS.fullmatch(each)),
        ]
        at = next((at for at, each in enumerate(said) if each.startswith("list of ")), 0)
        alone, inner = " or ".join(said[:at]), said[at].removeprefix("list of ")
        for whole in (f"({alone})", alone):
            if alone and inner.startswith(whole):
                return ", or ".join([alone, f"a list of them{inner.removeprefix(whole)}", *said[at + 1 :]])
        return " or ".join(said)


def _mappings(entry: Node, place: str) -> Iterator[tuple[str, str]]:
    """The mappings that a value may be or hold, each with its place."""
    if "$ref" in entry:
        yield entry["$ref"].removeprefix(_REF), place
    for each in (*entry.get("anyOf", ()), *entry.get("oneOf", ())):
        yield from _mappings(each, place)
    inner: Sequence[Node] = [each for each in (entry.get("items"),) if isinstance(each, dict)]
    for each in inner:
        yield from _mappings(each, f"{place}[]")
    for each in (*entry.get("patternProperties", {}).values(), entry.get("additionalProperties")):
        if isinstance(each, dict):
            yield from _mappings(each, f"{place}.{_NAME}")


def _spaced(name: str) -> str:
    return name.replace("-", " ")


def _number(kind: str, bounds: Node) -> str:
    word = "whole number" if kind == "integer" else "number"
    least, above, most, below = (None if abs(bounds.get(key, 0)) >= _ENDLESS else bounds.get(key) for key in _BOUNDS)
    if above is not None and (kind == "integer" or (least is not None and least > above)):
        least, above = max(above + 1, least or 0) if kind == "integer" else least, None
    if least is not None and most is not None:
        return f"{word} {_digits(least)} to {_digits(most)}"
    said = (("from", least), ("above", above), ("up to", most), ("below", below))
    return " ".join([word, ", ".join(f"{phrase} {_digits(bound)}" for phrase, bound in said if bound is not None)]).strip()


def _digits(value: float) -> str:
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:g}"


def _length(entry: Node) -> str:
    least, most = entry.get("minItems"), entry.get("maxItems")
    if least and most:
        return f", {least} of them" if least == most else f", {least} to {most}"
    return f", at least {least}" if least else f", at most {most:,}" if most else ""


def _default(entry: Node, required: bool) -> str:
    if required:
        return "required"
    value = entry.get("default")
    if value is None or value == "":
        return ""
    return code(str(value).lower() if isinstance(value, bool) else f"{value:g}" if isinstance(value, float) else str(value))
