"""Long replays for the comparison with theory: traces from arrays, batch means, and the rule of agreement."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from sim.engine.system import Api, Autoscaler, Client, Limit, Pool, Replica, Rule, StepTime, System, Target
from sim.trace import Trace

Floats = npt.NDArray[np.float64]
Log = npt.NDArray[np.void]

BATCHES = 20


def poisson(rate: float, count: int, seed: int) -> Floats:
    """Arrival times of a Poisson process."""
    return np.cumsum(np.random.default_rng([seed, 1]).exponential(1 / rate, count))


def geometric(mean: float, count: int, seed: int) -> npt.NDArray[np.int64]:
    return np.random.default_rng([seed, 2]).geometric(1 / mean, count)


def one_replica(step: StepTime, max_num_seqs: int, **changes: Any) -> Pool:
    """A pool of one replica with memory for all."""
    replica = Replica(step, blocks=1 << 40, max_num_seqs=max_num_seqs, max_num_batched_tokens=1 << 20, max_model_len=1 << 40)
    return Pool("own", replica, 1, 1, **({"autoscaler": Autoscaler(max_replicas=1)} | changes))


def constant_step(step_s: float) -> StepTime:
    return StepTime(step_s, (1.0,), (0.0,))


def endpoint(*limits: Limit, ln_mean_s: float = 0.0, ln_sigma: float = 0.0) -> Api:
    """An API whose requests of one token take a lognormal time."""
    return Api("api", 0, limits, (0.0, 1.0), (ln_mean_s, ln_mean_s + ln_sigma))


def replay(deployment: Pool | Api, arrival_s: Floats, output_tokens: Any = 1, **settings: Any) -> Any:
    """Requests of one prompt token through one deployment, tried once; the Result with its log."""
    from sim.engine.run import simulate

    system = System((deployment,), (Rule((Target(0, client=Client(retries=0)),)),))
    ones = np.ones(len(arrival_s), np.int64)
    trace = Trace.from_arrays(arrival_s=arrival_s, prompt_tokens=ones, output_tokens=output_tokens * ones)
    return simulate(system, trace, log=True, **settings)


def means(values: Floats) -> Floats:
    """Means of consecutive batches, the first twentieth of the values left out as warm-up."""
    kept = values[len(values) // 20 :]
    return np.array([batch.mean() for batch in np.array_split(kept, BATCHES)])


def assert_agrees(batches: Floats, formula: float) -> None:
    """Their mean lies within four standard errors of the formula, and the standard error within 1 % of it."""
    mean = float(batches.mean())
    error = float(batches.std(ddof=1)) / math.sqrt(len(batches))
    print(f"simulated {mean:.6g} +- {error:.2g} formula {formula:.6g} ({(mean - formula) / error:+.2f} standard errors)")
    assert error <= 0.01 * formula, f"standard error {error:.3g} above 1 % of {formula:.4g}"
    assert abs(mean - formula) <= 4 * error, f"{mean:.6g} against {formula:.6g}: {(mean - formula) / error:+.1f} standard errors"
