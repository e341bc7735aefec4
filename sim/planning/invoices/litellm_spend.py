"""What a LiteLLM proxy says was spent: rows of LiteLLM_SpendLogs (JSON, JSON lines, CSV), or /user/daily/activity (JSON), by model.

It is the proxy's own count at its list of prices, not an invoice. What a day spent beyond the models that it names is a line of its own.
"""

from __future__ import annotations

import math

from sim.catalog.places import Entry, shown
from sim.planning.invoices.lines import Lines, amount, month_of
from sim.planning.invoices.paid import Format, Meaning
from sim.planning.invoices.sheet import Sheet

UNNAMED = "LiteLLM, not by model"
_HALF_A_CENT = 0.005


def _matches(sheet: Sheet) -> bool:
    if sheet.layout != "json":
        return sheet.has("startTime", "spend")
    if {"startTime", "spend"} <= sheet.keys:
        return True
    days = sheet.entries[0].entries("results") if sheet.entries else []
    return bool(days) and {"date", "metrics"} <= set(days[0].data)


def _read(sheet: Sheet, lines: Lines) -> None:
    if sheet.layout == "json" and "results" in sheet.keys:
        for page in sheet.entries:
            for day in page.entries("results"):
                _day(day, lines)
    else:
        for row in sheet.rows():
            month, usd = lines.month(row, "startTime"), lines.usd(row, "spend")
            line = row.text("model_group", "model") or UNNAMED
            if usd:
                lines.add(month, line, usd, meaning=Meaning("", line))
    lines.notes.append("spend as LiteLLM counts it is compared, by model: an estimate at its prices, not an invoice")


def _day(day: Entry, lines: Lines) -> None:
    month = month_of(day.data.get("date", ""))
    if month is None:
        lines.problem(day.place("date").problem(f"found {shown(day.data.get('date'))}", "2027-01-31"))
    total = _spend(day, lines)
    models = day.within("breakdown", "models")
    named = []
    for name in models.data if models else ():
        model = models.within(name) if models else None
        usd = _spend(model, lines) if model else None
        named.append(usd or 0.0)
        lines.add(month, name, usd, meaning=Meaning("", name))
    rest = None if total is None else total - math.fsum(named)
    if rest is not None and (abs(rest) > _HALF_A_CENT or not named):
        lines.add(month, UNNAMED, rest)


def _spend(entry: Entry, lines: Lines) -> float | None:
    metrics = entry.within("metrics")
    usd = amount(metrics.data.get("spend", "")) if metrics else None
    if usd is None:
        found = f"found {shown(metrics.data.get('spend') if metrics else None)}"
        lines.problem(entry.place("metrics.spend").problem(found, "an amount of US dollars, such as 1.02"))
    return usd


FORMAT = Format("litellm-spend", "LiteLLM's spend (logs, daily activity)", _matches, _read)
