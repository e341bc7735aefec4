"""Lock-in: what it costs, and how many weeks it takes, to leave each vendor of a strategy.

Three levels, as in a textbook's assessment of lock-in:

    model   prompts + evaluation
    api     features of the vendor in code; behind an abstraction layer a change of configuration
    data    models tuned there, made again elsewhere (none where weights can be exported) + logs and stored data

Weeks are those of one engineer, one level after the other; USD = weeks x 40 h x USD an hour + what others charge. That is held against
what the vendor charges: months of spend = USD / USD a month, and `pays_above` = USD / (USD a month x months), the share of the vendor's
bill that another one must save before leaving pays within the months. What users must get used to is not in it: nobody says.

A model of another vendor that stands in today at every rule has its prompts already; where it also has a score, its evaluation, too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from sim.catalog.catalog import Catalog
from sim.decision.facts import StrategyFacts
from sim.decision.lock_in_given import LeavingGiven, LockInDefaults
from sim.decision.needs_parts import Evaluation
from sim.decision.strategies import Strategy
from sim.stack.api_deployment import ApiDeployment
from sim.stack.resolve_costs import HOURS_PER_WEEK
from sim.stack.retraining import AtVendor, Retraining
from sim.stack.schema import Stack
from sim.units import MILLION

Level = Literal["model", "api", "data"]
LAYERS: frozenset[str] = frozenset({"litellm"})
"""Clients that hide the vendor from those who call."""
_VENDOR_LINE = "api_"


@dataclass(frozen=True, slots=True)
class Leaving:
    """One thing that leaving takes. Low and high differ where a range is known."""

    level: Level
    what: str
    weeks: float
    """Of one engineer, in the middle."""
    weeks_low: float
    weeks_high: float
    other_usd: float
    """Charged by others: compute of tuning, export."""
    usd: float
    """All of it, in the middle."""
    assumed: str
    """What of it nobody stated; empty: nothing."""


@dataclass(frozen=True, slots=True)
class LockIn:
    """One vendor of a strategy."""

    strategy: str
    vendor: str
    parts: tuple[Leaving, ...]
    usd_per_week: float
    spend_usd_per_month: float | None
    """What it charges, in the mean over futures and months; None where the strategy is not simulated."""
    months: int | None
    """Over which leaving should pay; None likewise."""

    @property
    def weeks(self) -> float:
        """Of one engineer, in all."""
        return sum(each.weeks for each in self.parts)

    @property
    def weeks_range(self) -> tuple[float, float]:
        """The least and the most of it."""
        return sum(each.weeks_low for each in self.parts), sum(each.weeks_high for each in self.parts)

    @property
    def usd(self) -> float:
        """In all, in the middle."""
        return sum(each.usd for each in self.parts)

    @property
    def usd_range(self) -> tuple[float, float]:
        """The least and the most of it."""
        other = sum(each.other_usd for each in self.parts)
        low, high = self.weeks_range
        return low * self.usd_per_week + other, high * self.usd_per_week + other

    @property
    def months_of_spend(self) -> float | None:
        """USD over what the vendor charges a month; None where that is not known, or nothing."""
        return self.usd / self.spend_usd_per_month if self.spend_usd_per_month else None

    @property
    def pays_above(self) -> float | None:
        """The share of the vendor's bill that must be saved before leaving pays within the months; above 1: it never does."""
        each = self.months_of_spend
        return None if each is None or not self.months else each / self.months

    def of(self, level: Level) -> float:
        """USD of one level."""
        return sum(each.usd for each in self.parts if each.level == level)


