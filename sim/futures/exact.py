"""Days and months of futures replayed in one go: their demand, rules, step times and prompts, and every incident at its time.

What the forecast adds up from cells and library is compared with whole days, and replaced by whole months with `--exact`. Monthly spend
caps are in neither (sim/futures/ruled.py).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from sim.engine.result import HIST_BUCKETS
from sim.futures.cells import Cells
from sim.futures.combine import Source
from sim.futures.draws import Draws
from sim.futures.episodes import RECOVERY_S, events_between, within
from sim.futures.forecast import Accuracy
from sim.futures.hazard import Incidents
from sim.futures.levels import Traffic
from sim.futures.parallel import in_parallel
from sim.futures.pieces import Piece
from sim.futures.replays import Terms
from sim.futures.rule_state import RuleState
from sim.futures.surfaces import days_in_states, step_factors
from sim.futures.usage import ALL, SLO_ITEMS, Usage
from sim.futures.window_plan import WindowPlan
from sim.futures.windows import BLOCK_S
from sim.sampling import stream
from sim.trace.columns import TraceChunk
from sim.units import SECONDS_PER_DAY, SECONDS_PER_HOUR

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
Progress = Callable[[int, int], None]
Predicted = Callable[[int, int], FloatArray]
"""[I] what the forecast says of (future, day)."""

DAYS = 12
_MOST_LEAD_S = 6 * SECONDS_PER_HOUR
"""Of an incident that began on an earlier day no more than this is replayed before midnight."""
_MOST_TRACE_DAYS = 7
"""Days of the trace that stand for its mean day."""
_MOST_ROWS = 1_500_000.0
"""Requests replayed at a time: about 500 MB."""
_PART_ROWS = 1 << 40
_PART_SESSIONS = 1 << 40
"""Not the bit that laps are told apart by (sim/futures/pieces.py): what is turned twice is as it was."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Days of one future that are replayed in one go: first <= day < last, under one rule state, within one month."""

    future: int
    first: int
    last: int
    state: RuleState
    lead_s: float
    """Before its first midnight, replayed and not counted."""


def exact_day(cells: Cells, draws: Draws, future: int, day: int) -> Usage:
    """One day of one future, the mean over the days of the trace (of a long one, over seven of them)."""
    states, state = days_in_states(draws, cells)
    return _exact_day(cells, draws, within(draws.incidents, draws.calendar.length_s), states[state[future, day]], future, day)


def _exact_day(cells: Cells, draws: Draws, incidents: Incidents, state: RuleState, future: int, day: int) -> Usage:
    stretch = Stretch(future, day, day + 1, state, _lead_s(cells.plan, incidents, future, day))
    days = _days_of(cells.plan)
    chosen = range(days) if days <= _MOST_TRACE_DAYS else np.linspace(0, days, _MOST_TRACE_DAYS, endpoint=False).astype(int).tolist()
    found = [_replayed(cells, draws, incidents, stretch, trace_day)[0] for trace_day in chosen]
    return Usage(
        np.asarray(sum(each.amounts for each in found) / len(found)), np.asarray(sum(each.histogram for each in found) / len(found))
    )


def accuracy(
    cells: Cells, draws: Draws, predicted: Predicted, usd: FloatArray, *, days: int = DAYS, seed: int = 0, workers: int = 1,
    progress: Progress | None = None,
) -> Accuracy:  # fmt: skip
    """How far the forecast is off on some days: half of them with incidents, weighted as often as there are such days.

    `usd` [I] is what an amount costs. No day is replayed where the trace is read in windows (no day of it is the mean day).
    """
    if not cells.plan.contiguous:
        return Accuracy(0, None, None, None, None)
    incidents = within(draws.incidents, draws.calendar.length_s)
    chosen, weight = sample_days(draws, incidents, days, seed)
    states, state = days_in_states(draws, cells)

    def exact(place: tuple[int, int]) -> Usage:
        return _exact_day(cells, draws, incidents, states[state[place]], *place)

    true = np.array([each.amounts for each in in_parallel(exact, chosen, workers, progress)])
    said = np.array([predicted(*place) for place in chosen])
    held, met = (cells.layout.at(ALL, item) for item in ("held", "met"))
    errors: list[float | None] = []
    paid = true @ usd
    counted = (true[:, held] > 0) & (said[:, held] > 0)
    for off, known in (
        ((said @ usd - paid) / np.where(paid > 0, paid, 1.0), paid > 0),
        (said[:, met] / np.maximum(said[:, held], 1e-9) - true[:, met] / np.maximum(true[:, held], 1e-9), counted),
    ):
        part = weight * known
        total = float(part.sum())
        errors += [float(part @ off) / total, math.sqrt(float(part @ off**2) / total)] if total > 0 else [None, None]
    return Accuracy(len(chosen), *errors)


