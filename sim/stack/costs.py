"""What a stack declares of costs beside tokens and GPU-hours: people, tooling, data, compliance, incidents, migration, what is hidden.

A key left out costs nothing, or is assumed, some by the kind of stack (models/defaults/people.yaml, ownership.yaml); `sim explain` says so.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from sim.catalog.strict import Strict
from sim.stack.quantity import Number, Share, Usd

Monthly = Annotated[Number, Field(le=1000)]
"""Months, at most 83 years of them."""
Hours = Annotated[Number, Field(le=1_000_000)]


class People(Strict):
    """Who works on the stack, in full-time equivalents; only in the total cost of ownership, never on the invoice."""

    ml_engineers: Number | None = Field(default=None, le=10_000, description="ML engineers; absent: assumed by the kind of stack")
    devops_engineers: Number | None = Field(default=None, le=10_000, description="DevOps engineers; absent: assumed by the kind of stack")
    on_call: Number | None = Field(default=None, le=10_000, description="people on call; absent: assumed, none")
    ml_engineer_usd_per_month: Usd | None = Field(default=None, description="cost of an ML engineer with everything; absent: assumed")
    devops_engineer_usd_per_month: Usd | None = Field(default=None, description="cost of a DevOps engineer; absent: assumed")
    on_call_usd_per_month: Usd | None = Field(default=None, description="cost of a full-time place on call; absent: assumed")


class Storage(Strict):
    """Weights and data that are kept."""

    gb: Number = Field(le=1e12, description="how much is kept, in GB")
    usd_per_gb_month: Usd = Field(description="price of a GB for a month")


class Egress(Strict):
    """Data sent out of a provider's network."""

    gb_per_month: Number = Field(le=1e12, description="how much is sent out, in GB a month")
    usd_per_gb: Usd = Field(description="price of a GB")


class Development(Strict):
    """Work before the first request, once: an amount, or hours."""

    usd: Usd | None = Field(default=None, description="what it costs")
    hours: Hours | None = Field(default=None, description="or how many hours it takes")
    usd_per_hour: Usd | None = Field(default=None, description="price of such an hour; absent: engineer_usd_per_hour")

    @model_validator(mode="after")
    def _one_way(self) -> Development:
        if (self.usd is None) == (self.hours is None):
            raise ValueError("either usd or hours is needed, not both and not neither")
        if self.usd is not None and self.usd_per_hour is not None:
            raise ValueError("usd_per_hour goes with hours; with usd leave it out")
        return self


class Compliance(Strict):
    """What rules and audits ask for."""

    one_off_usd: Usd = Field(default=0.0, description="once, in the first month")
    ongoing_usd_per_month: Usd = Field(default=0.0, description="audits and documentation")
    security_testing_usd_per_month: Usd = Field(default=0.0, description="penetration tests, red teaming")


class YearlyIncidents(Strict):
    """Incidents that are no outage: how often, and what each costs. The mean is billed, the same every month."""

    per_year: Number = Field(le=100_000, description="how many a year")
    usd_each: Usd = Field(description="what one costs")


class HiddenShare(Strict):
    """Costs that no other line has, as a share of all the others together."""

    p5: Share = Field(description="one future in twenty stays below this")
    p50: Share = Field(description="the middle")
    p95: Share = Field(description="one future in twenty exceeds this")

    @model_validator(mode="after")
    def _in_order(self) -> HiddenShare:
        if not self.p5 <= self.p50 <= self.p95:
            raise ValueError(f"found p5 {self.p5:g}, p50 {self.p50:g}, p95 {self.p95:g}; quantiles must not fall")
        return self


class Migration(Strict):
    """Moving to another model, each time one is retired: an amount, or weeks of an engineer."""

    usd: Usd | None = Field(default=None, description="what it costs")
    engineer_weeks: Number | None = Field(default=None, le=10_000, description="or how many weeks of 40 hours of an engineer")

    @model_validator(mode="after")
    def _one_way(self) -> Migration:
        if (self.usd is None) == (self.engineer_weeks is None):
            raise ValueError("either usd or engineer_weeks is needed, not both and not neither")
        return self


class Costs(Strict):
    """Costs beside tokens, GPU-hours and people."""

    tooling_usd_per_month: Usd = Field(default=0.0, description="gateway, vector database, observability and other subscriptions")
    storage: Storage | None = Field(default=None, description="weights and data kept")
    egress: Egress | None = Field(default=None, description="data sent out")
    data_labeling_usd_per_month: Usd = Field(default=0.0, description="labels bought every month, beside those of retraining")
    evaluation_usd_per_month: Usd = Field(default=0.0, description="benchmarks, human evaluation, A/B tests")
    development: Development | None = Field(default=None, description="work before the first request, in the first month")
    maintenance_hours_per_month: Hours = Field(default=0.0, description="hours of engineers beside the people named, every month")
    engineer_usd_per_hour: Usd | None = Field(default=None, description="price of an hour of an engineer; absent: assumed")
    incident_response_hours_per_incident: Hours | None = Field(
        default=None, description="hours of engineers for each outage, degradation, failure or rollback; absent: assumed"
    )
    incident_response_hours_per_month: Hours = Field(default=0.0, description="hours of engineers beside those, every month")
    refunds_share: Share = Field(default=0.0, description="share of the revenue of failed requests that is paid back")
    quality_incidents: YearlyIncidents | None = Field(default=None, description="wrong or harmful answers that cost something")
    security_incidents: YearlyIncidents | None = Field(default=None, description="leaks, abuse, stolen keys")
    compliance: Compliance = Field(default=Compliance(), description="what rules and audits ask for")
    hidden_share: HiddenShare | None = Field(
        default=None, description="what no other line has, as a share of the others; absent: assumed by the kind of stack"
    )
    migration: Migration | None = Field(default=None, description="moving off a retired model, each time; absent: assumed")
    revenue_usd_per_month: Usd = Field(default=0.0, description="what the service earns, for opportunity cost and refunds")
    time_to_production_months: Monthly | None = Field(
        default=None, description="months until the first request can be served; absent: assumed by the kind of stack"
    )
    lost_revenue_usd_per_failed_request: Usd = Field(default=0.0, description="what a request that does not complete loses; shown apart")
    discount_rate_per_year: Share | None = Field(
        default=None, description="for the present values in the summary of a forecast; absent: there are none"
    )
