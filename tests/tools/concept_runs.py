"""The small simulations behind the pictures of docs/concepts: each gives a chart of what the engine did."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import sim
from sim.engine.assemble import assemble
from sim.engine.run import simulate
from sim.report.html.chart import Chart, Mark, Panel, Series, by_month
from sim.sampling import stream
from sim.stack import facts_of
from sim.trace import Trace
from sim.trace.closed_loop import ClosedLoop

FloatArray = npt.NDArray[np.float64]

POOL = """
deployments:
  own: {kind: gpu, llm: llama-3.1-8b, gpu: h100-sxm, replicas: 1, client: none}
routing:
  - to: [own]
"""
"""One replica, and clients that wait as long as it takes."""
LIMITED = """
deployments:
  main: {kind: api, model: gpt-6.1-sol, client: none, limits: [{law: LAW, unit: requests, limit: 60, window_s: 60}]}
routing:
  - to: [main]
"""
"""An API that takes 60 requests a minute, and clients that do not ask again."""

LOADS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9)
QUEUED = 20_000
"""Requests of each replay of the queue."""
OUTPUT_TOKENS = 50.0
"""Of them, in the mean: exponential."""
ONE_AT_A_TIME: Mapping[str, int] = {"deployments.own.max_num_seqs": 1}
SEQUENCES = (1, 2, 4, 8, 16, 32, 64, 128, 256)
FUTURES = 200
DRAWN = 12
"""Single futures that are drawn beside their band."""


def trace(arrival_s: FloatArray, prompt: int | npt.NDArray[np.int64], output: int | npt.NDArray[np.int64]) -> Trace:
    """A trace of these arrivals, in order, with tokens alike or of each request."""
    rows = len(arrival_s)
    prompts, outputs = (np.array(np.broadcast_to(each, rows), dtype=np.int64) for each in (prompt, output))
    return Trace.from_arrays(arrival_s=arrival_s, prompt_tokens=prompts, output_tokens=outputs, name="concept")


def replayed(
    stack: str, requests: Trace, settings: Mapping[str, Any] | None = None, loop: ClosedLoop | None = None
) -> npt.NDArray[np.void]:
    """One row a request: what the engine did with it."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "stack.yaml"
        file.write_text(stack, encoding="utf-8")
        resolved = sim.load_stack(file, settings).resolved(facts_of(requests))
    log = simulate(assemble(resolved, requests.classes), requests, log=True, closed_loop=loop, timeline_s=0.0).log
    assert log is not None and bool((log["arrival_s"] >= 0).all())
    return log


