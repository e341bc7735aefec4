"""Routing: what a share at a cheaper model saves and loses, challengers, fallbacks and prices that are followed, against formulas."""

from __future__ import annotations

import datetime
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sim.catalog.catalog import Catalog
from sim.catalog.price_book import PriceBook
from sim.cost.from_stack import api_price
from sim.cost.price import ApiPrice, TokenPrice
from sim.decision.challenger import answers_needed, challenge, pairs_needed
from sim.decision.needs_parts import Evaluation, Routing
from sim.decision.quality import wilson
from sim.decision.routing import (
    RoutingDecision,
    greatest_price_ratio,
    least_share,
    lost_weight,
    mixture_quality,
    router_cost,
    routing,
    saving_share,
)
from sim.decision.routing_costs import ClassCost, class_costs
from sim.decision.routing_defaults import routing_defaults
from sim.decision.routing_futures import fallback_value, price_following, saved_by_hazard, without_fallback
from sim.decision.routing_replay import ReplayedShare, holds, replayed_shares, routed_stack
from sim.errors import InputError
from sim.futures.forecast import Forecast, HazardEffect
from sim.stack.read import read_stack
from sim.trace import read_trace
from tests.made.forecast import forecast
from tests.made.world import write_trace

CATALOG = Catalog.bundled()
DEFAULTS = routing_defaults(CATALOG)
CLASSES = (ClassCost("chat", 3000.0, 60.0, 6.0, 1.5), ClassCost("code", 1000.0, 60.0, 9.0, 1.5))
SCORES = {"large": Evaluation(score=0.9, n=500), "small": Evaluation(score=0.8, n=400)}


def made(given: Routing | None = None, **more: Any) -> RoutingDecision:
    found = routing("large", "small", CLASSES, given or Routing(router_usd_per_1000_requests=0.5), SCORES, DEFAULTS, **more)
    assert found is not None
    return found


@pytest.mark.parametrize("share", [0.25, 0.5, 0.7, 0.8])
def test_a_bill_is_what_stays_and_what_moves_and_the_router(share: float) -> None:
    found = made().at(share)
    router = 4000.0 / 1000.0 * 0.5
    bill = (1 - share) * 120.0 + share * 15.0 + router
    assert found.bill_usd == pytest.approx(bill)
    assert found.saving_usd == pytest.approx(120.0 - bill)
    assert found.saving_share == pytest.approx(saving_share(share, 15.0 / 120.0, router_share=router / 120.0))


def test_where_all_requests_go_one_way_there_is_no_router() -> None:
    assert (made().at(0.0).router_usd, made().at(1.0).router_usd) == (0.0, 0.0)
    assert made().at(1.0).bill_usd == pytest.approx(15.0)
    with pytest.raises(KeyError):
        made().at(0.33)


def test_a_router_can_cost_more_than_it_saves() -> None:
    assert made(Routing(router_usd_per_1000_requests=30.0)).at(0.5).saving_usd == pytest.approx(0.5 * 105.0 - 120.0)


def test_half_the_bill_is_solved_for_each_quantity() -> None:
    half = made().half
    k, r = 15.0 / 120.0, 2.0 / 120.0
    assert half.least_share == pytest.approx((0.5 + r) / (1 - k))
    assert saving_share(half.least_share or 0.0, k, router_share=r) == pytest.approx(0.5)
    for share, greatest in zip((0.7, 0.8), half.greatest_price_ratio, strict=True):
        assert greatest == pytest.approx(1 - (0.5 + r) / share)
        assert saving_share(share, greatest, router_share=r) == pytest.approx(0.5)
    assert half.saving_share == pytest.approx((0.7 * (1 - k) - r, 0.8 * (1 - k) - r))


def test_without_a_router_seventy_percent_save_half_below_two_sevenths_of_the_price() -> None:
    assert greatest_price_ratio(0.5, 0.7) == pytest.approx(2 / 7)
    assert greatest_price_ratio(0.5, 0.8) == pytest.approx(3 / 8)
    assert least_share(0.5, 0.6) is None  # even all of it saves 40 % only
    assert least_share(0.5, 1.2) is None
    assert greatest_price_ratio(0.5, 0.7, length_ratio=0.6) < 0  # what is simple is short: no price is low enough


def test_classes_move_by_what_a_request_of_them_saves() -> None:
    first, last = made().by_class
    assert (first.name, last.name) == ("code", "chat")  # 51 of 1,000 requests against 54 of 3,000
    assert first.share == pytest.approx(0.25)
    assert first.length_ratio == pytest.approx((60 / 1000) / (120 / 4000))
    assert first.saving_share == pytest.approx(saving_share(0.25, 9 / 60, length_ratio=first.length_ratio))
    assert last.saving_share == pytest.approx(105 / 120)


