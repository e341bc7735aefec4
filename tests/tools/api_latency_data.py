"""The measured latency of APIs beside the repository: single requests, an hourly probe and published medians.

The requests are of December 2023: their shape is used, never their level. A run sent five requests at a time, waited for all, and sent
the next five; no row has a time, only its place in the run.
"""

from __future__ import annotations

import csv
import os
from dataclasses import dataclass
from functools import cache
from math import log
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
DATA = Path(os.environ.get("SIM_SHARED", Path(__file__).resolve().parents[3] / "shared")) / "data"

REQUESTS = "ray-project/llmperf-leaderboard 27aa9b6a, single requests of 13 host and model pairs: Llama-2 chat, 550 tokens in, about 150 out, 5 at a time"
PROBE = "Jwrede/llm-bench-data hourly probe, 2026-06-10 00-05 UTC: median and maximum of 5 or 6 hours for 8 models"

AT_ONCE = 5
"""Requests that a run sent together."""
LEAST_OUTPUT_TOKENS = 30
"""Of shorter answers the time per token is mostly the noise of two time stamps."""
OTHER_REGIMES = ("lepton", "replicate")
"""Hosts left out of the shape: lepton refused 130 of each 150 requests; replicate worked off the five one after the other, and cold starts
took up to 72 s."""


@dataclass(frozen=True)
class Pair:
    """The answered requests of one model at one host, in the order of the run. Times in seconds; `round` counts the fives from 0."""

    host: str
    model: str
    sent: int
    ttft_s: FloatArray
    tpot_s: FloatArray
    output_tokens: FloatArray
    place: NDArray[np.int64]
    """Position in the run, refused requests counted."""

    @property
    def long_enough(self) -> NDArray[np.bool_]:
        """Requests whose time per output token is known well enough."""
        return self.output_tokens >= LEAST_OUTPUT_TOKENS

    def known(self, metric: str) -> tuple[FloatArray, NDArray[np.int64]]:
        """Logarithms of `ttft` or `tpot` over their median, and the places in the run."""
        chosen = self.long_enough
        values = np.log((self.ttft_s if metric == "ttft" else self.tpot_s)[chosen])
        return values - np.median(values), self.place[chosen]


def rows_of(file: str) -> list[dict[str, str]]:
    """The rows of a table under ../shared/data."""
    with (DATA / file).open(newline="") as lines:
        return list(csv.DictReader(lines))


@cache
def all_pairs() -> tuple[Pair, ...]:
    """All host and model pairs that answered.

    The time per further token is (end to end - first token) / (output tokens - 1). The column of inter-token latency is not it: its
    sum includes the first token, so that its tail is the tail of TTFT.
    """
    runs: dict[tuple[str, str], list[dict[str, str]]] = {}
    for row in rows_of("perf/llmperf_api_latency.csv"):
        runs.setdefault((row["provider"], row["model"]), []).append(row)
    found = []
    for (host, model), rows in runs.items():
        chosen = [(place, row) for place, row in enumerate(rows) if not row["error_code"] and int(row["number_output_tokens"]) > 1]
        ttft, total, tokens = (
            np.array([float(row[key]) for _, row in chosen]) for key in ("ttft_s", "end_to_end_latency_s", "number_output_tokens")
        )
        places = np.array([place for place, _ in chosen])
        found.append(Pair(host, model, len(rows), ttft, (total - ttft) / (tokens - 1.0), tokens, places))
    return tuple(found)


def pairs() -> tuple[Pair, ...]:
    """The pairs that the shape is fitted to."""
    return tuple(pair for pair in all_pairs() if pair.host not in OTHER_REGIMES)


def probes() -> tuple[tuple[str, int, float], ...]:
    """Model, hours probed, and ln(maximum / median) of the time to first token over those hours."""
    rows = [row for row in rows_of("catalog/api_latency.csv") if row["p99"].startswith("max ")]
    return tuple((row["model"], int(row["n"]), log(float(row["p99"][4:]) / float(row["p50"]))) for row in rows)


def levels(metric: str) -> dict[str, list[float]]:
    """Logarithms of what the sources say of a model's median, for models of which several sources speak: `ttft` (s), or `tpot` (tokens/s).

    Of a range the middle is taken. Left out: records of reasoning, and the throttled free plan of one host.
    """
    named = {"ttft": "ttft", "tpot": "output_speed"}[metric]
    found: dict[str, list[float]] = {}
    for row in rows_of("catalog/api_latency.csv"):
        if row["metric"] == named and "AA example" not in row["workload"] and "free tier" not in row["host"]:
            ends = [float(each) for each in row["p50"].split("-")]
            found.setdefault(row["model"], []).append(log(sum(ends) / len(ends)))
    return {model: values for model, values in found.items() if len(values) > 1}


def bedrock() -> tuple[float, float]:
    """TTFT of Claude Instant on Bedrock: p95 and p99 over the median."""
    row = next(row for row in rows_of("catalog/api_latency.csv") if row["host"] == "bedrock" and row["metric"] == "ttft")
    return float(row["p95"]) / float(row["p50"]), float(row["p99"]) / float(row["p50"])
