"""Step times against the roofline: what a step must read and compute, worked out here from the shapes, and never less than that."""

from __future__ import annotations

import random
from collections.abc import Iterable
from math import isclose, log2, sqrt

import pytest

from sim.catalog.catalog import Catalog
from sim.catalog.gpu import Gpu, Precision
from sim.catalog.llm import Llm
from sim.profile import resolve_profile
from sim.profile.coefficients import (
    ByKvPrecision,
    ByPrecision,
    ByPrecisionUs,
    Coefficients,
    Engine,
    Exponents,
    Hardware,
    KernelShares,
    ReadingFactor,
    ReadingFactors,
    load_coefficients,
)
from sim.profile.memory import default_scheduler, divide_memory, tensor_parallel_sizes
from sim.profile.physics import (
    all_reduce_bytes_per_token,
    attention_flops_per_pair,
    head_bytes,
    matrix_bytes,
    step_coefficients,
    streaming_floor_s,
    touched_experts,
)
from sim.profile.shipped import load_shipped
from sim.profile.step import KNOTS, StepCoefficients

CATALOG = Catalog.load()
PRECISIONS: tuple[Precision, ...] = ("bf16", "fp8", "int8", "int4", "fp4")
GRID = (1, 3, 8, 16, 17, 20, 24, 40, 64, 100, 256, 300, 1000, 5000, 8192, 20000)


def ideal() -> tuple[Coefficients, Hardware, Engine]:
    """A machine that reaches its peaks, an engine that adds nothing, and a ridge without a shoulder."""
    bundled = load_coefficients()
    ones = ByPrecision(bf16=1.0, fp8=1.0, int8=1.0, int4=1.0, fp4=1.0)
    zero = ByPrecisionUs(bf16=0.0, fp8=0.0, int8=0.0, int4=0.0, fp4=0.0)
    flat = ReadingFactor(upto_16=1.0, upto_32=1.0, upto_64=1.0, upto_128=1.0, more=1.0)
    hardware = bundled.family("h100-sxm").model_copy(
        update={
            "weights_share_of_bandwidth": ones, "reading_factor": ReadingFactors(bf16=flat, fp8=flat),
            "ridge_exponent": Exponents(bf16=60.0, fp8=60.0),
            "compute_share_of_peak": ones, "kv_share_of_bandwidth": ByKvPrecision(bf16=1.0, fp8=1.0),
            "attention_share_of_peak": 1.0, "link_share_of_peak": 1.0,
        }
    )  # fmt: skip
    engine = bundled.engine("vllm").model_copy(
        update={
            "step_overhead_us": 0.0,
            "layer_overhead_us": 0.0,
            "layer_link_overhead_us": 0.0,
            "sequence_us": 0.0,
            "compute_share_of_kernels": 1.0,
            "attention_share_of_kernels": 1.0,
            "weights_share_of_kernels": KernelShares(bf16=1.0, fp8=1.0),
        }
    )
    experts = bundled.experts.model_copy(
        update={"share_of_dense": ones, "layer_overhead_us": 0.0, "whole_overhead_us": zero, "whole_link_overhead_us": 0.0}
    )
    shared = bundled.model_copy(update={"hidden_passes": 0.0, "ffn_passes": 0.0, "experts": experts})
    return shared, hardware, engine


def ideal_step(llm: Llm, gpu: Gpu, precision: Precision = "bf16", tensor_parallel: int = 1) -> StepCoefficients:
    coefficients, hardware, engine = ideal()
    return step_coefficients(
        llm=llm, gpu=gpu, tensor_parallel=tensor_parallel, precision=precision, kv_precision="bf16", hardware=hardware, engine=engine,
        coefficients=coefficients,
    )  # fmt: skip


def test_one_token_on_an_ideal_machine_reads_every_weight_but_the_embedding_once():
    # Llama-3.1-8B: 32 layers of 4096 x (32 + 2 x 8 + 32) x 128 attention and 3 x 4096 x 14336 feed-forward weights, head 128256 x 4096.
    layer = 4096 * 128 * (32 + 8 + 8 + 32) + 3 * 4096 * 14336
    weights = 32 * layer + 128256 * 4096
    step = ideal_step(CATALOG.llm("llama-3.1-8b"), CATALOG.gpu("h100-sxm"))
    assert step.g(1) == pytest.approx(2 * weights / 3.35e12, rel=1e-6)


