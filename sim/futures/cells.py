"""Cells: the mean day of a trace replayed at levels of demand, under the rules that may hold, as Usage.

A curve has the levels at which a state was replayed. It begins with levels a factor of 1.22 apart and is refined down to 1.05 wherever the
straight line between two of them is off in the middle by more than a tolerance; how far off it was is part of the result. Levels are
what the traffic really came to: growth draws requests by chance, so a cell asked for at 1.22 may have 1.2214 times the demand.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from sim.catalog.catalog import Catalog
from sim.catalog.price_book import PriceBook
from sim.cost.from_stack import stack_prices
from sim.engine.result import HIST_BUCKETS
from sim.engine.system import Api, Event, Pool, System
from sim.futures.cell_store import CellStore, key_of, sources_hash
from sim.futures.day_cost import day_cost
from sim.futures.levels import COARSE, Traffic, level_of, steps_over
from sim.futures.pieces import Piece
from sim.futures.rule_state import NORMAL, RuleState
from sim.futures.ruled import follows_a_plan, ruled, system_of
from sim.futures.usage import ALL, SLO_ITEMS, Usage, UsageLayout
from sim.futures.usage_of import usage_of
from sim.futures.windows import BLOCK_S, WindowPlan
from sim.stack.resolved import ResolvedApi, ResolvedPool, ResolvedStack
from sim.trace.trace import Trace
from sim.units import SECONDS_PER_DAY, SECONDS_PER_MONTH

FloatArray = npt.NDArray[np.float64]
Progress = Callable[[int, int], None]

COST_TOLERANCE = 0.005
"""Of the day's cost."""
SHARE_TOLERANCE = 0.005
"""Of the requests held to the latency levels: those within them."""


@dataclass(frozen=True)
class Curve:
    """A state over n levels of demand, all per mean day."""

    levels: FloatArray
    """[n] ascending: demand over that of the trace's mean day."""
    amounts: FloatArray
    """[n, I]."""
    histogram: FloatArray
    """[n, 3, HIST_BUCKETS]."""
    blocks: FloatArray
    """[n, NB, 6] SLO_ITEMS by block."""
    se: FloatArray
    """[n, I] standard errors from the choice of windows."""
    cost_error: float
    """The most that a straight line was off in the middle of two levels that were left as they are, over the day's cost."""
    share_error: float
    """The same of the share of requests within their latency levels."""


@dataclass(frozen=True)
class AxisCurve:
    """The same replays at few levels with step times or prompt lengths times each of k values."""

    levels: FloatArray
    values: tuple[float, ...]
    amounts: FloatArray
    """[n, k, I]."""
    histogram: FloatArray
    """[n, k, 3, HIST_BUCKETS]."""
    blocks: FloatArray
    """[n, k, NB, 6]."""


@dataclass(frozen=True)
class Cell:
    """One replayed mean day, and the demand it came from: requests, prompt tokens and output tokens."""

    amounts: FloatArray
    histogram: FloatArray
    blocks: FloatArray
    se: FloatArray
    demand: FloatArray


@dataclass(frozen=True, slots=True, order=True)
class _Wanted:
    """What a cell is asked for by."""

    step: int
    state: RuleState = NORMAL
    step_time: float = 1.0
    prompt: float = 1.0


