"""The calculators of the texts that this project began with, as special cases of the bill, and what is wrong with what they print.

Every right figure comes out of the functions of sim/cost/; what is printed, and which slip gives it, stands beside it.
"""

from __future__ import annotations

import numpy as np
import pytest

from sim.cost.break_even import crossing_requests
from sim.cost.compliance import compliance_usd
from sim.cost.extra import tooling_usd
from sim.cost.gpu_month import rent_usd, usd_per_million_tokens
from sim.cost.hidden import hidden_usd
from sim.cost.incident_cost import incident_response_usd
from sim.cost.people import people_usd
from sim.cost.quality import evaluation_usd, labels_usd
from sim.cost.schedule import once
from sim.cost.tokens_month import requests_usd, tokens_usd
from sim.units import HOURS_PER_MONTH
from tests.made.seeds import (
    API,
    API_FIRST,
    DEVOPS_USD_PER_MONTH,
    ENGINEER_USD_PER_HOUR,
    FINE_TUNED,
    ML_USD_PER_MONTH,
    RAG,
    SELF_HOSTED,
    CostComponents,
    cost_model,
    fixed_usd,
    months,
    percentages,
    total,
)

API_MODEL = {"upfront_usd": 50_000, "usd_per_request": 0.002}
TUNED_MODEL = {"upfront_usd": 250_000, "usd_per_request": 0.0002}
PER_MTOK = 1e-6
CENT = 0.005
"""Half a cent: as exact as amounts are printed."""


@pytest.mark.parametrize(
    ("requests", "api_usd", "tuned_usd", "printed_api_usd", "printed_tuned_usd"),
    [
        (1_000_000, 6_166.67, 21_033.33, 2_004.17, 20_833.33),
        (10_000_000, 24_166.67, 22_833.33, 20_004.17, 22_833.33),
        (50_000_000, 104_166.67, 30_833.33, 100_004.17, 30_833.33),
    ],
)
def test_the_cost_model_by_month(requests: int, api_usd: float, tuned_usd: float, printed_api_usd: float, printed_tuned_usd: float) -> None:
    """Printed for the API: 2,004.17, 20,004.17 and 100,004.17. Its 50,000 ahead are 4,166.67 a month, not 4.17: the text took 50.

    The fine-tuned line is right at 10 and 50 million; at 1 million its 200 USD of requests are missing (20,833.33 for 21,033.33).
    """
    api = cost_model(**API_MODEL, requests=requests)
    tuned = cost_model(**TUNED_MODEL, requests=requests)
    assert total(api) == pytest.approx(api_usd, abs=CENT)
    assert total(tuned) == pytest.approx(tuned_usd, abs=CENT)
    slip = cost_model(upfront_usd=50, usd_per_request=0.002, requests=requests)
    assert total(slip) == pytest.approx(printed_api_usd, abs=CENT)
    without_requests = float(tuned["upfront"]) if requests == 1_000_000 else total(tuned)
    assert without_requests == pytest.approx(printed_tuned_usd, abs=CENT)


def test_the_break_even_of_the_cost_model() -> None:
    """Printed: 13,888,889 requests a month. (250,000 - 50,000) / 12 / 0.0018 is 9,259,259; the text added the two sums instead."""
    api, tuned = cost_model(**API_MODEL, requests=1), cost_model(**TUNED_MODEL, requests=1)
    crossing = crossing_requests(
        fixed_a_usd=api["upfront"], per_request_a_usd=api["requests"], fixed_b_usd=tuned["upfront"], per_request_b_usd=tuned["requests"]
    )
    found = float(crossing)
    assert found == pytest.approx(9_259_259, abs=1)
    assert total(cost_model(**API_MODEL, requests=found)) == pytest.approx(total(cost_model(**TUNED_MODEL, requests=found)))
    slip = crossing_requests(
        fixed_a_usd=0.0, per_request_a_usd=0.002, fixed_b_usd=float(api["upfront"] + tuned["upfront"]), per_request_b_usd=0.0002
    )
    assert float(slip) == pytest.approx(13_888_889, abs=1)


