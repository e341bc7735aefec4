"""Rows of points: what they hold is what a run reports, equal inputs have equal keys, other inputs have others."""

from __future__ import annotations

import math
import pickle
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import pytest

from sim.catalog.catalog import Catalog
from sim.cost.bill import Line
from sim.cost.replay import replay
from sim.errors import InputError
from sim.planning.evaluate import evaluate, refused_row
from sim.planning.measured import of_forecast, of_replay
from sim.planning.opened import open_study
from sim.planning.points import FORECAST_METRICS, METRICS, Point, Row, Study
from sim.report.run_report import report_of
from sim.report.summary import summary
from sim.stack import facts_of, read_stack, resolve
from sim.trace import read_trace
from tests.made.ahead import ahead
from tests.made.world import STACK, write_trace, write_world

TWO = Point(0, (("replicas", 2),), ("deployments.own.replicas=2",))


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return write_world(tmp_path_factory.mktemp("points"))


@pytest.fixture(scope="module")
def study(world: tuple[Path, Path]) -> Study:
    trace, stack = world
    return Study(trace, read_trace(trace).info.sha256, stack.read_text(), "small")


@pytest.fixture(scope="module")
def row(study: Study) -> Row:
    return evaluate(study, TWO)


def test_every_metric_and_no_other(row: Row, study: Study) -> None:
    assert list(row.metrics) == [metric.name for metric in study.metrics] == [metric.name for metric in METRICS]
    assert len({metric.name for metric in (*METRICS, *FORECAST_METRICS)}) == len(METRICS) + len(FORECAST_METRICS)
    assert row.refused is None
    assert pickle.loads(pickle.dumps(row)) == row  # noqa: S301
    assert all(value is None or type(value) is float for value in row.metrics.values())


def test_metrics_are_those_of_the_run(row: Row, world: tuple[Path, Path]) -> None:
    catalog = Catalog.load()
    from sim.catalog.price_book import PriceBook

    trace = read_trace(world[0])
    book = PriceBook(catalog.date)
    resolved = resolve(read_stack(str(world[1]), catalog, TWO.settings), catalog, book, facts_of(trace))
    found = replay(resolved, trace, catalog=catalog, book=book)
    said = summary(report_of(found, resolved, trace, seed=0))
    own, spill = said["deployments"]["own"], said["deployments"]["spill"]
    wanted = {
        "usd_per_month": said["bill"]["month"]["total_usd"],
        "usd_per_million_tokens": said["bill"]["usd_per_million_tokens"],
        "api_usd_per_month": spill["cost_usd"] * said["bill"]["month"]["factor"],
        "gpu_usd_per_month": own["cost_usd"] * said["bill"]["month"]["factor"],
        "completed_share": said["requests"]["completed_share"],
        "good_share": said["slo"]["good_share"],
        "goodput_per_s": said["slo"]["goodput_per_s"],
        "throttled_share": said["requests"]["throttled_share"],
        "fallback_share": said["requests"]["fallback_share"],
        "load": own["load"],
        "load_peak": own["load_peak"],
        "busy_share": own["busy_share"],
        **{
            f"{metric}_{q}_s": said["latency"][f"{metric}_s"][q]
            for metric in ("ttft", "tpot", "e2e")
            for q in ("p50", "p90", "p95", "p99")
        },
    }  # fmt: skip
    for name, value in wanted.items():
        assert row.metrics[name] == pytest.approx(value, rel=1e-12), name
    assert row.slo == tuple((name, each["limit"], each["measured"], each["met"]) for name, each in said["slo"]["levels"].items())
    assert row.slo_met == said["slo"]["met"]
    assert (row.metrics["gpus_mean"], row.metrics["gpus_most"]) == (2.0, 2.0)
    assert row.metrics["gpu_hours"] == pytest.approx(2 * 730)


def test_kinds_of_spend_add_up(study: Study) -> None:
    opened = open_study(study)
    resolved = resolve(read_stack("hybrid", opened.catalog), opened.catalog, opened.book, opened.facts)
    found = replay(resolved, opened.trace, catalog=opened.catalog, book=opened.book)
    lines = (*found.bill.lines, Line("shared", "storage", 10.0, "GB-months", 0.5), Line("own", "gpu_power", 3.0, "kWh", 0.25))
    metrics = of_replay(replace(found, bill=replace(found.bill, lines=lines)))
    parts = [metrics[f"{kind}_usd_per_month"] for kind in ("api", "gpu", "other")]
    assert all(part is not None and part >= 0 for part in parts)
    assert metrics["usd_per_month"] == pytest.approx(math.fsum(part for part in parts if part is not None), rel=1e-12)
    factor = found.bill.month_factor
    assert factor is not None and metrics["other_usd_per_month"] == pytest.approx(0.5 * factor)
    idle = math.fsum(line.usd for line in lines if line.item in ("gpu_idle", "gpu_spare"))
    assert metrics["gpu_idle_usd_per_month"] == pytest.approx(idle * factor)


def test_a_run_without_duration_has_no_month(tmp_path: Path) -> None:
    trace = write_trace(tmp_path / "t.parquet", rows=1)
    import pyarrow.parquet as pq

    table = pq.read_table(trace)
    pq.write_table(table.set_column(0, "arrival_s", [[0.0]]), trace)
    found = evaluate(Study(trace, read_trace(trace).info.sha256, STACK, "small"), TWO)
    assert (found.metrics["usd_per_month"], found.metrics["gpu_hours"], found.metrics["gpus_mean"]) == (None, None, None)
    assert found.metrics["completed_share"] == 1.0


