"""A plain CSV of serving points: one row a run of a load against one replica, and what was measured.

Columns: llm, precision, gpu, engine, tensor_parallel, prompt_tokens, output_tokens, concurrency or request_rate, and at least one of
ttft_ms, tpot_ms, itl_ms, e2e_ms, throughput_tok_s (any may be empty in a row). Other spellings: `columns.py` and docs/benchmarks.md.
A latency whose statistic neither its name nor the column `statistic` says is a mean.
"""

from __future__ import annotations

from math import inf
from pathlib import Path
from types import MappingProxyType
from typing import Any

from sim.calibration.formats.columns import (
    REFUSED_COLUMNS,
    SERVER_COLUMNS,
    STATISTIC_WORDS,
    Columns,
    Measured,
    find_columns,
    lacking,
    measured_column,
    statistic_named,
)
from sim.calibration.formats.csv_rows import CsvTable, Row, csv_table, read_text
from sim.calibration.formats.look import Format, Look
from sim.calibration.formats.said_statistics import check_order
from sim.calibration.formats.servers import OPTIONS, Said, ServerNames
from sim.calibration.points import Benchmark, Given, Load, Metric, ServingPoint, Statistic
from sim.catalog.catalog import Catalog
from sim.catalog.places import LONGEST_S, MOST_TOKENS, SHORTEST_S, is_missing, number, raise_all, shown, whole
from sim.errors import Problem, nearest_name, visible

LOAD_COLUMNS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("prompt_tokens", ("prompt_tokens", "input_tokens", "isl", "input_len", "prompt_len", "input_length")),
    ("output_tokens", ("output_tokens", "osl", "output_len", "output_length")),
    ("concurrency", ("concurrency", "max_concurrency", "conc")),
    ("request_rate", ("request_rate", "request_rate_per_s", "requests_per_s", "qps")),
    ("requests", ("requests", "num_prompts")),
    ("warmup_requests", ("warmup_requests", "num_warmups")),
    ("least_length_share", ("least_length_share",)),
    ("statistic", ("statistic",)),
)
"""Fields of a load and the columns that hold them; the first that is there is read."""
_NOTES = frozenset({"source", "measured", "note", "notes", "comment", "date", "id", "name"})
"""Columns about the row that nobody expects to matter."""
MOST_RATE_PER_S = 1e6
MOST_TOKENS_PER_S = 1e9
_ROUNDED_SHARE = 0.02
"""Two columns of one quantity, in other units, may differ by so much."""


def _matches(found: Look) -> bool:
    fields = {field for field, names in LOAD_COLUMNS if any(name in found.header for name in names)}
    return {"prompt_tokens", "output_tokens"} <= fields and bool(fields & {"concurrency", "request_rate"})


def read_serving_table(path: Path, catalog: Catalog, given: Given | None = None, name: str | None = None) -> Benchmark:
    """The serving points of a CSV; InputError with all of its problems, each with line and column."""
    shown_name = visible(name or str(path))
    return read(csv_table(read_text(Path(path), shown_name), shown_name), given, catalog)


def read(table: CsvTable, given: Given | None, catalog: Catalog) -> Benchmark:
    """The serving points of a table, which has to say everything itself where nothing is given."""
    columns = find_columns(table, (*SERVER_COLUMNS, *LOAD_COLUMNS))
    measured = {at: found for at, key in enumerate(table.header) if (found := measured_column(key)) is not None}
    _check_header(table, columns, measured)
    names = ServerNames(catalog, given or Given(), options=given is not None)
    problems: list[Problem] = []
    points = [point for row in table.rows if (point := _point(row, columns, measured, names, problems)) is not None]
    if not table.rows:
        problems.append(table.place("").problem("no rows", "one row a measured run"))
    raise_all(problems)
    used = {
        *columns.at.values(),
        *measured,
        *(table.header.index(key) for keys, _ in REFUSED_COLUMNS for key in keys if key in table.header),
    }
    ignored = tuple(key for at, key in enumerate(table.header) if at not in used and key and key not in _NOTES)
    notes = list(names.notes)
    if any(each.statistic is None for each in measured.values()) and "statistic" not in columns.at:
        notes.append("latencies whose statistic is not said are taken as means")
    if any(each.per_gpu for each in measured.values()):
        notes.append("throughput per GPU is multiplied by tensor_parallel")
    if {"concurrency", "request_rate"} <= set(columns.at):
        notes.append("where a row has both, the load is its concurrency, and request_rate is not used")
    return Benchmark(serving=tuple(points), ignored=ignored, notes=tuple(notes))


def _check_header(table: CsvTable, columns: Columns, measured: dict[int, Measured]) -> None:
    problems, known = [], (*SERVER_COLUMNS, *LOAD_COLUMNS)
    for field in ("prompt_tokens", "output_tokens"):
        if field not in columns.at:
            problems.append(lacking(table, (field,), known, "no such column"))
    if not {"concurrency", "request_rate"} & set(columns.at):
        either = ("concurrency", "request_rate")
        problems.append(lacking(table, either, known, "no such column, nor request_rate; one of them is needed"))
    for at, found in measured.items():
        if found.factor is None:
            key = table.header[at]
            problems.append(table.place(key).problem("a time without a unit in its name", f"{key}_ms, {key}_s"))
    if not measured:
        names = ("ttft_ms", "tpot_ms", "itl_ms", "e2e_ms", "throughput_tok_s")
        problems.append(lacking(table, names, known, "no column holds anything measured", ", ".join(names)))
    raise_all(problems)


