"""A deployment of kind api in plain numbers: tier, limits, latency, prices; and the batch lane beside it."""

from __future__ import annotations

import math

from sim.catalog.api import Api, Limit, Tier
from sim.catalog.catalog import Catalog
from sim.catalog.price_book import PriceBook
from sim.catalog.token_prices import TokenPrices
from sim.stack.api_deployment import ApiDeployment, BatchLane
from sim.stack.client import NO_CLIENT
from sim.stack.facts import ClassFacts, TraceFacts
from sim.stack.ledger import Ledger
from sim.stack.resolve_pool import resolve_client
from sim.stack.resolved import Label, ResolvedApi
from sim.units import SECONDS_PER_MONTH, show_seconds, show_usd

BATCH_CLASS = "batch"
_LANE_TPOT_S = 1e-6
"""All tokens of a batch result come at once."""


def monthly_usd(prices: TokenPrices, parts: list[tuple[ClassFacts, float]], duration_s: float) -> float | None:
    """USD a month for shares of classes of a trace at standard rates, as if every month were like it; None for no duration.

    A class is priced at the rate of its mean prompt.
    """
    if duration_s <= 0:
        return None
    usd = 0.0
    for each, share in parts:
        rate = prices.standard.at(each.prompt_tokens / max(each.requests, 1))
        usd += share * rate.usd(input_tokens=each.prompt_tokens, output_tokens=each.output_tokens, cached_tokens=each.cached_tokens)
    return usd * SECONDS_PER_MONTH / duration_s


def resolve_api(
    name: str,
    spec: ApiDeployment,
    catalog: Catalog,
    book: PriceBook,
    facts: TraceFacts | None,
    parts: list[tuple[ClassFacts, float]],
    ledger: Ledger,
) -> ResolvedApi | None:
    """The deployment, or None when the ledger has a problem with it; `parts` are the shares of classes that may be sent here."""
    at = ("deployments", name)
    before = len(ledger.problems)
    api: Api | None = None
    with ledger.refusing(*at, "model"):
        api = catalog.api(spec.model)
    client = resolve_client(name, spec.client, spec.timeout, catalog, ledger)
    if api is None or client is None:
        return None
    prices: TokenPrices | None = None
    with ledger.refusing(*at, "prices" if spec.prices else "model"):
        if spec.prices is None:
            prices = book.tokens(api)
        else:
            listed = book.tokens(api) if spec.prices.discount is not None else None
            prices = spec.prices.over(listed, api.name, str(ledger.document.mark((*at, "prices"))), book.date)
    if prices is None:
        return None
    forecast = monthly_usd(prices, parts, facts.duration_s) if facts is not None else None
    tier = _tier(name, spec, api, forecast, ledger)
    if api.released is not None and api.released > book.date and not prices.negotiated:
        ledger.note(
            f"{name}: {api.name} was released on {api.released}, after the day of the prices, {book.date}: it has its first known price; "
            "yours of that day: --prices"
        )
    if len(ledger.problems) > before or tier is None:
        return None
    key = f"deployments.{name}"
    ledger.read(spec, at)
    _say_prices(key, prices, ledger)
    latency = api.latency
    asked = latency.ttft
    with ledger.refusing(*at, "latency", "mode"):
        asked = latency.ttft_in(spec.latency.mode)
    ttft, tpot = spec.latency.ttft or asked, spec.latency.tpot or latency.tpot
    _say_latency(key, spec, api, ledger)
    error_rate = spec.error_rate if spec.error_rate is not None else api.error_rate or 0.0
    if spec.error_rate is None:
        said = "catalogue" if api.error_rate is not None else "none known, none simulated"
        ledger.origin(f"{key}.error_rate", error_rate, "", "vendor" if api.error_rate is not None else "assumed", said)
    (ttft_z, ttft_ln_s), (tpot_z, tpot_ln_s) = ttft.points(), tpot.points()
    per_token, hour_sigma = spec.latency.ttft_per_prompt_token_s, spec.latency.hour_sigma
    return ResolvedApi(
        name=name,
        model=api,
        tier=tier.name,
        limits=_limits(key, spec, tier, ledger),
        batch_queue=None,
        prices=prices,
        rates=prices.standard,
        ttft_z=ttft_z,
        ttft_ln_s=ttft_ln_s,
        tpot_z=tpot_z,
        tpot_ln_s=tpot_ln_s,
        ttft_per_prompt_token_s=latency.ttft_per_prompt_token_s if per_token is None else per_token,
        hour_sigma=latency.hour_sigma if hour_sigma is None else hour_sigma,
        error_rate=error_rate,
        default_max_tokens=spec.default_max_tokens,
        client=client,
        forecast_usd_per_month=forecast,
    )


