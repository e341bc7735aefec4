"""The replica oracle on cases small enough to work out by hand from docs/engine.md section 5."""

import pytest

from sim.engine.system import Replica, StepTime
from tests.oracles.kv import Blocks, Contents
from tests.oracles.replica import ReplicaOracle, Work, g, replay

ONE_SECOND = StepTime(1.0, (1.0,), (0.0,))


def spec(**changes):
    settings = {"step": ONE_SECOND, "blocks": 100, "block_tokens": 4, "reserve_full_prompt": False} | changes
    return Replica(**settings)


def own(row):
    return lambda p: (row, p)


def test_g_is_flat_below_its_first_knot_linear_between_and_goes_on_with_its_last_slope():
    step = StepTime(0.0, (2.0, 4.0, 8.0), (1.0, 2.0, 6.0))
    assert [g(step, tokens) for tokens in (1, 2, 3, 4, 6, 8, 10)] == [1.0, 1.0, 1.5, 2.0, 4.0, 6.0, 8.0]


def test_a_request_alone_takes_its_prefill_chunks_and_then_one_step_a_token():
    work = Work(0, prompt=10, output=3)
    replay(spec(max_num_batched_tokens=4), [(0.5, work)])
    # Chunks of 4, 4 and 2 tokens: the third gives the first token; two decodes follow.
    assert (work.first_token_s, work.finish_s) == (3.5, 5.5)


def test_step_time_counts_tokens_sequences_context_and_attention():
    step = StepTime(1.0, (0.0, 1.0), (0.0, 10.0), o_s=100.0, f_s=1000.0, h_s=10000.0)
    work = Work(0, prompt=3, output=3)
    replay(spec(step=step), [(0.0, work)])
    prefill = 1 + 30 + 100 + 10000 * (3 * 1.5)
    assert work.first_token_s == prefill
    # The two decodes have contexts 3 and 4.
    assert work.finish_s == prefill + 2 * (1 + 10 + 100) + 1000 * (3 + 4)


def test_arrivals_during_a_step_join_the_next_and_all_share_the_budget():
    first, second, third = (Work(i, prompt=6, output=2) for i in range(3))
    replay(spec(max_num_batched_tokens=8), [(0.0, first), (0.25, second), (0.5, third)])
    # Step 2: 1 decode, 6 of the second, 1 of the third; step 3: second decodes, third's other 5.
    assert (first.first_token_s, first.finish_s) == (1.0, 2.0)
    assert (second.first_token_s, second.finish_s) == (2.0, 3.0)
    assert (third.first_token_s, third.finish_s) == (3.0, 4.0)


def test_no_more_than_max_num_seqs_run():
    works = [Work(i, prompt=1, output=2) for i in range(3)]
    replay(spec(max_num_seqs=2), [(0.0, work) for work in works])
    assert [work.finish_s for work in works] == [2.0, 2.0, 4.0]


def test_the_last_running_is_preempted_recomputed_and_first_in_line():
    # Blocks of 4 tokens, 4 of them: prompts of 7 take 2 blocks each; at token 9 the first needs a third.
    first, second, third = Work(0, prompt=7, output=4), Work(1, prompt=7, output=4), Work(2, prompt=1, output=1)
    replay(spec(blocks=4), [(0.0, first), (0.0, second), (0.5, third)])
    assert [work.preemptions for work in (first, second, third)] == [0, 1, 0]
    # Steps 1 and 2 give two tokens each; step 3 preempts the second and admits nobody; step 4: the second needs 3 blocks, one is free.
    assert (first.finish_s, second.finish_s) == (4.0, 6.0)
    assert third.finish_s == 5.0


def test_the_watermark_holds_only_while_something_runs():
    works = [Work(i, prompt=4, output=2) for i in range(2)]
    replay(spec(blocks=4, watermark_blocks=3), [(0.0, work) for work in works])
    assert [work.finish_s for work in works] == [2.0, 4.0]


@pytest.mark.parametrize(("reserve", "seen"), [(False, 2.0), (True, 3.0)])
def test_a_whole_prompt_may_have_to_fit_before_its_first_chunk(reserve, seen):
    first, second = Work(0, prompt=6, output=2), Work(1, prompt=12, output=1)
    replica = ReplicaOracle(spec(blocks=4, max_num_batched_tokens=8, reserve_full_prompt=reserve))
    now, end = 0.0, None
    replica.add(first, now)
    replica.add(second, now)
    admitted = None
    while second not in replica.running or admitted is None:
        end = replica.start(now)
        if second in replica.running:
            admitted = end
            break
        replica.end(end)
        now = end
    # Not reserved: two of its tokens still go into the first step. Reserved: it waits until the first is done.
    assert admitted == (1.0 if not reserve else seen)


