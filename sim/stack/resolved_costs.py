"""What a stack costs beside tokens and GPU-hours, in plain numbers: what the months of a forecast are billed with."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from sim.catalog.api_latency import Z95

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ShareBand:
    """A share that differs between futures: its 5 %, 50 % and 95 % quantiles."""

    p5: float
    p50: float
    p95: float

    def at(self, z: FloatArray) -> FloatArray:
        """The share for standard normal numbers: two halves of normal laws that meet at the median; never below 0."""
        wide = np.where(z < 0.0, self.p50 - self.p5, self.p95 - self.p50)
        return np.asarray(np.maximum(self.p50 + wide * z / Z95, 0.0), np.float64)


@dataclass(frozen=True, slots=True)
class ResolvedRetraining:
    """Retraining of one deployment's model. A run is one or more attempts; every number is of one attempt unless it says otherwise."""

    deployment: int
    """Its number in the resolved stack."""
    name: str
    """Of the deployment."""
    every_s: float | None
    """By the calendar; None: by drift."""
    drift_months: float | None
    """Median months until accuracy has fallen to the threshold; None: by the calendar."""
    where: Literal["own", "rented", "vendor"]
    gpu_hours: float
    """0 at a vendor."""
    duration_s: float
    """With all its GPUs at work, without pauses; 0 at a vendor, who does not say."""
    gpus: int
    """At work at once; 0 at a vendor."""
    replicas: int
    """Of the deployment itself, which do not serve meanwhile; 0 unless it runs there."""
    from_s: float
    """Second of the day (UTC) from which it runs on own replicas."""
    night_s: float
    """Seconds a day in which it may run there; 86,400: no limit."""
    usd_per_gpu_hour: float
    """0 unless rented: own hours are paid already."""
    market_gpu: str
    """The GPU whose market that price follows; empty: it stands."""
    purchase: str
    """How hours are bought; empty unless rented."""
    vendor_usd: float
    """0 unless at a vendor."""
    labels_usd: float
    """Of a run, however many attempts it takes."""
    evaluation_usd: float
    engineer_hours: float
    failure_share: float
    """Of attempts that fail their evaluation and are repeated."""
    rollback_share: float
    """Of runs whose model is taken back after roll-out."""
    assumed: str
    """What of its GPU-hours is assumed, in words; empty: nothing."""

    @property
    def nights(self) -> int:
        """Days on which an attempt takes replicas from serving; 0 unless it runs on them."""
        return math.ceil(self.duration_s / self.night_s - 1e-9) if self.replicas else 0


@dataclass(frozen=True, slots=True)
class Upfront:
    """Money that is paid at the start of a term and that the price of an hour spreads over it."""

    deployment: int
    usd: float
    """For all GPUs of the deployment."""
    term_months: float
    kind: Literal["commitment", "on_premises"]


@dataclass(frozen=True, slots=True)
class ResolvedCosts:
    """Plain numbers: USD, hours, shares. Zero where a stack gives nothing and nothing is assumed."""

    ml_engineers: float
    devops_engineers: float
    on_call: float
    ml_engineer_usd_per_month: float
    devops_engineer_usd_per_month: float
    on_call_usd_per_month: float
    tooling_usd_per_month: float
    storage_gb: float
    storage_usd_per_gb_month: float
    egress_gb_per_month: float
    egress_usd_per_gb: float
    data_labeling_usd_per_month: float
    evaluation_usd_per_month: float
    development_usd: float
    maintenance_hours_per_month: float
    engineer_usd_per_hour: float
    response_hours_per_incident: float
    response_hours_per_month: float
    refunds_share: float
    quality_incidents_per_year: float
    quality_incident_usd: float
    security_incidents_per_year: float
    security_incident_usd: float
    compliance_one_off_usd: float
    compliance_usd_per_month: float
    security_testing_usd_per_month: float
    hidden_share: ShareBand
    """Of all other lines of the total cost of ownership together."""
    migration_usd: float
    """Each time."""
    revenue_usd_per_month: float
    time_to_production_months: float
    lost_revenue_usd_per_failed_request: float
    discount_rate_per_year: float | None
    retraining: tuple[ResolvedRetraining, ...]
    upfronts: tuple[Upfront, ...]
    assumed: tuple[tuple[str, str], ...]
    """Which of these (by field) are assumed, and on what grounds, in words."""

    def assumption(self, *fields: str) -> str:
        """What is assumed of some of the fields, in words; empty: nothing."""
        return "; ".join(dict.fromkeys(words for field, words in self.assumed if field in fields))
