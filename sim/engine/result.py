"""What one simulation returns: counters, histograms, replica lives, a timeline and, on demand, one row a request.

Everything measured later (sim/measure, sim/cost) is computed from this and nothing else. Deployments and classes are numbered as
in the System and the Trace. Latencies are kept in log buckets: bucket 0 holds values below HIST_MIN_S, bucket i >= 1 those in
[HIST_MIN_S * HIST_GROWTH**(i-1), HIST_MIN_S * HIST_GROWTH**i), the last one everything above; a bucket's geometric middle is within 0.5
% of its members.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

HIST_MIN_S = 1e-5
HIST_GROWTH = 1.01
HIST_BUCKETS = 2560

METRICS = ("ttft", "tpot", "e2e")
OUTCOMES = ("completed", "rejected", "timed_out", "failed", "unfinished")
REASONS = (
    "none",
    "no_route",
    "rate_limited",
    "queue_full",
    "no_capacity",
    "too_long",
    "outage",
    "api_error",
    "replica_lost",
    "queue_timeout",
    "client_timeout",
    "spend_cap",
    "horizon",
)
TOKEN_KINDS = ("input", "cached_input", "output")

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]

LOG_DTYPE = np.dtype(
    [
        ("row", "i8"), ("arrival_s", "f8"), ("class_id", "i4"), ("client_id", "i4"), ("prompt_tokens", "i8"),
        ("output_tokens", "i8"),  # tokens delivered (0 unless completed)
        ("outcome", "i1"), ("reason", "i1"), ("deployment", "i2"),  # the last one tried, -1 if none
        ("target", "i2"), ("replica", "i4"), ("attempts", "i4"), ("retries", "i4"), ("throttled", "i4"),
        ("first_token_s", "f8"), ("finish_s", "f8"),  # times on the clock of the run; NaN where there is none
        ("preemptions", "i4"), ("cached_tokens", "i8"),  # cached: hit at the first admission of the last attempt
    ]
)  # fmt: skip

COUNTERS = (
    "attempts", "completed", "throttled", "retries", "spilled", "refused", "failed", "timed_out", "fallback_completed",
    "preemptions", "steps", "step_tokens", "prefill_tokens", "hit_tokens", "queried_tokens", "met_slo", "cut_outputs",
)  # fmt: skip
"""Integer counters of a deployment. refused: faults 429; failed: faults 5xx; timed_out: faults timeout (all attempts, not requests).
throttled: refusals by an API's limits (429). step_tokens: tokens scheduled in steps; prefill_tokens: those that are not decodes."""

TIMELINE_FIELDS = (
    "arrivals", "completed", "throttled", "waiting", "running", "ready", "present", "kv_share", "busy_s", "input_tokens", "output_tokens",
)  # fmt: skip
"""Columns of the timeline per interval and deployment: counts and busy_s are of the interval, waiting .. kv_share are looks at its end."""


@dataclass(frozen=True)
class Life:
    """One replica from the start of its provisioning to its end, or its GPUs while they are lent to a training job; what is billed.

    Times in seconds; `ready_s` NaN if it never was.
    """

    deployment: int
    replica: int
    start_s: float
    ready_s: float
    end_s: float
    end: str
    """running (still there at the end of the run), scaled_down, lost, preempted, or lent for the time of a training job."""


@dataclass(frozen=True)
class Happening:
    """One thing the control plane did or was told: a scripted event, a scaling decision, a replica's change of state."""

    at_s: float
    kind: str
    deployment: int
    replica: int
    detail: str


@dataclass(frozen=True)
class PriceStep:
    """From `at_s` on, tariff segment `segment` of a deployment applies: its prices are the list's times `factor`."""

    deployment: int
    segment: int
    at_s: float
    factor: float


@dataclass
class Result:
    """The outcome of one run. D deployments, K classes, C clients, R token tiers, G tariff segments."""

    window_s: float
    """What is billed and shares are taken over: the duration of the trace."""
    end_s: float
    """When the last request was done."""
    total: int
    outcomes: IntArray
    """[D + 1, K, 5] requests by last deployment (row D: none) and outcome (OUTCOMES)."""
    reasons: IntArray
    """[len(REASONS)] requests that did not complete, by reason."""
    histogram: IntArray
    """[3, D, K, HIST_BUCKETS] completed requests by METRICS."""
    latency_sum_ns: IntArray
    """[3, D, K] sums in nanoseconds (integers, so that the order of addition does not matter)."""
    latency_max_s: FloatArray
    """[3, D, K]."""
    met_slo: IntArray
    """[D, K] completed requests with TTFT and TPOT within the SLO."""
    counters: dict[str, IntArray]
    """name of COUNTERS -> [D]."""
    tokens: IntArray
    """[D, K, 3, R, G] tokens billed or processed, by TOKEN_KINDS, price tier of the prompt and tariff segment."""
    api_requests: IntArray
    """[D, K, G] attempts an API admitted (what per-request charges are due on)."""
    client_tokens: IntArray
    """[D, C, 3] by client; C = 0 when the trace names none."""
    busy_s: FloatArray
    """[D] replica-seconds with a step in flight, within the window."""
    sequence_s: FloatArray
    """[D] integral of running sequences over time while busy."""
    kv_token_s: FloatArray
    """[D] integral over time of the KV tokens in use (context of the running sequences), within the window."""
    ready_s: FloatArray
    """[D] replica-seconds in READY or DRAINING within the window."""
    present_s: FloatArray
    """[D] replica-seconds billed within the window (start to end, and while lent)."""
    lives: list[Life]
    happenings: list[Happening]
    timeline_s: float
    """Length of a timeline interval."""
    timeline: FloatArray
    """[intervals, D, len(TIMELINE_FIELDS)]."""
    price_steps: list[PriceStep]
    """The tariff segments (last axis of `tokens`) of every deployment, in order; one with factor 1 from the start."""
    log: npt.NDArray[np.void] | None = None
    """LOG_DTYPE rows in order of `row`, if asked for."""
