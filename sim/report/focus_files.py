"""FOCUS 1.2 files of a run: one a quantile (of a comparison: and stack), as CSV or Parquet."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from sim.errors import InputError, nearest
from sim.report.comparison_files import folder_names
from sim.report.export_files import MARK, SCHEMA_VERSION, about
from sim.report.export_source import FoundTable, RunFolder
from sim.report.export_tables import CHARGES
from sim.report.focus import COMMITTED, HEADER, STATISTICS, Bill, Charged, rows, text_of
from sim.report.focus_columns import COLUMNS, VERSION

if TYPE_CHECKING:
    import pyarrow as pa

Form = Literal["csv", "parquet"]
_NUMBERS = ("x_AssumedShare",)


def statistics_of(run: RunFolder, wanted: Sequence[str] = ()) -> tuple[str, ...]:
    """The quantiles that a run has, or those of them that are wanted; InputError for a run without an invoice, or without those."""
    if not _tables(run):
        raise InputError(f"--to focus: a {run.kind} has no invoice by month; allowed: the folder of a sim run or sim compare")
    there = tuple(each for each in STATISTICS if any(line["statistic"] == each for found in _tables(run) for line in _lines(found)))
    if not there:
        raise InputError("--to focus: a run without duration has no month, and no invoice of one; allowed: a trace that lasts")
    missing = [each for each in wanted if each not in there]
    if missing:
        raise InputError(f"--quantile {missing[0]}: a replay has one month and no spread; allowed: mean, or a run with --months")
    return tuple(each for each in there if not wanted or each in wanted)


def stack_of(run: RunFolder, wanted: str | None) -> str:
    """The stack whose invoice goes into one file; InputError where there are several and none is named."""
    if wanted is None:
        if len(run.names) > 1:
            raise InputError(
                f"--to focus: a comparison has an invoice a stack; give --stack NAME ({', '.join(run.names)}), or -o DIR for all"
            )
        return run.names[0]
    if wanted not in run.names:
        raise InputError(f"--stack {wanted}: no such stack; allowed: {', '.join(run.names)}{nearest(wanted, run.names)}")
    return wanted


def focus_text(run: RunFolder, stack: str, statistic: str) -> str:
    """The bill of a stack at one quantile as CSV: UTF-8, null as an empty cell; the same run gives the same bytes."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(HEADER)
    for row in _rows(run, stack, statistic):
        writer.writerow([_cell(text_of(row[name])) for name in HEADER])
    return text.getvalue()


def _cell(text: str | None) -> str:
    """No text becomes a formula of a spreadsheet; a negative amount is none."""
    given = text or ""
    formula = given[:1] in ("=", "+", "@", "\t", "\r") or (given[:1] == "-" and not given[1:2].isdigit())
    return f"'{given}" if formula else given


def focus_table(run: RunFolder, stack: str, statistic: str) -> pa.Table:
    """The same as a table of Arrow: decimals with twelve places, times in UTC."""
    import datetime

    import pyarrow as pa

    def typed(name: str, value: Any) -> Any:
        if value is not None and name in COLUMNS and COLUMNS[name].kind == "time":
            return datetime.datetime.fromisoformat(value)
        return value

    kinds = {"decimal": pa.decimal128(38, 12), "time": pa.timestamp("ms", tz="UTC")}
    found = list(_rows(run, stack, statistic))
    columns = {}
    for name in HEADER:
        kind = "decimal" if name in _NUMBERS else COLUMNS[name].kind if name in COLUMNS else "text"
        columns[name] = pa.array([typed(name, row[name]) for row in found], kinds.get(kind, pa.string()))
    return pa.table(columns)


def write_focus(path: Path, run: RunFolder, stack: str, statistic: str, form: Form) -> None:
    """One file."""
    if form == "csv":
        path.write_text(focus_text(run, stack, statistic), encoding="utf-8", newline="")
        return
    import pyarrow.parquet as pq

    pq.write_table(focus_table(run, stack, statistic), path, compression="zstd")


def write_focus_folder(folder: Path, run: RunFolder, stacks: Sequence[str], statistics: Sequence[str]) -> None:
    """CSV and Parquet of every stack and quantile into a folder that is there, and export.json, which says what they are of."""
    names = dict(zip(run.names, folder_names(run.names), strict=True))
    forms: tuple[Form, ...] = ("csv", "parquet")
    written = []
    for stack in stacks:
        for statistic in statistics:
            stem = f"focus-{statistic}" if len(run.names) == 1 else f"focus-{names[stack]}-{statistic}"
            for form in forms:
                write_focus(folder / f"{stem}.{form}", run, stack, statistic, form)
                written.append(f"{stem}.{form}")
    content = {"schema_version": SCHEMA_VERSION, **about(run), "focus_version": VERSION, "files": written}
    (folder / MARK).write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _tables(run: RunFolder) -> list[FoundTable]:
    return [found for found in run.tables if found.table is CHARGES]


def _lines(found: FoundTable) -> Iterator[Mapping[str, Any]]:
    for batch in found.batches():
        yield from batch.to_pylist()


def _rows(run: RunFolder, stack: str, statistic: str) -> list[dict[str, Any]]:
    found = next(each for each in _tables(run) if each.stack == stack)
    lines = [_charged(line) for line in _lines(found) if line["statistic"] == statistic]
    price_date = str(run.record.get("price_date"))
    listed = _on_demand(lines, price_date)
    return list(rows(lines, Bill(stack, run.trace, statistic, run.folder.resolve().name, price_date, listed)))


def _charged(line: Mapping[str, Any]) -> Charged:
    """A row of charges.parquet; a text that is not there is empty."""
    texts = {name: line[name] or "" for name in Charged.__slots__ if name not in ("usd", "quantity")}
    if re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", texts["month"]) is None or line["usd"] is None:
        raise InputError(
            f"charges.parquet: found {texts['month'][:20]!r} and {line['usd']} USD; allowed: a month and an amount; run it again"
        )
    return Charged(**texts, usd=line["usd"], quantity=line["quantity"])


def _on_demand(lines: Sequence[Charged], price_date: str) -> dict[str, float]:
    """By deployment, what an hour of its reserved GPUs is listed at on demand: of the same provider and region, at the run's prices."""
    reserved = {line.deployment: line for line in lines if line.purchase in COMMITTED}
    if not reserved:
        return {}
    import datetime

    from sim.catalog.catalog import Catalog
    from sim.catalog.price_book import PriceBook

    catalog = Catalog.bundled()
    usd: dict[str, float] = {}
    for name, line in reserved.items():
        try:
            book = PriceBook(datetime.date.fromisoformat(price_date))
            hour = book.gpu_price(catalog.gpu(line.product), line.provider or None, "on_demand", line.region or None)
        except (InputError, ValueError):
            continue  # bought where the catalogue knows no hours on demand: listed as it is paid
        usd[name] = hour.usd_per_gpu_hour
    return usd
