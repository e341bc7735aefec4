"""What is varied: `KEY=SPEC` as the command line writes it, a list of values and inclusive ranges `start:stop[:step]`.

`deployments.own.gpu=h100-sxm,a100-80gb` has two values, `deployments.own.replicas.count=1:4,8,16` six, `slo.ttft_p95=0.5:2:0.5` four.
Values are read as those of `--set`; one with a comma or a colon in it is put in quotes. Ranges of decimals are exact.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal

from sim.catalog.yaml_file import parse_value
from sim.errors import InputError, visible

MOST_POINTS = 100_000
"""Of a grid: a slip of the keyboard makes more."""

Value = str | int | float

_RANGE = re.compile(
    r"(?P<start>[-+]?\d{1,12}(?:\.\d{1,12})?):(?P<stop>[-+]?\d{1,12}(?:\.\d{1,12})?)(?::(?P<step>[-+]?\d{1,12}(?:\.\d{1,12})?))?"
)
_DASHED = re.compile(r"(?!\d{4}-\d\d$)(?P<start>\d{1,12}(?:\.\d{1,12})?)\s*(?:-|\u2013|\.\.)\s*(?P<stop>\d{1,12}(?:\.\d{1,12})?)", re.ASCII)
"""A range as it is not written, `1-6` or `1..6`; `2027-03` is a month."""
_ITEM = re.compile(r"""(?:"(?:[^"\\]|\\.)*"|'[^']*'|\[[^\[\]]*\]|\{[^{}]*\}|[^,"'\[{])+|[^,]""")
_SHOWN = 40


@dataclass(frozen=True)
class Axis:
    """A key with the values that it takes, each as a value of a table and as the text that `--set` is given."""

    key: str
    values: tuple[Value, ...]
    texts: tuple[str, ...]

    @property
    def setting_key(self) -> str:
        """The key that is set: `deployments.own.replicas.count`, so many replicas always, is `deployments.own.replicas`."""
        parts = self.key.split(".")
        counts = len(parts) == 4 and parts[0] == "deployments" and parts[2:] == ["replicas", "count"]
        return ".".join(parts[:3]) if counts else self.key


def parse_over(text: str) -> Axis:
    """`KEY=SPEC` as an axis; InputError with what is wrong with it."""
    key, equals, spec = text.partition("=")
    key = key.strip()
    if not equals or not key or any(not part for part in key.split(".")):
        raise InputError(
            f"--over {visible(text[:80])}: found no key and values; allowed: key.path=SPEC, as deployments.own.replicas.count=1:8"
        )
    return axis_of(key, spec, f"--over {visible(key[:80])}")


def parse_gpus(text: str) -> Axis:
    """The spec of `--gpus`, whole numbers above 0; InputError with what is wrong with it."""
    found = axis_of("gpus", text, "--gpus")
    wrong = [value for value in found.values if not isinstance(value, int) or value < 1]
    if wrong:
        # Of 2:8:2.5 this is 4.5: 2.0 would look like a whole number.
        first = next((value for value in wrong if not (isinstance(value, float) and value.is_integer())), wrong[0])
        raise InputError(f"--gpus: found {_shown(str(first))}; allowed: whole numbers from 1, as 2:32:2 or 4,8,16")
    return found


def axis_of(key: str, spec: str, label: str) -> Axis:
    """A spec as the axis of a key; `label` begins every message of the InputError."""
    values: list[Value] = []
    texts: list[str] = []
    if not spec.strip():
        raise InputError(f"{label}: found no values; allowed: a list a,b,c or a range start:stop[:step]")
    if spec.count(",") >= MOST_POINTS:
        raise InputError(f"{label}: found more than {MOST_POINTS:,} values; at most that many are swept")
    for item in _items(spec, label):
        match = _RANGE.fullmatch(item)
        more = _range(match, item, label) if match else [(_single(item, label), item)]
        values += [value for value, _ in more]
        texts += [text for _, text in more]
        if len(values) > MOST_POINTS:
            raise InputError(f"{label}: found more than {MOST_POINTS:,} values; at most that many are swept")
    again = _first_again(values)
    if again is not None:
        raise InputError(f"{label}: found {_shown(str(again))} twice; give every value once")
    return Axis(key, tuple(values), tuple(texts))


def _items(spec: str, label: str) -> list[str]:
    """The parts between commas; commas within quotes, brackets and braces separate nothing."""
    items, at = [], 0
    while True:
        match = _ITEM.match(spec, at)
        item = match.group().strip() if match else ""
        if not item:
            raise InputError(
                f"{label}: found nothing between two commas of {_shown(spec)}; allowed: a list a,b,c or a range start:stop[:step]"
            )
        items.append(item)
        at = match.end() if match else at
        if at >= len(spec):
            return items
        if spec[at] != ",":
            raise InputError(
                f"{label}: found {_shown(spec[at:])} where a comma or the end is needed; put a value with such signs in quotes"
            )
        at += 1


def _range(match: re.Match[str], item: str, label: str) -> list[tuple[Value, str]]:
    start, stop, step = (Decimal(match[name] or "1") for name in ("start", "stop", "step"))
    if not step:
        raise InputError(f"{label}: found {item}, a range with a step of 0; allowed: start:stop[:step], as 1:16 or 2:32:2")
    count = int((stop - start) / step) + 1 if (stop - start) * step >= 0 else 0
    if count < 1:
        raise InputError(
            f"{label}: found {item}, a range of no values, from {match['start']} by {match['step'] or '1'} to {match['stop']}; "
            f"allowed: start:stop[:step] that ends where it leads to, as {match['stop']}:{match['start']}"
        )
    if count > MOST_POINTS:
        raise InputError(f"{label}: found {item}, a range of {count:,} values; at most {MOST_POINTS:,} are swept")
    whole = not any("." in (match[name] or "") for name in ("start", "stop", "step"))
    found: list[tuple[Value, str]] = []
    for number in range(count):
        value = start + number * step
        found.append((int(value), str(int(value))) if whole else (float(value), f"{value:f}"))
    return found


def _single(item: str, label: str) -> Value:
    """One value: a number where it reads as one; truth values, lists and the like stand in a table as they were written."""
    if re.fullmatch(r"[-+.\d]*:[-+.:\d]*", item):
        raise InputError(f"{label}: found {_shown(item)}; a range is start:stop[:step] of plain numbers; a text with colons goes in quotes")
    meant = _DASHED.fullmatch(item)
    if meant is not None:
        said = f"a range is start:stop[:step], as {meant['start']}:{meant['stop']}"
        raise InputError(f"{label}: found {_shown(item)}; {said}; a text like this goes in quotes")
    value = parse_value(item, label)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return value
    return value if isinstance(value, str) else item


def _first_again(values: list[Value]) -> Value | None:
    seen: set[tuple[bool, Value]] = set()
    for value in values:
        # 1 and 1.0 mean the same, "1" does not.
        place = (isinstance(value, str), value)
        if place in seen:
            return value
        seen.add(place)
    return None


def _shown(text: str) -> str:
    text = visible(text)
    return repr(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}...")
