"""The figures that a gate may be about: one closed list, each with its unit and what it exactly is.

What a replay shows is named as a column of a sweep (sim/planning/points.py) or as `--slo` does (`ttft_p99`); what months show has a
quantile over futures behind its name (`monthly.tco_usd.p95`). `monthly.` is one month, the worst: the dearest, the fullest, the one with
most GPUs, or the one that meets its levels least. Each month has a figure of its own first; the worst is taken of these.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from sim.planning.points import METRICS, Better
from sim.units import show_count, show_ms, show_seconds, show_share, show_usd

if TYPE_CHECKING:
    from sim.stack.facts import TraceFacts
    from sim.stack.resolved import ResolvedStack

GateKind = Literal["money", "duration", "share", "ratio", "rate", "number"]
"""ratio: a load, which may be above one and is written `80%` or `0.8`; rate: a second."""

SHORT = MappingProxyType(
    {"completed": "completed_share", "goodput": "goodput_per_s", "throttled": "throttled_share", "gpus": "gpus_most"}
)  # fmt: skip
"""Names in use for columns."""

EDGES = ("p5", "p50", "p95", "mean")
LATENCIES = ("ttft", "tpot", "e2e")
_UNITS: Mapping[str, GateKind] = MappingProxyType({"USD": "money", "s": "duration", "share": "share", "1/s": "rate"})
_LOADS = ("load", "load_peak", "api_load")
_QUANTILE = re.compile(r"(?P<latency>ttft|tpot|e2e)_p(?P<q>\d{1,2}(\.\d{1,2})?)(_s)?", re.ASCII)
_COLUMN = re.compile(r"(ttft|tpot|e2e)_p\d+_s", re.ASCII)
_OF_DURATION = ("usd_per_month", "api_usd_per_month", "gpu_usd_per_month", "gpu_idle_usd_per_month", "other_usd_per_month",
                "goodput_per_s", "gpus_mean", "gpu_hours")  # fmt: skip
"""Not there for a trace that is but a moment."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure: its name, the kind of quantity, and what there must be for it to exist."""

    name: str
    kind: GateKind
    words: str
    better: Better
    banded: bool = False
    """Whether a quantile over futures, or their mean, belongs behind the name."""
    months: bool = False
    """Whether it is one of months, which a plain replay has none of."""
    paired: bool = False
    """Whether it holds HEAD against BASE by itself."""
    q: float | None = None
    """Which quantile of a latency, as a share."""

    @property
    def short(self) -> str:
        """Its name as people write it."""
        return next((short for short, column in SHORT.items() if column == self.name), self.name)

    def shown(self, value: float | None) -> str:
        """A value for people."""
        if self.kind == "duration":
            return show_ms(value) if self.name.startswith("tpot") else show_seconds(value)
        if self.kind == "rate":
            return "-" if value is None else f"{show_count(value)}/s"
        return {"money": show_usd, "share": show_share, "ratio": show_share}.get(self.kind, show_count)(value)


def _of_replay() -> tuple[Figure, ...]:
    """The columns of a sweep but its latencies, of which any quantile may be given."""
    return tuple(
        Figure(each.name, "ratio" if each.name in _LOADS else _UNITS.get(each.unit, "number"), each.words, each.better)
        for each in METRICS
        if not _COLUMN.fullmatch(each.name)
    )


