"""KV blocks of requests under prefix caching: what is found cached, what is taken and entered, what is given back.

The rules of vLLM 0.33.0's block pool (docs/vllm-scheduler.md), carried out on extents (sim/engine/extents.py), so that a prompt of a
thousand blocks costs what one of ten does. Free blocks without a key are only counted (`blank`): one is like another, and they are the
front of the free queue, since blocks with a key are always put at its back. Without prefix caching all blocks are only counted
(sim/engine/replica.py).
"""

from __future__ import annotations

from sim.engine.compiled import compiled
from sim.engine.content import source_end, source_key
from sim.engine.extents import (
    drop_extent,
    drop_node,
    enters_last,
    find_extent,
    join_free_queue,
    leave_free_queue,
    new_extent,
    new_node,
    split_extent,
)
from sim.engine.layout import State


@compiled
def count_hits(s: State, r: int, i: int, tokens: int, most: int) -> tuple[int, int]:
    """How many leading blocks of slot i are cached (at most `most`), and how many of those nobody holds."""
    key = 0
    unheld = 0
    b = 0
    end = 0
    while b < most:
        if b == end:
            key = source_key(s, i, b, tokens, key)
            end = source_end(s, i, b, tokens)
        x, upto = find_extent(s, r, key, b)
        if x < 0:
            break
        upto = min(upto, end, most)
        if s.extent[x].refs == 0:
            unheld += upto - b
        b = upto
    return b, unheld


@compiled
def take_hits(s: State, r: int, i: int, tokens: int, n: int) -> None:
    """Share the first n cached blocks with slot i."""
    p = s.rep[r]
    q = s.slot[i]
    key = 0
    b = 0
    end = 0
    while b < n:
        if b == end:
            key = source_key(s, i, b, tokens, key)
            end = source_end(s, i, b, tokens)
        x, upto = find_extent(s, r, key, b)
        upto = min(upto, end, n)
        if s.extent[x].first < b:
            split_extent(s, r, x, b)
        if s.extent[x].first + s.extent[x].n > upto:
            x = split_extent(s, r, x, upto)
        if s.extent[x].refs == 0:
            leave_free_queue(s, r, x)
            p.used += upto - b
        s.extent[x].refs += 1
        q.node = new_node(s, r, x, q.node)
        b = upto
    q.held = n
    q.keyed = n


@compiled
def _take_free(s: State, r: int, n: int) -> None:
    """Take n blocks from the front of the free queue: those without a key come first, then extents, each from its end."""
    p = s.rep[r]
    p.used += n
    blank = min(n, p.blank)
    p.blank -= blank
    n -= blank
    while n > 0:
        x = p.free_head
        k = s.extent[x]
        if k.n > n:
            k.n -= n
            return
        n -= k.n
        drop_extent(s, r, x)


@compiled
def _enter(s: State, r: int, i: int, key: int, b: int, upto: int) -> None:
    """Keys of slot i's blocks from b up to `upto`, all of one source, enter the cache: in its last extent or a new one."""
    p = s.rep[r]
    q = s.slot[i]
    if q.node >= 0:
        x = s.node[q.node].extent
        k = s.extent[x]
        if k.key == key and k.refs == 1 and enters_last(s, r, x, b, upto):
            k.n += upto - b
            return
    p.entries += 1
    x = new_extent(s, r, key, b, upto - b, p.entries)
    s.extent[x].refs = 1
    q.node = new_node(s, r, x, q.node)


@compiled
def extend_blocks(s: State, r: int, i: int, tokens: int, upto: int) -> None:
    """Give slot i blocks for `upto` tokens and enter the keys of those that `upto` tokens fill."""
    q = s.slot[i]
    need = (upto + tokens - 1) // tokens
    if need > q.held:
        _take_free(s, r, need - q.held)
        q.held = need
    full = upto // tokens
    b = q.keyed
    if full <= b:
        return
    key = 0
    end = b
    if b > 0:
        key = s.extent[s.node[q.node].extent].key
        end = source_end(s, i, b - 1, tokens)
    while b < full:
        if b == end:
            key = source_key(s, i, b, tokens, key)
            end = source_end(s, i, b, tokens)
        here = min(full, end)
        _enter(s, r, i, key, b, here)
        b = here
    q.keyed = full


@compiled
def extend_decodes(s: State, r: int, k: int) -> None:
    """Blocks for k more decode steps of replica r's batch: step by step for twins alone, whose keys must enter in that order."""
    p = s.rep[r]
    size = s.dep[p.dep].block_tokens
    for x in range(p.n_run):
        i = s.run_i[r, x]
        q = s.slot[i]
        if not q.twin:
            extend_blocks(s, r, i, size, q.pos + p.dsteps + k)
    if p.twins == 0:
        return
    for step in range(1, k + 1):
        for x in range(p.n_run):
            i = s.run_i[r, x]
            q = s.slot[i]
            tokens = q.pos + p.dsteps + step
            if q.twin and (tokens % size <= 1 or size == 1):
                extend_blocks(s, r, i, size, tokens)


@compiled
def release_blocks(s: State, r: int, i: int) -> None:
    """Give back slot i's blocks, last to first: those without a key to the front of the free queue, the others to its back."""
    p = s.rep[r]
    q = s.slot[i]
    p.used -= q.held - q.keyed
    p.blank += q.held - q.keyed
    y = q.node
    while y >= 0:
        x = s.node[y].extent
        before = s.node[y].before
        drop_node(s, r, y)
        k = s.extent[x]
        k.refs -= 1
        if k.refs == 0:
            p.used -= k.n
            join_free_queue(s, r, x)
        y = before
    q.node = -1
    q.held = 0
    q.keyed = 0
    p.twins -= q.twin
    q.twin = 0


@compiled
def mark_twins(s: State, r: int, i: int) -> None:
    """Mark slot i, about to run, and those running that are of its session as twins: they generate the same tokens (docs/engine.md)."""
    p = s.rep[r]
    q = s.slot[i]
    if q.session < 0:
        return
    for x in range(p.n_run):
        other = s.slot[s.run_i[r, x]]
        if other.session == q.session:
            p.twins += 2 - q.twin - other.twin
            q.twin = 1
            other.twin = 1


@compiled
def clear_cache(s: State, r: int) -> None:
    """Make replica r's blocks as new: all free, no keys."""
    p = s.rep[r]
    for x in range(p.bucket0, p.bucket0 + p.n_buckets):
        s.bucket[x] = -1
    p.blank = s.dep[p.dep].blocks
    p.free_head = -1
    p.free_tail = -1
    p.extent_top = 0
    p.extent_free = -1
    p.node_top = 0
    p.node_free = -1
    p.entries = 0
    p.twins = 0
