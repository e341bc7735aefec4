"""A candidate of a plan against its service levels: a look at a part of the trace, a replay of all of it, or its months.

Pure: equal studies and points give equal rows, in any process. Every candidate has the same seed, so that the same request has the same
luck in each of them.
"""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from sim.errors import InputError
from sim.planning.evaluate import refused_row, resolve_point
from sim.planning.levels import ServiceLevel
from sim.planning.measured import of_forecast, of_replay
from sim.planning.opened import Opened, open_study
from sim.planning.points import Level, Point, Row, Study
from sim.stack.facts import TraceFacts, facts_of
from sim.stack.resolved import ResolvedApi, ResolvedPool, ResolvedStack
from sim.trace.trace import Trace
from sim.units import SECONDS_PER_DAY

if TYPE_CHECKING:
    from sim.cost.replay import Replay
    from sim.futures.forecast import BoolArray, Forecast

MISSED = "missed_"
"""Before the number of a level stands for how many requests of a look are outside of it."""
_OF_MONTHS = ("ttft_p95", "tpot_p95", "completed", "ttft_p99", "good_share")
"""What is known of every month of every future."""


@dataclass(frozen=True)
class Look:
    """A part of a trace, in seconds: replayed from `from_s`, counted from `counted_s` to `to_s`."""

    from_s: float
    counted_s: float
    to_s: float


@dataclass(frozen=True)
class PlanStudy(Study):
    """What all candidates of a plan share, and what of them is asked now."""

    trace_rows: int = 0
    """Requests of the trace."""
    levels: tuple[ServiceLevel, ...] = ()
    factor: float = 1.0
    """Demand over that of the trace."""
    look: Look | None = None
    """A part in place of the whole trace; nothing but misses is known of it then."""
    threads: int = 1
    """Of the replays that months are made of; says nothing about results."""

    def key(self, point: Point) -> str:
        """As of any study, with what a plan asks on top."""
        parts = ("plan", super().key(point), self.levels, self.factor, self.look)
        return hashlib.sha256(repr(parts).encode()).hexdigest()[:40]


def assess(study: Study, point: Point) -> Row:
    """The row of a candidate. What is wrong with the candidate alone makes a row that says so."""
    assert isinstance(study, PlanStudy)
    if point.refused is not None:
        return refused_row(study, point, point.refused)
    opened = _opened(study)
    try:
        resolved = resolve_point(study, point, opened)
        if study.look is not None:
            return Row(point, _misses(study, resolved, opened), ())
        return _replayed(study, point, resolved, opened)
    except InputError as error:
        return refused_row(study, point, "; ".join(str(error).split("\n")))
    except MemoryError:
        return refused_row(study, point, "not enough memory for its replicas and their KV cache")


def held_in_months(level: ServiceLevel) -> bool:
    """Whether every month of every future is held to a level, and not only replays of the trace."""
    return level.metric in _OF_MONTHS


def slo_settings(levels: Sequence[ServiceLevel]) -> tuple[str, ...]:
    """The levels that a stack has too, as settings of its slo: goodput, load and what months are held to follow them."""
    own = ("ttft_p95", "tpot_p95", "completed")
    return tuple(f"slo.{level.metric}={level.limit!r}" for level in levels if level.metric in own)


def _opened(study: PlanStudy) -> Opened:
    """The inputs of a study with the trace grown and cut as it asks; the facts stay those of the whole one."""
    opened = open_study(study)
    if study.factor == 1.0 and study.look is None:
        return opened
    plain = Study(study.trace, study.trace_sha256, "", "", models=study.models, prices_text=study.prices_text, date=study.date)
    trace, facts = _part(plain, study.factor, study.look)
    return Opened(trace, facts, opened.catalog, opened.book, opened.saturations)


@lru_cache(maxsize=4)
def _part(plain: Study, factor: float, look: Look | None) -> tuple[Trace, TraceFacts]:
    from sim.trace.growth import grow
    from sim.trace.window import window

    if look is not None:
        whole, facts = _part(plain, factor, None)
        return window(whole, look.from_s, look.to_s), facts
    opened = open_study(plain)
    if factor == 1.0:
        return opened.trace, opened.facts
    grown = grow(opened.trace, factor)
    return grown, facts_of(grown)


def _misses(study: PlanStudy, resolved: ResolvedStack, opened: Opened) -> dict[str, float | None]:
    """How many requests of a look are outside of each level that counts requests."""
    from sim.cost.replay import latest_end_s
    from sim.engine.assemble import assemble, tariff
    from sim.engine.run import simulate

    assert study.look is not None
    trace = opened.trace
    duration_s = trace.info.duration_s
    system = assemble(resolved, trace.classes)
    result = simulate(
        system, trace, seed=study.seed, events=tariff(resolved, duration_s), until_s=latest_end_s(duration_s), log=True, timeline_s=0.0
    )  # fmt: skip
    assert result.log is not None
    log = result.log[result.log["arrival_s"] >= study.look.counted_s - study.look.from_s]
    lanes = [d for d, each in enumerate(resolved.deployments) if isinstance(each, ResolvedApi) and each.lane_of is not None]
    held = log[~np.isin(log["deployment"], lanes)]
    done = held["outcome"] == 0
    with np.errstate(invalid="ignore", divide="ignore"):
        ttft = held["first_token_s"] - held["arrival_s"]
        e2e = held["finish_s"] - held["arrival_s"]
        tpot = np.where(held["output_tokens"] > 1, (e2e - ttft) / np.maximum(held["output_tokens"] - 1, 1), 0.0)
        late = {"ttft": ttft, "tpot": tpot, "e2e": e2e}
        found: dict[str, float | None] = {"requests": float(len(log))}
        for number, level in enumerate(study.levels):
            missed = None
            if level.latency is not None and level.upper:
                missed = float((done & (late[level.latency] > level.limit)).sum())
            elif level.metric == "completed":
                missed = float((log["outcome"] != 0).sum())
            elif level.metric == "good_share":
                missed = float((~done | (ttft > resolved.slo.ttft_p95) | (tpot > resolved.slo.tpot_p95)).sum())
            found[f"{MISSED}{number}"] = missed
    return found


