"""What to measure next: the load whose measurement would make the predictions of all usual loads surest (a V-optimal design).

The covariance of the parts after a calibration says how unsure TTFT and TPOT of each load of a grid are; a further run with its noise
lowers that by a rank-two update, and the run that lowers the mean variance most is advised. The sensitivities are those of a closed
loop in a steady state, in closed form: enough to rank loads by, and no simulation.
V-optimality: Atkinson, Donev and Tobias, Optimum Experimental Designs, 2007, chapter 10.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import log, sqrt
from typing import TYPE_CHECKING

from sim.calibration.model import DIFFERENCE
from sim.calibration.observations import NOISE
from sim.calibration.parts import PARTS, Estimate
from sim.calibration.points import Load
from sim.calibration.serving import REQUESTS_PER_CLIENT
from sim.profile.step import StepCoefficients

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from sim.calibration.parts import Position
    from sim.profile.resolve import Profile

    Array = NDArray[np.float64]

SHAPES = ((128, 128), (1024, 1024), (1024, 128), (8192, 1024), (16384, 256))
"""Prompt and output tokens of the loads that are considered beside those measured."""
CONCURRENCIES = (1, 2, 4, 8, 16, 32, 64, 128, 256)
_KV_SHARE = 0.9
"""Loads that fill more of the KV cache tell of waiting, not of steps."""
WORTH_WHILE = 0.05
"""A run that lowers the expected error by less than this share of it is not advised."""
_MOST = 2
_LEAST_REQUESTS = 40


@dataclass(frozen=True)
class Advice:
    """One more run, and the expected error of predicted times before and after it (standard deviations of the logarithm)."""

    prompt_tokens: int
    output_tokens: int
    concurrency: int
    before: float
    after: float
    part: int
    """The part that it makes surest."""

    @property
    def requests(self) -> int:
        """How many to send."""
        return max(REQUESTS_PER_CLIENT * self.concurrency, _LEAST_REQUESTS)


def command_of(advice: Advice) -> str:
    """The run as a command of vLLM's load generator, against a server that is up; `MODEL` is the name it serves."""
    return (
        f"vllm bench serve --model MODEL --dataset-name random --random-input-len {advice.prompt_tokens} "
        f"--random-output-len {advice.output_tokens} --ignore-eos --max-concurrency {advice.concurrency} "
        f"--num-prompts {advice.requests} --save-result --save-detailed"
    )


def steady(step: StepCoefficients, front_end_s: float, load: tuple[int, int, int]) -> tuple[float, float]:
    """TTFT and TPOT in seconds of a closed loop (prompt, output, concurrency) in a steady state, whole prompts in one step each."""
    prompt, output, clients = load
    context = clients * (prompt + output / 2.0)
    decode_s = step.decode_s(sequences=clients, context=context)
    with_prompt_s = step.seconds(
        tokens=prompt + clients - 1, sequences=clients, context=context * (clients - 1) / clients, attention=prompt * prompt / 2.0
    )
    tpot = decode_s + (clients - 1) * (with_prompt_s - decode_s) / output
    # The first request of each client meets those of all others at once.
    burst = (clients - 1) / 2.0 * step.prefill_s(prompt) / REQUESTS_PER_CLIENT
    return front_end_s + (decode_s / 2.0 if clients > 1 else 0.0) + with_prompt_s + burst, tpot


def advise(estimate: Estimate, position: Position, covariance: Array, profile: Profile, measured: Iterable[Load]) -> tuple[Advice, ...]:
    """Up to two runs, the second given the first; none where no run would make predictions much surer."""
    import numpy as np

    done = {(round(load.prompt_tokens), round(load.output_tokens), load.concurrency) for load in measured}
    loads = _loads(profile, [(prompt, output) for prompt, output, _ in done])
    if not loads:
        return ()
    slopes = np.array([_slopes(estimate, position, load) for load in loads])  # load, metric, part
    noise = np.diag([NOISE["ttft_s"] ** 2, NOISE["tpot_s"] ** 2])
    now = np.asarray(covariance)

    def variance(of: Array) -> float:
        return float(np.einsum("lmp,pq,lmq->", slopes, of, slopes)) / (2 * len(loads))

    found: list[Advice] = []
    while len(found) < _MOST:
        best: tuple[float, int, Array] | None = None
        for i, load in enumerate(loads):
            if load in done:
                continue
            gain = now @ slopes[i].T
            after = now - gain @ np.linalg.solve(slopes[i] @ gain + noise, gain.T)
            value = variance(after)
            if best is None or value < best[0]:
                best = (value, i, after)
        before = variance(now)
        if before <= 0.0 or best is None or sqrt(best[0]) > (1.0 - WORTH_WHILE) * sqrt(before):
            break
        value, i, after = best
        part = int(np.argmin(np.diag(after) / np.maximum(np.diag(now), 1e-12) + (np.diag(now) <= 0.0)))
        found.append(Advice(*loads[i], before=sqrt(before), after=sqrt(value), part=part))
        done.add(loads[i])
        now = after
    return tuple(found)


def _loads(profile: Profile, own: Iterable[tuple[int, int]]) -> list[tuple[int, int, int]]:
    """Loads of the grid that the server can hold."""
    shapes = dict.fromkeys([*SHAPES, *sorted(own)])
    return [
        (prompt, output, clients)
        for prompt, output in shapes
        for clients in CONCURRENCIES
        if prompt >= 1 and output >= 2 and clients <= profile.max_num_seqs
        and clients * (prompt + output) <= _KV_SHARE * profile.kv_capacity_tokens
    ]  # fmt: skip


def _slopes(estimate: Estimate, position: Position, load: tuple[int, int, int]) -> list[list[float]]:
    """Derivatives of ln TTFT and ln TPOT of a load by each part, over both sides: some parts count on one side only."""

    def logs(at: Position) -> list[float]:
        return [log(value) for value in steady(*estimate.at(at), load)]

    columns = []
    for part in range(len(PARTS)):
        up, down = list(position), list(position)
        up[part] += DIFFERENCE
        down[part] -= DIFFERENCE
        columns.append([(above - below) / (2.0 * DIFFERENCE) for above, below in zip(logs(up), logs(down), strict=True)])
    return [[column[metric] for column in columns] for metric in range(2)]
