"""Gates on the means: is the team there, is there time, is there money."""

from __future__ import annotations

import math

from sim.decision.effort import hiring_months, lacks, months_with_hiring, unknowns
from sim.decision.gate_case import Branch, Case, Change, Step, listed

_SLACK = 1e-9
"""What is within a limit but for rounding."""


def team(case: Case) -> Step:
    """Team: machines of one's own take ML engineers, DevOps and security; who is missing must be hired, or the strategy is out."""
    there = case.needs.team
    out, changes = {}, {}
    short, unknown = set(), set()
    for strategy in case.strategies:
        effort = case.effort(strategy)
        missing = lacks(there, effort)
        unknown |= set(unknowns(there, effort))
        short |= {each.key for each in missing}
        if missing and not there.can_hire:
            what = listed([f"{each.needed:g} {each.what} needed, {each.there:g} there" if each.what.endswith("engineers")
                           else f"{each.what} needed, nobody there" for each in missing])  # fmt: skip
            out[strategy.name] = f"{what}, and nobody can be hired"
            months = hiring_months(there, case.rules)
            says = f"hire them (team.can_hire: true), which takes {months:g} months"
            changes[strategy.name] = (Change(("team", "can_hire"), False, True, None, says),)
    branches = (
        Branch("yes", "go on with all"),
        Branch("not yet: they are hired first", "go on with all; hiring adds to the time to market"),
        Branch("no, and nobody can be hired", "go on with what needs no machines of one's own"),
        Branch("not known", "go on with all, and list who is there"),
    )
    taken = (1 if there.can_hire else 2) if short else 3 if unknown else 0
    parts = [f"short of {listed(sorted(each.replace('_', ' ') for each in short))}"] if short else []
    if unknown:
        parts.append(f"not said: {listed(sorted(each.replace('_', ' ') for each in unknown))}")
    why = "; ".join(parts) or "who is needed is there"
    return Step("team", "Are there people to run it?", branches, taken, why, out, changes)


def time_to_market(case: Case) -> Step:
    """Time to market: months to production, after those of hiring where someone is missing."""
    limit = case.needs.time_to_market_months
    out, changes = {}, {}
    if limit is not None:
        for strategy in case.strategies:
            effort = case.effort(strategy)
            months = months_with_hiring(case.needs.team, effort, case.rules)
            if months > limit + _SLACK:
                wait = months - effort.months_to_production
                hiring = f", {wait:g} of them to hire" if wait > 0 else ""
                out[strategy.name] = f"{months:.3g} months to production{hiring}; {limit:g} allowed"
                enough = math.ceil(months * 100 - _SLACK) / 100
                more = enough - limit
                says = f"{more:g} more months (time_to_market_months: {enough:g})"
                changes[strategy.name] = (Change(("time_to_market_months",), limit, enough, more, says),)
    branches = (
        Branch("there is no limit", "go on with all"),
        Branch("all are in time", "go on with all"),
        Branch("not all are in time", "go on with those that are"),
    )
    why = "no time to market is asked for" if limit is None else f"production within {limit:g} months"
    return Step("time to market", "Is it there in time?", branches, 0 if limit is None else 1 + bool(out), why, out, changes)


def budget(case: Case) -> Step | None:
    """Budget: out where the TCO of all months is above it in more than half of the futures. Not asked before anything is simulated."""
    if not case.tco_usd:
        return None
    limit = case.needs.budget_usd
    out, changes = {}, {}
    if limit is not None:
        for strategy in case.strategies:
            tco = case.tco_usd.get(strategy.name)
            if tco is not None and tco.p50 > limit * (1 + _SLACK):
                out[strategy.name] = f"USD {tco.p50:,.0f} over {case.needs.months} months in half of the futures; {limit:,.0f} allowed"
                enough = math.ceil(tco.p50)
                says = f"USD {enough - limit:,.0f} more (budget_usd: {enough}; {math.ceil(tco.p95)} to be sure)"
                changes[strategy.name] = (Change(("budget_usd",), limit, float(enough), enough - limit, says),)
    branches = (
        Branch("there is no limit", "go on with all"),
        Branch("all are within it", "go on with all"),
        Branch("not all are within it", "go on with those that are"),
    )
    why = "no budget is given" if limit is None else f"USD {limit:,.0f} over {case.needs.months} months"
    return Step("budget", "Is there money for it?", branches, 0 if limit is None else 1 + bool(out), why, out, changes)
