"""docs/seeds.md: each row names something that is there or says why not, and every section and exercise of the four texts has a row."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.unit.test_docs import LINK, NAMED

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "seeds.md").read_text(encoding="utf-8")
SEEDS = ROOT.parent / "shared" / "seeds"
CODES = ("000", "001", "002", "003")


def rows(code: str) -> list[tuple[str, str]]:
    """Part and place of every row of one document."""
    section = PAGE.partition(f"\n## {code}: ")[2].partition("\n## ")[0]
    found = [tuple(cell.strip() for cell in line.strip("|").split(" | ")) for line in section.splitlines() if line.startswith("| ")]
    assert all(len(row) == 2 for row in found), found
    return [(part, where) for part, where in found if part != "part"]


@pytest.mark.parametrize("code", CODES)
def test_each_row_names_something_or_says_why_not(code: str) -> None:
    """That files and headings which are named exist is held by tests/unit/test_docs.py; here each path is held by name, too."""
    assert len(rows(code)) >= 10
    for part, where in rows(code):
        named = [*NAMED.findall(where), *LINK.findall(where)]
        assert named or re.match(r"not here: \S+ \S+", where), part
        for path in NAMED.findall(where):
            assert (ROOT / path.rstrip("/")).exists(), f"{part}: {path}"


def titles(code: str, text: str) -> list[str]:
    """The headings of a text: of Markdown, of numbered sections, of exercises."""
    plain = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    if code in ("000", "001"):
        return [found.rstrip(":") for found in re.findall(r"^#{2,3} (.+)$", plain, re.MULTILINE)]
    exercises = re.findall(r"^(Exercise 33\.6\.\d): ", plain, re.MULTILINE)
    sections = re.findall(r"^(\d\. [A-Z][^.\n]{3,60})$", plain, re.MULTILINE)
    return [*sections, *exercises]


@pytest.mark.shared
@pytest.mark.parametrize("code", CODES)
def test_every_section_and_exercise_has_a_row(code: str) -> None:
    files = sorted(SEEDS.glob(f"{code}_*.txt"))
    if not files:
        pytest.skip("the texts are not beside the repository")
    parts = "\n".join(part for part, _ in rows(code)).lower()
    wanted = [each.strip().lower() for each in titles(code, files[0].read_text(encoding="utf-8"))]
    assert len(wanted) >= 5
    assert [each for each in wanted if each not in parts and each not in _GROUPS] == []


_GROUPS = frozenset(
    {"core concepts", "technical components", "the decision framework", "when to build (or host open source)", "why this matters now"}
)
"""Headings whose parts have rows of their own."""