def test_by_chance_the_mixture_loses_by_share_with_the_interval_of_both() -> None:
    found = made().at(0.7).quality
    assert found is not None
    assert found.score == pytest.approx(0.3 * 0.9 + 0.7 * 0.8)
    low = math.hypot(0.3 * (0.9 - wilson(0.9, 500)[0]), 0.7 * (0.8 - wilson(0.8, 400)[0]))
    assert found.low == pytest.approx(found.score - low)
    alone = made().at(0.0).quality
    assert alone is not None
    assert alone.score == 0.9


def test_unknown_stays_unknown() -> None:
    one = {"large": SCORES["large"]}
    assert mixture_quality(0.5, "large", "small", one) is None
    assert mixture_quality(1.0, "large", "small", one) is None
    assert mixture_quality(0.5, "large", "small", one, simple_share=0.7, error_share=0.0) is None
    whole = mixture_quality(0.0, "large", "small", one)
    assert whole is not None
    assert whole.score == 0.9


def test_a_router_that_knows_what_is_simple_loses_only_its_errors() -> None:
    simple, error = 0.75, 0.1
    sent = simple * (1 - error) + (1 - simple) * error
    assert lost_weight(sent, simple, error) == pytest.approx(error)
    assert lost_weight(sent / 2, simple, error) == pytest.approx(error / 2)
    assert lost_weight(1.0, simple, error) == pytest.approx(1.0)
    assert lost_weight(0.4, simple, 0.5) == pytest.approx(0.4)  # a coin knows nothing
    assert lost_weight(0.6, 0.75, 0.0) == 0.0
    # By counting: of 0.25 hard requests a tenth is sent wrongly, and all that the models differ by lies in the hard ones.
    hard_loss = (0.9 - 0.8) / (1 - simple)
    found = mixture_quality(sent, "large", "small", SCORES, simple_share=simple, error_share=error)
    assert found is not None
    assert found.score == pytest.approx(0.9 - (1 - simple) * error * hard_loss)


def test_a_router_that_nobody_prices_reads_every_prompt_at_the_cheaper_model() -> None:
    found = router_cost(Routing(simple_share=0.7), CLASSES, DEFAULTS)
    assert found.usd_per_1000_requests == pytest.approx(3.0 / 4000.0 * 1000.0)
    assert found.error_share == DEFAULTS.router_error_share
    assert len(found.assumed) == 2
    assert router_cost(Routing(router_usd_per_1000_requests=1.0), CLASSES, DEFAULTS).assumed == ()


def test_bills_of_replays_go_before_usage_times_price() -> None:
    found = made(replayed={0.0: 100.0, 0.5: 60.0, 1.0: 30.0})
    assert [each.share for each in found.points] == [0.0, 0.5, 1.0]
    assert found.at(0.5).saving_usd == pytest.approx(100.0 - 60.0 - 2.0)
    assert found.half.price_ratio == pytest.approx(0.3)


def test_nothing_asked_is_no_routing() -> None:
    assert routing("large", "small", (), Routing(), {}, DEFAULTS) is None


def test_costs_by_class_are_tokens_times_price(tmp_path: Path) -> None:
    trace = read_trace(write_trace(tmp_path / "t.parquet", rows=50))

    def price(model: str, unit: float) -> ApiPrice:
        return ApiPrice(model, (TokenPrice(0, 2 * unit, unit, 8 * unit),))

    found = class_costs(trace, price("large", 1e-6), price("small", 1e-7), per_month=10.0)
    assert [each.name for each in found] == list(trace.classes)
    prompts, outputs, number = np.zeros(2), np.zeros(2), np.zeros(2)
    for chunk in trace.chunks():
        prompts += np.bincount(chunk.class_id, chunk.prompt_tokens, 2)
        outputs += np.bincount(chunk.class_id, chunk.output_tokens, 2)
        number += np.bincount(chunk.class_id, minlength=2)
    for k, each in enumerate(found):
        assert each.requests == 10 * number[k]
        assert each.dearer_usd == pytest.approx(10 * (2e-6 * prompts[k] + 8e-6 * outputs[k]))
        assert each.cheaper_usd == pytest.approx(each.dearer_usd / 10)
        assert each.reading_usd == pytest.approx(10 * (2e-7 * prompts[k] + 8e-7 * number[k]))
    assert [each.name for each in class_costs(trace, price("a", 1e-6), price("b", 1e-7), classes=("code",))] == ["code"]


