"""Cached KV blocks in extents: where they are found, the queue of free ones, who holds them.

An extent is a run of cached blocks of one source (sim/engine/content.py) that are held by the same requests and, where nobody holds
them, lie one after the other in the free queue, the last block foremost. It is split where a request shares only some of its blocks,
and merged with the one behind when they become free one after the other. Of extents with the same block, that which `entered` first
has it first: one that would get a block later than a younger one has does not grow. Numbers of extents and nodes are positions
in the State's arrays.
"""

from __future__ import annotations

from sim.engine.compiled import compiled
from sim.engine.layout import State


@compiled
def find_extent(s: State, r: int, key: int, b: int) -> tuple[int, int]:
    """The cached extent that entered first of those with block b of this source, and the block up to which it stays so; else (-1, b)."""
    p = s.rep[r]
    spot = p.bucket0 + (key & (p.n_buckets - 1))
    best = -1
    others = 0
    x = s.bucket[spot]
    while x >= 0:
        k = s.extent[x]
        if k.key == key:
            others += 1
            if k.first <= b < k.first + k.n and (best < 0 or k.entered < s.extent[best].entered):
                best = x
        x = k.chain
    if best < 0:
        return -1, b
    entered = s.extent[best].entered
    end = s.extent[best].first + s.extent[best].n
    if others > 1:
        x = s.bucket[spot]
        while x >= 0:
            k = s.extent[x]
            if k.key == key and k.entered < entered and b < k.first < end:
                end = k.first
            x = k.chain
    return int(best), int(end)


@compiled
def leave_free_queue(s: State, r: int, x: int) -> None:
    """Take extent x out of the free queue, wherever it stands."""
    p = s.rep[r]
    k = s.extent[x]
    if k.prev >= 0:
        s.extent[k.prev].next = k.next
    else:
        p.free_head = k.next
    if k.next >= 0:
        s.extent[k.next].prev = k.prev
    else:
        p.free_tail = k.prev
    k.prev = -1
    k.next = -1


@compiled
def new_extent(s: State, r: int, key: int, first: int, n: int, entered: int) -> int:
    """An extent that can be found, held by nobody and not in the free queue."""
    p = s.rep[r]
    if p.extent_free >= 0:
        x = p.extent_free
        p.extent_free = s.extent[x].next
    else:
        x = p.extent0 + p.extent_top
        p.extent_top += 1
    k = s.extent[x]
    k.key = key
    k.first = first
    k.n = n
    k.refs = 0
    k.entered = entered
    k.node = -1
    k.prev = -1
    k.next = -1
    spot = p.bucket0 + (key & (p.n_buckets - 1))
    k.chain = s.bucket[spot]
    s.bucket[spot] = x
    return int(x)


@compiled
def drop_extent(s: State, r: int, x: int) -> None:
    """Forget a free extent."""
    p = s.rep[r]
    leave_free_queue(s, r, x)
    k = s.extent[x]
    spot = p.bucket0 + (k.key & (p.n_buckets - 1))
    y = s.bucket[spot]
    if y == x:
        s.bucket[spot] = k.chain
    else:
        while s.extent[y].chain != x:
            y = s.extent[y].chain
        s.extent[y].chain = k.chain
    k.next = p.extent_free
    p.extent_free = x


@compiled
def _merge(s: State, r: int, x: int) -> None:
    """Make one of extent x, the last of the free queue, and the one before it there, if that goes on where x ends.

    They stay two where an extent of the same source lies between them in age: which of equal blocks entered first must not change.
    """
    p = s.rep[r]
    k = s.extent[x]
    w = k.prev
    if w < 0 or s.extent[w].key != k.key or s.extent[w].first != k.first + k.n:
        return
    old = s.extent[w]
    if old.entered != k.entered:
        y = s.bucket[p.bucket0 + (k.key & (p.n_buckets - 1))]
        while y >= 0:
            z = s.extent[y]
            if z.key == k.key and y != x and y != w and z.first < old.first + old.n and z.first + z.n > old.first:
                if min(k.entered, old.entered) <= z.entered <= max(k.entered, old.entered):
                    return
            y = z.chain
    k.n += old.n
    drop_extent(s, r, w)


@compiled
def join_free_queue(s: State, r: int, x: int) -> None:
    """Put extent x, held by nobody any more, at the back of the free queue."""
    p = s.rep[r]
    k = s.extent[x]
    k.prev = p.free_tail
    k.next = -1
    if p.free_tail >= 0:
        s.extent[p.free_tail].next = x
    else:
        p.free_head = x
    p.free_tail = x
    _merge(s, r, x)


@compiled
def new_node(s: State, r: int, x: int, before: int) -> int:
    """An entry of a block table for extent x, after entry `before`."""
    p = s.rep[r]
    if p.node_free >= 0:
        y = p.node_free
        p.node_free = s.node[y].before
    else:
        y = p.node0 + p.node_top
        p.node_top += 1
    k = s.node[y]
    k.extent = x
    k.before = before
    k.prev = -1
    k.next = s.extent[x].node
    if k.next >= 0:
        s.node[k.next].prev = y
    s.extent[x].node = y
    return int(y)


@compiled
def drop_node(s: State, r: int, y: int) -> None:
    """Entry y of a block table is no more."""
    p = s.rep[r]
    k = s.node[y]
    if k.prev >= 0:
        s.node[k.prev].next = k.next
    else:
        s.extent[k.extent].node = k.next
    if k.next >= 0:
        s.node[k.next].prev = k.prev
    k.before = p.node_free
    p.node_free = y


@compiled
def split_extent(s: State, r: int, x: int, at: int) -> int:
    """Extent x keeps its blocks from `at` on. Those before become another, held by the same and next in the queue, which is returned."""
    p = s.rep[r]
    k = s.extent[x]
    n = at - k.first
    h = new_extent(s, r, k.key, k.first, n, k.entered)
    front = s.extent[h]
    front.refs = k.refs
    k.first = at
    k.n -= n
    if k.refs == 0:
        front.prev = x
        front.next = k.next
        if k.next >= 0:
            s.extent[k.next].prev = h
        else:
            p.free_tail = h
        k.next = h
    y = k.node
    while y >= 0:
        s.node[y].before = new_node(s, r, h, s.node[y].before)
        y = s.node[y].next
    return h


@compiled
def enters_last(s: State, r: int, x: int, b: int, upto: int) -> bool:
    """Whether of all extents of its source that have any of the blocks from b up to `upto`, extent x is younger than the others."""
    p = s.rep[r]
    key = s.extent[x].key
    entered = s.extent[x].entered
    y = s.bucket[p.bucket0 + (key & (p.n_buckets - 1))]
    while y >= 0:
        k = s.extent[y]
        if k.key == key and y != x and k.first < upto and k.first + k.n > b and k.entered >= entered:
            return False
        y = k.chain
    return True
