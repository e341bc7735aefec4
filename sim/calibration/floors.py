"""The least time of a step that hardware allows: its weights read once, and its products computed once, by all GPUs at their peaks.

A fit stays above both. Where it would go below the second, the description is wrong: lengths, LLM, precision or GPU.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.calibration.points import Server
from sim.profile.physics import streaming_floor_s
from sim.profile.step import StepCoefficients

if TYPE_CHECKING:
    from sim.calibration.parts import Estimate

PRESSED = 1.05
"""A step that takes less than so many times its products at the peak is pressed against them (assumed; no estimate comes so near)."""


def compute_floor_s(server: Server, tokens: float) -> float:
    """The least seconds of a step of so many tokens: 2 operations a token and active weight, at the peaks of all GPUs.

    Weights that stay in 16 bits under a quantised precision go at the rate of bf16.
    """
    llm, gpu = server.llm, server.gpu
    kept = llm.matrix_params - llm.quantised_params
    quantised = max(llm.active_matrix_params - kept, 0)
    per_token_s = 2.0 * (quantised / gpu.peak_flops(server.precision) + kept / gpu.peak_flops("bf16"))
    return tokens * per_token_s / server.tensor_parallel


def floors_of(server: Server, step: StepCoefficients) -> tuple[float, ...]:
    """The floor under each knot of g, in seconds: the larger of reading and computing, and never above where the fit begins."""
    return tuple(min(max(_streaming_s(server, tokens), compute_floor_s(server, tokens)), g) for tokens, g in _knots(step))


def faster_than_peak(server: Server, estimate: Estimate, step: StepCoefficients) -> list[str]:
    """A sentence where a fitted step is pressed against the peak compute rate; none where the estimate is there too."""
    pressed = [
        tokens
        for (tokens, g), before in zip(_knots(step), estimate.step.g_s, strict=True)
        if (floor := compute_floor_s(server, tokens)) >= _streaming_s(server, tokens) and g < PRESSED * floor <= before
    ]
    if not pressed:
        return []
    return [
        f"Prompts were measured faster than the peak compute rate of {server.tensor_parallel} x {server.gpu.name} allows, or nearly so "
        f"(from steps of {pressed[0]:,.0f} tokens): are lengths, LLM, precision, GPU and tensor parallel size right, and was no prefix "
        "cached? No profile goes below that floor."
    ]


def _knots(step: StepCoefficients) -> list[tuple[float, float]]:
    return list(zip(step.g_tokens, step.g_s, strict=True))


def _streaming_s(server: Server, tokens: float) -> float:
    return streaming_floor_s(server.llm, server.gpu, server.precision, server.tensor_parallel, tokens)
