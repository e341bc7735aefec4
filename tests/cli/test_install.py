"""The first command of the README from a checkout, from an editable install elsewhere and from a wheel in a read-only folder."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("install")]

FIRST = ("run", "workloads/bursty.parquet")
# Root may write anywhere, so it gives up that privilege (CAP_DAC_OVERRIDE, 1) for good (PR_CAPBSET_DROP, 24) before it starts the command.
UNPRIVILEGED = """
import ctypes, os, sys
if os.geteuid() == 0 and ctypes.CDLL(None, use_errno=True).prctl(24, 1, 0, 0, 0) != 0:
    sys.exit(77)
os.execv(sys.argv[1], sys.argv[1:])
"""


def start(*command: str | Path, cwd: Path, **more: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | more
    return subprocess.run([str(part) for part in command], cwd=cwd, env=environment, capture_output=True, text=True, timeout=300)


def must(*command: str | Path, cwd: Path, **more: str) -> str:
    done = start(*command, cwd=cwd, **more)
    assert done.returncode == 0, done.stderr
    return done.stdout


def bare_environment(folder: Path) -> Path:
    """The Python of a new environment that has the libraries of this one, but not this project."""
    pytest.importorskip("pip", reason="pip is not in this environment; the one that `make` builds has it")
    must(sys.executable, "-m", "venv", "--without-pip", folder, cwd=folder.parent)
    python = folder / "bin" / "python"
    site = Path(must(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=folder).strip())
    # Path files of a folder that is named in a path file are not read: an editable install in this environment stays unseen.
    (site / "libraries.pth").write_text(sysconfig.get_path("purelib") + "\n")
    assert start(python, "-c", "import sim", cwd=folder).returncode != 0
    return python


def install(python: Path, *what: str | Path, cwd: Path) -> None:
    options = ("--quiet", "--no-deps", "--no-index", "--no-build-isolation", "--ignore-installed")
    must(sys.executable, "-m", "pip", "--python", python, "install", *options, *what, cwd=cwd)


@pytest.fixture(scope="module")
def from_checkout(root: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    out = tmp_path_factory.mktemp("checkout") / "run"
    return must(sys.executable, "-m", "sim", *FIRST, "-o", out, cwd=root)


@pytest.fixture(scope="module")
def wheel_python(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    python = bare_environment(folder / "environment")
    must(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, root, cwd=folder)
    (wheel,) = folder.glob("*.whl")
    install(python, wheel, cwd=folder)
    return python


def test_an_editable_install_works_from_another_folder(root: Path, tmp_path: Path, from_checkout: str) -> None:
    python = bare_environment(tmp_path / "environment")
    install(python, "--editable", root, cwd=tmp_path)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    assert must(python.with_name("sim"), *FIRST, cwd=elsewhere) == from_checkout
    (written,) = (elsewhere / "outputs").iterdir()
    assert written.name.startswith("bursty-")
    assert (written / "summary.json").is_file()


def test_a_wheel_works_in_an_empty_read_only_folder(wheel_python: Path, tmp_path: Path, from_checkout: str) -> None:
    tmp_path.chmod(0o555)
    try:
        probe = start(sys.executable, "-c", UNPRIVILEGED, sys.executable, "-c", "open('x', 'w')", cwd=tmp_path)
        if probe.returncode == 77:
            pytest.skip("root cannot give up its right to write to read-only folders here")
        assert "PermissionError" in probe.stderr, "the folder is not read-only"
        done = start(sys.executable, "-c", UNPRIVILEGED, wheel_python.with_name("sim"), *FIRST, cwd=tmp_path)
    finally:
        tmp_path.chmod(0o755)
    assert done.returncode == 0, done.stderr
    assert done.stdout == from_checkout
    assert "-o" in done.stderr
    assert "no files were written" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_wheel_brings_the_package_and_nothing_else(wheel_python: Path, tmp_path: Path) -> None:
    site = Path(must(wheel_python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=tmp_path).strip())
    brought = {entry.name for entry in site.iterdir() if not entry.name.endswith(".dist-info")}
    assert brought == {"sim", "libraries.pth"}
    data = {path.parent.name for path in (site / "sim" / "_data").glob("*/*")}
    assert data == {"models", "workloads", "schemas"}
    assert (site / "sim" / "py.typed").is_file()


def test_a_wheel_names_the_nearest_of_its_workloads(wheel_python: Path, tmp_path: Path) -> None:
    done = start(wheel_python.with_name("sim"), "run", "workloads/burst.parquet", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.splitlines() == ["error: workloads/burst.parquet: no such file; did you mean 'bursty.parquet'?"]
    assert list(tmp_path.iterdir()) == []
