"""Draw the pictures of docs/concepts into docs/images: python -m tests.tools.concept_pictures [NAME...]

Charts are those of report.html (sim/report/html), here as files of their own: a light ground is part of the picture, so that it can be read on
dark pages too. tests/unit/test_concept_pictures.py draws them again and compares.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType
from xml.sax.saxutils import escape

from sim.report.html.chart import Chart, Panel, Series
from sim.report.html.drawing import panel_svg, x_axis, x_ticks, y_axis
from sim.report.html.figure import describe
from sim.report.section import brief
from tests.conftest import ROOT
from tests.tools.concept_runs import bands, batching, limits, queueing

IMAGES = ROOT / "docs" / "images"
PICTURES: Mapping[str, Callable[[], Chart]] = MappingProxyType(
    {"queueing": queueing, "batching": batching, "limits": limits, "bands": bands}
)

WIDTH, LEFT, RIGHT = 720, 66, 24
PANEL_PX, ABOVE_PX, LINE_PX, BELOW_PX = 200, 36, 20, 46
COLOURS: Mapping[int, str] = MappingProxyType({0: "#1f5fbf", 1: "#b85c00", 7: "#5b6470"})
"""Of the light page of report.html, by the number of a series' colour."""
STYLE = (
    "path{vector-effect:non-scaling-stroke;fill:none}.grid{stroke:#d5dae1}.line{stroke-width:2.5px;stroke-linejoin:round}"
    ".dashed .line{stroke-dasharray:6 4}.band{fill-opacity:.2}.dots{stroke-width:9px;stroke-linecap:round}"
    ".limit{stroke:#b3261e;stroke-width:1.5px;stroke-dasharray:5 4}.mark{stroke:#4e5867;stroke-dasharray:2 3}"
    + "".join(f".c{number} path{{stroke:{colour}}}.c{number} .band{{fill:{colour}}}" for number, colour in COLOURS.items())
    + ".c7 .line{stroke-width:1px}"
)
_BARE = re.compile(r"([\w-]+)=([^\s\"'<>/]+)")


def picture(chart: Chart) -> str:
    """The chart as an SVG file, with what it shows in words, ending with a line break."""
    named = list(_named(chart))
    top = ABOVE_PX + LINE_PX * len(named)
    height = top + sum(PANEL_PX + ABOVE_PX for _ in chart.panels) + BELOW_PX
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" role="img" '
        'font-family="Helvetica, Arial, sans-serif" font-size="13" fill="#1a1f2b">',
        f"<title>{escape(chart.title)}</title><desc>{escape(describe(_spoken(chart)))}</desc><style>{STYLE}</style>",
        f'<rect width="{WIDTH}" height="{height}" rx="6" fill="#ffffff"/>',
        f'<text x="14" y="22" font-size="15" font-weight="bold">{escape(chart.title)}</text>',
        *_legend(named),
    ]
    first = 0
    for panel in chart.panels:
        parts += _panel(chart, panel, first, top + ABOVE_PX)
        top += PANEL_PX + ABOVE_PX
        first += len(panel.series)
    for at, label in x_ticks(chart):
        parts.append(f'<text x="{_x(at):.1f}" y="{top + 18}" text-anchor="middle">{escape(_short(label))}</text>')
    parts.append(f'<text x="{_x(0.5):.1f}" y="{top + 38}" text-anchor="middle" fill="#4e5867">{escape(chart.x_name)}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"


def _spoken(chart: Chart) -> Chart:
    """Series of one name are spoken of once: the last of them, or the one with a band."""
    panels = tuple(
        replace(
            panel, series=tuple(each for k, each in enumerate(panel.series) if each.name not in {s.name for s in panel.series[k + 1 :]})
        )
        for panel in chart.panels
    )
    return replace(chart, panels=panels)


def _named(chart: Chart) -> Iterator[Series]:
    """What the legend names: nothing where every panel has one series, which its title names."""
    if all(len(panel.series) == 1 for panel in chart.panels):
        return
    seen: set[str] = set()
    for each in (series for panel in chart.panels for series in panel.series):
        if each.name not in seen:
            seen.add(each.name)
            yield each


def _legend(named: list[Series]) -> Iterator[str]:
    for k, each in enumerate(named):
        y = ABOVE_PX + LINE_PX * k + 12
        shape = f"M{LEFT + 10} {y}h0" if each.style == "dots" else f"M{LEFT} {y}h20"
        style = "dots" if each.style == "dots" else "line"
        yield f'<g class="c{each.color}{" dashed" if each.dashed else ""}"><path class="{style}" d="{shape}"/></g>'
        yield f'<text x="{LEFT + 28}" y="{y + 4}">{escape(each.name)}</text>'


def _panel(chart: Chart, panel: Panel, first: int, top: int) -> Iterator[str]:
    axis = y_axis(panel)
    yield f'<text x="{LEFT}" y="{top - 9}" fill="#4e5867">{escape(panel.title)}</text>'
    for at, label in axis.ticks():
        yield f'<text x="{LEFT - 8}" y="{top + (1 - at) * PANEL_PX + 4:.1f}" text-anchor="end">{escape(_short(label))}</text>'
    place = f'x="{LEFT}" y="{top}" width="{WIDTH - LEFT - RIGHT}" height="{PANEL_PX}" overflow="visible"'
    yield _xml(panel_svg(chart, panel, first)).replace("<svg ", f"<svg {place} ", 1)
    for limit in panel.limits:
        y = top + (1 - axis.at(limit.value)) * PANEL_PX
        yield f'<text x="{LEFT + 6}" y="{y - 5:.1f}" fill="#b3261e" font-weight="bold">{escape(limit.name)}</text>'
    for mark in chart.marks:
        yield f'<text x="{_x(x_axis(chart).at(mark.x)) + 4:.1f}" y="{top + 12}" fill="#4e5867" font-size="12">{escape(mark.name)}</text>'


def _x(share: float) -> float:
    return LEFT + share * (WIDTH - LEFT - RIGHT)


def _short(label: str) -> str:
    return label[:-3] if label.endswith(".00") else brief(label)


def _xml(html: str) -> str:
    """Marks of a page as XML: every attribute between quotes."""
    return _BARE.sub(r'\1="\2"', html)


def main() -> None:
    """Draw the pictures that are named, or all."""
    for name in sys.argv[1:] or PICTURES:
        file = IMAGES / f"{name}.svg"
        file.write_text(picture(PICTURES[name]()), encoding="utf-8")
        sys.stdout.write(f"{file.relative_to(ROOT)}: {file.stat().st_size:,} bytes\n")


if __name__ == "__main__":
    main()
