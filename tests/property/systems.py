"""Hypothesis strategies: small systems and traces in which everything happens, often at the same time.

All times and coefficients are dyadic rationals with few bits, so that sums are exact in any order; lengths and memories are small, so
that queues, preemptions and refusals are common.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import inf
from typing import Any

from hypothesis import strategies as st

from sim.engine.system import (
    Api,
    Autoscaler,
    Client,
    Event,
    Limit,
    Pool,
    Replica,
    Rule,
    Stage,
    StepTime,
    System,
    Target,
    TokenRate,
)
from sim.trace.closed_loop import ClosedLoop
from tests.oracles.table import Row, Table

QUANTUM = 1 / 64
FAULTS = ("429", "5xx", "timeout")


@dataclass(frozen=True)
class Case:
    """One thing to simulate."""

    system: System
    table: Table
    seed: int = 0
    events: tuple[Event, ...] = ()
    until_s: float = inf


def one_of(*values: Any) -> st.SearchStrategy[Any]:
    return st.sampled_from(values)


def seconds(most: float) -> st.SearchStrategy[float]:
    """A multiple of the quantum, up to `most`; whole seconds are common."""
    return st.one_of(st.integers(0, int(most)).map(float), st.integers(0, int(most / QUANTUM)).map(lambda n: n * QUANTUM))


def faults() -> st.SearchStrategy[Any]:
    return one_of(FAULTS, FAULTS, (), ("429",), ("5xx",), ("429", "5xx"), ("timeout",))


@st.composite
def step_times(draw: st.DrawFn) -> StepTime:
    c_s = draw(one_of(1 / 64, 1 / 16, 0.25, 1.0))
    slope = draw(one_of(0.0, 1 / 256, 1 / 64))
    knots = draw(one_of(((1.0,), (0.0,)), ((0.0, 1.0), (0.0, 1.0)), ((4.0, 8.0, 24.0), (2.0, 3.0, 7.0)), ((1.0, 9.0), (8.0, 8.0))))
    return StepTime(
        c_s,
        knots[0],
        tuple(y * slope for y in knots[1]),
        draw(one_of(0.0, 1 / 128)),
        draw(one_of(0.0, 0.0, 1 / 4096, 1 / 256)),
        draw(one_of(0.0, 0.0, 1 / 1024)),
    )


@st.composite
def replicas(draw: st.DrawFn) -> Replica:
    max_num_seqs = draw(one_of(1, 2, 3, 5, 16, 16))
    block_tokens = draw(one_of(1, 2, 4, 4, 8))
    return Replica(
        draw(step_times()),
        blocks=-(-draw(one_of(16, 32, 48, 64, 96)) // block_tokens),
        block_tokens=block_tokens,
        watermark_blocks=draw(one_of(0, 0, 0, 1, 2)),
        max_num_seqs=max_num_seqs,
        max_num_batched_tokens=max(max_num_seqs, draw(one_of(1, 4, 7, 16, 64))),
        max_model_len=draw(one_of(24, 4096, 4096, 4096)),
        long_prefill_threshold=draw(one_of(0, 0, 3, 8)),
        long_prefill_adaptive=draw(st.booleans()),
        reserve_full_prompt=draw(st.booleans()),
        batching=draw(one_of("continuous", "continuous", "continuous", "continuous", "prefill_first", "static")),
        prefix_caching=draw(one_of("off", "off", "given", "blocks", "blocks")),
        hit_rate=draw(one_of(0.0, 0.0, 0.5)),
    )


@st.composite
def autoscalers(draw: st.DrawFn, slots: int) -> Autoscaler:
    law = draw(one_of("fixed", "fixed", "fixed", "plan", "schedule", "hpa", "hpa", "keda", "knative", "target_tracking"))
    if law == "fixed":
        return Autoscaler(max_replicas=slots)
    metric = draw(one_of("concurrency", "rps") if law == "knative" else one_of("waiting", "concurrency", "kv", "busy", "rps"))
    starts = draw(st.lists(st.integers(0, 40), min_size=1, max_size=4, unique=True))
    shift_s = 3590.0 if law == "schedule" else 0.0
    return Autoscaler(
        law,
        metric,
        target=draw(one_of(0.25, 0.5)) if metric in ("kv", "busy") else draw(one_of(1.0, 2.0, 4.0)),
        sync_s=draw(one_of(0.5, 1.0, 3.0)),
        scrape_s=draw(one_of(0.5, 1.0, 2.0)),
        average_s=draw(one_of(0.5, 1.0, 4.0)),
        lag_s=draw(one_of(0.0, 0.0, 0.75)),
        min_replicas=draw(one_of(0, 1)) if law in ("keda", "knative") else 1,
        max_replicas=slots,
        settings=tuple(draw(law_settings(law)).items()),
        schedule=tuple((start + shift_s, draw(st.integers(1, slots))) for start in sorted(starts)) if law in ("plan", "schedule") else (),
    )


@st.composite
def law_settings(draw: st.DrawFn, law: str) -> dict[str, float]:
    """Settings by the names of a stack file, with times as short as the runs are."""
    if law in ("hpa", "keda"):
        pace = {f"{way}_pods": draw(one_of(0, 1, 4)) for way in ("up", "down")}
        pace |= {f"{way}_percent": draw(one_of(50, 100)) for way in ("up", "down")}
        pace |= {f"{way}_period": draw(one_of(1, 4)) for way in ("up", "down")}
        pace |= {f"{way}_stabilization": draw(one_of(0, 2, 8)) for way in ("up", "down")}
        return {"tolerance": 0.1} | pace | ({"cooldown": draw(one_of(0, 2)), "activation": 0} if law == "keda" else {})
    if law == "knative":
        return {
            "panic_window": draw(one_of(0.125, 0.5)), "utilization": 0.75, "panic_threshold": 2, "up_rate": draw(one_of(2, 1000)),
            "down_rate": 2, "grace": draw(one_of(1, 4)),
        }  # fmt: skip
    if law == "target_tracking":
        return {
            "out_datapoints": draw(one_of(1, 2)), "in_datapoints": draw(one_of(1, 3)), "out_cooldown": draw(one_of(0, 2)),
            "in_cooldown": draw(one_of(0, 4)),
        }  # fmt: skip
    return {}


@st.composite
def pools(draw: st.DrawFn, name: str = "own") -> Pool:
    slots = draw(st.integers(1, 4))
    autoscaler = draw(autoscalers(slots))
    stages = draw(one_of((), (1.0,), (2.0, 0.5)))
    return Pool(
        name,
        draw(replicas()),
        slots,
        initial_replicas=draw(st.integers(autoscaler.min_replicas, slots)),
        routing=draw(one_of("round_robin", "least_outstanding", "least_kv", "session_affinity")),
        queue_limit=draw(one_of(-1, -1, -1, -1, -1, 0, 1, 3)),
        gateway_queue_limit=draw(one_of(-1, -1, 0, 2)),
        queue_timeout_s=draw(one_of(inf, inf, inf, 0.5, 4.0)),
        autoscaler=autoscaler,
        cold_start=tuple(Stage(str(k), median_s, draw(one_of(0.0, 0.25))) for k, median_s in enumerate(stages)),
        drain_s=draw(one_of(inf, 1.0)),
        front_end_s=draw(one_of(0.0, 0.0, 1 / 128)),
    )


@st.composite
def limits(draw: st.DrawFn) -> Limit:
    law = draw(one_of("token_bucket", "token_bucket", "fixed_window", "sliding_window", "concurrency", "acceleration"))
    unit = draw(one_of("requests", "requests", "input_tokens", "output_tokens", "total_tokens", "usd"))
    if law == "concurrency":
        unit = "requests"
    most = draw(one_of(1, 2, 4)) * (1.0 if unit == "requests" else 16.0)
    return Limit(
        law,
        unit,
        limit=most,
        window_s=draw(one_of(1.0, 4.0, 16.0)),
        burst=most * draw(one_of(1, 2)),
        growth=draw(one_of(1.0, 1.5, 2.0)),
        phase_s=draw(one_of(0.0, 0.0, 0.75)),
        counts_cached=draw(st.booleans()),
        reserves_max_tokens=draw(st.booleans()),
        output_multiplier=draw(one_of(1.0, 1.0, 5.0)),
        no_retry_after=draw(one_of(False, False, False, True)),
    )


@st.composite
def apis(draw: st.DrawFn, name: str = "api") -> Api:
    latency = draw(one_of(((0.0,), (0.0,)), ((0.0, 1.0), (0.0, 0.5)), ((-1.0, 0.0, 1.0), (-2.0, -1.5, 0.0))))
    return Api(
        name,
        vendor=draw(st.integers(0, 1)),
        limits=tuple(draw(st.lists(limits(), max_size=3))),
        ttft_z=latency[0],
        ttft_ln_s=latency[1],
        tpot_z=latency[0],
        tpot_ln_s=tuple(y - draw(one_of(0.0, 2.0)) for y in latency[1][:1]) * len(latency[1]) if draw(st.booleans()) else latency[1],
        ttft_per_prompt_token_s=draw(one_of(0.0, 1 / 64)),
        hour_sigma=draw(one_of(0.0, 0.25)),
        error_rate=draw(one_of(0.0, 0.0, 0.25)),
        refusal_s=draw(one_of(0.0, 0.0, 0.125)),
        retry_after=draw(one_of("none", "seconds", "milliseconds")),
        refused_counts=draw(st.booleans()),
        default_max_tokens=draw(one_of(8, 32)),
        context_tokens=draw(one_of(32, 1 << 40)),
        rates=draw(one_of((TokenRate(0, 0.5, 0.25, 1.0),), (TokenRate(0, 0.5, 0.0, 1.0), TokenRate(16, 1.0, 0.5, 2.0)))),
    )


@st.composite
def clients(draw: st.DrawFn) -> Client:
    return Client(
        retries=draw(one_of(0, 0, 1, 2, 3)),
        base_s=draw(one_of(0.0, 0.25, 0.5)),
        cap_s=draw(one_of(1.0, 8.0)),
        jitter=draw(one_of(0.0, 0.25)),
        jitter_add_s=draw(one_of(0.0, 0.0, 0.75)),
        retry_after_max_s=draw(one_of(inf, 2.0)),
        give_up_above=draw(st.booleans()),
        retry_on=draw(faults()),
        timeout_s=draw(one_of(inf, inf, inf, 1.0, 3.0, 10.0)),
    )


@st.composite
def rules(draw: st.DrawFn, deployments: int) -> tuple[Rule, ...]:
    drawn = []
    for last in [False] * draw(one_of(0, 0, 1, 2)) + [True]:
        order = draw(st.lists(st.integers(0, deployments - 1), min_size=1, max_size=deployments + 1))
        targets = tuple(Target(d, draw(faults()), draw(one_of(inf, inf, 0.5, 2.0)), draw(clients())) for d in order)
        if last and draw(one_of(True, True, True, True, True, False)):
            drawn.append(Rule(targets))
        else:
            span = draw(one_of((0, 1 << 60), (0, 12), (13, 1 << 60)))
            drawn.append(Rule(targets, draw(one_of((), (0,), (1,), (0, 1))), span[0], span[1], draw(one_of(1.0, 0.5))))
    return tuple(drawn)


@st.composite
def tables(draw: st.DrawFn, most: int = 40) -> Table:
    """5 to `most` requests; many arrive together."""
    quantum = draw(one_of(1.0, 0.25, 1 / 16, 1 / 64))
    numbers = st.integers(0, 7)
    prefix_block_tokens = draw(one_of(1, 4, 6))
    longest = draw(one_of(1, 8, 20, 40))
    lengths = st.tuples(numbers, st.integers(1, longest), st.integers(1, draw(one_of(1, 6, 24, 24))), numbers)
    count = draw(st.integers(5, most))
    rows: list[Row] = []
    arrival_s = 0.0
    names: dict[int, int] = {}
    for gap, prompt, output, traits in draw(st.lists(lengths, min_size=count, max_size=count)):
        arrival_s += quantum * max(0, gap - 3)
        shared = draw(one_of(0, 0, 1, 2, 3)) if traits >= 4 else 0
        cached = prompt // 2 if traits % 2 else -1
        ids = tuple(range(100, 100 + -(-prompt // prefix_block_tokens))) if shared == 1 else ()
        rows.append(
            Row(
                arrival_s,
                prompt,
                output,
                class_id=names.setdefault(traits % 3 // 2, len(names)),
                session_id=traits % 2 if shared == 2 else -1,
                cached_tokens=cached,
                max_tokens=output + traits if traits % 4 > 1 else -1,
                block_ids=(*ids[:-1], len(rows)) if ids and traits % 2 else ids,
            )
        )
    return Table(tuple(rows), prefix_block_tokens, arrival_s + quantum * draw(numbers))


@st.composite
def scripted(draw: st.DrawFn, deployments: tuple[Pool | Api, ...]) -> tuple[Event, ...]:
    """Up to three events; only the first may meet anything else at its very time, since the order of control events among themselves is SimPy's."""
    events = []
    for i, d in enumerate(draw(st.lists(st.integers(0, len(deployments) - 1), max_size=3))):
        at_s, duration_s = draw(seconds(16)) + i * QUANTUM / 16, draw(seconds(8))
        if isinstance(deployments[d], Api):
            kind = draw(one_of("api_outage", "degradation", "limit_change"))
            factor = draw(one_of(0.5, 2.0)) if kind == "limit_change" else draw(one_of(1.0, 2.0, 3.0))
            events.append(Event(at_s, kind, d, max(duration_s, QUANTUM), factor, draw(one_of(0.0, 0.5)), limit=draw(one_of(-1, 0))))
        else:
            kind = draw(one_of("gpu_failure", "spot_preemption", "no_capacity", "retraining"))
            events.append(Event(at_s, kind, d, max(duration_s, QUANTUM), count=draw(one_of(1, 2)), notice_s=draw(seconds(4))))
    return tuple(sorted(events, key=lambda event: event.at_s))


