"""The house: every import points up the reading order, the front page is what it says, and nothing is kept where it can change."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import sim

PACKAGE = Path(sim.__file__).resolve().parent
SOURCES = sorted(PACKAGE.rglob("*.py"))
LONGEST = 350
VAGUE = frozenset({"utils", "util", "helpers", "helper", "common", "base", "manager", "managers", "misc"})
MUTABLE_CALLS = frozenset({"list", "dict", "set", "bytearray", "defaultdict", "deque", "Counter", "OrderedDict"})
MUTABLE_DISPLAYS = (ast.List, ast.Dict, ast.Set, ast.ListComp, ast.DictComp, ast.SetComp)


def room(source: Path) -> str:
    """The room of a file: the first name below the package."""
    return source.relative_to(PACKAGE).parts[0].removesuffix(".py")


def rooms_imported(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and room of every import of this package, inside functions and TYPE_CHECKING too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                parts = alias.name.split(".")
                if parts[0] == "sim":
                    yield node.lineno, parts[1] if len(parts) > 1 else ""
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: a relative import"
            parts = (node.module or "").split(".")
            if parts[0] == "sim":
                yield from ((node.lineno, parts[1] if len(parts) > 1 else alias.name) for alias in node.names)


def wrong_imports(source: str, own: str) -> list[tuple[int, str]]:
    """Imports that do not point strictly up; a room may import from itself."""
    order = sim.READING_ORDER
    above = order[: order.index(own) + 1]
    return [(line, name) for line, name in rooms_imported(ast.parse(source)) if name not in (*above, "__version__")]


@pytest.mark.parametrize(
    "source", [file for file in SOURCES if room(file) not in {"__init__", "__main__"}], ids=lambda f: str(f.relative_to(PACKAGE))
)
def test_imports_point_up(source: Path) -> None:
    assert room(source) in sim.READING_ORDER
    assert wrong_imports(source.read_text(), room(source)) == []


def test_a_wrong_import_is_seen_wherever_it_stands() -> None:
    assert wrong_imports("import sim.engine", "trace") == [(1, "engine")]
    assert wrong_imports("def f():\n    from sim.report.table import rows", "cost") == [(2, "report")]
    assert wrong_imports("from sim import report", "cost") == [(1, "report")]
    assert wrong_imports("from sim import simulate", "cost") == [(1, "simulate")]
    assert wrong_imports("from sim.cost.bill import total\nfrom sim.errors import InputError", "cost") == []


def test_the_front_page_is_its_all() -> None:
    tree = ast.parse((PACKAGE / "__init__.py").read_text())
    checking = [node for node in tree.body if isinstance(node, ast.If)]
    named = {
        alias.asname or alias.name
        for block in checking
        for node in ast.walk(block)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert set(sim.__all__) == named | {"READING_ORDER"}
    assert len(sim.__all__) == len(set(sim.__all__))
    assert dir(sim) == sorted(sim.__all__)


@pytest.mark.parametrize("name", sim.__all__)
def test_the_front_page_leads_to_each_name(name: str) -> None:
    assert getattr(sim, name) is not None


def test_the_front_page_has_no_other_name() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'simulat'"):
        _ = sim.simulat


def test_the_reading_order_names_the_rooms() -> None:
    assert {room(file) for file in SOURCES} - {"__init__", "__main__"} <= set(sim.READING_ORDER)


def mutable_names(source: str) -> list[str]:
    """Names that a module binds, at its top level, to something that can be changed in place."""
    found: list[str] = []
    for node in ast.parse(source).body:
        if isinstance(node, ast.Assign):
            targets, value = node.targets, node.value
        elif isinstance(node, ast.AnnAssign) and node.value is not None:
            targets, value = [node.target], node.value
        else:
            continue
        function = value.func if isinstance(value, ast.Call) else None
        called = function.id if isinstance(function, ast.Name) else function.attr if isinstance(function, ast.Attribute) else ""
        if isinstance(value, MUTABLE_DISPLAYS) or called in MUTABLE_CALLS:
            found += [target.id for target in targets if isinstance(target, ast.Name) and target.id != "__all__"]
    return found


@pytest.mark.parametrize("source", SOURCES, ids=lambda f: str(f.relative_to(PACKAGE)))
def test_modules_keep_no_state(source: Path) -> None:
    text = source.read_text()
    assert mutable_names(text) == []
    assert not [node.lineno for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Global)]
    assert "atexit" not in text


def test_state_of_a_module_is_seen() -> None:
    assert mutable_names("a = []\nb: dict[str, int] = {}\nc = collections.defaultdict(int)\nd = {x for x in y}") == ["a", "b", "c", "d"]
    assert mutable_names("a = (1,)\nb = frozenset({1})\nc = MappingProxyType({1: 2})\n__all__ = ['a']") == []


@pytest.mark.parametrize("source", SOURCES, ids=lambda f: str(f.relative_to(PACKAGE)))
def test_files_are_short_and_named_for_what_they_hold(source: Path) -> None:
    assert source.read_text().count("\n") <= LONGEST
    assert not VAGUE & set(source.relative_to(PACKAGE).with_suffix("").parts)
    assert ast.get_docstring(ast.parse(source.read_text()))
