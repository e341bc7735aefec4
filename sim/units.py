"""Quantities as people write them, and the base units in which everything is computed.

Inside, a duration is in seconds, memory in bytes, money in US dollars, tokens and shares are plain numbers; other units exist
only in files and on screens. `GB` is 1e9 bytes and `GiB` 2**30: makers of GPUs print the first and mean either, so a catalogue
file says which.
"""

from __future__ import annotations

import math
import re
from decimal import Decimal
from types import MappingProxyType
from typing import Literal

from sim.errors import InputError, nearest

SECONDS_PER_MINUTE = 60.0
SECONDS_PER_HOUR = 3600.0
SECONDS_PER_DAY = 86_400.0
HOURS_PER_MONTH = 730.0
"""The mean month (8,760 hours a year over 12), by which clouds quote a month."""
SECONDS_PER_MONTH = HOURS_PER_MONTH * SECONDS_PER_HOUR
GB = 1e9
GIB = float(2**30)
MILLION = 1e6

Kind = Literal["duration", "memory", "money", "number", "share"]

_DURATIONS = MappingProxyType(
    {
        "ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3,
        "s": 1.0, "sec": 1.0, "second": 1.0, "seconds": 1.0,
        "m": 60.0, "min": 60.0, "minute": 60.0, "minutes": 60.0,
        "h": 3600.0, "hour": 3600.0, "hours": 3600.0,
        "d": 86_400.0, "day": 86_400.0, "days": 86_400.0,
        "week": 604_800.0, "weeks": 604_800.0,
        "mo": SECONDS_PER_MONTH, "month": SECONDS_PER_MONTH, "months": SECONDS_PER_MONTH,
    }
)  # fmt: skip
_MEMORY = MappingProxyType(
    {
        "B": 1.0, "kB": 1e3, "KB": 1e3, "MB": 1e6, "GB": GB, "TB": 1e12,
        "KiB": 2.0**10, "MiB": 2.0**20, "GiB": GIB, "TiB": 2.0**40,
    }
)  # fmt: skip
_SCALES = MappingProxyType({"": 1.0, "k": 1e3, "K": 1e3, "M": MILLION, "B": 1e9, "bn": 1e9})
_MONEY = MappingProxyType({**_SCALES, "USD": 1.0, "usd": 1.0})
_SHARES = MappingProxyType({"": 1.0, "%": 0.01})
_UNITS = MappingProxyType({"duration": _DURATIONS, "memory": _MEMORY, "money": _MONEY, "number": _SCALES, "share": _SHARES})
_EXAMPLES = MappingProxyType(
    {
        "duration": "800ms, 3s, 5 min, 2h, 1d",
        "memory": "80GB, 16 GiB",
        "money": "$5, 5 USD, $1.2k",
        "number": "1200, 30k, 2M",
        "share": "99.5%, 0.995",
    }
)
_QUANTITY = re.compile(
    r"(?P<sign>[-+]?)\s*(?P<dollar>\$?)\s*(?P<digits>(?:\d{1,3}(?:,\d{3})+|\d+(?:_\d+)*)?\.?\d*(?:[eE][-+]?\d+)?)\s*(?P<unit>[A-Za-zµ%]*)",
    re.ASCII,
)


def parse_quantity(text: str | float, kind: Kind) -> float:
    """A quantity in its base unit: seconds, bytes, USD, a plain number, or a share of one.

    A plain number is in the base unit already. InputError says what was found and what is allowed: no number, a unit of another
    kind, not finite. A share outside 0 to 1 is refused too.
    """
    if isinstance(text, bool):
        raise _refused(str(text), kind)
    if isinstance(text, (int, float)):
        value = float(text)
    else:
        match = _QUANTITY.fullmatch(text.strip())
        if match is None or not match["digits"][:2].strip("."):
            raise _refused(text, kind)
        units = _UNITS[kind]
        unit = match["unit"]
        if match["dollar"] and kind != "money":
            raise _refused(text, kind)
        if unit and unit not in units:
            raise _refused(text, kind, nearest(unit, (name for name in units if name)))
        try:
            number = float(match["digits"].replace(",", "").replace("_", ""))
        except ValueError:
            raise _refused(text, kind) from None
        value = scaled(number, units.get(unit, 1.0)) * (-1.0 if match["sign"] == "-" else 1.0)
    if not math.isfinite(value) or (kind == "share" and not 0.0 <= value <= 1.0):
        raise _refused(str(text), kind)
    return value


def scaled(number: float, scale: float) -> float:
    """A number times the size of its unit as it would be written out: 99.9 % is 0.999, where floats alone give 0.9990000000000001."""
    return number if scale == 1.0 else float(Decimal(repr(number)) * Decimal(repr(scale)))