@st.composite
def cases(draw: st.DrawFn, kinds: tuple[str, ...] = ("pool", "api"), most: int = 40, *, eventful: bool = True) -> Case:
    drawn = draw(st.lists(one_of(*kinds), min_size=1, max_size=3))
    deployments = tuple(draw(pools(f"own{d}") if kind == "pool" else apis(f"api{d}")) for d, kind in enumerate(drawn))
    system = System(
        deployments,
        draw(rules(len(deployments))),
        cooldown_s=draw(one_of(0.0, 0.0, 0.5, 4.0)),
        clock_offset_s=draw(one_of(0.0, 3590.0)),
        ttft_slo_s=draw(one_of(1.0, 3.0)),
        tpot_slo_s=0.25,
    )
    events = draw(scripted(deployments)) if eventful else ()
    return Case(system, draw(tables(most)), draw(st.integers(0, 3)), events, draw(one_of(inf, inf, inf, inf, inf, 6.0)))


@st.composite
def loops(draw: st.DrawFn, *, laws: tuple[str, ...] = ("constant", "constant", "exponential")) -> ClosedLoop:
    """Clients that are fewer or more than the rows; the ramp gives each a time of few bits."""
    clients = draw(one_of(1, 2, 3, 5, 8, 12, 64))
    return ClosedLoop(
        clients,
        draw(one_of(0.0, 0.0, 0.0, QUANTUM, 0.25, 1.0, 5.0)),
        draw(one_of(*laws)),
        clients * draw(one_of(0.0, 0.0, 0.0, QUANTUM, 0.25, 1.0)),
        draw(one_of(None, None, None, 1 / 128, 1.0, 2.5, 10.0)),
    )


