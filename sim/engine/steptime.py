"""Step times: g(T), the closed form of a run of pure decode steps, and its inverse by exact comparison."""

from __future__ import annotations

import math

from sim.engine.compiled import compiled
from sim.engine.layout import State


@compiled
def piecewise(s: State, first: int, n: int, x: float) -> float:
    """Linear interpolation through n knots from position `first`: constant below the first, continued by the last slope above."""
    if n == 1 or x <= s.knot[first, 0]:
        return float(s.knot[first, 1])
    lo = first
    hi = first + n - 1
    if x >= s.knot[hi, 0]:
        lo = hi - 1
    else:
        while hi - lo > 1:
            mid = (lo + hi) >> 1
            if s.knot[mid, 0] <= x:
                lo = mid
            else:
                hi = mid
        hi = lo + 1
    x0 = s.knot[lo, 0]
    y0 = s.knot[lo, 1]
    return float(y0 + (s.knot[hi, 1] - y0) * (x - x0) / (s.knot[hi, 0] - x0))


@compiled
def step_seconds(s: State, d: int, tokens: int, sequences: int, context: int, attention: float) -> float:
    """c + g(T) + o*S + f*C + h*A of deployment d."""
    p = s.dep[d]
    return float(p.c + piecewise(s, p.knot0, p.n_knots, float(tokens)) + p.o * sequences + p.f * context + p.h * attention)


@compiled
def run_end(t0: float, a: float, b: float, j: int) -> float:
    """When the j-th step of a run of decode steps ends."""
    return t0 + j * a + b * (j * (j - 1) * 0.5)


@compiled
def steps_until(t0: float, a: float, b: float, t: float, most: int) -> int:
    """The least j in 0..most whose step ends at or after t (most if none does).

    j is guessed from the root of t0 + j*a + b*j*(j-1)/2 = t, which is 2x/(h + sqrt(h*h + 2*b*x)) with x = t - t0 and
    h = a - b/2, then corrected by exact comparison.
    """
    x = t - t0
    if x <= 0.0:
        return 0
    h = a - 0.5 * b
    root = 2.0 * x / (h + math.sqrt(h * h + 2.0 * b * x))
    j = most if root >= most else int(root)
    while j > 0 and run_end(t0, a, b, j - 1) >= t:
        j -= 1
    while j < most and run_end(t0, a, b, j) < t:
        j += 1
    return j
