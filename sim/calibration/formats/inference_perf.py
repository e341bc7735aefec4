"""inference-perf's summary_lifecycle_metrics.json: seconds, an open stream of `requested_rate`, failures apart.

The latencies are those of `successes`; `normalized_time_per_output_token` holds the first token too and is not read.
"""

from __future__ import annotations

from types import MappingProxyType

from sim.calibration.formats.loads import sent
from sim.calibration.formats.look import Format, Look
from sim.calibration.formats.said_statistics import add_statistics, check_order
from sim.calibration.formats.servers import Said, ServerNames
from sim.calibration.points import Benchmark, Given, Load, Metric, ServingPoint, Statistic
from sim.catalog.catalog import Catalog
from sim.catalog.places import MOST_TOKENS, Entry, is_missing, raise_all
from sim.errors import Problem

_METRICS: tuple[tuple[str, Metric], ...] = (
    ("time_to_first_token", "ttft_s"), ("time_per_output_token", "tpot_s"), ("inter_token_latency", "itl_s"), ("request_latency", "e2e_s"),
)  # fmt: skip


def _matches(found: Look) -> bool:
    return found.layout == "json" and {"load_summary", "successes"} <= found.keys


def _read(found: Look, given: Given, catalog: Catalog) -> Benchmark:
    names = ServerNames(catalog, given)
    problems: list[Problem] = []
    points = [point for entry in found.entries if (point := _point(entry, names, problems)) is not None]
    raise_all(problems)
    return Benchmark(serving=tuple(points), notes=(*names.notes, "latencies are read as seconds, failed requests are left out"))


def _point(entry: Entry, names: ServerNames, problems: list[Problem]) -> ServingPoint | None:
    before = len(problems)
    server = names.server(Said(), entry.place, problems)
    values: dict[tuple[Metric, Statistic], float] = {}
    for key, metric in _METRICS:
        add_statistics(values, metric, entry.within("successes", "latency", key), 1.0, problems)
    speed = entry.within("successes", "throughput")
    throughput = speed.number("output_tokens_per_sec", problems, most=1e9, above=False) if speed else None
    if throughput:
        values["throughput_tok_s", "mean"] = throughput
    lengths = []
    for key in ("prompt_len", "output_len"):
        block = entry.within("successes", key)
        lengths.append(block.number("mean", problems, most=MOST_TOKENS, least=1.0, above=False) if block else None)
        if block is None or is_missing(block.data.get("mean")):
            problems.append(entry.place(f"successes.{key}.mean").problem("missing", "a report with the lengths of prompts and outputs"))
    succeeded, summary = entry.within("successes"), entry.within("load_summary")
    requests = succeeded.whole("count", problems) if succeeded else None
    rate = summary.number("requested_rate", problems, most=1e6) if summary else None
    clients = summary.whole("concurrency", problems, most=1e6) if summary else None
    if rate is None and clients is None:
        problems.append(entry.place("load_summary.requested_rate").problem("missing", "the rate of requests, or a concurrency"))
    if not values:
        problems.append(entry.place("successes.latency").problem("nothing measured", ", ".join(key for key, _ in _METRICS)))
    check_order(values, entry.place(), problems)
    if len(problems) > before or server is None or lengths[0] is None or lengths[1] is None:
        return None
    load, note = sent(Load(lengths[0], lengths[1], requests=requests, least_length_share=1.0), rate, clients, None)
    notes = ["only mean lengths are said: every request is taken to have them", *([note] if note else [])]
    return ServingPoint(server, load, MappingProxyType(values), str(entry.place()), tuple(notes))


FORMAT = Format("inference-perf", "inference-perf's summary of a run (JSON)", _matches, _read)