@st.composite
def answered_late(draw: st.DrawFn, kinds: tuple[str, ...] = ("pool", "api"), most: int = 40) -> Case:
    """Systems in which callers hear of an outcome long after it is settled: much else happens in between."""
    case = draw(cases(kinds, most))
    late = tuple(
        replace(each, front_end_s=draw(one_of(0.0, 0.25, 2.0, 5.0)))
        if isinstance(each, Pool)
        else replace(each, refusal_s=draw(one_of(0.0, 0.125, 3.0)))
        for each in case.system.deployments
    )
    return replace(case, system=replace(case.system, deployments=late))


@st.composite
def crowded(draw: st.DrawFn, most: int = 40) -> Case:
    """One pool with room for everybody's turn but not for all at once: what happens inside replicas and nothing else."""
    spec = draw(replicas())
    replica = Replica(**(spec.__dict__ | {"max_model_len": 4096, "blocks": -(-draw(one_of(64, 72, 96)) // spec.block_tokens)}))
    pool = Pool("own", replica, 2, initial_replicas=draw(one_of(1, 1, 2)), autoscaler=Autoscaler(max_replicas=2))
    client = Client(retries=0, timeout_s=draw(one_of(inf, inf, inf, 20.0)))
    return Case(System((pool,), (Rule((Target(0, client=client),)),)), draw(tables(most)))
