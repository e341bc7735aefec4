"""The requests of a workload specification of BLIS: arrivals on a clock that runs while a client is active, and lengths by its laws."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.errors import InputError
from sim.sampling import stream
from sim.trace.arrivals import Clock, arrival_times
from sim.trace.columns import Floats, Ints
from sim.trace.formats.blis_workload import Sender, Workload, class_of, prefix_tokens
from sim.trace.recipe import MOST_ROWS, Poisson, Renewal

if TYPE_CHECKING:
    import pyarrow as pa

_LEAST_BLOCK_TOKENS = 16
"""Of a prefix: the block of engines; smaller parts of a prefix are never shared."""
_SPREAD = 6.0
"""Standard deviations by which a clock is longer than the requests wanted would need on average."""


def requests_of(workload: Workload, senders: list[Sender], rates: Floats) -> tuple[pa.Table, dict[str, str]]:
    """The requests in order of arrival as native columns, and facts for the metadata."""
    import pyarrow as pa

    end_s = _end(workload, senders, rates)
    expected = sum(
        clock.total * rate for clock, rate in ((_clock(sender, end_s), rate) for sender, rate in zip(senders, rates, strict=True))
    )
    if expected > 2 * MOST_ROWS:
        raise InputError(f"the specification makes about {expected:,.0f} requests; at most {MOST_ROWS:,} are made: say num_requests")
    times = [_times(workload, sender, rate, end_s, at) for at, (sender, rate) in enumerate(zip(senders, rates, strict=True))]
    arrival = np.concatenate(times)
    of = np.repeat(np.arange(len(senders)), [len(each) for each in times])
    order = np.argsort(arrival, kind="stable")[: workload.num_requests or MOST_ROWS]
    arrival, of = np.round(arrival[order], 6), of[order]
    prompt, output = np.zeros(len(of), np.int64), np.zeros(len(of), np.int64)
    groups = prefix_tokens(senders)
    prefix = np.array([groups.get(sender.source.prefix_group, 0) for sender in senders])
    for at, rows in enumerate(_rows_of(of, len(senders))):
        if len(rows):
            prompt[rows] = senders[at].source.input_distribution.sample(stream(workload.seed, "blis/input", at), len(rows)) + prefix[at]
            output[rows] = senders[at].source.output_distribution.sample(stream(workload.seed, "blis/output", at), len(rows))
    columns: dict[str, Any] = {"arrival_s": arrival, "prompt_tokens": prompt, "output_tokens": output}
    for name, texts in (
        ("class", [class_of(workload, sender.source) for sender in senders]),
        ("client_id", [sender.name or None for sender in senders]),
    ):
        if any(texts):
            columns[name] = pa.array(texts, pa.string()).take(pa.array(of))
    facts = {"sim.seed": str(workload.seed), "sim.arrivals": "synthetic"}
    if workload.horizon and len(of) < (workload.num_requests or math.inf):
        facts["sim.duration_s"] = repr(workload.horizon * 1e-6)
    if groups:
        block = max(math.gcd(*groups.values()), _LEAST_BLOCK_TOKENS)
        columns["prefix_block_ids"] = _blocks(senders, groups, block, of)
        facts["sim.prefix_block_tokens"] = str(block)
    return pa.table(columns), facts


def _end(workload: Workload, senders: list[Sender], rates: Floats) -> float:
    """Until when requests are made: the horizon, else until there are as many as wanted, or nobody is active any more."""
    if workload.horizon:
        return workload.horizon * 1e-6
    wanted = workload.num_requests + _SPREAD * math.sqrt(workload.num_requests) * (1.0 + _most_spread(workload)) + 100.0
    last = max((window[1] for sender in senders for window in sender.windows), default=0.0)
    always = float(sum(rate for sender, rate in zip(senders, rates, strict=True) if not sender.windows))
    until_s = wanted / always if always else last
    if last and always:
        active = sum(_clock(sender, last).total * rate for sender, rate in zip(senders, rates, strict=True))
        until_s = last if active >= wanted else max(last, last + (wanted - active) / always)
    return float(until_s)


def _most_spread(workload: Workload) -> float:
    return max((source.arrival.cv or 1.0 for source in (*workload.clients, *workload.cohorts) if source.arrival), default=1.0)


def _clock(sender: Sender, end_s: float) -> Clock:
    """One request a second while the sender is active, none else."""
    if not sender.windows:
        return Clock(np.array([0.0, end_s]), np.ones(1))
    inner = {edge for window in sender.windows for edge in window if 0.0 < edge < end_s}
    edges = np.array(sorted({0.0, end_s, *inner}))
    middles = (edges[1:] + edges[:-1]) / 2
    active = np.zeros(len(middles))
    for start, end in sender.windows:
        active[(middles >= start) & (middles < end)] = 1.0
    return Clock(edges, active)


def _times(workload: Workload, sender: Sender, rate: float, end_s: float, at: int) -> Floats:
    clock = _clock(sender, end_s)
    process = sender.source.arrival
    if process is None or clock.total <= 0:
        return np.zeros(0)
    if process.process == "constant":
        return clock.times(np.arange(1, math.floor(clock.total * rate) + 1) / rate)
    law = Poisson() if process.process == "poisson" else Renewal(process=process.process, cv=process.cv or 1.0)
    return arrival_times(law, clock, rate, stream(workload.seed, "blis/arrivals", at))


def _rows_of(of: Ints, number: int) -> list[Ints]:
    """The rows of each sender, in order of arrival."""
    order = np.argsort(of, kind="stable")
    return np.split(order, np.searchsorted(of[order], np.arange(1, number)))


def _blocks(senders: list[Sender], groups: dict[str, int], block: int, of: Ints) -> pa.Array:
    """Equal ids for the whole blocks of a group's prefix."""
    import pyarrow as pa

    ids, first = {}, 0
    for group, tokens in groups.items():
        ids[group] = list(range(first, first + tokens // block))
        first += tokens // block
    lists = pa.array([ids.get(sender.source.prefix_group, []) for sender in senders], pa.list_(pa.int32()))
    return lists.take(pa.array(of))
