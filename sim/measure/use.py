"""How a deployment was used: what it was asked, what it delivered, how busy and how full its replicas were.

Shares are taken over provisioned time: from the start of a replica's provisioning to its end, as it is billed, and
while its GPUs are lent to a training job (Result.present_s).
"""

from __future__ import annotations

from dataclasses import dataclass

from sim.engine.result import Result
from sim.engine.system import Api, Pool
from sim.units import SECONDS_PER_HOUR


@dataclass(frozen=True, slots=True)
class Use:
    """One deployment over a run. Requests are those whose last attempt was here; figures of replicas are None for an API."""

    name: str
    kind: str
    requests: int
    completed: int
    attempts: int
    retries: int
    throttled: int
    """Refusals by rate limits."""
    spilled: int
    """Passed on because the expected wait was too long."""
    fallback_completed: int
    met_slo: int | None
    """Requests within both latency levels; None for a batch lane, which is not held to them."""
    input_tokens: int
    """Prompt tokens computed or billed as such; cached ones are counted apart."""
    cached_input_tokens: int
    output_tokens: int
    input_tokens_per_s: float | None
    """All prompt tokens, cached ones included."""
    output_tokens_per_s: float | None
    goodput_per_s: float | None
    busy_share: float | None
    occupancy: float | None
    mean_batch: float | None
    """Sequences running while there is at least one."""
    prefix_hit_share: float | None
    preemptions: int | None
    replica_hours: float | None
    """Provisioned."""
    ready_replicas: float | None
    """On average over the run."""
    gpus_per_replica: int | None

    @property
    def gpu_hours(self) -> float | None:
        """Provisioned GPU-hours; None for an API."""
        return None if self.replica_hours is None or self.gpus_per_replica is None else self.replica_hours * self.gpus_per_replica


def _ratio(part: float, whole: float) -> float | None:
    return part / whole if whole > 0 else None


def use(result: Result, deployment: Pool | Api, d: int, *, lane: bool = False) -> Use:
    """The use of deployment number d of a run; `lane`: it is the batch lane of another."""
    fresh, cached, output = (int(n) for n in result.tokens[d].sum(axis=(0, 2, 3)))
    counter = {name: int(values[d]) for name, values in result.counters.items()}
    pool = deployment if isinstance(deployment, Pool) else None
    present_s, busy_s, window_s = float(result.present_s[d]), float(result.busy_s[d]), result.window_s
    met_slo = None if lane else int(result.met_slo[d].sum())
    capacity_tokens = pool.replica.blocks * pool.replica.block_tokens if pool else 0
    return Use(
        name=deployment.name,
        kind="gpu" if pool else "api",
        requests=int(result.outcomes[d].sum()),
        completed=int(result.outcomes[d, :, 0].sum()),
        attempts=counter["attempts"],
        retries=counter["retries"],
        throttled=counter["throttled"],
        spilled=counter["spilled"],
        fallback_completed=counter["fallback_completed"],
        met_slo=met_slo,
        input_tokens=fresh,
        cached_input_tokens=cached,
        output_tokens=output,
        input_tokens_per_s=_ratio(fresh + cached, window_s),
        output_tokens_per_s=_ratio(output, window_s),
        goodput_per_s=None if met_slo is None else _ratio(met_slo, window_s),
        busy_share=_ratio(busy_s, present_s) if pool else None,
        occupancy=_ratio(float(result.kv_token_s[d]), capacity_tokens * present_s) if pool else None,
        mean_batch=_ratio(float(result.sequence_s[d]), busy_s) if pool else None,
        prefix_hit_share=_ratio(counter["hit_tokens"], counter["queried_tokens"]) if pool else None,
        preemptions=counter["preemptions"] if pool else None,
        replica_hours=present_s / SECONDS_PER_HOUR if pool else None,
        ready_replicas=_ratio(float(result.ready_s[d]), window_s) if pool else None,
        gpus_per_replica=pool.gpus_per_replica if pool else None,
    )
