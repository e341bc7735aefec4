"""Every stack of strategies on the real trace and over the same futures, each run once, and the facts of the strategies."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from sim.errors import InputError, input_error
from sim.results.run import run_resolved
from sim.results.run_result import ForecastResult

if TYPE_CHECKING:
    from sim.decision.facts import StrategyFacts
    from sim.decision.needs import NeedsFile
    from sim.decision.paths import PathTaken
    from sim.decision.strategies import Strategy
    from sim.futures.run import Says
    from sim.results.books import Books
    from sim.results.horizon import Horizon
    from sim.results.stack import Stack
    from sim.stack import ResolvedStack, TraceFacts
    from sim.stack.read import StackFile
    from sim.trace import Trace


@dataclass(frozen=True, eq=False)
class OpenedStacks:
    """Stacks that strategies name, each opened once: what they need to be run, by what was read of them."""

    books: Books
    settings: tuple[str, ...] = ()
    by_name: dict[str, Stack] = field(default_factory=dict)

    def opened(self, name: str) -> StackFile:
        """The stack of a name or file; InputError with every problem of it."""
        from sim.results.stack import open_stack

        if name not in self.by_name:
            self.by_name[name] = open_stack(name, self.books, self.settings)
        return self.by_name[name].file

    def of(self, file: StackFile) -> Stack:
        """The stack that a file was read as."""
        return next(each for each in self.by_name.values() if each.file is file)


@dataclass(frozen=True, eq=False)
class StackRun:
    """A stack, the strategy that named it first, and what came of it."""

    name: str
    """Of the strategy; `, later` behind it for what it goes over to."""
    file: StackFile
    found: ForecastResult


def run_strategies(
    strategies: Sequence[Strategy], stacks: OpenedStacks, trace: Trace, about: TraceFacts, asked: Horizon, *, seed: int,
    says: Says | None = None, begins: Callable[[], None] | None = None,
) -> tuple[StackRun, ...]:  # fmt: skip
    """The replay and the months of every stack of strategies, and of what they go over to; one that comes again is run once.

    InputError with what is wrong with any, before anything takes long; `begins` is called then.
    """
    from sim.stack import resolve

    named: list[tuple[str, StackFile]] = []
    for each in strategies:
        later = () if each.then is None else ((f"{each.name}, later", each.then.stack),)
        for name, file in ((each.name, each.stack), *later):
            if file is not None and not any(file is known for _, known in named):
                named.append((name, file))
    resolved: list[ResolvedStack] = []
    problems: list[str] = []
    for name, file in named:
        try:
            resolved.append(resolve(file, stacks.books.catalog, stacks.books.book, about))
        except InputError as error:
            problems += [line if name in line else f"{name}: {line}" for line in str(error).split("\n")]
    if problems:
        raise input_error(problems)
    if begins is not None:
        begins()
    return tuple(
        StackRun(name, file, _run(name, stacks.of(file), plain, trace, asked, seed, says))
        for (name, file), plain in zip(named, resolved, strict=True)
    )


def _run(name: str, stack: Stack, resolved: ResolvedStack, trace: Trace, asked: Horizon, seed: int, says: Says | None) -> ForecastResult:
    told: Says | None = None if says is None else (lambda text, done, whole: says(f"{name}: {text}", done, whole))
    found = run_resolved(stack, resolved, trace, asked, seed=seed, says=told)
    assert isinstance(found, ForecastResult)
    return found


def strategy_facts(
    file: NeedsFile, strategies: Sequence[Strategy], runs: Sequence[StackRun], about: TraceFacts, asked: Horizon, stacks: OpenedStacks,
    seed: int,
) -> tuple[tuple[StrategyFacts, ...], tuple[PathTaken, ...]]:  # fmt: skip
    """What is known of each strategy, of one that is costed and not served with the traffic of the others; and the path of each that goes
    over to another one."""
    from sim.decision.paths import path_taken
    from sim.decision.simulated import served_facts, trained_facts
    from sim.decision.strategy_read import strategy_of

    catalog, scores = stacks.books.catalog, file.needs.quality
    month_s = asked.calendar.hours * 3600.0
    requests = np.tile(about.rows * month_s / about.duration_s, (asked.futures, 1))
    if runs:
        forecast = runs[0].found.found
        requests = np.asarray(forecast.usage[:, :, forecast.layout.at("all", "requests")])
    found = []
    for each in strategies:
        run = next((run.found for run in runs if run.file is each.stack), None)
        if run is None:
            made = trained_facts(each, asked.calendar.names, requests, monthly_tokens(about), scores, seed=seed, catalog=catalog)
        else:
            made = served_facts(each, run.found, run.replay, run.resolved, scores, catalog)
        found.append(made)
    paths = []
    for k, each in enumerate(strategies):
        if each.then is not None:
            after = next(run.found for run in runs if run.file is each.then.stack)
            later = strategy_of(each.then.stack.name, each.then.stack, catalog)
            others = [made for made in found if made.name != each.name and made.strategy.then is None]
            new = served_facts(later, after.found, after.replay, after.resolved, scores, catalog)
            paths.append(path_taken(found[k], new, others, file.needs, catalog))
    taken = {each.facts.name: each.facts for each in paths}
    return tuple(taken.get(each.name, each) for each in found), tuple(paths)


def monthly_tokens(about: TraceFacts) -> float:
    """Prompt and output tokens of a trace at the rate of a month of 730 hours."""
    from sim.units import SECONDS_PER_MONTH

    return sum(each.prompt_tokens + each.output_tokens for each in about.classes) * SECONDS_PER_MONTH / about.duration_s