def sample_days(draws: Draws, incidents: Incidents, count: int, seed: int) -> tuple[list[tuple[int, int]], FloatArray]:
    """(future, day) of days drawn at random, half of them with incidents where there are such, and the weight of each; weights sum to 1."""
    hit = _days_with(incidents, draws.level.shape).ravel()
    generator = stream(seed, "exact days")
    strata = [np.flatnonzero(hit), np.flatnonzero(~hit)]
    sizes = [min(count // 2, len(strata[0])), 0]
    sizes[1] = min(count - sizes[0], len(strata[1]))
    sizes[0] = min(count - sizes[1], len(strata[0]))
    chosen, weights = [], []
    for each, size in zip(strata, sizes, strict=True):
        if not size:
            continue
        picked = np.sort(generator.choice(each, size, replace=False))
        chosen += [(int(place) // draws.level.shape[1], int(place) % draws.level.shape[1]) for place in picked]
        weights += [len(each) / size] * size
    return chosen, np.array(weights) / max(sum(weights), 1.0)


def _days_with(incidents: Incidents, shape: tuple[int, int]) -> BoolArray:
    """[F, T] days on which an incident lasts."""
    begin = (incidents.start_s // SECONDS_PER_DAY).astype(np.int64)
    end = ((incidents.start_s + incidents.duration_s) // SECONDS_PER_DAY).astype(np.int64)
    change = np.zeros((shape[0], shape[1] + 1), np.int64)
    np.add.at(change, (incidents.future, np.clip(begin, 0, shape[1])), 1)
    np.add.at(change, (incidents.future, np.clip(end + 1, 0, shape[1])), -1)
    return np.asarray(change.cumsum(axis=1)[:, :-1] > 0)


def exact_months(cells: Cells, draws: Draws, *, workers: int = 1, progress: Progress | None = None) -> Source:
    """Every month of every future in full, day after day; state is carried on within a month as long as the rules are the same.

    A source whose nodes are the stretches that were replayed, so that months are summed and priced like those made of cells. Days of a
    stretch share its amounts by their demand. A month of more than 1.5 million requests is replayed in parts, each after a day that is
    replayed and not counted. Results take 70 kB a month and future.
    """
    incidents = within(draws.incidents, draws.calendar.length_s)
    work = stretches(cells, draws, incidents)
    node = np.zeros((*draws.level.shape, 1), np.int64)
    weight = np.zeros((*draws.level.shape, 1))
    amounts = np.zeros((len(work), len(cells.layout)))
    histogram = np.zeros((len(work), 3, HIST_BUCKETS))
    blocks = np.zeros((len(work), cells.plan.blocks, len(SLO_ITEMS)))

    def replay(stretch: Stretch) -> tuple[Usage, FloatArray]:
        return _replayed(cells, draws, incidents, stretch, stretch.first)

    for number, (stretch, (usage, table)) in enumerate(zip(work, in_parallel(replay, work, workers, progress), strict=True)):
        days = slice(stretch.first, stretch.last)
        count = stretch.last - stretch.first
        level = draws.level[stretch.future, days]
        node[stretch.future, days, 0], weight[stretch.future, days, 0] = number, level / level.mean()
        amounts[number], histogram[number] = usage.amounts / count, usage.histogram / count
        blocks[number] = _by_block_of_the_day(table, cells.plan, stretch.first) / count
    return Source(draws.calendar, amounts, histogram, blocks, node, weight)


def _by_block_of_the_day(table: FloatArray, plan: WindowPlan, turn: int) -> FloatArray:
    """[NB, 6] from [blocks of the stretch, 6]: summed by block of the trace it came from; evenly where the plan's are of windows."""
    a_day = round(SECONDS_PER_DAY / BLOCK_S)
    if not plan.contiguous or plan.blocks != a_day * _days_of(plan):
        return np.repeat(table.sum(axis=0)[None, :] / plan.blocks, plan.blocks, axis=0)
    found = np.zeros((plan.blocks, table.shape[1]))
    np.add.at(found, (turn * a_day + np.arange(len(table))) % plan.blocks, table)
    return found


def stretches(cells: Cells, draws: Draws, incidents: Incidents) -> list[Stretch]:
    """All days of all futures in stretches, in order of (future, day)."""
    states, state = days_in_states(draws, cells)
    month = draws.calendar.month_of_day
    day_rows = sum(window.weight * float(rows) for window, rows in zip(cells.plan.windows, cells.plan.facts[:, 1], strict=True))
    found = []
    for future in range(draws.futures):
        first, rows = 0, 0.0
        split = False
        for day in range(len(month)):
            rows += day_rows * draws.level[future, day]
            last = day + 1
            changes = last == len(month) or month[last] != month[day] or state[future, last] != state[future, day]
            if not changes and rows < _MOST_ROWS:
                continue
            lead_s = SECONDS_PER_DAY if split else _lead_s(cells.plan, incidents, future, first)
            found.append(Stretch(future, first, last, states[state[future, first]], lead_s))
            first, rows, split = last, 0.0, not changes
    return found


def _lead_s(plan: WindowPlan, incidents: Incidents, future: int, day: int) -> float:
    """The warm-up, or from before an incident that lasts at midnight or has not been recovered from."""
    warm_s = plan.windows[0].warm_up_s
    midnight_s = day * SECONDS_PER_DAY
    own = _of_future(incidents, future)
    start = incidents.start_s[own]
    felt = (start < midnight_s) & (start + incidents.duration_s[own] + RECOVERY_S > midnight_s)
    if not felt.any():
        return warm_s
    return max(warm_s, min(midnight_s - float(start[felt].min()) + warm_s, _MOST_LEAD_S))


def _of_future(incidents: Incidents, future: int) -> npt.NDArray[np.int64]:
    first, last = np.searchsorted(incidents.future, (future, future + 1))
    return np.arange(first, last)


def _replayed(cells: Cells, draws: Draws, incidents: Incidents, stretch: Stretch, turn: int) -> tuple[Usage, FloatArray]:
    """A stretch in one go, and its SLO_ITEMS by block of ten minutes; it begins with day `turn` of the trace, which goes round."""
    from_s, to_s = stretch.first * SECONDS_PER_DAY, stretch.last * SECONDS_PER_DAY
    lead_s = stretch.lead_s
    events = events_between(incidents, _of_future(incidents, stretch.future), draws.hazards, from_s - lead_s, to_s)
    terms = Terms(
        stretch.state,
        tuple(replace(event, at_s=event.at_s - lead_s) for event in events),
        float(step_factors(draws, cells)[stretch.future]),
        float(draws.prompt[stretch.future, draws.calendar.month_of_day[stretch.first]]),
    )
    levels = draws.level[stretch.future, stretch.first : stretch.last].tolist()
    piece = joined_days(cells.traffic, cells.plan, levels, stretch.first, turn, lead_s)
    blocks = round((to_s - from_s) / BLOCK_S)
    return cells.replays.replay(piece, terms, warm_s=lead_s, clock_s=0.0, block_s=BLOCK_S, blocks=blocks)


def _days_of(plan: WindowPlan) -> int:
    return max(1, round(plan.period_s / SECONDS_PER_DAY))


def joined_days(traffic: Traffic, plan: WindowPlan, levels: Sequence[float], lap: int, turn: int, lead_s: float) -> Piece:
    """Days of the trace, from day `turn` of it on and each at its level, joined, with `lead_s` seconds before.

    `lap` numbers the first of them, so that a day that comes again later has luck of its own. A trace of less than a day, not yet made
    into one, goes round at the demand of each hour.
    """
    parts, at_s = [], lead_s
    for number, level in enumerate(levels):
        before_s = lead_s if number == 0 else 0.0
        if plan.period_s < SECONDS_PER_DAY and not plan.contiguous:
            for hour in range(24):
                second = hour * SECONDS_PER_HOUR
                begin, early_s = (lap + number) * SECONDS_PER_DAY + second, before_s if hour == 0 else 0.0
                piece = traffic.piece(begin - early_s, begin + SECONDS_PER_HOUR, level * plan.level_at(second))
                parts.append((at_s + second - early_s, piece))
        else:
            begin = (lap + number) * plan.period_s + (turn + number) % _days_of(plan) * SECONDS_PER_DAY
            parts.append((at_s - before_s, traffic.piece(begin - before_s, begin + SECONDS_PER_DAY, level)))
        at_s += SECONDS_PER_DAY
    # What is read in parts is numbered from the start every time; laps of what is held are numbered apart already.
    chunks = tuple(
        _moved(chunk, shift, 0 if plan.contiguous else number) for number, (shift, piece) in enumerate(parts) for chunk in piece.parts
    )
    first = parts[0][1]
    return replace(first, info=replace(first.info, duration_s=at_s, rows=sum(map(len, chunks))), parts=chunks)


def _moved(chunk: TraceChunk, shift_s: float, number: int) -> TraceChunk:
    """Requests so much later, their rows and sessions numbered apart from those of other numbers."""
    chunk = replace(chunk, arrival_s=chunk.arrival_s + shift_s, first_row=chunk.first_row + number * _PART_ROWS)
    own = chunk.session_id
    return replace(chunk, session_id=np.where(own >= 0, own ^ np.int64(number * _PART_SESSIONS), own)) if number else chunk
