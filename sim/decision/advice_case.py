"""What a check of advice is asked, and what it answers: figures of the run, a sentence, and the money that is at stake. Money is USD."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from sim.catalog.catalog import Catalog
from sim.decision.advice_defaults import AdviceDefaults
from sim.decision.facts import StrategyFacts
from sim.decision.gate_model import reaches
from sim.decision.needs import Needs
from sim.decision.quality import PROMPTED, NinetyPercentRule
from sim.decision.rules import Rules
from sim.decision.trigger_rules import api_bill
from sim.futures.forecast import FloatArray
from sim.stack.cost_defaults import PeopleDefaults

Severity = Literal["stop", "warning", "note"]
"""stop: do not go on before this is settled; warning: a known mistake; note: worth knowing."""
DAYS_PER_MONTH = 365.0 / 12.0
MONTHS_PER_YEAR = 12.0
BLUEPRINT = "anti-patterns of a build-vs-buy blueprint"
TEXTBOOK = "a textbook on build vs. buy"
_TUNED = frozenset({"vendor_fine_tune", "own_fine_tune"})
_OWN = frozenset({"self_hosted", "on_premises", "own_fine_tune", "continued_pretraining", "from_scratch"})


@dataclass(frozen=True, slots=True)
class Figure:
    """One piece of evidence."""

    name: str
    value: float
    unit: str
    """`usd`, `share`, `tokens_per_day` and the like; empty for a bare number."""


@dataclass(frozen=True, slots=True)
class Advice:
    """One thing to know or to mend."""

    code: str
    severity: Severity
    strategy: str
    """Whom it concerns."""
    says: str
    do: str
    evidence: tuple[Figure, ...]
    usd_at_stake: float
    """Over all months, in the mean; 0 where no money hangs on it that could be told."""
    source: str
    """Where the rule comes from."""


@dataclass(frozen=True)
class AdviceCase:
    """Needs, facts of every strategy in the same futures, and what is recommended."""

    needs: Needs
    facts: tuple[StrategyFacts, ...]
    taken: StrategyFacts | None
    """None where nothing passes."""
    ninety: NinetyPercentRule | None
    known: AdviceDefaults
    rules: Rules
    people: PeopleDefaults
    catalog: Catalog

    @property
    def months(self) -> int:
        """M."""
        return len(self.facts[0].months)

    @property
    def api(self) -> StrategyFacts | None:
        """The cheapest of those that only prompt a model at a vendor."""
        return cheapest([each for each in self.facts if each.strategy.kind in PROMPTED and each.strategy.vendors])

    @property
    def own(self) -> StrategyFacts | None:
        """The cheapest of those whose first place is on own or rented GPUs, whatever stands behind them; no hybrids."""
        return cheapest([each for each in self.facts if each.strategy.own_gpus and each.strategy.kind in _OWN])

    @property
    def tuned(self) -> tuple[StrategyFacts, ...]:
        """Those in which a model is tuned, at a vendor or at home; the recommended one first."""
        found = [each for each in self.facts if reaches(each.strategy) in _TUNED]
        return tuple(sorted(found, key=lambda each: not self.is_taken(each)))

    def is_taken(self, each: StrategyFacts) -> bool:
        """Whether it is the recommended strategy."""
        return self.taken is not None and self.taken.name == each.name


def cheapest(facts: Sequence[StrategyFacts]) -> StrategyFacts | None:
    """That with the lowest TCO in the mean; None of none."""
    return min(facts, key=lambda each: total(each), default=None)


def totals(each: StrategyFacts) -> FloatArray:
    """[F] TCO of all months."""
    return np.asarray(each.tco_usd_by_month.sum(axis=1), np.float64)


def total(each: StrategyFacts) -> float:
    """The same in the mean."""
    return float(totals(each).mean())


def vendor_bill(each: StrategyFacts) -> FloatArray:
    """[F, M] what vendors of models charge; nothing for a strategy that is not served."""
    return np.zeros(each.tco_usd_by_month.shape) if each.forecast is None else api_bill(each.forecast)


def items_usd(each: StrategyFacts, *items: str) -> float:
    """Lines of the bill by item, over all months, in the mean; an item that ends in `_` stands for all that begin so."""
    found = each.forecast
    if found is None:
        return 0.0
    chosen = [
        k
        for k, line in enumerate(found.lines)
        if any(line.item == item or (item.endswith("_") and line.item.startswith(item)) for item in items)
    ]
    return float(found.usd[:, :, chosen].sum(axis=(1, 2)).mean())


def a_day(each: StrategyFacts) -> float:
    """Requests a day over all months, in the mean."""
    return float(each.requests_by_month.mean()) / DAYS_PER_MONTH


def usd(amount: float) -> str:
    """`USD 1,234`."""
    return f"{'-' if amount < 0 else ''}USD {abs(amount):,.0f}"


def percent(share: float) -> str:
    """A share of futures or of money in whole percent, never rounded to certainty: `31 %`, `<1 %`, `>99 %`."""
    if 0 < share < 0.005:
        return "<1 %"
    return ">99 %" if 0.995 <= share < 1 else f"{share * 100:.0f} %"
