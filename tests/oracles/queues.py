"""Join the shortest queue, by departures alone: servers that take one request at a time for a fixed time each."""

from __future__ import annotations

from collections.abc import Sequence


def shortest_queue(arrivals: Sequence[float], services: Sequence[float], servers: int) -> tuple[list[int], list[float]]:
    """Server and departure of each customer; a departure at the very time of an arrival is seen by it, ties go to the lowest server."""
    departures: list[list[float]] = [[] for _ in range(servers)]
    chosen, finished = [], []
    for arrival, service in zip(arrivals, services, strict=True):
        present = [sum(1 for departure in queue if departure > arrival) for queue in departures]
        server = present.index(min(present))
        start = max([arrival, *departures[server][-1:]])
        departures[server].append(start + service)
        chosen.append(server)
        finished.append(start + service)
    return chosen, finished
