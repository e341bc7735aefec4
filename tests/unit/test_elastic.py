"""The fewest GPUs over time: the schedule against all schedules where these can be counted, autoscalers on equal terms, what is refused."""

from __future__ import annotations

import itertools
import math
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.errors import InputError
from sim.planning.elastic import SEEDS, Tried, _enough, _recommended, bounds, candidates, elastic
from sim.planning.elastic_pool import SYNC_S, ElasticPool, Verdict, interval_of, steps_of
from sim.planning.elastic_search import by_work, fewest
from sim.planning.levels import parse_levels
from sim.planning.points import Study
from sim.report.elastic_report import ElasticReport
from sim.trace import read_trace

MINUTE = 60.0
POOL = """\
description: one small pool with a known cold start
deployments:
  own:
    kind: gpu
    llm: llama-3.1-8b
    gpu: h100-sxm
    replicas: {min: 1, max: 3}
    usd_per_gpu_hour: 3.6
    max_num_seqs: 8
    cold_start: {provision: 0s, pull: 0s, load: 20s, warmup: 0s}
    profile:
      step: {c_ms: 10, g_ms_at_tokens: [[1, 10], [256, 20], [8192, 300]], o_us_per_sequence: 20, f_ns_per_context_token: 10, h_ns_per_token_pair: 0.1}
      kv_capacity_tokens: 200000
    client: none
    autoscaler: {law: hpa, metric: concurrency, target: 4}
routing:
  - to: [own]
slo: {ttft_p95: 2s, tpot_p95: 100ms, completed: 99%}
"""


def study(folder: Path, rates: tuple[float, ...], *, stack: str = POOL, part_s: float = MINUTE) -> Study:
    """A trace whose rate changes from part to part, and a stack."""
    random = np.random.default_rng(3)
    arrivals = np.concatenate([part_s * (k + np.sort(random.random(round(rate * part_s)))) for k, rate in enumerate(rates)])
    arrivals[-1] = part_s * len(rates)
    table = pa.table(
        {
            "arrival_s": arrivals,
            "prompt_tokens": pa.array(random.integers(20, 400, len(arrivals)), pa.int32()),
            "output_tokens": pa.array(random.integers(20, 120, len(arrivals)), pa.int32()),
        }
    )
    path = folder / "trace.parquet"
    pq.write_table(table, path)
    return Study(trace=path, trace_sha256=read_trace(path).info.sha256, stack_text=stack, stack_name="small.yaml")


def verdict(hours: float, *, holds: bool) -> Verdict:
    return Verdict(hours, hours, (0.0,), (holds,), hours, 1)


# The schedule as steps.


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 4), min_size=1, max_size=8), st.integers(1, 5), st.floats(0.0, 900.0))
def test_steps_want_what_intervals_soon_need(counts: list[int], minutes: int, lead_s: float) -> None:
    """At every minute: the most that any interval wants which has begun, or begins within a lead, and has not ended."""
    interval_s = minutes * MINUTE
    steps = steps_of(counts, interval_s, lead_s)
    assert steps[0][0] == 0.0 and [at for at, _ in steps] == sorted({at for at, _ in steps})
    assert all(before != after for (_, before), (_, after) in itertools.pairwise(steps))
    for minute in range(len(counts) * minutes):
        at = minute * MINUTE
        wanted = [count for at_s, count in steps if at_s <= at][-1]
        soon = [
            count
            for i, count in enumerate(counts)
            if (math.floor((i * interval_s - lead_s) / SYNC_S) * SYNC_S <= at if i else True) and at < (i + 1) * interval_s
        ]
        assert wanted == max(soon)


def test_replicas_are_ready_when_their_interval_begins(tmp_path: Path) -> None:
    """A second replica for the third of four minutes: ordered a minute ahead (20 s of cold start, in whole minutes), gone after it."""
    steps = steps_of((1, 1, 2, 1), MINUTE, 20.0)
    assert steps == ((0.0, 1), (60.0, 2), (180.0, 1))
    pool = ElasticPool(study(tmp_path, (0.5, 0.5, 0.5, 0.5)))
    found = pool.scheduled((1, 1, 2, 1), MINUTE, 3)
    # One replica for four minutes, and one for two and what it takes to finish what it runs.
    assert 6 / 60 <= found.replica_hours <= 6.2 / 60
    assert found.most_replicas == 2