def batch_classes(spec: ApiDeployment, facts: TraceFacts | None) -> tuple[str, ...]:
    """The classes of the trace that go through the batch lane, as far as the stack says."""
    if facts is None or spec.batch == "off":
        return ()
    wanted = spec.batch.classes if isinstance(spec.batch, BatchLane) else (BATCH_CLASS,)
    return tuple(each.name for each in facts.classes if each.name in wanted)


def batch_lane(spec: ApiDeployment, main: ResolvedApi, ledger: Ledger) -> ResolvedApi | None:
    """The batch lane beside a deployment; None when it has none under `auto`, a problem when the stack asks for one."""
    api, name = main.model, f"{main.name}:batch"
    at = ("deployments", main.name)
    asked = isinstance(spec.batch, BatchLane)
    if api.batch is None or main.prices.batch is None:
        lacks = f"{api.vendor} has no batch lane for {api.name}" if api.batch is None else f"no batch price of {api.name} is known"
        if asked:
            ledger.problem((*at, "batch"), f"{lacks}; leave the key out, or name another model")
        else:
            ledger.note(f"{main.name}: {lacks}: requests of class {BATCH_CLASS} are sent as any other")
        return None
    lane = spec.batch if isinstance(spec.batch, BatchLane) else BatchLane()
    tier = api.tier(main.tier)
    key = f"deployments.{name}"
    if not asked:
        ledger.origin(f"{key}.turnaround", lane.turnaround, "s", "assumed", "no source; the provider promises the window")
        ledger.origin(f"{key}.sigma", lane.sigma, "", "assumed", "no source")
    ledger.origin(f"{key}.window", api.batch.window_s, "s", "assumed" if api.batch.assumed else "vendor", api.batch.source, api.batch.as_of)
    return ResolvedApi(
        name=name,
        model=api,
        tier=main.tier,
        limits=tuple(limit for limit in main.limits if limit.unit == "usd"),
        batch_queue=tier.batch_queue,
        prices=main.prices,
        rates=main.prices.batch,
        ttft_z=(0.0, 1.0),
        ttft_ln_s=(math.log(lane.turnaround), math.log(lane.turnaround) + lane.sigma),
        tpot_z=(0.0, 1.0),
        tpot_ln_s=(math.log(_LANE_TPOT_S), math.log(_LANE_TPOT_S)),
        ttft_per_prompt_token_s=0.0,
        hour_sigma=0.0,
        error_rate=0.0,
        default_max_tokens=main.default_max_tokens,
        client=NO_CLIENT.model_copy(update={"timeout": api.batch.window_s}),
        forecast_usd_per_month=main.forecast_usd_per_month,
        lane_of=main.name,
    )


