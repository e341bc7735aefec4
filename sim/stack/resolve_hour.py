"""What an hour of a pool's GPUs costs: listed, negotiated, one's own; of GPUs that are bought; or with an advance spread over its term."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace

from sim.catalog.catalog import Catalog
from sim.catalog.gpu import Gpu, Provider
from sim.catalog.price_book import GpuHour, PriceBook
from sim.stack.cost_defaults import on_premises_defaults
from sim.stack.gpu_deployment import GpuDeployment
from sim.stack.ledger import Ledger
from sim.stack.on_premises import ON_PREMISES, TERM_MONTHS, Commitment, OnPremises, capital_usd_per_gpu, owned_usd_per_gpu_hour
from sim.stack.resolved import Label, Payment, Upkeep
from sim.units import HOURS_PER_MONTH, show_usd

PAID_WHATEVER_STANDS = ("capacity_block", "reserved_1y", "reserved_3y", ON_PREMISES)
"""Ways to buy hours that are paid from start to end."""


@dataclass(frozen=True, slots=True)
class HourPaid:
    """The price of an hour, who counts it and how, what is paid in advance, and what of it is power and hosting."""

    hour: GpuHour
    provider: Provider | None = None
    payment: Payment | None = None
    upkeep: Upkeep | None = None


def resolve_hour(name: str, spec: GpuDeployment, gpu: Gpu, catalog: Catalog, prices: PriceBook, ledger: Ledger) -> HourPaid | None:
    """What an hour of a pool's GPUs costs; None where the ledger has a problem with it."""
    if spec.on_premises is not None:
        return _owned(name, spec, spec.on_premises, gpu, catalog, prices, ledger)
    hour = _rented(name, spec, gpu, prices, ledger)
    if hour is None:
        return None
    provider = _provider(name, hour, catalog, ledger)
    if spec.commitment is None:
        return HourPaid(hour, provider)
    committed = _committed(name, spec.commitment, hour, ledger)
    return HourPaid(committed[0], provider, committed[1]) if committed is not None else None


def _rented(name: str, spec: GpuDeployment, gpu: Gpu, prices: PriceBook, ledger: Ledger) -> GpuHour | None:
    at = ("deployments", name)
    if spec.usd_per_gpu_hour is not None:
        guessed = (*at, "usd_per_gpu_hour") in ledger.assumed
        return GpuHour(
            gpu=gpu.name, provider=spec.provider or gpu.default_provider or "own", purchase=spec.purchase, region=spec.region,
            usd_per_gpu_hour=spec.usd_per_gpu_hour, gpus_sold_together=spec.gpus_per_node,
            source=str(ledger.document.mark((*at, "usd_per_gpu_hour"))), as_of=prices.date.isoformat(), assumed=guessed,
            negotiated=not guessed,
        )  # fmt: skip
    hour: GpuHour | None = None
    with ledger.refusing(*at, "provider" if spec.provider else "gpu"):
        hour = prices.gpu_price(gpu, spec.provider, spec.purchase, spec.region)
        place = " ".join(part for part in (hour.provider, hour.purchase, hour.region) if part)
        label: Label = "given" if hour.negotiated else "assumed" if hour.assumed else "vendor"
        if hour.is_after(prices.date):
            ledger.note(
                f"{name}: the price of {gpu.name} ({place}) is of {hour.as_of}, after the day of the prices, {prices.date}: no earlier one "
                "is known; yours of that day: --prices"
            )
        ledger.origin(f"deployments.{name}.usd_per_gpu_hour", hour.usd_per_gpu_hour, "USD", label, f"{place}: {hour.source}", hour.as_of)
    return hour


def _provider(name: str, hour: GpuHour, catalog: Catalog, ledger: Ledger) -> Provider | None:
    if hour.provider not in catalog.names("provider"):
        ledger.note(f"{name}: how {hour.provider} counts hours is not known; they are billed to the second")
        return None
    provider = catalog.provider(hour.provider)
    said = provider.sources[0]
    label: Label = "assumed" if said.assumed else "vendor"
    ledger.origin(f"deployments.{name}.billing_unit", provider.billing_unit_s, "s", label, said.source, said.as_of)
    return provider


