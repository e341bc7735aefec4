"""Where points are computed: this process, several, or a cluster; what is started there stays from one study to the next."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import Future
from types import TracebackType
from typing import TYPE_CHECKING, Protocol

from sim.planning.points import Point, Row, Study

if TYPE_CHECKING:
    from sim.planning.cluster import Connection
    from sim.planning.workers import Processes


class Workers(Protocol):
    """What computes the points of one study."""

    tries_alone: int
    """How often a point whose worker was lost is tried with nothing beside it: once where it is known to have been its own, else twice."""

    @property
    def at_once(self) -> int:
        """How many points may be under way."""

    def submit(self, point: Point) -> Future[str]:
        """The text of a point's row, to come."""

    def why_lost(self, error: BaseException) -> str | None:
        """How the worker of a point ended, where that is why there is no row; None for any other error."""

    def look(self) -> None:
        """InputError where no point can be computed any more."""

    def renew(self) -> None:
        """Have workers that no lost point was on."""


class Workplace:
    """`workers` processes of this machine (1: this one), or a `cluster` (`dask://host:port`, `ray://host:port`) in place of them.

    Nothing is started before there is something to compute, or begin() is called, and all of it ends with the `with` block. Processes
    begin with what `prepare`, a function of a module, loads for all of them. Where a system cannot fork there is but this process.
    """

    def __init__(self, workers: int = 1, cluster: str | None = None, prepare: Callable[[], None] | None = None) -> None:
        self.workers, self.cluster = workers if hasattr(os, "fork") else 1, cluster
        self._prepare = prepare
        self._processes: Processes | None = None
        self._connection: Connection | None = None

    def __enter__(self) -> Workplace:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def begin(self) -> None:
        """Start what takes a while to start, beside what this process has to do before there are points; no more than that."""
        if self.cluster is None and self.workers > 1:
            self._started()

    def is_here(self, points: int) -> bool:
        """Whether so many points are computed in this process."""
        return self.cluster is None and (self.workers == 1 or points == 1)

    def workers_for(self, study: Study, evaluate: Callable[[Study, Point], Row], work: Callable[[Point], str], points: int) -> Workers:
        """What computes so many points of a study elsewhere; InputError for a cluster that cannot be reached."""
        if self.cluster is not None:
            from sim.planning.cluster import ClusterWorkers, address_of, connect

            address = address_of(self.cluster)
            self._connection = self._connection or connect(address)
            return ClusterWorkers(address, self._connection, study, evaluate)
        from sim.planning.workers import LocalWorkers

        return LocalWorkers(self._started(), work, min(self.workers, points))

    def close(self) -> None:
        """End everything that was started, at once."""
        processes, self._processes = self._processes, None
        connection, self._connection = self._connection, None
        if processes is not None:
            processes.close()
        if connection is not None:
            connection.close()

    def _started(self) -> Processes:
        from sim.planning.workers import Processes

        self._processes = self._processes or Processes(self.workers, self._prepare)
        return self._processes


def load() -> None:
    """Have what rows are computed with loaded, machine code too, which is compiled where there is none: in a process of one's own."""
    import genai_prices  # noqa: F401  (as the first point would)

    import sim.cost.replay
    import sim.planning.evaluate  # noqa: F401
    from sim.engine.warm import warm

    warm()
