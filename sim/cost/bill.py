"""The bill of a run: lines by deployment that sum to the total, scaled to a month, and as unit costs.

GPU-hours are split into what worked (`gpu_used`), what stood idle (`gpu_idle`: cold starts included), and what was bought along with whole
machines, rounded lives and reservations (`gpu_spare`). Of owned GPUs these share the purchase, and electricity and hosting are lines of
their own (`gpu_power`, `gpu_hosting`). Unit costs divide the whole bill, idle included, by what was served.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from sim.cost.api import cached_input_usd, input_usd, output_usd, requests_usd
from sim.cost.extra import egress_usd, storage_usd, tooling_usd
from sim.cost.gpu import MachineLife, gpu_hours, machine_lives, machines_usd
from sim.cost.gpu_month import idle_usd, spare_usd, used_usd
from sim.cost.on_premises import upkeep_of
from sim.cost.price import ApiPrice, Extras, GpuPrice, Price
from sim.engine.result import Life, Result
from sim.engine.system import Pool, System
from sim.errors import InputError
from sim.units import MILLION, SECONDS_PER_HOUR, SECONDS_PER_MONTH

SHARED = "shared"
"""Stands for a deployment in lines that belong to none."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line: how much of what, of which deployment, and what it costs in USD over the run."""

    deployment: str
    item: str
    quantity: float
    unit: str
    usd: float


@dataclass(frozen=True)
class Bill:
    """The lines of a run of `window_s` seconds, and how many tokens and requests they served."""

    lines: tuple[Line, ...]
    window_s: float
    tokens: int
    """Prompt tokens, cached ones included, and output tokens."""
    completed: int

    @property
    def total_usd(self) -> float:
        """The sum of the lines."""
        return math.fsum(line.usd for line in self.lines)

    @property
    def usd_per_million_tokens(self) -> float | None:
        """Everything, idle included, over tokens read and written; None when there were none."""
        return self.total_usd / self.tokens * MILLION if self.tokens else None

    @property
    def usd_per_1000_requests(self) -> float | None:
        """Everything, idle included, over completed requests; None when there were none."""
        return self.total_usd / self.completed * 1000 if self.completed else None

    @property
    def month_factor(self) -> float | None:
        """A month of 730 hours over the run; None for a run without duration, which no month can be made of."""
        return SECONDS_PER_MONTH / self.window_s if self.window_s > 0 else None

    def of(self, deployment: str) -> float:
        """USD of one deployment."""
        return math.fsum(line.usd for line in self.lines if line.deployment == deployment)

    def month(self) -> Bill | None:
        """The same run repeated for a month of 730 hours."""
        factor = self.month_factor
        if factor is None:
            return None
        lines = tuple(replace(line, quantity=line.quantity * factor, usd=line.usd * factor) for line in self.lines)
        return Bill(lines, SECONDS_PER_MONTH, round(self.tokens * factor), round(self.completed * factor))


def bill(*, system: System, result: Result, prices: Mapping[str, Price], extras: Extras | None = None) -> Bill:
    """The bill of a run; InputError for what is to be paid at a price that nobody knows."""
    lines: list[Line] = []
    for d, deployment in enumerate(system.deployments):
        price = prices.get(deployment.name)
        if isinstance(deployment, Pool):
            if not isinstance(price, GpuPrice):
                raise InputError(f"no price is known for the GPUs of {deployment.name}; give one with --prices FILE")
            lines += _pool_lines(deployment, d, result, price)
        else:
            if not isinstance(price, ApiPrice):
                raise InputError(f"no price is known for the model of {deployment.name}; give one with --prices FILE")
            lines += _api_lines(deployment.name, d, result, price)
    lines += _extra_lines(extras or Extras(), result.window_s)
    tokens = int(result.tokens.sum())
    return Bill(tuple(lines), result.window_s, tokens, int(result.outcomes[:, :, 0].sum()))


def price_factors(result: Result, d: int) -> tuple[float, ...]:
    """The factor on the prices of a deployment in each tariff segment of the run."""
    factors = [1.0] * result.tokens.shape[4]
    for step in result.price_steps:
        if step.deployment == d:
            factors[step.segment] = step.factor
    return tuple(factors)


