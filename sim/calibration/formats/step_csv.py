"""A plain CSV of steps: one row a forward pass of a known batch, and how long it took.

Columns: `kind` (prefill or decode), `sequences` (or batch_size), and `step_ms` or `step_s`, with the columns of a server as in a table of
serving points. With T tokens, S sequences, C context and A pairs as in docs/engine.md section 5:

- decode: T = S = sequences, C = sequences x `context_tokens` (mean tokens already held by each; else `prompt_tokens` + half of
  `output_tokens`), A = 0;
- prefill: `prompt_tokens` in the step for each sequence, after `context_tokens` already held (0 if not said): T = S x prompt,
  A = S x prompt x (context + prompt/2), C = 0. The prompts have to fit into one step.

`tokens`, where it is there, has to agree with T. A row may have `prefill_ms` and `decode_ms` in place of kind and step_ms: two steps.
"""

from __future__ import annotations

from pathlib import Path

from sim.calibration.formats.columns import REFUSED_COLUMNS, SERVER_COLUMNS, Columns, find_columns, lacking
from sim.calibration.formats.csv_rows import CsvTable, Row, csv_table, read_text
from sim.calibration.formats.look import Format, Look
from sim.calibration.formats.servers import ServerNames
from sim.calibration.formats.serving_csv import refused, said_server
from sim.calibration.points import Benchmark, Given, Server, StepPoint
from sim.catalog.catalog import Catalog
from sim.catalog.places import LONGEST_S, MOST_TOKENS, SHORTEST_S, is_missing, number, raise_all, shown
from sim.errors import Problem, nearest_name, visible

STEP_COLUMNS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("kind", ("kind", "phase")),
    ("sequences", ("sequences", "batch_size", "batch")),
    ("prompt_tokens", ("prompt_tokens", "prompt_size", "input_tokens", "isl")),
    ("output_tokens", ("output_tokens", "token_size", "osl")),
    ("context_tokens", ("context_tokens",)),
    ("tokens", ("tokens",)),
    ("step_ms", ("step_ms", "latency_ms")),
    ("step_s", ("step_s",)),
    ("prefill_ms", ("prefill_ms", "prompt_time_ms")),
    ("decode_ms", ("decode_ms", "token_time_ms")),
)
"""Fields of a step and the columns that hold them; the first that is there is read."""
_TIMES = ("step_ms", "step_s", "prefill_ms", "decode_ms")
_KINDS = ("prefill", "decode")


def _fields(header: tuple[str, ...]) -> set[str]:
    return {field for field, names in STEP_COLUMNS if any(name in header for name in names)}


def _matches(found: Look) -> bool:
    fields = _fields(found.header)
    return found.layout == "csv" and "sequences" in fields and bool(fields & set(_TIMES))


def read_step_table(path: Path, catalog: Catalog, given: Given | None = None, name: str | None = None) -> Benchmark:
    """The steps of a CSV; InputError with all of its problems, each with line and column."""
    shown_name = visible(name or str(path))
    return read(csv_table(read_text(Path(path), shown_name), shown_name), given or Given(), catalog)


def read(table: CsvTable, given: Given, catalog: Catalog) -> Benchmark:
    """The steps of a table."""
    known = (*SERVER_COLUMNS, *STEP_COLUMNS)
    columns = find_columns(table, known)
    problems: list[Problem] = []
    times = [field for field in _TIMES if field in columns.at]
    if not times:
        problems.append(lacking(table, _TIMES, known, "no column holds the time of a step", ", ".join(_TIMES)))
    if {"step_ms", "step_s"} <= set(times):
        problems.append(table.place("step_ms").problem("step_ms and step_s", "one of them"))
    if {"step_ms", "step_s"} & set(times) and "kind" not in columns.at:
        problems.append(lacking(table, ("kind",), known, "no such column", ", ".join(_KINDS)))
    if "sequences" not in columns.at:
        problems.append(lacking(table, ("sequences", "batch_size"), known, "no such column", "sequences, batch_size"))
    if not table.rows:
        problems.append(table.place("").problem("no rows", "one row a step"))
    raise_all(problems)
    names = ServerNames(catalog, given)
    steps: list[StepPoint] = []
    for row in table.rows:
        steps.extend(_steps(row, columns, times, names, problems))
    raise_all(problems)
    refusing = {key for keys, _ in REFUSED_COLUMNS for key in keys}
    used = {*columns.at.values(), *(at for at, key in enumerate(table.header) if key in refusing)}
    ignored = tuple(key for at, key in enumerate(table.header) if at not in used and key and key not in ("source", "note", "notes"))
    return Benchmark(steps=tuple(steps), ignored=ignored, notes=tuple(names.notes))


