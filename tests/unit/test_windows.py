"""How a trace is cut: what is replayed whole, what is drawn, what is assumed, and in which words it is said."""

from __future__ import annotations

import numpy as np
import pytest

from sim.errors import InputError
from sim.futures.cells import Cells
from sim.futures.levels import Traffic, level_of, steps_over
from sim.futures.pieces import Held, cut
from sim.futures.rule_state import NORMAL
from sim.futures.window_plan import WindowPlan
from sim.futures.windows import plan_windows, remembers
from sim.trace.trace import Trace
from tests.made.days import API, DAY_S, POOL, SCALED, day_trace, resolved_for

DAILY = API.replace("window_s: 60", "window_s: 86400")


def covered_s(plan: WindowPlan) -> float:
    return sum(window.weight * window.length_s for window in plan.windows)


def test_a_small_trace_is_one_window() -> None:
    plan = plan_windows(day_trace(days=3), resolved_for(POOL))
    (window,) = plan.windows
    assert (window.start_s, window.length_s, window.weight, window.warm_up_s) == (0.0, 3 * DAY_S, pytest.approx(1 / 3), 900.0)
    assert plan.contiguous and plan.tail_resolved and plan.mode == "all 3 days of the trace" and not plan.notes
    assert plan.blocks == 3 * 144
    assert list(plan.strata[:12]) == [0] * 6 + [1] * 6
    assert plan.strata[144] == 0 and plan.strata[143] == 23


@pytest.mark.parametrize(("days", "length_days", "noted"), [(0.995, 1.0, False), (2.01, 2.0, False), (1.5, 1.5, True)])
def test_nearly_whole_days_count_as_whole(days: float, length_days: float, noted: bool) -> None:
    plan = plan_windows(day_trace(days=days), resolved_for(POOL))
    assert plan.windows[0].length_s == length_days * DAY_S
    assert plan.days == length_days
    assert covered_s(plan) == pytest.approx(DAY_S)
    assert bool(plan.notes) is noted


def test_a_warm_up_lasts_as_long_as_a_slow_cold_start() -> None:
    scaled = resolved_for(SCALED)
    assert plan_windows(day_trace(), resolved_for(POOL)).windows[0].warm_up_s == 900.0
    assert plan_windows(day_trace(), scaled).windows[0].warm_up_s >= sum(s.median_s for s in scaled.deployments[0].cold_start)


