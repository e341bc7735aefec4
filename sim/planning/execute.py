"""run_points(): the rows of many points, in their order, from the store, from this process, from others, or from a cluster.

Rows are the same bits wherever they were computed, and in whatever order they were finished. Each is kept as soon as it is there: what
ends a run, a signal, a power cut or a mistake, costs the points that were under way.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import replace
from functools import partial

from sim.errors import InputError
from sim.planning.contents import program_sha256
from sim.planning.point_store import PointStore, row_of, row_text
from sim.planning.points import Point, Row, Study
from sim.planning.workplace import Workers, Workplace, load

Evaluate = Callable[[Study, Point], Row]
Says = Callable[[str, float, float], None]
"""Told what is being done, how much of it is done, and how much there is."""
Notes = Callable[[str], None]
"""Told what went otherwise than asked for, but does not change the result."""

_LOG = logging.getLogger(__name__)
_LOOK_S = 2.0
_NO_MEMORY = "not enough memory"
"""What the reason of a row begins with that another machine might have."""


def run_points(
    study: Study,
    points: Sequence[Point],
    *,
    workers: int = 1,
    cluster: str | None = None,
    store: PointStore | None = None,
    says: Says | None = None,
    notes: Notes | None = None,
    evaluate: Evaluate | None = None,
    place: Workplace | None = None,
) -> tuple[Row, ...]:
    """The row of each point, in order: the same on any number of workers.

    `workers` are processes of this machine (1: this process), `cluster` an address as `dask://host:port` or `ray://host:port` instead of
    them; a `place` in place of both stays for the next call. Without a `store` nothing is kept. A point whose worker is killed is tried
    again, alone, after all others; if that is killed too its row says so. InputError for a cluster that cannot be reached or runs another
    program; what is finished stays in the store.
    """
    prepare = None if evaluate is not None else load
    evaluate = evaluate or _evaluate()
    run = _Run(study, points, store or PointStore(None), says, notes)
    left = run.left()
    if not left:
        return run.rows()
    work = partial(computed, evaluate, study, program_sha256())
    at = place or Workplace(workers, cluster, prepare)
    try:
        if at.is_here(len(left)):
            for point in left:
                run.finished(point, work(point))
        else:
            _share_out(run, left, at.workers_for(study, evaluate, work, len(left)))
    except BaseException:
        at.close()  # points are under way there
        raise
    if place is None:
        at.close()
    return run.rows()


def computed(evaluate: Evaluate, study: Study, program: str, point: Point) -> str:
    """The text of a point's row, computed here; one for which the memory does not suffice is refused.

    InputError where the sources are no longer those of the `program` that the key stands for: processes read them when they start.
    """
    if program_sha256() != program:
        raise InputError("the program has changed while it was running; start again: finished points are kept by what they came from")
    try:
        row = evaluate(study, point)
    except MemoryError as error:
        row = _refused(study, point, f"{_NO_MEMORY} ({error})" if str(error) else _NO_MEMORY)
    return row_text(study.key(point), row)


class _Run:
    """The rows that are there, by key, and where they are kept."""

    def __init__(self, study: Study, points: Sequence[Point], store: PointStore, says: Says | None, notes: Notes | None) -> None:
        self._study = study
        self._points = points
        self._store = store
        self._says, self._notes = says, notes
        self._found: dict[str, Row] = {}
        self._whole = 0

    def left(self) -> list[Point]:
        """One point of each key that is neither refused nor in the store, in order."""
        left: dict[str, Point] = {}
        for point in self._points:
            key = self._study.key(point)
            if point.refused is not None or key in self._found or key in left:
                continue
            row = self._store.get(key, point)
            if row is not None:
                self._found[key] = row
            else:
                left[key] = point
        self._whole = len(self._found) + len(left)
        _LOG.info("%s of %s points were kept from earlier runs in %s", len(self._found), self._whole, self._store.folder or "no folder")
        self._say()
        return list(left.values())

    def finished(self, point: Point, text: str) -> None:
        """Take the text of a row, and keep it unless it would be another on a larger machine."""
        key = self._study.key(point)
        row = row_of(text, key, point)
        assert row is not None, "a row of another point"
        self._found[key] = row
        if not (row.refused or "").startswith(_NO_MEMORY):
            try:
                self._store.put(key, text)
            except OSError as error:
                self._go_on_without_store(error)
        self._say()

    def refuse(self, point: Point, why: str) -> None:
        """A row with a reason, which is not kept."""
        self._found[self._study.key(point)] = _refused(self._study, point, why)
        self._say()

    def rows(self) -> tuple[Row, ...]:
        """Of all points, in order."""
        return tuple(self._row(point) for point in self._points)

    def _row(self, point: Point) -> Row:
        if point.refused is not None:
            return _refused(self._study, point, point.refused)
        return replace(self._found[self._study.key(point)], point=point)

    def _go_on_without_store(self, error: OSError) -> None:
        if self._notes is not None:
            self._notes(
                f"finished points can no longer be kept in {self._store.folder} ({error.strerror or error}); "
                "the run goes on without, and computes them again if it is ended before"
            )
        self._store = PointStore(None)

    def _say(self) -> None:
        if self._says is not None:
            self._says("points", len(self._found), self._whole)


def _share_out(run: _Run, points: Sequence[Point], workers: Workers) -> None:
    """All points over the workers; those whose worker was lost once more, one at a time, when no other can be the reason."""
    waiting = deque(points)
    again: list[Point] = []
    under_way: dict[Future[str], Point] = {}
    while waiting or under_way:
        while waiting and len(under_way) < workers.at_once:
            point = waiting.popleft()
            under_way[workers.submit(point)] = point
        done = wait(under_way, _LOOK_S, FIRST_COMPLETED).done
        if not done:
            workers.look()
        for future in done:
            point = under_way.pop(future)
            if _lost(run, point, future, workers) is not None:
                again.append(point)
    for point in again:
        why: str | None = ""
        for _ in range(workers.tries_alone):
            workers.renew()
            future = workers.submit(point)
            while not wait((future,), _LOOK_S).done:
                workers.look()
            why = _lost(run, point, future, workers)
            if why is None:
                break
        if why is not None:
            run.refuse(point, f"the process that computed it was killed each time, even with no other point beside it: {why}")


def _lost(run: _Run, point: Point, future: Future[str], workers: Workers) -> str | None:
    """Take a row; or how its worker ended. Any other error is raised."""
    try:
        text = future.result()
    except Exception as error:
        why = workers.why_lost(error)
        if why is None:
            raise
        return why
    run.finished(point, text)
    return None


def _refused(study: Study, point: Point, why: str) -> Row:
    from sim.planning.evaluate import refused_row

    return refused_row(study, point, why)


def _evaluate() -> Evaluate:
    from sim.planning.evaluate import evaluate

    return evaluate