# The search.


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), st.floats(0.2, 2.0)), min_size=1, max_size=12))
def test_a_need_by_interval_is_found(given_: list[tuple[int, float]]) -> None:
    """Where each interval needs a count of its own and nothing else matters, that is the answer, whatever the work seemed to be."""
    need = [each for each, _ in given_]

    def judge(counts: tuple[int, ...]) -> Verdict:
        return verdict(float(sum(counts)), holds=all(count >= each for count, each in zip(counts, need, strict=True)))

    found = fewest([each * factor for each, factor in given_], 1.0, judge, enough=max(need))
    assert found.counts == tuple(need) and found.minimal


def test_a_search_that_is_cut_short_says_so() -> None:
    def judge(counts: tuple[int, ...]) -> Verdict:
        return verdict(float(sum(counts)), holds=min(counts) >= 1)

    found = fewest([5.0] * 6, 1.0, judge, enough=9, most_replays=12)
    assert found.verdict.holds and not found.minimal and found.replays <= 12
    assert fewest([5.0] * 6, 1.0, judge, enough=9).counts == (1,) * 6


def test_where_the_work_says_nothing_the_count_that_holds_is_the_start() -> None:
    """All work seems to come in the first interval; in truth every one needs two."""

    def judge(counts: tuple[int, ...]) -> Verdict:
        return verdict(float(sum(counts)), holds=min(counts) >= 2)

    assert fewest([9.0, 0.0, 0.0], 1.0, judge, enough=3).counts == (2, 2, 2)


def test_the_work_saves_replays() -> None:
    """Where the work is the need, the search begins there: what is left is to look at each block and interval once."""

    def judge(counts: tuple[int, ...]) -> Verdict:
        return verdict(float(sum(counts)), holds=min(counts) >= 4)

    found = fewest([4.0] * 24, 1.0, judge, enough=64)
    assert found.counts == (4,) * 24 and found.replays <= 7 + 2 * (3 + 6 + 12 + 24)


def test_work_in_replicas() -> None:
    assert by_work((0.0, 10.0, 10.1, 99.0), 10.0, 1.0, 3) == (0, 1, 2, 3)
    assert by_work((10.0,), 10.0, 1.5, 9) == (2,)


@pytest.mark.parametrize("rates", [(2.0, 12.0, 2.0, 2.0), (9.0, 1.0, 9.0, 1.0), (1.0, 5.0, 14.0, 5.0)])
def test_no_schedule_of_all_takes_less(tmp_path: Path, rates: tuple[float, ...]) -> None:
    """Every schedule of four intervals, replayed: none that holds the levels has fewer replica-hours than the one that is found."""
    pool = ElasticPool(study(tmp_path, rates))
    offered, saturation = pool.offered(MINUTE)
    assert saturation.requests_per_s is not None
    assert math.fsum(offered) == pool.trace.info.rows
    enough = next(n for n in range(1, 9) if pool.scaled({"law": "fixed"}, n, n).holds)
    assert enough > 1
    found = fewest(offered, saturation.requests_per_s * MINUTE, lambda counts: pool.scheduled(counts, MINUTE, enough), enough=enough)
    every = {counts: pool.scheduled(counts, MINUTE, enough) for counts in itertools.product(range(enough + 1), repeat=4)}
    best = min(each.replica_hours for each in every.values() if each.holds)
    assert found.verdict == every[found.counts]
    assert found.verdict.holds and found.verdict.replica_hours == best
    for i in range(4):
        less = tuple(count - (i == k) for k, count in enumerate(found.counts))
        if min(less) >= 0:
            assert not every[less].holds or every[less].replica_hours >= best


# Autoscalers.


def test_a_schedule_can_be_pasted_into_a_stack(tmp_path: Path) -> None:
    pool = ElasticPool(study(tmp_path, (2.0, 12.0, 2.0, 2.0)))
    steps = [{"at": at, "replicas": count} for at, count in steps_of((1, 2, 1, 0), MINUTE, pool.cold_start_s)]
    assert pool.cold_start_s == 20.0
    assert pool.scaled({"law": "plan", "steps": steps}, 0, 3) == pool.scheduled((1, 2, 1, 0), MINUTE, 3)


