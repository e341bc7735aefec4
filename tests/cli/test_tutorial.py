"""docs/tutorial.md from its first command to its last: in an empty folder, as a reader would."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sim.cli.main import exit_code

BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.DOTALL | re.MULTILINE)
RATE, SMALL_RATE = "0.3 - 0.2 *", "0.03 - 0.02 *"
"""What the page's own trace has of requests a second, and a tenth of it."""
GATES = frozenset({0, 1})
"""Exit codes of a diff: every gate holds, or one fails. On a tenth of the traffic it is quicker than the page says."""


def blocks(page: str) -> Iterator[tuple[str, str]]:
    """The blocks of code of the page: what kind, and their text."""
    yield from BLOCK.findall(page)


def made(script: str, folder: Path) -> None:
    """Run the page's Python as the reader does."""
    subprocess.run([sys.executable, "-c", script], cwd=folder, check=True)


def given(line: str, folder: Path) -> None:
    """Run a line of the page: `sim` here, all else by a program of that name. No exit code says that something is wrong with it."""
    words = shlex.split(line)
    if words[0] == "sim":
        assert exit_code(words[1:]) in (GATES if words[1] == "diff" else {0})
    else:
        subprocess.run(words, cwd=folder, check=True)


def followed(page: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[tuple[list[str], list[str]]]:
    """Do what the page says, block by block; what was printed, and what the page shows of it."""
    printed: list[str] = []
    for kind, text in blocks(page):
        if kind == "python":
            made(text, folder)
        elif kind == "text":
            yield printed, text.splitlines()
        else:
            for line in text.splitlines():
                given(line, folder)
            printed = capsys.readouterr().out.splitlines()


@pytest.fixture
def page(root: Path) -> str:
    return (root / "docs" / "tutorial.md").read_text(encoding="utf-8")


@pytest.mark.slow
def test_every_command_of_the_tutorial_runs(
    page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert RATE in page
    shown = list(followed(page.replace(RATE, SMALL_RATE), tmp_path, capsys))
    assert len(shown) == 5 and all(printed for printed, _ in shown)
    assert len(list(tmp_path.glob("outputs/*/report.html"))) == 4
    assert "replicas: 1" in (tmp_path / "mine" / "stack.yaml").read_text(encoding="utf-8")


@pytest.mark.nightly
def test_the_tutorial_shows_what_is_printed(
    page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for printed, shown in followed(page, tmp_path, capsys):
        assert set(shown) - {"...", ""} <= set(printed)
