"""Switch signals: each rule on futures made by hand, when it fires, that it sees the past alone, and when the decision is reviewed."""

from __future__ import annotations

import datetime
import math
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from sim.catalog.catalog import Catalog
from sim.decision.facts import StrategyFacts
from sim.decision.needs import Needs
from sim.decision.trigger_defaults import trigger_defaults
from sim.decision.trigger_rules import price_index
from sim.decision.trigger_words import NAMES
from sim.decision.triggers import TriggerResult, first_in_a_row, triggers
from sim.futures.forecast import Forecast
from sim.futures.signals import Signals
from sim.sampling import stream
from tests.made.forecast import forecast
from tests.made.watched import amounts, facts

CATALOG = Catalog.bundled()
MONTHS = 6
NEVER = MONTHS


def api(bill: object, **changed: object) -> Forecast:
    usd = np.atleast_2d(np.asarray(bill, float))
    return forecast({("api", "api_input", "invoice"): usd}, stack="api", futures=len(usd), months=MONTHS, **changed)  # type: ignore[arg-type]


def hosted(gpus: object, people: float = 0.0, *, futures: int = 1, **more: float) -> Forecast:
    lines: dict[Any, Any] = {("own", "gpu_used", "invoice"): gpus, ("shared", "people_ml", "tco"): people}
    lines |= {("shared", item, "tco"): usd for item, usd in more.items()}
    return forecast(lines, stack="hosted", futures=futures, months=MONTHS)


def needs(**changed: Any) -> Needs:
    return Needs.model_validate(changed)


def fired(own: StrategyFacts, name: str, *others: StrategyFacts, **said: Any) -> TriggerResult:
    found = triggers(own, others, needs(**said), CATALOG).named(name)
    assert found is not None
    return found


def why_not(own: StrategyFacts, name: str, *others: StrategyFacts, **said: Any) -> str:
    return next(each.why for each in triggers(own, others, needs(**said), CATALOG).not_watched if each.name == name)


ONE = {"vendors": ("openai",)}
OWN: dict[str, Any] = {"gpus": True, "kind": "self_hosted"}


def test_a_bill_fires_after_the_third_month_in_a_row_above_all_of_self_hosting() -> None:
    #        month:  0    1    2    3    4    5
    bill = [[200, 200, 100, 200, 200, 200], [200, 200, 200, 0, 0, 0], [100, 150, 150, 150, 149, 150], [200, 200, 0, 200, 200, 0]]
    own = facts(api(bill), **ONE)
    other = facts(hosted(100.0, 50.0, futures=4), **OWN)
    found = fired(own, "bill_above_self_hosting", other)
    assert found.first_month.tolist() == [5, 2, NEVER, NEVER]  # equal is not above; all of it is 150, people included
    assert found.p_fires == 0.5
    assert (found.p5, found.p50, found.p95) == (3, 3, 6)
    assert found.against == "hosted"
    assert found.direction == "api->self_hosted"
    assert found.months_in_a_row == 3
    n, p = 4, 0.5
    assert found.se == pytest.approx(math.sqrt(p * (1 - p) / n + 0.25 / n**2) / (1 + 1 / n))


def test_the_cheapest_on_own_gpus_alone_is_what_a_bill_is_held_against() -> None:
    own = facts(api([[200] * MONTHS]), **ONE)
    dear, cheap = facts(hosted(500.0), "dear", **OWN), facts(hosted(150.0), "cheap", **OWN)
    mixed = facts(hosted(1.0), "mixed", vendors=("openai",), **OWN)
    assert fired(own, "bill_above_self_hosting", dear, cheap, mixed).against == "cheap"
    assert fired(own, "bill_above_self_hosting", mixed).against == "mixed"
    assert "no strategy on own GPUs" in why_not(own, "bill_above_self_hosting", own)
    planned = triggers(own, (cheap, mixed), needs(), CATALOG, against=dear).named("bill_above_self_hosting")
    assert planned is not None
    assert planned.against == "dear"
    back = triggers(cheap, (own, mixed), needs(), CATALOG, against=facts(api([[1.0] * MONTHS]), "planned", **ONE))
    assert {each.name: each.why for each in back.not_watched}["compliance_above_savings"].startswith("compliance costs no more")


