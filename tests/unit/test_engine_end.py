"""How a run ends: with its last request, with its window, at a given time, or where nothing can move any more."""

import math

import pytest

from sim.engine.result import REASONS
from sim.engine.run import simulate
from sim.engine.system import Autoscaler, Pool, Replica, Rule, StepTime, System, Target
from sim.trace import Trace

REPLICA = Replica(StepTime(0.5, (0.0, 1.0), (0.0, 0.0)), blocks=64)


def one_pool(replicas: int, autoscaler: Autoscaler) -> System:
    return System((Pool("own", REPLICA, replicas, replicas, autoscaler=autoscaler),), (Rule((Target(0),)),))


def one_request(output_tokens: int = 4) -> Trace:
    return Trace.from_arrays(arrival_s=[10.0], prompt_tokens=[8], output_tokens=[output_tokens])


def test_requests_that_nothing_can_serve_any_more_are_unfinished() -> None:
    """A plan takes the last replica away for good before the request arrives; no time-out would ever end its wait."""
    off = Autoscaler(law="plan", min_replicas=0, max_replicas=1, sync_s=1.0, scrape_s=1.0, schedule=((0.0, 1), (5.0, 0)))
    result = simulate(one_pool(1, off), one_request())
    assert result.outcomes.sum(axis=(0, 1)).tolist() == [0, 0, 0, 0, 1]
    assert result.reasons[REASONS.index("horizon")] == 1


def test_a_schedule_that_comes_back_is_waited_for() -> None:
    """Off from the fifth second of each day to its ninth hour: the request is served then, and the run does not give up before."""
    nights = Autoscaler(law="schedule", min_replicas=0, max_replicas=1, sync_s=1.0, scrape_s=1.0, schedule=((5.0, 0), (32400.0, 1)))
    result = simulate(one_pool(1, nights), one_request(), log=True)
    assert result.log is not None
    assert result.log["outcome"].tolist() == [0]
    # Ready in the second after 9:00; four steps of half a second each.
    assert result.log["finish_s"][0] == pytest.approx(32400.0 + 2.0, abs=1.0)


def test_a_run_cut_short_counts_the_steps_that_ended() -> None:
    """Half-second steps from 10 s on: at 12.25 s four have ended, and the request is unfinished."""
    result = simulate(one_pool(1, Autoscaler()), one_request(100), until_s=12.25)
    assert result.outcomes.sum(axis=(0, 1)).tolist() == [0, 0, 0, 0, 1]
    assert result.counters["steps"].tolist() == [4]
    assert result.busy_s[0] == pytest.approx(min(12.25, result.window_s) - 10.0)
    assert math.isinf(simulate(one_pool(1, Autoscaler()), one_request(4)).end_s) is False
