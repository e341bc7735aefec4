"""Re-makes the tables and plots of docs/accuracy.md from the measured data beside the repository: python -m tests.tools.accuracy_page

The page is text with named tables, `<!-- table NAME -->` to `<!-- end -->`, which are replaced; plots go to docs/accuracy/. It takes a few
minutes, most of them for the refits that leave something out. Progress is on stderr.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from time import monotonic
from types import MappingProxyType

from sim.calibration.errors import summarise
from sim.calibration.saturation import run_outs
from tests.tools import (
    accuracy_page_batches,
    accuracy_page_kernels,
    accuracy_page_offline,
    accuracy_page_serving,
    accuracy_page_steps,
    perf_data,
)
from tests.tools.accuracy_page_plots import PLOTS
from tests.tools.accuracy_page_serving import TPOT, TTFT, Rows
from tests.tools.accuracy_page_tables import markdown, percent

PAGE = Path(__file__).resolve().parents[2] / "docs" / "accuracy.md"
FOLDER = PAGE.parent / "accuracy"
TPOT_GOAL, TTFT_GOAL = 0.03, 0.10
"""Median absolute errors of the serving sweep to stay below with the shipped profiles."""
UNSEEN_TPOT_GOAL, UNSEEN_TTFT_GOAL = 0.06, 0.15
"""The same on a GPU that the fit has not seen."""
_TABLE = re.compile(r"(<!-- table ([\w-]+) -->\n\n).*?(\n*<!-- end -->)", re.DOTALL)


def goals_table() -> str:
    """What was to be reached, and what is."""
    lines: list[tuple[str, ...]] = []

    def line(words: str, goal: float, reached: float) -> None:
        lines.append((words, f"{goal * 100:g} %", percent(reached), "yes" if reached <= goal else "**no**"))

    def serving(words: str, rows: Rows, tpot: float, ttft: float) -> None:
        for name, quantity, goal in (("TPOT", TPOT, tpot), ("TTFT", TTFT, ttft)):
            line(f"{words}: {name}, median", goal, _median(row.errors[quantity] for row in rows))

    shipped = accuracy_page_serving.shipped()
    serving("60 serving runs on H200, shipped profiles", shipped, TPOT_GOAL, TTFT_GOAL)
    found = run_outs(shipped)
    agree = sum(each.agrees for each in found)
    lines.append(
        (
            "the same: concurrency at which the KV cache runs out, shapes",
            f"{len(found)}",
            f"{agree}",
            "yes" if agree == len(found) else "**no**",
        )
    )
    serving("the same runs, GPU never seen, the engine known", accuracy_page_serving.strange_gpu(), UNSEEN_TPOT_GOAL, UNSEEN_TTFT_GOAL)
    serving(
        "the same runs, neither GPU nor newest engine's prompts seen",
        accuracy_page_serving.without_gpu(),
        UNSEEN_TPOT_GOAL,
        UNSEEN_TTFT_GOAL,
    )
    for source, words in accuracy_page_steps.SOURCES.items():
        by = "shipped profiles" if source != accuracy_page_steps.SAGESERVE else "`sim calibrate`"
        for kind, (inside, outside) in accuracy_page_steps.GOALS.items():
            line(f"{words} {kind}, {by}: mean, in sample", inside, _mean(accuracy_page_steps.by_calibrate(source, kind, held_out=False)))
            line("the same: batch sizes held out", outside, _mean(accuracy_page_steps.by_calibrate(source, kind, held_out=True)))
    return markdown(("", "goal", "reached", "met"), lines)


TABLES: Mapping[str, Callable[[], str]] = MappingProxyType(
    {
        **accuracy_page_serving.TABLES, **accuracy_page_steps.TABLES, **accuracy_page_batches.TABLES, **accuracy_page_offline.TABLES, **accuracy_page_kernels.TABLES,
        "goals": goals_table,
    }
)  # fmt: skip
"""Every table of the page by its name."""


def with_tables(page: str, tables: Mapping[str, str]) -> str:
    """The page with its tables replaced; KeyError where it names one that is not there."""
    return _TABLE.sub(lambda found: f"{found[1]}{tables[found[2]]}\n\n<!-- end -->", page)


def tables_of(page: str) -> dict[str, str]:
    """The tables of a page by name."""
    return {found[2]: found[0].removeprefix(found[1]).removesuffix(found[3]) for found in _TABLE.finditer(page)}


def main() -> None:
    """Write docs/accuracy.md and docs/accuracy/."""
    if not perf_data.PERF.is_dir():
        raise SystemExit("the measured data are not beside the repository; docs/accuracy.md stays as it is")
    page = PAGE.read_text(encoding="utf-8")
    missing = set(tables_of(page)) ^ set(TABLES)
    if missing:
        raise SystemExit(f"docs/accuracy.md and the tables differ in: {', '.join(sorted(missing))}")
    start = monotonic()
    tables = {name: _timed(name, make, start) for name, make in TABLES.items()}
    plots = {name: _timed(f"{name}.svg", make, start) for name, make in PLOTS.items()}
    PAGE.write_text(with_tables(page, tables), encoding="utf-8")
    FOLDER.mkdir(exist_ok=True)
    for name, text in plots.items():
        (FOLDER / f"{name}.svg").write_text(text, encoding="utf-8")


def _timed(name: str, make: Callable[[], str], start: float) -> str:
    made = make()
    print(f"{monotonic() - start:6.0f} s  {name}", file=sys.stderr)
    return made


def _median(errors: Iterable[float]) -> float:
    found = summarise(errors)
    return float("nan") if found is None else found.median_abs_error


def _mean(errors: Iterable[float]) -> float:
    found = summarise(errors)
    return float("nan") if found is None else found.mean_abs_error


if __name__ == "__main__":
    main()
