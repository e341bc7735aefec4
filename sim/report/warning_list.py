"""The closed list of warnings: of each code when it is raised, what it means for the figures, and what to do about it.

A run fills in the numbers (sim/report/cautions.py). `sim warnings` and docs/reference/warnings.md show this list.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from sim.errors import InputError, nearest, visible
from sim.report.section import Section, as_text
from sim.wide import shortened

_NAME = 40

Code = Literal[
    "unstable_queue",
    "level_out_of_reach",
    "unfinished_requests",
    "throttled_share",
    "fallback_share",
    "few_requests",
    "short_trace",
    "doubtful_trace",
    "assumed_inputs",
    "months_at_risk",
    "past_capacity",
    "few_futures",
    "tail_not_resolved",
    "inexact_forecast",
    "value_refused",
    "work_left",
    "soon_outgrown",
    "report_not_drawn",
]


@dataclass(frozen=True, slots=True)
class Known:
    """One warning of the list, in sentences without a full stop."""

    when: str
    meaning: str
    remedy: str


WARNINGS: Mapping[Code, Known] = MappingProxyType(
    {
        "unstable_queue": Known(
            "a pool was offered more than it carries within the service level (load above 100 %)",
            "its queue grows for as long as that lasts: latencies say how long the trace is, not what users will feel",
            "more replicas or a faster GPU until the load is about 80 %; or another target for what is too much",
        ),
        "level_out_of_reach": Known(
            "a pool misses the service level even when nearly idle",
            "no number of replicas helps: a step of this model on this GPU is too slow by itself, so that there is no load to plan with",
            "a faster GPU, more tensor_parallel, a smaller model; or long prompts elsewhere; or another slo",
        ),
        "unfinished_requests": Known(
            "requests were still under way when the run ended",
            "their latency, the longest of all, is in no figure: quantiles look better than they are",
            "a replay to the end, or more capacity",
        ),
        "throttled_share": Known(
            "more than 5 % of attempts were refused by rate limits",
            "limits, not the model, decide how long requests wait and how many fail; retries add to what is refused",
            "a higher tier or limits of your own contract, a fallback, fewer retries; or requests spread over the minute",
        ),
        "fallback_share": Known(
            "more than 5 % of completed requests were served by a fallback",
            "the bill and the latencies are partly those of a place that was meant for emergencies",
            "capacity or limits of the first choice raised; or the price and quality of the fallback accepted",
        ),
        "few_requests": Known(
            "fewer than 1,000 requests completed: p99 is nearly chance",
            "fewer than ten requests lie beyond p99, so that another seed or day moves it and the maximum a lot",
            "a longer trace; or p50 and p90 only",
        ),
        "short_trace": Known(
            "the trace is shorter than a day, or than two weeks; or it is a closed loop, which is no month of anything",
            "a month scaled up from it has no nights, no weekends or no differing days but those of the trace",
            "two weeks of traffic or more before budgeting; of a closed loop the bill of the replay",
        ),
        "doubtful_trace": Known(
            "the trace may not mean what it says: arrivals that look like milliseconds, for one",
            "every figure is wrong by as much as the trace is",
            "a look with sim trace describe; then a file that is repaired or made anew with sim trace import",
        ),
        "assumed_inputs": Known(
            "step times, KV cache sizes, prices, latencies, limits or cold starts that carried the run are estimated or assumed",
            "the result is no surer than they are; what carried 5 % or less of the requests and of the cost is not named",
            "figures of your own in the stack, by --set, by sim calibrate; sim explain shows every one with its source",
        ),
        "months_at_risk": Known(
            "the service levels of a month are missed in more than 5 % of futures",
            "growth, incidents or retirements are more than the stack can take in that month",
            "more capacity before then, or another slo; sim plan says when to order what",
        ),
        "past_capacity": Known(
            "from some month on, each misses its service levels in most futures: demand has outgrown the stack",
            "costs of these months are those of a stack that fails, so that they are too low",
            "more replicas or higher limits by then; sim plan says when to order what",
        ),
        "few_futures": Known(
            "the standard error of the p95 of the TCO is above 2 % of it, or fewer than five futures lie beyond p95",
            "p95, the worst 5 % and rare misses would come out otherwise with another seed; of p99 that is truer still, and none is shown",
            "more --futures: the warning says how many",
        ),
        "tail_not_resolved": Known(
            "less than 24 hours of the trace were replayed for the forecast",
            "the rare bursts that decide p99 of latencies may not be among them",
            "a longer trace, or --exact",
        ),
        "inexact_forecast": Known(
            "days replayed exactly cost more than 2 % on average, or 10 % rms, off what the forecast says",
            "the cells that months are put together of do not hold for this stack as well as they should",
            "--exact, which replays every day of every future",
        ),
        "value_refused": Known(
            "a value of sim sweep is wrong by itself, as a name with a slip in it, so that no point has it",
            "the table says nothing about that value; it is not that it fared badly",
            "the value put right, as the cause says",
        ),
        "work_left": Known(
            "perfect foresight of sim elastic takes fewer GPU-hours than the work of all requests",
            "the levels let a good part of the requests go unserved, so that the fewest GPUs are those that turn requests away",
            "a level on what completes, as --slo 'completed >= 99.5%'",
        ),
        "soon_outgrown": Known(
            "a plan without months has so little room that the outlook's median growth uses it up within a year",
            "the stack that is cheapest for the trace as it is misses its levels within months of growth",
            "--months, which plans for the growth; or a stack of more room from the list",
        ),
        "report_not_drawn": Known(
            "report.html could not be made of the results",
            "the files of the run are whole, only the page is missing",
            "sim report on the folder says why again; please report it, since it is no fault of the input",
        ),
    }
)
"""In the order of docs/output.md."""


def known_warning(code: str) -> Code:
    """The code by its name; InputError with what it may have been meant to be."""
    for each in WARNINGS:
        if each == code.strip().replace("-", "_"):
            return each
    raise InputError(f"no warning {visible(shortened(code, _NAME))!r}; `sim warnings` lists all{nearest(code, WARNINGS)}")


def warning_text(code: Code) -> str:
    """One warning for a terminal of 80 columns, ending with a line break."""
    known = WARNINGS[code]
    rows = [("Warning", code), ("  when", known.when), ("  means", known.meaning), ("  do", known.remedy)]
    return as_text([Section(code, rows, facts=True)]) + "\n"


def warnings_text() -> str:
    """All of them, each with when it is raised."""
    rows = [(code, known.when) for code, known in WARNINGS.items()]
    return as_text([Section("Warnings", [("Warnings", "sim warnings CODE says what one means and what to do"), *rows], facts=True)]) + "\n"
