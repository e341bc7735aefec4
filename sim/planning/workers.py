"""Processes of this machine at work on points, forked from one that has everything loaded (fork_server.py).

Each has a socket and a thread here of its own. A worker that is killed takes the one point with it that it was computing, and which that
was is known. Threads of numba and of linear algebra are one a worker.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from multiprocessing.reduction import send_handle
from types import MappingProxyType
from typing import Any

from sim.planning.fork_server import ENDED, FORK
from sim.planning.points import Point

Prepare = Callable[[], None]
"""What the process that workers are forked from does first: a function of a module, which is sent by its name."""

_ALONE = MappingProxyType(
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
    | {"ARROW_DEFAULT_MEMORY_POOL": "system"}
)
"""No threads beside the one that forks or computes; Arrow's own allocators have some that tidy up."""
_START = "import json, sys; sys.path[:] = json.loads(sys.argv[1]); from sim.planning.fork_server import serve; serve(int(sys.argv[2]))"
_PATIENCE_S = 5.0


class WorkerLostError(Exception):
    """A worker ended without an answer; the text is how."""


@dataclass(frozen=True)
class _Worker:
    number: int
    calls: Connection
    server: _Server
    """What it was forked from, and ends with."""


class Processes:
    """Up to `most` processes that compute one point each at a time; forked when they are needed, and replaced when they are killed."""

    def __init__(self, most: int, prepare: Prepare | None = None) -> None:
        self._prepare = prepare
        self._server = _Server(prepare)
        self._threads = ThreadPoolExecutor(most)
        self._lock = threading.Lock()
        self._free: list[_Worker] = []
        self._closed = False

    def submit(self, work: Callable[[Point], str], point: Point) -> Future[str]:
        """What comes of a point, to come; in a process that does nothing else. WorkerLostError there where that was killed."""
        return self._threads.submit(self._computed, work, point)

    def close(self) -> None:
        """End all processes, whatever they are doing."""
        self._closed = True
        self._server.close()
        self._threads.shutdown(cancel_futures=True)
        for worker in self._free:
            worker.calls.close()

    def _computed(self, work: Callable[[Point], str], point: Point) -> str:
        worker = self._taken()
        try:
            worker.calls.send((work, point))
            good, found = worker.calls.recv()
        except (EOFError, OSError):
            worker.calls.close()
            raise WorkerLostError(worker.server.end_of(worker)) from None
        self._free.append(worker)
        if good:
            text: str = found
            return text
        raise found

    def _taken(self) -> _Worker:
        """A worker with nothing to do, a new one where there is none."""
        with self._lock:
            if self._server.has_ended() and not self._closed:
                self._server.close()
                self._server = _Server(self._prepare)
            while self._free:
                worker = self._free.pop()
                # What does nothing says nothing: else its end was closed.
                if worker.server is self._server and not worker.calls.poll():
                    return worker
                worker.calls.close()
                worker.server.end_of(worker)
            try:
                return self._server.worker()
            except (EOFError, OSError):
                raise WorkerLostError("the process that it was to be forked from has ended") from None


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
        return str(error) if isinstance(error, WorkerLostError) else None

    def look(self) -> None:
        """Nothing to look after: processes that end are seen at once."""

    def renew(self) -> None:
        """Nothing to be done: every lost process is replaced."""


class _Server:
    """The process that workers are forked from."""

    def __init__(self, prepare: Prepare | None) -> None:
        self._control, theirs = Pipe()
        with _no_interrupts(), theirs:
            self._process = subprocess.Popen(  # noqa: S603  (this program)
                [sys.executable, "-P", "-c", _START, json.dumps(sys.path), str(theirs.fileno())],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, env={**os.environ, **_ALONE}, pass_fds=(theirs.fileno(),),
            )  # fmt: skip
        self._lock = threading.Lock()
        self._answered = False
        self._control.send(prepare)

    def worker(self) -> _Worker:
        """A new worker; EOFError or OSError where the server has ended."""
        ours, theirs = Pipe()
        with self._lock, theirs:
            self._control.send((FORK, 0))
            send_handle(self._control, theirs.fileno(), self._process.pid)
            number: int = self._control.recv()
        self._answered = True
        return _Worker(number, ours, self)

    def has_ended(self) -> bool:
        """Whether it was killed, or has ended by itself."""
        return self._process.poll() is not None

    def end_of(self, worker: _Worker) -> str:
        """How a worker ended, once it has."""
        try:
            with self._lock:
                self._control.send((ENDED, worker.number))
                code: int = self._control.recv()
        except (EOFError, OSError):
            code = 0  # the server has ended too, and with it all workers
        return signal.Signals(-code).name if code < 0 else f"it ended with exit code {code}" if code else "it ended"

    def close(self) -> None:
        """End the server, which ends its workers; whoever waits for an answer of either has none."""
        with suppress(OSError), socket.fromfd(self._control.fileno(), socket.AF_UNIX, socket.SOCK_STREAM) as control:
            control.shutdown(socket.SHUT_RDWR)
        if not self._answered:
            self._process.kill()  # it may be compiling
        try:
            self._process.wait(_PATIENCE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


@contextmanager
def _no_interrupts() -> Iterator[None]:
    """Ctrl-C is for this process, which then ends its workers: they are started deaf to it, as a mask of signals is inherited."""
    before: Any = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
