"""Small plots as SVG text: points and lines in panels beside each other, on linear or logarithmic axes.

A light ground is part of the picture, so that it can be read on dark pages too; colours are told apart by the colour-blind (Okabe and Ito).
The same figures give the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil, floor, log10
from xml.sax.saxutils import escape

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#555555")
WIDTH, HEIGHT = 400, 330
"""Of a panel, in pixels of the picture."""
LEFT, RIGHT, TOP, BOTTOM = 62, 14, 34, 48
LINE_PX = 17
"""Height of a line of the legend."""
MOST_DECADES = 2.2
"""Of an axis on which 2 and 5 are named beside 1."""
CHARACTER_PX = 6.6
"""Mean width of a character of the legend."""


@dataclass(frozen=True)
class Axis:
    """What one axis shows, from where to where."""

    words: str
    low: float
    high: float
    log: bool = False
    named: tuple[float, ...] = ()
    """Values to name instead of round ones."""

    def at(self, value: float) -> float:
        """Where a value lies, 0 at the low end and 1 at the high one."""
        if self.log:
            return log10(value / self.low) / log10(self.high / self.low)
        return (value - self.low) / (self.high - self.low)

    def ticks(self) -> list[float]:
        """Values to name: 1, 2 and 5 of each decade (1 alone where there are many), or steps of such a size."""
        if self.named:
            return list(self.named)
        if self.log:
            decades = range(floor(log10(self.low)), ceil(log10(self.high)) + 1)
            digits = (1, 2, 5) if log10(self.high / self.low) < MOST_DECADES else (1,)
            found = [digit * 10.0**decade for decade in decades for digit in digits]
            return [value for value in found if self.low * 0.999 <= value <= self.high * 1.001]
        least = (self.high - self.low) / 6
        unit = 10.0 ** floor(log10(least))
        step = next(unit * digit for digit in (1, 2, 5, 10) if unit * digit >= least)
        first, last = ceil(self.low / step - 1e-9), floor(self.high / step + 1e-9)
        return [step * k for k in range(first, last + 1)]


@dataclass(frozen=True)
class Series:
    """Points, or a line through them; `colour` counts in COLOURS, and series of one name share a line of the legend."""

    name: str
    xy: tuple[tuple[float, float], ...]
    colour: int
    line: bool = False
    dots: bool = True


@dataclass(frozen=True)
class Panel:
    """One plot."""

    title: str
    x: Axis
    y: Axis
    series: tuple[Series, ...]
    band: float = 0.0
    """Where both axes mean the same: a band of this share around equality, and the line of equality."""


def scatter(title: str, words: str, series: Sequence[Series], band: float = 0.1) -> Panel:
    """Predicted over measured on logarithmic axes of the same range."""
    values = [value for each in series for point in each.xy for value in point]
    low, high = _rounded(min(values), up=False), _rounded(max(values), up=True)
    return Panel(
        title, Axis(f"measured {words}", low, high, log=True), Axis(f"predicted {words}", low, high, log=True), tuple(series), band
    )


def figure(panels: Sequence[Panel], columns: int = 2) -> str:
    """The SVG of some panels beside and below each other with one legend on top, ending with a line break."""
    rows = ceil(len(panels) / columns)
    width = WIDTH * min(columns, len(panels))
    legend, above = _legend(panels, width)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {above + HEIGHT * rows}" width="{width}" height="{above + HEIGHT * rows}" '
        'font-family="Helvetica, Arial, sans-serif" font-size="12" fill="#222222">',
        f'<rect width="{width}" height="{above + HEIGHT * rows}" fill="#ffffff"/>',
        *legend,
    ]
    for k, panel in enumerate(panels):
        parts += _panel(panel, k, WIDTH * (k % columns), above + HEIGHT * (k // columns))
    return "\n".join([*parts, "</svg>"]) + "\n"


def _legend(panels: Sequence[Panel], width: int) -> tuple[list[str], int]:
    """Its lines, and how high it is."""
    named: dict[str, Series] = {}
    for panel in panels:
        for each in panel.series:
            named.setdefault(each.name, each)
    parts, x, y = [], 14.0, 8.0 + LINE_PX / 2
    for name, each in named.items():
        needed = 30 + CHARACTER_PX * len(name)
        if x > 14.0 and x + needed > width:
            x, y = 14.0, y + LINE_PX
        colour = COLOURS[each.colour]
        if each.line:
            parts.append(f'<path d="M{x:.1f} {y:.1f}h18" stroke="{colour}" stroke-width="2"/>')
        if each.dots:
            parts.append(f'<circle cx="{x + 9:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>')
        parts.append(f'<text x="{x + 24:.1f}" y="{y + 4:.1f}">{escape(name)}</text>')
        x += needed + 10
    return parts, ceil(y + LINE_PX / 2 + 4)


def _panel(panel: Panel, number: int, left: int, top: int) -> Iterator[str]:
    x0, x1, y0, y1 = left + LEFT, left + WIDTH - RIGHT, top + HEIGHT - BOTTOM, top + TOP

    def px(value: float) -> float:
        return x0 + (x1 - x0) * panel.x.at(value)

    def py(value: float) -> float:
        return y0 + (y1 - y0) * panel.y.at(value)

    yield f'<clipPath id="p{number}"><rect x="{x0}" y="{y1}" width="{x1 - x0}" height="{y0 - y1}"/></clipPath>'
    yield f'<text x="{(x0 + x1) / 2:.1f}" y="{top + 20}" text-anchor="middle" font-weight="bold">{escape(panel.title)}</text>'
    for value in panel.x.ticks():
        yield f'<path d="M{px(value):.1f} {y0}V{y1}" stroke="#e4e4e4"/>'
        yield f'<text x="{px(value):.1f}" y="{y0 + 16}" text-anchor="middle">{_number(value)}</text>'
    for value in panel.y.ticks():
        yield f'<path d="M{x0} {py(value):.1f}H{x1}" stroke="#e4e4e4"/>'
        yield f'<text x="{x0 - 6}" y="{py(value) + 4:.1f}" text-anchor="end">{_number(value)}</text>'
    yield f'<text x="{(x0 + x1) / 2:.1f}" y="{y0 + 36}" text-anchor="middle">{escape(panel.x.words)}</text>'
    middle = f"{left + 14} {(y0 + y1) / 2:.1f}"
    yield f'<text transform="translate({middle}) rotate(-90)" text-anchor="middle">{escape(panel.y.words)}</text>'
    yield f'<g clip-path="url(#p{number})" fill="none">'
    if panel.band:
        low, high = panel.x.low, panel.x.high
        more, less = 1.0 + panel.band, 1.0 - panel.band
        corners = ((low, low * more), (high, high * more), (high, high * less), (low, low * less))
        yield f'<path d="M{" ".join(f"{px(x):.1f} {py(y):.1f}" for x, y in corners)}Z" fill="#eeeecc"/>'
        yield f'<path d="M{px(low):.1f} {py(low):.1f}L{px(high):.1f} {py(high):.1f}" stroke="#999999"/>'
    for each in panel.series:
        if each.line:
            yield f'<path d="M{" ".join(f"{px(x):.1f} {py(y):.1f}" for x, y in each.xy)}" stroke="{COLOURS[each.colour]}" stroke-width="2"/>'
        if each.dots:
            # A line of no length with round ends is a dot, and a third as long as a circle.
            dots = "".join(f"M{px(x):.1f} {py(y):.1f}h0" for x, y in each.xy)
            yield f'<path d="{dots}" stroke="{COLOURS[each.colour]}" stroke-width="6" stroke-linecap="round" stroke-opacity="0.8"/>'
    yield "</g>"
    yield f'<path d="M{x0} {y1}V{y0}H{x1}" stroke="#222222" fill="none"/>'


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:g}"


def _rounded(value: float, *, up: bool) -> float:
    """The next of 1, 1.5, 2, 3, 5 and 7 times a power of ten."""
    unit = 10.0 ** floor(log10(value))
    sizes = [unit * digit for digit in (1, 1.5, 2, 3, 5, 7, 10)]
    return min(s for s in sizes if s >= value * 0.9999) if up else max(s for s in sizes if s <= value * 1.0001)
