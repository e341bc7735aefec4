"""The rules of FOCUS 1.2: a bill that follows them all has no findings, and each broken one is named."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest

from sim.report.focus_columns import COLUMNS, MANDATORY, SUBCATEGORIES, TOGETHER, subcategories
from sim.report.focus_rules import ROW_RULES, Finding, check

Row = dict[str, str | None]

BASE: Row = {
    **dict.fromkeys(COLUMNS),
    "BilledCost": "6", "ContractedCost": "6", "EffectiveCost": "6", "ListCost": "8", "ListUnitPrice": "4", "ContractedUnitPrice": "3",
    "PricingQuantity": "2", "PricingUnit": "1000000 Tokens", "ConsumedQuantity": "2000000", "ConsumedUnit": "Tokens",
    "PricingCategory": "Standard", "PricingCurrency": "USD", "PricingCurrencyContractedUnitPrice": "3", "PricingCurrencyEffectiveCost": "6",
    "PricingCurrencyListUnitPrice": "4", "BillingAccountId": "a", "BillingAccountName": "A", "BillingAccountType": "Account",
    "BillingCurrency": "USD", "BillingPeriodStart": "2027-01-01T00:00:00Z", "BillingPeriodEnd": "2027-02-01T00:00:00Z",
    "ChargePeriodStart": "2027-01-03T00:00:00Z", "ChargePeriodEnd": "2027-01-04T00:00:00Z", "ChargeCategory": "Usage",
    "ChargeDescription": "tokens", "ChargeFrequency": "Usage-Based", "InvoiceIssuerName": "V", "ProviderName": "V", "PublisherName": "V",
    "RegionId": "r", "RegionName": "R", "ResourceId": "m", "ResourceName": "M", "ResourceType": "Model", "ServiceName": "API",
    "ServiceCategory": "AI and Machine Learning", "ServiceSubcategory": "Generative AI", "SkuId": "s", "SkuMeter": "in", "SkuPriceId": "p",
    "SkuPriceDetails": '{"x_Tier": 1}', "SubAccountId": "t", "SubAccountName": "T", "SubAccountType": "Team", "Tags": '{"team": "search"}',
}  # fmt: skip
_COMMITTED: Row = {
    "CommitmentDiscountCategory": "Usage", "CommitmentDiscountId": "c", "CommitmentDiscountName": "C", "CommitmentDiscountQuantity": "2",
    "CommitmentDiscountType": "Reserved", "CommitmentDiscountUnit": "Hours",
}  # fmt: skip
USED: Row = BASE | _COMMITTED | {"BilledCost": "0", "PricingCategory": "Committed", "CommitmentDiscountStatus": "Used", "SkuPriceId": "q"}
UNUSED: Row = USED | {
    "CommitmentDiscountStatus": "Unused",
    "ConsumedQuantity": None,
    "ConsumedUnit": None,
    "ResourceId": "c",
    "EffectiveCost": "2",
}
BOUGHT: Row = (
    BASE
    | _COMMITTED
    | {
        "BilledCost": "8", "EffectiveCost": "0", "ChargeCategory": "Purchase", "ChargeFrequency": "Recurring", "ConsumedQuantity": None,
        "ConsumedUnit": None, "ResourceId": "c", "SkuPriceId": "q", "ListUnitPrice": "4", "ContractedUnitPrice": "3",
    }
)  # fmt: skip
CREDIT: Row = BASE | {
    "ChargeCategory": "Credit", "BilledCost": "-5", "ListCost": "-5", "ContractedCost": "-5", "EffectiveCost": "-5", "ListUnitPrice": None,
    "ContractedUnitPrice": None, "PricingQuantity": None, "PricingUnit": None, "ConsumedQuantity": None, "ConsumedUnit": None,
}  # fmt: skip
TAX: Row = CREDIT | {
    "ChargeCategory": "Tax", "PricingCategory": None, "SkuId": None, "SkuPriceId": None, "SkuMeter": None, "SkuPriceDetails": None,
    "PricingCurrencyContractedUnitPrice": None, "PricingCurrencyListUnitPrice": None,
}  # fmt: skip
WHOLE = [BASE, USED, UNUSED, BOUGHT, CREDIT, TAX]


def found(*rows: Row) -> list[Finding]:
    return check(list(rows[0]), list(rows))


def test_what_follows_the_rules_has_no_findings() -> None:
    assert found(*WHOLE) == []


@pytest.mark.parametrize(
    ("rule", "row", "change"),
    [
        ("type", BASE, {"BilledCost": "$6"}),
        ("type", BASE, {"BilledCost": "1,000"}),
        ("type", BASE, {"BilledCost": "+6"}),
        ("type", BASE, {"ListUnitPrice": "4E+0"}),
        ("type", BASE, {"BilledCost": "NaN"}),
        ("type", BASE, {"BillingPeriodStart": "2027-01-01"}),
        ("type", BASE, {"ChargePeriodEnd": "2027-01-04T00:00:00+01:00"}),
        ("type", BASE, {"Tags": '{"team": {"a": 1}}'}),
        ("type", BASE, {"Tags": "[1]"}),
        ("type", BASE, {"Tags": '{"team": 1, "team": 2}'}),
        ("type", BASE, {"SkuPriceDetails": "{"}),
        *(("not-null", BASE, {name: None}) for name, column in COLUMNS.items() if not column.null),
        ("placeholder", BASE, {"ChargeDescription": "Not Applicable"}),
        ("placeholder", BASE, {"ServiceName": " "}),
        *(("allowed-value", BASE, {name: "Wrong"}) for name, column in COLUMNS.items() if column.values),
        ("currency", BASE, {"BillingCurrency": "dollars"}),
        ("subcategory", BASE, {"ServiceSubcategory": "Virtual Machines"}),
        ("period-order", BASE, {"BillingPeriodEnd": "2027-01-01T00:00:00Z"}),
        ("period-order", BASE, {"ChargePeriodStart": "2027-01-04T00:00:00Z"}),
        ("charge-in-billing-period", BASE, {"ChargePeriodEnd": "2027-02-02T00:00:00Z"}),
        ("list-cost", BASE, {"ListCost": "8.02"}),
        ("list-cost", CREDIT, {"ListCost": "-4"}),
        ("contracted-cost", BASE, {"ContractedUnitPrice": "3.1"}),
        ("contracted-cost", CREDIT, {"ContractedCost": "-4"}),
        ("unit-price", BASE, {"ListUnitPrice": "-4"}),
        *(("priced", BASE, {name: None}) for name in ("ListUnitPrice", "ContractedUnitPrice", "PricingQuantity", "PricingCategory", "SkuId")),
        ("priced", BOUGHT, {"SkuPriceId": None}),
        ("priced", TAX, {"PricingCategory": "Standard"}),
        ("pricing-unit", BASE, {"PricingUnit": None}),
        ("pricing-unit", CREDIT, {"PricingUnit": "Hours"}),
        ("consumed-quantity", BASE, {"ConsumedQuantity": None, "ConsumedUnit": None}),
        ("consumed-quantity", BOUGHT, {"ConsumedQuantity": "1", "ConsumedUnit": "Hours"}),
        ("consumed-quantity", UNUSED, {"ConsumedQuantity": "1", "ConsumedUnit": "Hours"}),
        ("consumed-unit", BASE, {"ConsumedUnit": None}),
        ("charge-frequency", BOUGHT, {"ChargeFrequency": "Usage-Based"}),
        ("region-name", BASE, {"RegionName": None}),
        ("region-name", BASE, {"RegionId": None}),
        ("resource", BASE, {"ResourceType": None}),
        ("resource", BASE, {"ResourceId": None, "ResourceType": None}),
        ("sku", TAX, {"SkuMeter": "in"}),
        ("sku", TAX, {"SkuPriceDetails": "{}"}),
        ("sub-account", BASE, {"SubAccountName": None}),
        ("sub-account", BASE, {"SubAccountType": None}),
        ("capacity-reservation", BASE, {"CapacityReservationStatus": "Used"}),
        ("commitment-fields", USED, {"CommitmentDiscountCategory": None}),
        ("commitment-fields", USED, {"CommitmentDiscountType": None}),
        ("commitment-fields", BASE, {"CommitmentDiscountName": "C"}),
        ("commitment-status", USED, {"CommitmentDiscountStatus": None}),
        ("commitment-status", BASE, {"CommitmentDiscountStatus": "Used"}),
        ("commitment-quantity", USED, {"CommitmentDiscountQuantity": None, "CommitmentDiscountUnit": None}),
        ("commitment-quantity", BASE, {"CommitmentDiscountQuantity": "1", "CommitmentDiscountUnit": "Hours"}),
        ("commitment-unit", USED, {"CommitmentDiscountUnit": None}),
        ("commitment-cost", USED, {"BilledCost": "6"}),
        ("commitment-cost", BOUGHT, {"EffectiveCost": "6"}),
        ("commitment-resource", BOUGHT, {"ResourceId": "m"}),
        ("commitment-resource", UNUSED, {"ResourceId": "m"}),
        ("commitment-pricing", BASE, {"PricingCategory": "Committed"}),
        ("commitment-pricing", BOUGHT, {"PricingCategory": "Committed"}),
    ],
)  # fmt: skip
def test_a_broken_rule_is_named(rule: str, row: Row, change: Row) -> None:
    findings = [each for each in found(row | change) if each.row == 1]
    assert rule in {each.rule for each in findings}
    assert all(each.words for each in findings)
    assert not any(each.rule == rule for each in found(row)), "the unbroken row has it, too"


def test_every_rule_of_a_row_is_tried() -> None:
    marks = test_a_broken_rule_is_named.pytestmark[0].args[1]  # type: ignore[attr-defined]
    assert {rule for rule, _, _ in marks} == set(ROW_RULES)


def of_table(*rows: Row, columns: list[str] | None = None) -> set[str]:
    return {each.rule for each in check(columns or list(rows[0]), list(rows)) if each.row == 0}


def test_rules_of_columns() -> None:
    for name in MANDATORY:
        assert of_table({key: value for key, value in BASE.items() if key != name}) >= {"mandatory-column"}, name
    for group in TOGETHER:
        assert of_table({key: value for key, value in BASE.items() if key != group[0]}) == {"conditional-column"}, group
        assert of_table({key: value for key, value in BASE.items() if key not in group}) == set(), group
    assert of_table(BASE | {"Team": "a"}) == {"custom-column"}
    assert of_table(BASE | {"x_Team": "a"}) == set()
    assert of_table(BASE, columns=[*BASE, "BilledCost"]) == {"column-once"}


def test_rules_of_rows_together() -> None:
    assert of_table(BASE, BASE | {"ServiceCategory": "Compute", "ServiceSubcategory": "Containers"}) == {"service-category"}
    assert of_table(BASE, BASE | {"SkuId": "other"}) == {"sku-price"}
    assert of_table(USED, UNUSED, BOUGHT) == set()
    assert of_table(USED, UNUSED, BOUGHT | {"CommitmentDiscountUnit": "USD"}) == {"commitment-one-unit"}
    assert of_table(USED, BOUGHT) == {"commitment-sum"}  # 6 of 8 USD are used


def test_corrections_may_differ() -> None:
    correction: Row = {"ChargeClass": "Correction", "ListCost": "1", "ContractedCost": "1", "ChargePeriodStart": "2026-12-03T00:00:00Z"}
    assert found(BASE | correction | {"PricingQuantity": None, "PricingUnit": None, "ConsumedQuantity": None, "ConsumedUnit": None}) == []


def test_the_list_of_columns_is_whole() -> None:
    """57 columns, of which 21 are mandatory, and 82 subcategories of 19 categories: as counted in the text of version 1.2."""
    assert (len(COLUMNS), len(MANDATORY)) == (57, 21)
    assert (len(SUBCATEGORIES), sum(len(subcategories(each)) for each in SUBCATEGORIES)) == (19, 82)
    assert all(re.fullmatch(r"[A-Z][A-Za-z]+", name) for name in COLUMNS)


def test_a_bill_made_by_hand(shared_data: Path) -> None:
    """Its rows follow the rules; what it lacks are columns that only go with others that it has."""
    path = shared_data / "iac" / "spend" / "constructed-focus-1.2-simulated-bill.csv"
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        rows = [{name: text or None for name, text in row.items()} for row in reader]
    assert len(rows) == 5
    findings = check(list(reader.fieldnames or ()), rows)
    assert {each.rule for each in findings} == {"conditional-column"}
    assert {each.words.split(" ")[0] for each in findings} == {
        "CommitmentDiscountCategory", "CommitmentDiscountName", "CommitmentDiscountQuantity", "CommitmentDiscountType",
        "CommitmentDiscountUnit", "RegionName", "SkuPriceDetails", "SubAccountName",
    }  # fmt: skip
    rows[2]["BilledCost"] = "1"
    assert {each.rule for each in check(list(reader.fieldnames or ()), rows)} == {"conditional-column", "commitment-cost"}
