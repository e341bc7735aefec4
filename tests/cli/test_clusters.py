"""Points sent to a real Dask and a real Ray: the same bytes as here, whoever is killed there, and clear words where it cannot be."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.made.clusters import Cluster, need, started, with_machine_code
from tests.made.world import write_world

KINDS = [
    pytest.param("dask", marks=[pytest.mark.xdist_group("dask"), pytest.mark.slow]),
    # Alone, by .ci/run after all others: the processes of a Ray head give up what takes long on a machine that is busy.
    pytest.param("ray", marks=[pytest.mark.xdist_group("ray"), pytest.mark.slow]),
]
SWEEP = (
    "-m", "sim", "sweep", "trace.parquet", "--stack", "small.yaml", "--models", "mine", "--over", "deployments.own.replicas=1:4",
    "--over", "deployments.own.gpu=h100-sxm,my-gpu", "--format", "csv",
)  # fmt: skip


@pytest.fixture(scope="session")
def only_ray_here() -> Iterator[None]:
    """The Ray heads of a machine all hand out ports from 23000 on for what serves their clients: two at once serve each other's."""
    with (Path(tempfile.gettempdir()) / "sim-tests-ray.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@pytest.fixture(scope="module", params=KINDS)
def cluster(request: pytest.FixtureRequest, root: Path) -> Iterator[Cluster]:
    if request.param == "ray":
        need("ray")
        request.getfixturevalue("only_ray_here")
    with started(request.param, root) as found:
        yield found


def here(folder: Path, root: Path, *arguments: str, timeout_s: float = 240) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(root), "SIM_CACHE_DIR": str(folder / "cache")}
    return subprocess.run([sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True, timeout=timeout_s)


@pytest.fixture
def world(tmp_path: Path) -> Path:
    write_world(tmp_path)
    with_machine_code(tmp_path / "cache")
    (tmp_path / "store").mkdir()
    return tmp_path


def points_of(folder: Path) -> list[Path]:
    return sorted((folder / "cache").glob("*/points/*.json"))


def test_a_sweep_is_the_same_bytes_there(cluster: Cluster, world: Path, root: Path) -> None:
    """With a catalogue of one's own, which is sent."""
    _own_gpu(world)
    alone = here(world, root, *SWEEP, "--workers", "1")
    assert alone.returncode == 0, alone.stderr
    rows = {path.name: path.read_bytes() for path in points_of(world)}
    assert len(rows) == 8
    for path in points_of(world):
        path.unlink()
    there = here(world, root, *SWEEP, "--cluster", cluster.address)
    assert there.returncode == 0, there.stderr
    assert there.stdout == alone.stdout
    assert {path.name: path.read_bytes() for path in points_of(world)} == rows
    assert list(cluster.folder.glob("cache/*/inputs/*/models/gpus/my-gpu.yaml"))


def test_a_trace_that_workers_do_not_see_is_sent(cluster: Cluster, world: Path, root: Path) -> None:
    """In another folder they do not find what is named from here; once sent, it is kept there by its hash."""
    alone = here(world, root, "-m", "tests.made.points", ".", "1", "6", "0")
    shutil.rmtree(world / "store")
    (world / "store").mkdir()
    there = here(world, root, "-m", "tests.made.points", ".", cluster.address, "6", "0")
    assert there.returncode == 0, there.stderr
    assert there.stdout == alone.stdout
    assert len(there.stdout.splitlines()) == 6
    (kept,) = cluster.folder.glob("cache/*/inputs/*/trace")
    assert kept.read_bytes() == (world / "trace").read_bytes()


def test_a_killed_worker_loses_only_its_point_there(cluster: Cluster, world: Path, root: Path) -> None:
    """One that is killed once is computed after all; one that always kills is a row with the reason."""
    alone = here(world, root, "-m", "tests.made.points", str(world), "1", "6", "0")
    for path in (world / "store").iterdir():
        path.unlink()
    there = here(world, root, "-m", "tests.made.points", str(world), cluster.address, "6", "0", "2=kill_once", "4=kill")
    assert there.returncode == 0, there.stderr
    rows, wanted = there.stdout.splitlines(), alone.stdout.splitlines()
    assert [row.partition("metrics=")[2] for number, row in enumerate(rows) if number != 4] == [
        row.partition("metrics=")[2] for number, row in enumerate(wanted) if number != 4
    ]
    assert "killed each time" in rows[4]
    assert (world / "killed2").exists()
    assert len(list((world / "store").iterdir())) == 5


def test_another_program_there_computes_nothing(cluster: Cluster, world: Path, root: Path, tmp_path: Path) -> None:
    """One byte more in one source is another program."""
    other = tmp_path / "other"
    for folder in ("sim", "models", "tests/made"):
        shutil.copytree(root / folder, other / folder, ignore=shutil.ignore_patterns("__pycache__"))
    with (other / "sim" / "units.py").open("a") as source:
        source.write("\n")
    done = here(world, other, "-m", "tests.made.points", str(world), cluster.address, "3", "0")
    assert done.returncode == 1
    assert "the program there is another one" in done.stderr
    assert "Traceback" not in done.stderr
    assert list((world / "store").iterdir()) == []


@pytest.mark.parametrize("kind", KINDS)
def test_workers_without_the_program_are_said_so(
    kind: str, world: Path, root: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    (tmp_path / "nothing").mkdir()
    need(kind)
    if kind == "ray":
        request.getfixturevalue("only_ray_here")
    probe = subprocess.run([sys.executable, "-c", "import sim"], cwd=tmp_path / "nothing", capture_output=True, check=False)
    if probe.returncode == 0:
        pytest.skip("the program is installed here, so that workers find it anyhow")
    with started(kind, tmp_path / "nothing") as cluster:
        done = here(world, root, "-m", "tests.made.points", str(world), cluster.address, "3", "0")
    assert "cannot import the program" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.xdist_group("dask")
@pytest.mark.slow
def test_a_scheduler_that_ends_loses_nothing_that_was_finished(world: Path, root: Path) -> None:
    with started("dask", root) as cluster:
        command = [sys.executable, "-m", "tests.made.points", str(world), cluster.address, "40", "0.2"]
        environment = {**os.environ, "PYTHONPATH": str(root), "SIM_CACHE_DIR": str(world / "cache")}
        with subprocess.Popen(command, cwd=world, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            until = time.monotonic() + 60
            while len(list((world / "store").iterdir())) < 4 and time.monotonic() < until:
                time.sleep(0.01)
            cluster.parts["scheduler"].send_signal(signal.SIGKILL)
            _, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "its scheduler has ended" in err
    assert "Traceback" not in err
    kept = len(list((world / "store").glob("[!.]*")))
    assert 4 <= kept < 40
    again = here(world, root, "-m", "tests.made.points", str(world), "2", "40", "0.2")
    assert len(again.stdout.splitlines()) == 40


@pytest.mark.parametrize("kind", KINDS)
def test_what_listens_and_says_nothing_is_out_of_reach_in_ten_seconds(kind: str, world: Path, root: Path) -> None:
    need(kind)
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        address = f"{kind}://127.0.0.1:{silent.getsockname()[1]}"
        begin = time.monotonic()
        done = here(world, root, *SWEEP[:6], "--over", "deployments.own.replicas=1:4", "--cluster", address)
        taken_s = time.monotonic() - begin
    assert done.returncode == 2
    assert done.stderr.startswith(f"error: --cluster {address}: cannot be reached")
    assert "Traceback" not in done.stderr
    assert taken_s < 20, "ten seconds, and the start of a process on a busy machine"


def _own_gpu(folder: Path) -> None:
    """The GPU that the stack has, under another name, in a catalogue of one's own."""
    from sim.catalog.catalog import Catalog

    (folder / "mine" / "gpus").mkdir(parents=True)
    shutil.copy(Catalog.load().path("gpu", "h100-sxm"), folder / "mine" / "gpus" / "my-gpu.yaml")
