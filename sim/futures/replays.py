"""The one place where traffic is replayed for a forecast: under rules, with scripted events, at a step time and prompt length."""

from __future__ import annotations

import math
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from sim.catalog.catalog import Catalog
from sim.catalog.price_book import PriceBook
from sim.catalog.token_prices import Rates
from sim.cost.from_stack import api_price, stack_prices
from sim.cost.price import Price
from sim.engine.system import Api, Event, Pool, System
from sim.errors import InputError
from sim.futures.calendar import Calendar
from sim.futures.pieces import Piece
from sim.futures.rule_state import NORMAL, RuleState
from sim.futures.ruled import follows_a_plan, ruled, system_of
from sim.futures.usage import Usage, UsageLayout
from sim.futures.usage_of import FloatArray, usage_of
from sim.stack.resolved import ResolvedApi, ResolvedPool, ResolvedStack
from sim.units import SECONDS_PER_DAY


@dataclass(frozen=True, slots=True)
class Terms:
    """What a stretch is replayed under, beside its traffic."""

    state: RuleState = NORMAL
    events: tuple[Event, ...] = ()
    """Times count from where counting begins."""
    step_time: float = 1.0
    """Times the step time of every pool."""
    prompt: float = 1.0
    """Times every prompt's length."""


class Replays:
    """Replays of one stack; safe to call from several threads."""

    def __init__(
        self, resolved: ResolvedStack, *, catalog: Catalog, book: PriceBook, seed: int = 0, calendar: Calendar | None = None
    ) -> None:
        """`calendar` says when the months of a capacity plan begin; without it they have 730 hours."""
        self._resolved, self._catalog, self._book, self._seed = resolved, catalog, book, seed
        self._months_s = (0.0,) if calendar is None else (*(float(calendar.day_of(day)) * SECONDS_PER_DAY for day in calendar.firsts),)
        self._lock = threading.Lock()
        self._ruled: dict[RuleState, ResolvedStack] = {}
        self.lanes = tuple(d for d, each in enumerate(resolved.deployments) if isinstance(each, ResolvedApi) and each.lane_of is not None)
        self.starts = {d: _tier_starts(each, catalog, book) for d, each in enumerate(resolved.deployments) if isinstance(each, ResolvedApi)}
        pools = [each.name for each in resolved.deployments if isinstance(each, ResolvedPool)]
        self.layout = UsageLayout.of(pools, [(resolved.deployments[d].name, len(starts)) for d, starts in self.starts.items()])
        self.planned = follows_a_plan(resolved)
        self.done = 0

    def resolved(self, state: RuleState) -> ResolvedStack:
        """The stack under the rules of a state. InputError for a successor that the catalogue does not have or that has no price."""
        with self._lock:
            if state not in self._ruled:
                self._ruled[state] = ruled(self._resolved, state, self._catalog, self._book)
            return self._ruled[state]

    def prices(self, state: RuleState) -> Mapping[str, Price]:
        """The prices in a state, those of APIs at the prompt lengths from which tokens are counted apart."""
        resolved = self.resolved(state)
        prices = stack_prices(resolved)
        for d, starts in self.starts.items():
            api = resolved.deployments[d]
            assert isinstance(api, ResolvedApi)
            prices[api.name] = api_price(api.model.name, _at(api.rates, starts))
        return prices

    def system(self, state: RuleState, classes: Sequence[str] = (), clock_offset_s: float = 0.0) -> System:
        """What the engine runs in a state, for a trace of these classes that begins at a second of the UTC day."""
        resolved = self.resolved(state)
        counted = tuple(
            replace(each, rates=_at(each.rates, self.starts[d])) if isinstance(each, ResolvedApi) else each
            for d, each in enumerate(resolved.deployments)
        )
        found = replace(resolved, deployments=counted)
        return system_of(found, state, classes, clock_offset_s=clock_offset_s, months_s=self._months_s)

    def identity(self, state: RuleState) -> tuple[object, ...]:
        """Everything of a state that a replay's numbers depend on, as plain values."""
        resolved = self.resolved(state)
        tariffs = tuple(each.prices.by_time for each in resolved.deployments if isinstance(each, ResolvedApi))
        # Without the classes of a trace the system has no rules for classes.
        prices = tuple(stack_prices(resolved).items())
        return self.system(state), resolved.rules, prices, tariffs, self.lanes, self._seed, self.layout.columns

    def replay(
        self, piece: Piece, terms: Terms, *, warm_s: float, clock_s: float, block_s: float = math.inf, blocks: int = 1
    ) -> tuple[Usage, FloatArray]:
        """The usage of a piece whose first `warm_s` seconds are not counted, and its SLO_ITEMS by block of `block_s` seconds.

        `clock_s` is the second of the UTC day at which counting begins.
        """
        from sim.cost.replay import latest_end_s
        from sim.engine.assemble import tariff
        from sim.engine.run import simulate

        resolved = self.resolved(terms.state)
        offset_s = (clock_s - warm_s) % SECONDS_PER_DAY
        system = _slower(self.system(terms.state, piece.classes, offset_s), terms.step_time)
        if terms.prompt != 1.0:
            piece = piece.with_prompts(terms.prompt, _least_context(system))
        events = [replace(event, at_s=event.at_s + warm_s) for event in terms.events]
        events += tariff(resolved, piece.info.duration_s, clock_offset_s=offset_s)
        script = sorted(events, key=lambda event: event.at_s)
        before = None
        if warm_s > 0:
            until_s = latest_end_s(warm_s)
            before = simulate(system, piece.until(warm_s), seed=self._seed, events=script, until_s=until_s, timeline_s=0.0)
        until_s = latest_end_s(piece.info.duration_s)
        result = simulate(system, piece, seed=self._seed, events=script, until_s=until_s, log=True, timeline_s=0.0)
        with self._lock:
            self.done += 1
        return usage_of(
            result, system, stack_prices(resolved), self.layout, lanes=self.lanes, before=before, counted_from_s=warm_s, block_s=block_s,
            blocks=blocks,
        )  # fmt: skip


