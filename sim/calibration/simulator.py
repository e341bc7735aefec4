"""Serving runs of a benchmark through the engine, by profiles of one configuration whose step and front end vary."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol

from sim.calibration.points import Metric, Server, ServingPoint, Statistic
from sim.calibration.serving import REQUESTS_PER_CLIENT, Served, longest_of, profile_of, requests_of, serve
from sim.errors import InputError
from sim.profile.step import StepCoefficients

if TYPE_CHECKING:
    from sim.catalog.catalog import Catalog
    from sim.profile.coefficients import Coefficients
    from sim.profile.resolve import Profile


ENOUGH_REQUESTS = 2000
"""Longer closed loops of drawn lengths are simulated up to here, or ten requests a client: their means do not change."""


class Simulator(Protocol):
    """What a fit asks of serving runs."""

    def values(self, point: ServingPoint, step: StepCoefficients, front_end_s: float) -> Mapping[tuple[Metric, Statistic], float]:
        """What the run would measure; what cannot be told is left out."""
        ...

    def kv_full_share(self, point: ServingPoint, step: StepCoefficients, front_end_s: float) -> float:
        """The share of the run in which requests waited for room in the KV cache."""
        ...

    def with_option(self, name: str, value: Any) -> Simulator | None:
        """The same with one option of the servers replaced; None where their LLM would not fit or nothing would change."""
        ...


@dataclass
class EngineSimulator:
    """Simulates by the engine itself, with the same random numbers in every run."""

    profiles: Mapping[Server, Profile]
    """The estimate of each server of the configuration: they differ in limits and memory only."""
    seed: int = 0
    _catalog: Catalog | None = None
    _coefficients: Coefficients | None = None
    _longest: Mapping[Server, int] = field(default_factory=dict)

    @classmethod
    def of(
        cls, points: Sequence[ServingPoint], catalog: Catalog | None = None, coefficients: Coefficients | None = None, seed: int = 0
    ) -> EngineSimulator:
        """For runs of one configuration; InputError where it does not fit."""
        longest: dict[Server, int] = {}
        for point in points:
            longest[point.server] = max(longest.get(point.server, 0), longest_of(point.load))
        profiles = {
            server: profile_of(server, longest_tokens=tokens, catalog=catalog, coefficients=coefficients, estimated=True)
            for server, tokens in longest.items()
        }
        return cls(profiles, seed, catalog, coefficients, longest)

    def values(self, point: ServingPoint, step: StepCoefficients, front_end_s: float) -> Mapping[tuple[Metric, Statistic], float]:
        """See `Simulator`."""
        return self._served(point, step, front_end_s).values

    def kv_full_share(self, point: ServingPoint, step: StepCoefficients, front_end_s: float) -> float:
        """See `Simulator`."""
        return self._served(point, step, front_end_s).kv_full_share

    def with_option(self, name: str, value: Any) -> EngineSimulator | None:
        """See `Simulator`."""
        changed: dict[Server, Profile] = {}
        for server, tokens in self._longest.items():
            try:
                changed[server] = profile_of(
                    replace(server, **{name: value}), longest_tokens=tokens, catalog=self._catalog, coefficients=self._coefficients,
                    estimated=True,
                )  # fmt: skip
            except InputError:
                return None
        if all(_memory(changed[server]) == _memory(own) for server, own in self.profiles.items()):
            return None
        return EngineSimulator(changed, self.seed, self._catalog, self._coefficients, self._longest)

    def _served(self, point: ServingPoint, step: StepCoefficients, front_end_s: float) -> Served:
        load = point.load
        few = None
        if load.concurrency is not None and load.request_rate_per_s is None and not load.lengths:
            few = min(requests_of(load), max(ENOUGH_REQUESTS, REQUESTS_PER_CLIENT * load.concurrency))
        profile = replace(self.profiles[point.server], step=step, front_end_s=front_end_s)
        return serve(load, profile, seed=self.seed, requests=few)


def _memory(profile: Profile) -> tuple[int, int, int]:
    return profile.blocks, profile.max_num_seqs, profile.max_num_batched_tokens
