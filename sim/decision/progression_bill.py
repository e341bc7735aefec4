"""The bill of a move: which lines of two forecasts are paid in which part of each month, and how much.

Future f and month m of both forecasts are the same traffic, prices and incidents, so that their lines can be put together month by month.
- What vendors charge for tokens and requests, refunds and quality incidents follow the share of the traffic.
- Pools are paid in full while they stand: replicas for all of the traffic, so that it can go over, and back. What they cost beyond their
  share of the traffic while it goes over is told (`ramp_beyond_usd`): a pool that scales saves part of it. So is what an API behind a pool
  costs meanwhile, which takes what is too much for the pool: of half the traffic that may be nothing.
- A pool of the old stack that is bought, or committed to, is paid to the end of its term though nothing runs on it any more.
- Development and the one-off part of compliance are paid in equal parts while the new stack is built, and its people from then on.
- All else is paid while a stack stands. The hidden share is that of each stack, on what it costs in the month.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from sim.decision.facts import StrategyFacts
from sim.decision.progression_time import NEVER, FloatArray, Timeline
from sim.futures.forecast import Forecast
from sim.stack.on_premises import TERM_MONTHS
from sim.stack.resolved import ResolvedPool

_BY_TRAFFIC = frozenset({"refunds", "quality_incidents"})
_ONCE = frozenset({"development", "compliance_one_off"})
_PEOPLE = frozenset({"people_ml", "people_devops", "on_call", "maintenance"})
_POOL = frozenset({"gpu_used", "gpu_idle", "gpu_spare"})
_HIDDEN = "hidden"


@dataclass(frozen=True)
class MoveBill:
    """A path over F futures and M months, in USD; every array is [F, M]."""

    invoice_usd: FloatArray
    tco_usd: FloatArray
    move_usd: FloatArray
    """Of the total cost of ownership: migration, rework, development, what is paid once, and people while the new stack is built."""
    ramp_beyond_usd: FloatArray
    """What pools cost beyond their share of the traffic while it goes over, and APIs behind pools: at most so much is too much."""


def move_bill(old: StrategyFacts, new: StrategyFacts, time: Timeline, migration_usd: float, rework_usd: float) -> MoveBill:
    """The months of a path from one stack to another; a move that is never made costs what the old stack does."""
    assert old.forecast is not None
    assert new.forecast is not None
    before = _Weights(up=time.old_up, traffic=1.0 - time.moved, people=time.old_up, once=_stood(time.old_up))
    after = _Weights(up=time.new_up, traffic=time.moved, people=np.minimum(time.new_up + time.building, 1.0), once=time.build_share)
    terms = _committed(old, time)
    old_invoice, old_tco = _paid(old.forecast, before, terms, shifted=False)
    new_invoice, new_tco = _paid(new.forecast, after, {}, shifted=True)
    # A model of one's own that is trained beside the stack is in the facts, not in the forecast.
    trained = old.invoice_usd_by_month - old.forecast.total("invoice")
    trained_tco = old.tco_usd_by_month - old.forecast.total("tco")
    work = migration_usd * time.build_share + rework_usd * time.rework_share
    return MoveBill(
        invoice_usd=old_invoice + new_invoice + trained * time.old_up,
        tco_usd=old_tco + new_tco + trained_tco * time.old_up + work,
        move_usd=work + _of(new.forecast, _ONCE, shifted=True) * time.build_share + _of(new.forecast, _PEOPLE) * time.building,
        ramp_beyond_usd=(
            _of(old.forecast, _POOL) * time.old_beyond
            + _of(new.forecast, _POOL) * time.new_beyond
            # What one answers of the ramp is what the other stands beyond its share.
            + _spill(old.forecast) * time.new_beyond
            + _spill(new.forecast) * time.old_beyond
        ),
    )


@dataclass(frozen=True)
class _Weights:
    """Parts of a month by what a line follows."""

    up: FloatArray
    traffic: FloatArray
    people: FloatArray
    once: FloatArray


def _stood(up: FloatArray) -> FloatArray:
    """1 in every month in which something stands at all."""
    return np.asarray(up > 0.0, np.float64)


def _paid(found: Forecast, weights: _Weights, terms: Mapping[str, FloatArray], *, shifted: bool) -> tuple[FloatArray, FloatArray]:
    """[F, M] invoice and total cost of a stack's lines in the parts of the months; `shifted`: what is paid once is moved."""
    invoice, tco, hidden = (np.zeros(found.usd.shape[:2]) for _ in range(3))
    rest = np.zeros(found.usd.shape[:2])
    for k, line in enumerate(found.lines):
        usd = found.usd[:, :, k]
        if line.kind == "apart":
            continue
        if line.item == _HIDDEN:
            hidden = usd
            continue
        rest = rest + usd
        if line.item in _ONCE:
            paid = usd.sum(axis=1, keepdims=True) * weights.once if shifted else usd * weights.once
        elif line.item.startswith("api_") or line.item in _BY_TRAFFIC:
            paid = usd * weights.traffic
        elif line.item in _PEOPLE:
            paid = usd * weights.people
        elif line.item in _POOL and line.deployment in terms:
            paid = usd * np.maximum(weights.up, terms[line.deployment])
        else:
            paid = usd * weights.up
        tco = tco + paid
        if line.kind == "invoice":
            invoice = invoice + paid
    whole = np.maximum(rest, 0.0).sum(axis=1, keepdims=True)
    share = np.divide(hidden.sum(axis=1, keepdims=True), whole, out=np.zeros_like(whole), where=whole > 0.0)
    return invoice, tco + share * np.maximum(tco, 0.0)


def _of(found: Forecast, items: frozenset[str], *, shifted: bool = False) -> FloatArray:
    """[F, M] some lines together; [F, 1] over all months where they are `shifted`."""
    chosen = [k for k, line in enumerate(found.lines) if line.item in items and line.kind != "apart"]
    usd = np.asarray(found.usd[:, :, chosen].sum(axis=2), np.float64)
    return usd.sum(axis=1, keepdims=True) if shifted else usd


def _spill(found: Forecast) -> FloatArray:
    """[F, M] what APIs of a stack with pools charge."""
    if not any(line.item in _POOL for line in found.lines):
        return np.zeros(found.usd.shape[:2])
    return _of(found, frozenset(line.item for line in found.lines if line.item.startswith("api_")))


def _committed(old: StrategyFacts, time: Timeline) -> dict[str, FloatArray]:
    """[F, M] by pool, 1 up to the end of the term that runs when the old stack is given up; pools that can be given up are left out."""
    assert old.resolved is not None
    months = time.old_up.shape[1]
    found = {}
    for each in old.resolved.deployments:
        if not isinstance(each, ResolvedPool):
            continue
        term = each.payment.term_months if each.payment is not None else TERM_MONTHS.get(each.gpu_hour.purchase)
        if term is not None:
            end = np.ceil(np.minimum(time.old_end, NEVER) / term - 1e-9) * term
            found[each.name] = np.clip(end[:, None] - np.arange(months), 0.0, 1.0)
    return found