def test_what_is_wrong_with_a_point_is_in_its_row(study: Study) -> None:
    found = evaluate(study, Point(3, (), ("deployments.own.gpu=h100-smx", "slo.completed=2", "slo.ttft_p95=-1")))
    assert found.refused is not None and "\n" not in found.refused and "; --set slo.ttft_p95: " in found.refused
    assert "found '2', which is not a share" in found.refused
    assert set(found.metrics) == {metric.name for metric in METRICS} and set(found.metrics.values()) == {None}
    assert (found.slo, found.slo_met, found.point.number) == ((), None, 3)
    assert "unknown gpu 'h100-smx'" in str(evaluate(study, Point(0, (), ("deployments.own.gpu=h100-smx",))).refused)
    assert evaluate(study, Point(0, (), (), refused="no such thing")) == refused_row(
        study, Point(0, (), (), "no such thing"), "no such thing"
    )


def test_a_trace_that_changed_is_no_row(study: Study) -> None:
    with pytest.raises(InputError, match="has changed while it was being used"):
        evaluate(replace(study, trace_sha256="0" * 64), TWO)


def test_a_catalogue_that_changed_is_no_row(study: Study, tmp_path: Path) -> None:
    (tmp_path / "apis").mkdir()
    given = replace(study, models=tmp_path)
    assert given.catalog_sha256 != study.catalog_sha256
    (tmp_path / "apis" / "mine.yaml").write_text("name: mine\n")
    with pytest.raises(InputError, match="is not the one that this began with"):
        evaluate(given, TWO)


def test_the_same_row_in_any_order_and_after_others(study: Study, row: Row) -> None:
    evaluate(study, Point(1, (), ("deployments.own.replicas=1",)))
    assert evaluate(study, TWO).metrics == row.metrics
    other = evaluate(replace(study, seed=1), TWO)
    assert other.metrics != row.metrics  # the API's latency is drawn


def test_a_key_stands_for_everything_a_row_depends_on(study: Study, tmp_path: Path) -> None:
    (tmp_path / "gpus").mkdir()
    (tmp_path / "gpus" / "mine.yaml").write_text("name: mine\n")
    outlook = tmp_path / "own.yaml"
    outlook.write_text("extends: base\n")
    ahead_of = replace(study, months=2)
    others = [
        replace(study, trace_sha256="0" * 64), replace(study, stack_text=STACK + "\n"), replace(study, stack_name="other"),
        replace(study, settings=("slo.completed=0.9",)), replace(study, models=tmp_path), replace(study, prices_text="api: {}"),
        replace(study, date="2026-01-01"), replace(study, seed=1), ahead_of, replace(ahead_of, months=3), replace(ahead_of, futures=20),
        replace(ahead_of, start="2027-01"), replace(ahead_of, outlook="stress"), replace(ahead_of, outlook=str(outlook)),
        replace(ahead_of, outlook_settings=("outlook.demand.growth_per_month=1%",)),
    ]  # fmt: skip
    keys = [each.key(TWO) for each in (study, *others)]
    assert len(set(keys)) == len(keys)
    before = replace(ahead_of, outlook=str(outlook)).key(TWO)
    outlook.write_text("extends: stress\n")
    assert replace(ahead_of, outlook=str(outlook)).key(TWO) != before
    assert study.key(replace(TWO, settings=("deployments.own.replicas=3",))) != keys[0]


def test_a_key_does_not_stand_for_what_a_row_does_not_depend_on(study: Study, tmp_path: Path) -> None:
    key = study.key(TWO)
    assert study.key(replace(TWO, number=7, values=(("gpus", 2),))) == key
    elsewhere = write_trace(tmp_path / "other name.parquet")
    assert replace(study, trace=elsewhere).key(TWO) == key
    assert replace(study, outlook="stress", futures=20).key(TWO) == key, "a replay has no outlook"
    assert pickle.loads(pickle.dumps(study)).key(TWO) == key  # noqa: S301


def test_metrics_of_months() -> None:
    found = ahead(3, 40, scale=1.0)
    metrics = of_forecast(found)
    assert list(metrics) == [metric.name for metric in FORECAST_METRICS]
    total = found.total("tco").sum(axis=1)
    assert metrics["tco_usd_mean"] == pytest.approx(float(total.mean()), rel=1e-12)
    low, middle, high = (metrics[f"tco_usd_{edge}"] for edge in ("p5", "p50", "p95"))
    assert low is not None and middle is not None and high is not None and low <= middle <= high
    met = found.slo.met
    assert metrics["p_met_all_months"] == sum(all(future) for future in met) / len(met)
    missed = [1 - float(met[:, m].mean()) for m in range(3)]
    assert metrics["first_month_at_risk"] == next((m + 1.0 for m, share in enumerate(missed) if share > 0.05), None)


def test_words_of_metrics_are_words() -> None:
    by_name = MappingProxyType({metric.name: metric for metric in (*METRICS, *FORECAST_METRICS)})
    for name, metric in by_name.items():
        assert metric.words and metric.better in ("low", "high", "none")
        for ending, unit in (("_s", "s"), ("_share", "share"), ("_per_s", "1/s"), ("_usd_per_month", "USD")):
            if name.endswith(ending) and not (ending == "_s" and name.endswith("_per_s")):
                assert metric.unit == unit, name