def test_a_stack_of_two_models_has_the_share_that_is_asked_for() -> None:
    rules = routed_stack("gpt-4o", "gpt-4o-mini", 0.7).stack.rules
    assert [(rule.share, rule.to[0].deployment) for rule in rules] == [(0.7, "cheaper"), (1.0, "dearer")]
    assert list(routed_stack("gpt-4o", "gpt-4o-mini", 0.0).stack.deployments) == ["dearer"]
    assert list(routed_stack("gpt-4o", "gpt-4o-mini", 1.0).stack.deployments) == ["cheaper"]


def test_usage_times_price_holds_within_a_tolerance() -> None:
    near, far = ReplayedShare(0.0, 101.0, 100.0, 1.0, 0), ReplayedShare(1.0, 50.0, 100.0, 0.5, 7)
    assert far.differs_by == pytest.approx(-0.5)
    assert holds((near,), 0.02)
    assert not holds((near, far), 0.02)


def test_replays_pay_usage_times_price_where_nothing_is_limited(tmp_path: Path) -> None:
    trace, book = read_trace(write_trace(tmp_path / "t.parquet", rows=60)), PriceBook(datetime.date(2026, 11, 1))
    large, small = (api_price(name, book.tokens(CATALOG.api(name)).standard) for name in ("gpt-4o", "gpt-4o-mini"))
    costs = class_costs(trace, large, small, per_month=3.0)
    found = replayed_shares(
        trace, "gpt-4o", "gpt-4o-mini", costs, shares=(0.0, 0.5, 1.0), per_month=3.0, catalog=CATALOG, book=book
    )  # fmt: skip
    assert [each.usd for each in found[::2]] == pytest.approx([sum(c.dearer_usd for c in costs) / 3, sum(c.cheaper_usd for c in costs) / 3])
    assert holds(found, 1e-9)
    assert found[2].usd < found[1].usd < found[0].usd
    assert [each.completed_share for each in found] == [1.0, 1.0, 1.0]


def test_answers_needed_are_those_of_the_textbook() -> None:
    assert answers_needed(0.6, 0.5) == 388  # Fleiss: 387.3 without continuity correction
    p1, p0, k = 0.82, 0.8, 19.0
    mean = (p1 + k * p0) / (1 + k)
    n = (1.959964 * math.sqrt((1 + 1 / k) * mean * (1 - mean)) + 0.841621 * math.sqrt(p1 * (1 - p1) + p0 * (1 - p0) / k)) ** 2 / 0.02**2
    assert answers_needed(p1, p0, ratio=k) == math.ceil(n)
    assert answers_needed(0.8, 0.8) is None
    assert pairs_needed(0.8, 0.8) is None
    one_alone = 0.82 * 0.2 + 0.8 * 0.18
    pairs = (1.959964 * math.sqrt(one_alone) + 0.841621 * math.sqrt(one_alone - 0.0004)) ** 2 / 0.0004
    assert pairs_needed(0.82, 0.8) == math.ceil(pairs)


def test_so_many_answers_find_the_difference_as_often_as_they_should() -> None:
    n = answers_needed(0.6, 0.5)
    assert n is not None
    random = np.random.default_rng(5)
    a, b = random.binomial(n, 0.6, 20_000) / n, random.binomial(n, 0.5, 20_000) / n
    pooled = (a + b) / 2
    found = np.abs(a - b) > 1.959964 * np.sqrt(2 * pooled * (1 - pooled) / n)
    assert found.mean() == pytest.approx(0.8, abs=0.015)


def test_a_challenger_costs_what_its_share_costs_until_enough_is_graded() -> None:
    found = challenge("small", "large", CLASSES, Routing(challenger_share=0.1), SCORES, DEFAULTS)
    assert found.measured
    assert found.difference == pytest.approx(0.1)
    assert found.extra_usd_per_month == pytest.approx(0.1 * (15 - 120))
    assert found.shadow_usd_per_month == pytest.approx(0.1 * 15)
    n = answers_needed(0.8, 0.9, ratio=9.0)
    assert n is not None
    assert (found.n_challenger, found.n_current) == (n, 9 * n)
    assert found.months == pytest.approx(n / (4000 * 0.1 * DEFAULTS.graded_share))
    assert found.extra_usd == pytest.approx(found.extra_usd_per_month * (found.months or 0.0))


