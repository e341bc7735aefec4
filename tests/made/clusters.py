"""A real Dask scheduler and a real Ray on this machine, each with two workers, for tests that send points to a cluster."""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from shutil import rmtree

import pytest

_PACKAGES = {"dask": ("distributed",), "ray": ("ray", "grpc")}
_PATIENCE_S = 90.0


@dataclass
class Cluster:
    """Where it listens, and what its parts are called here."""

    address: str
    folder: Path
    parts: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)


def need(kind: str) -> None:
    """Skip a test whose cluster is not installed, unless SIM_REQUIRE_CLUSTERS names it, or that SIM_SKIP_CLUSTERS leaves for later."""
    if kind in os.environ.get("SIM_SKIP_CLUSTERS", "").split():
        pytest.skip(f"{kind}: left for a step of its own (SIM_SKIP_CLUSTERS)")
    missing = [package for package in _PACKAGES[kind] if find_spec(package) is None]
    if missing:
        why = f"{kind}: {', '.join(missing)} not installed (requirements-{kind}.lock)"
        if kind in os.environ.get("SIM_REQUIRE_CLUSTERS", "").split():
            pytest.fail(f"skipped although SIM_REQUIRE_CLUSTERS names it: {why}")
        pytest.skip(why)


@contextmanager
def started(kind: str, program: Path) -> Iterator[Cluster]:
    """A cluster whose workers run the program of a folder, with a folder of their own to keep things in."""
    need(kind)
    with ExitStack() as stack:
        # Sockets have short names, so not pytest's folder.
        folder = Path(tempfile.mkdtemp(prefix=f"sim-{kind}-"))
        stack.callback(rmtree, folder, ignore_errors=True)
        cluster = Cluster("", folder)
        stack.callback(_stop, cluster)
        environment = {**os.environ, "PYTHONPATH": str(program), "SIM_CACHE_DIR": str(with_machine_code(folder / "cache"))}
        cluster.address = {"dask": _dask, "ray": _ray}[kind](cluster, environment)
        yield cluster


def with_machine_code(cache: Path) -> Path:
    """A cache of its own that need not compile the engine again."""
    from sim.engine.compiled import CACHE_FOLDER

    inside = cache / CACHE_FOLDER.parent.name
    inside.mkdir(parents=True)
    (inside / CACHE_FOLDER.name).symlink_to(CACHE_FOLDER, target_is_directory=True)
    return cache


def free_port() -> int:
    """One that nobody listens on, outside of those that Ray and the system hand out."""
    while True:
        port = random.randrange(20_000, 30_000)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def _dask(cluster: Cluster, environment: dict[str, str]) -> str:
    place = cluster.folder / "scheduler.json"
    common = ("--scheduler-file", str(place), "--no-dashboard")
    _start(cluster, "scheduler", environment, "-m", "dask", "scheduler", "--host", "127.0.0.1", "--port", "0", *common)
    _wait_for(lambda: place.is_file() and place.read_text().endswith("}"), cluster, "scheduler")
    _start(
        cluster, "worker", environment, "-m", "dask", "worker", "--nworkers", "2", "--nthreads", "1",
        "--local-directory", str(cluster.folder / "space"), *common,
    )  # fmt: skip
    address = str(json.loads(place.read_text())["address"])
    return address.replace("tcp://", "dask://")


def _ray(cluster: Cluster, environment: dict[str, str]) -> str:
    port = free_port()
    _start(
        cluster, "head", {**environment, "RAY_DISABLE_IMPORT_WARNING": "1"}, "-m", "ray.scripts.scripts", "start", "--head", "--block", "--num-cpus", "2",
        "--node-ip-address", "127.0.0.1", "--port", str(free_port()), "--ray-client-server-port", str(port),
        "--dashboard-agent-listen-port", str(free_port()), "--dashboard-port", str(free_port()), "--include-dashboard", "false",
        "--disable-usage-stats", "--object-store-memory", "100000000", "--temp-dir", str(cluster.folder / "ray"),
    )  # fmt: skip
    _wait_for(lambda: _listens(port), cluster, "head")
    return f"ray://127.0.0.1:{port}"


def _start(cluster: Cluster, name: str, environment: dict[str, str], *arguments: str) -> None:
    with (cluster.folder / f"{name}.log").open("wb") as log:
        # In a folder of its own: a trace that is named as here is not seen there.
        cluster.parts[name] = subprocess.Popen(
            [sys.executable, *arguments], cwd=cluster.folder, env=environment, stdout=log, stderr=log, start_new_session=True
        )


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1.0).close()
    except OSError:
        return False
    return True


def _wait_for(ready: object, cluster: Cluster, name: str) -> None:
    assert callable(ready)
    until = time.monotonic() + _PATIENCE_S
    while not ready():
        log = (cluster.folder / f"{name}.log").read_text(errors="replace")
        assert cluster.parts[name].poll() is None, log
        assert time.monotonic() < until, log
        time.sleep(0.1)


def _stop(cluster: Cluster) -> None:
    for end in (signal.SIGTERM, signal.SIGKILL):
        for process in reversed(list(cluster.parts.values())):
            with suppress(ProcessLookupError):
                os.killpg(process.pid, end)
        for process in cluster.parts.values():
            with suppress(subprocess.TimeoutExpired):
                process.wait(10 if end == signal.SIGTERM else 60)
