"""Larger systems with numbers as they are in the world: nothing dyadic, hundreds of requests, thousands of steps.

Times agree to 1e-9 s; what happens agrees exactly. Ties to the last bit, where the two might part ways, do not occur by chance.
"""

from __future__ import annotations

import math
import random
from math import inf

import pytest
from hypothesis import settings

from sim.engine.system import Api, Autoscaler, Client, Event, Limit, Pool, Replica, Rule, Stage, StepTime, System, Target
from sim.trace.closed_loop import THINK_LAWS, ClosedLoop
from tests.oracles.table import Row, Table
from tests.property.equality import assert_equal, by_engine, by_oracle
from tests.property.systems import FAULTS, Case

NUMBER = settings().max_examples // 10
HPA = {
    "tolerance": 0.1, "up_pods": 4, "up_percent": 100, "up_period": 15, "up_stabilization": 0, "down_pods": 0, "down_percent": 100,
    "down_period": 15, "down_stabilization": 5,
}  # fmt: skip


def replica(r: random.Random) -> Replica:
    step = StepTime(
        r.uniform(0.005, 0.03), (64.0, 256.0, 2048.0), (r.uniform(0, 0.01), r.uniform(0.01, 0.02), r.uniform(0.03, 0.2)),
        r.uniform(0, 1e-4), r.uniform(0, 1e-6), r.uniform(0, 1e-9),
    )  # fmt: skip
    block_tokens = r.choice([1, 4, 16, 16])
    return Replica(
        step,
        blocks=r.choice([3000, 8000, 40000]) // block_tokens,
        block_tokens=block_tokens,
        watermark_blocks=r.choice([0, 0, 5]),
        max_num_seqs=r.choice([4, 16, 64, 256]),
        max_num_batched_tokens=r.choice([256, 512, 2048, 8192]),
        long_prefill_threshold=r.choice([0, 0, 128]),
        long_prefill_adaptive=r.random() < 0.5,
        reserve_full_prompt=r.random() < 0.7,
        batching=r.choice(["continuous"] * 4 + ["prefill_first", "static"]),  # type: ignore[arg-type]
        prefix_caching=r.choice(["off", "given", "blocks"]),  # type: ignore[arg-type]
    )


def pool(r: random.Random, name: str) -> Pool:
    slots = r.randint(1, 5)
    scaler = Autoscaler(max_replicas=slots)
    if r.random() < 0.5:
        metric = r.choice(["waiting", "concurrency", "kv", "busy", "rps"])
        target = 0.5 if metric in ("kv", "busy") else 2.0
        scaler = Autoscaler("hpa", metric, target, 1.7, 1.3, 3.1, max_replicas=slots, settings=tuple(HPA.items()))  # type: ignore[arg-type]
    return Pool(
        name,
        replica(r),
        slots,
        r.randint(1, slots),
        routing=r.choice(["round_robin", "least_outstanding", "least_kv", "session_affinity"]),  # type: ignore[arg-type]
        queue_limit=r.choice([-1, -1, 20]),
        queue_timeout_s=r.choice([inf, inf, 5.3]),
        autoscaler=scaler,
        cold_start=(Stage("boot", 3.3, 0.4), Stage("load", 1.7, 0.2)),
        drain_s=r.choice([inf, 2.7]),
        front_end_s=r.choice([0, 0.0123]),
    )


def limit(r: random.Random) -> Limit:
    unit = r.choice(["requests", "input_tokens", "output_tokens", "total_tokens"])
    size = 1 if unit == "requests" else 1000
    return Limit(
        r.choice(["token_bucket", "fixed_window", "sliding_window", "acceleration"]),  # type: ignore[arg-type]
        unit,  # type: ignore[arg-type]
        limit=size * r.randint(5, 60),
        window_s=r.choice([10.0, 60.0]),
        burst=size * r.randint(2, 30),
        growth=1.5,
        phase_s=r.choice([0.0, 3.7]),
        reserves_max_tokens=r.random() < 0.5,
    )


