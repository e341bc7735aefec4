"""How many replicas a pool wants: the laws by the names of the systems they imitate, with those systems' defaults.

What each law does with its settings is documented beside its code in sim/engine/autoscalers/. Defaults: Kubernetes podautoscaler and
autoscaling/v2 defaults.go; the KEDA ScaledObject specification; Knative serving config-autoscaler; Amazon EC2 Auto Scaling's
target tracking alarms. Fields marked ASSUMED have no source.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from sim.catalog.strict import Strict
from sim.stack.quantity import ASSUMED, Number, PositiveNumber, PositiveSeconds, PositiveWhole, Seconds, Share, Whole

_SAMPLES = 4000
"""So many samples of a metric a law can look back on; the engine keeps a few more."""
_DECISIONS = 10_000

Interval = Annotated[PositiveSeconds, Field(ge=0.1)]
"""How often something is looked at: none of these systems can do so more than ten times a second."""
Percent = Annotated[Number, Field(le=1_000_000)]
Target = Annotated[PositiveNumber, Field(ge=1e-6, le=1e9)]
Times = Annotated[PositiveNumber, Field(le=1_000_000)]

Metric = Literal["waiting", "concurrency", "kv", "busy", "rps"]
_PER_REPLICA = "per replica for waiting, concurrency and rps; a share for kv and busy"


class Measured(Strict):
    """What laws that follow a metric have in common."""

    defaults_from: ClassVar[str] = "assumed"

    metric: Annotated[Metric, ASSUMED] = Field(
        default="waiting",
        description="what is measured: waiting requests, concurrency (waiting and running), kv (mean share of KV memory in use), "
        "busy (share of replicas with work), rps (requests offered a second)",
    )
    scrape: Annotated[Interval, ASSUMED] = Field(default=15.0, description="how often the metric is read off the replicas")
    average: Annotated[PositiveSeconds, ASSUMED] = Field(default=15.0, description="over how long samples are averaged")
    lag: Annotated[Seconds, ASSUMED] = Field(default=0.0, description="how old the newest sample is that a decision sees")

    @model_validator(mode="after")
    def _looks_back_on_samples_kept(self) -> Measured:
        if self.lag + self.average > _SAMPLES * self.scrape:
            raise ValueError(
                f"average {self.average:g} s and lag {self.lag:g} s look back on more than {_SAMPLES} samples, one every "
                f"{self.scrape:g} s; a longer scrape or a shorter average is needed"
            )
        return self


class Policies(Measured):
    """The scaling behaviour of a Kubernetes HorizontalPodAutoscaler, which KEDA drives too."""

    defaults_from: ClassVar[str] = "Kubernetes podautoscaler and autoscaling/v2 defaults.go"

    target: Annotated[Target, ASSUMED] = Field(default=5.0, description=f"value of the metric to keep: {_PER_REPLICA}")
    sync: Interval = Field(default=15.0, description="how often it decides")
    tolerance: Share = Field(default=0.1, description="no change while metric over target is this close to 1")
    up_pods: Whole = Field(default=4, le=10_000, description="most replicas added in a period; the larger of this and up_percent applies")
    up_percent: Percent = Field(default=100.0, description="most replicas added in a period, percent of those present")
    up_period: PositiveSeconds = Field(default=15.0, description="the period of up_pods and up_percent")
    up_stabilization: Seconds = Field(default=0.0, description="scale-up takes the lowest wish of this long")
    down_pods: Whole = Field(
        default=0, le=10_000, description="most replicas removed in a period; the larger of this and down_percent applies"
    )
    down_percent: Percent = Field(default=100.0, description="most replicas removed in a period, percent of those present")
    down_period: PositiveSeconds = Field(default=15.0, description="the period of down_pods and down_percent")
    down_stabilization: Seconds = Field(default=300.0, description="scale-down takes the highest wish of this long")

    @model_validator(mode="after")
    def _remembers_its_decisions(self) -> Policies:
        longest = max(self.up_period, self.up_stabilization, self.down_period, self.down_stabilization)
        if longest > _DECISIONS * self.sync:
            raise ValueError(
                f"a window of {longest:g} s holds more than {_DECISIONS} decisions, one every {self.sync:g} s; a longer sync is needed"
            )
        return self


class Fixed(Strict):
    """The number of replicas never changes."""

    law: Literal["fixed"]


class Hpa(Policies):
    """Kubernetes HorizontalPodAutoscaler: ceil(present x metric / target), at least one replica."""

    law: Literal["hpa"]


class Keda(Policies):
    """KEDA: an HPA from one replica up, and its own switch between none and one."""

    law: Literal["keda"]
    defaults_from: ClassVar[str] = "KEDA ScaledObject specification; Kubernetes autoscaling/v2"
    scrape: Interval = Field(default=30.0, description="polling interval")
    cooldown: Seconds = Field(default=300.0, description="how long without activity before the last replica goes")
    activation: Number = Field(default=0.0, description="the pool is active while the metric is above this")


class Knative(Measured):
    """Knative pod autoscaler: concurrency or requests a second over a stable and a panic window; down to none."""

    law: Literal["knative"]
    defaults_from: ClassVar[str] = "Knative serving config-autoscaler"
    metric: Literal["concurrency", "rps"] = Field(default="concurrency", description="what is measured: concurrency or rps")
    target: Target = Field(default=100.0, description="value of the metric a replica may have")
    utilization: Share = Field(default=0.7, description="share of the target to aim at")
    scrape: Interval = Field(default=1.0, description="how often the metric is read off the replicas")
    average: PositiveSeconds = Field(default=60.0, description="the stable window")
    sync: Interval = Field(default=2.0, description="how often it decides")
    panic_window: Share = Field(default=0.1, description="the panic window as a share of the stable one")
    panic_threshold: Times = Field(default=2.0, description="panic when the panic window wants this many times the ready replicas")
    up_rate: Times = Field(default=1000.0, description="most growth in one decision, times the ready replicas")
    down_rate: Times = Field(default=2.0, description="most shrinkage in one decision, times")
    grace: Seconds = Field(default=30.0, description="how long the wish for none must last before the last replica goes")


class TargetTracking(Measured):
    """Amazon target tracking: alarms above the target and below 90 % of it, each with its cool-down."""

    law: Literal["target_tracking"]
    defaults_from: ClassVar[str] = "Amazon EC2 Auto Scaling target tracking"
    target: Target = Field(description=f"value of the metric to keep: {_PER_REPLICA}")
    scrape: Interval = Field(default=60.0, description="period of a datapoint")
    average: PositiveSeconds = Field(default=60.0, description="over how long samples are averaged")
    sync: Interval = Field(default=60.0, description="how often alarms are looked at")
    out_datapoints: PositiveWhole = Field(default=3, le=10_000, description="datapoints in a row above the target before it scales out")
    in_datapoints: PositiveWhole = Field(
        default=15, le=10_000, description="datapoints in a row below 90 % of the target before it scales in"
    )
    out_cooldown: Annotated[Seconds, ASSUMED] = Field(default=300.0, description="no further scale-out for this long")
    in_cooldown: Annotated[Seconds, ASSUMED] = Field(default=300.0, description="no scale-in for this long after a change")


class Step(Strict):
    """From a moment on, so many replicas."""

    at: Seconds = Field(description="schedule: time of the day (UTC, `8h`); plan: time of the run (`1mo`)")
    replicas: Whole = Field(description="how many replicas from then on")


class Timed(Strict):
    """What laws of given counts have in common."""

    steps: tuple[Step, ...] = Field(min_length=1, description="replicas from each moment on, in order of time")
    sync: Interval = Field(default=60.0, description="how often the steps are looked at")

    @model_validator(mode="after")
    def _in_order(self) -> Timed:
        times = [step.at for step in self.steps]
        if any(later <= earlier for earlier, later in pairwise(times)):
            raise ValueError("steps must be in order of time, each moment once")
        return self


class Schedule(Timed):
    """Replicas by the time of the day, each day the same."""

    law: Literal["schedule"]

    @model_validator(mode="after")
    def _within_a_day(self) -> Schedule:
        if self.steps[-1].at >= 86_400:
            raise ValueError(f"found a step at {self.steps[-1].at:g} s; times of a day are below 24h")
        return self

    def at_start(self, clock_s: float) -> int:
        """The replicas it wants at this second of the day; before the first step, those of the last."""
        past = [step.replicas for step in self.steps if step.at <= clock_s]
        return (past or [self.steps[-1].replicas])[-1]


class Plan(Timed):
    """Replicas by the time of the run, as a capacity plan gives them."""

    law: Literal["plan"]

    def at_start(self) -> int | None:
        """The replicas it wants when the run begins; None where it begins later."""
        return self.steps[0].replicas if self.steps[0].at == 0 else None


Autoscaler = Annotated[Fixed | Hpa | Keda | Knative | TargetTracking | Schedule | Plan, Field(discriminator="law")]
