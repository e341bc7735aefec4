"""The invoice of a run by FOCUS 1.2: it follows the rules, adds up to the run's invoice at every quantile, and keeps tokens as tokens."""

from __future__ import annotations

import csv
import io
import json
import math
import shutil
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sim.cli.main import exit_code
from sim.errors import InputError
from sim.planning.invoices import read_invoice
from sim.report.charges import charges
from sim.report.export_source import RunFolder, read_run
from sim.report.focus import HEADER, Bill, Charged, decimal, rows, text_of
from sim.report.focus_files import focus_table, focus_text, stack_of, statistics_of, write_focus_folder
from sim.report.focus_products import product_of
from sim.report.focus_rules import check
from sim.report.forecast_report import ForecastReport
from tests.made.ahead import ahead
from tests.made.forecast import LAYOUT, forecast
from tests.made.told import tell
from tests.made.world import write_world

EDGES = {"p5": 0.05, "p50": 0.5, "p95": 0.95}
ALL = ("mean", "p5", "p50", "p95")
NOTHING: Any = SimpleNamespace()
BARE: Any = SimpleNamespace(deployments=(), costs=SimpleNamespace(storage_gb=0.0, egress_gb_per_month=0.0))


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A replay, a run with months and a comparison, of a small world; months are made by hand."""
    world = tmp_path_factory.mktemp("world")
    write_world(world)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(world)
        tell(patch, lambda name, asked: ahead(asked.calendar.months, asked.futures, stack=name, scale=1.0 if name == "small" else 0.5))
        months = ("--months", "2", "--futures", "40")
        trace = ("trace.parquet", "--stack", "small.yaml")
        extra = (
            "--set",
            "costs.tooling_usd_per_month=300",
            "--set",
            "costs.storage={gb: 100, usd_per_gb_month: 0.02}",
            "--set",
            "routing=[{share: 0.5, to: [own]}, {to: [spill]}]",
        )
        assert exit_code(["-q", "run", *trace, *extra, "--months", "0", "-o", "replay"]) == 0
        assert exit_code(["-q", "run", *trace, *months, "-o", "months"]) == 0
        assert exit_code(["-q", "compare", *trace, "--stack", "api-first", *months, "-o", "pair"]) == 0
    return {each.name: each for each in world.iterdir() if each.is_dir()}


@pytest.fixture(scope="module")
def runs(folders: dict[str, Path]) -> dict[str, RunFolder]:
    return {name: read_run(str(folder)) for name, folder in folders.items()}


def read(text: str) -> list[dict[str, str | None]]:
    """The rows of a CSV file, an empty cell as null."""
    return [{name: value or None for name, value in row.items()} for row in csv.DictReader(io.StringIO(text))]


def total(found: Sequence[dict[str, Any]], column: str) -> float:
    return math.fsum(float(row[column]) for row in found)


@pytest.mark.parametrize(("name", "stack"), [("replay", "small"), ("months", "small"), ("pair", "small"), ("pair", "api-first")])
def test_every_bill_follows_every_rule_and_adds_up(runs: dict[str, RunFolder], name: str, stack: str) -> None:
    run = runs[name]
    summary = next(each for each in run.stacks if each.name == stack).summary
    for statistic in statistics_of(run):
        found = read(focus_text(run, stack, statistic))
        assert found and check(list(HEADER), found) == []
        months = sorted({str(row["BillingPeriodStart"])[:7] for row in found})
        invoices = summary["monthly"] or [{"month": months[0], "invoice_usd": {"mean": summary["bill"]["month"]["total_usd"]}}]
        assert months == [month["month"] for month in invoices]
        for month in invoices:
            of = [row for row in found if str(row["BillingPeriodStart"]).startswith(month["month"])]
            for column in ("BilledCost", "EffectiveCost"):
                assert total(of, column) == pytest.approx(month["invoice_usd"][statistic], rel=1e-9), (month["month"], column)
        assert {row["x_ForecastQuantile"] for row in found} == {statistic}


def test_a_bill_is_read_back_line_by_line(runs: dict[str, RunFolder], tmp_path: Path) -> None:
    """`sim backtest --actual` finds the lines, months, deployments and means of the run in its own bill, CSV or Parquet."""
    run = runs["months"]
    write_focus_folder(tmp_path, run, run.names, ("mean",))
    monthly = run.stacks[0].summary["monthly"]
    wanted = {
        (month["month"], line["item"], line["deployment"]): line["mean"]
        for month in monthly for line in month["lines"] if line["kind"] == "invoice" and line["mean"]
    }  # fmt: skip
    for form in ("csv", "parquet"):
        found = read_invoice(tmp_path / f"focus-mean.{form}")
        assert {(each.month, each.line, each.deployment): each.usd for each in found.paid} == pytest.approx(wanted, rel=1e-12)


def test_a_bill_with_reserved_gpus_is_read_back(tmp_path: Path) -> None:
    """What they cost is on the lines that use them; their purchase is no line of its own."""
    lines = [line("gpu_used", 60.0, 30.0, purchase="reserved_1y"), line("gpu_idle", 40.0, 20.0, purchase="reserved_1y")]
    found = texts(rows(lines, bill()))
    with (tmp_path / "bill.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, HEADER)
        writer.writeheader()
        writer.writerows(found)
    read_back = read_invoice(tmp_path / "bill.csv").paid
    assert [(each.line, each.deployment, each.usd) for each in read_back] == [("gpu_idle", "own", 40.0), ("gpu_used", "own", 60.0)]


def test_people_are_on_no_supplier_s_bill(runs: dict[str, RunFolder]) -> None:
    found = read(focus_text(runs["months"], "small", "mean"))
    assert {row["x_Line"] for row in found} == {"gpu_used", "gpu_idle", "api_input"}


def test_quantities_of_a_replay_are_those_of_its_bill(runs: dict[str, RunFolder]) -> None:
    """Tokens stay tokens, priced by the million; hours stay hours; a subscription is bought by the month."""
    run = runs["replay"]
    bill = run.stacks[0].summary["bill"]
    factor = bill["month"]["factor"]
    found = {row["x_Line"]: row for row in read(focus_text(run, "small", "mean"))}
    assert set(found) >= {"gpu_used", "gpu_idle", "api_input", "api_output", "tooling", "storage"}
    for line in bill["lines"]:
        row = found[line["item"]]
        assert float(str(row["BilledCost"])) == pytest.approx(line["usd"] * factor, abs=1e-11)
        if line["item"] in ("gpu_used", "gpu_idle", "api_input", "api_output"):
            assert float(str(row["ConsumedQuantity"])) == pytest.approx(line["quantity"] * factor, rel=1e-12)
    tokens = found["api_output"]
    assert (tokens["ConsumedUnit"], tokens["PricingUnit"], tokens["ProviderName"]) == ("Tokens", "1000000 Tokens", "openai")
    assert float(str(tokens["PricingQuantity"])) == pytest.approx(float(str(tokens["ConsumedQuantity"])) / 1e6)
    assert float(str(tokens["ListUnitPrice"])) == pytest.approx(10.0)  # USD a million output tokens of gpt-6.1-sol
    assert found["gpu_used"]["PricingUnit"] == "GPU-Hours"
    assert float(str(found["gpu_used"]["ListUnitPrice"])) == pytest.approx(3.6)
    assert found["gpu_used"]["SkuId"] == "h100-sxm/gpu-hour"
    assert (found["tooling"]["ChargeCategory"], found["tooling"]["ConsumedQuantity"]) == ("Purchase", None)
    storage = found["storage"]
    assert (storage["ConsumedUnit"], float(str(storage["ConsumedQuantity"]))) == ("GB-Months", pytest.approx(100.0))
    assert float(str(storage["ListUnitPrice"])) == pytest.approx(0.02)


def hand_made(futures: int = 60) -> ForecastReport:
    """Two lines that vary against each other, so that quantiles of lines are far from those of the sum."""
    random = np.random.default_rng(3)
    pool, tokens = random.lognormal(5, 0.5, (futures, 2)), random.lognormal(5, 0.5, (futures, 2))
    found = forecast(
        {
            ("own", "gpu_used", "invoice"): pool,
            ("api", "api_output", "invoice"): tokens,
            ("api", "api_requests", "invoice"): 0.0,
            ("shared", "people_ml", "tco"): 9000.0,
        },
        futures=futures,
        months=2,
    )
    found.usage[:, :, LAYOUT.at("api", "output_tokens")] = tokens * 1e5  # 10 USD a million
    return ForecastReport(found)


def test_lines_of_a_quantile_are_those_of_the_futures_there() -> None:
    """Each edge is a weighted mean of order statistics: the same weights, laid over lines and tokens by hand, give the table."""
    from scipy.stats import beta

    report = hand_made()
    found = report.found
    table = charges(NOTHING, BARE, report)
    made = {(row["month"], row["statistic"], row["line"]): row for row in table.to_pylist()}
    assert {line for _, _, line in made} == {"gpu_used", "api_output"}
    for m, month in enumerate(found.months):
        order = np.argsort(found.usd[:, m, 0] + found.usd[:, m, 1])
        band = report.monthly["invoice"][m]
        for name, p in EDGES.items():
            n = found.futures
            weights = np.diff(beta.cdf(np.arange(n + 1) / n, (n + 1) * p, (n + 1) * (1 - p)))
            for k, line in ((0, "gpu_used"), (1, "api_output")):
                assert made[month, name, line]["usd"] == pytest.approx(float(weights @ found.usd[order, m, k]), rel=1e-9)
            usd = [made[month, name, line]["usd"] for line in ("gpu_used", "api_output")]
            assert sum(usd) == pytest.approx(getattr(band, name), rel=1e-12)
            tokens = made[month, name, "api_output"]
            assert (tokens["unit"], tokens["quantity"]) == ("tokens", pytest.approx(tokens["usd"] * 1e5, rel=1e-12))
        means = [made[month, "mean", line]["usd"] for line in ("gpu_used", "api_output")]
        assert means == pytest.approx(found.usd[:, m, :2].mean(axis=0).tolist(), rel=1e-12)


def test_what_does_not_vary_is_the_same_in_every_bill() -> None:
    report = ForecastReport(forecast({("shared", "tooling", "invoice"): 0.1, ("api", "api_input", "invoice"): 0.3}, futures=7))
    table = charges(NOTHING, BARE, report)
    assert [(row["statistic"], row["usd"]) for row in table.to_pylist()] == [(each, usd) for each in ALL for usd in (0.1, 0.3)]


def line(item: str, usd: float, quantity: float | None, **changed: Any) -> Charged:
    given = {
        "month": "2026-12",
        "deployment": "own",
        "provider": "aws",
        "product": "h100-sxm",
        "region": "us-east-1",
        "purchase": "on_demand",
    }
    return Charged(**(given | {"unit": "", "assumed": ""} | changed), line=item, usd=usd, quantity=quantity)


def bill(**listed: float) -> Bill:
    return Bill("s", "t", "p95", "t-s-00000000", "2026-11-21", listed)


def texts(found: Iterator[dict[str, Any]]) -> list[dict[str, str | None]]:
    return [{name: text_of(value) for name, value in row.items()} for row in found]


def test_reserved_gpus_are_bought_in_one_row_and_used_in_others() -> None:
    """Hours paid 60 = 30 + 20 + 10 at 2 USD, 5 on demand: BilledCost and EffectiveCost both come to 120, list to 300."""
    hours = {"gpu_used": 30.0, "gpu_idle": 20.0, "gpu_spare": 10.0}
    lines = [line(item, 2 * each, each, purchase="reserved_1y") for item, each in hours.items()]
    found = texts(rows(lines, bill(own=5.0)))
    assert check(list(HEADER), found) == []
    assert [row["ChargeCategory"] for row in found] == ["Purchase", "Usage", "Usage", "Usage"]
    assert [row["BilledCost"] for row in found] == ["120", "0", "0", "0"]
    assert [row["EffectiveCost"] for row in found] == ["0", "60", "40", "20"]
    assert [row["ListCost"] for row in found] == ["120", "150", "100", "50"]
    assert [row["CommitmentDiscountStatus"] for row in found] == [None, "Used", "Used", "Unused"]
    assert [row["PricingCategory"] for row in found] == ["Standard", "Committed", "Committed", "Committed"]
    assert {row["CommitmentDiscountId"] for row in found} == {found[0]["ResourceId"]} == {found[3]["ResourceId"]}
    plain = texts(rows(lines, bill()))
    assert [row["ListUnitPrice"] for row in plain] == ["2", "2", "2", "2"]
    assert check(list(HEADER), plain) == []


@pytest.mark.parametrize(
    ("item", "changed", "expected"),
    [
        ("gpu_used", {"purchase": "spot"}, {"PricingCategory": "Dynamic", "ServiceCategory": "Compute", "RegionId": "us-east-1"}),
        ("gpu_used", {"purchase": "on_premises", "provider": "", "region": ""}, {"ProviderName": "On premises", "PricingCategory": "Other"}),
        ("gpu_power", {"purchase": "on_premises", "provider": "", "unit": "kWh"}, {"ConsumedUnit": "kWh", "ServiceCategory": "Other"}),
        ("gpu_hosting", {"purchase": "on_premises", "provider": "", "unit": "GPU-months"}, {"PricingUnit": "GPU-Months"}),
        ("egress", {"purchase": "", "provider": "", "product": ""}, {"ServiceCategory": "Networking", "ConsumedUnit": "GB"}),
        ("retraining_gpu", {"purchase": "", "provider": "", "product": ""}, {"ChargeCategory": "Purchase", "ServiceName": "Model training"}),
        ("api_requests", {"purchase": "batch"}, {"ConsumedUnit": "Requests", "PricingQuantity": "8"}),
        ("never_heard_of", {"purchase": "", "provider": ""}, {"ServiceSubcategory": "Other (Other)", "ProviderName": "Other supplier"}),
    ],
)  # fmt: skip
def test_each_kind_of_line(item: str, changed: dict[str, Any], expected: dict[str, str]) -> None:
    (found,) = texts(rows([line(item, 16.0, 8.0, **changed)], bill()))
    assert check(list(HEADER), [found]) == []
    assert {name: found[name] for name in expected} == expected


def test_a_service_is_of_one_category() -> None:
    items = (
        "api_input",
        "api_output",
        "gpu_used",
        "gpu_commitment",
        "gpu_power",
        "gpu_hosting",
        "tooling",
        "storage",
        "egress",
        "retraining_gpu",
    )
    of: dict[str, set[str]] = {}
    for item in items:
        for purchase in ("on_demand", "spot", "reserved_1y", "on_premises"):
            product = product_of(item, purchase)
            of.setdefault(product.service, set()).add(product.category)
    assert all(len(categories) == 1 for categories in of.values())


def test_what_is_assumed_is_said() -> None:
    lines = [line("gpu_used", 30.0, 10.0, assumed="the price"), line("egress", 10.0, 1.0, provider=""), line("gpu_idle", 0.0, 0.0)]
    found = texts(rows(lines, bill()))
    assert [(row["x_Assumption"], row["x_AssumedShare"]) for row in found] == [("the price", "0.75"), (None, "0.75")]


def test_amounts_have_no_exponent() -> None:
    assert [text_of(decimal(each)) for each in (1e-7, 0.1, 1e15, -0.0, 12.5, 1e-13)] == [
        "0.0000001",
        "0.1",
        "1000000000000000",
        "0",
        "12.5",
        "0",
    ]
    (found,) = texts(rows([line("gpu_used", 1e-6, 1e-7)], bill()))
    assert check(list(HEADER), [found]) == []
    assert texts(rows([line("gpu_used", 1e-14, 1e-14), line("api_input", 0.0, 5.0)], bill())) == []  # nothing is charged
    (nothing,) = texts(rows([line("gpu_used", 1.0, 1e-20)], bill()))
    assert (nothing["ChargeCategory"], check(list(HEADER), [nothing])) == ("Purchase", [])


def test_months_end_where_the_next_begins() -> None:
    (found,) = texts(rows([line("egress", 1.0, 1.0)], bill()))
    assert (found["BillingPeriodStart"], found["BillingPeriodEnd"]) == ("2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z")


def test_hostile_names_stay_texts(tmp_path: Path) -> None:
    """Quotes, commas and line ends in a name come back from CSV as they were; no cell begins as a formula."""
    name = '=cmd|"x",\n{"a": 1}'
    given = Bill(name, name, "mean", "r", "2026-11-21", {})
    (found,) = texts(rows([line("egress", 1.0, 1.0)], given))
    assert json.loads(str(found["Tags"]))["stack"] == name
    assert check(list(HEADER), [found]) == []


def test_parquet_is_the_same_with_types(runs: dict[str, RunFolder], tmp_path: Path) -> None:
    run = runs["months"]
    write_focus_folder(tmp_path, run, run.names, ("mean", "p95"))
    assert sorted(each.name for each in tmp_path.iterdir()) == [
        "export.json", "focus-mean.csv", "focus-mean.parquet", "focus-p95.csv", "focus-p95.parquet",
    ]  # fmt: skip
    about = json.loads((tmp_path / "export.json").read_text())
    assert (about["focus_version"], about["files"][0]) == ("1.2", "focus-mean.csv")
    table = pq.read_table(tmp_path / "focus-p95.parquet")
    assert table.equals(focus_table(run, "small", "p95"))
    text = read((tmp_path / "focus-p95.csv").read_text())
    for row, other in zip(table.to_pylist(), text, strict=True):
        for name in HEADER:
            value = row[name]
            shown = (
                text_of(value)
                if isinstance(value, Decimal)
                else value.strftime("%Y-%m-%dT%H:%M:%SZ")
                if hasattr(value, "strftime")
                else value
            )
            assert (shown or None) == other[name], name
    assert str(table.schema.field("BilledCost").type) == "decimal128(38, 12)"
    assert str(table.schema.field("BillingPeriodStart").type) == "timestamp[ms, tz=UTC]"


def test_the_stacks_of_a_comparison_have_bills_of_their_own(runs: dict[str, RunFolder], tmp_path: Path) -> None:
    run = runs["pair"]
    write_focus_folder(tmp_path, run, run.names, ("p50",))
    assert sorted(each.stem for each in tmp_path.glob("*.csv")) == ["focus-api-first-p50", "focus-small-p50"]
    with pytest.raises(InputError, match=r"a comparison has an invoice a stack; give --stack NAME \(small, api-first\)"):
        stack_of(run, None)
    with pytest.raises(InputError, match="did you mean 'small'"):
        stack_of(run, "smal")


def test_a_run_of_a_moment_has_no_invoice(folders: dict[str, Path], tmp_path: Path) -> None:
    shutil.copytree(folders["replay"], tmp_path / "r")
    table = pq.read_table(tmp_path / "r" / "charges.parquet")
    pq.write_table(table.slice(0, 0), tmp_path / "r" / "charges.parquet")
    with pytest.raises(InputError, match="a run without duration has no month"):
        statistics_of(read_run(str(tmp_path / "r")))


@pytest.mark.parametrize("wrong", [{"month": ["soon"]}, {"usd": [None]}])
def test_damaged_charges_are_refused(folders: dict[str, Path], tmp_path: Path, wrong: dict[str, Any]) -> None:
    shutil.copytree(folders["replay"], tmp_path / "r")
    table = pq.read_table(tmp_path / "r" / "charges.parquet").slice(0, 1)
    for name, values in wrong.items():
        position = table.schema.get_field_index(name)
        table = table.set_column(position, name, pa.array(values, table.schema.field(name).type))
    pq.write_table(table, tmp_path / "r" / "charges.parquet")
    with pytest.raises(InputError, match=r"charges\.parquet: found .*; allowed: a month and an amount"):
        focus_text(read_run(str(tmp_path / "r")), "small", "mean")


def test_a_replay_has_no_quantiles(runs: dict[str, RunFolder]) -> None:
    assert statistics_of(runs["replay"]) == ("mean",)
    with pytest.raises(InputError, match="--quantile p95: a replay has one month and no spread; allowed: mean"):
        statistics_of(runs["replay"], ("p95",))
    assert statistics_of(runs["months"], ("p95", "mean")) == ("mean", "p95")
