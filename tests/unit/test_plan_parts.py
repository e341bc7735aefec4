"""Bounds, confidence, room to grow and the calendar of a plan, against figures worked out by hand."""

from __future__ import annotations

import datetime
import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sim.catalog.catalog import Catalog
from sim.planning.bounds import Bounds, Cannot, Work, gpus_paid, least_usd_per_month
from sim.planning.candidates import Candidate
from sim.planning.capacity_calendar import LeadTime, lead_time, months_of, rounded
from sim.planning.choice import Choice, Question
from sim.planning.confidence import Confidence, clopper_pearson, fresh_seed, replays_needed
from sim.planning.demand_ahead import demand_ahead
from sim.planning.evaluate import resolve_point
from sim.planning.headroom import headroom
from sim.planning.levels import parse_levels
from sim.planning.machines import replicas_a_machine
from sim.planning.opened import open_study
from sim.planning.points import Point, Row
from sim.planning.search import Evaluations, Race
from sim.stack.outlook_quantity import Change
from sim.stack.resolved import ResolvedPool, ResolvedStack
from tests.made.plans import made, study_of
from tests.made.world import STACK, write_trace

POOL_ONLY = STACK.partition("  spill:")[0] + "routing:\n  - to: [own]\n"


def resolved(folder: Path, *settings: str) -> ResolvedStack:
    study = study_of(write_trace(folder / "trace.parquet", rows=50), POOL_ONLY)
    return resolve_point(study, Point(0, (), settings), open_study(study))


def flat(stack: ResolvedStack, replicas: int, step_s: float) -> ResolvedStack:
    """Every step takes the same, whatever is in it."""
    (pool,) = stack.deployments
    assert isinstance(pool, ResolvedPool)
    step = replace(pool.step, c_s=0.0, g_tokens=(1.0,), g_s=(step_s,), o_s=0.0, f_s=0.0, h_s=0.0)
    spec = pool.spec.model_copy(update={"replicas": pool.spec.replicas.model_copy(update={"min": replicas, "max": replicas})})
    return replace(stack, deployments=(replace(pool, step=step, spec=spec, max_num_batched_tokens=100, front_end_s=0.0),))


def work(count: int, prompt: float, output: float, duration_s: float) -> Work:
    return Work(np.linspace(0, duration_s, count), np.full(count, prompt), np.full(count, output), duration_s)


def test_replicas_that_the_work_takes(tmp_path: Path) -> None:
    stack = resolved(tmp_path)
    # 1,000 requests of 200 tokens, 100 a step of 0.1 s: 200 s of a replica in 100 s and 1 s to be late. All but 5 % must be done, and none lost.
    levels = parse_levels(["ttft_p95 <= 1s", "completed >= 100%"])
    bounds = Bounds(work(1000, 200.0, 1.0, 100.0), levels)
    assert bounds.cannot(flat(stack, 2, 0.1)) is None
    assert bounds.cannot(flat(stack, 1, 0.1)) == Cannot("1 of at least 2 replicas that the work takes", 2.0)
    # With a half of them late, half the work is enough.
    half = Bounds(work(1000, 200.0, 1.0, 100.0), parse_levels(["ttft_p50 <= 1s", "completed >= 100%"]))
    assert half.cannot(flat(stack, 1, 0.1)) is None


def test_what_no_number_of_replicas_brings_down(tmp_path: Path) -> None:
    stack = resolved(tmp_path)
    slow = Bounds(work(100, 50.0, 10.0, 1000.0), parse_levels(["tpot_p95 <= 90ms", "completed >= 99%"]))
    found = slow.cannot(flat(stack, 50, 0.1))
    why = None if found is None else found.why
    assert why is not None and why.startswith("a further token takes an idle replica 100 ms")
    assert slow.cannot(flat(stack, 50, 0.08)) is None
    late = Bounds(work(100, 1000.0, 10.0, 1000.0), parse_levels(["ttft_p95 <= 900ms", "completed >= 99%"]))
    far = late.cannot(flat(stack, 50, 0.1))
    assert far is not None and far.why.startswith("the first token takes an idle replica 1.00 s")
    assert far.near == pytest.approx(1.0 / 0.9)


