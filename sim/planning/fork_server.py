"""The process that workers are forked from: it has read the program and loaded the engine's machine code once, for all of them.

It has no thread of its own when it forks, and reads no trace: what a forked process may not share is not there yet. A worker that it
forks begins within milliseconds and holds the program's memory in common with the others. This module is what runs there; workers.py
is the other end.
"""

from __future__ import annotations

import gc
import os
import pickle
import signal
import threading
import time
import traceback
import warnings
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from multiprocessing.reduction import recv_handle
from typing import Any, NoReturn

FORK, ENDED = "fork", "ended"
"""What the server is asked: a worker for the socket that follows, or how the worker of a number ended."""
_LOOK_S = 0.5


def serve(control_fd: int) -> NoReturn:
    """Prepare as the first message says, then fork workers, until whoever asks for them is gone: then all of them end."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that started this one, which then ends it
    gc.disable()  # until everything is loaded: nothing of it is garbage
    control = Connection(control_fd)
    workers: set[int] = set()
    try:
        _prepare(control.recv())
        while True:
            asked, number = control.recv()
            if asked == FORK:
                worker = _forked(control)
                workers.add(worker)
                control.send(worker)
            else:
                workers.discard(number)
                control.send(os.waitstatus_to_exitcode(os.waitpid(number, 0)[1]))
    except (EOFError, OSError):
        for worker in workers:
            with suppress(ProcessLookupError):
                os.kill(worker, signal.SIGKILL)
        for worker in workers:
            with suppress(ChildProcessError):
                os.waitpid(worker, 0)
    os._exit(0)


def _prepare(prepare: Callable[[], None] | None) -> None:
    """Whatever goes wrong here goes wrong in a worker again, where it is said with its point."""
    with suppress(Exception):
        if prepare is not None:
            prepare()
    # What stays for good is not looked through by every collection, which would also copy the memory that workers have in common.
    gc.freeze()
    gc.enable()


def _forked(control: Connection) -> int:
    """The number of a new worker at the socket that comes next."""
    handle = recv_handle(control)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of threads, where a library has started one
        number = os.fork()
    if number == 0:
        try:
            control.close()
            _work(Connection(handle))
        finally:
            os._exit(1)
    os.close(handle)
    return number


def _work(calls: Connection) -> None:
    """In a worker: one call after the other, each answered with (True, what it gave) or (False, what it raised)."""
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    while True:
        try:
            call, argument = calls.recv()
        except EOFError:
            os._exit(0)
        calls.send_bytes(_answer(call, argument))


def _answer(call: Callable[[Any], Any], argument: Any) -> bytes:
    try:
        return pickle.dumps((True, call(argument)))
    except BaseException as error:
        error.add_note("in a worker:\n" + "".join(traceback.format_exception(error)))
        try:
            return pickle.dumps((False, error))
        except Exception:
            return pickle.dumps((False, RuntimeError("".join(traceback.format_exception(error)))))


def _end_with(server: int) -> None:
    """End with the process that this one was forked from, even one that was killed."""
    while os.getppid() == server:
        time.sleep(_LOOK_S)
    os._exit(1)