def test_the_verdict_at_ten_million_requests_flips() -> None:
    """Printed at 10 million: the API, 20,004.17 against 22,833.33, and only at 50 million "BUILD wins". It wins at 10 million already."""
    at = {requests: total(cost_model(**API_MODEL, requests=requests)) for requests in (9e6, 10e6)}
    tuned = {requests: total(cost_model(**TUNED_MODEL, requests=requests)) for requests in (9e6, 10e6)}
    assert at[9e6] < tuned[9e6] and tuned[10e6] < at[10e6]
    assert at[10e6] - tuned[10e6] == pytest.approx(1_333.33, abs=CENT)


@pytest.mark.parametrize(
    ("requests", "api", "rag", "tuned", "tuned_without_labels"),
    [
        (100_000, 77.5, 125.5, 269.767, 228.1),
        (500_000, 16.3, 25.5, 54.033, 45.7),
        (2_000_000, 4.825, 6.75, 13.583, 11.5),
        (10_000_000, 1.765, 1.75, 2.797, 2.38),
    ],
)
def test_the_table_of_four_volumes(requests: int, api: float, rag: float, tuned: float, tuned_without_labels: float) -> None:
    """USD per 1,000 requests. The code never adds `data_labeling_cost`: 50,000 of labels, 4,166.67 a month, are lost on the way.

    Its breakdown also leaves out training, so that its parts are 1,250 short of its own total.
    """
    thousands = requests / 1000
    assert total(API.month(requests)) / thousands == pytest.approx(api, abs=5e-4)
    assert total(RAG.month(requests)) / thousands == pytest.approx(rag, abs=5e-4)
    lines = FINE_TUNED.month(requests)
    assert total(lines) / thousands == pytest.approx(tuned, abs=5e-4)
    assert float(lines["labeling"]) == pytest.approx(4_166.67, abs=CENT)
    assert (total(lines) - float(lines["labeling"])) / thousands == pytest.approx(tuned_without_labels, abs=5e-4)
    of_breakdown = ("compute", "maintenance", "incidents", "development", "compliance", "tooling")
    short = total(lines) - float(lines["labeling"]) - sum(float(lines[name]) for name in of_breakdown)
    assert short == pytest.approx(1_250.0)


def test_where_the_four_volumes_cross() -> None:
    """Printed: above 2 million requests "fine-tuning or RAG becomes competitive".

    At 2 million both cost more than the API, fine-tuning nearly three times as much. RAG meets it at 9.7 million, fine-tuning at 21.5
    million (16.8 by the code that loses the labels).
    """

    def crossing(a_fixed: float, a: float, b_fixed: float, b: float) -> float:
        return float(crossing_requests(fixed_a_usd=a_fixed, per_request_a_usd=a, fixed_b_usd=b_fixed, per_request_b_usd=b))

    api = fixed_usd(API)
    assert crossing(api, 0.001, fixed_usd(RAG), 0.0005) == pytest.approx(9.7e6)
    assert crossing(api, 0.001, fixed_usd(FINE_TUNED), 0.0001) == pytest.approx(21.463e6, rel=1e-4)
    assert crossing(api, 0.001, fixed_usd(FINE_TUNED, labeling=False), 0.0001) == pytest.approx(16.833e6, rel=1e-4)
    assert crossing(fixed_usd(RAG), 0.0005, fixed_usd(FINE_TUNED), 0.0001) == pytest.approx(36.167e6, rel=1e-4)
    assert total(RAG.month(2e6)) > 1.39 * total(API.month(2e6))
    assert total(FINE_TUNED.month(2e6)) > 2.8 * total(API.month(2e6))


