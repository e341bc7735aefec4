"""A closed-loop benchmark against one replica, in few lines, which also tells what steps its measured times are made of.

So many clients, each sending its next request when its last one ends; first come first served, prompts in chunks of the step's budget,
decodes first, no preemption. The mean TTFT and TPOT of a run are sums of steps, linear in the coefficients of a step for a given course
of the run: `Run` gives those sums, so that coefficients can be fitted to what a load generator measured, and the run repeated with them.
"""

from __future__ import annotations

import random
from bisect import bisect_right
from dataclasses import dataclass, field
from math import ceil

import numpy as np
from numpy.typing import NDArray

from sim.profile.fitting import Term
from sim.profile.step import KNOTS, StepCoefficients

_KNOTS = len(KNOTS)
_SEQUENCES, _CONTEXT, _ATTENTION, _SIZE = _KNOTS, _KNOTS + 1, _KNOTS + 2, _KNOTS + 3
Sums = NDArray[np.float64]
"""Steps by knot of g (shared between the two around T), then S, C and A, each added over steps."""


@dataclass(frozen=True)
class Run:
    """Means over all requests: seconds, and the steps they are made of; `short_of_kv` counts steps in which a prompt waited for KV cache."""

    ttft_s: float
    tpot_s: float
    ttft: tuple[Term, ...]
    tpot: tuple[Term, ...]
    short_of_kv: int


@dataclass
class _Sequence:
    sent_s: float
    prompt: int
    output: int
    computed: int = 0
    out: int = 0
    first_s: float = 0.0
    at_start: Sums = field(default_factory=lambda: np.zeros(_SIZE))
    at_first: Sums = field(default_factory=lambda: np.zeros(_SIZE))


def closed_loop(
    step: StepCoefficients,
    *,
    clients: int,
    prompt_tokens: int,
    output_tokens: int,
    kv_tokens: float,
    budget: int = 8192,
    rounds: int = 10,
    shortest: float = 0.8,
    front_end_s: float = 0.0,
    seed: int = 0,
) -> Run:
    """`rounds` requests a client, lengths uniform from `shortest` to 1 of the nominal ones; all clients start at once."""
    draw = random.Random(seed)
    left = [
        (draw.randint(int(shortest * prompt_tokens), prompt_tokens), draw.randint(int(shortest * output_tokens), output_tokens))
        for _ in range(clients * rounds)
    ]
    coming = [(front_end_s, _Sequence(0.0, *left.pop())) for _ in range(clients)]
    waiting: list[_Sequence] = []
    running: list[_Sequence] = []
    ttft, tpot, done, short_of_kv = 0.0, 0.0, 0, 0
    ttft_sums, tpot_sums, total, last = (np.zeros(_SIZE) for _ in range(4))
    now = last_s = 0.0
    while coming or waiting or running:
        coming.sort(key=lambda arrival: arrival[0])
        while coming and coming[0][0] <= now:
            at_s, arrived = coming.pop(0)
            # The part of the step in flight that was over when it arrived is not in its wait.
            arrived.at_start = total - last * ((now - at_s) / last_s) if last_s > 0.0 else total.copy()
            waiting.append(arrived)
        if not waiting and not running:
            now, last_s = coming[0][0], 0.0
            continue
        decodes = [s for s in running if s.out]
        room = budget - len(decodes)
        chunks = []
        for s in running:
            if not s.out and room > 0:
                chunks.append((s, min(room, s.prompt - s.computed)))
                room -= chunks[-1][1]
        held = sum(s.prompt + s.out for s in running)
        while waiting and room > 0 and held + waiting[0].prompt <= kv_tokens:
            running.append(waiting.pop(0))
            held += running[-1].prompt
            chunks.append((running[-1], min(room, running[-1].prompt)))
            room -= chunks[-1][1]
        short_of_kv += bool(waiting and room > 0)
        tokens, sequences = len(decodes) + sum(n for _, n in chunks), len(decodes) + len(chunks)
        context, attention = sum(s.prompt + s.out - 1 for s in decodes), sum(n * (s.computed + n / 2) for s, n in chunks)
        seconds = step.seconds(tokens=tokens, sequences=sequences, context=context, attention=attention)
        steps = 1
        if not chunks and not waiting:
            steps = min(s.output - s.out for s in decodes)
            if coming:
                steps = min(steps, max(1, ceil((coming[0][0] - now) / seconds)))
        grown = len(decodes) * steps * (steps - 1) / 2
        last_s = steps * seconds + step.f_s * grown
        last = steps * _shares(tokens)
        last[_SEQUENCES], last[_CONTEXT], last[_ATTENTION] = sequences * steps, context * steps + grown, attention * steps
        now += last_s
        total = total + last
        for s in decodes:
            s.out += steps
        for s, n in chunks:
            s.computed += n
            if s.computed == s.prompt:
                s.out, s.first_s, s.at_first = 1, now, total
        for s in [s for s in running if s.out >= s.output]:
            running.remove(s)
            done += 1
            ttft += s.first_s - s.sent_s
            tpot += (now - s.first_s) / (s.output - 1)
            ttft_sums += s.at_first - s.at_start
            tpot_sums += (total - s.at_first) / (s.output - 1)
            if left:
                coming.append((now + front_end_s, _Sequence(now, *left.pop())))
    return Run(ttft / done, tpot / done, _terms(ttft_sums / done), _terms(tpot_sums / done), short_of_kv)


def _shares(tokens: int) -> Sums:
    """One step of so many tokens as shares of the two knots of g around it; beyond the last knot the line through the last two goes on."""
    shares = np.zeros(_SIZE)
    if tokens <= KNOTS[0]:
        shares[0] = 1.0
        return shares
    i = min(bisect_right(KNOTS, tokens) - 1, _KNOTS - 2)
    upper = (tokens - KNOTS[i]) / (KNOTS[i + 1] - KNOTS[i])
    shares[i], shares[i + 1] = 1.0 - upper, upper
    return shares


def _terms(sums: Sums) -> tuple[Term, ...]:
    steps = float(sums[:_KNOTS].sum())
    each = [float(value) / steps for value in sums[_KNOTS:]]
    return tuple(Term(float(n), float(knot), *each) for knot, n in zip(KNOTS, sums[:_KNOTS], strict=True) if n != 0.0)
