"""Seconds of one forward pass of a replica, as the engine computes them: c + g(T) + o*S + f*C + h*A.

T tokens in the step, S sequences in it, C tokens of context of its decodes, A attention work of its prompt chunks (the sum of
chunk x (context before + chunk/2)). g is piecewise linear through its knots.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass

KNOTS = (
    1, 2, 4, 8, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768,
    1024, 1536, 2048, 3072, 4096, 6144, 8192, 16384,
)  # fmt: skip
"""Tokens at which g is tabulated: dense where the weights stop to cost and the arithmetic begins."""


@dataclass(frozen=True)
class StepCoefficients:
    """Coefficients of a step: seconds, and seconds per sequence, token of context, and token pair of prompt attention."""

    c_s: float
    g_tokens: tuple[float, ...]
    g_s: tuple[float, ...]
    o_s: float = 0.0
    f_s: float = 0.0
    h_s: float = 0.0

    def g(self, tokens: float) -> float:
        """g(T): constant below the first knot, continued by the last slope above the last."""
        x, y = self.g_tokens, self.g_s
        if len(x) == 1 or tokens <= x[0]:
            return y[0]
        i = min(bisect_right(x, tokens) - 1, len(x) - 2)
        return y[i] + (tokens - x[i]) * ((y[i + 1] - y[i]) / (x[i + 1] - x[i]))

    def seconds(self, *, tokens: float, sequences: float, context: float = 0.0, attention: float = 0.0) -> float:
        """Seconds of one step."""
        return self.c_s + self.g(tokens) + self.o_s * sequences + self.f_s * context + self.h_s * attention

    def decode_s(self, *, sequences: float, context: float) -> float:
        """Seconds of a step of decodes only, one token a sequence; `context` is their total."""
        return self.seconds(tokens=sequences, sequences=sequences, context=context)

    def prefill_s(self, prompt_tokens: float) -> float:
        """Seconds of a step that computes one whole prompt and nothing else."""
        return self.seconds(tokens=prompt_tokens, sequences=1.0, attention=prompt_tokens * prompt_tokens / 2.0)
