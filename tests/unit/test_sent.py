"""What was sent to another machine and is kept there: whole, not taken from under who reads it, and not for ever."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from sim.planning import sent
from sim.planning.sent import answer, asked, trace_bytes
from tests.made.points import computes, point_of, study_of


@pytest.fixture
def inputs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "inputs"
    folder.mkdir()
    monkeypatch.setattr(sent, "_inputs", lambda: folder)
    return folder


def test_a_trace_that_is_not_seen_is_wanted_then_kept(inputs: Path, tmp_path: Path) -> None:
    study = study_of(tmp_path / "trace")
    content = trace_bytes(study)
    study.trace.unlink()
    question = asked(study, point_of(0))
    assert answer(computes, question, None, None).kind == "trace wanted"
    assert answer(computes, question, content, None).kind == "row"
    assert answer(computes, question, None, None).kind == "row", "it is there now"
    assert [path.read_bytes() for path in inputs.glob("*/trace")] == [b"a trace"]


def test_who_comes_second_leaves_the_first_ones_folder_alone(inputs: Path) -> None:
    """Another process may have opened it."""
    sent._keep(inputs / "a", {"one/x": b"1"})
    before = (inputs / "a" / "one" / "x").stat()
    sent._keep(inputs / "a", {"one/x": b"1"})
    assert (inputs / "a" / "one" / "x").stat().st_ino == before.st_ino
    assert [each.name for each in inputs.iterdir()] == ["a"]


def test_a_folder_that_is_not_whole_is_written_anew(inputs: Path) -> None:
    (inputs / "a").mkdir()
    (inputs / "a" / "x").write_bytes(b"torn")
    sent._keep(inputs / "a", {"x": b"whole"})
    assert (inputs / "a" / "x").read_bytes() == b"whole"


def test_the_oldest_go_and_what_is_being_written_stays(inputs: Path) -> None:
    for number in range(20):
        sent._keep(inputs / f"{number:02}", {"x": b""})
        os.utime(inputs / f"{number:02}", (1e9 + number, 1e9 + number))
    for name, age_s in ((".now", 10.0), (".left", 2 * 3600.0)):
        (inputs / name).mkdir()
        os.utime(inputs / name, (time.time() - age_s,) * 2)
    sent._keep(inputs / "new", {"x": b""})
    names = sorted(each.name for each in inputs.iterdir())
    assert names == [".now", *(f"{number:02}" for number in range(5, 20)), "new"]
