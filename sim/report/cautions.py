"""What a reader must know before using a number: a closed list of warnings, each with its cause and what to do about it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sim.cost.bill import Bill
from sim.measure.measures import Measures
from sim.report.amounts import chance
from sim.report.section import brief
from sim.report.warning_list import Code
from sim.units import SECONDS_PER_DAY, show_count, show_ms, show_seconds, show_share

if TYPE_CHECKING:
    from sim.report.forecast_report import ForecastReport
    from sim.stack.resolved import Origin
    from sim.trace.closed_loop import ClosedLoop

THROTTLED = 0.05
FALLBACK = 0.05
FEW_REQUESTS = 1000
"""Below so many completed requests fewer than ten lie beyond p99."""
TWO_WEEKS_S = 14 * SECONDS_PER_DAY
_NEARLY = 0.99
"""A day of requests ends with the last one, a little before midnight."""
_FEW_FUTURES = 100
"""Below so many fewer than five lie beyond p95."""
_BIAS = 0.02
_RMS = 0.1
"""Relative errors of the cost of days against exact replays from which on a forecast is said to be inexact."""
_KV_CAPACITY = "profile.kv_capacity"
"""Counted from the shape of the model, also where the step time beside it was measured."""
_MATTERS = 0.05
"""Share of requests or cost from which on the assumptions about a deployment matter."""


@dataclass(frozen=True, slots=True)
class Caution:
    """One warning: which, why, and what to do."""

    code: Code
    cause: str
    remedy: str


def month_caveat(window_s: float, loop: ClosedLoop | None = None) -> str:
    """What a month scaled up from so many seconds leaves out; nothing for two weeks and more of traffic that is no closed loop."""
    if window_s <= 0:
        return "the trace has no duration: no hour of a GPU is in its bill, and no month can be made of it"
    if loop is not None:
        clients = "client" if loop.clients == 1 else f"{loop.clients:,} clients"
        return f"scaled up from {brief(show_seconds(window_s))}, as if the {clients} of a closed loop went on like this all month"
    if window_s < _NEARLY * SECONDS_PER_DAY:
        return f"scaled up from {brief(show_seconds(window_s))}: no whole day and no week is in it; a month may differ several times"
    if window_s < _NEARLY * TWO_WEEKS_S:
        return f"scaled up from {brief(show_seconds(window_s))}: days that differ and the week are not in it"
    return ""


def cautions(
    measures: Measures,
    bill: Bill,
    assumed: Sequence[Origin],
    doubts: Sequence[str] = (),
    *,
    stack: str,
    ahead: ForecastReport | None = None,
    loop: ClosedLoop | None = None,
) -> tuple[Caution, ...]:
    """The warnings that a run calls for. `doubts` are those raised on reading the trace, `stack` how `sim explain` finds the stack.

    `loop` is the closed loop that sent the requests, if one did.
    """
    found = [*_queues(measures), *_requests(measures)]
    caveat = month_caveat(measures.window_s, loop)
    if caveat and loop is not None:
        found.append(Caution("short_trace", caveat, "for work that ends take the bill of the replay; for a month, a trace of arrivals"))
    elif caveat and ahead is None:
        found.append(Caution("short_trace", caveat, "replay two weeks or more before budgeting with the monthly figures"))
    elif caveat:
        cause = f"the trace is {brief(show_seconds(measures.window_s))}: how its days and weeks differ comes from the outlook"
        found.append(Caution("short_trace", cause, "forecast from a trace of two weeks or more"))
    found += [
        Caution("doubtful_trace", doubt, "see `sim trace describe`; repair the file or make it anew with `sim trace import`")
        for doubt in doubts
    ]
    names = _assumptions(measures, bill, assumed)
    if names:
        found.append(
            Caution(
                "assumed_inputs",
                f"estimated or assumed, and used here: {'; '.join(names)}",
                f"give your own figures in the stack or with --set; `sim explain {stack}` shows every one with its source",
            )
        )
    if ahead is not None:
        found += _months(ahead)
    return tuple(found)


def value_refused(why: str) -> Caution:
    """A value of a sweep that no point can have; `why` names it."""
    return Caution("value_refused", why, "put it right and sweep again: points that are done are kept")


def work_left(gpu_hours: float, work_gpu_hours: float | None, completed: str) -> Caution:
    """Perfect foresight with less than the work takes, of all requests (None: none need to complete); `completed` says what did."""
    work = "none need to complete" if work_gpu_hours is None else f"the work of all requests takes {show_count(work_gpu_hours)}"
    cause = f"perfect foresight takes {show_count(gpu_hours)} GPU-hours where {work}: it leaves requests unserved, {completed} completed"
    return Caution("work_left", cause, "ask for what must complete, as --slo 'completed >= 99.5%'")


def soon_outgrown(fails: float, growth: float, months: float, outlook: str) -> Caution:
    """A plan for a trace as it is whose room (`fails`: demand over that of the trace) the median growth a month uses up in `months`."""
    cause = (
        f"levels fail at {fails:.3g} times the demand of the trace, which the median growth of the outlook {outlook}, {show_share(growth)} "
        f"a month, reaches in {months:.0f} month{'' if round(months) == 1 else 's'}"
    )
    return Caution("soon_outgrown", cause, "plan with --months 12, or take a stack with more room")


def report_not_drawn(why: str) -> Caution:
    """No page could be made of files that are whole."""
    return Caution("report_not_drawn", f"no report.html was made of it: {why}", "the other files are whole")


def _months(ahead: ForecastReport) -> list[Caution]:
    found, forecast = [], ahead.found
    months, missed = forecast.months, ahead.missed_by_month
    if ahead.months_at_risk:
        worst = max(ahead.months_at_risk, key=lambda m: missed[m].p_miss)
        cause = f"service levels are missed in {chance(missed[worst].p_miss)} of futures in {months[worst]}"
        found.append(Caution("months_at_risk", cause, "add capacity before then, or relax slo; slo.by_month has every month"))
    if ahead.outgrown_from is not None:
        cause = f"demand outgrows the stack: from {months[ahead.outgrown_from]} on every month misses its service levels in most futures"
        found.append(Caution("past_capacity", cause, "plan more replicas or higher limits by then: capacity.csv has the load by month"))
    if forecast.futures < forecast.futures_needed:
        total = ahead.total["tco"]
        cause = f"{forecast.futures} futures leave a standard error of {show_share(total.se_p95 / total.p95)} at the p95 of the TCO"
        found.append(Caution("few_futures", cause, f"--futures {forecast.futures_needed} would bring that to 2 %"))
    elif forecast.futures < _FEW_FUTURES:
        cause = f"{forecast.futures} futures: fewer than five lie beyond p95, so p95 is nearly chance, and p99 could not be had at all"
        found.append(Caution("few_futures", cause, f"--futures {_FEW_FUTURES} or more"))
    if not forecast.tail_resolved:
        found.append(Caution("tail_not_resolved", "less than 24 hours were replayed: p99 says little", "give a longer trace, or --exact"))
    rms, bias = forecast.accuracy.usd_rms, forecast.accuracy.usd_bias
    if rms is not None and bias is not None and (abs(bias) > _BIAS or rms > _RMS):
        cause = f"days replayed exactly cost {bias * 100:+.1f} % on average, {rms * 100:.1f} % rms, off what the cells say"
        found.append(Caution("inexact_forecast", cause, "--exact replays every day of every future"))
    return found


def _queues(measures: Measures) -> list[Caution]:
    found = []
    for use, load in zip(measures.uses, measures.loads, strict=True):
        if use.kind != "gpu" or not use.attempts:
            continue
        if load.saturation_per_s is None:
            missed = ", ".join(f"{level.name} {show_ms(level.limit)}" for level in measures.levels if level.name != "completed")
            found.append(
                Caution(
                    "level_out_of_reach",
                    f"{use.name} misses the service level ({missed}) even when nearly idle",
                    "take a faster GPU, more tensor_parallel or a smaller model; or route long prompts elsewhere; or relax slo",
                )
            )
        elif load.mean is not None and load.mean > 1:
            need = math.ceil(load.mean * (use.ready_replicas or 1.0) / 0.8)
            found.append(
                Caution(
                    "unstable_queue",
                    f"{use.name} was offered {load.mean:.2f} times what it carries within its service level",
                    f"about {need} replicas would be loaded to 80 %: --set deployments.{use.name}.replicas={need}",
                )
            )
    return found


def _requests(measures: Measures) -> list[Caution]:
    found, outcomes = [], measures.outcomes
    if outcomes.unfinished:
        found.append(
            Caution(
                "unfinished_requests",
                f"{show_count(outcomes.unfinished)} requests were still under way at the end: their latency is in no figure",
                "replay to the end, or add capacity",
            )
        )
    if (outcomes.throttled_share or 0.0) > THROTTLED:
        worst = max(measures.uses, key=lambda use: use.throttled)
        found.append(
            Caution(
                "throttled_share",
                f"{show_share(outcomes.throttled_share)} of attempts were refused by rate limits, most by {worst.name}",
                f"a higher tier or a limit of one's own contract (deployments.{worst.name}.tier, .limits), a fallback, or fewer retries",
            )
        )
    if (outcomes.fallback_share or 0.0) > FALLBACK:
        found.append(
            Caution(
                "fallback_share",
                f"{show_share(outcomes.fallback_share)} of completed requests were served by a fallback",
                "capacity or limits of the first choice are too small for this traffic; or accept its price and quality",
            )
        )
    if outcomes.completed < FEW_REQUESTS:
        found.append(
            Caution(
                "few_requests",
                f"{outcomes.completed:,} requests completed: fewer than ten lie beyond p99, so p99 and max are nearly chance",
                "replay a longer trace, or read p50 and p90 only",
            )
        )
    return found


def _assumptions(measures: Measures, bill: Bill, assumed: Sequence[Origin]) -> list[str]:
    """The assumed inputs of deployments that carried more than a little of the run, grouped in words."""
    names = []
    total_usd, done = bill.total_usd, measures.outcomes.completed
    for use, fleet in zip(measures.uses, measures.fleets, strict=True):
        carried = use.completed > _MATTERS * done or bill.of(use.name) > _MATTERS * total_usd
        own = {
            origin.key.removeprefix(f"deployments.{use.name}.") for origin in assumed if origin.key.startswith(f"deployments.{use.name}.")
        }
        if not own or not carried:
            continue
        groups = []
        if any(key.startswith(("usd_per_gpu_hour", "prices")) for key in own):
            groups.append("price")
        if any(key.startswith("profile.") and key != _KV_CAPACITY for key in own):
            groups.append("step time")
        if _KV_CAPACITY in own:
            groups.append("KV cache size")
        if (
            fleet is not None
            and fleet.present_most > 0
            and fleet.least < fleet.present_most
            and any(key.startswith("cold_start") for key in own)
        ):
            groups.append("cold start")
        if any(key.startswith("latency") for key in own):
            groups.append("latency")
        if any(key == "tier" or key.startswith("limits") for key in own):
            groups.append("rate limits")
        if groups:
            names.append(f"{' and '.join([', '.join(groups[:-1]), groups[-1]] if len(groups) > 1 else groups)} of {use.name}")
    return names
