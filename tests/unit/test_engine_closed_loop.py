"""Closed-loop clients, case by case with times worked out by hand (docs/engine.md section 10)."""

import math
from dataclasses import replace

import numpy as np
import pytest

from sim.engine.run import simulate
from sim.engine.system import Api, Autoscaler, Client, Event, Limit, Pool, Replica, Rule, Stage, StepTime, System, Target
from sim.errors import InputError
from sim.trace import Trace
from sim.trace.closed_loop import KEY, ClosedLoop, stated

ONCE = Client(retries=0)


def rows(output_tokens, **columns):
    n = len(output_tokens)
    ones = np.ones(n, np.int64)
    return Trace.from_arrays(arrival_s=np.arange(n) * 1000.0, prompt_tokens=ones, output_tokens=output_tokens, **columns)


def pool(step_s=1.0, max_num_seqs=4, replicas=1, **changes):
    replica = Replica(StepTime(step_s, (1.0,), (0.0,)), blocks=1 << 20, max_num_seqs=max_num_seqs)
    return Pool("own", replica, replicas, replicas, **({"autoscaler": Autoscaler(max_replicas=replicas)} | changes))


def run(deployment, trace, loop, client=ONCE, **settings):
    system = System((deployment,), (Rule((Target(0, client=client),)),))
    return simulate(system, trace, log=True, closed_loop=loop, **settings)


def test_rows_are_taken_in_order_by_whichever_client_is_answered_first():
    """Two clients: the first has a long answer, so the second takes the rows after it."""
    log = run(pool(), rows([5, 1, 2, 1]), ClosedLoop(2)).log
    # row 0: 5 steps from 0; row 1: the first step; row 2 is in the second step, row 3 in the fourth: each the next of client 2
    assert log["arrival_s"].tolist() == [0.0, 0.0, 1.0, 3.0]
    assert log["finish_s"].tolist() == [5.0, 1.0, 3.0, 4.0]


def test_a_request_sent_at_a_step_end_is_in_the_next_step():
    log = run(pool(max_num_seqs=1), rows([1, 1, 1]), ClosedLoop(1)).log
    assert log["finish_s"].tolist() == [1.0, 2.0, 3.0]


def test_think_time_and_front_end_delay_the_next_sending():
    log = run(pool(front_end_s=0.25), rows([1, 1, 1]), ClosedLoop(1, think_s=0.5)).log
    # the client sees the answer of the step that ends at 1.0 at 1.25 and sends at 1.75
    assert log["arrival_s"].tolist() == [0.0, 1.75, 3.5]
    assert log["finish_s"].tolist() == [1.25, 3.0, 4.75]
    assert log["first_token_s"].tolist() == [1.25, 3.0, 4.75]


def test_the_front_end_alone_makes_a_client_miss_the_next_step_of_a_busy_replica():
    log = run(pool(front_end_s=0.25), rows([9, 1, 1]), ClosedLoop(2)).log
    # answered at 1.25, while the step of row 0 from 1 to 2 is under way: row 2 is in the step from 2 to 3
    assert log["arrival_s"].tolist() == [0.0, 0.0, 1.25]
    assert log["finish_s"].tolist() == [9.25, 1.25, 3.25]


def test_clients_begin_over_the_ramp_and_end_with_until():
    result = run(pool(), rows([1] * 50), ClosedLoop(4, think_s=1.0, ramp_s=2.0, until_s=5.0))
    log = result.log
    assert log["arrival_s"][:4].tolist() == [0.0, 0.5, 1.0, 1.5]
    # at 0, 2, 4; 0.5 (answered at 2: a step ends at 1, the next at 2), 3, 5; and so on
    assert log["arrival_s"].max() == 5.0
    assert result.total == len(log) < 50
    assert result.window_s == result.end_s == log["finish_s"].max() == 6.0


def test_a_client_whose_start_lies_after_the_end_never_sends():
    result = run(pool(), rows([1] * 9), ClosedLoop(4, ramp_s=8.0, until_s=3.0, think_s=100.0))
    assert result.log["arrival_s"].tolist() == [0.0, 2.0]


