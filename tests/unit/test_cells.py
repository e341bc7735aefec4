"""Mean days at levels of demand: equal to a plain replay where nothing differs, the same on any number of workers, kept and found again."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sim.catalog.catalog import Catalog
from sim.catalog.price_book import PriceBook
from sim.cost.from_stack import stack_prices
from sim.engine.assemble import assemble
from sim.engine.run import simulate
from sim.engine.system import Event, Pool
from sim.errors import InputError
from sim.futures.calendar import Calendar
from sim.futures.cell_store import CellStore, key_of
from sim.futures.cells import Cells
from sim.futures.curve import COST_TOLERANCE, SHARE_TOLERANCE, Curve
from sim.futures.levels import steps_over
from sim.futures.rule_state import NORMAL, RuleState
from sim.futures.usage import ALL, SLO_ITEMS
from sim.futures.usage_of import usage_of
from sim.futures.windows import plan_windows
from sim.trace.trace import Trace
from tests.made.days import API, POOL, SCALED, day_trace, resolved_for

CATALOG = Catalog.load()
BOOK = PriceBook(CATALOG.date)
PLANNED = POOL.replace(
    "replicas: 1", "replicas: {min: 0, max: 4}\n    autoscaler: {law: plan, steps: [{at: 0, replicas: 1}, {at: 40 d, replicas: 3}]}"
)


@pytest.fixture(scope="module")
def trace() -> Trace:
    return day_trace(rows=2500)


def cells_of(trace: Trace, text: str, *, warm_up_s: float | None = None, budget_rows: int = 300_000, **more: Any) -> Cells:
    resolved = resolved_for(text)
    plan = plan_windows(trace, resolved, warm_up_s=warm_up_s, budget_rows=budget_rows)
    return Cells(resolved, trace, catalog=CATALOG, book=BOOK, plan=plan, **more)


def total(cells: Cells, curve: Curve, item: str, deployment: str = ALL) -> Any:
    return curve.amounts[:, cells.layout.at(deployment, item)]


def same(one: Any, other: Any) -> bool:
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in ("levels", "amounts", "histogram", "blocks"))


def test_without_a_warm_up_the_mean_day_is_a_plain_replay(trace: Trace) -> None:
    cells = cells_of(trace, SCALED, warm_up_s=0.0)
    curve = cells.curve(NORMAL, 1.0, 1.0)
    resolved = resolved_for(SCALED)
    result = simulate(assemble(resolved, trace.classes), trace, log=True, timeline_s=0.0)
    usage, _ = usage_of(result, assemble(resolved, trace.classes), stack_prices(resolved), cells.layout)
    assert curve.levels.tolist() == [1.0]
    assert np.array_equal(curve.amounts[0], usage.amounts) and np.array_equal(curve.histogram[0], usage.histogram)
    assert curve.blocks[0].sum(axis=0) == pytest.approx(usage.amounts[[cells.layout.at(ALL, item) for item in SLO_ITEMS]])


def test_a_mean_day_of_several_is_their_average() -> None:
    trace = day_trace(rows=1500, days=3)
    cells = cells_of(trace, POOL)
    curve = cells.curve(NORMAL, 1.0, 1.0)
    assert total(cells, curve, "requests")[0] == pytest.approx(trace.info.rows / 3)
    assert total(cells, curve, "paid_gpu_hours", "own")[0] == pytest.approx(24.0)
    assert curve.blocks.shape == (1, 3 * 144, 6)


def test_amounts_grow_with_the_level(trace: Trace) -> None:
    cells = cells_of(trace, SCALED)
    curve = cells.curve(NORMAL, 0.6, 1.9)
    assert curve.levels[0] <= 0.62 and curve.levels[-1] >= 1.85 and (np.diff(curve.levels) > 0).all()
    assert total(cells, curve, "requests") == pytest.approx(curve.levels * trace.info.rows, rel=0.03)
    assert (np.diff(total(cells, curve, "present_gpu_hours", "own")) > -0.05 * 24).all()
    assert total(cells, curve, "throttled", "spill")[-1] > total(cells, curve, "throttled", "spill")[0]
    assert curve.histogram.sum(axis=2)[:, 0] == pytest.approx(total(cells, curve, "completed_held"))
    assert curve.cost_error >= 0 and "off by up to" in cells.notes[0]


def test_a_curve_is_refined_only_where_it_bends(trace: Trace) -> None:
    flat = cells_of(trace, POOL)  # one replica, nearly idle: the cost never changes, and everybody is served
    straight = flat.curve(NORMAL, 0.7, 1.4)
    assert len(straight.levels) == 2 * len(steps_over(0.7, 1.4)) - 1  # the middles are always looked at
    assert straight.cost_error < COST_TOLERANCE and straight.share_error < SHARE_TOLERANCE
    bent = cells_of(trace, SCALED)
    curve = bent.curve(NORMAL, 0.7, 1.4)
    assert len(curve.levels) > len(straight.levels)
    replayed = flat.replayed
    flat.curve(NORMAL, 0.8, 1.3)
    assert flat.replayed == replayed == len(straight.levels)  # nothing is replayed twice


def test_workers_do_not_matter(trace: Trace) -> None:
    done: list[tuple[int, int]] = []
    one = cells_of(trace, SCALED).curve(NORMAL, 0.8, 1.2)
    two = cells_of(trace, SCALED, workers=2, progress=lambda *said: done.append(said)).curve(NORMAL, 0.8, 1.2)
    assert same(one, two)
    assert [each for each, _ in done] == list(range(1, len(done) + 1)) and done[-1][0] == done[-1][1]


def test_windows_are_the_same_on_any_number_of_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sim.futures.windows.LEAST_WINDOWS_S", 6 * 3600.0)
    trace = day_trace(rows=3000, days=6)
    one = cells_of(trace, POOL, budget_rows=300)
    two = cells_of(trace, POOL, budget_rows=300, workers=2)
    first, second = (each.curve(NORMAL, 1.0, 1.2) for each in (one, two))
    assert same(first, second)
    assert first.blocks.shape[1] == len(one.plan.windows) == one.plan.blocks
    at = int(np.argmin(np.abs(first.levels - 1.0)))
    assert total(one, first, "requests")[at] == pytest.approx(trace.info.rows / 6, rel=0.05)
    assert total(one, first, "paid_gpu_hours", "own") == pytest.approx(24.0)
    assert one.window_se == pytest.approx(0.0, abs=1e-9)  # one replica costs the same whatever is drawn
    assert first.se[at, one.layout.at(ALL, "completed")] >= 0.0


def test_step_times_are_an_axis(trace: Trace) -> None:
    cells = cells_of(trace, POOL)
    curve = cells.curve(NORMAL, 0.8, 1.3)
    axis = cells.axis(NORMAL, "step", [0.5, 1.0, 2.0], 0.8, 1.3)
    assert set(axis.levels) <= set(curve.levels) and axis.values == (0.5, 1.0, 2.0)
    busy = axis.amounts[:, :, cells.layout.at("own", "busy_gpu_hours")]
    assert (busy[:, 0] < 0.7 * busy[:, 1]).all() and (busy[:, 2] > 1.5 * busy[:, 1]).all()
    where = [int(np.flatnonzero(curve.levels == level)[0]) for level in axis.levels]
    assert np.array_equal(axis.amounts[:, 1], curve.amounts[where]) and np.array_equal(axis.blocks[:, 1], curve.blocks[where])


def test_prompt_lengths_are_an_axis(trace: Trace) -> None:
    cells = cells_of(trace, POOL)
    axis = cells.axis(NORMAL, "prompt", [1.0, 1.5], 1.0, 1.0)
    read, written = (axis.amounts[0, :, cells.layout.at("own", f"{kind}_tokens")] for kind in ("input", "output"))
    assert read[1] == pytest.approx(1.5 * read[0], rel=1e-3) and written[1] == written[0]


def test_rules_change_what_an_api_lets_in(trace: Trace) -> None:
    cells = cells_of(trace, API)
    tight = RuleState(tightened=((0, 0.25),))
    throttled = [float(total(cells, cells.curve(state, 1.0, 1.0), "throttled", "api")[0]) for state in (NORMAL, tight)]
    assert 0 < throttled[0] < throttled[1]
    limit = cells.system(tight).deployments[0].limits[0]
    assert limit.limit == 2.0


def test_a_successor_brings_its_own_latency_and_prices(trace: Trace) -> None:
    cells = cells_of(trace, API)
    after = RuleState(successors=((0, "gpt-6.1-sol"),))
    old, new = cells.resolved(NORMAL).deployments[0], cells.resolved(after).deployments[0]
    model = CATALOG.api("gpt-6.1-sol")
    assert new.model.name == "gpt-6.1-sol" and new.prices.api == BOOK.tokens(model).api
    assert (new.tpot_z, new.tpot_ln_s) == model.latency.tpot.points() != (old.tpot_z, old.tpot_ln_s)
    assert [limit for limit in new.limits if limit.unit == "requests"] == [limit for limit in old.limits if limit.unit == "requests"]
    curve = cells.curve(after, 1.0, 1.0)
    assert curve.amounts.shape[1] == len(cells.layout)
    with pytest.raises(InputError):
        cells.curve(RuleState(successors=((0, "gpt-99"),)), 1.0, 1.0)


def test_monthly_caps_are_not_in_what_is_replayed() -> None:
    capped = API.replace("client: none}", "client: none, spend_cap_usd: 5}")
    assert [limit.unit for limit in resolved_for(capped).deployments[0].limits] == ["usd", "requests"]
    cells = cells_of(day_trace(rows=200), capped)
    assert [limit.unit for limit in cells.system(NORMAL).deployments[0].limits] == ["requests"]


def test_a_capacity_plan_is_that_of_the_month() -> None:
    import datetime

    cells = cells_of(day_trace(rows=200), PLANNED, calendar=Calendar(datetime.date(2026, 11, 1), 3))
    counts = []
    for month in range(3):
        pool = cells.system(RuleState(month=month)).deployments[0]
        assert isinstance(pool, Pool) and pool.autoscaler.law == "fixed"
        counts.append(pool.initial_replicas)
    assert cells.planned and not cells_of(day_trace(rows=200), POOL).planned
    assert counts == [1, 3, 3]  # the fourth of a month of 31 days is one replica's, the rest three's
    assert total(cells, cells.curve(RuleState(month=2), 1.0, 1.0), "paid_gpu_hours", "own")[0] == pytest.approx(72.0)


def test_a_piece_with_and_without_an_outage(trace: Trace) -> None:
    cells = cells_of(trace, API)
    from_s, to_s = 50_000.0, 60_000.0
    plain = cells.replay_piece(NORMAL, 1.0, from_s, to_s)
    hit = cells.replay_piece(NORMAL, 1.0, from_s, to_s, [Event(1000.0, "api_outage", 0, 3600.0)])
    requests, completed = cells.layout.at(ALL, "requests"), cells.layout.at(ALL, "completed")
    arrival = np.concatenate([chunk.arrival_s for chunk in trace.chunks()])
    inside = np.count_nonzero((arrival >= from_s) & (arrival < to_s))
    lost = np.count_nonzero((arrival >= from_s + 1000.0) & (arrival < from_s + 4600.0))
    assert plain.amounts[requests] == hit.amounts[requests] == inside
    assert plain.amounts[completed] - hit.amounts[completed] == pytest.approx(lost, abs=3)


def test_pieces_add_up_to_the_day(trace: Trace) -> None:
    cells = cells_of(trace, POOL)
    day = cells.curve(NORMAL, 1.0, 1.0).amounts[0]
    parts = sum(cells.replay_piece(NORMAL, 1.0, hour * 3600.0, (hour + 6) * 3600.0).amounts for hour in (0, 6, 12, 18))
    assert parts == pytest.approx(day, rel=1e-3, abs=1.0)
    around = cells.replay_piece(NORMAL, 1.0, 18 * 3600.0, 30 * 3600.0).amounts
    halves = sum(cells.replay_piece(NORMAL, 1.0, *part).amounts for part in ((64_800.0, 86_400.0), (0.0, 21_600.0)))
    assert around == pytest.approx(halves, rel=1e-3, abs=1.0)


def test_finished_cells_are_found_again(trace: Trace, tmp_path: Path) -> None:
    first = cells_of(trace, SCALED, store=CellStore(tmp_path))
    curve = first.curve(NORMAL, 1.0, 1.2)
    piece = first.replay_piece(NORMAL, 1.0, 0.0, 3600.0)
    again = cells_of(trace, SCALED, store=CellStore(tmp_path))
    assert same(curve, again.curve(NORMAL, 1.0, 1.2))
    assert np.array_equal(piece.amounts, again.replay_piece(NORMAL, 1.0, 0.0, 3600.0).amounts)
    assert again.replayed == 0 < first.replayed
    other = cells_of(trace, SCALED, store=CellStore(tmp_path), seed=1)
    other.curve(NORMAL, 1.0, 1.0)
    assert other.replayed == 1  # another seed is another cell
    changed = cells_of(trace, SCALED.replace("target: 4", "target: 3"), store=CellStore(tmp_path))
    changed.curve(NORMAL, 1.0, 1.0)
    assert changed.replayed == 1


def test_what_cannot_be_read_is_replayed_again(trace: Trace, tmp_path: Path) -> None:
    curve = cells_of(trace, POOL, store=CellStore(tmp_path)).curve(NORMAL, 1.0, 1.0)
    (kept,) = tmp_path.glob("*.npz")
    whole = kept.read_bytes()
    for broken in (b"", b"no archive at all", whole[: len(whole) // 2], whole[:-30]):
        kept.write_bytes(broken)
        again = cells_of(trace, POOL, store=CellStore(tmp_path))
        assert same(curve, again.curve(NORMAL, 1.0, 1.0))
        assert again.replayed == 1 and kept.read_bytes()[:2] == b"PK"
    assert sorted(tmp_path.iterdir()) == [kept]  # and nothing half-written is left


def test_where_nothing_can_be_written_nothing_is_kept(trace: Trace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez_compressed", full)
    for store in (CellStore(tmp_path), CellStore(tmp_path / "not there"), CellStore(None)):
        assert len(cells_of(trace, POOL, store=store).curve(NORMAL, 1.0, 1.0).levels) == 1
    assert list(tmp_path.iterdir()) == []


def test_the_oldest_cells_go_first(tmp_path: Path) -> None:
    store = CellStore(tmp_path, most_bytes=100_000)
    random = np.random.default_rng(1)
    for number in range(40):
        store.put(key_of(number), {"amounts": random.random(1000)})
        path = tmp_path / f"{key_of(number)}.npz"
        os.utime(path, ns=(number * 10**9, number * 10**9))
    (tmp_path / ".half.1.2").write_bytes(bytes(10_000))
    os.utime(tmp_path / ".half.1.2", (1, 1))
    CellStore(tmp_path, most_bytes=100_000).put("last", {"amounts": random.random(1000)})
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 100_000 and not (tmp_path / ".half.1.2").exists()
    assert store.get("last", {"amounts": (1000,)}) is not None
    assert store.get(key_of(0), {"amounts": (1000,)}) is None
    assert store.get("last", {"amounts": (999,)}) is None and store.get("last", {"other": (1000,)}) is None


def test_an_interrupted_run_keeps_what_it_finished(trace: Trace, tmp_path: Path) -> None:
    def stop(done: int, _: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cells_of(trace, POOL, store=CellStore(tmp_path), progress=stop).curve(NORMAL, 0.8, 1.2)
    after = cells_of(trace, POOL, store=CellStore(tmp_path))
    curve = after.curve(NORMAL, 0.8, 1.2)
    assert after.replayed == len(curve.levels) - 2
    assert not [path for path in tmp_path.iterdir() if path.suffix != ".npz"]


def test_levels_too_low_for_a_request_are_empty_days() -> None:
    few = day_trace(rows=3)
    cells = cells_of(few, POOL)
    curve = cells.curve(NORMAL, 0.02, 0.02)
    assert total(cells, curve, "requests")[0] <= 1 and total(cells, curve, "paid_gpu_hours", "own")[0] == pytest.approx(24.0)


def test_levels_of_the_same_few_requests_are_one_level() -> None:
    cells = cells_of(day_trace(rows=3), POOL)
    axis = cells.axis(NORMAL, "prompt", [1.0, 1.5], 0.3, 3.0)
    assert (np.diff(axis.levels) > 0).all() and len(axis.levels) > 1
    assert axis.amounts.shape[:2] == axis.blocks.shape[:2] == (len(axis.levels), 2)
