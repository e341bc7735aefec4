"""At which concurrency the KV cache runs out, as predicted and as measured, for every server and shape of requests.

Predicted: requests wait for KV cache in the simulation. Measured: the time to first token jumps. While the cache holds all clients, a
first token waits for at most the prompts of the others, so that it grows no faster than their number; once it does not, it waits for
whole outputs, which take many times as long.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from sim.calibration.points import Server
from sim.calibration.table import PredictedRow

JUMP = 2.0
"""TTFT over that of the run before, per client, from which on it is a jump."""


@dataclass(frozen=True)
class RunOut:
    """One server and shape of requests; a concurrency is None where the cache held in every run."""

    of: PredictedRow
    """One of its rows, for the names."""
    concurrencies: tuple[int, ...]
    predicted: int | None
    measured: int | None

    @property
    def agrees(self) -> bool:
        """Whether both say the same concurrency, or that the cache held."""
        return self.predicted == self.measured


def run_outs(rows: Sequence[PredictedRow]) -> tuple[RunOut, ...]:
    """Every server and shape that was run at two or more concurrencies with TTFT measured, in the order of the rows."""
    shapes: dict[tuple[Server, float, float], dict[int, PredictedRow]] = {}
    for row in rows:
        load = row.point.load
        if load.concurrency is not None and _ttft_s(row) is not None:
            key = (row.point.server, load.prompt_tokens, load.output_tokens)
            shapes.setdefault(key, {}).setdefault(load.concurrency, row)
    found = []
    for shape in shapes.values():
        ordered = sorted(shape.items(), key=lambda run: run[0])
        if len(ordered) > 1:
            predicted = next((clients for clients, row in ordered if row.short_of_kv), None)
            found.append(RunOut(ordered[0][1], tuple(clients for clients, _ in ordered), predicted, _jump(ordered)))
    return tuple(found)


def _jump(rows: Sequence[tuple[int, PredictedRow]]) -> int | None:
    """The first concurrency at which TTFT is more than JUMP times what the clients added explain."""
    for (fewer, before), (more, after) in pairwise(rows):
        earlier_s, later_s = _ttft_s(before), _ttft_s(after)
        if earlier_s is not None and later_s is not None and later_s > JUMP * earlier_s * more / fewer:
            return more
    return None


def _ttft_s(row: PredictedRow) -> float | None:
    """The mean that was measured, else the median."""
    return row.measured.get(("ttft_s", "mean"), row.measured.get(("ttft_s", "p50")))
