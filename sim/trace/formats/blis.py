"""BLIS (inference-sim): its trace v2, a CSV of requests in microseconds, and its workload specifications (YAML), made into requests.

Of a trace the class is `slo_class`, the client `tenant_id`, else `client_id`. Requests that ended in an error or a time-out are left
out. The YAML header of a trace holds no requests.
"""

from __future__ import annotations

from dataclasses import replace

from sim.errors import InputError
from sim.trace.foreign import Format, Imported, Options, from_columns, listed, not_read, raw_table
from sim.trace.formats.blis_workload import read_workload
from sim.trace.look import Look

_TRACE = frozenset({"arrival_time_us", "input_tokens", "output_tokens"})
_TEXTS = ("slo_class", "tenant_id", "client_id", "session_id", "status", "error_message", "finish_reason", "model", "prefix_group")
_SPEC = frozenset({"clients", "cohorts", "servegen_data", "inference_perf"})


def _matches(found: Look) -> bool:
    columns = set(found.columns)
    if found.layout == "yaml":
        return "trace_version" in columns or (("aggregate_rate" in columns or "version" in columns) and bool(columns & _SPEC))
    return found.layout == "csv" and columns >= _TRACE


def _read(found: Look, options: Options) -> Imported:
    if found.layout == "yaml":
        if "trace_version" in found.columns:
            raise InputError(f"{found.name}: the header of a BLIS trace, which holds no requests; give the CSV beside it")
        if options.mapping:
            raise InputError(f"--map: {found.name} is a workload specification, which has no columns")
        return read_workload(found, options.seed)
    if found.layout != "csv" or not set(found.columns) >= _TRACE:
        raise InputError(
            f"{found.name}: neither a workload specification (YAML) nor a trace (CSV with {', '.join(sorted(_TRACE))}) of BLIS"
        )
    return _trace(found, options)


def _trace(found: Look, options: Options) -> Imported:
    import pyarrow as pa
    import pyarrow.compute as pc

    table = raw_table(found, tuple(name for name in _TEXTS if name in found.columns))
    notes = []
    if "status" in table.column_names:
        completed = pc.is_in(pc.fill_null(table["status"].cast(pa.string()), ""), value_set=pa.array(["", "ok"]))
        failed = table.num_rows - int(pc.sum(completed).as_py() or 0)
        if failed:
            table = table.filter(completed)
            notes.append(f"left out {failed:,} requests that ended in an error or a time-out")
    sources = {"arrival_s": "arrival_time_us", "prompt_tokens": "input_tokens", "output_tokens": "output_tokens"}
    for native, names in (("class", ("slo_class",)), ("client_id", ("tenant_id", "client_id")), ("session_id", ("session_id",))):
        name = next((name for name in names if name in table.column_names and table[name].null_count < table.num_rows), None)
        if name is not None:
            sources[native] = name
    sources.update(options.mapping)
    unknown = [source for source in sources.values() if source not in table.column_names]
    if unknown:
        raise InputError(f"{found.name}: no column {unknown[0]!r}; the file has {listed(table.column_names)}")
    read = from_columns({native: table.column(source) for native, source in sources.items()}, found.name, sources, options, unit="us")
    unread = not_read(set(table.column_names) - set(sources.values()) - {"status"})
    return replace(read, notes=(*read.notes, *notes, *unread))


FORMAT = Format("blis", "BLIS workload specification (YAML) or trace (CSV)", _matches, _read)
