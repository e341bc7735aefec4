"""A bill as anyone can write it: a CSV file with the columns `month`, `line`, `usd` and optionally `deployment`."""

from __future__ import annotations

from sim.errors import Problem, input_error, nearest_name, visible
from sim.planning.invoices.lines import Lines
from sim.planning.invoices.paid import Format
from sim.planning.invoices.sheet import Sheet

_COLUMNS = ("month", "line", "usd")


def _matches(sheet: Sheet) -> bool:
    return sheet.layout in ("csv", "parquet") and sheet.has(*_COLUMNS)


def _read(sheet: Sheet, lines: Lines) -> None:
    for row in sheet.rows(*_COLUMNS, "deployment"):
        month = lines.month(row, "month")
        line = row.text("line")
        if not line:
            lines.problem(row.place("line").problem("found nothing", "the name of a line"))
        usd = lines.usd(row, "usd")
        if line:
            lines.add(month, line, usd, row.text("deployment"))


def refuse(sheet: Sheet, known: str) -> None:
    """InputError for a table of no format that is known, by what it lacks to be one of these."""
    missing = [column for column in _COLUMNS if not sheet.has(column)]
    columns = [column for column in sheet.columns if column.lower() not in _COLUMNS]
    near = {column: nearest_name(column, columns) for column in missing}
    named = ", ".join(f"{column!r}{f' (is it {visible(near[column])!r}?)' if near[column] else ''}" for column in missing)
    allowed = f"{', '.join(_COLUMNS)} and optionally deployment; or {known}"
    raise input_error([Problem(sheet.name, f"no column{'s' if len(missing) > 1 else ''} {named}", line=1, allowed=allowed)])


FORMAT = Format("own", "a CSV file of month, line, usd", _matches, _read)
