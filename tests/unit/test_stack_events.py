"""Scripted events: what a file may say, to whom it happens, and what each mistake is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from sim.catalog.catalog import Catalog
from sim.catalog.price_book import PriceBook
from sim.engine.assemble import script
from sim.engine.system import Event
from sim.errors import InputError
from sim.stack.events import ScriptedEvent, late_events, read_events
from sim.stack.read import read_stack
from sim.stack.resolve import resolve
from sim.stack.resolved import ResolvedStack


@pytest.fixture(scope="module")
def hybrid() -> ResolvedStack:
    catalog = Catalog.load()
    return resolve(read_stack("hybrid", catalog, ["deployments.reserve.tier=build"]), catalog, PriceBook(catalog.date))


def read(tmp_path: Path, text: str, stack: ResolvedStack) -> tuple[ScriptedEvent, ...]:
    (tmp_path / "events.yaml").write_text(text)
    return read_events(tmp_path / "events.yaml", stack, "events.yaml")


def test_events_in_order_of_time(tmp_path: Path, hybrid: ResolvedStack) -> None:
    text = """\
events:
  - {at: 2h, kind: api_outage, deployment: reserve, duration: 20 min}
  - {at: 90, kind: gpu_failure, deployment: own, count: 2, duration: 4h}
  - {at: 1d, kind: demand_factor, factor: 3, duration: 1h}
  - {at: 3h, kind: spot_preemption, deployment: own, notice: 120s}
  - {at: 4h, kind: limit_change, deployment: reserve, limit: 1, factor: 0.5}
  - {at: 6h, kind: no_capacity, deployment: own, duration: 30 min}
  - {at: 7h, kind: retraining, deployment: own, count: 2, duration: 6h}
  - {at: 5h, kind: degradation, deployment: spill, factor: 4, error_rate: 30%, duration: 1h}
"""
    assert script(read(tmp_path, text, hybrid), hybrid) == (
        Event(90.0, "gpu_failure", 0, duration_s=14_400.0, count=2),
        Event(7200.0, "api_outage", 2, duration_s=1200.0),
        Event(10_800.0, "spot_preemption", 0, notice_s=120.0),
        Event(14_400.0, "limit_change", 2, factor=0.5, limit=1),
        Event(18_000.0, "degradation", 1, duration_s=3600.0, factor=4.0, error_rate=0.3),
        Event(21_600.0, "no_capacity", 0, duration_s=1800.0),
        Event(25_200.0, "retraining", 0, duration_s=21_600.0, count=2),
        Event(86_400.0, "demand_factor", -1, duration_s=3600.0, factor=3.0),
    )


def test_without_a_deployment_it_happens_to_all_it_can(tmp_path: Path, hybrid: ResolvedStack) -> None:
    text = "events:\n  - {at: 1h, kind: api_outage, duration: 1h}\n  - {at: 2h, kind: price_change, factor: 2}\n"
    events = script(read(tmp_path, text, hybrid), hybrid)
    assert [(event.kind, event.deployment) for event in events] == [
        ("api_outage", 1), ("api_outage", 2), ("price_change", 0), ("price_change", 1), ("price_change", 2),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("entry", "what"),
    [
        (
            "{at: 1h, kind: api_outag, duration: 1h}",
            "events.0.kind: found the text 'api_outag'; allowed: api_outage, .*did you mean 'api_outage'",
        ),
        ("{at: soon, kind: api_outage, duration: 1h}", "events.0.at: found 'soon', which is not a duration"),
        ("{at: 12:30, kind: api_outage, duration: 1h}", "events.0.at: found '12:30'"),
        ("{at: 1h, kind: api_outage}", "api_outage needs duration"),
        ("{at: 1h, kind: price_change, deployment: own}", "price_change needs factor"),
        ("{at: 1h, kind: api_outage, duration: 1h, count: 2}", "events.0.count: api_outage has no use for it; it takes duration"),
        ("{at: 1h, kind: api_outage, duration: 1h, deployment: own}", "api_outage happens to deployments of kind api, which own is not"),
        ("{at: 1h, kind: gpu_failure, duration: 1h, deployment: reserve}", "of kind gpu, which reserve is not"),
        ("{at: 1h, kind: gpu_failure, duration: 1h, deployment: owm}", "unknown deployment 'owm'; allowed: own; did you mean 'own'"),
        ("{at: 1h, kind: demand_factor, factor: 2, deployment: own}", "demand is of the whole trace"),
        ("{at: 1h, kind: price_change, factor: 0}", "events.0.factor: found 0; it should be greater than 0"),
        ("{at: 1h, kind: demand_factor, factor: 1e9}", "events.0.factor: found 1000000000; it should be less than or equal to 1000000"),
        ("{at: 1h, kind: demand_factor, factor: 101}", "found 101; at most 100 times the demand; more is made by `sim trace scale`"),
        ("{at: -5s, kind: api_outage, duration: 1h}", "events.0.at: found the text '-5s'; it should be greater than or equal to 0"),
        ("{at: 1e300, kind: api_outage, duration: 1h}", "events.0.at: found 1e"),
        ("{at: 1h, kind: limit_change, factor: 2, duration: 0s}", "events.0.duration: found the text '0s'; it should be greater than 0"),
        ("{at: 1h, kind: limit_change, factor: 2, deployment: reserve, limit: 9}", "found 9; reserve has 3 limits, counted from 0"),
        ("{at: 1h, kind: gpu_failure, duration: 1h, count: 0}", "events.0.count"),
        ("{at: 1h, kind: no_capacity}", "no_capacity needs duration"),
        ("{at: 1h, kind: no_capacity, duration: 1h, count: 2}", "events.0.count: no_capacity has no use for it; it takes duration"),
        (
            "{at: 1h, kind: no_capacity, duration: 1h, deployment: reserve}",
            "no_capacity happens to deployments of kind gpu, which reserve is not",
        ),
        ("{at: 1h, kind: retraining, count: 1}", "retraining needs duration"),
        ("{at: 1h, kind: retraining, duration: 1h, notice: 1m}", "events.0.notice: retraining has no use for it; it takes count, duration"),
        ("{at: 1h, kind: retrain, duration: 1h}", "events.0.kind: found the text 'retrain'; .*did you mean 'retraining'"),
    ],
)
def test_mistakes(tmp_path: Path, hybrid: ResolvedStack, entry: str, what: str) -> None:
    with pytest.raises(InputError, match=what) as error:
        read(tmp_path, f"events:\n  - {entry}\n", hybrid)
    (line,) = str(error.value).splitlines()
    assert line.startswith("events.yaml:2:")


def test_all_mistakes_at_once(tmp_path: Path, hybrid: ResolvedStack) -> None:
    text = "events:\n  - {at: 1h, kind: api_outage, deployment: x}\n  - {at: 1h, kind: gpu_failure, duration: 1h, factor: 2}\n"
    with pytest.raises(InputError) as error:
        read(tmp_path, text, hybrid)
    assert len(str(error.value).splitlines()) == 3


def test_events_after_the_end_of_a_trace_are_told(tmp_path: Path, hybrid: ResolvedStack) -> None:
    events = read(tmp_path, "events:\n  - {at: 2d, kind: api_outage, duration: 1h}\n  - {at: 1h, kind: demand_factor, factor: 0}\n", hybrid)
    assert late_events(events, 86_400.0) == ["api_outage at 2.00 d comes after the end of the trace, at 24.0 h"]
    assert late_events(events, 200_000.0) == []