def _at(rates: Rates, starts: Sequence[int]) -> Rates:
    """The same rates, said for each of some prompt lengths."""
    return Rates(tuple(replace(rates.at(start), from_input_tokens=start) for start in starts))


def _tier_starts(api: ResolvedApi, catalog: Catalog, book: PriceBook) -> tuple[int, ...]:
    """All prompt lengths at which the rates of a deployment change, or those of any model of its vendor that may take its place."""
    starts = {rate.from_input_tokens for rate in api.rates.by_input_tokens}
    for name in catalog.names("api"):
        try:
            model = catalog.api(name)
            rates = book.tokens(model).standard if model.vendor == api.model.vendor else None
        except InputError:
            continue  # an entry without a price takes nobody's place
        starts |= {rate.from_input_tokens for rate in rates.by_input_tokens} if rates is not None else set()
    return tuple(sorted(starts | {0}))


def _slower(system: System, factor: float) -> System:
    """The step time of every pool times a factor."""
    if factor == 1.0:
        return system
    deployments: list[Pool | Api] = []
    for each in system.deployments:
        if isinstance(each, Pool):
            step = each.replica.step
            slow = replace(
                step, c_s=step.c_s * factor, g_s=tuple(value * factor for value in step.g_s), o_s=step.o_s * factor, f_s=step.f_s * factor,
                h_s=step.h_s * factor,
            )  # fmt: skip
            each = replace(each, replica=replace(each.replica, step=slow))
        deployments.append(each)
    return replace(system, deployments=tuple(deployments))


def _least_context(system: System) -> int:
    """The longest prompt and output that every deployment takes."""
    return min(each.replica.max_model_len if isinstance(each, Pool) else each.context_tokens for each in system.deployments)
