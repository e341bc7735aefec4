"""`vllm bench serve --save-result`, and the benchmarks that descend from the same script (SGLang's bench_serving, TensorRT-LLM's).

Summaries are milliseconds (`mean_ttft_ms`); the arrays of `--save-detailed` (`ttfts`, `itls`, `latencies`, `start_times`) are
seconds. TPOT leaves out the first token; ITL is over all gaps. `--metadata KEY=VALUE` may say gpu, tensor_parallel, precision.
"""

from __future__ import annotations

from dataclasses import replace
from math import inf
from types import MappingProxyType
from typing import Any

from sim.calibration.formats.columns import REFUSED_COLUMNS, SERVER_COLUMNS
from sim.calibration.formats.loads import sent
from sim.calibration.formats.look import Format, Look
from sim.calibration.formats.records import Request, as_recorded, closed_loop_clients, load_of, measured
from sim.calibration.formats.said_statistics import SPELLINGS, check_order
from sim.calibration.formats.servers import OPTIONS, Said, ServerNames
from sim.calibration.points import Benchmark, Given, Load, Metric, ServingPoint, Statistic
from sim.catalog.catalog import Catalog
from sim.catalog.places import LONGEST_S, MOST_TOKENS, Entry, is_missing, raise_all, shown
from sim.errors import Problem, visible

_METRICS: tuple[tuple[str, Metric], ...] = (
    ("ttft", "ttft_s"), ("tpot", "tpot_s"), ("itl", "itl_s"), ("e2el", "e2e_s"), ("e2e_latency", "e2e_s"),
)  # fmt: skip
_ANY_SERVER = frozenset({"openai", "openai-chat", "openai-comp", "openai-completions"})
"""Backends that are the protocol, not the engine."""
_UNUSED = frozenset(
    {
        "date", "endpoint_type", "backend", "label", "tokenizer_id", "model_id", "num_prompts", "request_rate", "burstiness",
        "max_concurrency", "duration", "completed", "failed", "total_input_tokens", "total_output_tokens", "request_throughput",
        "request_goodput", "output_throughput", "total_token_throughput", "input_lens", "output_lens", "ttfts", "itls", "latencies",
        "e2els", "start_times", "errors", "generated_texts", "input_throughput", "random_input_len", "random_output_len",
        "random_range_ratio", "dataset_name", "concurrency", "ramp_up_strategy",
    }
)  # fmt: skip
"""Keys that are read, or of which nobody expects anything."""
_DISAGREE_SHARE = 0.05


def _matches(found: Look) -> bool:
    keys = found.keys
    return (
        found.layout == "json"
        and any(key.startswith(("mean_", "median_", "p99_")) and key.endswith("_ms") for key in keys)
        and bool({"completed", "num_prompts", "total_input_tokens"} & keys)
    )


def _read(found: Look, given: Given, catalog: Catalog) -> Benchmark:
    names = ServerNames(catalog, given)
    problems: list[Problem] = []
    points = [point for entry in found.entries if (point := _point(entry, names, given, problems)) is not None]
    raise_all(problems)
    ignored = {visible(key)[:100] for entry in found.entries for key in entry.data if key not in _UNUSED and not _is_read(key)}
    notes = (*names.notes, "summaries are read as milliseconds, arrays of single requests as seconds")
    return Benchmark(serving=tuple(points), ignored=tuple(sorted(ignored)), notes=notes)


def _is_read(key: str) -> bool:
    said = {name for _, keys in SERVER_COLUMNS for name in keys} | {name for keys, _ in REFUSED_COLUMNS for name in keys}
    return key in said or any(key.endswith((f"_{metric}_ms", f"_{metric}")) for metric, _ in _METRICS)


def _point(entry: Entry, names: ServerNames, given: Given, problems: list[Problem]) -> ServingPoint | None:
    before = len(problems)
    _refuse(entry, problems)
    server = names.server(_said(entry, names, given), entry.place, problems)
    notes: list[str] = []
    requests = _requests(entry, notes, problems)
    values = _summary(entry, problems)
    if requests:
        computed = measured(requests)
        for key in (("ttft_s", "mean"), ("tpot_s", "mean")):
            if key in computed and key in values and abs(computed[key] / values[key] - 1.0) > _DISAGREE_SHARE:
                notes.append(f"{key[0]}: the single requests say {computed[key]:.4g} s in the mean, the summary {values[key]:.4g} s")
        # The summary's throughput is over the whole run; the requests alone may not record when they were sent.
        values = {**values, **{key: value for key, value in computed.items() if key[0] != "throughput_tok_s" or key not in values}}
    check_order(values, entry.place(), problems)
    load = _load(entry, requests, values, notes, problems)
    if not values and len(problems) == before:
        problems.append(entry.place().problem("nothing measured", "mean_ttft_ms, mean_tpot_ms, output_throughput or others of them"))
    if len(problems) > before or server is None or load is None:
        return None
    return ServingPoint(server, load, MappingProxyType(values), str(entry.place()), tuple(notes))


