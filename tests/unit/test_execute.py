"""run_points(): the same rows on any number of workers, from the store or not, whoever is killed on the way."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from sim.planning.contents import program_sha256
from sim.planning.execute import computed, run_points
from sim.planning.point_store import PointStore
from sim.planning.points import Point, Row, Study
from sim.planning.workplace import Workplace
from tests.made.points import computes, point_of, study_of


@pytest.fixture
def study(tmp_path: Path) -> Study:
    return study_of(tmp_path / "trace")


@pytest.fixture
def store(tmp_path: Path) -> PointStore:
    (tmp_path / "store").mkdir()
    return PointStore(tmp_path / "store")


def rows(study: Study, points: Sequence[Point], **options: object) -> tuple[Row, ...]:
    return run_points(study, points, evaluate=computes, **options)  # type: ignore[arg-type]


def test_rows_are_the_same_bits_on_any_number_of_workers(study: Study, store: PointStore) -> None:
    """In order, though the first take longest; and so from the store."""
    points = [point_of(number, ("sleep", 0.2 if number < 2 else 0.0)) for number in range(8)]
    alone = rows(study, points)
    assert [row.point for row in alone] == points
    assert rows(study, points, workers=3, store=store) == alone
    assert run_points(study, points, store=store, evaluate=_never) == alone


def test_no_points_are_no_rows(study: Study) -> None:
    assert rows(study, [], workers=4) == ()


def test_points_of_one_stack_are_computed_once(study: Study, tmp_path: Path) -> None:
    log = ("log", str(tmp_path / "log"))
    first = point_of(3, log)
    again = Point(7, (("called", "otherwise"), log), first.settings)
    found = rows(study, [first, again, first])
    assert (tmp_path / "log").read_text() == "3\n"
    assert [row.point for row in found] == [first, again, first]
    assert found[0].metrics == found[1].metrics


def test_refused_points_keep_their_own_reasons(study: Study) -> None:
    """They have no settings, hence the same key."""
    points = [Point(0, (), (), "three do not divide by two"), point_of(1), Point(2, (), (), "too many")]
    found = rows(study, points, workers=2)
    assert [row.refused for row in found] == ["three do not divide by two", None, "too many"]
    assert set(found[0].metrics) == {metric.name for metric in study.metrics}


def test_progress_counts_up_from_what_is_kept(study: Study, store: PointStore) -> None:
    points = [point_of(number) for number in range(4)]
    rows(study, points[:2], store=store)
    told: list[tuple[str, float, float]] = []
    rows(study, points, store=store, says=lambda *what: told.append(what))
    assert told == [("points", done, 4) for done in (2, 3, 4)]


def test_a_killed_worker_loses_only_its_point(study: Study, tmp_path: Path) -> None:
    """Each other point is computed once, those beside it too; it is computed again."""
    log = ("log", str(tmp_path / "log"))
    points = [point_of(number, log, ("sleep", 0.1)) for number in range(6)]
    points[2] = point_of(2, ("kill_once", str(tmp_path / "killed")), log)
    found = rows(study, points, workers=2)
    assert [row.refused for row in found] == [None] * 6
    assert sorted((tmp_path / "log").read_text().split()) == [str(number) for number in range(6)]


def test_a_point_that_kills_its_worker_twice_is_a_row_with_the_reason(study: Study, store: PointStore, tmp_path: Path) -> None:
    """And is not kept: another machine may have more memory."""
    points = [point_of(0), point_of(1, ("kill", 1.0)), point_of(2)]
    found = rows(study, points, workers=2, store=store)
    assert found[1].refused is not None
    assert "killed each time" in found[1].refused
    assert "SIGKILL" in found[1].refused
    assert found[0] == rows(study, points[:1])[0]
    assert store.get(study.key(points[1]), points[1]) is None
    assert store.get(study.key(points[2]), points[2]) == found[2]


def test_a_worker_killed_from_outside_between_points_is_replaced(study: Study) -> None:
    """Whoever watches memory may kill a process that does nothing at the moment."""
    points = [point_of(number, ("sleep", 0.3)) for number in range(6)]
    alone = rows(study, points)
    killed: list[int] = []

    def kill(_what: str, done: float, _whole: float) -> None:
        if done == 2:
            killed.extend(workers_of(os.getpid())[:1])
            os.kill(killed[0], signal.SIGKILL)

    assert rows(study, points, workers=2, says=kill) == alone
    assert killed


@pytest.mark.parametrize("workers", [1, 2])
def test_a_point_without_memory_is_a_row_that_is_not_kept(study: Study, store: PointStore, workers: int) -> None:
    points = [point_of(0), point_of(1, ("no_memory", 1.0)), point_of(2)]
    found = rows(study, points, workers=workers, store=store)
    assert [row.refused for row in found] == [None, "not enough memory", None]
    assert store.get(study.key(points[1]), points[1]) is None


@pytest.mark.parametrize("workers", [1, 2])
def test_a_bug_is_raised_and_what_was_finished_is_kept(study: Study, store: PointStore, workers: int) -> None:
    points = [point_of(0), point_of(1), point_of(2, ("bug", 1.0), ("sleep", 0.5)), point_of(3)]
    with pytest.raises(ZeroDivisionError, match="a bug"):
        rows(study, points, workers=workers, store=store)
    assert store.get(study.key(points[0]), points[0]) is not None
    assert store.get(study.key(points[1]), points[1]) is not None
    assert workers_of(os.getpid()) == []


def test_a_full_disk_costs_the_store_and_not_the_run(study: Study, store: PointStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Said once."""

    def full(*_arguments: object) -> None:
        raise OSError(28, "No space left on device")

    points = [point_of(number) for number in range(4)]
    alone = rows(study, points)
    monkeypatch.setattr(Path, "write_bytes", full)
    notes: list[str] = []
    assert rows(study, points, store=store, notes=notes.append) == alone
    assert len(notes) == 1
    assert "No space left on device" in notes[0]


