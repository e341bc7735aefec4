"""The data dictionary as a page and as a table: every column of every table that a run writes, from sim/report/export_tables.py."""

from __future__ import annotations

from collections.abc import Sequence

from sim.report.export_columns import Column
from sim.report.export_figures import FIGURES, LONG
from sim.report.export_tables import TABLES

_HEAD = """\
# Data dictionary

Every column of every table that a run writes, and of what `sim export` makes of it. Made by `sim export --dictionary` from the
program; a test holds it to the tables of real runs. Names in capitals stand for those that a run makes itself: keys that are varied,
service levels that were asked for. Times are in seconds, money in USD, shares of one; what does not exist is null in Parquet and an
empty cell in CSV. The keys of summary.json are in [output.md](output.md), the export in [export.md](export.md).
"""


def dictionary() -> str:
    """The page docs/data-dictionary.md."""
    parts = [_HEAD]
    for table in TABLES:
        files = " and ".join(f"`{file}`" for file in table.files)
        columns = (*table.columns, *(each.column for each in table.named))
        parts.append(f"## {table.name}: {table.when}\n\n{files}: one row is {table.row}.\n\n{_rows(columns)}")
    parts.append(
        f"## {FIGURES}: `sim export`\n\nThe long table of an export, `{FIGURES}`: one row is one figure.\n\n{_rows(LONG)}\n"
        "Metrics of the long table are the columns above that hold figures, without their statistic (`gpus_p50` is `gpus`, `p50`), those "
        "of `latency` with the metric before the unit (`ttft_s`), and what only summary.json has: outcomes, service levels and use.\n"
    )
    return "\n".join(parts)


def _rows(columns: Sequence[Column]) -> str:
    lines = ["| column | type | unit | meaning |", "|---|---|---|---|"]
    lines += [f"| `{each.name}` | {each.kind} | {each.unit} | {each.said} |" for each in columns]
    return "\n".join(lines) + "\n"
