"""How a move from one stack to another goes: as the needs state it, else as assumed; how likely it is taken back."""

from __future__ import annotations

import math
from dataclasses import dataclass

from sim.catalog.catalog import Catalog
from sim.decision.facts import Quality, StrategyFacts
from sim.decision.needs import Needs
from sim.decision.progression_defaults import ProgressionDefaults, progression_defaults
from sim.decision.progression_time import Pace
from sim.decision.strategies import Progression
from sim.decision.trigger_defaults import trigger_defaults
from sim.stack.resolve_costs import HOURS_PER_WEEK


@dataclass(frozen=True, slots=True)
class Move:
    """How a move goes."""

    pace: Pace
    hiring_months: float
    """Until the people of the new stack are there, from a decision on; 0 where they are, or nobody says."""
    rollback_share: float
    """Probability that a try is taken back."""
    migration_usd: float
    rework_usd: float
    """Of a second try."""
    assumed: tuple[str, ...]
    """In words, what of it nobody stated."""


def move_of(then: Progression, old: StrategyFacts, new: StrategyFacts, needs: Needs, catalog: Catalog) -> Move:
    """How the move goes, as stated, else as assumed; building takes as long as the new stack is said to take to production."""
    says = progression_defaults(catalog)
    assert new.resolved is not None
    costs = new.resolved.costs
    assumed = []

    def given(name: str, stated: float | None, default: float) -> float:
        if stated is not None:
            return stated
        assumed.append(f"{name} {default:g}: {says.source(name).source}")
        return default

    ramp = given("ramp_months", then.ramp_months, says.ramp_months)
    parallel = given("parallel_months", then.parallel_months, says.parallel_months)
    retry = given("retry_months", None, says.retry_months)
    share, words = _rollback(then, says, old.quality, new.quality, needs)
    weeks = says.migration_weeks
    # Who states what building costs has infrastructure in it.
    of_all = weeks.prompts + weeks.evaluation + weeks.traffic + (0.0 if costs.development_usd else weeks.infrastructure)
    rework = (weeks.prompts + weeks.evaluation) / of_all if of_all else 0.0
    usd = then.migration_usd
    if usd is None:
        usd = of_all * HOURS_PER_WEEK * costs.engineer_usd_per_hour
        assumed.append(f"migration_usd: {of_all:g} weeks of an engineer: {says.source('migration_weeks').source}")
    hiring = _hiring(needs, costs.ml_engineers, costs.devops_engineers, catalog)
    if words:
        assumed.append(words)
    if new.months_to_production_assumed:
        assumed.append(f"months to build {new.strategy.name}: {new.months_to_production_assumed}")
    return Move(Pace(new.months_to_production, ramp, parallel, retry), hiring, share, usd, usd * rework, tuple(assumed))


def _rollback(
    then: Progression, says: ProgressionDefaults, before: Quality | None, after: Quality | None, needs: Needs
) -> tuple[float, str]:
    """Probability that a try is taken back, and what of it is assumed: for quality, where it was measured, or for other reasons."""
    if then.rollback_share is not None:
        return then.rollback_share, ""
    other, words = says.rollback_share, f"rollback_share {says.rollback_share:g}: {says.source('rollback_share').source}"
    worse = too_low(before, after, None if needs.accuracy is None else needs.accuracy.target, says.tolerated_drop)
    if worse is None:
        return other, f"{words}; quality of both is not measured"
    return 1 - (1 - other) * (1 - worse), f"{words}; for quality {worse:.3g}, by the scores, if {says.tolerated_drop:g} less is tolerated"


def too_low(before: Quality | None, after: Quality | None, target: float | None, tolerated: float) -> float | None:
    """Probability that the true score of what follows is more than tolerated below the other's, or, where the other is unknown, below the
    target; None where scores or numbers of examples are missing.

    Normal law of the difference of two shares, each with two right and two wrong answers added (Agresti and Caffo, The American
    Statistician 54, 2000, add one of each to every sample; two keep a share of one sample honest, too).
    """
    from scipy.special import ndtr

    if after is None or after.n is None:
        return None
    if before is not None and before.n is not None:
        bar, variance = before.score - tolerated, _variance(before.score, before.n)
    elif target is not None:
        bar, variance = target, 0.0
    else:
        return None
    return float(ndtr((bar - after.score) / math.sqrt(variance + _variance(after.score, after.n))))


def _variance(score: float, n: int) -> float:
    share = (score * n + 2) / (n + 4)
    return share * (1 - share) / (n + 4)


def _hiring(needs: Needs, ml_engineers: float, devops_engineers: float, catalog: Catalog) -> float:
    team = needs.team
    pairs = ((team.ml_engineers, ml_engineers), (team.devops_engineers, devops_engineers))
    if all(there is None or there >= needed for there, needed in pairs):
        return 0.0
    return trigger_defaults(catalog).hiring_months.middle if team.hiring_months is None else team.hiring_months
