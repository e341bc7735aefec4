"""A sweep that is killed at any moment goes on from its finished points, and ends with the same bytes as one that never was."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.made.world import write_world

SWEEP = (
    "sweep", "trace.parquet", "--stack", "small.yaml", "--over", "deployments.own.replicas=1:6",
    "--over", "deployments.own.usd_per_gpu_hour=2,3,4,5", "--format", "csv",
)  # fmt: skip
POINTS = 24


def world(folder: Path) -> Path:
    """A small trace and stack, and a cache that has the machine code of this one but no finished points."""
    from sim.engine.compiled import CACHE_FOLDER

    folder.mkdir()
    write_world(folder)
    cache = folder / "cache" / CACHE_FOLDER.parent.name
    cache.mkdir(parents=True)
    (cache / CACHE_FOLDER.name).symlink_to(CACHE_FOLDER, target_is_directory=True)
    return folder


def started(folder: Path, root: Path, *arguments: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": str(root), "SIM_CACHE_DIR": str(folder / "cache")}
    command = [sys.executable, "-m", "sim", *arguments]
    return subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finished(folder: Path) -> set[str]:
    return {path.name for path in (folder / "cache").glob("*/points/*.json")}


def ended(folder: Path, root: Path, *arguments: str) -> tuple[int, str, str]:
    with started(folder, root, *arguments) as process:
        out, err = process.communicate(timeout=120)
    return process.returncode, out, err


def files(folder: Path) -> dict[str, bytes]:
    """What a run wrote, but for its record of how it was started, which the report shows too."""
    written = sorted((folder / "outputs").glob("*/*"))
    return {path.name: path.read_bytes() for path in written if path.name not in ("run.json", "report.html")}


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_killed_at_random_moments_it_ends_with_the_same_bytes(tmp_path: Path, root: Path, workers: int) -> None:
    """The moments are between the first point and the last: each kill waits for some more to be finished."""
    whole = world(tmp_path / "whole")
    code, out, err = ended(whole, root, *SWEEP, "--workers", "1")
    assert code == 0, err
    assert len(finished(whole)) == POINTS
    killed = world(tmp_path / "killed")
    moments = random.Random(5 + workers)
    for _ in range(3):
        before = finished(killed)
        more = moments.randrange(0, 6)
        with started(killed, root, *SWEEP, "--workers", str(workers)) as process:
            until = time.monotonic() + 60
            while len(finished(killed)) <= len(before) + more and process.poll() is None and time.monotonic() < until:
                time.sleep(0.001)
            time.sleep(moments.random() * 0.05)
            process.kill()
            process.communicate()
        assert process.returncode in (-signal.SIGKILL, 0)
        assert finished(killed) >= before
    kept = len(finished(killed))
    assert kept > 2
    code, again, err = ended(killed, root, *SWEEP, "--workers", str(workers))
    assert code == 0, err
    assert again == out
    assert f"{kept} of {POINTS} points were finished before and kept" in " ".join(err.split())
    assert finished(killed) == finished(whole)
    assert files(killed) == files(whole)


@pytest.mark.slow
def test_interrupted_it_says_what_is_kept(tmp_path: Path, root: Path) -> None:
    """The terminal tells every process of the group, workers too."""
    folder = world(tmp_path / "world")
    environment = {**os.environ, "PYTHONPATH": str(root), "SIM_CACHE_DIR": str(folder / "cache")}
    command = [sys.executable, "-m", "sim", *SWEEP, "--workers", "2"]
    with subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        until = time.monotonic() + 60
        while len(finished(folder)) < 2 and time.monotonic() < until:
            time.sleep(0.001)
        os.killpg(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert out == ""
    assert "Traceback" not in err
    assert "finished and kept" in " ".join(err.split())
    until = time.monotonic() + 10
    while _group_of(process.pid) and time.monotonic() < until:
        time.sleep(0.05)
    assert not _group_of(process.pid), "none is left, but for those that are just ending"


def _group_of(leader: int) -> list[str]:
    """Processes of a group that are still there."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            state = (folder / "stat").read_text().rpartition(")")[2].split()
            command = (folder / "cmdline").read_text()
        except OSError:
            continue
        if int(state[2]) == leader and state[0] != "Z":
            found.append(command)
    return found
