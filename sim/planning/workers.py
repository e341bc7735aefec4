"""Processes of this machine at work on points: one process a worker, each with a pool of its own (joblib's loky).

A pool of several processes is lost as a whole when one of them is killed. Here a worker that is killed takes the one point with it that
it was computing, and which that was is known. Threads are one a worker: numba's and those of linear algebra.
"""

from __future__ import annotations

import os
import re
import signal
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any

from sim.planning.points import Point

_ONE_THREAD = MappingProxyType(
    dict.fromkeys(
        (
            "MKL_NUM_THREADS",
            "NUMBA_NUM_THREADS",
            "NUMEXPR_NUM_THREADS",
            "OMP_NUM_THREADS",
            "OPENBLAS_NUM_THREADS",
            "VECLIB_MAXIMUM_THREADS",
        ),
        "1",
    )
)
_LOOK_S = 0.5
_EXIT_CODES = re.compile(r"exit codes of the workers are \{(.+?)\}")


class Processes:
    """Processes that compute one point each at a time; they are started when they are needed, and replaced when they are killed."""

    def __init__(self) -> None:
        self._free: list[Any] = []
        self._taken: dict[Future[str], Any] = {}

    def submit(self, work: Callable[[Point], str], point: Point) -> Future[str]:
        """What comes of a point, to come; in a process that does nothing else, a new one where there is none."""
        for done in [each for each in self._taken if each.done()]:
            self._free.append(self._taken.pop(done))
        pool = self._free.pop() if self._free else _pool()
        with _no_interrupts():
            try:
                future: Future[str] = pool.submit(work, point)
            except _broken():
                pool.shutdown()
                pool = _pool()
                future = pool.submit(work, point)
        self._taken[future] = pool
        return future

    def close(self) -> None:
        """End all processes, whatever they are doing."""
        pools = [*self._free, *self._taken.values()]
        self._free, self._taken = [], {}
        with quiet_pools(), ThreadPoolExecutor(max(len(pools), 1)) as side_by_side:
            list(side_by_side.map(lambda pool: pool.shutdown(kill_workers=True), pools))


class LocalWorkers:
    """`count` processes at work on the points of one study."""

    tries_alone = 1

    def __init__(self, processes: Processes, work: Callable[[Point], str], count: int) -> None:
        self._processes, self._work = processes, work
        self.at_once = count

    def submit(self, point: Point) -> Future[str]:
        """The text of a point's row, to come. No more than `at_once` may be under way."""
        return self._processes.submit(self._work, point)

    def why_lost(self, error: BaseException) -> str | None:
        """How the worker of a point ended, where that is why there is no row; None for any other error."""
        from joblib.externals.loky.process_executor import TerminatedWorkerError

        if not isinstance(error, TerminatedWorkerError):
            return None
        found = _EXIT_CODES.search(str(error))
        return found[1] if found else "it ended"

    def look(self) -> None:
        """Nothing to look after: processes that end are seen at once."""

    def renew(self) -> None:
        """Nothing to be done: every lost process is replaced."""


@contextmanager
def quiet_pools() -> Iterator[None]:
    """No warnings of the pools: that a worker was ended is said with its point."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=UserWarning, module="joblib")
        yield


def _pool() -> Any:
    from joblib.externals.loky import ProcessPoolExecutor

    return ProcessPoolExecutor(max_workers=1, initializer=_begin, initargs=(os.getpid(),), env=dict(_ONE_THREAD))


def _broken() -> type[BaseException]:
    from joblib.externals.loky.process_executor import BrokenProcessPool

    broken: type[BaseException] = BrokenProcessPool
    return broken


@contextmanager
def _no_interrupts() -> Iterator[None]:
    """Ctrl-C is for this process, which then ends its workers: they are started deaf to it, as a mask of signals is inherited."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _begin(parent: int) -> None:
    """In a worker: end with the process that started it, even one that was killed."""
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_LOOK_S)
    os._exit(1)
