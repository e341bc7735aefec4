"""What routing and challengers go by where the needs do not say: models/defaults/decision-routing.yaml."""

from __future__ import annotations

from sim.catalog.catalog import Catalog
from sim.catalog.strict import Count, Positive, Share
from sim.stack.cost_defaults import Sourced


class RoutingDefaults(Sourced):
    """The router, the challenger, and how sure a comparison must be."""

    router_output_tokens: Count
    router_error_share: Share
    challenger_share: Share
    graded_share: Share
    difference_worth: Positive
    power: Share
    confidence: Share
    replay_tolerance: Share

    def words(self, key: str) -> str:
        """A value that was assumed, and why."""
        return f"{key} {getattr(self, key):g}: {self.source(key).source}"


def routing_defaults(catalog: Catalog) -> RoutingDefaults:
    """The assumptions from the first folder of the catalogue that has them."""
    return catalog.shared("defaults/decision-routing.yaml", RoutingDefaults)
