"""What a sweep says: the cheapest and the knee in words, a table of 80 columns, tidy tables, JSON."""

from __future__ import annotations

import csv
import io
import json
import re

import pyarrow as pa
import pytest

from sim.planning.points import Row
from sim.report.run_tables import csv_text
from sim.report.sweep_answer import sweep_answer
from sim.report.sweep_sections import MOST_ROWS
from sim.report.sweep_summary import sweep_json
from sim.report.sweep_tables import sweep_arrow, sweep_table
from sim.report.sweep_text import sweep_markdown, sweep_text
from tests.made.swept import KEY, axis, replicas, report, row, study

FOUR = ((1000.0, 80.0, False), (2000.0, 2.0, True), (3000.0, 0.5, True), (9000.0, 0.4, True))


def lines(text: str) -> list[str]:
    return text.splitlines()


def test_the_answer_names_the_cheapest_and_the_knee() -> None:
    assert sweep_answer(replicas(FOUR)) == (
        "3 of 4 points meet the service levels; the cheapest is replicas 2: $2,000 a month, TTFT p99 2.00 s. "
        "The knee of cost and TTFT p99, where more money begins to buy less, is replicas 3: $3,000 a month, TTFT p99 500 ms."
    )


def test_where_none_meets_the_levels_the_answer_says_what_comes_nearest() -> None:
    found = replicas([(usd, ttft_s, False) for usd, ttft_s, _ in FOUR])
    assert sweep_answer(found).startswith(
        "None of 4 points meets every service level; most requests are good with replicas 4: $9,000 a month"
    )
    assert "96.0 % of requests within both latency levels, missed ttft_p95, tpot_p95, completed" in sweep_answer(found)
    assert found.cheapest is None and not any(found.meets)
    assert found.fronts["ttft_p99"].rows == () and found.fronts_of_all["ttft_p99"].rows == (0, 1, 2, 3)


def test_marks_are_those_of_rows_that_meet_the_levels() -> None:
    found = replicas(FOUR)
    assert [found.marks(i).split() for i in range(4)] == [[], ["T", "G"], ["T*", "G*"], ["T", "G"]]
    assert found.fronts_of_all["ttft_p99"].rows == (0, 1, 2, 3)
    assert found.fronts_of_all["ttft_p99"].knee == 1


def test_the_table_is_eighty_columns_wide() -> None:
    text = sweep_text(replicas(FOUR))
    assert max(map(len, lines(text))) <= 80
    head = next(line for line in lines(text) if line.startswith("replicas"))
    assert re.split(r"  +", head) == ["replicas", "USD/month", "TTFT p99", "goodput", "front", "SLO"]
    body = [line.split() for line in lines(text) if line[:1].isdigit() and "points" not in line]
    assert body[1] == ["2", "$2,000", "2.00", "s", "8.000/s", "T", "G", "met"]
    assert body[2] == ["3", "$3,000", "500", "ms", "9.500/s", "T*", "G*", "met"]


def test_what_every_row_has_is_said_once() -> None:
    said = " ".join(sweep_text(replicas(FOUR)).split())
    assert "In every row: no TTFT p95, TPOT p95 20.0 ms, completed 100 %, peak load 125 %." in said
    assert "completed" in sweep_text(replicas(FOUR[:1])).split("SLO")[0], "of one row everything is shown"
    given, values = study(), [(0.99, 1.25), (1.0, 1.25)]
    rows = [row(given, i, [(KEY, i)], completed_share=share, load_peak=peak) for i, (share, peak) in enumerate(values)]
    text = sweep_text(report(rows, [axis(KEY, 0, 1)], given))
    assert "99.0 %" in text and "completed" in next(line for line in lines(text) if line.startswith("replicas"))


def test_the_peak_is_shown_and_explained() -> None:
    given = study()
    rows = [row(given, i, [(KEY, i)], load=0.33, load_peak=peak) for i, peak in enumerate((1.83, 0.91))]
    text = sweep_text(report(rows, [axis(KEY, 0, 1)], given))
    assert "183 %" in text and "91 %" in text and "33 %" not in text
    assert "peak: load of the fullest pool in the busiest five minutes" in " ".join(text.split())
    apis = [row(given, i, [(KEY, i)], api_load=load) for i, load in enumerate((0.25, 0.5))]
    text = sweep_text(report(apis, [axis(KEY, 0, 1)], given))
    assert "API load" in text and "25 %" in text and "peak" not in text


