"""Checks of advice on money: fees by the token at scale, small savings, prices alone, engineers left out, salary in tokens."""

from __future__ import annotations

import numpy as np

from sim.decision.advice_case import (
    DAYS_PER_MONTH,
    MONTHS_PER_YEAR,
    TEXTBOOK,
    Advice,
    AdviceCase,
    Figure,
    Severity,
    a_day,
    items_usd,
    percent,
    total,
    totals,
    usd,
    vendor_bill,
)
from sim.decision.facts import StrategyFacts
from sim.units import MILLION

_ENGINEERS = ("people_ml", "people_devops", "on_call", "development", "maintenance")
_PRICED = ("priced_input_", "priced_cached_input_", "priced_output_")
_BUFFER = "hidden"


def tokens_at_scale(case: AdviceCase) -> list[Advice]:
    """Many tokens a day are bought: what that comes to in a year, first and last, and whether own machines would be cheaper."""
    taken = case.taken
    if taken is None or not taken.strategy.vendors:
        return []
    daily = taken.tokens_per_month / DAYS_PER_MONTH
    if daily < case.known.at_scale_tokens_per_day:
        return []
    bill = vendor_bill(taken) if taken.forecast is not None else taken.invoice_usd_by_month
    year = float(bill[:, :12].mean() * MONTHS_PER_YEAR)
    last = float(bill[:, -1].mean() * MONTHS_PER_YEAR)
    evidence = [
        Figure("tokens", daily, "tokens_per_day"),
        Figure("bill", year, "usd_per_year"),
        Figure("bill_at_the_end", last, "usd_per_year"),
    ]
    severity: Severity = "note"
    says = f"{daily / MILLION:,.3g} million tokens a day come to {usd(year)} a year in fees, at the level of the last month to {usd(last)}"
    do = "keep this projection, and hold it against the bill every month"
    stake = float(bill.sum(axis=1).mean())
    if case.own is not None and not case.is_taken(case.own):
        saves, cheaper = float((totals(taken) - totals(case.own)).mean()), float((totals(case.own) < totals(taken)).mean())
        evidence += [Figure("own_machines_save", saves, "usd"), Figure("p_own_machines_cheaper", cheaper, "share")]
        says += f"; {case.own.name} is cheaper in {percent(cheaper)} of futures"
        if saves > 0:
            severity, do = "warning", f"look at what keeps {case.own.name} out: it saves {usd(saves)}"
    return [
        Advice(
            "tokens_at_scale", severity, taken.name, says, do, tuple(evidence), stake, case.known.source("at_scale_tokens_per_day").source
        )
    ]


def hardly_cheaper(case: AdviceCase) -> list[Advice]:
    """Own machines save a little over an API: that is no difference; told with how likely they are cheaper at all."""
    own = case.taken if case.taken is not None and case.taken.strategy.own_gpus else case.own
    if own is None or case.api is None or own.name == case.api.name:
        return []
    mine, theirs = totals(own), totals(case.api)
    saves = float((theirs - mine).mean())
    share = saves / float(theirs.mean()) if theirs.mean() > 0 else 0.0
    if not 0.0 < share <= case.known.hardly_cheaper_share + 1e-12:
        return []
    cheaper = float((mine < theirs).mean())
    clearly = float((mine < (1 - case.known.hardly_cheaper_share) * theirs).mean())
    hidden = items_usd(own, _BUFFER)
    evidence = (
        Figure("saves", saves, "usd"), Figure("saves_share", share, "share"), Figure("p_cheaper", cheaper, "share"),
        Figure("p_cheaper_by_more", clearly, "share"), Figure("hidden_in_the_bill", hidden, "usd"),
    )  # fmt: skip
    kept = (
        f"{usd(hidden)} of hidden costs are in its bill already"
        if hidden > 0
        else "nothing is in its bill for hidden costs (costs.hidden_share)"
    )
    says = (
        f"{own.name} saves {percent(share)} over {case.api.name} in the mean; it is cheaper at all in {percent(cheaper)} of futures, "
        f"and by more than {percent(case.known.hardly_cheaper_share)} in {percent(clearly)}; {kept}"
    )
    severity: Severity = "warning" if case.is_taken(own) else "note"
    do = f"take this for no saving: unless something else speaks for own machines, {case.api.name} is the better choice"
    return [Advice("hardly_cheaper", severity, own.name, says, do, evidence, saves, case.known.source("hardly_cheaper_share").source)]


def price_alone(case: AdviceCase) -> list[Advice]:
    """By what suppliers charge one of an API and own machines is cheaper, by all that it costs the other."""
    own, api = case.own, case.api
    if own is None or api is None or own.forecast is None or api.forecast is None:
        return []
    own_invoice, api_invoice = (float(each.invoice_usd_by_month.sum(axis=1).mean()) for each in (own, api))
    own_total, api_total = total(own), total(api)
    if (own_invoice - api_invoice) * (own_total - api_total) >= 0:
        return []
    seems, is_so = (own, api) if own_invoice < api_invoice else (api, own)
    stake = abs(own_total - api_total)
    evidence = (
        Figure("own_invoice", own_invoice, "usd"), Figure("api_invoice", api_invoice, "usd"),
        Figure("own_tco", own_total, "usd"), Figure("api_tco", api_total, "usd"),
    )  # fmt: skip
    says = (
        f"by the invoice alone {seems.name} is cheaper "
        f"({usd(min(own_invoice, api_invoice))} against {usd(max(own_invoice, api_invoice))}); "
        f"by everything {is_so.name} is, by {usd(stake)}"
    )
    do = "hold totals against each other: people, compliance, hidden costs, not prices of tokens and GPU-hours"
    severity: Severity = "warning" if case.is_taken(seems) else "note"
    return [Advice("price_alone", severity, seems.name, says, do, evidence, stake, f"{TEXTBOOK}, total cost of ownership model")]