def _steps(row: Row, columns: Columns, times: list[str], names: ServerNames, problems: list[Problem]) -> list[StepPoint]:
    before = len(problems)
    problems.extend(refused(row, columns.table))
    server = names.server(said_server(row, columns), lambda field: columns.place(row, field), problems)
    kind = (columns.value(row, "kind") or "").strip().lower()
    if {"step_ms", "step_s"} & set(times) and kind not in _KINDS:
        problems.append(columns.place(row, "kind").problem(f"found {shown(kind)}", ", ".join(_KINDS), nearest_name(kind, _KINDS)))
    made, timed = [], False
    for field in times:
        factor = 1.0 if field.endswith("_s") else 1e-3
        seconds = number(columns.value(row, field), columns.place(row, field), problems, least=SHORTEST_S / factor, most=LONGEST_S / factor)
        timed = timed or not is_missing(columns.value(row, field))
        of = field.split("_")[0] if field in ("prefill_ms", "decode_ms") else kind
        if seconds is not None and server is not None and of in _KINDS:
            step = _step(row, columns, of, server, seconds * factor, problems)
            made.extend([step] if step is not None else [])
    if not timed:
        held = ", ".join(columns.table.header[columns.at[field]] for field in times)
        problems.append(columns.table.place("", row).problem(f"no time in this row ({held})", "a time in one of them"))
    return made if len(problems) == before else []


def _step(row: Row, columns: Columns, kind: str, server: Server, seconds: float, problems: list[Problem]) -> StepPoint | None:
    def size(field: str, least: float) -> float | None:
        value, place = columns.value(row, field), columns.place(row, field)
        return number(value, place, problems, most=MOST_TOKENS, least=least, above=False)

    sequences, prompt, output = size("sequences", 1.0), size("prompt_tokens", 1.0), size("output_tokens", 1.0)
    held, said_tokens = size("context_tokens", 0.0), size("tokens", 1.0)
    if sequences is None:
        if is_missing(columns.value(row, "sequences")):
            problems.append(columns.place(row, "sequences").problem("missing", "how many sequences the step held"))
        return None
    if kind == "prefill":
        if prompt is None and said_tokens is not None:
            prompt = said_tokens / sequences
        if prompt is None:
            problems.append(columns.place(row, "prompt_tokens").problem("missing", "the prompt tokens of each sequence in the step"))
            return None
        tokens, context = sequences * prompt, 0.0
        attention = sequences * prompt * ((held or 0.0) + prompt / 2.0)
    else:
        if held is None and prompt is not None:
            held = prompt + (output or 0.0) / 2.0
        if held is None:
            problems.append(columns.place(row, "context_tokens").problem("missing", "the mean tokens that each sequence holds"))
            return None
        tokens, context, attention = sequences, sequences * held, 0.0
    if said_tokens is not None and abs(said_tokens / tokens - 1.0) > 0.01:
        problems.append(columns.place(row, "tokens").problem(f"found {said_tokens:g}", f"{tokens:g}, by the other columns of this {kind}"))
        return None
    where = f"{columns.table.name}:{row.line}"
    return StepPoint(server, tokens, sequences, context, attention, seconds, where, "prefill" if kind == "prefill" else "decode")


def _read(found: Look, given: Given, catalog: Catalog) -> Benchmark:
    return read(csv_table(found.text, found.name), given, catalog)


FORMAT = Format("steps", "CSV of steps: kind, sequences, context_tokens or prompt_tokens, step_ms", _matches, _read)
