"""Gates on the data: may a vendor see what requests hold, on which terms, and where it must stay."""

from __future__ import annotations

from types import MappingProxyType

from sim.decision.gate_case import Branch, Case, Change, Step, listed, reached, stacks_of
from sim.decision.needs import Needs
from sim.decision.needs_parts import Term
from sim.decision.rules import Rules
from sim.decision.strategies import Strategy

TERMS = MappingProxyType({"baa": "a BAA", "soc2": "SOC 2", "dpa": "a DPA", "residency": "data residency"})
"""Terms in words."""


def terms_needed(needs: Needs, rules: Rules) -> tuple[Term, ...]:
    """Terms without which a vendor may not see the data: those named, and those that its sensitivity asks for anyway."""
    data = needs.data
    by_kind = rules.terms_by_sensitivity.get(data.sensitivity, ())
    where: tuple[Term, ...] = ("residency",) if data.residency else ()
    return tuple(dict.fromkeys((*data.terms_needed, *by_kind, *where)))


def must_stay_home(needs: Needs, rules: Rules) -> bool:
    """Whether no vendor may see the data whatever it offers."""
    return needs.data.must_stay_home or needs.data.sensitivity in rules.at_home


def leaves_home(strategy: Strategy) -> tuple[str, ...]:
    """Deployments that may see data without being at home; a stack with `data_home` keeps there what must stay."""
    found = []
    for stack in stacks_of(strategy):
        if stack.data_home is None:
            found += [name for name, each in reached(stack) if not each.home]
    return tuple(dict.fromkeys(found))


def sensitivity(case: Case) -> Step:
    """Data sensitivity: data that must stay home rules out what is not there; sensitive data needs vendors whose terms allow it."""
    needs, rules = case.needs, case.rules
    stays = must_stay_home(needs, rules)
    wanted = tuple(each for each in terms_needed(needs, rules) if each != "residency")
    out: dict[str, str] = {}
    changes: dict[str, tuple[Change, ...]] = {}
    for strategy in case.strategies:
        reasons, needed = [], []
        away = leaves_home(strategy)
        if stays and away:
            reasons.append(f"{listed(away)} {'is' if len(away) == 1 else 'are'} not at home")
            needed += _home_changes(needs, rules)
        lacking, asked = _terms(case, strategy, wanted)
        reasons += lacking
        needed += asked
        if reasons:
            out[strategy.name] = "; ".join(reasons)
            changes[strategy.name] = tuple(needed)
    kind = needs.data.sensitivity
    if stays:
        why = f"{kind} data" + (" must stay home" if needs.data.must_stay_home else " goes to no vendor (assumed)")
    elif wanted:
        own = [TERMS[each] for each in wanted if each in rules.terms_by_sensitivity.get(kind, ())]
        named = [TERMS[each] for each in wanted if TERMS[each] not in own]
        why = f"{kind} data" + (f", which takes {listed(own)}" if own else "") + (f"; {listed(named)} asked for" if named else "")
    else:
        why = f"{kind} data, and no terms are asked for"
    branches = (
        Branch("any vendor may", "go on with all"),
        Branch("a vendor may whose terms allow it", "go on with those vendors, and with own machines"),
        Branch("no vendor may, whatever its terms", "own machines at home"),
    )
    taken = 2 if stays else 1 if wanted else 0
    return Step("data sensitivity", "May a vendor see what the requests hold?", branches, taken, why, out, changes)


def residency(case: Case) -> Step:
    """Data residency: a vendor must offer it; own machines stand where we put them."""
    asked = "residency" in terms_needed(case.needs, case.rules)
    out: dict[str, str] = {}
    changes: dict[str, tuple[Change, ...]] = {}
    if asked:
        for strategy in case.strategies:
            reasons, needed = _terms(case, strategy, ("residency",))
            if reasons:
                out[strategy.name], changes[strategy.name] = "; ".join(reasons), tuple(needed)
    where = case.needs.data.residency
    why = f"it must stay in: {where}" if where else "the terms ask for data residency" if asked else "no place is asked for"
    branches = (
        Branch("anywhere", "go on with all"),
        Branch("only in one place", "go on with vendors that keep it there, and with own machines, which stand where we put them"),
    )
    return Step("data residency", "Where may the data go?", branches, int(asked), why, out, changes)


def _terms(case: Case, strategy: Strategy, wanted: tuple[Term, ...]) -> tuple[list[str], list[Change]]:
    """What its vendors do not offer, and what they would have to."""
    reasons, changes = [], []
    everything = terms_needed(case.needs, case.rules)
    for vendor in case.vendors(strategy):
        offered = case.needs.terms.get(vendor)
        missing = [each for each in wanted if each not in (offered or ())]
        if missing:
            what = listed([TERMS[each] for each in missing])
            reasons.append(f"{vendor} does not offer {what}" if offered is not None else f"nobody says that {vendor} offers {what}")
            # Two gates may ask for terms of the same vendor: what is needed is all of them.
            terms = tuple(dict.fromkeys((*(offered or ()), *everything)))
            whole = listed([TERMS[each] for each in terms if each not in (offered or ())])
            changes.append(Change(("terms", vendor), offered, terms, None, f"get {whole} from {vendor} (terms: {vendor})"))
    return reasons, changes


def _home_changes(needs: Needs, rules: Rules) -> list[Change]:
    found = []
    if needs.data.must_stay_home:
        found.append(Change(("data", "must_stay_home"), True, False, None, "let the data leave home (data.must_stay_home: false)"))
    if needs.data.sensitivity in rules.at_home:
        says = f"keep {needs.data.sensitivity} data out of the requests (data.sensitivity: internal)"
        found.append(Change(("data", "sensitivity"), needs.data.sensitivity, "internal", None, says))
    return found
