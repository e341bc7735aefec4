"""`sim report` and `sim runs`: folders by path, name and latest, several at once, what is not there, and what is damaged."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from sim.cli.main import exit_code
from tests.made import command
from tests.made.command import Capture
from tests.made.world import write_world


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two runs under outputs/."""
    world = tmp_path_factory.mktemp("world")
    write_world(world)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(world)
        for seed in ("0", "1"):
            asked = ["run", "trace.parquet", "--stack", "small.yaml", "--months", "0", "--seed", seed, "-o", f"outputs/r{seed}"]
            patch.setattr("sys.argv", ["sim", *asked])
            assert exit_code(["-q", *asked]) == 0
    return world


@pytest.fixture
def here(world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(world, tmp_path / "w")
    monkeypatch.chdir(tmp_path / "w")
    for k, name in enumerate(("r0", "r1")):
        os.utime(f"outputs/{name}/run.json", (1_700_000_000 + k, 1_700_000_000 + k))
    return tmp_path / "w"


def test_a_run_by_path_by_name_and_as_the_latest(here: Path, capsys: Capture) -> None:
    before = Path("outputs/r1/report.html").read_bytes()
    for given in ("outputs/r1", "r1", "latest"):
        Path("outputs/r1/report.html").unlink()
        code, out, err = command.run(capsys, "report", given)
        assert (code, out, err) == (0, "outputs/r1/report.html\n", "")
        assert Path("outputs/r1/report.html").read_bytes() == before


def test_several_at_once_each_once(here: Path, capsys: Capture) -> None:
    code, out, _ = command.run(capsys, "report", "r0", "r1", "r0")
    assert (code, out.splitlines()) == (0, ["outputs/r0/report.html", "outputs/r1/report.html"])


def test_one_that_fails_does_not_keep_the_others_from_theirs(here: Path, capsys: Capture) -> None:
    Path("outputs/r0/summary.json").write_text("{}")
    Path("outputs/r1/report.html").unlink()
    code, out, err = command.run(capsys, "report", "r0", "r1", "r9")
    assert code == 2 and out == "outputs/r1/report.html\n" and Path("outputs/r1/report.html").is_file()
    assert "error: r0/summary.json: schema_version: found None; allowed: 1" in err
    assert "error: r9: no such folder; allowed: the folder of a run, its name under outputs/, or latest" in err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "Missing argument 'RUN...'"),
        (("small.yaml",), "small.yaml: is a file; allowed: the folder of a run"),
        (("outputs",), "outputs: not the folder of a run, or one that was not finished (no run.json); in it are r0, r1"),
        (("r2",), "r2: no such folder; allowed: the folder of a run, its name under outputs/, or latest"),
    ],
)
def test_what_is_refused(here: Path, capsys: Capture, arguments: tuple[str, ...], said: str) -> None:
    assert said in command.refused(capsys, "report", *arguments)


def test_nothing_there_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    monkeypatch.chdir(tmp_path)
    assert "latest: there is no run under outputs/ here" in command.refused(capsys, "report", "latest")
    assert "outputs: no such folder; allowed: a folder of runs" in command.refused(capsys, "runs")
    Path("outputs").mkdir()
    assert command.run(capsys, "runs")[:2] == (0, "no runs yet: sim run TRACE writes one\n")


def test_a_folder_from_before_there_were_curves(here: Path, capsys: Capture) -> None:
    Path("outputs/r0/latency_curves.parquet").unlink()
    assert command.run(capsys, "report", "r0")[0] == 0
    assert "TTFT by deployment and class" in Path("outputs/r0/report.html").read_text()


def test_a_folder_that_cannot_be_written(here: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    before = Path("outputs/r0/report.html").read_bytes()
    monkeypatch.setattr(Path, "replace", full)
    code, out, err = command.run(capsys, "report", "r0")
    assert code == 2 and out == "" and "report.html: cannot be written: No space left on device" in err
    assert Path("outputs/r0/report.html").read_bytes() == before
    assert not list(Path("outputs/r0").glob(".*"))


def test_the_list_of_runs(here: Path, capsys: Capture) -> None:
    code, out, err = command.run(capsys, "runs")
    lines = out.splitlines()
    assert (code, err) == (0, "") and max(map(len, lines)) <= 80
    assert [line.split() for line in lines if not line.startswith(" ")] == [["r1", "run"], ["r0", "run"]]
    assert "2023-11-14 22:13 UTC. small serves trace for $" in " ".join(out.split())
    assert command.run(capsys, "runs", "outputs")[1] == out


def test_the_list_as_json_and_what_is_damaged(here: Path, capsys: Capture) -> None:
    Path("outputs/r0/summary.json").write_text("[")
    shutil.copytree("outputs/r1", "outputs/.r1.00ff.draft")
    Path("outputs/notes").mkdir()
    Path("outputs/r1/report.html").unlink()
    found = json.loads(command.run(capsys, "runs", "--format", "json")[1])["runs"]
    assert [each["name"] for each in found] == ["r1", "r0"]
    assert found[0]["kind"] == "run" and found[0]["trace"] == "trace" and found[0]["stacks"] == ["small"] and not found[0]["report"]
    assert found[1]["kind"] == "" and "summary.json: damaged or not there" in found[1]["problem"]
    assert "damaged" in command.run(capsys, "runs")[1]


def test_a_page_that_cannot_be_drawn_is_a_warning_and_the_run_is_there(
    here: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(_: object) -> str:
        raise ZeroDivisionError("by nought")

    monkeypatch.setattr("sim.report.html.build.report_html", fails)
    code, out, err = command.run(capsys, "run", "trace.parquet", "--stack", "small.yaml", "--months", "0", "-o", "kept")
    assert code == 0 and out and "warning: no report.html was made of it: ZeroDivisionError('by nought')" in " ".join(err.split())
    assert Path("kept/summary.json").is_file() and not Path("kept/report.html").exists()
    monkeypatch.undo()
    monkeypatch.chdir(here)
    assert command.run(capsys, "report", "kept")[:2] == (0, "kept/report.html\n")


def test_a_diff_is_drawn_and_not_exported(here: Path, capsys: Capture) -> None:
    shutil.copy("small.yaml", "copy.yaml")
    code, _, err = command.run(capsys, "diff", "small.yaml", "copy.yaml", "--trace", "trace.parquet", "--months", "0", "-o", "d")
    assert code == 0, err
    assert "Unchanged: both stacks say the same" in Path("d/report.html").read_text()
    assert command.run(capsys, "report", "d")[:2] == (0, "d/report.html\n")
    assert "d: a diff is not exported; allowed: the folder of a run, comparison, sweep, plan or elastic" in command.refused(
        capsys, "export", "d"
    )
    shutil.copytree("d", "outputs/newest")
    os.utime("outputs/newest/run.json", (2**33, 2**33))
    assert command.run(capsys, "report", "latest")[1] == "outputs/newest/report.html\n"
    code, _, err = command.run(capsys, "export", "latest")
    assert (code, err.startswith("note: latest is outputs/"), "newest" in err) == (0, True, False)
