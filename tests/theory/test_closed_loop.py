"""Clients that wait for their answers: the machine-repair model, and the laws that hold whatever the system."""

import numpy as np
import pytest

from sim.engine.system import Api, Client, Limit, Rule, System, Target
from sim.trace import Trace
from sim.trace.closed_loop import ClosedLoop
from tests.theory import formulas
from tests.theory.replays import assert_agrees, constant_step, endpoint, geometric, means, one_replica, replay


@pytest.mark.parametrize(("clients", "servers", "think_s", "count"), [(1, 1, 2.0, 200_000), (6, 1, 8.0, 300_000), (12, 4, 2.0, 300_000)])
def test_machine_repair(clients, servers, think_s, count):
    """One replica that runs c sequences in constant steps, geometric lengths, exponential think times: the closed M/M/c//N."""
    step_s = 1 / 1024
    pool = one_replica(constant_step(step_s), servers)
    log = replay(
        pool, np.zeros(count), geometric(1024, count, seed=clients), closed_loop=ClosedLoop(clients, think_s, "exponential")
    ).log  # fmt: skip
    throughput = formulas.closed_throughput(clients, servers, think_s, 1.0)
    assert_agrees(means(np.diff(np.sort(log["finish_s"]))), 1 / throughput)
    # the interactive response time law, R = N/X - Z
    assert_agrees(means(log["finish_s"] - log["arrival_s"]), clients / throughput - think_s)


def test_without_think_time_a_server_is_never_idle_and_its_queue_is_constant():
    """N clients at a replica that runs c of them: throughput c over the mean service time, time in system N/c of it."""
    clients, servers, count = 10, 4, 200_000
    result = replay(
        one_replica(constant_step(1 / 256), servers), np.zeros(count), geometric(256, count, seed=3), closed_loop=ClosedLoop(clients)
    )  # fmt: skip
    log = result.log
    assert_agrees(means(np.diff(np.sort(log["finish_s"]))), 1 / servers)
    assert_agrees(means(log["finish_s"] - log["arrival_s"]), clients / servers)
    assert result.busy_s[0] == pytest.approx(result.window_s, rel=1e-12)


@pytest.mark.parametrize("clients", [3, 9])
def test_a_concurrency_limit_refuses_by_the_engset_formula(clients):
    """Sources that think, c lines, a refused request gives up at once: the share refused, by Engset, is that of N - 1 sources' time."""
    lines, think_s, count = 2, 1.5, 300_000
    api = endpoint(Limit("concurrency", "requests", lines), ln_mean_s=-0.5, ln_sigma=1.0)
    log = replay(api, np.zeros(count), closed_loop=ClosedLoop(clients, think_s, "exponential")).log
    refused = (log["outcome"] != 0).astype(float)
    assert_agrees(means(refused), formulas.engset_loss(clients, lines, np.exp(-0.5 + 0.5) / think_s))


def test_the_response_time_law_holds_exactly_through_retries_refusals_and_front_ends():
    """Sum of times in the system and of thinking = clients x time but for how they begin and end; nothing is lost, whatever became of a request."""
    clients, think_s, count = 7, 0.25, 400
    api = Api("api", 0, (Limit("concurrency", "requests", 2),), (0.0,), (0.0,), (0.0,), (-2.0,), refusal_s=0.125, retry_after="none")
    pool = one_replica(constant_step(1.0), 1, queue_limit=1, front_end_s=0.0625)
    impatient = Client(retries=2, base_s=0.5, cap_s=8.0, jitter=0.0)
    system = System((api, pool), (Rule((Target(0, ("429",), client=impatient), Target(1, client=Client(retries=0)))),))
    from sim.engine.run import simulate

    ones = np.ones(count, np.int64)
    trace = Trace.from_arrays(arrival_s=np.zeros(count), prompt_tokens=ones, output_tokens=ones + 2)
    loop = ClosedLoop(clients, think_s, ramp_s=1.75)
    result = simulate(system, trace, log=True, closed_loop=loop)
    log = result.log
    assert set(log["outcome"].tolist()) == {0, 1}
    assert log["retries"].sum() > 0
    assert (log["deployment"] == 1).any()
    starts, ends = loop.ramp_s * np.arange(clients) / clients, np.sort(log["finish_s"])
    inside = (log["finish_s"] - log["arrival_s"]).sum()
    assert inside + think_s * (count - clients) == pytest.approx(ends[-clients:].sum() - starts.sum(), rel=1e-13)
    assert log["arrival_s"].tolist() == sorted([*starts, *(ends[: count - clients] + think_s)])
