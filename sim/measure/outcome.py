"""What became of the requests: each has exactly one outcome, and one that did not complete has a reason."""

from __future__ import annotations

from dataclasses import dataclass

from sim.engine.result import OUTCOMES, REASONS, Result


@dataclass(frozen=True, slots=True)
class Outcomes:
    """Requests by outcome, why some did not complete, and how often the system said no on the way."""

    total: int
    completed: int
    rejected: int
    timed_out: int
    failed: int
    unfinished: int
    reasons: dict[str, int]
    """Requests that did not complete, by reason; reasons that did not occur are left out."""
    throttled: int
    """Refusals by rate limits of APIs (attempts, not requests)."""
    retries: int
    spilled: int
    """Requests passed on because a pool's expected wait was too long."""
    fallback_completed: int
    """Requests completed elsewhere than at the first target of their rule."""
    attempts: int

    @property
    def completed_share(self) -> float | None:
        """Completed over all requests; None for an empty trace."""
        return self.completed / self.total if self.total else None

    @property
    def fallback_share(self) -> float | None:
        """Requests completed by a fallback over completed ones; None when none completed."""
        return self.fallback_completed / self.completed if self.completed else None

    @property
    def throttled_share(self) -> float | None:
        """Refusals by rate limits over all attempts; None when nothing was attempted."""
        return self.throttled / self.attempts if self.attempts else None


def outcomes(result: Result) -> Outcomes:
    """The outcomes of a run; they add up to its total (law I1), else the result is not one of the engine's."""
    by_outcome = [int(n) for n in result.outcomes.sum(axis=(0, 1))]
    assert sum(by_outcome) == result.total, f"{sum(by_outcome)} outcomes of {result.total} requests"
    counter = {name: int(values.sum()) for name, values in result.counters.items()}
    return Outcomes(
        result.total,
        **dict(zip(OUTCOMES, by_outcome, strict=True)),
        reasons={name: int(n) for name, n in zip(REASONS, result.reasons, strict=True) if name != "none" and n},
        throttled=counter["throttled"],
        retries=counter["retries"],
        spilled=counter["spilled"],
        fallback_completed=counter["fallback_completed"],
        attempts=counter["attempts"],
    )
