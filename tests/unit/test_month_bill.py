"""Lines of months by hand: prices of the day, successors from their day on, and the hours of pools split and priced."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from sim.catalog.api import Api
from sim.catalog.price_book import PriceBook
from sim.catalog.price_file import ApiRates
from sim.catalog.token_prices import TokenPrices
from sim.cost.from_stack import gpu_price
from sim.cost.price import ApiPrice, GpuPrice, TokenPrice
from sim.errors import InputError
from sim.futures.bill import Prices, usage_lines
from sim.futures.calendar import Calendar
from sim.futures.combine import Source
from sim.futures.draws import Draws
from sim.futures.rates import DayRates, day_rates
from sim.futures.usage import UsageLayout
from sim.stack.resolved import ResolvedApi, ResolvedPool, Upkeep
from tests.made.draws import BOOK, CATALOG, resolved
from tests.made.incidents import draws as even_draws
from tests.made.incidents import incidents

CALENDAR = Calendar(datetime.date(2026, 12, 1), 2)
DAYS = 62
CHANGE = datetime.date(2026, 12, 21)
CHEAP, DEAR = (2.0, 8.0), (3.0, 6.0)
POOL = "kind: gpu, llm: llama-3.1-8b, gpu: h100-sxm"


class Announced(PriceBook):
    """Prices of one model that change once, on a day that is announced."""

    def tokens_on(self, api: Api, date: datetime.date) -> TokenPrices:
        if api.name != "gpt-6.1-sol":
            return super().tokens_on(api, date)
        usd = CHEAP if date < CHANGE else DEAR
        rates = ApiRates(input_usd_per_mtok=usd[0], output_usd_per_mtok=usd[1])
        return replace(rates.over(None, api.name, "made", date), negotiated=False)

    def scheduled_changes(self, api: Api, until: datetime.date) -> list[tuple[datetime.date, TokenPrices]]:
        return [(CHANGE, self.tokens_on(api, CHANGE))] if api.name == "gpt-6.1-sol" and self.date < CHANGE <= until else []


def world(futures: int = 1, deployments: int = 1, **changed: Any) -> Draws:
    """Two months of the same days, December and January."""
    made = even_draws(incidents(), futures=futures, months=2, hazards=(), deployments=deployments)
    return replace(made, calendar=CALENDAR, **{name: np.ones((futures, DAYS, deployments)) for name in ("token_price", "gpu_price")}
                   | {"level": np.ones((futures, DAYS)), "retired_from": np.full((futures, deployments), DAYS)} | changed)  # fmt: skip


def source(layout: UsageLayout, amounts: Mapping[tuple[str, str], float], level: np.ndarray | float = 1.0, futures: int = 1) -> Source:
    """One node with these amounts a day, every day at a demand of its own."""
    row = np.zeros((1, len(layout)))
    for (name, item), amount in amounts.items():
        row[0, layout.at(name, item)] = amount
    weight = np.broadcast_to(np.asarray(level, np.float64), (futures, DAYS))[:, :, None].copy()
    return Source(CALENDAR, row, np.zeros((1, 3, 1)), np.zeros((1, 1, 6)), np.zeros((futures, DAYS, 1), np.int64), weight)


def api(model: str, more: str = "") -> ResolvedApi:
    found = resolved(f"deployments: {{api: {{kind: api, model: {model}{more}}}}}").deployments[0]
    assert isinstance(found, ResolvedApi)
    return found


ONE_API = UsageLayout.of((), (("api", 1),))
TOKENS = {("api", "priced_input_0"): 5e6, ("api", "priced_output_0"): 1e6}


def billed(draws: Draws, rates: DayRates, *parts: Source, layout: UsageLayout = ONE_API) -> dict[str, np.ndarray]:
    """The lines of an API, each [F, M]."""
    found = usage_lines(parts or (source(layout, TOKENS, futures=draws.futures),), draws, layout, Prices(("api",), {}, {0: rates}, {}))
    assert all(name.deployment == "api" and name.kind == "invoice" for name, _ in found)
    assert all((usd >= 0).all() for _, usd in found)
    return {name.item: usd for name, usd in found}


# --- tokens ---


def test_a_price_holds_from_its_day_on() -> None:
    book = Announced(datetime.date(2026, 11, 1))
    given = world()
    rates = day_rates(api("gpt-6.1-sol"), 0, given, catalog=CATALOG, book=book, tier_starts=(0,))
    assert rates.regime[0].tolist() == [0] * 20 + [1] * 42  # the 21st of December is day 20
    found = billed(given, rates)
    assert found["api_input"][0].tolist() == pytest.approx([20 * 5 * 2.0 + 11 * 5 * 3.0, 31 * 5 * 3.0])
    assert found["api_output"][0].tolist() == pytest.approx([20 * 8.0 + 11 * 6.0, 31 * 6.0])
    assert set(found) == {"api_input", "api_output"}  # nothing was cached, nothing is paid by the request


def test_a_model_that_goes_within_a_month_is_paid_until_then_and_its_successor_from_then_on() -> None:
    given = world(futures=2, retired_from=np.array([[10], [DAYS]]), successors=("gpt-6.1-sol",))
    rates = day_rates(api("gpt-4o"), 0, given, catalog=CATALOG, book=Announced(datetime.date(2026, 11, 1)), tier_starts=(0,))
    found = billed(given, rates, source(ONE_API, TOKENS, futures=2))
    # gpt-4o at 2.50 and 10 for ten days; then the other, whose own price changes on day 20.
    assert found["api_input"][0].tolist() == pytest.approx([5 * (10 * 2.5 + 10 * 2.0 + 11 * 3.0), 31 * 5 * 3.0])
    assert found["api_output"][0].tolist() == pytest.approx([10 * 10.0 + 10 * 8.0 + 11 * 6.0, 31 * 6.0])
    assert found["api_input"][1].tolist() == pytest.approx([31 * 5 * 2.5, 31 * 5 * 2.5])  # in which it stays


def test_one_like_it_takes_the_place_of_a_model_without_successor() -> None:
    given = world(retired_from=np.array([[10]]))
    rates = day_rates(api("gpt-4o"), 0, given, catalog=CATALOG, book=BOOK, tier_starts=(0,))
    assert len(rates.regimes) == 1 and not rates.regime.any()


def test_chance_multiplies_the_list_price_of_its_day() -> None:
    factor = np.random.default_rng(1).uniform(0.5, 2.0, (3, DAYS))
    level = np.random.default_rng(2).uniform(0.5, 2.0, (3, DAYS))
    given = world(futures=3, token_price=factor[:, :, None])
    rates = day_rates(api("gpt-4o"), 0, given, catalog=CATALOG, book=BOOK, tier_starts=(0,))
    found = billed(given, rates, source(ONE_API, TOKENS, level, 3))
    for f in range(3):
        for m, days in enumerate((slice(0, 31), slice(31, 62))):
            assert found["api_input"][f, m] == pytest.approx(5 * 2.5 * (factor[f, days] * level[f, days]).sum())


def test_tokens_are_paid_by_the_tier_of_their_prompt_and_requests_where_they_are_charged() -> None:
    layout = UsageLayout.of((), (("api", 2),))
    price = ApiPrice("m", (TokenPrice(0, 1e-6, 0.5e-6, 4e-6), TokenPrice(1000, 2e-6, 1e-6, 6e-6)), request_usd=0.01)
    amounts = {
        ("api", "priced_input_0"): 100.0, ("api", "priced_input_1"): 40.0, ("api", "priced_cached_input_0"): 10.0,
        ("api", "priced_cached_input_1"): 20.0, ("api", "priced_output_0"): 30.0, ("api", "priced_output_1"): 50.0,
        ("api", "priced_requests"): 7.0,
    }  # fmt: skip
    rates = DayRates((price,), np.zeros((1, DAYS), np.int64), np.ones((1, DAYS)))
    found = billed(world(), rates, source(layout, amounts), layout=layout)
    day = {"api_input": 180e-6, "api_cached_input": 25e-6, "api_output": 420e-6, "api_requests": 0.07}
    assert {item: usd[0].tolist() for item, usd in found.items()} == {
        item: pytest.approx([31 * usd, 31 * usd]) for item, usd in day.items()
    }


def test_tiers_of_a_price_are_those_that_cells_count_apart() -> None:
    rates = day_rates(api("gpt-6.1-sol"), 0, world(), catalog=CATALOG, book=BOOK, tier_starts=(0, 1000, 272_001))
    assert [tier.input_usd for tier in rates.regimes[0].tiers] == pytest.approx([2e-6, 2e-6, 4e-6])
    assert [tier.from_prompt_tokens for tier in rates.regimes[0].tiers] == [0, 1000, 272_001]


def test_a_batch_lane_pays_batch_rates_and_its_heir_those_of_the_successor() -> None:
    main = api("gpt-4o")
    lane = replace(main, name="api:batch", lane_of="api")
    given = world(retired_from=np.array([[31]]), successors=("gpt-6.1-sol",))
    rates = day_rates(lane, 0, given, catalog=CATALOG, book=BOOK, tier_starts=(0,))
    listed = [BOOK.tokens(CATALOG.api(name)).batch_rates().at(0).input_usd_per_mtok for name in ("gpt-4o", "gpt-6.1-sol")]
    found = billed(given, rates)
    assert found["api_input"][0].tolist() == pytest.approx([31 * 5 * usd for usd in listed])
    assert listed[0] == 1.25


def test_a_price_that_nobody_knows_is_an_error_where_something_is_paid_at_it() -> None:
    rates = DayRates((ApiPrice("m", (TokenPrice(0, None, None, 1e-6),)),), np.zeros((1, DAYS), np.int64), np.ones((1, DAYS)))
    with pytest.raises(InputError, match="no price is known for input tokens of m"):
        billed(world(), rates)
    assert billed(world(), rates, source(ONE_API, {("api", "priced_output_0"): 1e6}))["api_output"][0].tolist() == pytest.approx(
        [31.0, 31.0]
    )


def test_what_incidents_save_is_never_more_than_there_was() -> None:
    rates = day_rates(api("gpt-4o"), 0, world(), catalog=CATALOG, book=BOOK, tier_starts=(0,))
    less = source(ONE_API, {("api", "priced_input_0"): -6e6, ("api", "priced_output_0"): -0.25e6})
    found = billed(world(), rates, source(ONE_API, TOKENS), less)
    assert found["api_input"].tolist() == [[0.0, 0.0]]
    assert found["api_output"][0].tolist() == pytest.approx([31 * 7.5, 31 * 7.5])


# --- GPU-hours ---


ONE_POOL = UsageLayout.of(("own",), ())
HOURS = {("own", "paid_gpu_hours"): 24.0, ("own", "present_gpu_hours"): 20.0, ("own", "busy_gpu_hours"): 5.0}


def hours_billed(price: GpuPrice, *parts: Source, draws: Draws | None = None) -> dict[str, list[list[float]]]:
    prices = Prices(("own",), {0: price}, {}, {0: "street price"})
    found = usage_lines(parts or (source(ONE_POOL, HOURS),), draws or world(), ONE_POOL, prices)
    assert {name.assumed for name, _ in found} == {"street price"}
    return {name.item: usd.tolist() for name, usd in found}


def test_hours_are_split_into_used_idle_and_spare() -> None:
    found = hours_billed(GpuPrice(2.0))
    assert found == {
        "gpu_used": [pytest.approx([310.0, 310.0])],
        "gpu_idle": [pytest.approx([930.0, 930.0])],
        "gpu_spare": [[248.0, 248.0]],
    }
    whole = hours_billed(GpuPrice(2.0), source(ONE_POOL, {**HOURS, ("own", "present_gpu_hours"): 24.0 - 1e-9}))
    assert set(whole) == {"gpu_used", "gpu_idle"}  # what is left is rounding


def test_hours_follow_the_price_of_their_day() -> None:
    factor = np.where(np.arange(DAYS) < 40, 1.0, 1.5)[None, :, None]
    found = hours_billed(GpuPrice(2.0), draws=world(gpu_price=factor))
    total = np.sum(list(found.values()), axis=0)
    assert total[0].tolist() == pytest.approx([31 * 48.0, 9 * 48.0 + 22 * 72.0])


def test_power_and_hosting_of_owned_gpus_are_lines_and_the_total_is_the_same() -> None:
    upkeep = Upkeep(1000.0, 1.5, 0.2, 73.0)
    price = GpuPrice(2.0 + 0.3 + 0.1, upkeep=upkeep)
    found, rented = hours_billed(price), hours_billed(replace(price, upkeep=None))
    assert list(found) == ["gpu_used", "gpu_idle", "gpu_spare", "gpu_power", "gpu_hosting"]
    assert found["gpu_power"] == [pytest.approx([31 * 24 * 0.3] * 2)] and found["gpu_hosting"] == [pytest.approx([31 * 24 * 0.1] * 2)]
    assert [found[item] for item in ("gpu_used", "gpu_idle", "gpu_spare")] == [
        [pytest.approx([31 * hours * 2.0] * 2)] for hours in (5.0, 15.0, 4.0)
    ]
    assert np.sum(list(found.values()), axis=0) == pytest.approx(np.sum(list(rented.values()), axis=0), rel=1e-15)
    assert "gpu_hosting" not in hours_billed(replace(price, upkeep=replace(upkeep, hosting_usd_per_gpu_month=0.0)))


def test_bought_gpus_of_a_stack_cost_what_their_hours_did() -> None:
    stack = resolved(f"deployments: {{own: {{{POOL}, on_premises: {{hosting_usd_per_gpu_month: 90}}}}}}")
    pool = stack.deployments[0]
    assert isinstance(pool, ResolvedPool) and pool.upkeep is not None
    found = hours_billed(gpu_price(pool))
    assert np.sum(list(found.values()), axis=0)[0] == pytest.approx(31 * 24 * pool.gpu_hour.usd_per_gpu_hour)
    assert found["gpu_hosting"][0] == pytest.approx([31 * 24 * 90 / 730] * 2)
    kwh = 31 * 24 * pool.upkeep.power_w / 1000 * pool.upkeep.pue
    assert found["gpu_power"][0] == pytest.approx([kwh * pool.upkeep.usd_per_kwh] * 2)


def test_lost_replicas_leave_no_negative_hours() -> None:
    lost = source(ONE_POOL, {("own", "paid_gpu_hours"): -30.0, ("own", "present_gpu_hours"): -1.0, ("own", "busy_gpu_hours"): -6.0})
    assert hours_billed(GpuPrice(2.0), source(ONE_POOL, HOURS), lost) == {"gpu_used": [[0.0, 0.0]], "gpu_idle": [[0.0, 0.0]]}


def test_an_invoice_that_never_changes_is_the_same_in_every_future() -> None:
    """Days lie between nodes that all pay 8 GPUs: rounding of weights is no spread."""
    level = np.random.default_rng(3).uniform(0.3, 0.7, (40, DAYS))
    parts = [
        source(ONE_POOL, {("own", "paid_gpu_hours"): 192.0}, part, 40) for part in (level, 1.0 - level)
    ]  # fmt: skip
    found = hours_billed(GpuPrice(3.7), *parts, draws=world(futures=40))
    assert found["gpu_idle"] == [[0.0, 0.0]] * 40
    assert found["gpu_spare"] == [[3.7 * 31 * 192.0] * 2] * 40


def test_deployments_keep_their_order() -> None:
    layout = UsageLayout.of(("own",), (("api", 1),))
    rates = DayRates((ApiPrice("m", (TokenPrice(0, 1e-6, 1e-6, 1e-6),)),), np.zeros((1, DAYS), np.int64), np.ones((1, DAYS)))
    prices = Prices(("api", "own"), {1: GpuPrice(1.0)}, {0: rates}, {})
    found = usage_lines((source(layout, TOKENS | HOURS),), world(deployments=2), layout, prices)
    assert [(name.deployment, name.item) for name, _ in found] == [
        ("api", "api_input"), ("api", "api_output"), ("own", "gpu_used"), ("own", "gpu_idle"), ("own", "gpu_spare"),
    ]  # fmt: skip
