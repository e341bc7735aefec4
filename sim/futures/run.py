"""forecast(): a stack over the months of many futures, from the draws to the bands.

Pure: the same arguments give the same arrays on any number of workers. What takes time are replays; they are kept in the store.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from sim.catalog.catalog import Catalog
from sim.catalog.price_book import PriceBook
from sim.cost.replay import Replay
from sim.futures.accuracy import accuracy_of
from sim.futures.announced import announced, caps_met, refuse_retirements
from sim.futures.attribution import first_order
from sim.futures.bands import futures_needed
from sim.futures.bill import Lines
from sim.futures.calendar import Calendar
from sim.futures.capacity import capacity_of
from sim.futures.cell_store import CellStore
from sim.futures.cells import Cells
from sim.futures.combine import Part, Source, month_amounts
from sim.futures.dated import dated, incident_hours
from sim.futures.day_spread import day_spread, first_weekday
from sim.futures.demand_path import WHOLE_WEEK_DAYS
from sim.futures.draw import draw
from sim.futures.draws import GROUPS, Draws
from sim.futures.effects import hazard_effects
from sim.futures.evaluate import Evaluator, LibraryPart, joined, mixed
from sim.futures.exact import exact_months
from sim.futures.forecast import Accuracy, Driver, Forecast, HazardEffect, LineKind
from sim.futures.library import build_library
from sim.futures.service_levels import block_weights, sample_dof, service_levels
from sim.futures.signals import signals
from sim.futures.surfaces import surfaces
from sim.futures.window_plan import WindowPlan
from sim.futures.windows import plan_windows
from sim.stack.outlook import Outlook
from sim.stack.resolved import ResolvedStack
from sim.trace.trace import Trace
from sim.units import show_share

FloatArray = npt.NDArray[np.float64]

DEFAULT_FUTURES = 400

_INVOICE: tuple[LineKind, ...] = ("invoice",)
_TCO: tuple[LineKind, ...] = ("invoice", "tco")

_LOG = logging.getLogger(__name__)

Says = Callable[[str, float, float], None]
"""Told what is being done, how much of it is done, and how much there is."""


@dataclass(frozen=True)
class Question:
    """What is to be forecast, and how carefully."""

    outlook_name: str
    outlook: Outlook
    calendar: Calendar
    futures: int = DEFAULT_FUTURES
    seed: int = 0
    strict: bool = False
    """Whether what would otherwise be assumed is refused: the shape of a day, the successor of a model."""
    exact: bool = False
    """Whether every day of every future is replayed."""


@dataclass(frozen=True)
class _Found:
    """What the months are made of, and what is known of how well."""

    sources: tuple[Source, ...]
    library: LibraryPart | None
    lines: Lines
    drivers: tuple[tuple[Driver, ...], tuple[Driver, ...]]
    """Of the invoice and of the total cost of ownership."""
    remainder: tuple[float | None, float | None]
    hazards: tuple[HazardEffect, ...]
    accuracy: Accuracy
    notes: tuple[str, ...]


def forecast(
    resolved: ResolvedStack,
    trace: Trace,
    question: Question,
    *,
    catalog: Catalog,
    book: PriceBook,
    replayed: Replay,
    workers: int = 1,
    store: CellStore | None = None,
    says: Says | None = None,
) -> Forecast:
    """The forecast of a stack; InputError where a price is not known or, if strict, where something would have to be assumed.

    `replayed` is the plain replay of the trace through the stack: how many replicas run, and what one of them carries.
    """
    outlook, calendar = question.outlook, question.calendar
    if question.strict:
        refuse_retirements(resolved, calendar, catalog)
    shape = outlook.demand.day_shape
    plan = plan_windows(
        trace, resolved, seed=question.seed, shape=shape.hours if shape is not None else None, strict=question.strict
    )  # fmt: skip
    cells = Cells(
        resolved, trace, catalog=catalog, book=book, seed=question.seed, plan=plan, store=store, workers=workers, calendar=calendar,
        progress=_told(says, "replaying days at the levels of demand to come"),
    )  # fmt: skip
    one = _draw(question, resolved, trace, plan, catalog, replayed, 0)
    if question.exact:
        found = _exactly(resolved, catalog, book, cells, one, workers, says)
    else:
        other = _draw(question, resolved, trace, plan, catalog, replayed, 1)
        found = _from_cells(resolved, catalog, book, cells, one, other, question, workers, says)
    parts: tuple[Part, ...] = found.sources if found.library is None else (*found.sources, found.library)
    _LOG.info(cells.kept_in)
    usage = np.maximum(month_amounts(parts, calendar, slice(None)), 0.0)
    weights = None
    if outlook.demand.trace_sample:
        dof = sample_dof(found.sources[0])
        weights = block_weights(plan.blocks, plan.strata, calendar, one.futures, question.seed, 0, dof)
    return Forecast(
        stack=resolved.name,
        outlook=question.outlook_name,
        seed=question.seed,
        months=calendar.names,
        month_days=tuple(int(days) for days in calendar.days),
        lines=tuple(name for name, _ in found.lines),
        usd=np.stack([values for _, values in found.lines], axis=-1),
        layout=cells.layout,
        usage=usage,
        slo=service_levels(found.sources, found.library, usage, cells.layout, resolved.slo, weights),
        deployments=tuple(each.name for each in resolved.deployments),
        capacity=capacity_of(usage, cells.layout, resolved, calendar, catalog, replayed),
        drivers=found.drivers[0],
        remainder=found.remainder[0],
        tco_drivers=found.drivers[1],
        tco_remainder=found.remainder[1],
        hazards=found.hazards,
        accuracy=found.accuracy,
        mode="every day of every future" if question.exact else plan.mode,
        tail_resolved=plan.tail_resolved,
        cells=cells.stretches,
        futures_needed=futures_needed(_total(found.lines, *_TCO)),
        window_se=0.0 if question.exact else cells.window_se,
        notes=(
            *_of_another_time(calendar, book),
            *announced(resolved, one, book),
            *_out_of_reach(one, plan),
            *caps_met(resolved, _spend(found.lines), calendar),
            *plan.notes,
            *found.notes,
        ),
        assumed=(
            *plan.assumed,
            *_weekday_assumed(question, trace, plan),
            *(f"{group}: {words}" for group, words in one.labels.items() if words),
        ),
        discount_rate_per_year=resolved.costs.discount_rate_per_year,
        dated=dated(resolved, one, book),
        incident_hours=incident_hours(one),
        signals=signals(one),
    )


def _from_cells(
    resolved: ResolvedStack, catalog: Catalog, book: PriceBook, cells: Cells, one: Draws, other: Draws, question: Question,
    workers: int, says: Says | None,
) -> _Found:  # fmt: skip
    """Months added up from cells and a library of incidents, checked on some days, their spread attributed."""
    both = joined(one, other)
    surface = surfaces(cells, both)
    library = build_library(cells, both, workers=workers, progress=_told(says, "replaying incidents"))
    if says is not None:
        says("adding up futures", 0, 1)
    evaluator = Evaluator(resolved, catalog, book, cells, surface, library)
    own, anew = slice(0, one.futures), slice(one.futures, both.futures)
    sources, incidents = evaluator.parts(one, own)
    lines = evaluator.lines(one, (*sources, incidents), _assumed(resolved))
    drivers, remainder = _drivers(evaluator, one, other, own, anew, lines, question)
    checked = accuracy_of(evaluator, one, seed=question.seed, workers=workers, progress=_told(says, "checking days exactly"))
    notes = (*library.notes, *cells.notes)
    return _Found(sources, incidents, lines, drivers, remainder, hazard_effects(library, resolved), checked, notes)


def _exactly(
    resolved: ResolvedStack, catalog: Catalog, book: PriceBook, cells: Cells, one: Draws, workers: int,
    says: Says | None,
) -> _Found:  # fmt: skip
    """Every day of every future replayed. What varies in the replays cannot be told apart then, nor what incidents add."""
    source = exact_months(cells, one, workers=workers, progress=_told(says, "replaying every month of every future"))
    evaluator = Evaluator(resolved, catalog, book, cells, None, None)
    lines = evaluator.lines(one, (source,), _assumed(resolved))
    notes = ("every day was replayed: what each incident added and which group the spread comes from is not told apart",)
    return _Found((source,), None, lines, ((), ()), (None, None), (), Accuracy(0, None, None, None, None), notes)


def _draw(
    question: Question, resolved: ResolvedStack, trace: Trace, plan: WindowPlan, catalog: Catalog, replayed: Replay, anew: int
) -> Draws:
    """All futures; `anew` numbers independent sets of them."""
    days = plan.days
    spread = day_spread(trace, plan)
    own = spread.day_sigma
    by_day = question.outlook.demand.day_to_day_sigma if own is None else own
    sample_sigma = math.sqrt(spread.sample_sigma**2 + by_day**2 / max(days, 1.0))
    running = {use.name: use.ready_replicas for use in replayed.measures.uses if use.ready_replicas is not None}
    found = draw(
        question.outlook, resolved, catalog=catalog, calendar=question.calendar, futures=question.futures, seed=question.seed,
        sample_sigma=sample_sigma, trace_days=days, weekday_of_trace=first_weekday(trace), day_sigma=own, running=running,
        replication=dict.fromkeys(GROUPS, anew),
    )  # fmt: skip
    return replace(found, level=np.minimum(found.level, plan.most_level))


def _of_another_time(calendar: Calendar, book: PriceBook) -> tuple[str, ...]:
    """In words, that the first month is not that of the prices."""
    first = calendar.names[0]
    if first == book.date.isoformat()[:7]:
        return ()
    later = "with the changes announced by then" if calendar.firsts[0] > book.date else "as prices of that time are not looked up"
    return (f"{first}, the first month, is taken to have the demand of the trace and the prices of {book.date}, {later}",)


def _weekday_assumed(question: Question, trace: Trace, plan: WindowPlan) -> tuple[str, ...]:
    """In words, that a trace of a few days with no date stands for the mean of a week."""
    flat = len(set(question.outlook.demand.weekly_shape)) == 1
    if flat or plan.days >= WHOLE_WEEK_DAYS or first_weekday(trace) is not None:
        return ()
    return ("weekday: the trace is taken as the mean day of a week, as it does not say on which day it was recorded",)


def _out_of_reach(draws: Draws, plan: WindowPlan) -> tuple[str, ...]:
    """In words, the days whose demand is more than can be replayed."""
    share = float((draws.level >= plan.most_level).mean())
    if not share:
        return ()
    return (
        f"on {show_share(share)} of the days demand is {plan.most_level:.3g} times that of the trace or more, which is more than is "
        "replayed: they count as so many times, and cost more than this says",
    )


def _total(lines: Lines, *kinds: LineKind) -> FloatArray:
    """[F] the lines of some kinds over all months."""
    total = np.zeros(len(lines[0][1]))
    for name, usd in lines:
        if name.kind in kinds:
            total = total + usd.sum(axis=1)
    return total


def _spend(lines: Lines) -> dict[str, FloatArray]:
    """[F, M] what each deployment's supplier charges."""
    spend: dict[str, FloatArray] = {}
    for name, usd in lines:
        if name.kind == "invoice":
            spend[name.deployment] = spend.get(name.deployment, 0.0) + usd
    return spend


