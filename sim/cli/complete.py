"""What a shell is told of names and keys: stacks, traces, models, keys of a stack, figures of gates and levels.

It is asked at every press of a key, so nothing heavy is imported: names are those of files, keys come from the JSON Schemas that ship with
the data. A place where nothing fits is left to the shell's own completion of files.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from itertools import islice
from pathlib import Path
from types import MappingProxyType
from typing import Any

import click
from click.shell_completion import CompletionItem

from sim.catalog.location import data_folder

Names = Callable[[click.Context], Iterator[tuple[str, str]]]
"""From what is typed so far to names, each with what it is."""
_MOST = 5000
_MACHINE = re.compile(r"  ([A-Za-z0-9][A-Za-z0-9._-]*):( |$)")
"""An instance type in its file, one level in."""


class Named(click.types.StringParamType):
    """A text that the shell completes by names; it is read as any text."""

    def __init__(self, names: Names) -> None:
        self.names = names

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """The names that begin as what is typed, else the files of the shell."""
        fitting = ((name, words) for name, words in self.names(ctx) if name.startswith(incomplete))
        found = [CompletionItem(name, help=words or None) for name, words in islice(fitting, _MOST)]
        return found or [CompletionItem(incomplete, type="file")]


def completing(command: click.Command, name: str) -> click.Command:
    """The command, whose parameters complete themselves where something is known of them."""
    if isinstance(command, click.Group):
        for inner in command.commands.values():
            completing(inner, f"{name} {inner.name}")
    for param in command.params:
        names = _OF_COMMAND.get((name, str(param.name))) or _BY_NAME.get(str(param.name))
        if names is not None and isinstance(param.type, click.types.StringParamType):
            param.type = Named(names)
    return command


def _files(folder: str, ending: str = ".yaml", *, whole: bool = False) -> Iterator[tuple[str, str]]:
    """The entries of a folder of bundled data and of the same folder here, by name or, with `whole`, by path."""
    kind, _, inner = folder.partition("/")
    seen = set()
    for base in (data_folder("models" if kind == "models" else "workloads"), Path(kind)):
        for path in sorted((base / inner).glob(f"*{ending}")):
            if path.stem not in seen:
                seen.add(path.stem)
                yield (f"{folder}/{path.name}" if whole else path.stem), ""


def _stacks(_ctx: click.Context) -> Iterator[tuple[str, str]]:
    for name, _ in _files("models/stacks"):
        yield name, _description(name)


def _description(name: str, folder: str = "stacks") -> str:
    for path in (Path("models") / folder / f"{name}.yaml", data_folder("models") / folder / f"{name}.yaml"):
        if path.is_file():
            lines = path.read_text(encoding="utf-8", errors="replace")[:2000].splitlines()
            return next((line.removeprefix("description: ") for line in lines if line.startswith("description: ")), "")
    return ""


def _needs(_ctx: click.Context) -> Iterator[tuple[str, str]]:
    for name, _ in _files("models/needs"):
        yield name, _description(name, "needs")


def _traces(_ctx: click.Context) -> Iterator[tuple[str, str]]:
    yield from _files("workloads", ".parquet", whole=True)


def _of(folder: str) -> Names:
    return lambda _ctx: _files(folder)


def _entries(_ctx: click.Context) -> Iterator[tuple[str, str]]:
    yield from _machines()
    for folder, words in (("apis", "API"), ("gpus", "GPU"), ("llms", "LLM"), ("providers", "provider"), ("stacks", "stack")):
        for name, _ in _files(f"models/{folder}"):
            yield name, words


def _machines() -> Iterator[tuple[str, str]]:
    """The instance types of all providers; lines of their files, as to parse these would take longer than a key may."""
    seen = set()
    for base in (data_folder("models"), Path("models")):
        for path in sorted((base / "machines").glob("*.yaml")):
            inside = False
            for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
                inside = line.startswith("machines:") or (inside and line[:1] in ("", " ", "#"))
                found = _MACHINE.match(line) if inside else None
                if found and found[1] not in seen:
                    seen.add(found[1])
                    yield found[1], f"machine of {path.stem}"


def _only_files(_ctx: click.Context) -> Iterator[tuple[str, str]]:
    yield from ()


def _runs(_ctx: click.Context) -> Iterator[tuple[str, str]]:
    yield "latest", "the newest run under outputs/"
    for path in sorted(Path("outputs").glob("*/run.json")):
        if not path.parent.name.startswith("."):
            yield path.parent.name, ""


def _figures(_ctx: click.Context) -> Iterator[tuple[str, str]]:
    from sim.planning.gate_figures import EDGES, FIGURES

    for figure in FIGURES:
        for edge in EDGES if figure.banded else ("",):
            yield (f"{figure.short}.{edge}" if edge else figure.short), figure.words


def _levels(_ctx: click.Context) -> Iterator[tuple[str, str]]:
    from sim.planning.points import METRICS

    for latency in ("ttft", "tpot", "e2e"):
        for quantile in ("p50", "p90", "p95", "p99"):
            yield f"{latency}_{quantile}", "a latency"
    yield "completed", "share of requests that complete"
    for metric in METRICS:
        yield metric.name, metric.words


def _settings(ctx: click.Context) -> Iterator[tuple[str, str]]:
    """`key=` of the stack on the command line and of outlooks, and `key=value` where values are a short list."""
    yield from _keys("stack", _stack_data(ctx), "")
    if any(param.name == "outlook" for param in ctx.command.params):
        yield from _keys("outlook", {}, "outlook.")


def _axes(ctx: click.Context) -> Iterator[tuple[str, str]]:
    yield from _keys("stack", _stack_data(ctx), "")


def _stack_data(ctx: click.Context) -> Any:
    """The stack as its file says it; nothing where it cannot be read."""
    from sim.catalog.yaml_document import parse_documents
    from sim.errors import InputError

    given = ctx.params.get("stack") or ctx.params.get("stacks") or "hybrid"
    name = given if isinstance(given, str) else given[0]
    here = (Path(name), Path("models/stacks") / f"{name}.yaml", data_folder("models") / "stacks" / f"{name}.yaml")
    for path in here:
        if path.is_file() and path.suffix in (".yaml", ".yml"):
            try:
                return parse_documents(path.read_text(encoding="utf-8"), name)[0].data
            except (InputError, OSError, UnicodeDecodeError, IndexError):
                return {}
    return {}


@cache
def _schema(kind: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = json.loads((data_folder("schemas") / f"{kind}.schema.json").read_text(encoding="utf-8"))
    return found


def _keys(kind: str, data: Any, before: str) -> Iterator[tuple[str, str]]:
    """Every key of a file of a kind, of the deployments and list items that its data has."""
    root = _schema(kind)

    def walk(schema: Mapping[str, Any], value: Any, path: str, words: str) -> Iterator[tuple[str, str]]:
        forms = list(_forms(root, schema))
        values = [each for form in forms for each in form.get("enum", [form["const"]] if "const" in form else [])]
        leaf = any(form.get("type") not in (None, "object", "array") or "enum" in form or "const" in form for form in forms)
        if leaf and path:
            yield f"{path}=", words
            yield from ((f"{path}={_plain(each)}", words) for each in values if each is not None)
            if any(form.get("type") == "boolean" for form in forms):
                yield from ((f"{path}={each}", words) for each in ("true", "false"))
        for form in _meant(root, forms, value):
            inner = value if isinstance(value, dict) else {}
            for key, entry in form.get("properties", {}).items():
                yield from walk(entry, inner.get(key), f"{path}.{key}" if path else f"{before}{key}", entry.get("description", ""))
            free = [*form.get("patternProperties", {}).values(), form.get("additionalProperties")]
            for key in inner if isinstance(free[0], dict) else ():
                if key not in form.get("properties", {}):
                    yield from walk(free[0], inner[key], f"{path}.{key}", words)
            for number, item in enumerate(value if isinstance(value, list) and "items" in form else ()):
                yield from walk(form["items"], item, f"{path}.{number}", words)

    seen = set()
    for name, words in walk(root, data, "", ""):
        if name not in seen:
            seen.add(name)
            yield name, words


def _plain(value: Any) -> str:
    return json.dumps(value) if isinstance(value, bool) else str(value)


def _forms(root: Mapping[str, Any], schema: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """What a schema may be, its references followed."""
    if "$ref" in schema:
        yield from _forms(root, root["$defs"][schema["$ref"].rpartition("/")[2]])
    elif "anyOf" in schema or "oneOf" in schema:
        for each in schema.get("anyOf", schema.get("oneOf", ())):
            yield from _forms(root, each)
    else:
        yield schema


def _meant(root: Mapping[str, Any], forms: list[Mapping[str, Any]], value: Any) -> list[Mapping[str, Any]]:
    """Of several kinds of keys and values those that the data can be: `kind: gpu` is no API."""

    def agrees(form: Mapping[str, Any]) -> bool:
        told = {key: entry["const"] for key, entry in form.get("properties", {}).items() if "const" in entry}
        return all(value.get(key, const) == const for key, const in told.items())

    return [form for form in forms if agrees(form)] if isinstance(value, dict) else forms


_BY_NAME: Mapping[str, Names] = MappingProxyType(
    {
        "stack": _stacks, "stacks": _stacks, "trace": _traces, "outlook": _of("models/outlooks"), "settings": _settings,
        "overs": _axes, "fail_if": _figures, "slo": _levels, "levels": _levels, "needs": _needs, "space": _of("models/spaces"),
        "run": _runs, "llm": _of("models/llms"), "gpu": _of("models/gpus"), "terraform": _only_files, "kubernetes": _only_files,
        "manifests": _only_files, "events": _only_files, "actual": _only_files, "mapping": _only_files, "usage": _only_files,
        "output": _only_files, "given_path": _only_files,
    }
)  # fmt: skip
"""By the name of a parameter, what completes it in any command."""
_OF_COMMAND: Mapping[tuple[str, str], Names] = MappingProxyType(
    {
        ("accuracy", "table"): _only_files,
        ("calibrate", "files"): _only_files,
        ("catalog show", "name"): _entries,
        ("check", "files"): _only_files,
        ("diff", "base"): _stacks,
        ("diff", "head"): _stacks,
        ("trace describe", "file"): _traces,
        ("trace import", "file"): _only_files,
        ("trace scale", "file"): _traces,
        ("trace synth", "recipe"): _of("workloads/recipes"),
    }
)
"""The same by command, which goes first."""
