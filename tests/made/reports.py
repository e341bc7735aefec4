"""A folder of every kind that a report is made of, by the commands themselves on a small world; months are put together by hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sim.cli.main import exit_code
from sim.futures.dated import Dated
from sim.futures.forecast import Forecast
from sim.futures.run import Question
from sim.planning.point_store import PointStore
from tests.made.ahead import ahead
from tests.made.world import STACK, write_trace

KINDS = ("run", "replay", "compare", "sweep", "plan", "diff", "elastic")
HEAD = STACK.replace("replicas: 1", "replicas: 2")
SPACE = "replicas: 1:3\nmax_num_seqs: [2, 16]\n"
MONTHS = ("--months", "6", "--futures", "60")
_REPLAY = ("--months", "0")
_ONE_POOL = STACK.replace("      - ", "").partition("  spill:")[0] + "routing:\n  - to: [own]\n"


def months(name: str, question: Question) -> Forecast:
    """Growth, spread, incidents, and what happens on dates; the stack called `head` costs a third more."""
    count = question.calendar.months
    made = ahead(
        count, question.futures, start=question.calendar.start, outlook=question.outlook_name, stack=name,
        scale=4 / 3 if name == "head" else 1.0, seed=question.seed,
    )  # fmt: skip
    hours = np.abs(np.random.default_rng(2).standard_normal((question.futures, count))) * 6
    dates = (
        Dated(min(2, count - 1), "price_change", "gpt-6.1-sol", "2027-01-15", 1.0),
        Dated(min(4, count - 1), "retirement", "groq-llama-3.3-70b", "", 0.53),
    )
    return replace(made, incident_hours=hours, dated=dates)


def write_reports(folder: Path) -> None:
    """All folders, by the names in KINDS."""
    write_trace(folder / "trace.parquet", rows=1200, rate=0.1)
    for name, text in (("small", STACK), ("head", HEAD), ("pool", _ONE_POOL), ("space", SPACE)):
        (folder / f"{name}.yaml").write_text(text)
    (folder / "points").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr("sim.futures.run.forecast", lambda resolved, _trace, question, **_: months(resolved.name, question))
        patch.setattr(PointStore, "default", lambda: PointStore(folder / "points"))
        small = ("trace.parquet", "--stack", "small.yaml")
        levels = ("--slo", "ttft_p95 <= 500ms", "--slo", "tpot_p95 <= 20ms")
        for name, arguments in {
            "run": ("run", *small, *MONTHS, "--budget", "60000"),
            "replay": ("run", *small, *_REPLAY),
            "compare": (
                "compare",
                "trace.parquet",
                "--stack",
                "small.yaml",
                "--stack",
                "head.yaml",
                *MONTHS,
                "--fail-if",
                "ttft_p99 > 1ms",
            ),
            "sweep": ("sweep", *small, *_REPLAY, "--over", "deployments.own.replicas=1:4"),
            "plan": ("plan", *small, "--space", "space.yaml", *levels, *MONTHS),
            "diff": ("diff", "small.yaml", "head.yaml", "--trace", "trace.parquet", *MONTHS, "--fail-if", "ttft_p99 > 1ms"),
            "elastic": ("elastic", "trace.parquet", "--stack", "pool.yaml"),
        }.items():
            patch.setattr("sys.argv", ["sim", *arguments, "-o", name])
            assert exit_code(["-q", *arguments, "-o", name]) in (0, 1), name
            assert (folder / name / "report.html").is_file(), name
