"""How a move from one strategy to another goes where the needs do not say: models/defaults/decision-progressions.yaml."""

from __future__ import annotations

from sim.catalog.catalog import Catalog
from sim.catalog.strict import NotNegative, Share, Strict
from sim.stack.cost_defaults import Sourced


class MigrationWeeks(Strict):
    """Weeks of one engineer by what is done in them."""

    infrastructure: NotNegative
    prompts: NotNegative
    evaluation: NotNegative
    traffic: NotNegative


class ProgressionDefaults(Sourced):
    """Months, shares and weeks of a move."""

    ramp_months: NotNegative
    parallel_months: NotNegative
    rollback_share: Share
    retry_months: NotNegative
    tolerated_drop: Share
    migration_weeks: MigrationWeeks


def progression_defaults(catalog: Catalog) -> ProgressionDefaults:
    """The assumptions from the first folder of the catalogue that has them."""
    return catalog.shared("defaults/decision-progressions.yaml", ProgressionDefaults)
