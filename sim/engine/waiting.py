"""Queues of live requests: first come, first served, linked through the slots. One a replica, and one a pool in front of its replicas."""

from __future__ import annotations

from sim.engine.compiled import compiled
from sim.engine.layout import GATEWAY, WAITING, State


@compiled
def append_waiting(s: State, r: int, i: int) -> None:
    """Put slot i at the end of replica r's waiting queue."""
    p = s.rep[r]
    q = s.slot[i]
    q.where = WAITING
    q.rep = r
    q.prev = p.tail
    q.next = -1
    if p.tail >= 0:
        s.slot[p.tail].next = i
    else:
        p.head = i
    p.tail = i
    p.n_wait += 1
    p.wait_prompt += q.prompt


@compiled
def prepend_waiting(s: State, r: int, i: int) -> None:
    """Put slot i at the front of replica r's waiting queue (a preempted request)."""
    p = s.rep[r]
    q = s.slot[i]
    q.where = WAITING
    q.next = p.head
    q.prev = -1
    if p.head >= 0:
        s.slot[p.head].prev = i
    else:
        p.tail = i
    p.head = i
    p.n_wait += 1
    p.wait_prompt += q.prompt


@compiled
def remove_waiting(s: State, r: int, i: int) -> None:
    """Take slot i out of replica r's waiting queue, wherever it stands."""
    p = s.rep[r]
    q = s.slot[i]
    if q.prev >= 0:
        s.slot[q.prev].next = q.next
    else:
        p.head = q.next
    if q.next >= 0:
        s.slot[q.next].prev = q.prev
    else:
        p.tail = q.prev
    q.prev = -1
    q.next = -1
    p.n_wait -= 1
    p.wait_prompt -= q.prompt


@compiled
def append_gateway(s: State, d: int, i: int) -> None:
    """Put slot i at the end of the queue in front of pool d."""
    p = s.dep[d]
    q = s.slot[i]
    q.where = GATEWAY
    q.prev = p.gateway_tail
    q.next = -1
    if p.gateway_tail >= 0:
        s.slot[p.gateway_tail].next = i
    else:
        p.gateway_head = i
    p.gateway_tail = i
    p.gateway_n += 1


@compiled
def remove_gateway(s: State, d: int, i: int) -> None:
    """Take slot i out of the queue in front of pool d."""
    p = s.dep[d]
    q = s.slot[i]
    if q.prev >= 0:
        s.slot[q.prev].next = q.next
    else:
        p.gateway_head = q.next
    if q.next >= 0:
        s.slot[q.next].prev = q.prev
    else:
        p.gateway_tail = q.prev
    q.prev = -1
    q.next = -1
    p.gateway_n -= 1
