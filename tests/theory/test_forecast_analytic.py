"""Whole forecasts against closed forms: growth, prices, outages, sums, and what has no spread."""

from __future__ import annotations

import datetime
import math
from dataclasses import replace as changed

import numpy as np
import pytest

from sim.catalog.api import Api
from sim.catalog.price_book import PriceBook
from sim.catalog.price_file import ApiRates
from sim.catalog.token_prices import TokenPrices
from sim.cost.replay import replay
from sim.futures.bands import bands
from sim.futures.forecast import Forecast
from sim.planning.comparison import compare
from sim.stack.outlook_quantity import Amount, Change
from sim.trace.trace import Trace
from tests.made.days import day_trace
from tests.made.draws import BOOK, CATALOG, resolved
from tests.theory.forecasts import FREE, OUTPUT, PROMPT, even_trace, whole_forecast

FUTURES = 1000
CHEAP, DEAR = (2.0, 8.0), (3.0, 5.0)
"""USD per million prompt tokens and output tokens."""
STEP = datetime.date(2027, 1, 12)
POOL_AND_API = """\
deployments:
  own:
    kind: gpu
    llm: llama-3.1-8b
    gpu: h100-sxm
    replicas: 1
    usd_per_gpu_hour: 3.6
    gpus_per_node: 1
    client: none
    profile:
      step: {c_ms: 40, g_ms_at_tokens: [[1, 4], [256, 6], [8192, 120]], o_us_per_sequence: 20, f_ns_per_context_token: 10, h_ns_per_token_pair: 0.1}
      kv_capacity_tokens: 200000
    max_num_seqs: 2
  out: {kind: api, model: gpt-6.1-sol, client: none}
routing: [{to: [{deployment: own, max_wait: 1s}, out]}]
"""


class Announced(PriceBook):
    """Prices that change once, on a day that is announced."""

    def tokens_on(self, api: Api, date: datetime.date) -> TokenPrices:
        """The rates of a day."""
        usd = CHEAP if date < STEP else DEAR
        rates = ApiRates(input_usd_per_mtok=usd[0], output_usd_per_mtok=usd[1])
        return changed(rates.over(None, api.name, "made", date), negotiated=False)

    def scheduled_changes(self, api: Api, until: datetime.date) -> list[tuple[datetime.date, TokenPrices]]:
        """The one change."""
        return [(STEP, self.tokens_on(api, STEP))] if self.date < STEP <= until else []


def usd_a_day(found: Forecast) -> np.ndarray:
    """[F, M] the invoice of an average day of each month."""
    return np.asarray(found.total("invoice") / np.array(found.month_days))


def list_usd_a_day(trace_requests: int = 288) -> float:
    """What a day of the even trace costs by list, computed from the price alone."""
    rates = BOOK.tokens(CATALOG.api("gpt-6.1-sol")).standard.at(PROMPT)
    return trace_requests * (PROMPT * rates.input_usd_per_mtok + OUTPUT * rates.output_usd_per_mtok) / 1e6


def test_compound_growth_of_an_invoice() -> None:
    growth = Change(p5=0.0, p50=0.03, p95=0.08)
    found = whole_forecast("demand: {growth_per_month: {p5: 0%, p50: 3%, p95: 8%}}", months=5, futures=FUTURES)
    days = usd_a_day(found) / list_usd_a_day()
    assert days[:, 0] == pytest.approx(np.ones(FUTURES), rel=1e-12)
    for month, band in enumerate(bands(days)):
        if month == 0:
            continue
        # Nodes are what traffic came to, so that cost in proportion to demand is read without error between them.
        assert abs(band.mean - growth.mean_compounded(month)) <= 4 * band.se
        for edge, se, rate in ((band.p5, band.se_p5, 0.0), (band.p50, band.se_p50, 0.03), (band.p95, band.se_p95, 0.08)):
            assert abs(edge - (1 + rate) ** month) <= 4 * se + 1e-12
            assert se <= 0.02 * edge


