"""Incidents replayed one by one, and what all the others take from them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sim.engine.system import Event
from sim.futures.episodes import RECOVERY_S
from sim.futures.hazard import Incidents
from sim.futures.library import LEAD_S, Library, build_library
from sim.futures.nearest import level_nodes, spread
from sim.futures.usage import ALL
from tests.made.incidents import DAY, FIRST, HAZARDS, HOUR, LOST, SECOND, SLOW, EvenStack, draws, even_plan, incidents


def built(
    given: Incidents, *, stack: EvenStack | None = None, futures: int = 1, months: int = 1, level: float = 1.0, **settings: int
) -> Library:
    return build_library(stack or EvenStack(), draws(given, futures=futures, months=months, level=level), **settings)


def month(library: Library, name: str, item: str) -> list[list[float]]:
    """[F][M] one amount."""
    found = library.month_sums()[:, :, library.layout.at(name, item)]
    return [[float(x) for x in row] for row in found]


def random_incidents(n: int, futures: int, days: int, hazards: tuple[int, ...], seed: int = 3) -> Incidents:
    """Some of every kind; those of one hazard may meet, which the even stack does not mind for what is asked of it here."""
    random = np.random.default_rng(seed)
    future, start = np.sort(random.integers(0, futures, n)), random.uniform(0, days * 24 - 30, n)
    rows = zip(future.tolist(), random.choice(hazards, n).tolist(), start.tolist(), random.lognormal(0.2, 0.8, n).tolist(), strict=True)
    return incidents(*sorted((f, h, s, min(d, 20.0)) for f, h, s, d in rows), factor=random.uniform(1.5, 4.0, n).tolist())


def test_no_incidents_add_nothing() -> None:
    library = built(incidents(), futures=2, months=2)
    assert library.month_sums().shape == (2, 2, len(library.layout)) and not library.month_sums().any()
    assert library.weights().shape == (4, 0)
    assert all(each.failed == each.saved == each.late == each.per_month == 0 for each in library.hazard_sums())
    assert library.self_error(np.ones(len(library.layout))) == () and library.notes == ()


def test_an_outage_costs_the_requests_of_its_time() -> None:
    """2 requests a second at level 1.5 for 3 hours go to the second API; in the hour that it is out too they fail."""
    library = built(incidents((0, FIRST, 100, 3), (0, FIRST, 200, 1), (0, SECOND, 200.5, 1)), level=1.5)
    # Demand is replayed at a node of the grid and scaled back: exact where the effect is in proportion.
    assert month(library, "second", "fallback_completed") == [[pytest.approx(2 * 1.5 * 3.5 * HOUR)]]
    assert month(library, ALL, "failed") == [[pytest.approx(2 * 1.5 * 0.5 * HOUR)]]
    assert month(library, ALL, "completed") == [[pytest.approx(-2 * 1.5 * 0.5 * HOUR)]]
    assert month(library, ALL, "requests") == [[0.0]]


def test_a_lost_replica_costs_what_it_stood_for() -> None:
    library = built(incidents((0, LOST, 100, 0.5), (0, LOST, 300, 200), count=3))
    assert month(library, "own", "paid_gpu_hours") == [[pytest.approx(-2 * 3 * 1.5)]]


def test_months_are_booked_by_the_day_an_episode_begins() -> None:
    library = built(incidents((0, FIRST, 10, 1), (0, FIRST, 30 * 24 + 5, 2), (1, FIRST, 50 * 24, 4)), futures=2, months=2)
    assert month(library, "second", "fallback_completed") == [
        [pytest.approx(2 * HOUR), pytest.approx(4 * HOUR)],
        [0.0, pytest.approx(8 * HOUR)],
    ]


def test_what_lasts_into_another_month_is_booked_in_both() -> None:
    """30 days of November: an outage over six days lasts two of them in November and four in December; what does not last stays put."""
    rows = [(f, FIRST if f % 2 else LOST, 28 * 24.0, 6 * 24.0) for f in range(2)] + [(f, LOST, 24.0, 0.5 + f / 10) for f in range(2, 12)]
    library = built(incidents(*rows), futures=12, months=2)
    assert library.lasting.tolist() == [True, False]
    assert month(library, "second", "fallback_completed")[1] == [pytest.approx(2 * 48 * HOUR), pytest.approx(2 * 96 * HOUR)]
    assert month(library, "own", "paid_gpu_hours")[0] == [pytest.approx(-2.0), 0.0]
    whole = np.zeros((12, 61))
    whole[:, 30:] = 1.0
    assert library.month_sums(whole)[1, :, library.layout.at("second", "fallback_completed")] == pytest.approx([0.0, 2 * 96 * HOUR])


def test_incidents_apart_add_up() -> None:
    rows = ((0, FIRST, 10, 1.0), (0, SECOND, 40, 2.0), (0, LOST, 90, 1.0), (0, SLOW, 200, 3.0))
    together = built(incidents(*rows, factor=2.0)).month_sums()
    apart = sum(built(incidents(row, factor=2.0)).month_sums() for row in rows)
    assert together == pytest.approx(apart)


def test_a_piece_has_a_lead_and_a_recovery_and_wraps_at_midnight() -> None:
    stack = EvenStack()
    built(incidents((0, FIRST, 24.1, 2)), stack=stack)
    plain, (level, from_s, to_s, events) = stack.pieces
    assert level == 1.0 and from_s == pytest.approx(24.1 * HOUR - LEAD_S)
    assert from_s < DAY < to_s == pytest.approx(from_s + LEAD_S + 2 * HOUR + RECOVERY_S)
    assert events == (Event(LEAD_S, "api_outage", 0, duration_s=pytest.approx(2 * HOUR)),)
    assert plain == (level, from_s, to_s, ())


def test_pieces_come_from_the_days_of_the_trace_in_turn() -> None:
    rows = [(0, FIRST, 24.0 * day + 5, 1.0) for day in range(12)]
    for plan, days in ((even_plan(3), 3), (even_plan(30, contiguous=False), 7)):
        stack = EvenStack(plan=plan)
        built(incidents(*rows), stack=stack)
        assert [int(from_s // DAY) for _, from_s, _, _ in stack.pieces[::2]] == [day % days for day in range(12)]
        assert {from_s % DAY for _, from_s, _, _ in stack.pieces} == {5 * HOUR - LEAD_S}


def test_what_befalls_an_api_that_nobody_asks_is_not_replayed() -> None:
    stack = EvenStack()
    library = built(incidents((0, SECOND, 10, 1), (0, SECOND, 50, 1), (0, FIRST, 50.5, 1)), stack=stack)
    assert [len(events) for *_, events in stack.pieces] == [0, 0, 2]
    assert month(library, ALL, "failed") == [[pytest.approx(2 * HOUR / 2)]]


def test_every_episode_of_few_is_replayed_and_some_of_many() -> None:
    few = built(random_incidents(40, 5, 30, (SLOW,)), futures=5)
    assert len(few.amounts) == len(few.episodes) and (few.scale == pytest.approx(1.0))
    assert (few.replayed.episode[few.entry] == np.arange(len(few.episodes))).all()
    stack = EvenStack()
    many = built(random_incidents(2000, 100, 30, (SLOW,)), stack=stack, futures=100)
    assert len(many.amounts) == 50 and len(stack.pieces) == 100 < len(many.episodes)


def test_all_take_the_nearest_of_those_replayed() -> None:
    """Of many degradations, the sum over all from 50 replays is near the sum of all of them, and nearer than the error says."""
    given = random_incidents(2000, 100, 30, (SLOW,))
    library = built(given, futures=100)
    true = 2 * (given.duration_s * (1 - 1 / given.factor)).sum()
    found = -sum(row[0] for row in month(library, ALL, "met"))
    (error,) = library.self_error(np.ones(len(library.layout)))
    assert error.hazards == (SLOW,) and error.lasting and error.entries == 50
    assert found == pytest.approx(true, rel=0.05)
    assert 0 < error.slo_rms < 0.5 and abs(error.slo_bias) < 0.1
    assert abs(found / true - 1) < error.slo_rms


def test_it_is_seen_whether_an_effect_lasts() -> None:
    """The lost replica is back within an hour, however long the repair: no more is lost in twice the time."""
    rows = [(0, LOST, 40.0 * i, 2.0 + i) for i in range(1, 16)]
    library = built(incidents(*rows), per_type=6)
    assert library.lasting.tolist() == [False]
    assert month(library, "own", "paid_gpu_hours") == [[pytest.approx(-2.0 * 15)]]
    short = built(incidents(*((0, LOST, 40.0 * i, 0.05 * i) for i in range(1, 16))), per_type=6)
    assert short.lasting.tolist() == [True]


def test_eight_hours_at_most_are_replayed_and_longer_ones_stretched() -> None:
    stack = EvenStack()
    library = built(incidents((0, FIRST, 24, 200)), stack=stack)
    assert max(to_s - from_s for _, from_s, to_s, _ in stack.pieces) == pytest.approx(8 * HOUR + LEAD_S + RECOVERY_S)
    assert month(library, "second", "fallback_completed") == [[pytest.approx(2 * 200 * HOUR)]]
    assert any("8 h" in note for note in library.notes)


def test_incidents_longer_than_is_replayed_hide_no_lasting_effect() -> None:
    """Of two outages of 60 and 600 h eight hours each are replayed: that both cost as much does not say that the effect has an end."""
    rows = [(0, FIRST, 0.0, 60.0), (1, FIRST, 0.0, 600.0)] + [(f, FIRST, 24.0 * f, 30.0 + 90.0 * f) for f in range(2, 7)]
    library = built(incidents(*rows), futures=7)
    assert library.lasting.tolist() == [True]
    assert month(library, "second", "fallback_completed") == [[pytest.approx(2 * d * HOUR, rel=1e-6)] for _, _, _, d in rows]
    (error,) = library.self_error(np.ones(len(library.layout)))
    assert error.cost_rms == pytest.approx(0.0, abs=1e-9)


def test_repairs_that_all_last_longer_than_is_replayed_go_on() -> None:
    library = built(incidents(*((f, FIRST if f % 2 else LOST, 24.0, 72.0) for f in range(14))), futures=14)
    assert library.lasting.tolist() == [True, True]
    assert month(library, "own", "paid_gpu_hours")[0] == [pytest.approx(-2.0 * 72 / 8)]
    assert month(library, "second", "fallback_completed")[1] == [pytest.approx(2 * 72 * HOUR)]


def test_long_or_rare_compounds_are_the_sum_of_their_incidents() -> None:
    long = built(incidents((0, FIRST, 24, 60), (0, SECOND, 30, 10)))
    assert {len(kind) for kind in long.episodes.types} == {1}
    assert any("sum of single incidents" in note for note in long.notes)
    rows = [(f, h, 24.0 + g, 2.0) for f in range(6) for g, h in ((0, FIRST), (1, (SECOND, LOST, SLOW)[f % 3]))]
    rare = built(incidents(*rows, factor=2.0), futures=6, most_compound=2)
    assert sum(len(kind) > 1 for kind in rare.episodes.types) == 1
    assert "8 of 6" not in " ".join(rare.notes) and "4 of 6" in " ".join(rare.notes)


def test_incidents_are_cut_to_the_horizon() -> None:
    library = built(incidents((0, FIRST, -2, 3), (0, FIRST, 30 * 24 - 1, 5), (0, FIRST, 30 * 24 + 1, 5)))
    assert month(library, "second", "fallback_completed") == [[pytest.approx(2 * 2 * HOUR)]]


def test_days_add_up_to_the_month() -> None:
    rows = [(i % 2, hazard, 50.0 * i + at, 3.0 + i) for i in range(12) for hazard, at in ((FIRST, 22), (LOST, 44))]
    library = built(incidents(*rows), futures=2)
    assert library.lasting.tolist() == [True, False]
    for future in range(2):
        days = sum(library.on_day(future, day) for day in range(30))
        assert days == pytest.approx(library.month_sums()[future, 0])
    over = built(incidents((0, FIRST, 23, 3)))
    at = over.layout.at("second", "fallback_completed")
    assert [over.on_day(0, day)[at] for day in range(3)] == pytest.approx([2 * HOUR, 4 * HOUR, 0.0])


def test_what_each_hazard_did() -> None:
    library = built(incidents((0, FIRST, 10, 3), (0, SECOND, 12, 1), (1, SLOW, 40, 4), factor=2.0), futures=2)
    first, second, lost, slow = library.hazard_sums()
    assert [each.hazard for each in (first, second, lost, slow)] == list(HAZARDS)
    assert (first.per_month, first.hours_per_month, lost.per_month) == (0.5, 1.5, 0.0)
    assert (first.replayed, second.replayed, lost.replayed, slow.replayed) == (1, 1, 0, 1)
    # Failed while both were out, laid at their doors 3 to 1; two futures of one month.
    assert (first.failed, second.failed) == (pytest.approx(2 * HOUR / 2 * 0.75), pytest.approx(2 * HOUR / 2 * 0.25))
    assert first.saved + second.saved == pytest.approx(2 * 2 * HOUR / 2)
    assert slow.late == pytest.approx(2 * 2 * HOUR / 2) and slow.failed == 0.0
    assert sum(each.amounts for each in library.hazard_sums()) == pytest.approx(library.month_sums().mean(axis=(0, 1)))


def test_prices_of_the_day_enter_the_weights() -> None:
    library = built(incidents((0, FIRST, 10, 1), (0, FIRST, 34, 1)))
    factor = np.zeros((1, 30))
    factor[0, 1] = 3.0
    priced = library.month_sums(factor)[0, 0, library.layout.at("second", "input_tokens")]
    assert priced == pytest.approx(3 * 2 * 100 * HOUR)
    histogram = (library.weights(factor) @ library.histogram.reshape(len(library.histogram), -1)).reshape(3, -1)
    assert histogram.shape == (3, 2560) and not histogram.any()


def test_the_same_on_any_number_of_workers_and_with_progress() -> None:
    given = random_incidents(300, 10, 30, (FIRST, SLOW, LOST))
    seen: list[tuple[int, int]] = []
    one = build_library(EvenStack(), draws(given, futures=10), per_type=10, progress=lambda *at: seen.append(at))
    two = built(given, futures=10, per_type=10, workers=2)
    for name in ("amounts", "histogram", "entry", "scale", "lasting"):
        assert (getattr(one, name) == getattr(two, name)).all()
    assert seen == [(k + 1, len(one.amounts)) for k in range(len(one.amounts))]


def test_demand_is_replayed_at_few_levels_in_order() -> None:
    stack = EvenStack()
    given = random_incidents(500, 10, 30, (SLOW,))
    base = draws(given, futures=10)
    level = np.exp(np.random.default_rng(1).normal(0, 0.3, base.level.shape))
    library = build_library(stack, replace(base, level=level))
    asked = [piece[0] for piece in stack.pieces]
    assert asked == sorted(asked) and 2 <= len(set(asked)) <= 5
    days = (given.start_s // DAY).astype(int)
    true = 2 * (given.duration_s * (1 - 1 / given.factor) * level[given.future, days]).sum()
    assert -sum(row[0] for row in month(library, ALL, "met")) == pytest.approx(true, rel=0.08)


def test_level_nodes_are_on_the_grid() -> None:
    assert level_nodes(np.ones(5)).tolist() == [1.0]
    nodes = level_nodes(np.linspace(0.5, 3.0, 100))
    steps = np.log(nodes) / np.log(1.05)
    assert len(nodes) == 5 and steps == pytest.approx(np.round(steps))
    assert nodes[0] == pytest.approx(0.55, rel=0.03) and nodes[-1] == pytest.approx(2.95, rel=0.03)


def test_a_spread_sample_covers_every_trait() -> None:
    random = np.random.default_rng(2)
    points = random.normal(size=(3000, 3))
    found = spread(points, np.exp(points[:, 0]), 60)
    assert len(set(found.tolist())) == len(found) == 60
    for column in points.T:
        quarter = np.searchsorted(np.quantile(column, (0.25, 0.5, 0.75)), column[found])
        assert (np.bincount(quarter, minlength=4) >= 6).all()
    assert points[found, 0].mean() > 0.2
    assert spread(points[:7], np.ones(7), 60).tolist() == list(range(7))
    assert len(spread(np.zeros((80, 2)), np.ones(80), 60)) == 60