def test_replicas_that_stand_all_the_time_take_their_count_times_the_time(tmp_path: Path) -> None:
    pool = ElasticPool(study(tmp_path, (2.0, 3.0)))
    found = pool.scaled({"law": "fixed"}, 2, 2)
    assert found.replica_hours == pytest.approx(2 * 120 / 3600) and found.gpu_hours == found.replica_hours
    assert (found.mean_replicas, found.most_replicas) == (pytest.approx(2.0), 2)


def test_gpus_of_a_replica(tmp_path: Path) -> None:
    two = POOL.replace("    replicas: {min", "    tensor_parallel: 2\n    replicas: {min")
    found = ElasticPool(study(tmp_path, (2.0, 3.0), stack=two)).scaled({"law": "fixed"}, 1, 1)
    assert found.gpu_hours == pytest.approx(2 * found.replica_hours) and found.replica_hours == pytest.approx(120 / 3600)


class Scripted:
    """Stands for a pool: so many replicas hold the levels, and some laws fail with other seeds."""

    def __init__(self, enough: int, fails: tuple[str, ...] = ()) -> None:
        self.enough, self.fails, self.study = enough, fails, SimpleNamespace(seed=5)
        self.asked: list[tuple[str, int]] = []

    def scaled(self, autoscaler: dict[str, str], low: int, _high: int, seed: int | None = None) -> Verdict:
        if seed is None:
            return verdict(float(low), holds=low >= self.enough)
        self.asked.append((autoscaler["law"], seed))
        return verdict(1.0, holds=autoscaler["law"] not in self.fails or seed == 6)


@pytest.mark.parametrize("enough", [*range(1, 18), 256])
@pytest.mark.parametrize("work", [0.0, 7.0, 400.0])
def test_the_fewest_that_stand_all_the_time(enough: int, work: float) -> None:
    found, standing = _enough(Scripted(enough), (work,), 1.0, None)  # type: ignore[arg-type]
    assert (found, standing.holds, standing.replica_hours) == (enough, True, float(enough))


def test_more_than_the_most_is_not_looked_for() -> None:
    found, standing = _enough(Scripted(257), (3.0,), 1.0, None)  # type: ignore[arg-type]
    assert (found, standing.holds, standing.replica_hours) == (None, False, 256.0)


def test_what_fails_with_other_seeds_is_not_recommended() -> None:
    rows = [Tried(law, {"law": law}, 1, 4, (), verdict(hours, holds=held)) for law, hours, held in (
        ("fixed", 9.0, True), ("knative", 2.0, False), ("hpa", 3.0, True), ("keda", 5.0, True), ("target_tracking", 7.0, True),
    )]  # fmt: skip
    pool = Scripted(1, fails=("hpa",))
    found, best = _recommended(pool, rows, None)  # type: ignore[arg-type]
    assert best is not None and best.law == "keda"
    assert {row.law: row.seeds_met for row in found} == {"fixed": None, "knative": None, "hpa": 1, "keda": SEEDS, "target_tracking": None}
    assert pool.asked == [(law, seed) for law in ("hpa", "keda") for seed in (6, 7, 8, 9)]
    assert _recommended(Scripted(1, fails=("fixed", "hpa", "keda", "target_tracking")), rows, None)[1] is None  # type: ignore[arg-type]


def test_of_two_that_take_the_same_the_one_with_more_standing_is_recommended() -> None:
    rows = [Tried("keda", {"law": "keda"}, low, 4, (), verdict(5.0, holds=True)) for low in (0, 2, 1)]
    best = _recommended(Scripted(1), rows, None)[1]  # type: ignore[arg-type]
    assert best is not None and best.low == 2


