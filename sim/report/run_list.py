"""The runs that lie under outputs/: what each asked and what it answered, the latest first."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from sim.errors import InputError, visible
from sim.report.export_source import read_run
from sim.report.html.build import FILE
from sim.report.run_folder import MARK
from sim.report.section import wrapped
from sim.wide import shortened

_NAME = 56


@dataclass(frozen=True, slots=True)
class PastRun:
    """One finished run: its folder, when it was written (UTC), its command, trace and stacks, and the first sentence of its answer."""

    name: str
    written: str
    kind: str
    trace: str
    stacks: tuple[str, ...]
    answer: str
    report: bool
    """Whether there is a report.html in it."""
    problem: str = ""
    """Why it cannot be read, if it cannot."""


def past_runs(outputs: Path) -> tuple[PastRun, ...]:
    """Every folder with a run.json in a folder of runs; InputError where there is no such folder."""
    if not outputs.is_dir():
        raise InputError(f"{outputs}: no such folder; allowed: a folder of runs, such as the outputs/ that sim run writes")
    marks = [mark for mark in outputs.glob(f"*/{MARK}") if not mark.parent.name.startswith(".")]
    return tuple(_past_run(mark) for mark in sorted(marks, key=lambda mark: (-mark.stat().st_mtime_ns, mark.parent.name)))


def _past_run(mark: Path) -> PastRun:
    written = datetime.fromtimestamp(mark.stat().st_mtime, UTC).strftime("%Y-%m-%d %H:%M")
    report = (mark.parent / FILE).is_file()
    try:
        run = read_run(str(mark.parent))
    except InputError as error:
        return PastRun(mark.parent.name, written, "", "", (), "", report, str(error))
    answer = str(run.content.get("answer", ""))
    return PastRun(mark.parent.name, written, run.kind, run.trace, run.names, answer.partition(". ")[0].rstrip("."), report)


def runs_text(runs: Sequence[PastRun]) -> str:
    """A line for each run, and what it answered below it."""
    if not runs:
        return "no runs yet: sim run TRACE writes one\n"
    lines = []
    for run in runs:
        kind = run.kind or "damaged"
        lines.append(f"{shortened(visible(run.name), _NAME):<{_NAME}}  {kind:<10}".rstrip())
        lines += wrapped(visible(f"{run.written} UTC. {run.problem or run.answer + '.'}"), "    ")
    return "\n".join(lines) + "\n"


def runs_json(runs: Sequence[PastRun]) -> str:
    """The same as JSON."""
    return json.dumps({"schema_version": 1, "runs": [asdict(run) for run in runs]}, indent=2, ensure_ascii=False) + "\n"
