"""Points on a cluster that exists: Dask and Ray, through joblib's backends for them.

joblib's Parallel itself is not used: with Dask it waits for ever for a task whose worker was killed, and a cluster of one core it leaves
idle. Its backends are used as it uses them: one call a point, each with an answer of its own.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Any, Literal, Protocol
from urllib.parse import urlsplit

from sim.errors import InputError, visible
from sim.planning.points import Point, Row, Study
from sim.planning.sent import Answer, Bytes, answer, asked, texts_bytes, trace_bytes

_GRAMMAR = "dask://host:port or ray://host:port"
_CONNECT_S = 4.0
_GREET_S = 4.0
"""Together less than the ten seconds after which a cluster counts as out of reach."""

_LONGEST_REASON = 300
_PACKAGES = MappingProxyType({"dask": ("distributed",), "ray": ("ray", "grpc")})


@dataclass(frozen=True)
class Address:
    """Where a cluster listens: the scheduler of Dask, the client server of Ray."""

    kind: Literal["dask", "ray"]
    host: str
    port: int

    @property
    def netloc(self) -> str:
        """host:port as in a URL."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def __str__(self) -> str:
        return f"{self.kind}://{self.netloc}"


class Connection(Protocol):
    """A cluster that points can be sent to."""

    at_once: int

    def send(self, work: Callable[..., Answer], *args: object) -> Future[Answer]:
        """The answer to one call, to come."""

    def why_lost(self, error: BaseException) -> str | None:
        """How the worker of a call ended, where that is why there is no answer."""

    def lost(self) -> str | None:
        """Why the cluster itself is gone; None while it is there."""

    def renew(self) -> None:
        """Have workers that no lost point was on."""

    def close(self) -> None:
        """Leave the cluster, and what is under way there."""


def address_of(text: str) -> Address:
    """A cluster's address; InputError with what is allowed."""
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    kind = text.partition("://")[0]
    if kind not in ("dask", "ray") or not host or port is None or text != f"{kind}://{parts.netloc}" or "@" in text:
        raise InputError(f"--cluster: found {text!r}; allowed: {_GRAMMAR}")
    return Address("dask" if kind == "dask" else "ray", host, port)


def connect(address: Address) -> Connection:
    """A connection to a cluster; InputError, within ten seconds, where it is not there or its extra is not installed."""
    from importlib.util import find_spec

    missing = [package for package in _PACKAGES[address.kind] if find_spec(package) is None]
    if missing:
        raise InputError(
            f"--cluster {address}: {', '.join(missing)} is not installed: "
            f"python -m pip install 'llm-serving-cost-sim[{address.kind}]' (in a checkout '.[{address.kind}]')"
        )
    try:
        socket.create_connection((address.host, address.port), _CONNECT_S).close()
    except OSError as error:
        raise out_of_reach(address, error.strerror or str(error)) from None
    if address.kind == "dask":
        from sim.planning.cluster_dask import DaskConnection

        return DaskConnection(address, _GREET_S)
    from sim.planning.cluster_ray import RayConnection

    return RayConnection(address, _GREET_S)


def out_of_reach(address: Address, why: str) -> InputError:
    """The error of a cluster that is not there."""
    short = " ".join(why.split())[:_LONGEST_REASON]
    return InputError(f"--cluster {address}: cannot be reached ({visible(short)}); finished points are kept for the next run")


def without_program(address: Address, why: str) -> InputError:
    """The error of a cluster whose workers do not have this program."""
    return InputError(f"--cluster {address}: its workers cannot import the program ({why}); install the same version there")


class ClusterWorkers:
    """The workers of a cluster at work on the points of one study, with what they do not have sent along."""

    tries_alone = 2
    """Calls that were waiting for a worker that another one killed are lost with it."""

    def __init__(self, address: Address, connection: Connection, study: Study, evaluate: Callable[[Study, Point], Row]) -> None:
        self._address, self._connection = address, connection
        self._study, self._evaluate = study, evaluate
        self._texts = texts_bytes(study)
        self._trace: Bytes | None = None
        self._lock = threading.Lock()

    @property
    def at_once(self) -> int:
        """How many points may be under way."""
        return self._connection.at_once

    def submit(self, point: Point) -> Future[str]:
        """The text of a point's row, to come."""
        promise: Future[str] = Future()
        self._send(point, None, promise)
        return promise

    def why_lost(self, error: BaseException) -> str | None:
        """How the worker of a point ended, where that is why there is no row; InputError where the cluster is not fit for any point."""
        cause: BaseException | None = error
        while cause is not None:
            if isinstance(cause, ImportError):
                raise without_program(self._address, str(cause)) from None
            cause = cause.__cause__
        lost = self._connection.lost()
        if lost is not None:
            raise out_of_reach(self._address, lost) from None
        return self._connection.why_lost(error)

    def look(self) -> None:
        """InputError where the cluster is gone."""
        lost = self._connection.lost()
        if lost is not None:
            raise out_of_reach(self._address, lost)

    def renew(self) -> None:
        """Have workers that no lost point was on."""
        self._connection.renew()

    def _send(self, point: Point, trace: Bytes | None, promise: Future[str]) -> None:
        future = self._connection.send(answer, self._evaluate, asked(self._study, point), trace, self._texts)
        future.add_done_callback(partial(self._answered, point, promise))

    def _answered(self, point: Point, promise: Future[str], future: Future[Answer]) -> None:
        try:
            found = future.result()
            if found.kind == "row":
                promise.set_result(found.text)
            elif found.kind == "trace wanted":
                # Not here: this is the thread that answers come in by.
                threading.Thread(target=self._send_with_trace, args=(point, promise), daemon=True).start()
            else:
                raise InputError(f"--cluster {self._address}: {found.text}; install there what is installed here")
        except BaseException as error:
            promise.set_exception(error)

    def _send_with_trace(self, point: Point, promise: Future[str]) -> None:
        try:
            with self._lock:
                if self._trace is None:
                    self._trace = trace_bytes(self._study)
            self._send(point, self._trace, promise)
        except BaseException as error:
            promise.set_exception(error)


def one_call(backend: Any, work: Callable[..., Answer], *args: object) -> Any:
    """A call as joblib's Parallel hands it to a backend."""
    from joblib.parallel import BatchedCalls

    return BatchedCalls([(work, args, {})], backend.get_nested_backend())


def only_answer(backend: Any, out: Any) -> Answer:
    """What came of one call; what was raised there is raised here."""
    found: Answer = backend.retrieve_result_callback(out)[0]
    return found
