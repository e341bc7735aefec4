"""From draws to usage, lines and totals, with everything that had to be replayed already there.

Evaluating a set of futures is arithmetic on what was replayed, so the same is done for the futures of the forecast and for the mixed
ones that the attribution of the spread needs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from sim.catalog.catalog import Catalog
from sim.catalog.price_book import PriceBook
from sim.cost.from_stack import gpu_price
from sim.futures.bill import Lines, Prices, usage_lines
from sim.futures.cells import Cells
from sim.futures.combine import Part, Source, month_amounts
from sim.futures.draws import Draws, Retraining
from sim.futures.hazard import Incidents
from sim.futures.library import Library
from sim.futures.ownership import MonthFacts, ownership_lines
from sim.futures.rates import day_rates
from sim.futures.surfaces import Surfaces, sources
from sim.futures.usage import ALL
from sim.stack.resolved import ResolvedApi, ResolvedPool, ResolvedStack

FloatArray = npt.NDArray[np.float64]

_FAILED = ("rejected", "timed_out", "failed", "unfinished")


@dataclass(frozen=True)
class LibraryPart:
    """What the library says of some of the futures it was built for, at demand levels that may differ from those it was built at."""

    library: Library
    futures: slice
    level: FloatArray
    """[F, T] demand of these futures."""

    @property
    def amounts(self) -> FloatArray:
        """[N, I] what an entry adds."""
        return self.library.amounts

    @property
    def histogram(self) -> FloatArray:
        """[N, 3, B]."""
        return self.library.histogram

    @cached_property
    def plain(self) -> Any:
        """[F * M, N] how often, sparse."""
        return self.priced(np.ones_like(self.level))

    def priced(self, factor: FloatArray) -> Any:
        """[F * M, N] the same with what falls on a day multiplied by its factor [F, T]."""
        own = self.library.draws.level
        whole = np.zeros_like(own)
        whole[self.futures] = factor * self.level / own[self.futures]
        months = self.library.draws.calendar.months
        return self.library.weights(whole)[self.futures.start * months : self.futures.stop * months]


@dataclass(frozen=True)
class Evaluator:
    """A stack with all its replays: what it takes to turn draws into lines."""

    resolved: ResolvedStack
    catalog: Catalog
    book: PriceBook
    cells: Cells
    surfaces: Surfaces | None
    """None, and no library either, where every day was replayed."""
    library: Library | None

    def parts(self, draws: Draws, futures: slice) -> tuple[tuple[Source, ...], LibraryPart]:
        """What the months of these draws are made of; `futures` says which of the library's futures have their incidents."""
        assert self.surfaces is not None
        assert self.library is not None
        return sources(self.surfaces, draws, self.cells), LibraryPart(self.library, futures, draws.level)

    @cached_property
    def tier_starts(self) -> dict[int, tuple[int, ...]]:
        """By number of an API, the prompt lengths from which the cells count tokens apart."""
        return {d: tuple(self.cells.tier_starts(d)) for d, each in enumerate(self.resolved.deployments) if isinstance(each, ResolvedApi)}

    def prices(self, draws: Draws, assumed: Mapping[int, str]) -> Prices:
        """The prices of all days of all futures."""
        deployments = self.resolved.deployments
        return Prices(
            names=tuple(each.name for each in deployments),
            pools={d: gpu_price(each) for d, each in enumerate(deployments) if isinstance(each, ResolvedPool)},
            apis={
                d: day_rates(each, d, draws, catalog=self.catalog, book=self.book, tier_starts=self.tier_starts[d])
                for d, each in enumerate(deployments)
                if isinstance(each, ResolvedApi)
            },
            assumed=assumed,
        )

    def lines(self, draws: Draws, parts: tuple[Part, ...], assumed: Mapping[int, str]) -> Lines:
        """Every line of the bill, each [F, M]."""
        found = usage_lines(parts, draws, self.cells.layout, self.prices(draws, assumed))
        return found + ownership_lines(self.resolved.costs, self.facts(draws, parts, found))

    def facts(self, draws: Draws, parts: tuple[Part, ...], found: Lines) -> MonthFacts:
        """What ownership costs follow from."""
        layout, calendar = self.cells.layout, draws.calendar
        counted = month_amounts(parts, calendar, [layout.at(ALL, item) for item in ("requests", *_FAILED)])
        shape = (draws.futures, calendar.months)
        runs, attempts, rolled_back = retraining_by_month(draws.retraining, draws, [e.deployment for e in self.resolved.costs.retraining])
        starts = np.concatenate([[0], np.cumsum(calendar.days)[:-1]])
        return MonthFacts(
            calendar=calendar,
            requests=np.maximum(counted[:, :, 0], 0.0),
            failed_requests=np.maximum(counted[:, :, 1:].sum(axis=2), 0.0),
            invoice_usd=np.asarray(sum((usd for _, usd in found), np.zeros(shape))),
            incidents=incidents_by_month(draws.incidents, draws),
            migrations=migrations_by_month(draws, self.resolved),
            retraining_runs=runs,
            retraining_attempts=attempts,
            rolled_back=rolled_back,
            training_price={k: np.add.reduceat(path, starts, axis=1) / calendar.days for k, path in draws.training_price.items()},
            money=draws.money,
        )


