"""Error tables: what an error is, how errors are summed up and grouped, and where the KV cache is seen to run out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pytest

from sim.calibration.errors import (
    ErrorSummary,
    Quantity,
    quantity_name,
    relative_error,
    shown_value,
    summaries,
    summarise,
)
from sim.calibration.formats.columns import measured_column
from sim.calibration.formats.serving_csv import read_serving_table
from sim.calibration.points import METRICS, Load, Server, ServingPoint
from sim.calibration.saturation import JUMP, run_outs
from sim.calibration.serving import longest_of, profile_of, serve
from sim.calibration.table import GROUPS, AccuracyTable, predict
from sim.catalog.catalog import Catalog
from sim.errors import InputError
from sim.report.accuracy_report import AccuracyReport, accuracy_answer, accuracy_markdown, accuracy_text

CATALOG = Catalog.bundled()
TTFT: Quantity = ("ttft_s", "mean")
TPOT: Quantity = ("tpot_s", "mean")


def server(tensor_parallel: int = 4, **more: object) -> Server:
    return Server(CATALOG.llm("llama-3.1-70b"), CATALOG.gpu("h200-sxm"), tensor_parallel, "fp8", **more)  # type: ignore[arg-type]


def point(
    measured: Mapping[Quantity, float], *, clients: int = 4, where: str = "t.csv:2", on: Server | None = None, prompt: float = 512.0
) -> ServingPoint:
    return ServingPoint(on or server(), Load(prompt, 64.0, concurrency=clients), MappingProxyType(dict(measured)), where)


def perfect(clients: int = 4, scale: float = 1.0, **more: object) -> ServingPoint:
    """A run that measured what is predicted, times `scale`."""
    given = point({TTFT: 1.0}, clients=clients, **more)  # type: ignore[arg-type]
    found = serve(given.load, profile_of(given.server, longest_tokens=longest_of(given.load), catalog=CATALOG))
    values = {quantity: found.values[quantity] * scale for quantity in (TTFT, TPOT)}
    return point(values, clients=clients, **more)  # type: ignore[arg-type]


def test_errors_are_summed_up_as_defined() -> None:
    errors = [0.1, -0.2, 0.05, -0.4, 0.3]
    found = summarise(errors)
    assert found is not None
    absolute = sorted(abs(each) for each in errors)
    assert found.n == 5
    assert found.median_abs_error == absolute[2]
    assert found.mean_abs_error == pytest.approx(sum(absolute) / 5, rel=1e-15)
    assert found.p90_abs_error == pytest.approx(0.3 + 0.6 * (0.4 - 0.3), rel=1e-12)  # 0.9 x 4 = 3.6 steps up the order
    assert found.bias == pytest.approx(sum(errors) / 5, rel=1e-12)
    assert summarise([]) is None
    assert summarise([-0.5]) == ErrorSummary(1, 0.5, 0.5, 0.5, -0.5)


def test_each_quantity_is_summed_up_over_the_rows_that_have_it() -> None:
    found = summaries([{TPOT: 0.1}, {TTFT: -0.2, TPOT: 0.3}, {}])
    assert list(found) == [TTFT, TPOT]
    assert (found[TTFT].n, found[TPOT].n) == (1, 2)
    assert found[TPOT].bias == pytest.approx(0.2)


def test_an_error_is_predicted_over_measured_less_one() -> None:
    assert relative_error(1.05, 1.0) == pytest.approx(0.05)
    assert relative_error(1.0, 2.0) == -0.5


def test_names_of_quantities_are_those_of_columns() -> None:
    for metric in METRICS:
        for statistic in ("mean", "p50", "p99"):
            if metric == "throughput_tok_s" and statistic != "mean":
                continue
            name = quantity_name((metric, statistic))  # type: ignore[arg-type]
            column = measured_column(name)
            assert column is not None and column.metric == metric and (column.statistic or "mean") == statistic
            assert column.factor == pytest.approx(1.0 / shown_value((metric, "mean"), 1.0))


def test_a_table_made_by_the_simulation_has_no_error_and_one_scaled_has_its_scale() -> None:
    found = predict([perfect(4), perfect(8)], catalog=CATALOG)
    assert all(summary.mean_abs_error == 0.0 for summary in found.metrics.values())
    scaled = predict([perfect(4, 0.8)], catalog=CATALOG)
    assert scaled.metrics[TTFT].bias == pytest.approx(0.25)
    assert scaled.rows[0].predicted[TTFT] == pytest.approx(0.8**-1 * scaled.rows[0].measured[TTFT])


def test_groups_hold_the_rows_of_their_value() -> None:
    table = predict([perfect(4, 0.5), perfect(4, 1.0, on=server(8)), perfect(8, 0.8)], catalog=CATALOG)
    by = table.by("tensor_parallel")
    assert list(by) == ["4", "8"]
    assert (by["4"][TTFT].n, by["8"][TTFT].n) == (2, 1)
    assert by["4"][TTFT].bias == pytest.approx((1.0 + 0.25) / 2)
    for group in GROUPS:
        assert sum(metrics[TTFT].n for metrics in table.by(group).values()) == 3
    assert list(table.by("label")) == ["calibrated"]
    assert list(predict([perfect(4)], catalog=CATALOG, estimated=True).by("label")) == ["estimated"]


def test_every_row_that_does_not_fit_is_named_at_once() -> None:
    small = Server(CATALOG.llm("llama-3.1-70b"), CATALOG.gpu("l4"), 1, "bf16")
    points = [
        point({TTFT: 1.0}, on=small, where="t.csv:2"),
        perfect(4, where="t.csv:3"),
        point({TTFT: 1.0}, on=small, clients=8, where="t.csv:4"),
    ]
    table = predict(points, catalog=CATALOG)
    assert len(table.rows) == 1
    assert [where for where, _ in table.unfit] == ["t.csv:2", "t.csv:4"]
    assert "Left out" in accuracy_text(AccuracyReport("t.csv", table))
    with pytest.raises(InputError, match="no row of the table fits its GPUs"):
        predict(points[:1], catalog=CATALOG)


def test_one_prompt_too_long_does_not_take_the_other_rows_with_it() -> None:
    table = predict([perfect(4), point({TTFT: 1.0}, prompt=1e6, where="t.csv:3")], catalog=CATALOG)
    assert (len(table.rows), len(table.unfit)) == (1, 1)


def test_a_table_without_anything_to_predict_is_refused() -> None:
    with pytest.raises(InputError, match="has no rows"):
        predict([], catalog=CATALOG)
    with pytest.raises(InputError, match="no row has a measured value"):
        predict([perfect()], catalog=CATALOG, quantities=lambda quantity: quantity[0] == "e2e_s")
    with pytest.raises(InputError, match=r"t\.csv:2: concurrency: found 200000"):
        predict([point({TTFT: 1.0}, clients=200_000)], catalog=CATALOG)


def test_kv_runs_out_where_requests_wait_and_where_ttft_jumps() -> None:
    long = {"on": server(1), "prompt": 8192.0}
    points = [perfect(clients, **long) for clients in (64, 16, 32)]
    (found,) = run_outs(predict(points, catalog=CATALOG).rows)
    assert found.concurrencies == (16, 32, 64)
    assert (found.predicted, found.measured, found.agrees) == (64, 64, True)
    medians = [point({("ttft_s", "p50"): each.measured[TTFT]}, clients=each.load.concurrency or 0, **long) for each in points]  # type: ignore[arg-type]
    assert run_outs(predict(medians, catalog=CATALOG).rows)[0].measured == 64
    # a row that measured no jump disagrees
    flat = [point({TTFT: 1.0 * JUMP}, clients=64, **long), point({TTFT: 1.0}, clients=32, **long)]  # type: ignore[arg-type]
    table = predict(flat, catalog=CATALOG)
    (found,) = run_outs(table.rows)
    assert (found.predicted, found.measured, found.agrees) == (64, None, False)
    assert "as measured for 0 of 1 shape of requests (it runs out in 1)" in accuracy_answer(AccuracyReport("t.csv", table))
    assert run_outs(table.rows[:1]) == ()


def test_reports_say_the_limit_and_what_is_above_it() -> None:
    table = predict([perfect(4, 0.8), perfect(8, 1.0)], catalog=CATALOG)
    report = AccuracyReport("t|x.csv", table, limit=0.1)
    assert report.over == (TTFT, TPOT)
    assert "TTFT and TPOT are above the limit of 10.0 %" in accuracy_answer(report)
    assert "All are within the limit of 20.0 %" in accuracy_answer(AccuracyReport("t.csv", table, limit=0.2))
    assert AccuracyReport("t.csv", table).over == ()
    assert all(len(line) <= 80 for line in accuracy_text(report).splitlines())
    assert "# Accuracy on t&#124;x.csv" in accuracy_markdown(report)


def test_errors_of_an_empty_table_are_none() -> None:
    assert dict(AccuracyTable(()).metrics) == {}


def test_the_h200_sweep_is_met_and_so_is_where_its_kv_cache_runs_out(shared_data: Path) -> None:
    file = shared_data / "perf" / "inferencex_h200_vllm_llama31_70b.csv"
    table = predict(read_serving_table(file, CATALOG).serving, catalog=CATALOG)
    assert len(table.rows) == 60
    assert table.metrics[TPOT].median_abs_error < 0.03
    assert table.metrics[TTFT].median_abs_error < 0.10
    shapes = run_outs(table.rows)
    assert len(shapes) == 12 and all(shape.agrees for shape in shapes)
    assert [shape.predicted for shape in shapes if shape.predicted] == [64, 64]
    assert np.isfinite([row.errors[TTFT] for row in table.rows]).all()
