"""The random streams of a forecast, each named by what it belongs to, so that stacks that share a vendor share its outages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sim.sampling import stream

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Luck:
    """Streams for F futures; `replication` draws the streams of a group anew and leaves the others as they are."""

    futures: int
    seed: int
    replication: Mapping[str, int]

    def stream(self, group: str, name: str) -> np.random.Generator:
        """The stream of a name in a group of GROUPS (sim/futures/draws.py)."""
        return stream(self.seed, f"futures/{group}/{name}", self.replication.get(group, 0))

    def normal(self, group: str, name: str) -> FloatArray:
        """[F] one standard normal number a future."""
        return self.stream(group, name).standard_normal(self.futures)
