"""Saturation points are kept on disk: found again by another process, and by nobody whose pool, mix or level is another."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from sim.cost.replay import replay
from sim.futures.cell_store import CellStore
from sim.measure.load import Saturation
from sim.planning.evaluate import resolve_point
from sim.planning.opened import open_study
from sim.planning.points import Point, Study
from sim.planning.saturation_store import KeptSaturations
from sim.trace import read_trace
from tests.made.world import STACK, write_trace


def test_what_is_found_is_found_again(tmp_path: Path) -> None:
    key = ("pool", b"\x00mix", 512, 0.1)
    for value in (Saturation(1.25, 2.5), Saturation(None, 0.125), Saturation(0.1 + 0.2, 1e-300)):
        KeptSaturations(CellStore(tmp_path))[key] = value
        other = KeptSaturations(CellStore(tmp_path))
        assert key in other and other[key] == value
        assert ("pool", b"\x00mix", 512, 0.2) not in other
    assert key not in KeptSaturations(CellStore(None))


def test_a_replay_is_the_same_with_what_was_kept(tmp_path: Path) -> None:
    trace = write_trace(tmp_path / "trace.parquet", rows=200)
    study = Study(trace, read_trace(trace).info.sha256, STACK, "small")
    opened = open_study(study)
    resolved = resolve_point(study, Point(0, (), ()), opened)

    def load(folder: Path | None) -> tuple[KeptSaturations, object]:
        cache = KeptSaturations(CellStore(folder))
        found = replay(resolved, opened.trace, catalog=opened.catalog, book=opened.book, cache=cache)
        return cache, found.measures.loads

    folder = tmp_path / "cells"
    folder.mkdir()
    cache, first = load(folder)
    assert len(cache) == 1 and len(list(folder.iterdir())) == 1
    # What another has kept is taken as it is: a wrong number shows that it is read.
    kept, again = load(folder)
    assert again == first == load(None)[1]
    ((key, value),) = kept.items()
    kept[key] = replace(value, requests_per_s=2 * (value.requests_per_s or 1.0))
    assert load(folder)[1] != first
