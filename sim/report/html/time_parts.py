"""How it went over time: load, queue, replicas and throttles of the replay, the heat map of a day, GPUs by month."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from sim.report.html.chart import Chart, FloatArray, Panel, Series, by_month
from sim.report.html.figure import figure
from sim.report.html.heat import heat_map
from sim.report.html.text import Unit, show
from sim.report.section import brief
from sim.units import SECONDS_PER_DAY, SECONDS_PER_HOUR

IntArray = npt.NDArray[np.int64]

_MOST_POINTS = 288
_MOST_DEPLOYMENTS = 4
_MOST_DAYS = 14
_COLORS = 8
_ROUND_S = (10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1800.0, 3600.0, 7200.0, 14_400.0, 21_600.0, 43_200.0, 86_400.0)


@dataclass(frozen=True)
class _Groups:
    """The intervals of a timeline put together to points: the table, its deployments, where each point begins and how long it is."""

    table: Mapping[str, Any]
    names: tuple[str, ...]
    first: IntArray
    """Number of the first interval of each point."""
    at_s: FloatArray
    lasting_s: FloatArray
    intervals: int

    def of(self, what: str, deployment: int) -> FloatArray:
        """A field of a deployment, interval by interval."""
        return np.asarray(self.table[what].reshape(self.intervals, len(self.names))[:, deployment])

    def per_second(self, what: str, deployment: int) -> FloatArray:
        """What adds up, as a rate."""
        return np.asarray(np.add.reduceat(self.of(what, deployment), self.first) / self.lasting_s)

    def most(self, what: str, deployment: int) -> FloatArray:
        """The largest of what is looked at."""
        return np.asarray(np.maximum.reduceat(self.of(what, deployment), self.first))

    def busy_share(self, deployment: int) -> FloatArray:
        """Busy replica time over the time of present replicas; NaN where none was present."""
        counted = np.diff(np.append(self.first, self.intervals))
        present = np.add.reduceat(self.of("present", deployment), self.first) / counted * self.lasting_s
        busy = np.add.reduceat(self.of("busy_s", deployment), self.first)
        return np.asarray(np.minimum(np.divide(busy, present, out=np.full(len(busy), np.nan), where=present > 0), 1.0))


def timeline(found: Mapping[str, Any] | None, summary: Mapping[str, Any]) -> str:
    """Panels over the time of the replay; a point stands for an interval: rates, the busy share, or the most."""
    if found is None or not len(found["start_s"]) or not summary["window_s"]:
        return ""
    groups = _groups(found, float(summary["window_s"]))
    asked = [groups.of("arrivals", d).sum() for d in range(len(groups.names))]
    kept = sorted(sorted(range(len(asked)), key=lambda d: -asked[d])[:_MOST_DEPLOYMENTS])
    gpu = [d for d in kept if summary["deployments"].get(groups.names[d], {}).get("kind") == "gpu"]
    panels = [
        _panel("requests a second", "number", groups, kept, lambda d: groups.per_second("arrivals", d)),
        _panel("busy share", "share", groups, gpu, groups.busy_share),
        _panel("waiting requests, most", "count", groups, kept, lambda d: groups.most("waiting", d)),
        _panel("ready replicas, most", "count", groups, gpu, lambda d: groups.most("ready", d), "step"),
        _panel("throttled attempts a second", "number", groups, kept, lambda d: groups.per_second("throttled", d)),
    ]
    note = f"Each point stands for {brief(show(float(groups.lasting_s[0]), 's'))}."
    if len(kept) < len(groups.names):
        note += f" The {len(groups.names) - len(kept)} deployments with the fewest requests are not drawn."
    texts = tuple(clock(float(s)) for s in groups.at_s)
    drawn = tuple(panel for panel in panels if panel.series)
    return figure(Chart("timeline", "Load, queue and replicas", groups.at_s, texts, "Time", drawn, zoom=True, note=note)) if drawn else ""


def _panel(
    title: str,
    unit: Unit,
    groups: _Groups,
    deployments: Sequence[int],
    values: Callable[[int], FloatArray],
    style: Literal["line", "step"] = "line",
) -> Panel:
    """One panel; a deployment that shows nothing but nought is left out of it."""
    series = [(d, values(d)) for d in deployments]
    shown = tuple(Series(groups.names[d], each, d % _COLORS, style) for d, each in series if np.nansum(each) > 0)
    return Panel(title, unit, shown, height_px=130)


def _groups(found: Mapping[str, Any], window_s: float) -> _Groups:
    names = tuple(dict.fromkeys(found["deployment"]))
    intervals = len(found["start_s"]) // len(names)
    starts = found["start_s"].reshape(intervals, len(names))[:, 0]
    each_s = float(starts[1] - starts[0]) if intervals > 1 else window_s
    least = -(-intervals // _MOST_POINTS)
    # Round times where that can be, so that points begin at whole minutes.
    round_ones = (round(step / each_s) for step in _ROUND_S if step >= least * each_s * (1 - 1e-9) and (step / each_s).is_integer())
    first = np.arange(0, intervals, max(1, next(round_ones, least)))
    lasting_s = np.diff(np.append(starts[first], starts[-1] + each_s))
    return _Groups(found, names, first, starts[first], lasting_s, intervals)


def clock(seconds: float) -> str:
    """The time since the trace begins: `08:30`, `day 2, 08:30`."""
    day, rest = divmod(round(seconds), round(SECONDS_PER_DAY))
    text = f"{rest // 3600:02d}:{rest % 3600 // 60:02d}" + (f":{rest % 60:02d}" if rest % 60 else "")
    return f"day {day + 1}, {text}" if day else text


def load_by_hour(found: Mapping[str, Any] | None, summary: Mapping[str, Any]) -> str:
    """Busy share of the GPUs (requests a second where there are none) by hour of the trace, a row a day; nothing for a trace below two
    hours or above two weeks."""
    if found is None or not len(found["start_s"]):
        return ""
    gpu = [name for name, each in summary["deployments"].items() if each["kind"] == "gpu"]
    lasted_s = float(summary["trace"]["duration_s"] or summary["window_s"])
    hours = math.ceil(lasted_s / SECONDS_PER_HOUR)
    if hours < 2 or hours > _MOST_DAYS * 24:
        return ""
    days = -(-hours // 24)
    hour = (found["start_s"] // SECONDS_PER_HOUR).astype(np.int64)
    chosen = hour < hours
    if gpu:
        chosen &= np.array([name in gpu for name in found["deployment"]])

    def by_hour(what: str) -> FloatArray:
        return np.bincount(hour[chosen], weights=found[what][chosen], minlength=days * 24).astype(np.float64)

    if gpu:
        starts = np.unique(found["start_s"])
        present = by_hour("present") * float(starts[1] - starts[0])
        values = np.minimum(np.divide(by_hour("busy_s"), present, out=np.full(days * 24, np.nan), where=present > 0), 1.0)
    else:
        # The last hour is as long as the trace goes on in it.
        covered_s = np.clip(lasted_s - np.arange(days * 24) * SECONDS_PER_HOUR, 0.0, SECONDS_PER_HOUR)
        values = np.divide(by_hour("arrivals"), covered_s, out=np.full(days * 24, np.nan), where=covered_s > 0)
    title = "Busy share of the GPUs by hour, percent" if gpu else "Requests a second by hour"
    rows, columns = [f"day {k + 1}" for k in range(days)], [f"{k:02d}" for k in range(24)]
    note = "Hours since the trace begins."
    return heat_map(title, rows, columns, values.reshape(days, 24), "share" if gpu else "number", note=note)


def gpus_by_month(capacity: Mapping[str, Any] | None, summary: Mapping[str, Any]) -> str:
    """GPUs that are paid, and load, by month and pool: p50 and p95 over futures."""
    if capacity is None or "gpus_p50" not in capacity:
        return ""
    pools = [name for name, each in summary["deployments"].items() if each["kind"] == "gpu"]
    months = tuple(dict.fromkeys(capacity["month"]))
    titles: tuple[tuple[str, str, Unit], ...] = (("GPUs paid", "gpus", "number"), ("load", "load", "share"))
    panels = []
    for title, key, unit in titles:
        series = []
        for color, name in enumerate(pools[:_MOST_DEPLOYMENTS]):
            rows = [k for k, each in enumerate(capacity["deployment"]) if each == name]
            for edge in ("p50", "p95"):
                values = capacity[f"{key}_{edge}"][rows]
                series.append(Series(f"{name} {edge}", values, color, "step" if key == "gpus" else "line", dashed=edge == "p95"))
        panels.append(Panel(title, unit, tuple(series), height_px=150))
    left = len(pools) - _MOST_DEPLOYMENTS
    note = f"{left} more {'pool is' if left == 1 else 'pools are'} in capacity.csv." if left > 0 else ""
    return figure(by_month("gpus-by-month", "GPUs and their load by month", months, tuple(panels), note=note)) if pools else ""
