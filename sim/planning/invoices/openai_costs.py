"""OpenAI's costs: pages of `/v1/organization/costs` (JSON), or the cost data that the dashboard exports (CSV).

A line is a `line_item` such as `gpt-4o, input`; where costs were not grouped by it all are one line. Amounts are US dollars, times Unix
seconds. A line item that names tokens of a model is known to mean them.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from sim.catalog.places import Entry, shown
from sim.planning.invoices.lines import Lines, amount, month_of
from sim.planning.invoices.paid import Format, Meaning
from sim.planning.invoices.sheet import Row, Sheet

UNGROUPED = "OpenAI API"
_LINE_ITEM = re.compile(r"(?P<model>[a-z0-9][\w.:-]*), (?P<kind>[a-z _]+)")
_ITEMS = MappingProxyType(
    {
        "input": "api_input", "input_tokens": "api_input", "cached input": "api_cached_input", "input_cached_tokens": "api_cached_input",
        "output": "api_output", "output_tokens": "api_output",
    }
)  # fmt: skip
_LATEST_S = 4e9


def _matches(sheet: Sheet) -> bool:
    if sheet.layout != "json":
        return sheet.has("amount_value", "line_item") and (sheet.has("start_time") or sheet.has("start_time_iso"))
    return any(_priced(bucket) for bucket in sheet.buckets[:50])


def _priced(bucket: Entry) -> bool:
    results = bucket.entries("results")
    return "start_time" in bucket.data and (not results or "amount" in results[0].data)


def _read(sheet: Sheet, lines: Lines) -> None:
    if sheet.layout != "json":
        for row in sheet.rows():
            _row(row, lines)
    else:
        for bucket in sheet.buckets:
            month = _month(bucket.data.get("start_time"))
            if month is None:
                found = f"found {shown(bucket.data.get('start_time'))}"
                lines.problem(bucket.place("start_time").problem(found, "a time in Unix seconds"))
            for result in bucket.entries("results"):
                _result(result, month, lines)
        lines.notes += sheet.unfinished
    lines.notes.append("amounts are compared by line item, before tax")


def _result(result: Entry, month: str | None, lines: Lines) -> None:
    cost = result.within("amount")
    usd = amount(cost.data.get("value", "")) if cost else None
    if usd is None:
        found = f"found {shown(cost.data.get('value') if cost else None)}"
        lines.problem(result.place("amount.value").problem(found, "an amount of US dollars, such as 0.06"))
    currency = str(cost.data.get("currency", "usd")).lower() if cost else "usd"
    if cost and currency != "usd":
        lines.problem(cost.place("currency").problem(f"found {shown(currency)}", "usd"))
    line = str(result.data.get("line_item") or "").strip() or UNGROUPED
    lines.add(month, line, usd, meaning=meaning_of(line))


def _row(row: Row, lines: Lines) -> None:
    if row.text("amount_value") == "":
        return  # A day without costs.
    month = month_of(row.text("start_time_iso")) or _month(row.text("start_time"))
    if month is None:
        lines.problem(row.place("start_time", "start_time_iso").problem(f"found {shown(row.text('start_time'))}", "a time in Unix seconds"))
    if row.text("amount_currency") and not lines.dollars(row, "amount_currency"):
        return
    line = row.text("line_item") or UNGROUPED
    lines.add(month, line, lines.usd(row, "amount_value"), meaning=meaning_of(line))


def meaning_of(line: str) -> Meaning | None:
    """The tokens that a line item names; None where it names none."""
    found = _LINE_ITEM.fullmatch(line.lower())
    item = _ITEMS.get(found["kind"].strip()) if found else None
    return Meaning("openai", found["model"], item) if found and item else None


def _month(value: Any) -> str | None:
    """The month (UTC) of a time in Unix seconds."""
    text = str(value)
    if isinstance(value, bool) or not re.fullmatch(r"\d{1,10}(\.\d*)?", text, re.ASCII) or not 0 < float(text) < _LATEST_S:
        return None
    return datetime.fromtimestamp(float(text), UTC).strftime("%Y-%m")


FORMAT = Format("openai-costs", "OpenAI's costs (API, dashboard CSV)", _matches, _read)
