"""Build the State of a run from a System, and grow its arrays when they are nearly full."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from sim.engine import layout as L
from sim.engine.autoscalers import LAWS, WIDTH, memory_of, settings_of
from sim.engine.layout import State
from sim.engine.result import COUNTERS, HIST_BUCKETS, HIST_GROWTH, HIST_MIN_S, LOG_DTYPE, REASONS, TIMELINE_FIELDS
from sim.engine.system import Api, Client, Fault, Pool, System

_FAULTS = ("none", "429", "5xx", "timeout")
_LAWS = ("token_bucket", "fixed_window", "sliding_window", "concurrency", "acceleration")
_UNITS = ("requests", "input_tokens", "output_tokens", "total_tokens", "usd")
_ROUTING = ("round_robin", "least_outstanding", "least_kv", "session_affinity")
_BATCHING = ("continuous", "prefill_first", "static")
_CACHING = ("off", "given", "blocks")
_RETRY_AFTER = ("none", "seconds", "milliseconds")
_METRICS = ("waiting", "concurrency", "kv", "busy", "rps")
SAMPLES = 4096


def records(n: int, dtype: np.dtype[Any]) -> Any:
    """n zeroed records whose fields are attributes, in plain Python and compiled alike."""
    return np.zeros(max(n, 1), dtype).view(np.recarray)


def build_state(
    system: System,
    *,
    classes: int,
    clients: int,
    seed: int,
    window_s: float,
    least_end_s: float,
    log: bool,
    timeline_s: float,
    prefix_tokens: int,
    segments: int,
) -> State:
    """The State at time 0: initial replicas ready, limits full, nothing arrived."""
    n_dep = len(system.deployments)
    pools = [d for d in system.deployments if isinstance(d, Pool)]
    n_rep = sum(p.replicas for p in pools)
    max_seqs = max((p.replica.max_num_seqs for p in pools), default=1)
    size = max((p.replica.block_tokens for p in pools), default=1)
    limits = [x for d in system.deployments if isinstance(d, Api) for x in d.limits]
    sliding = sum(x.law == "sliding_window" for x in limits)
    targets = [t for rule in system.rules for t in rule.targets]
    knots: list[tuple[float, float]] = []
    rates: list[tuple[float, float, float, float]] = []
    schedule: list[tuple[float, float]] = []
    tiers = max([len(d.rates) for d in system.deployments if isinstance(d, Api)], default=1)
    named = [p for p in pools if p.replica.prefix_caching == "blocks"]
    slots = 4096

    g = records(1, L.GLOBAL)
    dep = records(n_dep, L.DEPLOYMENT)
    rep = records(n_rep, L.REPLICA)
    lim = records(len(limits), L.LIMIT)
    rule = np.zeros(len(system.rules), L.RULE).view(np.recarray)
    target = records(len(targets), L.TARGET)
    rule_class = np.zeros((max(len(system.rules), 1), classes), np.int8)
    setting = np.zeros((n_dep, WIDTH))
    memory = np.zeros((n_dep, max((memory_of(p.autoscaler) for p in pools), default=1)))
    blocks_total = sum(p.replica.blocks * p.replicas for p in named)
    buckets_total = sum(_bucket_count(p) * p.replicas for p in named)
    nodes_total = sum(_node_count(p) * p.replicas for p in named)

    at_rep = at_lim = at_ring = at_extent = at_bucket = at_node = 0
    for d, one in enumerate(system.deployments):
        k = dep[d]
        k.cooldown_until = -math.inf
        k.price_factor = 1.0
        if isinstance(one, Pool):
            r = one.replica
            k.kind = L.POOL
            k.rep0, k.n_rep = at_rep, one.replicas
            k.n_ready = k.wanted = one.initial_replicas
            k.zero_start = one.autoscaler.min_replicas == 0 and one.autoscaler.law in ("keda", "knative")
            k.routing = _ROUTING.index(one.routing)
            k.last_chosen = -1
            k.queue_limit, k.gateway_limit = one.queue_limit, one.gateway_queue_limit
            k.gateway_head = k.gateway_tail = -1
            k.queue_timeout_s = one.queue_timeout_s
            k.blocks, k.block_tokens, k.watermark = r.blocks, r.block_tokens, r.watermark_blocks
            k.max_seqs, k.budget, k.max_len = r.max_num_seqs, r.max_num_batched_tokens, r.max_model_len
            k.threshold, k.adaptive, k.reserve_full = r.long_prefill_threshold, r.long_prefill_adaptive, r.reserve_full_prompt
            k.batching, k.caching, k.hit_rate = _BATCHING.index(r.batching), _CACHING.index(r.prefix_caching), r.hit_rate
            k.c, k.o, k.f, k.h = r.step.c_s, r.step.o_s, r.step.f_s, r.step.h_s
            k.knot0, k.n_knots = len(knots), len(r.step.g_tokens)
            knots += zip(r.step.g_tokens, r.step.g_s, strict=True)
            k.prompt_token_s = (r.step.c_s + _g(r.step.g_tokens, r.step.g_s, k.budget) + r.step.o_s) / k.budget
            k.front_end_s = one.front_end_s
            a = one.autoscaler
            k.law, k.metric, k.target = LAWS.index(a.law), _METRICS.index(a.metric), a.target
            k.sync_s, k.scrape_s, k.average_s, k.lag_s = a.sync_s, a.scrape_s, a.average_s, a.lag_s
            k.min_rep, k.max_rep = a.min_replicas, min(a.max_replicas, one.replicas)
            k.sched0, k.n_sched = len(schedule), len(a.schedule)
            schedule += [(t, float(n)) for t, n in a.schedule]
            setting[d, :] = settings_of(a)
            for x in range(one.replicas):
                p = rep[at_rep]
                p.dep, p.index, p.state = d, x, (L.READY if x < one.initial_replicas else L.OFF)
                if r.prefix_caching == "blocks":
                    p.extent0, p.bucket0, p.n_buckets, p.node0 = at_extent, at_bucket, _bucket_count(one), at_node
                    at_extent += r.blocks
                    at_bucket += p.n_buckets
                    at_node += _node_count(one)
                at_rep += 1
        else:
            k.kind = L.API
            k.vendor = one.vendor
            k.lim0, k.n_lim = at_lim, len(one.limits)
            k.ttft0, k.n_ttft = len(knots), len(one.ttft_z)
            knots += zip(one.ttft_z, one.ttft_ln_s, strict=True)
            k.tpot0, k.n_tpot = len(knots), len(one.tpot_z)
            knots += zip(one.tpot_z, one.tpot_ln_s, strict=True)
            k.per_prompt_s, k.hour_sigma = one.ttft_per_prompt_token_s, one.hour_sigma
            k.error_rate, k.slow, k.refusal_s = one.error_rate, 1.0, one.refusal_s
            k.retry_after, k.refused_counts = _RETRY_AFTER.index(one.retry_after), one.refused_counts
            k.default_max, k.context = one.default_max_tokens, one.context_tokens
            k.rate0, k.n_rates = len(rates), len(one.rates)
            rates += [(float(x.from_prompt_tokens), x.input_usd, x.cached_input_usd, x.output_usd) for x in one.rates]
            for one_limit in one.limits:
                y = lim[at_lim]
                y.law, y.unit = _LAWS.index(one_limit.law), _UNITS.index(one_limit.unit)
                y.limit, y.window_s, y.burst, y.growth = one_limit.limit, one_limit.window_s, one_limit.burst, one_limit.growth
                y.phase_s, y.cached, y.reserve = one_limit.phase_s, one_limit.counts_cached, one_limit.reserves_max_tokens
                y.multiplier, y.silent = one_limit.output_multiplier, one_limit.no_retry_after
                y.level = one_limit.burst
                y.index = math.floor(one_limit.phase_s / one_limit.window_s)
                if one_limit.law == "sliding_window":
                    y.ring = at_ring
                    at_ring += 1
                at_lim += 1
    at_target = 0
    for x, one_rule in enumerate(system.rules):
        rule[x].target0, rule[x].n_targets = at_target, len(one_rule.targets)
        rule[x].min_prompt, rule[x].max_prompt, rule[x].share = one_rule.min_prompt_tokens, one_rule.max_prompt_tokens, one_rule.share
        rule[x].any_class = not one_rule.classes
        for c in one_rule.classes:
            if c < classes:
                rule_class[x, c] = 1
        for t in one_rule.targets:
            y = target[at_target]
            y.dep, y.passes, y.max_wait_s = t.deployment, _mask(t.passes_on), t.max_wait_s
            _set_client(y, t.client)
            at_target += 1

    g[0].seed, g[0].window_s, g[0].timeline_s = seed, window_s, timeline_s
    g[0].least_end_s = least_end_s
    g[0].clock_offset_s, g[0].cooldown_s = system.clock_offset_s, system.cooldown_s
    g[0].ttft_slo_s, g[0].tpot_slo_s = system.ttft_slo_s, system.tpot_slo_s
    g[0].prefix_tokens, g[0].n_replicas, g[0].log_on = prefix_tokens, n_rep, log
    g[0].hist_min_s, g[0].inv_log_growth = HIST_MIN_S, 1.0 / math.log(HIST_GROWTH)
    g[0].next_tick = math.inf
    g[0].free_slots = g[0].free_airs = slots
    rep.t = math.inf
    rep.phase = L.PHASE_TIMER
    rep.place = np.arange(len(rep))
    return State(
        g=g, dep=dep, rep=rep, slot=records(slots, L.SLOT), limit=lim, rule=rule, target=target, air=records(slots, L.AIR),
        row=records(1, L.ROW),
        log=records(65536 if log else 1, LOG_DTYPE), extent=records(blocks_total, L.EXTENT), node=records(nodes_total, L.NODE),
        rule_class=rule_class, free_slot=np.arange(slots)[::-1].copy(), free_air=np.arange(slots)[::-1].copy(),
        heap_t=np.zeros(8 * slots), heap_k=np.zeros((8 * slots, 3), np.int64), rheap=np.arange(max(n_rep, 1)),
        run_i=np.zeros((max(n_rep, 1), max_seqs), np.int64), run_fin=np.zeros((max(n_rep, 1), max_seqs), np.int64),
        pre=np.zeros((max(n_rep, 1), max_seqs), np.int64), residue=np.zeros((max(n_rep, 1), size), np.int64),
        knot=np.array(knots or [(0.0, 0.0)]), rate=np.array(rates or [(0.0, 0.0, 0.0, 0.0)]),
        ring=np.zeros((max(sliding, 1), slots + 1024 if sliding else slots + 16, 2)), ids=np.zeros(1, np.int64),
        bucket=np.full(max(buckets_total, 1), -1, np.int64), sample=np.zeros((n_dep, SAMPLES)), setting=setting,
        memory=memory,
        schedule=np.array(schedule or [(0.0, 0.0)]), counter=np.zeros((n_dep, len(COUNTERS)), np.int64),
        outcome=np.zeros((n_dep + 1, classes, 5), np.int64), reason=np.zeros(len(REASONS), np.int64),
        hist=np.zeros((3, n_dep, classes, HIST_BUCKETS), np.int64), lat_sum=np.zeros((3, n_dep, classes), np.int64),
        lat_max=np.zeros((3, n_dep, classes)), met=np.zeros((n_dep, classes), np.int64),
        tokens=np.zeros((n_dep, classes, 3, tiers, segments), np.int64), api_requests=np.zeros((n_dep, classes, segments), np.int64),
        client_tokens=np.zeros((n_dep, max(clients, 1), 3), np.int64),
        timeline=np.zeros((_intervals(window_s, timeline_s), n_dep, len(TIMELINE_FIELDS))),
    )  # fmt: skip


def _intervals(window_s: float, timeline_s: float) -> int:
    return int(window_s / timeline_s) + 64 if timeline_s > 0 and math.isfinite(window_s) else 64


def _bucket_count(pool: Pool) -> int:
    """A power of two, at least the number of blocks."""
    return 1 << (pool.replica.blocks - 1).bit_length()


def _node_count(pool: Pool) -> int:
    """Most entries of block tables at once: every running sequence at full length (untouched memory costs nothing)."""
    longest = min(-(-pool.replica.max_model_len // pool.replica.block_tokens), pool.replica.blocks)
    return pool.replica.max_num_seqs * longest + pool.replica.blocks


def _g(tokens: tuple[float, ...], seconds: tuple[float, ...], x: float) -> float:
    if len(tokens) == 1 or x <= tokens[0]:
        return seconds[0]
    i = min(int(np.searchsorted(tokens, x, side="right")), len(tokens) - 1)
    return seconds[i - 1] + (seconds[i] - seconds[i - 1]) * (x - tokens[i - 1]) / (tokens[i] - tokens[i - 1])


def _mask(faults: tuple[Fault, ...]) -> int:
    return sum(1 << _FAULTS.index(fault) for fault in faults)


def _set_client(y: Any, c: Client) -> None:
    y.retries, y.base_s, y.cap_s, y.jitter, y.jitter_add_s = c.retries, c.base_s, c.cap_s, c.jitter, c.jitter_add_s
    y.ra_max_s, y.give_up, y.timeout_s = c.retry_after_max_s, c.give_up_above, c.timeout_s
    y.retry_on = _mask(c.retry_on)


def _longer(old: Any, n: int) -> Any:
    new = np.zeros((n, *old.shape[1:]), old.dtype)
    if isinstance(old, np.recarray):
        new = new.view(np.recarray)
    new[: len(old)] = old
    return new


def make_room(s: State) -> State:
    """Double whatever is nearly full; the log, which the caller empties first, must hold every live request at least."""
    g = s.g[0]
    live = int(g.live)
    while g.log_on and g.n_log + live + 2 > len(s.log):
        s = s.replace(log=_longer(s.log, 2 * len(s.log)))
    if g.free_slots < 2:
        n = len(s.slot)
        free = _longer(s.free_slot, 2 * n)
        free[g.free_slots : g.free_slots + n] = np.arange(2 * n - 1, n - 1, -1)
        g.free_slots += n
        s = s.replace(slot=_longer(s.slot, 2 * n), free_slot=free)
    while g.free_airs <= live:
        n = len(s.air)
        free = _longer(s.free_air, 2 * n)
        free[g.free_airs : g.free_airs + n] = np.arange(2 * n - 1, n - 1, -1)
        g.free_airs += n
        s = s.replace(air=_longer(s.air, 2 * n), free_air=free)
    while g.timers + 4 * live + 8 > len(s.heap_t):
        n = 2 * len(s.heap_t)
        s = s.replace(heap_t=_longer(s.heap_t, n), heap_k=_longer(s.heap_k, n))
    if g.ring_most + live + 2 > s.ring.shape[1]:
        s = _longer_rings(s, 2 * (int(g.ring_most) + live + 2))
    if g.timeline_k + 1 >= len(s.timeline):
        s = s.replace(timeline=_longer(s.timeline, 2 * len(s.timeline)))
    return s


def _longer_rings(s: State, size: int) -> State:
    """Lay the sliding logs out anew in longer rings; entries keep their numbers."""
    old = s.ring.shape[1]
    most = max((int(k.n) for k in s.limit if k.law == L.SLIDING), default=0)
    s.g[0].ring_most = most
    if most + int(s.g[0].live) + 2 <= old:
        return s
    ring = np.zeros((len(s.ring), size, 2))
    for k in s.limit:
        if k.law == L.SLIDING:
            numbers = np.arange(k.head, k.head + k.n)
            ring[k.ring, numbers % size] = s.ring[k.ring, numbers % old]
    longer: State = s.replace(ring=ring)
    return longer


def load_rows(s: State, rows: Any, ids: np.ndarray[Any, np.dtype[np.int64]], last: bool) -> State:
    """Put the next rows of the trace in memory; prefix ids of live requests move to the front of the ids."""
    g = s.g[0]
    kept: list[np.ndarray[Any, np.dtype[np.int64]]] = []
    at = 0
    if len(s.ids) > 1:
        for i in np.flatnonzero((s.slot.where != L.FREE) & (s.slot.n_ids > 0)):
            q = s.slot[i]
            kept.append(s.ids[q.ids0 : q.ids0 + q.n_ids].copy())
            q.ids0 = at
            at += int(q.n_ids)
    if at or len(ids):
        rows.ids0 += at
        s = s.replace(ids=np.concatenate([*kept, ids, np.zeros(1, np.int64)]))
    g.row, g.rows, g.last_chunk = 0, len(rows), last
    loaded: State = s.replace(row=rows)
    return loaded
