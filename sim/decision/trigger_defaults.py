"""When switch signals fire where the needs do not say: models/defaults/decision-triggers.yaml."""

from __future__ import annotations

from pydantic import Field

from sim.catalog.catalog import Catalog
from sim.catalog.strict import Count, NotNegative, Strict
from sim.decision.training import Range
from sim.stack.cost_defaults import Sourced

_PLACE = "defaults/decision-triggers.yaml"


class Level(Strict):
    """From which level a signal fires, and for how many months in a row it must hold."""

    threshold: NotNegative = Field(description="in the unit of its rule")
    months: Count


class TriggerDefaults(Sourced):
    """Every signal, by name."""

    bill_above_self_hosting: Level
    price_rise: Level
    model_retired: Level
    regulation: Level
    customisation_outgrown: Level
    talent_there: Level
    fallback_rate: Level
    slo_missed: Level
    vendor_outage: Level
    volume_leverage: Level
    tasks_differ: Level
    better_model: Level
    engineer_leaves: Level
    compliance_above_savings: Level
    vendor_feature: Level
    hiring_months: Range

    def level(self, name: str) -> Level:
        """That of a signal."""
        found = getattr(self, name)
        assert isinstance(found, Level)
        return found


def trigger_defaults(catalog: Catalog) -> TriggerDefaults:
    """The levels from the first folder of the catalogue that has them."""
    return catalog.shared(_PLACE, TriggerDefaults)
