"""The worked examples of the texts that this project began with (../shared/seeds), fed to the functions of the bill.

A scenario is its lines by name, each the USD of every month. What the texts print stands in the tests; here is only what they put in.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sim.cost.amount import FloatArray
from sim.cost.compliance import compliance_setup_usd, compliance_usd, security_testing_usd
from sim.cost.extra import tooling_usd
from sim.cost.gpu_month import rent_usd
from sim.cost.incident_cost import incident_response_usd
from sim.cost.opportunity import opportunity_usd
from sim.cost.people import development_usd, hours_usd, maintenance_usd, people_usd
from sim.cost.quality import evaluation_usd, labeling_usd, labels_usd
from sim.cost.retraining import training_gpu_usd
from sim.cost.schedule import spread
from sim.cost.tokens_month import requests_usd
from sim.units import HOURS_PER_MONTH

ENGINEER_USD_PER_HOUR = 150.0
ML_USD_PER_MONTH = 18_000.0
DEVOPS_USD_PER_MONTH = 16_000.0

Lines = dict[str, FloatArray]


def months(count: int) -> np.ndarray:
    """The numbers of so many months."""
    return np.arange(count)


def total(lines: Lines) -> float:
    """All lines over all months."""
    return float(sum(usd.sum() for usd in lines.values()))


def cost_model(*, upfront_usd: float, usd_per_request: float, requests: float) -> Lines:
    """CostModel of 001: what is paid ahead over twelve months, and requests; one month of the year."""
    return {
        "upfront": development_usd(usd=upfront_usd, month=0, over_months=12),
        "requests": requests_usd(requests=requests, usd_per_request=usd_per_request),
    }


@dataclass(frozen=True)
class TcoComponents:
    """The inputs of TCOComponents of 001: hours of engineers, and USD."""

    infrastructure_usd: float
    usd_per_request: float
    development_hours: float
    maintenance_hours: float
    tooling_usd: float
    incident_hours: float
    compliance_hours: float
    labeling_usd: float = 0.0
    training_usd: float = 0.0

    def month(self, requests: float, *, over_months: int = 12) -> Lines:
        """The lines of a month; one-off costs in equal parts over a year. `labeling` is what the text's own code leaves out."""
        hour = ENGINEER_USD_PER_HOUR
        part = spread(month=0, over_months=over_months)
        return {
            "compute": rent_usd(gpu_hours=HOURS_PER_MONTH, usd_per_gpu_hour=self.infrastructure_usd / HOURS_PER_MONTH)
            + requests_usd(requests=requests, usd_per_request=self.usd_per_request),
            "development": development_usd(
                usd=hours_usd(hours=self.development_hours, usd_per_hour=hour), month=0, over_months=over_months
            ),
            "maintenance": maintenance_usd(hours=self.maintenance_hours, usd_per_hour=hour),
            "incidents": incident_response_usd(incidents=1, hours_per_incident=self.incident_hours, usd_per_hour=hour),
            "compliance": compliance_usd(usd_per_month=0.0, hours=self.compliance_hours, usd_per_hour=hour),
            "tooling": tooling_usd(usd_per_month=self.tooling_usd),
            "training": part * training_gpu_usd(attempts=1, gpu_hours_each=1_000, usd_per_gpu_hour=self.training_usd / 1_000),
            "labeling": part * labels_usd(labels=10_000, usd_per_label=self.labeling_usd / 10_000),
        }


API = TcoComponents(200, 0.001, 160, 20, 500, 5, 8)
FINE_TUNED = TcoComponents(3500, 0.0001, 640, 40, 1200, 15, 4, labeling_usd=50_000, training_usd=15_000)
RAG = TcoComponents(800, 0.0005, 320, 30, 800, 10, 6)


def fixed_usd(components: TcoComponents, *, labeling: bool = True) -> float:
    """What a month costs before the first request, with or without the labels."""
    return sum(float(usd) for name, usd in components.month(0.0).items() if labeling or name != "labeling")


@dataclass(frozen=True)
class CostComponents:
    """The inputs of CostComponents of 003: USD a month, engineers, and what is paid once."""

    compute_usd: float
    ml_engineers: float
    devops_engineers: float
    compliance_setup_usd: float
    compliance_usd: float
    months_to_production: float
    revenue_usd_per_month: float
    labeling_usd: float = 0.0
    evaluation_usd: float = 0.0
    security_testing_usd: float = 0.0

    def year(self) -> Lines:
        """The lines of twelve months, by the categories of the text; revenue that is not earned is a line apart."""
        every = np.ones(12)
        month = months(12)
        return {
            "Compute": rent_usd(gpu_hours=every * HOURS_PER_MONTH, usd_per_gpu_hour=self.compute_usd / HOURS_PER_MONTH),
            "Engineering": people_usd(fte=every * self.ml_engineers, usd_per_month=ML_USD_PER_MONTH)
            + people_usd(fte=every * self.devops_engineers, usd_per_month=DEVOPS_USD_PER_MONTH),
            "Data & Eval": labeling_usd(usd_per_month=self.labeling_usd, months=every)
            + evaluation_usd(usd_per_month=self.evaluation_usd, months=every),
            "Compliance": compliance_setup_usd(setup_usd=self.compliance_setup_usd, month=month)
            + compliance_usd(usd_per_month=self.compliance_usd, months=every)
            + security_testing_usd(usd_per_month=self.security_testing_usd, months=every),
            "Opportunity": opportunity_usd(
                revenue_usd_per_month=self.revenue_usd_per_month, months_to_production=self.months_to_production, month=month
            ),
        }


API_FIRST = CostComponents(3_000, 0, 0.1, 5_000, 500, 1, 20_000)
SELF_HOSTED = CostComponents(4_500, 1, 0.25, 15_000, 1_000, 3, 20_000, labeling_usd=2_000, evaluation_usd=500, security_testing_usd=500)


def percentages(lines: Lines) -> dict[str, float]:
    """Percent of the total by line."""
    return {name: float(usd.sum()) / total(lines) * 100 for name, usd in lines.items()}