def lock_in(
    strategy: Strategy, catalog: Catalog, defaults: LockInDefaults, *, engineer_usd_per_hour: float,
    given: Mapping[str, LeavingGiven] | None = None, scores: Mapping[str, Evaluation] | None = None,
    spend_usd_per_month: Mapping[str, float] | None = None, months: int | None = None,
) -> tuple[LockIn, ...]:  # fmt: skip
    """What leaving each vendor of a strategy takes, the dearest first; nothing for one without vendors.

    `given` is what the needs say by vendor, `scores` the user's by model, `spend_usd_per_month` what each vendor charges.
    """
    if strategy.stack is None:
        return ()
    stack, usd_per_week = strategy.stack.stack, HOURS_PER_WEEK * engineer_usd_per_hour
    vendor_of = _vendors(stack, catalog)
    found = []
    for vendor in dict.fromkeys(vendor_of.values()):
        says = (given or {}).get(vendor) or LeavingGiven()
        own = {name for name, each in vendor_of.items() if each == vendor}
        parts = (
            *_model(stack, own, says, defaults, scores or {}, usd_per_week),
            _api(stack, own, vendor_of, says, defaults, usd_per_week),
            *_data(stack, own, says, defaults, usd_per_week),
        )
        spend = None if spend_usd_per_month is None else spend_usd_per_month.get(vendor, 0.0)
        found.append(LockIn(strategy.name, vendor, tuple(parts), usd_per_week, spend, months))
    return tuple(sorted(found, key=lambda each: (-each.usd, each.vendor)))


def lock_in_of(
    facts: StrategyFacts, catalog: Catalog, defaults: LockInDefaults, *, given: Mapping[str, LeavingGiven] | None = None,
    scores: Mapping[str, Evaluation] | None = None,
) -> tuple[LockIn, ...]:  # fmt: skip
    """The same from facts: the stack's own price of an engineer, and what its vendors charge; nothing for what is not served."""
    if facts.resolved is None:
        return ()
    return lock_in(
        facts.strategy, catalog, defaults, engineer_usd_per_hour=facts.resolved.costs.engineer_usd_per_hour, given=given, scores=scores,
        spend_usd_per_month=vendor_spend(facts, catalog), months=len(facts.months),
    )  # fmt: skip


def vendor_spend(facts: StrategyFacts, catalog: Catalog) -> Mapping[str, float] | None:
    """What each vendor charges for its models in USD a month, in the mean over futures and months; None without a forecast."""
    found, file = facts.forecast, facts.strategy.stack
    if found is None or file is None:
        return None
    vendor_of = _vendors(file.stack, catalog)
    # A batch lane has a name of its own, and the vendor of the deployment that it belongs to.
    lanes = {each.name: getattr(each, "lane_of", None) for each in facts.resolved.deployments} if facts.resolved is not None else {}
    spend = dict.fromkeys(vendor_of.values(), 0.0)
    for number, line in enumerate(found.lines):
        vendor = vendor_of.get(lanes.get(line.deployment) or line.deployment)
        if vendor is not None and line.kind == "invoice" and line.item.startswith(_VENDOR_LINE):
            spend[vendor] += float(found.usd[:, :, number].mean())
    return spend


def _vendors(stack: Stack, catalog: Catalog) -> dict[str, str]:
    """Vendors by deployment; pools have none."""
    return {name: catalog.api(each.model).vendor for name, each in stack.deployments.items() if isinstance(each, ApiDeployment)}


def _part(level: Level, what: str, weeks: tuple[float, float, float], usd_per_week: float, assumed: str, other: float = 0.0) -> Leaving:
    low, middle, high = weeks
    return Leaving(level, what, middle, low, high, other, middle * usd_per_week + other, assumed)


def _stated(value: float | None, key: str, defaults: LockInDefaults) -> tuple[float, str]:
    """A number of weeks as stated, else as assumed, with the reason."""
    return (value, "") if value is not None else (float(getattr(defaults, key)), defaults.source(key).source)


def _model(
    stack: Stack, own: set[str], says: LeavingGiven, defaults: LockInDefaults, scores: Mapping[str, Evaluation], usd_per_week: float
) -> tuple[Leaving, Leaving]:  # fmt: skip
    """Prompts and evaluation; another vendor's model (or an own one) that stands in at every rule has them already."""
    stand_ins = _stand_ins(stack, own)
    named = ", ".join(sorted(stand_ins))
    if says.prompts_weeks is not None:
        prompts = _part("model", "prompts", (says.prompts_weeks,) * 3, usd_per_week, "")
    elif stand_ins:
        prompts = _part(
            "model", f"prompts: {named} stands in and has its own", (0.0, 0.0, 0.0), usd_per_week, "that what stands in is prompted as well"
        )
    else:
        span = defaults.prompts_weeks
        weeks = (span.low, (span.low + span.high) / 2.0, span.high)
        prompts = _part("model", "prompts", weeks, usd_per_week, defaults.source("prompts_weeks").source)
    if says.evaluation_weeks is None and stand_ins and all(_model_of(stack, each) in scores for each in stand_ins):
        return prompts, _part("model", f"evaluation: {named} has a score", (0.0, 0.0, 0.0), usd_per_week, "")
    weeks_each, why = _stated(says.evaluation_weeks, "evaluation_weeks", defaults)
    return prompts, _part("model", "evaluation", (weeks_each,) * 3, usd_per_week, why)


