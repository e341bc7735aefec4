"""The facts of strategies: every stack among them replayed and forecast once, on the same futures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sim.errors import InputError, input_error
from sim.results.run import run_resolved
from sim.results.run_result import ForecastResult

if TYPE_CHECKING:
    from sim.decision.strategies import Strategy
    from sim.futures.run import Says
    from sim.results.books import Books
    from sim.results.horizon import Horizon
    from sim.results.stack import Stack
    from sim.stack import ResolvedStack
    from sim.stack.read import StackFile
    from sim.trace import Trace


@dataclass(frozen=True, eq=False)
class OpenedStacks:
    """Stacks that strategies name, each opened once: what they need to be run, by what was read of them."""

    books: Books
    settings: tuple[str, ...]
    by_name: dict[str, Stack]

    def opened(self, name: str) -> StackFile:
        """The stack of a name or file; InputError with every problem of it."""
        from sim.results.stack import open_stack

        if name not in self.by_name:
            self.by_name[name] = open_stack(name, self.books, self.settings)
        return self.by_name[name].file

    def of(self, file: StackFile) -> Stack:
        """The stack that a file was read as."""
        return next(each for each in self.by_name.values() if each.file is file)


def run_strategies(
    strategies: Sequence[Strategy], stacks: OpenedStacks, trace: Trace, asked: Horizon, *, seed: int, says: Says | None = None
) -> list[tuple[StackFile, ForecastResult]]:
    """The replay and the months of every stack of strategies, and of what they go over to; one that comes again is run once.

    InputError with what is wrong with any, before anything takes long.
    """
    from sim.stack import facts_of, resolve

    about = facts_of(trace)
    resolved: list[tuple[str, StackFile, ResolvedStack]] = []
    problems: list[str] = []
    for each in strategies:
        for file in (each.stack, None if each.then is None else each.then.stack):
            if file is None or any(file is known for _, known, _ in resolved):
                continue
            try:
                resolved.append((each.name, file, resolve(file, stacks.books.catalog, stacks.books.book, about)))
            except InputError as error:
                problems += [f"{each.name}: {line}" for line in str(error).split("\n")]
    if problems:
        raise input_error(problems)
    return [(file, _run(name, stacks.of(file), plain, trace, asked, seed, says)) for name, file, plain in resolved]


def _run(name: str, stack: Stack, resolved: ResolvedStack, trace: Trace, asked: Horizon, seed: int, says: Says | None) -> ForecastResult:
    told: Says | None = None if says is None else (lambda text, done, whole: says(f"{name}: {text}", done, whole))
    found = run_resolved(stack, resolved, trace, asked, seed=seed, says=told)
    assert isinstance(found, ForecastResult)
    return found
