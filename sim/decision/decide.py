"""A decision of needs and facts: what gates rule out, how the rest is held against what is needed, what to take, and what follows from it.

Pure: the same needs and facts give the same decision. Nothing is simulated here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sim.catalog.catalog import Catalog
from sim.decision.advice import advice
from sim.decision.advice_case import Advice
from sim.decision.checklist import Item, checklist
from sim.decision.clouds import CloudTrack, clouds
from sim.decision.facts import StrategyFacts
from sim.decision.gates import Tree, gates
from sim.decision.lock_in import LockIn, lock_in_of
from sim.decision.lock_in_given import lock_in_defaults
from sim.decision.needs import Needs, NeedsFile
from sim.decision.outcomes import paired
from sim.decision.paths import PathTaken
from sim.decision.performance import PerformanceMatrix, performance
from sim.decision.quality import NinetyPercentRule, QualityComparison, compare_models, ninety_percent_rule
from sim.decision.recommendation import Recommendation, recommend
from sim.decision.relaxation import Relaxation, passing, relaxations
from sim.decision.triggers import Triggers, triggers
from sim.decision.weighted import WeightedMatrix, weighted
from sim.decision.would_change import WouldChange, would_change
from sim.futures.forecast import FloatArray


@dataclass(frozen=True)
class Decision:
    """Everything that follows from needs and facts."""

    file: NeedsFile
    facts: tuple[StrategyFacts, ...]
    """Of every strategy, also of those that are ruled out."""
    paths: tuple[PathTaken, ...]
    """Of the strategies that go over to another one."""
    tree: Tree
    performance: PerformanceMatrix
    weighted: WeightedMatrix | None
    """Of the strategies that pass; None where none does."""
    ninety: NinetyPercentRule | None
    """None where no accuracy is asked for."""
    quality: tuple[QualityComparison, ...]
    """The model or strategy with the highest score against each other one that has a score."""
    recommendation: Recommendation | None
    """None where nothing passes."""
    would_change: tuple[WouldChange, ...]
    """What would change the recommendation."""
    relax: tuple[Relaxation, ...]
    """What would let in each strategy that does not pass, that which takes least first."""
    lock_in: tuple[LockIn, ...]
    """Of every vendor of every strategy that is served, strategy by strategy."""
    advice: tuple[Advice, ...]
    """Known mistakes and what else to know, that with the most money at stake first."""
    checklist: tuple[Item, ...]
    """The architect's: what is answered and what is open."""
    clouds: tuple[CloudTrack, ...]
    """Services of three clouds by strategy."""
    triggers: Triggers | None
    """Of the recommended strategy; None where there is none, or it is costed and not served."""

    def of(self, name: str) -> StrategyFacts:
        """Facts of a strategy."""
        return next(each for each in self.facts if each.name == name)


def decide(
    file: NeedsFile, facts: Sequence[StrategyFacts], paths: Sequence[PathTaken], outcomes: dict[str, FloatArray], *, catalog: Catalog,
    seed: int,
) -> Decision:  # fmt: skip
    """The decision. `outcomes` are scores of single examples by model, where the needs name files of them."""
    needs = file.needs
    tree = gates(
        needs,
        [each.strategy for each in facts],
        catalog,
        tco_usd={each.name: each.tco_usd for each in facts},
        tokens_per_month=facts[0].tokens_per_month,
    )
    matrix = performance(needs, facts)
    able = [each for each in facts if each.name in passing(tree, matrix)]
    unknown = {row.strategy: row.of("unknown") for row in matrix.rows}
    table = weighted(needs, able, catalog) if able else None
    found = None if table is None else recommend(able, table.p_wins, unknown=unknown, futures=len(facts[0].tco_usd_by_month))
    taken = None if found is None else found.strategy
    relax = relaxations(tree, matrix)
    signals = None if found is None else _signals(found.strategy, facts, paths, needs, catalog)
    return Decision(
        file=file,
        facts=tuple(facts),
        paths=tuple(paths),
        tree=tree,
        performance=matrix,
        weighted=table,
        ninety=ninety_percent_rule(needs, facts),
        quality=_compared(needs, outcomes, seed),
        recommendation=found,
        would_change=()
        if found is None or table is None
        else would_change(found, next(each for each in able if each.name == found.strategy), facts, table, relax, signals, seed=seed),
        relax=relax,
        lock_in=_lock_in(needs, facts, catalog),
        advice=advice(needs, facts, taken, catalog),
        checklist=checklist(needs, facts, taken, signals, catalog),
        clouds=clouds([each.strategy for each in facts], catalog),
        triggers=signals,
    )


def _lock_in(needs: Needs, facts: Sequence[StrategyFacts], catalog: Catalog) -> tuple[LockIn, ...]:
    """What leaving each vendor takes."""
    defaults = lock_in_defaults(catalog)
    return tuple(one for each in facts for one in lock_in_of(each, catalog, defaults, given=needs.leaving, scores=needs.quality))


def _compared(needs: Needs, outcomes: dict[str, FloatArray], seed: int) -> tuple[QualityComparison, ...]:
    """The best of all that has a score against each of the others."""
    names = sorted(needs.quality, key=lambda name: -needs.quality[name].score)
    return tuple(
        compare_models(names[0], needs.quality[names[0]], name, needs.quality[name], paired(outcomes, names[0], name), seed=seed)
        for name in names[1:]
    )


def _signals(name: str, facts: Sequence[StrategyFacts], paths: Sequence[PathTaken], needs: Needs, catalog: Catalog) -> Triggers | None:
    """The signals of a strategy, of one that goes over to another those of what it begins with; None for one that is not served."""
    for each in paths:
        if each.facts.name == name:
            return each.signals
    own = next(each for each in facts if each.name == name)
    if own.forecast is None:
        return None
    return triggers(own, [each for each in facts if each is not own and each.forecast is not None], needs, catalog)
