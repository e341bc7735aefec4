"""Switch signals in words: what each of them bears on, what it means, and what to do when it fires."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from sim.decision import trigger_rules as rules
from sim.decision.strategies import Strategy

Direction = Literal["api->self_hosted", "self_hosted->api", "single->multi"]
_OUT: Direction = "api->self_hosted"
_BACK: Direction = "self_hosted->api"
_WIDER: Direction = "single->multi"


@dataclass(frozen=True, slots=True)
class Signal:
    """One signal. In `what` stand {level} and {months}, the months in a row."""

    name: str
    direction: Direction | None
    """None: away from what is watched, whatever that is."""
    rule: rules.Rule
    unit: str
    """Of its threshold."""
    what: str
    do: str
    chance: bool = False
    """Whether it happens at random: its threshold is then a rate."""


def direction_of(signal: Signal, strategy: Strategy) -> Direction | None:
    """Where a signal moves a strategy: away from APIs, from own GPUs, or from the one vendor there is; None where it bears on none."""
    if not strategy.served:
        return None
    if signal.direction is None:
        return _BACK if strategy.own_gpus else _WIDER if len(strategy.vendors) == 1 else _OUT
    bears = {_OUT: bool(strategy.vendors), _WIDER: len(strategy.vendors) == 1, _BACK: strategy.own_gpus}
    return signal.direction if bears[signal.direction] else None


def _percent(value: float) -> str:
    return f"{100 * value:.4g} %"


def _usd(value: float) -> str:
    return f"{value:,.0f} USD"


_SHOWN: tuple[tuple[str, Callable[[float], str]], ...] = (("share", _percent), ("USD a month", _usd))


def shown(signal: Signal, threshold: float) -> str:
    """A threshold as texts show it."""
    return dict(_SHOWN).get(signal.unit, "{:g}".format)(threshold)


SIGNALS = (
    Signal(
        "bill_above_self_hosting", _OUT, rules.bill_above_self_hosting, "times the TCO",
        "the bill of the API is above {level} times everything that self-hosting costs, {months} in a row",
        "hold the move against its own cost (migration, ramp, people), then plan it for when it pays back",
    ),
    Signal(
        "price_rise", _OUT, rules.price_rise, "share",
        "tokens cost over {level} more than in the first month",
        "ask for other terms, try the next cheaper model, forecast again with the new prices",
    ),
    Signal(
        "model_retired", _OUT, rules.model_retired, "models",
        "a model that answers is retired, so that prompts and tests must be redone whatever comes next",
        "put own hosting and other vendors into the same evaluation as the successor: the work is the same",
    ),
    Signal(
        "regulation", _OUT, rules.regulation, "times a year",
        "a rule asks for control over the data that no vendor gives", "ask vendors for terms and residency; else go where the data may go",
        chance=True,
    ),
    Signal(
        "customisation_outgrown", _OUT, rules.customisation_outgrown, "times a year",
        "what must be changed about the model is beyond what vendors' tuning does", "measure an own fine-tune on the same test set",
        chance=True,
    ),
    Signal(
        "talent_there", _OUT, rules.talent_there, "share",
        "those who can run machines are there", "own hosting is open from now on: it needs no other reason to be compared",
    ),
    Signal(
        "slo_missed", None, rules.slo_missed, "levels",
        "service levels are missed, {months} in a row", "add replicas, ask for higher limits, or let another place take what is too much",
    ),
    Signal(
        "fallback_rate", _WIDER, rules.fallback_rate, "share",
        "over {level} of the answers of a month come from a fallback",
        "look into the reliability of the first place; give its traffic to two vendors",
    ),
    Signal(
        "vendor_outage", _WIDER, rules.vendor_outage, "hours",
        "the only vendor is out for more than {level} hours at once",
        "add a second vendor as a fallback, tested and with limits of its own",
    ),
    Signal(
        "volume_leverage", _WIDER, rules.volume_leverage, "USD a month",
        "the one vendor charges {level} a month or more, {months} in a row", "ask two vendors for offers and negotiate",
    ),
    Signal(
        "tasks_differ", _WIDER, rules.tasks_differ, "classes",
        "{level} classes of requests or more are answered by one model", "route what is simple to a cheaper model",
    ),
    Signal(
        "better_model", _BACK, rules.better_model, "times a year",
        "an API has a model that is significantly better than the own one", "run the evaluation on it; go over if the difference holds",
        chance=True,
    ),
    Signal(
        "engineer_leaves", _BACK, rules.engineer_leaves, "times a year for each",
        "an ML engineer who keeps it running leaves", "if nobody follows in time, let an API answer: keep the route to one open",
        chance=True,
    ),
    Signal(
        "compliance_above_savings", _BACK, rules.compliance_above_savings, "times the savings",
        "audits, documents and security tests of own machines cost over {level} times what is saved without them, {months} in a row",
        "ask vendors for the terms that are needed (BAA, SOC 2, residency); go over if they have them",
    ),
    Signal(
        "vendor_feature", _BACK, rules.vendor_feature, "times a year",
        "a vendor offers what was missing: tuning, residency, terms", "walk through the gates again with it",
        chance=True,
    ),
)  # fmt: skip
"""Every signal, in the order in which they are shown."""
NAMES = tuple(signal.name for signal in SIGNALS)
