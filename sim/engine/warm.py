"""Compile the engine once, ahead of time: before worker processes start, or while an environment is being set up."""

from __future__ import annotations

from sim.engine.run import simulate
from sim.engine.system import Api, Event, Limit, Pool, Replica, Rule, Stage, StepTime, System, Target


def warm() -> None:
    """Run a system of a few requests in which every compiled entry point is called, so that all machine code is on disk afterwards."""
    from sim.trace import Trace

    replica = Replica(StepTime(0.01, (0.0, 8192.0), (0.0, 0.1)), blocks=64)
    pool = Pool("own", replica, replicas=2, initial_replicas=2, cold_start=(Stage("load", 1.0, 0.1),), drain_s=1.0)
    api = Api("api", vendor=0, limits=(Limit("token_bucket", "requests", 60.0, burst=60.0),))
    system = System((pool, api), (Rule((Target(0, passes_on=("5xx",)), Target(1))),))
    events = (
        Event(0.5, "api_outage", 1, duration_s=0.5),
        Event(0.6, "limit_change", 1, duration_s=0.5, factor=0.5),
        Event(0.7, "gpu_failure", 0, duration_s=1.0),
        Event(0.8, "spot_preemption", 0, notice_s=0.5),
    )
    trace = Trace.from_arrays(arrival_s=[0.0, 0.75, 1.0, 3.0], prompt_tokens=[100] * 4, output_tokens=[200] * 4)
    simulate(system, trace, events=events, log=True, until_s=30.0)


if __name__ == "__main__":
    warm()
