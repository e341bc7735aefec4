"""What the KV cache of a replica finds again: shared blocks of a published trace, counted from its ids alone, and earlier turns of a conversation."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from sim.engine.result import Result
from sim.engine.run import simulate
from sim.engine.system import Client, Pool, Replica, Rule, StepTime, System, Target
from sim.trace import Trace, read_trace
from sim.trace.closed_loop import ClosedLoop

MOONCAKE_BLOCK_TOKENS = 512
ROOMY = Replica(
    StepTime(1 / 1024, (1.0,), (0.0,)), blocks=1 << 23, max_num_seqs=4096, max_num_batched_tokens=1 << 24, max_model_len=1 << 20,
    prefix_caching="blocks",
)  # fmt: skip


def run(replica: Replica, trace: Trace, loop: ClosedLoop | None = None) -> Result:
    """One replica that takes everybody at once: the blocks of a request can be found as soon as it is admitted."""
    system = System((Pool("own", replica, 1, 1),), (Rule((Target(0, client=Client(retries=0)),)),))
    result = simulate(system, trace, log=True, closed_loop=loop)
    assert result.outcomes[..., 0].sum() == result.total == trace.info.rows
    return result


class Seen:
    """Every chain of ids so far, and how many tokens of its last block some prompt has held."""

    def __init__(self) -> None:
        self.tokens: dict[tuple[int, int], int] = {}
        self.number: dict[tuple[int, int], int] = {}

    def look_up(self, ids: list[int], prompt: int) -> tuple[int, int]:
        """(blocks, tokens) at the head of this prompt that a prompt before it had, too; from now on this prompt is one of those."""
        chain, found, blocks, tokens = -1, True, 0, 0
        for k, block in enumerate(ids):
            mine = min(MOONCAKE_BLOCK_TOKENS, prompt - k * MOONCAKE_BLOCK_TOKENS)
            before = self.tokens.get((chain, block), 0)
            blocks += found and before > 0
            tokens += min(mine, before) if found else 0
            found = found and before >= MOONCAKE_BLOCK_TOKENS
            self.tokens[chain, block] = max(mine, before)
            chain = self.number.setdefault((chain, block), len(self.number))
        return blocks, tokens


@pytest.fixture(scope="module")
def mooncake(shared_data: Path) -> Path:
    return shared_data / "traces" / "mooncake_synthetic.parquet"


@pytest.fixture(scope="module")
def shared_heads(mooncake: Path) -> list[tuple[int, int, int, int]]:
    """(blocks, prompt tokens, blocks seen before, tokens seen before) of each request."""
    seen = Seen()
    columns = pq.read_table(mooncake, columns=["prefix_block_ids", "prompt_tokens"]).to_pydict()
    rows = zip(columns["prefix_block_ids"], columns["prompt_tokens"], strict=True)
    return [(len(ids), prompt, *seen.look_up(ids, prompt)) for ids, prompt in rows]


def test_the_published_trace_shares_64_percent_of_its_blocks(shared_heads: list[tuple[int, int, int, int]]) -> None:
    assert round(sum(found for _, _, found, _ in shared_heads) / sum(blocks for blocks, *_ in shared_heads), 2) == 0.64


@pytest.mark.parametrize("block_tokens", [16, 512])
def test_an_unbounded_cache_finds_all_that_is_shared(
    mooncake: Path, shared_heads: list[tuple[int, int, int, int]], block_tokens: int
) -> None:
    """Whole blocks only, and never the whole prompt: its last token has to be computed for the first one of the answer."""
    result = run(replace(ROOMY, block_tokens=block_tokens), read_trace(mooncake))
    assert result.log is not None
    expected = [min(tokens, prompt - 1) // block_tokens * block_tokens for _, prompt, _, tokens in shared_heads]
    assert result.log["cached_tokens"].tolist() == expected
    assert result.counters["hit_tokens"][0] == sum(expected)
    assert result.counters["queried_tokens"][0] == sum(prompt for _, prompt, _, _ in shared_heads)
    of_all_blocks = sum(expected) / MOONCAKE_BLOCK_TOKENS / sum(blocks for blocks, *_ in shared_heads)
    assert of_all_blocks == pytest.approx(0.64, abs=0.005)  # a last block that is not full is found in part or not at all


def test_a_bounded_cache_finds_less_the_smaller_it_is(mooncake: Path) -> None:
    trace = read_trace(mooncake)
    hits = [
        run(replace(ROOMY, block_tokens=512, blocks=tokens // 512), trace).counters["hit_tokens"][0]
        for tokens in (1_000_000, 4_000_000, 10_000_000, 100_000_000)
    ]
    assert 0 < hits[0] < hits[1] < hits[2] < hits[3]


def test_a_conversation_finds_its_earlier_turns() -> None:
    """Turn by turn: all that was computed before, in whole blocks of 16; the last token of an answer never was."""
    turns = [("a", 100, 50), ("b", 100, 50), ("a", 180, 40), ("a", 300, 1), ("b", 150, 1), ("a", 301, 1)]
    trace = Trace.from_arrays(
        arrival_s=[0.0] * len(turns),
        prompt_tokens=[prompt for _, prompt, _ in turns],
        output_tokens=[output for _, _, output in turns],
        session_id=[session for session, _, _ in turns],
    )
    result = run(ROOMY, trace, ClosedLoop(1))
    assert result.log is not None
    expected, computed = [], dict.fromkeys("ab", 0)
    for session, prompt, output in turns:
        expected.append(min(computed[session], prompt - 1) // 16 * 16)
        computed[session] = prompt + output - 1
    assert expected == [0, 0, 144, 208, 144, 288]
    assert result.log["cached_tokens"].tolist() == expected
    assert run(replace(ROOMY, prefix_caching="off"), trace, ClosedLoop(1)).counters["hit_tokens"][0] == 0


def test_a_conversation_of_two_turns_at_once_shares_what_is_computed_in_time() -> None:
    """Both turns in one step: the second finds the blocks that the first has been given in that very step, as the pinned engine does."""
    turn = {"arrival_s": [0.0, 0.0], "prompt_tokens": [64, 96], "output_tokens": [4, 4]}
    result = run(ROOMY, Trace.from_arrays(**turn, session_id=["a", "a"]), ClosedLoop(2))
    assert result.log is not None
    assert result.log["cached_tokens"].tolist() == [0, 64]
    apart = run(ROOMY, Trace.from_arrays(**turn, session_id=["a", "b"]), ClosedLoop(2))
    assert apart.counters["hit_tokens"][0] == 0
