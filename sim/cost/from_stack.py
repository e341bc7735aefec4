"""The prices of a resolved stack as the bill takes them."""

from __future__ import annotations

from sim.catalog.catalog import Catalog
from sim.catalog.price_book import PriceBook
from sim.catalog.token_prices import Rates, TokenPrices
from sim.cost.price import ApiPrice, Extras, GpuPrice, Price, TokenPrice
from sim.stack.resolve_hour import PAID_WHATEVER_STANDS
from sim.stack.resolved import ResolvedApi, ResolvedPool, ResolvedStack
from sim.units import MILLION, SECONDS_PER_MONTH

DEFAULT_MODEL = "gpt-6.1-sol"
"""The mid-priced API model that a stack without any is compared with."""


def stack_prices(resolved: ResolvedStack) -> dict[str, Price]:
    """The price of every deployment by name."""
    return {
        each.name: api_price(each.model.name, each.rates) if isinstance(each, ResolvedApi) else gpu_price(each)
        for each in resolved.deployments
    }


def api_price(model: str, rates: Rates) -> ApiPrice:
    """Rates in USD per million tokens as a price in USD per token."""
    tiers = tuple(
        TokenPrice(
            rate.from_input_tokens,
            rate.input_usd_per_mtok / MILLION,
            rate.cached_input_usd_per_mtok / MILLION,
            rate.output_usd_per_mtok / MILLION,
        )
        for rate in rates.by_input_tokens
    )
    return ApiPrice(model, tiers)


def gpu_price(pool: ResolvedPool) -> GpuPrice:
    """The price of a pool's GPUs; a provider whose way of counting is not known is taken to bill by the second."""
    hour, provider = pool.gpu_hour, pool.provider
    return GpuPrice(
        usd_per_gpu_hour=hour.usd_per_gpu_hour,
        gpus_per_machine=pool.gpus_per_node,
        billing_unit_s=provider.billing_unit_s if provider else 1.0,
        minimum_s=provider.minimum_s if provider else 0.0,
        always_paid_replicas=pool.spec.replicas.max if hour.purchase in PAID_WHATEVER_STANDS else 0,
        upkeep=pool.upkeep,
    )


def stack_extras(resolved: ResolvedStack, window_s: float) -> Extras:
    """What suppliers charge beside tokens and GPU-hours, for a run of so many seconds; a month has 730 hours."""
    costs = resolved.costs
    return Extras(
        storage_gb=costs.storage_gb,
        storage_usd_per_gb_month=costs.storage_usd_per_gb_month,
        egress_gb=costs.egress_gb_per_month * window_s / SECONDS_PER_MONTH,
        egress_usd_per_gb=costs.egress_usd_per_gb,
        tooling_usd_per_month=costs.tooling_usd_per_month,
    )


def api_alone(resolved: ResolvedStack, catalog: Catalog, book: PriceBook) -> tuple[ApiPrice, TokenPrices]:
    """The price at which the whole traffic is compared, and where it was read: of the stack's first API model, or of the default one."""
    for each in resolved.deployments:
        if isinstance(each, ResolvedApi) and each.lane_of is None:
            return api_price(each.model.name, each.rates), each.prices
    prices = book.tokens_on(catalog.api(DEFAULT_MODEL), book.date)
    return api_price(DEFAULT_MODEL, prices.standard), prices
