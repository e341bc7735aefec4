"""The system oracle on cases small enough to work out by hand from docs/engine.md."""

from math import inf, isnan

import numpy as np
import pytest

from sim.engine.result import OUTCOMES, REASONS
from sim.engine.system import (
    Api,
    Autoscaler,
    Client,
    Event,
    Limit,
    Pool,
    Replica,
    Rule,
    Stage,
    StepTime,
    System,
    Target,
    TokenRate,
)
from tests.oracles.queues import shortest_queue
from tests.oracles.system import simulate
from tests.oracles.table import Row, Table

ONE_SECOND = Replica(StepTime(1.0, (1.0,), (0.0,)), blocks=100, max_num_seqs=1)
EVERY_SECOND = Api("api", 0, ttft_z=(0.0,), ttft_ln_s=(0.0,), tpot_z=(0.0,), tpot_ln_s=(0.0,))
"""First token after 1 s, then one a second."""
PATIENT = Client(retries=0)


def pool(replica=ONE_SECOND, replicas=1, **changes):
    settings = {"initial_replicas": replicas, "autoscaler": Autoscaler(max_replicas=replicas)} | changes
    return Pool("own", replica, replicas, **settings)


def api(*limits, **changes):
    return Api(**(EVERY_SECOND.__dict__ | {"limits": limits} | changes))


def run(deployments, rows, targets=None, events=(), laws=None, **changes):
    targets = targets or (Target(0, client=PATIENT),)
    system = System(tuple(deployments), (Rule(tuple(targets)),), **changes)
    return simulate(system, Table(tuple(rows)), events=events, laws=laws)


def always_one(_settings, _view):
    return 1


def outcome(row):
    return OUTCOMES[row["outcome"]], REASONS[row["reason"]]


def test_requests_queue_for_a_replica_in_order_of_arrival():
    result = run([pool()], [Row(0.0, 1, 2), Row(0.0, 1, 1), Row(0.5, 1, 1)])
    assert result.log["first_token_s"].tolist() == [1.0, 3.0, 4.0]
    assert result.log["finish_s"].tolist() == [2.0, 3.0, 4.0]
    assert result.busy_s.tolist() == [0.5]
    assert result.tokens.tolist() == [[3, 0, 4]]


def test_full_queues_refuse_and_a_request_that_never_fits_is_refused_everywhere():
    small = Replica(ONE_SECOND.step, blocks=2, block_tokens=4, max_num_seqs=1, max_model_len=64)
    rows = [Row(0.0, 4, 1), Row(0.5, 1, 1), Row(0.5, 1, 1), Row(0.5, 8, 2), Row(0.5, 64, 1)]
    log = run([pool(small, queue_limit=1)], rows).log
    assert [outcome(row) for row in log] == [
        ("completed", "none"), ("completed", "none"), ("rejected", "queue_full"), ("rejected", "too_long"), ("rejected", "too_long"),
    ]  # fmt: skip


def test_an_output_is_cut_to_the_length_of_the_model():
    short = Replica(ONE_SECOND.step, blocks=100, max_model_len=8)
    assert run([pool(short)], [Row(0.0, 6, 5)]).log["output_tokens"].tolist() == [2]


def test_the_shortest_queue_is_joined():
    rng = np.random.default_rng(1)
    arrivals = np.sort(rng.integers(0, 64, 40)) / 4
    prompts = rng.integers(1, 9, 40)
    step = StepTime(0.0, (0.0, 1.0), (0.0, 0.25))
    servers = pool(Replica(step, blocks=1000, max_num_seqs=1), replicas=3)
    log = run([servers], [Row(t, int(p), 1) for t, p in zip(arrivals, prompts, strict=True)]).log
    chosen, finished = shortest_queue(arrivals.tolist(), (prompts / 4).tolist(), 3)
    assert log["replica"].tolist() == chosen
    assert log["finish_s"].tolist() == finished


