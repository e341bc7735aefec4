"""The columns of FOCUS 1.2, the FinOps Open Cost and Usage Specification: https://focus.finops.org/focus-specification/v1-2/

Names, types, feature levels and allowed values are those of the specification (CC-BY-4.0, The FinOps Foundation); which column may be null
where is in sim/report/focus_rules.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

VERSION = "1.2"
Kind = Literal["text", "decimal", "time", "pairs"]
Level = Literal["mandatory", "conditional", "recommended"]


@dataclass(frozen=True, slots=True)
class FocusColumn:
    """One column; `null` says whether it may ever be null, `values` are those that are allowed, empty: any."""

    name: str
    kind: Kind
    level: Level
    null: bool
    values: tuple[str, ...] = ()


CATEGORIES = ("Usage", "Purchase", "Tax", "Credit", "Adjustment")
FREQUENCIES = ("One-Time", "Recurring", "Usage-Based")
_USED = ("Used", "Unused")
SUBCATEGORIES = MappingProxyType(
    {
        "AI and Machine Learning": ("AI Platforms", "Bots", "Generative AI", "Machine Learning", "Natural Language Processing"),
        "Analytics": ("Analytics Platforms", "Business Intelligence", "Data Processing", "Search", "Streaming Analytics"),
        "Business Applications": ("Productivity and Collaboration",),
        "Compute": ("Containers", "End User Computing", "Quantum Compute", "Serverless Compute", "Virtual Machines"),
        "Databases": (
            "Caching", "Data Warehouses", "Ledger Databases", "NoSQL Databases", "Relational Databases", "Time Series Databases",
        ),
        "Developer Tools": (
            "Developer Platforms", "Continuous Integration and Deployment", "Development Environments", "Source Code Management",
            "Quality Assurance",
        ),
        "Multicloud": ("Multicloud Integration",),
        "Identity": ("Identity and Access Management",),
        "Integration": ("API Management", "Messaging", "Workflow Orchestration"),
        "Internet of Things": ("IoT Analytics", "IoT Platforms"),
        "Management and Governance": (
            "Architecture", "Compliance", "Cost Management", "Data Governance", "Disaster Recovery", "Endpoint Management", "Observability",
            "Support",
        ),
        "Media": ("Content Creation", "Gaming", "Media Streaming", "Mixed Reality"),
        "Migration": ("Data Migration", "Resource Migration"),
        "Mobile": (),
        "Networking": (
            "Application Networking", "Content Delivery", "Network Connectivity", "Network Infrastructure", "Network Routing",
            "Network Security",
        ),
        "Security": ("Secret Management", "Security Posture Management", "Threat Detection and Response"),
        "Storage": ("Backup Storage", "Block Storage", "File Storage", "Object Storage", "Storage Platforms"),
        "Web": ("Application Platforms",),
        "Other": (),
    }
)  # fmt: skip
"""Subcategories by service category; each category has `Other (<category>)` besides."""


def subcategories(category: str) -> tuple[str, ...]:
    """What ServiceSubcategory may be of a ServiceCategory; nothing of one that is none."""
    return (*SUBCATEGORIES[category], f"Other ({category})") if category in SUBCATEGORIES else ()


def _columns(kind: Kind, level: Level, null: Literal["null", "given"], *names: str) -> tuple[FocusColumn, ...]:
    return tuple(FocusColumn(name, kind, level, null == "null") for name in names)


_GIVEN = (
    *_columns("decimal", "mandatory", "given", "BilledCost", "ContractedCost", "EffectiveCost", "ListCost"),
    *_columns("decimal", "mandatory", "null", "PricingQuantity"),
    *_columns("time", "mandatory", "given", "BillingPeriodEnd", "BillingPeriodStart", "ChargePeriodEnd", "ChargePeriodStart"),
    *_columns(
        "text", "mandatory", "given", "BillingAccountId", "BillingCurrency", "InvoiceIssuerName", "ProviderName", "PublisherName",
        "ServiceName",
    ),
    *_columns("text", "mandatory", "null", "BillingAccountName", "ChargeDescription", "PricingUnit"),
    *_columns("text", "conditional", "given", "BillingAccountType", "PricingCurrency"),
    *_columns(
        "text", "conditional", "null", "CapacityReservationId", "CommitmentDiscountId", "CommitmentDiscountName", "CommitmentDiscountType",
        "CommitmentDiscountUnit", "ConsumedUnit", "RegionId", "RegionName", "ResourceId", "ResourceName", "ResourceType", "SkuId",
        "SkuMeter", "SkuPriceId", "SubAccountId", "SubAccountName", "SubAccountType",
    ),
    *_columns(
        "decimal", "conditional", "null", "CommitmentDiscountQuantity", "ConsumedQuantity", "ContractedUnitPrice", "ListUnitPrice",
        "PricingCurrencyContractedUnitPrice", "PricingCurrencyListUnitPrice",
    ),
    *_columns("decimal", "conditional", "given", "PricingCurrencyEffectiveCost"),
    *_columns("pairs", "conditional", "null", "SkuPriceDetails", "Tags"),
    *_columns("text", "recommended", "null", "AvailabilityZone", "InvoiceId"),
    FocusColumn("CapacityReservationStatus", "text", "conditional", True, _USED),
    FocusColumn("ChargeCategory", "text", "mandatory", False, CATEGORIES),
    FocusColumn("ChargeClass", "text", "mandatory", True, ("Correction",)),
    FocusColumn("ChargeFrequency", "text", "recommended", False, FREQUENCIES),
    FocusColumn("CommitmentDiscountCategory", "text", "conditional", True, ("Spend", "Usage")),
    FocusColumn("CommitmentDiscountStatus", "text", "conditional", True, _USED),
    FocusColumn("PricingCategory", "text", "conditional", True, ("Standard", "Dynamic", "Committed", "Other")),
    FocusColumn("ServiceCategory", "text", "mandatory", False, tuple(SUBCATEGORIES)),
    FocusColumn("ServiceSubcategory", "text", "recommended", False, tuple(name for each in SUBCATEGORIES for name in subcategories(each))),
)  # fmt: skip
COLUMNS = MappingProxyType({column.name: column for column in sorted(_GIVEN, key=lambda each: each.name)})
"""Every column by name, in the order of the alphabet."""
MANDATORY = tuple(column.name for column in COLUMNS.values() if column.level == "mandatory")
TOGETHER = (
    (
        "CommitmentDiscountCategory", "CommitmentDiscountId", "CommitmentDiscountName", "CommitmentDiscountQuantity",
        "CommitmentDiscountStatus", "CommitmentDiscountType", "CommitmentDiscountUnit",
    ),
    ("CapacityReservationId", "CapacityReservationStatus"),
    ("ConsumedQuantity", "ConsumedUnit"),
    ("RegionId", "RegionName"),
    ("SkuId", "SkuMeter", "SkuPriceDetails", "SkuPriceId"),
    ("SubAccountId", "SubAccountName"),
)  # fmt: skip
"""Conditional columns that depend on the same condition: where one of them is, the others are."""
CUSTOM = "x_"
"""How the names of columns begin that the specification does not know."""