@pytest.mark.parametrize(
    ("components", "year_usd", "tco_usd", "printed_usd", "left_out"),
    [
        (API_FIRST, 86_200, 66_200, 75_200, {"Compliance": 11_000}),
        (SELF_HOSTED, 441_000, 381_000, 366_000, {"Opportunity": 60_000, "Compliance": 15_000}),
    ],
)
def test_the_year_of_two_strategies(
    components: CostComponents, year_usd: float, tco_usd: float, printed_usd: float, left_out: dict[str, float]
) -> None:
    """Printed: 75,200 and 366,000 a year; the text's own formula gives 86,200 and 441,000.

    75,200 lacks all of compliance (11,000); 366,000 is twelve months and neither the 15,000 of setting compliance up nor the 60,000 of
    three months without revenue. Revenue that is not earned is no cost here but shown apart: what is left is 66,200 and 381,000.
    """
    lines = components.year()
    assert total(lines) == pytest.approx(year_usd)
    assert total({name: usd for name, usd in lines.items() if name != "Opportunity"}) == pytest.approx(tco_usd)
    assert year_usd - sum(left_out.values()) == printed_usd
    assert float(components.year()["Opportunity"].sum()) == pytest.approx(components.months_to_production * 20_000)


@pytest.mark.parametrize(
    ("components", "printed", "printed_sum", "right", "over_usd"),
    [
        (API_FIRST, (47.9, 25.5, 0.0, 14.6, 26.6), 114.6, (41.8, 22.3, 0.0, 12.8, 23.2), 75_200),
        (SELF_HOSTED, (14.8, 72.1, 8.2, 8.2, 16.4), 119.7, (12.2, 59.9, 6.8, 7.5, 13.6), 366_000),
    ],
)
def test_percentages_add_up_to_a_hundred(
    components: CostComponents, printed: tuple[float, ...], printed_sum: float, right: tuple[float, ...], over_usd: float
) -> None:
    """Printed shares add up to 114.6 % and 119.7 %: whole lines over totals that lack some of them.

    One of them is wrong even so: 33,000 of compliance over 366,000 are 9.0 %, not 8.2 % (30,000).
    """
    lines = components.year()
    found = percentages(lines)
    assert sum(found.values()) == pytest.approx(100.0)
    assert tuple(found.values()) == pytest.approx(right, abs=0.05)
    assert sum(printed) == pytest.approx(printed_sum)
    slips = [float(usd.sum()) / over_usd * 100 for usd in lines.values()]
    wrong = [name for name, slip, text in zip(lines, slips, printed, strict=True) if abs(slip - text) > 0.06]
    assert wrong == (["Compliance"] if components is SELF_HOSTED else [])


def test_ten_million_tokens_a_month_are_no_three_thousand() -> None:
    """Printed: 3,000 USD a month for 10 million tokens at 3 and 15 USD a million. All input they are 30, all output 150.

    3,000 USD buy a thousand million input tokens, a hundred times the volume of the example.
    """
    least, most = (float(tokens_usd(tokens=10e6, usd_per_token=usd * PER_MTOK)) for usd in (3, 15))
    assert (least, most) == pytest.approx((30.0, 150.0))
    assert float(tokens_usd(tokens=1000e6, usd_per_token=3 * PER_MTOK)) == pytest.approx(API_FIRST.compute_usd)
    # With the right figure the API costs half of what the example says, revenue that is not earned left out.
    right = CostComponents(most, 0, 0.1, 5_000, 500, 1, 20_000).year()
    assert total({name: usd for name, usd in right.items() if name != "Opportunity"}) == pytest.approx(32_000)


