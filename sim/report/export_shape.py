"""What an export relies on in the JSON of a run: keys and types, so that what another version or a hand wrote is told by its key."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, Literal

from sim.errors import visible

Shape = Literal["text", "number", "amount", "whole", "flag", "object", "objects"]
"""`amount`: a number or null."""
_WORDS: Mapping[Shape, str] = MappingProxyType(
    {
        "text": "a text", "number": "a number", "amount": "a number or null", "whole": "a whole number", "flag": "true or false",
        "object": "keys and values", "objects": "a list of keys and values",
    }
)  # fmt: skip
_TRACE: tuple[tuple[str, Shape], ...] = (("trace", "object"), ("trace.name", "text"))
_SHAPES: Mapping[str, tuple[tuple[str, Shape], ...]] = MappingProxyType(
    {
        "run": (
            *_TRACE, ("stack", "object"), ("stack.name", "text"), ("requests", "object"), ("deployments", "object"), ("slo", "object"),
            ("slo.levels", "object"),
            ("slo.by_month", "objects"), ("bill", "object"), ("bill.lines", "objects"), ("bill.total_usd", "number"),
            ("bill.month", "object"), ("bill.month.factor", "amount"), ("monthly", "objects"),
        ),
        "comparison": (*_TRACE, ("stacks", "object")),
        "sweep": (*_TRACE, ("stack", "text"), ("axes", "objects"), ("rows", "objects")),
        "plan": (
            *_TRACE, ("stack", "text"), ("feasible", "flag"), ("levels", "objects"), ("candidates", "whole"), ("evaluated", "whole"),
            ("ranked", "objects"), ("frontier", "objects"), ("calendar", "objects"),
        ),
        "elastic": (*_TRACE, ("stack", "object"), ("stack.name", "text")),
        "decision": (
            *_TRACE, ("needs", "object"), ("strategies", "object"), ("gates", "objects"), ("matrix", "object"), ("triggers", "objects"),
            ("advice", "objects"),
        ),
        "diff": (*_TRACE, ("base", "object"), ("base.stack", "text"), ("head", "object"), ("head.stack", "text")),
    }
)  # fmt: skip
"""By the kind of folder: paths that its JSON has, with what stands there."""
_CHOSEN: tuple[tuple[str, Shape], ...] = (
    ("values", "object"), ("monthly_usd", "number"), ("slo", "object"), ("confidence", "object"), ("by_month", "objects"),
    ("gpus", "amount"),
)  # fmt: skip
"""Of the candidate that a plan chose."""


def misshapen(kind: str, content: Mapping[str, Any]) -> Iterator[str]:
    """What is missing or of another type, each as `key: found ...; allowed ...`."""
    for path, shape in _SHAPES[kind]:
        yield from _problems(content, path, shape)
    if kind == "plan":
        chosen = content.get("chosen")
        if isinstance(chosen, dict):
            for path, shape in _CHOSEN:
                yield from _problems(content, f"chosen.{path}", shape)
        elif "chosen" not in content or chosen is not None or content.get("feasible") is True:
            yield _said("chosen", content, "keys and values, or null where nothing is feasible")


def _problems(content: Mapping[str, Any], path: str, shape: Shape) -> Iterator[str]:
    found: Any = content
    for part in path.split("."):
        if not isinstance(found, dict) or part not in found:
            if isinstance(found, dict):
                yield f"{path}: missing; allowed: {_WORDS[shape]}"
            return  # what holds it is of another type, which is said of that
        found = found[part]
    if not _fits(found, shape):
        yield f"{path}: found {visible(repr(found)[:60])}; allowed: {_WORDS[shape]}"


def _said(key: str, content: Mapping[str, Any], allowed: str) -> str:
    return f"{key}: {f'found {visible(repr(content[key])[:60])}' if key in content else 'missing'}; allowed: {allowed}"


def _fits(value: Any, shape: Shape) -> bool:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if shape == "objects":
        return isinstance(value, list) and all(isinstance(item, dict) for item in value)
    if shape == "amount":
        return value is None or number
    if shape == "whole":
        return isinstance(value, int) and number
    if shape == "number":
        return number
    return isinstance(value, {"text": str, "flag": bool, "object": dict}[shape])
