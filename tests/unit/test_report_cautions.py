"""Every warning of the closed list, and nothing when there is nothing to warn of."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import get_args

import numpy as np
import pytest

from sim.cost.bill import Bill, Line
from sim.engine.system import Api
from sim.futures.forecast import Accuracy
from sim.measure.load import Load
from sim.measure.measures import Measures, measure
from sim.measure.slo import Slo
from sim.report.cautions import Caution, cautions, report_not_drawn, soon_outgrown, value_refused, work_left
from sim.report.forecast_report import ForecastReport
from sim.report.warning_list import WARNINGS, Code
from sim.stack.resolved import Origin
from tests.made.ahead import ahead
from tests.made.result import add_outcomes, empty_result, pool, stood, system

WEEKS = 3 * 7 * 86_400.0


def measured(*, window_s: float = WEEKS, completed: int = 5000, fallback: int = 0, throttled: int = 0, unfinished: int = 0) -> Measures:
    result = empty_result(deployments=2, window_s=window_s)
    result.timeline = result.timeline[:1]
    stood(result, 0, 0.0, window_s)
    add_outcomes(result, "completed", completed - fallback)
    add_outcomes(result, "completed", fallback, 1)
    add_outcomes(result, "unfinished", unfinished, reason="horizon")
    result.counters["fallback_completed"][1] = fallback
    result.counters["throttled"][1] = throttled
    result.counters["attempts"][:] = (completed, fallback + throttled)
    found = measure(result, system(pool(), Api("v", 0)), ("default",), Slo())
    return replace(found, loads=(Load(0.5, 0.9, 1.0), Load(None, None, None)))


BILL = Bill((Line("own", "gpu_used", 1.0, "GPU-hours", 1.0),), WEEKS, 1000, 5000)


OF_MONTHS = ("months_at_risk", "past_capacity", "few_futures", "tail_not_resolved", "inexact_forecast")


def codes(measures: Measures, *, assumed: tuple[Origin, ...] = (), doubts: tuple[str, ...] = ()) -> dict[str, Caution]:
    found = cautions(measures, BILL, assumed, doubts, stack="small")
    assert {each.code for each in found} <= set(get_args(Code))
    assert all(each.cause and each.remedy for each in found)
    return {each.code: each for each in found}


def test_a_good_run_has_no_warnings() -> None:
    assert codes(measured()) == {}


def test_each_warning_has_its_cause() -> None:
    seen = set()

    def one(code: str, measures: Measures, said: str, **more: tuple[str, ...] | tuple[Origin, ...]) -> None:
        found = codes(measures, **more)
        assert list(found) == [code]
        assert said in found[code].cause + "; " + found[code].remedy
        seen.add(code)

    overloaded = replace(measured(), loads=(Load(2.0, 3.0, 1.0), Load(None, None, None)))
    one("unstable_queue", overloaded, "2.00 times what it carries within its service level; about 3 replicas")
    hopeless = replace(measured(), loads=(Load(None, None, None), Load(None, None, None)))
    one("level_out_of_reach", hopeless, "own misses the service level (ttft_p95 3,000 ms, tpot_p95 50.0 ms) even when nearly idle")
    one("unfinished_requests", measured(unfinished=7), "7 requests were still under way")
    one("throttled_share", measured(throttled=500), "9.09 % of attempts were refused by rate limits, most by v")
    one("fallback_share", measured(fallback=300), "6 % of completed".replace("6 %", "6.00 %"))
    one("few_requests", measured(completed=999), "999 requests completed")
    one("short_trace", measured(window_s=86_400.0), "scaled up from 24 h")
    one("doubtful_trace", measured(), "divide it by 1000", doubts=("if arrival_s is in milliseconds, divide it by 1000",))
    step = Origin("deployments.own.profile.c", 0.01, "s", "estimated", "physics")
    one("assumed_inputs", measured(), "step time of own", assumed=(step,))
    others = (value_refused("x"), report_not_drawn("x"), work_left(1.0, 2.0, "50 %"), soon_outgrown(1.1, 0.03, 4, "base"))
    assert seen | set(OF_MONTHS) | {each.code for each in others} == set(get_args(Code))
    assert list(WARNINGS) == list(get_args(Code))


@pytest.mark.parametrize(("throttled", "fallback"), [(263, 0), (0, 250)])
def test_five_percent_is_not_above_five_percent(throttled: int, fallback: int) -> None:
    assert codes(measured(throttled=throttled, fallback=fallback)) == {}


def test_a_calibrated_step_time_is_not_called_estimated() -> None:
    """The KV cache is counted from the shape of the model beside it, and is what is named then."""
    kv = Origin("deployments.own.profile.kv_capacity", 300_000, "tokens", "estimated", "counted")
    assert codes(measured(), assumed=(kv,))["assumed_inputs"].cause == "estimated or assumed, and used here: KV cache size of own"
    both = (Origin("deployments.own.profile.c", 0.01, "s", "estimated", "physics"), kv)
    assert "used here: step time and KV cache size of own" in codes(measured(), assumed=both)["assumed_inputs"].cause


def test_assumptions_about_what_was_not_used_do_not_matter() -> None:
    latency = Origin("deployments.v.latency.ttft.sigma", 0.35, "", "assumed", "none")
    start = Origin("deployments.own.cold_start.pull.median", 60.0, "s", "assumed", "none")
    assert codes(measured(), assumed=(latency, start)) == {}
    used = codes(measured(fallback=2500), assumed=(latency,))["assumed_inputs"]
    assert "latency of v" in used.cause and "sim explain small" in used.remedy


CALM = MappingProxyType({"met": True, "months": 6, "futures": 100, "futures_needed": 100})


@pytest.mark.parametrize(
    ("code", "changed", "said"),
    [
        ("months_at_risk", {"met": np.arange(100)[:, None] >= 6 * (np.arange(6) == 4)}, "missed in 6 % of futures in 2027-03"),
        ("past_capacity", {"met": np.arange(6)[None, :] < 4}, "from 2027-03 on every month misses its service levels"),
        ("few_futures", {"futures_needed": 101}, "--futures 101 would bring"),
        ("few_futures", {"futures": 99, "futures_needed": 99}, "99 futures: fewer than five lie beyond p95"),
        ("tail_not_resolved", {"tail_resolved": False}, "less than 24 hours"),
        ("inexact_forecast", {"accuracy": Accuracy(9, -0.021, 0.05, None, None)}, "-2.1 % on average, 5.0 % rms"),
        ("inexact_forecast", {"accuracy": Accuracy(9, 0.0, 0.101, None, None)}, "+0.0 % on average, 10.1 % rms"),
    ],
)
def test_each_warning_about_months_has_its_cause(code: str, changed: dict[str, object], said: str) -> None:
    def found(**fields: object) -> dict[str, Caution]:
        report = ForecastReport(ahead(**{**CALM, **fields}))  # type: ignore[arg-type]
        return {each.code: each for each in cautions(measured(), BILL, (), stack="small", ahead=report)}

    assert found() == {}
    said_now = found(**changed)
    assert list(said_now) == (["months_at_risk", code] if code == "past_capacity" else [code])
    assert said in f"{said_now[code].cause}; {said_now[code].remedy}"


def test_a_short_trace_before_months_leaves_its_weeks_to_the_outlook() -> None:
    report = ForecastReport(ahead(**CALM))  # type: ignore[arg-type]
    (found,) = cautions(measured(window_s=86_400.0), BILL, (), stack="small", ahead=report)
    assert found.code == "short_trace" and "comes from the outlook" in found.cause and "scaled up" not in found.cause


def test_a_pool_that_nobody_used_is_not_out_of_reach() -> None:
    measures = measured()
    uses = (replace(measures.uses[0], attempts=0), measures.uses[1])
    assert codes(replace(measures, uses=uses, loads=(Load(None, None, None), Load(None, None, None)))) == {}
