"""Whole days and months of futures: what is counted by hand is lost, and cells and library say the same."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from sim.catalog.catalog import Catalog
from sim.catalog.price_book import PriceBook
from sim.futures import exact
from sim.futures.cells import Cells
from sim.futures.combine import Source, month_amounts
from sim.futures.draws import Draws
from sim.futures.exact import accuracy, exact_day, exact_months, joined_days, sample_days, stretches
from sim.futures.hazard import Hazard, Incidents
from sim.futures.library import build_library
from sim.futures.rule_state import NORMAL
from sim.futures.usage import ALL
from sim.futures.windows import plan_windows
from sim.trace.trace import Trace
from tests.made.days import PROFILE, SCALED, day_trace, resolved_for
from tests.made.incidents import DAY, HOUR, draws, incidents

CATALOG = Catalog.load()
BOOK = PriceBook(CATALOG.date)
EVERY_S = 60.0
FEE = "limits: [], client: none"
ONE = f"""\
deployments:
  first: {{kind: api, model: gpt-4o, {FEE}}}
routing: [{{to: [first]}}]
"""
TWO = f"""\
deployments:
  first: {{kind: api, model: gpt-4o, {FEE}}}
  second: {{kind: api, model: claude-sonnet-5-5, {FEE}}}
routing: [{{to: [{{deployment: first, pass_on: [5xx]}}, second]}}]
"""
POOL = f"""\
deployments:
  own:
    kind: gpu
    llm: llama-3.1-8b
    gpu: h100-sxm
    replicas: 2
    usd_per_gpu_hour: 3.6
    gpus_per_node: 1
    client: none
{PROFILE}
routing: [{{to: [own]}}]
"""
OUTAGES = (Hazard("api_outage", "first", (0,)), Hazard("api_outage", "second", (1,)))
LOSS = (Hazard("gpu_failure", "own", (0,)),)


def even_trace(days: int = 1) -> Trace:
    """A request a minute, on the half minute, answered within some seconds."""
    n = int(days * DAY / EVERY_S)
    return Trace.from_arrays(
        arrival_s=(np.arange(n) + 0.5) * EVERY_S, prompt_tokens=np.full(n, 100), output_tokens=np.full(n, 20),
        metadata={"sim.duration_s": repr(days * DAY)},
    )  # fmt: skip


def cells_of(text: str, trace: Trace | None = None, **more: Any) -> Cells:
    trace = trace or even_trace()
    resolved = resolved_for(text)
    return Cells(resolved, trace, catalog=CATALOG, book=BOOK, plan=plan_windows(trace, resolved), **more)


def futures(given: Incidents, hazards: tuple[Hazard, ...] = OUTAGES, *, deployments: int = 2, **more: Any) -> Draws:
    return draws(given, hazards=hazards, deployments=deployments, **more)


def one(cells: Cells, amounts: Any, item: str, name: str = ALL) -> Any:
    return amounts[..., cells.layout.at(name, item)]


def test_a_day_without_anything_is_the_mean_day() -> None:
    cells = cells_of(POOL)
    day = exact_day(cells, futures(incidents(), LOSS, deployments=1), 0, 0)
    curve = cells.curve(NORMAL, 1.0, 1.0)
    assert np.array_equal(day.amounts, curve.amounts[0]) and np.array_equal(day.histogram, curve.histogram[0])


def test_an_outage_loses_the_requests_of_its_time() -> None:
    cells = cells_of(ONE)
    given = futures(incidents((0, 0, 27, 2.5), (1, 0, 500, 1)), OUTAGES[:1], deployments=1, futures=2)
    day = exact_day(cells, given, 0, 1)
    assert one(cells, day.amounts, "requests") == DAY / EVERY_S
    assert one(cells, day.amounts, "failed") == 2.5 * HOUR / EVERY_S
    assert one(cells, exact_day(cells, given, 1, 1).amounts, "failed") == 0
    library = build_library(cells, given)
    assert one(cells, library.month_sums()[0, 0], "failed") == 2.5 * HOUR / EVERY_S
    assert one(cells, library.on_day(0, 1), "completed") == -2.5 * HOUR / EVERY_S


def test_a_fallback_saves_what_it_can() -> None:
    cells = cells_of(TWO)
    given = futures(incidents((0, 0, 27, 3), (0, 1, 29, 2)))
    day = exact_day(cells, given, 0, 1)
    assert one(cells, day.amounts, "failed") == HOUR / EVERY_S
    assert one(cells, day.amounts, "fallback_completed", "second") == 2 * HOUR / EVERY_S
    library = build_library(cells, given)
    assert library.month_sums()[0, 0, cells.layout.at("second", "input_tokens")] == 100 * 2 * HOUR / EVERY_S
    first, second = library.hazard_sums()
    assert [first.failed, second.failed] == pytest.approx([0.6 * HOUR / EVERY_S, 0.4 * HOUR / EVERY_S])


def test_an_incident_over_midnight_falls_on_both_days() -> None:
    cells = cells_of(ONE)
    given = futures(incidents((0, 0, 22, 5)), OUTAGES[:1], deployments=1)
    lost = [float(one(cells, exact_day(cells, given, 0, day).amounts, "failed")) for day in range(3)]
    assert lost == [2 * HOUR / EVERY_S, 3 * HOUR / EVERY_S, 0]
    library = build_library(cells, given)
    assert [float(one(cells, library.on_day(0, day), "failed")) for day in range(3)] == pytest.approx(lost)


def test_a_lost_replica_is_not_paid_until_it_is_repaired() -> None:
    """Two replicas and no room for a third: one is gone for three hours, and paid again from when it starts."""
    cells = cells_of(POOL)
    given = futures(incidents((0, 0, 10, 3)), LOSS, deployments=1)
    paid = one(cells, exact_day(cells, given, 0, 0).amounts, "paid_gpu_hours", "own")
    assert paid == pytest.approx(48.0 - 3.0, abs=0.02)
    library = build_library(cells, given)
    assert one(cells, library.month_sums()[0, 0], "paid_gpu_hours", "own") == pytest.approx(paid - 48.0, abs=1e-9)
    assert one(cells, library.month_sums()[0, 0], "ready_replica_s", "own") < -3 * HOUR


def test_want_of_machines_is_felt_where_one_would_start() -> None:
    hazards = (Hazard("no_capacity", "own", (0,)),)
    given = futures(incidents((0, 0, 34, 4), (0, 0, 60, 3)), hazards, deployments=1)
    fixed, scaled = cells_of(POOL), cells_of(SCALED, day_trace(rows=2500))
    library = build_library(fixed, given)
    assert fixed.replayed == len(library.amounts) == 2 and not library.amounts.any()
    felt = build_library(scaled, given)
    assert scaled.replayed > 2 and one(scaled, felt.month_sums()[0, 0], "paid_gpu_hours", "own") < 0
    assert one(scaled, felt.month_sums()[0, 0], "ready_replica_s", "own") < 0


def test_demand_steps_and_prompts_of_the_day() -> None:
    cells = cells_of(POOL, day_trace(rows=1500))
    plain = exact_day(cells, futures(incidents(), LOSS, deployments=1), 0, 3).amounts
    changed = futures(incidents(), LOSS, deployments=1)
    level = changed.level.copy()
    level[0, 3] = 1.5
    changed = replace(changed, level=level, prompt=np.full((1, 1), 2.0), step=np.full((1, 1), 1.3))
    found = exact_day(cells, changed, 0, 3).amounts
    assert one(cells, found, "requests") == pytest.approx(1.5 * one(cells, plain, "requests"), rel=0.05)
    assert one(cells, found, "input_tokens", "own") == pytest.approx(3.0 * one(cells, plain, "input_tokens", "own"), rel=0.08)
    assert one(cells, found, "busy_gpu_hours", "own") > 1.3 * 1.5 * one(cells, plain, "busy_gpu_hours", "own")


def test_days_of_a_longer_trace_are_averaged() -> None:
    trace = day_trace(rows=600, days=3)
    cells = cells_of(POOL, trace)
    day = exact_day(cells, futures(incidents(), LOSS, deployments=1), 0, 5)
    assert one(cells, day.amounts, "requests") == pytest.approx(trace.info.rows / 3)


def test_joined_days_follow_the_trace_and_have_luck_of_their_own() -> None:
    trace = day_trace(rows=600, days=3)
    cells = cells_of(POOL, trace)
    piece = joined_days(cells.traffic, cells.plan, [1.0, 1.0, 1.0, 1.0], 10, 1, 900.0)
    arrival = np.concatenate([chunk.arrival_s for chunk in piece.chunks()])
    numbers = np.concatenate([chunk.first_row + np.arange(len(chunk)) for chunk in piece.chunks()])
    assert (np.diff(arrival) >= 0).all() and piece.info.duration_s == 900.0 + 4 * DAY
    own = np.concatenate([chunk.arrival_s for chunk in trace.chunks()])
    expected = [own[(own >= day * DAY) & (own < (day + 1) * DAY)] % DAY for day in (1, 2, 0, 1)]
    counted = arrival[arrival >= 900.0] - 900.0
    assert [np.count_nonzero(counted // DAY == day) for day in range(4)] == [len(each) for each in expected]
    assert counted == pytest.approx(np.concatenate([each + day * DAY for day, each in enumerate(expected)]), abs=1e-5)
    assert len(set(numbers.tolist())) == len(numbers) == piece.info.rows


def test_joined_days_of_what_is_read_in_parts_are_numbered_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sim.futures.windows.LEAST_WINDOWS_S", 6 * 3600.0)
    trace = day_trace(rows=1000, days=3, session_id=[f"s{k % 50}" for k in range(1000)])
    resolved = resolved_for(POOL)
    plan = plan_windows(trace, resolved, budget_rows=100)
    cells = Cells(resolved, trace, catalog=CATALOG, book=BOOK, plan=plan)
    assert not plan.contiguous
    piece = joined_days(cells.traffic, plan, [1.0, 1.0, 1.0, 1.0], 0, 0, 900.0)
    numbers = np.concatenate([chunk.first_row + np.arange(len(chunk)) for chunk in piece.chunks()])
    assert len(set(numbers.tolist())) == len(numbers) > 1000
    days = [set(part.session_id.tolist()) for part in piece.parts]
    assert len(set.union(*days)) == sum(map(len, days))


def months_of(source: Source, given: Draws) -> Any:
    return month_amounts([source], given.calendar, slice(None))


def test_months_are_replayed_in_full() -> None:
    cells = cells_of(ONE)
    rows = ((0, 0, 22, 5), (0, 0, 30 * 24 - 1, 2), (1, 0, 40 * 24, 1))
    given = futures(incidents(*rows), OUTAGES[:1], deployments=1, futures=2, months=2)
    seen: list[tuple[int, int]] = []
    source = exact_months(cells, given, progress=lambda *said: seen.append(said))
    months = months_of(source, given)
    assert one(cells, months, "requests") == pytest.approx(np.array([[30 * 1440.0, 31 * 1440.0]] * 2))
    assert one(cells, months, "failed") == pytest.approx(np.array([[5 * 60 + 60, 60], [0, 60]]))
    assert (source.plain @ source.histogram[:, 0].sum(axis=1)).reshape(2, 2) == pytest.approx(one(cells, months, "completed"))
    assert seen == [(k, 4) for k in range(1, 5)]
    two = exact_months(cells, given, workers=2)
    assert all(np.array_equal(getattr(source, name), getattr(two, name)) for name in ("amounts", "histogram", "blocks", "weight"))


def test_blocks_are_those_of_the_day() -> None:
    cells = cells_of(ONE)
    given = futures(incidents((0, 0, 50, 3)), OUTAGES[:1], deployments=1)
    source = exact_months(cells, given)
    held, completed = source.blocks[0, :, 0], source.blocks[0, :, 1]
    assert held == pytest.approx(np.full(144, 10.0))
    lost = (held - completed) * 30
    assert lost[12:30] == pytest.approx(np.full(18, 10.0)) and lost.sum() == pytest.approx(180.0)


def test_days_of_a_month_are_priced_by_their_demand() -> None:
    cells = cells_of(ONE)
    given = futures(incidents(), OUTAGES[:1], deployments=1)
    level = given.level.copy()
    level[0, 3] = 3.0
    given = replace(given, level=level)
    source = exact_months(cells, given)
    price = np.zeros((1, 30))
    price[0, 3] = 1.0
    tokens = cells.layout.at("first", "input_tokens")
    assert month_amounts([source], given.calendar, tokens)[0, 0] == pytest.approx(100 * 1440 * 32, rel=0.01)
    assert month_amounts([source], given.calendar, tokens, price)[0, 0] == pytest.approx(100 * 1440 * 3, rel=0.01)


def test_stretches_break_where_rules_change_and_where_they_are_long(monkeypatch: pytest.MonkeyPatch) -> None:
    cells = cells_of(ONE)
    given = futures(incidents((0, 0, 9 * 24 - 1, 2)), OUTAGES[:1], deployments=1, months=2)
    given = replace(given, limits_from=np.full((1, 1), 9), limits_factor=np.full(1, 0.5))
    found = stretches(cells, given, given.incidents)
    assert [(each.first, each.last) for each in found] == [(0, 9), (9, 30), (30, 61)]
    assert [each.state.tightened for each in found] == [(), ((0, 0.5),), ((0, 0.5),)]
    warm_s = cells.plan.windows[0].warm_up_s
    assert [each.lead_s for each in found] == [warm_s, HOUR + warm_s, warm_s]
    monkeypatch.setattr(exact, "_MOST_ROWS", 1440.0 * 12)
    parts = stretches(cells, given, given.incidents)
    assert [(each.first, each.last) for each in parts] == [(0, 9), (9, 21), (21, 30), (30, 42), (42, 54), (54, 61)]
    assert [each.lead_s for each in parts] == [warm_s, HOUR + warm_s, DAY, warm_s, DAY, DAY]


def test_parts_of_a_month_add_up(monkeypatch: pytest.MonkeyPatch) -> None:
    cells = cells_of(POOL, day_trace(rows=100))
    given = futures(incidents((0, 0, 200, 3)), LOSS, deployments=1)
    whole = months_of(exact_months(cells, given), given)
    monkeypatch.setattr(exact, "_MOST_ROWS", 1000.0)
    assert months_of(exact_months(cells, given), given) == pytest.approx(whole, rel=2e-3, abs=1.0)


def outages(n: int, seed: int = 5, spread: int = 6) -> Incidents:
    """Outages of an hour or two in some futures, far enough from each other that the first hazard never overlaps itself."""
    random = np.random.default_rng(seed)
    rows = [(i % spread, 0, 12.0 + (i // spread) * 60 + random.uniform(0, 40), float(random.lognormal(0.2, 0.6))) for i in range(n)]
    return incidents(*sorted(rows))


def predicted(cells: Cells, given: Draws) -> Callable[[int, int], Any]:
    """What a forecast without spread in demand says of a day."""
    curve, library = cells.curve(NORMAL, 1.0, 1.0), build_library(cells, given, per_type=12)
    return lambda future, day: curve.amounts[0] + library.on_day(future, day)


def test_library_and_exact_months_agree_within_the_error_it_reports() -> None:
    cells = cells_of(TWO)
    given = futures(outages(60), futures=6)
    library = build_library(cells, given, per_type=12)
    assert len(library.amounts) == 12 and len(library.episodes) == 60
    months = months_of(exact_months(cells, given), given)
    plain = one(cells, cells.curve(NORMAL, 1.0, 1.0).amounts[0], "input_tokens", "second") * 30
    said = one(cells, library.month_sums()[:, 0], "input_tokens", "second")
    true = one(cells, months[:, 0], "input_tokens", "second") - plain
    usd = np.zeros(len(cells.layout))
    usd[cells.layout.at("second", "input_tokens")] = 1.0
    (error,) = library.self_error(usd)
    assert 0 < error.cost_rms < 0.3
    # Ten incidents to a month: independent errors of each would cancel by a factor of three.
    assert abs(said.sum() / true.sum() - 1) < error.cost_rms
    assert np.sqrt(np.mean((said - true) ** 2)) / true.mean() < error.cost_rms


def test_accuracy_is_what_predictions_are_off_by() -> None:
    cells = cells_of(ONE)
    given = futures(outages(12, spread=2), OUTAGES[:1], deployments=1, futures=2)
    usd = np.zeros(len(cells.layout))
    usd[cells.layout.at("first", "input_tokens")] = 1e-6
    says = predicted(cells, given)
    seen: list[tuple[int, int]] = []
    right = accuracy(cells, given, says, usd, days=8, seed=1, progress=lambda *said: seen.append(said))
    assert right.days == 8 and seen == [(k, 8) for k in range(1, 9)]
    assert right.usd_rms == pytest.approx(0.0, abs=2e-3) and right.slo_rms == pytest.approx(0.0, abs=2e-3)
    dear = accuracy(cells, given, lambda future, day: says(future, day) * 1.1, usd, days=8, seed=1, workers=2)
    assert dear.usd_bias == pytest.approx(0.1, abs=3e-3) == dear.usd_rms and dear.slo_bias == pytest.approx(0.0, abs=2e-3)
    blind = accuracy(cells, given, lambda _future, _day: cells.curve(NORMAL, 1.0, 1.0).amounts[0], usd, days=8, seed=1)
    assert blind.slo_bias is not None and blind.slo_bias > 0.005


def test_days_are_drawn_from_those_with_and_without_incidents() -> None:
    given = futures(incidents((0, 0, 23, 26), (1, 0, 100, 1)), futures=2)
    days, weight = sample_days(given, given.incidents, 6, 3)
    hit = [place in {(0, 0), (0, 1), (0, 2), (1, 4)} for place in days]
    assert hit == [True] * 3 + [False] * 3
    assert weight.sum() == pytest.approx(1.0) and weight[:3] == pytest.approx(4 / 60 / 3)
    assert sample_days(given, given.incidents, 6, 3)[0] == days != sample_days(given, given.incidents, 6, 4)[0]
    none, weight = sample_days(futures(incidents(), futures=2), incidents(), 6, 3)
    assert len(none) == 6 and weight == pytest.approx(1 / 6)
    every = futures(incidents((0, 0, 0, 24 * 30)))
    all_hit, _ = sample_days(every, every.incidents, 6, 3)
    assert len(set(all_hit)) == 6
