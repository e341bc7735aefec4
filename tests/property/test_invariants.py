"""What must hold of every run, whatever the system: the invariants I1-I9 of the project, on generated systems.

I10 (equal to a reference) is tests/property/test_engine_equals_oracle.py; I7 (the bill) has tests of its own.
"""

from __future__ import annotations

import math
from dataclasses import fields, replace
from typing import Any

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from sim.engine.result import HIST_BUCKETS, HIST_GROWTH, HIST_MIN_S, OUTCOMES, Result
from sim.engine.system import Api, Autoscaler, Client, Event, Limit, Pool, Rule, Stage, System, Target
from tests.oracles.table import Table
from tests.property.equality import by_engine
from tests.property.systems import QUANTUM, Case, apis, cases, crowded, one_of, seconds, tables

COMPLETED = OUTCOMES.index("completed")
THIRD = settings(max_examples=max(1, settings().max_examples // 3))
"""Each of these runs the engine two or three times an example."""


def everything(result: Result) -> dict[str, Any]:
    """All of a result in comparable form, the list of happenings apart."""
    found = {field.name: getattr(result, field.name) for field in fields(result) if field.name != "happenings"}
    found["counters"] = {name: values.tolist() for name, values in found["counters"].items()}
    found["lives"] = [repr(life) for life in found["lives"]]
    return {name: value.tobytes() if isinstance(value, np.ndarray) else value for name, value in found.items()}


@THIRD
@given(cases(), st.lists(seconds(20), min_size=1, max_size=5), st.integers(0, 2))
def test_control_events_that_change_nothing_leave_every_byte_as_it_was(case: Case, times: list[float], which: int) -> None:
    d = which % len(case.system.deployments)
    kind = "degradation" if isinstance(case.system.deployments[d], Api) else ("gpu_failure", "retraining")[which % 2]
    nothing = tuple(Event(t + QUANTUM / 3, kind, d, duration_s=1.0, count=0) for t in times)
    events = tuple(sorted(case.events + nothing, key=lambda event: event.at_s))
    assert everything(by_engine(case)) == everything(by_engine(replace(case, events=events)))


@THIRD
@given(cases(), one_of(1, 7))
def test_the_size_of_chunks_changes_nothing_and_neither_does_a_second_run(case: Case, rows: int) -> None:
    first = everything(by_engine(case))
    assert first == everything(by_engine(case, chunk_rows=rows))
    assert first == everything(by_engine(case))


@THIRD
@given(cases())
def test_each_request_has_one_row_and_its_times_are_in_order(case: Case) -> None:
    result = by_engine(case)
    log = result.log
    assert log is not None
    rows = [i for i, row in enumerate(case.table.rows) if row.arrival_s <= case.until_s]
    assert log["row"].tolist() == rows
    assert log["arrival_s"].tolist() == [case.table.rows[i].arrival_s for i in rows]
    completed = log[log["outcome"] == COMPLETED]
    assert (completed["arrival_s"] < completed["first_token_s"]).all()
    assert (completed["first_token_s"] <= completed["finish_s"]).all()
    assert (completed["output_tokens"] >= 1).all()
    others = log[log["outcome"] != COMPLETED]
    assert np.isnan(others["first_token_s"]).all()
    assert (others["output_tokens"] == 0).all()
    assert ((log["reason"] == 0) == (log["outcome"] == COMPLETED)).all()
    assert (log["attempts"] >= log["retries"]).all()
    times = [happening.at_s for happening in result.happenings]
    assert times == sorted(times)
    for life in result.lives:
        assert life.start_s <= life.end_s
        assert not life.ready_s < life.start_s
        assert not life.ready_s > life.end_s


@THIRD
@given(cases())
def test_counters_histograms_and_the_timeline_add_up_to_the_log(case: Case) -> None:
    result = by_engine(replace(case, table=replace(case.table, window_s=4096.0), until_s=math.inf), timeline_s=8.0)
    log = result.log
    assert log is not None
    assume(result.end_s < 4096.0)
    deployments = len(case.system.deployments)
    completed = log[log["outcome"] == COMPLETED]
    assert result.outcomes.sum() == len(log)
    ttft = completed["first_token_s"] - completed["arrival_s"]
    e2e = completed["finish_s"] - completed["arrival_s"]
    many = completed["output_tokens"] > 1
    tpot = (e2e[many] - ttft[many]) / (completed["output_tokens"][many] - 1)
    for m, values, d_of in (
        (0, ttft, completed["deployment"]),
        (1, tpot, completed["deployment"][many]),
        (2, e2e, completed["deployment"]),
    ):
        for d in range(deployments):
            mine = values[d_of == d]
            assert result.histogram[m, d].sum() == len(mine)
            assert abs(result.latency_sum_ns[m, d].sum() / 1e9 - math.fsum(mine)) <= 1e-9 * max(1, len(mine))
            if len(mine):
                assert result.latency_max_s[m, d].max() == mine.max()
                place = int(np.flatnonzero(result.histogram[m, d].sum(axis=0))[-1])
                low = HIST_MIN_S * HIST_GROWTH ** (place - 1) if place else 0.0
                assert low * (1 - 1e-9) <= mine.max()
                assert place == HIST_BUCKETS - 1 or mine.max() < HIST_MIN_S * HIST_GROWTH**place * (1 + 1e-9)
    assert result.counters["attempts"].sum() == log["attempts"].sum()
    assert result.counters["retries"].sum() == log["retries"].sum()
    assert result.counters["throttled"].sum() == log["throttled"].sum()
    timeline = result.timeline
    assert timeline[:, :, 1].sum(axis=0).tolist() == result.counters["completed"].tolist()
    for d, spec in enumerate(case.system.deployments):
        if isinstance(spec, Pool):
            assert (timeline[:, d, 7] <= 1.0).all()
            assert (timeline[:, d, 6] <= spec.replicas).all()
            assert result.sequence_s[d] <= spec.replica.max_num_seqs * result.busy_s[d] + 1e-9


@THIRD
@given(crowded())
def test_a_replica_never_idles_while_somebody_waits(case: Case) -> None:
    """One replica that takes whoever is first: it is busy exactly while anybody is in the system."""
    pool = case.system.deployments[0]
    assert isinstance(pool, Pool)
    alone = replace(pool, replicas=1, initial_replicas=1)
    patient = Rule((Target(0, client=Client(retries=0)),))
    case = replace(case, system=replace(case.system, deployments=(alone,), rules=(patient,)), table=replace(case.table, window_s=1e6))
    result = by_engine(case, timeline_s=1e6)
    assert result.log is not None
    log = result.log[result.log["outcome"] == COMPLETED]
    busy_s, until = 0.0, 0.0
    for arrival, finish in sorted(zip(log["arrival_s"].tolist(), log["finish_s"].tolist(), strict=True)):
        busy_s += max(0.0, finish - max(arrival, until))
        until = max(until, finish)
    assert result.busy_s[0] == busy_s


@THIRD
@given(tables(), one_of("token_bucket", "fixed_window", "sliding_window"), one_of(1, 2, 5), one_of(1.0, 4.0), apis())
def test_no_window_holds_more_than_its_limit(table: Table, law: Any, most: int, window_s: float, api: Api) -> None:
    limit = Limit(law, "requests", limit=float(most), window_s=window_s, burst=float(2 * most))
    strict = replace(api, limits=(limit,), error_rate=0.0, context_tokens=1 << 40)
    system = System((strict,), (Rule((Target(0, client=Client(retries=0)),)),))
    log = by_engine(Case(system, table)).log
    assert log is not None
    admitted = log["arrival_s"][log["outcome"] == COMPLETED]
    for i, first in enumerate(admitted):
        for j in range(i, len(admitted)):
            number, length_s = j - i + 1, admitted[j] - first
            if law == "token_bucket":
                assert number <= 2 * most + length_s * most / window_s
            elif law == "sliding_window":
                assert number <= most or length_s >= window_s
            else:
                assert number <= most * (math.floor(admitted[j] / window_s) - math.floor(first / window_s) + 1)


@THIRD
@given(cases(), st.integers(0, 39), one_of(1, 9))
def test_no_decision_sees_an_output_before_it_has_come(case: Case, which: int, more: int) -> None:
    """One output is made longer: all that was over before it would have ended stays as it was."""
    rows = list(case.table.rows)
    k = which % len(rows)
    rows[k] = replace(rows[k], max_tokens=64)
    before = replace(case, table=replace(case.table, rows=tuple(rows)))
    rows[k] = replace(rows[k], output_tokens=rows[k].output_tokens + more)
    after = replace(case, table=replace(case.table, rows=tuple(rows)))
    first, second = by_engine(before).log, by_engine(after).log
    assert first is not None
    assert second is not None
    assume(k < len(first) and "too_long" not in (reason(first[k]), reason(second[k])))
    # A request that was refused as too long somewhere on its way shows that in other ways than its reason.
    assume(fits(case.system, rows[k].prompt_tokens, rows[k].output_tokens))
    shown = first[k]["finish_s"] if first[k]["outcome"] == COMPLETED else math.inf
    early = first["finish_s"] < shown
    assert first[early].tobytes() == second[early].tobytes()


def reason(row: Any) -> str:
    from sim.engine.result import REASONS

    return str(REASONS[row["reason"]])


def fits(system: System, prompt: int, output: int) -> bool:
    """Whether every pool takes a request of these lengths without cutting it, and every API too."""
    for spec in system.deployments:
        longest = spec.context_tokens if isinstance(spec, Api) else spec.replica.max_model_len
        if prompt + output > longest:
            return False
        if isinstance(spec, Pool) and -(-(prompt + output - 1) // spec.replica.block_tokens) > spec.replica.blocks:
            return False
    return True


@THIRD
@given(cases(), st.integers(1, 39))
def test_nothing_depends_on_what_arrives_later(case: Case, which: int) -> None:
    rows = case.table.rows
    k = 1 + which % (len(rows) - 1)
    fewer = replace(case, table=replace(case.table, rows=rows[:k], window_s=case.table.duration_s))
    whole, part = by_engine(case).log, by_engine(fewer).log
    assert whole is not None
    assert part is not None
    early = part["finish_s"] < rows[k].arrival_s
    assert whole[: len(part)][early].tobytes() == part[early].tobytes()


@THIRD
@given(cases(kinds=("pool",)))
def test_all_times_doubled_double_all_times(case: Case) -> None:
    """Without autoscalers, whose grids and windows are times too."""
    fixed = tuple(replace(spec, autoscaler=Autoscaler()) for spec in case.system.deployments if isinstance(spec, Pool))
    case = replace(case, system=replace(case.system, deployments=fixed))
    slow = replace(
        case,
        system=replace(
            case.system,
            deployments=tuple(slower(spec) for spec in case.system.deployments if isinstance(spec, Pool)),
            rules=tuple(replace(rule, targets=tuple(slower_target(target) for target in rule.targets)) for rule in case.system.rules),
            cooldown_s=2 * case.system.cooldown_s,
        ),
        table=replace(
            case.table,
            rows=tuple(replace(row, arrival_s=2 * row.arrival_s) for row in case.table.rows),
            window_s=2 * case.table.duration_s,
        ),
        events=tuple(
            replace(event, at_s=2 * event.at_s, duration_s=2 * event.duration_s, notice_s=2 * event.notice_s) for event in case.events
        ),
        until_s=2 * case.until_s,
    )
    once, twice = by_engine(case), by_engine(slow)
    assert once.log is not None
    assert twice.log is not None
    for name in once.log.dtype.names or ():
        factor = 2 if name in ("arrival_s", "first_token_s", "finish_s") else 1
        np.testing.assert_array_equal(once.log[name] * factor, twice.log[name], err_msg=name)
    assert (once.busy_s * 2).tolist() == twice.busy_s.tolist()


def slower(pool: Pool) -> Pool:
    step = pool.replica.step
    doubled = replace(
        step, c_s=2 * step.c_s, g_s=tuple(2 * y for y in step.g_s), o_s=2 * step.o_s, f_s=2 * step.f_s, h_s=2 * step.h_s
    )  # fmt: skip
    return replace(
        pool,
        replica=replace(pool.replica, step=doubled),
        queue_timeout_s=2 * pool.queue_timeout_s,
        cold_start=tuple(Stage(stage.name, 2 * stage.median_s, stage.sigma) for stage in pool.cold_start),
        drain_s=2 * pool.drain_s,
        front_end_s=2 * pool.front_end_s,
    )


def slower_target(target: Target) -> Target:
    client = target.client
    return replace(
        target,
        max_wait_s=2 * target.max_wait_s,
        client=replace(
            client, base_s=2 * client.base_s, cap_s=2 * client.cap_s, jitter_add_s=2 * client.jitter_add_s, timeout_s=2 * client.timeout_s
        ),
    )
