"""The invoice of a run as rows of FOCUS 1.2: a row a month, deployment and line, of one quantile of the month's invoice.

What stands in them comes from charges.parquet (sim/report/charges.py), whose lines add up. Only what suppliers charge is in them: people
and other costs of ownership are on no supplier's bill. GPUs that are reserved are bought in one row a month (BilledCost, an EffectiveCost
of 0) and used in others (EffectiveCost, a BilledCost of 0), so that either column adds up to the invoice.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sim.report.focus_columns import COLUMNS
from sim.report.focus_products import Product, product_of

STATISTICS = ("mean", "p5", "p50", "p95")
COMMITTED = ("capacity_block", "reserved_1y", "reserved_3y")
"""Ways of buying that are paid whatever is used."""
_GPU_HOURS = ("gpu_used", "gpu_idle", "gpu_spare")
_LEFT_OUT = ("AvailabilityZone", "CapacityReservationId", "CapacityReservationStatus")
OWN = (
    "x_AssumedShare", "x_Assumption", "x_Deployment", "x_ForecastQuantile", "x_IsForecast", "x_Line", "x_PriceDate", "x_RunId", "x_Stack",
    "x_Trace",
)  # fmt: skip
"""Columns of our own."""
HEADER = (*(name for name in COLUMNS if name not in _LEFT_OUT), *OWN)
_DIGITS = Decimal(1).scaleb(-12)
Row = dict[str, Any]
"""Values by column: texts, decimals, None for null."""


@dataclass(frozen=True, slots=True)
class Charged:
    """One line of charges.parquet."""

    month: str
    deployment: str
    line: str
    provider: str
    product: str
    region: str
    purchase: str
    usd: float
    quantity: float | None
    unit: str
    assumed: str


@dataclass(frozen=True, slots=True)
class Bill:
    """Whose charges they are: the names of stack and trace, the quantile, the run's own name, the day of its prices."""

    stack: str
    trace: str
    statistic: str
    run_id: str
    price_date: str
    list_usd_per_gpu_hour: Mapping[str, float]
    """By deployment: what an hour of a committed GPU costs on demand, where that is known."""


def rows(lines: Sequence[Charged], bill: Bill) -> Iterator[Row]:
    """The rows of a bill in the order of months and lines; a reserved pool's purchase stands before its usage."""
    bought: set[tuple[str, str]] = set()
    for line in lines:
        if not decimal(line.usd):
            continue
        assumed = _assumed_share([each for each in lines if each.month == line.month])
        key = (line.month, line.deployment)
        if line.purchase in COMMITTED and line.line in _GPU_HOURS and decimal(line.quantity or 0.0):
            if key not in bought:
                bought.add(key)
                hours = [each for each in lines if (each.month, each.deployment) == key and each.line in _GPU_HOURS and decimal(each.usd)]
                yield _purchase(hours, bill) | assumed
            yield _covered(line, bill) | assumed
        else:
            yield _charge(line, bill) | assumed


def _assumed_share(lines: Sequence[Charged]) -> Row:
    """Which share of a month's invoice stands on lines of which something is assumed."""
    whole = math.fsum(each.usd for each in lines)
    assumed = math.fsum(each.usd for each in lines if each.assumed)
    return {"x_AssumedShare": decimal(assumed / whole if whole > 0 else 0.0)}


def _charge(line: Charged, bill: Bill) -> Row:
    """What is billed as it is used; what nobody counted is bought once a month."""
    product = product_of(line.line, line.purchase)
    row = _row(line, bill, product)
    cost = decimal(line.usd)
    if product.bought or not decimal((line.quantity or 0.0) / product.pricing_size):
        row |= {"ChargeCategory": "Purchase", "ChargeFrequency": "Recurring", **_priced(cost, 1.0, product.bought or "Units")}
    else:
        row |= {
            "ChargeCategory": "Usage",
            "ChargeFrequency": "Usage-Based",
            "ConsumedQuantity": decimal(line.quantity or 0.0),
            "ConsumedUnit": product.consumed_unit,
            **_priced(cost, (line.quantity or 0.0) / product.pricing_size, product.pricing_unit),
        }
    return row | {
        "BilledCost": cost,
        "EffectiveCost": cost,
        "PricingCategory": product.pricing_category,
        "PricingCurrencyEffectiveCost": cost,
    }


def _purchase(lines: Sequence[Charged], bill: Bill) -> Row:
    """The month's part of a commitment: all of its hours, used or not."""
    product = product_of("gpu_commitment", lines[0].purchase)
    cost = decimal(math.fsum(each.usd for each in lines))
    hours = math.fsum(each.quantity or 0.0 for each in lines)
    return (
        _row(lines[0], bill, product)
        | _commitment(lines[0], hours)
        | _resource(_commitment_id(lines[0]), f"{lines[0].deployment}, {lines[0].purchase}", "Commitment")
        | _priced(cost, hours, product.pricing_unit)
        | {
            "BilledCost": cost,
            "EffectiveCost": decimal(0.0),
            "PricingCurrencyEffectiveCost": decimal(0.0),
            "ChargeCategory": "Purchase",
            "ChargeFrequency": "Recurring",
            "PricingCategory": "Standard",
            "x_Line": "gpu_commitment",
            "x_Assumption": None,
        }
    )


