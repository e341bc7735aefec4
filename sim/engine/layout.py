"""The record types of the data plane: one dtype a kind of thing, and the State that holds their arrays.

Enumerations are module constants (compiled code sees them as literals). Times are float64 seconds, counts int64.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from sim.engine.reference import ByReference

POOL, API = 0, 1
# replica states
OFF, STARTING, READY, DRAINING, LENT = 0, 1, 2, 3, 4
# what a replica is doing: nothing, standing at a step boundary (its next step starts in phase 6), one mixed step, a run of decode steps
IDLE, BOUNDARY, STEP, RUN = 0, 1, 2, 3
# where a live request is
FREE, TIMER, GATEWAY, WAITING, RUNNING, AT_API, GHOST = 0, 1, 2, 3, 4, 5, 6
# faults
NONE, REFUSED, FAILED, TIMEOUT = 0, 1, 2, 3
# phases of one instant
PHASE_STEP_END, PHASE_SETTLE, PHASE_TICK, PHASE_CONTROL, PHASE_TIMER, PHASE_ARRIVAL, PHASE_START = 0, 1, 2, 3, 4, 5, 6
# timers
T_SETTLE, T_RETRY, T_PASS, T_ATTEMPT, T_QUEUE, T_SEND = 0, 1, 2, 3, 4, 5
# laws of limits
BUCKET, WINDOW, SLIDING, CONCURRENCY, ACCELERATION = 0, 1, 2, 3, 4
# units of limits
U_REQUESTS, U_INPUT, U_OUTPUT, U_TOTAL, U_USD = 0, 1, 2, 3, 4
# metrics of autoscalers: the first two and the last are totals of a pool, the others means over its ready replicas
M_WAITING, M_CONCURRENCY, M_KV, M_BUSY, M_RPS = 0, 1, 2, 3, 4
# pool routing
ROUND_ROBIN, LEAST_OUTSTANDING, LEAST_KV, SESSION_AFFINITY = 0, 1, 2, 3
# batching and prefix caching
CONTINUOUS, PREFILL_FIRST, STATIC = 0, 1, 2
CACHE_OFF, CACHE_GIVEN, CACHE_BLOCKS = 0, 1, 2
# Retry-After
RA_NONE, RA_SECONDS, RA_MILLISECONDS = 0, 1, 2
# what advance() came back for
REACHED, NEED_ROWS, NEED_ROOM, WANTED, DRAINED, DONE = 0, 1, 2, 3, 4, 5
# outcomes and reasons: positions in result.OUTCOMES and result.REASONS
COMPLETED, REJECTED, TIMED_OUT, FAILED_OUT, UNFINISHED = 0, 1, 2, 3, 4
(R_NONE, R_NO_ROUTE, R_RATE_LIMITED, R_QUEUE_FULL, R_NO_CAPACITY, R_TOO_LONG, R_OUTAGE, R_API_ERROR, R_REPLICA_LOST, R_QUEUE_TIMEOUT,
 R_CLIENT_TIMEOUT, R_SPEND_CAP, R_HORIZON) = range(13)  # fmt: skip
# positions in result.COUNTERS
(N_ATTEMPTS, N_COMPLETED, N_THROTTLED, N_RETRIES, N_SPILLED, N_REFUSED, N_FAILED, N_TIMED_OUT, N_FALLBACK, N_PREEMPTIONS, N_STEPS,
 N_STEP_TOKENS, N_PREFILL_TOKENS, N_HIT_TOKENS, N_QUERIED_TOKENS, N_MET_SLO, N_CUT) = range(17)  # fmt: skip
NEVER = float("inf")
FAR = 1 << 60
# a timer's order key is phase * SERIALS + serial, what it means is kind * INDICES + index
SERIALS = 1 << 60
INDICES = 1 << 40
MAX_LIMITS = 12

GLOBAL = np.dtype(
    [
        ("now", "f8"), ("seed", "i8"), ("serial", "i8"), ("live", "i8"), ("row", "i8"), ("rows", "i8"), ("last_chunk", "i8"),
        ("timers", "i8"), ("free_slots", "i8"), ("free_airs", "i8"), ("next_tick", "f8"), ("n_log", "i8"), ("log_on", "i8"),
        ("broken", "i8"), ("window_s", "f8"), ("clock_offset_s", "f8"), ("cooldown_s", "f8"),
        ("ttft_slo_s", "f8"), ("tpot_slo_s", "f8"), ("timeline_s", "f8"), ("timeline_k", "i8"), ("n_replicas", "i8"),
        ("prefix_tokens", "i8"), ("arrived", "i8"), ("signal", "i8"), ("ring_most", "i8"), ("last_done", "f8"), ("last_move", "f8"),
        ("inv_log_growth", "f8"), ("hist_min_s", "f8"), ("tokens_issued", "i8"), ("least_end_s", "f8"),
        # closed loop
        ("closed", "i8"), ("sends", "i8"), ("think_s", "f8"), ("think_exponential", "i8"), ("send_until_s", "f8"),
    ],
    align=True,
)  # fmt: skip

DEPLOYMENT = np.dtype(
    [
        ("kind", "i8"), ("cooldown_until", "f8"),
        # pool
        ("rep0", "i8"), ("n_rep", "i8"), ("n_ready", "i8"), ("wanted", "i8"), ("zero_start", "i8"), ("routing", "i8"),
        ("last_chosen", "i8"), ("queue_limit", "i8"), ("gateway_limit", "i8"), ("gateway_n", "i8"), ("gateway_head", "i8"),
        ("gateway_tail", "i8"), ("queue_timeout_s", "f8"), ("blocks", "i8"), ("block_tokens", "i8"), ("watermark", "i8"),
        ("max_seqs", "i8"), ("budget", "i8"), ("max_len", "i8"), ("threshold", "i8"), ("adaptive", "i8"),
        ("reserve_full", "i8"), ("batching", "i8"), ("caching", "i8"), ("hit_rate", "f8"), ("c", "f8"), ("o", "f8"),
        ("f", "f8"), ("h", "f8"), ("knot0", "i8"), ("n_knots", "i8"), ("prompt_token_s", "f8"), ("front_end_s", "f8"),
        # api
        ("vendor", "i8"), ("lim0", "i8"), ("n_lim", "i8"), ("ttft0", "i8"), ("n_ttft", "i8"), ("tpot0", "i8"), ("n_tpot", "i8"),
        ("per_prompt_s", "f8"), ("hour_sigma", "f8"), ("error_rate", "f8"), ("slow", "f8"), ("outage", "i8"),
        ("refusal_s", "f8"), ("retry_after", "i8"), ("refused_counts", "i8"), ("default_max", "i8"), ("context", "i8"),
        ("rate0", "i8"), ("n_rates", "i8"), ("segment", "i8"), ("in_flight", "i8"), ("price_factor", "f8"),
        # autoscaler
        ("law", "i8"), ("metric", "i8"), ("target", "f8"), ("sync_s", "f8"), ("scrape_s", "f8"), ("average_s", "f8"),
        ("lag_s", "f8"), ("min_rep", "i8"), ("max_rep", "i8"), ("sync_k", "i8"), ("scrape_k", "i8"), ("offered", "i8"),
        ("samples", "i8"), ("sched0", "i8"), ("n_sched", "i8"),
        # timeline marks: cumulative counts at the last interval's end
        ("arrivals", "i8"), ("in_tokens", "i8"), ("out_tokens", "i8"), ("m_arrivals", "i8"), ("m_completed", "i8"),
        ("m_throttled", "i8"), ("m_in", "i8"), ("m_out", "i8"), ("m_busy", "f8"),
    ],
    align=True,
)  # fmt: skip

REPLICA = np.dtype(
    [
        ("dep", "i8"), ("index", "i8"), ("state", "i8"), ("doing", "i8"), ("t", "f8"), ("phase", "i8"), ("place", "i8"),
        ("n_run", "i8"), ("n_pre", "i8"), ("n_dec", "i8"), ("n_wait", "i8"), ("head", "i8"), ("tail", "i8"),
        ("wait_prompt", "i8"), ("n_ghost", "i8"), ("used", "i8"), ("dsteps", "i8"), ("pos_sum", "i8"), ("min_fin", "i8"),
        ("decoding", "i8"), ("t0", "f8"), ("a", "f8"), ("b", "f8"), ("j", "i8"), ("n", "i8"), ("steady", "i8"),
        ("step_tokens", "i8"), ("step_prefill", "i8"), ("busy_s", "f8"), ("seq_s", "f8"), ("kv_s", "f8"), ("since", "f8"),
        # prefix cache
        ("extent0", "i8"), ("extent_top", "i8"), ("extent_free", "i8"), ("bucket0", "i8"), ("n_buckets", "i8"), ("node0", "i8"),
        ("node_top", "i8"), ("node_free", "i8"), ("blank", "i8"), ("free_head", "i8"), ("free_tail", "i8"), ("entries", "i8"),
        ("twins", "i8"),
    ],
    align=True,
)  # fmt: skip

SLOT = np.dtype(
    [
        ("where", "i8"), ("row", "i8"), ("arrival", "f8"), ("prompt", "i8"), ("output", "i8"), ("asked", "i8"), ("cls", "i8"),
        ("client", "i8"), ("session", "i8"), ("cached", "i8"), ("max_tokens", "i8"), ("ids0", "i8"), ("n_ids", "i8"),
        ("rule", "i8"), ("target", "i8"), ("attempt", "i8"), ("token", "i8"), ("dep", "i8"), ("rep", "i8"), ("air", "i8"),
        ("prev", "i8"), ("next", "i8"), ("enqueued", "f8"), ("first", "f8"), ("decode", "i8"), ("computed", "i8"),
        ("made", "i8"), ("pos", "i8"), ("chunk", "i8"), ("started", "i8"), ("hit", "i8"), ("attempts", "i8"), ("retries", "i8"),
        ("throttled", "i8"), ("preemptions", "i8"), ("aborted", "i8"), ("node", "i8"), ("held", "i8"), ("keyed", "i8"),
        ("twin", "i8"),
    ],
    align=True,
)  # fmt: skip

LIMIT = np.dtype(
    [
        ("law", "i8"), ("unit", "i8"), ("limit", "f8"), ("window_s", "f8"), ("burst", "f8"), ("growth", "f8"),
        ("phase_s", "f8"), ("cached", "i8"), ("reserve", "i8"), ("multiplier", "f8"), ("silent", "i8"), ("level", "f8"),
        ("since", "f8"), ("index", "i8"), ("used", "f8"), ("before", "f8"), ("flight", "f8"), ("ring", "i8"), ("head", "i8"),
        ("n", "i8"),
    ],
    align=True,
)  # fmt: skip

RULE = np.dtype(
    [("target0", "i8"), ("n_targets", "i8"), ("min_prompt", "i8"), ("max_prompt", "i8"), ("share", "f8"), ("any_class", "i8")], align=True
)

TARGET = np.dtype(
    [
        ("dep", "i8"), ("passes", "i8"), ("max_wait_s", "f8"), ("retries", "i8"), ("base_s", "f8"), ("cap_s", "f8"),
        ("jitter", "f8"), ("jitter_add_s", "f8"), ("ra_max_s", "f8"), ("give_up", "i8"), ("retry_on", "i8"),
        ("timeout_s", "f8"),
    ],
    align=True,
)  # fmt: skip

AIR = np.dtype(
    [
        ("used", "i8"), ("dep", "i8"), ("slot", "i8"), ("serial", "i8"), ("first", "f8"), ("tpot", "f8"),
        ("end", "f8"), ("error", "i8"), ("prompt", "i8"), ("output", "i8"), ("cached", "i8"), ("cls", "i8"), ("client", "i8"),
        ("charge", "f8", (MAX_LIMITS,)), ("entry", "i8", (MAX_LIMITS,)),
    ],
    align=True,
)  # fmt: skip
"""One admitted attempt at an API until its settlement; `slot` is -1 once the client has given up on it."""

ROW = np.dtype(
    [
        ("id", "i8"), ("arrival", "f8"), ("prompt", "i8"), ("output", "i8"), ("cls", "i8"), ("client", "i8"), ("session", "i8"),
        ("cached", "i8"), ("max_tokens", "i8"), ("ids0", "i8"), ("n_ids", "i8"),
    ],
    align=True,
)  # fmt: skip

EXTENT = np.dtype(
    [
        ("key", "i8"), ("first", "i8"), ("n", "i8"), ("refs", "i8"), ("entered", "i8"), ("prev", "i8"), ("next", "i8"), ("chain", "i8"),
        ("node", "i8"),
    ],
    align=True,
)  # fmt: skip
"""A run of n cached KV blocks: key of their source, place of the first in the prompt, requests that hold it, serial of its entry, links of
the free queue, next in its hash bucket, first of the nodes that hold it."""

NODE = np.dtype([("extent", "i8"), ("before", "i8"), ("prev", "i8"), ("next", "i8")], align=True)
"""One entry of a request's block table, linked from its last back to its first (`before`) and to the others that hold the same extent."""


