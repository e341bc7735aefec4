"""A closed-loop benchmark against one replica, in few lines: so many clients, each sending its next request when the last one ends.

First come first served, prompts in chunks of the step's budget, decodes first, no preemption: enough to tell what part of a measured
TTFT is waiting and computing, and what is left for the server's front end.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from math import ceil

from sim.profile.step import StepCoefficients


@dataclass
class _Sequence:
    sent_s: float
    prompt: int
    output: int
    computed: int = 0
    out: int = 0
    first_s: float = 0.0


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
) -> tuple[float, float]:
    """Mean TTFT and TPOT in seconds of `rounds` requests a client, lengths uniform from `shortest` to 1 of the nominal ones."""
    draw = random.Random(seed)
    left = [
        (draw.randint(int(shortest * prompt_tokens), prompt_tokens), draw.randint(int(shortest * output_tokens), output_tokens))
        for _ in range(clients * rounds)
    ]
    coming = [(front_end_s, _Sequence(0.0, *left.pop())) for _ in range(clients)]
    waiting: list[_Sequence] = []
    running: list[_Sequence] = []
    ttft, tpot = [], []
    now = 0.0
    while coming or waiting or running:
        coming.sort(key=lambda arrival: arrival[0])
        while coming and coming[0][0] <= now:
            waiting.append(coming.pop(0)[1])
        if not waiting and not running:
            now = coming[0][0]
            continue
        decodes = [s for s in running if s.out]
        room = budget - len(decodes)
        chunks = []
        for s in running:
            if not s.out and room > 0:
                chunks.append((s, min(room, s.prompt - s.computed)))
                room -= chunks[-1][1]
        while waiting and room > 0 and sum(s.prompt + s.out for s in running) + waiting[0].prompt <= kv_tokens:
            running.append(waiting.pop(0))
            chunks.append((running[-1], min(room, running[-1].prompt)))
            room -= chunks[-1][1]
        seconds = step.seconds(
            tokens=len(decodes) + sum(n for _, n in chunks),
            sequences=len(decodes) + len(chunks),
            context=sum(s.prompt + s.out - 1 for s in decodes),
            attention=sum(n * (s.computed + n / 2) for s, n in chunks),
        )
        steps = 1
        if not chunks and not waiting:
            steps = min(s.output - s.out for s in decodes)
            if coming:
                steps = min(steps, max(1, ceil((coming[0][0] - now) / seconds)))
        now += steps * seconds + step.f_s * len(decodes) * steps * (steps - 1) / 2
        for s in decodes:
            s.out += steps
        for s, n in chunks:
            s.computed += n
            if s.computed == s.prompt:
                s.out, s.first_s = 1, now
        for s in [s for s in running if s.out >= s.output]:
            running.remove(s)
            ttft.append(s.first_s - s.sent_s)
            tpot.append((now - s.first_s) / (s.output - 1))
            if left:
                coming.append((now + front_end_s, _Sequence(now, *left.pop())))
    return sum(ttft) / len(ttft), sum(tpot) / len(tpot)