def _covered(line: Charged, bill: Bill) -> Row:
    """Hours of a commitment: with a replica on them used, without one unused."""
    product = product_of(line.line, line.purchase)
    unused = line.line == "gpu_spare"
    hours = line.quantity or 0.0
    listed = bill.list_usd_per_gpu_hour.get(line.deployment)
    cost = decimal(line.usd if listed is None else listed * hours)
    row = _row(line, bill, product) | _commitment(line, hours) | _priced(cost, hours, product.pricing_unit)
    if unused:
        row |= _resource(_commitment_id(line), f"{line.deployment}, {line.purchase}", "Commitment")
    return row | {
        "BilledCost": decimal(0.0),
        "EffectiveCost": decimal(line.usd),
        "PricingCurrencyEffectiveCost": decimal(line.usd),
        "ChargeCategory": "Usage",
        "ChargeFrequency": "Usage-Based",
        "CommitmentDiscountStatus": "Unused" if unused else "Used",
        "ConsumedQuantity": None if unused else decimal(hours),
        "ConsumedUnit": None if unused else product.consumed_unit,
        "PricingCategory": "Committed",
    }


def _commitment_id(line: Charged) -> str:
    return f"commitment/{line.deployment}/{line.purchase}"


def _commitment(line: Charged, hours: float) -> Row:
    return {
        "CommitmentDiscountCategory": "Usage",
        "CommitmentDiscountId": _commitment_id(line),
        "CommitmentDiscountName": f"{line.deployment}, {line.purchase}",
        "CommitmentDiscountQuantity": decimal(hours),
        "CommitmentDiscountType": "Reserved GPUs",
        "CommitmentDiscountUnit": "GPU-Hours",
    }


def _resource(name: str, shown: str, kind: str) -> Row:
    return {"ResourceId": name, "ResourceName": shown, "ResourceType": kind}


def _priced(cost: Decimal, quantity: float, unit: str) -> Row:
    """What a charge costs at list and at contract, which are the same here, how many units that is, and what one costs so."""
    price = decimal(float(cost) / quantity)
    return {
        "ListCost": cost,
        "ListUnitPrice": price,
        "ContractedCost": cost,
        "ContractedUnitPrice": price,
        "PricingCurrencyListUnitPrice": price,
        "PricingCurrencyContractedUnitPrice": price,
        "PricingQuantity": decimal(quantity),
        "PricingUnit": unit,
    }


def _row(line: Charged, bill: Bill, product: Product) -> Row:
    """What every row has: accounts, periods, names."""
    start, end = _month(line.month)
    supplier = line.provider or product.supplier
    sku = f"{line.product}/{product.sku}" if line.product and product.by_product else product.sku
    details = {f"x_{name}": value for name, value in (("Product", line.product), ("Purchase", line.purchase)) if value}
    kind = product.resource
    row: Row = dict.fromkeys(HEADER)
    return row | {
        "BillingAccountId": "sim",
        "BillingAccountName": "Simulated",
        "BillingAccountType": "Simulation",
        "BillingCurrency": "USD",
        "BillingPeriodStart": start,
        "BillingPeriodEnd": end,
        "ChargePeriodStart": start,
        "ChargePeriodEnd": end,
        "ChargeDescription": product.words,
        "InvoiceIssuerName": supplier,
        "PricingCurrency": "USD",
        "ProviderName": supplier,
        "PublisherName": supplier,
        "RegionId": line.region or None,
        "RegionName": line.region or None,
        **(_resource(f"{bill.stack}/{line.deployment}", line.deployment, kind) if kind else {}),
        "ServiceCategory": product.category,
        "ServiceName": product.service,
        "ServiceSubcategory": product.subcategory,
        "SkuId": sku,
        "SkuMeter": product.meter,
        "SkuPriceDetails": pairs(details) if details else None,
        "SkuPriceId": "/".join(each for each in (supplier, line.region, sku, line.purchase) if each),
        "SubAccountId": bill.stack,
        "SubAccountName": bill.stack,
        "SubAccountType": "Stack",
        "Tags": pairs({"deployment": line.deployment, "stack": bill.stack, "trace": bill.trace}),
        "x_Assumption": line.assumed or None,
        "x_Deployment": line.deployment,
        "x_ForecastQuantile": bill.statistic,
        "x_IsForecast": "true",
        "x_Line": line.line,
        "x_PriceDate": bill.price_date,
        "x_RunId": bill.run_id,
        "x_Stack": bill.stack,
        "x_Trace": bill.trace,
    }


def pairs(values: Mapping[str, str]) -> str:
    """Key-value pairs as the specification wants them: a JSON object of plain values."""
    return json.dumps(values, ensure_ascii=False, sort_keys=True)


def decimal(value: float) -> Decimal:
    """A number with twelve places, as a file has it: never an exponent, never -0."""
    return Decimal(repr(value)).quantize(_DIGITS) + 0


def text_of(value: Any) -> str | None:
    """A value as a text of a CSV file, a decimal without needless zeros; None for null."""
    if not isinstance(value, Decimal):
        return None if value is None else str(value)
    plain = f"{value:f}"
    return plain.rstrip("0").rstrip(".") if "." in plain else plain


def _month(month: str) -> tuple[str, str]:
    """The first moment of a month and that of the next, in UTC."""
    year, number = int(month[:4]), int(month[5:7])
    after = (year + 1, 1) if number == 12 else (year, number + 1)
    return tuple(f"{y:04d}-{m:02d}-01T00:00:00Z" for y, m in ((year, number), after))  # type: ignore[return-value]
