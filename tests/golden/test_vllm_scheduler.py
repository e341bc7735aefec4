"""Replicas against recordings of vLLM 0.33.0's own scheduler (tests/tools/record_vllm.py): every request, to the last bit."""

from __future__ import annotations

import csv
import gzip
import json
from math import inf
from pathlib import Path
from typing import Any

import pytest

from sim.engine.system import Autoscaler, Client, Pool, Replica, Rule, StepTime, System, Target
from tests.oracles.replica import ReplicaOracle, Work
from tests.oracles.table import Row, Table, trace_of

FOLDER = Path(__file__).parent / "vllm"
CASES: dict[str, Any] = json.loads((FOLDER / "cases.json").read_text())["cases"]


def read(name: str) -> list[dict[str, str]]:
    with gzip.open(FOLDER / f"{name}.csv.gz", "rt") as file:
        return list(csv.DictReader(file))


def replica_of(case: dict[str, Any]) -> Replica:
    settings, profile = case["settings"], case["profile"]
    step = StepTime(
        profile["c_s"], tuple(profile["g_tokens"]), tuple(profile["g_s"]), profile["o_s"], profile["f_s"], profile["h_s"]
    )  # fmt: skip
    return Replica(
        step,
        blocks=settings["blocks"],
        block_tokens=settings["block_size"],
        watermark_blocks=settings["watermark_blocks"],
        max_num_seqs=settings["max_num_seqs"],
        max_num_batched_tokens=settings["max_num_batched_tokens"],
        max_model_len=settings["max_model_len"],
        long_prefill_threshold=settings["long_prefill_token_threshold"],
        long_prefill_adaptive=settings["long_prefill_token_threshold_adaptive"],
        reserve_full_prompt=settings["scheduler_reserve_full_isl"],
        prefix_caching="blocks" if settings["enable_prefix_caching"] else "off",
    )


def rows_of(lines: list[dict[str, str]]) -> list[Row]:
    numbers: dict[str, int] = {}
    return [row_of(line, numbers) for line in lines]


def row_of(line: dict[str, str], numbers: dict[str, int]) -> Row:
    """The ids of blocks are made small: a trace holds 64 bits, a recording any number."""
    return Row(
        float(line["arrival_s"]),
        int(line["prompt_tokens"]),
        int(line["output_tokens"]),
        session_id=int(line["session_id"]),
        block_ids=tuple(numbers.setdefault(name, len(numbers)) for name in line["prefix_block_ids"].split()),
    )


def replayed(spec: Replica, rows: list[Row], prefix_block_tokens: int) -> tuple[list[Work], list[dict[str, float]]]:
    """The oracle's requests and steps, in the columns of the recordings."""

    def token(number: int, row: Row, p: int) -> Any:
        if p < row.prompt_tokens and p // prefix_block_tokens < len(row.block_ids):
            return "block", row.block_ids[p // prefix_block_tokens], p % prefix_block_tokens
        return ("session", row.session_id, p) if row.session_id >= 0 else ("row", number, p)

    replica = ReplicaOracle(spec)
    works = [
        Work(
            i,
            row.prompt_tokens,
            min(row.output_tokens, spec.max_model_len - row.prompt_tokens),
            token=lambda p, i=i, row=row: token(i, row, p),
        )
        for i, row in enumerate(rows)
    ]
    steps, coming, end = [], list(zip(rows, works, strict=True)), inf
    while coming or end < inf:
        now = min(coming[0][0].arrival_s if coming else inf, end)
        if end == now:
            replica.end(now)
            end = inf
        while coming and coming[0][0].arrival_s == now:
            replica.add(coming.pop(0)[1], now)
        if end == inf and replica.outstanding:
            counts = replica.preemptions
            held = set(map(id, replica.running))
            started = replica.start(now)
            assert started is not None
            end = started
            steps.append({
                "start_s": now, "end_s": end, "tokens": sum(chunk.new for chunk in replica.batch), "sequences": len(replica.batch),
                "context": sum(chunk.before for chunk in replica.batch if chunk.decode),
                "attention": sum(chunk.new * (chunk.before + chunk.new / 2) for chunk in replica.batch if not chunk.decode),
                "preemptions": replica.preemptions - counts, "admitted": sum(id(work) not in held for work in replica.running),
                "running": len(replica.running), "waiting": len(replica.waiting), "free_blocks": len(replica.blocks.free),
            })  # fmt: skip
    return works, steps


@pytest.mark.parametrize("name", CASES)
def test_the_oracle_replica_does_what_vllm_did(name: str) -> None:
    case, lines = CASES[name], read(name)
    works, steps = replayed(replica_of(case), rows_of(lines), case["settings"]["prefix_block_tokens"])
    for line, work in zip(lines, works, strict=True):
        got = (work.first_token_s, work.finish_s, work.delivered, work.preemptions, work.cached)
        recorded = tuple(float(line[key]) for key in ("first_token_s", "finish_s", "tokens_out", "preemptions", "cached_tokens"))
        assert got == recorded, f"request {line['row']}"
    assert (len(steps), sum(step["tokens"] for step in steps)) == (case["totals"]["steps"], case["totals"]["step_tokens"])
    if (FOLDER / f"{name}.steps.csv.gz").exists():
        for i, (step, line) in enumerate(zip(steps, read(f"{name}.steps"), strict=True)):
            assert step == {key: float(value) for key, value in line.items()}, f"step {i}"


@pytest.mark.parametrize("name", CASES)
def test_the_engine_does_what_vllm_did(name: str) -> None:
    from sim.engine.run import simulate

    case, lines = CASES[name], read(name)
    pool = Pool("own", replica_of(case), 1, 1, autoscaler=Autoscaler(max_replicas=1))
    system = System((pool,), (Rule((Target(0, client=Client(retries=0)),)),))
    table = Table(tuple(rows_of(lines)), case["settings"]["prefix_block_tokens"])
    result = simulate(system, trace_of(table), log=True)
    assert result.log is not None
    for line, row in zip(lines, result.log, strict=True):
        got = tuple(float(row[key]) for key in ("first_token_s", "finish_s", "output_tokens", "preemptions", "cached_tokens"))
        recorded = tuple(float(line[key]) for key in ("first_token_s", "finish_s", "tokens_out", "preemptions", "cached_tokens"))
        assert got == recorded, f"request {line['row']}"
    totals = case["totals"]
    assert (result.counters["steps"][0], result.counters["step_tokens"][0]) == (totals["steps"], totals["step_tokens"])
    assert result.counters["preemptions"][0] == totals["preemptions"]
