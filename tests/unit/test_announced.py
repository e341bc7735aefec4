"""What is said of what is to come: paid ahead, prices on their dates, retirements refused or assumed, spend caps that are met."""

from __future__ import annotations

import datetime
from dataclasses import replace

import numpy as np
import pytest

from sim.catalog.api import Limit
from sim.errors import InputError
from sim.futures.announced import announced, caps_met, refuse_retirements
from sim.futures.calendar import Calendar
from sim.futures.ruled import is_monthly_cap, succeeded
from sim.stack.resolved import ResolvedApi, ResolvedStack
from sim.units import SECONDS_PER_DAY, SECONDS_PER_MONTH, show_usd
from tests.made.draws import BOOK, CATALOG, drawn, resolved

CALENDAR = Calendar(datetime.date(2026, 12, 1), 4)
POOL = "kind: gpu, llm: llama-3.1-8b, gpu: h100-sxm"
NEVER = "extends: certain"


def apis(*models: str, more: str = "") -> ResolvedStack:
    names = [f"api{k}" for k in range(len(models))]
    text = ", ".join(f"{name}: {{kind: api, model: {model}{more}}}" for name, model in zip(names, models, strict=True))
    return resolved(f"deployments: {{{text}}}\nrouting: [{{to: [{', '.join(names)}]}}]\ncosts: {{migration: {{usd: 9k}}}}")


def said(stack: ResolvedStack, outlook: str = NEVER, *, months: int = 4, futures: int = 50) -> tuple[str, ...]:
    return announced(stack, drawn(outlook, stack, months=months, futures=futures), BOOK)


# --- strict ---


def test_models_that_end_within_the_horizon_are_refused_all_at_once() -> None:
    stack = apis("gpt-5-mini", "gpt-6.1-sol", "gpt-4o")
    with pytest.raises(InputError) as refused:
        refuse_retirements(stack, CALENDAR, CATALOG)
    first, second = str(refused.value).splitlines()
    assert first == (
        "deployments.api0.model: gpt-5-mini is retired on 2026-12-11, before the end of 2027-03; gpt-6-luna would take its place, but "
        "--strict assumes none: name a model that lasts, or leave --strict out"
    )
    assert second.startswith("deployments.api2.model: gpt-4o is retired on 2027-01-14, before the end of 2027-03; gpt-6.1-sol would")


@pytest.mark.parametrize(("months", "refused"), [(1, False), (2, True)])
def test_a_model_that_ends_after_the_horizon_is_no_matter(months: int, refused: bool) -> None:
    calendar = Calendar(datetime.date(2026, 12, 14), months)
    assert calendar.names[-1] == ("2026-12", "2027-01")[months - 1]
    if refused:
        with pytest.raises(InputError, match="gpt-4o is retired on 2027-01-14"):
            refuse_retirements(apis("gpt-4o"), calendar, CATALOG)
    else:
        refuse_retirements(apis("gpt-4o"), calendar, CATALOG)


def test_the_successor_that_is_named_is_the_one_that_would_be_drawn() -> None:
    """A file need not name one: then it is the vendor's other model of the same size."""
    stack = apis("gpt-4o")
    api = stack.deployments[0]
    assert isinstance(api, ResolvedApi)
    unnamed = replace(api, model=api.model.model_copy(update={"successor": None}))
    alone = replace(api, model=api.model.model_copy(update={"successor": None, "vendor": "nobody"}))
    for deployment, instead in ((unnamed, r"gpt-\S+ would take its place"), (alone, "no successor is known")):
        with pytest.raises(InputError, match=f"before the end of 2027-03; {instead}"):
            refuse_retirements(replace(stack, deployments=(deployment,)), CALENDAR, CATALOG)


def test_gpus_and_lanes_are_not_refused() -> None:
    stack = apis("gpt-4o")
    api = stack.deployments[0]
    assert isinstance(api, ResolvedApi)
    refuse_retirements(replace(stack, deployments=(replace(api, lane_of="main"),)), CALENDAR, CATALOG)
    refuse_retirements(resolved(f"deployments: {{own: {{{POOL}}}}}"), CALENDAR, CATALOG)


# --- notes ---


def test_nothing_to_come_is_nothing_to_say() -> None:
    assert said(apis("gpt-6.1-sol")) == ()


def test_an_announced_end_is_said_with_what_follows() -> None:
    assert said(apis("gpt-4o", "gpt-4o")) == (
        "gpt-4o is retired on 2027-01-14: gpt-6.1-sol takes its place (assumed), with a migration of about $9,000 (assumed)",
    )
    assert said(apis("gpt-4o"), months=1) == ()


def test_an_end_by_chance_is_said_with_its_share_of_futures() -> None:
    stack = apis("gpt-6.1-sol")
    draws = drawn(NEVER, stack, months=4, futures=200)
    gone = np.where(np.arange(200) < 50, 30, 999)[:, None]
    (note,) = announced(stack, replace(draws, retired_from=gone, successors=("gpt-6-luna",)), BOOK)
    assert note == (
        "gpt-6.1-sol has no announced end; in 25.0 % of futures it is retired in these months: gpt-6-luna takes its place (assumed), "
        "with a migration of about $9,000 (assumed)"
    )
    nobody = replace(draws, retired_from=gone, successors=(None,))
    assert "one like it takes its place at its price (assumed)" in announced(stack, nobody, BOOK)[0]
    rare = replace(draws, retired_from=np.where(np.arange(200) < 1, 30, 999)[:, None])
    assert announced(stack, rare, BOOK) == ()  # one in two hundred is not worth a line


