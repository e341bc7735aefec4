"""Cells: the mean day of a trace replayed at levels of demand, under the rules that may hold, as Usage.

A curve has the levels at which a state was replayed. It begins with levels a factor of 1.22 apart and is refined down to 1.05 wherever the
straight line between two of them is off in the middle by more than a tolerance; how far off it was is part of the result. Levels are
what the traffic really came to: growth draws requests by chance, so a cell asked for at 1.22 may have 1.2214 times the demand.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any, Literal

import numpy as np

from sim.catalog.catalog import Catalog
from sim.catalog.price_book import PriceBook
from sim.engine.result import HIST_BUCKETS
from sim.engine.system import Api, Event, Pool, System
from sim.futures.calendar import Calendar
from sim.futures.cell_store import CellStore, key_of, sources_hash
from sim.futures.curve import LEAST_SHARE, AxisCurve, Cell, Curve, FloatArray, Off
from sim.futures.day_cost import day_cost
from sim.futures.levels import COARSE, Traffic, level_of, steps_over
from sim.futures.replays import Replays, Terms
from sim.futures.rule_state import NORMAL, RuleState
from sim.futures.usage import SLO_ITEMS, Usage, UsageLayout
from sim.futures.window_plan import WindowPlan
from sim.stack.resolved import ResolvedStack
from sim.trace.trace import Trace
from sim.units import SECONDS_PER_DAY

Progress = Callable[[int, int], None]
"""Told how many cells are done, and how many are wanted so far."""
Share = Callable[[float, float], float]
"""The part of all days whose level lies between two."""


@dataclass(frozen=True, slots=True, order=True)
class _Wanted:
    """What a cell is asked for by; in order of level, so that traffic grown for one is used up before the next is grown."""

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
        calendar: Calendar | None = None,
    ) -> None:
        """Nothing is replayed yet. `calendar` is that of the forecast, for stacks that follow a capacity plan."""
        self.plan = plan
        self._replays = Replays(resolved, catalog=catalog, book=book, seed=seed, calendar=calendar)
        self._workers, self._progress = workers, progress
        self._store = store or CellStore(None)
        self._traffic = Traffic(trace, plan, seed)
        self._identity = (sources_hash(), trace.info.sha256, plan.windows, plan.period_s, plan.shape, plan.blocks, plan.seed)
        self._lock = threading.Lock()
        self._cells: dict[_Wanted, Cell] = {}
        self._planned = self._done = self._kept = 0
        self._worst = {"cost": 0.0, "share": 0.0}

    @property
    def layout(self) -> UsageLayout:
        """Which amount stands where, in every state."""
        return self._replays.layout

    @property
    def traffic(self) -> Traffic:
        """The requests of any stretch at any level."""
        return self._traffic

    @property
    def replays(self) -> Replays:
        """What replays them."""
        return self._replays

    @property
    def replayed(self) -> int:
        """Stretches replayed so far; those that were kept from an earlier run are not counted."""
        return self._replays.done

    @property
    def stretches(self) -> int:
        """Stretches that were needed so far, replayed now or in an earlier run: the same number whatever had been kept."""
        return self._replays.done + self._kept

    @property
    def kept_in(self) -> str:
        """How many of the stretches had been kept, and where, in words."""
        return f"{self._kept:,} of {self.stretches:,} replays were kept from earlier runs in {self._store.folder or 'no folder'}"

    @property
    def planned(self) -> bool:
        """Whether a pool follows a capacity plan, so that rules differ from month to month."""
        return self._replays.planned

    @property
    def lanes(self) -> tuple[int, ...]:
        """Numbers of the batch lanes."""
        return self._replays.lanes

    @cached_property
    def deployments(self) -> tuple[Pool | Api, ...]:
        """As the engine knows them under the stack's own rules."""
        return self.system(NORMAL).deployments

    @property
    def period_s(self) -> float:
        """After which the clock of `replay_piece` starts again."""
        return self.plan.period_s

    @cached_property
    def window_se(self) -> float:
        """Relative standard error of a day's cost at the trace's own demand that comes from the choice of windows."""
        if self.plan.contiguous:
            return 0.0
        cell = self._all([_Wanted(0)])[0]
        total = float(cell.amounts @ day_cost(self._replays.prices(NORMAL), self.layout))
        return float(cell.se[-1]) / total if total > 0 else 0.0

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader should know of the curves made so far."""
        if not self._cells:
            return ()
        return (
            f"between levels of demand that were replayed, a day's cost is off by up to {self._worst['cost']:.2%} "
            f"and the share of requests within their service level by up to {self._worst['share']:.2%}",
        )

    def tier_starts(self, deployment: int) -> tuple[int, ...]:
        """The prompt lengths from which the tokens of an API are counted apart."""
        return self._replays.starts[deployment]

    def resolved(self, state: RuleState) -> ResolvedStack:
        """The stack under the rules of a state."""
        return self._replays.resolved(state)

    def system(self, state: RuleState, classes: Sequence[str] = (), clock_offset_s: float = 0.0) -> System:
        """What the engine runs in a state, for a trace of these classes that begins at a second of the UTC day."""
        return self._replays.system(state, classes, clock_offset_s)

    def curve(self, state: RuleState, low: float, high: float, share: Share | None = None) -> Curve:
        """The levels from `low` to `high` in a state, as fine as they have to be. InputError for demand beyond what can be replayed.

        `share` says which part of all days lies between two levels: what hardly ever comes need not be as fine.
        """
        # Ends are those of an outline of the same range, so that what is paired with this curve lies within it.
        ends = steps_over(low, high, 2 * COARSE)
        return self._refined(state, list(range(ends[0], ends[-1] + 1, COARSE)), share)

    def outline(self, state: RuleState, low: float, high: float) -> Curve:
        """Every other of the levels that a curve begins with, for differences to one: what they miss is not looked into here."""
        cells = self._all([_Wanted(step, state) for step in steps_over(low, high, 2 * COARSE)])
        return Curve.of(cells, self._own_demand, 0.0, 0.0)

    def _refined(self, state: RuleState, steps: list[int], share: Share | None) -> Curve:
        usd = day_cost(self._replays.prices(state), self.layout)
        cells = dict(zip(steps, self._all([_Wanted(step, state) for step in steps]), strict=True))
        left, cost_error, share_error = list(pairwise(steps)), 0.0, 0.0
        while left:
            if share is not None:
                left = [(a, b) for a, b in left if share(level_of(a), level_of(b)) >= LEAST_SHARE]
            middles = [(a + b) // 2 for a, b in left]
            split = []
            for (a, b), middle, cell in zip(left, middles, self._all([_Wanted(step, state) for step in middles]), strict=True):
                cells[middle] = cell
                off = Off.of(cells[a], cell, cells[b], self._own_demand, usd, self.layout)
                finer = [(first, last) for first, last in ((a, middle), (middle, b)) if last - first > 1]
                finer = finer if off.too_far(1.0 if share is None else share(level_of(a), level_of(b))) else []
                split += finer
                if not finer:
                    cost_error, share_error = max(cost_error, off.cost), max(share_error, off.share)
            left = split
        self._worst = {"cost": max(cost_error, self._worst["cost"]), "share": max(share_error, self._worst["share"])}
        return Curve.of([cells[step] for step in sorted(cells)], self._own_demand, cost_error, share_error)

    def axis(self, state: RuleState, name: Literal["step", "prompt"], values: Sequence[float], low: float, high: float) -> AxisCurve:
        """Step times of all pools, or prompt lengths, times each of some values, at the levels of an `outline` from `low` to `high`.

        The levels are among those of every curve over the same range, so that differences to it are paired.
        """
        steps = steps_over(low, high, 2 * COARSE)
        base = self._all([_Wanted(step, state) for step in steps])
        found = self._all(
            [
                _Wanted(step, state, step_time=value) if name == "step" else _Wanted(step, state, prompt=value)
                for step in steps
                for value in values
            ]
        )

        # Of a few requests, levels that differ little are the same requests: a line needs two that differ.
        levels, first = np.unique([cell.level(self._own_demand) for cell in base], return_index=True)

        def stacked(part: str) -> FloatArray:
            each = np.stack([getattr(cell, part) for cell in found])
            return np.asarray(each.reshape(len(steps), len(values), *each.shape[1:])[first])

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
        warm: bool = True,
    ) -> Usage:
        """A stretch of the trace at a level in a state, with scripted events.

        Times are seconds on the trace's clock, which starts again after `period_s`; those of events count from `from_s`. Requests
        that arrive in from_s <= t < to_s are counted, what they cost later included; the time before is a warm-up (`warm`: without one two
        pieces that begin alike can still be compared, in half the time). Levels are best
        taken from the grid (`level_of`): traffic of a few levels is kept in memory. The same arguments give the same numbers.
        """
        warm_s = self.plan.windows[0].warm_up_s if warm else 0.0
        terms = Terms(state, tuple(events), step_time, prompt)
        shapes = {"amounts": (len(self.layout),), "histogram": (3, HIST_BUCKETS)}
        key = key_of(self._identity, self._replays.identity(state), "piece", level, from_s, to_s, warm_s, terms)
        kept = self._store.get(key, shapes)
        if kept is None:
            piece = self._traffic.piece(from_s - warm_s, to_s, level * self.plan.level_at(from_s))
            usage, _ = self._replays.replay(piece, terms, warm_s=warm_s, clock_s=from_s % SECONDS_PER_DAY)
            kept = {"amounts": usage.amounts, "histogram": usage.histogram}
            self._store.put(key, kept)
        else:
            self._found(1)
        return Usage(kept["amounts"], kept["histogram"])

    @cached_property
    def _own_demand(self) -> FloatArray:
        """[3] requests, prompt tokens and output tokens of the mean day at the trace's own demand."""
        demand = np.zeros(3)
        for window in self.plan.windows:
            demand += self._traffic.window(window, 1.0).demand(window.warm_up_s) * window.weight
        return demand

    def _all(self, wanted: Sequence[_Wanted]) -> list[Cell]:
        """Cells in the order asked for; those that are not there yet are replayed, several at a time."""
        missing = sorted({each for each in wanted if each not in self._cells})
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

        parallel: Any = Parallel(n_jobs=self._workers, backend="threading", return_as="generator")
        made: Iterable[Cell] = parallel(delayed(self._cell)(each) for each in missing)
        return made

    def _cell(self, wanted: _Wanted) -> Cell:
        items = len(self.layout)
        shapes = {
            "amounts": (items,), "histogram": (3, HIST_BUCKETS), "blocks": (self.plan.blocks, len(SLO_ITEMS)), "se": (items + 1,),
            "demand": (3,),
        }  # fmt: skip
        key = key_of(self._identity, self._replays.identity(wanted.state), "cell", wanted)
        kept = self._store.get(key, shapes)
        if kept is None:
            cell = self._replay_windows(wanted)
            self._store.put(key, {name: getattr(cell, name) for name in shapes})
            return cell
        self._found(len(self.plan.windows))
        return Cell(**kept)

    def _found(self, stretches: int) -> None:
        with self._lock:
            self._kept += stretches

    def _replay_windows(self, wanted: _Wanted) -> Cell:
        """All windows of the plan, weighted."""
        plan = self.plan
        terms = Terms(wanted.state, (), wanted.step_time, wanted.prompt)
        amounts, tables = [], []
        histogram, demand = np.zeros((3, HIST_BUCKETS)), np.zeros(3)
        for window in plan.windows:
            piece = self._traffic.window(window, level_of(wanted.step))
            usage, table = self._replays.replay(
                piece, terms, warm_s=window.warm_up_s, clock_s=window.clock_s, block_s=plan.block_s, blocks=plan.blocks_a_window
            )
            amounts.append(usage.amounts)
            histogram += usage.histogram * window.weight
            tables.append(table * window.weight)
            demand += piece.demand(window.warm_up_s) * window.weight
        by_window = np.stack(amounts)
        weights = np.array([window.weight for window in plan.windows])
        usd = day_cost(self._replays.prices(wanted.state), self.layout)
        se = plan.sampling_se(np.column_stack([by_window, by_window @ usd]))
        return Cell(weights @ by_window, histogram, np.concatenate(tables), se, demand)
