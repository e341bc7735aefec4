"""Incidents that meet are one episode; those that do not are as many."""

from __future__ import annotations

import time
from itertools import pairwise

import numpy as np
import pytest

from sim.futures.episodes import RECOVERY_S, Episodes, episodes, events_between, parted, shares, traits
from sim.futures.hazard import Hazard, Incidents
from tests.made.incidents import HOUR, incidents

HAZARDS = (
    Hazard("api_outage", "acme", (0, 1)),
    Hazard("degradation", "acme", (0, 1)),
    Hazard("spot_preemption", "own", (2,)),
)


def one_by_one(given: Incidents, recovery_s: float) -> list[list[int]]:
    """The same by a loop over the incidents of each future."""
    found: list[list[int]] = []
    known: tuple[int, float] | None = None
    for i in np.lexsort((given.start_s, given.future)).tolist():
        future, start, end = int(given.future[i]), given.start_s[i], given.start_s[i] + given.duration_s[i]
        if known is None or known[0] != future or start >= known[1] + recovery_s:
            found.append([])
            known = (future, end)
        found[-1].append(i)
        known = (future, max(known[1], end))
    return found


def test_incidents_within_recovery_of_each_other_are_one_episode() -> None:
    found = episodes(incidents((0, 0, 1, 1), (0, 1, 2.4, 2), (0, 0, 5, 1), (1, 0, 5, 1)))
    assert found.types == ((0,), (0, 1))
    assert found.type_of.tolist() == [1, 0, 0]
    assert found.future.tolist() == [0, 0, 1]
    assert [found.members(e).tolist() for e in range(3)] == [[0, 1], [2], [3]]
    assert found.start_s.tolist() == [HOUR, 5 * HOUR, 5 * HOUR]
    assert found.end_s == pytest.approx([4.4 * HOUR, 6 * HOUR, 6 * HOUR])
    assert found.active_s == pytest.approx([3 * HOUR, HOUR, HOUR])


def test_recovery_is_the_gap_at_which_they_part() -> None:
    apart = episodes(incidents((0, 0, 1, 1), (0, 1, 2.5, 1)))
    assert len(apart) == 2 and RECOVERY_S == HOUR / 2
    assert len(episodes(incidents((0, 0, 1, 1), (0, 1, 2.4999, 1)))) == 1
    assert len(episodes(incidents((0, 0, 1, 1), (0, 1, 2.4999, 1)), recovery_s=0.0)) == 2


def test_time_in_which_several_last_counts_once() -> None:
    found = episodes(incidents((0, 0, 1, 4), (0, 1, 2, 1), (0, 2, 4.5, 1)))
    assert len(found) == 1
    assert found.active_s == pytest.approx([4.5 * HOUR])


def test_none_are_none() -> None:
    found = episodes(incidents())
    assert len(found) == 0 and found.types == () and found.offsets.tolist() == [0]
    assert len(parted(found, incidents(), np.zeros(0, bool))) == 0
    assert [len(part) for part in shares(found, incidents(), 3)] == [0, 0, 0]


def many(n: int, futures: int, seed: int = 1, hazards: int = 3) -> Incidents:
    random = np.random.default_rng(seed)
    future = np.sort(random.integers(0, futures, n))
    start = random.uniform(0, 3.15e7, n)
    order = np.lexsort((start, future))
    return Incidents(
        future, random.integers(0, hazards, n), start[order], random.lognormal(8.5, 1.3, n), np.ones(n), np.zeros(n), np.ones(n, int)
    )


def test_as_one_after_the_other() -> None:
    given = many(2000, 7)
    found = episodes(given)
    assert [found.members(e).tolist() for e in range(len(found))] == one_by_one(given, RECOVERY_S)
    for e in range(len(found)):
        assert found.types[found.type_of[e]] == tuple(sorted(set(given.hazard[found.members(e)].tolist())))
        spans = sorted((given.start_s[i], given.start_s[i] + given.duration_s[i]) for i in found.members(e))
        latest, union = -np.inf, 0.0
        for start, end in spans:
            union += max(end - max(start, latest), 0.0)
            latest = max(latest, end)
        assert found.active_s[e] == pytest.approx(union)


def test_many_take_no_time() -> None:
    given = many(100_000, 1000, hazards=70)
    start = time.perf_counter()
    found = episodes(given)
    assert time.perf_counter() - start < 1.0
    assert max(max(kind) for kind in found.types) > 62
    e = int(np.diff(found.offsets).argmax())
    assert found.types[found.type_of[e]] == tuple(sorted(set(given.hazard[found.members(e)].tolist())))


