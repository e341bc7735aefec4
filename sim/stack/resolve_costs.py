"""Costs beside tokens and GPU-hours in plain numbers: what the file says, else what is assumed for its kind of stack."""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType

from sim.catalog.catalog import Catalog
from sim.catalog.price_book import PriceBook
from sim.stack.cost_defaults import Sourced, StackKind, ownership_defaults, people_defaults
from sim.stack.costs import Development, YearlyIncidents
from sim.stack.ledger import Ledger
from sim.stack.resolve_retraining import resolve_retraining
from sim.stack.resolved import ResolvedApi, ResolvedPool
from sim.stack.resolved_costs import ResolvedCosts, ShareBand, Upfront
from sim.stack.schema import Stack

HOURS_PER_WEEK = 40.0
"""Of an engineer."""
_KINDS = MappingProxyType({"api_only": "a stack of APIs alone", "with_gpus": "a stack with GPUs"})
_ROLES = MappingProxyType({"ml_engineers": "ML engineers", "devops_engineers": "DevOps engineers", "on_call": "people on call"})
_RATES = MappingProxyType(
    {
        "ml_engineer_usd_per_month": "an ML engineer",
        "devops_engineer_usd_per_month": "a DevOps engineer",
        "on_call_usd_per_month": "a place on call",
    }
)


def kind_of(stack: Stack) -> StackKind:
    """The kind of stack that assumptions go by."""
    if any(spec.kind == "gpu" for spec in stack.deployments.values()):
        return "with_gpus"
    return "tuned_api" if stack.retraining else "api_only"


