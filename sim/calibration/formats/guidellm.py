"""GuideLLM's JSON: one benchmark a strategy; `*_ms` are milliseconds, `request_latency` seconds.

Its `time_per_output_token_ms` holds the first token too (E2E over output tokens) and is not read: `inter_token_latency_ms` is our TPOT,
but weighted by tokens, which is the same where outputs are equally long. Rates a second are means over the time of measurement; only
their mean is read. The lengths are those counted, chat template included. Failed and unfinished requests are left out by the tool.
"""

from __future__ import annotations

from types import MappingProxyType

from sim.calibration.formats.guidellm_csv import csv_entries, is_guidellm_csv
from sim.calibration.formats.look import Format, Look
from sim.calibration.formats.said_statistics import add_statistics, check_order
from sim.calibration.formats.servers import Said, ServerNames
from sim.calibration.points import Benchmark, Given, Load, Metric, ServingPoint, Statistic
from sim.catalog.catalog import Catalog
from sim.catalog.places import LONGEST_S, MOST_TOKENS, Entry, is_missing, raise_all, shown
from sim.errors import Problem

_METRICS: tuple[tuple[str, Metric, float], ...] = (
    ("time_to_first_token_ms", "ttft_s", 1e-3), ("inter_token_latency_ms", "tpot_s", 1e-3), ("request_latency", "e2e_s", 1.0),
)  # fmt: skip
STRATEGIES = ("synchronous", "concurrent", "throughput", "constant", "poisson")
_EQUAL_SHARE = 0.01


def _matches(found: Look) -> bool:
    if found.layout == "csv":
        return is_guidellm_csv(found.text)
    return "benchmarks" in found.keys and any("metrics" in entry.data for entry in found.entries[0].entries("benchmarks")[:1])


def _read(found: Look, given: Given, catalog: Catalog) -> Benchmark:
    names = ServerNames(catalog, given)
    problems: list[Problem] = []
    if found.layout == "csv":
        entries = csv_entries(found.text, found.name)
    else:
        entries = [each for document in found.entries for each in document.entries("benchmarks")]
    points = [point for entry in entries if (point := _point(entry, names, problems)) is not None]
    raise_all(problems)
    notes = (*names.notes, "TPOT is inter_token_latency_ms; time_per_output_token_ms holds the first token and is not read")
    return Benchmark(serving=tuple(points), notes=notes)


def _point(entry: Entry, names: ServerNames, problems: list[Problem]) -> ServingPoint | None:
    before = len(problems)
    backend = entry.within("config", "backend")
    server = names.server(Said(llm=backend.data.get("model") if backend else None, llm_is_free=True), entry.place, problems)
    values: dict[tuple[Metric, Statistic], float] = {}
    for key, metric, factor in _METRICS:
        block = entry.within("metrics", key, "successful")
        add_statistics(values, metric, block, factor, problems)
        add_statistics(values, metric, block.within("percentiles") if block else None, factor, problems)
    speed = entry.within("metrics", "output_tokens_per_second", "successful")
    mean = speed.number("mean", problems, most=1e9, above=False) if speed else None
    if mean:
        values["throughput_tok_s", "mean"] = mean
    if not values and len(problems) == before:
        problems.append(entry.place("metrics").problem("nothing measured", "at least one request that succeeded"))
    check_order(values, entry.place(), problems)
    notes = _counts(entry, values, problems)
    load = _load(entry, notes, problems)
    if len(problems) > before or server is None or load is None:
        return None
    return ServingPoint(server, load, MappingProxyType(values), str(entry.place()), tuple(notes))


def _counts(entry: Entry, values: dict[tuple[Metric, Statistic], float], problems: list[Problem]) -> list[str]:
    notes = []
    totals = entry.within("metrics", "request_totals")
    if totals is not None:
        for key in ("errored", "incomplete"):
            count = totals.whole(key, problems, least=0)
            if count:
                notes.append(f"{count:,} requests {key} and are left out")
    outputs = entry.within("metrics", "output_token_count", "successful")
    if outputs is not None and ("tpot_s", "mean") in values:
        spread = outputs.number("std_dev", problems, most=MOST_TOKENS, above=False)
        mean = outputs.number("mean", problems, most=MOST_TOKENS)
        if spread is not None and mean is not None and spread > _EQUAL_SHARE * mean:
            notes.append("outputs differ in length: TPOT is weighted by tokens here")
    return notes


def _load(entry: Entry, notes: list[str], problems: list[Problem]) -> Load | None:
    lengths: list[float | None] = []
    for key in ("prompt_token_count", "output_token_count"):
        block = entry.within("metrics", key, "successful")
        lengths.append(block.number("mean", problems, most=MOST_TOKENS, least=1.0, above=False) if block else None)
        if block is None or is_missing(block.data.get("mean")):
            problems.append(entry.place(f"metrics.{key}.successful.mean").problem("missing", "the mean lengths of the requests"))
    totals = entry.within("metrics", "request_totals")
    requests = totals.whole("successful", problems, least=0) if totals else None
    strategy = entry.within("config", "strategy") or entry.within("scheduler", "strategy") or entry.within("args", "strategy")
    kind = strategy.data.get("type_") if strategy else None
    if strategy is None or kind not in STRATEGIES:
        problems.append(entry.place("config.strategy.type_").problem(f"found {shown(kind)}", ", ".join(STRATEGIES)))
        return None
    concurrency, rate = None, None
    if kind == "synchronous":
        concurrency = 1
    elif kind == "concurrent":
        concurrency = strategy.whole("streams", problems, most=1e6)
    elif kind == "throughput":
        limit = strategy.whole("max_concurrency", problems, most=1e6)
        concurrency = min(limit or requests or 0, requests or limit or 0) or None
    else:
        rate = strategy.number("rate", problems, most=1e6)
    if concurrency is None and rate is None:
        problems.append(strategy.place().problem("missing what was sent", "streams, max_concurrency or rate, as the strategy has it"))
    ramp = strategy.number("rampup_duration", problems, most=LONGEST_S, above=False)
    if ramp:
        notes.append(f"the ramp of {ramp:g} s at the start is not simulated")
    if lengths[0] is None or lengths[1] is None or (concurrency is None and rate is None):
        return None
    notes.append("only mean lengths are read: every request is taken to have them")
    load = Load(lengths[0], lengths[1], concurrency, None, requests or None, 1.0)
    if rate is None:
        return load
    if kind == "constant" and requests:
        # Evenly spaced arrivals queue less than a Poisson stream of the same rate.
        notes.append("sent at even distances, as the strategy constant does")
        return Load(lengths[0], lengths[1], None, None, requests, 1.0, arrival_s=tuple(at / rate for at in range(requests)))
    return Load(lengths[0], lengths[1], None, rate, requests or None, 1.0)


FORMAT = Format("guidellm", "GuideLLM's benchmarks (JSON or CSV)", _matches, _read)
