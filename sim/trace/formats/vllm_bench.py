"""`vllm bench serve --save-result --save-detailed`, and SGLang's and TensorRT-LLM's results of the same script.

Lengths and times of single requests are arrays; `start_times` are seconds of a clock that starts anywhere. Without them it is known when
requests were sent only if all were to be sent at once (`request_rate` inf): with `max_concurrency` that is a closed loop.
"""

from __future__ import annotations

from dataclasses import replace

from sim.catalog.places import MOST_TOKENS, Entry, is_missing, raise_all, shown
from sim.errors import InputError
from sim.trace.closed_loop import KEY, ClosedLoop, stated
from sim.trace.foreign import Format, Imported, Options
from sim.trace.look import Look, each_entry
from sim.trace.records import Records

_SUMMED = frozenset({"request_rate", "total_input_tokens"})
"""Keys of a result without single requests."""
_MOST_CLOCK_S = 1e12
_MOST_CLIENTS = 1e6


def _matches(found: Look) -> bool:
    keys = set(found.columns)
    return (
        found.layout in ("json", "lines")
        and bool({"completed", "num_prompts", "total_input_tokens"} & keys)
        and ("input_lens" in keys or keys >= _SUMMED or any(key.startswith(("mean_", "median_")) and key.endswith("_ms") for key in keys))
    )


def _read(found: Look, options: Options) -> Imported:
    entries = list(each_entry(found))
    if len(entries) > 1:
        raise InputError(f"{found.name}: {len(entries)} runs in one file (--append-result); a trace is one of them: give each its own file")
    entry = entries[0]
    records = Records(found.name, "requests of --save-detailed")
    if is_missing(entry.data.get("input_lens")) or is_missing(entry.data.get("output_lens")):
        raise InputError(
            f"{found.name}: no single requests (input_lens, output_lens); run vllm bench serve with --save-result --save-detailed"
        )
    loop = _load(entry, records)
    arrays = {
        key: entry.numbers(key, records.problems, most=_MOST_CLOCK_S if key == "start_times" else MOST_TOKENS)
        for key in ("input_lens", "output_lens", "start_times")
    }
    lengths = {key: len(values) for key, values in arrays.items() if values is not None}
    if len(set(lengths.values())) > 1:
        said = ", ".join(f"{key} {count:,}" for key, count in lengths.items())
        records.problem(entry.place("input_lens").problem(f"arrays of different lengths: {said}", "one value a request in each"))
    raise_all(records.problems)
    errors = entry.data.get("errors")
    inputs, outputs = arrays["input_lens"] or [], arrays["output_lens"] or []
    starts = arrays["start_times"] or [0.0] * len(inputs)
    for at, (prompt, output, start) in enumerate(zip(inputs, outputs, starts, strict=True)):
        if isinstance(errors, list) and at < len(errors) and errors[at]:
            records.failed += 1
            continue
        for key, value in (("input_lens", prompt), ("output_lens", output)):
            if value != int(value):
                records.problem(entry.place(f"{key}[{at}]").problem(f"found {value:g}", "a whole number of tokens"))
        records.add(start, int(prompt), int(output))
    read = records.imported(options, "s", from_first=True)
    return replace(read, metadata={**read.metadata, KEY: stated(loop)}) if loop else read


def _load(entry: Entry, records: Records) -> ClosedLoop | None:
    """How requests were sent: notes about recorded times, a closed loop where none are, or a problem."""
    limit = entry.whole("max_concurrency", records.problems, most=_MOST_CLIENTS)
    rate = entry.data.get("request_rate")
    at_once = is_missing(rate) or str(rate).strip().lower() in ("inf", "infinity")
    if not is_missing(entry.data.get("start_times")):
        records.notes.append("start_times are read as seconds, the first request as the start")
        if limit is not None and at_once:
            records.notes.append(
                f"sent by a closed loop of {limit}: these times are those of that server; `sim run --closed-loop {limit}` sends anew"
            )
        return None
    if not at_once:
        records.problem(
            entry.place("start_times").problem(
                f"missing: when requests were sent at {shown(rate)} a second is not recorded",
                "a result of a vLLM that writes start_times with --save-detailed, or a recipe with requests_per_s and these lengths",
            )
        )
        return None
    if limit is None:
        records.notes.append("request_rate is inf and there is no max_concurrency: all requests are sent at once")
        return None
    records.notes.append(f"sent by a closed loop of {limit} (max_concurrency), without times of its own")
    return ClosedLoop(limit)


FORMAT = Format("vllm-bench", "vllm bench serve --save-detailed (also SGLang's and TensorRT-LLM's)", _matches, _read)