class _Assumptions:
    """Fills in what a file leaves out, and remembers what was filled in."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.found: list[tuple[str, str]] = []

    def take(self, field: str, given: float | None, key: str, unit: str, assumed: float, file: Sourced, at: str, words: str) -> float:
        """A number as given, or the assumed one from a key of a file of assumptions."""
        if given is not None:
            return given
        source = file.source(at)
        self.ledger.origin(key, assumed, unit, "assumed", source.source, source.as_of)
        self.found.append((field, words))
        return assumed


def resolve_costs(
    stack: Stack, deployments: Sequence[ResolvedPool | ResolvedApi], catalog: Catalog, prices: PriceBook, ledger: Ledger
) -> ResolvedCosts | None:
    """All costs of a stack beside tokens and GPU-hours; None when the ledger has a problem with them."""
    before = len(ledger.problems)
    kind = kind_of(stack)
    people, costs = stack.people, stack.costs
    rates, owning = people_defaults(catalog), ownership_defaults(catalog)
    assume = _Assumptions(ledger)
    ledger.read(people, ("people",))
    ledger.read(costs, ("costs",))
    places = "with_gpus" if kind == "with_gpus" else "api_only"
    usual = getattr(rates, places)
    fte, pay = {}, {}
    for role, words in _ROLES.items():
        said = f"{getattr(usual, role):g} {words} for {_KINDS[places]}"
        fte[role] = assume.take(role, getattr(people, role), f"people.{role}", "FTE", getattr(usual, role), rates, places, said)
    for rate, words in _RATES.items():
        usd = getattr(rates, rate)
        pay[rate] = assume.take(
            rate, getattr(people, rate), f"people.{rate}", "USD", usd, rates, rate, f"{usd:,.0f} USD a month for {words}"
        )
    hourly = assume.take(
        "engineer_usd_per_hour", costs.engineer_usd_per_hour, "costs.engineer_usd_per_hour", "USD", rates.engineer_usd_per_hour, rates,
        "engineer_usd_per_hour", f"{rates.engineer_usd_per_hour:g} USD for an hour of an engineer",
    )  # fmt: skip
    response = assume.take(
        "response_hours_per_incident", costs.incident_response_hours_per_incident, "costs.incident_response_hours_per_incident", "h",
        rates.incident_response_hours_per_incident, rates, "incident_response_hours_per_incident",
        f"{rates.incident_response_hours_per_incident:g} h of an engineer for each incident",
    )  # fmt: skip
    retraining = resolve_retraining(stack, deployments, catalog, prices, ledger)
    if len(ledger.problems) > before:
        return None
    return ResolvedCosts(
        **fte,
        **pay,
        tooling_usd_per_month=costs.tooling_usd_per_month,
        storage_gb=costs.storage.gb if costs.storage else 0.0,
        storage_usd_per_gb_month=costs.storage.usd_per_gb_month if costs.storage else 0.0,
        egress_gb_per_month=costs.egress.gb_per_month if costs.egress else 0.0,
        egress_usd_per_gb=costs.egress.usd_per_gb if costs.egress else 0.0,
        data_labeling_usd_per_month=costs.data_labeling_usd_per_month,
        evaluation_usd_per_month=costs.evaluation_usd_per_month,
        development_usd=_development_usd(costs.development, hourly),
        maintenance_hours_per_month=costs.maintenance_hours_per_month,
        engineer_usd_per_hour=hourly,
        response_hours_per_incident=response,
        response_hours_per_month=costs.incident_response_hours_per_month,
        refunds_share=costs.refunds_share,
        quality_incidents_per_year=_per_year(costs.quality_incidents),
        quality_incident_usd=_usd_each(costs.quality_incidents),
        security_incidents_per_year=_per_year(costs.security_incidents),
        security_incident_usd=_usd_each(costs.security_incidents),
        compliance_one_off_usd=costs.compliance.one_off_usd,
        compliance_usd_per_month=costs.compliance.ongoing_usd_per_month,
        security_testing_usd_per_month=costs.compliance.security_testing_usd_per_month,
        hidden_share=_hidden(stack, kind, assume, catalog),
        migration_usd=_migration_usd(stack, hourly, assume, catalog),
        revenue_usd_per_month=costs.revenue_usd_per_month,
        time_to_production_months=assume.take(
            "time_to_production_months", costs.time_to_production_months, "costs.time_to_production_months", "months",
            getattr(owning.time_to_production_months, kind), owning, "time_to_production_months",
            f"{getattr(owning.time_to_production_months, kind):g} months to production",
        ),
        lost_revenue_usd_per_failed_request=costs.lost_revenue_usd_per_failed_request,
        discount_rate_per_year=costs.discount_rate_per_year,
        retraining=retraining,
        upfronts=_upfronts(deployments),
        assumed=tuple(assume.found),
    )  # fmt: skip


def _development_usd(given: Development | None, engineer_usd_per_hour: float) -> float:
    if given is None:
        return 0.0
    if given.usd is not None:
        return given.usd
    rate = engineer_usd_per_hour if given.usd_per_hour is None else given.usd_per_hour
    return (given.hours or 0.0) * rate


def _hidden(stack: Stack, kind: StackKind, assume: _Assumptions, catalog: Catalog) -> ShareBand:
    given = stack.costs.hidden_share
    if given is not None:
        return ShareBand(given.p5, given.p50, given.p95)
    owning = ownership_defaults(catalog)
    at = "hidden_share_with_gpus" if kind == "with_gpus" else "hidden_share_api_only"
    usual = getattr(owning, at)
    found = []
    for quantile in ("p5", "p50", "p95"):
        words = f"hidden costs of {usual.p5:.0%} to {usual.p95:.0%} of all others, {usual.p50:.0%} in the middle"
        value = getattr(usual, quantile)
        found.append(assume.take("hidden_share", None, f"costs.hidden_share.{quantile}", "", value, owning, at, words))
    return ShareBand(*found)


def _migration_usd(stack: Stack, engineer_usd_per_hour: float, assume: _Assumptions, catalog: Catalog) -> float:
    given, owning = stack.costs.migration, ownership_defaults(catalog)
    if given is not None and given.usd is not None:
        return given.usd
    weeks = assume.take(
        "migration_usd", given.engineer_weeks if given else None, "costs.migration.engineer_weeks", "weeks",
        owning.migration_engineer_weeks, owning, "migration_engineer_weeks",
        f"{owning.migration_engineer_weeks:g} weeks of an engineer for each migration",
    )  # fmt: skip
    return weeks * HOURS_PER_WEEK * engineer_usd_per_hour


def _per_year(given: YearlyIncidents | None) -> float:
    return given.per_year if given else 0.0


def _usd_each(given: YearlyIncidents | None) -> float:
    return given.usd_each if given else 0.0


def _upfronts(deployments: Sequence[ResolvedPool | ResolvedApi]) -> tuple[Upfront, ...]:
    """What is paid before the first hour, for the machines of as many replicas as a pool may have."""
    found = []
    for number, pool in enumerate(deployments):
        if isinstance(pool, ResolvedPool) and pool.payment is not None and pool.payment.usd_per_gpu > 0:
            paid = pool.payment
            found.append(Upfront(number, pool.most_gpus * paid.usd_per_gpu, paid.term_months, paid.kind))
    return tuple(found)
