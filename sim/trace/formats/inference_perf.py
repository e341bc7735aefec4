"""inference-perf's `per_request_lifecycle_metrics.json`: a list of requests, times in seconds of a clock that starts anywhere.

Lengths are under `info`, where newer versions nest them. The summaries hold no single requests and are refused.
"""

from __future__ import annotations

from sim.catalog.places import Entry
from sim.errors import InputError
from sim.trace.foreign import Format, Imported, Options
from sim.trace.look import Look, each_entry
from sim.trace.records import Records


def _matches(found: Look) -> bool:
    keys = set(found.columns)
    return found.layout in ("json", "lines") and ({"start_time", "end_time", "info"} <= keys or {"load_summary", "successes"} <= keys)


def _read(found: Look, options: Options) -> Imported:
    if "load_summary" in found.columns:
        raise InputError(
            f"{found.name}: inference-perf's summary, which holds no single requests; set report.request_lifecycle.per_request: true "
            "and give per_request_lifecycle_metrics.json"
        )
    records = Records(found.name, "requests of per_request_lifecycle_metrics.json")
    for entry in each_entry(found):
        info = entry.within("info")
        if entry.data.get("error") or info is None:
            records.failed += 1
            continue
        prompt = _tokens(records, info, "input_tokens", ("request_metrics", "text"))
        output = _tokens(records, info, "output_tokens", ("response_metrics",))
        records.add(records.time(entry, "start_time"), prompt, output, session=entry.data.get("session_id"))
    records.notes.append("start_time is read as seconds, the first request as the start")
    return records.imported(options, "s", from_first=True)


def _tokens(records: Records, info: Entry, key: str, nested: tuple[str, ...]) -> int | None:
    inner = info.within(*nested)
    return records.tokens(inner if inner is not None and key in inner.data else info, key)


FORMAT = Format("inference-perf", "inference-perf's per-request results", _matches, _read)
