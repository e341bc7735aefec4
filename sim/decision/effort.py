"""Who each strategy takes, and how long until it serves: what gates and scores hold against the team, before anything is simulated."""

from __future__ import annotations

from dataclasses import dataclass

from sim.catalog.catalog import Catalog
from sim.decision.needs_parts import Team
from sim.decision.rules import Rules
from sim.decision.strategies import Strategy
from sim.decision.training import TrainingDefaults
from sim.stack.cost_defaults import ownership_defaults, people_defaults
from sim.stack.resolve_costs import kind_of
from sim.stack.schema import Stack

_TRAINING = "defaults/decision-training.yaml"


@dataclass(frozen=True, slots=True)
class Effort:
    """What a strategy takes: people in full-time equivalents, and months until it serves without anyone to be hired first."""

    ml_engineers: float
    devops_engineers: float
    security: bool
    """Whether machines are there to be secured and audited."""
    pretraining: bool
    """Whether someone must have pre-trained a model before."""
    months_to_production: float
    team_first: bool
    """Whether these people are needed before it serves; not those of what a progression goes over to."""

    @property
    def team(self) -> bool:
        """Whether it takes more than developers who call an API."""
        return self.security or self.pretraining


@dataclass(frozen=True, slots=True)
class Lack:
    """One thing that a team lacks for a strategy."""

    key: str
    """Of `team` in the needs."""
    there: float
    needed: float
    what: str


def effort_of(strategy: Strategy, catalog: Catalog) -> Effort:
    """People as the stack is costed with them, the more of those it begins with and goes over to; of training the least of its range."""
    now = None if strategy.stack is None else strategy.stack.stack
    later = None if strategy.then is None else strategy.then.stack.stack
    ml, devops, months = 0.0, 0.0, 0.0
    for stack in (now, later):
        if stack is not None and kind_of(stack) == "with_gpus":
            places = people_defaults(catalog).with_gpus
            people = stack.people
            ml = max(ml, places.ml_engineers if people.ml_engineers is None else people.ml_engineers)
            devops = max(devops, places.devops_engineers if people.devops_engineers is None else people.devops_engineers)
    if now is not None:
        months = _months(now, catalog)
    machines = any(stack is not None and kind_of(stack) == "with_gpus" for stack in (now, later))
    if strategy.kind == "continued_pretraining" or strategy.kind == "from_scratch":
        training = catalog.shared(_TRAINING, TrainingDefaults).of(strategy.kind)
        ml, months, machines = max(ml, training.ml_engineers.p5), max(months, training.months.middle), True
        devops = max(devops, people_defaults(catalog).with_gpus.devops_engineers)
    first = strategy.trained or (now is not None and kind_of(now) == "with_gpus")
    return Effort(ml, devops, machines, strategy.trained, months, first)


def lacks(team: Team, effort: Effort) -> tuple[Lack, ...]:
    """What is known to be missing; what the needs do not say is not."""
    found = []
    if effort.team:
        for key, needed, what in (
            ("ml_engineers", effort.ml_engineers, "ML engineers"),
            ("devops_engineers", effort.devops_engineers, "DevOps engineers"),
        ):
            there = getattr(team, key)
            if there is not None and there < needed:
                found.append(Lack(key, there, needed, what))
        if effort.security and team.security is False:
            found.append(Lack("security", 0, 1, "someone who secures machines"))
        if effort.pretraining and team.pretraining_experience is False:
            found.append(Lack("pretraining_experience", 0, 1, "someone who has pre-trained a model"))
    return tuple(found)


def unknowns(team: Team, effort: Effort) -> tuple[str, ...]:
    """Keys of `team` that the needs leave out, and that a strategy depends on."""
    if not effort.team:
        return ()
    keys = ["ml_engineers", "devops_engineers"]
    if effort.security:
        keys.append("security")
    if effort.pretraining:
        keys.append("pretraining_experience")
    return tuple(key for key in keys if getattr(team, key) is None)


def hiring_months(team: Team, rules: Rules) -> float:
    """Months until those who are missing are there."""
    return rules.hiring_months if team.hiring_months is None else team.hiring_months


def months_with_hiring(team: Team, effort: Effort, rules: Rules) -> float:
    """Months until it serves: hiring goes before building, where people are missing that it cannot begin without."""
    wait = hiring_months(team, rules) if effort.team_first and lacks(team, effort) else 0.0
    return effort.months_to_production + wait


def _months(stack: Stack, catalog: Catalog) -> float:
    given = stack.costs.time_to_production_months
    return float(getattr(ownership_defaults(catalog).time_to_production_months, kind_of(stack)) if given is None else given)