def _refuse(entry: Entry, problems: list[Problem]) -> None:
    for keys, what in REFUSED_COLUMNS:
        for key in keys:
            found = entry.whole(key, problems, most=1e6, least=0)
            if found is not None and found > (0 if key.startswith("num_") else 1):
                problems.append(entry.place(key).problem(f"found {found}; {what} is not modelled"))
    for key in ("accept_length", "spec_decode_acceptance_length"):
        length = entry.data.get(key)
        if isinstance(length, (int, float)) and length > 1.0:
            problems.append(entry.place(key).problem(f"found {shown(length)}; speculative decoding is not modelled"))


def _said(entry: Entry, names: ServerNames, given: Given) -> Said:
    data = entry.data
    fields: dict[str, Any] = {}
    for field, keys in SERVER_COLUMNS:
        fields[field] = next((data[key] for key in keys if not is_missing(data.get(key))), None)
    options = MappingProxyType({option: fields.pop(option) for option in OPTIONS})
    fields["llm"] = data.get("model_id", fields["llm"])
    engine = data.get("engine")
    if is_missing(engine):
        backend = str(data.get("backend") or data.get("endpoint_type") or "").strip().lower()
        if backend not in _ANY_SERVER and backend:
            engine = backend
        elif given.engine is None:
            names.notes["the engine is not said: vllm, whose tool wrote the file (--engine for another)"] = None
            engine = "vllm"
    fields["engine"] = engine
    return Said(**fields, options=options, llm_is_free=True)


def _summary(entry: Entry, problems: list[Problem]) -> dict[tuple[Metric, Statistic], float]:
    values: dict[tuple[Metric, Statistic], float] = {}
    for name, metric in _METRICS:
        for spelled, statistic in SPELLINGS.items():
            key = f"{spelled}_{name}_ms"
            # Zero is written where nothing was streamed, or no request had a second token.
            value = entry.latency(key, problems, 1e-3)
            if value is not None:
                values[metric, statistic] = value
    throughput = entry.number("output_throughput", problems, most=1e9, above=False)
    if throughput:
        values["throughput_tok_s", "mean"] = throughput
    return values


def _requests(entry: Entry, notes: list[str], problems: list[Problem]) -> list[Request]:
    """The requests of --save-detailed that came back; none where the file has no arrays."""
    if not all(isinstance(entry.data.get(key), list) for key in ("input_lens", "output_lens", "ttfts")):
        return []
    arrays = {key: entry.numbers(key, problems, most=MOST_TOKENS) for key in ("input_lens", "output_lens")}
    for key in ("ttfts", "latencies", "e2els"):
        arrays[key] = entry.numbers(key, problems, most=LONGEST_S)
    # A clock that starts anywhere.
    arrays["start_times"] = entry.numbers("start_times", problems, most=1e12)
    gaps = entry.data.get("itls")
    lengths = {key: len(values) for key, values in arrays.items() if values is not None}
    if isinstance(gaps, list):
        lengths["itls"] = len(gaps)
    if len(set(lengths.values())) > 1:
        said = ", ".join(f"{key} {count:,}" for key, count in lengths.items())
        problems.append(entry.place("input_lens").problem(f"arrays of different lengths: {said}", "one value a request in each"))
        return []
    inputs, outputs, ttfts = arrays["input_lens"], arrays["output_lens"], arrays["ttfts"]
    whole, starts = arrays["latencies"] or arrays["e2els"], arrays["start_times"]
    if inputs is None or outputs is None or ttfts is None:
        return []
    errors = entry.data.get("errors")
    made, failed = [], 0
    for at, (prompt, output, ttft) in enumerate(zip(inputs, outputs, ttfts, strict=True)):
        if (isinstance(errors, list) and at < len(errors) and errors[at]) or prompt < 1 or output < 1:
            failed += 1
            continue
        between = _gaps(entry, gaps, at, problems)
        if between is None:
            return []
        e2e = whole[at] if whole is not None else (ttft + sum(between) if ttft > 0.0 and (between or output == 1) else None)
        if e2e is not None and e2e < ttft:
            found = f"request {at} ended after {e2e:g} s, before its first token at {ttft:g} s"
            problems.append(entry.place(f"ttfts[{at}]").problem(found, "seconds in all arrays"))
            return []
        made.append(Request(int(prompt), int(output), ttft or None, e2e, None if starts is None else starts[at], between))
    if failed:
        notes.append(f"{failed:,} of {failed + len(made):,} requests failed and are left out")
    if not made:
        problems.append(entry.place("errors").problem("every request failed", "at least one that came back"))
    return made


