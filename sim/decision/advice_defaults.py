"""What advice and the cloud mapping go by: models/defaults/advice.yaml and clouds.yaml."""

from __future__ import annotations

from sim.catalog.catalog import Catalog
from sim.catalog.strict import Count, NotNegative, Positive, Share, Strict
from sim.decision.needs_parts import Kind
from sim.stack.cost_defaults import Sourced


class AdviceDefaults(Sourced):
    """Levels from which a habit is a mistake, and what hidden costs are where a bill has no line for them."""

    usual_examples: Count
    at_scale_tokens_per_day: Positive
    small_requests_per_day: Positive
    hardly_cheaper_share: Share
    good_enough_share: Share
    review_months: Count
    hidden_after_months: Count
    evaluation_fte: NotNegative
    security_weeks_per_year: NotNegative
    compliance_fte: NotNegative
    prompt_fte: NotNegative


class OnClouds(Strict):
    """The service of one track at each cloud."""

    gcp: str
    aws: str
    azure: str


class CloudDefaults(Sourced):
    """Services by track, and the tracks that each kind of strategy takes."""

    tracks: dict[str, OnClouds]
    tracks_by_kind: dict[Kind, tuple[str, ...]]


def advice_defaults(catalog: Catalog) -> AdviceDefaults:
    """The levels from the first folder of the catalogue that has them."""
    return catalog.shared("defaults/advice.yaml", AdviceDefaults)


def cloud_defaults(catalog: Catalog) -> CloudDefaults:
    """The mapping from the first folder of the catalogue that has it."""
    return catalog.shared("defaults/clouds.yaml", CloudDefaults)
