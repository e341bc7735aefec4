"""One replay of a trace through a resolved stack, measured and billed: what every longer forecast is built from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from sim.catalog.catalog import Catalog
from sim.catalog.price_book import PriceBook
from sim.cost.api_only import TraceTokens
from sim.cost.bill import Bill, bill
from sim.cost.clients_replay import replay_clients, sent
from sim.cost.from_stack import api_alone, stack_extras, stack_prices
from sim.cost.price import Price
from sim.cost.share import by_class, by_client
from sim.engine.result import Result
from sim.engine.system import System
from sim.measure.load import SaturationCache, bin_s, saturation_of
from sim.measure.measures import Measures, measure
from sim.measure.mix import MixSampler
from sim.measure.slo import Slo
from sim.measure.timeline import timeline_interval_s
from sim.stack.events import ScriptedEvent
from sim.stack.resolved import ResolvedApi, ResolvedStack
from sim.trace.closed_loop import ClosedLoop, check_length
from sim.trace.trace import Trace
from sim.units import SECONDS_PER_DAY

_WEEK_S = 7 * SECONDS_PER_DAY
_PATIENCE = 100.0


@dataclass(frozen=True)
class Replay:
    """A run with what was measured, its bill, who caused it, and what the same traffic costs at an API alone."""

    system: System
    result: Result
    prices: Mapping[str, Price]
    measures: Measures
    bill: Bill
    by_class: Mapping[str, float]
    by_client: Mapping[str, float]
    prompt_tokens: int
    """Of the trace, whatever became of them."""
    output_tokens: int
    api_only_model: str
    api_only_usd: float
    api_only_source: str
    api_only_negotiated: bool


def latest_end_s(duration_s: float) -> float:
    """When a run is given up in which requests wait for what never comes: a week and a hundred times the trace after its end."""
    return duration_s + _WEEK_S + _PATIENCE * duration_s


def replay(
    resolved: ResolvedStack,
    trace: Trace,
    *,
    catalog: Catalog,
    book: PriceBook,
    seed: int = 0,
    events: Sequence[ScriptedEvent] = (),
    log: bool = False,
    progress: Callable[[float], None] | None = None,
    cache: SaturationCache | None = None,
    closed_loop: ClosedLoop | None = None,
) -> Replay:
    """Replay a trace through a stack; the same for the same arguments. InputError where a price is not known.

    `progress` is called now and then with the simulated second. `cache` keeps saturation points between calls. With a `closed_loop`, or
    in a trace that says it is one, clients send the requests, and the run is measured and billed until the last of them is answered.
    """
    from sim.engine.assemble import assemble, script, tariff
    from sim.engine.run import simulate

    system = assemble(resolved, trace.classes)
    alone_price, alone_source = api_alone(resolved, catalog, book)
    alone = TraceTokens(alone_price)
    prices = stack_prices(resolved)
    loop = closed_loop or trace.closed_loop
    if loop is None:
        duration_s = trace.info.duration_s
        scripted = (*script(events, resolved), *tariff(resolved, duration_s))
        result = simulate(
            system, trace, seed=seed, events=scripted, until_s=latest_end_s(duration_s), log=log,
            timeline_s=timeline_interval_s(duration_s), progress=progress,
        )  # fmt: skip
    else:
        check_length(loop, trace.info.rows)
        result = replay_clients(system, trace, resolved, events, loop, seed=seed, log=log, progress=progress)
    sampler = MixSampler(system, bin_s=bin_s(result.timeline_s))
    for chunk in trace.chunks() if loop is None else sent(trace, result.total):
        sampler.add(chunk)
        alone.add(chunk)
    slo = Slo(ttft_s=resolved.slo.ttft_p95, tpot_s=resolved.slo.tpot_p95, completed=resolved.slo.completed)
    known = {} if cache is None else cache
    mixes = {d: mix for d in range(len(system.deployments)) if (mix := sampler.mix(d)) is not None}
    if loop is not None:
        # When requests are offered, the run alone says.
        mixes = {d: replace(mix, offered=None) for d, mix in mixes.items()}
    saturations = {
        d: saturation_of(system, d, mix, trace, slo, seed=seed, simulate=simulate, cache=known) for d, mix in mixes.items()
    }  # fmt: skip
    lanes = [d for d, each in enumerate(resolved.deployments) if isinstance(each, ResolvedApi) and each.lane_of is not None]
    billed = bill(system=system, result=result, prices=prices, extras=stack_extras(resolved, result.window_s))
    return Replay(
        system=system,
        result=result,
        prices=prices,
        measures=measure(result, system, trace.classes, slo, saturations, mixes, lanes),
        bill=billed,
        by_class=by_class(bill=billed, system=system, result=result, prices=prices, classes=trace.classes),
        by_client=by_client(bill=billed, system=system, result=result, clients=trace.clients),
        prompt_tokens=alone.prompt_tokens,
        output_tokens=alone.output_tokens,
        api_only_model=alone.price.model,
        api_only_usd=alone.usd(),
        api_only_source=alone_source.source,
        api_only_negotiated=alone_source.negotiated,
    )
