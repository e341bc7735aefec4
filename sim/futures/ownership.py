"""What a stack costs in every month of every future beside tokens and the GPU-hours of its pools: suppliers' charges and one's own costs.

Lines that are zero everywhere are left out. What suppliers charge is of kind invoice; people, data, compliance, incidents, migration and
the hidden share are of kind tco; what is not earned is apart and in no total. Shares and factors are those of the draws (`money`): a name
that is not there is 1, and the hidden share its median.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from sim.cost.compliance import compliance_setup_usd, compliance_usd, security_testing_usd
from sim.cost.extra import egress_usd, storage_usd, tooling_usd
from sim.cost.hidden import hidden_usd
from sim.cost.incident_cost import incident_response_usd, quality_incidents_usd, refunds_usd, security_incidents_usd
from sim.cost.migration import migration_usd
from sim.cost.opportunity import lost_revenue_usd, opportunity_usd
from sim.cost.people import development_usd, hours_usd, maintenance_usd, on_call_usd, people_usd
from sim.cost.quality import evaluation_usd, labeling_usd
from sim.cost.retraining import training_gpu_usd, tuning_usd
from sim.futures.calendar import Calendar
from sim.futures.forecast import LineKind, LineName
from sim.stack.resolved_costs import ResolvedCosts

FloatArray = npt.NDArray[np.float64]

SHARED = "shared"
_MONTHS_PER_YEAR = 12.0


@dataclass(frozen=True)
class MonthFacts:
    """What happened in F futures over M months, as far as costs follow from it; every array is [F, M]."""

    calendar: Calendar
    requests: FloatArray
    failed_requests: FloatArray
    """Those that did not complete, whatever the reason."""
    invoice_usd: FloatArray
    """Tokens and GPU-hours of all deployments: the lines that do not come from here."""
    incidents: FloatArray
    """How many began in the month, of whatever kind."""
    migrations: FloatArray
    """Models that were replaced because they were retired."""
    retraining_runs: Mapping[int, FloatArray]
    """Runs by the number of the retraining entry (`ResolvedCosts.retraining`)."""
    retraining_attempts: Mapping[int, FloatArray]
    """Attempts of these runs, the first ones included."""
    rolled_back: Mapping[int, FloatArray]
    """Runs whose model was taken back."""
    training_price: Mapping[int, FloatArray]
    """Factor on the price of the GPU-hours rented for an entry, by its number; one that is not there pays the same always."""
    money: Mapping[str, FloatArray]
    """[F] by name, as `Draws.money`: factors `people`, `migration`, `labels`, `response_hours`, and the share `hidden_share`."""

    def factor(self, name: str) -> FloatArray:
        """[F, 1] a factor on money; 1 where none was drawn."""
        found = self.money.get(name)
        return np.ones((len(self.requests), 1)) if found is None else np.asarray(found, np.float64)[:, None]


@dataclass(frozen=True)
class _Lines:
    """Lines as they are found, whole arrays of [F, M]."""

    shape: tuple[int, ...]
    found: list[tuple[LineName, FloatArray]] = field(default_factory=list)

    def add(self, item: str, kind: LineKind, usd: FloatArray, assumed: str = "", deployment: str = SHARED) -> None:
        """A line, unless there is nothing on it."""
        if np.any(usd):
            self.found.append((LineName(deployment, item, kind, assumed), np.array(np.broadcast_to(usd, self.shape))))

    def sum(self, *kinds: LineKind) -> FloatArray:
        """[F, M] the lines of some kinds together, in their order."""
        total = np.zeros(self.shape)
        for name, usd in self.found:
            if name.kind in kinds:
                total = total + usd
        return total


def ownership_lines(costs: ResolvedCosts, facts: MonthFacts) -> list[tuple[LineName, FloatArray]]:
    """The lines of a stack beside tokens and its pools' GPU-hours, each [F, M] in USD, always in the same order.

    Monthly charges are by the calendar month, whatever its length. What happens once stands in the first month.
    """
    lines = _Lines(facts.requests.shape)
    _suppliers(costs, lines)
    _people(costs, facts, lines)
    _data(costs, lines)
    _compliance(costs, lines)
    _retraining(costs, facts, lines)
    _incidents(costs, facts, lines)
    _migration(costs, facts, lines)
    rest = facts.invoice_usd + lines.sum("invoice", "tco")
    drawn = facts.money.get("hidden_share")
    share = np.full((len(rest), 1), costs.hidden_share.p50) if drawn is None else np.asarray(drawn, np.float64)[:, None]
    if costs.hidden_share.p95 > 0.0:
        # What incidents save is estimated, too, and may exceed a month's invoice that is next to nothing.
        usd = hidden_usd(rest_usd=np.maximum(rest, 0.0), hidden_share=share)
        lines.add("hidden", "tco", usd, costs.assumption("hidden_share"))
    _apart(costs, facts, lines)
    return lines.found


def _suppliers(costs: ResolvedCosts, lines: _Lines) -> None:
    lines.add("tooling", "invoice", tooling_usd(usd_per_month=costs.tooling_usd_per_month))
    lines.add("storage", "invoice", storage_usd(gb=costs.storage_gb, usd_per_gb_month=costs.storage_usd_per_gb_month))
    lines.add("egress", "invoice", egress_usd(gb=costs.egress_gb_per_month, usd_per_gb=costs.egress_usd_per_gb))


def _people(costs: ResolvedCosts, facts: MonthFacts, lines: _Lines) -> None:
    factor = facts.factor("people")
    for item, fte, usd, role, pay in (
        ("people_ml", costs.ml_engineers, costs.ml_engineer_usd_per_month, "ml_engineers", "ml_engineer_usd_per_month"),
        ("people_devops", costs.devops_engineers, costs.devops_engineer_usd_per_month, "devops_engineers", "devops_engineer_usd_per_month"),
    ):
        lines.add(item, "tco", people_usd(fte=fte, usd_per_month=usd, factor=factor), costs.assumption(role, pay))
    on_call = on_call_usd(people=costs.on_call, usd_per_person_month=costs.on_call_usd_per_month, factor=factor)
    lines.add("on_call", "tco", on_call, costs.assumption("on_call", "on_call_usd_per_month"))
    lines.add("development", "tco", development_usd(usd=costs.development_usd, month=np.arange(lines.shape[1])))
    maintenance = maintenance_usd(hours=costs.maintenance_hours_per_month, usd_per_hour=costs.engineer_usd_per_hour, factor=factor)
    lines.add("maintenance", "tco", maintenance, costs.assumption("engineer_usd_per_hour"))


def _data(costs: ResolvedCosts, lines: _Lines) -> None:
    lines.add("data_labeling", "tco", labeling_usd(usd_per_month=costs.data_labeling_usd_per_month))
    lines.add("evaluation", "tco", evaluation_usd(usd_per_month=costs.evaluation_usd_per_month))


def _compliance(costs: ResolvedCosts, lines: _Lines) -> None:
    month = np.arange(lines.shape[1])
    lines.add("compliance_one_off", "tco", compliance_setup_usd(setup_usd=costs.compliance_one_off_usd, month=month))
    lines.add("compliance_ongoing", "tco", compliance_usd(usd_per_month=costs.compliance_usd_per_month))
    lines.add("security_testing", "tco", security_testing_usd(usd_per_month=costs.security_testing_usd_per_month))


def _retraining(costs: ResolvedCosts, facts: MonthFacts, lines: _Lines) -> None:
    none = np.zeros(lines.shape)
    for number, entry in enumerate(costs.retraining):
        runs, attempts = facts.retraining_runs.get(number, none), facts.retraining_attempts.get(number, none)
        usd = training_gpu_usd(
            attempts=attempts,
            gpu_hours_each=entry.gpu_hours,
            usd_per_gpu_hour=entry.usd_per_gpu_hour,
            factor=facts.training_price.get(number, 1.0),
        )
        lines.add("retraining_gpu", "invoice", usd, entry.assumed, entry.name)
        lines.add("retraining_vendor", "invoice", tuning_usd(attempts=attempts, usd_each=entry.vendor_usd), "", entry.name)
        usd = labeling_usd(usd_per_month=0.0, retrainings=runs, labels_usd_each=entry.labels_usd, factor=facts.factor("labels"))
        lines.add("retraining_labels", "tco", usd, "", entry.name)
        usd = hours_usd(
            hours=entry.engineer_hours * attempts,
            usd_per_hour=costs.engineer_usd_per_hour,
            factor=facts.factor("people"),
            what="retraining",
        )
        lines.add("retraining_engineering", "tco", usd, costs.assumption("engineer_usd_per_hour"), entry.name)
        usd = evaluation_usd(usd_per_month=0.0, attempts=attempts, usd_per_attempt=entry.evaluation_usd)
        lines.add("retraining_evaluation", "tco", usd, "", entry.name)


def _incidents(costs: ResolvedCosts, facts: MonthFacts, lines: _Lines) -> None:
    incidents = facts.incidents + sum(facts.rolled_back.values(), np.zeros(lines.shape))
    hours = facts.factor("response_hours")
    usd = incident_response_usd(
        incidents=incidents, hours_per_incident=costs.response_hours_per_incident * hours,
        hours_beside=costs.response_hours_per_month * hours, usd_per_hour=costs.engineer_usd_per_hour, factor=facts.factor("people"),
    )  # fmt: skip
    lines.add("incident_response", "tco", usd, costs.assumption("response_hours_per_incident", "engineer_usd_per_hour"))
    lines.add("quality_incidents", "tco", _yearly(quality_incidents_usd, costs.quality_incidents_per_year, costs.quality_incident_usd))
    lines.add("security_incidents", "tco", _yearly(security_incidents_usd, costs.security_incidents_per_year, costs.security_incident_usd))
    failed = np.divide(facts.failed_requests, facts.requests, out=np.zeros(lines.shape), where=facts.requests > 0.0)
    # Both are sums of estimated differences, so that a month in which all fail may come out a hair above one.
    failed = np.clip(failed, 0.0, 1.0)
    refunds = refunds_usd(failed_share=failed, revenue_usd_per_month=costs.revenue_usd_per_month, refunds_share=costs.refunds_share)
    lines.add("refunds", "tco", refunds)


def _yearly(line: Callable[..., FloatArray], per_year: float, usd_each: float) -> FloatArray:
    return line(incidents=per_year / _MONTHS_PER_YEAR, usd_per_incident=usd_each)


def _migration(costs: ResolvedCosts, facts: MonthFacts, lines: _Lines) -> None:
    usd = migration_usd(migrations=facts.migrations, usd_each=costs.migration_usd, factor=facts.factor("migration"))
    lines.add("migration", "tco", usd, costs.assumption("migration_usd"))


def _apart(costs: ResolvedCosts, facts: MonthFacts, lines: _Lines) -> None:
    month = np.arange(lines.shape[1])
    waited = opportunity_usd(
        revenue_usd_per_month=costs.revenue_usd_per_month, months_to_production=costs.time_to_production_months, month=month
    )
    lines.add("opportunity", "apart", waited, costs.assumption("time_to_production_months"))
    lost = lost_revenue_usd(requests=facts.failed_requests, usd_per_request=costs.lost_revenue_usd_per_failed_request)
    lines.add("lost_revenue", "apart", lost)
