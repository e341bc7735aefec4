"""Every switch signal as a rule: in which months of which futures it holds. F futures, M months.

What a rule says of a month depends on that month and those before it alone. Bills, prices, service levels, fallbacks, outages and
retirements are those of the forecast. What no replay shows (a rule of law, a better model, an engineer who leaves) comes at random, at an
assumed rate, from a stream of its own: the same future has the same event whatever strategy it is held against.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sim.decision.facts import StrategyFacts
from sim.decision.needs import Needs
from sim.decision.needs_parts import CUSTOMISATIONS
from sim.decision.trigger_defaults import TriggerDefaults
from sim.futures.forecast import FloatArray, Forecast
from sim.planning.crossover import HALF_A_CENT
from sim.sampling import stream

BoolArray = npt.NDArray[np.bool_]

_PRICED = ("input", "cached_input", "output")
_COMPLIANCE = frozenset({"compliance_one_off", "compliance_ongoing", "security_testing"})
_VENDOR_BILL = frozenset({"retraining_vendor"})
_MONTHS_PER_YEAR = 12.0


@dataclass(frozen=True)
class Watched:
    """What is watched, what it could be exchanged for, and what is known beside the forecasts."""

    own: StrategyFacts
    self_hosted: StrategyFacts | None
    """The cheapest of the others on own or rented GPUs, on these alone if there is one; or what is planned."""
    api: StrategyFacts | None
    """The cheapest of the others on APIs alone; or what is planned."""
    needs: Needs
    defaults: TriggerDefaults
    seed: int

    @property
    def shape(self) -> tuple[int, int]:
        """(F, M)."""
        futures, months = self.own.tco_usd_by_month.shape
        return futures, months

    @property
    def forecast(self) -> Forecast:
        """Of what is watched; only what is served is."""
        assert self.own.forecast is not None
        return self.own.forecast

    def always(self) -> BoolArray:
        """In every month of every future."""
        return np.ones(self.shape, np.bool_)

    def from_month(self, first: npt.ArrayLike) -> BoolArray:
        """From a month [F], from 0, to the last."""
        return np.arange(self.shape[1])[None, :] >= np.broadcast_to(np.asarray(first), self.shape[:1])[:, None]

    def by_chance(self, name: str, per_year: float) -> BoolArray:
        """From the first event of a process without memory on, at so many a year; the stream is that of the name."""
        uniform = stream(self.seed, f"decision/trigger/{name}").random(self.shape[0])
        if per_year == 0.0:
            return np.zeros(self.shape, np.bool_)
        return self.from_month(np.floor(-np.log1p(-uniform) / per_year * _MONTHS_PER_YEAR))


Found = BoolArray | str
"""In which months it holds [F, M], or in words why it cannot be told."""
Rule = Callable[[Watched, float], Found]
"""Given the threshold."""


def bill_above_self_hosting(seen: Watched, factor: float) -> Found:
    """What vendors charge for their models is above `factor` times all that self-hosting would cost in the same month."""
    if seen.self_hosted is None:
        return "there is no strategy on own GPUs to hold the bill against"
    return np.asarray(api_bill(seen.forecast) > factor * seen.self_hosted.tco_usd_by_month + HALF_A_CENT)


def price_rise(seen: Watched, share: float) -> Found:
    """What a token costs at an API of the stack, at the mix of the first month, is more than `share` above that of the first month."""
    rises = [price_index(seen.forecast, name) for name in seen.forecast.deployments if seen.forecast.layout.has(name, "priced_requests")]
    return np.asarray(np.max(rises, axis=0) > 1.0 + share + 1e-9)


def model_retired(seen: Watched, count: float) -> Found:
    """As many models of the stack are gone."""
    if seen.forecast.signals is None:
        return "the forecast does not say when models are gone"
    gone = [seen.from_month(first) for first in seen.forecast.signals.retired_month.T]
    return np.asarray(np.sum(gone, axis=0) >= max(count, 1.0))


def regulation(seen: Watched, per_year: float) -> Found:
    """A rule demands control over the data that no vendor gives."""
    return seen.by_chance("regulation", per_year)


def customisation_outgrown(seen: Watched, per_year: float) -> Found:
    """More control over the model is needed than vendors' tuning gives: today, if the needs say so, else at a rate."""
    if CUSTOMISATIONS.index(seen.needs.customisation) > CUSTOMISATIONS.index("vendor_fine_tune"):
        return seen.always()
    return seen.by_chance("customisation_outgrown", per_year)


def talent_there(seen: Watched, share: float) -> Found:
    """So much of the places that self-hosting needs is filled; who is missing is hired from today on."""
    if seen.self_hosted is None or seen.self_hosted.resolved is None:
        return "there is no strategy on own GPUs whose people could be counted"
    team, costs = seen.needs.team, seen.self_hosted.resolved.costs
    if team.ml_engineers is None or team.devops_engineers is None:
        return "the needs do not say who is there (team.ml_engineers, team.devops_engineers)"
    if team.ml_engineers >= share * costs.ml_engineers and team.devops_engineers >= share * costs.devops_engineers:
        return seen.always()
    if not team.can_hire:
        return np.zeros(seen.shape, np.bool_)
    if team.hiring_months is not None:
        return seen.from_month(np.ceil(team.hiring_months))
    return seen.from_month(np.ceil(seen.defaults.hiring_months.draws(seen.shape[0], seen.seed, "trigger/hiring_months")))


