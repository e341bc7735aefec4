"""Anthropic's costs: pages of `/v1/organizations/cost_report` (JSON), or the cost export of the Console (CSV).

Amounts of the report are texts in cents ("123.45" is 1.23 US dollars); those of the CSV are dollars. A line is the description of the
cost item, or model and kind of token. The report leaves out Priority Tier.
"""

from __future__ import annotations

from types import MappingProxyType

from sim.catalog.places import Entry, shown
from sim.planning.invoices.lines import Lines, amount, month_of
from sim.planning.invoices.paid import Format, Meaning
from sim.planning.invoices.sheet import Row, Sheet

UNGROUPED = "Anthropic API"
_CSV = ("usage_date_utc", "cost_usd")
_ITEMS = MappingProxyType(
    {
        "uncached_input_tokens": "api_input", "input_no_cache": "api_input", "cache_read_input_tokens": "api_cached_input",
        "input_cache_read": "api_cached_input", "output_tokens": "api_output", "output": "api_output",
    }
)  # fmt: skip


def _matches(sheet: Sheet) -> bool:
    if sheet.layout != "json":
        return sheet.has(*_CSV)
    return any("starting_at" in bucket.data and _priced(bucket) for bucket in sheet.buckets[:50])


def _priced(bucket: Entry) -> bool:
    results = bucket.entries("results")
    return not results or "amount" in results[0].data


def _read(sheet: Sheet, lines: Lines) -> None:
    if sheet.layout != "json":
        for row in sheet.rows():
            _row(row, lines)
        lines.notes.append("cost_usd is compared, by model and kind of token")
        return
    for bucket in sheet.buckets:
        month = month_of(bucket.data.get("starting_at", ""))
        if month is None:
            found = f"found {shown(bucket.data.get('starting_at'))}"
            lines.problem(bucket.place("starting_at").problem(found, "a time in ISO 8601"))
        for result in bucket.entries("results"):
            _result(result, month, lines)
    lines.notes += sheet.unfinished
    lines.notes.append("amounts are read as cents, by description; Priority Tier is not in the report")


def _result(result: Entry, month: str | None, lines: Lines) -> None:
    cents = amount(result.data.get("amount", ""))
    if cents is None:
        found = f"found {shown(result.data.get('amount'))}"
        lines.problem(result.place("amount").problem(found, 'cents, such as "123.45"'))
    currency = str(result.data.get("currency") or "USD").upper()
    if currency != "USD":
        lines.problem(result.place("currency").problem(f"found {shown(currency)}", "USD"))
    data = result.data
    line = str(data.get("description") or data.get("cost_type") or UNGROUPED)
    standard = str(data.get("service_tier") or "standard") == "standard"
    meaning = _meaning(data.get("model"), data.get("token_type")) if standard else None
    lines.add(month, line, None if cents is None else cents / 100.0, meaning=meaning)


def _row(row: Row, lines: Lines) -> None:
    model, kind = row.text("model", "model_version"), row.text("token_type", "cost_type")
    line = ", ".join(part for part in (model, kind) if part) or UNGROUPED
    standard = row.text("usage_type").lower() != "batch"
    if not standard:
        line = f"{line}, batch"
    month = lines.month(row, "usage_date_utc")
    lines.add(month, line, lines.usd(row, "cost_usd"), meaning=_meaning(model, kind) if standard else None)


def _meaning(model: object, kind: object) -> Meaning | None:
    item = _ITEMS.get(str(kind or "").strip().lower())
    return Meaning("anthropic", str(model), item) if model and item else None


FORMAT = Format("anthropic-costs", "Anthropic's costs (cost report, Console CSV)", _matches, _read)