def test_long_prompts_give_way_only_when_others_are_there():
    alone = Work(0, prompt=16, output=1)
    replay(spec(long_prefill_threshold=4), [(0.0, alone)])
    assert alone.finish_s == 1.0
    long, short = Work(0, prompt=16, output=1), Work(1, prompt=1, output=5)
    replay(spec(long_prefill_threshold=4), [(0.0, long), (0.0, short)])
    assert long.finish_s == 4.0
    adaptive = Work(0, prompt=16, output=1), Work(1, prompt=1, output=5)
    replay(spec(long_prefill_threshold=4, long_prefill_adaptive=True, max_num_batched_tokens=16), [(0.0, work) for work in adaptive])
    assert adaptive[0].finish_s == 2.0


def test_static_batching_admits_only_into_an_empty_replica():
    works = [Work(0, prompt=1, output=3), Work(1, prompt=1, output=1), Work(2, prompt=1, output=1)]
    replay(spec(batching="static"), [(0.0, works[0]), (0.0, works[1]), (0.5, works[2])])
    assert [work.finish_s for work in works] == [3.0, 1.0, 4.0]


def test_prefill_first_stops_the_decodes_for_a_prefill():
    works = [Work(0, prompt=1, output=3), Work(1, prompt=6, output=1)]
    replay(spec(batching="prefill_first", max_num_batched_tokens=4), [(0.0, works[0]), (1.5, works[1])])
    # Step 2 decodes; steps 3 and 4 are the second's chunks alone; step 5 decodes again.
    assert (works[0].first_token_s, works[0].finish_s, works[1].finish_s) == (1.0, 5.0, 4.0)


def test_given_hits_count_whole_blocks_below_the_last_prompt_token_and_only_once():
    work = Work(0, prompt=9, output=1, given=9)
    replay(spec(prefix_caching="given", max_num_batched_tokens=1), [(0.0, work)])
    assert (work.cached, work.finish_s) == (8, 1.0)


def test_equal_contents_are_shared_from_the_step_that_fills_their_block():
    def shared(p):
        return "s", p

    works = [
        Work(0, prompt=9, output=1, token=shared),
        Work(1, prompt=9, output=1, token=shared),
        Work(2, prompt=8, output=1, token=shared),
    ]
    replay(spec(prefix_caching="blocks"), [(0.0, work) for work in works])
    # The third may not hit its last token, so only one of its two blocks counts.
    assert [work.cached for work in works] == [0, 8, 4]


def test_a_preempted_request_finds_its_own_blocks_again():
    first, second = Work(0, prompt=7, output=4, token=own(0)), Work(1, prompt=7, output=4, token=own(1))
    replica = spec(blocks=4, prefix_caching="blocks")
    replay(replica, [(0.0, first), (0.0, second)])
    assert second.preemptions == 1
    assert second.cached == 0
    assert second.finish_s == 6.0


def test_free_blocks_without_a_key_are_taken_before_cached_ones_and_the_oldest_cached_first():
    blocks, contents = Blocks(6), Contents()
    first, second = blocks.take(3), blocks.take(2)
    keys = [contents.number(-1, i) for i in range(3)]
    blocks.enter(first[0], keys[0])
    blocks.enter(first[1], keys[1])
    blocks.enter(second[0], keys[2])
    blocks.release(first)
    assert list(blocks.free) == [2, 5, 1, 0]
    blocks.release(second)
    assert list(blocks.free) == [4, 2, 5, 1, 0, 3]
    assert blocks.take(4) == [4, 2, 5, 1]
    assert blocks.find(keys[1]) is None
    blocks.share([0])
    assert list(blocks.free) == [3]
    assert blocks.find(keys[0]) == 0


def test_an_aborted_request_stays_in_its_step_and_gives_no_token():
    replica = ReplicaOracle(spec())
    works = [Work(i, prompt=4, output=2) for i in range(2)]
    for work in works:
        replica.add(work, 0.0)
    end = replica.start(0.0)
    assert end == 1.0
    replica.abort(works[0])
    assert (replica.outstanding, replica.used_blocks) == (2, 2)
    assert replica.end(1.0) == []
    assert (works[0].delivered, works[1].delivered, replica.used_blocks) == (0, 1, 1)


def test_runs_of_decodes_end_where_the_one_expression_says():
    step = StepTime(0.1, (1.0,), (0.0,), f_s=0.01)
    work = Work(0, prompt=3, output=6)
    replay(spec(step=step), [(0.0, work)])
    t0 = 0.1
    a = 0.1 + 0.0 + 0.0 * 1 + 0.01 * 3 + 0.0
    assert work.finish_s == t0 + 5 * a + (0.01 * 1) * 5 * 4 / 2
