"""The replay of a closed loop: its timeline stays readable, its prices reach to its end, and what was not sent does not count."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from sim.cost.clients_replay import sent
from sim.cost.replay import replay
from sim.engine.assemble import tariff
from sim.engine.result import TIMELINE_FIELDS
from sim.engine.run import simulate
from sim.engine.system import Autoscaler, Pool, Replica, Rule, StepTime, System, Target
from sim.measure.timeline import readable, timeline_interval_s
from sim.trace import Trace
from sim.trace.closed_loop import ClosedLoop
from tests.made.draws import BOOK, CATALOG, resolved

OWN = """\
deployments:
  own:
    kind: gpu
    llm: llama-3.1-8b
    gpu: h100-sxm
    replicas: 2
    usd_per_gpu_hour: 3.6
    gpus_per_node: 1
    profile:
      step: {c_ms: 10, g_ms_at_tokens: [[1, 0], [8192, 0]]}
      kv_capacity_tokens: 200000
"""


def rows(count: int, output: int = 10) -> Trace:
    ones = np.ones(count, np.int64)
    return Trace.from_arrays(arrival_s=np.zeros(count), prompt_tokens=ones * 3, output_tokens=ones * output)


def field(result: Any, name: str) -> Any:
    return result.timeline[:, :, TIMELINE_FIELDS.index(name)]


def test_a_timeline_made_coarser_is_the_coarser_one() -> None:
    pool = Pool("own", Replica(StepTime(0.5, (1.0,), (0.0,)), blocks=1 << 20, max_num_seqs=2), 1, 1, autoscaler=Autoscaler())
    system = System((pool,), (Rule((Target(0),)),))
    loop = ClosedLoop(3, think_s=7.3)
    fine = simulate(system, rows(9000), timeline_s=1.0, closed_loop=loop)
    assert fine.window_s > 9000
    shown = readable(fine)
    assert shown.timeline_s == timeline_interval_s(fine.window_s) == 5.0
    coarse = simulate(system, rows(9000), timeline_s=5.0, closed_loop=loop)
    assert shown.timeline.shape == coarse.timeline.shape
    for name in TIMELINE_FIELDS:
        np.testing.assert_allclose(field(shown, name), field(coarse, name), rtol=1e-9, atol=1e-9, err_msg=name)
    assert readable(shown) is shown
    assert readable(replace(fine, window_s=100.0)).timeline_s == 1.0


def test_only_what_was_sent_is_counted() -> None:
    trace = rows(100)
    assert sum(len(chunk) for chunk in sent(trace, 37)) == 37
    assert sum(len(chunk) for chunk in sent(trace, 100)) == 100
    assert list(sent(trace, 0)) == []
    found = replay(resolved(OWN), trace, catalog=CATALOG, book=BOOK, closed_loop=ClosedLoop(4, think_s=1.0, until_s=5.0))
    assert found.measures.outcomes.total < 100
    assert (found.prompt_tokens, found.output_tokens) == (3 * found.measures.outcomes.total, 10 * found.measures.outcomes.total)


def test_gpus_are_billed_until_the_last_answer_and_load_is_of_that_time() -> None:
    """Two clients without think time on two replicas: 10 steps of 10 ms a request."""
    found = replay(resolved(OWN), rows(2000), catalog=CATALOG, book=BOOK, closed_loop=ClosedLoop(2))
    window_s = 2000 * 0.1 / 2
    assert found.result.window_s == pytest.approx(window_s)
    assert found.bill.total_usd == pytest.approx(2 * 3.6 * window_s / 3600)
    load = found.measures.loads[0]
    assert load.mean is not None and load.saturation_per_s is not None
    # what was offered a replica and second is what two clients send: 10 a second each
    assert load.mean * load.saturation_per_s == pytest.approx(10.0, rel=1e-6)
    # a single interval would be a peak of its own
    assert load.peak == pytest.approx(load.mean, rel=0.05)


def test_prices_of_the_hours_reach_to_an_end_that_nobody_knew() -> None:
    """An API that is cheaper at some hours, answers that take longer than thought: the hours of every day are laid down."""
    found = resolved("deployments: {api: {kind: api, model: deepseek-flash, limits: [], client: none}}")
    done = replay(found, rows(1000, output=20_000), catalog=CATALOG, book=BOOK, closed_loop=ClosedLoop(1)).result
    assert done.window_s > 1.2 * 86_400
    expected = [event.at_s for event in tariff(found, done.window_s)]
    assert max(expected) > 86_400
    # the step at 0 is the list's
    assert [step.at_s for step in done.price_steps][1:][: len(expected)] == expected
    assert (done.tokens.sum(axis=(0, 1, 2, 3)) > 0).sum() > len(expected) / 2