def test_the_overrun_of_the_legal_startup() -> None:
    """Estimated at 7,000 a month for four GPUs; 28,000 = 7 + 9 + 3 + 2 + 4 + 3 thousand came; 12,000 after moving to an API.

    These add up. "Hidden costs exceed the visible GPU bill by 3-4x": they are 3 times it, all together is 4 times. A buffer of 30 % on
    7,000 is 2,100: 18,900 short.
    """
    gpus = rent_usd(gpu_hours=4 * HOURS_PER_MONTH, usd_per_gpu_hour=7_000 / (4 * HOURS_PER_MONTH))
    hidden = {
        "engineer": people_usd(fte=0.5, usd_per_month=ML_USD_PER_MONTH),
        "labels": labels_usd(labels=3_000, usd_per_label=1.0),
        "evaluation": evaluation_usd(usd_per_month=2_000),
        "compliance": compliance_usd(usd_per_month=4_000),
        "incidents": incident_response_usd(incidents=2, hours_per_incident=10, usd_per_hour=ENGINEER_USD_PER_HOUR),
    }
    assert [float(usd) for usd in hidden.values()] == [9_000, 3_000, 2_000, 4_000, 3_000]
    actual = float(gpus) + total(hidden)
    assert actual == pytest.approx(28_000)
    assert total(hidden) / float(gpus) == pytest.approx(3.0)
    assert (actual - 12_000) / actual == pytest.approx(0.57, abs=0.005)
    buffer = hidden_usd(rest_usd=gpus, hidden_share=0.3)
    assert actual - float(gpus + buffer) == pytest.approx(18_900)
    assert float(hidden_usd(rest_usd=gpus, hidden_share=3.0)) == pytest.approx(total(hidden))


def test_three_companies() -> None:
    """5, 50 and 500 million tokens a month at 2,000, 35,000 and 120,000 USD: 60 times apart, as printed, and not because of tokens.

    At gpt-4o (2.50 and 10 USD a million) the tokens of the three are at most 50, 500 and 5,000 USD; a million of them costs 400, 700 and
    240 USD with everything. The first company is the 0.1 engineers and compliance of the API-first example and its tokens, 2,150 at most.
    """
    tokens, usd = np.array([5e6, 50e6, 500e6]), np.array([2_000.0, 35_000.0, 120_000.0])
    most = tokens_usd(tokens=tokens, usd_per_token=10 * PER_MTOK)
    assert most.tolist() == pytest.approx([50, 500, 5_000])
    assert (most / usd < 0.05).all()
    assert usd_per_million_tokens(paid_usd=usd, tokens=tokens).tolist() == pytest.approx([400, 700, 240])
    assert usd[2] / usd[0] == 60
    people = people_usd(fte=0.1, usd_per_month=DEVOPS_USD_PER_MONTH) + compliance_usd(usd_per_month=500)
    assert float(people + most[0]) == pytest.approx(2_150)
    assert float(people + tokens_usd(tokens=5e6, usd_per_token=2.5 * PER_MTOK)) == pytest.approx(2_000, rel=0.06)


def two_years_usd(requests_per_day: float, *, usd_per_hour: float = 6.0) -> tuple[float, float]:
    """USD a month over 24 months of an API at 0.01 USD a request, and of two H100s, with every item that exercise 33.6.2 names."""
    month = months(24)
    every = np.ones(24)
    api = (
        requests_usd(requests=every * requests_per_day * 30, usd_per_request=float(request_usd()))
        + people_usd(fte=every * 0.25, usd_per_month=ML_USD_PER_MONTH)
        + tooling_usd(usd_per_month=500, months=every)
        + people_usd(fte=once(month=month), usd_per_month=ML_USD_PER_MONTH)
    )
    own = (
        rent_usd(gpu_hours=every * 2 * HOURS_PER_MONTH, usd_per_gpu_hour=usd_per_hour / 2)
        + people_usd(fte=every * 0.5, usd_per_month=ML_USD_PER_MONTH)
        + tooling_usd(usd_per_month=500, months=every)
        + people_usd(fte=2 * once(month=month), usd_per_month=ML_USD_PER_MONTH)
    )
    return float(api.sum()) / 24, float(own.sum()) / 24


def request_usd() -> float:
    """2,000 tokens in and 500 out at 2.50 and 10 USD a million: the one cent a request that 3,000 USD for 300,000 requests mean."""
    return float(tokens_usd(tokens=2_000, usd_per_token=2.5 * PER_MTOK) + tokens_usd(tokens=500, usd_per_token=10 * PER_MTOK))


