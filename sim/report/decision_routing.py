"""Routing and lock-in of a decision: shares between two models, fallbacks, a challenger, and what it takes to leave each vendor."""

from __future__ import annotations

from collections.abc import Sequence

from sim.decision.challenger import Challenger
from sim.decision.lock_in import LockIn
from sim.decision.routes import Routes
from sim.decision.routing import RoutingDecision
from sim.decision.routing_futures import FallbackValue, PriceFollowing
from sim.report.amounts import about, chance
from sim.report.comparison_answer import difference
from sim.report.section import Section
from sim.units import show_count, show_share

_HAZARDS = 3
_LONG = 120.0
"""Months of spend beyond which the number says nothing more."""


def routing_sections(found: Routes) -> list[Section]:
    """Everything that is said of dividing the traffic."""
    rows: list[tuple[str, str]] = []
    if found.following is not None:
        rows += _following(found.following)
    if found.fallback is not None and found.fallback_of is not None:
        rows += _fallback(found.fallback_of, found.fallback)
        rows += [
            ("", f"{each.kind.replace('_', ' ')} {each.name}: {show_count(round(each.saved_requests_per_month))} requests a month saved")
            for each in found.saved[:_HAZARDS]
            if each.saved_requests_per_month >= 1
        ]
    if found.challenger is not None:
        rows += _challenger(found.challenger)
    rows += [("not told" if k == 0 else "", text) for k, text in enumerate(found.why)]
    table = [] if found.routing is None else [_shares(found.routing)]
    return [*table, Section("Routing", rows, facts=True)]


def _shares(found: RoutingDecision) -> Section:
    rows = []
    for each in found.points:
        score = "?" if each.quality is None else f"{each.quality.score:.3f}"
        rows.append((f"{each.share:.0%} cheaper", about(each.bill_usd), about(each.router_usd), f"{each.saving_share:.1%}", score))
    notes = [
        f"A month of the trace's traffic, all at {found.dearer} or a share of the requests at {found.cheaper} ({found.how}); the bill has "
        f"the router in it. {found.half.says[:1].upper()}{found.half.says[1:]}.",
        *(
            f"{each.name} first: {each.share:.0%} of the requests, {each.saving_share:.1%} of the bill, by a rule"
            for each in found.by_class[:1]
        ),
        *(f"Assumed: {text}" for text in found.router.assumed),
    ]
    return Section("Routing", rows, ("bill", "router", "saves", "score"), notes)


def _following(found: PriceFollowing) -> list[tuple[str, str]]:
    saving = found.saving_usd
    text = (
        f"between {found.fixed} and {found.other}, month by month, against {found.fixed} alone: saves {about(saving.p50)} (p5 "
        f"{about(saving.p5)}, p95 {about(saving.p95)}), {found.saving_share:.1%} of the bill; anything in {chance(found.p_saves)} "
        "of futures"
    )
    return [("Following prices", text)]


def _fallback(name: str, found: FallbackValue) -> list[tuple[str, str]]:
    saved = found.saved_requests
    each = "none is saved" if found.usd_per_saved_request is None else f"{about(found.usd_per_saved_request)} a request saved"
    costs = difference(found.extra_tco_usd.p50)
    text = (
        f"of {name}, over all months: {show_count(round(saved.p50))} requests more complete (p95 {show_count(round(saved.p95))}), "
        f"{'at the same cost' if costs == 'the same' else f'for {costs}'} in the median future; {each}"
    )
    rows = [("Fallbacks", text)]
    if found.worth_usd is not None and found.p_pays is not None:
        rows.append(("", f"worth {about(found.worth_usd.p50)} after that; they pay in {chance(found.p_pays)} of futures"))
    return rows


def _challenger(found: Challenger) -> list[tuple[str, str]]:
    more = difference(found.extra_usd_per_month)
    text = f"{found.model} against {found.against} on {show_share(found.share)} of the traffic: {more} a month"
    if found.months is not None and found.n_challenger is not None:
        basis = "as measured" if found.measured else "worth finding"
        graded = show_count(found.n_challenger)
        text += f"; {graded} graded answers show a difference of {found.difference:.3g} ({basis}), in {found.months:.1f} months"
    return [("Challenger", text), *(("", f"assumed: {each}") for each in found.assumed)]


def _months(months: float) -> str:
    return f"{months:.1f} mo" if months < _LONG else ">10 years"


def lock_in_sections(found: Sequence[LockIn]) -> list[Section]:
    """What it takes to leave each vendor, by level."""
    rows = []
    for each in found:
        months = "-" if each.months_of_spend is None else _months(each.months_of_spend)
        rows.append(
            (
                f"{each.strategy}: {each.vendor}", about(each.of("model")), about(each.of("api")), about(each.of("data")), about(each.usd),
                f"{each.weeks:.1f} wk", months,
            )
        )  # fmt: skip
    if not rows:
        return []
    notes = [
        "USD and weeks of one engineer to leave a vendor: prompts and evaluation, code, data. Spend: that in months of what it charges."
    ]
    assumed = list(dict.fromkeys(part.assumed for each in found for part in each.parts if part.assumed))
    notes += [f"Assumed: {text}." for text in assumed]
    return [Section("Lock-in", rows, ("model", "API", "data", "all", "time", "spend"), notes)]
