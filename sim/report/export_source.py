"""The folder of a run, read back: which command wrote it, its stacks, and its tables as the data dictionary describes them.

InputError for what is no such folder, one that was not finished, one of a version that is not known, and files that are damaged.
Files of a run are somebody's files by now: sizes are bounded, and nothing in them is believed to be what its name says.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

from sim.errors import InputError, input_error, nearest
from sim.report.export_columns import Column, Table
from sim.report.export_columns import Kind as ColumnKind
from sim.report.export_reading import check_version, damaged, read_json, read_yaml, strange
from sim.report.export_shape import misshapen
from sim.report.export_tables import TABLES
from sim.report.run_folder import MARK, OUTPUTS

if TYPE_CHECKING:
    import pyarrow as pa

Kind = Literal["run", "comparison", "sweep", "plan", "elastic", "diff", "decision"]
LATEST = "latest"
_KINDS: tuple[tuple[Kind, str], ...] = (
    ("run", "summary.json"),
    ("comparison", "comparison.json"),
    ("sweep", "sweep.json"),
    ("plan", "plan.json"),
    ("elastic", "elastic.json"),
    ("diff", "diff.json"),
    ("decision", "decision.json"),
)
_NEEDED = MappingProxyType(
    {
        "run": ("latency", "monthly", "capacity", "charges", "timeline", "events"),
        "comparison": ("pairs", "pairs_monthly"),
        "sweep": ("sweep",),
        "plan": ("candidates",),
        "elastic": ("laws", "schedule"),
        "diff": (),
        "decision": (),
    }
)
"""Tables without which a folder is not whole."""
_NEEDED_OF_A_STACK = ("monthly", "capacity", "charges", "draws")
"""Those of each stack of a comparison, which is a forecast."""
_NEEDED_AHEAD = MappingProxyType({"run": ("draws", "forecast"), "plan": ("calendar", "calendar")})
"""A table that a folder holds only with months, and the key of its JSON that then is not empty."""
_NAMES = ("text", "integer", "number", "boolean")


@dataclass(frozen=True)
class StackPart:
    """One stack of a folder: of a run the only one."""

    name: str
    summary: Mapping[str, Any]
    """summary.json."""
    models: Mapping[str, str]
    """The LLM or API model of every deployment; of one that is not known it is missing."""


@dataclass(frozen=True)
class FoundTable:
    """A table that is there: its form, its columns, whose it is (empty: of a whole comparison), and its file."""

    table: Table
    columns: tuple[Column, ...]
    stack: str
    path: Path

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Its rows piece by piece, with the types that the dictionary gives; InputError for a file that is damaged."""
        return _batches(self)


@dataclass(frozen=True)
class RunFolder:
    """A run as it lies on disk."""

    folder: Path
    trace: str
    """The name of the trace."""
    kind: Kind
    record: Mapping[str, Any]
    """run.json."""
    content: Mapping[str, Any]
    """summary.json, or what the command writes in its place."""
    names: tuple[str, ...]
    """The stacks, by name."""
    stacks: tuple[StackPart, ...]
    """Those that were run as such: none of a sweep, a plan, an elastic pool or a diff."""
    tables: tuple[FoundTable, ...]

    @property
    def part_folders(self) -> tuple[Path, ...]:
        """Where the files of each stack lie: of a comparison and a diff a folder each."""
        if self.kind == "diff":
            return self.folder / "base", self.folder / "head"
        if self.kind != "comparison":
            return (self.folder,)
        from sim.report.comparison_files import folder_names

        return tuple(self.folder / name for name in folder_names(self.names))


def read_run(name: str, *, with_tables: bool = False) -> RunFolder:
    """The run in a folder, or of that name under outputs/, or the `latest` there; InputError says what is wrong with it.

    The latest is the newest that is whole, and has tables where these are wanted.
    """
    if name == LATEST and not Path(name).is_dir():
        return _latest(with_tables=with_tables)
    folder = _folder(name)
    if folder.name.startswith(".") and folder.name.endswith((".draft", ".old")):
        raise InputError(f"{name}: a run that was stopped while it was written; run it again")
    return run_in(folder, name)


