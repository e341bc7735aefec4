"""Points that do what their values say, for tests of how points are computed: importable by other processes."""

from __future__ import annotations

import hashlib
import os
import signal
import sys
import time
from pathlib import Path

from sim.planning.point_store import PointStore
from sim.planning.points import Point, Row, Study


def study_of(trace: Path, **changes: object) -> Study:
    """A study of a file, which nothing here reads."""
    if not trace.exists():
        trace.write_bytes(b"a trace")
    study = Study(trace, hashlib.sha256(trace.read_bytes()).hexdigest(), "name: x", "x")
    for name, value in changes.items():
        object.__setattr__(study, name, value)
    return study


def point_of(number: int, *does: tuple[str, str | float]) -> Point:
    """A point that does something on the way: sleep, kill, kill_once, no_memory, bug."""
    return Point(number, (("number", number), *does), (f"deployments.own.replicas.count={number}",))


def computes(study: Study, point: Point) -> Row:
    """A row with numbers of which no decimal text of a few digits gives back the bits, after what the point does."""
    does = dict(point.values)
    time.sleep(float(does.get("sleep", 0.0)))
    if "kill" in does:
        os.kill(os.getpid(), signal.SIGKILL)
    if "kill_once" in does and _first(Path(str(does["kill_once"]))):
        os.kill(os.getpid(), signal.SIGKILL)
    if "no_memory" in does:
        raise MemoryError
    if "bug" in does:
        raise ZeroDivisionError("a bug")
    if "log" in does:
        with Path(str(does["log"])).open("a") as log:
            log.write(f"{point.number}\n")
    third = (point.number + 1) / 3.0
    size = float(len(study.trace.read_bytes()))
    return Row(point, {"third": third, "trace_bytes": size, "minute": third * 1e-300, "none": None}, (("ttft_p95", 0.1 + 0.2, third, third < 2.0), ("completed", 0.99, None, False)))  # fmt: skip


def _first(path: Path) -> bool:
    try:
        path.touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


def main() -> None:
    """`python -m tests.made.points FOLDER WHERE COUNT SLEEP [NUMBER=DOES]`: rows on stdout, finished ones kept in FOLDER.

    WHERE is a number of workers or the address of a cluster; the point of that NUMBER does something else.
    """
    from sim.errors import InputError
    from sim.planning.execute import run_points

    folder, where, count, sleep = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), float(sys.argv[4])
    place = folder.resolve()
    does = dict(each.split("=") for each in sys.argv[5:])
    points = [
        point_of(number, ("sleep", sleep), *(((does[str(number)], str(place / f"killed{number}")),) if str(number) in does else ()))
        for number in range(count)
    ]
    store = PointStore(folder / "store")
    workers, cluster = (int(where), None) if where.isdecimal() else (1, where)
    try:
        for row in run_points(study_of(folder / "trace"), points, workers=workers, cluster=cluster, store=store, evaluate=computes):
            print(row)
    except InputError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    from tests.made import points as importable

    importable.main()
