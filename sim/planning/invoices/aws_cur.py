"""AWS cost and usage reports: legacy CUR (`lineItem/UnblendedCost`) and CUR 2.0 of Data Exports (`line_item_unblended_cost`).

A line is a product code (AmazonEC2, AmazonBedrock), its cost the unblended one in the month of usage. All types of line items are
counted, for together they are what is invoiced: usage that a savings plan covers stands with its price on demand, and a negation takes it
away again; fees of plans and reservations stand apart. Tax and credits are not counted.
"""

from __future__ import annotations

from sim.planning.invoices.lines import Lines
from sim.planning.invoices.paid import Format
from sim.planning.invoices.sheet import Sheet

_COLUMNS = ("line_item_usage_start_date", "line_item_unblended_cost", "line_item_product_code")
_OPTIONAL = ("line_item_line_item_type", "line_item_currency_code")
_NOT_COUNTED = ("Tax", "Credit")


def _matches(sheet: Sheet) -> bool:
    return sheet.layout in ("csv", "parquet") and sheet.has(*_COLUMNS)


def _read(sheet: Sheet, lines: Lines) -> None:
    in_dollars = sheet.has("line_item_currency_code")
    kinds: dict[str, None] = {}
    for row in sheet.rows(*_COLUMNS, *_OPTIONAL):
        month, usd = lines.month(row, _COLUMNS[0]), lines.usd(row, _COLUMNS[1])
        if in_dollars and not lines.dollars(row, "line_item_currency_code"):
            continue
        kind = row.text("line_item_line_item_type")
        if kind in _NOT_COUNTED:
            lines.leave_out(f"line items of the type {kind}", usd)
            continue
        line = row.text(_COLUMNS[2])
        if not line:
            lines.problem(row.place(_COLUMNS[2]).problem("found nothing", "a product code"))
            continue
        kinds[kind] = None
        lines.add(month, line, usd)
    counted = f", of the types {', '.join(sorted(kind[:40] for kind in kinds if kind)[:12])}" if any(kinds) else ""
    lines.notes.append(f"the unblended cost is compared, by product code{counted}")


FORMAT = Format("aws-cur", "AWS cost and usage reports (CUR, CUR 2.0)", _matches, _read)
