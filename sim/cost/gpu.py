"""What the machines of a run cost: which stood there, for how long they are billed, and the rent of each.

A provider bills machines, each as a whole and by its own clock: replica i stands on machine i // (replicas a machine holds), a machine
is paid from when its first replica's provisioning starts until its last one is gone, and a life is rounded up to the billing
unit, at least the minimum. A life that the end of the run cuts is not rounded: it goes on.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from sim.cost.gpu_month import rent_usd
from sim.cost.price import GpuPrice, mean_factor
from sim.engine.result import Life
from sim.units import SECONDS_PER_HOUR


@dataclass(frozen=True, slots=True)
class MachineLife:
    """One machine (or machines that one replica spans) from start to end in seconds; `ended` unless the run's end cut it."""

    start_s: float
    end_s: float
    gpus: int
    ended: bool


def machine_lives(*, lives: Iterable[Life], gpus_per_replica: int, gpus_per_machine: int, window_s: float) -> list[MachineLife]:
    """The machines that stood there within the run, from the lives of the replicas of one pool."""
    if gpus_per_machine >= gpus_per_replica:
        replicas, gpus = gpus_per_machine // gpus_per_replica, gpus_per_machine
    else:
        replicas, gpus = 1, math.ceil(gpus_per_replica / gpus_per_machine) * gpus_per_machine
    spans: dict[int, list[tuple[float, float, bool]]] = {}
    for life in lives:
        if life.start_s < window_s:
            ended = life.end != "running" and life.end_s <= window_s
            spans.setdefault(life.replica // replicas, []).append((life.start_s, min(life.end_s, window_s), ended))
    machines = []
    for machine in sorted(spans):
        start, end, ended = math.inf, -math.inf, True
        for at, until, done in sorted(spans[machine]):
            if at > end and end > -math.inf:
                machines.append(MachineLife(start, end, gpus, ended))
                start, end, ended = math.inf, -math.inf, True
            start = min(start, at)
            end, ended = max((end, ended), (until, done), key=lambda last: (last[0], not last[1]))
        machines.append(MachineLife(start, end, gpus, ended))
    return machines


def billed_s(*, life_s: float, billing_unit_s: float, minimum_s: float) -> float:
    """Seconds billed for a life that ended: rounded up to whole units, at least the minimum; nothing for no life."""
    if life_s <= 0:
        return 0.0
    # The tolerance keeps 3600.0000001 seconds from being two hours.
    return max(math.ceil(life_s / billing_unit_s - 1e-9) * billing_unit_s, minimum_s)


def gpu_hours(*, machines: Sequence[MachineLife], price: GpuPrice) -> float:
    """GPU-hours billed for machines: whole machines, rounded lives."""
    return math.fsum(_machine_s(machine, price) * machine.gpus for machine in machines) / SECONDS_PER_HOUR


def machines_usd(*, machines: Sequence[MachineLife], price: GpuPrice, changes: Sequence[tuple[float, float]] = ()) -> float:
    """All that is paid for machines: GPU-hours billed x USD per GPU-hour x the mean factor of their time (changes: from second, factor)."""
    hours = [_machine_s(machine, price) / SECONDS_PER_HOUR * machine.gpus for machine in machines]
    factors = [mean_factor(start_s=machine.start_s, end_s=machine.end_s, changes=changes) for machine in machines]
    usd = rent_usd(gpu_hours=np.array(hours), usd_per_gpu_hour=price.usd_per_gpu_hour, factor=np.array(factors))
    return math.fsum(usd.tolist())


def most_gpus(*, machines: Sequence[MachineLife]) -> int:
    """The most GPUs that are paid for at one time."""
    changes = [(machine.start_s, machine.gpus) for machine in machines] + [(machine.end_s, -machine.gpus) for machine in machines]
    count = most = 0
    for _, change in sorted(changes):
        count += change
        most = max(most, count)
    return most


def _machine_s(machine: MachineLife, price: GpuPrice) -> float:
    life_s = machine.end_s - machine.start_s
    return billed_s(life_s=life_s, billing_unit_s=price.billing_unit_s, minimum_s=price.minimum_s) if machine.ended else life_s
