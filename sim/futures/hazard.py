"""What can happen to a stack, and when it does in each future."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

KINDS = ("api_outage", "degradation", "gpu_failure", "spot_preemption", "no_capacity", "retraining")
"""As the scripted events of the engine are called."""

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Hazard:
    """One thing that can happen, again and again, to deployments that it hits at once: those of a vendor, or one pool."""

    kind: str
    name: str
    """The vendor (api_outage, degradation) or the pool."""
    deployments: tuple[int, ...]
    """Numbers of the deployments of the resolved stack."""


@dataclass(frozen=True)
class Incidents:
    """N incidents of all futures in order of (future, start); those of one hazard in one future do not overlap."""

    future: IntArray
    hazard: IntArray
    """Position in Draws.hazards."""
    start_s: FloatArray
    """From the start of the horizon (Calendar), day 0 at midnight UTC."""
    duration_s: FloatArray
    factor: FloatArray
    """Of latency, in a degradation; else 1."""
    error_rate: FloatArray
    """In a degradation; else 0."""
    count: IntArray
    """Replicas that are lost or lent; else 1."""

    def __len__(self) -> int:
        return len(self.future)
