"""A diff put together by hand, of two stacks that really ran on a small trace and of months that did not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from sim.catalog.catalog import Catalog
from sim.catalog.price_book import PriceBook
from sim.cost.replay import replay
from sim.planning.gate_grammar import parse_gates
from sim.planning.gate_values import Side, measure
from sim.planning.gates import check
from sim.planning.stack_diff import Read
from sim.report.diff_report import DiffReport, DiffSide, diff_report
from sim.report.forecast_report import ForecastReport
from sim.report.run_report import report_of
from sim.stack import facts_of, read_stack, resolve
from sim.trace import read_trace
from tests.made.ahead import ahead
from tests.made.world import STACK, write_trace


def diffed(
    folder: Path, head: str, *, gates: Sequence[str] = (), months: int = 12, name: str = "head", trace: str = "trace", scale: float = 1.3
) -> DiffReport:
    """STACK against the text of another; HEAD costs `scale` times as much, and misses its levels more often. `months` 0: replays alone."""
    catalog = Catalog.load()
    book = PriceBook(catalog.date)
    requests = read_trace(write_trace(folder / f"{trace}.parquet", rows=200))
    sides = []
    for label, text, more in (("base", STACK, 1.0), (name, head, scale)):
        path = folder / f"{label}.yaml"
        path.write_text(text, encoding="utf-8")
        file = read_stack(str(path), catalog)
        resolved = resolve(file, catalog, book, facts_of(requests))
        found = replay(resolved, requests, catalog=catalog, book=book)
        made = ahead(months, 100, scale=more, stack=label) if months else None
        if made is not None and more != 1.0:
            made = replace(made, slo=replace(made.slo, met=made.slo.good_share > 0.972))
        report = report_of(found, resolved, requests, seed=0, ahead=None if made is None else ForecastReport(made))
        sides.append(DiffSide(label, Read(file, resolved), report, Side(found, made)))
    was, now = sides
    results = check(parse_gates(gates, pair=True), [name], lambda gate, _: measure(gate, now.side, was.side))
    return diff_report(was, now, results)