def run_in(folder: Path, name: str) -> RunFolder:
    """The run in this very folder, which messages call `name`; InputError says what is wrong with it."""
    if not (folder / MARK).is_file():
        raise InputError(f"{name}: not the folder of a run, or one that was not finished (no {MARK}){_are_there(folder)}")
    record = read_json(folder / MARK, name)
    kind = next((kind for kind, file in _KINDS if (folder / file).is_file()), None)
    if kind is None:
        allowed = ", ".join(f"{kind} ({file})" for kind, file in _KINDS)
        raise InputError(f"{name}: no folder of a run that is known: it holds {_listed(folder)}; allowed: the folder of a {allowed}")
    content = read_json(folder / dict(_KINDS)[kind], name)
    for each, file in ((record, MARK), (content, dict(_KINDS)[kind])):
        check_version(each, f"{name}/{file}")
    problems = list(misshapen(kind, content))
    if problems:
        raise strange(f"{name}/{dict(_KINDS)[kind]}", problems)
    return RunFolder(folder, content["trace"]["name"], kind, record, content, *_parts(folder, kind, content, name))


def _latest(*, with_tables: bool) -> RunFolder:
    """The newest run under outputs/ that is whole; InputError where there is none, with what is wrong with the newest."""
    marks = [each for each in Path(OUTPUTS).glob(f"*/{MARK}") if not each.parent.name.startswith(".")]
    if not marks:
        raise InputError(f"{LATEST}: there is no run under {OUTPUTS}/ here; allowed: the folder of a run")
    wrong = ""
    for mark in sorted(marks, key=lambda each: (each.stat().st_mtime_ns, each.parent.name), reverse=True):
        try:
            found = run_in(mark.parent, str(mark.parent))
        except InputError as error:
            wrong = wrong or str(error)
            continue
        if found.tables or not with_tables:
            return found
        wrong = wrong or f"{mark.parent}: a {found.kind}, which has no tables"
    raise InputError(f"{LATEST}: no run under {OUTPUTS}/ can be taken; {wrong}")


def _folder(name: str) -> Path:
    outputs = Path(OUTPUTS)
    for folder in (Path(name), outputs / name):
        if folder.is_dir():
            return folder
        if folder.is_file():
            raise InputError(f"{name}: is a file; allowed: the folder of a run, its name under {OUTPUTS}/, or {LATEST}")
    there = [each.parent.name for each in outputs.glob(f"*/{MARK}")]
    raise InputError(f"{name}: no such folder; allowed: the folder of a run, its name under {OUTPUTS}/, or {LATEST}{nearest(name, there)}")


def _parts(
    folder: Path, kind: Kind, content: Mapping[str, Any], name: str
) -> tuple[tuple[str, ...], tuple[StackPart, ...], tuple[FoundTable, ...]]:
    if kind == "diff":
        return (content["base"]["stack"], content["head"]["stack"]), (), ()
    if kind == "decision":
        return tuple(content["strategies"]), (), ()
    if kind != "comparison":
        stack = content["stack"] if isinstance(content["stack"], str) else content["stack"]["name"]
        parts = (_part(folder, stack, content, name),) if kind == "run" else ()
        return (stack,), parts, tuple(_tables(folder, _needed(kind, content), stack, name))
    from sim.report.comparison_files import folder_names

    names = tuple(content["stacks"])
    found, tables = [], [*_tables(folder, _needed(kind, content), "", name)]
    for stack, own in zip(names, folder_names(names), strict=True):
        if not (folder / own).is_dir():
            raise InputError(f"{name}: the folder of {stack} is missing: the comparison was not finished, or it was changed; run it again")
        summary = read_json(folder / own / "summary.json", f"{name}/{own}")
        check_version(summary, f"{name}/{own}/summary.json")
        problems = list(misshapen("run", summary))
        if problems:
            raise strange(f"{name}/{own}/summary.json", problems)
        found.append(_part(folder / own, stack, summary, f"{name}/{own}"))
        tables += _tables(folder / own, _NEEDED_OF_A_STACK, stack, f"{name}/{own}")
    return names, tuple(found), tuple(tables)


def _part(folder: Path, stack: str, summary: Mapping[str, Any], name: str) -> StackPart:
    models: dict[str, str] = {}
    found = read_yaml(folder / "stack.resolved.yaml", name)
    spread = found.get("deployments")
    for deployment in summary["deployments"]:
        given = spread.get(deployment.partition(":")[0]) if isinstance(spread, dict) else None
        model = (given.get("model") or given.get("llm")) if isinstance(given, dict) else None
        if isinstance(model, str):
            models[deployment] = model
    return StackPart(stack, summary, models)


def _needed(kind: Kind, content: Mapping[str, Any]) -> tuple[str, ...]:
    table, key = _NEEDED_AHEAD.get(kind, ("", ""))
    return (*_NEEDED[kind], table) if content.get(key) else _NEEDED[kind]