def _api_lines(name: str, d: int, result: Result, price: ApiPrice) -> list[Line]:
    factors = price_factors(result, d)
    fresh, cached, output = result.tokens[d].sum(axis=0)
    requests = result.api_requests[d].sum(axis=0)
    lines = [
        Line(name, "api_input", int(fresh.sum()), "tokens", input_usd(tokens=fresh, price=price, factors=factors)),
        Line(name, "api_output", int(output.sum()), "tokens", output_usd(tokens=output, price=price, factors=factors)),
    ]
    if cached.any():
        usd = cached_input_usd(tokens=cached, price=price, factors=factors)
        lines.insert(1, Line(name, "api_cached_input", int(cached.sum()), "tokens", usd))
    if price.request_usd != 0.0:
        usd = requests_usd(requests=requests, price=price, factors=factors)
        lines.append(Line(name, "api_requests", int(requests.sum()), "requests", usd))
    return lines


def paid_machines(pool: Pool, d: int, result: Result, price: GpuPrice) -> list[MachineLife]:
    """The machines of a pool that are paid for within the run: those that stood there, and all that are reserved from start to end."""
    reserved = [Life(d, i, 0.0, 0.0, result.window_s, "running") for i in range(price.always_paid_replicas)]
    lives = [life for life in result.lives if life.deployment == d and life.replica >= len(reserved)]
    return machine_lives(
        lives=reserved + lives, gpus_per_replica=pool.gpus_per_replica, gpus_per_machine=price.gpus_per_machine, window_s=result.window_s
    )


def _pool_lines(pool: Pool, d: int, result: Result, price: GpuPrice) -> list[Line]:
    machines = paid_machines(pool, d, result, price)
    changes = tuple((step.at_s, step.factor) for step in result.price_steps if step.deployment == d)
    rent = machines_usd(machines=machines, price=price, changes=changes)
    hours = gpu_hours(machines=machines, price=price)
    stood = float(result.present_s[d]) / SECONDS_PER_HOUR * pool.gpus_per_replica
    if stood > hours * (1 - 1e-9):  # all but rounding: no part of a machine was empty
        stood = hours
    busy = min(float(result.busy_s[d]) / SECONDS_PER_HOUR * pool.gpus_per_replica, stood)
    beside: list[Line] = []
    if price.upkeep is not None:
        # What scripted price changes multiply an hour by, they multiply all of it by.
        listed = hours * (price.usd_per_gpu_hour or 0.0)
        found = upkeep_of(gpu_hours=hours, upkeep=price.upkeep, factor=rent / listed if listed > 0 else 1.0)
        power, hosting = float(found.power_usd), float(found.hosting_usd)
        rent = max(rent - power - hosting, 0.0)
        beside.append(Line(pool.name, "gpu_power", float(found.energy_kwh), "kWh", power))
        if hosting:
            beside.append(Line(pool.name, "gpu_hosting", float(found.gpu_months), "GPU-months", hosting))
    used = float(used_usd(rent_usd=rent, gpu_hours=hours, busy_gpu_hours=busy))
    spare = float(spare_usd(rent_usd=rent, gpu_hours=hours, replica_gpu_hours=stood))
    idle = float(idle_usd(rent_usd=rent, used_usd=used, spare_usd=spare))
    lines = [Line(pool.name, "gpu_used", busy, "GPU-hours", used), Line(pool.name, "gpu_idle", stood - busy, "GPU-hours", idle)]
    if hours > stood:
        lines.append(Line(pool.name, "gpu_spare", hours - stood, "GPU-hours", spare))
    return lines + beside


def _extra_lines(extras: Extras, window_s: float) -> list[Line]:
    lines = []
    months = window_s / SECONDS_PER_MONTH
    if extras.storage_gb:
        usd = storage_usd(gb=extras.storage_gb, usd_per_gb_month=extras.storage_usd_per_gb_month, months=months)
        lines.append(Line(SHARED, "storage", extras.storage_gb * months, "GB-months", float(usd)))
    if extras.egress_gb:
        usd = egress_usd(gb=extras.egress_gb, usd_per_gb=extras.egress_usd_per_gb)
        lines.append(Line(SHARED, "egress", extras.egress_gb, "GB", float(usd)))
    if extras.tooling_usd_per_month:
        usd = tooling_usd(usd_per_month=extras.tooling_usd_per_month, months=months)
        lines.append(Line(SHARED, "tooling", months, "months", float(usd)))
    return lines