def test_a_time_out_takes_a_request_out_of_the_queue_or_out_of_the_step():
    target = Target(0, client=Client(retries=0, timeout_s=1.5))
    log = run([pool()], [Row(0.0, 1, 3), Row(0.25, 1, 1), Row(0.5, 1, 1)], [target]).log
    assert [outcome(row) for row in log] == [
        ("timed_out", "client_timeout"),
        ("timed_out", "client_timeout"),
        ("timed_out", "client_timeout"),
    ]
    # The first is aborted at 1.5 and leaves its step at 2; the second gives up at 1.75; the third begins at 2, the very time it gives up.
    assert log["finish_s"].tolist() == [1.5, 1.75, 2.0]
    waiting = run([pool(queue_timeout_s=1.0)], [Row(0.0, 1, 3), Row(0.25, 1, 1)]).log
    assert [outcome(row)[1] for row in waiting] == ["none", "queue_timeout"]


def test_a_bucket_refuses_and_the_client_comes_back_when_told():
    bucket = Limit("token_bucket", "requests", limit=60.0, window_s=60.0, burst=1.0)
    rows = [Row(0.0, 1, 1), Row(0.25, 1, 1)]
    patient = Target(0, client=Client(retries=1))
    log = run([api(bucket)], rows, [patient]).log
    # Level 1/4 at 0.25: 3/4 s to wait, rounded up to 1 s; first token a second after the retry at 1.25.
    assert log["first_token_s"].tolist() == [1.0, 2.25]
    assert (log[1]["attempts"], log[1]["retries"], log[1]["throttled"]) == (2, 1, 1)
    exact = run([api(bucket, retry_after="milliseconds")], rows, [patient]).log
    assert exact["first_token_s"].tolist() == [1.0, 2.0]
    refused = run([api(bucket)], rows).log
    assert outcome(refused[1]) == ("rejected", "rate_limited")


@pytest.mark.parametrize(
    ("limit", "times"),
    [
        # Two a window of 4 s that begins at 0, 4, ...: the third and fourth wait for the next.
        (Limit("fixed_window", "requests", limit=2.0, window_s=4.0), [0.0, 1.0, 4.0, 4.0, 8.0]),
        # The first leaves at 4, the second at 5; what came in at 4 and 5 leaves at 8.
        (Limit("sliding_window", "requests", limit=2.0, window_s=4.0), [0.0, 1.0, 4.0, 5.0, 8.0]),
        # One a window, then growth: 1, at most twice 1, then twice 2.
        (Limit("acceleration", "requests", limit=0.0, window_s=4.0, burst=1.0, growth=2.0), [0.0, 4.0, 4.0, 8.0, 8.0]),
    ],
)
def test_windows_let_in_what_they_should(limit, times):
    rows = [Row(0.0, 1, 1), Row(1.0, 1, 1), Row(2.0, 1, 1), Row(2.0, 1, 1), Row(3.0, 1, 1)]
    log = run([api(limit)], rows, [Target(0, client=Client(retries=9))]).log
    assert (log["first_token_s"] - 1.0).tolist() == times


def test_concurrency_is_free_again_at_settlement_even_when_the_client_has_left():
    limit = Limit("concurrency", "requests", limit=1.0)
    impatient = Target(0, client=Client(retries=0, timeout_s=1.5))
    log = run([api(limit)], [Row(0.0, 1, 4), Row(2.0, 1, 1), Row(4.0, 1, 1)], [impatient]).log
    assert [outcome(row)[1] for row in log] == ["client_timeout", "rate_limited", "none"]
    assert run([api(limit)], [Row(0.0, 1, 4), Row(2.0, 1, 1)], [impatient]).tokens.tolist() == [[1, 0, 4]]


