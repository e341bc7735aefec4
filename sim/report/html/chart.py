"""Charts of x and y as plain data: panels one above the other over the same x, each with series, limits and marks.

Arrays are [N], one value for each x; what is not there is NaN. Colours are numbers of the page's palette.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt

from sim.report.html.text import Unit

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Series:
    """One curve, or the dots, bars or steps of one thing; `low` and `high` are the ends of its band, if it has one."""

    name: str
    values: FloatArray
    color: int
    style: Literal["line", "joined", "step", "bars", "dots", "stack"] = "line"
    """`joined` is a line over values that are missing, `stack` bars on those of the series before."""
    low: FloatArray | None = None
    high: FloatArray | None = None
    dashed: bool = False
    shown: bool = True
    """Whether it is drawn before anyone has touched its button."""
    described: bool = True
    """Whether the text alternative speaks of it."""


@dataclass(frozen=True)
class Limit:
    """A level across the whole panel, such as a service level or a budget."""

    name: str
    value: float


@dataclass(frozen=True)
class Mark:
    """A moment with a name, across all panels: a price change, an order, an outage."""

    name: str
    x: float
    kind: Literal["event", "limit"] = "event"


@dataclass(frozen=True)
class Panel:
    """One plot of a chart: a title, the unit of its y axis and what is drawn."""

    title: str
    unit: Unit
    series: tuple[Series, ...]
    limits: tuple[Limit, ...] = ()
    log: bool = False
    zero: bool = True
    height_px: int = 220


@dataclass(frozen=True)
class Chart:
    """Panels over one x. `x` are N numbers in order, `x_texts` how a reader calls each of them."""

    key: str
    """Unique on the page, letters and hyphens."""
    title: str
    x: FloatArray
    x_texts: tuple[str, ...]
    x_name: str
    panels: tuple[Panel, ...]
    x_unit: Unit = "text"
    x_log: bool = False
    marks: tuple[Mark, ...] = ()
    zoom: bool = False
    banded: bool = False
    """Whether each x has a width (months, bins), so that half of one stands free at either end."""
    ends: tuple[float, float] | None = None
    """Of bins: where the first begins and the last ends, in `x_unit`; round values between them are labelled."""
    note: str = ""
    columns: tuple[tuple[str, tuple[str, ...]], ...] = field(default=())
    """Further columns of the table under the chart, by name: what a dot stands for."""


def by_month(
    key: str, title: str, months: tuple[str, ...], panels: tuple[Panel, ...], *, marks: tuple[Mark, ...] = (), note: str = ""
) -> Chart:
    """A chart over months, each as wide as the others."""
    return Chart(key, title, np.arange(len(months), dtype=np.float64), months, "Month", panels, banded=True, marks=marks, note=note)