def test_needs_move_a_threshold_and_the_months_in_a_row_or_leave_a_signal_out() -> None:
    own, other = facts(api([[200, 200, 400, 400, 0, 0]]), **ONE), facts(hosted(100.0), **OWN)
    said = {"triggers": {"bill_above_self_hosting": {"threshold": 3, "months": 2}}}
    found = fired(own, "bill_above_self_hosting", other, **said)
    assert found.first_month.tolist() == [3]
    assert found.assumed == ""
    assert fired(own, "bill_above_self_hosting", other).assumed.startswith("1 times the TCO: ")
    assert fired(own, "price_rise").assumed.startswith("20 %: ")
    assert fired(own, "volume_leverage").assumed.startswith("83,000 USD a month: ")
    assert why_not(own, "slo_missed", triggers={"slo_missed": {"ignored": True}}) == "left out by the needs"


def test_a_price_is_followed_at_the_mix_of_the_first_month() -> None:
    # 10 M tokens in at 1, 2 M out at 4 USD per million: 18 USD. Later three times as many, and output at 6: 10 + 12 = 22 at the old mix.
    tokens_in, tokens_out = np.array([10e6, 30e6, 30e6, 0, 30e6, 30e6]), np.array([2e6, 6e6, 6e6, 0, 6e6, 6e6])
    price_out = np.array([4, 4, 4, 4, 6, 8.0]) / 1e6
    lines: Any = {("api", "api_input", "invoice"): tokens_in / 1e6, ("api", "api_output", "invoice"): tokens_out * price_out}
    made = forecast(lines, stack="api", months=MONTHS)
    made = amounts(made, api__priced_input_0=tokens_in, api__priced_output_0=tokens_out)
    assert price_index(made, "api")[0] == pytest.approx([1, 1, 1, 1, 22 / 18, 26 / 18])
    found = fired(facts(made, **ONE), "price_rise")  # 20 %
    assert found.first_month.tolist() == [4]
    found = fired(facts(made, **ONE), "price_rise", triggers={"price_rise": {"threshold": 0.3}})
    assert found.first_month.tolist() == [5]
    assert "30 %" in found.what


def test_retirements_outages_fallbacks_and_missed_levels_come_from_the_futures() -> None:
    gone = np.array([[0, 6], [3, 6], [6, 6]])  # of [own, api]
    longest = np.zeros((3, MONTHS, 2))
    longest[0, 2, 1], longest[0, 4, 1], longest[1, 1, 1] = 4.0, 4.1, 30.0
    met = np.ones((3, MONTHS), bool)
    met[0, [1, 3, 4]] = False
    made = api([[1.0] * MONTHS] * 3, met=met, signals=Signals(gone[:, ::-1].copy(), longest))
    elsewhere = np.zeros((3, MONTHS))
    elsewhere[2, 3], elsewhere[1, 3] = 50.1, 50.0
    own = facts(amounts(made, api__fallback_completed=elsewhere, all__completed=1000.0), **ONE)
    assert fired(own, "model_retired").first_month.tolist() == [0, 3, NEVER]
    assert fired(own, "vendor_outage").first_month.tolist() == [4, 1, NEVER]
    assert fired(own, "slo_missed").first_month.tolist() == [4, NEVER, NEVER]  # two months in a row
    assert fired(own, "fallback_rate").first_month.tolist() == [NEVER, NEVER, 3]
    assert fired(own, "fallback_rate").direction == "single->multi"
    two = facts(made, vendors=("openai", "anthropic"))
    assert triggers(two, (), needs(), CATALOG).named("vendor_outage") is None
    assert fired(two, "slo_missed").direction == "api->self_hosted"
    assert fired(facts(made, **OWN), "slo_missed").direction == "self_hosted->api"


def test_a_forecast_that_kept_no_events_says_so() -> None:
    own = facts(api([[1.0] * MONTHS]), **ONE)
    assert "does not say" in why_not(own, "model_retired")
    assert "does not say" in why_not(own, "vendor_outage")