def test_a_long_prompt_on_an_ideal_machine_takes_two_operations_a_weight_and_token():
    layer = 4096 * 128 * (32 + 8 + 8 + 32) + 3 * 4096 * 14336
    head = 128256 * 4096
    step = ideal_step(CATALOG.llm("llama-3.1-8b"), CATALOG.gpu("h100-sxm"))
    assert step.g(8192) == pytest.approx(8192 * 2 * 32 * layer / 989e12 + 2 * head / 3.35e12, rel=1e-6)


def test_the_ridge_lies_where_arithmetic_equals_reading():
    # Bytes of a weight / bandwidth = operations a token / peak at T = peak / bandwidth for two bytes and two operations: 295 on an H100.
    ridge = 989e12 / 3.35e12
    step = ideal_step(CATALOG.llm("llama-3.1-70b"), CATALOG.gpu("h100-sxm"))
    below = max(k for k in KNOTS if k < 0.9 * ridge)
    above = [k for k in KNOTS if k > 1.1 * ridge]
    assert step.g(below) == pytest.approx(step.g(1), rel=1e-3)
    slope = (step.g(above[-1]) - step.g(above[0])) / (above[-1] - above[0])
    flops = 2 * (CATALOG.llm("llama-3.1-70b").active_matrix_params)
    assert slope == pytest.approx(flops / 989e12, rel=1e-3)


@pytest.mark.parametrize("n", [2, 4, 8])
def test_tensor_parallel_shares_the_reading_and_adds_a_ring_of_messages(n: int):
    llm, gpu = CATALOG.llm("llama-3.1-70b"), CATALOG.gpu("h100-sxm")
    messages = 80 * 2 * (8192 * 2) * 2 * (n - 1) / n  # layers, all-reduces, bytes, ring
    assert all_reduce_bytes_per_token(llm, n) == messages
    assert ideal_step(llm, gpu, tensor_parallel=n).g(1) == pytest.approx(ideal_step(llm, gpu).g(1) / n + messages / 450e9, rel=1e-6)


def test_decodes_read_the_keys_and_values_of_their_context():
    # Llama-3.1-70B: 2 x 80 layers x 8 heads x 128 x 2 bytes a token.
    step = ideal_step(CATALOG.llm("llama-3.1-70b"), CATALOG.gpu("h100-sxm"), tensor_parallel=4)
    assert step.f_s == pytest.approx(2 * 80 * 8 * 128 * 2 / 4 / 3.35e12)
    wide = CATALOG.llm("llama-3.1-70b").kv_bytes_per_token_per_gpu("bf16", 16)
    assert wide == 2 * 80 * 1 * 128 * 2, "a GPU holds a whole KV head at least"


def test_a_latent_cache_is_not_shared_by_tensor_parallel():
    # DeepSeek-V3: 512 + 64 elements a layer and token, 61 layers.
    llm = CATALOG.llm("deepseek-v3")
    for n in (1, 8):
        assert llm.kv_bytes_per_token_per_gpu("bf16", n) == 61 * (512 + 64) * 2


def test_prompt_attention_is_four_operations_a_head_element_and_pair():
    llm = CATALOG.llm("llama-3.1-70b")
    assert attention_flops_per_pair(llm) == 4 * 80 * 64 * 128
    step = ideal_step(llm, CATALOG.gpu("h100-sxm"))
    pairs = sum(i + 0.5 for i in range(4096))  # a token sees those before it and half of itself
    assert step.prefill_s(4096) - step.seconds(tokens=4096, sequences=1) == pytest.approx(pairs * 4 * 80 * 64 * 128 / 989e12)


def test_tokens_touch_as_many_experts_as_random_choices_do():
    llm = CATALOG.llm("deepseek-v3")
    assert llm.experts is not None
    draw, n, k = random.Random(7), llm.experts.routed, llm.experts.per_token
    one_expert = (llm.layers - llm.experts.dense_layers) * 3 * llm.hidden_size * llm.experts.ffn_size
    rest = matrix_bytes(llm, "fp8", 10**6) - n * one_expert
    for tokens in (1, 8, 64):
        touched = [len({e for _ in range(tokens) for e in draw.sample(range(n), k)}) for _ in range(400)]
        mean = sum(touched) / len(touched)
        error = sqrt(sum((x - mean) ** 2 for x in touched) / (len(touched) - 1) / len(touched))
        expected = (matrix_bytes(llm, "fp8", tokens) - rest) / one_expert
        assert abs(expected - mean) <= 4 * error + 1e-9
        assert error <= 0.01 * expected