def test_the_true_output_reaches_the_limit_only_at_settlement():
    reserving = Limit("fixed_window", "output_tokens", limit=10.0, window_s=100.0, reserves_max_tokens=True)
    rows = [Row(0.0, 1, 2, max_tokens=10), Row(1.0, 1, 1, max_tokens=8), Row(3.0, 1, 1, max_tokens=8), Row(3.5, 1, 1, max_tokens=8)]
    log = run([api(reserving)], rows).log
    assert [outcome(row)[0] for row in log] == ["completed", "rejected", "completed", "rejected"]
    capped = Limit("fixed_window", "usd", limit=5.0, window_s=100.0)
    rates = (TokenRate(0, 1.0, 0.5, 2.0), TokenRate(4, 0.0, 0.0, 0.0))
    spent = run([api(capped, rates=rates)], [Row(0.0, 3, 2, cached_tokens=2), Row(1.0, 1, 1), Row(2.0, 1, 1), Row(9.0, 1, 1)]).log
    # 1 + 2*0.5 + 2*2 = 6 dollars are known at 2, where the settlement goes before the arrival.
    assert [outcome(row) for row in spent] == [
        ("completed", "none"),
        ("completed", "none"),
        ("rejected", "spend_cap"),
        ("rejected", "spend_cap"),
    ]


def test_a_refusal_is_passed_on_and_cools_the_deployment_down():
    limit = Limit("concurrency", "requests", limit=1.0)
    targets = [Target(0, passes_on=("429",), client=PATIENT), Target(1, client=PATIENT)]
    rows = [Row(0.0, 1, 3), Row(0.5, 1, 1), Row(5.0, 1, 1), Row(6.0, 1, 1)]
    result = run([api(limit, refusal_s=0.25), pool()], rows, targets, cooldown_s=5.0)
    assert result.log["deployment"].tolist() == [0, 1, 1, 0]
    assert result.log["first_token_s"].tolist() == [1.0, 1.75, 6.0, 7.0]
    assert result.counters["attempts"].tolist() == [3, 2]
    assert result.counters["fallback_completed"].tolist() == [0, 2]


def test_a_request_spills_when_the_wait_is_long():
    targets = [Target(0, max_wait_s=1.0, client=PATIENT), Target(1, client=PATIENT)]
    rows = [Row(0.0, 1, 9), Row(0.5, 1, 1), Row(1.0, 1, 1), Row(2.0, 1, 1)]
    result = run([pool(), api()], rows, targets)
    # The head of the queue has waited 0.5 s at 1, 1.5 s at 2.
    assert result.log["deployment"].tolist() == [0, 0, 0, 1]
    assert result.counters["spilled"].tolist() == [1, 0]


def test_an_outage_ends_what_is_in_flight_and_refuses_what_comes():
    targets = [Target(0, passes_on=("5xx",), client=PATIENT), Target(1, client=PATIENT)]
    events = [Event(2.0, "api_outage", deployment=0, duration_s=2.0)]
    rows = [Row(0.0, 1, 2), Row(0.0, 1, 9), Row(3.0, 1, 1), Row(4.0, 1, 1)]
    result = run([api(refusal_s=0.5), pool()], rows, targets, events)
    assert result.log["deployment"].tolist() == [0, 1, 1, 0]
    assert result.counters["failed"].tolist() == [2, 0]
    assert result.tokens.tolist() == [[2, 0, 3], [2, 0, 10]]


def test_a_degradation_is_slow_and_errs():
    events = [Event(0.0, "degradation", deployment=0, duration_s=4.0, factor=2.0), Event(8.0, "degradation", 0, 4.0, error_rate=1.0)]
    log = run([api()], [Row(1.0, 1, 2), Row(4.0, 1, 2), Row(9.0, 1, 1)], events=events).log
    assert [outcome(row)[1] for row in log] == ["none", "none", "api_error"]
    assert log["finish_s"].tolist() == [5.0, 6.0, 10.0]


def test_retries_back_off_by_powers_of_two_up_to_their_cap():
    client = Client(retries=4, base_s=0.5, cap_s=2.0, jitter=0.0)
    log = run([api(error_rate=1.0)], [Row(0.0, 1, 1)], [Target(0, client=client)]).log
    assert outcome(log[0]) == ("failed", "api_error")
    assert log[0]["finish_s"] == 5 * 1.0 + 0.5 + 1 + 2 + 2