def engineering_left_out(case: AdviceCase) -> list[Advice]:
    """Nobody is paid for a strategy that runs: what its places usually cost."""
    found = []
    for each in case.facts:
        if each.forecast is None or items_usd(each, *_ENGINEERS) > 0:
            continue
        places = case.people.with_gpus if each.strategy.own_gpus else case.people.api_only
        monthly = (
            places.ml_engineers * case.people.ml_engineer_usd_per_month
            + places.devops_engineers * case.people.devops_engineer_usd_per_month
        )
        stake = monthly * case.months
        evidence = (
            Figure("in_the_bill", 0.0, "usd"), Figure("ml_engineers", places.ml_engineers, "fte"),
            Figure("devops_engineers", places.devops_engineers, "fte"), Figure("usual", monthly, "usd_per_month"),
        )  # fmt: skip
        says = f"the bill of {each.name} has no engineer in it; usual places would cost {usd(monthly)} a month"
        do = "say who works on it (people.ml_engineers, people.devops_engineers), or why it takes nobody"
        severity: Severity = "warning" if case.is_taken(each) else "note"
        found.append(Advice("engineering_left_out", severity, each.name, says, do, evidence, stake, case.people.source("with_gpus").source))
    return found


def low_volume(case: AdviceCase) -> list[Advice]:
    """Own machines for a few requests a day."""
    taken = case.taken
    if taken is None or not (taken.strategy.own_gpus or taken.strategy.then is not None) or taken.strategy.kind == "hybrid":
        return []
    daily, least = a_day(taken), case.known.small_requests_per_day
    later = taken.strategy.then
    own = taken.strategy.own_gpus or (later is not None and any(each.kind == "gpu" for each in later.stack.stack.deployments.values()))
    if not own or daily >= least:
        return []
    evidence = [Figure("requests", daily, "requests_per_day"), Figure("few", least, "requests_per_day")]
    more = 0.0
    if case.api is not None:
        more = total(taken) - total(case.api)
        evidence.append(Figure("extra_tco_over_api", more, "usd"))
    says = f"{taken.name} keeps own machines for {daily:,.0f} requests a day; below {least:,.0f} they seldom pay"
    do = "use an API unless the data or the model keeps you from it"
    if case.api is not None:
        do += f"; {case.api.name} costs {usd(abs(more))} {'less' if more >= 0 else 'more'}"
    source = case.known.source("small_requests_per_day").source
    return [Advice("low_volume", "warning", taken.name, says, do, tuple(evidence), max(more, 0.0), source)]


def salary_in_tokens(case: AdviceCase) -> list[Advice]:
    """What an ML engineer costs in a month, in tokens at the price of the API, against the tokens that are asked."""
    api = case.api
    price = None if api is None else usd_per_mtok(api)
    if api is None or price is None:
        return []
    concerns = case.taken if case.taken is not None and case.taken.strategy.own_gpus else case.own
    salary = ml_engineer_usd(case, concerns)
    bought, asked = salary / price * MILLION, api.tokens_per_month
    engineers = 0.0 if concerns is None or concerns.resolved is None else concerns.resolved.costs.ml_engineers
    evidence = (
        Figure("ml_engineer", salary, "usd_per_month"), Figure("api_price", price, "usd_per_mtok"),
        Figure("salary", bought / MILLION, "mtok_per_month"), Figure("asked", asked / MILLION, "mtok_per_month"),
        Figure("ml_engineers", engineers, "fte"),
    )  # fmt: skip
    says = (
        f"an ML engineer's month ({usd(salary)}) buys {bought / MILLION:,.0f} million tokens at {api.name} "
        f"(USD {price:,.2f} a million); {asked / MILLION:,.0f} million are asked"
    )
    below = engineers > 0 and asked < engineers * bought
    severity: Severity = "warning" if below and concerns is not None and case.is_taken(concerns) else "note"
    do = (
        "below that the API is almost certainly cheaper; look for a reason other than cost"
        if asked < bought
        else "the volume could pay for an engineer"
    )
    stake = engineers * salary * case.months
    return [
        Advice(
            "salary_in_tokens",
            severity,
            concerns.name if concerns is not None and case.is_taken(concerns) else api.name,
            says,
            do,
            evidence,
            stake,
            f"{TEXTBOOK}, engineering cost",
        )
    ]


def ml_engineer_usd(case: AdviceCase, each: StrategyFacts | None) -> float:
    """USD a month of an ML engineer, as the stack of a strategy pays them, else as assumed."""
    if each is None or each.resolved is None:
        return case.people.ml_engineer_usd_per_month
    return each.resolved.costs.ml_engineer_usd_per_month


def usd_per_mtok(each: StrategyFacts) -> float | None:
    """What a million tokens cost at the APIs of a strategy over all months, at its mix of tokens; None where none is bought."""
    found = each.forecast
    if found is None:
        return None
    columns = [k for k, (_, item) in enumerate(found.layout.columns) if item.startswith(_PRICED)]
    tokens = float(np.nansum(found.usage[:, :, columns]))
    bill = float(vendor_bill(each).sum())
    return bill / tokens * MILLION if tokens > 0 and bill > 0 else None