def test_parted_episodes_are_single_incidents_in_order() -> None:
    given = many(2000, 7)
    found = episodes(given)
    apart = np.array([len(found.types[k]) > 1 for k in found.type_of])
    assert apart.any()
    single = parted(found, given, apart)
    assert sorted(single.member.tolist()) == sorted(found.member.tolist())
    assert all(len(kind) == 1 for kind in single.types)
    assert (single.active_s <= single.end_s - single.start_s + 1e-3).all()
    order = np.lexsort((single.start_s, single.future))
    assert (order == np.arange(len(single))).all()
    kept = {tuple(found.members(e).tolist()) for e in np.flatnonzero(~apart).tolist()}
    assert kept <= {tuple(single.members(e).tolist()) for e in range(len(single))}
    same = parted(found, given, np.zeros(len(found), bool))
    assert [part.tolist() for part in (same.member, same.offsets)] == [part.tolist() for part in (found.member, found.offsets)]
    assert same.active_s == pytest.approx(found.active_s)


def test_an_episode_is_shared_by_duration() -> None:
    given = incidents((0, 0, 1, 1), (0, 1, 1.5, 2), (0, 1, 3.9, 1), (0, 2, 30, 1))
    episode, hazard, share = shares(episodes(given), given, 3)
    assert (episode.tolist(), hazard.tolist()) == ([0, 0, 1], [0, 1, 2])
    assert share == pytest.approx([0.25, 0.75, 1.0])


def distances(found: Episodes, given: Incidents, level: list[float] | None = None) -> np.ndarray:
    _, points = traits(found, given, 0, np.array(level or [1.0] * len(found)))
    return np.asarray(np.linalg.norm(points - points[0], axis=1))


def test_alike_in_duration_hour_severity_and_level() -> None:
    days = 24
    same = incidents((0, 0, 1, 1), (0, 0, 1 + 3 * days, 1), (0, 0, 1 + 5 * days, 4), (0, 0, 13 + 9 * days, 1))
    assert distances(episodes(same), same)[1] == pytest.approx(0.0, abs=1e-9)
    assert (distances(episodes(same), same)[2:] > 1.0).all()
    across = incidents((0, 0, 23.9, 1), (0, 0, 0.1 + 3 * days, 1), (0, 0, 22 + 5 * days, 1))
    _, near, far = distances(episodes(across), across)
    assert near < 0.1 < far
    assert distances(episodes(same), same, [1.0, 2.0, 1.0, 1.0])[1] > 1.0
    slow = incidents((0, 0, 1, 1), (0, 0, 25, 1))
    slow.factor[1] = 3.0
    slow.error_rate[0] = 0.2
    assert distances(episodes(slow), slow)[1] == pytest.approx(np.hypot(np.log(3.0), 1.0))


def test_compound_episodes_differ_by_their_overlap() -> None:
    given = incidents((0, 0, 1, 1), (0, 1, 1, 1), (0, 0, 49, 1), (0, 1, 50, 1))
    found = episodes(given)
    assert found.types == ((0, 1),)
    assert distances(found, given)[1] > 2.0


def test_events_happen_at_every_deployment_of_the_hazard() -> None:
    given = incidents((0, 0, 2, 1))
    made = events_between(given, np.array([0]), HAZARDS, HOUR, 10 * HOUR)
    assert [(event.kind, event.deployment, event.at_s, event.duration_s) for event in made] == [
        ("api_outage", 0, HOUR, HOUR),
        ("api_outage", 1, HOUR, HOUR),
    ]


def test_events_are_cut_to_the_piece() -> None:
    given = incidents((0, 1, 1, 4), (0, 1, 8, 4), (0, 1, 20, 1), (0, 1, 0, 2), factor=3.0, error_rate=0.1)
    made = events_between(given, np.arange(4), HAZARDS[:2], 2 * HOUR, 9 * HOUR)
    spans = sorted({(event.at_s, event.duration_s) for event in made})
    assert spans == [(0.0, 3 * HOUR), (6 * HOUR, HOUR)]
    assert {(event.factor, event.error_rate) for event in made} == {(3.0, 0.1)}


def test_what_happens_at_once_needs_no_duration() -> None:
    given = incidents((0, 2, 2, 0), (0, 1, 3, 0), (0, 2, 4, 1 / 30), count=2)
    made = events_between(given, np.arange(3), HAZARDS, 0.0, 9 * HOUR)
    # A degradation of no duration would otherwise never end (docs/engine.md).
    assert [(event.kind, event.count) for event in made] == [("spot_preemption", 2)] * 2
    assert [event.notice_s for event in made] == pytest.approx([0.0, 120.0])


def test_events_come_in_order() -> None:
    given = incidents((0, 0, 5, 1), (0, 2, 2, 1))
    made = events_between(given, np.arange(2), HAZARDS, 0.0, 9 * HOUR)
    assert all(first.at_s <= second.at_s for first, second in pairwise(made))