FIGURES = (
    *_of_replay(),
    Figure("levels_missed", "number", "service levels that the replay misses", "low"),
    Figure("monthly.invoice_usd", "money", "what suppliers charge in the dearest month", "low", banded=True, months=True),
    Figure("monthly.tco_usd", "money", "that, people and everything else in the dearest month", "low", banded=True, months=True),
    Figure("total.invoice_usd", "money", "what suppliers charge over all months", "low", banded=True, months=True),
    Figure("total.tco_usd", "money", "that, people and everything else over all months", "low", banded=True, months=True),
    Figure("monthly.gpus", "number", "GPUs paid on average in the month with most of them, all pools", "low", banded=True, months=True),
    Figure("total.gpu_hours", "number", "GPU-hours paid over all months, all pools", "low", banded=True, months=True),
    Figure("monthly.load", "ratio", "load of the fullest pool in the fullest month", "low", banded=True, months=True),
    Figure("monthly.good_share", "share", "requests within both latency levels in the worst month", "high", banded=True, months=True),
    Figure("monthly.p_slo_met", "share", "futures in which the worst month meets every service level", "high", months=True),
    Figure("p_slo_met", "share", "futures in which every month meets every service level", "high", months=True),
    Figure("months_at_risk", "number", "months that miss a service level in more than 5 % of futures", "low", months=True),
    Figure("p_dearer", "share", "futures in which HEAD costs more than BASE over all months, by TCO", "low", months=True, paired=True),
    Figure("p_dearer_invoice", "share", "the same by invoice", "low", months=True, paired=True),
)  # fmt: skip
"""All but the quantiles of latencies."""

EXAMPLES = ("ttft_p50", "ttft_p95", "ttft_p99", "tpot_p50", "tpot_p95", "tpot_p99", "e2e_p50", "e2e_p95", "e2e_p99")


def figure_named(name: str) -> Figure | None:
    """The figure of a name without `delta.` and without a quantile over futures; None where there is none."""
    match = _QUANTILE.fullmatch(name)
    if match is not None:
        q = float(match["q"])
        if q < 1:
            return None
        words = f"{match['latency']}, p{q:g} over completed requests but those of batch lanes"
        return Figure(f"{match['latency']}_p{q:g}", "duration", words, "low", q=q / 100.0)
    column = SHORT.get(name, name)
    return next((each for each in FIGURES if each.name == column), None)


def all_names() -> tuple[str, ...]:
    """Every name that can be written, the most used quantiles of latencies among them."""
    plain = tuple(each.name for each in FIGURES if not each.banded)
    return (*EXAMPLES, *SHORT, *plain, *(f"{each.name}.{edge}" for each in FIGURES if each.banded for edge in EDGES))


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a run before it: what its figures need."""

    months: int
    duration_s: float
    requests: int
    one_token: bool
    """Whether every answer has one token, so that there is no time between tokens."""
    pools: bool
    limits: bool
    """Whether any API has rate limits."""


def known_before(resolved: ResolvedStack, facts: TraceFacts, months: int, *, closed_loop: bool = False) -> Known:
    """What is known of a run of a stack and a trace; a closed loop lasts as long as its answers take, whatever its trace says."""
    from sim.stack.resolved import ResolvedApi, ResolvedPool

    answers = sum(each.output_tokens for each in facts.classes)
    return Known(
        months=months,
        duration_s=math.inf if closed_loop else facts.duration_s,
        requests=facts.rows,
        one_token=answers <= facts.rows,
        pools=any(isinstance(each, ResolvedPool) for each in resolved.deployments),
        limits=any(isinstance(each, ResolvedApi) and bool(each.limits) for each in resolved.deployments),
    )


def why_missing(figure: Figure, known: Known) -> str:
    """Why a run has no such figure, with what would give it one; empty where it has."""
    if figure.months and known.months == 0:
        return "is a figure of months, and with --months 0 there are none; allowed: --months 1 or more, or a figure of the replay"
    if known.requests == 0:
        return "does not exist of a trace without requests"
    if figure.name.startswith("tpot") and known.one_token:
        return "does not exist, as every answer of the trace has one token; allowed: a ttft or e2e"
    if figure.name in _OF_DURATION and known.duration_s <= 0:
        return "does not exist, as all requests of the trace arrive at once; allowed: usd_per_million_tokens, or a latency"
    if figure.name in ("load", "load_peak", "busy_share", "preemptions_per_request", "monthly.load") and not known.pools:
        return "is a figure of GPUs, and there are none; allowed: api_load, or a latency"
    if figure.name == "api_load" and not known.limits:
        return "is a figure of APIs with rate limits, and there is none; allowed: load"
    return ""