class State(ByReference):
    """All arrays of one run. Records are reached as `state.rep[r].n_run`, in plain Python and compiled alike."""

    g: Any
    dep: Any
    rep: Any
    slot: Any
    limit: Any
    rule: Any
    target: Any
    air: Any
    row: Any
    log: Any
    extent: Any
    node: Any
    rule_class: Any  # int8 [rules, classes]
    free_slot: Any  # int64 [slots]
    free_air: Any  # int64 [airs]
    heap_t: Any  # float64 [timers]
    heap_k: Any  # int64 [timers, 3]: order key, what (kind and index), token
    rheap: Any  # int64 [replicas]
    run_i: Any  # int64 [replicas, max_seqs]: running list, in order
    run_fin: Any  # int64 [replicas, max_seqs]: decode step at which each finishes
    pre: Any  # int64 [replicas, max_seqs]: those with prompt left, in running order
    residue: Any  # int64 [replicas, block_tokens]: decodes by (computed - decode steps) mod block_tokens
    knot: Any  # float64 [knots, 2]
    rate: Any  # float64 [rates, 4]: from_prompt_tokens, input, cached input, output USD per token
    ring: Any  # float64 [sliding limits, entries, 2]
    ids: Any  # int64: prefix block ids of the rows in memory
    bucket: Any  # int64: heads of hash buckets
    sample: Any  # float64 [deployments, samples]: scraped metric values
    setting: Any  # float64 [deployments, settings]: settings of the autoscaler's law
    memory: Any  # float64 [deployments, numbers]: memory of the autoscaler's law
    schedule: Any  # float64 [steps, 2]
    counter: Any  # int64 [deployments, counters]
    outcome: Any  # int64 [deployments + 1, classes, 5]
    reason: Any  # int64 [reasons]
    hist: Any  # int64 [3, deployments, classes, buckets]
    lat_sum: Any  # int64 [3, deployments, classes]
    lat_max: Any  # float64 [3, deployments, classes]
    met: Any  # int64 [deployments, classes]
    tokens: Any  # int64 [deployments, classes, 3, tiers, segments]
    api_requests: Any  # int64 [deployments, classes, segments]
    client_tokens: Any  # int64 [deployments, clients, 3]
    timeline: Any  # float64 [intervals, deployments, fields]

    fields = (
        "g", "dep", "rep", "slot", "limit", "rule", "target", "air", "row", "log", "extent", "node", "rule_class", "free_slot",
        "free_air", "heap_t", "heap_k", "rheap", "run_i", "run_fin", "pre", "residue", "knot", "rate", "ring", "ids", "bucket", "sample",
        "setting", "memory", "schedule", "counter", "outcome", "reason", "hist", "lat_sum", "lat_max", "met", "tokens", "api_requests",
        "client_tokens", "timeline",
    )  # fmt: skip