def test_what_a_stack_costs_at_least(tmp_path: Path) -> None:
    stack = resolved(tmp_path, "deployments.own.replicas=3", "deployments.own.gpus_per_node=2")
    (pool,) = stack.deployments
    assert isinstance(pool, ResolvedPool)
    assert [gpus_paid(pool, count) for count in (0, 1, 2, 3)] == [0, 2, 2, 4]
    assert least_usd_per_month(stack) == pytest.approx(4 * 3.6 * 730)


def test_bounds_of_a_binomial_share() -> None:
    assert clopper_pearson(20, 20) == (pytest.approx(0.05 ** (1 / 20)), 1.0)
    assert clopper_pearson(0, 20) == (0.0, pytest.approx(1 - 0.05 ** (1 / 20)))
    low, high = clopper_pearson(17, 20)

    def at_least(p: float, k: int) -> float:
        return sum(math.comb(20, i) * p**i * (1 - p) ** (20 - i) for i in range(k, 21))

    assert at_least(low, 17) == pytest.approx(0.05)
    assert 1 - at_least(high, 18) == pytest.approx(0.05)
    assert replays_needed(0.95) == 59 and 0.95**59 < 0.05 < 0.95**58
    assert Confidence(1, 1, 0, "certain").low == 1.0
    assert len({fresh_seed(0, 0), fresh_seed(0, 1), fresh_seed(1, 0), 0, 1}) == 5


def row(holds: bool) -> Row:
    measured = 1.0 if holds else 4.0
    return Row(Point(0, (), ()), {}, (("ttft_p95", 3.0, measured, holds),))


@pytest.mark.parametrize("breaks", [0.4, 1.0, 1.3, 5.7])
def test_where_it_breaks(breaks: float) -> None:
    levels = parse_levels(["ttft_p95 <= 3s"])
    found = headroom(lambda factor: row(factor < breaks), levels, begin=1.1)
    assert found is not None and found.fails is not None
    assert found.holds < breaks <= found.fails <= found.holds * 1.02
    assert found.level == "ttft_p95 <= 3.00 s"


def test_where_it_does_not() -> None:
    levels = parse_levels(["ttft_p95 <= 3s"])
    found = headroom(lambda _: row(True), levels, begin=1.0, most=4.0)
    assert found is not None and (found.holds, found.fails) == (4.0, None)
    assert headroom(lambda _: row(False), levels, begin=1.0) is None


def test_when_to_order() -> None:
    demand = [1.0, 1.1, 1.1, 1.6]
    metrics: dict[str, float | None] = {}
    for number, value in enumerate(demand, start=1):
        metrics |= {
            f"demand_p50_{number}": value * 0.9,
            f"demand_p95_{number}": value,
            f"gpus_p50_{number}": 4.0,
            f"gpus_p95_{number}": 4.0,
        }
    found = months_of(
        ["2026-12", "2027-01", "2027-02", "2027-03"], metrics, needed=lambda factor: 2 * math.ceil(factor), lead=LeadTime(30, True, "")
    )
    assert [each.needed_gpus_p95 for each in found] == [2, 4, 4, 4]
    assert [each.order_by for each in found] == [datetime.date(2026, 11, 1), datetime.date(2026, 12, 2), None, None]
    assert rounded(1.0) == 1.0 and 1.0 < rounded(1.001) <= 1.05 + 1e-12


def test_lead_times_are_assumed_unless_given(tmp_path: Path) -> None:
    stack, catalog = resolved(tmp_path), Catalog.bundled()
    assert lead_time(stack, catalog, None).assumed
    assert lead_time(stack, catalog, 3.0) == LeadTime(3.0, False, "given")


