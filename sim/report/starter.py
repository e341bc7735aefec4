"""The folder that `sim init` writes: a stack and a recipe to change, and a note on how."""

from __future__ import annotations

import re
from pathlib import Path

from sim.errors import InputError, input_error

_README = """\
# {title}

- `stack.yaml`: what is run. Every key: docs/stacks.md of sim. Each number's origin: `sim explain stack.yaml`.
- `recipe.yaml`: the traffic, synthetic until there is a trace of your own.

    sim check stack.yaml recipe.yaml
    sim trace synth recipe.yaml -o trace.parquet
    sim run trace.parquet --stack stack.yaml
    sim run trace.parquet --stack stack.yaml --set deployments.own.replicas.max=4

An editor that knows YAML schemas: `sim schema stack > stack.schema.json`, and as first line of stack.yaml
`# yaml-language-server: $schema=stack.schema.json`; of recipe.yaml alike, with `sim schema recipe`.

A trace of your own: `sim trace import FILE --format auto -o trace.parquet`.
"""


def starter_files(stack: str, recipe: str, title: str) -> dict[str, str]:
    """The files of a starting folder by name."""
    return {"stack.yaml": _without_schema(stack), "recipe.yaml": _without_schema(recipe), "README.md": _README.format(title=title)}


def _without_schema(text: str) -> str:
    """A bundled file without the line that names its schema by a path that leads nowhere from another folder."""
    return re.sub(r"\A# yaml-language-server: [^\n]*\n", "", text)


def write_files(folder: Path, files: dict[str, str], *, force: bool) -> None:
    """Write files into a folder, made if needed; InputError, and nothing written, when one is there already and `force` is not given."""
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder}: a file; a folder is needed")
    there = [name for name in files if (folder / name).exists()]
    if there and not force:
        raise input_error(f"{folder / name}: already there; --force replaces it" for name in there)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            (folder / name).write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(f"{folder}: cannot be written: {error.strerror}") from None
