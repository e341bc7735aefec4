"""GuideLLM's JSON report: each request with `request_start_time` in Unix seconds; of several strategies only one is a trace.

A report may hold a sample of its requests (`--sample-requests`); a trace of a sample would have the wrong rate, so it is refused. The CSV
holds no single requests and is refused too.
"""

from __future__ import annotations

from sim.catalog.places import Entry, shown
from sim.errors import InputError, visible
from sim.trace.foreign import Format, Imported, Options
from sim.trace.look import Look, each_entry
from sim.trace.records import Records

_CLOSED = ("synchronous", "concurrent", "throughput")
_CSV = ("Run Info", "Benchmark")


def _matches(found: Look) -> bool:
    if found.layout == "csv":
        return found.columns[:1] == _CSV[:1] and _CSV[1] in found.columns
    return found.layout in ("json", "lines") and "benchmarks" in found.columns


def _read(found: Look, options: Options) -> Imported:
    if found.layout == "csv":
        raise InputError(f"{found.name}: GuideLLM's CSV holds no single requests; write the report as JSON (--outputs json)")
    documents = list(each_entry(found))
    benchmarks = [each for document in documents for each in document.entries("benchmarks")]
    if not benchmarks:
        raise InputError(f"{found.name}: benchmarks: found none; a report with one benchmark is needed")
    if len(benchmarks) > 1:
        kinds = ", ".join(str(_strategy(each)) for each in benchmarks[:8])
        raise InputError(f"{found.name}: benchmarks: found {len(benchmarks)} ({kinds}); a trace is one of them: run that strategy alone")
    benchmark = benchmarks[0]
    records = Records(found.name, "requests of a GuideLLM report")
    turns = False
    for entry in benchmark.entries("requests") or _by_outcome(benchmark, records):
        start = next((key for key in ("request_start_time", "start_time") if entry.data.get(key) is not None), "request_start_time")
        prompt, output = (records.tokens(entry, key) for key in ("prompt_tokens", "output_tokens"))
        cached = records.tokens(entry, "cached_tokens", needed=False)
        about = entry.within("info")
        turns = turns or (about is not None and bool(about.data.get("turn_index")))
        session = about.data.get("conversation_id") if about is not None else None
        records.add(records.time(entry, start), prompt, output, cached=cached, session=session)
    if not turns:
        records.session = [None] * len(records.at)
    _whole(benchmark, records)
    kind = _strategy(benchmark)
    if kind in _CLOSED:
        records.notes.append(f"sent by a closed loop (strategy {kind}): these times are those of the server measured")
    records.notes.append("request_start_time is read as seconds since 1970")
    return records.imported(options, "s")


def _strategy(benchmark: Entry) -> str | None:
    for keys in (("config", "strategy"), ("scheduler", "strategy"), ("args", "strategy")):
        found = benchmark.within(*keys)
        if found is not None:
            return visible(str(found.data.get("type_")))[:40]
    return None


def _by_outcome(benchmark: Entry, records: Records) -> list[Entry]:
    """Requests that succeeded; those that failed or were cut off by the end are counted."""
    groups = benchmark.within("requests")
    if groups is None:
        records.problem(
            benchmark.place("requests").problem(f"found {shown(benchmark.data.get('requests'))}", "the requests of the benchmark")
        )
        return []
    records.failed += sum(len(groups.entries(key)) for key in ("errored", "incomplete"))
    return groups.entries("successful")


def _whole(benchmark: Entry, records: Records) -> None:
    """A problem where the report holds a sample of its requests only."""
    totals = benchmark.within("metrics", "request_totals") or benchmark.within("request_totals")
    count = totals.whole("successful", records.problems, least=0) if totals else None
    held = len(records.at) + records.failed
    if count is not None and held < count:
        found = f"found {len(records.at):,} of {count:,} requests: a sample, which has not their rate"
        records.problem(benchmark.place("requests.successful").problem(found, "all requests (run GuideLLM without --sample-requests)"))


FORMAT = Format("guidellm", "GuideLLM's report (JSON)", _matches, _read)