def test_one_announced_price_step_comes_on_its_date() -> None:
    book = Announced(CATALOG.date)
    found = whole_forecast("demand: {}", futures=20, book=book)
    each = [288 * (PROMPT * usd[0] + OUTPUT * usd[1]) / 1e6 for usd in (CHEAP, DEAR)]
    expected = [31 * each[0], 11 * each[0] + 20 * each[1], 28 * each[1]]
    assert found.total("invoice") == pytest.approx(np.tile(expected, (20, 1)), rel=1e-12)


def test_the_sum_of_lognormal_days() -> None:
    sigma = 0.4
    found = whole_forecast(f"demand: {{day_to_day_sigma: {sigma}}}", futures=FUTURES)
    total = found.total("invoice") / list_usd_a_day()
    # Days are independent with mean 1 and variance exp(sigma^2) - 1.
    for month, days in enumerate(found.month_days):
        values = total[:, month]
        assert abs(values.mean() - days) <= 4 * values.std() / math.sqrt(FUTURES)
        variance = days * math.expm1(sigma**2)
        assert abs(values.var(ddof=1) / variance - 1) <= 4 * math.sqrt(3.0 / FUTURES)
    assert abs(np.corrcoef(total.T)[0, 1]) <= 4 / math.sqrt(FUTURES)


def test_price_steps_multiply_as_a_compound_poisson_process() -> None:
    rate, rise, cut, share = 6.0, 0.10, 0.25, 0.3
    says = f"api_prices: {{own_models: {{changes_per_year: {rate}, rise_share: {share}, rise_ln: {rise}, cut_ln: {cut}}}}}"
    found = whole_forecast(says, months=6, futures=FUTURES)
    last = usd_a_day(found)[:, -1] / list_usd_a_day()
    # E[product of N steps] = exp(rate * t * (E[step] - 1)), averaged over the days of the month, each after its steps.
    jump = share * math.exp(rise) + (1 - share) * math.exp(-cut) - 1
    ends = np.arange(sum(found.month_days[:-1]), sum(found.month_days)) + 1.0
    assert abs(last.mean() - np.exp(rate / 365 * ends * jump).mean()) <= 4 * last.std() / math.sqrt(FUTURES)


def test_a_known_share_of_hours_in_outage() -> None:
    # Poisson incidents of exactly two hours in which every request fails at once, without fallback or retries.
    per_30_days, hours = 12.0, 2.0
    says = f"api_incidents: {{default: {{per_30_days: {per_30_days}, gap_shape: 1, duration_h: {hours}, outage_share: 100%}}}}"
    found = whole_forecast(says, trace=even_trace(60.0), months=2, futures=400)
    # In a Poisson process that began before the first day time is covered with probability 1 - exp(-rate * length).
    covered = -math.expm1(-per_30_days / 720 * hours)
    lost = 1.0 - found.slo.completed_share
    se = lost.mean(axis=1).std() / math.sqrt(len(lost))
    assert abs(lost.mean() - covered) <= 4 * se + 0.02 * covered  # an incident ends requests in flight, too
    assert found.total("invoice").mean() == pytest.approx(
        (1 - covered) * list_usd_a_day(1440) * sum(found.month_days) / 2, rel=4 * se / (1 - covered) + 0.001
    )


def test_without_spread_a_forecast_is_the_replay_so_many_times() -> None:
    trace = day_trace(rows=2000)
    found = whole_forecast("demand: {}", POOL_AND_API, trace, futures=20)
    once = replay(resolved(POOL_AND_API), trace, catalog=CATALOG, book=BOOK, seed=1)
    total = found.total("invoice")
    assert np.round(total[0], 2).tolist() == [round(once.bill.total_usd * days, 2) for days in found.month_days]
    for values in (total, found.total("tco"), found.slo.good_share, found.slo.completed_share, found.usage.reshape(20, -1)):
        assert (values == values[0]).all()
        for band in bands(values):
            assert band.p5 == band.p50 == band.p95 == band.mean
            assert band.se == band.se_p5 == band.se_p50 == band.se_p95 == 0.0


