"""Where the candidates of a plan are computed: on workers that stay from one call to the next, and here where there is little to do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sim.planning import search
from sim.planning.assess import PlanStudy
from sim.planning.search import Evaluations
from sim.planning.workplace import Workplace

TWO = (("deployments.own.replicas=1",), ("deployments.own.replicas=2",))


@pytest.fixture
def places(monkeypatch: pytest.MonkeyPatch) -> list[Workplace | None]:
    """Where each call would have been computed."""
    found: list[Workplace | None] = []

    def run_points(_study: PlanStudy, _points: Any, *, place: Workplace | None, **_options: Any) -> tuple[()]:
        found.append(place)
        return ()

    monkeypatch.setattr(search, "run_points", run_points)
    return found


def study() -> PlanStudy:
    return PlanStudy(Path("trace"), "0" * 64, "name: x", "x")


def test_workers_stay_from_one_call_to_the_next(places: list[Workplace | None]) -> None:
    evaluations = Evaluations(workers=2)
    for _ in range(3):
        evaluations.rows(study(), TWO, "", 1e9)
    assert places[0] is not None
    assert places[0].workers == 2
    assert all(place is places[0] for place in places)


def test_little_is_done_here(places: list[Workplace | None]) -> None:
    Evaluations(workers=2).rows(study(), TWO, "", 10.0)
    assert places == [None]


def test_a_cluster_is_greeted_for_more_than_one_replay(places: list[Workplace | None]) -> None:
    evaluations = Evaluations(cluster="dask://host:1")
    evaluations.rows(study(), TWO[:1], "", 1e9)
    evaluations.rows(study(), TWO, "", 10.0)
    assert places[0] is None
    assert places[1] is not None
    assert places[1].cluster == "dask://host:1"
