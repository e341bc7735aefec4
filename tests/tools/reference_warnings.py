"""docs/reference/warnings.md: every warning with its causes and remedies, read off the source that raises them.

What a run fills in is shown as three dots.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

from sim.report.warning_list import WARNINGS, Code, Known
from tests.conftest import ROOT
from tests.tools.reference_text import code, plain

REPORT = ROOT / "sim" / "report"
_CALL = "Caution"
_GAP = "…"


def warnings_page() -> str:
    """The page as Markdown; an error if a warning is raised nowhere, or one that is not in the list."""
    found: dict[str, tuple[list[str], list[str]]] = {each: ([], []) for each in get_args(Code)}
    for path in sorted(REPORT.rglob("*.py")):
        for name, causes, remedies in raised(path):
            for known, wordings in zip(found[name], (causes, remedies), strict=True):
                known += [each for each in wordings if each not in known]
    nowhere = [name for name, (causes, _) in found.items() if not causes]
    assert not nowhere, f"no cause was found of {', '.join(nowhere)}"
    intro = (
        "A run, and a forecast, may warn that a figure is not what it looks like. The list is closed: each warning ends with its code in "
        "brackets, which summary.json gives too, and says what the cause is and what to do. `sim warnings CODE` prints what stands here. "
        "Three dots stand for what the run fills in."
    )
    known: dict[str, Known] = dict(WARNINGS)
    sections = [
        part
        for name, (causes, remedies) in found.items()
        for part in (
            f"## {code(name)}",
            plain(f"When {known[name].when}. It means: {known[name].meaning}. What to do: {known[name].remedy}."),
            "As it is worded:",
            "\n".join([*(f"* Cause: {plain(each)}." for each in causes), *(f"* Remedy: {plain(each)}." for each in remedies)]),
        )
    ]
    return "\n\n".join(["# Warnings", intro, *sections]) + "\n"


def raised(path: Path) -> Iterator[tuple[str, list[str], list[str]]]:
    """The warnings that a source file makes: code, and every wording of its cause and of its remedy."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    functions = {each.name: each for each in ast.walk(tree) if isinstance(each, ast.FunctionDef)}
    for function in functions.values():
        for call in ast.walk(function):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == _CALL:
                name, cause, remedy = call.args
                assert isinstance(name, ast.Constant), f"{path.name}:{call.lineno}: a code must stand as it is"
                yield str(name.value), _wordings(cause, function, functions), _wordings(remedy, function, functions)


def _wordings(text: ast.expr, function: ast.FunctionDef, functions: dict[str, ast.FunctionDef]) -> list[str]:
    """How an expression may read: a text, one with gaps, either branch, what a name was set to last, what a function of the file returns."""
    if isinstance(text, ast.Constant):
        return [str(text.value)]
    if isinstance(text, ast.JoinedStr):
        return ["".join(str(part.value) if isinstance(part, ast.Constant) else _GAP for part in text.values)]
    if isinstance(text, ast.IfExp):
        return [*_wordings(text.body, function, functions), *_wordings(text.orelse, function, functions)]
    if isinstance(text, ast.Name):
        values = [
            (each.lineno, each.value)
            for each in ast.walk(function)
            if isinstance(each, ast.Assign) and each.lineno < text.lineno and isinstance(each.targets[0], ast.Name) and each.targets[0].id == text.id
        ]  # fmt: skip
        return _wordings(max(values, key=lambda each: each[0])[1], function, functions) if values else [_GAP]
    if isinstance(text, ast.Call) and isinstance(text.func, ast.Name) and text.func.id in functions:
        called = functions[text.func.id]
        returned = [each.value for each in ast.walk(called) if isinstance(each, ast.Return) and each.value is not None]
        return [wording for each in returned for wording in _wordings(each, called, functions) if wording]
    return [_GAP]
