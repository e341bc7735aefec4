"""What a request's KV blocks hold, as keys: equal content, equal keys, without looking at every block.

The blocks of a request follow one another in sources: all blocks of one block id, of its session, of its own prompt, of its own output,
each at most LONGEST blocks, and, where two of these meet inside a block, that block alone. The tokens of a source follow from where it
begins, so that it needs one key, chained over the sources before it. Two blocks hold equal tokens after equal tokens exactly if their
sources have one key and they stand at one place in their prompts.
"""

from __future__ import annotations

from sim.engine.compiled import compiled
from sim.engine.layout import State
from sim.engine.random import mix

LONGEST = 32
"""Blocks after which a new source begins all the same: a session that many requests cut in many places is then found among few extents."""


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
def _is_mixed(s: State, i: int, b: int, tokens: int) -> bool:
    """Whether block b (of `tokens` tokens) of slot i has tokens of more than one source."""
    lo = b * tokens
    hi = lo + tokens - 1
    kind = _token_kind(s, i, lo)
    width = s.g[0].prefix_tokens
    return bool(kind != _token_kind(s, i, hi) or (kind == 0 and lo // width != hi // width))


@compiled
def source_end(s: State, i: int, b: int, tokens: int) -> int:
    """The block after the last one of the source that block b of slot i is of."""
    if _is_mixed(s, i, b, tokens):
        return b + 1
    q = s.slot[i]
    kind = _token_kind(s, i, b * tokens)
    end = (b // LONGEST + 1) * LONGEST
    if kind == 0:
        width = s.g[0].prefix_tokens
        end = min(end, min((b * tokens // width + 1) * width, q.prompt) // tokens)
    elif kind == 2:
        end = min(end, q.prompt // tokens)
    return int(end)


@compiled
def source_key(s: State, i: int, b: int, tokens: int, before: int) -> int:
    """The key of the source that begins with block b of slot i, chained on the key of the source before it (0: none)."""
    key = mix(before, b)
    lo = b * tokens
    if not _is_mixed(s, i, b, tokens):
        return _token_key(s, i, lo, key)
    for p in range(lo, lo + tokens):
        key = _token_key(s, i, p, key)
    return key