def test_the_busiest_of_several_gpus_reads_as_many_whole_experts_as_random_choices_make_it():
    llm = CATALOG.llm("qwen3-30b-a3b")
    assert llm.experts is not None
    draw, n, k, groups, tokens = random.Random(11), llm.experts.routed, llm.experts.per_token, 8, 12
    share = llm.expected_experts(tokens) / n
    found = [max(sum(draw.random() < share for _ in range(n // groups)) for _ in range(groups)) for _ in range(4000)]
    assert touched_experts(llm, tokens, groups) == pytest.approx(groups * sum(found) / len(found), rel=0.01)
    assert touched_experts(llm, tokens, groups) > touched_experts(llm, tokens) == llm.expected_experts(tokens)
    assert k < n and touched_experts(llm, 100_000, groups) == pytest.approx(n)
    assert touched_experts(CATALOG.llm("llama-3.1-8b"), tokens, groups) == 0.0


def test_a_mixture_is_not_slower_in_eight_bits_than_in_sixteen_where_the_gpu_computes_in_eight():
    for tensor_parallel, sequences in ((1, 1), (1, 32), (4, 1), (4, 64)):
        steps = [
            resolve_profile(
                llm=CATALOG.llm("qwen3-30b-a3b"), gpu=CATALOG.gpu("h100-sxm"), tensor_parallel=tensor_parallel, precision=precision, shipped=()
            ).step.decode_s(sequences=sequences, context=1000.0 * sequences)
            for precision in ("bf16", "fp8")
        ]  # fmt: skip
        assert steps[1] <= 1.02 * steps[0]


def test_an_ideal_machine_stands_on_the_floor_and_no_lower():
    for name in ("llama-3.1-8b", "mixtral-8x7b", "deepseek-v3"):
        llm, gpu = CATALOG.llm(name), CATALOG.gpu("h100-sxm")
        for precision in PRECISIONS:
            step = ideal_step(llm, gpu, precision)
            for tokens in (1, 2, 4, 8, 16):
                floor = streaming_floor_s(llm, gpu, precision, 1, tokens)
                assert floor == (matrix_bytes(llm, precision, tokens) + head_bytes(llm)) / 3.35e12
                assert step.g(tokens) >= floor * (1 - 1e-9)
                assert isclose(step.g(tokens), floor, rel_tol=0.02)


def fitting(llm: Llm) -> list[tuple[Gpu, int, Precision]]:
    """Every GPU, size of a group and precision whose memory leaves room for KV cache."""
    coefficients, found = load_coefficients(), []
    for gpu in map(CATALOG.gpu, CATALOG.names("gpu")):
        for n in tensor_parallel_sizes(llm, gpu):
            for precision in PRECISIONS:
                memory = divide_memory(
                    llm=llm, gpu=gpu, tensor_parallel=n, precision=precision, kv_precision="bf16", utilisation=0.92, block_tokens=16,
                    scheduler=default_scheduler(gpu), coefficients=coefficients,
                )  # fmt: skip
                if memory.blocks > 0:
                    found.append((gpu, n, precision))
    return found


def check_floor(llm: Llm, configurations: Iterable[tuple[Gpu, int, Precision]]) -> None:
    """A profile resolves for every configuration and era, and none is faster than streaming the weights."""
    for gpu, n, precision in configurations:
        for era in ("2025", "2024", "2023"):
            profile = resolve_profile(llm=llm, gpu=gpu, tensor_parallel=n, precision=precision, engine_era=era, catalog=CATALOG)
            for tokens in GRID:
                least = streaming_floor_s(llm, gpu, precision, n, tokens)
                assert profile.step.seconds(tokens=tokens, sequences=1) >= least, (gpu.name, n, precision, era, tokens)


@pytest.mark.parametrize("llm_name", CATALOG.names("llm"))
def test_no_profile_of_the_catalogue_is_faster_than_streaming_its_weights(llm_name: str):
    llm = CATALOG.llm(llm_name)
    found = fitting(llm)
    assert len(found) >= 12, "hardly any configuration of this LLM fits anything"
    check_floor(llm, random.Random(llm_name).sample(found, 12))


@pytest.mark.nightly
@pytest.mark.parametrize("llm_name", CATALOG.names("llm"))
def test_no_profile_at_all_is_faster_than_streaming_its_weights(llm_name: str):
    llm = CATALOG.llm(llm_name)
    check_floor(llm, fitting(llm))


def test_no_shipped_profile_is_faster_than_streaming_its_weights():
    for shipped in load_shipped():
        step = shipped.step.coefficients()
        for tokens in GRID:
            least = streaming_floor_s(
                CATALOG.llm(shipped.llm), CATALOG.gpu(shipped.gpu), shipped.precision, shipped.tensor_parallel, tokens
            )
            assert step.seconds(tokens=tokens, sequences=1) >= least, (shipped.key, tokens)


@pytest.mark.parametrize("llm_name", ["llama-3.1-70b", "mixtral-8x7b"])
@pytest.mark.parametrize("precision", PRECISIONS)
def test_a_step_never_gets_shorter_with_more_work(llm_name: str, precision: Precision):
    step = resolve_profile(llm=CATALOG.llm(llm_name), gpu=CATALOG.gpu("h200-sxm"), tensor_parallel=8, precision=precision, shipped=()).step
    # Kernels for 33 to 64 tokens are faster than those for 17 to 32: only in between may more tokens take less time.
    assert all(
        after >= before for tokens, before, after in zip(step.g_tokens, step.g_s, step.g_s[1:], strict=False) if not 32 <= tokens < 48
    )
    assert step.g(64) >= 0.7 * step.g(32) and step.g(96) >= step.g(16)
    assert min(step.c_s, step.o_s, step.f_s, step.h_s) > 0


def test_a_layer_costs_its_overhead_once_and_once_more_a_doubling():
    coefficients, hardware, engine = ideal()
    slow = engine.model_copy(update={"layer_overhead_us": 10.0, "layer_link_overhead_us": 3.0, "step_overhead_us": 100.0})
    llm, gpu = CATALOG.llm("llama-3.1-70b"), CATALOG.gpu("h100-sxm")
    for n in (1, 2, 8):
        step = step_coefficients(
            llm=llm,
            gpu=gpu,
            tensor_parallel=n,
            precision="bf16",
            kv_precision="bf16",
            hardware=hardware,
            engine=slow,
            coefficients=coefficients,
        )
        assert step.c_s == pytest.approx((100 + 80 * (10 + 3 * log2(n))) * 1e-6)


def test_a_layer_of_whole_experts_costs_what_it_says_beside_that_of_shared_ones():
    bundled = load_coefficients()
    llm, gpu, n = CATALOG.llm("qwen3-30b-a3b"), CATALOG.gpu("h100-sxm"), 4
    experts = bundled.experts.model_copy(
        update={
            "layer_overhead_us": 7.0, "whole_overhead_us": ByPrecisionUs(bf16=40.0, fp8=90.0, int8=0.0, int4=0.0, fp4=0.0),
            "whole_exponent": 0.5, "whole_link_overhead_us": 11.0,
        }
    )  # fmt: skip
    coefficients = bundled.model_copy(update={"experts": experts})
    shared, whole = (
        step_coefficients(
            llm=llm, gpu=gpu, tensor_parallel=n, precision="fp8", kv_precision="bf16", hardware=bundled.family("h100-sxm"),
            engine=bundled.engine("vllm"), coefficients=coefficients, expert_parallel=each,
        )
        for each in (False, True)
    )  # fmt: skip
    engine = bundled.engine("vllm")
    dense_s = (engine.step_overhead_us + 48 * (engine.layer_overhead_us + 2 * engine.layer_link_overhead_us)) * 1e-6
    assert shared.c_s == pytest.approx(dense_s + 48 * 7e-6)
    assert whole.c_s - shared.c_s == pytest.approx(48 * (90 / 4**0.5 + 11 * 2) * 1e-6)
    assert all(after >= before for before, after in zip(shared.g_s, whole.g_s, strict=True)), "the busiest GPU reads no less than its share"
