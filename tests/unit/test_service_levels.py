"""Service levels of months against sums written out block by block, however many months are added up at a time."""

from __future__ import annotations

import datetime
import tracemalloc

import numpy as np
import pytest

from sim.engine.result import HIST_BUCKETS
from sim.futures import service_levels as module
from sim.futures.calendar import Calendar
from sim.futures.combine import Source, along_levels
from sim.futures.service_levels import block_weights, service_levels
from sim.futures.usage import ALL, UsageLayout
from sim.stack.schema import Slo

LAYOUT = UsageLayout.of(["own"], [])
NODES = np.array([0.5, 1.0, 2.0])


def made(futures: int, months: int, blocks: int) -> tuple[Source, np.ndarray]:
    """A source of three nodes whose requests fall short of the levels by chance, and the usage of its months."""
    generator = np.random.default_rng(1)
    calendar = Calendar(datetime.date(2026, 11, 1), months)
    level = generator.uniform(0.4, 2.2, (futures, int(calendar.days.sum())))
    table = np.sort(generator.uniform(1.0, 2.0, (len(NODES), blocks, 6)))[:, :, ::-1].copy()  # met <= ... <= held
    amounts = np.zeros((len(NODES), len(LAYOUT)))
    node, weight = along_levels(NODES, level, np.ones_like(level, bool))
    source = Source(calendar, amounts, np.zeros((len(NODES), 3, HIST_BUCKETS)), table, node, weight)
    usage = np.zeros((futures, months, len(LAYOUT)))
    usage[:, :, [LAYOUT.at(ALL, "requests"), LAYOUT.at(ALL, "completed")]] = 10.0, 9.0
    return source, usage


@pytest.mark.parametrize("at_a_time", [1, 40, 10**9])
def test_good_shares_are_sums_over_days_and_blocks(monkeypatch: pytest.MonkeyPatch, at_a_time: int) -> None:
    monkeypatch.setattr(module, "_AT_A_TIME", at_a_time)
    source, usage = made(3, 2, 4)
    weights = block_weights(4, np.array([0, 0, 1, 1]), source.calendar, 3, 0, 0)
    found = service_levels([source], None, usage, LAYOUT, Slo(), weights).good_share
    for f in range(3):
        for m in range(2):
            held = met = 0.0
            for day in np.flatnonzero(source.calendar.month_of_day == m):
                for node, share in zip(source.node[f, day], source.weight[f, day], strict=True):
                    held += share * float(weights[f, m] @ source.blocks[node, :, 0])
                    met += share * float(weights[f, m] @ source.blocks[node, :, 5])
            assert found[f, m] == pytest.approx(met / held, rel=1e-12)


def test_a_trace_of_a_month_does_not_fill_the_memory() -> None:
    """4,320 blocks of ten minutes: all months of all futures with their six counts would take 150 MB, weights take 25."""
    source, usage = made(60, 12, 30 * 144)
    tracemalloc.start()
    weights = block_weights(4320, np.tile(np.repeat(np.arange(24), 6), 30), source.calendar, 60, 0, 0)
    service_levels([source], None, usage, LAYOUT, Slo(), weights)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 3.0 * weights.nbytes
