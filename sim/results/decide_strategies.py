"""From needs and a trace to a decision. `sim decide` comes here."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sim.results.decide_result import DecideResult
from sim.results.decide_routes import routes_of
from sim.results.simulate_strategies import OpenedStacks, StackRun, monthly_tokens, run_strategies, strategy_facts

if TYPE_CHECKING:
    from sim.decision.needs import NeedsFile
    from sim.decision.strategies import Strategy
    from sim.futures.forecast import FloatArray
    from sim.futures.run import Says
    from sim.report.run_report import TraceSummary
    from sim.results.horizon import Horizon
    from sim.stack import TraceFacts
    from sim.trace import Trace


def needed_settings(file: NeedsFile) -> tuple[str, ...]:
    """What the needs say of the months, as settings of an outlook."""
    growth = file.needs.volume.growth_per_month
    return () if growth is None else (f"outlook.demand.growth_per_month={growth!r}",)


def named_strategies(file: NeedsFile, opened: OpenedStacks, stacks: Sequence[str]) -> tuple[Strategy, ...]:
    """What there is to choose from, each stack opened; InputError with every problem."""
    from sim.decision.strategy_read import strategies_of
    from sim.decision.trigger_words import SIGNALS

    return strategies_of(file, opened.books.catalog, opened.opened, stacks=stacks, triggers=[each.name for each in SIGNALS])


def decide_strategies(
    file: NeedsFile, strategies: Sequence[Strategy], stacks: OpenedStacks, trace: Trace, asked: Horizon, *, seed: int,
    says: Says | None = None, begins: Callable[[], None] | None = None,
) -> DecideResult:  # fmt: skip
    """Every strategy on the real trace at the volume that is needed, and what follows; InputError with what is wrong with any.

    `begins` is called when everything is checked, before anything takes long.
    """
    from sim.decision.decide import decide
    from sim.decision.outcomes import outcomes_of
    from sim.decision.volume import at_volume
    from sim.report.decision_report import DecisionReport
    from sim.stack import facts_of

    outcomes = outcomes_of(file)
    about = facts_of(trace)
    traffic, changed = at_volume(trace, file.needs.volume, monthly_tokens(about))
    if traffic is not trace:
        about = facts_of(traffic)
    runs = run_strategies(strategies, stacks, traffic, about, asked, seed=seed, says=says, begins=begins)
    facts, paths = strategy_facts(file, strategies, runs, about, asked, stacks, seed)
    decision = decide(file, facts, paths, outcomes, catalog=stacks.books.catalog, seed=seed)
    report = DecisionReport(
        decision=decision,
        trace=_summary(traffic, about),
        date=stacks.books.book.date.isoformat(),
        outlook=asked.outlook.name,
        seed=seed,
        futures=asked.futures,
        assumed=_assumed(runs),
        routes=routes_of(decision, stacks, traffic, about, asked, seed=seed, says=says),
        notes=(changed,) if changed else (),
    )
    return DecideResult(report, {run.name: run.found for run in runs}, _given(file, strategies, runs, asked, outcomes, seed))


def _summary(trace: Trace, about: TraceFacts) -> TraceSummary:
    """What was asked."""
    from sim.report.run_report import TraceSummary

    info = trace.info
    return TraceSummary(
        name=info.path.stem,
        sha256=info.sha256,
        requests=info.rows,
        duration_s=info.duration_s,
        prompt_tokens=sum(each.prompt_tokens for each in about.classes),
        output_tokens=sum(each.output_tokens for each in about.classes),
        classes=trace.classes,
        clients=len(trace.clients),
    )


def _assumed(runs: Sequence[StackRun]) -> Mapping[str, tuple[str, ...]]:
    """What the months of every stack rest on, in words, each told once."""
    found: dict[str, list[str]] = {}
    for run in runs:
        for text in run.found.found.assumed:
            found.setdefault(text, []).append(run.name)
    return {text: tuple(names) for text, names in found.items()}


def _given(
    file: NeedsFile, strategies: Sequence[Strategy], runs: Sequence[StackRun], asked: Horizon, outcomes: Mapping[str, FloatArray], seed: int
) -> dict[str, Any]:
    """Everything that a decision depends on."""
    needs = file.needs.plain()
    outlook = asked.outlook.outlook.plain()
    return {
        "needs": needs,
        "needs_sha256": _hash(needs),
        "outcomes": {name: hashlib.sha256(scores.tobytes()).hexdigest() for name, scores in outcomes.items()},
        "strategies": [[each.name, each.kind] for each in strategies],
        "stacks": [dict(run.found.given) for run in runs],
        "months": asked.calendar.months,
        "start": asked.calendar.start.isoformat(),
        "futures": asked.futures,
        "outlook_sha256": _hash(outlook),
        "seed": seed,
    }


def _hash(data: Any) -> str:
    return hashlib.sha256(json.dumps(data, sort_keys=True, default=str).encode()).hexdigest()
