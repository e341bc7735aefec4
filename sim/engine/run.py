"""simulate(): one trace through one system. Pure: same arguments, same rows; nothing is printed or written."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

import numpy as np

from sim.engine import layout as L
from sim.engine.advance import GIVE_UP_S, advance, short_of_room
from sim.engine.api import settle_air
from sim.engine.clients import start_clients
from sim.engine.control import Control
from sim.engine.demand import expand_demand, most_copies
from sim.engine.layout import State
from sim.engine.record import close_request
from sim.engine.replica import reset_replica, stop_work
from sim.engine.result import COUNTERS, LOG_DTYPE, Life, Result
from sim.engine.state import build_state, load_rows, make_room, records
from sim.engine.system import Event, System
from sim.engine.ticks import find_next_tick, look
from sim.errors import InputError
from sim.trace.closed_loop import ClosedLoop

CHUNK_ROWS = 65536


class Chunk(Protocol):
    """A batch of rows of a trace (sim/trace): plain arrays of one length, block ids ragged by offsets."""

    first_row: int
    arrival_s: Any
    prompt_tokens: Any
    output_tokens: Any
    class_id: Any
    client_id: Any
    session_id: Any
    cached_tokens: Any
    max_tokens: Any
    block_offsets: Any
    block_ids: Any


class Source(Protocol):
    """What simulate() needs of a Trace."""

    @property
    def info(self) -> Any: ...

    @property
    def classes(self) -> tuple[str, ...]: ...

    @property
    def clients(self) -> tuple[str, ...]: ...

    @property
    def prefix_block_tokens(self) -> int: ...

    def chunks(self, rows: int = CHUNK_ROWS) -> Iterator[Chunk]: ...


class InvariantError(AssertionError):
    """The engine broke one of its own laws: a bug, with the simulated time in the message."""


def simulate(
    system: System, trace: Source, *, seed: int = 0, events: Sequence[Event] = (), until_s: float = math.inf, log: bool = False,
    timeline_s: float = 60.0, chunk_rows: int = CHUNK_ROWS, progress: Callable[[float], None] | None = None,
    closed_loop: ClosedLoop | None = None,
) -> Result:  # fmt: skip
    """Replay `trace` through `system` (docs/engine.md) until nothing is left to do, or until `until_s`.

    `log` keeps a row a request, `timeline_s` is the length in seconds of the timeline's intervals (0: no timeline), `progress` is called
    with the simulated time now and then. With a `closed_loop`, or in a trace that says it is one, its clients send the rows of the trace,
    whose arrival times are not looked at. Raises InputError for a demand event in a closed loop, InvariantError where the engine breaks
    its own laws, which is a bug.
    """
    closed_loop = closed_loop or getattr(trace, "closed_loop", None)
    demand = [e for e in events if e.kind == "demand_factor"]
    control_events = [e for e in events if e.kind != "demand_factor"]
    segments = 1 + 2 * sum(e.kind == "price_change" for e in control_events)
    if demand and closed_loop is not None:
        raise InputError(
            "event: kind: found 'demand_factor' with a closed loop of clients, which has no rate of its own; set another number of clients"
        )
    # a closed loop ends when its clients do: nothing is cut at a window before that is known
    window_s, least_end_s = (float(trace.info.duration_s),) * 2 if closed_loop is None else (math.inf, 0.0)
    state = build_state(
        system, classes=max(len(trace.classes), 1), clients=len(trace.clients), seed=seed, window_s=window_s,
        least_end_s=least_end_s, log=log, timeline_s=timeline_s,
        prefix_tokens=trace.prefix_block_tokens, segments=segments,
    )  # fmt: skip
    for r in range(int(state.g[0].n_replicas)):
        reset_replica(state, r)
    find_next_tick(state)
    if closed_loop is not None:
        state = start_clients(state, closed_loop, int(trace.info.rows))
    control = Control(system, state, control_events, seed)
    rows = _row_batches(trace, chunk_rows, demand, seed)
    logs: list[np.ndarray[Any, Any]] = []
    clock = control.clock
    after_end_s = math.nextafter(until_s, math.inf)
    cut = False
    while True:
        until = min(clock.peek(), after_end_s)
        now, reason = advance(control.state, until)
        if control.state.g[0].broken:
            raise InvariantError(f"at {now} s: a decoding sequence was left out of a step")
        if reason == L.REACHED:
            while clock.peek() == until and until < math.inf:
                clock.step()
            if until >= after_end_s:
                cut = True
                break
        elif reason == L.NEED_ROWS:
            batch, ids, last = next(rows)
            control.state = load_rows(control.state, batch, ids, last)
            if progress is not None:
                progress(now)
        elif reason == L.NEED_ROOM:
            _empty_log(control.state, logs)
            control.state = make_room(control.state)
            if short_of_room(control.state):
                raise InvariantError(f"at {now} s: arrays could not be grown")
        elif reason in (L.WANTED, L.DRAINED):
            clock.call(now, control.carry_out)
        elif math.isfinite(least_end_s) and clock.peek() <= max(least_end_s, now):
            clock.step()
        else:
            break
    if closed_loop is not None:
        window_s = _makespan(control.state, until_s, cut=cut)
    return _result(control, logs, window_s, until_s, log=log, clients=len(trace.clients))


def _row_batches(trace: Source, chunk_rows: int, demand: Sequence[Event], seed: int) -> Iterator[tuple[Any, Any, bool]]:
    """The trace as records for the data plane; an empty last batch ends it."""
    held: tuple[Any, Any] | None = None
    for chunk in trace.chunks(max(1, int(chunk_rows / most_copies(demand)))):
        n = len(chunk.arrival_s)
        rows = records(n, L.ROW)[:n]
        rows.id = chunk.first_row + np.arange(n)
        rows.arrival = chunk.arrival_s
        rows.prompt, rows.output = chunk.prompt_tokens, chunk.output_tokens
        rows.cls, rows.client, rows.session = chunk.class_id, chunk.client_id, chunk.session_id
        rows.cached, rows.max_tokens = chunk.cached_tokens, chunk.max_tokens
        rows.ids0, rows.n_ids = chunk.block_offsets[:-1], np.diff(chunk.block_offsets)
        ids = np.asarray(chunk.block_ids, np.int64)
        if not demand:
            yield rows, ids, False
            continue
        if held is not None:
            yield expand_demand(held[0], demand, seed, float(rows.arrival[0])), held[1], False
        held = rows, ids
    if held is not None:
        yield expand_demand(held[0], demand, seed, float(held[0].arrival[-1])), held[1], False
    yield records(1, L.ROW)[:0], np.zeros(0, np.int64), True


def _empty_log(s: State, logs: list[np.ndarray[Any, Any]]) -> None:
    g = s.g[0]
    if g.n_log:
        logs.append(np.array(s.log[: g.n_log]).view(np.ndarray))
        g.n_log = 0


def _in_order(logs: list[np.ndarray[Any, Any]]) -> np.ndarray[Any, Any]:
    """The log in order of the rows of the trace, moved as bytes: numpy takes records field by field."""
    if not logs:
        return np.zeros(0, LOG_DTYPE)
    rows = np.concatenate(logs)
    order = np.argsort(rows["row"], kind="stable")
    return np.take(rows.view(np.uint8).reshape(len(rows), LOG_DTYPE.itemsize), order, axis=0).view(LOG_DTYPE).reshape(len(rows))


def _close_open_requests(s: State) -> None:
    """The end: live requests are unfinished; what is still on its way to an API's settlement is billed."""
    for y in np.flatnonzero(s.air.used):
        a = s.air[int(y)]
        settle_air(s, int(y), float(a.end), 0 if a.error else int(a.output), not a.error)
    for i in np.flatnonzero((s.slot.where != L.FREE) & (s.slot.where != L.GHOST)):
        close_request(s, int(i), L.UNFINISHED, L.R_HORIZON, math.nan)


