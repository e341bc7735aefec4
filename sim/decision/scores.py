"""Scores from 1 to 5 by the seven criteria, derived from what was simulated and what the needs say, by formulas that are stated.

All but two are a ratio of what is wanted to what there is, times 5, and at least 1: a strategy that has what is asked for scores 5, one
with half of it 2.5. Where the needs give no limit it is held against the best. Scores of the user's own go first. What is not known has
no score, and is never guessed; a criterion of which the needs say nothing is known of no strategy.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from sim.catalog.catalog import Catalog
from sim.decision.effort import effort_of, lacks, months_with_hiring, unknowns
from sim.decision.facts import StrategyFacts
from sim.decision.gate_case import listed, vendors_of
from sim.decision.gate_data import leaves_home, must_stay_home, terms_needed
from sim.decision.gate_model import reaches
from sim.decision.needs import Needs
from sim.decision.needs_parts import CONTROL_NEEDED, Criterion
from sim.decision.performance import LEAST_ERROR
from sim.decision.rules import Rules, rules_of
from sim.units import MILLION

LOWEST, HIGHEST = 1.0, 5.0
FORMULAS: Mapping[Criterion, str] = MappingProxyType(
    {
        "accuracy": "5 x error allowed / error (without a target: least error / error)",
        "data": "5 where nothing is tuned or trained; else 1 + 4 x log(there / too few) / log(enough / too few)",
        "time_to_market": "5 x months allowed / months to production with hiring (without a limit: fewest months / months)",
        "budget": "5 x cheapest TCO p50 / TCO p50; in each future by the TCO of that future",
        "team": "5 x least share of the people needed that are there; 5 where it takes none",
        "differentiation": "5 x control over the model / control that the differentiation asks for",
        "regulation": "5 where nothing is asked for or no vendor sees the data; else 1 + 4 (3: sensitive data) x share of terms offered",
    }
)
"""By criterion, in their order; all are clipped to 1-5."""
_A_DAY = 12 / 365.25
"""In months: nothing is in production sooner."""
_TUNED = ("vendor_fine_tune", "own_fine_tune")


@dataclass(frozen=True, slots=True)
class Score:
    """How one strategy does by one criterion."""

    value: float | None
    """1 to 5; None: not known."""
    why: str
    """The figures behind it."""
    own: bool = False
    """Whether the user gave it."""


Scores = Mapping[Criterion, Mapping[str, Score]]
"""By criterion and strategy."""


def clipped(ratio: float) -> float:
    """5 x a ratio, from 1 to 5."""
    return min(HIGHEST, max(LOWEST, HIGHEST * ratio))


def scores_of(needs: Needs, facts: Sequence[StrategyFacts], catalog: Catalog) -> Scores:
    """Every score of the strategies, held against each other where the needs give no limit."""
    rules = rules_of(catalog)
    derived: dict[Criterion, dict[str, Score]] = {
        "accuracy": _accuracy(needs, facts),
        "data": {each.name: _data(needs, each, rules) for each in facts},
        "time_to_market": _time(needs, facts, catalog, rules),
        "budget": _budget(facts),
        "team": {each.name: _team(needs, each, catalog) for each in facts},
        "differentiation": {each.name: _differentiation(needs, each, rules) for each in facts},
        "regulation": {each.name: _regulation(needs, each, catalog, rules) for each in facts},
    }
    for criterion in FORMULAS:
        for name, own in needs.scores.get(criterion, {}).items():
            if name in derived[criterion]:
                derived[criterion][name] = Score(own, "as the needs have it", own=True)
    return MappingProxyType({key: MappingProxyType(found) for key, found in derived.items()})


def _accuracy(needs: Needs, facts: Sequence[StrategyFacts]) -> dict[str, Score]:
    errors = {each.name: max(LEAST_ERROR, 1 - each.quality.score) for each in facts if each.quality is not None}
    if needs.accuracy is not None:
        allowed, said = max(LEAST_ERROR, 1 - needs.accuracy.target), "allowed"
    else:
        allowed, said = min(errors.values(), default=1.0), "at the best"
    unknown = Score(None, "no score is given (quality)")
    return {
        each.name: Score(clipped(allowed / errors[each.name]), f"{errors[each.name]:.2%} errors, {allowed:.2%} {said}")
        if each.name in errors
        else unknown
        for each in facts
    }


def _data(needs: Needs, facts: StrategyFacts, rules: Rules) -> Score:
    have = needs.data_available
    level = reaches(facts.strategy)
    if facts.strategy.trained:
        enough = rules.enough_tokens[facts.strategy.kind]
        fewest = enough * rules.fewest_examples / rules.enough_examples
        if have.tokens is None:
            return Score(None, "nobody says how much text there is (data_available.tokens)")
        return Score(_logarithmic(have.tokens, fewest, enough), f"{have.tokens / MILLION:,.4g} of {enough / MILLION:,.0f} million tokens")
    if level in _TUNED:
        if have.examples is None:
            return Score(None, "nobody says how many examples there are (data_available.examples)")
        said = f"{have.examples:,} of {rules.enough_examples:,.0f} examples"
        return Score(_logarithmic(have.examples, rules.fewest_examples, rules.enough_examples), said)
    return Score(HIGHEST, "nothing is tuned")


def _logarithmic(have: float, fewest: float, enough: float) -> float:
    """1 at the fewest, 5 at enough, as much for each tenfold."""
    if have <= fewest:
        return LOWEST
    return min(HIGHEST, LOWEST + (HIGHEST - LOWEST) * math.log(have / fewest) / math.log(enough / fewest))


def _time(needs: Needs, facts: Sequence[StrategyFacts], catalog: Catalog, rules: Rules) -> dict[str, Score]:
    months = {}
    for each in facts:
        effort = effort_of(each.strategy, catalog)
        hiring = months_with_hiring(needs.team, effort, rules) - effort.months_to_production
        months[each.name] = max(_A_DAY, each.months_to_production + hiring)
    limit = needs.time_to_market_months
    allowed, said = (min(months.values(), default=_A_DAY), "the fastest") if limit is None else (limit, "allowed")
    return {name: Score(clipped(allowed / each), f"{each:.3g} months, {allowed:.3g} {said}") for name, each in months.items()}


def _budget(facts: Sequence[StrategyFacts]) -> dict[str, Score]:
    least = min((each.tco_usd.p50 for each in facts), default=0.0)
    found = {}
    for each in facts:
        usd = each.tco_usd.p50
        served = "" if each.strategy.served else ", serving not in it"
        found[each.name] = Score(clipped(least / usd) if usd > 0 else HIGHEST, f"USD {usd:,.0f}{served}; the cheapest {least:,.0f}")
    return found


def _team(needs: Needs, facts: StrategyFacts, catalog: Catalog) -> Score:
    team = needs.team
    if all(getattr(team, key) is None for key in ("ml_engineers", "devops_engineers", "security", "pretraining_experience")):
        return Score(None, "nobody says who is there (team)")
    effort = effort_of(facts.strategy, catalog)
    if not effort.team:
        return Score(HIGHEST, "developers can do it")
    missing = lacks(team, effort)
    if missing:
        worst = min(missing, key=lambda each: each.there / each.needed)
        return Score(clipped(worst.there / worst.needed), f"{worst.there:g} of {worst.needed:g}: {worst.what}")
    unknown = unknowns(team, effort)
    if unknown:
        return Score(None, f"nobody says: {listed([f'team.{key}' for key in unknown])}")
    return Score(HIGHEST, "all are there")


def _differentiation(needs: Needs, facts: StrategyFacts, rules: Rules) -> Score:
    level = reaches(facts.strategy)
    has = rules.control[facts.strategy.kind]
    if level == "vendor_fine_tune" or level == "own_fine_tune":  # what a progression goes over to
        has = max(has, rules.control[level])
    wanted = rules.control_needed[needs.differentiation]
    return Score(clipped(has / wanted), f"control {has:g} of 5; differentiation {needs.differentiation} asks for {wanted:g}")


def _regulation(needs: Needs, facts: StrategyFacts, catalog: Catalog, rules: Rules) -> Score:
    strategy = facts.strategy
    if must_stay_home(needs, rules):
        away = leaves_home(strategy)
        return Score(LOWEST, f"not at home: {', '.join(away)}") if away else Score(HIGHEST, "the data stays home")
    wanted = terms_needed(needs, rules)
    sensitive = needs.data.sensitivity in CONTROL_NEEDED
    vendors = vendors_of(strategy, catalog)
    if not wanted and not sensitive:
        return Score(HIGHEST, "nothing is asked for")
    if not vendors:
        return Score(HIGHEST, "no vendor sees the data")
    most = HIGHEST - LOWEST - (1.0 if sensitive else 0.0)
    if not wanted:
        return Score(LOWEST + most, "a vendor sees the data")
    least = min(vendors, key=lambda vendor: len(set(wanted) & set(needs.terms.get(vendor, ()))))
    share = len(set(wanted) & set(needs.terms.get(least, ()))) / len(wanted)
    return Score(LOWEST + most * share, f"{least} offers {share:.0%} of the terms" + ("; sensitive data leaves home" if sensitive else ""))
