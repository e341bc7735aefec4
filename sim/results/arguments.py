"""Arguments of the Python calls as the rest of the program takes them, and its messages as those who call from Python read them."""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any

from sim.errors import InputError, visible

Settings = Mapping[str, Any] | Iterable[str]
"""`{"slo.ttft_p95": "2s"}`, or `["slo.ttft_p95=2s"]`."""

MOST_SEED = 2**63 - 1
_ARGUMENTS = MappingProxyType(
    {
        "set": "settings:", "over": "over:", "slo": "levels:", "fail-if": "fail_if:", "stack": "stacks", "closed-loop": "closed_loop",
        "lead-time": "lead_days", "think": "think", "gpus": "gpus", "space": "space", "confidence": "confidence", "months": "months",
        "growth": "growth", "redundancy": "redundancy", "outlook": "outlook", "futures": "futures", "start": "start", "budget": "budget",
        "workers": "workers", "cluster": "cluster", "seed": "seed", "prices": "prices", "date": "date", "models": "models",
        "events": "events", "strict": "strict", "exact": "exact", "terraform": "terraform", "kubernetes": "kubernetes",
        "log-requests": "log",
    }
)  # fmt: skip
"""What options of the command line are called here; a colon where a key follows."""
_OPTION = re.compile(r"(?<![\w-])--([a-z]+(?:-[a-z]+)*)(:?)(?![\w-])")
_PHRASES = (
    ("another folder with -o, or --force to replace it", "another folder, or force=True to replace it"),
    ("give a folder that can be written with -o", "give a folder that can be written"),
    ("--closed-loop N, so many clients", "closed_loop=N, so many clients"),
)


@contextmanager
def in_python() -> Iterator[None]:
    """Messages that name options of the command line name arguments instead."""
    try:
        yield
    except InputError as error:
        raise InputError(_in_words_of_python(str(error))) from None


def _in_words_of_python(text: str) -> str:
    for said, here in _PHRASES:
        text = text.replace(said, here)
    return _OPTION.sub(_argument, text)


def _argument(match: re.Match[str]) -> str:
    name = _ARGUMENTS.get(match[1])
    return match[0] if name is None else f"{name.rstrip(':')}:" if match[2] or name.endswith(":") else name


def setting_texts(settings: Settings | None) -> tuple[str, ...]:
    """Settings as `key.path=value`; InputError for what has no such form."""
    if settings is None:
        return ()
    if isinstance(settings, str):
        raise InputError(f"--set {visible(settings[:80])!r}: found a text; allowed: a mapping of keys and values, or a list of key=value")
    if isinstance(settings, Mapping):
        return tuple(f"{key}={value_text(value)}" for key, value in settings.items())
    found = tuple(settings)
    for each in found:
        if not isinstance(each, str):
            raise InputError(f"--set {visible(repr(each)[:80])}: found no text; allowed: key=value, or a mapping of keys and values")
    return found


def value_text(value: Any) -> str:
    """A value as it is written in YAML; a text stays as it is, so that `2s` is a duration and `3` a number."""
    if isinstance(value, str):
        return value
    if isinstance(value, (datetime.date, Path)):
        return str(value)
    if hasattr(value, "item"):  # a number of numpy
        value = value.item()
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError):
        raise InputError(
            f"--set: found {visible(repr(value)[:80])}; allowed: texts, finite numbers, truth values, None, and lists and mappings of these"
        ) from None


def whole(name: str, value: int, low: int, high: int | None = None) -> int:
    """A whole number within limits, both included; InputError for anything else."""
    number = value.item() if hasattr(value, "item") else value
    if isinstance(number, bool) or not isinstance(number, int) or number < low or (high is not None and number > high):
        allowed = f"a whole number from {low:,}" + ("" if high is None else f" to {high:,}")
        raise InputError(f"{name}: found {visible(repr(value)[:40])}; allowed: {allowed}")
    return number


def day_text(date: str | datetime.date | None) -> str | None:
    """A day as `2026-11-21`."""
    if isinstance(date, datetime.datetime):
        return date.date().isoformat()
    return date.isoformat() if isinstance(date, datetime.date) else date


def month_text(start: str | datetime.date | None) -> str | None:
    """The month of a day as `2026-11`."""
    return start.isoformat()[:7] if isinstance(start, datetime.date) else start


def path_of(path: str | Path | None) -> Path | None:
    """A path, `~` standing for the home folder."""
    return None if path is None else Path(path).expanduser()


def names_of(paths: str | Path | Iterable[str | Path]) -> tuple[str, ...]:
    """One path or several, as texts."""
    return (str(paths),) if isinstance(paths, (str, Path)) else tuple(str(each) for each in paths)
