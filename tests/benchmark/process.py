"""A command as its user meets it: a process of its own, with the seconds it took, those its threads computed, and its largest memory."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

REPEATS = 3

_WATCH = """
import json, os, resource, sys, time
begin = time.perf_counter()
code = os.spawnv(os.P_WAIT, sys.executable, [sys.executable, *sys.argv[2:]])
wall_s = time.perf_counter() - begin
used = resource.getrusage(resource.RUSAGE_CHILDREN)
with open(sys.argv[1], "w") as file:
    json.dump([wall_s, used.ru_utime + used.ru_stime, used.ru_maxrss, code], file)
"""
"""Started between this process and the command: a child begins with the largest memory of the process that it was forked from."""


@dataclass(frozen=True)
class Used:
    """What a process used: seconds on the clock, user and system seconds, the most memory resident at once in bytes."""

    wall_s: float
    cpu_s: float
    peak_bytes: int
    out: str


def use(arguments: Sequence[str | Path], *, folder: Path, environment: dict[str, str] | None = None) -> Used:
    """Run Python with these arguments in a folder and wait; AssertionError with its stderr unless it exits with 0."""
    file = folder / "used.json"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", _WATCH, file, *map(str, arguments)],
        cwd=folder, capture_output=True, text=True, check=True, env={**os.environ, **(environment or {})},
    )  # fmt: skip
    wall_s, cpu_s, peak, code = json.loads(file.read_text())
    assert code == 0, done.stderr
    # Linux counts in kibibytes, macOS in bytes.
    return Used(wall_s, cpu_s, peak * (1 if sys.platform == "darwin" else 1024), done.stdout)


def repeated(once: Callable[[], Used], count: int = REPEATS) -> list[Used]:
    """The same several times, one after the other."""
    return [once() for _ in range(count)]


def report(what: str, runs: Sequence[Used], target: str) -> None:
    """Print the medians of some runs beside what is wanted of them."""
    wall = sorted(run.wall_s for run in runs)
    cpu_s = statistics.median(run.cpu_s for run in runs)
    peak = max(run.peak_bytes for run in runs) / 1e9
    spread = f"median of {len(runs)}, {wall[0]:.2f} to {wall[-1]:.2f} s" if len(runs) > 1 else "once"
    print(
        f"\n{what}: {statistics.median(wall):.2f} s ({spread}; {cpu_s:.2f} CPU seconds; {peak:.2f} GB; "
        f"load average {os.getloadavg()[0]:.1f}); {target}"
    )