def retraining_by_month(
    retraining: Retraining, draws: Draws, deployments: list[int]
) -> tuple[dict[int, FloatArray], dict[int, FloatArray], dict[int, FloatArray]]:
    """Runs, attempts and roll-backs by the number of the retraining entry, each [F, M]."""
    shape = (draws.futures, draws.calendar.months)
    found: tuple[dict[int, FloatArray], ...] = ({}, {}, {})
    month = draws.calendar.month_of_day[np.minimum(retraining.day, len(draws.calendar.month_of_day) - 1)]
    for number, deployment in enumerate(deployments):
        own = retraining.deployment == deployment
        place = retraining.future[own] * shape[1] + month[own]
        for counts, weight in zip(found, (None, retraining.attempts[own], retraining.rolled_back[own]), strict=True):
            counts[number] = np.bincount(place, weight, shape[0] * shape[1]).astype(np.float64).reshape(shape)
    return found[0], found[1], found[2]


def incidents_by_month(incidents: Incidents, draws: Draws) -> FloatArray:
    """[F, M] incidents that begin in a month, training jobs left out."""
    shape = (draws.futures, draws.calendar.months)
    works = np.array([hazard.kind != "retraining" for hazard in draws.hazards], bool)
    day = np.floor(incidents.start_s / 86_400.0).astype(np.int64)
    kept = (day >= 0) & (day < len(draws.calendar.month_of_day))
    kept &= works[incidents.hazard] if len(works) else False
    place = incidents.future[kept] * shape[1] + draws.calendar.month_of_day[day[kept]]
    return np.bincount(place, minlength=shape[0] * shape[1]).astype(np.float64).reshape(shape)


def migrations_by_month(draws: Draws, resolved: ResolvedStack) -> FloatArray:
    """[F, M] models that are retired in a month; one that several deployments use counts once."""
    days = len(draws.calendar.month_of_day)
    found = np.zeros((draws.futures, draws.calendar.months))
    seen: set[str] = set()
    for a, each in enumerate(resolved.deployments):
        if not isinstance(each, ResolvedApi) or each.model.name in seen:
            continue
        seen.add(each.model.name)
        gone = draws.retired_from[:, a]
        who = np.flatnonzero((gone < days) & (gone >= 0))
        np.add.at(found, (who, draws.calendar.month_of_day[gone[who]]), 1.0)
    return found


def mixed(a: Draws, b: Draws, group: str) -> tuple[Draws, bool]:
    """The draws `a` with one group of streams as in `b`, and whether the incidents are those of `b`.

    What is retired is part of the path of a token price: after a retirement of `a` the path of `b` is read on the model of `b`.
    """
    money = dict(a.money)
    match group:
        case "demand":
            return replace(a, level=b.level / b.sample[:, None] * a.sample[:, None], prompt=b.prompt), False
        case "sample":
            return replace(a, level=a.level / a.sample[:, None] * b.sample[:, None], sample=b.sample), False
        case "profile":
            return replace(a, step=b.step), False
        case "api_prices":
            return replace(a, token_price=b.token_price), False
        case "gpu_prices":
            return replace(a, gpu_price=b.gpu_price, training_price=b.training_price), False
        case "incidents":
            return replace(a, incidents=b.incidents, limits_from=b.limits_from), True
        case "retraining":
            return replace(a, retraining=b.retraining, money=money | {"labels": b.money["labels"]}), False
        case "retirement":
            return replace(a, retired_from=b.retired_from, money=money | {"migration": b.money["migration"]}), False
        case "people":
            own = {name: b.money[name] for name in ("people", "hidden_share", "response_hours")}
            return replace(a, money=money | own), False
    raise ValueError(f"no group {group!r}")


def joined(a: Draws, b: Draws) -> Draws:
    """Both sets of futures as one, those of `a` first."""

    def both(name: str) -> Any:
        return np.concatenate([getattr(a, name), getattr(b, name)])

    def flat(one: Incidents | Retraining, other: Incidents | Retraining) -> Any:
        columns = {name: np.concatenate([getattr(one, name), getattr(other, name)]) for name in one.__dataclass_fields__}
        columns["future"] = np.concatenate([one.future, other.future + a.futures])
        return type(one)(**columns)

    by_future = ("level", "sample", "prompt", "step", "token_price", "gpu_price", "limits_from", "retired_from")
    return replace(
        a,
        futures=a.futures + b.futures,
        incidents=flat(a.incidents, b.incidents),
        retraining=flat(a.retraining, b.retraining),
        money={name: np.concatenate([a.money[name], b.money[name]]) for name in a.money},
        training_price={k: np.concatenate([a.training_price[k], b.training_price[k]]) for k in a.training_price},
        **{name: both(name) for name in by_future},
    )
