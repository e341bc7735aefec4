"""In small spaces a plan finds what trying everything finds, whatever bounds and looks leave out."""

from __future__ import annotations

from pathlib import Path

import pytest

from sim.planning import search
from sim.planning.bounds import work_of
from sim.planning.opened import open_study
from sim.planning.search import Evaluations, Race
from tests.made.plans import at, exhaustive, made, study_of
from tests.made.world import STACK, write_trace

FIXED = """\
replicas: 1:5
max_num_seqs: [2, 8, 32]
overflow: [stack, none]
"""
MOVED = """\
replicas: [1, 3]
autoscaled:
  - {law: hpa, metric: concurrency, target: [2, 8], min: 1, max: [2, 4], with: {sync: 5s, scrape: 5s}}
max_num_seqs: [8, 16]
fallback: [none, stack]
api_share: [0, 30%]
"""
BOUGHT = """\
replicas: [2, 4]
purchase: [stack, {purchase: reserved_1y, usd_per_gpu_hour: 2}]
reserved: {purchase: reserved_1y, usd_per_gpu_hour: 1.5, share: [0, 50%, 1]}
max_num_seqs: [4, 16]
overflow: none
fallback: none
"""


@pytest.mark.parametrize("looks", [False, True])
@pytest.mark.parametrize(
    ("space", "rate", "seed", "spare", "factor"),
    [(FIXED, 6.0, 1, 0, 1.0), (FIXED, 12.0, 2, 1, 1.0), (FIXED, 5.0, 6, 0, 2.5), (MOVED, 8.0, 3, 0, 1.0), (BOUGHT, 9.0, 4, 1, 1.0)],
)
def test_as_good_as_trying_everything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, looks: bool, space: str, rate: float, seed: int, spare: int, factor: float
) -> None:
    if looks:
        monkeypatch.setattr(search, "_LOOK_ROWS", 0)
    study = study_of(write_trace(tmp_path / "trace.parquet", rate=rate, seed=seed), STACK, seed=seed)
    every = made(study, space, spare)
    assert len(every) > 8
    race = Race(every, study, at(study, factor), work_of(open_study(study).trace), Evaluations())
    found, expected = next(iter(race), None), exhaustive(study, every, factor)
    assert expected is not None, "a space in which nothing is feasible says little"
    assert found is not None
    assert found.candidate == expected.candidate
    assert found.usd_per_month == expected.usd_per_month
    assert not all(each.met for each in race.judged) or race.dropped, "every candidate meets the levels: nothing was searched"


def test_the_order_of_those_that_follow(tmp_path: Path) -> None:
    study = study_of(write_trace(tmp_path / "trace.parquet", rate=6.0, seed=5), STACK)
    every = made(study, FIXED)
    race = Race(every, study, study, work_of(open_study(study).trace), Evaluations())
    costs = [each.usd_per_month for each in race]
    assert costs == sorted(costs)
    assert len(costs) + len(race.dropped) + sum(not each.met for each in race.judged) == len(every)


def test_nothing_is_feasible(tmp_path: Path) -> None:
    trace = write_trace(tmp_path / "trace.parquet", rate=6.0, seed=6)
    study = study_of(trace, STACK, ("ttft_p95 <= 500ms", "tpot_p95 <= 8500us", "completed >= 99%"))
    every = made(study, "replicas: 1:3\noverflow: none\nfallback: none\n")
    race = Race(every, study, study, work_of(open_study(study).trace), Evaluations())
    assert next(iter(race), None) is None and exhaustive(study, every) is None
    nearest = race.nearest()
    assert nearest is not None and nearest.excess > 0
