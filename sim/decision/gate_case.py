"""What a gate is asked, and what it answers: steps of the decision tree, with what would have to change for each strategy it rules out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sim.catalog.catalog import Catalog
from sim.decision.effort import Effort, effort_of
from sim.decision.needs import Needs
from sim.decision.rules import Rules
from sim.decision.strategies import Strategy
from sim.futures.forecast import Band
from sim.stack.schema import Deployment, Stack


@dataclass(frozen=True)
class Case:
    """Needs, what there is to choose from, and what is known of it."""

    needs: Needs
    strategies: tuple[Strategy, ...]
    rules: Rules
    catalog: Catalog
    tco_usd: Mapping[str, Band]
    """Of all months, by strategy, of those that were simulated."""
    trace_tokens_per_month: float | None

    def effort(self, strategy: Strategy) -> Effort:
        """People and months that a strategy takes."""
        return effort_of(strategy, self.catalog)

    def vendors(self, strategy: Strategy) -> tuple[str, ...]:
        """Vendors that see requests."""
        return vendors_of(strategy, self.catalog)


@dataclass(frozen=True, slots=True)
class Branch:
    """One possible answer, and what follows from it."""

    answer: str
    then: str


@dataclass(frozen=True, slots=True)
class Change:
    """One value of the needs that would have to be another."""

    path: tuple[str, ...]
    """Keys from the top of the needs file."""
    found: object
    """None where the needs leave it out."""
    needed: object
    by: float | None
    """How much more or less, in the unit of the key; None where it is no number."""
    says: str
    """In words."""


@dataclass(frozen=True)
class Step:
    """One question of the tree with its answer, of the `branches` the one `taken`, and the strategies that it rules out."""

    name: str
    question: str
    branches: tuple[Branch, ...]
    taken: int
    why: str
    """What in the needs says so."""
    ruled_out: Mapping[str, str]
    """Reason by strategy; also of strategies that an earlier step rules out."""
    changes: Mapping[str, tuple[Change, ...]]
    """What would have to be otherwise, by the same strategies."""

    @property
    def answer(self) -> str:
        """The branch that is taken."""
        return self.branches[self.taken].answer


def reached(stack: Stack) -> list[tuple[str, Deployment]]:
    """Deployments that rules send requests to, by name."""
    names = dict.fromkeys(target.deployment for rule in stack.rules for target in rule.to)
    return [(name, stack.deployments[name]) for name in names if name in stack.deployments]


def vendors_of(strategy: Strategy, catalog: Catalog) -> tuple[str, ...]:
    """Vendors of APIs that may see requests, also those of what a progression goes over to."""
    later = () if strategy.then is None else reached(strategy.then.stack.stack)
    return tuple(dict.fromkeys((*strategy.vendors, *(catalog.api(each.model).vendor for _, each in later if each.kind == "api"))))


def stacks_of(strategy: Strategy) -> tuple[Stack, ...]:
    """The stack of a strategy, and that which it goes over to."""
    then = () if strategy.then is None else (strategy.then.stack.stack,)
    return (*(() if strategy.stack is None else (strategy.stack.stack,)), *then)


def listed(words: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