def test_two_years_of_an_api_against_two_h100s() -> None:
    """Printed for 10,000 requests a day: API 3,000 a month, two H100s 7,000 "including labor" with half an engineer.

    Half an engineer alone is 9,000, and 6 USD an hour are 4,380: 15,380 with monitoring and setup. The 3,000 are tokens alone; with the
    exercise's own quarter of an engineer, monitoring and integration the API costs 8,750. At 100,000 a day the exercise prints 9,000 for
    the H100s, which is half an engineer and free GPUs.
    """
    labor = float(people_usd(fte=0.5, usd_per_month=ML_USD_PER_MONTH))
    assert labor == 9_000 > 7_000
    assert request_usd() == pytest.approx(0.01)
    assert float(requests_usd(requests=300_000, usd_per_request=request_usd())) == pytest.approx(3_000)
    api, own = two_years_usd(10_000)
    assert (api, own) == pytest.approx((8_750, 15_380))
    api, own = two_years_usd(100_000)
    assert (api, own) == pytest.approx((35_750, 15_380))


def test_where_two_h100s_cross() -> None:
    """Printed: "around 30,000-50,000 daily requests". The right costs meet at 32,100, the printed ones (3 to 30, 7 to 9 thousand) at 24,400."""
    api, own = two_years_usd(0)
    right = crossing_requests(fixed_a_usd=api, per_request_a_usd=request_usd(), fixed_b_usd=own, per_request_b_usd=0.0)
    assert float(right) / 30 == pytest.approx(32_100)
    slope = (9_000 - 7_000) / (90_000 * 30)
    printed = crossing_requests(fixed_a_usd=0.0, per_request_a_usd=0.01, fixed_b_usd=7_000 - slope * 300_000, per_request_b_usd=slope)
    assert float(printed) / 30 == pytest.approx(24_400)


def test_ten_million_tokens_a_day() -> None:
    """Printed: "$54K/year" at 15 USD a million input tokens. 150 a day are 54,750 a year: cut, not rounded."""
    a_day = float(tokens_usd(tokens=10e6, usd_per_token=15 * PER_MTOK))
    assert a_day == pytest.approx(150)
    a_year = float(tokens_usd(tokens=10e6 * np.ones(365), usd_per_token=15 * PER_MTOK).sum())
    assert a_year == pytest.approx(54_750)
    assert a_year // 1000 == 54


def test_a_salary_in_tokens() -> None:
    """Printed: 200,000 to 300,000 USD a year buy "roughly 70-100 billion tokens" at 3 USD a million: 66.7 to 100 billion, of input.

    The 18,000 a month of the text's calculator are 72 billion. Of output, at 15 USD, a fifth of that.
    """

    def billions(usd: float, usd_per_mtok: float) -> float:
        return usd / float(tokens_usd(tokens=1e9, usd_per_token=usd_per_mtok * PER_MTOK))

    assert billions(200_000, 3) == pytest.approx(66.67, abs=0.01)
    assert billions(300_000, 3) == pytest.approx(100.0)
    a_year = float(people_usd(fte=np.ones(12), usd_per_month=ML_USD_PER_MONTH).sum())
    assert billions(a_year, 3) == pytest.approx(72.0)
    assert billions(a_year, 15) == pytest.approx(14.4)


def test_a_price_that_triples_overnight() -> None:
    """Printed: a system of 10,000 a month "can become 30,000 overnight": a factor of 3 on the price from the month it happens."""
    factor = np.where(months(12) >= 4, 3.0, 1.0)
    usd = requests_usd(requests=np.full(12, 5e6), usd_per_request=0.002, factor=factor)
    assert usd.tolist() == pytest.approx([10_000] * 4 + [30_000] * 8)


def test_labels_of_a_dataset() -> None:
    """Printed: 10,000 examples cost 5,000 to 50,000 USD: half a dollar to five a label, again with each new model."""
    usd = labels_usd(labels=10_000 * np.array([[1.0], [3.0]]), usd_per_label=np.array([0.5, 5.0]))
    assert usd.tolist() == [[5_000.0, 50_000.0], [15_000.0, 150_000.0]]
