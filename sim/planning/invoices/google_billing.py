"""Google Cloud's billing export in BigQuery, saved as CSV, JSON or JSON lines (standard or detailed usage cost).

A line is a service, its cost that of usage in the month of usage_start_time with all credits that are prices: discounts for use, for
commitments, of contracts, and free tiers. Promotions and tax are not counted.
"""

from __future__ import annotations

import json
from typing import Any

from sim.catalog.places import shown
from sim.planning.invoices.lines import Lines, amount
from sim.planning.invoices.paid import Format
from sim.planning.invoices.sheet import Row, Sheet

_COLUMNS = ("usage_start_time", "service.description", "cost")
_OPTIONAL = ("currency", "credits", "cost_type", "service")
_PROMOTION = "PROMOTION"


def _matches(sheet: Sheet) -> bool:
    if sheet.layout == "json":
        return {"usage_start_time", "service", "cost"} <= sheet.keys
    return sheet.has("usage_start_time", "cost") and (sheet.has("service.description") or sheet.has("service"))


def _read(sheet: Sheet, lines: Lines) -> None:
    said = sheet.layout == "json" or sheet.has("currency")
    for row in sheet.rows(*_COLUMNS, *_OPTIONAL):
        month, usd = lines.month(row, "usage_start_time"), lines.usd(row, "cost")
        if said and not lines.dollars(row, "currency"):
            continue
        if row.text("cost_type").lower() == "tax":
            lines.leave_out("charges of the cost type tax", usd)
            continue
        line = _service(row)
        if not line:
            lines.problem(row.place("service.description").problem("found nothing", "the name of a service"))
            continue
        lines.add(month, line, usd)
        for kind, credit in _credits(row, lines):
            if kind == _PROMOTION:
                lines.leave_out("credits of the type PROMOTION", credit)
            else:
                lines.add(month, line, credit)
    lines.notes.append("cost with the credits that are discounts is compared, by service")


def _service(row: Row) -> str:
    value = row.get("service.description", "service")
    if isinstance(value, dict):
        value = value.get("description") or ""
    return str(value).strip()


def _credits(row: Row, lines: Lines) -> list[tuple[str, float]]:
    """Type and amount of each credit; CSV holds them as JSON."""
    found: Any = row.get("credits")
    if isinstance(found, str) and found:
        try:
            found = json.loads(found)
        except (ValueError, RecursionError):
            lines.problem(row.place("credits").problem(f"found {shown(found)}", "a list of credits in JSON"))
            return []
    made = []
    for at, credit in enumerate(found if isinstance(found, list) else ()):
        usd = amount(credit.get("amount", "")) if isinstance(credit, dict) else None
        if usd is None:
            lines.problem(row.place("credits").problem(f"found {shown(credit)} as credit {at}", "an object with an amount"))
            continue
        made.append((str(credit.get("type") or ""), usd))
    return made


FORMAT = Format("google-billing", "Google Cloud's billing export (BigQuery as CSV or JSON)", _matches, _read)
