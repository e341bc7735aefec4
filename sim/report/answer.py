"""The answer in plain words: what it costs against the API alone, and whether the service levels are met.

Of arrivals the month is the cost; of a closed loop, which is work that ends, the replay comes first and the month after it.
"""

from __future__ import annotations

from types import MappingProxyType

from sim.measure.slo import Level
from sim.report.run_report import RunReport
from sim.report.section import brief
from sim.units import show_ms, show_seconds, show_share, show_usd

METRIC_NAMES = MappingProxyType({"ttft": "TTFT", "tpot": "TPOT", "e2e": "E2E"})
_ALIKE = 0.01
_NEARLY_ALL = 0.99


def answer(report: RunReport) -> str:
    """Two or three sentences."""
    return f"{_cost(report)} {level_sentence(report)}"


def _cost(report: RunReport) -> str:
    month, alone, loop = report.month_usd, report.api_only_month_usd, report.trace.closed_loop
    share = report.measures.outcomes.completed_share
    whole = share is None or share >= _NEARLY_ALL
    what = report.trace.name if whole else f"{show_share(share)} of {report.trace.name}"
    if month is None or alone is None:
        return f"{report.stack} served {what} for {show_usd(report.bill.total_usd)} (no duration, so no month)."
    api = f"{report.api_only.model} alone" if whole else f"all of it at {report.api_only.model}"
    if loop is None:
        return f"{report.stack} serves {what} for {show_usd(month)} a month{_against(month, alone, api)}."
    # Work that ends: what it cost is the answer, and a month of it need not come.
    replayed, clients = report.bill.total_usd, "client" if loop.clients == 1 else f"{loop.clients:,} clients"
    once = f"{report.stack} serves {what} for {show_usd(replayed)}{_against(replayed, report.api_only.usd, api)}."
    return f"{once} A month of its {clients} going on like this would be {show_usd(month)}."


def _against(usd: float, alone_usd: float, api: str) -> str:
    """How a bill compares with that of the API alone; nothing where that costs nothing."""
    if alone_usd <= 0:
        return ""
    ratio = usd / alone_usd
    if abs(ratio - 1) <= _ALIKE:
        return f", as much as {api} ({show_usd(alone_usd)})"
    if ratio < 2:
        return f", {show_share(round(abs(ratio - 1), 3))} {'less' if ratio < 1 else 'more'} than {api} ({show_usd(alone_usd)})"
    return f", {_times(ratio)} times what {api} costs ({show_usd(alone_usd)})"


def _times(ratio: float) -> str:
    return f"{ratio:.1f}" if ratio < 100 else f"{ratio:,.0f}"


def level_sentence(report: RunReport) -> str:
    """Whether the replay met its service levels, and by how much it missed them."""
    missed = [level for level in report.measures.levels if not level.met]
    if not missed:
        return "Its service levels are met."
    what = "; ".join(_missed(level) for level in missed)
    return f"It misses {'a service level' if len(missed) == 1 else f'{len(missed)} service levels'}: {what}."


def _missed(level: Level) -> str:
    if level.name == "completed":
        done = "nothing to complete" if level.measured is None else f"{show_share(level.measured)} completed"
        return f"{done}, wanted at least {show_share(level.limit)}"
    if level.measured is None:
        return f"no {level_name(level)}, as nothing completed"
    return f"{level_name(level)} is {show_level(level, level.measured)}, wanted at most {brief(show_level(level, level.limit))}"


def level_name(level: Level) -> str:
    """`TTFT p95` for `ttft_p95`."""
    metric, _, quantile = level.name.partition("_")
    return f"{METRIC_NAMES.get(metric, metric)} {quantile}".strip()


def show_level(level: Level, value: float | None) -> str:
    """A value of a level in its own unit."""
    if level.name == "completed":
        return show_share(value)
    return show_ms(value) if level.name.startswith("tpot") else show_seconds(value)
