"""Benchmark files of other tools, one file each, as what they measured. A new one is a file here and its line in FORMATS.

The order is that in which a file is asked for: the particular before the general.
"""

from __future__ import annotations

from collections.abc import Iterable
from os.path import realpath
from pathlib import Path

from sim.calibration.formats import aiperf, guidellm, inference_perf, inferencex, serving_csv, step_csv, vllm_bench
from sim.calibration.formats.look import Format, look
from sim.calibration.formats.serving_csv import read_serving_table
from sim.calibration.formats.step_csv import read_step_table
from sim.calibration.points import Benchmark, Given
from sim.catalog.catalog import Catalog
from sim.errors import InputError, visible

__all__ = ["FORMATS", "read_benchmark", "read_benchmarks", "read_serving_table", "read_step_table"]

FORMATS: tuple[Format, ...] = (
    guidellm.FORMAT,
    inference_perf.FORMAT,
    aiperf.FORMAT,
    inferencex.FORMAT,
    vllm_bench.FORMAT,
    step_csv.FORMAT,
    serving_csv.FORMAT,
)


def read_benchmark(path: Path, given: Given, catalog: Catalog, name: str | None = None) -> Benchmark:
    """What a benchmark file measured, its format recognised by its content; InputError with all problems of the file."""
    found = look(Path(path), name)
    chosen = next((known for known in FORMATS if known.matches(found)), None)
    if chosen is None:
        has = visible(", ".join(sorted(found.keys)[:12] or found.header[:12]))
        known = "; ".join(known.about for known in FORMATS)
        raise InputError(f"{found.name}: no benchmark of a format that is known (it has {has[:200]}); known: {known}")
    return chosen.read(found, given, catalog)


def read_benchmarks(paths: Iterable[Path], given: Given, catalog: Catalog) -> Benchmark:
    """All that several files hold, as one; InputError with the problems of all of them."""
    read: list[Benchmark] = []
    problems: list[str] = []
    seen: set[str] = set()
    for path in map(Path, paths):
        real = realpath(path)  # of a link to itself too
        if real in seen:
            problems.append(visible(f"{path}: given twice"))
            continue
        seen.add(real)
        try:
            read.append(read_benchmark(path, given, catalog))
        except InputError as error:
            problems.append(str(error))
    if problems:
        raise InputError("\n".join(problems))
    return Benchmark(
        serving=tuple(point for each in read for point in each.serving),
        steps=tuple(point for each in read for point in each.steps),
        ignored=tuple(dict.fromkeys(key for each in read for key in each.ignored)),
        notes=tuple(dict.fromkeys(note for each in read for note in each.notes)),
    )