def test_a_lost_replica_fails_its_requests_and_is_replaced_after_a_cold_start():
    cold = (Stage("boot", 2.0), Stage("load", 1.0))
    retry = Target(0, client=Client(retries=1, base_s=0.25, jitter=0.0))
    events = [Event(1.5, "gpu_failure", deployment=0, duration_s=10.0)]
    result = run([pool(replicas=2, initial_replicas=1, cold_start=cold)], [Row(0.0, 1, 3), Row(1.0, 1, 1)], [retry], events)
    # Lost at 1.5, ready again in the other slot at 4.5; the first is served anew.
    assert result.log["replica"].tolist() == [1, 1]
    assert result.log["first_token_s"].tolist() == [5.5, 8.5]
    assert [(life.replica, life.start_s, life.ready_s, life.end) for life in result.lives] == [
        (0, 0.0, 0.0, "lost"), (1, 1.5, 4.5, "running"),
    ]  # fmt: skip


def test_a_preempted_replica_finishes_what_it_can_within_its_notice():
    events = [Event(0.5, "spot_preemption", deployment=0, notice_s=2.0)]
    result = run([pool(replicas=2)], [Row(0.0, 1, 1), Row(0.0, 1, 5), Row(1.0, 1, 1)], events=events)
    assert [outcome(row)[1] for row in result.log] == ["none", "replica_lost", "none"]
    assert result.log["replica"].tolist() == [0, 1, 0]
    ended = [life for life in result.lives if life.end == "preempted"]
    assert [(life.replica, life.end_s) for life in ended] == [(1, 2.5)]


def test_an_autoscaler_decides_on_what_it_measured_and_drains_what_it_gives_up():
    def law(settings, view):
        return 2 if view.metric > 0 else 1

    scaler = Autoscaler("hpa", sync_s=1.0, scrape_s=1.0, average_s=1.0, max_replicas=2)
    own = pool(replicas=2, initial_replicas=1, autoscaler=scaler, cold_start=(Stage("all", 1.0),))
    result = run([own], [Row(0.0, 1, 4), Row(0.5, 1, 1), Row(5.0, 1, 1), Row(9.0, 1, 1)], laws={"hpa": law})
    # Seen waiting at 1, ready at 2; the second still waits behind the first (queues are a replica's own) and is seen there until 4.
    assert result.log["first_token_s"].tolist() == [1.0, 5.0, 6.0, 10.0]
    assert [(life.replica, life.start_s, life.ready_s, life.end_s) for life in result.lives][1] == (1, 1.0, 2.0, 5.0)


def test_from_zero_a_request_waits_at_the_gateway_for_the_first_replica():
    scaler = Autoscaler("keda", min_replicas=0, max_replicas=1, sync_s=100.0, scrape_s=100.0)
    own = pool(initial_replicas=0, autoscaler=scaler, cold_start=(Stage("all", 4.0),), gateway_queue_limit=1)
    result = run([own], [Row(0.0, 1, 1), Row(0.0, 1, 1), Row(5.0, 1, 1)], laws={"keda": always_one})
    assert [outcome(row)[1] for row in result.log] == ["none", "queue_full", "none"]
    assert result.log["first_token_s"].tolist()[::2] == [5.0, 6.0]


def test_no_rule_no_route_and_a_horizon_leaves_requests_unfinished():
    system = System((pool(),), (Rule((Target(0),), min_prompt_tokens=2),))
    result = simulate(system, Table((Row(0.0, 1, 1), Row(0.0, 2, 9))), until_s=3.0)
    assert [outcome(row) for row in result.log] == [("rejected", "no_route"), ("unfinished", "horizon")]
    assert isnan(result.log["finish_s"][1])
    assert result.log["deployment"].tolist() == [-1, 0]
    assert result.log["finish_s"][0] == 0.0
    assert inf > result.end_s >= 0.0