def api(r: random.Random, name: str) -> Api:
    zs = (-1.3, 0.0, 1.0, 2.3)
    return Api(
        name,
        r.randint(0, 1),
        tuple(limit(r) for _ in range(r.randint(0, 3))),
        zs,
        tuple(math.log(s) for s in (0.2, 0.4, 0.7, 2.1)),
        zs,
        tuple(math.log(s) for s in (0.01, 0.015, 0.02, 0.05)),
        ttft_per_prompt_token_s=1e-5,
        hour_sigma=0.2,
        error_rate=r.choice([0, 0.02]),
        refusal_s=r.choice([0, 0.05]),
        retry_after=r.choice(["none", "seconds", "milliseconds"]),  # type: ignore[arg-type]
        refused_counts=r.random() < 0.3,
    )


def target(r: random.Random, deployments: int) -> Target:
    client = Client(r.randint(0, 3), 0.5, 8.0, 0.25, r.choice([0, 0.3]), timeout_s=r.choice([inf, inf, 7.7, 20.0]))
    passes_on = r.choice([FAULTS, ("429",), ("429", "5xx"), ()])
    return Target(r.randrange(deployments), passes_on, r.choice([inf, inf, 1.1, 0.3]), client)  # type: ignore[arg-type]


def case_of(seed: int) -> Case:
    r = random.Random(seed)
    deployments = tuple(pool(r, f"own{d}") if r.random() < 0.7 else api(r, f"api{d}") for d in range(r.randint(1, 3)))
    first = tuple(Rule(tuple(target(r, len(deployments)) for _ in range(r.randint(1, 3))), share=0.5) for _ in range(r.randint(0, 1)))
    rules = (*first, Rule(tuple(target(r, len(deployments)) for _ in range(r.randint(1, 3)))))
    rate, t, rows = r.choice([2, 10, 40, 200]), 0.0, []
    for _ in range(r.randint(50, 300)):
        t += 0.0 if r.random() < 0.2 else r.expovariate(rate)
        prompt, output = int(min(3000, r.lognormvariate(5.5, 1))) + 1, int(min(800, r.lognormvariate(4, 1))) + 1
        rows.append(
            Row(
                t,
                prompt,
                output,
                session_id=r.randint(0, 9) if r.random() < 0.3 else -1,
                cached_tokens=r.randint(0, prompt) if r.random() < 0.5 else -1,
                max_tokens=r.choice([-1, output + r.randint(0, 200)]),
                block_ids=tuple(range(7, 7 + r.randint(0, -(-prompt // 512)))) if r.random() < 0.3 else (),
            )
        )
    events = []
    for d, spec in enumerate(deployments):
        kind = r.choice(
            ["gpu_failure", "spot_preemption", "no_capacity", "retraining"]
            if isinstance(spec, Pool)
            else ["api_outage", "degradation", "limit_change"]
        )
        event = Event(
            r.uniform(0, 30), kind, d, r.uniform(0.1, 20), r.choice([0.5, 2.0, 3.0]), 0.1, r.randint(1, 3), r.uniform(0, 5)
        )  # fmt: skip
        events += [event] * (r.random() < 0.4)
    system = System(deployments, rules, cooldown_s=r.choice([0, 2.2]), clock_offset_s=3580.0)
    return Case(system, Table(tuple(rows)), r.randint(0, 99), tuple(sorted(events, key=lambda event: event.at_s)))


@pytest.mark.parametrize("seed", range(NUMBER))
def test_a_larger_system(seed: int) -> None:
    case = case_of(seed)
    assert_equal(by_engine(case), by_oracle(case), within_s=1e-9)


@pytest.mark.parametrize("seed", range(NUMBER // 3))
def test_a_larger_system_and_its_clients(seed: int) -> None:
    case, r = case_of(seed), random.Random(-seed)
    law, think_s = r.choice(THINK_LAWS), r.choice([0, 0, 0.37, 3.3])
    loop = ClosedLoop(r.choice([1, 4, 16, 50]), think_s, law, r.choice([0, 0, 7.3]), r.choice([None, None, 23.1]))
    assert_equal(by_engine(case, closed_loop=loop), by_oracle(case, loop), within_s=1e-9)
