"""What gates are held to: the figures of one stack, and the differences of two on paired futures.

A difference is taken in each future first (HEAD less BASE), and its quantile or mean over futures then, so that luck that both share
cancels. Relative to BASE it is the same of HEAD over BASE less 1 in each future. `monthly.` is the month in which that figure is worst.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from sim.cost.replay import Replay
from sim.futures.bands import bands
from sim.futures.forecast import Band, BoolArray, FloatArray, Forecast
from sim.futures.risk import months_at_risk, probability_se
from sim.measure.latency import latency_quantile
from sim.planning.comparison import compare
from sim.planning.crossover import HALF_A_CENT
from sim.planning.gate_figures import Figure
from sim.planning.gates import Gate, Measured
from sim.planning.measured import AT_RISK, of_replay

_ROUNDING = 1e-9
_LATENCY = "_p"


@dataclass(frozen=True)
class Side:
    """One stack: its replay, and its months where there are any."""

    found: Replay
    ahead: Forecast | None

    @cached_property
    def metrics(self) -> dict[str, float | None]:
        """Every column of a replay."""
        return of_replay(self.found)

    @property
    def months(self) -> Forecast:
        """Its months, which must be there."""
        assert self.ahead is not None
        return self.ahead

    def plain(self, figure: Figure) -> float | None:
        """A figure of the replay; None where it does not exist."""
        measures = self.found.measures
        if figure.q is not None:
            names = [each.name for each in self.found.system.deployments]
            lanes = [names.index(name) for name in measures.lanes]
            return latency_quantile(self.found.result, figure.name.partition(_LATENCY)[0], figure.q, lanes)
        if figure.name == "levels_missed":
            return float(sum(not level.met for level in measures.levels))
        value = self.metrics[figure.name]
        if figure.name == "api_load" and value is None and not any(use.attempts for use in measures.uses if use.kind == "api"):
            return 0.0  # an API that nothing was sent to is empty
        return value

    def by_month(self, figure: Figure) -> FloatArray:
        """[F, M] a figure over futures, or [F, 1] where it is one of all months together; NaN where it does not exist."""
        whole, _, what = figure.name.partition(".")
        if what in ("invoice_usd", "tco_usd"):
            values = self.months.total("invoice" if what == "invoice_usd" else "tco")
        elif what == "good_share":
            values = self.months.slo.good_share
        elif what == "load":
            values = _fullest(self.months.capacity.load)
        else:
            values = np.nansum(self.months.capacity.gpus if what == "gpus" else self.months.capacity.gpu_hours, axis=2)
        return values.sum(axis=1, keepdims=True) if whole == "total" else np.asarray(values)

    def window_error(self, figure: Figure) -> FloatArray:
        """[M] or [1] standard error that all futures share, in USD; 0 for what is no money."""
        err = np.asarray(self.months.window_se * self.months.total("invoice").mean(axis=0))
        if figure.kind != "money":
            err = np.zeros_like(err)
        return err.sum(keepdims=True) if figure.name.startswith("total.") else err


def measure(gate: Gate, head: Side, base: Side | None = None) -> Measured:
    """What a gate is held to; a value of None where it does not exist."""
    figure = gate.figure
    if gate.delta or figure.paired:
        assert base is not None
        return _paired(gate, head, base)
    if not figure.months:
        return Measured(head.plain(figure))
    if not figure.banded:
        return _risk(figure, head)
    err = head.window_error(figure)
    if figure.name.endswith("invoice_usd"):
        found = bands(_finite(head.by_month(figure)), relative_se=head.months.window_se, missing="ignore")
    else:
        found = bands(_finite(head.by_month(figure)), extra_variance=err**2, missing="ignore")
    return _worst(gate, found, head)


def _paired(gate: Gate, head: Side, base: Side) -> Measured:
    """A difference of two stacks."""
    figure = gate.figure
    if figure.paired:
        pair = compare([head.months, base.months]).pairs[0]
        costs = pair.invoice if figure.name.endswith("invoice") else pair.tco
        return Measured(1.0 - costs.p_a_cheaper, costs.se)
    if not figure.months:
        return Measured(_difference(head.plain(figure), base.plain(figure), relative=gate.relative, money=figure.kind == "money"))
    if not figure.banded:
        return _risk_difference(figure, head, base, relative=gate.relative)
    own, other = _finite(head.by_month(figure)), _finite(base.by_month(figure))
    difference = own - other
    if figure.kind == "money":
        difference = np.where(np.abs(difference) < HALF_A_CENT, 0.0, difference)
    # Windows of one trace err together, how far is not known: both errors are counted in full where the two differ at all.
    err = np.hypot(head.window_error(figure), base.window_error(figure)) * np.any(difference != 0, axis=0)
    if not gate.relative:
        return _worst(gate, bands(difference, extra_variance=err**2, missing="ignore"), head)
    return _worst(gate, tuple(_relative(difference[:, m], other[:, m], float(err[m])) for m in range(difference.shape[1])), head)


def _relative(difference: FloatArray, base: FloatArray, err: float) -> Band:
    """The band of a difference [F] over BASE [F], future by future; without end where BASE is nothing and HEAD is not."""
    known = ~np.isnan(difference)
    if not np.any(difference[known] != 0):
        return bands(np.where(known, 0.0, np.nan)[:, None], missing="ignore")[0]
    if np.any(base[known] <= 0):
        end = math.copysign(math.inf, float(difference[known].mean()))
        return Band(end, end, end, end, *([math.nan] * 4))
    return bands((difference / base)[:, None], extra_variance=(err / float(base[known].mean())) ** 2, missing="ignore")[0]


def _worst(gate: Gate, found: tuple[Band, ...], side: Side) -> Measured:
    """The edge of the month in which it is worst: the largest, or of what is better high the least; what no month has is None."""
    edges = [(getattr(each, gate.edge), m) for m, each in enumerate(found) if not math.isnan(getattr(each, gate.edge))]
    if not edges:
        return Measured(None)
    pick: Callable[..., tuple[float, int]] = min if gate.figure.better == "high" else max
    value, m = pick(edges, key=lambda each: each[0])
    se = getattr(found[m], "se" if gate.edge == "mean" else f"se_{gate.edge}")
    return Measured(value, None if math.isnan(se) else se, side.months.months[m] if len(found) > 1 else "")


def _risk(figure: Figure, side: Side) -> Measured:
    """A probability to meet the levels with its error, or how many months are at risk."""
    met: BoolArray = side.months.slo.met
    if figure.name == "months_at_risk":
        return Measured(float(sum(risk.p_miss > AT_RISK + _ROUNDING for risk in months_at_risk(met))))
    if figure.name == "p_slo_met":
        p = float(met.all(axis=1).mean())
        return Measured(p, probability_se(p, len(met)))
    by_month = met.mean(axis=0)
    m = int(by_month.argmin())
    return Measured(float(by_month[m]), probability_se(float(by_month[m]), len(met)), side.months.months[m])


def _risk_difference(figure: Figure, head: Side, base: Side, *, relative: bool) -> Measured:
    """The same of two stacks, on paired futures; of `monthly.` the month in which it falls most."""
    if figure.name == "months_at_risk":
        return Measured(_difference(_risk(figure, head).value, _risk(figure, base).value, relative=relative, money=False))
    whole = figure.name == "p_slo_met"
    met = [
        np.asarray(each.slo.met.all(axis=1, keepdims=True) if whole else each.slo.met, np.float64) for each in (head.months, base.months)
    ]
    apart = met[0] - met[1]
    mean, was = np.atleast_1d(apart.mean(axis=0)), np.atleast_1d(met[1].mean(axis=0))
    shown = [_difference(float(p + d), float(p), relative=relative, money=False) for p, d in zip(was, mean, strict=True)]
    m = min(range(len(shown)), key=lambda k: math.inf if shown[k] is None else float(shown[k] or 0.0))
    se = float(apart[:, m].std(ddof=1)) / math.sqrt(len(apart)) if len(apart) > 1 else None
    if se is not None and relative:
        se = se / float(was[m]) if was[m] > 0 else None
    return Measured(shown[m], se, "" if whole else head.months.months[m])


def _difference(own: float | None, other: float | None, *, relative: bool, money: bool) -> float | None:
    """One number less another, or over it less 1; below half a cent money does not differ."""
    if own is None or other is None:
        return None
    apart = own - other
    if money and abs(apart) < HALF_A_CENT:
        apart = 0.0
    if not relative or apart == 0:
        return apart
    return apart / other if other > 0 else math.copysign(math.inf, apart)


def _fullest(load: FloatArray) -> FloatArray:
    """[F, M] the load of the fullest pool of [F, M, D]; NaN where none has any."""
    known = ~np.isnan(load)
    most = np.where(known, load, -np.inf).max(axis=2)
    return np.where(known.any(axis=2), most, np.nan)


def _finite(values: FloatArray) -> FloatArray:
    """What is without end does not exist for a band."""
    return np.where(np.isfinite(values), values, np.nan)
