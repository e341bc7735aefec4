"""The decision tree: question by question, which strategies the needs rule out, why, and what would have to change to let them in.

The order is that of the tree: sensitivity of the data and where it must stay, customisation (with the data to tune on and the five
conditions of a model of one's own), volume and latency, team, time to market, budget. Each question is put to every strategy, also to
those that are out already, so that what would let one in is told whole. What the needs leave out, or nobody knows, rules nothing out;
only the five conditions must be shown to hold. Relaxing a requirement never rules out more, with one exception that is meant: a lower
accuracy target may show that existing models are good enough, and then nobody needs one of their own.

The questions themselves are in sim/decision/gate_data.py, gate_model.py and gate_means.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sim.catalog.catalog import Catalog
from sim.decision.gate_case import Case, Change, Step
from sim.decision.gate_data import residency, sensitivity
from sim.decision.gate_means import budget, team, time_to_market
from sim.decision.gate_model import customisation, latency_and_volume, own_model, tuning_data
from sim.decision.needs import Needs
from sim.decision.rules import rules_of
from sim.decision.strategies import Strategy
from sim.futures.forecast import Band

QUESTIONS = (sensitivity, residency, customisation, tuning_data, own_model, latency_and_volume, team, time_to_market, budget)


@dataclass(frozen=True)
class Tree:
    """Every question with its answer, and what is left after the last."""

    steps: tuple[Step, ...]
    strategies: tuple[str, ...]
    """All of them, in the order given."""

    @property
    def path(self) -> tuple[str, ...]:
        """The answers, from the first question to the last."""
        return tuple(step.answer for step in self.steps)

    @property
    def left(self) -> tuple[str, ...]:
        """Strategies that no gate rules out."""
        return tuple(name for name in self.strategies if not self.reasons(name))

    def reasons(self, strategy: str) -> tuple[str, ...]:
        """Why a strategy is out, one reason a gate; nothing for one that is left."""
        return tuple(step.ruled_out[strategy] for step in self.steps if strategy in step.ruled_out)

    def changes(self, strategy: str) -> tuple[Change, ...]:
        """What would have to change to let a strategy in; all of it, together. Of two that ask for the same, the one that asks for more."""
        found: dict[tuple[str, ...], Change] = {}
        for change in (change for step in self.steps for change in step.changes.get(strategy, ())):
            known = found.get(change.path)
            if known is None or (change.by or 0) > (known.by or 0):
                found[change.path] = change
        return tuple(found.values())

    @property
    def nearest(self) -> tuple[str, ...]:
        """Strategies that are out, those first that take the fewest changes."""
        out = [name for name in self.strategies if name not in self.left]
        return tuple(sorted(out, key=lambda name: len(self.changes(name))))

    @property
    def relax(self) -> tuple[str, ...]:
        """Where everything is ruled out: what to relax and by how much, one line a strategy; else nothing."""
        if self.left:
            return ()
        return tuple(f"{name}: {'; '.join(change.says for change in self.changes(name))}" for name in self.nearest)


def gates(
    needs: Needs,
    strategies: Sequence[Strategy],
    catalog: Catalog,
    *,
    tco_usd: Mapping[str, Band] | None = None,
    tokens_per_month: float | None = None,
) -> Tree:
    """The tree of needs and strategies; before anything is simulated, or with the TCO of all months of those that are.

    `tokens_per_month` of the trace, where the needs do not say it.
    """
    case = Case(needs, tuple(strategies), rules_of(catalog), catalog, dict(tco_usd or {}), tokens_per_month)
    steps = [step for question in QUESTIONS if (step := question(case)) is not None]
    return Tree(tuple(steps), tuple(each.name for each in strategies))