def _committed(name: str, given: Commitment, hour: GpuHour, ledger: Ledger) -> tuple[GpuHour, Payment] | None:
    """The hour with its advance spread over the term."""
    term = given.term_months or TERM_MONTHS.get(hour.purchase)
    if term is None or hour.purchase not in PAID_WHATEVER_STANDS:
        ledger.problem(
            ("deployments", name, "commitment"),
            f"hours bought {hour.purchase} are not for a term; it goes with purchase reserved_1y or reserved_3y, and with "
            "capacity_block and term_months",
        )
        return None
    hours = term * HOURS_PER_MONTH
    if given.upfront_usd_per_gpu is not None:
        upfront = given.upfront_usd_per_gpu
        hour = replace(hour, usd_per_gpu_hour=hour.usd_per_gpu_hour + upfront / hours)
    else:
        upfront = (given.upfront_share or 0.0) * hour.usd_per_gpu_hour * hours
    key = f"deployments.{name}.commitment"
    if given.term_months is None:
        ledger.origin(f"{key}.term_months", term, "months", "default", f"purchase {hour.purchase}")
    said = "given" if given.upfront_usd_per_gpu is not None else f"{given.upfront_share:g} of the term's hours"
    ledger.origin(f"{key}.usd_per_gpu_hour", hour.usd_per_gpu_hour, "USD", "given", f"the advance ({said}) spread over the term")
    return hour, Payment(upfront, term, "commitment")


def _owned(
    name: str, spec: GpuDeployment, given: OnPremises, gpu: Gpu, catalog: Catalog, prices: PriceBook, ledger: Ledger
) -> HourPaid | None:
    at = ("deployments", name, ON_PREMISES)
    key = f"deployments.{name}.{ON_PREMISES}"
    before = len(ledger.problems)
    for other in ("provider", "purchase", "region", "usd_per_gpu_hour", "commitment"):
        if other in spec.model_fields_set:
            ledger.problem(("deployments", name, other), "bought GPUs are not rented: leave it out, or leave on_premises out")
    if given.usd_per_gpu is None and gpu.purchase is None:
        ledger.problem(at, f"no price to buy a {gpu.name} is known; give usd_per_gpu")
    if len(ledger.problems) > before:
        return None
    defaults = on_premises_defaults(catalog)
    found: dict[str, float] = {}
    for field, unit in (
        ("server_overhead_share", ""), ("spare_share", ""), ("life_months", "months"), ("residual_share", ""),
        ("pue", ""), ("usd_per_kwh", "USD"),
    ):  # fmt: skip
        value = getattr(given, field)
        if value is None:
            value, source = getattr(defaults, field), defaults.source(field)
            ledger.origin(f"{key}.{field}", value, unit, "assumed", source.source, source.as_of)
        found[field] = float(value)
    usd = given.usd_per_gpu
    if usd is None and gpu.purchase is not None:
        street = gpu.purchase
        usd = street.usd
        label: Label = "assumed" if street.assumed else "vendor"
        said = f"{street.source}; {show_usd(street.low_usd)} to {show_usd(street.high_usd)}"
        ledger.origin(f"{key}.usd_per_gpu", usd, "USD", label, said, street.as_of)
    power_w = given.power_w
    if power_w is None:
        power_w = gpu.power_w
        ledger.origin(f"{key}.power_w", power_w, "W", "vendor", f"rated power of {gpu.name}, drawn all the time")
    capital = capital_usd_per_gpu(
        usd_per_gpu=usd or 0.0, server_overhead_share=found["server_overhead_share"], spare_share=found["spare_share"]
    )
    upkeep = Upkeep(power_w, found["pue"], found["usd_per_kwh"], given.hosting_usd_per_gpu_month)
    price = owned_usd_per_gpu_hour(
        capital_usd_per_gpu=capital, residual_share=found["residual_share"], life_months=found["life_months"], **asdict(upkeep)
    )
    bought = "bought, written off over its life, with power and hosting"
    ledger.origin(f"deployments.{name}.usd_per_gpu_hour", price, "USD", "assumed", bought)
    hour = GpuHour(
        gpu=gpu.name, provider="own", purchase=ON_PREMISES, region=None, usd_per_gpu_hour=price, gpus_sold_together=gpu.gpus_per_node,
        source=bought, as_of=prices.date.isoformat(), assumed=True,
    )  # fmt: skip
    return HourPaid(hour, None, Payment(capital, found["life_months"], "on_premises"), upkeep)
