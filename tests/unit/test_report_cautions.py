"""Every warning of the closed list, and nothing when there is nothing to warn of."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import pytest

from sim.cost.bill import Bill, Line
from sim.engine.system import Api
from sim.measure.load import Load
from sim.measure.measures import Measures, measure
from sim.measure.slo import Slo
from sim.report.cautions import Caution, Code, cautions
from sim.stack.resolved import Origin
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
    assert seen == set(get_args(Code))


@pytest.mark.parametrize(("throttled", "fallback"), [(263, 0), (0, 250)])
def test_five_percent_is_not_above_five_percent(throttled: int, fallback: int) -> None:
    assert codes(measured(throttled=throttled, fallback=fallback)) == {}


def test_assumptions_about_what_was_not_used_do_not_matter() -> None:
    latency = Origin("deployments.v.latency.ttft.sigma", 0.35, "", "assumed", "none")
    start = Origin("deployments.own.cold_start.pull.median", 60.0, "s", "assumed", "none")
    assert codes(measured(), assumed=(latency, start)) == {}
    used = codes(measured(fallback=2500), assumed=(latency,))["assumed_inputs"]
    assert "latency of v" in used.cause and "sim explain small" in used.remedy


def test_a_pool_that_nobody_used_is_not_out_of_reach() -> None:
    measures = measured()
    uses = (replace(measures.uses[0], attempts=0), measures.uses[1])
    assert codes(replace(measures, uses=uses, loads=(Load(None, None, None), Load(None, None, None)))) == {}
