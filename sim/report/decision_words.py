"""Requirements, figures and what to relax, in words."""

from __future__ import annotations

from types import MappingProxyType

from sim.decision.gate_case import listed
from sim.decision.relaxation import Missed, Relaxation
from sim.report.amounts import about
from sim.report.section import brief
from sim.units import show_ms, show_seconds, show_share

_WORDS = MappingProxyType(
    {
        "throughput_per_s": "throughput",
        "completed": "completed requests",
        "accuracy": "accuracy",
        "usd_per_1000_requests": "cost of 1,000 requests",
    }
)
_PERCENT = 100.0


def requirement_words(key: str) -> str:
    """`ttft_p95` as `TTFT p95`."""
    if key in _WORDS:
        return _WORDS[key]
    metric, _, edge = key.partition("_")
    return f"{metric.upper()} {edge}"


def figure(value: float | None, unit: str) -> str:
    """A figure of the performance requirements matrix in its unit: `s`, `per_s`, `share` or `usd`."""
    if value is None:
        return "?"
    if unit == "s":
        return brief(show_ms(value) if value < 1 else show_seconds(value))
    if unit == "per_s":
        return f"{value:.3g} /s"
    return show_share(value) if unit == "share" else about(value)


def relaxed(found: Relaxation) -> str:
    """Everything that would let a strategy in: `allow TTFT p95 780 ms in place of 500 ms (+56 %)`."""
    parts = [change.says for change in found.changes] + [_missed(each) for each in found.missed]
    return listed(parts)


def _missed(each: Missed) -> str:
    by = "" if each.by_share is None else f" ({each.by_share * _PERCENT:+.3g} %)"
    return f"allow {requirement_words(each.key)} {figure(each.needed, each.unit)} in place of {figure(each.limit, each.unit)}{by}"