def test_more_clients_than_rows():
    result = run(pool(max_num_seqs=100), rows([1] * 3), ClosedLoop(1000))
    assert result.log["arrival_s"].tolist() == [0.0] * 3
    assert result.window_s == 1.0


def test_many_clients_make_room_as_they_need_it():
    result = run(pool(max_num_seqs=20_000), rows([1] * 60_000), ClosedLoop(20_000))
    # 8,192 tokens a step
    assert result.window_s == math.ceil(60_000 / 8192)
    assert result.total == int(result.outcomes[:, :, 0].sum()) == 60_000


def test_a_refusal_ends_a_request_when_the_client_hears_of_it():
    api = Api("api", 0, (Limit("concurrency", "requests", 1),), (0.0,), (math.log(4.0),), (0.0,), (0.0,), refusal_s=0.5)
    log = run(api, rows([1] * 4), ClosedLoop(2, think_s=1.0)).log
    # client 2 hears at 0.5 and thinks till 1.5, hears at 2.0 and thinks till 3.0, hears at 3.5
    assert log["outcome"].tolist() == [0, 1, 1, 1]
    assert log["arrival_s"].tolist() == [0.0, 0.0, 1.5, 3.0]
    assert log["finish_s"].tolist() == pytest.approx([4.0, 0.5, 2.0, 3.5])


def test_retries_belong_to_a_request():
    api = Api("api", 0, (Limit("concurrency", "requests", 1),), (0.0,), (math.log(4.0),), (0.0,), (0.0,), retry_after="none")
    patient = Client(retries=3, base_s=1.0, cap_s=8.0, jitter=0.0)
    log = run(api, rows([1] * 3), ClosedLoop(2), patient).log
    # refused at 0, tried again at 1, 3 and 7; client 1 sends row 2 at 4, which runs until 8 and refuses row 1 at 7
    assert log["arrival_s"].tolist() == pytest.approx([0.0, 0.0, 4.0])
    assert log["outcome"].tolist() == [0, 1, 0]
    assert log["retries"].tolist() == [0, 3, 0]


def test_a_time_out_frees_the_client_while_the_provider_goes_on():
    api = Api("api", 0, (), (0.0,), (math.log(4.0),), (0.0,), (0.0,))
    result = run(api, rows([1] * 3), ClosedLoop(1), Client(retries=0, timeout_s=1.0, retry_on=()))
    assert result.log["finish_s"].tolist() == [1.0, 2.0, 3.0]
    assert result.log["outcome"].tolist() == [2, 2, 2]
    # all three are billed: the provider finishes them
    assert int(result.api_requests.sum()) == 3
    assert int(result.tokens[0, 0, 2].sum()) == 3


def test_refused_at_once_and_without_think_time_all_rows_go_at_one_moment():
    system = System((pool(),), (Rule((Target(0),), classes=(5,)),))
    result = simulate(system, rows([1] * 7), log=True, closed_loop=ClosedLoop(2))
    assert result.log["arrival_s"].tolist() == [0.0] * 7
    assert result.window_s == 0.0
    assert int(result.reasons.sum()) == 7


def test_a_lost_replica_sends_its_clients_on():
    event = Event(0.5, "gpu_failure", 0, duration_s=1.0)
    started = pool(cold_start=(Stage("all", 0.0),))
    log = run(started, rows([3, 3, 1, 1]), ClosedLoop(2, think_s=0.25), events=(event,)).log
    assert log["outcome"].tolist() == [3, 3, 0, 0]
    # both wait at the gateway from 0.75 until the replica is back at 1.5
    assert log["arrival_s"].tolist() == [0.0, 0.0, 0.75, 0.75]
    assert log["finish_s"].tolist() == [0.5, 0.5, 2.5, 2.5]


