"""An export by FOCUS 1.2 (the FinOps Open Cost and Usage Specification), as CSV or Parquet, of any provider.

A line is a ServiceName, its cost BilledCost in the month of ChargePeriodStart. Charges of the categories Tax and Credit are not counted:
a forecast is before tax, and a credit pays for a charge without making it smaller. An export of a run (`sim export --to focus`) names line
and deployment in columns of its own, and there EffectiveCost is compared, which spreads commitments as the run does.
"""

from __future__ import annotations

from sim.planning.invoices.lines import Lines
from sim.planning.invoices.paid import Format
from sim.planning.invoices.sheet import Sheet

_COLUMNS = ("ChargePeriodStart", "ServiceName", "BilledCost")
_OPTIONAL = ("BillingCurrency", "ChargeCategory")
_OF_A_RUN = ("x_Line", "x_Deployment", "EffectiveCost")
_NOT_COUNTED = ("Tax", "Credit")


def _matches(sheet: Sheet) -> bool:
    return sheet.layout in ("csv", "parquet") and sheet.has(*_COLUMNS)


def _read(sheet: Sheet, lines: Lines) -> None:
    in_dollars, of_a_run = sheet.has("BillingCurrency"), sheet.has(*_OF_A_RUN)
    name, cost = ("x_Line", "EffectiveCost") if of_a_run else ("ServiceName", "BilledCost")
    for row in sheet.rows(*_COLUMNS, *_OPTIONAL, *_OF_A_RUN):
        month, usd = lines.month(row, "ChargePeriodStart"), lines.usd(row, cost)
        if in_dollars and not lines.dollars(row, "BillingCurrency"):
            continue
        category = row.text("ChargeCategory")
        if category in _NOT_COUNTED:
            lines.leave_out(f"charges of the category {category}", usd)
            continue
        line = row.text(name)
        if not line:
            lines.problem(row.place(name).problem("found nothing", "the name of a service"))
            continue
        if usd or not of_a_run:
            lines.add(month, line, usd, row.text("x_Deployment") if of_a_run else "")
    lines.notes.append(f"{cost} is compared, by {name}")


FORMAT = Format("focus", "FOCUS 1.2 (CSV, Parquet)", _matches, _read)