def _point(row: Row, columns: Columns, measured: dict[int, Measured], names: ServerNames, problems: list[Problem]) -> ServingPoint | None:
    before = len(problems)
    problems.extend(refused(row, columns.table))
    said = said_server(row, columns)
    server = names.server(said, lambda field: columns.place(row, field), problems)
    load = _load(row, columns, problems)
    values = _measured(row, columns, measured, server.tensor_parallel if server else 1, problems)
    check_order(values, columns.table.place("", row), problems)
    if not values and len(problems) == before:
        held = ", ".join(columns.table.header[at] for at in measured)
        problems.append(columns.table.place("", row).problem(f"nothing measured in this row ({held})", "a value in one of them"))
    if len(problems) > before or server is None or load is None:
        return None
    return ServingPoint(server, load, MappingProxyType(values), f"{columns.table.name}:{row.line}")


def said_server(row: Row, columns: Columns) -> Said:
    """What a row says of its server."""
    fields: dict[str, Any] = {field: columns.value(row, field) for field, _ in SERVER_COLUMNS}
    options = MappingProxyType({option: fields.pop(option) for option in OPTIONS})
    return Said(**fields, options=options, where_to_say="give it there")


def refused(row: Row, table: CsvTable) -> list[Problem]:
    """What a row says of its server that no profile describes."""
    problems: list[Problem] = []
    for keys, what in REFUSED_COLUMNS:
        for key in keys:
            if key in table.header:
                at = table.header.index(key)
                place = table.place(key, row, at)
                found = whole(row.cells[at], place, problems, most=1e6, least=0)
                if found is not None and found > (0 if key.startswith("num_") else 1):
                    problems.append(place.problem(f"found {found}; {what} is not modelled"))
    return problems


def _load(row: Row, columns: Columns, problems: list[Problem]) -> Load | None:
    def numeric(field: str, most: float, least: float = 0.0, *, above: bool = True) -> float | None:
        return number(columns.value(row, field), columns.place(row, field), problems, most=most, least=least, above=above)

    before = len(problems)
    prompt, output = (numeric(field, MOST_TOKENS, 1.0, above=False) for field in ("prompt_tokens", "output_tokens"))
    for field in ("prompt_tokens", "output_tokens"):
        if is_missing(columns.value(row, field)):
            problems.append(columns.place(row, field).problem("missing", "a number of tokens"))
    concurrency = whole(columns.value(row, "concurrency"), columns.place(row, "concurrency"), problems, most=1e6)
    requests = whole(columns.value(row, "requests"), columns.place(row, "requests"), problems, most=1e9)
    warmup = whole(columns.value(row, "warmup_requests"), columns.place(row, "warmup_requests"), problems, most=1e6, least=0)
    share = numeric("least_length_share", 1.0)
    rate = None
    if str(columns.value(row, "request_rate")).strip().lower() in ("inf", "infinity"):
        rate = inf
    elif concurrency is None:
        rate = numeric("request_rate", MOST_RATE_PER_S)
    if rate == inf and concurrency is None:
        # Everything is sent at once: as many outstanding as there are requests.
        concurrency = requests
    silent = is_missing(columns.value(row, "concurrency")) and is_missing(columns.value(row, "request_rate"))
    if silent or (rate == inf and concurrency is None):
        found = "an infinite rate of an unknown number of requests" if rate == inf else "neither concurrency nor request_rate"
        problems.append(columns.place(row, "concurrency").problem(found, "a concurrency, or a finite request_rate"))
    if len(problems) > before or prompt is None or output is None:
        return None
    return Load(prompt, output, concurrency, None if concurrency is not None else rate, requests, share, warmup_requests=warmup or 0)


def _measured(
    row: Row, columns: Columns, measured: dict[int, Measured], gpus: int, problems: list[Problem]
) -> dict[tuple[Metric, Statistic], float]:
    unsaid: Statistic = "mean"
    word = columns.value(row, "statistic")
    if word is not None and not is_missing(word):
        known = statistic_named(word)
        if known is None:
            near = nearest_name(word, STATISTIC_WORDS)
            problems.append(columns.place(row, "statistic").problem(f"found {shown(word)}", ", ".join(STATISTIC_WORDS), near))
        else:
            unsaid = known
    values: dict[tuple[Metric, Statistic], float] = {}
    held: dict[tuple[Metric, Statistic, bool], int] = {}
    # Columns that name their statistic go last: they win over one that leaves it to the row.
    for at, column in sorted(measured.items(), key=lambda each: each[1].statistic is not None):
        factor = column.factor or 1.0
        least, most = (0.0, MOST_TOKENS_PER_S) if column.metric == "throughput_tok_s" else (SHORTEST_S / factor, LONGEST_S / factor)
        place = columns.table.place(columns.table.header[at], row, at)
        value = number(row.cells[at], place, problems, least=least, most=most)
        if value is not None:
            quantity = column.metric, column.statistic or unsaid
            value *= factor * (gpus if column.per_gpu else 1)
            before = held.get((*quantity, column.statistic is None))
            if before is not None and abs(value / values[quantity] - 1.0) > _ROUNDED_SHARE:
                other = columns.table.header[before]
                problems.append(
                    place.problem(f"found {shown(row.cells[at])}, but {other} says {shown(row.cells[before])}", "one of the two")
                )
            held[*quantity, column.statistic is None] = at
            values[quantity] = value
    return values


def _read(found: Look, given: Given, catalog: Catalog) -> Benchmark:
    return read(csv_table(found.text, found.name), given, catalog)


FORMAT = Format(
    "serving-points", "CSV of serving points: llm, gpu, prompt_tokens, output_tokens, concurrency, ttft_ms, tpot_ms", _matches, _read
)
