"""Folders whose every name wants harm: what a stack, a trace or a file that somebody else wrote may call things."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from types import MappingProxyType
from typing import Any

HURT = "window.hurt=1"
NAMES = MappingProxyType(
    {
        "own": f"<script>{HURT}</script>",
        "spill": f'"><img src=x onerror="{HURT}">',
        "small": f"</script><script>{HURT}</script>",
        "head": f"--></title></style><svg onload={HURT}>",
        "trace": "'\"`${" + HURT + "}" + "x" * 10_000,
        "chat": "\u202egpj.exe\u2066 \u0007\u0000\u001b[31m \ufeff",
        "code": f"javascript:{HURT}//&lt;script&gt;&#60;",
        "gpt-6.1-sol": f"' onmouseover={HURT} x='" + "y" * 300,
    }
)
"""What takes the place of each name."""
_NAMED = frozenset(("deployments", "stacks", "classes", "profiles", "by_class", "by_deployment", "latency_by_class"))
"""Keys of JSON whose own keys are names."""


def make_hostile(folder: Path, to: Path) -> None:
    """A copy of a folder with other names in its JSON and its tables."""
    import pandas as pd

    from sim.report.comparison_files import folder_names

    shutil.copytree(folder, to)
    for file in sorted(to.rglob("*")):
        if file.suffix == ".json":
            file.write_text(json.dumps(_named(json.loads(file.read_text()))), encoding="utf-8")
        elif file.suffix == ".parquet":
            _table(pd.read_parquet(file)).to_parquet(file, index=False)
        elif file.suffix == ".csv":
            _table(pd.read_csv(file, dtype=str, keep_default_na=False)).to_csv(file, index=False)
    resolved = to / "stack.resolved.yaml"
    if resolved.is_file():
        lines = [f"# deployments.{name} = {name}  [assumed: {name}]" for name in NAMES.values() if name.isprintable()]
        resolved.write_text("\n".join([*lines, resolved.read_text()]), encoding="utf-8")
    for name, own in zip(("small", "head"), folder_names([NAMES["small"], NAMES["head"]]), strict=True):
        if (to / name).is_dir() and (to / "comparison.json").is_file():
            (to / name).rename(to / own)


def _named(found: Any, of_names: bool = False) -> Any:
    if isinstance(found, dict):
        return {NAMES.get(key, key) if of_names else key: _named(value, key in _NAMED) for key, value in found.items()}
    if isinstance(found, list):
        return [_named(each) for each in found]
    if not isinstance(found, str):
        return found
    if found in NAMES:
        return NAMES[found]
    # A name inside a sentence, too.
    for name, instead in NAMES.items():
        if f" {name} " in f" {found} " and len(instead) < 1000:
            found = f" {found} ".replace(f" {name} ", f" {instead} ").strip()
    return found


def _table(table: Any) -> Any:
    for column in table.columns:
        if table[column].dtype == object or str(table[column].dtype) in ("category", "str", "string"):
            table[column] = table[column].astype(object).map(lambda value: NAMES.get(value, value) if isinstance(value, str) else value)
    return table