def test_less_than_a_day_becomes_a_day_of_a_shape() -> None:
    part = Trace.from_arrays(
        arrival_s=np.linspace(0.0, 7199.0, 1200), prompt_tokens=np.full(1200, 500), output_tokens=np.full(1200, 50),
        metadata={"sim.duration_s": "7200"},
    )  # fmt: skip
    shape = [0.5] * 12 + [1.5] * 12
    plan = plan_windows(part, resolved_for(POOL), shape=shape, strict=True)
    assert plan.shape == tuple(shape)
    assert "less" not in plan.mode and plan.mode == "a day made of the trace, hour by hour"
    assert plan.assumed == (
        "the trace lasts 2.00 h: every hour of a day is taken to be like it, with a demand that is from 0.50 to 1.50 times its mean by the "
        "hour of the day",
    )
    piece = Traffic(part, plan, 1).window(plan.windows[0], 1.0)
    arrival = np.concatenate([chunk.arrival_s for chunk in piece.chunks()]) - plan.windows[0].warm_up_s
    hourly = np.bincount((arrival[arrival >= 0] // 3600).astype(int), minlength=24)
    # Poisson counts of 300 and 900: six standard deviations.
    assert np.abs(hourly[:12] - 300).max() < 6 * 300**0.5
    assert np.abs(hourly[12:] - 900).max() < 6 * 900**0.5


def test_a_day_that_is_made_up_is_assumed_and_strict_refuses_it() -> None:
    short = day_trace(rows=100, days=0.5)
    flat = plan_windows(short, resolved_for(POOL))
    assert "the same at all hours" in flat.assumed[0]
    with pytest.raises(InputError, match=r"less than a day.*--strict"):
        plan_windows(short, resolved_for(POOL), strict=True)
    with pytest.raises(InputError, match="24 numbers"):
        plan_windows(short, resolved_for(POOL), shape=[1.0, 2.0])


def test_a_trace_without_duration_makes_no_day() -> None:
    at_once = Trace.from_arrays(arrival_s=[0.0, 0.0], prompt_tokens=[5, 5], output_tokens=[5, 5])
    with pytest.raises(InputError, match="no duration"):
        plan_windows(at_once, resolved_for(POOL))


def test_hours_of_a_long_trace() -> None:
    trace = day_trace(rows=6000, days=10)
    plan = plan_windows(trace, resolved_for(POOL), budget_rows=2000)
    assert not plan.contiguous and plan.mode.startswith(f"{len(plan.windows)} of the 240 hours of the trace, the busiest surely")
    assert 24 <= len(plan.windows) < 240
    assert plan.tail_resolved and plan.blocks == len(plan.windows) == len(plan.strata)
    assert covered_s(plan) == pytest.approx(DAY_S)
    weights = np.array([window.weight for window in plan.windows])
    assert weights @ plan.facts[:, 1] == pytest.approx(trace.info.rows / 10)
    assert sum(window.chance == 1.0 for window in plan.windows) >= 2
    assert plan.rows <= 2.5 * 2000
    again = plan_windows(trace, resolved_for(POOL), budget_rows=2000)
    assert again.windows == plan.windows
    assert plan_windows(trace, resolved_for(POOL), budget_rows=2000, seed=5).windows != plan.windows


def test_a_stack_that_remembers_is_replayed_in_days() -> None:
    trace = day_trace(rows=6000, days=10)
    daily = resolved_for(DAILY)
    assert remembers(daily) == ("api: a limit of requests per 24.0 h",)
    plan = plan_windows(trace, daily, budget_rows=2000)
    assert {window.length_s for window in plan.windows} == {DAY_S}
    assert "days of the trace" in plan.mode and "because the stack remembers longer than an hour (api: a limit of requests per" in plan.mode
    assert covered_s(plan) == pytest.approx(DAY_S)
    assert remembers(resolved_for(POOL)) == ()


def test_a_backlog_that_outlives_an_hour_asks_for_days() -> None:
    slow = POOL.replace("c_ms: 4,", "c_ms: 400,").replace("client: none", "max_num_seqs: 1\n    client: none")
    plan = plan_windows(day_trace(rows=6000, days=10), resolved_for(slow), budget_rows=2000)
    assert "because what is left undone in a busy hour" in plan.mode
    assert {window.length_s for window in plan.windows} == {DAY_S}


def test_a_window_of_a_long_trace_is_what_was_there() -> None:
    trace = day_trace(rows=6000, days=10)
    plan = plan_windows(trace, resolved_for(POOL), budget_rows=2000)
    arrival = np.concatenate([chunk.arrival_s for chunk in trace.chunks()])
    traffic = Traffic(trace, plan, 1)
    for window in plan.windows[:5]:
        piece = traffic.window(window, 1.0)
        inside = arrival[(arrival >= window.start_s) & (arrival < window.start_s + window.length_s)]
        seen = np.concatenate([chunk.arrival_s for chunk in piece.chunks()])
        assert seen[seen >= window.warm_up_s] - window.warm_up_s == pytest.approx(inside - window.start_s, abs=1e-6)
        assert piece.info.duration_s == window.warm_up_s + window.length_s


def test_the_clock_goes_round() -> None:
    held = Held.of(Trace.from_arrays(
        arrival_s=[0.0, 40.0, 90.0], prompt_tokens=[1, 2, 3], output_tokens=[1, 1, 1], session_id=[7, 7, 8],
        metadata={"sim.duration_s": "100"},
    ))  # fmt: skip
    around = cut(held, -20.0, 100.0, 100.0)
    assert [list(chunk.arrival_s) for chunk in around.chunks()] == [[10.0], [20.0, 60.0, 110.0]]
    assert [list(chunk.session_id) for chunk in around.chunks()][1] == [7, 7, 8]
    warm = next(iter(around.chunks()))
    assert warm.session_id[0] != 8 and warm.first_row != 2
    twice = cut(held, 30.0, 230.0, 100.0)
    assert [list(chunk.arrival_s) for chunk in twice.chunks()] == [[10.0, 60.0], [70.0, 110.0, 160.0], [170.0]]
    assert [chunk.prompt_tokens.tolist() for chunk in around.until(20.0).chunks()] == [[3]]


def test_prompts_grow_to_the_context_and_no_further() -> None:
    held = Held.of(Trace.from_arrays(arrival_s=[0.0, 1.0, 2.0], prompt_tokens=[1, 50, 120], output_tokens=[5, 60, 60],
                                     cached_tokens=[None, 10, 100]))  # fmt: skip
    (longer,) = cut(held, 0.0, 3.0, 3.0).with_prompts(2.0, 150).parts
    assert longer.prompt_tokens.tolist() == [2, 90, 120]  # doubled; what 60 tokens of output leave; beyond it already
    assert longer.cached_tokens.tolist() == [-1, 20, 120]
    (shorter,) = cut(held, 0.0, 3.0, 3.0).with_prompts(0.1, 150).parts
    assert shorter.prompt_tokens.tolist() == [1, 5, 12]


def test_levels_enclose_a_range() -> None:
    assert steps_over(1.0, 1.0) == [0]
    steps = steps_over(0.7, 1.6)
    assert level_of(steps[0]) <= 0.7 and level_of(steps[-1]) >= 1.6
    assert all(step % 4 == 0 for step in steps) and 0 in steps


def test_long_traces_are_read_in_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    trace, resolved = day_trace(rows=3000, days=5), resolved_for(POOL)
    plan = plan_windows(trace, resolved, budget_rows=1000)
    held = [Traffic(trace, plan, 1).window(window, 1.0) for window in plan.windows[:4]]
    monkeypatch.setattr("sim.futures.levels._HELD_ROWS", 10)
    streamed = Traffic(trace, plan, 1)
    for one, window in zip(held, plan.windows[:4], strict=True):
        other = streamed.window(window, 1.0)
        assert [c.arrival_s.tolist() for c in one.chunks()] == [c.arrival_s.tolist() for c in other.chunks()]
        assert [c.prompt_tokens.tolist() for c in one.chunks()] == [c.prompt_tokens.tolist() for c in other.chunks()]


def test_windows_of_an_hourly_piece_when_a_day_of_it_would_be_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sim.futures.windows.MOST_ROWS", 5000)
    hour = Trace.from_arrays(arrival_s=np.linspace(0, 3599, 2000), prompt_tokens=np.full(2000, 100), output_tokens=np.full(2000, 10),
                             metadata={"sim.duration_s": "3600"})  # fmt: skip
    shape = [0.5] * 12 + [1.5] * 12
    plan = plan_windows(hour, resolved_for(POOL), shape=shape)
    assert len(plan.windows) == 24 and not plan.tail_resolved
    assert covered_s(plan) == pytest.approx(DAY_S)
    assert [window.level for window in plan.windows] == shape
    assert np.array([window.weight for window in plan.windows]) @ plan.facts[:, 1] == pytest.approx(48_000)
    assert (plan.level_at(3600.0), plan.level_at(13 * 3600.0)) == (0.5, 1.5)


def test_the_layout_of_cells_does_not_depend_on_the_state() -> None:
    from sim.catalog.catalog import Catalog
    from sim.catalog.price_book import PriceBook

    trace, resolved, catalog = day_trace(rows=50), resolved_for(API), Catalog.load()
    cells = Cells(resolved, trace, catalog=catalog, book=PriceBook(catalog.date), plan=plan_windows(trace, resolved))
    starts = cells.tier_starts(0)
    assert starts[0] == 0 and len(starts) > 1  # gpt-4o has one tier, its successor's rates change with the prompt
    assert cells.system(NORMAL).deployments[0].rates[1].from_prompt_tokens == starts[1]
