"""Routing as a decision: a share of the requests goes to a cheaper model. What that saves, what it costs in quality, and what the router
itself takes.

With D what all requests cost at the dearer model, C at the cheaper one, and a share s of them moved:

    bill(s) = D - s l D (1 - k) + R        saving(s) / D = s l (1 - k) - r

k = C / D is the ratio of prices over the moved requests, l = what a moved request costs at the dearer model over what a mean request
costs there (1 where requests are drawn by chance; below 1 where simple ones are short), R what the router takes (r = R / D), nothing
where all requests go one way or a class decides.

Quality is that of the mixture, q(s) = q_dearer - w(s) (q_dearer - q_cheaper). By chance w = s. Where a share a of the requests is simple
(the cheaper model answers them as well) all of the difference lies in the others. A router that is wrong in a share e then sends
s0 = a (1 - e) + (1 - a) e to the cheaper model, e (1 - a) of all wrongly, and w(s0) = e; w is straight between (0, 0), (s0, e), (1, 1).
Nothing is guessed of quality: without a score of both models it is unknown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sim.decision.facts import Quality
from sim.decision.needs_parts import Evaluation
from sim.decision.needs_parts import Routing as RoutingNeeds
from sim.decision.quality import quality_of_strategy
from sim.decision.routing_costs import ClassCost
from sim.decision.routing_defaults import RoutingDefaults

HALF = 0.5
USUAL = (0.7, 0.8)
"""Shares that texts say often save more than half of the bill."""
_SHARES = (0.0, 0.25, 0.5, 0.7, 0.75, 0.8, 0.9, 1.0)
_THOUSAND = 1000.0


@dataclass(frozen=True, slots=True)
class RouterCost:
    """What the router itself takes, and how often it is wrong."""

    usd_per_1000_requests: float
    error_share: float
    assumed: tuple[str, ...]
    """In words, what of it nobody stated."""


@dataclass(frozen=True, slots=True)
class RoutePoint:
    """One share of requests at the cheaper model; USD a month at the traffic of the trace."""

    share: float
    bill_usd: float
    """Router included."""
    router_usd: float
    saving_usd: float
    """Against all requests at the dearer model; below nought where the router costs more than it saves."""
    saving_share: float
    quality: Quality | None
    """Of the mixture; None: not known."""


@dataclass(frozen=True, slots=True)
class ClassMove:
    """One class that is moved whole, with those before it; a rule by class needs no router."""

    name: str
    share: float
    """Of all requests, those of the classes before it included."""
    price_ratio: float
    """k of this class."""
    length_ratio: float
    """l of this class: what its request costs at the dearer model over that of a mean request."""
    saving_share: float
    """Of the bill, that of the classes before it included."""


@dataclass(frozen=True, slots=True)
class HalfSaved:
    """When a share of requests saves more than half of the bill, solved for each quantity with the others as they are."""

    price_ratio: float
    router_share: float
    """r: of the bill at the dearer model alone."""
    least_share: float | None
    """The share above which more than half is saved; None where not even all of the requests save that much."""
    greatest_price_ratio: tuple[float, float]
    """k below which 70 % and 80 % of the requests save more than half; below nought: at no price."""
    saving_share: tuple[float, float]
    """What 70 % and 80 % do save."""

    @property
    def says(self) -> str:
        """In words."""
        ratio = f"the cheaper model costs {self.price_ratio:.1%} of the dearer one"
        at = f"routing 70 % saves {self.saving_share[0]:.0%} of the bill, 80 % saves {self.saving_share[1]:.0%}"
        if self.least_share is None:
            return f"{ratio}: {at}; no share saves more than half"
        return f"{ratio}: {at}; more than half from {self.least_share:.0%} of the requests on"


@dataclass(frozen=True, slots=True)
class RoutingDecision:
    """Shares of the requests between two models, and what follows."""

    dearer: str
    cheaper: str
    router: RouterCost
    simple_share: float | None
    """None: not known; requests are then drawn by chance."""
    points: tuple[RoutePoint, ...]
    by_class: tuple[ClassMove, ...]
    """The class that saves most a request first; of one class only, nothing."""
    half: HalfSaved
    how: str
    """What the bills rest on."""

    def at(self, share: float) -> RoutePoint:
        """The point of a share; KeyError where there is none."""
        for each in self.points:
            if abs(each.share - share) < 1e-12:
                return each
        raise KeyError(share)


def saving_share(share: float, price_ratio: float, *, length_ratio: float = 1.0, router_share: float = 0.0) -> float:
    """Of the bill: s l (1 - k) - r."""
    return share * length_ratio * (1.0 - price_ratio) - router_share


def least_share(saving: float, price_ratio: float, *, length_ratio: float = 1.0, router_share: float = 0.0) -> float | None:
    """The share that saves just so much of the bill: (saving + r) / (l (1 - k)); None where no share up to 1 does."""
    gained = length_ratio * (1.0 - price_ratio)
    found = (saving + router_share) / gained if gained > 0.0 else float("inf")
    return found if found <= 1.0 else None


def greatest_price_ratio(saving: float, share: float, *, length_ratio: float = 1.0, router_share: float = 0.0) -> float:
    """The ratio of prices below which a share saves so much: 1 - (saving + r) / (s l); below nought: at no price."""
    return 1.0 - (saving + router_share) / (share * length_ratio)


def lost_weight(share: float, simple_share: float | None, error_share: float) -> float:
    """w(s): which part of the difference of scores is lost with a share at the cheaper model."""
    if simple_share is None:
        return share
    sent = simple_share * (1.0 - error_share) + (1.0 - simple_share) * error_share
    if share <= sent:
        return error_share * share / sent if sent > 0.0 else 0.0
    return error_share + (1.0 - error_share) * (share - sent) / (1.0 - sent)


def mixture_quality(
    share: float, dearer: str, cheaper: str, quality: Mapping[str, Evaluation], *, simple_share: float | None = None,
    error_share: float = 0.0,
) -> Quality | None:  # fmt: skip
    """Quality of the mixture with its interval (sim/decision/quality.py); None where a model that answers has no score."""
    weight = lost_weight(share, simple_share, error_share)
    shares = {dearer: 1.0 - weight, cheaper: weight}
    if 0.0 < share < 1.0 and any(model not in quality for model in shares):
        return None
    scored = {model: quality[model] for model in shares if model in quality}
    return quality_of_strategy("", shares, scored)


def router_cost(given: RoutingNeeds, classes: Sequence[ClassCost], defaults: RoutingDefaults) -> RouterCost:
    """The router as the needs state it, else as assumed: the cheaper model reads every prompt once more and writes a token."""
    assumed = []
    usd, error = given.router_usd_per_1000_requests, given.router_error_share
    if usd is None:
        requests = sum(each.requests for each in classes)
        usd = sum(each.reading_usd for each in classes) / requests * _THOUSAND if requests else 0.0
        assumed.append(
            f"the router is the cheaper model, which reads every prompt and writes {defaults.router_output_tokens} token: "
            f"{defaults.source('router_output_tokens').source}"
        )
    if error is None:
        error = defaults.router_error_share
        if given.simple_share is not None:
            assumed.append(defaults.words("router_error_share"))
    return RouterCost(usd, error, tuple(assumed))


def routing(
    dearer: str, cheaper: str, classes: Sequence[ClassCost], given: RoutingNeeds, quality: Mapping[str, Evaluation],
    defaults: RoutingDefaults, *, replayed: Mapping[float, float] | None = None, how: str = "usage x price",
) -> RoutingDecision | None:  # fmt: skip
    """Routing between two models; None where nothing is asked, or the dearer one costs nothing.

    `replayed` are bills in USD a month by share from replays, without a router, which go before usage x price and are then the only shares.
    It needs that of share 0, which savings are held against.
    """
    requests = sum(each.requests for each in classes)
    all_dearer, all_cheaper = sum(each.dearer_usd for each in classes), sum(each.cheaper_usd for each in classes)
    if replayed is not None:
        all_dearer = replayed[0.0]
    if not requests or all_dearer <= 0.0:
        return None
    router = router_cost(given, classes, defaults)
    simple = given.simple_share
    router_usd = router.usd_per_1000_requests * requests / _THOUSAND

    def point(share: float) -> RoutePoint:
        bill = all_dearer - share * (all_dearer - all_cheaper) if replayed is None else replayed[share]
        own = router_usd if 0.0 < share < 1.0 else 0.0
        saved = all_dearer - bill - own
        mixed = mixture_quality(share, dearer, cheaper, quality, simple_share=simple, error_share=router.error_share)
        return RoutePoint(share, bill + own, own, saved, saved / all_dearer, mixed)

    shares = set(_SHARES if replayed is None else replayed)
    if replayed is None and simple is not None:
        shares.add(simple)
    ratio = (all_cheaper if replayed is None else _at_all(replayed)) / all_dearer
    return RoutingDecision(
        dearer, cheaper, router, simple, tuple(point(each) for each in sorted(shares)), _by_class(classes),
        _half(ratio, router_usd / all_dearer), how,
    )  # fmt: skip


def _half(ratio: float, router: float) -> HalfSaved:
    low, high = USUAL
    return HalfSaved(
        ratio,
        router,
        least_share(HALF, ratio, router_share=router),
        (greatest_price_ratio(HALF, low, router_share=router), greatest_price_ratio(HALF, high, router_share=router)),
        (saving_share(low, ratio, router_share=router), saving_share(high, ratio, router_share=router)),
    )


def _at_all(replayed: Mapping[float, float]) -> float:
    """The bill with all requests at the cheaper model: as replayed, else on the line through 0 and the largest share that was."""
    most = max(replayed)
    return replayed[0.0] if most == 0.0 else replayed[0.0] + (replayed[most] - replayed[0.0]) / most


def _by_class(classes: Sequence[ClassCost]) -> tuple[ClassMove, ...]:
    if len(classes) < 2:
        return ()
    requests, total = sum(each.requests for each in classes), sum(each.dearer_usd for each in classes)
    if total <= 0.0:
        return ()
    moved = saved = 0.0
    found = []
    for each in sorted(classes, key=lambda one: ((one.cheaper_usd - one.dearer_usd) / one.requests, one.name)):
        moved += each.requests
        saved += each.dearer_usd - each.cheaper_usd
        ratio = each.cheaper_usd / each.dearer_usd if each.dearer_usd > 0.0 else float("inf")
        length = each.dearer_usd / each.requests / (total / requests)
        found.append(ClassMove(each.name, moved / requests, ratio, length, saved / total))
    return tuple(found)
