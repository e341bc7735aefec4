"""The invoice of a month as it could come: its lines in the mean, and when the invoice of the month is at its p5, p50 or p95.

Quantiles of lines do not add up to the quantile of their sum. So of an edge every line is the mean over the futures whose invoice of that
month is near the edge: futures ordered by that invoice, with the weights of Harrell and Davis that make the edge itself
(sim/futures/bands.py). Lines then add up to the edge, and quantities (tokens, GPU-hours) go with their amounts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.cost.energy import energy_kwh
from sim.futures.bands import quantile_weights
from sim.futures.forecast import FloatArray, Forecast, LineName
from sim.report.forecast_report import ForecastReport
from sim.report.run_report import RunReport
from sim.stack.on_premises import ON_PREMISES
from sim.stack.resolved import ResolvedPool, ResolvedStack
from sim.units import HOURS_PER_MONTH

if TYPE_CHECKING:
    import pyarrow as pa

CHARGES = (
    "month", "statistic", "deployment", "line", "provider", "product", "region", "purchase", "usd", "quantity", "unit", "assumed",
)  # fmt: skip
_NUMBERS = ("usd", "quantity")
MEAN = "mean"
_EDGES = (("p5", 0.05), ("p50", 0.5), ("p95", 0.95))
_NONE = ("", "", "", "")
_SERVING = ("api_", "gpu_")
_TOKENS = (("api_input", "input_tokens"), ("api_cached_input", "cached_input_tokens"), ("api_output", "output_tokens"))


@dataclass(frozen=True, slots=True)
class _Quantity:
    """How much of what a line is of: [F, M]."""

    amount: FloatArray
    unit: str


def charges(report: RunReport, resolved: ResolvedStack, ahead: ForecastReport | None) -> pa.Table:
    """One row a month, statistic and line of the invoice: USD, how much of what that is, and of whom it is bought; no people, no TCO.

    A plain replay has one month of 730 hours at its rate, and only the mean. What a line is not counted in is null.
    """
    import pyarrow as pa

    sold = {each.name: _sold(each) for each in resolved.deployments}
    rows = _of_replay(report) if ahead is None else _of_months(ahead.found, resolved)
    columns: dict[str, list[Any]] = {name: [] for name in CHARGES}
    for month, statistic, deployment, line, usd, quantity, unit, assumed in rows:
        of = sold.get(deployment, _NONE) if line.startswith(_SERVING) else _NONE  # retraining may be bought elsewhere
        values = (month, statistic, deployment, line, *of, usd, quantity, unit, assumed)
        for name, value in zip(CHARGES, values, strict=True):
            columns[name].append(value)
    return pa.table({name: pa.array(columns[name], pa.float64() if name in _NUMBERS else pa.string()) for name in CHARGES})


def _sold(deployment: Any) -> tuple[str, str, str, str]:
    """Provider, product, region (empty: none is said) and way of buying of a deployment."""
    if isinstance(deployment, ResolvedPool):
        hour = deployment.gpu_hour
        own = deployment.spec.on_premises is not None
        return ("", hour.gpu, "", ON_PREMISES) if own else (hour.provider, hour.gpu, hour.region or "", hour.purchase)
    return deployment.model.vendor, deployment.model.name, "", "standard" if deployment.lane_of is None else "batch"


def _of_replay(report: RunReport) -> Iterator[tuple[Any, ...]]:
    month = report.bill.month()
    for line in () if month is None else month.lines:
        yield report.date[:7], MEAN, line.deployment, line.item, line.usd, line.quantity, line.unit, ""


def _of_months(found: Forecast, resolved: ResolvedStack) -> Iterator[tuple[Any, ...]]:
    invoice = found.total("invoice")
    lines = [k for k, line in enumerate(found.lines) if line.kind == "invoice" and found.usd[:, :, k].any()]
    quantities = {k: _quantity(found, found.lines[k], resolved) for k in lines}
    for m, month in enumerate(found.months):
        for statistic, weights in _weights(invoice[:, m]).items():
            for k in lines:
                line, of = found.lines[k], quantities[k]
                usd = _mean(found.usd[:, m, k], weights)
                quantity = None if of is None else _mean(of.amount[:, m], weights)
                yield month, statistic, line.deployment, line.item, usd, quantity, "" if of is None else of.unit, line.assumed


def _mean(values: FloatArray, weights: FloatArray) -> float:
    """A weighted mean, taken above the least value, so that what does not vary keeps its value to the last bit."""
    least = float(values.min())
    return least + float(((values - least) * weights).sum())


def _weights(invoice: FloatArray) -> Mapping[str, FloatArray]:
    """[F] by statistic: the weight of every future, by the place of its invoice; of equal ones the first comes first."""
    count = len(invoice)
    found = {MEAN: np.full(count, 1.0 / count)}
    order = np.argsort(invoice, kind="stable")
    for name, p in _EDGES:
        found[name] = np.empty(count)
        found[name][order] = quantile_weights(count, p)
    return found


def _quantity(found: Forecast, line: LineName, resolved: ResolvedStack) -> _Quantity | None:
    """How much of what a line is of; None where nothing was counted, as for retraining, which is paid by the attempt."""

    def used(item: str) -> FloatArray:
        return found.usage[:, :, found.layout.at(line.deployment, item)]

    ones = np.ones(found.usd.shape[:2])
    fixed = {
        "tooling": (1.0, "months"),
        "storage": (resolved.costs.storage_gb, "GB-months"),
        "egress": (resolved.costs.egress_gb_per_month, "GB"),
    }
    if line.item in fixed:
        amount, unit = fixed[line.item]
        return _Quantity(ones * amount, unit)
    for item, name in (*_TOKENS, ("api_requests", "admitted")):
        if line.item == item and found.layout.has(line.deployment, name):
            return _Quantity(np.maximum(used(name), 0.0), "requests" if name == "admitted" else "tokens")
    if not line.item.startswith("gpu_") or not found.layout.has(line.deployment, "paid_gpu_hours"):
        return None
    paid = np.maximum(used("paid_gpu_hours"), 0.0)
    present = np.clip(used("present_gpu_hours"), 0.0, paid)
    busy = np.clip(used("busy_gpu_hours"), 0.0, present)
    hours = {"gpu_used": busy, "gpu_idle": present - busy, "gpu_spare": paid - present}
    if line.item in hours:
        return _Quantity(hours[line.item], "GPU-hours")
    pool = next((each for each in resolved.deployments if each.name == line.deployment), None)
    if not isinstance(pool, ResolvedPool) or pool.upkeep is None:
        return None
    if line.item == "gpu_power":
        return _Quantity(energy_kwh(gpu_hours=paid, power_w=pool.upkeep.power_w, busy_share=1.0, pue=pool.upkeep.pue), "kWh")
    return _Quantity(paid / HOURS_PER_MONTH, "GPU-months")
