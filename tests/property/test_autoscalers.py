"""Pools that scale: the engine and the oracle, each with laws of its own, agree to the last bit."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from sim.engine.system import Autoscaler, Pool, System
from tests.property.equality import assert_equal, by_engine, by_oracle
from tests.property.systems import Case, one_of, pools, rules, scripted, tables


@st.composite
def policies(draw: st.DrawFn) -> dict[str, float]:
    return {
        "tolerance": draw(one_of(0.0, 0.125, 0.125, 0.5)),
        "up_pods": draw(one_of(0, 1, 4)),
        "up_percent": draw(one_of(0, 50, 100)),
        "up_period": draw(one_of(1.0, 2.0, 5.0)),
        "up_stabilization": draw(one_of(0.0, 0.0, 3.0)),
        "down_pods": draw(one_of(0, 1)),
        "down_percent": draw(one_of(0, 25, 100, 100)),
        "down_period": draw(one_of(1.0, 4.0)),
        "down_stabilization": draw(one_of(0.0, 2.0, 6.0)),
    }


@st.composite
def autoscalers(draw: st.DrawFn, slots: int) -> Autoscaler:
    law = draw(one_of("schedule", "plan", "hpa", "hpa", "keda", "keda", "knative", "knative", "target_tracking"))
    least = draw(one_of(0, 0, 1)) if law in ("keda", "knative") else 1
    metric = draw(one_of("concurrency", "rps") if law == "knative" else one_of("waiting", "concurrency", "rps", "busy", "kv"))
    share = metric in ("busy", "kv")
    settings: dict[str, float] = {}
    if law in ("hpa", "keda"):
        settings = draw(policies())
    if law == "keda":
        settings |= {"cooldown": draw(one_of(0.0, 2.0, 5.0)), "activation": draw(one_of(0.0, 0.0, 1.0)) / (4 if share else 1)}
    if law == "knative":
        settings = {
            "panic_window": draw(one_of(0.25, 0.5)), "utilization": draw(one_of(0.5, 0.75, 1.0)), "panic_threshold": draw(one_of(1.5, 2.0)),
            "up_rate": draw(one_of(1.5, 1000.0)), "down_rate": draw(one_of(1.5, 2.0)), "grace": draw(one_of(0.0, 1.0, 3.0)),
        }  # fmt: skip
    if law == "target_tracking":
        settings = {
            "out_datapoints": draw(one_of(1, 2)), "in_datapoints": draw(one_of(1, 3)),
            "out_cooldown": draw(one_of(0.0, 2.0)), "in_cooldown": draw(one_of(0.0, 3.0)),
        }  # fmt: skip
    steps: tuple[tuple[float, int], ...] = ()
    if law in ("schedule", "plan"):
        times = sorted(draw(st.sets(one_of(0.0, 2.0, 5.0, 9.5, 3595.0, 86000.0), min_size=1, max_size=3)))
        steps = tuple((t, draw(st.integers(1, slots))) for t in times)
    return Autoscaler(
        law,
        metric,
        target=draw(one_of(0.25, 0.5, 0.75) if share else one_of(1.0, 2.0, 3.0)),
        sync_s=draw(one_of(0.5, 1.0, 1.5)),
        scrape_s=draw(one_of(0.25, 1.0, 2.0)),
        average_s=draw(one_of(0.5, 1.0, 4.0)),
        lag_s=draw(one_of(0.0, 0.0, 0.5)),
        min_replicas=least,
        max_replicas=slots,
        settings=tuple(settings.items()),
        schedule=steps,
    )


@st.composite
def scaling_pools(draw: st.DrawFn, name: str) -> Pool:
    slots = draw(one_of(1, 2, 4, 8))
    autoscaler = draw(autoscalers(slots))
    initial = draw(st.integers(autoscaler.min_replicas, min(slots, 2)))
    # Sums of shares of KV memory are exact, in any order, where a pool has a power of two of blocks.
    pool = draw(pools(name))
    replica = replace(pool.replica, blocks=64 // pool.replica.block_tokens)
    return replace(pool, replica=replica, replicas=slots, initial_replicas=initial, autoscaler=autoscaler)


@st.composite
def scaling_cases(draw: st.DrawFn) -> Case:
    deployments = tuple(draw(scaling_pools(f"own{d}")) for d in range(draw(one_of(1, 1, 2))))
    system = System(
        deployments, draw(rules(len(deployments))), clock_offset_s=draw(one_of(0.0, 3590.0, 86395.0)), ttft_slo_s=1.0, tpot_slo_s=0.25
    )
    table = draw(tables(40))
    table = replace(table, window_s=table.rows[-1].arrival_s + draw(one_of(0.0, 8.0, 20.0)))
    return Case(system, table, draw(st.integers(0, 3)), draw(one_of((), draw(scripted(deployments)))), until_s=200.0)


@given(scaling_cases())
def test_pools_that_scale(case: Case) -> None:
    assert_equal(by_engine(case), by_oracle(case))
