"""docs/tutorial.md from its first command to its last: in an empty folder, as a reader would."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tools.refresh_tutorial import PAGE, excerpt, followed

RATE, SMALL_RATE = "0.3 - 0.2 *", "0.03 - 0.02 *"
"""What the page's own trace has of requests a second, and a tenth of it."""


@pytest.mark.slow
def test_every_command_of_the_tutorial_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    page = PAGE.read_text(encoding="utf-8")
    assert RATE in page
    blocks = list(followed(page.replace(RATE, SMALL_RATE), tmp_path))
    assert len(blocks) == 5 and all(printed for printed, _ in blocks)
    assert len(list(tmp_path.glob("outputs/*/report.html"))) == 4
    assert "replicas: 1" in (tmp_path / "mine" / "stack.yaml").read_text(encoding="utf-8")


@pytest.mark.nightly
def test_the_tutorial_shows_what_is_printed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for printed, shown in followed(PAGE.read_text(encoding="utf-8"), tmp_path):
        assert shown == excerpt(printed, shown)
