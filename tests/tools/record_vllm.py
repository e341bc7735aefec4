"""Record vLLM 0.33.0's V1 scheduler on small traces: `python -m tests.tools.record_vllm [NAME ...]` (tests/tools/README.md).

Drives the class itself, without a GPU: schedule(), a step of the length that the profile's formula gives, update_from_output() with
one token for every request whose tokens are all computed. Writes tests/golden/vllm/cases.json and one table a case.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import random
import sys
import tempfile
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import torch
import vllm
from vllm.config import CacheConfig, DeviceConfig, ModelConfig, SchedulerConfig, VllmConfig
from vllm.sampling_params import SamplingParams
from vllm.utils.hashing import sha256
from vllm.v1.core.kv_cache_utils import get_request_block_hasher, init_none_hash
from vllm.v1.core.sched.scheduler import Scheduler
from vllm.v1.kv_cache_interface import FullAttentionSpec, KVCacheConfig, KVCacheGroupSpec
from vllm.v1.outputs import ModelRunnerOutput
from vllm.v1.request import Request
from vllm.v1.structured_output import StructuredOutputManager

from tests.tools.vllm_cases import CASES
from tests.tools.vllm_traces import PROFILES, Case, Row

REQUESTS = "row arrival_s prompt_tokens output_tokens session_id prefix_block_ids first_token_s finish_s tokens_out preemptions cached_tokens cached_again"
STEPS = "start_s end_s tokens sequences context attention preemptions admitted running waiting free_blocks"
GOLDEN = Path(__file__).parents[1] / "golden" / "vllm"
TINY = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "num_key_value_heads": 2,
    "vocab_size": 256,
    "max_position_embeddings": 1 << 20,
    "rms_norm_eps": 1e-5,
    "hidden_act": "silu",
    "torch_dtype": "float16",
    "bos_token_id": 1,
    "eos_token_id": 2,
}


class Tokens:
    """Token ids that are equal exactly where the trace says that content is."""

    def __init__(self, prefix_block_tokens: int) -> None:
        self.block = prefix_block_tokens
        self.ids: dict[tuple[str, int, int], int] = {}

    def at(self, number: int, row: Row, position: int) -> int:
        if position < row.prompt_tokens and position // self.block < len(row.prefix_block_ids):
            key = ("block", row.prefix_block_ids[position // self.block], position % self.block)
        elif row.session_id >= 0:
            key = ("session", row.session_id, position)
        else:
            key = ("row", number, position)
        return self.ids.setdefault(key, len(self.ids))


def step_s(profile: dict[str, Any], tokens: int, sequences: int, context: int, attention: float) -> float:
    """c + g(T) + o*S + f*C + h*A (docs/engine.md section 5), checked to be exact in float64."""

    def value(number: Any) -> Any:
        xs, ys = profile["g_tokens"], [number(y) for y in profile["g_s"]]
        if tokens <= xs[0] or len(xs) == 1:
            g = ys[0]
        else:
            i = next((k for k in range(len(xs) - 2) if tokens <= xs[k + 1]), len(xs) - 2)
            g = ys[i] + (ys[i + 1] - ys[i]) * (tokens - xs[i]) / (xs[i + 1] - xs[i])
        rest = number(profile["o_s"]) * sequences + number(profile["f_s"]) * context + number(profile["h_s"]) * number(attention)
        return number(profile["c_s"]) + g + rest

    assert Fraction(value(float)) == value(Fraction), "the step is not exact in float64"
    return float(value(float))


@dataclass
class Seen:
    """What happened to one request."""

    tokens: int = 0
    first_token_s: float = -1.0
    finish_s: float = -1.0
    preemptions: int = 0
    cached_tokens: int = -1
    cached_again: int = 0


def make_scheduler(case: Case, folder: str) -> Scheduler:
    model = ModelConfig(model=folder, tokenizer=folder, skip_tokenizer_init=True, dtype="float16", max_model_len=case.max_model_len, seed=0)
    scheduler = SchedulerConfig(
        max_num_seqs=case.max_num_seqs,
        max_num_batched_tokens=case.max_num_batched_tokens,
        max_model_len=case.max_model_len,
        is_encoder_decoder=False,
        watermark=case.watermark,
        long_prefill_token_threshold=case.long_prefill_token_threshold,
        long_prefill_token_threshold_adaptive=case.long_prefill_token_threshold_adaptive,
        scheduler_reserve_full_isl=case.scheduler_reserve_full_isl,
        async_scheduling=False,
    )
    cache = CacheConfig(block_size=case.block_size, enable_prefix_caching=case.enable_prefix_caching)
    config = VllmConfig(model_config=model, scheduler_config=scheduler, cache_config=cache, device_config=DeviceConfig("cpu"))
    # A configuration may correct itself silently; then this would record something else than it says.
    for name in ("max_num_seqs", "max_num_batched_tokens", "watermark", "long_prefill_token_threshold", "scheduler_reserve_full_isl"):
        assert getattr(config.scheduler_config, name) == getattr(case, name), name
    assert config.use_v2_model_runner, "the message to the workers would have another shape"
    assert config.scheduler_config.enable_chunked_prefill and not config.scheduler_config.async_scheduling
    assert config.cache_config.block_size == case.block_size and config.cache_config.enable_prefix_caching == case.enable_prefix_caching
    group = KVCacheGroupSpec(["layer"], FullAttentionSpec(block_size=case.block_size, num_kv_heads=1, head_size=1, dtype=torch.float32))
    blocks = KVCacheConfig(num_blocks=case.num_gpu_blocks, kv_cache_tensors=[], kv_cache_groups=[group])
    cache.num_gpu_blocks = case.num_gpu_blocks
    return Scheduler(config, blocks, StructuredOutputManager(config), block_size=case.block_size)


def record(case: Case, rows: list[Row], folder: str) -> tuple[list[Seen], list[list[Any]], dict[str, Any]]:
    """Replay the rows; per request what happened, the log of steps and the totals."""
    scheduler = make_scheduler(case, folder)
    hasher = get_request_block_hasher(case.block_size, sha256) if case.enable_prefix_caching else None
    tokens = Tokens(case.prefix_block_tokens)
    profile = PROFILES[case.profile]
    seen = [Seen() for _ in rows]
    log: list[list[Any]] = []
    now, next_row, in_tokens = 0.0, 0, 0
    while next_row < len(rows) or scheduler.has_unfinished_requests():
        if not scheduler.has_unfinished_requests():
            now = max(now, rows[next_row].arrival_s)
        while next_row < len(rows) and rows[next_row].arrival_s <= now:
            row = rows[next_row]
            prompt = [tokens.at(next_row, row, p) for p in range(row.prompt_tokens)]
            limit = SamplingParams(max_tokens=row.output_tokens, ignore_eos=True)
            request = Request(str(next_row), prompt, limit, None, arrival_time=row.arrival_s, block_hasher=hasher)
            scheduler.add_request(request)
            next_row += 1
        before = {key: request.num_computed_tokens for key, request in scheduler.requests.items()}
        preempted = {key: request.num_preemptions for key, request in scheduler.requests.items()}
        output = scheduler.schedule()
        scheduled = output.num_scheduled_tokens
        assert scheduled, f"nothing scheduled at {now}: stuck"
        # Of a request admitted in this step, first time or again, the scheduler's own message to the workers carries the hit.
        admitted = {data.req_id: data.num_computed_tokens for data in output.scheduled_new_reqs}
        for key, computed in admitted.items():
            before[key] = computed
            if seen[int(key)].cached_tokens < 0:
                seen[int(key)].cached_tokens = computed
            else:
                seen[int(key)].cached_again += computed
        context, attention = 0, 0.0
        for key, new in scheduled.items():
            request = scheduler.requests[key]
            if request.num_output_tokens > 0 and new == 1 and before[key] == request.num_tokens - 1:
                context += before[key]
            else:
                attention += new * (before[key] + new / 2)
        total = sum(scheduled.values())
        end = now + step_s(profile, total, len(scheduled), context, attention)
        assert Fraction(end) - Fraction(now) == Fraction(end - now) and end > now
        victims = sum(request.num_preemptions - preempted[key] for key, request in scheduler.requests.items())
        free = scheduler.kv_cache_manager.block_pool.get_num_free_blocks()
        queues = [len(scheduler.running), len(scheduler.waiting), free]
        log.append([now, end, total, len(scheduled), context, attention, victims, len(admitted), *queues])
        in_tokens += total
        sampled: list[list[int]] = []
        for key in scheduled:
            request = scheduler.requests[key]
            row, fate = rows[int(key)], seen[int(key)]
            done = request.num_computed_tokens >= request.num_tokens
            sampled.append([tokens.at(int(key), row, request.num_tokens)] if done else [])
            if done:
                fate.tokens += 1
                fate.first_token_s = end if fate.tokens == 1 else fate.first_token_s
            fate.preemptions = request.num_preemptions
        held = {key: scheduler.requests[key] for key in scheduled}
        index = {key: i for i, key in enumerate(scheduled)}
        empty: dict[str, Any] = {"logprobs": None, "prompt_logprobs_dict": {}, "pooler_output": []}
        scheduler.update_from_output(output, ModelRunnerOutput(list(scheduled), index, sampled_token_ids=sampled, **empty))
        for key, request in held.items():
            if request.is_finished():
                seen[int(key)].finish_s = end
                assert request.num_output_tokens == seen[int(key)].tokens
        now = end
    assert all(fate.finish_s >= 0 and fate.cached_tokens >= 0 for fate in seen)
    totals = {
        "requests": len(rows),
        "steps": len(log),
        "step_tokens": in_tokens,
        "preemptions": sum(fate.preemptions for fate in seen),
        "preempted_requests": sum(fate.preemptions > 0 for fate in seen),
        "cached_tokens": sum(fate.cached_tokens for fate in seen),
        "cached_again": sum(fate.cached_again for fate in seen),
        "most_running": max(entry[8] for entry in log),
        "most_waiting": max(entry[9] for entry in log),
        "end_s": now,
    }
    return seen, log, totals


def write(path: Path, names: str, lines: list[list[Any]]) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(names.split())
    writer.writerows([[repr(cell) if isinstance(cell, float) else cell for cell in line] for line in lines])
    path.write_bytes(gzip.compress(text.getvalue().encode(), 9, mtime=0))


def main(names: list[str]) -> None:
    assert vllm.__version__ == "0.33.0", vllm.__version__
    init_none_hash(sha256)
    GOLDEN.mkdir(parents=True, exist_ok=True)
    path = GOLDEN / "cases.json"
    kept: dict[str, Any] = json.loads(path.read_text())["cases"] if path.exists() else {}
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "config.json").write_text(json.dumps(TINY))
        for name in names or list(CASES):
            case = CASES[name]
            rows = case.rows(random.Random(name))
            seen, log, totals = record(case, rows, folder)
            settings = {key: value for key, value in asdict(case).items() if key not in ("rows", "steps", "says", "profile")}
            settings |= {"blocks": case.num_gpu_blocks - 1, "watermark_blocks": int(case.watermark * case.num_gpu_blocks)}
            kept[name] = {"says": case.says, "settings": settings, "profile": PROFILES[case.profile], "totals": totals}
            lines = []
            for i, (row, fate) in enumerate(zip(rows, seen, strict=True)):
                asked = [i, row.arrival_s, row.prompt_tokens, row.output_tokens, row.session_id, " ".join(map(str, row.prefix_block_ids))]
                lines.append(
                    [*asked, fate.first_token_s, fate.finish_s, fate.tokens, fate.preemptions, fate.cached_tokens, fate.cached_again]
                )
            write(GOLDEN / f"{name}.csv.gz", REQUESTS, lines)
            if case.steps:
                write(GOLDEN / f"{name}.steps.csv.gz", STEPS, log)
            print(name, totals, flush=True)
    # One line for each part of a case, so that a change of the recordings can be read.
    parts = []
    for name in (name for name in CASES if name in kept):
        inner = ",\n".join(f"   {json.dumps(key)}: {json.dumps(value)}" for key, value in kept[name].items())
        parts.append(f"  {json.dumps(name)}: {{\n{inner}\n  }}")
    path.write_text(f'{{\n "vllm": {json.dumps(vllm.__version__)},\n "cases": {{\n' + ",\n".join(parts) + "\n }\n}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
