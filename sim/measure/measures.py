"""Everything that is measured of one run, in one value."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from sim.engine.result import Result
from sim.engine.system import Pool, System
from sim.measure.fleet import Fleet, fleet
from sim.measure.latency import LatencyRow, latency_table
from sim.measure.load import Load, Saturation, api_load, pool_load
from sim.measure.mix import Mix
from sim.measure.outcome import Outcomes, outcomes
from sim.measure.slo import Level, Slo, good_share, goodput_per_s, verdict
from sim.measure.use import Use, use


@dataclass(frozen=True)
class Measures:
    """What was measured of a run; `uses`, `loads` and `fleets` are in the order of the deployments, fleets None for APIs."""

    window_s: float
    end_s: float
    outcomes: Outcomes
    latency: tuple[LatencyRow, ...]
    uses: tuple[Use, ...]
    loads: tuple[Load, ...]
    fleets: tuple[Fleet | None, ...]
    levels: tuple[Level, ...]
    goodput_per_s: float | None
    good_share: float | None
    """Requests within both latency levels over all that are held to them."""
    lanes: tuple[str, ...]
    """Batch lanes, which are held to no latency level."""

    @property
    def slo_met(self) -> bool:
        """Whether every service level was met."""
        return all(level.met for level in self.levels)


def measure(
    result: Result,
    system: System,
    classes: Sequence[str],
    slo: Slo,
    saturations: Mapping[int, Saturation] | None = None,
    mixes: Mapping[int, Mix] | None = None,
    lanes: Collection[int] = (),
) -> Measures:
    """The measures of a run; `saturations` and `mixes` by number of deployment, without which pools have no load.

    `lanes` are the numbers of those deployments that are batch lanes.
    """
    known, offered = saturations or {}, mixes or {}
    deployments = system.deployments
    return Measures(
        window_s=result.window_s,
        end_s=result.end_s,
        outcomes=outcomes(result),
        latency=tuple(latency_table(result, [each.name for each in deployments], classes)),
        uses=tuple(use(result, each, d, lane=d in lanes) for d, each in enumerate(deployments)),
        loads=tuple(
            pool_load(result, d, known.get(d), offered.get(d)) if isinstance(each, Pool) else api_load(result, each, d)
            for d, each in enumerate(deployments)
        ),
        fleets=tuple(fleet(result.lives, d, result.window_s) if isinstance(each, Pool) else None for d, each in enumerate(deployments)),
        levels=verdict(result, slo, lanes),
        goodput_per_s=goodput_per_s(result, lanes),
        good_share=good_share(result, lanes),
        lanes=tuple(deployments[d].name for d in sorted(lanes)),
    )