def test_a_price_change_is_said_with_its_date() -> None:
    (note,) = said(apis("gemini-3.8-flash"))
    assert note == (
        "gemini-3.8-flash: on 2027-01-01 its list price changes from 0.75 in, 3.75 out to 1.5 in, 7.5 out USD per million tokens"
    )


def test_what_is_paid_ahead_is_said() -> None:
    bought = resolved(
        f"deployments: {{own: {{{POOL}, replicas: 2, gpus_per_node: 1, on_premises: {{usd_per_gpu: 20k, server_overhead_share: 0.5, "
        "spare_share: 0, life_months: 48}}}"
    )
    assert said(bought) == ("own: its GPUs cost $60,000 before the first hour; the months carry it in equal parts over 48 months",)
    booked = resolved(
        f"deployments: {{own: {{{POOL}, gpus_per_node: 1, purchase: reserved_1y, usd_per_gpu_hour: 2, commitment: {{upfront_share: 50%}}}}}}"
    )
    assert said(booked) == ("own: its advance is $8,760 before the first hour; the months carry it in equal parts over 12 months",)


# --- spend caps ---


def capped(more: str = ", spend_cap_usd: 1000") -> ResolvedStack:
    return apis("gpt-6.1-sol", more=more)


def spend(*months: float, futures: int = 100, spread: float = 0.0) -> dict[str, np.ndarray]:
    usd = np.tile(np.array(months), (futures, 1))
    return {"api0": usd * (1 + spread * np.linspace(-1, 1, futures)[:, None])}


def test_a_cap_that_is_met_is_said_with_the_month_from_which_it_is_likely() -> None:
    (note,) = caps_met(capped(), spend(400, 990, 1100, 1300, spread=0.2), CALENDAR)
    tier = capped().deployments[0].tier  # type: ignore[union-attr]
    assert note == (
        f"api0: the cap of $1,000 a month (tier {tier}) is met from 2027-02 on more likely than not; what is beyond is billed as if the "
        "vendor had raised it: ask for a higher tier in time"
    )


def test_a_cap_that_is_seldom_met_is_said_with_its_share() -> None:
    (note,) = caps_met(capped(), spend(400, 700, 900, 850, spread=0.2), CALENDAR)
    above = float((900 * (1 + 0.2 * np.linspace(-1, 1, 100)) > 1000).mean())
    assert 0.01 < above < 0.5 and f"is met in up to {100 * above:.1f} % of futures;" in note


@pytest.mark.parametrize("usd", [999.0, 1000.0])
def test_a_cap_that_holds_is_not_worth_a_line(usd: float) -> None:
    assert caps_met(capped(), spend(*[usd] * 4), CALENDAR) == ()
    assert caps_met(capped(""), {}, CALENDAR) == ()


def test_what_may_be_spent_in_minutes_is_no_monthly_cap() -> None:
    stack = apis("gemini-2.5-flash")
    api = stack.deployments[0]
    assert isinstance(api, ResolvedApi)
    short = [limit for limit in api.limits if limit.unit == "usd" and limit.window_s < SECONDS_PER_DAY]
    (monthly,) = (limit.limit for limit in api.limits if limit.unit == "usd" and limit not in short)
    assert short and max(limit.limit for limit in short) < monthly
    assert caps_met(stack, spend(*[monthly] * 4), CALENDAR) == ()
    assert f"the cap of {show_usd(monthly)} a month" in caps_met(stack, spend(*[monthly + 1] * 4), CALENDAR)[0]


def test_a_cap_of_a_week_is_one_of_so_many_weeks() -> None:
    stack = capped("")
    api = stack.deployments[0]
    assert isinstance(api, ResolvedApi)
    weekly = Limit(law="fixed_window", unit="usd", limit=70.0, window_s=7 * SECONDS_PER_DAY)
    made = replace(stack, deployments=(replace(api, limits=(weekly,)),))
    a_month = 10.0 * SECONDS_PER_MONTH / SECONDS_PER_DAY
    assert caps_met(made, spend(*[a_month - 1] * 4), CALENDAR) == ()
    assert len(caps_met(made, spend(*[a_month + 1] * 4), CALENDAR)) == 1


def test_a_successor_brings_its_own_limits_of_minutes_and_keeps_the_monthly_cap() -> None:
    """The cap is what the user pays at most; how fast it may be spent is a rule of the model's vendor."""
    old = apis("gemini-2.5-flash").deployments[0]
    assert isinstance(old, ResolvedApi)
    new = succeeded(old, CATALOG.api("gemini-3.8-flash"), BOOK)
    cap = [limit for limit in old.limits if is_monthly_cap(limit)]
    assert len(cap) == 1
    assert new.limits == (*cap, *CATALOG.api("gemini-3.8-flash").tier(new.tier).limits)
