"""Whether a file holds assumptions behind decisions, and all that is wrong with it: `sim check FILE`."""

from __future__ import annotations

from pathlib import Path

from sim.catalog.yaml_file import read_document, validate
from sim.decision.advice_defaults import AdviceDefaults, CloudDefaults
from sim.decision.lock_in_given import LockInDefaults
from sim.decision.needs import Needs
from sim.decision.progression_defaults import ProgressionDefaults
from sim.decision.routing_defaults import RoutingDefaults
from sim.decision.rules import Rules
from sim.decision.training import TrainingDefaults
from sim.decision.trigger_defaults import TriggerDefaults
from sim.errors import InputError
from sim.stack.check import guess_kind
from sim.stack.cost_defaults import Sourced

SCHEMAS: tuple[tuple[str, type[Sourced]], ...] = (
    ("advice", AdviceDefaults),
    ("clouds", CloudDefaults),
    ("decision-progressions", ProgressionDefaults),
    ("decision-routing", RoutingDefaults),
    ("decision-rules", Rules),
    ("decision-training", TrainingDefaults),
    ("decision-triggers", TriggerDefaults),
    ("lock-in", LockInDefaults),
)
"""Kinds of these files, as they are called in models/defaults, and what must be in them."""


def check_decision_defaults(path: Path, shown: str, kind: str | None = None) -> str | None:
    """A file checked as one of these, told by its keys unless `kind` says which, and in words what it is; None for any other file.

    InputError with every problem.
    """
    schemas = dict(SCHEMAS)
    if kind is None and path.suffix in (".yaml", ".yml"):
        try:
            # Needs have keys in common with some of these; of both, the one that lacks fewer of its own is meant.
            kind = guess_kind(read_document(path, shown), {**schemas, "needs": Needs})
        except InputError:
            return None
    if kind not in schemas:
        return None
    validate(read_document(path, shown), schemas[kind])
    return kind