def test_volume_gives_leverage_from_a_bill_of_a_million_a_year() -> None:
    own = facts(api([[83_000, 83_000, 83_000, 1, 1, 1], [82_999] * MONTHS]), **ONE)
    assert fired(own, "volume_leverage").first_month.tolist() == [2, NEVER]


def test_compliance_is_held_against_what_is_saved_without_it() -> None:
    # Own: 60 and 50 of compliance; the API costs 100 and 10 of compliance. Burden 40; saved without it 100 - 60 = 40: not above.
    rented = facts(
        forecast({("api", "api_input", "invoice"): 100.0, ("shared", "compliance_ongoing", "tco"): 10.0}, stack="api", months=MONTHS), **ONE
    )
    even = facts(hosted(60.0, compliance_ongoing=50.0), **OWN)
    assert fired(even, "compliance_above_savings", rented).first_month.tolist() == [NEVER]
    above = facts(hosted(60.0, compliance_ongoing=50.0, security_testing=1.0), **OWN)
    found = fired(above, "compliance_above_savings", rented)
    assert found.first_month.tolist() == [2]
    assert found.against == "api"
    assert "does not say what it costs" in why_not(facts(hosted(60.0), **OWN), "compliance_above_savings", rented)


def test_events_come_at_their_rate_from_a_stream_of_their_own() -> None:
    futures = 2000
    own = facts(hosted(1.0, futures=futures), **OWN)
    found = fired(own, "better_model", triggers={"better_model": {"threshold": 0.8}})
    expected = 1 - math.exp(-0.8 * MONTHS / 12)
    assert abs(found.p_fires - expected) < 4 * math.sqrt(expected * (1 - expected) / futures)
    uniform = stream(0, "decision/trigger/better_model").random(futures)
    months = np.minimum(np.floor(-np.log(1 - uniform) / 0.8 * 12), NEVER)
    assert found.first_month.tolist() == months.tolist()
    other = facts(hosted(900.0, futures=futures), "another", **OWN)
    assert np.array_equal(fired(other, "better_model", triggers={"better_model": {"threshold": 0.8}}).first_month, found.first_month)
    assert not fired(own, "better_model", triggers={"better_model": {"threshold": 0}}).p_fires


def test_two_halves_of_an_engineer_are_one_who_can_leave_and_nobody_leaves_where_nobody_is() -> None:
    futures = 4000
    rate = trigger_defaults(CATALOG).engineer_leaves.threshold
    for fte, people in ((0.5, 1), (2.0, 2)):
        own = facts(hosted(1.0, futures=futures), costs={"ml_engineers": fte}, **OWN)
        expected = 1 - math.exp(-rate * people * MONTHS / 12)
        assert abs(fired(own, "engineer_leaves").p_fires - expected) < 4 * math.sqrt(expected * (1 - expected) / futures)
    assert "no ML engineer" in why_not(facts(hosted(1.0), **OWN), "engineer_leaves")


def test_talent_is_there_today_or_when_it_is_hired_or_never() -> None:
    own = facts(api([[1.0] * MONTHS]), **ONE)
    other = facts(hosted(1.0), costs={"ml_engineers": 1.0, "devops_engineers": 0.5}, **OWN)
    there: dict[str, Any] = {"ml_engineers": 1, "devops_engineers": 1}
    missing: dict[str, Any] = {"ml_engineers": 0, "devops_engineers": 1}
    assert fired(own, "talent_there", other, team=there).first_month.tolist() == [0]
    assert fired(own, "talent_there", other, team=there).standing
    assert fired(own, "talent_there", other, team={**missing, "hiring_months": 2.5}).first_month.tolist() == [3]
    assert fired(own, "talent_there", other, team={**missing, "can_hire": False}).p_fires == 0
    assert fired(own, "talent_there", other, team=missing).first_month[0] in range(2, NEVER + 1)  # 3 to 6 months
    assert "do not say who is there" in why_not(own, "talent_there", other)


