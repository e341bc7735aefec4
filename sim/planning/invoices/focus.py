"""An export by FOCUS 1.2 (the FinOps Open Cost and Usage Specification), as CSV or Parquet, of any provider.

A line is a ServiceName, its cost BilledCost in the month of ChargePeriodStart. Charges of the categories Tax and Credit are not counted:
a forecast is before tax, and a credit pays for a charge without making it smaller.
"""

from __future__ import annotations

from sim.planning.invoices.lines import Lines
from sim.planning.invoices.paid import Format
from sim.planning.invoices.sheet import Sheet

_COLUMNS = ("ChargePeriodStart", "ServiceName", "BilledCost")
_OPTIONAL = ("BillingCurrency", "ChargeCategory")
_NOT_COUNTED = ("Tax", "Credit")


def _matches(sheet: Sheet) -> bool:
    return sheet.layout in ("csv", "parquet") and sheet.has(*_COLUMNS)


def _read(sheet: Sheet, lines: Lines) -> None:
    in_dollars = sheet.has("BillingCurrency")
    for row in sheet.rows(*_COLUMNS, *_OPTIONAL):
        month, usd = lines.month(row, "ChargePeriodStart"), lines.usd(row, "BilledCost")
        if in_dollars and not lines.dollars(row, "BillingCurrency"):
            continue
        category = row.text("ChargeCategory")
        if category in _NOT_COUNTED:
            lines.leave_out(f"charges of the category {category}", usd)
            continue
        line = row.text("ServiceName")
        if not line:
            lines.problem(row.place("ServiceName").problem("found nothing", "the name of a service"))
            continue
        lines.add(month, line, usd)
    lines.notes.append("BilledCost is compared, by ServiceName")


FORMAT = Format("focus", "FOCUS 1.2 (CSV, Parquet)", _matches, _read)
