"""The parts of a profile that measurements may move, and how far the estimate of each is trusted before they speak.

A position is one number a part, in standard deviations of that trust: 0 is the estimate, and 1 a factor exp(spread). The front end is
moved by addition, since some engines are estimated to have none. g has three parts: steps of decodes, steps with prompts, and what long
prompts take beyond that (from some size on, messages and kernels change); between them their logarithms are blended by ln T. Below
`launch` no step with prompts falls: its kernels are launched one by one, where steps of decodes run as a captured graph.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, log
from typing import TYPE_CHECKING

from sim.profile.step import StepCoefficients

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Position = Sequence[float] | NDArray[np.float64]

FURTHEST = 6.0
"""No part moves further than so many of its spreads, whatever is measured."""
SMALL_TOKENS, LARGE_TOKENS = 64.0, 512.0
"""Steps of decodes lie below the first, steps with prompts above the second; between them the factors of g run into each other."""
FRONT_END_SPREAD = 0.7
LONG_SPREAD = 0.2
"""Of steps of `LONG_TOKENS` and more, beyond what `g_large` says of all steps with prompts (assumed; 0.4 is seen on 8 x A100)."""
LONG_BEGINS_TOKENS, LONG_TOKENS = 2048.0, 8192.0
LAUNCH_SPREAD = 0.5
"""Of the least time of a step with prompts; its estimate is the time of a step of so many tokens (assumed; 4 times that is seen)."""
LAUNCH_TOKENS = 128.0
LEAST_FRONT_END_SPREAD_S = 0.01
"""Standard deviation of a front end: this share of its estimate, or ten milliseconds if that is more (assumed)."""


@dataclass(frozen=True)
class Part:
    """One part of a profile: its name on the command line and in tables, what it is, and which measurements tell of it."""

    name: str
    words: str
    told_by: str
    """The benchmark that this part weighs most in, in words."""
    spread: float
    """Standard deviation of the logarithm of an estimate over the truth; of the front end, see `Estimate.front_end_spread_s`."""
    unit: str
    per_unit: float
    """The printed unit in seconds."""


PARTS: tuple[Part, ...] = (
    Part("c", "overhead of a step", "TPOT at concurrency 1 to 4, on short prompts", 0.5, "ms", 1e-3),
    Part("g_small", "weights, steps of decodes", "TPOT at several concurrencies up to 64", 0.2, "ms", 1e-3),
    Part("g_large", "weights, steps with prompts", "TTFT of prompts of 1,000 to 8,000 tokens", 0.3, "ms", 1e-3),
    Part("g_long", "the same, long prompts", "TTFT of prompts of 8,000 tokens and more", LONG_SPREAD, "ms", 1e-3),
    Part("launch", "a step with prompts, at least", "TTFT of prompts of 128 and of 512 tokens at concurrency 1", LAUNCH_SPREAD, "ms", 1e-3),
    Part("o", "a sequence", "TPOT at concurrency 64 and more, on short prompts", 1.0, "us", 1e-6),
    Part("f", "a token of context", "TPOT at concurrency 16 and more, on prompts of 8,000 tokens", 0.3, "ns", 1e-9),
    Part("h", "a pair of tokens of a prompt", "TTFT of prompts of 16,000 tokens and more", 0.3, "ns", 1e-9),
    Part("front_end", "server before the scheduler", "TTFT at concurrency 1, on prompts of 100 tokens", FRONT_END_SPREAD, "ms", 1e-3),
)
NAMES: tuple[str, ...] = tuple(part.name for part in PARTS)
LAUNCH = NAMES.index("launch")
STEP_PARTS = len(PARTS) - 1
"""The parts of a step come first, the front end last."""


@dataclass(frozen=True)
class Estimate:
    """Where a fit begins: the step and front end of the physics, and the weight-streaming floor at each knot of g, in seconds."""

    step: StepCoefficients
    front_end_s: float
    floor_s: tuple[float, ...]

    @property
    def front_end_spread_s(self) -> float:
        """Standard deviation of the front end, in seconds."""
        return max(FRONT_END_SPREAD * self.front_end_s, LEAST_FRONT_END_SPREAD_S)

    def at(self, position: Position) -> tuple[StepCoefficients, float]:
        """Step and front end (seconds) at a position; g is never below the floor."""
        logs = [float(z) * part.spread for z, part in zip(position, PARTS, strict=True)]
        c, small, large, long, launch, o, f, h, _ = logs
        least_s = self._launch_s * exp(launch) - self.step.c_s * exp(c) if launch > 0.0 else 0.0
        g = tuple(
            max(g_s * exp((1.0 - of_large) * small + of_large * large + of_long * long), floor, least_s if tokens >= LAUNCH_TOKENS else 0.0)
            for tokens, g_s, (of_large, of_long), floor in zip(self.step.g_tokens, self.step.g_s, self._shares(), self.floor_s, strict=True)
        )
        step = StepCoefficients(
            c_s=self.step.c_s * exp(c), g_tokens=self.step.g_tokens, g_s=g,
            o_s=self.step.o_s * exp(o), f_s=self.step.f_s * exp(f), h_s=self.step.h_s * exp(h),
        )  # fmt: skip
        return step, max(self.front_end_s + float(position[-1]) * self.front_end_spread_s, 0.0)

    def lowest(self) -> tuple[float, ...]:
        """The least position of each part: where g meets its floor, where there is no front end."""
        knots = list(zip(self.step.g_s, self._shares(), self.floor_s, strict=True))
        small = max(log(floor / g) for g, (of_large, _), floor in knots if of_large < 1.0)
        large = max((log(floor / g) for g, (of_large, _), floor in knots if of_large == 1.0), default=-FURTHEST)
        least = [-FURTHEST] * len(PARTS)
        least[1] = min(max(small / PARTS[1].spread, -FURTHEST), -1e-6)
        least[2] = min(max(large / PARTS[2].spread, -FURTHEST), -1e-6)
        least[LAUNCH] = -1e-6
        least[-1] = min(max(-self.front_end_s / self.front_end_spread_s, -FURTHEST), -1e-6)
        return tuple(least)

    def values(self, position: Position) -> tuple[float, ...]:
        """The value of each part at a position, in seconds: of g those of one token, of a prompt of 2,048, and of one of 8,192."""
        step, front_end_s = self.at(position)
        launch_s = self._launch_s * exp(max(float(position[LAUNCH]), 0.0) * PARTS[LAUNCH].spread)
        of_g = (step.g(1.0), step.g(LONG_BEGINS_TOKENS), step.g(LONG_TOKENS), launch_s)
        return (step.c_s, *of_g, step.o_s, step.f_s, step.h_s, front_end_s)

    @property
    def _launch_s(self) -> float:
        return self.step.c_s + self.step.g(LAUNCH_TOKENS)

    def relative_spread(self, part: int, sd: float) -> float:
        """A standard deviation in positions as a share of a part's value: 0.05 is five per cent."""
        if part < STEP_PARTS:
            return PARTS[part].spread * sd
        return self.front_end_spread_s * sd / max(self.front_end_s, LEAST_FRONT_END_SPREAD_S)

    def _shares(self) -> list[tuple[float, float]]:
        """How much of `g_large` (and not of `g_small`), and how much of `g_long`, the logarithm of each knot of g takes."""
        return [
            (_between(tokens, SMALL_TOKENS, LARGE_TOKENS), _between(tokens, LONG_BEGINS_TOKENS, LONG_TOKENS))
            for tokens in self.step.g_tokens
        ]


def _between(tokens: float, low: float, high: float) -> float:
    """0 up to the low bound, 1 from the high one on, by ln T between."""
    return min(max(log(tokens / low) / log(high / low), 0.0), 1.0)
