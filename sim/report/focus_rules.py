"""Whether a table is a FOCUS 1.2 dataset: rules by name, each a sentence of the specification that says MUST.

`check` takes columns and rows of texts as a CSV file has them, None for null. Rules are of the columns, of single rows, or of rows that
belong together. What cannot be seen in the rows (whether a provider supports regions, what its invoice says) is not checked.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from sim.report import focus_row_rules as rules
from sim.report.focus_columns import COLUMNS, CUSTOM, MANDATORY, TOGETHER
from sim.report.focus_row_rules import CENT, SAME, Checked, Row, Rule


@dataclass(frozen=True, slots=True)
class Finding:
    """What a rule found: in which row (from 1, the header not counted; 0: of no single row), and in words."""

    rule: str
    row: int
    words: str


def check(columns: Sequence[str], rows: Sequence[Row]) -> list[Finding]:
    """Everything that is against a rule, first of the columns, then row by row, then of rows together; empty: nothing."""
    found = [Finding(rule, 0, words) for rule, words in _of_columns(columns)]
    for number, row in enumerate(rows, 1):
        checked = Checked(row)
        found += [Finding(name, number, words) for name, rule in ROW_RULES.items() for words in rule(checked)]
    found += [Finding(rule, 0, words) for rule, words in _of_rows([Checked(row) for row in rows])]
    return found


def _of_columns(columns: Sequence[str]) -> Iterator[tuple[str, str]]:
    given = set(columns)
    for name in MANDATORY:
        if name not in given:
            yield "mandatory-column", f"{name} is missing"
    for group in TOGETHER:
        there = [name for name in group if name in given]
        for name in group if there else ():
            if name not in given:
                yield "conditional-column", f"{name} is missing, and {there[0]} is there"
    for name in columns:
        if name not in COLUMNS and not name.startswith(CUSTOM):
            yield "custom-column", f"{name!r} is no column of FOCUS and does not begin with {CUSTOM}"
    if len(given) != len(columns):
        yield "column-once", "a column is there twice"


ROW_RULES: Mapping[str, Rule] = MappingProxyType(
    {
        "type": rules.types_rule,
        "not-null": rules.nulls_rule,
        "placeholder": rules.placeholders_rule,
        "allowed-value": rules.allowed_rule,
        "currency": rules.currency_rule,
        "subcategory": rules.subcategory_rule,
        "period-order": rules.periods_rule,
        "charge-in-billing-period": rules.within_rule,
        "list-cost": rules.all_of(rules.product_rule("ListCost", "ListUnitPrice"), rules.unpriced_rule("ListCost", "ListUnitPrice")),
        "contracted-cost": rules.all_of(
            rules.product_rule("ContractedCost", "ContractedUnitPrice"), rules.unpriced_rule("ContractedCost", "ContractedUnitPrice")
        ),
        "unit-price": rules.not_negative_rule,
        "priced": rules.priced_rule,
        "pricing-unit": rules.null_with("PricingUnit", "PricingQuantity"),
        "consumed-quantity": rules.consumed_rule,
        "consumed-unit": rules.null_with("ConsumedUnit", "ConsumedQuantity"),
        "charge-frequency": rules.frequency_rule,
        "region-name": rules.null_with("RegionName", "RegionId"),
        "resource": rules.all_of(rules.null_with("ResourceType", "ResourceId"), rules.null_with("ResourceName", "ResourceId", both=False)),
        "sku": rules.all_of(rules.null_with("SkuMeter", "SkuId", both=False), rules.null_with("SkuPriceDetails", "SkuPriceId", both=False)),
        "sub-account": rules.all_of(rules.null_with("SubAccountName", "SubAccountId"), rules.null_with("SubAccountType", "SubAccountId")),
        "capacity-reservation": rules.null_with("CapacityReservationStatus", "CapacityReservationId", both=False),
        "commitment-fields": rules.all_of(
            rules.null_with("CommitmentDiscountCategory", "CommitmentDiscountId"),
            rules.null_with("CommitmentDiscountType", "CommitmentDiscountId"),
            rules.null_with("CommitmentDiscountName", "CommitmentDiscountId", both=False),
        ),
        "commitment-status": rules.commitment_status_rule,
        "commitment-quantity": rules.commitment_quantity_rule,
        "commitment-unit": rules.null_with("CommitmentDiscountUnit", "CommitmentDiscountQuantity"),
        "commitment-cost": rules.commitment_cost_rule,
        "commitment-resource": rules.commitment_resource_rule,
        "commitment-pricing": rules.commitment_pricing_rule,
    }
)  # fmt: skip
"""The rules of single rows by name."""


def _of_rows(rows: Sequence[Checked]) -> Iterator[tuple[str, str]]:
    for rule, name, of in (
        ("service-category", "ServiceCategory", "ServiceName"),
        ("sku-price", "SkuId", "SkuPriceId"),
        ("commitment-one-unit", "CommitmentDiscountUnit", "CommitmentDiscountId"),
    ):
        found: dict[str, set[str]] = {}
        for row in rows:
            if (key := row.get(of)) is not None and (value := row.get(name)) is not None:
                found.setdefault(key, set()).add(value)
        for key, values in found.items():
            if len(values) > 1:
                yield rule, f"{of} {key!r} has more than one {name}: {', '.join(sorted(values))}"
    sums: dict[str, list[float]] = {}
    for row in rows:
        if (commitment := row.get("CommitmentDiscountId")) is not None:
            used, bought = sums.setdefault(commitment, [0.0, 0.0])
            used += (row.number("EffectiveCost") or 0.0) if row.get("ChargeCategory") == "Usage" else 0.0
            bought += (row.number("BilledCost") or 0.0) if row.get("ChargeCategory") == "Purchase" else 0.0
            sums[commitment] = [used, bought]
    for commitment, (used, bought) in sums.items():
        if not math.isclose(used, bought, rel_tol=SAME, abs_tol=CENT):
            yield "commitment-sum", f"{commitment}: EffectiveCost of its usage is {used:.2f}, BilledCost of its purchase {bought:.2f}"
