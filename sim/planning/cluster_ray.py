"""A Ray cluster that points are sent to, through joblib's backend for it: a pool of actors, one for each of its CPUs."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import Any

from sim.planning.cluster import Address, one_call, only_answer, out_of_reach, without_program
from sim.planning.sent import Answer

ATTEMPTS = 3
"""At a cluster that answers: it starts a process for each client, and gives that up after half a minute if it is busy."""


class RayConnection:
    """One client of one cluster, and the actors that it has there."""

    def __init__(self, address: Address, timeout_s: float) -> None:
        import grpc
        import ray
        from ray.util.joblib.ray_backend import RayBackend

        channel = grpc.insecure_channel(address.netloc)
        try:
            # ray.init() itself would wait for half a minute.
            grpc.channel_ready_future(channel).result(timeout_s)
        except grpc.FutureTimeoutError:
            raise out_of_reach(address, "nothing there answers as Ray does") from None
        finally:
            channel.close()
        for left in reversed(range(ATTEMPTS)):
            try:
                ray.init(address=str(address), log_to_driver=False, logging_level="error")
                self.at_once = max(int(ray.cluster_resources().get("CPU", 1)), 2)
                break
            except (ConnectionError, RuntimeError, ValueError, grpc.RpcError) as error:
                ray.shutdown()
                if not left:
                    raise out_of_reach(address, str(error) or type(error).__name__) from None
        try:
            known = _knows_program(ray)
        except BaseException:
            ray.shutdown()
            raise
        if not known:
            ray.shutdown()
            raise without_program(address, "no module named 'sim'")
        self._ray: Any = ray
        self._excepthook = threading.excepthook
        threading.excepthook = self._ended
        # A pool must have two actors: joblib takes one for none.
        self._backend: Any = RayBackend(nesting_level=0, ray_remote_args={"max_restarts": -1})
        self._backend.configure(self.at_once)

    def send(self, work: Callable[..., Answer], *args: object) -> Future[Answer]:
        """The answer to one call, to come."""
        promise: Future[Answer] = Future()
        self._backend.submit(one_call(self._backend, work, *args), partial(self._came, promise))
        return promise

    def why_lost(self, error: BaseException) -> str | None:
        """How the actor of a call ended."""
        lost = self._ray.exceptions
        kinds = (lost.RayActorError, lost.WorkerCrashedError, lost.OutOfMemoryError, lost.NodeDiedError, lost.ObjectLostError)
        return f"Ray lost the process ({type(error).__name__})" if isinstance(error, kinds) else None

    def lost(self) -> str | None:
        """Why the cluster is gone."""
        return None if self._ray.is_initialized() and self._ray.util.client.ray.is_connected() else "the connection has ended"

    def renew(self) -> None:
        """Other actors: those that were lost are being started again, and calls to them fail until they are."""
        self._backend.terminate()
        self._backend.configure(self.at_once)

    def close(self) -> None:
        """End the actors, and leave."""
        try:
            if self.lost() is None:
                self._backend.terminate()
            self._ray.shutdown()
        finally:
            threading.excepthook = self._excepthook

    def _ended(self, thread: threading.ExceptHookArgs) -> None:
        """A thread in which Ray waits for an answer ends with the connection; that is said once, not by every thread."""
        if not issubclass(thread.exc_type, ConnectionError):
            self._excepthook(thread)

    def _came(self, promise: Future[Answer], out: Any) -> None:
        try:
            promise.set_result(only_answer(self._backend, out))
        except Exception as error:
            promise.set_exception(error)


def _knows_program(ray: Any) -> bool:
    """Whether a process there can import this program; without it Ray would not even take a call."""

    def look() -> bool:
        from importlib.util import find_spec

        return find_spec("sim") is not None

    return bool(ray.get(ray.remote(look).options(max_retries=0).remote()))