def test_what_is_customised_beyond_a_vendor_today_stands_and_tasks_that_differ_do() -> None:
    rows = [SimpleNamespace(class_name=name) for name in (None, "chat", "extract")]
    replay = cast(Any, SimpleNamespace(measures=SimpleNamespace(latency=rows)))
    own = facts(api([[1.0] * MONTHS] * 3), replay=replay, **ONE)
    assert fired(own, "customisation_outgrown", customisation="own_fine_tune").first_month.tolist() == [0, 0, 0]
    assert fired(own, "tasks_differ").first_month.tolist() == [0, 0, 0]
    routed = replace(own, share_by_model={"large": 0.3, "small": 0.7})
    assert "several models" in why_not(routed, "tasks_differ")


def test_nothing_that_lies_ahead_moves_a_signal() -> None:
    random = np.random.default_rng(3)
    futures = 60
    bill, gpus = random.uniform(50, 250, (2, futures, MONTHS))
    met = random.random((futures, MONTHS)) < 0.5
    longest = random.exponential(2.0, (futures, MONTHS, 2))
    tokens = random.uniform(1e6, 2e6, (futures, MONTHS))

    def found(known: int) -> dict[str, TriggerResult]:
        """With all that comes after a month made into something else."""
        late = np.arange(MONTHS) > known

        def changed(values: Any, to: float) -> Any:
            return np.where(late[:, None] if values.ndim == 3 else late, to, values)

        made = api(
            changed(bill, 1e9), met=changed(met, 0.0).astype(bool), signals=Signals(np.full((futures, 2), NEVER), changed(longest, 99.0))
        )
        made = amounts(made, api__priced_input_0=changed(tokens, 1.0), api__fallback_completed=changed(tokens, 1e12), all__completed=3e7)
        own = facts(made, **ONE)
        others = facts(hosted(changed(gpus, 0.0), futures=futures), **OWN)
        return {each.name: each for each in triggers(own, (others,), needs(), CATALOG).fired}

    everything = found(MONTHS)
    for known in range(MONTHS):
        for name, each in found(known).items():
            before, after = everything[name].first_month, each.first_month
            assert np.array_equal(np.where(before <= known, before, NEVER), np.where(after <= known, after, NEVER)), name


@pytest.mark.parametrize(("months", "expected"), [(1, [1, 0, 4]), (2, [2, 4, 4]), (3, [4, 4, 4])])
def test_months_in_a_row_are_counted_to_the_one_that_completes_them(months: int, expected: list[int]) -> None:
    holds = np.array([[0, 1, 1, 0], [1, 0, 1, 0], [0, 0, 0, 0]], bool)
    assert first_in_a_row(holds, months).tolist() == expected


def test_the_review_comes_after_six_months_or_when_a_quarter_of_the_futures_has_seen_a_signal() -> None:
    met = np.ones((8, MONTHS), bool)
    own = facts(api([[1.0] * MONTHS] * 8, met=met), **ONE)
    quiet = {"triggers": {name: {"ignored": True} for name in NAMES if name != "slo_missed"}}
    found = triggers(own, (), needs(**quiet), CATALOG).review
    assert (found.after_months, found.date) == (6, datetime.date(2027, 5, 1))
    met[0, 1:3] = False
    assert triggers(facts(api([[1.0] * MONTHS] * 8, met=met), **ONE), (), needs(**quiet), CATALOG).review.after_months == 6
    met[5, 2:4] = False
    found = triggers(facts(api([[1.0] * MONTHS] * 8, met=met), **ONE), (), needs(**quiet), CATALOG).review
    assert (found.after_months, found.date) == (4, datetime.date(2027, 3, 1))
    assert "slo_missed" in found.why
    assert triggers(own, (), needs(review_months=3, **quiet), CATALOG).review.date == datetime.date(2027, 2, 1)


def test_what_is_known_today_moves_no_review() -> None:
    own = facts(api([[1.0] * MONTHS]), **ONE)
    quiet = {name: {"ignored": True} for name in NAMES if name != "customisation_outgrown"}
    assert triggers(own, (), needs(customisation="own_fine_tune", triggers=quiet), CATALOG).review.after_months == 6


def test_every_signal_has_a_level_with_a_source() -> None:
    defaults = trigger_defaults(CATALOG)
    assert all(defaults.source(name).source for name in (*NAMES, "hiring_months"))
    assert all(defaults.level(name).months >= 1 for name in NAMES)
