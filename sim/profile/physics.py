"""What a forward pass must do (bytes, operations, messages), and how long that takes: the roofline and what it misses.

A step of T tokens reads every weight it touches once and does 2 operations a token and active weight. The two overlap, so their
time is a smooth maximum. Beside it stand: KV reads of the decodes, attention of the prompts, two all-reduces a layer under tensor
parallelism, element-wise work, and overheads of the engine that do not shard: a step, a layer, a sequence. Shares of the peaks
and overheads are `Coefficients`. Left out: pipeline parallelism, overlap of communication with compute, uneven experts,
speculative decoding. A sliding window shorter than `WINDOWED_CONTEXT_TOKENS` counts as full from the first token on, a longer one as
none.
Roofline: Williams et al., CACM 52(4), 2009; all-reduce on a ring moves 2(n-1)/n of the message: Patarasuk and Yuan, JPDC 69(2), 2009.
"""

from __future__ import annotations

from math import log2, prod

from sim.catalog.gpu import Gpu, Precision
from sim.catalog.llm import GroupedAttention, KvPrecision, Llm
from sim.profile.coefficients import Coefficients, Engine, Hardware
from sim.profile.step import KNOTS, StepCoefficients

WINDOWED_CONTEXT_TOKENS = 2048
"""Context for which sliding windows are judged (assumed): shorter windows are full at it, longer ones do not matter."""


def matrix_bytes(llm: Llm, precision: Precision, tokens: float) -> float:
    """Bytes of the layers' matrices that a step of so many tokens touches: all but the experts no token chose."""
    return llm.matrix_bytes(precision, llm.expected_experts(int(tokens)))


def head_bytes(llm: Llm) -> float:
    """Bytes of the output head, read by every step that yields a token; it stays in bf16."""
    return llm.head_params * 2.0


def streaming_floor_s(llm: Llm, gpu: Gpu, precision: Precision, tensor_parallel: int, tokens: float) -> float:
    """The least seconds of a step: the weights it touches, read once at the full bandwidth of all GPUs."""
    touched = matrix_bytes(llm, precision, tokens) + head_bytes(llm)
    return touched / (gpu.bandwidth_bytes_per_s * tensor_parallel)


def attention_flops_per_pair(llm: Llm) -> float:
    """Operations of one token attending to one token of context, all layers: a product with its key and one with its value.

    Layers with a sliding window are left out: beyond the window they do nothing, and their part is within the element-wise work.
    """
    a = llm.attention
    per_head = 4.0 * a.head_size if isinstance(a, GroupedAttention) else 2.0 * (a.qk_nope_head_size + a.qk_rope_head_size + a.v_head_size)
    return _full_layers(llm) * a.heads * per_head


def short_windows(llm: Llm) -> tuple[int, int]:
    """(layers, tokens) of the sliding windows that usual contexts fill; longer windows work as full attention. (0, 0): none."""
    window = llm.sliding_window
    if window is None or window.window_tokens >= WINDOWED_CONTEXT_TOKENS:
        return 0, 0
    return window.layers, window.window_tokens


def _full_layers(llm: Llm) -> int:
    return llm.layers - short_windows(llm)[0]


def active_ffn_size(llm: Llm) -> float:
    """Width of the feed-forward state of one token: of one matrix, or of the experts it passes through."""
    e = llm.experts
    return float(llm.ffn_size if e is None else e.ffn_size * (e.per_token + e.shared))


def touched_experts(llm: Llm, tokens: int, groups: int = 1) -> float:
    """Routed experts of a layer that a step of so many tokens reads, if tokens choose at random and experts independently.

    With whole experts on each of several GPUs (`groups`) all wait for the one that reads most, and it counts for each: the mean of the
    largest of so many binomial numbers. The operations are taken to be even. 0 without experts.
    """
    expected = llm.expected_experts(tokens)
    if llm.experts is None or groups == 1 or expected >= llm.experts.routed:
        return expected
    share, held = expected / llm.experts.routed, llm.experts.routed // groups
    busiest = at_most = 0.0
    exactly = (1.0 - share) ** held
    for count in range(held):
        at_most += exactly
        busiest += 1.0 - min(at_most, 1.0) ** groups
        exactly *= (held - count) / (count + 1) * share / (1.0 - share)
    return groups * busiest


def all_reduce_bytes_per_token(llm: Llm, tensor_parallel: int) -> float:
    """Bytes that each GPU sends for one token: two all-reduces a layer of the hidden state in bf16, on a ring."""
    if tensor_parallel == 1:
        return 0.0
    return 2.0 * llm.layers * llm.hidden_size * 2.0 * 2.0 * (tensor_parallel - 1) / tensor_parallel


