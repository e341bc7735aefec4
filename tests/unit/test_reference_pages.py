"""docs/reference/: every page is what the code makes of it, and nothing of the code is missing from it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tools.reference_keys import keys_page
from tests.tools.reference_pages import FOLDER, PAGES, page
from tests.tools.reference_text import plain, table
from tests.tools.reference_warnings import raised


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_what_the_code_makes_of_it(name: str) -> None:
    assert (FOLDER / name).read_text(encoding="utf-8") == page(name), "python -m tests.tools.reference_pages"


def test_every_page_but_the_index_is_made() -> None:
    assert {each.name for each in FOLDER.glob("*.md")} == {*PAGES, "README.md"}


def test_options_and_keys_are_there() -> None:
    options = page("cli.md")
    assert "| `--futures N` | 400 | How often it is drawn; 20 or more. |" in options
    assert "\n    sim trace import FILE\n" in options
    assert "| `kind` | `gpu` | required |" in keys_page("stack")


def test_special_signs_are_text() -> None:
    assert plain("a <b> [c] `d*e` f* gpu_x _y") == "a \\<b\\> \\[c\\] `d*e` f\\* gpu_x \\_y"
    assert table(("a", "b"), [("x|y", "z\n  w")]) == "| a | b |\n|---|---|\n| x\\|y | z w |"


def test_what_a_warning_says_is_read_off_its_source(tmp_path: Path) -> None:
    source = tmp_path / "made.py"
    source.write_text(
        "def why(x):\n    if x:\n        return 'no time'\n    return ''\n"
        "def f(n, other):\n    cause = f'{n} are late'\n    a = Caution('late', cause, 'wait' if n else 'go')\n"
        "    cause = why(n)\n    return a, Caution('late', cause, other)\n"
    )
    assert list(raised(source)) == [("late", ["… are late"], ["wait", "go"]), ("late", ["no time"], ["…"])]
