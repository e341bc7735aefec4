"""When a prompt that was shut out must be looked at again: cases that generated systems meet too seldom."""

from sim.engine.system import Client, Pool, Replica, Rule, StepTime, System, Target
from tests.oracles.table import Row, Table
from tests.property.equality import assert_equal, by_engine, by_oracle
from tests.property.systems import Case


def test_an_arrival_behind_a_shut_out_prompt_can_let_it_in() -> None:
    """The adaptive threshold shares the budget among all who are there: one more makes the first chunk smaller."""
    replica = Replica(
        StepTime(1.0, (1.0,), (0.0,)), blocks=12, block_tokens=4, max_num_batched_tokens=64, long_prefill_threshold=3,
        long_prefill_adaptive=True, reserve_full_prompt=False,
    )  # fmt: skip
    system = System((Pool("own", replica, 1, 1),), (Rule((Target(0, client=Client(retries=0)),)),))
    rows = (Row(0.0, 20, 4), Row(0.5, 40, 1), Row(2.5, 1, 1))
    case = Case(system, Table(rows))
    result = by_engine(case)
    assert result.log is not None
    # 6 blocks are free: half the budget needs 8, a third of it, from 3 on, 6. The first is done at 4, and the rest of the second fits.
    assert result.log["first_token_s"].tolist()[1] == 5.0
    assert_equal(result, by_oracle(case))