def _tables(folder: Path, needed: tuple[str, ...], stack: str, name: str) -> Iterator[FoundTable]:
    """Those of a folder, in the order of the dictionary; one that is needed and missing is an error, and so are columns nobody knows."""
    problems = []
    for table in dict.fromkeys(each.name for each in TABLES):
        forms = [each for each in TABLES if each.name == table]
        path = next((folder / file for file in forms[0].files if (folder / file).is_file()), None)
        if path is None:
            if table in needed:
                problems.append(f"{name}: {forms[0].files[-1]} is missing: the run was not finished, or it was changed; run it again")
            continue
        names = _columns(path, name)
        found = next(((form, columns) for form in forms if (columns := form.form(names)) is not None), None)
        if found is None:
            known = {column.name for form in forms for column in form.columns}
            strange = [each for each in names if each not in known]
            said = f"column {strange[0]!r} is not known" if strange else "columns are missing or in another order"
            problems.append(f"{name}/{path.name}: {said}: written by another version of sim; run it again")
        else:
            yield FoundTable(found[0], _typed(path, found[0], found[1]), stack, path)
    if problems:
        raise input_error(problems)


def _typed(path: Path, table: Table, columns: tuple[Column, ...]) -> tuple[Column, ...]:
    """Columns that a run names have the type that they have in its file, where that keeps types."""
    fixed = {each.name for each in table.columns}
    if path.suffix == ".csv" or len(fixed) == len(columns):
        return columns
    import pyarrow.parquet as pq

    schema = pq.read_schema(path)
    return tuple(each if each.name in fixed else replace(each, kind=_kind(schema.field(each.name).type)) for each in columns)


def _kind(found: pa.DataType) -> ColumnKind:
    """The type of a field as the dictionary has it."""
    import pyarrow as pa

    if pa.types.is_integer(found):
        return "integer"
    if pa.types.is_floating(found):
        return "number"
    return "boolean" if pa.types.is_boolean(found) else "text"


def _columns(path: Path, name: str) -> tuple[str, ...]:
    import csv

    if path.suffix == ".csv":
        with path.open(encoding="utf-8", errors="replace", newline="") as file:
            return tuple(next(csv.reader([file.readline(2**20)]), ()))
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return tuple(pq.read_schema(path).names)
    except (pa.ArrowException, OSError) as error:
        raise damaged(f"{name}/{path.name}", error) from None


def _batches(found: FoundTable) -> Iterator[pa.RecordBatch]:
    import pyarrow as pa
    import pyarrow.csv
    import pyarrow.parquet as pq

    schema = arrow_schema(found.columns)
    try:
        if found.path.suffix == ".csv":
            convert = pyarrow.csv.ConvertOptions(column_types=schema, include_columns=schema.names)
            parse = pyarrow.csv.ParseOptions(newlines_in_values=True)
            for batch in pyarrow.csv.open_csv(found.path, parse_options=parse, convert_options=convert):
                yield _unguarded(batch)
        else:
            with pq.ParquetFile(found.path) as file:
                for batch in file.iter_batches(65536):
                    columns = [batch.column(each.name).cast(each.type) for each in schema]
                    yield pa.RecordBatch.from_arrays(columns, schema=schema)
    except (pa.ArrowException, OSError) as error:
        raise damaged(f"{found.path.parent.name}/{found.path.name}", error) from None


def _unguarded(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Texts of a CSV file without the apostrophe that keeps a spreadsheet from taking them for formulas."""
    import pyarrow as pa
    import pyarrow.compute as pc

    columns = [
        pc.replace_substring_regex(column, r"^'([=+\-@\t\r])", r"\1") if pa.types.is_string(column.type) else column
        for column in batch.columns
    ]
    return pa.RecordBatch.from_arrays(columns, schema=batch.schema)


def arrow_schema(columns: tuple[Column, ...]) -> pa.Schema:
    """Columns of the dictionary as fields of Arrow; unit and meaning are their metadata."""
    import pyarrow as pa

    types = dict(zip(_NAMES, (pa.string(), pa.int64(), pa.float64(), pa.bool_()), strict=True))
    return pa.schema([pa.field(each.name, types[each.kind], metadata={"unit": each.unit, "description": each.said}) for each in columns])


def _listed(folder: Path) -> str:
    names = sorted(each.name for each in folder.iterdir())[:5]
    return ", ".join(names) or "nothing"


def _are_there(folder: Path) -> str:
    inside = sorted(each.parent.name for each in folder.glob(f"*/{MARK}") if not each.parent.name.startswith("."))
    return f"; in it are {', '.join(inside[:3])}{', ...' if len(inside) > 3 else ''}" if inside else ""