@pytest.mark.parametrize(("axes", "shown"), [(1, ["TTFT p95", "goodput"]), (2, ["goodput"]), (4, [])])
def test_columns_give_way_to_axes(axes: int, shown: list[str]) -> None:
    given = study()
    keys = [f"deployments.own{k}.gpu" for k in range(axes)]
    figures = ("ttft_p95_s", "ttft_p99_s", "tpot_p95_s", "goodput_per_s", "load_peak")
    rows = [row(given, i, [(key, i) for key in keys], usd_per_month=5000.0 + i, **dict.fromkeys(figures, 1.0 + i)) for i in range(2)]
    text = sweep_text(report(rows, [axis(key, 0, 1) for key in keys], given))
    head = next(line for line in lines(text) if line.endswith("SLO"))
    assert [name for name in ("TTFT p95", "goodput") if name in head] == shown
    assert "TTFT p99" in head and max(map(len, lines(text))) <= 80


def test_the_levels_are_said() -> None:
    def said(months: int, *limits: float) -> str:
        given = study(months)
        rows = [row(given, i, [("slo.ttft_p95", limit)]) for i, limit in enumerate(limits)]
        rows = [Row(each.point, each.metrics, (("ttft_p95", limits[i], None, True), *each.slo[1:])) for i, each in enumerate(rows)]
        return " ".join(sweep_text(report(rows, [axis("slo.ttft_p95", *limits)], given)).split())

    assert "met: TTFT p95 at most 3 s, TPOT p95 at most 50 ms, completed at least 99.5 %." in said(0, 3.0)
    assert "met: TTFT p95 at most 1 s to 3 s (by row), TPOT p95 at most 50 ms" in said(0, 3.0, 1.0)
    assert "every month meets TTFT p95 at most 3 s, TPOT p95 at most 50 ms, completed at least 99.5 %;" in said(2, 3.0)


def test_many_axes_share_a_column() -> None:
    keys = [
        "deployments.own.gpu",
        "deployments.own.tensor_parallel",
        "deployments.own.autoscaler.down_stabilization",
        "routing.0.to.0.max_wait",
    ]
    given = study()
    values = [(key, f"a long value {i}") for i, key in enumerate(keys)]
    found = report([row(given, 0, values, usd_per_month=1.0)], [axis(key, value) for key, value in values], given)
    text = sweep_text(found)
    assert max(map(len, lines(text))) <= 80
    assert "a long value 0, tensor_parallel a long" in " ".join(text.split())
    assert "a long value 3" in csv_text(sweep_table(found))


def test_names_of_axes_tell_them_apart() -> None:
    given = study()
    keys = [
        "deployments.own.gpu",
        "deployments.tuned.gpu",
        "deployments.own.replicas.count",
        "deployments.tuned.replicas.max",
        "slo.ttft_p95",
    ]
    found = report([row(given, 0, [(key, 1) for key in keys])], [axis(key, 1) for key in keys], given)
    assert found.short_names == ("own.gpu", "tuned.gpu", "replicas", "replicas.max", "ttft_p95")


def test_a_large_sweep_shows_its_fronts() -> None:
    found = replicas([(1000.0 + i, 5.0 if i % 50 else 5.0 - i / 100, True) for i in range(400)])
    text = sweep_text(found)
    assert len(lines(text)) < MOST_ROWS + 15
    assert "8 of 400 points, those on a front; sweep.csv has them all." in " ".join(text.split())


def test_what_cannot_be_made_is_listed_by_reason() -> None:
    given = study()
    rows = [row(given, 0, [("gpus", 2)], usd_per_month=5.0, ttft_p99_s=1.0)]
    rows += [row(given, i, [("gpus", i)], refused="no such thing") for i in range(3, 10)]
    rows.append(row(given, 10, [("gpus", 10)], refused="\x1b[31mred"))
    text = sweep_text(report(rows, [axis("gpus", *range(2, 11))], given))
    said = " ".join(text.split())
    assert "The one point meets the service levels: gpus 2, $5.00 a month, TTFT p99 1.00 s. 8 more points cannot be made." in said
    assert "cannot be made gpus 3; gpus 4; gpus 5; gpus 6 and 3 more: no such thing" in said
    assert "\x1b" not in text and "\x1b" not in sweep_markdown(report(rows, [axis("gpus", *range(2, 11))], given))


