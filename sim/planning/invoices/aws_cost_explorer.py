"""AWS Cost Explorer: the CSV it downloads (a column a service, a row a day or month), or `aws ce get-cost-and-usage` (JSON).

The first row of the CSV sums the others and is skipped, and so is its column of totals. Tax is not counted.
"""

from __future__ import annotations

import re

from sim.planning.invoices.lines import Lines, amount, month_of
from sim.planning.invoices.paid import Format
from sim.planning.invoices.sheet import Row, Sheet, folded

_TOTAL = re.compile(r"total costs?\s*\((?P<currency>[^)]*)\)", re.IGNORECASE)
_MONEY = re.compile(r"(?P<name>.*)\((?P<currency>[^()]*)\)\s*")
_DOLLARS = ("$", "USD")
_COSTS = ("NetUnblendedCost", "UnblendedCost", "NetAmortizedCost", "AmortizedCost", "BlendedCost")


def _matches(sheet: Sheet) -> bool:
    if sheet.layout == "json":
        return "ResultsByTime" in sheet.keys
    return sheet.layout == "csv" and any(_TOTAL.fullmatch(column) for column in sheet.columns)


def _read(sheet: Sheet, lines: Lines) -> None:
    if sheet.layout == "json":
        _results(sheet, lines)
        return
    first = sheet.columns[0]
    priced = {column: found for column in sheet.columns[1:] if (found := _MONEY.fullmatch(column)) and not _TOTAL.fullmatch(column)}
    for column in sheet.columns[1:]:
        money = _MONEY.fullmatch(column)
        if money is not None and money["currency"].strip() not in _DOLLARS:
            lines.problem(Row(sheet.name, 1, {}, {}).place(column).problem(f"found amounts in {money['currency'][:20]!r}", "USD"))
    for row in sheet.rows():
        if re.fullmatch(r".* total", row.text(first), re.IGNORECASE):
            continue
        month = lines.month(row, first)
        for column, money in priced.items():
            if row.values.get(folded(column), "") == "":
                continue
            usd, name = lines.usd(row, column), money["name"].strip()
            if name == "Tax":
                lines.leave_out("Tax", usd)
            else:
                lines.add(month, name, usd)
    lines.notes.append("the costs chosen in Cost Explorer are compared, by its groups")


def _results(sheet: Sheet, lines: Lines) -> None:
    used: dict[str, None] = {}
    for document in sheet.entries:
        for period in document.entries("ResultsByTime"):
            start = period.within("TimePeriod")
            month = month_of(start.data.get("Start", "")) if start else None
            if month is None:
                lines.problem(period.place("TimePeriod.Start").problem("found no date", "2027-01-01"))
            for group in period.entries("Groups") or [period]:
                keys = group.data.get("Keys")
                name = " / ".join(map(str, keys)) if isinstance(keys, list) else "total"
                costs = group.within("Metrics") or group.within("Total")
                metric = next((each for each in _COSTS if costs and each in costs.data), None)
                cost = costs.within(metric) if costs and metric else None
                if cost is None or metric is None:
                    lines.problem(group.place("Metrics").problem("no cost", ", ".join(_COSTS)))
                    continue
                if str(cost.data.get("Unit", "USD")) != "USD":
                    lines.problem(cost.place("Unit").problem(f"found {str(cost.data.get('Unit'))[:20]!r}", "USD"))
                usd = amount(cost.data.get("Amount", ""))
                if usd is None:
                    found = f"found {str(cost.data.get('Amount'))[:60]!r}"
                    lines.problem(cost.place("Amount").problem(found, "an amount of US dollars, such as 1234.56"))
                used[metric] = None
                if name == "Tax":
                    lines.leave_out("Tax", usd)
                else:
                    lines.add(month, name, usd)
    lines.notes.append(f"{', '.join(used) or 'no cost'} is compared, by the groups asked for")


FORMAT = Format("aws-cost-explorer", "AWS Cost Explorer (CSV, get-cost-and-usage)", _matches, _read)