def _makespan(s: State, until_s: float, *, cut: bool) -> float:
    """What a closed loop's result is taken over: until the last outcome, until the cut, or until those that nothing moves are given up.

    The last does not go by the last event: that may be a look of the timeline, whose intervals are the caller's choice.
    """
    g = s.g[0]
    return float(until_s if cut else g.last_move + GIVE_UP_S if g.live else g.last_done)


def _result(control: Control, logs: list[np.ndarray[Any, Any]], window_s: float, until_s: float, *, log: bool, clients: int) -> Result:
    s = control.state
    g = s.g[0]
    end_s = float(until_s if g.live and math.isfinite(until_s) else min(g.now, until_s))
    while log and g.n_log + g.live + 2 > len(s.log):
        _empty_log(s, logs)
        s = control.state = s.replace(log=records(2 * len(s.log), LOG_DTYPE))
    last_s = max(end_s, min(window_s, until_s))
    if g.timeline_s > 0.0 and last_s > g.timeline_k * g.timeline_s:
        # the interval that was cut short by the end
        s = control.state = make_room(s)
        look(s, int(g.timeline_k), last_s)
        g.timeline_k += 1
    n_rep = int(g.n_replicas)
    deployments = len(s.dep)
    busy = np.zeros(deployments)
    sequence = np.zeros(deployments)
    kv = np.zeros(deployments)
    for r in range(n_rep):
        stop_work(s, r, end_s)
        p = s.rep[r]
        busy[p.dep] += p.busy_s
        sequence[p.dep] += p.seq_s
        kv[p.dep] += p.kv_s
    _close_open_requests(s)
    control.finish(last_s)
    _empty_log(s, logs)
    rows = _in_order(logs)
    total = int(g.arrived)
    if int(s.outcome.sum()) != total:
        raise InvariantError(f"at {end_s} s: {total} requests arrived, {int(s.outcome.sum())} have an outcome")
    return Result(
        window_s=window_s, end_s=float(g.last_done), total=total, outcomes=s.outcome, reasons=s.reason, histogram=s.hist,
        latency_sum_ns=s.lat_sum,
        latency_max_s=s.lat_max, met_slo=s.met, counters={name: s.counter[:, i].copy() for i, name in enumerate(COUNTERS)}, tokens=s.tokens,
        api_requests=s.api_requests, client_tokens=s.client_tokens[:, :clients], busy_s=busy,
        sequence_s=sequence, kv_token_s=kv,
        ready_s=_within(control.lives, deployments, window_s, ready=True), present_s=_within(control.lives, deployments,
        window_s, ready=False),
        lives=control.lives, happenings=control.happenings, timeline_s=float(g.timeline_s), timeline=s.timeline[: int(g.timeline_k)].copy(),
        price_steps=control.price_steps, log=rows if log else None,
    )  # fmt: skip


def _within(lives: list[Life], deployments: int, window_s: float, *, ready: bool) -> np.ndarray[Any, np.dtype[np.float64]]:
    total = np.zeros(deployments)
    for life in lives:
        start = life.ready_s if ready else life.start_s
        if not math.isnan(start):
            total[life.deployment] += max(0.0, min(life.end_s, window_s) - min(start, window_s))
    return total
