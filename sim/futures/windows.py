"""How a trace is cut: windows whose weighted sum stands for its mean day.

A trace that is small enough is one window. Of a long one, windows are drawn (sim/futures/window_draw.py): hours, or whole days where
the stack remembers longer than an hour. A trace shorter than a day is repeated over the hours of a day shape. Every window has a
warm-up that is replayed and not counted; the one at the beginning is taken from the last day.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from sim.errors import InputError
from sim.futures.window_draw import BINS_S, Frame, draw_windows
from sim.futures.window_plan import FloatArray, IntArray, Window, WindowPlan
from sim.stack.resolved import ResolvedApi, ResolvedPool, ResolvedStack
from sim.trace.trace import Trace
from sim.units import SECONDS_PER_DAY, SECONDS_PER_HOUR, show_seconds

BLOCK_S = 600.0
"""Blocks of arrival time whose service levels are counted apart."""
BUDGET_ROWS = 300_000
"""A trace of at most so many requests is replayed whole at each level: half a second a replay."""
DAYS_BUDGET = 2.0
"""Times the budget, where days are drawn, of which few fit."""
MOST_ROWS = 1_000_000
"""24 hours are replayed at each level if they have at most so many requests."""
WARM_UP_S = 900.0
LEAST_WINDOWS_S = SECONDS_PER_DAY
"""Windows cover at least so much, below which quantiles of a tail say nothing."""
FLAT_DAY = (1.0,) * 24
_MOST_WARM_UP_S = 6 * SECONDS_PER_HOUR
_SAME = 0.01
_SLOW_START = 2.0
"""Standard deviations above the median that a cold start is allowed for."""


def plan_windows(
    trace: Trace,
    resolved: ResolvedStack,
    *,
    seed: int = 0,
    budget_rows: int = BUDGET_ROWS,
    shape: Sequence[float] | None = None,
    strict: bool = False,
    warm_up_s: float | None = None,
) -> WindowPlan:
    """The windows of a trace for a stack.

    `shape` are 24 numbers of any mean, the demand by hour of the day (from the outlook), which a trace of less than a day is given;
    without them its demand is taken to be the same all day, or with `strict` InputError is raised. More than `budget_rows` requests
    a replay are only taken where 24 hours have more, and never more than MOST_ROWS.
    """
    warm_s = min(_warm_up_s(resolved), _MOST_WARM_UP_S) if warm_up_s is None else warm_up_s
    own_s = trace.info.duration_s
    if own_s <= 0:
        raise InputError("the trace has no duration: no day can be made of requests that all come at once; give it sim.duration_s")
    if own_s < SECONDS_PER_DAY * (1 - _SAME):
        return _of_hours(trace, warm_s, shape, strict=strict, seed=seed)
    nearest = max(1, round(own_s / SECONDS_PER_DAY))
    near = abs(own_s / SECONDS_PER_DAY - nearest) <= _SAME * nearest
    days = nearest if near else math.floor(own_s / SECONDS_PER_DAY)
    if trace.info.rows <= budget_rows:
        return _whole(trace, days * SECONDS_PER_DAY if near else own_s, days, warm_s, seed)
    reasons = remembers(resolved)
    if reasons:
        return _drawn(trace, days, SECONDS_PER_DAY, f"because the stack remembers longer than an hour ({'; '.join(reasons)})", warm_s,
                      budget_rows, seed)  # fmt: skip
    plan = _drawn(trace, days, SECONDS_PER_HOUR, "", warm_s, budget_rows, seed)
    from sim.futures.backlog import outlives  # replays a few windows, which needs the plan they are of

    if not plan.contiguous and outlives(plan, trace, resolved, seed):
        return _drawn(trace, days, SECONDS_PER_DAY, "because what is left undone in a busy hour takes longer than the warm-up of the next",
                      warm_s, budget_rows, seed)  # fmt: skip
    return plan


def _drawn(trace: Trace, days: int, size_s: float, why: str, warm_s: float, budget_rows: float, seed: int) -> WindowPlan:
    """Windows of one size, drawn from the whole days of a trace."""
    period_s = days * SECONDS_PER_DAY
    frame = Frame.of(trace, size_s, period_s)
    budget_rows *= DAYS_BUDGET if size_s == SECONDS_PER_DAY else 1.0
    chosen = draw_windows(frame, budget_rows=budget_rows, most_rows=MOST_ROWS, least_s=LEAST_WINDOWS_S, seed=seed)
    if len(chosen.places) == frame.windows:
        return _whole(trace, period_s, days, warm_s, seed)
    windows = tuple(
        Window(float(start), size_s, warm_s, float(weight), clock_s=float(start % SECONDS_PER_DAY), chance=float(chance))
        for start, weight, chance in zip(chosen.places * size_s, chosen.weights / days, chosen.chances, strict=True)
    )
    count = len(windows)
    what = "days" if size_s == SECONDS_PER_DAY else "hours"
    mode = f"{count} of the {frame.windows} {what} of the trace, the busiest surely and the others by how bursty they are"
    return WindowPlan(
        windows=windows,
        days=days,
        period_s=period_s,
        mode=f"{mode}, {why}" if why else mode,
        contiguous=False,
        block_s=math.inf,
        blocks=count,
        strata=np.zeros(count, np.int64),
        facts=frame.facts[chosen.places],
        known=chosen.known,
        tail_resolved=count * size_s >= LEAST_WINDOWS_S,
        seed=seed,
    )


def remembers(resolved: ResolvedStack) -> tuple[str, ...]:
    """What of a stack outlives an hour, in words: limits of a day or longer, spend caps, batch lanes."""
    found = []
    for each in resolved.deployments:
        if isinstance(each, ResolvedApi):
            if each.lane_of is not None:
                found.append(f"the batch lane of {each.lane_of}")
                continue
            for limit in each.limits:
                if limit.unit == "usd":
                    found.append(f"the spend cap of {each.name}")
                elif limit.window_s >= SECONDS_PER_DAY and limit.law != "concurrency":
                    found.append(f"{each.name}: a limit of {limit.unit.replace('_', ' ')} per {show_seconds(limit.window_s)}")
    return tuple(dict.fromkeys(found))


def _warm_up_s(resolved: ResolvedStack) -> float:
    """The default, or as long as a slow cold start and the time in which a pool is then filled, in whole minutes."""
    longest = 0.0
    for each in resolved.deployments:
        if isinstance(each, ResolvedPool) and each.spec.autoscaler is not None:
            slow = sum(stage.median_s * math.exp(_SLOW_START * stage.sigma) for stage in each.cold_start)
            longest = max(longest, slow + WARM_UP_S / 3)
    return max(WARM_UP_S, math.ceil(longest / 60.0) * 60.0)


def _hour_blocks(start_s: float, length_s: float) -> IntArray:
    middles = start_s + (np.arange(max(1, math.ceil(length_s / BLOCK_S))) + 0.5) * BLOCK_S
    return np.asarray((middles % SECONDS_PER_DAY) // SECONDS_PER_HOUR, np.int64)


def _whole(trace: Trace, length_s: float, whole_days: int, warm_s: float, seed: int) -> WindowPlan:
    days, period_s = length_s / SECONDS_PER_DAY, whole_days * SECONDS_PER_DAY
    strata = _hour_blocks(0.0, length_s)
    notes: tuple[str, ...] = ()
    if length_s != period_s:
        notes = (f"the trace lasts {days:.3g} days: hours that it has once more than others count for more in its mean day",)
    shown = "the whole day" if days == 1 else f"all {days:.4g} days"
    facts = _facts(trace, 1.0)
    return WindowPlan(
        windows=(Window(0.0, length_s, min(warm_s, period_s), 1.0 / days),),
        days=days,
        period_s=period_s,
        mode=f"{shown} of the trace",
        contiguous=True,
        block_s=BLOCK_S,
        blocks=len(strata),
        strata=strata,
        facts=facts,
        known=facts[:, :1],
        tail_resolved=length_s >= LEAST_WINDOWS_S,
        seed=seed,
        notes=notes,
    )


def _of_hours(trace: Trace, warm_s: float, shape: Sequence[float] | None, *, strict: bool, seed: int) -> WindowPlan:
    """A day made of a shorter trace: whole if it is small enough, else a part of every hour."""
    own_s = trace.info.duration_s
    if shape is None and strict:
        raise InputError(
            f"the trace lasts {show_seconds(own_s)}, less than a day, and no demand by hour of the day is given: with --strict nothing "
            "may be assumed; give a trace of a day, or an outlook with a day shape"
        )
    hours = np.asarray(FLAT_DAY if shape is None else shape, np.float64)
    if hours.shape != (24,) or not (hours > 0).all():
        raise InputError(f"a day shape is 24 numbers above 0; found {len(hours)}")
    hours = hours / hours.mean()
    given = tuple(map(float, hours))
    said = "the same at all hours" if shape is None else f"from {min(given):.2f} to {max(given):.2f} times its mean by the hour of the day"
    assumed = (f"the trace lasts {show_seconds(own_s)}: every hour of a day is taken to be like it, with a demand that is {said}",)
    rows_a_day = trace.info.rows * SECONDS_PER_DAY / own_s
    if rows_a_day <= MOST_ROWS:
        strata = _hour_blocks(0.0, SECONDS_PER_DAY)
        facts = _facts(trace, SECONDS_PER_DAY / own_s)
        return WindowPlan(
            windows=(Window(0.0, SECONDS_PER_DAY, warm_s, 1.0),),
            days=own_s / SECONDS_PER_DAY,
            period_s=SECONDS_PER_DAY,
            mode="a day made of the trace, hour by hour",
            contiguous=True,
            block_s=BLOCK_S,
            blocks=len(strata),
            strata=strata,
            facts=facts,
            known=facts[:, :1],
            tail_resolved=True,
            seed=seed,
            shape=given,
            assumed=assumed,
        )
    length_s = min(own_s, max(SECONDS_PER_HOUR * min(1.0, MOST_ROWS / rows_a_day), BINS_S * 10))
    spare_s = own_s - length_s
    starts = spare_s * (np.arange(24) * 7 % 24) / 23
    windows = tuple(
        Window(float(start), length_s, min(warm_s, length_s), SECONDS_PER_HOUR / length_s, level, hour * SECONDS_PER_HOUR, chance=1.0)
        for hour, (start, level) in enumerate(zip(starts, given, strict=True))
    )
    facts = np.repeat(_facts(trace, length_s / own_s), 24, axis=0) * np.where(np.arange(4) == 0, 1.0, hours[:, None])
    mode = f"24 stretches of {show_seconds(length_s)}, one for every hour of a day"
    return WindowPlan(
        windows=windows,
        days=own_s / SECONDS_PER_DAY,
        period_s=own_s,
        mode=mode,
        contiguous=False,
        block_s=math.inf,
        blocks=24,
        strata=np.zeros(24, np.int64),
        facts=facts,
        known=facts[:, :1],
        tail_resolved=24 * length_s >= LEAST_WINDOWS_S,
        seed=seed,
        shape=given,
        assumed=assumed,
    )


def _facts(trace: Trace, part: float) -> FloatArray:
    """[1, 4] of a part of a trace as if it were the same throughout."""
    sums = np.zeros(4)
    sums[0] = trace.info.duration_s / SECONDS_PER_HOUR
    for chunk in trace.chunks():
        sums[1:] += len(chunk), chunk.prompt_tokens.sum(), chunk.output_tokens.sum()
    return sums[None, :] * part
