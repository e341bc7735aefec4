"""A replay measured and billed without finding out what a replica carries at most: what a plan needs of hundreds of candidates.

Load is not known of it. Everything else is as of `sim.cost.replay.replay`, which a level about load takes in its place.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.cost.bill import bill
from sim.cost.from_stack import stack_extras, stack_prices
from sim.cost.replay import Replay, latest_end_s
from sim.measure.measures import measure
from sim.measure.slo import Slo
from sim.measure.timeline import timeline_interval_s
from sim.stack.resolved import ResolvedApi, ResolvedStack

if TYPE_CHECKING:
    from sim.trace.trace import Trace


def plain_replay(resolved: ResolvedStack, trace: Trace, *, seed: int) -> Replay:
    """The replay of a trace of arrivals; who caused what of the bill, and what an API alone would cost, is left out."""
    from sim.engine.assemble import assemble, tariff
    from sim.engine.run import simulate

    system = assemble(resolved, trace.classes)
    prices = stack_prices(resolved)
    duration_s = trace.info.duration_s
    result = simulate(
        system, trace, seed=seed, events=tariff(resolved, duration_s), until_s=latest_end_s(duration_s),
        timeline_s=timeline_interval_s(duration_s),
    )  # fmt: skip
    slo = Slo(ttft_s=resolved.slo.ttft_p95, tpot_s=resolved.slo.tpot_p95, completed=resolved.slo.completed)
    lanes = [d for d, each in enumerate(resolved.deployments) if isinstance(each, ResolvedApi) and each.lane_of is not None]
    billed = bill(system=system, result=result, prices=prices, extras=stack_extras(resolved, result.window_s))
    return Replay(
        system=system,
        result=result,
        prices=prices,
        measures=measure(result, system, trace.classes, slo, lanes=lanes),
        bill=billed,
        by_class={},
        by_client={},
        prompt_tokens=0,
        output_tokens=0,
        api_only_model="",
        api_only_usd=0.0,
        api_only_source="",
        api_only_negotiated=False,
    )
