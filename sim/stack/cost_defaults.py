"""The assumptions behind costs that a stack does not state: people, ownership, on-premises and retraining in models/defaults/."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from sim.catalog.catalog import Catalog
from sim.catalog.strict import NotNegative, Positive, Share, Source, Strict
from sim.stack.costs import HiddenShare

StackKind = Literal["api_only", "tuned_api", "with_gpus"]
"""api_only: no GPUs; tuned_api: neither, and a vendor tunes a model of it; with_gpus: at least one deployment on GPUs."""


class Sourced(Strict):
    """A file of assumptions that says where each comes from."""

    sources: tuple[Source, ...] = Field(min_length=1)

    def source(self, key: str) -> Source:
        """Where the value of a key comes from."""
        return next(source for source in self.sources if key in source.keys)


class DiskDefaults(Sourced):
    """What a GB of a disk costs in a month, in USD, by provider and kind of disk."""

    usd_per_gb_month: dict[str, dict[str, Positive]]
    default_kind: dict[str, str]


class LeadTimes(Sourced):
    """Days between an order and GPUs that serve, by how they are bought."""

    rented_days: NotNegative
    reserved_days: NotNegative
    bought_days: NotNegative


class Places(Strict):
    """People of one kind of stack, in full-time equivalents."""

    ml_engineers: NotNegative
    devops_engineers: NotNegative
    on_call: NotNegative


class PeopleDefaults(Sourced):
    """Who works on a stack, and what they cost in USD."""

    api_only: Places
    with_gpus: Places
    ml_engineer_usd_per_month: NotNegative
    devops_engineer_usd_per_month: NotNegative
    on_call_usd_per_month: NotNegative
    engineer_usd_per_hour: NotNegative
    incident_response_hours_per_incident: NotNegative


class MonthsByKind(Strict):
    """Months by kind of stack."""

    api_only: NotNegative
    tuned_api: NotNegative
    with_gpus: NotNegative


class OwnershipDefaults(Sourced):
    """What else a stack costs, and how long it takes to get there."""

    hidden_share_api_only: HiddenShare
    hidden_share_with_gpus: HiddenShare
    migration_engineer_weeks: NotNegative
    time_to_production_months: MonthsByKind


class OnPremisesDefaults(Sourced):
    """What owning GPUs costs beside their price."""

    server_overhead_share: NotNegative
    spare_share: NotNegative
    life_months: Positive
    residual_share: Share
    pue: Positive
    usd_per_kwh: NotNegative


class RetrainingDefaults(Sourced):
    """How retraining goes."""

    mfu: Positive
    label_overhead_share: NotNegative
    failure_share: Share
    rollback_share: Share


def people_defaults(catalog: Catalog) -> PeopleDefaults:
    """The assumptions about people, from the first folder of the catalogue that has them."""
    return catalog.shared("defaults/people.yaml", PeopleDefaults)


def ownership_defaults(catalog: Catalog) -> OwnershipDefaults:
    """Likewise about hidden costs, migration and time to production."""
    return catalog.shared("defaults/ownership.yaml", OwnershipDefaults)


def on_premises_defaults(catalog: Catalog) -> OnPremisesDefaults:
    """Likewise about GPUs of one's own."""
    return catalog.shared("defaults/on-premises.yaml", OnPremisesDefaults)


def retraining_defaults(catalog: Catalog) -> RetrainingDefaults:
    """Likewise about retraining."""
    return catalog.shared("defaults/retraining.yaml", RetrainingDefaults)