def _stand_ins(stack: Stack, own: set[str]) -> frozenset[str]:
    """Deployments of others that answer where every rule that names the vendor has one; none where a rule has the vendor alone."""
    found: set[str] = set()
    for rule in stack.rules:
        places = [each.deployment for each in rule.to]
        if own.isdisjoint(places):
            continue
        others = [each for each in places if each not in own]
        if not others:
            return frozenset()
        found.add(others[0])
    return frozenset(found)


def _model_of(stack: Stack, deployment: str) -> str:
    each = stack.deployments[deployment]
    return each.model if isinstance(each, ApiDeployment) else each.llm


def _api(
    stack: Stack, own: set[str], vendor_of: Mapping[str, str], says: LeavingGiven, defaults: LockInDefaults, usd_per_week: float
) -> Leaving:  # fmt: skip
    """Code; a layer is there where the needs say so, or a router is the client, or several vendors answer already."""
    layered, why = says.abstraction_layer, ""
    if layered is None:
        layered = len(set(vendor_of.values())) > 1 or all(getattr(stack.deployments[name], "client", None) in LAYERS for name in own)
        why = "several vendors, or a router in front: calls are taken to hide the vendor" if layered else "no abstraction layer is named"
    key = "layer_weeks" if layered else "code_weeks"
    names = "" if not says.features else f" ({', '.join(says.features)})"
    if says.features == () and says.code_weeks is None:
        return _part("api", "code: no feature of this vendor alone", (0.0, 0.0, 0.0), usd_per_week, "")
    weeks, source = _stated(says.code_weeks, key, defaults)
    what = f"code behind an abstraction layer{names}" if layered else f"code without an abstraction layer{names}"
    return _part("api", what, (weeks,) * 3, usd_per_week, "; ".join(each for each in (why if source else "", source) if each))


def _data(stack: Stack, own: set[str], says: LeavingGiven, defaults: LockInDefaults, usd_per_week: float) -> tuple[Leaving, ...]:
    """Models tuned at the vendor, and logs."""
    tuned = [each for each in stack.retraining if each.deployment in own and isinstance(each.where, AtVendor)]
    count = len(tuned) if says.fine_tunes is None else says.fine_tunes
    weeks, why = _stated(says.export_weeks, "export_weeks", defaults)
    export = _part("data", "logs and stored data", (weeks,) * 3, usd_per_week, why, says.export_usd)
    if not count:
        return (export,)
    if says.weights_exportable:
        return _part("data", f"{count} fine-tunes: weights can be exported", (0.0, 0.0, 0.0), usd_per_week, ""), export
    weeks, why = _stated(says.fine_tune_weeks, "fine_tune_weeks", defaults)
    each_usd = says.fine_tune_usd
    if each_usd is None:
        each_usd = sum(_tuning_usd(each) for each in tuned) / len(tuned) if tuned else 0.0
        said = "compute as the stack pays for it now" if tuned else "compute not stated, and not counted (fine_tune_usd)"
        why = f"{why}; {said}" if why else said
    label = "fine-tune" if count == 1 else "fine-tunes"
    return _part("data", f"{count} {label} made again elsewhere", (count * weeks,) * 3, usd_per_week, why, count * each_usd), export


def _tuning_usd(each: Retraining) -> float:
    """One run at the vendor's price, and its evaluation; labels are one's own and stay."""
    assert isinstance(each.where, AtVendor)
    return max(each.where.minimum_usd, each.tokens / MILLION * each.where.usd_per_mtok) + each.evaluation_usd
