"""InferenceX results: seconds without a unit in the name (`median_ttft`), throughput a GPU, one closed loop of `conc` requests.

Aggregated results name model, hw, framework, precision, tp, isl, osl and conc, at the top or with the metrics under `metrics`; raw ones
only the model and the counts of tokens. `tput_per_gpu` counts prompt tokens too and is not read; `output_tput_per_gpu` is multiplied by
the GPUs. `intvty` is one over TPOT and says nothing new.
"""

from __future__ import annotations

import re
from math import inf
from types import MappingProxyType

from sim.calibration.formats.loads import sent
from sim.calibration.formats.look import Format, Look
from sim.calibration.formats.said_statistics import SPELLINGS, check_order
from sim.calibration.formats.servers import Said, ServerNames
from sim.calibration.points import Benchmark, Given, Load, Metric, ServingPoint, Statistic
from sim.catalog import known_as
from sim.catalog.catalog import Catalog
from sim.catalog.places import MOST_TOKENS, Entry, is_missing, raise_all, shown
from sim.errors import InputError, Problem

_METRICS: tuple[tuple[str, Metric], ...] = (("ttft", "ttft_s"), ("tpot", "tpot_s"), ("itl", "itl_s"), ("e2el", "e2e_s"))
_SECONDS = re.compile(r"(mean|median|p\d+)_(ttft|tpot|itl|e2el)")
_LEAST_LENGTH_SHARE = 0.8
"""Its load generator draws lengths from 80 % of the nominal ones to the whole."""
_SLOWEST_STEP_S = 10.0
_LOSSLESS = ("none", "off", "false", "")


def _matches(found: Look) -> bool:
    return found.layout == "json" and any(_SECONDS.fullmatch(key) for key in _values(found.entries[0]).data)


def _values(entry: Entry) -> Entry:
    return entry.within("metrics") or entry


def _read(found: Look, given: Given, catalog: Catalog) -> Benchmark:
    names = ServerNames(catalog, given)
    problems: list[Problem] = []
    points = [point for entry in found.entries if (point := _point(entry, names, catalog, given, problems)) is not None]
    raise_all(problems)
    notes = (*names.notes, "latencies are read as seconds, throughput a GPU is multiplied by the GPUs")
    return Benchmark(serving=tuple(points), notes=notes)


def _point(entry: Entry, names: ServerNames, catalog: Catalog, given: Given, problems: list[Problem]) -> ServingPoint | None:
    before = len(problems)
    data = entry.data
    _refuse(entry, problems)
    said = Said(
        llm=data.get("model", data.get("model_id")),
        gpu=_gpu_name(data.get("hw", data.get("hardware")), catalog),
        tensor_parallel=data.get("tp", data.get("decode_tp")),
        precision=data.get("precision"),
        engine=data.get("framework", None if given.engine else "vllm"),
        llm_is_free=True,
    )
    if said.engine == "vllm" and "framework" not in data:
        names.notes["the engine is not said: vllm (--engine for another)"] = None
    server = names.server(said, entry.place, problems)
    values = _measured(_values(entry), server.tensor_parallel if server else 1, problems)
    if not values and len(problems) == before:
        problems.append(entry.place().problem("nothing measured", "median_ttft, median_tpot, output_tput_per_gpu or others of them"))
    check_order(values, entry.place(), problems)
    notes: list[str] = []
    experts = entry.whole("ep", problems, most=1024, least=0)
    if experts is not None and experts > 1:
        notes.append(f"experts are spread over {experts} GPUs (ep): taken as tensor parallel")
    load = _load(entry, notes, problems)
    if len(problems) > before or server is None or load is None:
        return None
    return ServingPoint(server, load, MappingProxyType(values), str(entry.place()), tuple(notes))


def _refuse(entry: Entry, problems: list[Problem]) -> None:
    for key, what in (
        ("disagg", "prefill and decode on machines apart"),
        ("is_multinode", "a replica of more than one node"),
        ("dp_attention", "data-parallel attention"),
        ("decode_dp_attention", "data-parallel attention"),
    ):
        if str(entry.data.get(key)).strip().lower() == "true":
            problems.append(entry.place(key).problem(f"found true; {what}: no profile describes it"))
    for key in ("spec_decoding", "spec_method"):
        if str(entry.data.get(key) or "").strip().lower() not in _LOSSLESS:
            problems.append(entry.place(key).problem(f"found {shown(entry.data[key])}; speculative decoding is not modelled"))


def _gpu_name(name: object, catalog: Catalog) -> object:
    """The hardware without the name of the runner (`h200-nv`), where that makes it known."""
    if is_missing(name):
        return None
    words = str(name).split("-")
    for kept in range(len(words), 0, -1):
        try:
            return known_as.find_gpu(catalog, "-".join(words[:kept])).name
        except InputError:
            continue
    return name


def _measured(entry: Entry, gpus: int, problems: list[Problem]) -> dict[tuple[Metric, Statistic], float]:
    values: dict[tuple[Metric, Statistic], float] = {}
    for name, metric in _METRICS:
        for spelled, statistic in SPELLINGS.items():
            key = f"{spelled}_{name}"
            value = entry.latency(key, problems, 1.0)
            if value and name in ("tpot", "itl") and value > _SLOWEST_STEP_S:
                problems.append(entry.place(key).problem(f"found {value:g} s a token", "seconds; milliseconds have names that end in _ms"))
            elif value:
                values[metric, statistic] = value
    throughput = entry.number("output_throughput", problems, most=1e9, above=False)
    per_gpu = entry.number("output_tput_per_gpu", problems, most=1e9, above=False)
    if throughput or per_gpu:
        values["throughput_tok_s", "mean"] = throughput or (per_gpu or 0.0) * gpus
    return values


def _load(entry: Entry, notes: list[str], problems: list[Problem]) -> Load | None:
    key = "conc" if "conc" in entry.data else "max_concurrency"
    concurrency = entry.whole(key, problems, most=1e6)
    rate = entry.data.get("request_rate")
    finite = None if is_missing(rate) or str(rate).lower() in ("inf", "infinity") else entry.number("request_rate", problems, most=1e6)
    if concurrency is None and finite is None and is_missing(entry.data.get(key)):
        problems.append(entry.place("conc").problem("missing", "the requests outstanding at a time"))
    requests = entry.whole("completed", problems) or entry.whole("num_prompts", problems)
    prompt, output = (entry.number(name, problems, most=MOST_TOKENS, least=1.0, above=False) for name in ("isl", "osl"))
    share: float | None = _LEAST_LENGTH_SHARE
    if (prompt is None or output is None) and requests:
        totals = [entry.number(name, problems, most=1e15) for name in ("total_input_tokens", "total_output_tokens")]
        if totals[0] and totals[1] and min(totals[0], totals[1]) >= requests:
            prompt, output, share = totals[0] / requests, totals[1] / requests, 1.0
            notes.append("only mean lengths are said: every request is taken to have them")
    elif prompt is not None:
        notes.append(f"lengths are {_LEAST_LENGTH_SHARE:.0%} to 100 % of the nominal ones")
    if prompt is None or output is None:
        if is_missing(entry.data.get("isl")) or is_missing(entry.data.get("osl")):
            problems.append(entry.place("isl").problem("missing", "isl and osl, or completed and the totals of tokens"))
        return None
    load = Load(prompt, output, requests=requests, least_length_share=share)
    made, note = sent(load, inf if finite is None else finite, concurrency, None)
    notes.extend([note] if note else [])
    return made


FORMAT = Format("inferencex", "InferenceX results (JSON; seconds, throughput a GPU)", _matches, _read)