def test_without_scores_the_smallest_difference_worth_finding_is_looked_for_where_shares_vary_most() -> None:
    found = challenge("small", "large", CLASSES, Routing(), {}, DEFAULTS)
    assert not found.measured
    assert found.share == DEFAULTS.challenger_share
    half = DEFAULTS.difference_worth / 2
    assert found.n_challenger == answers_needed(0.5 + half, 0.5 - half, ratio=(1 - found.share) / found.share)
    one = challenge("small", "large", CLASSES, Routing(), {"large": SCORES["large"]}, DEFAULTS)
    assert one.n_challenger == answers_needed(0.88, 0.9, ratio=(1 - one.share) / one.share)


def served(completed: list[list[float]], usd: float, **changed: object) -> Forecast:
    found = forecast({("api", "api_input", "invoice"): usd, ("shared", "tooling", "tco"): 5.0}, futures=len(completed), months=2, **changed)  # type: ignore[arg-type]
    found.usage[:, :, found.layout.at("all", "completed")] = completed
    return found


def test_a_fallback_is_worth_what_failed_requests_would_have_lost() -> None:
    with_it, without = served([[1000, 1000], [1000, 990]], 12.0), served([[900, 1000], [1000, 990]], 10.0)
    found = fallback_value(with_it, without, usd_per_failed_request=0.1)
    assert found.saved_requests.mean == pytest.approx(50.0)
    assert found.extra_invoice_usd.mean == found.extra_tco_usd.mean == pytest.approx(4.0)
    assert found.usd_per_saved_request == pytest.approx(4.0 / 50.0)
    assert found.worth_usd is not None
    assert found.worth_usd.mean == pytest.approx(50 * 0.1 - 4.0)
    assert found.p_pays == 0.5  # 100 x 0.1 - 4 in one future, -4 in the other
    assert fallback_value(with_it, with_it).usd_per_saved_request is None
    assert fallback_value(with_it, without).worth_usd is None


def test_a_fallback_is_held_against_the_same_futures_alone() -> None:
    with pytest.raises(InputError, match="not over the same futures"):
        fallback_value(served([[1, 1]], 1.0), served([[1, 1]], 1.0, seed=7))


def test_hazards_say_which_requests_fallbacks_saved() -> None:
    few = HazardEffect("api_outage", "a", 1.0, 2.0, 3, 5.0, 10.0, 0.0, 0.5)
    many = HazardEffect("api_outage", "b", 1.0, 2.0, 3, 1.0, 30.0, 0.0, 1.5)
    found = saved_by_hazard(served([[1, 1]], 1.0, hazards=(few, many)))
    assert [(each.name, each.saved_requests_per_month, each.usd_per_month) for each in found] == [("b", 30.0, 1.5), ("a", 10.0, 0.5)]


def test_without_fallbacks_every_rule_has_its_first_place() -> None:
    found = without_fallback(read_stack("fallback-chain", CATALOG)).stack
    assert [[each.deployment for each in rule.to] for rule in found.rules] == [["first"]]
    assert list(found.deployments) == ["first"]
    assert set(without_fallback(read_stack("task-routing", CATALOG)).stack.deployments) == {"small", "large"}


def test_prices_are_followed_month_by_month_in_each_future() -> None:
    a, b = np.array([[10.0, 10, 10], [10, 20, 10]]), np.array([[12.0, 8, 12], [12, 12, 12]])
    found = price_following("a", a, "b", b)
    assert (found.fixed, found.other) == ("a", "b")
    assert found.saving_usd.mean == pytest.approx((2.0 + 8.0) / 2)
    assert found.switches == 2.0
    assert found.other_share == pytest.approx(2 / 6)
    assert found.saving_share == pytest.approx(5.0 / 35.0)
    assert found.p_saves == 1.0
    swapped = price_following("b", b, "a", a)
    assert (swapped.fixed, swapped.saving_usd.mean) == ("a", found.saving_usd.mean)


def test_switches_cost_and_late_news_can_lose() -> None:
    a, b = np.array([[10.0, 10, 10], [10, 20, 10]]), np.array([[12.0, 8, 12], [12, 12, 12]])
    paid = price_following("a", a, "b", b, movable_share=0.5, switch_usd=2.0)
    assert paid.saving_usd.mean == pytest.approx(0.5 * 5.0 - 2 * 2.0)
    assert paid.p_saves == 0.5 * 0.0
    late = price_following("a", a, "b", b, late_months=1)
    assert late.saving_usd.mean == pytest.approx(-2.0)  # moved in the third month, when a was the cheaper one again
    tie = price_following("a", a, "b", a)
    assert (tie.switches, tie.saving_usd.mean) == (0.0, 0.0)
    with pytest.raises(InputError, match="same futures and months"):
        price_following("a", a, "b", b[:1])
