"""Several stacks for one trace on the same futures. `sim compare` and the Python call come here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from sim.errors import InputError, input_error
from sim.results.compare_result import CompareResult
from sim.results.run import run_resolved
from sim.results.run_result import ForecastResult

if TYPE_CHECKING:
    from sim.futures.run import Says
    from sim.planning.gates import Gate, GateResult
    from sim.report.comparison_report import ComparisonReport
    from sim.results.horizon import Horizon
    from sim.results.stack import Stack
    from sim.stack import ResolvedStack
    from sim.trace import Trace

G = TypeVar("G", bound="str | Path | Stack")
K = TypeVar("K", bound="str | Path | Stack | Strategy")
T = TypeVar("T")
FEWEST_STACKS = 2
MOST_STACKS = 8


@dataclass(frozen=True, eq=False)
class Strategy:
    """One of the stacks, and how it was given: messages call it so."""

    given: str
    stack: Stack

    def __str__(self) -> str:
        return self.given


def strategies(given: Sequence[G], opened: Callable[[G], Stack]) -> tuple[Strategy, ...]:
    """Stacks as given, each opened once, however often it is named; InputError with what is wrong with each of them."""
    found = _each(given, lambda one: Strategy(_called(one), opened(one)))
    return tuple(found[one] for one in given)


def _called(one: str | Path | Stack | Strategy) -> str:
    return one.name if not isinstance(one, (str, Path, Strategy)) else str(one)


def names_of(stacks: Sequence[Strategy]) -> tuple[str, ...]:
    """What the stacks are called: by their own names, with a number behind those that come again."""
    from sim.planning.comparison import unique_names

    return tuple(unique_names([each.stack.name for each in stacks]))


def compare_stacks(
    stacks: Sequence[Strategy], trace: Trace, asked: Horizon, *, gates: Sequence[Gate] = (), seed: int, says: Says | None = None,
    begins: Callable[[], None] | None = None,
) -> CompareResult:  # fmt: skip
    """The months of every stack and what is said of each pair; InputError with what is wrong with any.

    A stack that comes again is run once. `begins` is called when everything is checked, before anything takes long.
    """
    from sim.planning.gate_figures import known_before
    from sim.planning.gate_values import Side, measure
    from sim.planning.gates import check, check_figures
    from sim.stack import facts_of

    names, facts = names_of(stacks), facts_of(trace)
    resolved = _each(stacks, lambda one: one.stack.resolved(facts))
    months = len(asked.calendar.names)
    check_figures(gates, {own: known_before(resolved[one], facts, months) for own, one in zip(names, stacks, strict=True)})
    if begins is not None:
        begins()
    done: dict[Strategy, ForecastResult] = {}
    for one in dict.fromkeys(stacks):  # what is wrong with the first is said at once
        done |= _each((one,), lambda one: _run(one, resolved[one], trace, asked, seed, says))
    runs = {own: done[one] for own, one in zip(names, stacks, strict=True)}
    sides = {own: Side(run.replay, run.found) for own, run in runs.items()}
    report = _report(tuple(runs.values()), check(gates, names, lambda gate, name: measure(gate, sides[name])))
    given = {"stacks": [dict(run.given) for run in runs.values()]}
    return CompareResult(report, runs, given, tuple(str(gate) for gate in gates))


def _run(one: Strategy, resolved: ResolvedStack, trace: Trace, asked: Horizon, seed: int, says: Says | None) -> ForecastResult:
    told: Says | None = None if says is None else (lambda text, done, whole: says(f"{one}: {text}", done, whole))
    found = run_resolved(one.stack, resolved, trace, asked, seed=seed, says=told)
    assert isinstance(found, ForecastResult)
    return found


def _report(runs: Sequence[ForecastResult], gates: tuple[GateResult, ...]) -> ComparisonReport:
    from sim.planning.comparison import compare
    from sim.report.comparison_report import DAYS_PER_MONTH, ComparisonReport, levels_in_words

    costs = [run.resolved.costs for run in runs]
    forecasts = tuple(run.found for run in runs)
    return ComparisonReport(
        trace=runs[0].report.trace,
        date=runs[0].report.date,
        found=compare(forecasts, days_to_production=[each.time_to_production_months * DAYS_PER_MONTH for each in costs]),
        forecasts=forecasts,
        levels=tuple(levels_in_words(run.resolved.slo) for run in runs),
        ready_assumed=tuple(each.assumption("time_to_production_months") for each in costs),
        cautions=tuple(run.report.cautions for run in runs),
        gates=gates,
    )


def _each(every: Sequence[K], what: Callable[[K], T]) -> dict[K, T]:
    """What is made of every stack; InputError with what is wrong with each of them, by its name as given."""
    found: dict[K, T] = {}
    problems: list[str] = []
    for one in dict.fromkeys(every):
        try:
            found[one] = what(one)
        except InputError as error:
            name = _called(one)
            problems += [line if name in line else f"{name}: {line}" for line in str(error).split("\n")]
    if problems:
        raise input_error(problems)
    return found