def tidy(value: float) -> float:
    """A number without what sums and products of floats leave behind: 13.770000000000001 is 13.77.

    One that is no decimal of twelve digits, but for what lies behind its fifteenth, keeps all it has.
    """
    if not math.isfinite(value) or value.is_integer():
        return value
    plain = float(f"{value:.12g}")
    return plain if plain == float(f"{value:.15g}") else value


def share_of_percent(percent: float) -> float:
    """A percentage as a share of one: 57 is 0.57."""
    return scaled(percent, _SHARES["%"])


def parse_seconds(text: str | float) -> float:
    """A duration in seconds: `800ms`, `3s`, `5 min`, `2h`, `1d`, or a plain number of seconds; InputError otherwise."""
    return parse_quantity(text, "duration")


def parse_bytes(text: str | float) -> float:
    """An amount of memory in bytes: `80GB` (1e9 each), `80GiB` (2**30 each), or a plain number; InputError otherwise."""
    return parse_quantity(text, "memory")


def parse_usd(text: str | float) -> float:
    """An amount of money in US dollars: `$5`, `5 USD`, `$1.2k`, or a plain number; InputError otherwise."""
    return parse_quantity(text, "money")


def parse_number(text: str | float) -> float:
    """A plain number, possibly with k, M or B: `30k` tokens are 30000; InputError otherwise."""
    return parse_quantity(text, "number")


def parse_share(text: str | float) -> float:
    """A share from 0 to 1: `99.5%` or `0.995`; InputError otherwise."""
    return parse_quantity(text, "share")


def _refused(text: str, kind: Kind, hint: str = "") -> InputError:
    noun = "a share between 0 and 1" if kind == "share" else f"an amount of {kind}" if kind in ("memory", "money") else f"a {kind}"
    return InputError(f"found {text[:60]!r}, which is not {noun}; allowed: {_EXAMPLES[kind]}{hint}")


def show_seconds(seconds: float | None) -> str:
    """A duration with three significant digits in the unit a reader wants: `45 ms`, `3.21 s`, `12.5 min`, `2.5 h`, `3.1 d`."""
    if seconds is None or math.isnan(seconds):
        return "-"
    size = abs(seconds)
    if size == 0.0:
        return "0 s"
    for unit, scale, until in (("us", 1e-6, 1e-3), ("ms", 1e-3, 1.0), ("s", 1.0, 120.0), ("min", 60.0, 7200.0)):
        if float(f"{size:.3g}") < until:
            return f"{_digits(seconds / scale)} {unit}"
    return f"{_digits(seconds / 3600.0)} h" if size < 48 * 3600.0 else f"{_digits(seconds / 86_400.0)} d"


def show_ms(seconds: float | None) -> str:
    """A duration in milliseconds with three significant digits: `45.2 ms`."""
    return "-" if seconds is None or math.isnan(seconds) else f"{_digits(seconds * 1e3)} ms"


def show_usd(usd: float | None) -> str:
    """An amount of money: whole dollars from 1,000, cents from 1, else three significant digits: `$12,345`, `$3.20`, `$0.0125`."""
    if usd is None or math.isnan(usd):
        return "-"
    sign, size = ("-" if usd < 0 else ""), abs(usd)
    if size >= 999.995:
        return f"{sign}${size:,.0f}"
    if size >= 0.9995 or size == 0.0:
        return f"{sign}${size:.2f}"
    return f"{sign}${_digits(size)}"


def show_count(count: float | None) -> str:
    """A number of tokens or requests: whole below 10,000, then three significant digits with k, M or B: `9,876`, `12.3 k`."""
    if count is None or math.isnan(count):
        return "-"
    size = abs(count)
    if size < 9_999.5:
        return f"{count:,.0f}" if size >= 100 or float(count).is_integer() else _digits(count)
    for suffix, scale in (("k", 1e3), ("M", 1e6)):
        if float(f"{size / scale:.3g}") < 1000:
            return f"{_digits(count / scale)} {suffix}"
    return f"{_digits(count / 1e9)} B"


def show_share(share: float | None) -> str:
    """A share as a percentage: `99.5 %`; never rounded up to a whole it does not reach, nor down to nothing."""
    if share is None or math.isnan(share):
        return "-"
    percent = share * 100.0
    if 99.0 < percent < 100.0:
        return f"{math.floor(percent * 1000) / 1000:g} %" if percent < 99.999 else ">99.999 %"
    if 0.0 < percent < 0.001:
        return "<0.001 %"
    return f"{_digits(percent)} %"


def _digits(value: float) -> str:
    """Three significant digits without an exponent; larger numbers keep their whole part."""
    if value == 0.0:
        return "0"
    places = max(0, 2 - math.floor(math.log10(abs(value))))
    rounded = round(value, places)
    places = max(0, 2 - math.floor(math.log10(abs(rounded)))) if rounded else 0
    return f"{rounded:,.{places}f}"