def queueing() -> Chart:
    """Mean time to the first token against load, of a replica that serves one request at a time, with the formula, and of one that batches."""
    gaps = stream(1, "concept arrivals", 0).exponential(1.0, QUEUED)
    gaps /= gaps.mean()  # so that a load is what it says
    output = 1 + np.rint(stream(1, "concept outputs", 0).exponential(OUTPUT_TOKENS, QUEUED)).astype(np.int64)
    everybody = trace(np.zeros(QUEUED), 500, output)
    idle = replayed(POOL, trace(np.zeros(1), 500, 1))
    first_s = float(idle["first_token_s"][0])
    # what a request keeps the replica busy, which is less than its latency: how far the ends of a queue of all of them lie apart
    service_s = np.diff(np.sort(replayed(POOL, everybody, ONE_AT_A_TIME)["finish_s"]))
    mean_s, square_s2 = float(service_s.mean()), float((service_s**2).mean())
    batched_per_s = QUEUED / float(replayed(POOL, everybody)["finish_s"].max())

    def waits(per_s: float, settings: Mapping[str, Any] | None) -> float:
        log = replayed(POOL, trace(np.cumsum(gaps) / per_s, 500, output), settings)
        return float((log["first_token_s"] - log["arrival_s"])[QUEUED // 10 :].mean())

    alone = np.array([waits(load / mean_s, ONE_AT_A_TIME) for load in LOADS])
    formula = np.array([first_s + load / mean_s * square_s2 / (2 * (1 - load)) for load in LOADS])
    batched = np.array([waits(load * batched_per_s, None) for load in LOADS])
    panel = Panel(
        "mean time to first token", "s",
        (
            Series(f"one at a time (at most {1 / mean_s:.2g} requests a second), simulated", alone, 1, "dots"),
            Series("one at a time, formula", formula, 1, dashed=True),
            Series(f"in batches (at most {batched_per_s:.2g} requests a second), simulated", batched, 0),
        ),
        log=True,
    )  # fmt: skip
    texts = tuple(f"{load:.0%}" for load in LOADS)
    x_name = "requests a second, of the most that it can finish"
    return Chart("queueing", "Waiting on one replica", np.array(LOADS), texts, x_name, (panel,), x_unit="share")


def batching() -> Chart:
    """What a token takes and how many come out, of one replica that always has so many requests at work."""
    token_s, tokens_per_s = [], []
    for sequences in SEQUENCES:
        rows = max(64, 4 * sequences)
        log = replayed(POOL, trace(np.zeros(rows), 500, 200), loop=ClosedLoop(clients=sequences))
        token_s.append(float(np.median((log["finish_s"] - log["first_token_s"]) / 199)))
        tokens_per_s.append(float(log["output_tokens"].sum() / log["finish_s"].max()))
    panels = (
        Panel("time of a further token, p50", "s", (Series("a token", np.array(token_s), 1),)),
        Panel("output tokens a second, all requests together", "count", (Series("tokens a second", np.array(tokens_per_s), 0),)),
    )
    texts = tuple(str(sequences) for sequences in SEQUENCES)
    x = np.array(SEQUENCES, dtype=np.float64)
    return Chart(
        "batching", "One replica, more and more requests at a time", x, texts, "requests at a time", panels, x_unit="count", x_log=True
    )


def limits() -> Chart:
    """A steady stream and a burst across the minute, against the same number a minute as a token bucket and as a fixed window."""
    arrival_s = np.sort(np.concatenate([np.arange(1.0, 180.0, 2.0), np.linspace(50.0, 70.0, 160)]))
    requests = trace(arrival_s, 200, 20)
    grid_s = np.arange(0.0, 181.0, 2.0)

    def let_in(law: str) -> FloatArray:
        log = replayed(LIMITED.replace("LAW", law), requests)
        return np.searchsorted(np.sort(log["arrival_s"][log["outcome"] == 0]), grid_s, side="right").astype(np.float64)

    series = (
        Series("asked", np.searchsorted(arrival_s, grid_s, side="right").astype(np.float64), 7, dashed=True),
        Series("let in by a fixed window", let_in("fixed_window"), 1),
        Series("let in by a token bucket", let_in("token_bucket"), 0),
    )
    marks = (Mark("60 s", 60.0), Mark("120 s", 120.0))
    texts = tuple(f"{second:.0f} s" for second in grid_s)
    title = "A burst of 160 requests against 60 a minute"
    return Chart("limits", title, grid_s, texts, "time", (Panel("requests so far", "count", series),), x_unit="s", marks=marks)


def bands() -> Chart:
    """The invoices of twelve months: some futures, the band of all of them and their median."""
    rows = 600
    arrival_s = np.cumsum(stream(2, "concept arrivals", 0).exponential(6.0, rows))
    ahead = sim.forecast(trace(arrival_s, 1000, 200), "api-first", months=12, futures=FUTURES, workers=1)
    by_future = ahead.draws.pivot(index="future", columns="month", values="invoice_usd")
    low, middle, high = (by_future.quantile(q).to_numpy() for q in (0.05, 0.5, 0.95))
    singles = (Series(f"one of {FUTURES} futures", row, 7) for row in by_future.to_numpy()[:DRAWN])
    band = Series("median, and p5 to p95 of all", middle, 0, low=low, high=high)
    months = tuple(map(str, by_future.columns))
    return by_month("bands", "One invoice a month, in many futures", months, (Panel("invoice of the month", "usd", (*singles, band)),))
