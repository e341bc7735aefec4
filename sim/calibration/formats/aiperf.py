"""AIPerf: `profile_export.jsonl` (a record a request) and `profile_export_aiperf.json` (summary), and GenAI-Perf's summary, its ancestor.

Each value carries its unit. `inter_token_latency` is a mean of each request without the first token: our TPOT; `inter_chunk_latency`
lists the gaps. Times of sending are nanoseconds. Only requests of the phase `profiling` count. Records do not say how requests were
sent: a closed loop is recognised by each request following the end of another, else they are sent again as recorded.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from sim.calibration.formats.loads import sent
from sim.calibration.formats.look import Format, Look
from sim.calibration.formats.records import Request, as_recorded, closed_loop_clients, load_of, measured
from sim.calibration.formats.said_statistics import add_statistics, check_order
from sim.calibration.formats.servers import Said, ServerNames
from sim.calibration.points import Benchmark, Given, Load, Metric, ServingPoint, Statistic
from sim.catalog.catalog import Catalog
from sim.catalog.places import LONGEST_S, MOST_TOKENS, Entry, is_missing, is_plain, number, raise_all, shown, whole
from sim.errors import InputError, Problem

_SECONDS: Mapping[str, float] = MappingProxyType(
    {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0, "sec": 1.0, "seconds": 1.0, "milliseconds": 1e-3, "nanoseconds": 1e-9}
)
_METRICS: tuple[tuple[str, Metric], ...] = (
    ("time_to_first_token", "ttft_s"), ("inter_token_latency", "tpot_s"), ("request_latency", "e2e_s"),
)  # fmt: skip
_MOST_DEPTH = 8


def _matches(found: Look) -> bool:
    if found.layout == "csv":
        return bool(found.header) and found.header[0] == "metric" and {"avg", "p99"} <= set(found.header)
    keys = found.keys
    return {"metadata", "metrics"} <= keys or bool(
        {"request_latency", "time_to_first_token"} & keys and "successes" not in keys and _block(found)
    )


def _block(found: Look) -> bool:
    block = found.entries[0].within("request_latency") or found.entries[0].within("time_to_first_token")
    return block is not None and "avg" in block.data


def _read(found: Look, given: Given, catalog: Catalog) -> Benchmark:
    if found.layout == "csv":
        raise InputError(
            f"{found.name}: AIPerf's CSV does not say what was sent; give profile_export.jsonl or profile_export_aiperf.json beside it"
        )
    names = ServerNames(catalog, given)
    problems: list[Problem] = []
    if {"metadata", "metrics"} <= found.keys:
        points = [_records(found.entries, names, problems)]
    else:
        points = [_summary(entry, names, problems) for entry in found.entries]
    raise_all(problems)
    notes = (*names.notes, "units are those each value carries; inter_token_latency is read as TPOT")
    return Benchmark(serving=tuple(point for point in points if point is not None), notes=notes)


def _records(entries: tuple[Entry, ...], names: ServerNames, problems: list[Problem]) -> ServingPoint | None:
    first = entries[0]
    server = names.server(Said(), lambda key: replace(first, line=None).place(key), problems)
    requests, failed, other = [], 0, 0
    # Nanoseconds since 1970 as seconds would leave no digits for microseconds.
    begun = first.within("metadata")
    since_ns = begun.number("request_start_ns", [], most=1e20, above=False) or 0.0 if begun else 0.0
    for entry in entries:
        about, values = entry.within("metadata"), entry.within("metrics")
        if about is None or about.data.get("benchmark_phase", "profiling") != "profiling":
            other += about is not None
            continue
        if entry.data.get("error") or about.data.get("was_cancelled") or values is None:
            failed += 1
            continue
        request = _request(about, values, since_ns, problems)
        if request is not None:
            requests.append(request)
    notes = [f"{failed:,} of {failed + len(requests):,} requests failed and are left out"] if failed else []
    notes += [f"{other:,} requests of the warm-up are left out"] if other else []
    if not requests:
        problems.append(
            replace(first, line=None).place().problem("no request that came back", "records of the phase profiling without an error")
        )
    if problems or server is None:
        return None
    load = load_of(requests)
    clients = closed_loop_clients(requests)
    if clients is not None:
        load = replace(load, concurrency=clients)
        notes.append(f"a closed loop of {clients}: each later request was sent when another had ended")
    elif all(each.sent_s is not None for each in requests):
        load = as_recorded(load, requests)
        notes.append("sent as recorded")
    else:
        problems.append(first.place("metadata.request_start_ns").problem("missing", "when each request was sent"))
        return None
    return ServingPoint(server, load, MappingProxyType(measured(requests)), first.file, tuple(notes))


def _request(about: Entry, values: Entry, since_ns: float, problems: list[Problem]) -> Request | None:
    prompt, output = (_value(values, key, "tokens", problems) for key in ("input_sequence_length", "output_sequence_length"))
    if output is None:
        output = _value(values, "output_token_count", "tokens", problems)
    ttft, e2e = (_value(values, key, "time", problems) for key in ("time_to_first_token", "request_latency"))
    start = about.number("request_start_ns", problems, most=1e20, above=False)
    for key, value in (("input_sequence_length", prompt), ("output_sequence_length", output)):
        if value is None and key not in values.data:
            problems.append(values.place(key).problem("missing", "the lengths of each request"))
    if prompt is None or output is None or prompt < 1 or output < 1:
        return None
    if ttft is not None and e2e is not None and e2e < ttft:
        said = f"the request ended after {e2e:g} s, before its first token at {ttft:g} s"
        problems.append(values.place("request_latency").problem(said, "the right unit in each value"))
    gaps = values.within("inter_chunk_latency")
    between: list[float] = []
    if gaps is not None and isinstance(gaps.data.get("value"), list):
        factor = _factor(gaps, problems) or 0.0
        for at, gap in enumerate(gaps.data["value"]):
            if is_plain(gap, 0.0, LONGEST_S):
                between.append(gap * factor)
                continue
            found = number(gap, gaps.place(f"value[{at}]"), problems, most=LONGEST_S / (factor or 1.0), above=False)
            between.append((found or 0.0) * factor)
    return Request(int(prompt), int(output), ttft, e2e, None if start is None else (start - since_ns) * 1e-9, tuple(between))


def _value(values: Entry, key: str, kind: str, problems: list[Problem]) -> float | None:
    block = values.within(key)
    if block is None:
        return None
    factor = 1.0 if kind == "tokens" else _factor(block, problems)
    if factor is None:
        return None
    if kind == "tokens":
        return block.number("value", problems, most=MOST_TOKENS, above=False)
    return block.latency("value", problems, factor)


def _factor(block: Entry, problems: list[Problem]) -> float | None:
    """The unit of a block of latencies in seconds."""
    unit = str(block.data.get("unit", "")).strip().lower()
    if unit not in _SECONDS:
        problems.append(block.place("unit").problem(f"found {shown(block.data.get('unit'))}", ", ".join(_SECONDS)))
        return None
    return _SECONDS[unit]


def _summary(entry: Entry, names: ServerNames, problems: list[Problem]) -> ServingPoint | None:
    before = len(problems)
    config = entry.data.get("input_config")
    models = list(_under(config, ("model_names", "model_name", "model", "models")))
    gpus = sorted({str(name) for name in _under(entry.data.get("telemetry_data"), ("gpu_name",))})
    said = Said(llm=models[0] if models else None, gpu=gpus[0] if len(gpus) == 1 else None, llm_is_free=True)
    server = names.server(said, entry.place, problems)
    values: dict[tuple[Metric, Statistic], float] = {}
    for key, metric in _METRICS:
        block = entry.within(key)
        factor = _factor(block, problems) if block else None
        if factor:
            add_statistics(values, metric, block, factor, problems)
    throughput = entry.within("output_token_throughput")
    speed = throughput.number("avg", problems, most=1e9, above=False) if throughput else None
    if speed:
        values["throughput_tok_s", "mean"] = speed
    check_order(values, entry.place(), problems)
    load, notes = _sent(entry, config, problems)
    if not values and len(problems) == before:
        problems.append(entry.place().problem("nothing measured", "time_to_first_token, inter_token_latency, request_latency"))
    if len(problems) > before or server is None or load is None:
        return None
    return ServingPoint(server, load, MappingProxyType(values), str(entry.place()), notes)


def _sent(entry: Entry, config: object, problems: list[Problem]) -> tuple[Load | None, tuple[str, ...]]:
    lengths: list[float | None] = []
    for key in ("input_sequence_length", "output_sequence_length"):
        block = entry.within(key)
        lengths.append(block.number("avg", problems, most=MOST_TOKENS, least=1.0, above=False) if block else None)
        if block is None:
            problems.append(entry.place(key).problem("missing", "the mean lengths of the requests"))
    count = entry.within("request_count")
    requests = count.number("avg", problems, most=1e9) if count else None
    place = entry.place("input_config")
    # A sweep says the value of its run apart, under the path of the setting.
    run = entry.within("run_info", "variation_values")
    swept = {key.rsplit(".", 1)[-1]: value for key, value in run.data.items() if "warmup" not in key} if run else {}
    settings: dict[str, float] = {}
    for key in ("concurrency", "request_rate"):
        found = [swept[key]] if key in swept else list(dict.fromkeys(_under(config, (key,))))
        if len(found) > 1:
            problems.append(
                place.problem(f"{key} is said {len(found)} times, not alike; give the file of single requests, profile_export.jsonl")
            )
        elif found:
            read = whole if key == "concurrency" else number
            value = read(found[0], entry.place(f"input_config.{key}"), problems, most=1e6)
            if value is not None:
                settings[key] = value
    if not settings:
        problems.append(place.problem("neither concurrency nor request_rate; give the file of single requests, profile_export.jsonl"))
    if lengths[0] is None or lengths[1] is None or not settings:
        return None, ()
    load = Load(lengths[0], lengths[1], requests=None if requests is None else int(requests), least_length_share=1.0)
    limit = int(settings["concurrency"]) if "concurrency" in settings else None
    latency = entry.within("request_latency")
    rates = entry.within("request_throughput")
    unit = _factor(latency, problems) if latency else None
    mean = latency.number("avg", problems, most=LONGEST_S / unit) if latency and unit else None
    speed = rates.number("avg", problems, most=1e6) if rates else None
    made, note = sent(load, settings.get("request_rate"), limit, mean * unit * speed if mean and unit and speed else None)
    return made, ("only mean lengths are said: every request is taken to have them", *([note] if note else []))


def _under(value: Any, keys: tuple[str, ...], depth: int = 0) -> Iterator[str | float]:
    """Plain values under any of the keys, at any depth, warm-up phases left out; the first of a list."""
    if depth > _MOST_DEPTH or not isinstance(value, (Mapping, list)):
        return
    if isinstance(value, list):
        for item in value[:100]:
            yield from _under(item, keys, depth + 1)
        return
    if "warmup" in (value.get("name"), value.get("type"), value.get("phase")):
        return
    for key, held in value.items():
        if "warmup" in key:
            continue
        first = held[0] if isinstance(held, list) and held else held
        if key in keys and isinstance(first, (str, int, float)) and not isinstance(first, bool) and not is_missing(first):
            yield first
        else:
            yield from _under(held, keys, depth + 1)


FORMAT = Format("aiperf", "AIPerf profile_export.jsonl or profile_export_aiperf.json, GenAI-Perf's JSON", _matches, _read)
