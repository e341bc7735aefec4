"""KV blocks under prefix caching: content keys, the hash of cached blocks, the free queue, and a request's block table.

The rules of vLLM 0.33.0's block pool (docs/vllm-scheduler.md). Without prefix caching blocks are only counted (sim/engine/replica.py).
Block and node numbers are positions in the State's arrays; 0 as a content key means none.
"""

from __future__ import annotations

from sim.engine.compiled import compiled
from sim.engine.layout import State
from sim.engine.random import mix


@compiled
def _token_key(s: State, i: int, p: int, key: int) -> int:
    """Chain the identity of the token at position p of slot i onto a key."""
    q = s.slot[i]
    width = s.g[0].prefix_tokens
    if p < q.prompt and p // width < q.n_ids:
        return mix(mix(key, s.ids[q.ids0 + p // width]), p % width)
    if q.session >= 0:
        return mix(mix(key, q.session), -2 - p)
    own = mix(mix(key, -2 - q.row), p)
    return mix(own, q.attempts) if p >= q.prompt else own


@compiled
def _token_kind(s: State, i: int, p: int) -> int:
    """What identifies the token at position p of slot i: 0 a block id, 1 its session, 2 its own prompt, 3 its own output."""
    q = s.slot[i]
    if p < q.prompt and p // s.g[0].prefix_tokens < q.n_ids:
        return 0
    if q.session >= 0:
        return 1
    return 2 if p < q.prompt else 3


@compiled
def content_key(s: State, i: int, b: int, tokens: int, before: int) -> int:
    """The key of block b (of `tokens` tokens) of slot i, chained on the key of the block before it (0 for the first).

    Tokens of one kind follow from the first of them, so a block of one kind (and of one block id) is chained once; a mixed one
    token by token.
    """
    lo = b * tokens
    hi = lo + tokens - 1
    kind = _token_kind(s, i, lo)
    width = s.g[0].prefix_tokens
    if kind == _token_kind(s, i, hi) and (kind != 0 or lo // width == hi // width):
        return _token_key(s, i, lo, before) + 1
    key = before
    for p in range(lo, hi + 1):
        key = _token_key(s, i, p, key)
    return key + 1


@compiled
def find_cached(s: State, r: int, key: int) -> int:
    """The cached block with this key that entered first, or -1."""
    p = s.rep[r]
    x = s.bucket[p.bucket0 + key % p.n_buckets]
    best = -1
    while x >= 0:
        if s.block[x].key == key and (best < 0 or s.block[x].entered < s.block[best].entered):
            best = x
        x = s.block[x].chain
    return best


@compiled
def count_hits(s: State, r: int, i: int, tokens: int, most: int) -> tuple[int, int]:
    """How many leading blocks of slot i are cached (at most `most`), and how many of those nobody holds."""
    key = 0
    unheld = 0
    for b in range(most):
        key = content_key(s, i, b, tokens, key)
        x = find_cached(s, r, key)
        if x < 0:
            return b, unheld
        if s.block[x].refs == 0:
            unheld += 1
    return most, unheld


@compiled
def _leave_free_queue(s: State, r: int, x: int) -> None:
    p = s.rep[r]
    k = s.block[x]
    if k.prev >= 0:
        s.block[k.prev].next = k.next
    else:
        p.free_head = k.next
    if k.next >= 0:
        s.block[k.next].prev = k.prev
    else:
        p.free_tail = k.prev
    k.prev = -1
    k.next = -1


@compiled
def _forget_key(s: State, r: int, x: int) -> None:
    p = s.rep[r]
    k = s.block[x]
    if k.key == 0:
        return
    spot = p.bucket0 + k.key % p.n_buckets
    y = s.bucket[spot]
    if y == x:
        s.bucket[spot] = k.chain
    else:
        while s.block[y].chain != x:
            y = s.block[y].chain
        s.block[y].chain = k.chain
    k.chain = -1
    k.key = 0


@compiled
def _push_node(s: State, r: int, i: int, x: int, key: int) -> None:
    p = s.rep[r]
    q = s.slot[i]
    if p.node_free >= 0:
        y = p.node_free
        p.node_free = s.node[y].before
    else:
        y = p.node0 + p.node_top
        p.node_top += 1
    s.node[y].block = x
    s.node[y].key = key
    s.node[y].before = q.node
    q.node = y
    q.held += 1


@compiled
def take_hits(s: State, r: int, i: int, tokens: int, n: int) -> None:
    """Share the first n cached blocks with slot i."""
    p = s.rep[r]
    key = 0
    for b in range(n):
        key = content_key(s, i, b, tokens, key)
        x = find_cached(s, r, key)
        if s.block[x].refs == 0:
            _leave_free_queue(s, r, x)
            p.used += 1
        s.block[x].refs += 1
        _push_node(s, r, i, x, key)
    s.slot[i].keyed = n


@compiled
def extend_blocks(s: State, r: int, i: int, tokens: int, upto: int) -> None:
    """Give slot i blocks for `upto` tokens and enter the keys of those that `upto` tokens fill."""
    p = s.rep[r]
    q = s.slot[i]
    need = (upto + tokens - 1) // tokens
    while q.held < need:
        x = p.free_head
        _leave_free_queue(s, r, x)
        _forget_key(s, r, x)
        s.block[x].refs = 1
        p.used += 1
        before = 0 if q.node < 0 else s.node[q.node].key
        _push_node(s, r, i, x, content_key(s, i, q.held, tokens, before))
    full = upto // tokens
    if full > q.keyed:
        y = q.node
        for b in range(q.held - 1, q.keyed - 1, -1):
            if b < full:
                x = s.node[y].block
                k = s.block[x]
                k.key = s.node[y].key
                p.entries += 1
                k.entered = p.entries
                spot = p.bucket0 + k.key % p.n_buckets
                k.chain = s.bucket[spot]
                s.bucket[spot] = x
            y = s.node[y].before
        q.keyed = full


@compiled
def release_blocks(s: State, r: int, i: int) -> None:
    """Give back slot i's blocks, last to first: those without a key to the front of the free queue, the others to its back."""
    p = s.rep[r]
    q = s.slot[i]
    front = -1
    y = q.node
    while y >= 0:
        x = s.node[y].block
        k = s.block[x]
        k.refs -= 1
        if k.refs == 0:
            p.used -= 1
            if k.key == 0:
                k.prev = front
                if front < 0:
                    k.next = p.free_head
                    p.free_head = x
                else:
                    k.next = s.block[front].next
                    s.block[front].next = x
                if k.next >= 0:
                    s.block[k.next].prev = x
                else:
                    p.free_tail = x
                front = x
            else:
                k.next = -1
                k.prev = p.free_tail
                if p.free_tail >= 0:
                    s.block[p.free_tail].next = x
                else:
                    p.free_head = x
                p.free_tail = x
        before = s.node[y].before
        s.node[y].before = p.node_free
        p.node_free = y
        y = before
    q.node = -1
    q.held = 0
    q.keyed = 0


@compiled
def clear_cache(s: State, r: int) -> None:
    """Make replica r's blocks as new: all free, no keys."""
    p = s.rep[r]
    n = s.dep[p.dep].blocks
    for x in range(p.blk0, p.blk0 + n):
        k = s.block[x]
        k.key = 0
        k.refs = 0
        k.prev = x - 1 if x > p.blk0 else -1
        k.next = x + 1 if x < p.blk0 + n - 1 else -1
        k.chain = -1
    for x in range(p.bucket0, p.bucket0 + p.n_buckets):
        s.bucket[x] = -1
    p.free_head = p.blk0
    p.free_tail = p.blk0 + n - 1
    p.node_top = 0
    p.node_free = -1
    p.entries = 0
