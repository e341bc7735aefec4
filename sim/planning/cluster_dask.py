"""A Dask scheduler that points are sent to, through joblib's backend for it."""

from __future__ import annotations

import logging
import socket
import time
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from functools import partial
from typing import Any

from sim.planning.cluster import Address, one_call, only_answer, out_of_reach
from sim.planning.sent import Answer

_LOGGERS = ("distributed", "distributed.client", "distributed.comm", "distributed.batched", "distributed.utils", "tornado.application")
_LONGEST_GREETING_BYTES = 1 << 20
_GONE_S = 8.0
"""A client whose scheduler has been away for so long does not wait for it to come back."""


class DaskConnection:
    """One client of one scheduler. The scheduler holds the queue, so any number of points may be under way."""

    at_once = 4096

    def __init__(self, address: Address, timeout_s: float) -> None:
        from joblib._dask import DaskDistributedBackend

        self._address = address
        self._client = _client(address, timeout_s)
        # What it has to say is said here in one line.
        self._levels = [(logger, logger.level) for logger in map(logging.getLogger, _LOGGERS)]
        for logger, _ in self._levels:
            logger.setLevel(logging.CRITICAL + 1)
        try:
            self._backend: Any = DaskDistributedBackend(client=self._client)
            self._backend.start_call()
        except BaseException:
            self._client.close(timeout=timeout_s)
            raise
        self._away_since: float | None = None

    def send(self, work: Callable[..., Answer], *args: object) -> Future[Answer]:
        """The answer to one call, to come."""
        promise: Future[Answer] = Future()
        self._backend.submit(one_call(self._backend, work, *args), _nothing).add_done_callback(partial(self._came, promise))
        return promise

    def why_lost(self, error: BaseException) -> str | None:
        """That workers died of the call, which Dask tries several times. InputError where the scheduler forgot it: it has ended."""
        from distributed import KilledWorker

        if isinstance(error, CancelledError):
            raise out_of_reach(self._address, "its scheduler has ended") from None
        return "Dask gave it to several workers, and each died of it" if isinstance(error, KilledWorker) else None

    def lost(self) -> str | None:
        """Why the cluster is gone: its scheduler has been away for a while."""
        if self._client.status == "running":
            self._away_since = None
            return None
        if self._client.status == "closed":
            return "its scheduler has ended"
        now = time.monotonic()
        self._away_since = self._away_since or now
        return "its scheduler has ended" if now - self._away_since > _GONE_S else None

    def renew(self) -> None:
        """Nothing to be done: Dask starts new workers itself."""

    def close(self) -> None:
        """Leave the scheduler, which then drops what is under way."""
        try:
            self._backend.stop_call()
            self._client.close(timeout=_GONE_S)
        finally:
            for logger, level in self._levels:
                logger.setLevel(level)

    def _came(self, promise: Future[Answer], future: Future[Any]) -> None:
        try:
            promise.set_result(only_answer(self._backend, future.result()))
        except (Exception, CancelledError) as error:
            promise.set_exception(error)


def _client(address: Address, timeout_s: float) -> Any:
    """A client of a scheduler, once that has spoken: with what listens and says nothing a client would wait for ever."""
    from distributed import Client

    if not _speaks_first(address, timeout_s):
        raise out_of_reach(address, "nothing there answers as Dask does")
    try:
        return Client(f"tcp://{address.netloc}", timeout=timeout_s, set_as_default=False)
    except Exception as error:
        raise out_of_reach(address, str(error) or type(error).__name__) from None


def _speaks_first(address: Address, timeout_s: float) -> bool:
    """Whether who listens greets as a scheduler does: with the length of its greeting in eight bytes, the lowest first."""
    try:
        with socket.create_connection((address.host, address.port), timeout_s) as connection:
            connection.settimeout(timeout_s)
            length = connection.recv(8, socket.MSG_WAITALL)
    except OSError:
        return False
    return len(length) == 8 and int.from_bytes(length, "little") < _LONGEST_GREETING_BYTES


def _nothing(_out: object) -> None:
    """joblib's own callback is told of answers only, not of workers that are lost; the future knows both."""
