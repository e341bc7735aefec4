"""When models of APIs are gone, and what takes their place.

An announced date is certain. Else a life X is drawn (lognormal), given that at least the vendor's notice is left of it, for nothing was
announced when the horizon began. Of a model whose day of release is known the age is known, too. Another is taken at a random moment of
its life: what is left then has the density P(X > t) / E[X].
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sim.catalog.api import Api
from sim.catalog.catalog import Catalog
from sim.futures.calendar import Calendar
from sim.futures.luck import Luck
from sim.stack.outlook import Outlook
from sim.stack.outlook_quantity import Amount
from sim.stack.resolved import ResolvedApi, ResolvedStack

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

_POINTS = 4001


@dataclass(frozen=True)
class Retirements:
    """From which day each model is gone [F, A] (T or more: never), and the name of its successor [A]."""

    day: IntArray
    successors: tuple[str | None, ...]


def retirements(outlook: Outlook, resolved: ResolvedStack, catalog: Catalog, calendar: Calendar, luck: Luck) -> Retirements:
    """Of all deployments of a stack; the same model in two of them, or in two stacks, goes on the same day."""
    days = len(calendar.weekday)
    gone = np.full((luck.futures, len(resolved.deployments)), days, np.int64)
    successors: list[str | None] = []
    for number, each in enumerate(resolved.deployments):
        successors.append(None)
        if not isinstance(each, ResolvedApi):
            continue
        successors[-1] = successor_of(each.model, catalog)
        if each.model.retirement_date is not None:
            gone[:, number] = min(max(calendar.day_of(each.model.retirement_date), 0), days)
        elif outlook.retirement.lifetime_days is not None:
            uniform = luck.stream("retirement", f"model/{each.model.name}").random(luck.futures)
            released = each.model.released
            age_days = None if released is None else float(max(0, -calendar.day_of(released)))
            left = residual_days(outlook.retirement.lifetime_days, outlook.retirement.notice(each.model.vendor), uniform, age_days)
            gone[:, number] = np.minimum(left, days).astype(np.int64)
    return Retirements(gone, tuple(successors))


def residual_days(lifetime: Amount, notice_days: float, uniform: FloatArray, age_days: float | None = None) -> FloatArray:
    """What is left of a life, at least the notice, at the given probabilities; without an age it is met at a random moment."""
    if lifetime.is_certain:
        longest = max(lifetime.middle, notice_days)
        return (
            notice_days + (longest - notice_days) * uniform
            if age_days is None
            else np.full_like(uniform, max(longest - age_days, notice_days))
        )
    if age_days is not None:
        return _older(lifetime, age_days + notice_days, uniform) - age_days
    longest = max(float(lifetime.at(np.asarray(6.0))), notice_days * 2.0)
    grid = np.linspace(notice_days, longest, _POINTS)
    outlives = _outlives(lifetime, grid)
    steps = np.diff(grid) * (outlives[1:] + outlives[:-1]) / 2
    below = np.append(0.0, np.cumsum(steps))
    return np.asarray(np.interp(uniform * below[-1], below, grid), np.float64)


def _older(lifetime: Amount, least_days: float, uniform: FloatArray) -> FloatArray:
    """A life that is longer than so many days, at the given probabilities; what no life reaches ends there."""
    from scipy.special import ndtri

    outlives = float(_outlives(lifetime, np.asarray(least_days)))
    if outlives <= 0.0:
        return np.full_like(uniform, least_days)
    return np.maximum(lifetime.at(-ndtri(outlives * (1.0 - uniform))), least_days)


def _outlives(lifetime: Amount, days: FloatArray) -> FloatArray:
    """P(X > days)."""
    from scipy.special import ndtr

    lower, upper = lifetime.sigmas
    distance = np.log(np.maximum(days, 1e-9) / lifetime.middle)
    return np.asarray(ndtr(-distance / np.where(distance < 0, max(lower, 1e-12), max(upper, 1e-12))), np.float64)


def successor_of(api: Api, catalog: Catalog) -> str | None:
    """The model that takes the place of another: the one its file names, else the vendor's other of the same size.

    Of several the one that is offered longest, then the last by name. None where the catalogue has none: then one like it is assumed.
    """
    if api.successor is not None:
        return api.successor
    peers = []
    for name in catalog.names("api"):
        other = catalog.api(name)
        if name != api.name and other.vendor == api.vendor and other.size == api.size:
            date = other.retirement_date
            if date is None or (api.retirement_date is not None and date > api.retirement_date):
                peers.append((date is None, str(date), name))
    return max(peers)[2] if peers else None
