"""Money, probabilities and lines of a bill as a report words them."""

from __future__ import annotations

import math
from types import MappingProxyType

from sim.futures.forecast import LineName
from sim.units import show_count, show_usd

ITEM_NAMES = MappingProxyType(
    {
        "gpu_used": "GPUs at work",
        "gpu_idle": "GPUs idle",
        "gpu_spare": "GPUs paid, not in use",
        "gpu_power": "GPU power",
        "gpu_hosting": "GPU hosting",
        "api_input": "input tokens",
        "api_cached_input": "cached input tokens",
        "api_output": "output tokens",
        "api_requests": "requests",
        "storage": "storage",
        "egress": "egress",
        "tooling": "tooling",
        "people_ml": "ML engineers",
        "people_devops": "DevOps engineers",
        "on_call": "on-call",
        "data_labeling": "data labelling",
        "compliance_one_off": "compliance, once",
        "compliance_ongoing": "compliance",
        "hidden": "hidden costs",
    }
)
_COLUMN = 9_999_999.5
_MILLION = 1e6
_ROUNDING = 1e-9
_TRILLION = 999.5e9


def item_name(item: str) -> str:
    """An item of a bill in words; one that has none of its own reads as it is written."""
    return ITEM_NAMES.get(item, item.replace("_", " "))


def line_name(line: LineName) -> str:
    """A line of a bill in words, with its deployment where it has one: `own GPUs idle`."""
    own = "" if line.deployment == "shared" else f"{line.deployment} "
    return f"{own}{item_name(line.item)}"


def money(usd: float) -> str:
    """An amount in a column of amounts: cents, whole dollars from 1,000, and more digits only where cents would say nothing."""
    return f"${usd:.2f}" if usd == 0 or 0.005 <= usd < 999.995 else show_usd(usd)


def about(usd: float) -> str:
    """An amount with three significant digits: `$81.2 k`."""
    if math.isnan(usd):
        return "-"
    if abs(usd) >= _TRILLION:
        return f"{'-' if usd < 0 else ''}${abs(usd):.3g}"
    return f"{'-' if usd < 0 else ''}${show_count(abs(usd))}" if abs(usd) >= 999.995 else show_usd(usd)


def from_to(was_usd: float, is_usd: float) -> str:
    """Two amounts, `$40.2 k -> $81.2 k`, with as many more digits as tell them apart: `$40,210 -> $40,250`."""
    for words in (about, show_usd):
        if words(was_usd) != words(is_usd) or was_usd == is_usd:
            return f"{words(was_usd)} -> {words(is_usd)}"
    return " -> ".join(f"{'-' if usd < 0 else ''}${abs(usd):,.2f}" for usd in (was_usd, is_usd))


def column_usd(usd: float, largest: float) -> str:
    """An amount in a column of at most ten characters whose largest is given: whole dollars where that has a thousand or more."""
    usd += 0.0  # no minus before nothing
    if abs(largest) < 999.995:
        return f"-{money(-usd)}" if usd < 0 else money(usd)
    if abs(usd) >= _COLUMN:
        return about(usd)
    return f"{'-' if usd <= -0.5 else ''}${abs(usd):,.0f}"


def error(se: float, of: float) -> str:
    """The standard error of an amount with two digits: `+-$650`; nothing where there is none but rounding."""
    if math.isnan(se) or se <= _ROUNDING * abs(of):
        return ""
    rounded = float(f"{se:.2g}")
    return f"+-{about(rounded) if rounded >= _MILLION else f'${rounded:,.0f}' if rounded >= 10 else f'${rounded:g}'}"


def loaded(load: float | None) -> str:
    """A load in whole percent of what is carried, as everywhere: `29 %`, `160 %`, `<1 %`, `>999 %`."""
    if load is None or math.isnan(load):
        return "-"
    if 0 < load < 0.005:
        return "<1 %"
    return f"{load * 100:.0f} %" if load < 9.995 else ">999 %"


def chance(probability: float) -> str:
    """A probability in whole percent, never rounded to certainty: `31 %`, `<1 %`, `>99 %`."""
    if math.isnan(probability):
        return "-"
    percent = probability * 100
    if 0 < percent < 0.5:
        return "<1 %"
    return ">99 %" if 99.5 <= percent < 100 else f"{percent:.0f} %"
