"""What a load generator measures of a run, from the engine's log: latencies of requests, gaps between tokens, throughput.

Means and quantiles are over requests, those of `itl_s` over all gaps between tokens; quantiles of requests are linear between the ordered
values, as numpy's and so those of most load generators.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.calibration.errors import Quantity
from sim.calibration.gaps import Finished, gap_quantiles
from sim.calibration.points import Metric, Statistic
from sim.profile import Profile

Floats = NDArray[np.float64]

_QUANTILES: tuple[tuple[Statistic, float], ...] = (("p50", 0.5), ("p90", 0.9), ("p95", 0.95), ("p99", 0.99))


def measured_values(done: NDArray[Any], profile: Profile, duration_s: float) -> dict[Quantity, float]:
    """Seconds, and output tokens a second over `duration_s`; `done` are log rows of requests that completed.

    The mean of the gaps is exact: the time of decoding over its tokens. Their quantiles are those of sim/calibration/gaps.py.
    """
    sent, first, last, tokens = done["arrival_s"], done["first_token_s"], done["finish_s"], done["output_tokens"]
    several = tokens > 1
    decoding, gaps = (last - first)[several], (tokens - 1)[several]
    values: dict[Quantity, float] = {("throughput_tok_s", "mean"): float(tokens.sum()) / duration_s}
    of_requests: tuple[tuple[Metric, Floats], ...] = (("ttft_s", first - sent), ("tpot_s", decoding / gaps), ("e2e_s", last - sent))
    for metric, each in of_requests:
        if len(each):
            values[metric, "mean"] = float(each.mean())
            values.update(_named(metric, np.quantile(each, [p for _, p in _QUANTILES])))
    if len(gaps):
        values["itl_s", "mean"] = float(decoding.sum() / gaps.sum())
        finished = Finished(first, last, done["prompt_tokens"].astype(np.float64), tokens.astype(np.float64))
        quantiles = gap_quantiles(finished, profile.step, budget=profile.max_num_batched_tokens, probabilities=[p for _, p in _QUANTILES])
        values.update(_named("itl_s", quantiles))
    return values


def _named(metric: Metric, quantiles: Iterable[float]) -> dict[Quantity, float]:
    return {(metric, name): float(value) for (name, _), value in zip(_QUANTILES, quantiles, strict=True)}