def test_months_are_judged_by_their_futures() -> None:
    given = study(months=3)
    figures = [(100.0, 0.94), (200.0, 0.95), (300.0, 1.0)]
    rows = [
        row(given, i, [(KEY, i)], met=True, tco_usd_mean=usd, tco_usd_p95=usd * 1.2, p_met_all_months=p)
        for i, (usd, p) in enumerate(figures)
    ]
    found = report(rows, [axis(KEY, 0, 1, 2)], given)
    assert found.meets == (False, True, True)
    assert found.cost.name == "tco_usd_mean"
    assert sweep_answer(found).startswith("2 of 3 points meet the service levels; the cheapest is replicas 1: $200.00 TCO of 3 months")
    assert "TCO mean" in sweep_text(found) and max(map(len, lines(sweep_text(found)))) <= 80


def test_the_tidy_table() -> None:
    given = study()
    rows = [
        row(given, 0, [("k", 1), ("gpu", "h100-sxm")], usd_per_month=3.5, ttft_p99_s=float("inf")),
        row(given, 1, [("k", 2.5), ("gpu", 7)], refused="=HYPERLINK(1)"),
    ]
    found = report(rows, [axis("k", 1, 2.5), axis("gpu", "h100-sxm", 7)], given)
    table = sweep_arrow(found)
    names = table.column_names
    assert names[:4] == ["k", "gpu", "refused", "usd_per_month"]
    assert names == list(sweep_table(found))
    types = {name: table.schema.field(name).type for name in names}
    assert (types["k"], types["gpu"], types["usd_per_month"]) == (pa.float64(), pa.string(), pa.float64())
    assert (types["slo_met"], types["front_ttft_p99"], types["ttft_p95_limit_s"]) == (pa.bool_(), pa.bool_(), pa.float64())
    assert types["completed_limit_share"] == pa.float64()
    assert table.column("gpu").to_pylist() == ["h100-sxm", "7"]
    assert table.column("ttft_p99_s").to_pylist() == [None, None], "what is not finite does not exist"
    assert table.column("slo_met").to_pylist() == [True, None]
    read = list(csv.DictReader(io.StringIO(csv_text(sweep_table(found)))))
    assert read[1]["refused"] == "'=HYPERLINK(1)" and read[1]["usd_per_month"] == ""


@pytest.mark.parametrize("figures", [FOUR, [(1.0, 1.0, True)], [(1.0, 1.0, False)]])
def test_json_is_json(figures: list[tuple[float, float, bool]]) -> None:
    found = replicas(figures)
    said = json.loads(sweep_json(found))
    assert [each["point"] for each in said["rows"]] == [{KEY: i + 1} for i in range(len(figures))]
    assert [each["meets"] for each in said["rows"]] == [met for _, _, met in figures]
    assert said["fronts"]["ttft_p99"]["meets"] == {"rows": list(found.fronts["ttft_p99"].rows), "knee": found.fronts["ttft_p99"].knee}
    assert said["cheapest"] == found.cheapest
    assert set(said["rows"][0]["metrics"]) == {each["name"] for each in said["metrics"]}


def test_markdown_is_a_table() -> None:
    text = sweep_markdown(replicas(FOUR))
    rows = [line for line in lines(text) if line.startswith("|")]
    assert len(rows) == 6 and len({line.count("|") for line in rows}) == 1


def test_a_point_that_cannot_be_made_says_so_and_nothing_else() -> None:
    given = study()
    table = sweep_table(
        report([row(given, 0, [("gpus", 2)]), row(given, 1, [("gpus", 3)], refused="no such thing")], [axis("gpus", 2, 3)], given)
    )
    assert list(table)[:2] == ["gpus", "refused"]
    assert table["refused"] == [None, "no such thing"]
    assert all(values[1] is None for name, values in table.items() if name not in ("gpus", "refused"))
