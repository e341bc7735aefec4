"""Rules of single rows of a FOCUS 1.2 dataset, as functions from a row to what is against them; named in sim/report/focus_rules.py.

A row holds texts as a CSV file has them, None for null.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sim.report.focus_columns import COLUMNS, subcategories

Row = Mapping[str, str | None]
Rule = Callable[["Checked"], Iterator[str]]
"""From a row to what is against the rule, in words."""

_DECIMAL = re.compile(r"-?(\d+(\.\d+)?|\.\d+)(E-?\d+)?", re.ASCII)
_TIME = re.compile(r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T([01]\d|2[0-3]):[0-5]\d:[0-5]\dZ", re.ASCII)
_CURRENCY = re.compile(r"[A-Z]{3}", re.ASCII)
_PLACEHOLDERS = ("n/a", "na", "none", "null", "nan", "not applicable", "unknown", "-")
SAME = 1e-6
"""How far, as a share, a product may be from a cost that was rounded; a cent in any case."""
CENT = 0.01


@dataclass(frozen=True)
class Checked:
    """One row, as rules look at it."""

    row: Row

    def get(self, name: str) -> str | None:
        """The text of a column; None for null and for a column that is not there."""
        return self.row.get(name)

    def has(self, name: str) -> bool:
        """Whether the column is there."""
        return name in self.row

    def number(self, name: str) -> float | None:
        """A decimal; None for null and what is none."""
        text = self.get(name)
        return float(Decimal(text)) if text is not None and _DECIMAL.fullmatch(text) else None

    @property
    def charged(self) -> bool:
        """Whether it is usage or a purchase, and no correction."""
        return self.get("ChargeCategory") in ("Usage", "Purchase") and self.get("ChargeClass") is None


def types_rule(row: Checked) -> Iterator[str]:
    """Decimals, times and key-value pairs have the form of the specification."""
    for name, text in row.row.items():
        kind = COLUMNS[name].kind if name in COLUMNS else "text"
        if text is None:
            continue
        if kind == "decimal" and not _DECIMAL.fullmatch(text):
            yield f"{name}: {text[:40]!r} is no decimal number"
        elif kind == "time" and not _TIME.fullmatch(text):
            yield f"{name}: {text[:40]!r} is not of the form YYYY-MM-DDTHH:mm:ssZ"
        elif kind == "pairs" and not _pairs(text):
            yield f"{name}: {text[:40]!r} is no JSON object of plain values"


def _pairs(text: str) -> bool:
    keys: list[str] = []

    def seen(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        keys.extend(key for key, _ in pairs)
        return dict(pairs)

    try:
        found = json.loads(text, object_pairs_hook=seen)
    except (ValueError, RecursionError):
        return False
    return isinstance(found, dict) and len(set(keys)) == len(keys) and not any(isinstance(each, (dict, list)) for each in found.values())


def nulls_rule(row: Checked) -> Iterator[str]:
    """Columns that are never null are not."""
    for name, text in row.row.items():
        column = COLUMNS.get(name)
        if column is not None and not column.null and text is None:
            yield f"{name} is null"


def placeholders_rule(row: Checked) -> Iterator[str]:
    """A text stands for something: null is said as null."""
    for name, text in row.row.items():
        if name in COLUMNS and text is not None and (not text.strip() or text.strip().lower() in _PLACEHOLDERS):
            yield f"{name}: {text!r} stands for no value"


def allowed_rule(row: Checked) -> Iterator[str]:
    """Values of a closed list are from it."""
    for name, text in row.row.items():
        column = COLUMNS.get(name)
        if column is not None and column.values and text is not None and text not in column.values:
            yield f"{name}: {text[:60]!r} is none of the allowed values"


def currency_rule(row: Checked) -> Iterator[str]:
    """A currency is its code of three letters."""
    text = row.get("BillingCurrency")
    if text is not None and not _CURRENCY.fullmatch(text):
        yield f"BillingCurrency: {text[:40]!r} is no code of ISO 4217"


def subcategory_rule(row: Checked) -> Iterator[str]:
    """A subcategory belongs to its category."""
    category, sub = row.get("ServiceCategory"), row.get("ServiceSubcategory")
    if category is not None and sub is not None and sub not in subcategories(category):
        yield f"ServiceSubcategory {sub!r} is none of {category!r}"


def periods_rule(row: Checked) -> Iterator[str]:
    """Periods begin before they end, which is exclusive."""
    for name in ("BillingPeriod", "ChargePeriod"):
        start, end = row.get(f"{name}Start"), row.get(f"{name}End")
        if start is not None and end is not None and not start < end:
            yield f"{name}End {end} is not after {name}Start {start}"


def within_rule(row: Checked) -> Iterator[str]:
    """Usage is charged in the billing period that it falls into."""
    start, end = row.get("BillingPeriodStart"), row.get("BillingPeriodEnd")
    first, last = row.get("ChargePeriodStart"), row.get("ChargePeriodEnd")
    covered = row.get("ChargeCategory") == "Usage" and row.get("ChargeClass") is None
    if covered and start and end and first and last and not (start <= first and last <= end):
        yield f"usage of {first} to {last} is billed in {start} to {end}"


def product_rule(cost: str, price: str) -> Rule:
    """A cost is its unit price times the quantity."""

    def rule(row: Checked) -> Iterator[str]:
        total, unit, quantity = row.number(cost), row.number(price), row.number("PricingQuantity")
        if total is None or unit is None or row.get("ChargeClass") == "Correction":
            return
        if quantity is not None and not math.isclose(total, unit * quantity, rel_tol=SAME, abs_tol=CENT):
            yield f"{cost} {total:.10g} is not {price} {unit:.10g} x PricingQuantity {quantity:.10g}"

    return rule


def unpriced_rule(cost: str, price: str) -> Rule:
    """Without a unit price a cost is what is billed."""

    def rule(row: Checked) -> Iterator[str]:
        total, billed = row.number(cost), row.number("BilledCost")
        alone = row.get("ChargeCategory") in ("Credit", "Adjustment")
        if alone and row.get(price) is None and total is not None and billed is not None and abs(total - billed) > CENT:
            yield f"{cost} {total:.10g} is not BilledCost {billed:.10g}, and there is no {price}"

    return rule


def not_negative_rule(row: Checked) -> Iterator[str]:
    """Unit prices are not negative."""
    for name in COLUMNS:
        value = row.number(name) if name.endswith("UnitPrice") else None
        if value is not None and value < 0:
            yield f"{name} is {value:.10g}"


def priced_rule(row: Checked) -> Iterator[str]:
    """Usage and purchases have a price, a quantity and a SKU; tax has none."""
    for name in (
        "ContractedUnitPrice", "ListUnitPrice", "PricingCategory", "PricingQuantity", "PricingCurrencyContractedUnitPrice",
        "PricingCurrencyListUnitPrice", "SkuId", "SkuPriceId",
    ):  # fmt: skip
        if row.has(name) and row.charged and row.get(name) is None:
            yield f"{name} is null in {row.get('ChargeCategory')}"
        if row.get("ChargeCategory") == "Tax" and row.get(name) is not None:
            yield f"{name} is given in Tax"


def null_with(name: str, other: str, *, both: bool = True) -> Rule:
    """A column that is null where another is, and with `both` given where the other is."""

    def rule(row: Checked) -> Iterator[str]:
        if row.has(name) and row.has(other):
            if row.get(name) is not None and row.get(other) is None:
                yield f"{name} is given, and {other} is null"
            if both and row.get(name) is None and row.get(other) is not None:
                yield f"{name} is null, and {other} is given"

    return rule


def all_of(*rules: Rule) -> Rule:
    """Several rules under one name."""

    def rule(row: Checked) -> Iterator[str]:
        for each in rules:
            yield from each(row)

    return rule


def consumed_rule(row: Checked) -> Iterator[str]:
    """What is used has a quantity, and nothing else has."""
    usage = row.get("ChargeCategory") == "Usage"
    unused = row.get("CommitmentDiscountStatus") == "Unused"
    given = row.get("ConsumedQuantity") is not None
    if given and (not usage or unused):
        yield "ConsumedQuantity is given where nothing is consumed"
    if row.has("ConsumedQuantity") and usage and not unused and row.charged and not given:
        yield "ConsumedQuantity is null in Usage"


def frequency_rule(row: Checked) -> Iterator[str]:
    """A purchase is made once or again and again, not by use."""
    if row.get("ChargeCategory") == "Purchase" and row.get("ChargeFrequency") == "Usage-Based":
        yield "a Purchase is not Usage-Based"


def commitment_status_rule(row: Checked) -> Iterator[str]:
    """Usage of a commitment says whether it is used or left unused."""
    if row.has("CommitmentDiscountStatus"):
        status, given = row.get("CommitmentDiscountStatus"), row.get("CommitmentDiscountId") is not None
        if status is not None and not given:
            yield "CommitmentDiscountStatus is given, and CommitmentDiscountId is null"
        if status is None and given and row.get("ChargeCategory") == "Usage":
            yield "CommitmentDiscountStatus is null in Usage of a commitment"


def commitment_quantity_rule(row: Checked) -> Iterator[str]:
    """Commitments are counted where they are bought and where they are used."""
    if row.has("CommitmentDiscountQuantity"):
        given, wanted = row.get("CommitmentDiscountQuantity") is not None, row.get("CommitmentDiscountId") is not None
        if wanted and row.charged and not given:
            yield "CommitmentDiscountQuantity is null"
        if given and not (wanted and row.get("ChargeCategory") in ("Usage", "Purchase")):
            yield "CommitmentDiscountQuantity is given where no commitment is used or bought"


def commitment_cost_rule(row: Checked) -> Iterator[str]:
    """A commitment is billed where it is bought and costs where it is used."""
    if row.get("CommitmentDiscountId") is None:
        return
    if row.get("ChargeCategory") == "Usage" and row.get("PricingCategory") == "Committed" and row.number("BilledCost") not in (None, 0.0):
        yield f"BilledCost is {row.get('BilledCost')} where a commitment covers the charge"
    if row.get("ChargeCategory") == "Purchase" and row.number("EffectiveCost") not in (None, 0.0):
        yield f"EffectiveCost is {row.get('EffectiveCost')} where a commitment is bought"


def commitment_resource_rule(row: Checked) -> Iterator[str]:
    """Bought or unused, a commitment is the resource itself."""
    bought = row.get("ChargeCategory") == "Purchase" or row.get("CommitmentDiscountStatus") == "Unused"
    commitment = row.get("CommitmentDiscountId")
    if commitment is not None and bought and row.has("ResourceId") and row.get("ResourceId") != commitment:
        yield f"ResourceId is {row.get('ResourceId')!r} where it must be the CommitmentDiscountId"


def commitment_pricing_rule(row: Checked) -> Iterator[str]:
    """What a commitment makes cheaper is priced as such; its purchase is not."""
    category, commitment = row.get("PricingCategory"), row.get("CommitmentDiscountId")
    if category == "Committed" and row.has("CommitmentDiscountId") and commitment is None:
        yield "PricingCategory is Committed, and CommitmentDiscountId is null"
    if category == "Committed" and row.get("ChargeCategory") == "Purchase":
        yield "PricingCategory is Committed where the commitment is bought"
