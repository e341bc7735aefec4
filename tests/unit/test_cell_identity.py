"""What the name of a kept replay hangs on: whatever changes its numbers gives it another name."""

from __future__ import annotations

import pytest

from sim.futures.cell_store import key_of
from sim.futures.replays import Replays
from sim.futures.rule_state import NORMAL, RuleState
from tests.made.draws import BOOK, CATALOG, resolved

STACK = """
deployments:
  own: {{kind: gpu, llm: llama-3.1-8b, gpu: h100-sxm{own}}}
  out: {{kind: api, model: gpt-6.1-sol{out}}}
routing: [{{when: {{class: [{classes}]}}, to: [out]}}, {{to: [own, out{also}]}}]
slo: {{ttft_p95: {ttft}}}
router: {{cooldown: {cooldown}}}
"""
GIVEN = {"own": "", "out": "", "classes": "chat", "also": "", "ttft": "2s", "cooldown": "5s"}


def name_of(changed: dict[str, str] | None = None, *, state: RuleState = NORMAL, seed: int = 0) -> str:
    stack = resolved(STACK.format(**GIVEN | (changed or {})))
    return key_of(Replays(stack, catalog=CATALOG, book=BOOK, seed=seed).identity(state))


@pytest.mark.parametrize(
    "changed",
    [
        {"classes": "code"},
        {"classes": "chat, code"},
        {"out": ", client: none"},
        {"out": ", timeout: 9s"},
        {"out": ", limits: []"},
        {"out": ", prices: {input_usd_per_mtok: 1, output_usd_per_mtok: 2}"},
        {"own": ", usd_per_gpu_hour: 1"},
        {"own": ", purchase: reserved_1y"},
        {"own": ", max_num_seqs: 7"},
        {"own": ", cold_start: {provision: 99s}"},
        {"own": ", replicas: 2"},
        {"ttft": "1s"},
        {"cooldown": "7s"},
    ],
)
def test_another_stack_has_another_name(changed: dict[str, str]) -> None:
    assert name_of(changed) != name_of()


def test_another_seed_or_rule_has_another_name_and_the_same_the_same() -> None:
    names = {
        name_of(),
        name_of(seed=1),
        name_of(state=RuleState(tightened=((1, 0.5),))),
        name_of(state=RuleState(successors=((1, "gpt-6-luna"),))),
    }
    assert len(names) == 4
    assert name_of() in names
