"""Strategies that go over to another one: the path of each, made of the facts of what it begins with and of what follows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sim.catalog.catalog import Catalog
from sim.decision.facts import StrategyFacts
from sim.decision.needs import Needs
from sim.decision.progression import BestMonth, Path, best_month, path
from sim.decision.progression_facts import path_facts
from sim.decision.progression_move import move_of
from sim.decision.triggers import Triggers, triggers


@dataclass(frozen=True)
class PathTaken:
    """One progression: both of its stacks as strategies that stay, and the path from one to the other."""

    facts: StrategyFacts
    """Of the path."""
    begins: StrategyFacts
    """Of what it begins with, if it stayed so."""
    later: StrategyFacts
    """Of what it goes over to, if it were there from the start."""
    path: Path
    best: BestMonth
    """From which month to go over, were it planned today."""
    signals: Triggers
    """Of what it begins with."""


def path_taken(begins: StrategyFacts, later: StrategyFacts, others: Sequence[StrategyFacts], needs: Needs, catalog: Catalog) -> PathTaken:
    """The path of a strategy with a `then`; `others` are what its signals may hold it against, beside what follows."""
    strategy = begins.strategy
    then = strategy.then
    assert then is not None
    stays = replace(begins, strategy=replace(strategy, then=None))
    signals = triggers(stays, [later, *others], needs, catalog)
    move = move_of(then, stays, later, needs, catalog)
    signal = None if then.trigger is None else signals.named(then.trigger)
    found = path(then, stays, later, move, signal=signal)
    return PathTaken(path_facts(strategy, found, stays, later), stays, later, found, best_month(then, stays, later, move), signals)
