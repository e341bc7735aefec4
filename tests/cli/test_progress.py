"""The line on a terminal's stderr: silent at first and elsewhere, then what is being done, how far it is and how long the rest takes."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from sim.cli import progress as module
from sim.cli.progress import Progress
from tests.made.command import Capture


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Time stands still, and stderr is a terminal."""
    found = Clock()
    monkeypatch.setattr(module, "time", found)
    monkeypatch.setattr(module, "sys", SimpleNamespace(stderr=SimpleNamespace(isatty=lambda: True)))
    return found


def shown(capsys: Capture) -> str:
    return capsys.readouterr().err


def test_time_left_is_judged_by_what_is_done(clock: Clock, capsys: Capture) -> None:
    with Progress(quiet=False) as progress:
        progress.part("replaying days", 0, 40)
        assert shown(capsys) == ""  # patience
        clock.now += 5.0
        progress.part("replaying days", 10, 40)
        assert shown(capsys) == "\rreplaying days  25%, about 15 s left (5 s)"
        clock.now += 15.0
        progress.part("replaying days", 40, 40)
        assert shown(capsys) == "\rreplaying days 100% (20 s)"
        progress.part("replaying incidents", 0, 8)
        clock.now += 4.0
        progress.part("replaying incidents", 2, 8)
        assert shown(capsys) == "\rreplaying incidents  25%, about 12 s left (24 s)"  # by the time of this part alone
        clock.now += 3.0
        progress.part("adding up", 0, 0)
        assert shown(capsys) == "\radding up (27 s)"
    assert shown(capsys) == "\r"


def test_a_line_fits_its_terminal(clock: Clock, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_columns", lambda: 30)
    progress = Progress(quiet=False)
    clock.now += 2.0
    progress.counts("simulating a-table-of-measurements-with-a-long-name.csv", 8)
    assert shown(capsys) == "\rsimulating a-table-o... (2 s)"
    clock.now += 2.0
    progress.at(4)
    assert len(shown(capsys).strip("\r")) < 30


def test_not_more_often_than_a_reader_can_follow(clock: Clock, capsys: Capture) -> None:
    progress = Progress(quiet=False)
    clock.now += 2.0
    progress.part("replaying days", 1, 1000)
    assert shown(capsys)
    for done in range(2, 10):
        clock.now += 0.01
        progress.part("replaying days", done, 1000)
    assert shown(capsys) == ""


@pytest.mark.parametrize("quiet", [True, False])
def test_silent_where_nobody_looks(capsys: Capture, monkeypatch: pytest.MonkeyPatch, quiet: bool) -> None:
    found = Clock()
    monkeypatch.setattr(module, "time", found)
    monkeypatch.setattr(module, "sys", SimpleNamespace(stderr=SimpleNamespace(isatty=lambda: quiet)))
    with Progress(quiet=quiet) as progress:
        found.now += 60.0
        progress.part("replaying days", 1, 2)
        progress.says("writing files")
    assert shown(capsys) == ""


def test_what_is_shown_cannot_steer_the_terminal(clock: Clock, capsys: Capture) -> None:
    progress = Progress(quiet=False)
    clock.now += 2.0
    progress.part("reading \x1b[31m.parquet", 1, 2)
    assert "\x1b[31m" not in shown(capsys)