def test_exponential_think_times_belong_to_the_row_that_ended():
    loop = ClosedLoop(1, think_s=2.0, think_law="exponential")
    first = run(pool(), rows([1] * 200), loop, seed=5).log
    think_s = first["arrival_s"][1:] - first["finish_s"][:-1]
    slower = run(pool(step_s=4.0), rows([1] * 200), loop, seed=5).log
    np.testing.assert_allclose(slower["arrival_s"][1:] - slower["finish_s"][:-1], think_s, atol=1e-9)
    assert think_s.mean() == pytest.approx(2.0, rel=0.2)
    assert len(set(think_s.round(9))) == 199
    other = run(pool(), rows([1] * 200), loop, seed=6).log
    assert not np.allclose(other["arrival_s"], first["arrival_s"])


def test_the_run_may_be_cut():
    result = run(pool(), rows([1] * 50), ClosedLoop(1, think_s=10.0), until_s=15.0)
    assert result.log["arrival_s"].tolist() == [0.0, 11.0]
    assert result.window_s == 15.0
    live = run(pool(), rows([9] * 50), ClosedLoop(1), until_s=15.0)
    assert live.log["outcome"].tolist() == [0, 4]
    assert live.window_s == 15.0


def test_requests_that_nothing_moves_end_the_run():
    """A pool that never has a replica: they wait at its gateway, and the run is given up."""
    never = replace(pool(), initial_replicas=0, autoscaler=Autoscaler("plan", schedule=((0.0, 0),), min_replicas=0))
    result = run(never, rows([1] * 5), ClosedLoop(2))
    assert result.log["outcome"].tolist() == [4, 4]
    assert result.window_s > 0


def test_a_closed_loop_has_no_demand_to_multiply():
    with pytest.raises(InputError, match=r"demand_factor.*closed loop"):
        run(pool(), rows([1]), ClosedLoop(1), events=(Event(0.0, "demand_factor", factor=2.0),))


def test_a_trace_that_says_so_is_a_closed_loop_and_the_argument_goes_before_it():
    trace = rows([1] * 4, metadata={KEY: stated(ClosedLoop(2))})
    system = System((pool(),), (Rule((Target(0, client=ONCE),)),))
    assert simulate(system, trace, log=True).log["arrival_s"].tolist() == [0.0, 0.0, 1.0, 1.0]
    assert simulate(system, trace, log=True, closed_loop=ClosedLoop(1)).log["arrival_s"].tolist() == [0.0, 1.0, 2.0, 3.0]


@pytest.mark.parametrize("caching", ["off", "blocks"])
def test_two_replicas_are_brought_up_to_date_in_order_of_time(caching):
    """Runs of decode steps of different length on two replicas: each ends when someone waits for it, and the rows go by time."""
    replica = Replica(StepTime(1.0, (1.0,), (0.0,), f_s=1 / 64), blocks=1 << 12, max_num_seqs=4, prefix_caching=caching)
    two = Pool("own", replica, 2, 2, routing="round_robin", autoscaler=Autoscaler(max_replicas=2))
    lengths = [17, 40, 3, 9, 31, 2, 2, 2, 50, 1, 1, 30]
    result = run(two, rows(lengths), ClosedLoop(3))
    log = result.log
    ends = np.sort(log["finish_s"])
    assert log["arrival_s"].tolist() == [0.0, 0.0, 0.0, *ends[: len(lengths) - 3]]
    assert (result.busy_s <= result.present_s).all()


def test_a_run_neither_waits_for_the_window_of_the_trace_nor_is_cut_at_it():
    trace = rows([1] * 5)
    assert trace.info.duration_s == 4000.0
    at_once = Trace.from_arrays(arrival_s=np.zeros(5), prompt_tokens=np.ones(5, int), output_tokens=np.ones(5, int))
    for each in (trace, at_once):
        result = run(pool(), each, ClosedLoop(1), timeline_s=1.0)
        assert len(result.timeline) == 5
        assert result.busy_s.tolist() == result.present_s.tolist() == [5.0]
