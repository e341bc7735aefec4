"""Points of different inputs never meet in the store: one byte of anything that a row depends on is another key."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from sim.planning.execute import run_points
from sim.planning.point_store import PointStore
from sim.planning.points import Point, Row, Study
from tests.made.points import computes, point_of, study_of


def _another_trace(study: Study) -> Study:
    study.trace.write_bytes(study.trace.read_bytes()[:-1] + b"!")
    return replace(study, trace_sha256=hashlib.sha256(study.trace.read_bytes()).hexdigest())


def _another_file_of_the_catalogue(study: Study) -> Study:
    assert study.models is not None
    file = study.models / "gpus" / "my-gpu.yaml"
    file.write_bytes(file.read_bytes() + b"\n")
    return replace(study)


CHANGES: dict[str, Callable[[Study], Study]] = {
    "trace": _another_trace,
    "catalogue": _another_file_of_the_catalogue,
    "stack": lambda study: replace(study, stack_text=study.stack_text + " "),
    "prices": lambda study: replace(study, prices_text="a: 2"),
    "day": lambda study: replace(study, date="2026-11-22"),
    "seed": lambda study: replace(study, seed=1),
    "settings": lambda study: replace(study, settings=("deployments.own.max_num_seqs=8",)),
    "months": lambda study: replace(study, months=2),
}


@pytest.fixture
def study(tmp_path: Path) -> Study:
    """With a catalogue of one's own and prices."""
    from sim.catalog.catalog import Catalog

    (tmp_path / "mine" / "gpus").mkdir(parents=True)
    shutil.copy(Catalog.load().path("gpu", "h100-sxm"), tmp_path / "mine" / "gpus" / "my-gpu.yaml")
    return replace(study_of(tmp_path / "trace"), models=tmp_path / "mine", prices_text="a: 1", date="2026-11-21")


@pytest.mark.parametrize("what", CHANGES)
def test_one_byte_elsewhere_is_computed_again(study: Study, what: str, tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    store = PointStore(tmp_path / "store")
    points = [point_of(number, ("log", str(tmp_path / "log"))) for number in range(3)]
    run_points(study, points, store=store, evaluate=computes)
    run_points(replace(study), points, store=store, evaluate=_never)
    run_points(CHANGES[what](study), points, store=store, evaluate=computes)
    assert (tmp_path / "log").read_text().split() == ["0", "1", "2"] * 2


def test_one_byte_of_any_room_that_rows_come_from_is_another_program(tmp_path: Path, root: Path) -> None:
    shutil.copytree(root / "sim", tmp_path / "sim", ignore=shutil.ignore_patterns("__pycache__"))
    changed = ("engine/advance.py", "cost/replay.py", "planning/evaluate.py", "sampling.py", "catalog/price_book.py", "measure/load.py")
    script = f"""
from pathlib import Path
from sim.planning.contents import program_sha256
print(program_sha256())
for name in {changed!r}:
    with (Path("sim") / name).open("a") as source:
        source.write("#")
    program_sha256.cache_clear()
    print(program_sha256())
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    hashes = done.stdout.split()
    assert len(set(hashes)) == len(changed) + 1


def _never(study: Study, point: Point) -> Row:
    raise AssertionError
