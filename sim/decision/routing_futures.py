"""What routing is worth over futures: fallbacks with against without, and a router that follows prices. F futures, M months, USD.

Both are held against the same futures without them, so that what both share (traffic, prices, incidents) cancels.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from sim.errors import InputError
from sim.futures.bands import band
from sim.futures.forecast import Band, FloatArray, Forecast
from sim.stack.read import StackFile


@dataclass(frozen=True, slots=True)
class SavedByHazard:
    """What fallbacks did about one hazard, in the mean over futures and months."""

    kind: str
    name: str
    saved_requests_per_month: float
    failed_requests_per_month: float
    """More that did not complete all the same."""
    usd_per_month: float
    """More on the invoice."""


@dataclass(frozen=True)
class FallbackValue:
    """A stack with its fallbacks against itself without, over all months of paired futures."""

    saved_requests: Band
    """Completed with less without."""
    extra_invoice_usd: Band
    extra_tco_usd: Band
    """What the fallbacks cost; below nought where they save money."""
    usd_per_saved_request: float | None
    """Mean extra TCO over mean saved requests: what a failed request must lose at least for fallbacks to pay; None: none is saved."""
    worth_usd: Band | None
    """Saved requests x what a failed one loses, less the extra TCO; None where the loss is not given."""
    p_pays: float | None
    """Share of futures in which that is above nought."""


@dataclass(frozen=True)
class PriceFollowing:
    """What may move goes to the cheaper of two models, month by month, against the fixed choice of today's prices."""

    fixed: str
    """The one that costs less in the first month, in the mean."""
    other: str
    movable_share: float
    saving_usd: Band
    """Over all months, switches paid; below nought where they cost more than they save."""
    saving_share: float
    """Of the bill of the fixed choice, in the mean."""
    p_saves: float
    switches: float
    """A future, in the mean."""
    other_share: float
    """Of months and futures in which the other one answers."""


def without_fallback(file: StackFile) -> StackFile:
    """The stack with the first place of every rule alone; deployments that no rule names any more fall away, with their retraining."""
    rules = tuple(
        rule.model_copy(update={"to": (rule.to[0].model_copy(update={"pass_on": None, "max_wait": None}),)}) for rule in file.stack.rules
    )
    used = {rule.to[0].deployment for rule in rules}
    stack = file.stack.model_copy(
        update={
            "routing": rules,
            "deployments": {name: each for name, each in file.stack.deployments.items() if name in used},
            "retraining": tuple(each for each in file.stack.retraining if each.deployment in used),
        }
    )
    return replace(file, stack=stack)


def saved_by_hazard(forecast: Forecast) -> tuple[SavedByHazard, ...]:
    """What fallbacks saved, hazard by hazard, the most requests first."""
    found = [SavedByHazard(each.kind, each.name, each.saved_requests, each.failed_requests, each.usd) for each in forecast.hazards]
    return tuple(sorted(found, key=lambda each: (-each.saved_requests_per_month, each.kind, each.name)))


def fallback_value(with_it: Forecast, without: Forecast, *, usd_per_failed_request: float | None = None) -> FallbackValue:
    """Fallbacks by two forecasts over the same futures; InputError where these are not the same."""
    if (with_it.seed, with_it.months, with_it.futures, with_it.outlook) != (without.seed, without.months, without.futures, without.outlook):
        raise InputError(f"{with_it.stack} and {without.stack} are not over the same futures: seed, months, futures and outlook must agree")
    saved = _completed(with_it) - _completed(without)
    invoice = (with_it.total("invoice") - without.total("invoice")).sum(axis=1)
    tco = (with_it.total("tco") - without.total("tco")).sum(axis=1)
    each = float(saved.mean())
    worth = None if usd_per_failed_request is None else saved * usd_per_failed_request - tco
    return FallbackValue(
        saved_requests=band(saved),
        extra_invoice_usd=band(invoice),
        extra_tco_usd=band(tco),
        usd_per_saved_request=float(tco.mean()) / each if each > 0.0 else None,
        worth_usd=None if worth is None else band(worth),
        p_pays=None if worth is None else float((worth > 0.0).mean()),
    )


def price_following(
    a: str, a_usd: FloatArray, b: str, b_usd: FloatArray, *, movable_share: float = 1.0, switch_usd: float = 0.0, late_months: int = 0
) -> PriceFollowing:  # fmt: skip
    """A router that follows prices. `a_usd` and `b_usd` [F, M] are what all traffic would cost at either model in the same futures.

    A month m goes by the bills of month m - `late_months`, the first ones by the fixed choice; a tie stays where it is. saving = movable
    share x sum of (fixed - chosen) - switches x `switch_usd`. InputError where shapes differ.
    """
    if a_usd.shape != b_usd.shape:
        raise InputError(f"{a} and {b} are not over the same futures and months: {a_usd.shape} and {b_usd.shape}")
    if float(b_usd[:, 0].mean()) < float(a_usd[:, 0].mean()):
        a, a_usd, b, b_usd = b, b_usd, a, a_usd
    chosen = np.zeros(a_usd.shape, np.bool_)
    place = np.zeros(len(a_usd), np.bool_)
    for month in range(a_usd.shape[1]):
        if month >= late_months:
            seen_a, seen_b = a_usd[:, month - late_months], b_usd[:, month - late_months]
            place = np.where(seen_b < seen_a, True, np.where(seen_a < seen_b, False, place))
        chosen[:, month] = place
    switches = (np.diff(chosen, axis=1, prepend=np.zeros((len(chosen), 1), np.bool_)) != 0).sum(axis=1)
    saved = movable_share * np.where(chosen, a_usd - b_usd, 0.0).sum(axis=1) - switches * switch_usd
    whole = float(a_usd.sum(axis=1).mean())
    return PriceFollowing(
        fixed=a,
        other=b,
        movable_share=movable_share,
        saving_usd=band(saved),
        saving_share=float(saved.mean()) / whole if whole > 0.0 else 0.0,
        p_saves=float((saved > 0.0).mean()),
        switches=float(switches.mean()),
        other_share=float(chosen.mean()),
    )


def _completed(found: Forecast) -> FloatArray:
    """[F] completed requests of all months."""
    return np.asarray(found.usage[:, :, found.layout.at("all", "completed")].sum(axis=1), np.float64)
