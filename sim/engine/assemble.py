"""From a resolved stack to the System that the engine runs: names become numbers, absent limits become infinite.

A deployment keeps its place; classes are numbered as in the trace. Vendors are numbered by a fingerprint of their name, so that an
hour is as slow at a vendor in one stack as in another.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Sequence

from sim.catalog import api as catalog_api
from sim.engine.system import Api, Autoscaler, Client, Event, Limit, Pool, Replica, Rule, Stage, StepTime, System, Target, TokenRate
from sim.stack.autoscaler import Fixed, Measured, Timed
from sim.stack.client import ClientPolicy
from sim.stack.events import ScriptedEvent
from sim.stack.resolved import ResolvedApi, ResolvedPool, ResolvedRule, ResolvedStack
from sim.units import MILLION, SECONDS_PER_DAY

_COMMON = frozenset({"law", "metric", "target", "sync", "scrape", "average", "lag", "steps"})
_VENDORS = 256
"""Streams of random numbers tell so many deployments apart (sim/engine/random.py)."""


def assemble(resolved: ResolvedStack, classes: Sequence[str], *, clock_offset_s: float = 0.0) -> System:
    """The System of a resolved stack for a trace of these classes; `clock_offset_s` is the second of the UTC day at time 0.

    A rule for classes that the trace does not have is left out: nothing would match it.
    """
    number = {name: position for position, name in enumerate(classes)}
    vendors = _vendor_numbers(resolved)
    rules = [_rule(rule, number, resolved) for rule in resolved.rules if not rule.classes or any(name in number for name in rule.classes)]
    return System(
        deployments=tuple(
            _pool(each, clock_offset_s) if isinstance(each, ResolvedPool) else _api(each, vendors[each.model.vendor], clock_offset_s)
            for each in resolved.deployments
        ),
        rules=tuple(rules),
        cooldown_s=resolved.cooldown_s,
        clock_offset_s=clock_offset_s,
        ttft_slo_s=resolved.slo.ttft_p95,
        tpot_slo_s=resolved.slo.tpot_p95,
    )


def script(events: Sequence[ScriptedEvent], resolved: ResolvedStack) -> tuple[Event, ...]:
    """Events of a file as the engine takes them; an event without a deployment that needs one happens to all it can happen to."""
    made = []
    for event in events:
        made += [
            Event(
                at_s=event.at_s,
                kind=event.kind,
                deployment=-1 if name is None else resolved.index(name),
                duration_s=event.duration_s,
                factor=event.factor,
                error_rate=event.error_rate,
                count=event.count,
                notice_s=event.notice_s,
                limit=event.limit,
            )
            for name in event.deployments
        ]
    return tuple(sorted(made, key=lambda event: event.at_s))


def tariff(resolved: ResolvedStack, duration_s: float, *, clock_offset_s: float = 0.0) -> tuple[Event, ...]:
    """Price changes at the hours of the day at which providers change them, over the time of a run.

    An hour's rates are taken as a multiple of the day's first ones, by their output rate.
    """
    made = []
    for number, each in enumerate(resolved.deployments):
        if not isinstance(each, ResolvedApi) or each.lane_of is not None or len(each.prices.by_time) < 2:
            continue
        factors = [
            (second, rates.at(0).output_usd_per_mtok / each.rates.at(0).output_usd_per_mtok) for second, rates in each.prices.by_time
        ]
        now = 1.0
        for day in range(math.ceil((duration_s + clock_offset_s) / SECONDS_PER_DAY) + 1):
            for second, factor in factors:
                at_s = day * SECONDS_PER_DAY + second - clock_offset_s
                if at_s < duration_s and factor != now:
                    if at_s >= 0.0 or _holds_at_start(factors, second, clock_offset_s, day):
                        made.append(Event(max(at_s, 0.0), "price_change", number, factor=factor / now))
                        now = factor
    return tuple(sorted(made, key=lambda event: (event.at_s, event.deployment)))


def _holds_at_start(factors: list[tuple[float, float]], second: float, clock_offset_s: float, day: int) -> bool:
    """Whether the rates that begin at a second of the first day are those of time 0."""
    return day == 0 and second == max(start for start, _ in factors if start <= clock_offset_s)


def _vendor_numbers(resolved: ResolvedStack) -> dict[str, int]:
    numbers: dict[str, int] = {}
    for name in sorted({each.model.vendor for each in resolved.deployments if isinstance(each, ResolvedApi)}):
        number = zlib.crc32(name.encode()) % _VENDORS
        while number in numbers.values():
            number = (number + 1) % _VENDORS
        numbers[name] = number
    return numbers


def _pool(pool: ResolvedPool, clock_offset_s: float) -> Pool:
    spec, step = pool.spec, pool.step
    return Pool(
        name=pool.name,
        replica=Replica(
            step=StepTime(step.c_s, tuple(map(float, step.g_tokens)), step.g_s, step.o_s, step.f_s, step.h_s),
            blocks=pool.blocks,
            block_tokens=pool.block_tokens,
            watermark_blocks=int(spec.watermark * pool.blocks),
            max_num_seqs=pool.max_num_seqs,
            max_num_batched_tokens=pool.max_num_batched_tokens,
            max_model_len=pool.max_model_len,
            long_prefill_threshold=spec.long_prefill_token_threshold,
            long_prefill_adaptive=spec.long_prefill_token_threshold_adaptive,
            reserve_full_prompt=spec.reserve_full_prompt,
            batching=pool.batching,
            prefix_caching=pool.prefix_caching,
            hit_rate=spec.hit_rate,
        ),
        replicas=spec.replicas.max,
        initial_replicas=spec.at_start(clock_offset_s),
        gpus_per_replica=spec.tensor_parallel,
        gpus_per_node=pool.gpus_per_node,
        routing=spec.routing,
        queue_limit=-1 if spec.queue_limit is None else spec.queue_limit,
        gateway_queue_limit=-1 if spec.gateway_queue_limit is None else spec.gateway_queue_limit,
        queue_timeout_s=math.inf if spec.queue_timeout is None else spec.queue_timeout,
        autoscaler=_autoscaler(pool),
        cold_start=tuple(Stage(stage.name, stage.median_s, stage.sigma) for stage in pool.cold_start),
        drain_s=math.inf if spec.drain is None else spec.drain,
        front_end_s=pool.front_end_s,
    )


def _autoscaler(pool: ResolvedPool) -> Autoscaler:
    law, replicas = pool.spec.autoscaler, pool.spec.replicas
    low, high = replicas.min, replicas.max
    if law is None or isinstance(law, Fixed):
        return Autoscaler(min_replicas=low, max_replicas=high)
    if isinstance(law, Timed):
        steps = tuple((step.at, step.replicas) for step in law.steps)
        return Autoscaler(law=law.law, sync_s=law.sync, scrape_s=law.sync, min_replicas=low, max_replicas=high, schedule=steps)
    assert isinstance(law, Measured)
    settings = tuple((name, float(value)) for name, value in law.model_dump().items() if name not in _COMMON)
    return Autoscaler(
        law=law.law,
        metric=law.metric,
        target=law.target,
        sync_s=law.sync,
        scrape_s=law.scrape,
        average_s=law.average,
        lag_s=law.lag,
        min_replicas=low,
        max_replicas=high,
        settings=settings,
    )


def _api(api: ResolvedApi, vendor: int, clock_offset_s: float) -> Api:
    limits = [_limit(limit, clock_offset_s) for limit in api.limits]
    if api.batch_queue is not None:
        # What waits in a batch lane is in flight there until its result comes.
        limits.append(Limit("concurrency", api.batch_queue.unit, api.batch_queue.limit, no_retry_after=True))
    return Api(
        name=api.name,
        vendor=vendor,
        limits=tuple(limits),
        ttft_z=api.ttft_z,
        ttft_ln_s=api.ttft_ln_s,
        tpot_z=api.tpot_z,
        tpot_ln_s=api.tpot_ln_s,
        ttft_per_prompt_token_s=api.ttft_per_prompt_token_s,
        hour_sigma=api.hour_sigma,
        error_rate=api.error_rate,
        refusal_s=api.model.refusal_s,
        retry_after=api.model.retry_after,
        refused_counts=api.model.refused_counts,
        default_max_tokens=api.default_max_tokens,
        context_tokens=api.model.context_tokens,
        rates=tuple(
            TokenRate(
                rate.from_input_tokens,
                rate.input_usd_per_mtok / MILLION,
                rate.cached_input_usd_per_mtok / MILLION,
                rate.output_usd_per_mtok / MILLION,
            )
            for rate in api.rates.by_input_tokens
        ),
    )


def _limit(limit: catalog_api.Limit, clock_offset_s: float) -> Limit:
    burst = limit.burst if limit.burst is not None else limit.limit if limit.law == "token_bucket" else 0.0
    return Limit(
        law=limit.law,
        unit=limit.unit,
        limit=limit.limit,
        window_s=limit.window_s,
        burst=burst,
        growth=limit.growth or 0.0,
        # The catalogue counts windows from midnight UTC, the engine from time 0; a month begins with the run.
        phase_s=(limit.phase_s + clock_offset_s) % limit.window_s if limit.window_s <= SECONDS_PER_DAY else limit.phase_s,
        counts_cached=limit.counts_cached,
        reserves_max_tokens=limit.reserves_max_tokens,
        output_multiplier=limit.output_multiplier,
        no_retry_after=limit.no_retry_after,
    )


def _client(policy: ClientPolicy) -> Client:
    return Client(
        retries=policy.retries,
        base_s=policy.base,
        cap_s=policy.cap,
        jitter=policy.jitter,
        jitter_add_s=policy.jitter_add,
        retry_after_max_s=math.inf if policy.retry_after_max is None else policy.retry_after_max,
        give_up_above=policy.give_up_above,
        retry_on=policy.retry_on,
        timeout_s=math.inf if policy.timeout is None else policy.timeout,
    )


def _rule(rule: ResolvedRule, number: dict[str, int], resolved: ResolvedStack) -> Rule:
    targets = tuple(
        Target(
            deployment=target.deployment,
            passes_on=target.pass_on,
            max_wait_s=math.inf if target.max_wait_s is None else target.max_wait_s,
            client=_client(resolved.deployments[target.deployment].client),
        )
        for target in rule.targets
    )
    classes = tuple(number[name] for name in rule.classes if name in number)
    longest = 1 << 60 if rule.max_prompt_tokens is None else rule.max_prompt_tokens
    return Rule(targets, classes, rule.min_prompt_tokens, longest, rule.share)