def _gaps(entry: Entry, gaps: object, at: int, problems: list[Problem]) -> tuple[float, ...] | None:
    if not isinstance(gaps, list):
        return ()
    row = Entry({f"itls[{at}]": gaps[at]}, entry.file, entry.line, entry.prefix).numbers(f"itls[{at}]", problems, most=LONGEST_S)
    return None if row is None and gaps[at] is not None else tuple(row or ())


def _load(
    entry: Entry, requests: list[Request], values: dict[tuple[Metric, Statistic], float], notes: list[str], problems: list[Problem]
) -> Load | None:
    load = load_of(requests) if requests else _mean_lengths(entry, notes, problems)
    limit = entry.whole("max_concurrency", problems, most=1e6)
    said = entry.data.get("request_rate")
    rate = inf if is_missing(said) or str(said).strip().lower() in ("inf", "infinity") else entry.number("request_rate", problems, most=1e6)
    if load is None or rate is None:
        return None
    timed = bool(requests) and all(each.sent_s is not None for each in requests)
    burstiness = entry.number("burstiness", problems, most=1e6)
    uneven = (burstiness is not None and burstiness != 1.0) or not is_missing(entry.data.get("ramp_up_strategy"))
    clients = closed_loop_clients(requests) if timed and rate != inf and limit is not None else None
    if timed and rate != inf and clients is None:
        notes.append("sent as recorded in start_times")
        return as_recorded(load, requests)
    if uneven and rate != inf:
        found = "requests were not sent as a Poisson stream (burstiness, ramp_up_strategy) and their times are not recorded"
        problems.append(entry.place("burstiness").problem(found, "a result with --save-detailed and start_times"))
        return None
    duration = entry.number("duration", problems, most=1e9)
    lasting = values.get(("e2e_s", "mean"))
    if lasting is None and ("ttft_s", "mean") in values and ("tpot_s", "mean") in values:
        lasting = values["ttft_s", "mean"] + values["tpot_s", "mean"] * max(load.output_tokens - 1.0, 0.0)
    outstanding = load.requests * lasting / duration if load.requests and lasting and duration else None
    made, note = sent(load, rate, limit, outstanding)
    if note:
        notes.append(note)
    return made


def _mean_lengths(entry: Entry, notes: list[str], problems: list[Problem]) -> Load | None:
    completed = entry.whole("completed", problems) or entry.whole("num_prompts", problems)
    prompt = entry.number("total_input_tokens", problems, most=1e15)
    output = entry.number("total_output_tokens", problems, most=1e15)
    for key, value in (("completed", completed), ("total_input_tokens", prompt), ("total_output_tokens", output)):
        if value is None and is_missing(entry.data.get(key)):
            problems.append(entry.place(key).problem("missing", "the lengths of the requests follow from it"))
    if completed is None or prompt is None or output is None:
        return None
    for key, value in (("total_input_tokens", prompt), ("total_output_tokens", output)):
        if value < completed:
            problems.append(entry.place(key).problem(f"found {value:g} of {completed:,} requests", "at least a token each"))
            return None
    load = Load(prompt / completed, output / completed, requests=completed, least_length_share=1.0)
    ratio = entry.number("random_range_ratio", problems, most=1e6, above=False)
    nominal = entry.number("random_input_len", problems, most=MOST_TOKENS), entry.number("random_output_len", problems, most=MOST_TOKENS)
    # SGLang draws lengths from ratio x nominal to nominal; vLLM around the nominal. The mean tells which.
    drawn_below = nominal[0] and ratio is not None and abs(load.prompt_tokens / (nominal[0] * (1.0 + ratio) / 2.0) - 1.0) < 0.1
    if ratio is not None and ratio < 1.0 and nominal[0] and nominal[1] and drawn_below:
        notes.append(f"lengths are uniform from {ratio:g} of the nominal ones to the whole")
        share = max(ratio, 1.0 / max(nominal[0], nominal[1]))
        return replace(load, prompt_tokens=nominal[0], output_tokens=nominal[1], least_length_share=share)
    notes.append("only mean lengths are said: every request is taken to have them (--save-detailed says each)")
    return load


FORMAT = Format("vllm-bench", "vllm bench serve --save-result (JSON; also SGLang's and TensorRT-LLM's benchmark_serving)", _matches, _read)
