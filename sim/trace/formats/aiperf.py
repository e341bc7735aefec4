"""AIPerf's `profile_export.jsonl`: a record a request, sent at `request_start_ns`.

Only requests of the phase `profiling` count. Lengths are those that the tool counted. Conversations are kept where any has more than one
turn. The summaries (JSON, CSV) hold no single requests and are refused.
"""

from __future__ import annotations

from sim.catalog.places import Entry
from sim.errors import InputError
from sim.trace.foreign import Format, Imported, Options
from sim.trace.look import Look, each_entry
from sim.trace.records import Records

_SUMMARY = frozenset({"request_latency", "input_sequence_length", "output_sequence_length"})
_LENGTHS = ("input_sequence_length", "output_sequence_length", "output_token_count")


def _matches(found: Look) -> bool:
    columns = set(found.columns)
    if found.layout == "csv":
        return found.columns[:1] == ("Metric",) and {"avg", "p99"} <= columns
    return {"metadata", "metrics"} <= columns or ("input_config" in columns and bool(_SUMMARY & columns))


def _read(found: Look, options: Options) -> Imported:
    if found.layout == "csv" or not {"metadata", "metrics"} <= set(found.columns):
        raise InputError(f"{found.name}: AIPerf's summary, which holds no single requests; give profile_export.jsonl beside it")
    records = Records(found.name, "records of the phase profiling")
    other, turns = 0, False
    for entry in each_entry(found):
        about, values = entry.within("metadata"), entry.within("metrics")
        if about is None or about.data.get("benchmark_phase", "profiling") != "profiling":
            other += about is not None
            if about is None:
                records.problem(entry.place("metadata").problem("missing", "when the request was sent, under request_start_ns"))
            continue
        if entry.data.get("error") or about.data.get("was_cancelled") or values is None:
            records.failed += 1
            continue
        prompt, output = (_length(records, values, keys) for keys in (_LENGTHS[:1], _LENGTHS[1:]))
        turns = turns or bool(about.data.get("turn_index"))
        session = about.data.get("x_correlation_id") or about.data.get("conversation_id")
        records.add(records.time(about, "request_start_ns"), prompt, output, session=session)
    if not turns:
        records.session = [None] * len(records.at)
    if other:
        records.notes.append(f"left out {other:,} requests of the warm-up")
    records.notes.append("request_start_ns is read as nanoseconds since 1970")
    return records.imported(options, "ns")


def _length(records: Records, values: Entry, keys: tuple[str, ...]) -> int | None:
    key = next((key for key in keys if key in values.data), keys[0])
    block = values.within(key)
    if block is None:
        records.problem(values.place(key).problem("missing", "the length of the request in tokens"))
        return None
    return records.tokens(block, "value")


FORMAT = Format("aiperf", "AIPerf's profile_export.jsonl", _matches, _read)