def test_the_whole_answer(tmp_path: Path) -> None:
    pool = ElasticPool(study(tmp_path, (2.0, 14.0, 2.0, 2.0, 2.0, 2.0)))
    said: list[str] = []
    found = elastic(pool, MINUTE, lambda text, _done, _whole: said.append(text))
    assert found.schedule is not None and found.fixed is not None and found.recommended is not None
    assert found.schedule.verdict.holds and found.fixed.verdict.holds
    assert not pool.scaled({"law": "fixed"}, found.fixed.low - 1, found.fixed.low - 1).holds
    # All that meets the levels takes at least what perfect foresight takes, which takes at least the work.
    for row in found.tried:
        if row.verdict.holds:
            assert row.verdict.gpu_hours >= found.schedule.verdict.gpu_hours - 1e-9
    assert 0 < found.bound_gpu_hours <= found.schedule.verdict.gpu_hours
    throughput = pool.offered(MINUTE)[1].throughput_per_s
    assert found.bound_gpu_hours == pytest.approx(pool.trace.info.rows * 0.99 / throughput / 3600)
    assert found.tried[0].own and found.tried[0].verdict == pool.as_it_is()
    assert {row.law for row in found.tried} == {"fixed", "hpa", "keda", "knative", "target_tracking"}
    best = found.recommended
    assert best.seeds_met == SEEDS and best.verdict.holds
    assert best.verdict.gpu_hours <= found.fixed.verdict.gpu_hours
    cheaper = [row for row in found.tried if row.verdict.holds and row.verdict.gpu_hours < best.verdict.gpu_hours]
    assert all(row.seeds_met is not None and row.seeds_met < SEEDS for row in cheaper)
    assert pool.stack(best.settings).stack.model_dump()["deployments"]["own"]["autoscaler"]["law"] == best.law
    assert said
    assert elastic(ElasticPool(pool.study), MINUTE) == found


def test_a_stack_that_is_best_is_left_as_it_is(tmp_path: Path) -> None:
    """Its schedule is made for the trace, which no law that looks at metrics can match."""
    plan = "{law: plan, steps: [{at: 0, replicas: 1}, {at: 60, replicas: 3}, {at: 180, replicas: 1}]}"
    made = POOL.replace("{law: hpa, metric: concurrency, target: 4}", plan)
    assert made != POOL
    found = elastic(ElasticPool(study(tmp_path, (2.0, 2.0, 14.0, 2.0, 2.0, 2.0), stack=made)), MINUTE)
    assert found.recommended is not None and found.recommended.own and found.recommended.seeds_met == SEEDS
    assert (found.recommended.settings, found.recommended.law) == ((), "plan")


def test_levels_that_no_count_meets(tmp_path: Path) -> None:
    """A step takes 10 ms, so no token comes every 5 ms."""
    pool = ElasticPool(study(tmp_path, (1.0, 1.0)), parse_levels(["tpot_p50 <= 5ms"]))
    found = elastic(pool, MINUTE)
    assert (found.schedule, found.recommended, found.fixed) == (None, None, None)
    assert not found.standing.holds and found.standing.measured[0] > 0.005
    assert [row.own for row in found.tried] == [True]


def test_other_levels(tmp_path: Path) -> None:
    pool = ElasticPool(
        study(tmp_path, (2.0, 6.0)), parse_levels(["e2e_p90 <= 4s", "good_share >= 90%", "goodput >= 1", "completed >= 99%"])
    )
    found = pool.scaled({"law": "fixed"}, 1, 1)
    assert found.measured[0] is not None and 0.1 < found.measured[0] < 20
    assert found.measured[2] == pytest.approx(found.measured[1] * pool.trace.info.rows / 120)
    assert found.measured[3] == 1.0


def test_targets_span_what_a_replica_takes() -> None:
    found = [dict(each) for each in candidates(16, 2.0)]
    assert len(found) == len({str(each) for each in found})
    assert {each["target"] for each in found if each.get("metric") == "concurrency"} == {2.0, 4.0, 8.0, 16.0}
    assert {each["target"] for each in found if each.get("metric") == "rps"} == {1.0, 1.3, 1.6, 1.9}
    assert [each["law"] for each in found if len(each) == 1] == ["hpa", "keda", "knative"]
    assert bounds("hpa", 1) == ((1, 2),) and bounds("keda", 6) == ((0, 12), (1, 12), (3, 12))


# What is refused.

SPILL = POOL.replace(
    "routing:\n  - to: [own]",
    "  api: {kind: api, model: gpt-6.1-sol}\nrouting:\n  - to: [{deployment: own, max_wait: 2s}, api]",
)
TWO = POOL.replace("routing:", POOL.split("deployments:\n")[1].split("routing:")[0].replace("own:", "other:") + "routing:")
API = "deployments:\n  api: {kind: api, model: gpt-6.1-sol}\nrouting:\n  - to: [api]\n"
UNUSED = TWO