def test_a_program_that_changed_computes_nothing(study: Study) -> None:
    """A worker that is started later reads other sources than those that keys stand for."""
    from sim.errors import InputError

    assert computed(computes, study, program_sha256(), point_of(0))
    with pytest.raises(InputError, match="changed while it was running"):
        computed(computes, study, "0" * 64, point_of(0))


def test_workers_compute_with_one_thread(study: Study) -> None:
    found = run_points(study, [point_of(number) for number in range(2)], workers=2, evaluate=_threads)
    assert [row.metrics for row in found] == [{"threads": 1.0, "numba": 1.0}] * 2


def test_processes_stay_from_one_study_to_the_next(study: Study) -> None:
    """And end with the block, or with what is raised."""
    points = [point_of(number) for number in range(4)]
    with Workplace(2) as place:
        first = run_points(study, points, evaluate=computes, place=place)
        at_work = set(workers_of(os.getpid()))
        again = run_points(replace(study, seed=1), points, evaluate=computes, place=place)
        assert set(workers_of(os.getpid())) == at_work
        assert len(at_work) == 2
        assert [row.metrics for row in again] == [row.metrics for row in first]
        with pytest.raises(ZeroDivisionError):
            run_points(study, [point_of(5, ("bug", 1.0)), point_of(6, ("sleep", 30.0))], evaluate=computes, place=place)
        assert workers_of(os.getpid()) == []
        assert run_points(study, points[:2], evaluate=computes, place=place) == first[:2]
    assert workers_of(os.getpid()) == []


def test_what_takes_long_to_load_does_not_hold_up_the_end(study: Study) -> None:
    """As the engine does where it is compiled."""
    begin = time.monotonic()
    with Workplace(2, prepare=_sleeps) as place:
        place.begin()
        assert len(_servers_of(os.getpid())) == 1
        thread = threading.Timer(1.0, os.kill, (os.getpid(), signal.SIGINT))
        thread.start()
        with pytest.raises(KeyboardInterrupt):
            run_points(study, [point_of(number) for number in range(4)], evaluate=computes, place=place)
        thread.join()
    assert time.monotonic() - begin < 20
    assert _servers_of(os.getpid()) == []


def test_what_goes_wrong_in_loading_goes_wrong_with_a_point(study: Study) -> None:
    """Here nothing does: these points need nothing of it."""
    points = [point_of(number) for number in range(4)]
    with Workplace(2, prepare=_fails) as place:
        assert run_points(study, points, evaluate=computes, place=place) == rows(study, points)


def test_a_server_that_is_killed_is_replaced(study: Study) -> None:
    points = [point_of(number, ("sleep", 0.2)) for number in range(6)]
    killed: list[int] = []

    def kill(_what: str, done: float, _whole: float) -> None:
        if done == 2:
            killed.extend(_servers_of(os.getpid()))
            os.kill(killed[0], signal.SIGKILL)

    assert rows(study, points, workers=2, says=kill) == rows(study, points)
    assert killed


def test_ctrl_c_stops_at_once_and_leaves_no_process(study: Study, store: PointStore) -> None:
    points = [point_of(0), *(point_of(number, ("sleep", 60.0)) for number in range(1, 5))]
    begin = time.monotonic()

    def interrupt() -> None:
        while store.get(study.key(points[0]), points[0]) is None and time.monotonic() < begin + 30:
            time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        rows(study, points, workers=2, store=store)
    thread.join()
    assert time.monotonic() - begin < 25
    assert workers_of(os.getpid()) == []
    assert store.get(study.key(points[0]), points[0]) is not None


def test_workers_end_with_a_run_that_is_killed(tmp_path: Path, root: Path) -> None:
    command = [sys.executable, "-m", "tests.made.points", str(tmp_path), "2", "4", "60"]
    (tmp_path / "store").mkdir()
    said = tmp_path / "said"
    with said.open("w") as err, subprocess.Popen(command, cwd=root, stdout=subprocess.DEVNULL, stderr=err) as run:
        until = time.monotonic() + 30
        while len(workers := workers_of(run.pid)) < 2 and time.monotonic() < until:
            time.sleep(0.1)
        time.sleep(1.0)
        run.kill()
    assert len(workers) == 2
    until = time.monotonic() + 10
    while any(map(alive, workers)) and time.monotonic() < until:
        time.sleep(0.1)
    assert not any(map(alive, workers))
    assert said.read_text() == ""


def workers_of(parent: int) -> list[int]:
    """Workers of a process, from Linux's list of processes: children of its child that they are forked from."""
    return [worker for server in _servers_of(parent) for worker in _servers_of(server)]


def _servers_of(parent: int) -> list[int]:
    """Children that run the program of fork servers, as their workers do."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            state = (folder / "stat").read_text().rpartition(")")[2].split()
            command = (folder / "cmdline").read_text()
        except OSError:
            continue
        if int(state[1]) == parent and state[0] != "Z" and "fork_server" in command:
            found.append(int(folder.name))
    return found


def alive(pid: int) -> bool:
    try:
        return (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def _never(study: Study, point: Point) -> Row:
    raise AssertionError


def _sleeps() -> None:
    time.sleep(60.0)


def _fails() -> None:
    raise ImportError("nothing to load")


def _threads(study: Study, point: Point) -> Row:
    import numba

    return Row(point, {"threads": float(os.environ["OPENBLAS_NUM_THREADS"]), "numba": float(numba.config.NUMBA_NUM_THREADS)}, ())


pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks for processes as Linux lists them")