def _replayed(study: PlanStudy, point: Point, resolved: ResolvedStack, opened: Opened) -> Row:
    from sim.cost.replay import replay
    from sim.planning.plain_replay import plain_replay

    if study.months or any("load" in level.metric for level in study.levels):
        found = replay(resolved, opened.trace, catalog=opened.catalog, book=opened.book, seed=study.seed, cache=opened.saturations)
    else:
        found = plain_replay(resolved, opened.trace, seed=study.seed)
    metrics = of_replay(found)
    levels = tuple(_measured(level, metrics, found) for level in study.levels)
    if study.months:
        forecast = _forecast(study, resolved, found, opened)
        metrics |= of_forecast(forecast) | _months(study, forecast, resolved, opened)
    return Row(point, metrics, levels)


def _measured(level: ServiceLevel, metrics: dict[str, float | None], found: Replay) -> Level:
    """A level as replayed."""
    from sim.measure.latency import latency_quantile

    if level.column in metrics or level.latency is None:
        value = metrics.get(level.column)
    else:
        names = [each.name for each in found.system.deployments]
        lanes = [names.index(name) for name in found.measures.lanes]
        value = latency_quantile(found.result, level.latency, level.q or 0.0, lanes)
    anything = int(found.result.outcomes[:, :, 0].sum()) > 0
    return level.metric, level.limit, value, level.holds(value, anything=anything)


def _forecast(study: PlanStudy, resolved: ResolvedStack, found: Replay, opened: Opened) -> Forecast:
    from sim.futures.calendar import Calendar
    from sim.futures.cell_store import CellStore
    from sim.futures.run import Question, forecast
    from sim.stack.outlook_read import read_outlook

    date = opened.book.date if study.start is None else datetime.date.fromisoformat(f"{study.start}-01")
    outlook = read_outlook(study.outlook, opened.catalog, study.outlook_settings)
    calendar = Calendar(date.replace(day=1), study.months)
    question = Question(outlook.name, outlook.outlook, calendar, study.futures, study.seed)
    return forecast(
        resolved, opened.trace, question, catalog=opened.catalog, book=opened.book, replayed=found, workers=study.threads,
        store=CellStore.default(),
    )  # fmt: skip


def met_by_month(levels: Sequence[ServiceLevel], forecast: Forecast) -> BoolArray:
    """[F, M] whether every level that is known of months holds."""
    slo = forecast.slo
    known = {"ttft_p99": slo.ttft_p99_s, "good_share": slo.good_share}
    met = slo.met.copy()
    for level in levels:
        if level.metric in known:
            values = known[level.metric]
            good = values <= level.limit if level.upper else values >= level.limit - 1e-12
            met &= good | np.isnan(values)
    return met


def _months(study: PlanStudy, forecast: Forecast, resolved: ResolvedStack, opened: Opened) -> dict[str, float | None]:
    """By month, from 1: share of futures that meet the levels, demand over that of the trace, GPUs paid, invoice; and the worst month."""
    met = met_by_month(study.levels, forecast)
    days = opened.trace.info.duration_s / SECONDS_PER_DAY
    a_day = opened.trace.info.rows / max(days, 1e-9)
    requests = forecast.capacity.requests
    demand = np.nansum(requests, axis=2) / (np.asarray(forecast.month_days, float) * a_day)
    pools = [d for d, each in enumerate(resolved.deployments) if isinstance(each, ResolvedPool)]
    gpus = np.nansum(forecast.capacity.gpus[:, :, pools], axis=2)
    invoice = forecast.total("invoice")
    found: dict[str, float | None] = {
        "futures": float(forecast.futures),
        "met_worst_month": float(met.sum(axis=0).min()),
        "met_all_months": float(met.all(axis=1).sum()),
        "invoice_usd_per_month": float(invoice.mean()),
    }
    for m in range(met.shape[1]):
        found[f"p_met_{m + 1}"] = float(met[:, m].mean())
        found[f"invoice_mean_{m + 1}"] = float(invoice[:, m].mean())
        for name, values in (("demand", demand), ("gpus", gpus)):
            for edge, q in (("p50", 0.5), ("p95", 0.95)):
                found[f"{name}_{edge}_{m + 1}"] = float(np.quantile(values[:, m], q))
    return found