@pytest.mark.parametrize(
    ("stack", "levels", "deployment", "said"),
    [
        (SPILL, (), None, "requests of own may go to api instead: with fewer GPUs more would"),
        (TWO, (), None, "found deployments of kind gpu: own, other; name one with --deployment"),
        (TWO, (), "othr", "--deployment othr: is no deployment of kind gpu; allowed: own, other; did you mean 'other'?"),
        (API, (), None, "found no deployment of kind gpu; there is nothing to scale"),
        (
            POOL,
            ("usd_per_month <= $500",),
            None,
            "usd_per_month is no level of a pool; allowed: ttft_pQ, tpot_pQ, e2e_pQ, completed, good_share, goodput",
        ),
    ],
)
def test_what_cannot_be_asked(tmp_path: Path, stack: str, levels: tuple[str, ...], deployment: str | None, said: str) -> None:
    with pytest.raises(InputError) as refused:
        ElasticPool(study(tmp_path, (1.0,), stack=stack), parse_levels(levels), deployment)
    assert said in str(refused.value)


def test_a_pool_that_no_rule_tries(tmp_path: Path) -> None:
    pool = ElasticPool(study(tmp_path, (1.0,), stack=UNUSED), (), "other")
    with pytest.raises(InputError, match="no rule sends requests of this trace to other first"):
        pool.offered(MINUTE)


def test_a_trace_that_is_a_moment(tmp_path: Path) -> None:
    path = tmp_path / "trace.parquet"
    pq.write_table(pa.table({"arrival_s": [0.0, 0.0], "prompt_tokens": [9, 9], "output_tokens": [9, 9]}), path)
    moment = Study(trace=path, trace_sha256=read_trace(path).info.sha256, stack_text=POOL, stack_name="small.yaml")
    with pytest.raises(InputError, match="all requests arrive at once"):
        ElasticPool(moment)


@pytest.mark.parametrize(
    ("text", "duration_s", "interval_s"),
    [(None, 3600.0, 900.0), (None, 7 * 86_400.0, 6300.0), ("5m", 86_400.0, 300.0), ("60", 600.0, 60.0)],
)
def test_intervals(text: str | None, duration_s: float, interval_s: float) -> None:
    assert interval_of(text, duration_s) == interval_s


@pytest.mark.parametrize("text", ["30s", "90s", "1m", "soon", "0", "-5m"])
def test_intervals_that_are_refused(text: str) -> None:
    with pytest.raises(InputError, match="--interval"):
        interval_of(text, 7 * 86_400.0)


# Levels that are not given.


def test_levels_not_given_are_those_of_the_stack(tmp_path: Path) -> None:
    """As in a plan: a level on one thing does not let requests go unserved."""
    pool = ElasticPool(study(tmp_path, (2.0, 8.0, 2.0)), parse_levels(["ttft_p95 <= 1s"]))
    assert [str(each) for each in pool.levels] == ["ttft_p95 <= 1.00 s", "tpot_p95 <= 100 ms", "completed >= 99.0 %"]
    found = elastic(pool, MINUTE)
    assert found.schedule is not None and found.schedule.verdict.measured[2] is not None
    assert found.schedule.verdict.measured[2] >= 0.99 and not found.leaves_work
    assert found.usd_per_gpu_hour == 3.6


def test_what_is_given_decides_what_a_replica_carries(tmp_path: Path) -> None:
    """Not the stack's level on another quantile of the same latency."""
    pool = ElasticPool(study(tmp_path, (2.0, 8.0)), parse_levels(["ttft_p50 <= 150ms"]))
    strict = ElasticPool(study(tmp_path, (2.0, 8.0), stack=POOL.replace("ttft_p95: 2s", "ttft_p95: 1000s")), pool.levels[:1])
    assert pool.offered(MINUTE)[1] == strict.offered(MINUTE)[1]


def test_foresight_below_the_work_is_said(tmp_path: Path) -> None:
    found = elastic(ElasticPool(study(tmp_path, (2.0, 8.0, 2.0)), parse_levels(["completed >= 5%", "ttft_p95 <= 100s"])), MINUTE)
    assert found.schedule is not None and found.work_gpu_hours is not None
    assert found.schedule.verdict.gpu_hours < 0.95 * found.work_gpu_hours and found.leaves_work
    report = ElasticReport(study(tmp_path, (1.0,)), "trace", 1, 1.0, "2026-11-21", found)
    (caution,) = report.cautions
    assert caution.code == "work_left" and "it leaves requests unserved" in caution.cause