def _tier(name: str, spec: ApiDeployment, api: Api, forecast: float | None, ledger: Ledger) -> Tier | None:
    if spec.tier != "auto":
        with ledger.refusing("deployments", name, "tier"):
            return api.tier(spec.tier)
        return None
    key = f"deployments.{name}.tier"
    if forecast is None:
        tier = api.tiers[0]
        ledger.note(f"{name}: tier {tier.name}, the lowest: without a trace no bill can be forecast")
    else:
        if forecast == 0.0:
            tier = api.tiers[0]  # nothing is sent here, so that nobody asks which it is
            ledger.origin(f"{key} (chosen)", tier.name, "", "assumed" if tier.assumed else "vendor", tier.source, tier.as_of)
            return tier
        tier = api.lowest_tier_for(forecast)
        cap, bill = tier.monthly_spend_cap_usd, f"{show_usd(forecast)} a month if it takes all that the rules may send it"
        bill += f"; yours: --set {key}=NAME"
        if cap is None:
            ledger.note(f"{name}: tier {tier.name}, which has no cap known; forecast {bill}")
        elif cap < forecast:
            ledger.note(f"{name}: tier {tier.name}, the highest, whose cap of {show_usd(cap)} a month does not hold the forecast, {bill}")
        else:
            ledger.note(f"{name}: tier {tier.name}, the lowest whose cap ({show_usd(cap)} a month) holds the forecast, {bill}")
    ledger.origin(f"{key} (chosen)", tier.name, "", "assumed" if tier.assumed else "vendor", tier.source, tier.as_of)
    return tier


def _limits(key: str, spec: ApiDeployment, tier: Tier, ledger: Ledger) -> tuple[Limit, ...]:
    limits: list[Limit] = []
    cap = spec.spend_cap_usd if spec.spend_cap_usd is not None else tier.monthly_spend_cap_usd if spec.limits == "tier" else None
    if cap is not None:
        limits.append(Limit(law="fixed_window", unit="usd", limit=cap, window_s=SECONDS_PER_MONTH, no_retry_after=True))
        if spec.spend_cap_usd is None:
            ledger.origin(f"{key}.spend_cap", cap, "USD/month", "assumed" if tier.assumed else "vendor", tier.source, tier.as_of)
    if isinstance(spec.limits, tuple):
        limits += spec.limits
    elif spec.limits == "tier":
        limits += tier.limits
        label: Label = "assumed" if tier.assumed else "vendor"
        for number, limit in enumerate(limits):
            if limit in tier.limits:
                over = "at once" if limit.law == "concurrency" else f"per {show_seconds(limit.window_s)}"
                ledger.origin(f"{key}.limits.{number}.{limit.unit} {over}", limit.limit, limit.law, label, tier.source, tier.as_of)
    return tuple(limits)


def _say_prices(key: str, prices: TokenPrices, ledger: Ledger) -> None:
    label: Label = "given" if prices.negotiated else "vendor"
    for rate in prices.standard.by_input_tokens:
        above = f" from {rate.from_input_tokens} input tokens" if rate.from_input_tokens else ""
        for kind in ("input", "cached_input", "output"):
            ledger.origin(
                f"{key}.prices.{kind}{above}",
                getattr(rate, f"{kind}_usd_per_mtok"),
                "USD/Mtok",
                label,
                prices.source,
                prices.date.isoformat(),
            )
    if len(prices.by_time) > 1:
        hours = ", ".join(f"{second / 3600:g} h" for second, _ in prices.by_time)
        ledger.note(f"{key.removeprefix('deployments.')}: prices change during the day, at {hours} UTC")


def _say_latency(key: str, spec: ApiDeployment, api: Api, ledger: Ledger) -> None:
    given, known = spec.latency, api.latency
    figures: list[tuple[str, float | str]] = []
    if given.mode is not None and given.mode in (mode.name for mode in known.modes):
        figures += [(f"modes.ttft.{field}", value) for field, value in known.ttft_in(given.mode).figures()]
    elif given.ttft is None:
        figures += [(f"ttft.{field}", value) for field, value in known.ttft.figures()]
    if given.tpot is None:
        figures += [(f"tpot.{field}", value) for field, value in known.tpot.figures()]
    for name in ("ttft_per_prompt_token_s", "hour_sigma"):
        if getattr(given, name) is None:
            figures.append((name, getattr(known, name)))
    for name, value in figures:
        label, source, as_of = known.source_of(name)
        unit = "s" if name.endswith("_s") else ""
        ledger.origin(f"{key}.latency.{name}", value, unit, "estimated" if label == "fitted" else label, source, as_of)
