"""How far a command is: on a terminal one line that is written over, elsewhere a line now and then, and how long the rest takes."""

from __future__ import annotations

import pytest

from sim.cli import progress as module
from sim.cli.progress import Progress
from sim.wide import columns
from tests.made.command import Capture


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Time stands still, and stderr is a terminal of 80 columns."""
    found = Clock()
    monkeypatch.setattr(module, "time", found)
    monkeypatch.setattr(module, "lively", lambda _: True)
    monkeypatch.setattr(module, "_columns", lambda: 80)
    return found


@pytest.fixture
def log(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Time stands still, and stderr is a file."""
    monkeypatch.setattr(module, "lively", lambda _: False)
    return clock


def shown(capsys: Capture) -> str:
    return capsys.readouterr().err.replace("\033[K", "")


def test_a_bar_and_the_time_left_judged_by_what_is_done(clock: Clock, capsys: Capture) -> None:
    with Progress(quiet=False) as progress:
        progress.part("replaying days", 0, 40)
        assert shown(capsys) == ""  # patience
        clock.now += 5.0
        progress.part("replaying days", 10, 40)
        assert shown(capsys) == "\rreplaying days [█████░░░░░░░░░░░░░░░]  25%, about 15 s left (5 s)"
        clock.now += 15.0
        progress.part("replaying days", 40, 40)
        assert shown(capsys) == "\rreplaying days [████████████████████] 100% (20 s)"
        progress.part("replaying incidents", 0, 8)
        clock.now += 4.0
        progress.part("replaying incidents", 2, 8)
        assert shown(capsys).endswith(" 25%, about 12 s left (24 s)")  # by the time of this part alone
        clock.now += 3.0
        progress.part("adding up", 0, 0)
        assert shown(capsys) == "\radding up (27 s)"
    assert shown(capsys) == "\r"


def test_one_slow_piece_does_not_throw_the_estimate_about(clock: Clock, capsys: Capture) -> None:
    progress = Progress(quiet=False)
    progress.part("replaying", 0, 100)
    clock.now += 10.0
    progress.part("replaying", 10, 100)
    assert "about 2 min left" in shown(capsys)
    clock.now += 0.5
    progress.part("replaying", 30, 100)  # at once 24.5 s by the mean alone
    assert "about 79 s left" in shown(capsys)
    for _ in range(10):
        clock.now += 1.0
        progress.part("replaying", 30, 100)
    assert "about 42 s left" in shown(capsys).rpartition("\r")[2]  # what the mean says lags behind by little


def test_long_waits_are_told_in_minutes(clock: Clock, capsys: Capture) -> None:
    progress = Progress(quiet=False)
    progress.part("sweeping", 0, 1000)
    clock.now += 10.0
    progress.part("sweeping", 10, 1000)
    assert "about 16 min left" in shown(capsys)


@pytest.mark.parametrize("name", ["simulating a-table-of-measurements-with-a-long-name.csv", "漢字" * 30])
@pytest.mark.parametrize("wide", [12, 30, 50])
def test_a_line_fits_its_terminal(clock: Clock, capsys: Capture, monkeypatch: pytest.MonkeyPatch, wide: int, name: str) -> None:
    monkeypatch.setattr(module, "_columns", lambda: wide)
    progress = Progress(quiet=False)
    for done in (0, 4, 8):
        clock.now += 2.0
        progress.part(name, done, 8)
        line = shown(capsys).strip("\r")
        assert columns(line) <= wide - len("^C") - 1
        assert f"{done / 8:4.0%}" in line and "…" in line


def test_not_more_often_than_a_reader_can_follow(clock: Clock, capsys: Capture) -> None:
    progress = Progress(quiet=False)
    clock.now += 2.0
    progress.part("replaying days", 1, 1000)
    assert shown(capsys)
    for done in range(2, 10):
        clock.now += 0.01
        progress.part("replaying days", done, 1000)
    assert shown(capsys) == ""


def test_a_log_gets_a_line_of_its_own_twice_a_minute_at_most(log: Clock, capsys: Capture) -> None:
    with Progress(quiet=False) as progress:
        for done in range(61):
            progress.part("replaying days", done, 60)
            log.now += 1.0
        progress.says("writing files")
    assert shown(capsys).splitlines() == [
        "progress: replaying days  50%, about 30 s left (30 s)",
        "progress: replaying days 100% (60 s)",
    ]


@pytest.mark.parametrize("lively", [True, False])
def test_quiet_is_silent(clock: Clock, capsys: Capture, monkeypatch: pytest.MonkeyPatch, lively: bool) -> None:
    monkeypatch.setattr(module, "lively", lambda _: lively)
    with Progress(quiet=True) as progress:
        clock.now += 60.0
        progress.part("replaying days", 1, 2)
        progress.says("writing files")
    assert shown(capsys) == ""


def test_a_terminal_without_blocks_gets_signs(clock: Clock, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "shows", lambda *_: False)
    progress = Progress(quiet=False)
    clock.now += 2.0
    progress.part("replaying", 1, 2)
    assert shown(capsys).startswith("\rreplaying [##########----------]  50%")


def test_what_is_shown_cannot_steer_the_terminal(clock: Clock, capsys: Capture) -> None:
    progress = Progress(quiet=False)
    clock.now += 2.0
    progress.part("reading \x1b[31m.parquet", 1, 2)
    assert "\x1b[31m" not in shown(capsys)
