"""JSON and YAML files of a run, read back: bounded, checked, and told by their place when they are damaged."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sim.errors import InputError, visible

SCHEMA_VERSIONS = (1,)
"""Of run.json and of what stands beside it."""
_MOST_JSON_BYTES = 256 * 2**20


def read_json(path: Path, name: str) -> Mapping[str, Any]:
    """A JSON file of a run; `name` is shown for its folder."""
    place = f"{name}/{path.name}"
    try:
        if path.stat().st_size > _MOST_JSON_BYTES:
            raise InputError(f"{place}: larger than {_MOST_JSON_BYTES // 2**20} MiB; no run writes that")
        found = json.loads(path.read_bytes(), parse_constant=_no_number)
        json.dumps(found, ensure_ascii=False).encode()  # half a character (a lone surrogate) can be written nowhere
    except (ValueError, RecursionError, OSError) as error:
        raise damaged(place, error) from None
    if not isinstance(found, dict):
        raise InputError(f"{place}: holds no run; run it again")
    return found


def _no_number(text: str) -> float:
    """NaN and Infinity are not JSON, and no run writes them."""
    raise ValueError(f"{text} is no number of JSON")


def read_yaml(path: Path, name: str) -> Mapping[str, Any]:
    """A YAML file of a run; `name` is shown for its folder."""
    import yaml

    try:
        if path.stat().st_size > _MOST_JSON_BYTES // 64:
            raise InputError(f"{name}/{path.name}: larger than {_MOST_JSON_BYTES // 64 // 2**20} MiB; no run writes that")
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, ValueError, RecursionError, OSError) as error:
        raise damaged(f"{name}/{path.name}", error) from None
    if not isinstance(found, dict):
        raise InputError(f"{name}/{path.name}: holds no stack; run it again")
    return found


def check_version(found: Mapping[str, Any], place: str) -> None:
    """InputError unless a file is of a version that is known."""
    version = found.get("schema_version")
    if version not in SCHEMA_VERSIONS or isinstance(version, bool):
        allowed = ", ".join(str(each) for each in SCHEMA_VERSIONS)
        raise InputError(f"{place}: schema_version: found {version!r}; allowed: {allowed}: run it again, or use the sim that wrote it")


def damaged(place: str, error: Exception) -> InputError:
    """What to say of a file that cannot be read."""
    said = str(error).splitlines()
    return InputError(f"{place}: damaged or not there: {said[0] if said else type(error).__name__}; run it again")


def strange(place: str, problems: Iterable[str]) -> InputError:
    """What to say of a file that can be read and is not as this version writes it: each problem with its key."""
    return InputError("\n".join(f"{place}: {each}: written by another version of sim, or changed; run it again" for each in problems))


@contextmanager
def whole(folder: Path, of: str) -> Iterator[None]:
    """InputError where what is read from a summary is not there, or is of another type."""
    try:
        yield
    except KeyError as error:
        raise strange(f"{folder}: the summary of {of}", [f"key {visible(str(error.args[0]))!r} is missing"]) from None
    except (TypeError, AttributeError, ValueError) as error:
        raise strange(f"{folder}: the summary of {of}", [f"a value is of another type ({visible(str(error))})"]) from None
