"""Names that a file may spell: where one stands in several rooms, all rooms know the same ones, in the order of their numbers."""

from __future__ import annotations

from typing import Any, get_args, get_type_hints

import pytest

from sim.catalog import api as catalog_api
from sim.cli import trace as trace_command
from sim.engine import autoscalers, layout, state, system
from sim.stack import autoscaler as stack_autoscaler
from sim.stack import gpu_deployment
from sim.trace.formats import FORMATS


def literals(owner: Any, field: str) -> tuple[str, ...]:
    """The names that a field allows."""
    return get_args(get_type_hints(owner)[field])


@pytest.mark.parametrize(
    ("names", "numbers"),
    [
        (state._LAWS, (layout.BUCKET, layout.WINDOW, layout.SLIDING, layout.CONCURRENCY, layout.ACCELERATION)),
        (state._UNITS, (layout.U_REQUESTS, layout.U_INPUT, layout.U_OUTPUT, layout.U_TOTAL, layout.U_USD)),
        (state._ROUTING, (layout.ROUND_ROBIN, layout.LEAST_OUTSTANDING, layout.LEAST_KV, layout.SESSION_AFFINITY)),
        (state._BATCHING, (layout.CONTINUOUS, layout.PREFILL_FIRST, layout.STATIC)),
        (state._CACHING, (layout.CACHE_OFF, layout.CACHE_GIVEN, layout.CACHE_BLOCKS)),
        (state._METRICS, (layout.M_WAITING, layout.M_CONCURRENCY, layout.M_KV, layout.M_BUSY, layout.M_RPS)),
    ],
)
def test_a_name_stands_at_its_number(names: tuple[str, ...], numbers: tuple[int, ...]) -> None:
    assert numbers == tuple(range(len(names)))


@pytest.mark.parametrize(
    ("names", "field"),
    [
        (state._LAWS, (system.Limit, "law")),
        (state._UNITS, (system.Limit, "unit")),
        (state._ROUTING, (system.Pool, "routing")),
        (state._BATCHING, (system.Replica, "batching")),
        (state._CACHING, (system.Replica, "prefix_caching")),
        (state._METRICS, (system.Autoscaler, "metric")),
        (autoscalers.LAWS, (system.Autoscaler, "law")),
    ],
)
def test_the_inputs_of_the_engine_know_every_name(names: tuple[str, ...], field: tuple[Any, str]) -> None:
    assert sorted(names) == sorted(literals(*field))


def test_files_may_spell_every_name() -> None:
    assert sorted(get_args(catalog_api.Law)) == sorted(state._LAWS)
    assert sorted(get_args(gpu_deployment.Routing)) == sorted(state._ROUTING)
    assert sorted(get_args(stack_autoscaler.Metric)) == sorted(state._METRICS)
    laws = get_args(get_args(stack_autoscaler.Autoscaler)[0])
    assert sorted(literals(law, "law")[0] for law in laws) == sorted(autoscalers.LAWS)


def test_the_command_line_offers_every_format() -> None:
    assert sorted(trace_command._FORMATS) == sorted(["auto", *(known.name for known in FORMATS)])
