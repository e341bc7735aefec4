"""The cases recorded from vLLM's scheduler, by name."""

from __future__ import annotations

from tests.tools.vllm_traces import Case, exactly, grid, hashed, joined, plain, sessions, shared, some

CHAT = some(220, 1.0, 4000)
ANSWER = some(120, 0.8, 900)
SHORT = some(60, 0.7, 300)
LONG = some(6000, 0.5, 16000)

# One line a case, to be read as a table.
# fmt: off
CASES: dict[str, Case] = {
    "light": Case("seldom more than two at a time", plain(60, 1, CHAT, ANSWER), 4001, steps=True),
    "saturated": Case("more work than a batch of 64 can do", plain(300, 60, CHAT, ANSWER), 20001, max_num_seqs=64, max_num_batched_tokens=2048),
    "saturated-1000": Case("a thousand requests, all limits wide", plain(1000, 60, CHAT, ANSWER), 60001, "70b"),
    "kv-mild": Case("the pool now and then full", plain(250, 14, CHAT, ANSWER), 901, max_num_batched_tokens=2048),
    "kv-severe": Case("the pool full all the time", plain(250, 40, CHAT, ANSWER), 401, max_num_batched_tokens=2048),
    "kv-thrash": Case("short prompts, long outputs, a pool for three of them", plain(80, 20, SHORT, some(400, 0.4, 900)), 101, max_num_seqs=64, max_num_batched_tokens=512, steps=True),
    "kv-1000": Case("a thousand requests in a full pool", plain(1000, 50, CHAT, ANSWER), 1201, "70b", max_num_batched_tokens=2048),
    "whole-pool": Case("some requests need every block there is", joined(plain(30, 2, exactly(400), exactly(113, 80)), plain(30, 2, exactly(472), exactly(41)), plain(40, 4, SHORT, some(60, 0.7, 200))), 33, max_num_seqs=8, max_num_batched_tokens=512, steps=True),
    "long-prompts": Case("prompts over many steps beside decodes", joined(plain(30, 1, LONG, SHORT), plain(120, 4, CHAT, ANSWER)), 6001, max_num_seqs=64, max_num_batched_tokens=512),
    "long-prompts-full": Case("long prompts in a pool for two of them", joined(plain(30, 2, LONG, SHORT), plain(90, 6, CHAT, ANSWER)), 1401, "70b", max_num_seqs=64, max_num_batched_tokens=2048),
    "first-chunk-gate": Case("admitted by the first chunk alone: prompts preempt prompts", joined(plain(40, 2, LONG, SHORT), plain(90, 6, CHAT, ANSWER)), 1401, "70b", max_num_seqs=64, max_num_batched_tokens=512, scheduler_reserve_full_isl=False),
    "threshold": Case("long prompts cut at 256 tokens", joined(plain(30, 2, LONG, SHORT), plain(120, 8, CHAT, ANSWER)), 3001, max_num_seqs=8, max_num_batched_tokens=2048, long_prefill_token_threshold=256, steps=True),
    "threshold-adaptive": Case("the cut floored at a fair share", joined(plain(40, 2, LONG, SHORT), plain(120, 8, CHAT, ANSWER)), 6001, max_num_seqs=64, max_num_batched_tokens=2048, long_prefill_token_threshold=64, long_prefill_token_threshold_adaptive=True),
    "threshold-full": Case("cut prompts in a full pool", joined(plain(40, 4, LONG, SHORT), plain(150, 15, CHAT, ANSWER)), 1201, max_num_batched_tokens=2048, long_prefill_token_threshold=512),
    "threshold-lone": Case("a lone long prompt is not cut", plain(60, 0.9, LONG, SHORT), 6001, "70b", max_num_seqs=8, max_num_batched_tokens=2048, long_prefill_token_threshold=256),
    "one-token-outputs": Case("prefill only", plain(200, 20, CHAT, exactly(1)), 1001, max_num_batched_tokens=2048),
    "one-token-prompts": Case("decode only", plain(200, 16, exactly(1), ANSWER), 121, max_num_seqs=64, max_num_batched_tokens=64),
    "one-and-one": Case("one token in, one out", plain(100, 400, exactly(1), exactly(1, 1, 2)), 65, max_num_seqs=8, max_num_batched_tokens=64, steps=True),
    "all-at-once": Case("every request at 0", plain(200, 1, CHAT, ANSWER, group=200), 1501, max_num_batched_tokens=2048),
    "groups-of-20": Case("twenty at a time", plain(240, 1, CHAT, ANSWER, group=20), 1001, max_num_seqs=64),
    "ties": Case("arrivals exactly at step ends", grid(120, 3, exactly(1, 15, 16, 17, 40, 100), exactly(1, 2, 16, 17, 33)), 26, "second", max_num_seqs=8, max_num_batched_tokens=64, steps=True),
    "equal-steps": Case("a constant step; blocks just full", plain(200, 12, exactly(16, 32, 48, 160), exactly(1, 16, 17, 32, 33, 65)), 41, "flat", max_num_seqs=64, max_num_batched_tokens=512),
    "one-seq": Case("one sequence at a time", plain(60, 1, CHAT, SHORT), 401, max_num_seqs=1, max_num_batched_tokens=512),
    "two-seqs": Case("two sequences at a time", plain(80, 3, CHAT, SHORT), 401, max_num_seqs=2, max_num_batched_tokens=16),
    "budget-16": Case("sixteen tokens a step", plain(100, 2, SHORT, SHORT), 201, max_num_seqs=16, max_num_batched_tokens=16, steps=True),
    "budget-64": Case("64 tokens a step, steps that grow with context", plain(150, 4, CHAT, SHORT), 401, "context", max_num_seqs=64, max_num_batched_tokens=64),
    "watermark-2": Case("2 % of the blocks kept free", plain(250, 30, CHAT, ANSWER), 600, max_num_batched_tokens=2048, watermark=0.02),
    "watermark-15": Case("15 % of the blocks kept free", plain(200, 30, CHAT, ANSWER), 402, max_num_batched_tokens=512, watermark=0.15),
    "watermark-idle": Case("the watermark counts only beside others: prompts that it would shut out alone", joined(plain(60, 1, exactly(600, 700), some(60, 0.7, 200), group=2), plain(80, 4, SHORT, some(60, 0.7, 200))), 62, max_num_seqs=8, max_num_batched_tokens=512, watermark=0.3, steps=True),
    "block-32": Case("blocks of 32 tokens", plain(200, 25, CHAT, ANSWER), 301, max_num_batched_tokens=2048, block_size=32),
    "context-limit": Case("outputs that would pass the longest sequence", plain(120, 10, some(300, 0.6, 700), some(300, 0.8, 2000)), 301, max_num_batched_tokens=512, max_model_len=768),
    "cache-system-prompt": Case("common beginnings, a wide pool", shared(250, 20, 3, 12, 1, CHAT, ANSWER, 16), 20001, max_num_batched_tokens=2048, enable_prefix_caching=True),
    "cache-tree": Case("a tree of beginnings, eviction", shared(250, 12, 2, 30, 2, SHORT, SHORT, 16), 251, max_num_seqs=64, max_num_batched_tokens=512, enable_prefix_caching=True),
    "cache-tree-full": Case("a tree of beginnings, preemption and a watermark", shared(200, 30, 2, 20, 2, SHORT, ANSWER, 16), 181, max_num_batched_tokens=2048, enable_prefix_caching=True, watermark=0.05),
    "cache-same-step": Case("equal prompts in one step", shared(160, 2, 2, 8, 1, exactly(1, 16, 20), SHORT, 16, group=16), 301, max_num_seqs=64, max_num_batched_tokens=512, enable_prefix_caching=True, steps=True),
    "cache-all-hit": Case("the whole prompt in the cache: its last block again", shared(120, 10, 1, 20, 1, exactly(0), SHORT, 16), 201, max_num_seqs=8, enable_prefix_caching=True),
    "cache-512": Case("trace blocks of 512 tokens, the last cut short", hashed(150, 4, 4, some(2500, 0.7, 8000), SHORT, 512), 2001, "70b", max_num_seqs=64, max_num_batched_tokens=2048, enable_prefix_caching=True, prefix_block_tokens=512),
    "cache-40": Case("trace blocks of 40 tokens, not a multiple of the engine's 16", hashed(200, 20, 3, CHAT, SHORT, 40), 401, max_num_batched_tokens=512, enable_prefix_caching=True, prefix_block_tokens=40),
    "cache-block-32": Case("blocks of 32 tokens, trace blocks of 16", shared(200, 20, 2, 20, 2, SHORT, ANSWER, 16), 121, max_num_batched_tokens=512, block_size=32, enable_prefix_caching=True),
    "cache-sessions": Case("conversations, a wide pool", sessions(240, 4, 6, CHAT, SHORT, ANSWER, 8), 20001, max_num_batched_tokens=2048, enable_prefix_caching=True),
    "cache-sessions-evict": Case("conversations, eviction between the turns", sessions(240, 5, 6, CHAT, SHORT, ANSWER, 6), 701, max_num_batched_tokens=2048, enable_prefix_caching=True),
    "cache-sessions-full": Case("conversations, preemption", sessions(200, 15, 5, CHAT, SHORT, ANSWER, 3), 301, max_num_batched_tokens=512, enable_prefix_caching=True, watermark=0.01),
    "cache-sessions-1000": Case("a thousand turns", sessions(1000, 12, 8, CHAT, SHORT, ANSWER, 10), 1501, "70b", max_num_batched_tokens=2048, enable_prefix_caching=True),
    "cache-sessions-system": Case("conversations under one system prompt", sessions(200, 5, 5, SHORT, SHORT, ANSWER, 6, system=9), 501, max_num_batched_tokens=2048, enable_prefix_caching=True, long_prefill_token_threshold=128),
    "cache-sessions-overlap": Case("turns that do not wait for the answer", sessions(160, 20, 8, SHORT, SHORT, ANSWER, 0.5), 401, max_num_batched_tokens=512, enable_prefix_caching=True),
    "cache-watermark-idle": Case("a lone conversation takes the blocks that the watermark keeps", sessions(120, 1.5, 6, exactly(200), SHORT, some(60, 0.7, 200), 4), 121, max_num_seqs=8, max_num_batched_tokens=512, enable_prefix_caching=True, watermark=0.5),
    "cache-adaptive": Case("the cut applies to what is left after the hit", joined(sessions(120, 6, 6, CHAT, SHORT, SHORT, 4), plain(30, 2, LONG, SHORT)), 1301, max_num_batched_tokens=1024, enable_prefix_caching=True, long_prefill_token_threshold=32, long_prefill_token_threshold_adaptive=True),
    "cache-unique": Case("nothing shared: preempted requests hit their own blocks", plain(200, 40, CHAT, ANSWER), 301, max_num_batched_tokens=2048, enable_prefix_caching=True),
    "cache-unique-first-chunk": Case("chunked prompts preempted half way hit what they had", joined(plain(40, 3, LONG, SHORT), plain(90, 9, CHAT, ANSWER)), 1101, "70b", max_num_seqs=64, max_num_batched_tokens=512, enable_prefix_caching=True, scheduler_reserve_full_isl=False),
    "sessions-cache-off": Case("conversations without caching", sessions(200, 4, 5, CHAT, SHORT, ANSWER, 6), 701, max_num_batched_tokens=2048),
}
# fmt: on
