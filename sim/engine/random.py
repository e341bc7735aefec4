"""Counter-based random numbers: the same request has the same luck in every stack, in any order, on any worker.

Philox4x32-10 (Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011), keyed by the seed, with the
identity of the draw as counter. Integers are handled so that plain Python and machine code give the same bits: products of two
32-bit words are masked, never allowed to matter beyond 64 bits.
"""

from __future__ import annotations

import math

from sim.engine.compiled import compiled

ROUTE = 1
JITTER = 2
TTFT = 3
TPOT = 4
ERROR = 5
HOUR = 6
COLD = 7
AFFINITY = 8
DEMAND = 9
THINK = 10

_MASK = 0xFFFFFFFF


@compiled
def philox(c0: int, c1: int, c2: int, c3: int, k0: int, k1: int, rounds: int) -> tuple[int, int, int, int]:
    """Philox4x32 on a counter of four and a key of two 32-bit words (ten rounds for random numbers)."""
    for _ in range(rounds):
        p0 = 0xD2511F53 * c0
        p1 = 0xCD9E8D57 * c2
        n0 = ((p1 >> 32) & _MASK) ^ c1 ^ k0
        n2 = ((p0 >> 32) & _MASK) ^ c3 ^ k1
        c1 = p1 & _MASK
        c3 = p0 & _MASK
        c0 = n0
        c2 = n2
        k0 = (k0 + 0x9E3779B9) & _MASK
        k1 = (k1 + 0xBB67AE85) & _MASK
    return c0, c1, c2, c3


@compiled
def uniform(seed: int, stream: int, row: int, deployment: int, attempt: int, k: int) -> float:
    """A number in [0, 1) with 53 bits that belongs to (seed, stream, row, deployment, attempt, k).

    row is any integer below 2**63 (the copy of a tiled request in its upper bits); stream and deployment are taken modulo
    256, attempt modulo 65,536 and k modulo 2**32.
    """
    wide_row = int(row)
    wide_seed = int(seed)
    c2 = (int(stream) & 0xFF) | ((int(deployment) & 0xFF) << 8) | ((int(attempt) & 0xFFFF) << 16)
    x0, x1, _, _ = philox(wide_row & _MASK, (wide_row >> 32) & _MASK, c2, int(k) & _MASK, wide_seed & _MASK, (wide_seed >> 32) & _MASK, 10)
    return ((x0 >> 5) * 67108864.0 + (x1 >> 6)) / 9007199254740992.0


@compiled
def mix(a: int, b: int) -> int:
    """A 62-bit fingerprint of two integers: what content keys of KV blocks are chained with (four rounds reach every bit)."""
    wide_a = int(a)
    wide_b = int(b)
    x0, x1, _, _ = philox(wide_a & _MASK, (wide_a >> 32) & _MASK, wide_b & _MASK, (wide_b >> 32) & _MASK, 0x51ED270B, 0x2545F491, 4)
    return ((x0 & 0x3FFFFFFF) << 32) | x1


@compiled
def normal(u: float) -> float:
    """Standard normal quantile of u (Wichura, Algorithm AS 241 PPND16, relative error about 1e-16); u = 0 is taken as 2**-54."""
    if u <= 0.0:
        u = 5.551115123125783e-17
    q = u - 0.5
    if abs(q) <= 0.425:
        r = 0.180625 - q * q
        num = (((((((2509.0809287301226727 * r + 33430.575583588128105) * r + 67265.770927008700853) * r
                   + 45921.953931549871457) * r + 13731.693765509461125) * r + 1971.5909503065514427) * r
                + 133.14166789178437745) * r + 3.387132872796366608)  # fmt: skip
        den = (((((((5226.495278852545925 * r + 28729.085735721942674) * r + 39307.89580009271061) * r
                   + 21213.794301586595867) * r + 5394.1960214247511077) * r + 687.1870074920579083) * r
                + 42.313330701600911252) * r + 1.0)  # fmt: skip
        return q * num / den
    r = u if q < 0.0 else 1.0 - u
    r = math.sqrt(-math.log(r))
    if r <= 5.0:
        r -= 1.6
        num = (((((((7.7454501427834140764e-4 * r + 0.0227238449892691845833) * r + 0.24178072517745061177) * r
                   + 1.27045825245236838258) * r + 3.64784832476320460504) * r + 5.7694972214606914055) * r
                + 4.6303378461565452959) * r + 1.42343711074968357734)  # fmt: skip
        den = (((((((1.05075007164441684324e-9 * r + 5.475938084995344946e-4) * r + 0.0151986665636164571966) * r
                   + 0.14810397642748007459) * r + 0.68976733498510000455) * r + 1.6763848301838038494) * r
                + 2.05319162663775882187) * r + 1.0)  # fmt: skip
    else:
        r -= 5.0
        num = (((((((2.01033439929228813265e-7 * r + 2.71155556874348757815e-5) * r + 0.0012426609473880784386) * r
                   + 0.026532189526576123093) * r + 0.29656057182850489123) * r + 1.7848265399172913358) * r
                + 5.4637849111641143699) * r + 6.6579046435011037772)  # fmt: skip
        den = (((((((2.04426310338993978564e-15 * r + 1.4215117583164458887e-7) * r + 1.8463183175100546818e-5) * r
                   + 7.868691311456132591e-4) * r + 0.0148753612908506148525) * r + 0.13692988092273580531) * r
                + 0.59983220655588793769) * r + 1.0)  # fmt: skip
    return -num / den if q < 0.0 else num / den