def test_a_machine_is_what_the_candidate_buys_whole(tmp_path: Path) -> None:
    """Of the AWS instance eight GPUs are sold together, of an offer that says nothing just what a replica needs; the stack's word goes before."""
    study = study_of(write_trace(tmp_path / "trace.parquet", rows=50), POOL_ONLY)
    found = replicas_a_machine(study, "own")
    own = json.loads(next(each for each in made(study, "replicas: 16\n")[0].settings if each.startswith("deployments=")).partition("=")[2])

    def at(**keys: object) -> int:
        bought = {key: value for key, value in own["own"].items() if key not in ("usd_per_gpu_hour", "profile", "gpus_per_node")}
        pool = {**bought, "llm": "llama-3.1-8b", "gpu": "h100-sxm", **keys}
        return found((f"deployments={json.dumps({'own': pool})}",))

    assert at(provider="aws", region="us-east-1", tensor_parallel=1) == 8
    assert at(provider="aws", region="us-east-1", tensor_parallel=4) == 2
    assert at(provider="runpod", tensor_parallel=2) == 1
    assert at(provider="runpod", tensor_parallel=1, gpus_per_node=4) == 4
    assert at(provider="runpod", tensor_parallel=8, gpus_per_node=4) == 1, "a replica on two machines is gone with one of them"
    assert at(provider="nobody", tensor_parallel=1) == 1


def test_demand_that_replays_stand_for() -> None:
    certain = Change(p50=0.1)
    assert demand_ahead(certain, 3, 0.95, 1000) == (pytest.approx(1.21), pytest.approx((1 + 1.1 + 1.21) / 3))
    assert demand_ahead(Change(p50=0.0), 12, 0.95, 1000) == (1.0, 1.0)
    spread = Change(p5=0.0, p50=0.03, p95=0.08)
    held, costs = demand_ahead(spread, 12, 0.95, 1000)
    assert costs * 1.2 > 1.03**11 and 1.03**11 < held < 1.08**11
    shrinking = Change(p50=-0.1)
    assert demand_ahead(shrinking, 12, 0.95, 1000)[0] == 1.0, "the first month must hold, too"


class Told(Evaluations):
    """Months by hand: how many of 100 futures meet the levels, by seed and replicas."""

    def __init__(self, met: dict[int, int], fresh: dict[int, int]) -> None:
        super().__init__()
        self.met, self.fresh = met, fresh
        self.asked: list[tuple[int, int]] = []

    def rows(self, study, settings, what, rows_each):  # type: ignore[no-untyped-def]
        if not study.months:
            return super().rows(study, settings, what, rows_each)
        found = []
        for each in settings:
            replicas = int(each[0].partition('"replicas": ')[2].partition(",")[0])
            self.asked.append((replicas, study.seed))
            met = (self.met if study.seed == 0 else self.fresh)[replicas]
            metrics = {
                "futures": 100.0,
                "met_worst_month": float(met),
                "met_all_months": float(met),
                "invoice_usd_per_month": 3000.0 * replicas,
            }
            found.append(Row(Point(0, (), each), metrics, ()))
        return tuple(found)


@pytest.mark.parametrize(
    ("met", "fresh", "chosen", "refuted"),
    [
        ({1: 90, 2: 97, 3: 100}, {2: 96}, 2, []),
        ({1: 90, 2: 97, 3: 100}, {2: 91, 3: 99}, 3, [2]),
        ({1: 95, 2: 100, 3: 100}, {1: 100}, 1, []),
        ({1: 10, 2: 20, 3: 30}, {}, None, []),
    ],
)
def test_fresh_futures_decide(tmp_path: Path, met: dict[int, int], fresh: dict[int, int], chosen: int | None, refuted: list[int]) -> None:
    study = study_of(write_trace(tmp_path / "trace.parquet", rate=2.0), POOL_ONLY)
    every = made(study, "replicas: 1:3\n")
    told = Told(met, fresh)
    plain = study
    asked = replace(study, months=3)
    race = Race(every, plain, plain, Work(np.linspace(0, 300, 600), np.full(600, 100.0), np.full(600, 10.0), 300.0), told)
    choice = Choice(Question(asked, 0.95), told, race)
    found = choice.chosen()

    def count(candidate: Candidate) -> int:
        return int(str(dict(candidate.values)["replicas"]))

    assert (None if found is None else count(found.judged.candidate)) == chosen
    assert [count(each.judged.candidate) for each in choice.refuted] == refuted
    seeds = [seed for _, seed in told.asked if seed != 0]
    assert len(set(seeds)) == len(seeds), "every stack is held against futures of its own"
    if found is not None:
        assert found.confidence.seed in seeds and found.confidence.met == fresh[chosen or 0]
