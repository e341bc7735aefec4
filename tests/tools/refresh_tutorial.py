"""Write into docs/tutorial.md what its commands print now: python -m tests.tools.refresh_tutorial

Its blocks of code are done in their order, in an empty folder: Python, lines of commands, and text, which is what the commands before it printed, some
paragraphs left out (`...`). A paragraph is known by its first word, the first one of a block by its place. tests/cli/test_tutorial.py does the same.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from sim.cli.main import exit_code
from tests.conftest import ROOT

PAGE = ROOT / "docs" / "tutorial.md"
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.DOTALL | re.MULTILINE)
LEFT_OUT = "..."
GATES = frozenset({0, 1})
"""Exit codes of a diff: every gate holds, or one fails."""


def given(line: str, folder: Path) -> str:
    """What a line of commands prints on stdout: `sim` here, all else by a program of that name. AssertionError where it goes wrong."""
    words = shlex.split(line)
    if words[0] != "sim":
        subprocess.run(words, cwd=folder, check=True)
        return ""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = exit_code(words[1:])
    assert code in (GATES if words[1] == "diff" else {0}), f"{line}: {err.getvalue()}"
    return out.getvalue()


def followed(page: str, folder: Path) -> Iterator[tuple[str, str]]:
    """Do what the page says in `folder`, the current one: of each block of text what was printed, and what the page shows of it."""
    printed = ""
    for kind, text in BLOCK.findall(page):
        if kind == "python":
            subprocess.run([sys.executable, "-c", text], cwd=folder, check=True)
        elif kind == "text":
            yield printed, text
        else:
            printed = "".join(given(line, folder) for line in text.splitlines())


def excerpt(printed: str, shown: str) -> str:
    """The paragraphs that are shown, as they are printed now."""
    now = printed.strip("\n").split("\n\n")
    by_word = {paragraph.split()[0]: paragraph for paragraph in reversed(now)}
    kept = shown.strip("\n").split("\n\n")
    return "\n\n".join(now[0] if k == 0 else each if each == LEFT_OUT else by_word[each.split()[0]] for k, each in enumerate(kept)) + "\n"


def main() -> None:
    """Refresh the page."""
    page = PAGE.read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        for printed, shown in followed(page, Path(folder)):
            page = page.replace(shown, excerpt(printed, shown), 1)
        os.chdir(ROOT)
    PAGE.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