class Cells:
    """Replays of one stack and one trace; every cell is replayed once, whoever asks for it."""

    def __init__(
        self,
        resolved: ResolvedStack,
        trace: Trace,
        *,
        catalog: Catalog,
        book: PriceBook,
        plan: WindowPlan,
        seed: int = 0,
        store: CellStore | None = None,
        workers: int = 1,
        progress: Progress | None = None,
        months_s: Sequence[float] = (0.0,),
        successors: Iterable[str | None] = (),
    ) -> None:
        """`months_s` are the seconds of the run at which its months begin; `successors` the API models that states may name."""
        self.plan = plan
        self.replays = 0
        self._resolved, self._catalog, self._book = resolved, catalog, book
        self._seed, self._workers, self._progress = seed, workers, progress
        self._store = store or CellStore(None)
        self._months_s = tuple(months_s)
        self._traffic = Traffic(trace, plan, seed)
        self._sha256 = trace.info.sha256
        self._lock = threading.Lock()
        self._cells: dict[_Wanted, Cell] = {}
        self._ruled: dict[RuleState, ResolvedStack] = {}
        self._planned = self._done = 0
        self._lanes = tuple(d for d, each in enumerate(resolved.deployments) if isinstance(each, ResolvedApi) and each.lane_of is not None)
        self.deployments: tuple[Pool | Api, ...] = self.system(NORMAL).deployments
        self.planned = follows_a_plan(system_of(resolved, NORMAL, ()))
        self.layout = self._layout(sorted({name for name in successors if name is not None}))
        self._sources = sources_hash()

    @property
    def period_s(self) -> float:
        """After which the clock of `replay_piece` starts again."""
        return self.plan.period_s

    def resolved(self, state: RuleState) -> ResolvedStack:
        """The stack under the rules of a state."""
        with self._lock:
            if state not in self._ruled:
                self._ruled[state] = ruled(self._resolved, state, self._catalog, self._book)
            return self._ruled[state]

    def system(self, state: RuleState, classes: Sequence[str] = (), clock_offset_s: float = 0.0) -> System:
        """What the engine runs in a state, for a trace of these classes that begins at a second of the UTC day."""
        return system_of(self.resolved(state), state, classes, clock_offset_s=clock_offset_s, months_s=self._months_s)

    def curve(self, state: RuleState, low: float, high: float) -> Curve:
        """The levels from `low` to `high` in a state, as fine as they have to be. InputError for demand beyond what can be replayed."""
        steps = steps_over(low, high)
        weights = day_cost(self.resolved(state), self.layout)
        cells = dict(zip(steps, self._all([_Wanted(step, state) for step in steps]), strict=True))
        open_, cost_error, share_error = list(pairwise(steps)), 0.0, 0.0
        while open_ := [(a, b) for a, b in open_ if b - a > 1]:
            middles = [(a + b) // 2 for a, b in open_]
            found = self._all([_Wanted(step, state) for step in middles])
            split = []
            for (a, b), middle, cell in zip(open_, middles, found, strict=True):
                cells[middle] = cell
                cost, share = self._off(cells[a], cell, cells[b], weights)
                if cost > COST_TOLERANCE or share > SHARE_TOLERANCE:
                    split += [(a, middle), (middle, b)]
                if b - a <= 3 or not (cost > COST_TOLERANCE or share > SHARE_TOLERANCE):
                    cost_error, share_error = max(cost_error, cost), max(share_error, share)
            open_ = split
        return self._curve(cells, cost_error, share_error)

    def axis(self, state: RuleState, name: Literal["step", "prompt"], values: Sequence[float], low: float, high: float) -> AxisCurve:
        """Step times of all pools, or prompt lengths, times each of some values, at few levels from `low` to `high`."""
        steps = steps_over(low, high, 2 * COARSE)
        wanted = [
            _Wanted(step, state, step_time=value) if name == "step" else _Wanted(step, state, prompt=value)
            for step in steps
            for value in values
        ]
        base = self._all([_Wanted(step, state) for step in steps])
        found = self._all(wanted)

        def stacked(part: str) -> FloatArray:
            each = np.stack([getattr(cell, part) for cell in found])
            return each.reshape(len(steps), len(values), *each.shape[1:])

        levels = np.array([self._level(cell) for cell in base])
        return AxisCurve(levels, tuple(values), stacked("amounts"), stacked("histogram"), stacked("blocks"))

    def replay_piece(
        self,
        state: RuleState,
        level: float,
        from_s: float,
        to_s: float,
        events: Sequence[Event] = (),
        *,
        step_time: float = 1.0,
        prompt: float = 1.0,
        warm_up_s: float | None = None,
    ) -> tuple[Usage, FloatArray]:
        """A stretch of the trace at a level in a state, with scripted events, and its SLO_ITEMS by block of ten minutes.

        Times are seconds on the trace's clock, which starts again after `period_s`; those of events count from `from_s` (0 is the
        beginning of the stretch). Requests that arrive in from_s <= t < to_s are counted, what they cost later included. Levels are best
        taken from the grid (`level_of`): traffic of a few levels is kept in memory. The same arguments give the same numbers.
        """
        warm_s = self.plan.windows[0].warm_up_s if warm_up_s is None else warm_up_s
        blocks = max(1, math.ceil((to_s - from_s) / BLOCK_S - 1e-9))
        shapes = {"amounts": (len(self.layout),), "histogram": (3, HIST_BUCKETS), "blocks": (blocks, len(SLO_ITEMS))}
        asked = (level, from_s, to_s, warm_s, step_time, prompt, tuple(events))
        key = self._key(state, "piece", *asked)
        kept = self._store.get(key, shapes)
        if kept is None:
            piece = self._traffic.piece(from_s - warm_s, to_s, level)
            clock_s = from_s % SECONDS_PER_DAY
            usage, table = self._replay(state, piece, warm_s, clock_s, step_time, prompt, events, BLOCK_S, blocks)
            kept = {"amounts": usage.amounts, "histogram": usage.histogram, "blocks": table}
            self._store.put(key, kept)
        return Usage(kept["amounts"], kept["histogram"]), kept["blocks"]

    def _layout(self, successors: Sequence[str]) -> UsageLayout:
        tiers = [len(self._book.tokens(self._catalog.api(name)).standard.by_input_tokens) for name in successors]
        pools = [each.name for each in self._resolved.deployments if isinstance(each, ResolvedPool)]
        apis = [
            (each.name, max(len(each.rates.by_input_tokens), *tiers, 1))
            for each in self._resolved.deployments
            if isinstance(each, ResolvedApi)
        ]
        return UsageLayout.of(pools, apis)

    def _key(self, state: RuleState, *asked: object) -> str:
        resolved, plan = self.resolved(state), self.plan
        tariffs = [each.prices.by_time if isinstance(each, ResolvedApi) else each.gpu_hour for each in resolved.deployments]
        return key_of(
            self._sources, self._sha256, self.system(state), stack_prices(resolved), tariffs, plan.windows, plan.period_s, plan.shape,
            plan.blocks, self.layout.columns, self._seed, *asked,
        )  # fmt: skip

    def _all(self, wanted: Sequence[_Wanted]) -> list[Cell]:
        """Cells in the order asked for; those that are not there yet are replayed, in order of level, several at a time."""
        missing = sorted({each for each in wanted if each not in self._cells})
        with self._lock:
            self._planned += len(missing)
        for each, cell in zip(missing, self._run(missing), strict=True):
            self._cells[each] = cell
            self._done += 1
            if self._progress is not None:
                self._progress(self._done, self._planned)
        return [self._cells[each] for each in wanted]

    def _run(self, missing: Sequence[_Wanted]) -> Iterable[Cell]:
        if self._workers == 1 or len(missing) < 2:
            return map(self._cell, missing)
        from joblib import Parallel, delayed

        made: Any = Parallel(n_jobs=self._workers, backend="threading", return_as="generator")(
            delayed(self._cell)(each) for each in missing
        )
        return made  # type: ignore[no-any-return]

    def _cell(self, wanted: _Wanted) -> Cell:
        """All windows of the plan, weighted."""
        plan = self.plan
        shapes = {
            "amounts": (len(self.layout),), "histogram": (3, HIST_BUCKETS), "blocks": (plan.blocks, len(SLO_ITEMS)),
            "se": (len(self.layout),), "demand": (3,),
        }  # fmt: skip
        key = self._key(wanted.state, "cell", wanted)
        kept = self._store.get(key, shapes)
        if kept is not None:
            return Cell(**kept)
        cell = self._replay_windows(wanted)
        self._store.put(key, {name: getattr(cell, name) for name in shapes})
        return cell

    def _replay_windows(self, wanted: _Wanted) -> Cell:
        plan = self.plan
        each = plan.blocks if plan.contiguous else 1
        amounts, tables, demand = [], [], np.zeros(3)
        histogram = np.zeros((3, HIST_BUCKETS))
        for window in plan.windows:
            piece = self._traffic.window(window, level_of(wanted.step))
            usage, table = self._replay(
                wanted.state, piece, window.warm_up_s, window.clock_s, wanted.step_time, wanted.prompt, (), plan.block_s, each
            )
            amounts.append(usage.amounts)
            histogram += usage.histogram * window.weight
            tables.append(table * window.weight)
            demand += piece.demand(window.warm_up_s) * window.weight
        by_window = np.stack(amounts)
        weights = np.array([window.weight for window in plan.windows])
        return Cell(weights @ by_window, histogram, np.concatenate(tables), plan.sampling_se(by_window), demand)

    def _replay(
        self,
        state: RuleState,
        piece: Piece,
        warm_s: float,
        clock_s: float,
        step_time: float,
        prompt: float,
        events: Sequence[Event],
        block_s: float,
        blocks: int,
    ) -> tuple[Usage, FloatArray]:
        """A piece whose first `warm_s` seconds are not counted; `clock_s` is the second of the day at which counting begins."""
        from sim.cost.replay import latest_end_s
        from sim.engine.assemble import tariff
        from sim.engine.run import simulate

        resolved = self.resolved(state)
        duration_s = piece.info.duration_s
        offset_s = (clock_s - warm_s) % SECONDS_PER_DAY
        system = _slower(self.system(state, piece.classes, offset_s), step_time)
        if prompt != 1.0:
            piece = piece.with_prompts(prompt, _least_context(system))
        script = tuple(replace(event, at_s=event.at_s + warm_s) for event in events)
        script = tuple(sorted((*script, *tariff(resolved, duration_s, clock_offset_s=offset_s)), key=lambda event: event.at_s))

        def run(part: Piece, *, log: bool) -> Any:
            until_s = latest_end_s(part.info.duration_s)
            return simulate(system, part, seed=self._seed, events=script, until_s=until_s, log=log, timeline_s=0.0)

        before = run(piece.until(warm_s), log=False) if warm_s > 0 else None
        result = run(piece, log=True)
        with self._lock:
            self.replays += 1
        return usage_of(
            result, system, stack_prices(resolved), self.layout, lanes=self._lanes, before=before, counted_from_s=warm_s,
            block_s=block_s, blocks=blocks,
        )  # fmt: skip

    def _level(self, cell: Cell) -> float:
        """Requests, prompt tokens and output tokens over those of the trace's own demand, on average."""
        return float((cell.demand / self._own_demand()).mean())

    def _own_demand(self) -> FloatArray:
        windows = self.plan.windows
        return sum((self._traffic.window(window, 1.0).demand(window.warm_up_s) * window.weight for window in windows), np.zeros(3))

    def _off(self, left: Cell, middle: Cell, right: Cell, weights: FloatArray) -> tuple[float, float]:
        """How far the straight line is off in the middle: (cost over the day's cost, share of requests met)."""
        a, m, b = (self._level(cell) for cell in (left, middle, right))
        part = (m - a) / (b - a) if b > a else 0.0
        line = left.amounts * (1.0 - part) + right.amounts * part
        total = float(middle.amounts @ weights)
        cost = abs(float((line - middle.amounts) @ weights)) / total if total > 0 else 0.0
        held, met = (self.layout.at(ALL, item) for item in ("held", "met"))
        share = abs(float(line[met] - middle.amounts[met])) / max(float(middle.amounts[held]), 1.0)
        return cost, share

    def _curve(self, cells: dict[int, Cell], cost_error: float, share_error: float) -> Curve:
        ordered = sorted((self._level(cell), step) for step, cell in cells.items())
        chosen = [cells[step] for _, step in ordered]
        amounts, histogram, blocks, se = (
            np.stack([getattr(cell, part) for cell in chosen]) for part in ("amounts", "histogram", "blocks", "se")
        )
        return Curve(np.array([level for level, _ in ordered]), amounts, histogram, blocks, se, cost_error, share_error)


def _slower(system: System, factor: float) -> System:
    """The step time of every pool times a factor."""
    if factor == 1.0:
        return system
    deployments: list[Pool | Api] = []
    for each in system.deployments:
        if isinstance(each, Pool):
            step = each.replica.step
            slow = replace(
                step, c_s=step.c_s * factor, g_s=tuple(value * factor for value in step.g_s), o_s=step.o_s * factor, f_s=step.f_s * factor,
                h_s=step.h_s * factor,
            )  # fmt: skip
            each = replace(each, replica=replace(each.replica, step=slow))
        deployments.append(each)
    return replace(system, deployments=tuple(deployments))


def _least_context(system: System) -> int:
    """The longest prompt and output that every deployment takes."""
    return min(each.replica.max_model_len if isinstance(each, Pool) else each.context_tokens for each in system.deployments)


def month_starts_s(days: Sequence[int]) -> tuple[float, ...]:
    """Seconds of the run at which months of so many days begin, and the end of the last."""
    return (0.0, *(float(end) * SECONDS_PER_DAY for end in np.cumsum(np.asarray(days)))) if len(days) else (0.0, SECONDS_PER_MONTH)
