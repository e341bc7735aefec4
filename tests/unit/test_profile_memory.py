"""How the memory of a replica is divided, and what is said when a model does not fit."""

from __future__ import annotations

import pytest

from sim.catalog.catalog import Catalog
from sim.errors import InputError
from sim.profile import resolve_profile
from sim.profile.coefficients import load_coefficients
from sim.profile.memory import Scheduler, default_scheduler, divide_memory, reserve_bytes, tensor_parallel_sizes

CATALOG = Catalog.load()
LLAMA, H100 = CATALOG.llm("llama-3.1-70b"), CATALOG.gpu("h100-sxm")


def divide(**changes):
    settings = {
        "llm": LLAMA, "gpu": H100, "tensor_parallel": 4, "precision": "bf16", "kv_precision": "bf16", "utilisation": 0.9, "block_tokens": 16,
        "scheduler": Scheduler(8192, 256), "coefficients": load_coefficients(), **changes,
    }  # fmt: skip
    return divide_memory(**settings)


def test_what_weights_and_reserve_leave_is_cut_into_blocks_and_one_is_kept_back():
    memory = divide()
    per_gpu = 79.65 * 2**30 * 0.9 - LLAMA.weight_bytes("bf16") / 4 - memory.reserve_bytes
    block = 16 * 2 * 80 * (8 / 4) * 128 * 2  # tokens, K and V, layers, heads a GPU, head size, bytes
    assert memory.blocks == int(per_gpu // block) - 1
    assert memory.kv_capacity_tokens == memory.blocks * 16


def test_an_fp8_cache_holds_twice_the_tokens():
    half, full = divide(), divide(kv_precision="fp8")
    assert full.blocks + 1 == pytest.approx(2 * (half.blocks + 1), abs=1)


def test_the_reserve_grows_with_what_a_step_may_hold():
    coefficients = load_coefficients()
    small, large = (reserve_bytes(LLAMA, 4, Scheduler(tokens, 256), coefficients) for tokens in (2048, 16384))
    assert large - small == coefficients.activation_copies * (16384 - 2048) * max(28672 / 4, 8192) * 2
    crowded = reserve_bytes(LLAMA, 4, Scheduler(2048, 1024), coefficients)
    assert crowded - small == 2 * (1024 - 256) * LLAMA.vocab_size * 4


@pytest.mark.parametrize(
    ("gpu", "tokens", "sequences"), [("b200", 16384, 1024), ("h100-sxm", 8192, 1024), ("a100-80gb", 2048, 256), ("l4", 2048, 256)]
)
def test_a_step_holds_what_vllm_allows_on_the_gpu(gpu: str, tokens: int, sequences: int):
    assert default_scheduler(CATALOG.gpu(gpu)) == Scheduler(tokens, sequences)


def test_a_model_that_does_not_fit_is_refused_with_what_would_do():
    with pytest.raises(InputError) as refused:
        resolve_profile(llm=LLAMA, gpu=H100, tensor_parallel=1, precision="bf16")
    message = str(refused.value)
    assert "llama-3.1-70b bf16 does not fit 1 GPU h100-sxm at utilisation 0.92" in message
    assert "tensor_parallel 2 (2 GPUs) would do" in message
    assert "precision fp8 would do on 1 GPU" in message
    resolve_profile(llm=LLAMA, gpu=H100, tensor_parallel=2, precision="bf16")
    resolve_profile(llm=LLAMA, gpu=H100, tensor_parallel=1, precision="fp8")


def test_a_model_too_large_for_a_node_is_refused_as_such():
    with pytest.raises(InputError, match="no number of l4 in one node of 8 would do"):
        resolve_profile(llm=CATALOG.llm("llama-3.1-405b"), gpu=CATALOG.gpu("l4"), tensor_parallel=8, precision="bf16")


def test_a_model_that_fits_a_node_in_a_lower_precision_only_is_told_both():
    with pytest.raises(InputError, match=r"precision fp8 with tensor_parallel 8 \(8 GPUs\) would do"):
        resolve_profile(llm=CATALOG.llm("llama-3.1-405b"), gpu=H100, tensor_parallel=1, precision="bf16")
    resolve_profile(llm=CATALOG.llm("llama-3.1-405b"), gpu=H100, tensor_parallel=8, precision="fp8")


def test_a_request_longer_than_the_cache_is_refused_with_the_longest_that_fits():
    with pytest.raises(InputError) as refused:
        resolve_profile(llm=LLAMA, gpu=H100, tensor_parallel=2, precision="bf16", max_model_len=131072)
    message = str(refused.value)
    assert "a request of 131072 tokens does not fit the KV cache" in message and "tensor_parallel 4 (4 GPUs) would do" in message
    longest = int(message.split("max_model_len ")[1].split()[0])
    fits = resolve_profile(llm=LLAMA, gpu=H100, tensor_parallel=2, precision="bf16", max_model_len=longest)
    assert fits.kv_capacity_tokens == longest
    with pytest.raises(InputError):
        resolve_profile(llm=LLAMA, gpu=H100, tensor_parallel=2, precision="bf16", max_model_len=longest + 1)


def test_without_a_length_the_cache_decides_and_says_so():
    profile = resolve_profile(llm=LLAMA, gpu=H100, tensor_parallel=2, precision="bf16")
    assert profile.max_model_len == profile.kv_capacity_tokens < LLAMA.max_context_tokens
    assert any("max_model_len cut from 131072" in note for note in profile.notes)
    assert resolve_profile(llm=LLAMA, gpu=H100, tensor_parallel=8, precision="bf16").max_model_len == LLAMA.max_context_tokens


def test_heads_are_shared_evenly_within_a_node():
    assert tensor_parallel_sizes(LLAMA, H100) == [1, 2, 4, 8]
    with pytest.raises(InputError, match=r"tensor_parallel: found 3; allowed for llama-3.1-70b \(64 heads\).*: 1, 2, 4, 8"):
        resolve_profile(llm=LLAMA, gpu=H100, tensor_parallel=3, precision="bf16")


def test_all_wrong_settings_are_told_at_once():
    with pytest.raises(InputError) as refused:
        resolve_profile(llm=LLAMA, gpu=H100, tensor_parallel=16, precision="bf16", utilisation=1.5, max_model_len=200000)
    assert [line.split(":")[0] for line in str(refused.value).splitlines()] == ["tensor_parallel", "utilisation", "max_model_len"]


def test_a_rack_of_linked_machines_shares_a_model_beyond_one_machine():
    gb200, llm = CATALOG.gpu("gb200"), CATALOG.llm("llama-3.1-405b")
    assert gb200.gpus_per_node == 4
    assert tensor_parallel_sizes(llm, gb200) == [1, 2, 4, 8, 16, 32, 64]
    assert tensor_parallel_sizes(llm, CATALOG.gpu("b200"))[-1] == 8
