"""What gates and scores go by where needs say nothing (models/defaults/decision-rules.yaml): terms, thresholds, levels of control."""

from __future__ import annotations

from sim.catalog.catalog import Catalog
from sim.catalog.strict import Positive
from sim.decision.needs import Level
from sim.decision.needs_parts import Kind, Sensitivity, Term
from sim.stack.cost_defaults import Sourced

PLACE = "defaults/decision-rules.yaml"


class Rules(Sourced):
    """Thresholds of the decision tree and levels of the scores, each with its source."""

    terms_by_sensitivity: dict[Sensitivity, tuple[Term, ...]]
    """Terms without which a vendor may not see such data."""
    at_home: tuple[Sensitivity, ...]
    """Data that no vendor may see."""
    api_ttft_s: Positive
    """A first token sooner than this is for own machines."""
    high_volume_tokens_per_month: Positive
    """From here a tree sends people to own machines; the simulation says whether it is right."""
    hiring_months: Positive
    fewest_examples: Positive
    """Tuning on fewer makes a model worse."""
    enough_examples: Positive
    enough_tokens: dict[Kind, Positive]
    """Of text of the domain, to train on."""
    months_to_train: Positive
    """Development that must be allowed before a model of one's own has to earn."""
    control: dict[Kind, Level]
    """How far each kind of strategy has the model in hand, from 1 to 5."""
    control_needed: dict[str, Level]
    """By differentiation: none, some, core."""


def rules_of(catalog: Catalog) -> Rules:
    """The rules of the first folder of the catalogue that has them."""
    return catalog.shared(PLACE, Rules)