def _drivers(
    evaluator: Evaluator, one: Draws, other: Draws, own: slice, anew: slice, lines: Lines, question: Question
) -> tuple[tuple[tuple[Driver, ...], tuple[Driver, ...]], tuple[float | None, float | None]]:
    """What each group of streams explains of the spread of the invoice and of the total cost of ownership, and what is left of each."""

    def totals(draws: Draws, futures: slice) -> tuple[FloatArray, FloatArray]:
        sources, incidents = evaluator.parts(draws, futures)
        found = evaluator.lines(draws, (*sources, incidents), {})
        return _total(found, *_INVOICE), _total(found, *_TCO)

    all_anew = totals(other, anew)
    frozen = {}
    for group in GROUPS:
        draws, of_other = mixed(one, other, group)
        frozen[group] = totals(draws, anew if of_other else own)
    shares = [
        first_order(_total(lines, *kinds), all_anew[k], {g: both[k] for g, both in frozen.items()}, what=one.varies, seed=question.seed)
        for k, kinds in enumerate((_INVOICE, _TCO))
    ]
    return (shares[0][0], shares[1][0]), (shares[0][1], shares[1][1])


def _told(says: Says | None, text: str) -> Callable[[int, int], None] | None:
    return None if says is None else lambda done, planned: says(text, done, planned)


def _assumed(resolved: ResolvedStack) -> dict[int, str]:
    """In words, the prices that nobody stated, by number of the deployment."""
    made = {}
    for d, each in enumerate(resolved.deployments):
        if hasattr(each, "gpu_hour") and each.gpu_hour.assumed:
            made[d] = f"price of {each.gpu_hour.gpu} at {each.gpu_hour.provider}"
    return made
