"""The architect's checklist before building, buying or tuning: each item answered, and from what, open, or not applicable."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from sim.catalog.catalog import Catalog
from sim.decision.advice_case import percent
from sim.decision.advice_defaults import advice_defaults
from sim.decision.effort import effort_of, unknowns
from sim.decision.facts import StrategyFacts
from sim.decision.gate_model import reaches
from sim.decision.needs import Needs
from sim.decision.needs_parts import CUSTOMISATIONS
from sim.decision.quality import PROMPTED
from sim.decision.triggers import Triggers

State = Literal["answered", "open", "not applicable"]
_TUNED = CUSTOMISATIONS.index("vendor_fine_tune")


@dataclass(frozen=True, slots=True)
class Item:
    """One item."""

    code: str
    asks: str
    state: State
    says: str
    """The answer; of an open item what is missing, with its key."""


def checklist(
    needs: Needs, facts: Sequence[StrategyFacts], taken: str | None, triggers: Triggers | None, catalog: Catalog
) -> tuple[Item, ...]:
    """All eleven, in the order of the blueprint; `triggers` are those of the recommended strategy `taken`."""
    chosen = next((each for each in facts if each.name == taken), None)
    return (
        _requirements(needs),
        _baseline(facts),
        _projection(needs, facts),
        _data(needs, facts),
        _team(needs, facts, catalog),
        _time(needs),
        _lock_in(chosen, facts, triggers),
        _metrics(needs),
        _documented(chosen),
        _review(needs, triggers, catalog),
        _privacy(needs, facts),
    )


def _item(code: str, asks: str, missing: Sequence[str], answer: str) -> Item:
    if missing:
        return Item(code, asks, "open", f"missing: {'; '.join(missing)}")
    return Item(code, asks, "answered", answer)


def _requirements(needs: Needs) -> Item:
    latency = [key for key in type(needs.latency).model_fields if getattr(needs.latency, key) is not None]
    missing = [] if needs.accuracy is not None else ["an accuracy target (accuracy)"]
    missing += [] if latency else ["how fast answers must be (latency)"]
    missing += [] if needs.throughput_per_s is not None else ["requests a second to be carried (throughput_per_s)"]
    missing += [] if "sensitivity" in needs.data.model_fields_set else ["what the requests hold (data.sensitivity)"]
    target = "" if needs.accuracy is None else f"accuracy {needs.accuracy.target:g}; "
    answer = f"{target}{', '.join(latency)}; throughput; {needs.data.sensitivity} data"
    return _item("requirements", "Are accuracy, latency, throughput and compliance written down?", missing, answer)


def _baseline(facts: Sequence[StrategyFacts]) -> Item:
    apis = [each for each in facts if each.strategy.kind in PROMPTED]
    asks = "Is the accuracy of a commercial API measured on our own tasks?"
    if not apis:
        return Item("baseline", asks, "not applicable", "no strategy asks a general model at a vendor")
    scored = [f"{each.name} {each.quality.score:.3f}" for each in apis if each.quality is not None]
    return _item("baseline", asks, [] if scored else ["a score of any API (quality)"], f"{len(scored)} of {len(apis)}: {', '.join(scored)}")


def _projection(needs: Needs, facts: Sequence[StrategyFacts]) -> Item:
    del needs
    costed = [each.name for each in facts if not each.strategy.served]
    least = f"; of {', '.join(costed)} training alone" if costed else ""
    daily = float(facts[0].requests_by_month.mean()) * 12 / 365
    answer = f"{len(facts)} strategies over {len(facts[0].months)} months, at {daily:,.0f} requests a day{least}"
    return _item("projection", "Is the cost of each option projected at production scale?", (), answer)


def _data(needs: Needs, facts: Sequence[StrategyFacts]) -> Item:
    asks = "Are volume, quality and labelling effort of the data assessed?"
    if all(CUSTOMISATIONS.index(reaches(each.strategy)) < _TUNED for each in facts):
        return Item("data", asks, "not applicable", "no strategy tunes or trains a model")
    data = needs.data_available
    missing = [] if data.examples is not None or data.tokens is not None else ["how much there is (data_available.examples)"]
    missing += [] if needs.agreed.labelling_effort else ["quality and labelling effort (agreed.labelling_effort)"]
    have = [f"{data.examples:,} examples"] if data.examples is not None else []
    have += [f"{data.tokens:,} tokens"] if data.tokens is not None else []
    return _item("data", asks, missing, f"{', '.join(have)}; quality and labelling assessed")


def _team(needs: Needs, facts: Sequence[StrategyFacts], catalog: Catalog) -> Item:
    asks = "Are the people there who build or tune, or only developers?"
    unknown = dict.fromkeys(key for each in facts for key in unknowns(needs.team, effort_of(each.strategy, catalog)))
    if not unknown and needs.team.developers is None and needs.team.ml_engineers is None:
        unknown = {"developers": None}
    team = needs.team
    have = [
        f"{count:g} {what}"
        for count, what in (
            (team.developers, "developers"),
            (team.ml_engineers, "ML engineers"),
            (team.devops_engineers, "DevOps engineers"),
        )
        if count is not None
    ]
    return _item("team", asks, [f"team.{key}" for key in unknown], ", ".join(have))


def _time(needs: Needs) -> Item:
    limit = needs.time_to_market_months
    missing = [] if limit is not None else ["months until it must be in production (time_to_market_months)"]
    return _item("time_to_market", "Is it said when it must be in production?", missing, f"within {limit or 0:g} months")


def _lock_in(chosen: StrategyFacts | None, facts: Sequence[StrategyFacts], triggers: Triggers | None) -> Item:
    asks = "What happens if the vendor changes prices or terms?"
    if not any(each.strategy.vendors for each in facts):
        return Item("lock_in", asks, "not applicable", "no strategy has a vendor")
    if chosen is not None and not chosen.strategy.vendors:
        return Item("lock_in", asks, "not applicable", f"{chosen.name} has no vendor")
    seen = (
        []
        if triggers is None
        else [each for name in ("price_rise", "model_retired", "vendor_outage") if (each := triggers.named(name)) is not None]
    )
    answer = ", ".join(f"{each.name.replace('_', ' ')} in {percent(each.p_fires)} of futures" for each in seen)
    return _item("lock_in", asks, [] if seen else ["prices and retirements over the months of the recommended strategy"], answer)


def _metrics(needs: Needs) -> Item:
    missing = [] if needs.agreed.evaluation_metrics else ["one test set and metric for all options (agreed.evaluation_metrics)"]
    return _item("evaluation_metrics", "Are all options held to the same test set and metric?", missing, "agreed")


def _documented(chosen: StrategyFacts | None) -> Item:
    missing = [] if chosen is not None else ["a strategy that passes: there is nothing to decide for yet"]
    return _item(
        "documented", "Is the decision written down with its reasons?", missing, "in the decision record of this run (sim decide -o)"
    )


def _review(needs: Needs, triggers: Triggers | None, catalog: Catalog) -> Item:
    usual = advice_defaults(catalog).review_months
    missing = [f"a review within {usual} months (review_months is {needs.review_months})"] if needs.review_months > usual else []
    when = f"after {needs.review_months} months" if triggers is None else f"{triggers.review.date.isoformat()}: {triggers.review.why}"
    return _item("review", "Is it said when the decision is looked at again?", missing, when)


def _privacy(needs: Needs, facts: Sequence[StrategyFacts]) -> Item:
    asks = "What data goes to third parties, and who owns the results?"
    vendors = tuple(dict.fromkeys(vendor for each in facts for vendor in each.strategy.vendors))
    if not vendors:
        return Item("privacy", asks, "not applicable", "no strategy has a vendor")
    missing = [] if needs.agreed.ip_and_privacy else ["what goes to third parties and who owns the results (agreed.ip_and_privacy)"]
    return _item("privacy", asks, missing, f"agreed; {needs.data.sensitivity} data may go to {', '.join(vendors)}")
