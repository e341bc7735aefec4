"""Failures and repairs, set-up times and Little's law, against their formulas."""

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np

from sim.engine.result import TIMELINE_FIELDS
from sim.engine.system import Autoscaler, Event, Stage
from tests.theory import formulas
from tests.theory.replays import assert_agrees, constant_step, geometric, means, one_replica, poisson, replay


def failures(replicas, failing, repairing, count, seed):
    """Failures of a group of replicas that each fail at a constant rate and are each repaired after an exponential time."""
    rng = np.random.default_rng([seed, 3])
    t, under_repair, events = 0.0, [], []
    while len(events) < count:
        back = min(under_repair, default=math.inf)
        working = replicas - len(under_repair)
        following = t + rng.exponential(1 / (failing * working)) if working else math.inf
        # Without memory, the time to the next failure may be drawn anew whenever the number at work changes.
        if back <= following:
            t = back
            under_repair.remove(back)
        else:
            t = following
            events.append(Event(t, "gpu_failure", 0, duration_s=float(rng.exponential(1 / repairing))))
            under_repair.append(t + events[-1].duration_s)
    return tuple(events)


def test_replicas_under_repair():
    """Two replicas: the share that is up, and the share of requests that find none, are those of the repair model."""
    failing, repairing = 0.15, 0.1
    events = failures(2, failing, repairing, 15_000, seed=81)
    arrivals = poisson(1.0, int(events[-1].at_s), seed=81)
    arrivals = arrivals[arrivals < events[-1].at_s]
    pair = one_replica(constant_step(1 / 1024), 64)
    pair = replace(pair, replicas=2, initial_replicas=2, gateway_queue_limit=0, autoscaler=Autoscaler(max_replicas=2))
    result = replay(pair, arrivals, events=events)
    down = failing / (failing + repairing)
    assert_agrees(means((result.log["outcome"] != 0).astype(float)), down**2)
    edges = np.linspace(0, result.window_s, 21)
    up = [sum(max(0.0, min(life.end_s, end) - max(life.ready_s, start)) for life in result.lives) for start, end in pairwise(edges)]
    assert_agrees(np.array(up) / np.diff(edges) / 2, 1 - down)
    assert math.isclose(result.ready_s[0], sum(up), rel_tol=1e-9)


def test_a_cold_start_from_zero_is_a_queue_with_set_up_times():
    """A pool that goes to none at the first look at an empty system: M/D/1 with a set-up at the start of each busy period."""
    rate, setup_s, look_s, count = 0.5, 2.0, 1 / 16, 40_000
    settings = {
        "tolerance": 0.1, "up_pods": 4, "up_percent": 100, "up_period": 15, "up_stabilization": 0, "down_pods": 0, "down_percent": 100,
        "down_period": 15, "down_stabilization": 0, "cooldown": 0, "activation": 0,
    }  # fmt: skip
    scaler = Autoscaler(
        "keda", "concurrency", 1e9, sync_s=look_s, scrape_s=look_s, average_s=look_s, min_replicas=0, settings=tuple(settings.items())
    )
    pool = one_replica(constant_step(1.0), 1, autoscaler=scaler, cold_start=(Stage("all", setup_s),))
    log = replay(pool, poisson(rate, count, seed=91)).log
    # An empty pool stays until the next look, uniform in (0, look_s); whoever comes before finds it ready.
    warm = 1 - (1 - math.exp(-rate * look_s)) / (rate * look_s)
    cold = 1 - warm
    formula = formulas.pollaczek_khinchine(rate, 1.0, 1.0) + formulas.setup_wait(rate, cold * setup_s, cold * setup_s**2)
    assert_agrees(means(log["first_token_s"] - log["arrival_s"] - 1.0), formula)


def test_little():
    """The mean number seen at the ends of equal intervals is the rate of arrivals times the mean time in the system."""
    rate, count = 2.1, 400_000
    arrivals = poisson(rate, count, seed=101)
    result = replay(one_replica(constant_step(1 / 64), 3), arrivals, geometric(64, count, seed=101), timeline_s=1.0)
    log, timeline = result.log, result.timeline
    number = timeline[:, 0, TIMELINE_FIELDS.index("waiting")] + timeline[:, 0, TIMELINE_FIELDS.index("running")]
    assert_agrees(means(number), count / result.window_s * float((log["finish_s"] - log["arrival_s"]).mean()))


def test_work_is_conserved():
    """Busy time is the work that came; sequences times time is what they were given; nothing is lost on the way."""
    count, step_s = 50_000, 1 / 64
    lengths = geometric(64, count, seed=111)
    arrivals = poisson(0.5, count, seed=111)
    alone = replay(one_replica(constant_step(step_s), 1), np.append(arrivals, arrivals[-1] + 1000), np.append(lengths, 1))
    assert math.isclose(alone.busy_s[0], lengths.sum() * step_s, rel_tol=1e-9)
    many = replay(one_replica(constant_step(step_s), 1 << 20), np.append(arrivals, arrivals[-1] + 1000), np.append(lengths, 1))
    assert math.isclose(many.sequence_s[0], lengths.sum() * step_s, rel_tol=1e-9)
    assert many.counters["step_tokens"][0] == lengths.sum() + 1