SPREAD = """
demand: {growth_per_month: {p5: 0%, p50: 3%, p95: 8%}, day_to_day_sigma: 0.1, trace_sample: true}
profile: {error_factor: 1}
api_prices: {own_models: {changes_per_year: 2, rise_share: 0.5, rise_ln: 0.2, cut_ln: 0.3}}
api_incidents: {default: {per_30_days: 4, gap_shape: 0.8, duration_h: {median: 1, sigma: 1}, outage_share: 50%, error_rate: 3%}}
gpu_failures: {per_1000_node_days: {default: 20}, whole_node_share: 40%, rented_repair_h: 4}
"""


def test_two_workers_and_one_say_the_same_to_the_last_bit() -> None:
    trace = day_trace(rows=300)
    one, two = (whole_forecast(SPREAD, POOL_AND_API, trace, months=2, futures=20, workers=workers) for workers in (1, 2))
    for name in ("usd", "usage"):
        assert (getattr(one, name) == getattr(two, name)).all()
    assert np.array_equal(one.slo.good_share, two.slo.good_share, equal_nan=True)
    assert (one.drivers, one.remainder, one.hazards, one.accuracy, one.notes) == (
        two.drivers, two.remainder, two.hazards, two.accuracy, two.notes,
    )  # fmt: skip


def test_the_quantiles_of_an_amount_are_those_that_were_written() -> None:
    stack = FREE + "\npeople: {devops_engineers: 1, devops_engineer_usd_per_month: 10000}\n"
    found = whole_forecast("bill: {people: {p5: 0.5, p50: 1, p95: 3}}", stack, months=1, futures=FUTURES)
    paid = found.total("tco")[:, 0] - found.total("invoice")[:, 0]
    law = Amount(p5=0.5, p50=1, p95=3)
    assert abs(paid.mean() / 1e4 - law.mean) <= 4 * paid.std() / 1e4 / math.sqrt(FUTURES)
    for share, edge in ((0.05, 0.5), (0.5, 1.0), (0.95, 3.0)):
        assert abs((paid < edge * 1e4).mean() - share) <= 4 * math.sqrt(share * (1 - share) / FUTURES)


def test_a_stack_against_itself_is_a_tie_to_the_cent() -> None:
    trace = day_trace(rows=300)
    one = whole_forecast(SPREAD, POOL_AND_API, trace, months=2, futures=20)
    renamed = POOL_AND_API.replace("  out:", "  theirs:").replace(", out]", ", theirs]")
    other = changed(whole_forecast(SPREAD, renamed, trace, months=2, futures=20), stack="again")
    assert (one.usd == other.usd).all()
    assert one.total("tco").std(axis=0).min() > 0
    pair = compare([one, other]).pairs[0]
    for costs in (pair.invoice, pair.tco):
        assert (costs.tie, costs.p_a_cheaper, costs.se) == (True, 0.5, 0.0)


def test_a_dated_day_stands_for_its_weekday_and_an_undated_one_for_the_mean_of_a_week() -> None:
    shape = [1.14, 1.14, 1.14, 1.14, 1.14, 0.65, 0.65]
    says = f"demand: {{weekly_shape: {shape}}}"
    plain = even_trace()
    columns = {
        name: np.concatenate([getattr(chunk, name) for chunk in plain.chunks()]) for name in ("arrival_s", "prompt_tokens", "output_tokens")
    }
    requests: dict[int | None, float] = {}
    for start, weekday in (("2026-11-16T00:00:00Z", 0), ("2026-11-21T00:00:00Z", 5), ("", None)):
        dated = Trace.from_arrays(**columns, metadata={**plain.metadata, "sim.start_utc": start})
        found = whole_forecast(says, trace=dated, months=1, futures=20)
        requests[weekday] = float(found.usage[0, 0, found.layout.at("all", "requests")])
        assert any("mean day of a week" in words for words in found.assumed) == (weekday is None)
    assert requests[5] / requests[0] == pytest.approx(1.14 / 0.65, rel=0.02)
    assert requests[None] / requests[0] == pytest.approx(1.14 / (sum(shape) / 7), rel=0.02)
