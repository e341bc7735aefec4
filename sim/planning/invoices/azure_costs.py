"""Azure's cost and usage details (exports of Cost Management), of all kinds of agreement, as CSV or Parquet.

A line is a MeterCategory (else the product), its cost CostInBillingCurrency, or CostInUsd where the account is billed in another currency
and the export says both. Dates are month/day/year or ISO 8601. The export is before tax.
"""

from __future__ import annotations

import re

from sim.catalog.places import shown
from sim.planning.invoices.lines import Lines, month_of
from sim.planning.invoices.paid import Format
from sim.planning.invoices.sheet import Row, Sheet

_DATE = ("Date", "UsageDate", "UsageDateTime")
_COST = ("CostInBillingCurrency", "PreTaxCost", "Cost")
_NAMES = ("MeterCategory", "ProductName", "Product", "ConsumedService")
_CURRENCY = ("BillingCurrency", "BillingCurrencyCode", "Currency")
_USD = "CostInUsd"
_AMERICAN = re.compile(r"(0?[1-9]|1[0-2])/(\d{1,2})/([1-9]\d{3})(?: .*)?", re.ASCII)


def _matches(sheet: Sheet) -> bool:
    priced = sheet.has(_USD) or any(sheet.has(name) for name in _COST)
    return sheet.layout in ("csv", "parquet") and sheet.has("MeterCategory") and priced and any(sheet.has(name) for name in _DATE)


def _read(sheet: Sheet, lines: Lines) -> None:
    both = sheet.has(_USD)
    said = any(sheet.has(name) for name in _CURRENCY)
    in_usd = amortised = False
    for row in sheet.rows(*_DATE, *_COST, *_NAMES, *_CURRENCY, _USD, "ChargeType"):
        month = _month(row, lines)
        abroad = both and row.text(*_CURRENCY).upper() != "USD"
        if said and not abroad and not lines.dollars(row, *_CURRENCY):
            continue
        usd = lines.usd(row, *((_USD,) if abroad else _COST))
        in_usd = in_usd or abroad
        amortised = amortised or row.text("ChargeType") == "UnusedReservation"
        line = row.text(*_NAMES) or row.text("ChargeType")
        if not line:
            lines.problem(row.place("MeterCategory").problem("found nothing", "the category of the meter"))
            continue
        lines.add(month, line, usd)
    lines.notes.append(f"{'CostInUsd' if in_usd else 'the cost in the billing currency'} is compared, by MeterCategory, before tax")
    if amortised:
        lines.notes.append("the export is of amortised cost: what was paid up front is spread over the months that it is for")


def _month(row: Row, lines: Lines) -> str | None:
    text = row.text(*_DATE)
    found = _AMERICAN.fullmatch(text)
    month = f"{found[3]}-{int(found[1]):02d}" if found and 1 <= int(found[2]) <= 31 else month_of(text)
    if month is None:
        lines.problem(row.place(*_DATE).problem(f"found {shown(text)}", "month/day/year as Azure writes it, or 2027-01-31"))
    return month


FORMAT = Format("azure-costs", "Azure's cost details (CSV, Parquet)", _matches, _read)