def step_coefficients(
    *,
    llm: Llm,
    gpu: Gpu,
    tensor_parallel: int,
    precision: Precision,
    kv_precision: KvPrecision,
    hardware: Hardware,
    engine: Engine,
    coefficients: Coefficients,
    expert_parallel: bool = False,
) -> StepCoefficients:
    """Step time of a configuration from its physics, in seconds; never below `streaming_floor_s`, since shares are at most 1.

    With `expert_parallel` each GPU of the group holds whole experts instead of a share of each.
    """
    bandwidth = gpu.bandwidth_bytes_per_s
    c = engine.step_overhead_us + llm.layers * (engine.layer_overhead_us + engine.layer_link_overhead_us * log2(tensor_parallel))
    if llm.experts is not None:
        e = coefficients.experts
        each = e.layer_overhead_us
        if expert_parallel:
            each += e.whole_overhead_us.at(_multiplied(precision, gpu)) * tensor_parallel**-e.whole_exponent
            each += e.whole_link_overhead_us * log2(tensor_parallel)
        c += (llm.layers - llm.experts.dense_layers) * each
    head = head_bytes(llm) / (_reading_share("bf16", 1.0, hardware, engine) * bandwidth * tensor_parallel)
    per_token = _per_token_s(llm, gpu, tensor_parallel, hardware, coefficients)
    g = []
    for tokens in KNOTS:
        read = touched_experts(llm, tokens, tensor_parallel if expert_parallel else 1)
        matrices = _matrices_s(llm, gpu, tensor_parallel, precision, tokens, read, hardware, engine, coefficients)
        launched = engine.uncaptured_layer_us * llm.layers - c if tokens > engine.captured_tokens else 0.0
        g.append(max(head + matrices + tokens * per_token, launched * 1e-6))
    read_s = 1.0 / (hardware.kv_share_of_bandwidth.at(kv_precision) * bandwidth)
    layer_kv = llm.kv_bytes_per_token_per_gpu(kv_precision, tensor_parallel) / llm.layers
    windowed = prod(short_windows(llm))
    attention_share = min(hardware.attention_share_of_peak * engine.attention_share_of_kernels, 1.0)
    attention_rate = attention_share * gpu.peak_flops("bf16") * tensor_parallel
    return StepCoefficients(
        c_s=c * 1e-6,
        g_tokens=tuple(float(tokens) for tokens in KNOTS),
        g_s=tuple(g),
        o_s=engine.sequence_us * 1e-6 + windowed * layer_kv * read_s,
        f_s=_full_layers(llm) * layer_kv * read_s,
        h_s=attention_flops_per_pair(llm) / attention_rate,
    )


def _matrices_s(
    llm: Llm,
    gpu: Gpu,
    tensor_parallel: int,
    precision: Precision,
    tokens: float,
    experts: float,
    hardware: Hardware,
    engine: Engine,
    coefficients: Coefficients,
) -> float:
    """Seconds of the layers' matrix products of a step: the smooth maximum of reading them and computing with them.

    Routed experts, other quantised matrices and those left in 16 bits each go at their own rates; active parameters outside the routed
    experts are taken to be all there is (shared experts, attention, dense layers). `experts` is how many routed ones of a layer are read.
    """
    reading = computing = 0.0
    for touched, flops, stored, share in _matrix_parts(llm, precision, gpu, experts, coefficients):
        reading += touched / (share * _reading_share(stored, tokens, hardware, engine) * gpu.bandwidth_bytes_per_s)
        rate = min(hardware.compute_share_of_peak.at(stored) * engine.compute_share_of_kernels, 1.0) * gpu.peak_flops(stored)
        computing += tokens * flops / (share * rate)
    largest, p = max(reading, computing), hardware.ridge_exponent.at(precision)
    return float(largest * ((reading / largest) ** p + (computing / largest) ** p) ** (1.0 / p)) / tensor_parallel


def _multiplied(precision: Precision, gpu: Gpu) -> Precision:
    """The precision whose kernels run: without hardware for four-bit floats they are unpacked as four-bit integers are."""
    return "int4" if precision == "fp4" and gpu.peak_fp4_tflops is None else precision


def _matrix_parts(
    llm: Llm, precision: Precision, gpu: Gpu, experts: float, coefficients: Coefficients
) -> list[tuple[float, float, Precision, float]]:
    """(bytes touched, operations a token, precision, share of the dense kernels' rates) of the parts of the layers' matrices."""
    routed_params = routed_flops = 0.0
    parts: list[tuple[float, float, Precision, float]] = []
    if llm.experts is not None:
        e, mixed = llm.experts, llm.layers - llm.experts.dense_layers
        routed_params = float(mixed * e.routed * llm.params_per_expert)
        routed_flops = 2.0 * mixed * e.per_token * llm.params_per_expert
        touched = mixed * experts * llm.params_per_expert * llm.bytes_per_quantised_param(precision)
        share = coefficients.experts.share_of_dense.at(_multiplied(precision, gpu))
        parts.append((touched, routed_flops, precision, share))
    kept = float(llm.matrix_params - llm.quantised_params)
    quantised = llm.matrix_params - routed_params - kept
    if quantised > 0.0:
        parts.append((quantised * llm.bytes_per_quantised_param(precision), 2.0 * quantised, precision, 1.0))
    if kept > 0.0:
        parts.append((kept * 2.0, 2.0 * kept, "bf16", 1.0))
    return parts


def _reading_share(precision: Precision, tokens: float, hardware: Hardware, engine: Engine) -> float:
    """Share of the bandwidth at which a step of so many tokens reads its weights, at most 1."""
    kernels = hardware.weights_share_of_bandwidth.at(precision) / hardware.reading_factor.at(precision, tokens)
    return min(kernels * engine.weights_share_of_kernels.at(precision), 1.0)


def _per_token_s(llm: Llm, gpu: Gpu, tensor_parallel: int, hardware: Hardware, coefficients: Coefficients) -> float:
    """Seconds that a token adds at any batch: messages between the GPUs, and element-wise passes, part of which do not shard."""
    link = hardware.link_share_of_peak * gpu.interconnect.gb_per_s * 1e9
    hidden = coefficients.hidden_passes * llm.hidden_size
    ffn = coefficients.ffn_passes * active_ffn_size(llm) / tensor_parallel
    moved = llm.layers * (hidden + ffn) * 2.0
    return all_reduce_bytes_per_token(llm, tensor_parallel) / link + moved / gpu.bandwidth_bytes_per_s
