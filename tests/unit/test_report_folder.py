"""The folder of a run is complete or not there at all, and nothing but an earlier run is ever replaced."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from sim.errors import InputError
from sim.report.run_folder import MARK, check_folder, default_folder, why_not_writable, write_folder


def fill(draft: Path) -> None:
    (draft / MARK).write_text("{}")
    (draft / "a").write_text("new")


def names(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir())


def test_a_new_folder_and_its_parents(tmp_path: Path) -> None:
    write_folder(tmp_path / "outputs" / "x", fill, replace=False)
    assert names(tmp_path / "outputs") == ["x"]
    assert names(tmp_path / "outputs" / "x") == ["a", MARK]


def test_an_earlier_run_is_replaced_whole(tmp_path: Path) -> None:
    old = tmp_path / "x"
    old.mkdir()
    (old / MARK).write_text("{}")
    (old / "left over").write_text("old")
    write_folder(old, fill, replace=True)
    assert names(tmp_path) == ["x"] and names(old) == ["a", MARK]


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt(), RuntimeError("bug")])
@pytest.mark.parametrize("before", [True, False])
def test_a_failure_leaves_what_was_there(tmp_path: Path, error: BaseException, before: bool) -> None:
    folder = tmp_path / "x"
    if before:
        write_folder(folder, fill, replace=False)

    def fails(draft: Path) -> None:
        (draft / "half").write_text("half")
        raise error

    with pytest.raises(InputError if isinstance(error, OSError) else type(error)) as caught:
        write_folder(folder, fails, replace=True)
    assert names(tmp_path) == (["x"] if before else [])
    if before:
        assert names(folder) == ["a", MARK]
    if isinstance(error, OSError):
        assert "could not be written: No space left on device" in str(caught.value)


def test_a_folder_that_appears_meanwhile_is_not_touched(tmp_path: Path) -> None:
    folder = tmp_path / "x"

    def late(draft: Path) -> None:
        fill(draft)
        folder.mkdir()
        (folder / "other").write_text("theirs")

    with pytest.raises(InputError, match="appeared while this run was under way"):
        write_folder(folder, late, replace=False)
    assert names(folder) == ["other"] and names(tmp_path) == ["x"]


def test_a_folder_given_is_refused_when_it_is_there(tmp_path: Path) -> None:
    folder = tmp_path / "x"
    check_folder(folder, force=False)
    folder.mkdir()
    with pytest.raises(InputError, match=r"already there; give another folder with -o, or --force"):
        check_folder(folder, force=False)
    check_folder(folder, force=True)  # empty
    (folder / "thesis.tex").write_text("years of work")
    with pytest.raises(InputError, match="holds something else than a run"):
        check_folder(folder, force=True)
    (folder / MARK).write_text("{}")
    check_folder(folder, force=True)
    file = tmp_path / "file"
    file.write_text("")
    for force in (False, True):
        with pytest.raises(InputError, match=r"already there|is not a folder"):
            check_folder(file, force=force)
    link = tmp_path / "link"
    link.symlink_to(folder)
    with pytest.raises(InputError, match="is not a folder"):
        check_folder(link, force=True)


def test_only_a_run_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "mine").write_text("")
    with pytest.raises(InputError, match="holds something else than a run"):
        write_folder(tmp_path / "x", fill, replace=True)
    assert names(tmp_path) == ["x"] and names(tmp_path / "x") == ["mine"]


def test_a_place_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    assert why_not_writable(tmp_path / "a" / "b") == ""
    assert "is a file" in why_not_writable(tmp_path / "file" / "b")
    with pytest.raises(InputError, match="is a file, not a folder"):
        check_folder(tmp_path / "file" / "b", force=False)
    (tmp_path / "gone").symlink_to(tmp_path / "nothing")
    assert "link to nothing" in why_not_writable(tmp_path / "gone" / "b")
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert why_not_writable(tmp_path / "b") == "no permission to write here"


def test_the_default_folder_is_named_by_its_inputs() -> None:
    first = default_folder("trace", "stack", {"seed": 1})
    assert first == default_folder("trace", "stack", {"seed": 1}) != default_folder("trace", "stack", {"seed": 2})
    assert first.parts[0] == "outputs" and first.name.startswith("trace-stack-") and len(first.name.rpartition("-")[2]) == 8
    assert "/" not in default_folder("../..", "a b/ü", {}).name and not default_folder("../..", "x", {}).name.startswith(".")