def fallback_rate(seen: Watched, share: float) -> Found:
    """More than `share` of the completed requests of the month were answered elsewhere than at the first place of their rule."""
    found, layout = seen.forecast, seen.forecast.layout
    elsewhere = sum(found.usage[:, :, layout.at(name, "fallback_completed")] for name in found.deployments)
    return np.asarray(elsewhere > share * found.usage[:, :, layout.at("all", "completed")])


def slo_missed(seen: Watched, levels: float) -> Found:
    """The month missed the service levels of the stack, all taken together as one."""
    del levels
    return ~seen.forecast.slo.met


def vendor_outage(seen: Watched, hours: float) -> Found:
    """An outage of more than so many hours of the one vendor that there is has begun."""
    if seen.forecast.signals is None:
        return "the forecast does not say how long vendors were out"
    return np.asarray(seen.forecast.signals.longest_outage_h.max(axis=2) > hours)


def volume_leverage(seen: Watched, usd: float) -> Found:
    """What the one vendor charges in the month is as much as buyers negotiate from."""
    return np.asarray(api_bill(seen.forecast) >= usd)


def tasks_differ(seen: Watched, classes: float) -> Found:
    """One model answers so many classes of requests."""
    if seen.own.replay is None:
        return "the trace was not replayed"
    answered = {row.class_name for row in seen.own.replay.measures.latency if row.class_name is not None}
    if len(seen.own.share_by_model) > 1:
        return "several models share the requests already"
    return np.full(seen.shape, len(answered) >= max(classes, 2.0))


def better_model(seen: Watched, per_year: float) -> Found:
    """A vendor has a model that is significantly better than the own one."""
    return seen.by_chance("better_model", per_year)


def engineer_leaves(seen: Watched, per_year: float) -> Found:
    """The first of the ML engineers leaves; parts of a place are people, too."""
    if seen.own.resolved is None or seen.own.resolved.costs.ml_engineers <= 0.0:
        return "no ML engineer is counted with the stack"
    return seen.by_chance("engineer_leaves", per_year * float(np.ceil(seen.own.resolved.costs.ml_engineers)))


def compliance_above_savings(seen: Watched, factor: float) -> Found:
    """What compliance and audits cost more than at the API is above `factor` times what is saved without them."""
    if seen.api is None or seen.api.forecast is None:
        return "there is no strategy on APIs alone to hold the burden against"
    own, other = compliance_usd(seen.forecast), compliance_usd(seen.api.forecast)
    if not np.any(own > other):
        return "compliance costs no more than at the API, or the stack does not say what it costs (costs.compliance)"
    burden = own - other
    saved = (seen.api.tco_usd_by_month - other) - (seen.own.tco_usd_by_month - own)
    return np.asarray((burden > HALF_A_CENT) & (burden > factor * saved + HALF_A_CENT))


def vendor_feature(seen: Watched, per_year: float) -> Found:
    """A vendor offers what was missing when the decision was made: tuning, residency, terms."""
    return seen.by_chance("vendor_feature", per_year)


def api_bill(found: Forecast) -> FloatArray:
    """[F, M] what vendors of models charge: tokens, requests and tuning."""
    chosen = [k for k, line in enumerate(found.lines) if line.item.startswith("api_") or line.item in _VENDOR_BILL]
    return np.asarray(found.usd[:, :, chosen].sum(axis=2), np.float64)


def compliance_usd(found: Forecast) -> FloatArray:
    """[F, M] compliance, audits and security tests."""
    chosen = [k for k, line in enumerate(found.lines) if line.item in _COMPLIANCE]
    return np.asarray(found.usd[:, :, chosen].sum(axis=2), np.float64)


def price_index(found: Forecast, deployment: str) -> FloatArray:
    """[F, M] what the tokens of the first month would cost at the mean prices of each month, over what they cost (Laspeyres).

    A kind of tokens that a month has none of costs as in the month before; 1 where nothing was asked in the first month.
    """
    layout, months = found.layout, len(found.months)
    now, then = np.zeros(found.usd.shape[:2]), np.zeros((found.futures, 1))
    for kind in _PRICED:
        columns = [k for k, (name, item) in enumerate(layout.columns) if name == deployment and item.startswith(f"priced_{kind}_")]
        tokens = found.usage[:, :, columns].sum(axis=2)
        lines = [k for k, line in enumerate(found.lines) if (line.deployment, line.item) == (deployment, f"api_{kind}")]
        usd = found.usd[:, :, lines].sum(axis=2)
        price = np.divide(usd, tokens, out=np.full(usd.shape, np.nan), where=tokens > 0)
        for m in range(1, months):
            price[:, m] = np.where(np.isnan(price[:, m]), price[:, m - 1], price[:, m])
        now += np.nan_to_num(price) * tokens[:, :1]
        then += usd[:, :1]
    return np.asarray(np.divide(now, then, out=np.ones(now.shape), where=then > 0), np.float64)
