"""Days of traffic and small stacks in memory, for tests of windows, cells and what is built of them."""

from __future__ import annotations

from typing import Any

import numpy as np

from sim.catalog.catalog import Catalog
from sim.catalog.price_book import PriceBook
from sim.catalog.yaml_document import parse_documents
from sim.stack.facts import facts_of
from sim.stack.read import stack_of
from sim.stack.resolve import resolve
from sim.stack.resolved import ResolvedStack
from sim.trace.trace import Trace

DAY_S = 86_400.0

PROFILE = """\
    profile:
      step: {c_ms: 4, g_ms_at_tokens: [[1, 4], [256, 6], [8192, 120]], o_us_per_sequence: 20, f_ns_per_context_token: 10, h_ns_per_token_pair: 0.1}
      kv_capacity_tokens: 200000
"""
POOL = f"""\
deployments:
  own:
    kind: gpu
    llm: llama-3.1-8b
    gpu: h100-sxm
    replicas: 1
    usd_per_gpu_hour: 3.6
    gpus_per_node: 1
    client: none
{PROFILE}
routing: [{{to: [own]}}]
"""
SLOW = PROFILE.replace("c_ms: 4,", "c_ms: 40,")
SCALED = f"""\
deployments:
  own:
    kind: gpu
    llm: llama-3.1-8b
    gpu: h100-sxm
    replicas: {{min: 1, max: 4}}
    autoscaler: {{law: hpa, metric: concurrency, target: 4}}
    usd_per_gpu_hour: 3.6
    gpus_per_node: 1
    client: none
    max_num_seqs: 2
{SLOW}
  spill: {{kind: api, model: gpt-6.1-sol, limits: [{{law: fixed_window, unit: requests, limit: 12, window_s: 60}}]}}
routing: [{{to: [{{deployment: own, max_wait: 1s}}, spill]}}]
"""
API = """\
deployments:
  api: {kind: api, model: gpt-4o, limits: [{law: fixed_window, unit: requests, limit: 8, window_s: 60}], client: none}
routing: [{to: [api]}]
"""


def day_trace(rows: int = 3000, days: float = 1.0, seed: int = 1, **more: Any) -> Trace:
    """Requests of moderate length, twice as many in the second half of each day, and a burst of one in ten around ten o'clock."""
    random = np.random.default_rng(seed)
    burst = random.random(rows) < 0.1
    second = np.where(random.random(rows) < 2 / 3, DAY_S / 2, 0.0) + random.random(rows) * DAY_S / 2
    arrival = np.where(burst, 36_000.0 + random.random(rows) * 600.0, second) + np.floor(random.random(rows) * days) * DAY_S
    kept = np.sort(arrival[arrival < days * DAY_S])
    n = len(kept)
    return Trace.from_arrays(
        arrival_s=kept, prompt_tokens=random.integers(20, 2000, n), output_tokens=random.geometric(1 / 150, n),
        metadata={"sim.duration_s": repr(days * DAY_S)}, **more,
    )  # fmt: skip


def resolved_for(text: str, trace: Trace | None = None) -> ResolvedStack:
    """A stack given as text, in plain numbers."""
    catalog = Catalog.load()
    facts = facts_of(trace) if trace is not None else None
    return resolve(stack_of(parse_documents(text, "stack.yaml")[0], "stack", ()), catalog, PriceBook(catalog.date), facts)
